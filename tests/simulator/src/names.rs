//! The names that a case is known by in Azure, none of which another case has.

use serde_json::{Value, json};
use uuid::Uuid;

/// Where everything is.
pub(crate) const LOCATION: &str = "eastus";
/// The cloud's vault suffix.
pub(crate) const VAULT_SUFFIX: &str = "vault.azure.net";
/// Domain of the users' names.
const USER_DOMAIN: &str = "simulator.onmicrosoft.com";
/// Name of each case's key.
pub(crate) const KEY: &str = "etcd";

/// The names of one case.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) case: String,
    pub(crate) tenant: String,
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) cluster: String,
    pub(crate) vault: String,
    /// A second vault, which most cases do not have.
    pub(crate) other_vault: String,
    pub(crate) identity: String,
    /// Object id of the user-assigned identity.
    pub(crate) identity_principal: String,
    /// Object id of the identity that is the cluster's own, or of its service principal.
    pub(crate) own_principal: String,
    /// A group that the cluster's identity is in.
    pub(crate) identity_group: String,
    /// Application id of the caller.
    pub(crate) client: String,
    pub(crate) client_secret: String,
    /// What tells the machine of the case to the endpoint of managed identities.
    pub(crate) identity_header: String,
    /// Object id of the caller's application.
    pub(crate) client_object: String,
    /// Name that the caller signs in with as a user.
    pub(crate) user: String,
    pub(crate) user_password: String,
    /// Object id of the caller as a user.
    pub(crate) user_object: String,
}

impl Names {
    pub(crate) fn new(tenant: &str) -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        Self::of(tenant, &unique[..12])
    }

    /// Names of which only the case's id is known.
    pub(crate) fn of(tenant: &str, case: &str) -> Self {
        let guid = || Uuid::new_v4().to_string();
        Self {
            tenant: tenant.to_owned(),
            subscription: guid(),
            group: format!("rg-{case}"),
            cluster: format!("aks-{case}"),
            vault: format!("kv-{case}"),
            other_vault: format!("kw-{case}"),
            identity: format!("id-{case}"),
            identity_principal: guid(),
            own_principal: guid(),
            identity_group: guid(),
            client: guid(),
            client_secret: Uuid::new_v4().simple().to_string(),
            identity_header: Uuid::new_v4().simple().to_string(),
            client_object: guid(),
            user: format!("{case}@{USER_DOMAIN}"),
            user_password: Uuid::new_v4().simple().to_string(),
            user_object: guid(),
            case: case.to_owned(),
        }
    }

    /// The names of a cluster of a fleet: its own, but for the caller's.
    pub(crate) fn of_member(&self, subscription: &str, case: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            client: self.client.clone(),
            client_secret: self.client_secret.clone(),
            identity_header: self.identity_header.clone(),
            client_object: self.client_object.clone(),
            user: self.user.clone(),
            user_password: self.user_password.clone(),
            user_object: self.user_object.clone(),
            ..Self::of(&self.tenant, case)
        }
    }

    /// Whether this is the object id of the caller, as an application or as a user.
    pub(crate) fn is_caller(&self, object: &str) -> bool {
        [&self.client_object, &self.user_object].into_iter().any(|caller| caller == object)
    }

    pub(crate) fn subscription_id(&self) -> String {
        format!("/subscriptions/{}", self.subscription)
    }

    pub(crate) fn group_id(&self) -> String {
        format!("{}/resourceGroups/{}", self.subscription_id(), self.group)
    }

    /// The names of the cluster that the case starts with.
    pub(crate) fn own_cluster(&self) -> ClusterNames {
        ClusterNames {
            subscription: self.subscription.clone(),
            tenant: self.tenant.clone(),
            group: self.group.clone(),
            name: self.cluster.clone(),
            node_group: node_group(&self.group, &self.cluster),
            own_principal: self.own_principal.clone(),
            unique: self.case.clone(),
        }
    }

    /// Names for another cluster of the case.
    pub(crate) fn another_cluster(&self, group: &str, name: &str) -> ClusterNames {
        ClusterNames {
            group: group.to_owned(),
            name: name.to_owned(),
            node_group: node_group(group, name),
            own_principal: Uuid::new_v4().to_string(),
            unique: Uuid::new_v4().simple().to_string()[..12].to_owned(),
            ..self.own_cluster()
        }
    }

    /// A resource group as Azure answers it.
    pub(crate) fn group_document(&self, group: &str, tags: &Value) -> Value {
        json!({
            "id": format!("{}/resourceGroups/{group}", self.subscription_id()),
            "name": group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": LOCATION,
            "tags": tags,
            "properties": { "provisioningState": "Succeeded" },
        })
    }

    pub(crate) fn cluster_id(&self) -> String {
        self.own_cluster().id()
    }

    pub(crate) fn identity_id(&self) -> String {
        let group = self.group_id();
        let identity = &self.identity;
        format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}")
    }

    pub(crate) fn vault_id(&self, vault: &str) -> String {
        self.vault_id_in(&self.group, vault)
    }

    /// Id of a vault in a resource group of the case.
    pub(crate) fn vault_id_in(&self, group: &str, vault: &str) -> String {
        let subscription = self.subscription_id();
        format!("{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{vault}")
    }
}

/// The names of one cluster, none of which another cluster has.
#[derive(Clone, Debug)]
pub(crate) struct ClusterNames {
    pub(crate) subscription: String,
    pub(crate) tenant: String,
    pub(crate) group: String,
    pub(crate) name: String,
    /// The resource group that its nodes are in.
    pub(crate) node_group: String,
    /// Object id of the identity that is the cluster's own, or of its service principal.
    pub(crate) own_principal: String,
    /// What tells its host names and its private endpoint from others'.
    pub(crate) unique: String,
}

impl ClusterNames {
    pub(crate) fn id(&self) -> String {
        let Self { subscription, group, name, .. } = self;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/\
             Microsoft.ContainerService/managedClusters/{name}"
        )
    }

    /// Id of the private endpoint that leads to its vault.
    pub(crate) fn private_endpoint_id(&self) -> String {
        let Self { subscription, node_group, unique, .. } = self;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{node_group}/providers/\
             Microsoft.Network/privateEndpoints/aks-kms-{unique}"
        )
    }
}

fn node_group(group: &str, cluster: &str) -> String {
    format!("MC_{group}_{cluster}_{LOCATION}")
}

/// Host name of a vault.
pub(crate) fn vault_host(vault: &str) -> String {
    format!("{}.{VAULT_SUFFIX}", vault.to_ascii_lowercase())
}

/// A stable GUID made from a text.
pub(crate) fn stable_guid(text: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
}
