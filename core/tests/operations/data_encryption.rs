//! The newer experience: keys of the platform's, and customer-managed ones, which AKS moves on by itself.

use aks_kms::{
    CustomerManagedKey, Error, ErrorKind, Experience, KeyId, KeySource, NetworkMode,
    OperationReport, ReencryptSecretsOptions, ResumeOptions, RotateOptions, RuleId,
    SetDataEncryptionOptions, StatusOptions, VerifySecretsOptions,
};
use serde_json::{Value, json};

use crate::common::world::{WIRINGS, World, is_all_proven};

const SECRETS: usize = 2;

fn given() -> Value {
    json!({"secrets": {"namespaces": 2, "each": SECRETS}})
}

pub(crate) fn customer(world: &World, network_mode: NetworkMode) -> KeySource {
    KeySource::from(CustomerManagedKey {
        key_id: world.versionless(),
        key_vault_id: world.case.key_vault_id.clone(),
        network_mode,
    })
}

pub(crate) async fn set(
    world: &World,
    to: KeySource,
    allow: &[RuleId],
) -> Result<OperationReport, Error> {
    let options = SetDataEncryptionOptions { allow: allow.to_vec(), ..Default::default() };
    world.manager().set_data_encryption(to, options).await
}

pub(crate) const FOR_GOOD: &[RuleId] = &[RuleId::DataEncryptionIrreversible];

