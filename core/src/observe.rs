//! Gathering everything that a plan is made from. Read-only.

mod concerned;
mod data_encryption;
mod stored_record;

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    azure::{Azure, ClusterRole},
    error::{Error, Result},
    facts::{
        AccessFacts, ClusterFacts, Fact, HeldRole, IdentityKind, KeyFacts, KubernetesFacts, Lookup,
        Obstacle, VaultFacts,
    },
    ids::{ClusterId, KeyId, NetworkMode, VaultAccess, VaultId},
    kubernetes::{
        self, BearerToken, ClusterEndpoint, KubernetesAccess, KubernetesApi, ObserveScope,
        TokenSource, is_no_response, is_untrusted,
    },
    ledger::{Fit, Operation, Reconciled},
    observed::Observed,
    options::{Enable, Intent, Rotate, Timing},
    report::KmsConfiguration,
};
use futures::future::{Either, join_all, select};

use self::{
    concerned::Concerned,
    data_encryption::{own_versions, preview_feature},
    stored_record::{KeptRecord, kept, reconciled},
};
pub(crate) use self::{data_encryption::DataEncryptionScope, stored_record::StoredRecord};

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

/// A key that a verb is about.
#[derive(Clone, Debug)]
pub(crate) struct KeyToObserve {
    pub(crate) key_id: KeyId,
    pub(crate) vault_id: Option<VaultId>,
    /// A version of it is to be made: which ones are there?
    pub(crate) versions: bool,
    /// The operation that goes on, and may have made that version already.
    pub(crate) unfinished: Option<Operation>,
    /// Its vault may be closed: which other keys are in it, and which other clusters use it?
    pub(crate) vault_users: bool,
    /// The cluster is to be upgraded: what is offered?
    pub(crate) upgrades: bool,
}

impl KeyToObserve {
    /// The key that a verb is about.
    pub(crate) fn of(
        intent: &Intent,
        cluster: &ClusterFacts,
        recorded: Option<&Reconciled>,
    ) -> Option<Self> {
        let in_use = Self::in_use(cluster);
        // While KMS is off in the middle of an operation, the key to go back on with is recorded.
        let before = || {
            let operation = recorded?.record.operation.as_ref()?;
            (operation.intent == *intent).then(|| Self::recorded(operation)).flatten()
        };
        match intent {
            Intent::Enable(Enable { target, .. }) => {
                Some(Self::key(target.key_id.clone(), target.key_vault_id.clone()))
            }
            Intent::Rotate(Rotate { key_id: Some(key_id), key_vault_id, .. }) => {
                let vault_in_use = in_use
                    .filter(|now| now.key_id.host().eq_ignore_ascii_case(key_id.host()))
                    .and_then(|now| now.vault_id);
                Some(Self::key(key_id.clone(), key_vault_id.clone().or(vault_in_use)))
            }
            Intent::Rotate(Rotate { key_id: None, .. }) => {
                // Where somebody else changed the key, nobody goes on with the operation.
                let unfinished = recorded
                    .filter(|found| found.fit != Fit::Superseded)
                    .and_then(|found| found.record.operation.as_ref())
                    .filter(|operation| operation.intent == *intent);
                in_use.map(|now| Self { versions: true, unfinished: unfinished.cloned(), ..now })
            }
            Intent::ChangeNetworkMode(asked) => {
                let closes = asked.network_mode == NetworkMode::Private
                    && asked.vault_access == VaultAccess::Change;
                in_use.or_else(before).map(|wanted| Self { vault_users: closes, ..wanted })
            }
            Intent::MigrateToV2(_) => {
                in_use.or_else(before).map(|wanted| Self { upgrades: true, ..wanted })
            }
            Intent::SetDataEncryption(asked) => match asked.target.on() {
                Some(target) => Some(Self::key(target.key_id.clone(), target.key_vault_id.clone())),
                None => in_use,
            },
            Intent::Disable(_) | Intent::ReencryptSecrets(_) => in_use,
        }
    }

    fn key(key_id: KeyId, vault_id: Option<VaultId>) -> Self {
        Self {
            key_id,
            vault_id,
            versions: false,
            unfinished: None,
            vault_users: false,
            upgrades: false,
        }
    }

