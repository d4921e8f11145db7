//! The clusters of some subscriptions, and what of them could not be read.

use std::{fmt, slice, vec};

use serde::{Deserialize, Serialize};

use super::{Experience, KmsVersion, columns::table};
use crate::{
    ids::{ClusterId, KeyId, KubernetesVersion, NetworkMode},
    text::{LONGEST_NAME, one_line},
};

/// The clusters of some subscriptions, and what of them could not be read.
///
/// `Display` is a table as `az aks list --output table` prints it, and after it a line for each resource that could not
/// be read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClusterList {
    /// By resource id.
    pub clusters: Vec<ClusterSummary>,
    /// What could not be read: whether there are clusters with KMS in it is not known. Empty: all was read.
    pub unreadable: Vec<UnreadableResource>,
}

impl ClusterList {
    /// The clusters.
    pub fn iter(&self) -> slice::Iter<'_, ClusterSummary> {
        self.clusters.iter()
    }

    /// Whether everything that was asked for could be read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_empty()
    }
}

impl IntoIterator for ClusterList {
    type Item = ClusterSummary;
    type IntoIter = vec::IntoIter<ClusterSummary>;

    fn into_iter(self) -> Self::IntoIter {
        self.clusters.into_iter()
    }
}

impl<'a> IntoIterator for &'a ClusterList {
    type Item = &'a ClusterSummary;
    type IntoIter = slice::Iter<'a, ClusterSummary>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A cluster in a list: what its document in Azure says of its KMS.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClusterSummary {
    /// Its resource id, which [`KmsManager::builder`](crate::KmsManager::builder) takes.
    pub id: ClusterId,
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region.
    pub location: String,
    /// Its Kubernetes version.
    pub kubernetes_version: KubernetesVersion,
    /// `provisioningState`, such as `Succeeded` or `Updating`.
    pub provisioning_state: String,
    /// Whether secrets are encrypted with a key in a vault.
    pub enabled: bool,
    /// The key that is configured; absent when KMS is off, or when it is no key's id.
    pub key_id: Option<KeyId>,
    /// How the vault is reached; absent when KMS is off.
    pub network_mode: Option<NetworkMode>,
    /// KMS v1 or v2; absent when KMS is off.
    pub kms_version: Option<KmsVersion>,
    /// Which of the AKS experiences manages the key; absent when secrets are not KMS-encrypted.
    pub experience: Option<Experience>,
}

/// A subscription or a cluster that could not be read.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UnreadableResource {
    /// Its resource id.
    pub resource: String,
    /// The code that an error for it alone would have, such as `forbidden`.
    pub code: String,
    /// Why, in a sentence.
    pub message: String,
}

impl UnreadableResource {
    pub(crate) fn new(resource: String, code: &str, message: impl Into<String>) -> Self {
        Self { resource, code: code.to_owned(), message: message.into() }
    }
}

impl fmt::Display for UnreadableResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was not read ({}): {}", self.resource, self.code, self.message)
    }
}

const COLUMNS: [&str; 10] = [
    "Name",
    "ResourceGroup",
    "Location",
    "KubernetesVersion",
    "ProvisioningState",
    "KmsEnabled",
    "KmsVersion",
    "NetworkMode",
    "Experience",
    "KeyId",
];

impl ClusterSummary {
    /// In the order of [`COLUMNS`].
    fn cells(&self) -> [String; COLUMNS.len()] {
        [
            self.name.clone(),
            self.resource_group.clone(),
            one_line(&self.location, LONGEST_NAME),
            self.kubernetes_version.to_string(),
            one_line(&self.provisioning_state, LONGEST_NAME),
            if self.enabled { "True" } else { "False" }.to_owned(),
            self.kms_version.map_or_else(String::new, |version| version.to_string()),
            self.network_mode.map_or_else(String::new, |mode| mode.to_string()),
            self.experience.map_or_else(String::new, |experience| experience.to_string()),
            self.key_id.as_ref().map_or_else(String::new, ToString::to_string),
        ]
    }
}

impl fmt::Display for ClusterList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.iter().map(ClusterSummary::cells).collect();
        for line in table(COLUMNS, &rows) {
            writeln!(f, "{line}")?;
        }
        for resource in &self.unreadable {
            writeln!(f, "{resource}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list() -> ClusterList {
        let group = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop";
        let id = |name: &str| {
            format!("{group}/providers/Microsoft.ContainerService/managedClusters/{name}")
        };
        serde_json::from_value(json!({
            "clusters": [
                {
                    "id": id("prod"), "name": "prod", "resource_group": "shop", "location": "westeurope",
                    "kubernetes_version": "1.34.3", "provisioning_state": "Succeeded", "enabled": true,
                    "key_id": "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef",
                    "network_mode": "public", "kms_version": "v2", "experience": "key-vault",
                },
                {
                    "id": id("staging-2"), "name": "staging-2", "resource_group": "shop",
                    "location": "westeurope", "kubernetes_version": "1.33",
                    "provisioning_state": "Updating", "enabled": false, "key_id": null,
                    "network_mode": null, "kms_version": null, "experience": null,
                },
            ],
            "unreadable": [
                {"resource": "/subscriptions/s", "code": "forbidden", "message": "access is denied"},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn it_prints_as_a_table_with_what_was_not_read_below() {
        let expected = "\
Name       ResourceGroup  Location    KubernetesVersion  ProvisioningState  KmsEnabled  KmsVersion  NetworkMode  Experience  KeyId
---------  -------------  ----------  -----------------  -----------------  ----------  ----------  -----------  ----------  -----------------------------------------------------------------------
prod       shop           westeurope  1.34.3             Succeeded          True        v2          public       key-vault   https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef
staging-2  shop           westeurope  1.33               Updating           False
/subscriptions/s was not read (forbidden): access is denied
";
        assert_eq!(list().to_string(), expected);
        let empty = ClusterList::default().to_string();
        assert_eq!(empty.lines().count(), 2, "{empty}");
    }

    #[test]
    fn it_is_gone_through_like_any_list() {
        let list = list();
        let names: Vec<&str> = (&list).into_iter().map(|cluster| cluster.name.as_str()).collect();
        assert_eq!(names, ["prod", "staging-2"]);
        assert!(!list.is_complete());
        assert_eq!(list.into_iter().filter(|cluster| cluster.enabled).count(), 1);
    }
}
