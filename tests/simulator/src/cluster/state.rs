//! What AKS knows of a cluster: its document, what its API servers were given, its operations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    document::{managed_cluster, new_etag},
    kms::Profile,
    operation::Operation,
    version::Version,
};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    given::Given,
    key_id::KeyId,
    names::Names,
};

/// A managed cluster.
#[derive(Debug)]
pub(crate) struct ManagedCluster {
    /// The resource as ARM answers it.
    pub(crate) document: Value,
    /// What the API servers were last given.
    pub(crate) rolled_out: EncryptionConfig,
    /// Whether all of them were given it.
    pub(crate) uniform: bool,
    /// Operations by id, ended ones included.
    pub(crate) operations: BTreeMap<String, Operation>,
}

impl ManagedCluster {
    /// The cluster that a case starts with.
    pub(crate) fn from_given(given: &Given, names: &Names) -> Self {
        let kms_version = kms_version(&given.cluster.kubernetes_version);
        let key = |key_id: &String| KeyRef { key_id: key_id.clone(), kms_version };
        let rolled_out = match &given.cluster.kms {
            None => EncryptionConfig::default(),
            Some(kms) if kms.enabled => EncryptionConfig {
                current: kms.key.as_ref().map(key),
                previous: kms.previous.as_ref().map(key),
            },
            Some(kms) => EncryptionConfig {
                current: None,
                previous: kms.previous.as_ref().or(kms.key.as_ref()).map(key),
            },
        };
        Self {
            document: managed_cluster(given, names),
            rolled_out,
            uniform: true,
            operations: BTreeMap::new(),
        }
    }

    /// Whether one of its operations goes on.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.property("provisioningState"), "Updating" | "Upgrading")
            && self.operations.values().any(Operation::goes_on)
    }

    /// A string property.
    pub(crate) fn property(&self, name: &str) -> &str {
        self.document["properties"][name].as_str().unwrap_or_default()
    }

    /// Whether the control plane runs as a user-assigned identity.
    pub(crate) fn uses_user_assigned_identity(&self) -> bool {
        self.document["identity"]["type"]
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("UserAssigned"))
    }

    /// Name of the vault that holds the key in use, and whether it is reached privately.
    pub(crate) fn vault_in_use(&self) -> Option<(String, bool)> {
        let profile = Profile::of(&self.document);
        let key = profile.key_id.as_deref().filter(|_| profile.enabled)?;
        Some((KeyId::parse(key)?.vault().to_owned(), profile.private()))
    }

    /// Gives the document a new eTag: it has changed.
    pub(crate) fn touch(&mut self) {
        self.document["eTag"] = new_etag();
    }

    /// An agent pool's part of the document.
    pub(crate) fn agent_pool(&mut self, name: &str) -> Option<&mut Value> {
        self.document["properties"]["agentPoolProfiles"].as_array_mut()?.iter_mut().find(|pool| {
            pool["name"].as_str().is_some_and(|candidate| candidate.eq_ignore_ascii_case(name))
        })
    }
}

/// Which KMS version AKS uses when it enables KMS on this Kubernetes version.
pub(crate) fn kms_version(kubernetes_version: &str) -> KmsVersion {
    match Version::parse(kubernetes_version) {
        Some(version) if !version.at_least(27) => KmsVersion::V1,
        _ => KmsVersion::V2,
    }
}