    /// The key that an operation began with.
    fn recorded(operation: &Operation) -> Option<Self> {
        let before = operation.before.on()?;
        Some(Self::key(before.key_id.clone(), before.key_vault_id.clone()))
    }

    /// The key that a cluster is configured with.
    pub(crate) fn in_use(cluster: &ClusterFacts) -> Option<Self> {
        let profile = cluster.kms_on()?;
        // AKS goes by the newest version of a customer-managed key, whichever a profile may name.
        let key_id = profile.key_id()?;
        let is_any = cluster.has_data_encryption();
        let key_id = if is_any { key_id.without_version() } else { key_id.clone() };
        Some(Self::key(key_id, profile.key_vault_id().cloned()))
    }
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
        let cluster = sources.azure.cluster(sources.cluster).await?.facts;
        let (early, held_roles, own_versions, preview_feature) = futures::join!(
            KeysSeen::observe(sources.azure, &cluster, wanted(&cluster, None)),
            held_roles(sources.azure, &cluster),
            own_versions(sources.azure, &cluster, data_encryption),
            preview_feature(sources.azure, &cluster, data_encryption)
        );
        let cluster = Observed {
            own_versions,
            preview_feature,
            held_roles,
            ..Observed::of(cluster, Fact::Unknown(String::new()))
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
    target: &KmsConfiguration,
) -> Observed {
    let seen = observe_key(azure, cluster, &target.key_id, target.key_vault_id.as_ref()).await;
    Observed {
        vault: Some(seen.vault),
        key: Some(seen.key),
        access: Some(seen.access),
        diagnostics: seen.diagnostics,
        ..Observed::of(cluster.clone(), Fact::Unknown("there is no cluster yet".to_owned()))
    }
}

/// A key, its vault, and the access to them.
#[derive(Clone)]
struct KeySeen {
    vault: Fact<Lookup<VaultFacts>>,
    key: Fact<Lookup<KeyFacts>>,
    access: AccessFacts,
    diagnostics: Option<Fact<bool>>,
}

/// Keys that were looked at already.
struct KeysSeen(Vec<(KeyId, Option<VaultId>, KeySeen)>);

impl KeysSeen {
    /// Looks at the key that a verb is about, as far as the cluster alone tells, and at the one in use.
    async fn observe(azure: &Azure, cluster: &ClusterFacts, wanted: Option<KeyToObserve>) -> Self {
        let mut keys: Vec<(KeyId, Option<VaultId>)> = Vec::new();
        for KeyToObserve { key_id, vault_id, .. } in
            wanted.into_iter().chain(KeyToObserve::in_use(cluster))
        {
            if !keys.iter().any(|(seen, _)| *seen == key_id) {
                keys.push((key_id, vault_id));
            }
        }
        let look = |(key_id, vault_id): (KeyId, Option<VaultId>)| async move {
            let seen = observe_key(azure, cluster, &key_id, vault_id.as_ref()).await;
            (key_id, vault_id, seen)
        };
        Self(join_all(keys.into_iter().map(look)).await)
    }

