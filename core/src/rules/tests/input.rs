use std::time::Duration;

use crate::{
    catalogue::RuleId::{self, *},
    error::ErrorKind,
    ids::{NetworkMode, Verb},
    options::{ReencryptOptions, RunOptions},
    rules::{
        invalid_input,
        options::{reencrypt_options, run_options},
        target,
        testing::{KEY_1, VAULT},
    },
};

const SUFFIX: &str = "vault.azure.net";

/// A case: what was passed and which rules it violates.
type Case = (&'static str, &'static str, NetworkMode, Option<&'static str>, &'static [RuleId]);

fn check(cases: &[Case]) {
    for (name, key_id, network_mode, key_vault_id, expected) in cases {
        let rules: Vec<RuleId> = match target(key_id, *network_mode, *key_vault_id, SUFFIX) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.iter().map(|finding| finding.rule).collect(),
        };
        assert_eq!(rules, *expected, "{name}");
    }
}

#[test]
fn key_ids() {
    use NetworkMode::Public;
    check(&[
        ("a versioned id", KEY_1, Public, None, &[]),
        (
            "http",
            "http://v.vault.azure.net/keys/k/11111111111111111111111111111111",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "another path",
            "https://v.vault.azure.net/secrets/k/11111111111111111111111111111111",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "a query",
            "https://v.vault.azure.net/keys/k/11111111111111111111111111111111?x=1",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "an empty name",
            "https://v.vault.azure.net/keys//11111111111111111111111111111111",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "a name with a dot",
            "https://v.vault.azure.net/keys/a.b/11111111111111111111111111111111",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "a short version",
            "https://v.vault.azure.net/keys/k/1111",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "a version that is not hexadecimal",
            "https://v.vault.azure.net/keys/k/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        (
            "a trailing slash",
            "https://v.vault.azure.net/keys/k/11111111111111111111111111111111/",
            Public,
            None,
            &[KeyIdMalformed],
        ),
        ("nothing", "", Public, None, &[KeyIdMalformed]),
        ("no version", "https://v.vault.azure.net/keys/k", Public, None, &[KeyIdVersionRequired]),
        (
            "another cloud",
            "https://v.vault.azure.cn/keys/k/11111111111111111111111111111111",
            Public,
            None,
            &[KeyVaultCloudMismatch],
        ),
        (
            "a managed HSM",
            "https://v.managedhsm.azure.net/keys/k/11111111111111111111111111111111",
            Public,
            None,
            &[KeyVaultCloudMismatch],
        ),
        (
            "a host that only ends like the cloud's",
            "https://v.evil-vault.azure.net/keys/k/11111111111111111111111111111111",
            Public,
            None,
            &[KeyVaultCloudMismatch],
        ),
        (
            "a host below the vault's",
            "https://a.v.vault.azure.net/keys/k/11111111111111111111111111111111",
            Public,
            None,
            &[KeyVaultCloudMismatch],
        ),
        (
            "the cloud's host in capitals",
            "https://V.VAULT.azure.net/keys/k/11111111111111111111111111111111",
            Public,
            None,
            &[],
        ),
    ]);
}

#[test]
fn vault_ids() {
    use NetworkMode::{Private, Public};
    check(&[
        ("private with the vault's id", KEY_1, Private, Some(VAULT), &[]),
        ("private without it", KEY_1, Private, None, &[KeyVaultIdRequired]),
        ("public with the vault's id, as a hint", KEY_1, Public, Some(VAULT), &[]),
        (
            "an id of another type",
            KEY_1,
            Public,
            Some(
                "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shop-keys",
            ),
            &[KeyVaultIdMalformed],
        ),
        ("an empty id", KEY_1, Private, Some(""), &[KeyVaultIdMalformed]),
        (
            "the vault's id in capitals",
            KEY_1,
            Private,
            Some(
                "/SUBSCRIPTIONS/8ECADFC9-D1A3-4EA4-B844-0D9F87E4D7C8/RESOURCEGROUPS/KEYS/PROVIDERS/MICROSOFT.KEYVAULT/VAULTS/SHOP-KEYS",
            ),
            &[],
        ),
        (
            "another vault's id",
            KEY_1,
            Public,
            Some(
                "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/other",
            ),
            &[KeyVaultIdMismatch],
        ),
    ]);
}

#[test]
fn everything_at_once() {
    use NetworkMode::Private;
    check(&[
        ("a malformed key and no vault", "k", Private, None, &[KeyIdMalformed, KeyVaultIdRequired]),
        (
            "a malformed key and a malformed vault",
            "k",
            Private,
            Some("v"),
            &[KeyIdMalformed, KeyVaultIdMalformed],
        ),
        (
            "no version, another vault, another cloud",
            "https://v.vault.azure.cn/keys/k",
            Private,
            Some(VAULT),
            &[KeyIdVersionRequired, KeyVaultIdMismatch, KeyVaultCloudMismatch],
        ),
    ]);
}

#[test]
fn a_target_is_what_was_asked_for() {
    let target = target(KEY_1, NetworkMode::Private, Some(VAULT), SUFFIX).unwrap();
    assert_eq!(target.key_id.as_str(), KEY_1);
    assert_eq!(target.network_mode, NetworkMode::Private);
    assert_eq!(target.key_vault_id.unwrap().to_string(), VAULT);
}

#[test]
fn the_suffix_of_another_cloud_is_accepted_in_that_cloud() {
    let key = "https://v.vault.azure.cn/keys/k/11111111111111111111111111111111";
    for suffix in ["vault.azure.cn", ".vault.azure.cn"] {
        assert!(target(key, NetworkMode::Public, None, suffix).is_ok(), "{suffix}");
    }
}

