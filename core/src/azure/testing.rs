//! An Azure in memory, for tests: scripted responses, and a record of what was asked.

use std::{
    borrow::Borrow,
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{
        AsyncRawResponse, Body, HttpClient, Method, Request, Transport,
        headers::{HeaderName, Headers},
    },
    time::{Duration, OffsetDateTime},
};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::{Azure, AzureConfig, Cloud};
use crate::{ids::ClusterId, options::Timing};

pub(super) const SUBSCRIPTION: &str = "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";

/// Nobody asks as often as this, unless for ever.
const ENDLESS: usize = 5_000;

/// A scripted response.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Response {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// The connection breaks.
    Dropped,
    /// The vault's or service's host does not exist.
    Unreachable,
}

impl Reply {
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Response { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

pub(crate) fn json_reply(status: u16, body: impl Borrow<Value>) -> Reply {
    text_reply(status, &body.borrow().to_string())
}

pub(super) fn text_reply(status: u16, body: &str) -> Reply {
    Reply::Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(super) at: Instant,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Value,
    headers: Vec<(String, String)>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Script {
    routes: Vec<(Method, &'static str, VecDeque<Reply>)>,
    seen: Vec<Seen>,
    scopes: Vec<String>,
}

/// Responses by method and by the longest part of the address that was scripted.
#[derive(Clone, Default)]
pub(crate) struct FakeAzure(Arc<Mutex<Script>>);

impl FakeAzure {
    /// Scripts responses in order; the last one is given again and again.
    pub(crate) fn on(
        &self,
        method: Method,
        part: &'static str,
        replies: impl IntoIterator<Item = Reply>,
    ) {
        let replies = replies.into_iter().collect();
        self.0.lock().unwrap().routes.push((method, part, replies));
    }

    /// Answers every request with this, and forgets what was.
    pub(super) fn always(&self, reply: &Reply) {
        let every = [Method::Get, Method::Post, Method::Put, Method::Patch];
        let routes = every.map(|method| (method, "", VecDeque::from([reply.clone()]))).to_vec();
        *self.0.lock().unwrap() = Script { routes, ..Script::default() };
    }

    pub(super) fn dropped() -> Reply {
        Reply::Dropped
    }

    /// Everything that was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().seen.clone()
    }

    /// The scopes that tokens were asked for, in order.
    pub(super) fn scopes(&self) -> Vec<String> {
        self.0.lock().unwrap().scopes.clone()
    }

    pub(crate) fn client(&self) -> Azure {
        self.client_of(Cloud::Public)
    }

    pub(super) fn client_of(&self, cloud: Cloud) -> Azure {
        Azure::new(self.config(cloud)).unwrap()
    }

    pub(super) fn config(&self, cloud: Cloud) -> AzureConfig {
        AzureConfig {
            cloud,
            credential: Some(Arc::new(self.clone())),
            transport: Some(Transport::new(Arc::new(self.clone()))),
            ca_bundle: None,
            api_version: None,
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for FakeAzure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeAzure")
    }
}

#[async_trait]
impl HttpClient for FakeAzure {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or(Value::Null),
            Body::SeekableStream(_) => Value::Null,
        };
        let mut script = self.0.lock().unwrap();
        assert!(script.seen.len() < ENDLESS, "it is asked without an end");
        script.seen.push(Seen {
            at: Instant::now(),
            method: request.method(),
            url: request.url().clone(),
            body,
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()))
                .collect(),
        });
        let address = request.url().as_str();
        let route = script
            .routes
            .iter_mut()
            .filter(|(method, part, _)| *method == request.method() && address.contains(part))
            .max_by_key(|(_, part, _)| part.len());
        let Some((_, _, replies)) = route else {
            panic!("nothing is scripted for {} {address}", request.method());
        };
        let last = replies.len() == 1;
        let reply = if last { replies.front().cloned() } else { replies.pop_front() };
        match reply.expect("a route has a reply") {
            Reply::Dropped => {
                Err(azure_core::Error::with_message(ErrorKind::Io, "connection reset"))
            }
            Reply::Unreachable => {
                Err(azure_core::Error::with_message(ErrorKind::Connection, "no such host"))
            }
            Reply::Response { status, headers, body } => {
                let mut response = Headers::new();
                for (name, value) in headers {
                    response.insert(HeaderName::from_static(name), value);
                }
                Ok(AsyncRawResponse::from_bytes(status.into(), response, body))
            }
        }
    }
}

#[async_trait]
impl TokenCredential for FakeAzure {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut script = self.0.lock().unwrap();
        script.scopes.push(scopes.join(" "));
        let number = script.scopes.len();
        let expires = OffsetDateTime::now_utc() + Duration::hours(1);
        Ok(AccessToken::new(format!("token-{number}-for-{}", scopes.join(" ")), expires))
    }
}

pub(crate) fn cluster_id() -> ClusterId {
    ClusterId::new(SUBSCRIPTION, "shop", "prod").unwrap()
}

/// A managed cluster without KMS, as Resource Manager returns it.
pub(crate) fn cluster_json() -> Value {
    json!({
        "id": cluster_id().to_string(),
        "name": "prod",
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": "westeurope",
        "tags": { "team": "shop" },
        "eTag": "etag-1",
        "systemData": { "createdBy": "somebody" },
        "sku": { "name": "Base", "tier": "Free" },
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {
                (format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/control")): {
                    "principalId": "aaaaaaaa-0000-4000-8000-000000000001",
                    "clientId": "aaaaaaaa-0000-4000-8000-000000000002"
                }
            }
        },
        "properties": {
            "provisioningState": "Succeeded",
            "powerState": { "code": "Running" },
            "kubernetesVersion": "1.33",
            "currentKubernetesVersion": "1.33.3",
            "maxAgentPools": 100,
            "dnsPrefix": "prod",
            "fqdn": "prod-1.hcp.westeurope.azmk8s.io",
            "fqdnSubdomain": "prod-1",
            "azurePortalFQDN": "portal.example",
            "nodeResourceGroup": "MC_shop_prod_westeurope",
            "resourceUID": "uid-1",
            "agentPoolProfiles": [{
                "name": "system",
                "count": 3,
                "orchestratorVersion": "1.33",
                "currentOrchestratorVersion": "1.33.3",
                "nodeImageVersion": "AKSUbuntu-2204",
                "provisioningState": "Succeeded",
                "powerState": { "code": "Running" },
                "eTag": "pool-1",
                "upgradeSettings": { "maxSurge": "10%" }
            }],
            "networkProfile": { "networkPlugin": "azure" },
            "securityProfile": { "defender": { "securityMonitoring": { "enabled": false } } },
            "identityProfile": { "kubeletidentity": { "clientId": "c" } }
        }
    })
}