    /// What was seen of a key, or is seen now.
    async fn or_observe(
        &self,
        azure: &Azure,
        cluster: &ClusterFacts,
        key_id: &KeyId,
        vault_id: Option<&VaultId>,
    ) -> KeySeen {
        let mut seen = self.0.iter();
        match seen.find(|(key, vault, _)| key == key_id && vault.as_ref() == vault_id) {
            Some((.., seen)) => seen.clone(),
            None => observe_key(azure, cluster, key_id, vault_id).await,
        }
    }
}

/// Looks at a key, its vault and the access to them. What is awaited is large, so it is on the heap.
async fn observe_key(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault_id: Option<&VaultId>,
) -> KeySeen {
    Box::pin(observe_key_and_vault(azure, cluster, key_id, vault_id)).await
}

async fn observe_key_and_vault(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault_id: Option<&VaultId>,
) -> KeySeen {
    let vault_id = match azure.vault_id(key_id, vault_id, &cluster.id).await {
        Ok(vault_id) => vault_id,
        Err(vault) => return observe_without_vault(azure, cluster, key_id, vault).await,
    };
    // All that is in the vault or at it is read by its resource id alone.
    let in_vault = Box::pin(async {
        futures::join!(
            azure.key(key_id, Some(&vault_id)),
            azure.access_at(cluster, Ok(&vault_id), key_id.name()),
            azure.has_diagnostics(&vault_id)
        )
    });
    let (vault, in_vault) = match select(Box::pin(azure.vault_by_id(&vault_id)), in_vault).await {
        Either::Left((vault, in_vault)) => {
            if vault.known().and_then(Lookup::found).is_none() {
                // What does not exist has nothing in it. What is under way may hold what the next
                // requests wait for, so it is dropped before them.
                drop(in_vault);
                return observe_without_vault(azure, cluster, key_id, vault).await;
            }
            (vault, in_vault.await)
        }
        Either::Right((in_vault, vault)) => (vault.await, in_vault),
    };
    if vault.known().and_then(Lookup::found).is_none() {
        return observe_without_vault(azure, cluster, key_id, vault).await;
    }
    let (key, access, diagnostics) = in_vault;
    KeySeen { vault, key, access, diagnostics: Some(diagnostics) }
}

/// The vault does not exist, or cannot be read.
async fn observe_without_vault(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault: Fact<Lookup<VaultFacts>>,
) -> KeySeen {
    let (key, access) =
        futures::join!(azure.key(key_id, None), azure.access(cluster, &vault, key_id.name()));
    KeySeen { vault, key, access, diagnostics: None }
}

/// The way to the API server, what was seen through it, and the record if one is to be kept.
type Kept = Option<Result<KeptRecord>>;

async fn observe_kubernetes(
    sources: ObserveContext<'_>,
    scope: ObserveScope<'_>,
) -> (Option<KubernetesApi>, Result<KubernetesFacts>, Kept) {
    let api = match connect(sources).await {
        Ok(api) => api,
        Err(error) => {
            let kept = scope.journal.then(|| Err(Error::new(error.kind(), error.to_string())));
            return (None, Err(error), kept);
        }
    };
    let record = async { if scope.journal { Some(kept(&api, scope).await) } else { None } };
    let (facts, kept) = futures::join!(kubernetes::observe(&api, scope), record);
    // Why nothing else can be read is why the record cannot be.
    let kept = match (kept, &facts) {
        (Some(_), Err(error)) => Some(Err(Error::new(error.kind(), error.to_string()))),
        (kept, _) => kept,
    };
    (Some(api), facts, kept)
}

/// Turns the chosen access into a connection. Nothing is asked of the API server yet.
async fn connect(sources: ObserveContext<'_>) -> Result<KubernetesApi> {
    let (destination, tokens) = match sources.access.destination().await? {
        Some(destination) => (destination, None),
        None => from_azure(sources).await?,
    };
    KubernetesApi::new(destination, tokens, sources.timing).await
}

async fn from_azure(
    sources: ObserveContext<'_>,
) -> Result<(kubernetes::Destination, Option<Arc<dyn TokenSource>>)> {
    let role = match sources.access {
        KubernetesAccess::ClusterAdmin => ClusterRole::Admin,
        _ => ClusterRole::User,
    };
    let credential = sources.azure.cluster_credential(sources.cluster, role).await?;
    let endpoint = ClusterEndpoint {
        server: credential.server.to_string(),
        ca_pem: credential.ca_pem,
        client_certificate_pem: credential
            .client_certificate
            .map(|(certificate, key)| (certificate, key.bytes().to_vec())),
        token: credential.token.map(|token| token.secret().to_owned()),
    };
    let tokens = credential
        .entra
        .then(|| Arc::new(EntraTokens(Arc::clone(sources.azure))) as Arc<dyn TokenSource>);
    Ok((endpoint.destination()?, tokens))
}

/// Tokens for clusters with Entra ID, from the manager's own credential.
struct EntraTokens(Arc<Azure>);

#[async_trait]
impl TokenSource for EntraTokens {
    async fn token(&self) -> Result<BearerToken> {
        let token = self.0.entra_token().await?;
        Ok(BearerToken { secret: token.token.secret().to_owned(), expires_on: token.expires_on })
    }
}