/// Requests that change the cluster.
fn puts(world: &World) -> usize {
    let writes = world.simulator.writes(&world.case.id).unwrap();
    let writes = serde_json::to_value(writes).unwrap();
    let is_put = |write: &&Value| {
        write["method"] == "PUT"
            && write["path"].as_str().is_some_and(|path| path.contains("/managedClusters/"))
    };
    writes.as_array().unwrap().iter().filter(is_put).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_the_platform_to_a_key_and_back_each_proven() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, given()).await;
        let report = set(&world, KeySource::PlatformManaged, FOR_GOOD).await.unwrap();
        assert!(is_all_proven(&report), "{wiring}: {report:#?}");
        assert_eq!(report.after.experience, Some(Experience::PlatformManaged));
        world.all_under_platform().await;
        let before = puts(&world);
        let again = set(&world, KeySource::PlatformManaged, &[]).await.unwrap();
        assert!(is_all_proven(&again), "{wiring}: {again:#?}");
        assert_eq!(puts(&world), before, "nothing is to be set");

        let key = customer(&world, NetworkMode::Public);
        let report = set(&world, key, &[]).await.unwrap();
        assert!(is_all_proven(&report), "{wiring}: {report:#?}");
        assert_eq!(report.after.experience, Some(Experience::CustomerManaged));
        world.all_under(5).await;

        let report = set(&world, KeySource::PlatformManaged, &[]).await.unwrap();
        assert!(is_all_proven(&report), "{wiring}: {report:#?}");
        world.all_under_platform().await;
        let ledger = world.ledger().await;
        assert!(world.is_removable(&ledger, 5), "{wiring}: {ledger:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_versioned_key_to_both_with_the_old_one_removable_once_it_is_proven() {
    for wiring in WIRINGS {
        for to_platform in [true, false] {
            // The versioned key is the newest, so that only the provider changes, or another.
            for number in [2, 5] {
                let world = World::embedded(wiring, given()).await;
                world.enable(1).await.unwrap();
                world.rotate(number).await.unwrap();
                let to = if to_platform {
                    KeySource::PlatformManaged
                } else {
                    customer(&world, NetworkMode::Public)
                };
                let what = format!("{wiring}, {to:?} from {number}");
                let refused = set(&world, to.clone(), &[]).await.unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::PreflightFailed, "{what}: {refused}");
                let report = set(&world, to, FOR_GOOD).await.unwrap();
                assert!(is_all_proven(&report), "{what}: {report:#?}");
                if to_platform {
                    world.all_under_platform().await;
                } else {
                    world.all_under(5).await;
                }
                let ledger = world.ledger().await;
                let is_in_use = !to_platform && number == 5;
                assert_eq!(world.is_removable(&ledger, number), !is_in_use, "{what}: {ledger:#?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_taken_up_by_aks_and_proven() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, given()).await;
        set(&world, customer(&world, NetworkMode::Public), FOR_GOOD).await.unwrap();
        let before = puts(&world);
        let asked = RotateOptions { wait: false, ..RotateOptions::default() };
        let report = world.manager().rotate(None, asked).await.unwrap();
        assert!(!report.is_proven(), "{wiring}: {report:#?}");
        let begun = world.manager().status(StatusOptions::default()).await.unwrap();
        let pending = begun.ledger.unwrap().pending.unwrap();
        assert!(begun.operation_in_progress.is_some() && !pending.removable, "{pending:?}");
        // Not taken up yet: nothing else is begun meanwhile.
        let other = set(&world, KeySource::PlatformManaged, &[]).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Conflict, "{other}");
        world.simulator.look_for_key_versions(&world.case.id).await.unwrap();
        let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
        assert!(is_all_proven(&report), "{wiring}: {report:#?}");
        assert_eq!(puts(&world), before, "the cluster is not changed");
        let ledger = world.ledger().await;
        let current = ledger.current.as_ref().unwrap();
        assert_eq!(current.key_id, pending.key_id);
        world.all_under_key(current.key_id.as_ref().unwrap().as_str()).await;
        assert!(world.is_removable(&ledger, 5), "{wiring}: {ledger:#?}");
    }
}

/// A secret that admission denies is named before anything is sent, also where the caller goes on in spite of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_denied_keeps_everything_as_it_is() {
    let held = json!([{"name": "policed/held", "kind": "denied"}]);
    for to_platform in [true, false] {
        let given = json!({"secrets": {"namespaces": 2, "each": SECRETS, "special": held}});
        let world = World::embedded("one-provider", given).await;
        let to = || {
            if to_platform {
                KeySource::PlatformManaged
            } else {
                customer(&world, NetworkMode::Public)
            }
        };
        let refused = set(&world, to(), FOR_GOOD).await.unwrap_err();
        let rules: Vec<RuleId> = refused.findings().iter().map(|finding| finding.rule).collect();
        assert!(rules.contains(&RuleId::SecretUpdatesDenied), "{refused}");
        let allow = [RuleId::DataEncryptionIrreversible, RuleId::SecretUpdatesDenied];
        let incomplete = set(&world, to(), &allow).await.unwrap_err();
        assert_eq!(incomplete.kind(), ErrorKind::ReencryptIncomplete, "{incomplete}");
        assert!(incomplete.to_string().contains("policed/held"), "{incomplete}");
        assert_eq!(puts(&world), 0);
        world.all_plaintext().await;
    }
}

/// With a secret left under the key before the previous one, nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_stands_before_the_move_from_a_versioned_key() {
    let given = json!({
        "cluster": {"kms": {"key": "{{key.2}}", "previous": "{{key.1}}"}},
        "secrets": {"special": [{"name": "left/behind", "kind": "unreadable"}]},
    });
    let world = World::embedded("two-providers", given).await;
    let error = set(&world, KeySource::PlatformManaged, FOR_GOOD).await.unwrap_err();
    let refused = [ErrorKind::PreflightFailed, ErrorKind::ReencryptIncomplete];
    assert!(refused.contains(&error.kind()), "{error}");
    assert_eq!(puts(&world), 0, "{error}");
    assert_eq!(world.configured().as_deref(), Some(world.key(2)));
}

