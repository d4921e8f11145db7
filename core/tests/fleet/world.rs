//! A few clusters, each in a subscription and with a vault of its own, which one credential and one transport reach.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aks_kms::{
    ClusterId, Fleet, FleetBuilder, FleetClusters, KeyId, KmsManager, ReencryptSecretsOptions,
    RotateOptions, Subscriptions, Timing,
    azure_core::{
        self,
        credentials::{AccessToken, TokenCredential, TokenRequestOptions},
        http::{
            AsyncRawResponse, Context, HttpClient, Request, Transport,
            headers::{AUTHORIZATION, HeaderName, Headers},
        },
        time::OffsetDateTime,
    },
};
use aks_kms_simulator::{Case, Simulator, backend::GroundTruth};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::common;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Of each key, when a world begins: the one in use is two days old.
pub(crate) const VERSIONS: usize = 2;

/// Clusters, and the one way to all of them.
pub(crate) struct FleetWorld {
    pub(crate) simulator: Simulator,
    pub(crate) cases: Vec<Case>,
    pub(crate) router: Arc<Router>,
}

impl FleetWorld {
    /// Clusters with the first version of their key in use; `given` is added to each, and the last to that of the
    /// same number.
    pub(crate) async fn new(clusters: usize, given: &Value, of_each: &[(usize, Value)]) -> Self {
        let simulator = common::simulator().await;
        let mut cases = Vec::new();
        for number in 0..clusters {
            let mut whole = json!({"cluster": {"kms": {"key": "{{key.1}}"}}, "secrets": {"namespaces": 2, "each": 5}});
            common::world::merge(&mut whole, given.clone());
            for (_, own) in of_each.iter().filter(|(of, _)| *of == number) {
                common::world::merge(&mut whole, own.clone());
            }
            cases.push(simulator.put_case(serde_json::from_value(whole).unwrap()).await.unwrap());
        }
        let router = Arc::new(Router::new(&cases));
        Self { simulator, cases, router }
    }

    pub(crate) fn id(&self, number: usize) -> ClusterId {
        ClusterId::parse(&self.cases[number].cluster_id).unwrap()
    }

    /// A fleet of all of them, in their order.
    pub(crate) fn fleet(&self) -> Fleet {
        let ids: Vec<ClusterId> = (0..self.cases.len()).map(|number| self.id(number)).collect();
        self.builder(ids).build().unwrap()
    }

    pub(crate) fn subscriptions(&self) -> Subscriptions {
        Subscriptions::Ids(self.cases.iter().map(|case| case.subscription_id.clone()).collect())
    }

    pub(crate) fn builder(&self, clusters: impl Into<FleetClusters>) -> FleetBuilder {
        builder(&self.router, &self.cases[0], clusters)
    }

    pub(crate) async fn truth(&self, number: usize) -> GroundTruth {
        self.simulator.secrets(&self.cases[number].id).await.unwrap()
    }

    /// The key that a cluster is set to.
    pub(crate) fn key(&self, number: usize) -> KeyId {
        let cluster = self.simulator.cluster(&self.cases[number].id).unwrap();
        let key = &cluster["properties"]["securityProfile"]["azureKeyVaultKms"]["keyId"];
        KeyId::parse(key.as_str().unwrap()).unwrap()
    }

    pub(crate) fn has_rotated(&self, number: usize) -> bool {
        self.key(number).as_str() != self.cases[number].key_ids[0]
    }

    /// How many versions a cluster's key has.
    pub(crate) async fn versions(&self, number: usize) -> usize {
        let az = common::az::Az::login(&self.cases[number]).await;
        az.key_versions(&self.cases[number].key_vault_id, self.key(number).name()).await.len()
    }

    /// Every secret of a cluster is under the key in use, and none is lost.
    pub(crate) async fn is_proven(&self, number: usize) {
        let truth = self.truth(number).await;
        assert_eq!(truth.unreadable, 0, "cluster {number}: {truth:?}");
        let under = truth.by_key.get(self.key(number).as_str());
        assert_eq!(under, Some(&truth.total), "cluster {number}: {truth:?}");
    }

    pub(crate) async fn faults(&self, number: usize, faults: Value) {
        let faults = serde_json::from_value(faults).unwrap();
        self.simulator.set_faults(&self.cases[number].id, faults).await.unwrap();
    }

    /// A manager of one of them, as on another machine.
    pub(crate) fn manager(&self, number: usize) -> KmsManager {
        common::manager(&self.cases[number])
    }

