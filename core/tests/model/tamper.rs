//! What others do inside the cluster: to the record, to identity Leases, and with secrets that no
//! namespace has any more, or that are named as the library's own.

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    cluster::{CANARY, Cluster},
    sequence::Forgery,
};

const SYSTEM: &str = "kube-system";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const IDENTITY: &str = "labelSelector=apiserver.kubernetes.io/identity%3Dkube-apiserver";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

async fn is_done(cluster: &Cluster, method: Method, path: &str, body: Option<&Value>) -> bool {
    let answer = cluster.kubectl.ask(method, path, body).await;
    answer.is_some_and(|(status, _)| status.is_success())
}

/// A namespace with a secret in it is made, told to end, and finalized.
pub(crate) async fn orphan(cluster: &Cluster) -> bool {
    let name = cluster.next_name("gone");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let path = format!("/api/v1/namespaces/{name}");
    let made = is_done(cluster, Method::POST, "/api/v1/namespaces", Some(&namespace)).await
        && cluster.kubectl.create(&name, "left", "x").await
        && is_done(cluster, Method::DELETE, &path, None).await;
    let mut emptied = namespace;
    emptied["spec"] = json!({"finalizers": []});
    let finalize = format!("{path}/finalize");
    if made && is_done(cluster, Method::PUT, &finalize, Some(&emptied)).await {
        cluster.orphans.lock().unwrap().push(name);
        return true;
    }
    false
}

/// Deletes what namespaces that are gone have left; those that cannot be deleted stay noted.
pub(crate) async fn delete_orphans(cluster: &Cluster) -> bool {
    let orphans = std::mem::take(&mut *cluster.orphans.lock().unwrap());
    let there = !orphans.is_empty();
    for name in orphans {
        if !cluster.kubectl.delete(&name, "left").await {
            cluster.orphans.lock().unwrap().push(name);
        }
    }
    there
}

/// As a run that died has left it.
pub(crate) async fn leave_canary(cluster: &Cluster) -> bool {
    let canary = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "aks-kms/canary",
        "metadata": {"name": CANARY, "labels": {"app.kubernetes.io/managed-by": "aks-kms"}},
    });
    let path = format!("/api/v1/namespaces/{SYSTEM}/secrets");
    is_done(cluster, Method::POST, &path, Some(&canary)).await
}

/// Somebody's own secret, which nobody else may touch.
pub(crate) async fn take_canarys_name(cluster: &Cluster) -> bool {
    let taken = cluster.kubectl.create(SYSTEM, CANARY, "precious").await;
    *cluster.canarys_name_taken.lock().unwrap() |= taken;
    taken
}

pub(crate) async fn remove_lease(cluster: &Cluster, number: usize) -> bool {
    let path = format!("{LEASES}?{IDENTITY}");
    let Some((_, list)) = cluster.kubectl.ask(Method::GET, &path, None).await else { return false };
    let Some(name) = list["items"][number]["metadata"]["name"].as_str() else { return false };
    is_done(cluster, Method::DELETE, &format!("{LEASES}/{name}"), None).await
}

pub(crate) async fn forge_lease(cluster: &Cluster, renewed: bool) -> bool {
    let name = cluster.next_name("apiserver-forged");
    let hours = i64::from(renewed);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": name,
            "namespace": SYSTEM,
            "labels": {
                "apiserver.kubernetes.io/identity": "kube-apiserver",
                "kubernetes.io/hostname": name,
            },
        },
        "spec": {
            "holderIdentity": format!("{name}_{}", uuid::Uuid::new_v4()),
            "leaseDurationSeconds": 3600,
            "renewTime": micro_time(OffsetDateTime::now_utc() + time::Duration::hours(hours)),
        },
    });
    let forged = is_done(cluster, Method::POST, LEASES, Some(&lease)).await;
    if forged {
        cluster.forged_leases.lock().unwrap().push(name);
    }
    forged
}

fn micro_time(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, micro) = at.to_hms_micro();
    format!(
        "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z",
        u8::from(month)
    )
}

/// Takes back what nothing that belongs to the cluster ever would.
pub(crate) async fn clean(cluster: &Cluster) {
    delete_orphans(cluster).await;
    let forged = std::mem::take(&mut *cluster.forged_leases.lock().unwrap());
    for name in forged {
        is_done(cluster, Method::DELETE, &format!("{LEASES}/{name}"), None).await;
    }
    let taken = std::mem::take(&mut *cluster.canarys_name_taken.lock().unwrap());
    if taken {
        cluster.kubectl.delete(SYSTEM, CANARY).await;
    }
}

/// Puts a record there that was never true.
pub(crate) async fn forge_record(cluster: &Cluster, forgery: Forgery) -> bool {
    let system = format!("/api/v1/namespaces/{SYSTEM}");
    let Some((_, namespace)) = cluster.kubectl.ask(Method::GET, &system, None).await else {
        return false;
    };
    let document = cluster.document();
    let mut record = json!({
        "format": 1,
        "cluster": {
            "uid": namespace["metadata"]["uid"],
            "resource_uid": document["properties"]["resourceUID"],
            "etag": document["eTag"],
        },
        "ledger": {
            "current": proven(cluster.configured().as_deref()),
            "pending": null, "previous": null, "retired": [],
        },
    });
    match forgery {
        Forgery::ProofWithKeyBefore(number) => {
            let others = (1..=5).map(|other| cluster.key(other)).filter(|key| {
                *key != cluster.key(number) && Some(*key) != cluster.configured().as_deref()
            });
            let retired = others.map(|key| json!({"key_id": key, "since": LONG_AGO}));
            record["ledger"]["retired"] = retired.collect();
            record["ledger"]["previous"] = json!({"key_id": cluster.key(number)});
        }
        Forgery::RotationTo(number) => {
            let options = json!({"key_id": cluster.key(number), "reencrypt": true});
            record["operation"] = operation("rotate", &options, cluster, Some(number));
        }
        Forgery::ChangeFrom(number) => {
            record["ledger"]["pending"] = record["ledger"]["current"].take();
            record["ledger"]["current"] = proven(Some(cluster.key(number)));
        }
        Forgery::ClosedVaultOf(number) => {
            record["operation"] = operation("reencrypt_secrets", &json!({}), cluster, None);
            record["operation"]["closed_vault"] = json!(cluster.vault_of(cluster.key(number)));
        }
        Forgery::Garbage => record = json!({"format": 1, "ledger": "none"}),
    }
    let data = json!({"state.json": record.to_string(), "seal": "c29tZWJvZHkncyBvd24="});
    cluster.kubectl.put_record(&data).await
}

fn proven(key: Option<&str>) -> Value {
    json!({
        "key_id": key, "since": LONG_AGO, "proven_at": LONG_AGO,
        "evidence": "metrics", "watermark": "1", "network_mode": "public",
    })
}

fn operation(verb: &str, options: &Value, cluster: &Cluster, target: Option<usize>) -> Value {
    let on = |key: &str| json!({"on": {"key_id": key, "network_mode": "public"}});
    let before = cluster.configured().map_or_else(|| json!("off"), |key| on(&key));
    json!({
        "id": uuid::Uuid::new_v4(), "verb": verb, "options": options,
        "allow": ["key-in-use-unproven", "rollback-unproven"],
        "before": before, "target": target.map(|number| on(cluster.key(number))),
        "watermark": "1", "by": "somebody", "since": LONG_AGO,
    })
}
