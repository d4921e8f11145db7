//! The way to the API server, and what is seen through it.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ObserveContext,
    stored_record::{KeptRecord, kept},
};
use crate::{
    azure::{Azure, ClusterRole},
    error::{Error, Result},
    facts::KubernetesFacts,
    kubernetes::{
        self, BearerToken, ClusterEndpoint, KubernetesAccess, KubernetesApi, ObserveScope,
        TokenSource,
    },
};

/// The record, if one is to be kept.
type Kept = Option<Result<KeptRecord>>;

/// The way to the API server, what was seen through it, and the record.
pub(super) async fn observe_kubernetes(
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
