//! Why a vault refuses, in Key Vault's own words.

use serde_json::json;

use crate::{backend::VaultRefusal, http::Answer};

/// Why a vault refuses.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {message}", inner.unwrap_or(code))]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    /// The code that says more, where the vault gives one.
    inner: Option<&'static str>,
    message: String,
}

impl Refusal {
    pub(crate) fn forbidden(inner: &'static str, message: &str) -> Self {
        Self { status: 403, code: "Forbidden", inner: Some(inner), message: message.to_owned() }
    }

    /// The token was issued by another tenant than the vault's:
    /// <https://learn.microsoft.com/azure/key-vault/general/rest-error-codes>.
    pub(crate) fn invalid_issuer(tenant: &str) -> Self {
        let message =
            format!("AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{tenant}/.");
        Self { status: 401, code: "Unauthorized", inner: None, message }
    }

    pub(crate) fn key_not_found(name: &str) -> Self {
        let message = format!("A key with (name/id) {name} was not found in this key vault.");
        Self { status: 404, code: "KeyNotFound", inner: None, message }
    }

    pub(crate) fn vault_not_found(host: &str) -> Self {
        let message = format!("There is no vault at {host}.");
        Self { status: 404, code: "VaultNotFound", inner: None, message }
    }

    pub(crate) fn bad_parameter(message: &str) -> Self {
        Self { status: 400, code: "BadParameter", inner: None, message: message.to_owned() }
    }

    pub(crate) fn bad_property(name: &str) -> Self {
        Self::bad_parameter(&format!("Property {name} has invalid value"))
    }

    pub(crate) fn key_is_deleted(name: &str) -> Self {
        let message = format!(
            "Key {name} is currently in a deleted but recoverable state, and its name cannot be \
             reused; in this state, the key can only be recovered or purged."
        );
        Self::conflict("ObjectIsDeletedButRecoverable", &message)
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        let message = format!("The HTTP method {method} is not allowed at this path of a vault.");
        Self { status: 405, code: "MethodNotAllowed", inner: None, message }
    }

    pub(crate) fn nothing_here() -> Self {
        let message = "There is nothing at this path of a vault.".to_owned();
        Self { status: 404, code: "NotFound", inner: None, message }
    }

    fn conflict(inner: &'static str, message: &str) -> Self {
        Self { status: 409, code: "Conflict", inner: Some(inner), message: message.to_owned() }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = Answer::error(refusal.status, refusal.code, &refusal.message);
        if let (Self::Reply { body, .. }, Some(inner)) = (&mut answer, refusal.inner) {
            body["error"]["innererror"] = json!({ "code": inner });
        }
        answer
    }
}

impl From<Refusal> for VaultRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.inner.unwrap_or(refusal.code).to_owned(), message: refusal.message }
    }
}
