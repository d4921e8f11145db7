//! The way to Azure: one pipeline for each manner of asking, and one function that asks.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_core::{
    credentials::{AccessToken, TokenCredential},
    http::{
        ClientOptions, Context, Method, Pipeline, PipelineStreamOptions, Request, RetryOptions,
        Transport,
        headers::{CONTENT_TYPE, IF_MATCH},
        policies::Policy,
    },
};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    bounded::{Bounded, BoundedCredential},
    call::{Call, CallTarget, Response},
    cloud::{Cloud, CloudEndpoints},
    error::ServiceError,
    known_vaults::KnownVaults,
    no_response::{no_response, no_token},
    policy::{Backoff, TokenPolicy, UserAgent},
    refusal::refused,
    role_definition::RoleDefinitions,
    throttle::{Budgets, Throttle},
};
use crate::{
    error::{Error, ErrorKind, Result},
    options::Timing,
};

/// The newest stable version of the managed clusters' API.
const MANAGED_CLUSTERS_API_VERSION: &str = "2026-08-01";
/// The application that AKS checks Entra tokens for, in every cluster and cloud.
const KUBERNETES_SCOPE: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";
/// Tries after the first of a request to Resource Manager: half a minute of pauses.
const MANAGEMENT_RETRIES: u32 = 6;
/// Tries after the first of a request to a vault, which may well be unreachable from here for good.
const VAULT_RETRIES: u32 = 2;

/// What a client is made from.
#[derive(Default)]
pub struct AzureConfig {
    /// Where it is.
    pub cloud: Cloud,
    /// What gets tokens. Required.
    pub credential: Option<Arc<dyn TokenCredential>>,
    /// Instead of the crate's own HTTP client.
    pub transport: Option<Transport>,
    /// PEM certificates to trust besides the system's.
    pub ca_bundle: Option<Vec<u8>>,
    /// Of managed clusters, where a cloud lags behind.
    pub api_version: Option<String>,
    /// Every wait of the crate.
    pub timing: Timing,
}

/// A client of one cloud. Makes no request until it is asked something.
pub(crate) struct Azure {
    cloud: Cloud,
    credential: Arc<dyn TokenCredential>,
    transport: Transport,
    pub(super) managed_clusters_api_version: String,
    pub(super) timing: Timing,
    pub(super) role_definitions: RoleDefinitions,
    pub(super) known_vaults: KnownVaults,
    budgets: Arc<Budgets>,
    connection: OnceCell<Connection>,
}

/// What there is once the cloud's endpoints are known.
struct Connection {
    endpoints: CloudEndpoints,
    management: Pipeline,
    /// Does not retry: its callers know better.
    once: Pipeline,
    vaults: Pipeline,
    /// Sends no token.
    anonymous: Pipeline,
}

impl Connection {
    fn management_url(&self, path: &str, api_version: &str) -> Url {
        let mut url = self.endpoints.resource_manager.clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("api-version", api_version);
        url
    }
}

