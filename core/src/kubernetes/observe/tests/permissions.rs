//! What may be done there, and what admission lets through.

use super::*;
use crate::facts::{DeniedPatch, Permission};

fn right(verb: &str, resource: &str, namespace: Option<&str>) -> Permission {
    Permission {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(ToOwned::to_owned),
    }
}

#[tokio::test]
async fn a_status_reads_only_and_asks_for_the_rights_to_read() {
    let cluster = Cluster {
        denied_rights: ["get /metrics", "list leases kube-system"].into(),
        ..Cluster::default()
    };
    let scope = ObserveScope {
        needs: Needs::Status,
        dry_run_patches: false,
        count_secrets: false,
        ..REWRITE
    };
    let (facts, asked) = look(cluster, scope).await;
    let missing =
        vec![right("list", "leases", Some("kube-system")), right("get", "/metrics", None)];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
    assert_eq!(facts.secrets, Fact::Unknown("not asked for".to_owned()));
    assert!(
        asked.iter().all(|asked| asked.method == Method::GET || asked.path.contains("selfsubject"))
    );
    assert!(!asked.iter().any(|asked| asked.path.contains("/secrets")));
}

#[tokio::test]
async fn who_rewrites_needs_to_see_which_api_servers_there_are() {
    let cluster =
        Cluster { denied_rights: ["list leases kube-system"].into(), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    let missing = vec![right("list", "leases", Some("kube-system"))];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
}

#[tokio::test]
async fn rights_that_a_rewrite_needs_are_named_when_missing() {
    let cluster = Cluster {
        denied_rights: ["patch secrets", "list namespaces", "create secrets kube-system"].into(),
        ..Cluster::default()
    };
    let (facts, _) = look(cluster, REWRITE).await;
    let missing = vec![
        right("create", "secrets", Some("kube-system")),
        right("list", "namespaces", None),
        right("patch", "secrets", None),
    ];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
    assert_eq!(facts.denied_patches, Fact::Unknown("patch on secrets is not allowed".to_owned()));
}

/// Nobody shall grant the right to read every secret for the sake of one.
#[tokio::test]
async fn the_right_to_read_the_seal_is_one_to_read_nothing_else() {
    let cluster =
        Cluster { denied_rights: ["get secrets kube-system"].into(), ..Cluster::default() };
    for needs in [Needs::Status, Needs::Rewrite] {
        let (facts, _) =
            look(cluster.clone(), ObserveScope { needs, journal: true, ..REWRITE }).await;
        let missing = vec![right("get", "secrets/aks-kms-seal", Some("kube-system"))];
        assert_eq!(facts.missing_permissions, Fact::Known(missing), "{needs:?}");
    }
}

#[tokio::test]
async fn rights_in_the_given_namespaces_are_enough_for_these() {
    let cluster = Cluster {
        denied_rights: ["list secrets", "patch secrets", "patch secrets team", "list namespaces"]
            .into(),
        forbidden: ["/api/v1/secrets", "/api/v1/namespaces"].into(),
        ..Cluster::default()
    };
    let namespaces = ["kube-system".to_owned(), "team".to_owned()];
    let scope = ObserveScope { namespaces: Some(&namespaces), ..REWRITE };
    let (facts, _) = look(cluster, scope).await;
    assert_eq!(
        facts.missing_permissions,
        Fact::Known(vec![right("patch", "secrets", Some("team"))])
    );
    assert_eq!(facts.secrets, Fact::Known(3));
}

#[tokio::test]
async fn a_canary_that_may_not_be_patched_does_not_keep_admission_from_being_asked() {
    let cluster =
        Cluster { denied_rights: ["patch secrets kube-system"].into(), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    let missing = vec![right("patch", "secrets", Some("kube-system"))];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
    assert_eq!(facts.denied_patches, Fact::Known(vec![]));
}

#[tokio::test]
async fn a_right_that_is_missing_twice_is_named_once() {
    let cluster = Cluster {
        denied_rights: ["patch secrets", "patch secrets kube-system"].into(),
        ..Cluster::default()
    };
    let namespaces = ["kube-system".to_owned()];
    let scope = ObserveScope { namespaces: Some(&namespaces), ..REWRITE };
    let missing = vec![right("patch", "secrets", Some("kube-system"))];
    assert_eq!(look(cluster, scope).await.0.missing_permissions, Fact::Known(missing));
}

#[tokio::test]
async fn what_admission_denies_is_named() {
    let cluster = Cluster { patch_status: Some(403), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    let denied = |secret: &str| DeniedPatch {
        secret: secret.to_owned(),
        message: "admission webhook \"a\" denied the request with code 403".to_owned(),
    };
    assert_eq!(facts.denied_patches, Fact::Known(vec![denied("kube-system/a"), denied("team/c")]));
}

#[tokio::test]
async fn a_canary_that_admission_denies_is_told() {
    for (status, denied) in [(201, false), (409, true), (403, true), (429, true), (500, true)] {
        let cluster = Cluster { canary_status: Some(status), ..Cluster::default() };
        let (facts, _) = look(cluster, REWRITE).await;
        let expected = denied.then(|| DeniedPatch {
            secret: "kube-system/aks-kms-canary".to_owned(),
            message: format!("admission webhook \"a\" denied the request with code {status}"),
        });
        assert_eq!(facts.denied_canary, Fact::Known(expected));
        assert_eq!(facts.denied_patches, Fact::Known(vec![]));
    }
    let cluster = Cluster { canary_status: Some(503), ..Cluster::default() };
    assert!(matches!(look(cluster, REWRITE).await.0.denied_canary, Fact::Unknown(_)));
}

#[tokio::test]
async fn an_admission_that_could_not_be_asked_is_unknown() {
    let cluster = Cluster { patch_status: Some(503), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    assert!(matches!(facts.denied_patches, Fact::Unknown(_)));
}