#[test]
fn the_error_names_everything_that_is_wrong() {
    let findings =
        target("https://v.vault.azure.net/keys/k", NetworkMode::Private, Some("shop-keys"), SUFFIX)
            .unwrap_err();
    let options = ReencryptOptions { max_concurrency: 0, ..ReencryptOptions::default() };
    let error = invalid_input(findings.clone(), reencrypt_options(Verb::Enable, &options));
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.findings(), findings);
    insta::assert_snapshot!(error, @r#"[key-id-version-required] key_id is https://v.vault.azure.net/keys/k, which has no version. Pass the versioned id that `az keyvault key show --vault-name v --name k --query key.kid -o tsv` prints. [key-vault-id-malformed] key_vault_id is "shop-keys", which is not the resource id of a key vault. Pass what `az keyvault show --name v --query id -o tsv` prints. max_concurrency is 0; pass 1 to 1024."#);
}

fn problems_of(options: &ReencryptOptions) -> Vec<String> {
    reencrypt_options(Verb::ReencryptSecrets, options)
}

fn of_namespaces(namespaces: &[&str]) -> ReencryptOptions {
    ReencryptOptions {
        namespaces: Some(namespaces.iter().map(ToString::to_string).collect()),
        ..ReencryptOptions::default()
    }
}

#[test]
fn defaults_are_in_range() {
    assert_eq!(run_options(&RunOptions::default()), Vec::<String>::new());
    assert_eq!(problems_of(&ReencryptOptions::default()), Vec::<String>::new());
}

#[test]
fn numbers_out_of_range_are_named() {
    for max_concurrency in [1, 64, 1024] {
        let options = ReencryptOptions { max_concurrency, ..ReencryptOptions::default() };
        assert_eq!(problems_of(&options), Vec::<String>::new());
    }
    for max_concurrency in [0, 1025] {
        let options = ReencryptOptions { max_concurrency, ..ReencryptOptions::default() };
        assert_eq!(
            problems_of(&options),
            [format!("max_concurrency is {max_concurrency}; pass 1 to 1024")]
        );
    }
    let options =
        ReencryptOptions { max_requests_per_second: Some(0), ..ReencryptOptions::default() };
    assert!(problems_of(&options)[0].starts_with("max_requests_per_second is 0; "));
    let options =
        ReencryptOptions { max_requests_per_second: Some(1), ..ReencryptOptions::default() };
    assert_eq!(problems_of(&options), Vec::<String>::new());
}

#[test]
fn namespaces_are_names_of_namespaces() {
    let longest = "n".repeat(63);
    assert_eq!(problems_of(&of_namespaces(&["kube-system", "0", &longest])), Vec::<String>::new());
    let too_long = "n".repeat(64);
    for namespace in ["", "Team", "team_1", "a.b", "-a", "a-", "a/b", "ä", &too_long] {
        let problems = problems_of(&of_namespaces(&[namespace]));
        assert_eq!(problems.len(), 1, "{namespace}");
        assert!(problems[0].starts_with(&format!("namespaces has {namespace:?}")), "{problems:?}");
    }
    assert!(problems_of(&of_namespaces(&[]))[0].starts_with("namespaces is empty; "));
}

#[test]
fn only_rewriting_takes_namespaces() {
    let problems = reencrypt_options(Verb::Enable, &of_namespaces(&["kube-system"]));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("enable must rewrite the secrets of all namespaces"));
}

#[test]
fn secrets_to_give_up_are_named_with_their_namespace() {
    let longest = format!("team-1/{}", ["s"; 127].join("."));
    for secret in ["team-1/token", "kube-system/sh.helm.release.v1.app.v1", &longest] {
        let options =
            RunOptions { give_up_secrets: vec![secret.to_owned()], ..RunOptions::default() };
        assert_eq!(run_options(&options), Vec::<String>::new(), "{secret}");
    }
    let too_long = format!("team-1/{}", "s".repeat(254));
    for secret in
        ["token", "/token", "team-1/", "team-1/a/b", "team-1/Token", "team-1/a..b", &too_long]
    {
        let options =
            RunOptions { give_up_secrets: vec![secret.to_owned()], ..RunOptions::default() };
        assert_eq!(
            run_options(&options),
            [format!("give_up_secrets has {secret:?}; pass \"namespace/name\"")]
        );
    }
}

#[test]
fn no_time_at_all_is_refused() {
    let options = RunOptions { timeout: Duration::ZERO, ..RunOptions::default() };
    assert_eq!(run_options(&options).len(), 1);
}

#[test]
fn what_cannot_be_allowed_is_named_with_the_nearest_that_can() {
    let problems = |allow: Vec<RuleId>| run_options(&RunOptions { allow, ..RunOptions::default() });
    let can: Vec<RuleId> =
        RuleId::ALL.iter().copied().filter(|rule| rule.can_be_allowed()).collect();
    assert_eq!(problems(can.clone()), Vec::<String>::new());
    for rule in RuleId::ALL.iter().copied().filter(|rule| !rule.can_be_allowed()) {
        let problems = problems(vec![rule]);
        assert_eq!(problems.len(), 1, "{rule}");
        assert!(problems[0].starts_with(&format!("allow has \"{rule}\", which cannot be ")));
        assert!(can.iter().all(|can| problems[0].contains(can.as_str())), "{problems:?}");
    }
    assert_eq!(problems(vec![RuleId::VaultFirewall, RuleId::ClusterBusy]).len(), 2);
}
