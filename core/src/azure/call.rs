//! A request to Azure, and its response.

use azure_core::http::{
    Method,
    headers::{HeaderName, Headers},
};
use bytes::Bytes;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::Url;

use super::{action::AzureAction, error::unreadable};
use crate::error::Result;

/// Where a request goes.
pub(super) enum CallTarget {
    /// A path of Resource Manager.
    Management { path: String, api_version: String },
    /// A path of Resource Manager that writes: never sent twice. Whoever sends it again looks first.
    ManagementOnce { path: String, api_version: String },
    /// An address that Resource Manager gave, verbatim: the next page.
    NextPage(Url),
    /// An address that Resource Manager gave, verbatim: the state of an operation.
    Poll(Url),
    /// A path of a vault.
    Vault { host: String, path: String },
    /// A path of a vault that writes: never sent twice. Whoever sends it again looks first.
    VaultOnce { host: String, path: String },
    /// A path of a vault, asked without a token.
    Challenge { host: String, path: String },
}

/// A request, in bytes and in words.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) target: CallTarget,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) if_match: Option<String>,
    /// Only if there is nothing yet at that path.
    pub(super) if_none_match: bool,
    /// Completes "could not …".
    pub(super) what: String,
    /// The action that it needs; `None`: anybody may send it.
    pub(super) action: Option<AzureAction>,
}

impl Call {
    pub(super) fn new(
        method: Method,
        target: CallTarget,
        what: impl Into<String>,
        action: impl Into<Option<AzureAction>>,
    ) -> Self {
        Self {
            method,
            target,
            query: Vec::new(),
            body: None,
            if_match: None,
            if_none_match: false,
            what: what.into(),
            action: action.into(),
        }
    }

    /// A GET of Resource Manager.
    pub(super) fn get(
        path: impl Into<String>,
        api_version: &str,
        what: impl Into<String>,
        action: impl Into<Option<AzureAction>>,
    ) -> Self {
        let target =
            CallTarget::Management { path: path.into(), api_version: api_version.to_owned() };
        Self::new(Method::Get, target, what, action)
    }

    /// What it needs, for when Azure does not say.
    pub(super) fn permission(&self) -> &'static str {
        self.action.map_or("none", AzureAction::name)
    }
}

/// What was answered, whatever the status. Not `Debug`: it may be a credential.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

impl Response {
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get_optional_str(&HeaderName::from_static(name))
    }

    /// When it was sent, by the service's own clock, in whole seconds.
    pub(super) fn date(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.header("date")?, &Rfc2822).ok()
    }

    pub(super) fn json(&self, what: &str) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // Only where, not what: the text may be anything.
            let place = format!("not JSON at line {} column {}", error.line(), error.column());
            unreadable(what, &place)
        })
    }
}
