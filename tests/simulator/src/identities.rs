//! User-assigned managed identities.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::names::{LOCATION, Names, stable_guid};

/// An identity.
#[derive(Clone, Debug)]
pub(crate) struct ManagedIdentity {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) name: String,
    /// Object id of its service principal.
    pub(crate) principal: String,
    /// Application id.
    pub(crate) client: String,
    pub(crate) tags: Value,
    /// Properties of its federated credentials, by name.
    pub(crate) federated: BTreeMap<String, Value>,
    /// Those who look for its principal find it from now on.
    pub(crate) known: Instant,
}

impl ManagedIdentity {
    /// The identity that a case starts with.
    pub(crate) fn of_case(names: &Names) -> Self {
        Self {
            id: names.identity_id(),
            group: names.group.clone(),
            name: names.identity.clone(),
            principal: names.identity_principal.clone(),
            client: stable_guid(&names.identity_principal),
            tags: json!({}),
            federated: BTreeMap::new(),
            known: Instant::now(),
        }
    }

    /// A new identity.
    pub(crate) fn new(names: &Names, group: &str, name: &str, known: Instant) -> Self {
        let subscription = names.subscription_id();
        Self {
            id: format!(
                "{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/\
                 userAssignedIdentities/{name}"
            ),
            group: group.to_owned(),
            name: name.to_owned(),
            principal: Uuid::new_v4().to_string(),
            client: Uuid::new_v4().to_string(),
            tags: json!({}),
            federated: BTreeMap::new(),
            known,
        }
    }

    /// The identity as ARM answers it.
    pub(crate) fn document(&self, tenant: &str) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "location": LOCATION,
            "tags": self.tags,
            "properties": {
                "isolationScope": "None",
                "tenantId": tenant,
                "principalId": self.principal,
                "clientId": self.client,
            },
        })
    }

    /// One of its federated credentials as ARM answers it.
    pub(crate) fn federated_document(&self, name: &str) -> Option<Value> {
        let properties = self.federated.get(name)?;
        let kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";
        Some(json!({
            "id": format!("{}/federatedIdentityCredentials/{name}", self.id),
            "name": name,
            "type": kind,
            "properties": properties,
        }))
    }
}