    /// Every secret of each cluster is proven to be under the key in use.
    pub(crate) async fn prove(&self) {
        for number in 0..self.cases.len() {
            let options = ReencryptSecretsOptions::default();
            assert!(self.manager(number).reencrypt_secrets(options).await.unwrap().is_proven());
        }
    }
}

/// A fleet that reaches the clusters of these cases.
pub(crate) fn builder(
    router: &Arc<Router>,
    case: &Case,
    clusters: impl Into<FleetClusters>,
) -> FleetBuilder {
    Fleet::builder(clusters)
        .cloud(case.arm.parse().unwrap())
        .credential(Arc::clone(router) as Arc<dyn TokenCredential>)
        .transport(Transport::new(Arc::clone(router) as Arc<dyn HttpClient>))
        .timing(Timing::scaled(common::SCALE))
        // Resource Graph is asked for no subscription by its path.
        .resource_graph(false)
}

/// What rotates keys that are older than a day.
pub(crate) fn daily() -> RotateOptions {
    RotateOptions { when_older_than: Some(DAY), ..RotateOptions::default() }
}

/// Sends each request to the case that it is about, with that case's own token.
#[derive(Debug)]
pub(crate) struct Router {
    ways: Vec<Way>,
    script: Mutex<Script>,
}

struct Way {
    subscription: String,
    vault: String,
    transport: Transport,
    credential: Arc<dyn TokenCredential>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.subscription)
    }
}

/// What is asked, and what is answered in place of the case.
#[derive(Debug, Default)]
struct Script {
    /// By a part of the address: how many requests are refused as too many, and what `Retry-After` they get.
    too_many: HashMap<String, (usize, u64)>,
    /// When, method and address, and whether it was refused.
    asked: Vec<Asked>,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) refused: bool,
}

impl Router {
    pub(crate) fn new(cases: &[Case]) -> Self {
        let way = |case: &Case| Way {
            subscription: case.subscription_id.to_ascii_lowercase(),
            vault: KeyId::parse(&case.key_ids[0]).unwrap().host().to_owned(),
            transport: case.transport(),
            credential: case.credential(),
        };
        Self { ways: cases.iter().map(way).collect(), script: Mutex::default() }
    }

    /// The one way to all clusters of a fleet.
    pub(crate) fn of_fleet(fleet: &aks_kms_simulator::Fleet) -> Self {
        let way = Way {
            subscription: String::new(),
            vault: String::new(),
            transport: fleet.transport(),
            credential: fleet.credential(),
        };
        Self { ways: vec![way], script: Mutex::default() }
    }

    /// So many requests to addresses with this part are refused.
    pub(crate) fn refuse(&self, part: &str, times: usize, retry_after: u64) {
        self.script.lock().unwrap().too_many.insert(part.to_owned(), (times, retry_after));
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// `Retry-After`, if it is refused.
    fn judge(&self, request: &Request) -> Option<u64> {
        let url = request.url().to_string();
        let mut script = self.script.lock().unwrap();
        let mut rules = script.too_many.iter_mut();
        let rule = rules.find(|(part, (left, _))| *left > 0 && url.contains(part.as_str()));
        let refused = rule.map(|(_, (left, seconds))| {
            *left -= 1;
            *seconds
        });
        let method = request.method().to_string();
        script.asked.push(Asked { at: Instant::now(), method, url, refused: refused.is_some() });
        refused
    }
}

#[async_trait]
impl HttpClient for Router {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if let Some(seconds) = self.judge(request) {
            let mut headers = Headers::new();
            headers.insert(HeaderName::from_static("retry-after"), seconds.to_string());
            let body = json!({"error": {"code": "TooManyRequests", "message": "too many"}});
            return Ok(AsyncRawResponse::from_bytes(429.into(), headers, body.to_string()));
        }
        let (url, host) = (request.url().path().to_ascii_lowercase(), request.url().host_str());
        let is_about = |way: &&Way| url.contains(&way.subscription) || host == Some(&way.vault);
        let way = self.ways.iter().find(is_about).unwrap_or(&self.ways[0]);
        let mut request = request.clone();
        // What this credential gave is the scope that it was asked for.
        let scope = request.headers().get_optional_str(&AUTHORIZATION).map(str::to_owned);
        if let Some(scope) = scope.as_deref().and_then(|it| it.strip_prefix("Bearer ")) {
            let token = way.credential.get_token(&[scope], None).await?;
            request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        }
        way.transport.send(&Context::new(), &mut request).await
    }
}

#[async_trait]
impl TokenCredential for Router {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires_on = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken { token: scopes[0].to_owned().into(), expires_on })
    }
}
