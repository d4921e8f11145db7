//! Resource Graph: one query over many subscriptions, page by page.
//!
//! It shows only what the caller may read, and says nothing of the rest; and it can lag behind what
//! Resource Manager knows.

use azure_core::http::Method;
use serde_json::{Value, json};

use super::{action::AzureAction, call::Call, client::Azure, error::unreadable};
use crate::error::Result;

const API_VERSION: &str = "2024-04-01";
/// Resource Graph gives no more rows than these at a time.
const ROWS_OF_A_PAGE: u32 = 1_000;

/// Where a query looks.
#[derive(Clone, Copy)]
pub(super) enum GraphScope<'a> {
    /// In every subscription that the credential can read.
    Everywhere,
    /// In these; Resource Graph takes a thousand at most.
    Subscriptions(&'a [String]),
}

impl Azure {
    /// Every row of a query. Its rows need an `id` column to be paged.
    pub(super) async fn resource_graph(
        &self,
        what: &str,
        query: &str,
        scope: GraphScope<'_>,
    ) -> Result<Vec<Value>> {
        let search = |options: &Value| search(what, query, scope, options);
        let first = json!({ "resultFormat": "objectArray", "$top": ROWS_OF_A_PAGE });
        let turn = |_, page: &Value| match page.get("$skipToken").filter(|it| it.is_string()) {
            Some(token) => {
                let mut next = first.clone();
                next["$skipToken"] = token.clone();
                Ok(Some(search(&next)))
            }
            None if page["resultTruncated"] == "true" => {
                Err(unreadable(what, "it is only a part of the result"))
            }
            None => Ok(None),
        };
        self.pages(search(&first), "data", turn).await
    }
}

fn search(what: &str, query: &str, scope: GraphScope<'_>, options: &Value) -> Call {
    let path = "/providers/Microsoft.ResourceGraph/resources";
    let call = Call::get(path, API_VERSION, what, AzureAction::SearchResources);
    let mut body = json!({ "query": query, "options": options });
    if let GraphScope::Subscriptions(ids) = scope {
        body["subscriptions"] = json!(ids);
    }
    Call { method: Method::Post, body: Some(body), ..call }
}