/// Calls that are for keys with versions name the one that is meant.
#[tokio::test(flavor = "multi_thread")]
async fn verbs_of_versioned_keys_are_refused_and_name_the_one_that_is_meant() {
    let world = World::embedded("one-provider", given()).await;
    set(&world, KeySource::PlatformManaged, FOR_GOOD).await.unwrap();
    let before = puts(&world);
    let enable = world.enable(1).await.unwrap_err();
    let rotate = world.rotate(2).await.unwrap_err();
    let disable = world.disable().await.unwrap_err();
    for error in [enable, rotate, disable] {
        assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
        let rules: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
        assert!(
            rules.contains(&RuleId::NewerExperienceIrreversible)
                || rules.contains(&RuleId::DataEncryptionCannotDisable),
            "{error}"
        );
        assert!(error.to_string().contains("set_data_encryption"), "{error}");
    }
    assert_eq!(puts(&world), before);
}

async fn verify(world: &World) -> Result<OperationReport, Error> {
    world.manager().verify_secrets(VerifySecretsOptions::default()).await
}

/// A proof holds as long as AKS has not moved on to another key, which changes no eTag.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_verified_until_aks_moves_on() {
    for to_platform in [true, false] {
        let world = World::embedded("two-providers", given()).await;
        let to = if to_platform {
            KeySource::PlatformManaged
        } else {
            customer(&world, NetworkMode::Public)
        };
        set(&world, to, FOR_GOOD).await.unwrap();
        let report = verify(&world).await.unwrap();
        assert!(report.is_proven(), "{report:#?}");
        if to_platform {
            world.simulator.rotate_platform_key(&world.case.id).await.unwrap();
        } else {
            let asked = RotateOptions { wait: false, ..RotateOptions::default() };
            world.manager().rotate(None, asked).await.unwrap();
            world.simulator.look_for_key_versions(&world.case.id).await.unwrap();
        }
        let doubtful = match verify(&world).await {
            Ok(report) => !report.is_proven(),
            Err(error) => error.kind() == ErrorKind::ReencryptIncomplete,
        };
        assert!(doubtful, "AKS has moved on from what was proven");
        world.nothing_is_lost().await;
    }
}

/// A vault that is closed to the public is reached as a trusted service, without a private endpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_a_closed_vault_is_used_privately() {
    let closed = json!({"vault": {"public_access": false, "firewall": true}});
    for wiring in WIRINGS {
        let world = World::embedded(wiring, closed.clone()).await;
        let report = set(&world, customer(&world, NetworkMode::Private), FOR_GOOD).await.unwrap();
        assert!(is_all_proven(&report), "{report:#?}");
        assert_eq!(report.after.network_mode, Some(NetworkMode::Private));
        world.all_under(5).await;
    }
}

/// Another tool whose state still says otherwise is noticed, and said what it has done.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_tool_makes_of_it_is_told() {
    let world = World::embedded("one-provider", given()).await;
    set(&world, customer(&world, NetworkMode::Public), FOR_GOOD).await.unwrap();
    // As Terraform and az send it, whose state knows nothing of data encryption.
    let off = json!({"azureKeyVaultKms": {"enabled": false}});
    let off = off.as_object().unwrap();
    assert!(world.simulator.ask_for_security(&world.case.id, off, None, None).unwrap());
    let mut status = world.manager().status(StatusOptions::default()).await.unwrap();
    for _ in 0..500 {
        if status.provisioning_state == "Succeeded" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        status = world.manager().status(StatusOptions::default()).await.unwrap();
    }
    assert_eq!(status.provisioning_state, "Succeeded");
    assert_eq!(status.experience, Some(Experience::PlatformManaged));
    let rules: Vec<RuleId> = status.findings.iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&RuleId::DataEncryptionChangedByOthers), "{:#?}", status.findings);
    let ledger = status.ledger.unwrap();
    assert!(!world.is_removable(&ledger, 5), "nothing is proven of it: {ledger:#?}");
    world.nothing_is_lost().await;
}

