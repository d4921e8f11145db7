//! Role definitions, each read once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::sync::OnceCell;

/// Role definitions by id in lower case, each read once in a client's life.
pub(super) type RoleDefinitions = Mutex<HashMap<String, Arc<OnceCell<RoleDefinition>>>>;

/// A role, as its definition has it.
#[derive(Clone, Debug)]
pub(super) struct RoleDefinition {
    pub(super) name: String,
    pub(super) permissions: Vec<Permissions>,
}

/// What one entry of a definition's `permissions` grants and takes away again.
#[derive(Clone, Debug)]
pub(super) struct Permissions {
    pub(super) actions: Vec<String>,
    pub(super) not_actions: Vec<String>,
    pub(super) data_actions: Vec<String>,
    pub(super) not_data_actions: Vec<String>,
}

impl RoleDefinition {
    pub(super) fn parse(definition: &Value) -> Option<Self> {
        let properties = definition.get("properties")?;
        let texts = |permissions: &Value, name: &str| {
            let list = permissions.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Some(Self {
            name: properties.get("roleName")?.as_str()?.to_owned(),
            permissions: properties
                .get("permissions")?
                .as_array()?
                .iter()
                .map(|entry| Permissions {
                    actions: texts(entry, "actions"),
                    not_actions: texts(entry, "notActions"),
                    data_actions: texts(entry, "dataActions"),
                    not_data_actions: texts(entry, "notDataActions"),
                })
                .collect(),
        })
    }
}
