//! What a test needs to know of a case, and the placeholders that stand for it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A case: where its things are and how to sign in.
#[derive(Clone, Deserialize, Serialize)]
pub struct Case {
    /// Id of the case, for the administration.
    pub id: String,
    /// Id of the subscription.
    pub subscription_id: String,
    /// ARM id of the managed cluster.
    pub cluster_id: String,
    /// Ids of the key's versions, oldest first.
    pub key_ids: Vec<String>,
    /// ARM id of the vault.
    pub key_vault_id: String,
    /// Ids of the versions of the key in the other vault, oldest first; empty where there is none.
    pub other_key_ids: Vec<String>,
    /// ARM id of the other vault.
    pub other_key_vault_id: String,
    /// ARM id of the user-assigned identity.
    pub identity_id: String,
    /// Object id of the identity that the cluster runs as.
    pub principal_id: String,
    /// Entra tenant.
    pub tenant_id: String,
    /// Application id to sign in with.
    pub client_id: String,
    /// Secret to sign in with.
    pub client_secret: String,
    /// Name to sign in with as a user, who may do what the application may.
    pub user_name: String,
    /// The user's password.
    pub user_password: String,
    /// `IDENTITY_ENDPOINT`: where the machine of the case gets tokens without a secret.
    pub identity_endpoint: String,
    /// `IDENTITY_HEADER`: what it shows there.
    pub identity_header: String,
    /// `AZURE_POD_IDENTITY_AUTHORITY_HOST`: where the machine of the case has its instance metadata
    /// service. Clients cannot show anything there, so the header is part of the path.
    pub metadata_endpoint: String,
    /// Endpoint of Resource Manager.
    pub arm: String,
    /// Endpoint of Entra.
    pub authority: String,
    /// PEM of the certificate authority of everything.
    pub ca: String,
    /// The CONNECT proxy.
    pub proxy: String,
    /// The administration.
    pub admin: String,
    /// What requests to the administration show: `Authorization: Bearer <token>`.
    pub admin_token: String,
    /// URL of the cluster's API server.
    pub kubernetes: String,
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Case")
            .field("id", &self.id)
            .field("cluster_id", &self.cluster_id)
            .finish_non_exhaustive()
    }
}

impl Case {
    /// Replaces the placeholders in every string of a JSON value, names of members among them.
    ///
    /// `{{key.N}}` is the id of the key's N-th version (from 1), `{{key}}` the key's without a version, `{{vault}}` the
    /// vault's ARM id, `{{cluster}}` the cluster's, `{{subscription}}` the id of its subscription, `{{identity}}` its
    /// identity's, whose object id is `{{principal}}`; `{{other_key.N}}`, `{{other_key}}` and `{{other_vault}}` are
    /// those of the other vault. Others stay as they are.
    pub fn substitute(&self, value: &mut Value) {
        Placeholders {
            key_ids: &self.key_ids,
            other_key_ids: &self.other_key_ids,
            vault: &self.key_vault_id,
            other_vault: &self.other_key_vault_id,
            subscription: &self.subscription_id,
            cluster: &self.cluster_id,
            identity: &self.identity_id,
            principal: &self.principal_id,
        }
        .substitute(value);
    }
}

/// What the placeholders stand for.
pub(crate) struct Placeholders<'a> {
    pub(crate) key_ids: &'a [String],
    pub(crate) other_key_ids: &'a [String],
    pub(crate) vault: &'a str,
    pub(crate) other_vault: &'a str,
    pub(crate) subscription: &'a str,
    pub(crate) cluster: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) principal: &'a str,
}

impl Placeholders<'_> {
    pub(crate) fn substitute(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains("{{") => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.substitute(value)),
            Value::Object(members) => {
                for (name, mut value) in std::mem::take(members) {
                    self.substitute(&mut value);
                    members.insert(self.text(&name), value);
                }
            }
            _ => {}
        }
    }

    fn text(&self, text: &str) -> String {
        let numbered = |name: &'static str, keys: &'_ [String]| -> Vec<(String, String)> {
            let keys = keys.iter().enumerate();
            keys.map(|(index, key)| (format!("{{{{{name}.{}}}}}", index + 1), key.clone()))
                .collect()
        };
        let versionless = |name: &'static str, keys: &'_ [String]| {
            let source = keys.first().and_then(|key| Some(key.rsplit_once('/')?.0.to_owned()));
            source.map(|source| (format!("{{{{{name}}}}}"), source))
        };
        let fixed = [
            ("{{vault}}", self.vault),
            ("{{other_vault}}", self.other_vault),
            ("{{subscription}}", self.subscription),
            ("{{cluster}}", self.cluster),
            ("{{identity}}", self.identity),
            ("{{principal}}", self.principal),
        ];
        numbered("key", self.key_ids)
            .into_iter()
            .chain(numbered("other_key", self.other_key_ids))
            .chain(versionless("key", self.key_ids))
            .chain(versionless("other_key", self.other_key_ids))
            .chain(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .fold(text.to_owned(), |text, (name, value)| text.replace(&name, &value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_are_replaced_wherever_they_stand() {
        let keys: Vec<String> = (1..=10).map(|number| format!("id/{number}")).collect();
        let placeholders = Placeholders {
            key_ids: &keys,
            other_key_ids: &["other/1".to_owned()],
            vault: "/v",
            other_vault: "/w",
            subscription: "s",
            cluster: "/c",
            identity: "/i",
            principal: "p",
        };
        let mut value = json!({
            "a": ["{{key.1}}", "{{key.10}}", { "{{key.2}}": "x {{vault}} y {{cluster}}" }],
            "other": "{{other_key.1}} {{other_vault}} {{identity}} {{principal}} {{subscription}}",
            "whole": "{{key}} {{other_key}}",
            "unknown": "{{key.11}}",
            "number": 1,
        });
        placeholders.substitute(&mut value);
        assert_eq!(
            value,
            json!({
                "a": ["id/1", "id/10", { "id/2": "x /v y /c" }],
                "other": "other/1 /w /i p s",
                "whole": "id other",
                "unknown": "{{key.11}}",
                "number": 1,
            })
        );
    }
}
