//! Gathering everything that a plan is made from. Read-only.

mod api_server;
mod concerned;
mod data_encryption;
mod key;
mod key_to_observe;
mod stored_record;

use std::sync::Arc;

use crate::{
    azure::{Azure, ManagedCluster},
    error::{Error, Result},
    facts::{ClusterFacts, Fact, HeldRole, IdentityKind, Lookup, Obstacle},
    ids::{ClusterId, KeyId, VaultId},
    kubernetes::{KubernetesAccess, KubernetesApi, ObserveScope, is_no_response, is_untrusted},
    ledger::Reconciled,
    observed::Observed,
    options::Timing,
    report::KmsChange,
};

use self::{
    api_server::observe_kubernetes,
    concerned::Concerned,
    data_encryption::{own_versions, preview_feature},
    key::{KeysSeen, observe_key},
    stored_record::reconciled,
};
pub(crate) use self::{
    data_encryption::DataEncryptionScope, key_to_observe::KeyToObserve, stored_record::StoredRecord,
};

/// Where facts come from.
#[derive(Clone, Copy)]
pub(crate) struct ObserveContext<'a> {
    pub(crate) azure: &'a Arc<Azure>,
    pub(crate) cluster: &'a ClusterId,
    pub(crate) access: &'a KubernetesAccess,
    pub(crate) timing: &'a Timing,
}

/// What was seen, and the means to see more.
pub(crate) struct Observation {
    pub(crate) observed: Observed,
    /// `None`: it cannot be reached.
    pub(crate) kubernetes: Option<KubernetesApi>,
    /// The record; `None` where none is to be kept.
    pub(crate) found: Option<Result<StoredRecord>>,
}

