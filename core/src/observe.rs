//! Gathering everything that a plan is made from. Read-only.

use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    azure::{Azure, ClusterRole},
    error::Result,
    kubernetes::{
        self, BearerToken, ClusterEndpoint, KubernetesAccess, KubernetesApi, ObserveScope,
        TokenSource,
    },
    model::{
        AccessFacts, ClusterFacts, ClusterId, Fact, KeyFacts, KeyId, KubernetesFacts, Lookup,
        Observed, Target, Timing, VaultFacts, VaultId,
    },
};

/// Where facts come from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
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
}

/// Looks at cluster, vault, key, access and Kubernetes, at the same time where one does not need
/// the other. `target`: the KMS configuration that is asked for; `None`: the one in use.
pub(crate) async fn observe(
    sources: Sources<'_>,
    target: Option<&Target>,
    scope: ObserveScope<'_>,
) -> Result<Observation> {
    let (cluster, (api, kubernetes)) =
        futures::join!(sources.azure.cluster(sources.cluster), observe_kubernetes(sources, scope));
    let cluster = cluster?.facts;
    let key = match target {
        Some(target) => Some((target.key_id.clone(), target.key_vault_id.clone())),
        None => key_in_use(&cluster),
    };
    let mut observed = Observed {
        at: OffsetDateTime::now_utc(),
        cluster,
        vault: None,
        key: None,
        access: None,
        diagnostics: None,
        kubernetes,
    };
    if let Some((key_id, vault_id)) = key {
        let seen = observe_key(sources.azure, &observed.cluster, &key_id, vault_id.as_ref()).await;
        observed.vault = Some(seen.vault);
        observed.key = Some(seen.key);
        observed.access = Some(seen.access);
        observed.diagnostics = seen.diagnostics;
    }
    Ok(Observation { observed, kubernetes: api })
}

/// The key and vault that a cluster is configured with.
fn key_in_use(cluster: &ClusterFacts) -> Option<(KeyId, Option<VaultId>)> {
    let profile = cluster.kms_on()?;
    let key_id = KeyId::parse(profile.key_id.as_deref()?).ok()?;
    let vault_id = profile.key_vault_id.as_deref().and_then(|id| VaultId::parse(id).ok());
    Some((key_id, vault_id))
}

struct KeySeen {
    vault: Fact<Lookup<VaultFacts>>,
    key: Fact<Lookup<KeyFacts>>,
    access: AccessFacts,
    diagnostics: Option<Fact<bool>>,
}

async fn observe_key(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault_id: Option<&VaultId>,
) -> KeySeen {
    let vault = azure.vault(key_id, vault_id, &cluster.id).await;
    let found = vault.known().and_then(Lookup::found).map(|vault| vault.id.clone());
    let diagnostics = async {
        match &found {
            Some(id) => Some(azure.has_diagnostics(id).await),
            None => None,
        }
    };
    let (key, access, diagnostics) = futures::join!(
        azure.key(key_id, found.as_ref()),
        azure.access(cluster, &vault, key_id.name()),
        diagnostics
    );
    KeySeen { vault, key, access, diagnostics }
}

async fn observe_kubernetes(
    sources: Sources<'_>,
    scope: ObserveScope<'_>,
) -> (Option<KubernetesApi>, Fact<KubernetesFacts>) {
    match connect(sources).await {
        Ok(api) => {
            let facts = kubernetes::observe(&api, scope).await;
            (Some(api), facts)
        }
        Err(error) => (None, Fact::Unknown(error.to_string())),
    }
}

/// Turns the chosen access into a connection. Nothing is asked of the API server yet.
async fn connect(sources: Sources<'_>) -> Result<KubernetesApi> {
    let (destination, tokens) = match sources.access.destination().await? {
        Some(destination) => (destination, None),
        None => from_azure(sources).await?,
    };
    KubernetesApi::new(destination, tokens, sources.timing).await
}

async fn from_azure(
    sources: Sources<'_>,
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
