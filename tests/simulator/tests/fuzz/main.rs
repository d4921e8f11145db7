//! Whatever is sent to the simulator, it answers as Azure, Entra, Key Vault and Kubernetes do.
//!
//! `AKS_KMS_FUZZ_SECONDS` says for how long (5), `AKS_KMS_FUZZ_SEED` with which requests; without
//! it they are new each time, and the seed is printed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a seed that nobody sees can't be used again")]

mod mutate;
mod random;
mod routes;
mod shapes;
mod surface;
mod wire;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aks_kms_simulator::{Case, Options, Simulator, clock::TimeScale};
use random::Random;
use serde_json::{Value, json};
use surface::{Makings, Surface};
use wire::{Endpoint, Request};

/// Requests are sent by this many at a time.
const SENDERS: u64 = 8;
/// A case takes this many requests; then most of what there was is deleted or broken.
const REQUESTS_A_CASE: usize = 500;
/// So many wrong answers are shown.
const SHOWN: usize = 12;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What came of the requests.
#[derive(Default)]
struct Found {
    statuses: Mutex<BTreeMap<String, usize>>,
    complaints: Mutex<Vec<String>>,
}

impl Found {
    fn count(&self, what: &str) {
        *self.statuses.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    fn complain(&self, complaint: String) {
        self.complaints.lock().unwrap().push(complaint);
    }
}

/// Panics of this process so far; every server runs in it.
fn count_panics() -> Arc<Mutex<Vec<String>>> {
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&panics);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        seen.lock().unwrap().push(info.to_string());
        usual(info);
    }));
    panics
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_in_the_shape_of_its_surface() {
    let seconds = number("AKS_KMS_FUZZ_SECONDS").unwrap_or(5);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("AKS_KMS_FUZZ_SEED").unwrap_or(now.as_secs());
    eprintln!("AKS_KMS_FUZZ_SEED={seed} AKS_KMS_FUZZ_SECONDS={seconds}");
    let panics = count_panics();
    let options = Options { scale: TimeScale(0.001), ..Options::default() };
    let simulator = Arc::new(Simulator::start(options).await.unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let found = Arc::new(Found::default());
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let (simulator, found) = (simulator.clone(), found.clone());
        let seed = seed.wrapping_add(sender.wrapping_mul(0x5851_f42d_4c95_7f2d));
        senders.spawn(async move {
            let mut random = Random::new(seed);
            while Instant::now() < until {
                attack(&simulator, &mut random, until, &found).await;
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    let statuses = found.statuses.lock().unwrap();
    eprintln!("{} answers: {statuses:#?}", statuses.values().sum::<usize>());
    let complaints = found.complaints.lock().unwrap();
    let first = complaints.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(
        complaints.is_empty(),
        "AKS_KMS_FUZZ_SEED={seed}: {} wrong answers:\n{first}",
        complaints.len()
    );
    let panics = panics.lock().unwrap();
    assert!(panics.is_empty(), "AKS_KMS_FUZZ_SEED={seed}: {panics:#?}");
    for surface in Surface::ALL {
        let answered = |what: &str| {
            let start = format!("{surface:?} {what}");
            statuses.keys().any(|status| status.starts_with(&start))
        };
        assert!(answered("2") && answered("4"), "{surface:?} was not really asked: {statuses:?}");
    }
}

/// Sends requests to new cases until they are worn out.
async fn attack(simulator: &Simulator, random: &mut Random, until: Instant, found: &Found) {
    let given = json!({
        "cluster": { "kms": { "key": "{{key.1}}" }, "entra": true },
        "vault": { "purge_protection": random.one_in(2),
            "authorization": if random.one_in(3) { "access-policy" } else { "rbac" } },
        "secrets": { "namespaces": 2, "each": 3 },
    });
    // Their API servers lose their secrets when their Azure breaks: each surface has its own case.
    let mut cases = Vec::new();
    for _ in 0..3 {
        let given = serde_json::from_value(given.clone()).unwrap();
        cases.push(simulator.put_case(given).await.unwrap());
    }
    let [case, quiet, administered] = cases.as_slice() else { unreachable!() };
    let makings = makings(simulator, case, quiet, administered).await;
    let connections = |url: &str| Endpoint::new(url, &case.ca).connections();
    let mut azure = connections(&case.arm);
    let mut kubernetes = connections(&quiet.kubernetes);
    let mut administration = connections(simulator.admin());
    let port = case.identity_endpoint.trim_end_matches("/msi/token");
    let mut identity = connections(port);
    for _ in 0..REQUESTS_A_CASE {
        if Instant::now() >= until {
            break;
        }
        let surface = Surface::any(random);
        let mut request = makings.request(surface, random);
        let endpoint = match surface {
            Surface::Kubernetes => &mut kubernetes,
            Surface::Administration => &mut administration,
            Surface::ManagedIdentity => &mut identity,
            _ => &mut azure,
        };
        if request.host == "127.0.0.1" && !random.one_in(50) {
            request.host = endpoint.authority();
        }
        let answer = endpoint.send(&request).await;
        if request.breaks_off {
            continue;
        }
        match answer {
            Err(error) => {
                found.complain(format!("{error}: {}", shown(surface, &request)));
            }
            Ok(answer) => {
                found.count(&format!("{surface:?} {}", answer.status));
                if let Some(wrong) = shapes::wrong(surface, &request, &answer) {
                    let body = String::from_utf8_lossy(&answer.body);
                    let request = shown(surface, &request);
                    found.complain(format!("{wrong}: {request}\n{}\n{body}", answer.headers));
                }
            }
        }
    }
    for case in &cases {
        // The administration may have ended it.
        let _ = simulator.delete_case(&case.id);
    }
}

fn shown(surface: Surface, request: &Request) -> String {
    let Request { method, host, target, body, headers, .. } = request;
    let headers: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name != "authorization")
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let body = String::from_utf8_lossy(&body[..body.len().min(2000)]);
    format!("{surface:?} {method} {target} of {host}, {headers:?}: {body}")
}

async fn makings(simulator: &Simulator, case: &Case, quiet: &Case, administered: &Case) -> Makings {
    let arm_token = token(case, &case.arm).await;
    let vault_token = token(case, "https://vault.azure.net").await;
    let entra_token = token(quiet, "6dae42f8-4368-4678-94ff-3960e28e3630").await;
    let others = token(administered, &case.arm).await;
    let endpoint = simulator.kubernetes(&quiet.id).unwrap().endpoint();
    let mut forged = arm_token.clone();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    Makings {
        tokens: vec![
            forged,
            others,
            arm_token.clone(),
            vault_token.clone(),
            entra_token,
            endpoint.user_token,
        ],
        kubernetes_token: endpoint.admin_token,
        cluster: simulator.cluster(&case.id).unwrap(),
        vault: json!({ "location": "eastus", "tags": {}, "properties": {
            "tenantId": case.tenant_id, "sku": { "family": "A", "name": "standard" },
            "enableRbacAuthorization": true, "accessPolicies": [], "enablePurgeProtection": true,
            "softDeleteRetentionInDays": 90, "publicNetworkAccess": "Enabled",
        }}),
        administered: administered.id.clone(),
        case: case.clone(),
        arm_token,
        vault_token,
        graph_token: token(case, &format!("{}/graph", case.arm)).await,
    }
}

async fn token(case: &Case, resource: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &case.client_id),
        ("client_secret", &case.client_secret),
        ("scope", &format!("{resource}/.default")),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request {
        method: "POST".to_owned(),
        host: "127.0.0.1".to_owned(),
        target: format!("/{}/oauth2/v2.0/token", case.tenant_id),
        headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        body: body.into_bytes(),
        breaks_off: false,
    };
    let answer = Endpoint::new(&case.arm, &case.ca).connections().send(&request).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}