/// Looks at cluster, vault, key, access and Kubernetes, at the same time where one does not need
/// the other. `wanted` says which key the verb is about, given the cluster and its record.
///
/// What the cluster alone names is read while Kubernetes is: the key that is asked for, and the one in use. What the
/// record names comes after both. Within Kubernetes, the record is read before how far etcd has come.
pub(crate) async fn observe(
    sources: ObserveContext<'_>,
    wanted: impl Fn(&ClusterFacts, Option<&Reconciled>) -> Option<KeyToObserve>,
    (scope, data_encryption): (ObserveScope<'_>, DataEncryptionScope),
) -> Result<Observation> {
    let about_azure = async {
        let ManagedCluster { facts: cluster, read_at, .. } =
            sources.azure.cluster(sources.cluster).await?;
        let (early, held_roles, own_versions, preview_feature) = futures::join!(
            KeysSeen::observe(sources.azure, &cluster, wanted(&cluster, None)),
            held_roles(sources.azure, &cluster),
            own_versions(sources.azure, &cluster, data_encryption),
            preview_feature(sources.azure, &cluster, data_encryption)
        );
        let seen = Observed::of(cluster, Fact::Unknown(String::new()));
        let cluster = Observed {
            // What is compared with it are times that Azure's own clocks gave.
            at: read_at.unwrap_or(seen.at),
            own_versions,
            preview_feature,
            held_roles,
            ..seen
        };
        Ok::<_, Error>((cluster, early))
    };
    let (about_azure, (api, kubernetes, kept)) =
        futures::join!(about_azure, observe_kubernetes(sources, scope));
    let (of_azure, early) = about_azure?;
    let cluster = &of_azure.cluster;
    let failed = [kubernetes.as_ref().err(), kept.as_ref().and_then(|kept| kept.as_ref().err())];
    // Without a way to the API server, Azure did not give one.
    let down = api.is_some() && failed.into_iter().flatten().any(is_no_response);
    let obstacle = |error| Obstacle::of(error, is_untrusted(error));
    let obstacle = kubernetes.as_ref().err().map(obstacle);
    let kubernetes = Fact::from(kubernetes);
    let found = kept.map(|kept| reconciled(cluster, kept?));
    let recorded = found
        .as_ref()
        .map(|found| Fact::from(found.as_ref().map(|found| found.reconciled.clone())));
    let mut wanted = wanted(cluster, recorded.as_ref().and_then(Fact::known));
    let mut observed = Observed { obstacle, down, record: recorded, kubernetes, ..of_azure };
    if let Some(wanted) = wanted.as_mut().filter(|wanted| wanted.versions) {
        observed.versions = Some(Fact::from(sources.azure.key_versions(&wanted.key_id).await));
        // A version that is made already is what the verb is about, and none is to be made.
        let operation = wanted.unfinished.as_ref();
        if let Some(made) = operation.and_then(|operation| observed.made_for(operation)) {
            wanted.key_id = made;
            observed.versions = observed.versions.filter(|versions| versions.known().is_some());
        }
    }
    let ledger = observed.recorded().map(|found| &found.record.ledger);
    let concerned = Concerned::of(&observed.cluster, wanted.as_ref(), ledger);
    let look = |key_id: KeyId, vault_id: Option<VaultId>| {
        let (early, cluster) = (&early, &observed.cluster);
        async move { early.or_observe(sources.azure, cluster, &key_id, vault_id.as_ref()).await }
    };
    let about_others = async {
        wanted.as_ref().filter(|wanted| wanted.vault_users)?;
        Some(sources.azure.kms_users().await)
    };
    let about_wanted = async {
        let KeyToObserve { key_id, vault_id, .. } = wanted.as_ref()?;
        Some(look(key_id.clone(), vault_id.clone()).await)
    };
    let about_upgrades = async {
        wanted.as_ref().filter(|wanted| wanted.upgrades)?;
        Some(sources.azure.upgrades(sources.cluster).await)
    };
    let ((in_use, previous, perhaps), seen, upgrades, others) =
        futures::join!(concerned.observe(look), about_wanted, about_upgrades, about_others);
    (observed.in_use, observed.previous, observed.perhaps) = (in_use, previous, perhaps);
    observed.others = others.map(Fact::from);
    observed.upgrades = upgrades.map(Fact::from);
    if let Some(seen) = seen {
        let vault = seen.vault.known().and_then(Lookup::found).map(|vault| &vault.id);
        if let (Some(vault), true) = (vault, wanted.is_some_and(|wanted| wanted.vault_users)) {
            observed.vault_keys = Some(Fact::from(sources.azure.vault_keys(vault).await));
        }
        observed.vault = Some(seen.vault);
        observed.key = Some(seen.key);
        observed.access = Some(seen.access);
        observed.diagnostics = seen.diagnostics;
    }
    Ok(Observation { observed, kubernetes: api, found })
}

/// The roles of an identity that KMS cannot use, for whoever gives them to another one.
pub(crate) async fn held_roles(
    azure: &Azure,
    cluster: &ClusterFacts,
) -> Option<Fact<Vec<HeldRole>>> {
    if cluster.identity_kind == IdentityKind::UserAssigned {
        return None;
    }
    let principal = cluster.system_principal_id.as_deref()?;
    Some(azure.roles_held(cluster.id.subscription_id(), principal).await.into())
}

/// Looks at vault, key and access for a cluster that is yet to be made.
pub(crate) async fn observe_planned(
    azure: &Azure,
    cluster: &ClusterFacts,
    target: &KmsChange,
) -> Observed {
    let scope =
        DataEncryptionScope { own_versions: false, preview_feature: target.is_data_encryption() };
    let about_key = async {
        let target = target.on()?;
        Some(observe_key(azure, cluster, &target.key_id, target.key_vault_id.as_ref()).await)
    };
    let (seen, preview_feature) = futures::join!(about_key, preview_feature(azure, cluster, scope));
    let nobody = Fact::Unknown("there is no cluster yet".to_owned());
    let observed = Observed { preview_feature, ..Observed::of(cluster.clone(), nobody) };
    let Some(seen) = seen else { return observed };
    Observed {
        vault: Some(seen.vault),
        key: Some(seen.key),
        access: Some(seen.access),
        diagnostics: seen.diagnostics,
        ..observed
    }
}