impl Azure {
    /// Makes a client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the credential is missing, the cloud's address is not plain https, the
    /// api-version is not a date, or the certificates cannot be read.
    pub(crate) fn new(config: AzureConfig) -> Result<Self> {
        let Some(credential) = config.credential else {
            let message =
                "credential is missing; pass one, such as azure_identity::AzureCliCredential";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        config.cloud.validate()?;
        let api_version =
            config.api_version.unwrap_or_else(|| MANAGED_CLUSTERS_API_VERSION.to_owned());
        if !is_api_version(&api_version) {
            let message = format!(
                "api_version is {api_version:?}; pass one such as \"{MANAGED_CLUSTERS_API_VERSION}\""
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let transport = match config.transport {
            Some(transport) => transport,
            None => http_client(config.ca_bundle.as_deref())?,
        };
        Ok(Self {
            cloud: config.cloud,
            credential: Arc::new(BoundedCredential(credential)),
            transport,
            managed_clusters_api_version: api_version,
            budgets: Arc::new(Budgets::new(&config.timing)),
            timing: config.timing,
            role_definitions: Mutex::new(HashMap::new()),
            known_vaults: KnownVaults::default(),
            connection: OnceCell::new(),
        })
    }

    /// The api-version of managed clusters.
    pub(crate) fn managed_clusters_api_version(&self) -> &str {
        &self.managed_clusters_api_version
    }

    /// What follows a vault's name in its host, such as `vault.azure.net`.
    pub(crate) async fn key_vault_suffix(&self) -> Result<&str> {
        Ok(&self.endpoints().await?.key_vault_suffix)
    }

    /// Where the cloud's services are: known, or asked for once.
    pub(super) async fn endpoints(&self) -> Result<&CloudEndpoints> {
        Ok(&self.connection().await?.endpoints)
    }

    /// A token for the Kubernetes API of a cluster that takes Entra tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when the credential gives none.
    pub(crate) async fn entra_token(&self) -> Result<AccessToken> {
        self.credential
            .get_token(&[KUBERNETES_SCOPE], None)
            .await
            .map_err(|error| no_token("sign in to the Kubernetes API", &error))
    }

    /// Sends a request and returns its response, whatever the status.
    pub(super) async fn ask(&self, call: &Call) -> Result<Response> {
        let connection = self.connection().await?;
        let (pipeline, mut url) = match &call.target {
            CallTarget::Management { path, api_version } => {
                (&connection.management, connection.management_url(path, api_version))
            }
            CallTarget::ManagementOnce { path, api_version } => {
                (&connection.once, connection.management_url(path, api_version))
            }
            CallTarget::NextPage(url) => (&connection.management, url.clone()),
            CallTarget::Poll(url) => (&connection.once, url.clone()),
            CallTarget::Vault { host, path } => (&connection.vaults, vault_url(host, path, call)?),
            CallTarget::VaultOnce { host, path } => {
                (&connection.once, vault_url(host, path, call)?)
            }
            CallTarget::Challenge { host, path } => {
                (&connection.anonymous, vault_url(host, path, call)?)
            }
        };
        for (name, value) in &call.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        if connection.endpoints.audience_of(&url).is_none() {
            let host = url.host_str().unwrap_or_default();
            let message = format!(
                "could not {}: {host} is no host of the chosen cloud, and nothing is sent there",
                call.what
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut request = Request::new(url, call.method);
        if let Some(body) = &call.body {
            request.insert_header(CONTENT_TYPE, "application/json");
            request.set_body(body.to_string());
        }
        if let Some(etag) = &call.if_match {
            request.insert_header(IF_MATCH, etag.clone());
        }
        if call.if_none_match {
            request.insert_header("if-none-match", "*");
        }
        send(pipeline, &mut request, &call.what).await
    }

    /// Sends a request and returns its response if it succeeded.
    pub(super) async fn send(&self, call: &Call) -> Result<Response> {
        let response = self.ask(call).await?;
        if (200..300).contains(&response.status) {
            Ok(response)
        } else {
            let mut service = ServiceError::parse(&response.body);
            if matches!(call.target, CallTarget::Vault { .. } | CallTarget::VaultOnce { .. }) {
                // A vault's own code is always `Forbidden`; the reason is inside.
                service.code = service.inner_code.take().or(service.code);
            }
            let writes = call.method != Method::Get;
            Err(refused(&call.what, call.permission(), writes, response.status, &service))
        }
    }

    async fn connection(&self) -> Result<&Connection> {
        self.connection
            .get_or_try_init(|| async {
                let endpoints = match self.cloud.endpoints() {
                    Ok(endpoints) => endpoints,
                    Err(resource_manager) => self.discover(resource_manager).await?,
                };
                let host = endpoints.resource_manager.host_str().unwrap_or_default();
                let throttle: Arc<dyn Policy> = Arc::new(Throttle {
                    budgets: Arc::clone(&self.budgets),
                    resource_manager: host.to_owned(),
                });
                let tokens: Arc<dyn Policy> =
                    Arc::new(TokenPolicy::new(&self.credential, endpoints.clone()));
                let with_token = [Arc::clone(&throttle), tokens];
                Ok(Connection {
                    management: self.pipeline(MANAGEMENT_RETRIES, &with_token),
                    once: self.pipeline(0, &with_token),
                    vaults: self.pipeline(VAULT_RETRIES, &with_token),
                    anonymous: self.pipeline(VAULT_RETRIES, &[throttle]),
                    endpoints,
                })
            })
            .await
    }

    async fn discover(&self, resource_manager: &Url) -> Result<CloudEndpoints> {
        let what = format!("read the endpoints of the cloud {resource_manager}");
        let mut url = resource_manager.clone();
        url.set_path(CloudEndpoints::METADATA_PATH);
        url.query_pairs_mut().append_pair("api-version", CloudEndpoints::METADATA_API_VERSION);
        let pipeline = self.pipeline(MANAGEMENT_RETRIES, &[]);
        let response = send(&pipeline, &mut Request::new(url, Method::Get), &what).await?;
        if response.status != 200 {
            let service = ServiceError::parse(&response.body);
            return Err(refused(&what, "none", false, response.status, &service));
        }
        CloudEndpoints::from_metadata(resource_manager, &response.json(&what)?)
    }

    /// `policies`: what every try of a request passes, besides.
    fn pipeline(&self, retries: u32, policies: &[Arc<dyn Policy>]) -> Pipeline {
        let options = ClientOptions {
            transport: Some(self.transport.clone()),
            retry: RetryOptions::custom(Arc::new(Backoff::new(&self.timing, retries))),
            ..ClientOptions::default()
        };
        let mut per_try: Vec<Arc<dyn Policy>> = vec![Arc::new(UserAgent)];
        per_try.extend(policies.iter().cloned());
        per_try.push(Arc::new(Bounded));
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        Pipeline::new(name, version, options, Vec::new(), per_try, None)
    }
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

async fn send(pipeline: &Pipeline, request: &mut Request, what: &str) -> Result<Response> {
    let options = PipelineStreamOptions { skip_checks: true, ..PipelineStreamOptions::default() };
    // `Pipeline::send` would read a response whole before any policy sees it.
    let response = async {
        let response = pipeline.stream(&Context::new(), request, Some(options)).await?;
        response.try_into_raw_response().await
    };
    let response = response.await.map_err(|error| no_response(what, &error))?;
    let (status, headers, body) = response.deconstruct();
    Ok(Response { status: status.into(), headers, body: body.into() })
}

/// A date, or a date with `-preview`.
fn is_api_version(text: &str) -> bool {
    let date = text.strip_suffix("-preview").unwrap_or(text);
    date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn vault_url(host: &str, path: &str, call: &Call) -> Result<Url> {
    /// The data plane's API version.
    const API_VERSION: &str = "2025-07-01";
    let mut url = Url::parse(&format!("https://{host}/")).map_err(|_| {
        Error::new(ErrorKind::InvalidInput, format!("could not {}: {host:?} is no host", call.what))
    })?;
    url.set_path(path);
    url.query_pairs_mut().append_pair("api-version", API_VERSION);
    Ok(url)
}

/// The HTTP client: as `azure_core` makes it, with more roots where asked for.
///
/// It follows no redirect, so no token travels on to an address that a service names.
fn http_client(ca_bundle: Option<&[u8]>) -> Result<Transport> {
    let unusable = |error: reqwest::Error| {
        let message = format!("ca_bundle cannot be used: {error}; pass certificates in PEM form");
        Error::new(ErrorKind::InvalidInput, message)
    };
    let roots = match ca_bundle {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?,
        None => Vec::new(),
    };
    if ca_bundle.is_some() && roots.is_empty() {
        let message = "ca_bundle has no certificate; pass certificates in PEM form";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_merge(roots)
        .build()
        .map_err(unusable)?;
    Ok(Transport::new(Arc::new(client)))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
