//! Reading a list to its end: page by page, and no more of them than a list has.

use serde_json::Value;

use super::{
    call::{Call, CallTarget},
    client::Azure,
    error::unreadable,
};
use crate::{error::Result, limits::PageCount};

impl Azure {
    /// Reads every page of a list of Resource Manager.
    pub(super) async fn list(&self, call: Call) -> Result<Vec<Value>> {
        let endpoints = self.endpoints().await?;
        self.pages(call, "value", |call, page| {
            let Some(next) = next_link(page) else { return Ok(None) };
            let next = endpoints.continuation(next)?;
            if matches!(&call.target, CallTarget::NextPage(this) if *this == next) {
                return Err(unreadable(&call.what, "its next page is the page itself"));
            }
            let target = CallTarget::NextPage(next);
            Ok(Some(Call { target, query: Vec::new(), ..call }))
        })
        .await
    }

    /// Reads every page of a list, whose items each page has under `items`. `turn` makes the call for
    /// the next page out of the one for this page and of the page.
    pub(super) async fn pages(
        &self,
        mut call: Call,
        items: &str,
        turn: impl Fn(Call, &Value) -> Result<Option<Call>>,
    ) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut count = PageCount::default();
        loop {
            let mut page = self.send(&call).await?.json(&call.what)?;
            let Some(values) = page.get_mut(items).and_then(Value::as_array_mut) else {
                return Err(unreadable(&call.what, &format!("it is a list without {items:?}")));
            };
            all.append(values);
            count.one_more().map_err(|why| unreadable(&call.what, &why))?;
            match turn(call, &page)? {
                Some(next) => call = next,
                None => return Ok(all),
            }
        }
    }
}

/// The address of the next page.
pub(super) fn next_link(page: &Value) -> Option<&str> {
    page.get("nextLink").and_then(Value::as_str).filter(|link| !link.is_empty())
}
