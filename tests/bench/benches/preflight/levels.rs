//! Requests by level: which were sent before any was answered, which after the first answers, and so on.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use aks_kms_simulator::requests::Seen;

/// A kind of request: a part of its path, what it is for, and what it waits for and why.
const KINDS: &[(&str, &str, &str)] = &[
    ("oauth2", "a token of Entra", "nothing"),
    (
        "listClusterUserCredential",
        "where the API server is",
        "the token: Resource Manager wants it",
    ),
    (
        "/resources",
        "the vault by its name",
        "the cluster: its tenant and subscription are searched",
    ),
    (
        "roleAssignments",
        "the identity's roles at the key",
        "the vault's resource id, which the scope begins with",
    ),
    ("roleDefinitions", "what a role grants", "the assignments, which name it"),
    (
        "diagnosticSettings",
        "whether the vault keeps logs",
        "the vault's resource id, which the path begins with",
    ),
    ("userAssignedIdentities", "the cluster's identity", "the cluster, which names it"),
    ("/keys/", "the key", "the vault's resource id, which the path begins with"),
    ("microsoft.keyvault/vaults/", "the vault", "its resource id, from the search or the caller"),
    ("managedclusters/", "the cluster", "the token: Resource Manager wants it"),
    ("/api/v1/nodes", "the nodes' resource groups", "where the API server is"),
    ("selfsubjectaccessreviews", "which rights there are", "where the API server is"),
    (
        "/secrets/aks-kms-seal",
        "the key of the record's seal",
        "the record, which has a seal or none",
    ),
    ("configmaps/aks-kms", "the record", "where the API server is"),
    ("/namespaces/kube-system/pods", "whether Konnectivity runs", "where the API server is"),
    (
        "/namespaces/kube-system/secrets",
        "secrets of kube-system, or the canary",
        "the rights, or where the API server is",
    ),
    (
        "/namespaces/kube-system",
        "how far etcd has come",
        "the record: one that is newer is of another etcd",
    ),
    (
        "/secrets/",
        "whether admission denies a patch (dry run)",
        "the names of secrets, and the right to patch",
    ),
    ("/secrets", "names of secrets", "the list of namespaces, or where the API server is"),
    ("/api/v1/namespaces", "the namespaces", "where the API server is"),
    ("/metrics", "whether metrics can be read", "where the API server is"),
    ("readyz", "whether an API server is ready", "where the API server is"),
];

/// A line for each level and kind: how many requests, for what, and what they waited for.
pub(crate) fn table(seen: &[Seen], latency: Duration) -> String {
    let mut levels: Vec<usize> = Vec::new();
    for request in seen {
        // What was answered before this one was sent.
        let before = seen.iter().zip(&levels);
        let before = before.filter(|(earlier, _)| earlier.at + latency <= request.at);
        levels.push(before.map(|(_, level)| level + 1).max().unwrap_or(1));
    }
    let mut rows: BTreeMap<(usize, &str), (usize, &str)> = BTreeMap::new();
    for (request, level) in seen.iter().zip(&levels) {
        let path = request.path.to_ascii_lowercase();
        let kind = KINDS.iter().find(|(part, ..)| path.contains(&part.to_ascii_lowercase()));
        let (what, waits) =
            kind.map_or((request.path.as_str(), ""), |(_, what, waits)| (what, waits));
        let row = rows.entry((*level, what)).or_insert((0, waits));
        row.0 += 1;
    }
    let depth = levels.iter().max().copied().unwrap_or_default();
    let mut text = format!("{} requests, {depth} round trips deep\n", seen.len());
    for ((level, what), (count, waits)) in rows {
        let _ = writeln!(text, "  {level}  {count:>3} x {what:<44} waits for {waits}");
    }
    text
}
