//! The record as it was observed: read, its seal looked at, and brought in line with the cluster.

use crate::{
    error::Result,
    facts::ClusterFacts,
    kubernetes::{
        EtcdIdentity, KubernetesApi, ObserveScope, Read, RecordStore, SealStore, Stored,
        etcd_identity, namespace_exists,
    },
    ledger::{ClusterIdentity, ObservedCluster, Reconciled, Record},
    seal::SealKey,
};

/// A record as it was observed.
#[derive(Clone, Debug)]
pub(crate) struct StoredRecord {
    pub(crate) reconciled: Reconciled,
    /// What the `ConfigMap` holds; `None`: there is none yet.
    pub(crate) stored: Option<Stored>,
    /// The key of its seal, where it was read.
    pub(crate) seal: Option<SealKey>,
    /// How far the cluster's etcd has come.
    pub(crate) etcd_resource_version: u64,
}

/// What is kept in the cluster, and how far its etcd had come afterwards.
pub(super) struct KeptRecord {
    stored: Option<Stored>,
    seal: Seal,
    marks: EtcdIdentity,
}

/// The record, in line with what was observed.
pub(super) fn reconciled(cluster: &ClusterFacts, kept: KeptRecord) -> Result<StoredRecord> {
    let KeptRecord { stored, seal, marks } = kept;
    let seen = ObservedCluster {
        marks: ClusterIdentity {
            uid: marks.uid,
            resource_uid: cluster.resource_uid.clone(),
            etag: cluster.etag.clone(),
        },
        key: cluster.expected()?,
        network_mode: cluster.kms_on().and_then(|profile| profile.network_mode),
        key_vault_id: cluster.kms_on().and_then(|profile| profile.key_vault_id().cloned()),
        in_force: cluster.is_succeeded(),
        resource_version: marks.resource_version,
        at: crate::clock::now(),
    };
    let text = stored.as_ref().map(|stored| stored.text.as_str()).filter(|text| !text.is_empty());
    let reconciled = match text {
        None => Reconciled::new(None, &seen),
        Some(text) if seal.fits => Reconciled::new(Some(Record::parse(text)?), &seen),
        Some(text) => Reconciled::unsealed(Record::parse(text).ok().as_ref(), &seen),
    };
    Ok(StoredRecord {
        reconciled,
        stored,
        seal: seal.key,
        etcd_resource_version: seen.resource_version,
    })
}

/// Reads what is kept.
pub(super) async fn kept(api: &KubernetesApi, scope: ObserveScope<'_>) -> Result<KeptRecord> {
    let namespace = scope.state_namespace;
    // First the record, then how far etcd has come: one that is from after that is of another etcd.
    let stored = RecordStore::new(api.clone(), namespace.to_owned()).read().await?;
    let exists =
        async { if stored.is_none() { namespace_exists(api, namespace).await } else { Ok(()) } };
    let remembered = remembered_seal_key(api, namespace, stored.as_ref());
    let (exists, marks, remembered) =
        futures::join!(exists, etcd_identity(api, namespace), remembered);
    exists?;
    let marks = marks?;
    let seal = seal(api, namespace, &marks.uid, (stored.as_ref(), remembered)).await?;
    Ok(KeptRecord { stored, seal, marks })
}

/// Whether the record's seal fits, and the key that tells.
#[derive(Default)]
struct Seal {
    key: Option<SealKey>,
    fits: bool,
}

/// The key of the seal, where there is a seal and an API server remembers the key.
async fn remembered_seal_key(
    api: &KubernetesApi,
    namespace: &str,
    stored: Option<&Stored>,
) -> Option<SealKey> {
    stored?.seal.as_ref()?;
    let store = SealStore::new(api.clone(), namespace.to_owned());
    store.read(Read::Remembered).await.unwrap_or_default()
}

/// Looks at the seal. What an API server remembers will do if it fits; else what etcd has counts.
async fn seal(
    api: &KubernetesApi,
    namespace: &str,
    cluster_uid: &str,
    (stored, remembered): (Option<&Stored>, Option<SealKey>),
) -> Result<Seal> {
    // Where there is no seal no key makes it fit: none has to be readable to tell.
    let Some(Stored { text, seal: Some(seal), .. }) = stored else { return Ok(Seal::default()) };
    let store = SealStore::new(api.clone(), namespace.to_owned());
    let fits = |key: &SealKey| key.fits(cluster_uid, text, seal);
    if let Some(key) = remembered.filter(|key| fits(key)) {
        return Ok(Seal { key: Some(key), fits: true });
    }
    let key = store.read(Read::Now).await.map_err(|error| {
        let why = format!(
            "without it nothing in the record can be believed; where it stays so, `kubectl delete configmap aks-kms \
             --namespace {namespace}` goes on with nothing known"
        );
        error.with_context(&why)
    })?;
    Ok(Seal { fits: key.as_ref().is_some_and(fits), key })
}
