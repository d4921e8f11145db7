//! How much a thousand clusters cost: the simulator as a process, whose memory is nobody else's.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aks_kms_simulator::{Case, Fleet, requests::RequestCounts};
use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{AKS, Caller, KEY_VAULT};

/// The simulator, until it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts it: with a case, which tells where everything is.
    fn start() -> (Self, Case) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aks-kms-simulator"));
        command.args(["--port", "0"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let case = serde_json::Deserializer::from_reader(stdout).into_iter().next().unwrap();
        (Self(child), case.unwrap())
    }

    /// Resident memory in MB.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

/// A thousand clusters, as a company has them.
fn given() -> Value {
    let secrets = json!({ "namespaces": 5, "each": 10 });
    let kms = json!({ "kms": { "key": "{{key.1}}" } });
    json!({
        "subscriptions": 50,
        "clusters": 1000,
        "given": { "cluster": kms, "secrets": secrets },
        "some": [
            { "name": "private", "share": 0.1, "given": {
                "cluster": {
                    "private_cluster": true, "vnet_integration": true,
                    "kms": { "key": "{{key.1}}", "network_mode": "private" },
                },
                "vault": { "public_access": false },
                "secrets": secrets,
            } },
            { "name": "v1", "share": 0.05, "given": {
                "cluster": { "kubernetes_version": "1.26.6", "kms": { "key": "{{key.1}}" } },
                "secrets": secrets,
            } },
            { "name": "none", "share": 0.1, "given": { "secrets": secrets } },
            { "name": "failed", "share": 0.02, "given": {
                "cluster": { "kms": { "key": "{{key.1}}" }, "failed_change": { "key": "{{key.2}}" } },
                "secrets": secrets,
            } },
            { "name": "unreachable", "share": 0.01, "given": {
                "cluster": kms,
                "faults": { "kubernetes": [{ "path": "", "status": 0 }] },
            } },
        ],
    })
}

/// What a look at a cluster reads: the cluster, its vault, its key, and its secrets without their values.
async fn look(caller: &Caller, index: usize) {
    let cluster = &caller.fleet.clusters[index];
    let document = caller.cluster(&cluster.cluster_id).await;
    assert!(document["id"].as_str().unwrap().eq_ignore_ascii_case(&cluster.cluster_id));
    let group = cluster.cluster_id.split("/providers/").next().unwrap();
    let vault = format!("kv-{}", cluster.case);
    caller
        .get(&format!(
            "{group}/providers/Microsoft.KeyVault/vaults/{vault}?api-version={KEY_VAULT}"
        ))
        .await;
    let versions = format!("https://{vault}.vault.azure.net/keys/etcd/versions");
    let expected = if cluster.name == "private" { 403 } else { 200 };
    assert_eq!(caller.vault(Method::GET, &versions).await.status(), expected);
    let credential = caller.credential(&cluster.cluster_id).await;
    match caller.secrets(&credential).await {
        Ok(list) => assert_eq!(list["items"].as_array().unwrap().len(), 50),
        Err(_) => assert_eq!(cluster.name, "unreachable"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clusters_take_little_time_and_memory() {
    let (process, case) = Process::start();
    let http = reqwest::Client::new();
    let admin = |method: Method, path: &str| {
        http.request(method, format!("{}{path}", case.admin)).bearer_auth(&case.admin_token)
    };
    let empty = process.resident();
    let begun = Instant::now();
    let response = admin(Method::PUT, "/fleets").json(&given()).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let fleet: Fleet = response.json().await.unwrap();
    assert_eq!((fleet.clusters.len(), fleet.subscription_ids.len()), (1000, 50));
    let named = |name: &str| fleet.clusters.iter().filter(|cluster| cluster.name == name).count();
    assert_eq!(
        ["private", "v1", "none", "failed", "unreachable"].map(named),
        [100, 50, 100, 20, 10]
    );
    let (made, made_in) = (process.resident(), begun.elapsed());

    let caller = Caller::sign_in(fleet).await;
    let begun = Instant::now();
    for subscription in &caller.fleet.subscription_ids {
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters\
             ?api-version={AKS}"
        );
        assert_eq!(caller.list(&path).await.0.len(), 20);
    }
    let (listed, listed_in) = (process.resident(), begun.elapsed());

    let begun = Instant::now();
    stream::iter(0..1000).for_each_concurrent(32, |index| look(&caller, index)).await;
    let (touched, touched_in) = (process.resident(), begun.elapsed());
    let begun = Instant::now();
    stream::iter(0..1000).for_each_concurrent(32, |index| look(&caller, index)).await;
    let (again, again_in) = (process.resident(), begun.elapsed());
    println!(
        "1,000 clusters: made in {made_in:.1?} with {} MB, listed in {listed_in:.1?} with {} MB, touched in \
         {touched_in:.1?} with {} MB, touched again in {again_in:.1?} with {} MB",
        made - empty,
        listed.saturating_sub(empty),
        touched.saturating_sub(empty),
        again.saturating_sub(empty),
    );
    let last = &caller.fleet.clusters[999].case;
    let counts: RequestCounts = admin(Method::GET, &format!("/cases/{last}/requests"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(counts, RequestCounts { entra: 0, arm: 6, vault: 2, kubernetes: 2 });
    let truth = admin(Method::GET, &format!("/cases/{last}/secrets")).send().await.unwrap();
    assert_eq!(truth.json::<Value>().await.unwrap()["total"], 50);
    // half a megabyte a cluster; who asks for one of a thousand does not pay for the others
    assert!(made.saturating_sub(empty) < 50, "{made} MB");
    assert!(touched < 512, "{touched} MB");
    assert!(made_in + listed_in + touched_in < Duration::from_secs(120), "{touched_in:?}");
    let path = format!("/fleets/{}", caller.fleet.id);
    assert_eq!(admin(Method::DELETE, &path).send().await.unwrap().status(), 204);
}
