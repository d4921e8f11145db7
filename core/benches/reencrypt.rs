//! How fast secrets are rewritten: `make bench`.
//!
//! The client and the simulator share this process and its cores, so the figures compare paces and
//! sizes with each other, not with a real API server.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use std::io::Write;

use aks_kms::{ClusterId, KmsManager, Pace, ReencryptOptions, ReencryptSecretsOptions};
use aks_kms_simulator::{Options, Simulator, given};

const RUNS: usize = 3;

fn main() {
    // `cargo test --benches` only asks whether it builds
    if std::env::args().any(|argument| argument == "--bench") {
        tokio::runtime::Runtime::new().unwrap().block_on(measure());
    }
}

async fn measure() {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:>8} {:>7} {:>12} {:>19}",
        "secrets", "pace", "rewrites/s", "requests a secret"
    )
    .unwrap();
    for secrets in [1_000, 10_000] {
        for pace in [Pace::Gentle, Pace::Fast] {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                runs.push(run(secrets, pace).await);
            }
            runs.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (rate, requests) = runs[RUNS / 2];
            let pace = format!("{pace:?}").to_lowercase();
            writeln!(out, "{secrets:>8} {pace:>7} {rate:>12.0} {requests:>19.3}").unwrap();
        }
    }
}

/// Rewrites this many secrets; gives rewrites a second and requests a secret.
#[expect(clippy::cast_precision_loss, reason = "rates")]
async fn run(secrets: usize, pace: Pace) -> (f64, f64) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given = given::Given {
        cluster: given::Cluster {
            kms: Some(given::Kms {
                key: Some("{{key.1}}".to_owned()),
                enabled: true,
                network_mode: given::NetworkMode::Public,
                previous: None,
            }),
            ..given::Cluster::default()
        },
        secrets: given::Secrets {
            namespaces: 10,
            each: secrets / 10,
            under: Some("plaintext".to_owned()),
            ..given::Secrets::default()
        },
        ..given::Given::default()
    };
    let case = simulator.put_case(given).await.unwrap();
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id).unwrap())
        .credential(case.credential())
        .cloud(case.arm.parse().unwrap())
        .transport(case.transport())
        .build()
        .unwrap();
    let reencrypt = ReencryptOptions { pace, ..ReencryptOptions::default() };
    let options = ReencryptSecretsOptions { reencrypt, ..ReencryptSecretsOptions::default() };
    let report = manager.reencrypt_secrets(options).await.unwrap();
    let pass = &report.reencryption[0];
    assert_eq!(pass.counts.rewritten, secrets as u64);
    (pass.secrets_per_second, pass.requests as f64 / secrets as f64)
}
