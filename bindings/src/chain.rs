//! The credential where the caller passes none: workload identity, managed identity, the Azure CLI.

use std::{
    env,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aks_kms::{Error, azure_core};
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use azure_identity::{
    AzureCliCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential,
};
use tokio::{net::TcpStream, time::timeout};

/// Where a machine in Azure asks for tokens of its identity.
const INSTANCE_METADATA: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)), 80);
/// It is on the machine itself: elsewhere nobody answers, and nobody says no.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who may sign in where no credential is passed, in this order: the workload identity of the pod
/// (`AZURE_FEDERATED_TOKEN_FILE`, `AZURE_TENANT_ID` and `AZURE_CLIENT_ID` are set), the managed identity of the machine
/// (`AZURE_CLIENT_ID`, or `client_id`, chooses one), `az login`. The first that gives a token is asked from there on.
///
/// # Errors
/// None: what is wrong with a credential is told when a token is asked for.
pub fn default_credential(client_id: Option<String>) -> Result<Arc<dyn TokenCredential>, Error> {
    let client_id =
        client_id.or_else(|| env::var("AZURE_CLIENT_ID").ok()).filter(|id| !id.is_empty());
    Ok(Arc::new(Chain { client_id, chosen: OnceLock::new() }))
}

#[derive(Debug)]
struct Chain {
    client_id: Option<String>,
    chosen: OnceLock<Arc<dyn TokenCredential>>,
}

#[derive(Clone, Copy)]
enum Link {
    WorkloadIdentity,
    ManagedIdentity,
    AzureCli,
}

impl Link {
    const ALL: [Self; 3] = [Self::WorkloadIdentity, Self::ManagedIdentity, Self::AzureCli];

    const fn name(self) -> &'static str {
        match self {
            Self::WorkloadIdentity => "workload identity",
            Self::ManagedIdentity => "managed identity",
            Self::AzureCli => "the Azure CLI",
        }
    }
}

impl Chain {
    /// A credential, or why there can be none.
    async fn link(&self, link: Link) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let none =
            |why: &str| azure_core::Error::with_message(ErrorKind::Credential, why.to_owned());
        Ok(match link {
            Link::WorkloadIdentity => {
                if env::var_os("AZURE_FEDERATED_TOKEN_FILE").is_none() {
                    return Err(none("AZURE_FEDERATED_TOKEN_FILE is not set"));
                }
                WorkloadIdentityCredential::new(None)?
            }
            Link::ManagedIdentity => {
                let is_named =
                    ["IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"]
                        .iter()
                        .any(|name| env::var_os(name).is_some());
                let connected =
                    async { timeout(PATIENCE, TcpStream::connect(INSTANCE_METADATA)).await };
                if !is_named && !matches!(connected.await, Ok(Ok(_))) {
                    return Err(none("this machine has no endpoint of managed identities"));
                }
                let user_assigned_id = self.client_id.clone().map(UserAssignedId::ClientId);
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id,
                    ..ManagedIdentityCredentialOptions::default()
                }))?
            }
            Link::AzureCli => AzureCliCredential::new(None)?,
        })
    }
}

#[async_trait::async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some(chosen) = self.chosen.get() {
            return chosen.get_token(scopes, options).await;
        }
        let mut why = Vec::new();
        for link in Link::ALL {
            let outcome = match self.link(link).await {
                Ok(credential) => credential
                    .get_token(scopes, options.clone())
                    .await
                    .map(|token| (credential, token)),
                Err(error) => Err(error),
            };
            match outcome {
                Ok((credential, token)) => {
                    let _ = self.chosen.set(credential);
                    return Ok(token);
                }
                Err(error) => why.push(format!("{}: {error}", link.name())),
            }
        }
        let message = format!("no credential gave a token: {}", why.join("; "));
        Err(azure_core::Error::with_message(ErrorKind::Credential, message))
    }
}