/// An API server that has lived through a version shows two: what it wrote since the proof may be under either.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_since_by_a_server_with_two_versions_is_not_proven() {
    let world = World::embedded("one-provider", given()).await;
    set(&world, customer(&world, NetworkMode::Public), FOR_GOOD).await.unwrap();
    let asked = RotateOptions { wait: false, ..RotateOptions::default() };
    world.manager().rotate(None, asked).await.unwrap();
    world.simulator.look_for_key_versions(&world.case.id).await.unwrap();
    let resumed = world.manager().resume(ResumeOptions::default()).await.unwrap();
    assert!(resumed.is_proven(), "{resumed:#?}");
    assert!(verify(&world).await.unwrap().is_proven(), "nothing was written since");
    assert!(world.kubectl().create("team-1", "written-since", "x").await);
    let error = verify(&world).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error}");
    assert!(error.to_string().contains("reencrypt_secrets"), "{error}");
}

/// A key of the platform's has no name, but the hash that it was heard under; of a customer-managed one, `status`
/// says which versions an API server has written with.
#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_is_known_of_each_kind_of_key() {
    let world = World::embedded("one-provider", given()).await;
    let status = async || world.manager().status(StatusOptions::default()).await.unwrap();
    set(&world, KeySource::PlatformManaged, FOR_GOOD).await.unwrap();
    let now = status().await;
    let current = now.ledger.unwrap().current.unwrap();
    assert_eq!((&current.key_id, current.experience), (&None, now.experience));
    assert!(current.key_id_hash.as_ref().unwrap().starts_with("sha256:"), "{current:?}");
    assert!(current.key_id_hash_since <= current.proven_at, "{current:?}");
    assert!(current.key_id_hash_since.is_some() && !current.removable, "{current:?}");
    assert_eq!(now.key_versions_seen, None);

    set(&world, customer(&world, NetworkMode::Public), &[]).await.unwrap();
    let now = status().await;
    let ledger = now.ledger.unwrap();
    let previous = ledger.previous.unwrap();
    assert_eq!(previous.experience, Some(Experience::PlatformManaged), "{previous:?}");
    assert_eq!(previous.key_id_hash, current.key_id_hash);
    let current = ledger.current.unwrap();
    assert_eq!(current.experience, Some(Experience::CustomerManaged));
    let first = KeyId::parse(world.key(5)).unwrap();
    assert_eq!(now.key_versions_seen, Some(vec![first.clone()]));

    let asked = RotateOptions { wait: false, ..RotateOptions::default() };
    world.manager().rotate(None, asked).await.unwrap();
    let made = status().await;
    assert_eq!(made.key_versions_seen, Some(vec![first.clone()]), "it is not taken up yet");
    world.simulator.look_for_key_versions(&world.case.id).await.unwrap();
    world.manager().resume(ResumeOptions::default()).await.unwrap();
    let now = status().await;
    let second = now.ledger.unwrap().current.unwrap().key_id.unwrap();
    assert_ne!(second, first);
    assert_eq!(now.key_versions_seen, Some(vec![second, first]));
}

/// The cluster names the vault of a customer-managed key, so nobody has to look for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_vault_of_a_customer_managed_key_is_not_searched_for() {
    let world = World::embedded("one-provider", given()).await;
    world.simulator.watch_requests(&world.case.id).unwrap();
    set(&world, customer(&world, NetworkMode::Public), FOR_GOOD).await.unwrap();
    let options = ReencryptSecretsOptions::default();
    let report = world.manager().reencrypt_secrets(options).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    let requests = world.simulator.requests(&world.case.id).unwrap();
    let listed = |path: &str| path.ends_with("/keys/etcd/versions");
    assert!(requests.iter().any(|seen| listed(&seen.path)), "{requests:?}");
    let is_search = |path: &str| path.to_lowercase().contains("microsoft.resourcegraph");
    assert!(!requests.iter().any(|seen| is_search(&seen.path)), "{requests:?}");
}
