//! Lists that expire, break off, or stop at a secret that nobody can decrypt; and clusters that
//! go back in time.

use std::sync::Arc;

use aks_kms::{BlockedReason, ErrorKind, Phase, ReencryptOptions, ReencryptSecretsOptions};
use serde_json::{Value, json};

use crate::world::{World, block_on, during, only};

fn plaintext(namespaces: usize, each: usize, faults: &Value) -> Value {
    json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": namespaces, "each": each, "under": "plaintext"},
        "faults": faults,
    })
}

fn give_up(names: &[&str]) -> ReencryptSecretsOptions {
    ReencryptSecretsOptions {
        give_up_secrets: names.iter().map(|&name| name.to_owned()).collect(),
        ..ReencryptSecretsOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_continue_token_is_gone_on_from_or_the_list_begins_again() {
    for without_token in [false, true] {
        let faults = json!({"continue_expires_after": 1, "continue_without_token": without_token});
        let world = World::new(plaintext(2, 1_100, &faults)).await;
        let pass = world.pass().await;
        assert!(pass.complete, "{without_token}: {pass:#?}");
        assert_eq!((pass.counts.total, pass.counts.rewritten), (2_201, 2_200), "{without_token}");
        assert_eq!(world.patches(), 2_201, "{without_token}: each once");
        world.assert_all_under(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_compacted_in_the_middle_of_a_list() {
    let world = World::new(plaintext(1, 1_600, &json!({}))).await;
    let embedded = Arc::clone(&world.embedded);
    let options = during(Phase::Reencrypt, 1, move || embedded.compact());
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete && pass.counts.rewritten == 1_600, "{pass:#?}");
    world.assert_all_under(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streaming_list_that_breaks_off_is_read_again_and_nothing_is_asked_twice() {
    let world = World::new(plaintext(2, 50, &json!({"streaming_breaks_after": 7}))).await;
    let pass = world.pass().await;
    assert!(pass.complete, "{pass:#?}");
    assert_eq!(world.patches(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_watch_every_secret_is_asked_a_second_time() {
    let mut given = plaintext(2, 5, &json!({}));
    given["access"] = json!({"kubernetes_lacks": [{"verb": "watch", "resource": "secrets"}]});
    let world = World::new(given).await;
    let pass = world.pass().await;
    assert!(pass.complete, "{pass:#?}");
    assert_eq!(world.patches(), 22);
}

/// Whoever takes an error for the end of a list loses what comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_never_answered_is_an_error_and_not_the_end_of_the_list() {
    let next_page = json!({"method": "GET", "path": "continue=", "status": 500});
    let world = World::new(plaintext(1, 1_200, &json!({"kubernetes": [next_page]}))).await;
    let error = world.reencrypt().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("namespace team-1 could not be listed"), "{error}");
    let report = error.report().unwrap();
    assert!(report.reencryption.iter().all(|pass| !pass.complete));

    world.faults(json!({})).await;
    assert!(world.pass().await.complete);
    world.assert_all_under(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_fail_for_a_while_are_asked_again() {
    let pages = json!([
        {"method": "GET", "path": "/secrets?", "status": 500, "times": 2},
        {"method": "GET", "path": "/secrets?", "status": 429, "retry_after": 1, "times": 1},
        {"method": "GET", "path": "/secrets?", "status": 0, "times": 1},
        {"method": "GET", "path": "/namespaces?", "status": 503, "times": 2, "after": 1},
    ]);
    let world = World::new(plaintext(2, 5, &json!({}))).await;
    let options = world.faults_when_rewriting(json!({"kubernetes": pages}));
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete && pass.counts.rewritten == 10, "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_undecryptable_secret_is_named_and_all_others_are_proven() {
    // first, in the middle, last, two in a row
    for (version, names) in [
        ("1.36.3", vec!["team-1/a"]),
        ("1.37.2", vec!["team-1/a"]),
        ("1.36.3", vec!["team-1/secret-31x"]),
        ("1.37.2", vec!["team-2/zz"]),
        ("1.36.3", vec!["team-1/secret-5a", "team-1/secret-5b", "team-2/a"]),
        ("1.37.2", vec!["team-1/secret-5a", "team-1/secret-5b", "team-2/a"]),
    ] {
        let mut given = plaintext(2, 700, &json!({}));
        given["cluster"]["kubernetes_version"] = json!(version);
        let special: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "kind": "unreadable"})).collect();
        given["secrets"]["special"] = json!(special);
        let world = World::new(given).await;
        let error = world.reencrypt().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{names:?}: {error:?}");
        let pass = &error.report().unwrap().reencryption[0];
        let blocked: Vec<String> =
            pass.blocked.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        assert_eq!(blocked, names);
        assert!(
            pass.blocked.iter().all(|one| one.reason == BlockedReason::Unreadable),
            "{pass:#?}"
        );
        assert_eq!((pass.counts.rewritten, pass.counts.failed), (1_400, 0), "{names:?}");
        assert_eq!(pass.counts.total, 1_401 + names.len() as u64, "{names:?}");
        assert!(!pass.complete);
        assert_eq!(world.truth().await.by_key[&world.case.key_ids[0]], 1_401);

        // every other secret of its namespace was asked, so giving it up leaves nothing unproven
        let pass = only(world.manager().reencrypt_secrets(give_up(&names)).await.unwrap());
        assert!(pass.complete, "{names:?}: {pass:#?}");
        assert_eq!(pass.given_up, names);
        assert_eq!(pass.counts.current, 1_401);
    }
}

/// An error that names no secret that there is leads past the one that is there: nobody has
/// answered for that one, whatever is said of the other.
#[tokio::test(flavor = "multi_thread")]
async fn an_undecryptable_secret_whose_name_an_error_gets_wrong_is_never_counted_as_gone() {
    // what the API server, or a right for single secrets, says of the name that there is not
    let refused = json!([{"method": "PATCH", "path": "secret-3xz", "status": 403}]);
    for (version, answers) in [("1.36.3", json!([])), ("1.37.2", json!([])), ("1.37.2", refused)] {
        let faults = json!({"behind_undecryptable_names": "z", "kubernetes": answers});
        let mut given = plaintext(2, 20, &faults);
        given["cluster"]["kubernetes_version"] = json!(version);
        given["secrets"]["special"] = json!([{"name": "team-1/secret-3x", "kind": "unreadable"}]);
        let world = World::new(given).await;
        let given_up = give_up(&["team-1/secret-3xz", "team-1/secret-3x"]);
        for options in [ReencryptSecretsOptions::default(), given_up] {
            let error = world.manager().reencrypt_secrets(options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{version}: {error:?}");
            let pass = &error.report().unwrap().reencryption[0];
            assert_eq!((pass.counts.gone, pass.complete), (0, false), "{version}: {pass:#?}");
            let [blocked] = pass.blocked.as_slice() else { panic!("{version}: {pass:#?}") };
            let (namespace, reason) = (blocked.namespace.as_str(), blocked.reason);
            assert_eq!((namespace, reason), ("team-1", BlockedReason::Unreadable), "{version}");
            assert!(blocked.message.contains("secret-3xz"), "the server's words: {blocked:?}");
        }
        assert_eq!(world.truth().await.by_key[&world.case.key_ids[0]], 41, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecryptable_secret_that_is_deleted_meanwhile_is_gone() {
    for version in ["1.36.3", "1.37.2"] {
        let mut given = plaintext(
            1,
            20,
            &json!({"kubernetes": [
                {"method": "PATCH", "path": "secret-3x", "status": 503, "times": 3},
            ]}),
        );
        given["cluster"]["kubernetes_version"] = json!(version);
        given["secrets"]["special"] = json!([{"name": "team-1/secret-3x", "kind": "unreadable"}]);
        let world = World::new(given).await;
        let embedded = Arc::clone(&world.embedded);
        let options = during(Phase::Reencrypt, 20, move || {
            assert!(embedded.delete_unread("team-1", "secret-3x"));
        });
        let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
        assert_eq!((pass.counts.gone, pass.complete), (1, true), "{version}: {pass:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_restored_in_the_middle_proves_nothing() {
    for phase in [Phase::Reencrypt, Phase::Verify] {
        let world = World::new(plaintext(2, 20, &json!({}))).await;
        let backup = world.embedded.backup();
        // so that the present is beyond what the servers write when they start again
        for _ in 0..20 {
            world.embedded.put_under("team-1", "secret-1", "plaintext").await.unwrap();
        }
        let embedded = Arc::clone(&world.embedded);
        let options = during(phase, 0, move || block_on(embedded.restore(&backup)));
        let error = world.manager().reencrypt_secrets(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{phase}: {error:?}");
        assert!(error.to_string().contains("has gone back"), "{phase}: {error}");
        assert!(error.report().unwrap().reencryption.iter().all(|pass| !pass.complete));

        assert!(world.pass().await.complete, "{phase}");
        world.assert_all_under(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_some_namespaces_are_allowed() {
    let mut given = plaintext(3, 5, &json!({}));
    let mut lacks = vec![json!({"verb": "list", "resource": "namespaces"})];
    for namespace in ["team-2", "team-3", "kube-system"] {
        for verb in ["list", "watch"] {
            lacks.push(json!({"verb": verb, "resource": "secrets", "namespace": namespace}));
        }
    }
    given["access"] = json!({"kubernetes_lacks": lacks});
    let world = World::new(given).await;
    let options = ReencryptSecretsOptions {
        reencrypt: ReencryptOptions {
            namespaces: Some(vec!["team-1".to_owned(), "team-1".to_owned()]),
            ..ReencryptOptions::default()
        },
        ..ReencryptSecretsOptions::default()
    };
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert_eq!((pass.counts.total, pass.counts.rewritten), (5, 5), "{pass:#?}");
    assert!(!pass.complete, "a part of the cluster is never proof of the whole");
    let truth = world.truth().await;
    assert_eq!((truth.plaintext, truth.by_key[&world.case.key_ids[0]]), (10, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_writes_nothing_but_the_canary() {
    let world = World::new(plaintext(3, 40, &json!({}))).await;
    world.pass().await;
    let first = world.truth().await;
    let pass = world.pass().await;
    assert!(pass.complete);
    assert_eq!((pass.counts.current, pass.counts.rewritten), (121, 0));
    assert_eq!(world.truth().await, first, "resource versions included");
}

/// Each such list costs the longest pause that a stream may make, so there is one and no more.
#[tokio::test(flavor = "multi_thread")]
async fn after_one_stream_that_never_marks_its_end_no_other_is_tried() {
    let mut given = plaintext(4, 5, &json!({"streaming_end_unmarked": true}));
    given["cluster"]["kubernetes_version"] = json!("1.34.3");
    let world = World::new(given).await;
    let silence = std::time::Duration::from_secs(2);
    let began = std::time::Instant::now();
    let manager = world.with_timing(|timing| timing.kubernetes_request = silence);
    let options = ReencryptSecretsOptions::default();
    let pass = only(manager.reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    assert_eq!(world.patches(), 42, "each was asked a second time instead");
    let waited = began.elapsed();
    assert!((silence..silence * 2).contains(&waited), "{waited:?}");
}
