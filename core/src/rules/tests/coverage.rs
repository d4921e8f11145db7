//! Every rule has a case that violates it, one in which it holds, and one in which it is undetermined, where that can
//! be. The cases are the tables of this folder and the conformance cases.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::catalogue::RuleId::{self, *};

/// Never undetermined, and why.
const NEVER_UNDETERMINED: &[(&[RuleId], &str)] = &[
    (
        &[
            KeyIdMalformed,
            KeyIdVersionRequired,
            KeyIdVersionForbidden,
            KeyVaultIdRequired,
            KeyVaultIdMalformed,
            KeyVaultIdMismatch,
            KeyVaultCloudMismatch,
        ],
        "the arguments tell",
    ),
    (
        &[
            ClusterIdentitySystemAssigned,
            ClusterBusy,
            ClusterFailed,
            ClusterStopped,
            KmsAlreadyEnabled,
            KmsV1OnEnable,
            KmsNotEnabled,
            PrivateVaultNeedsVnetIntegration,
            KmsV1UpgradeBlocked,
            NewerExperienceIrreversible,
            DataEncryptionIrreversible,
            DataEncryptionRetry,
            DataEncryptionFromKmsV1,
            DataEncryptionIdentity,
            DataEncryptionCannotDisable,
            DataEncryptionPreview,
            BlocksOlderMigrations,
            SecretsNotKmsEncryptedMeanwhile,
            StopWithPrivateVault,
            ScaleToZero,
        ],
        "the cluster's document tells, and without it nothing is judged",
    ),
    (
        &[IdentityNotOfCluster, ClusterExists, KeyInClosedVault],
        "what is to be made is compared with what is there, and without it nothing is made",
    ),
    (&[VaultNameTaken], "whoever may not ask is told when the vault is made"),
    (&[PrivateEndpointNsg, UpgradeMayFail], "it is told whenever it may be so"),
    (
        &[UpgradeSkipsVersions, NodePoolVersionSkew],
        "where the offers cannot be read, upgrade-not-offered says so",
    ),
    (&[ClusterIdentityMissing], "an identity is there until Azure says that it is not"),
    (&[AccessRoleWrong], "where roles cannot be read, access-role-missing says so"),
    (&[PrivateEndpointNotApproved], "where the vault cannot be read, other rules say so"),
    (
        &[VaultDataPlaneUnreachable, KubernetesUnreachable, RecordUnreadable, RollbackUnproven],
        "that something cannot be read is the violation",
    ),
    (
        &[RecordUnsealed, SecretsUnproven, KeyReused, DataEncryptionChangedByOthers],
        "the record tells, and where it cannot be read, record-unreadable says so",
    ),
    (
        &[SecretsUnreadable, PreviousKeyStillNeeded],
        "what is seen of secrets is seen, and the rest is not proven",
    ),
];

/// Told in any case, so that they never hold: something may always stop an upgrade, and of a cluster that never had KMS
/// nothing is recorded that would say so.
const NEVER_HOLDS: &[RuleId] = &[UpgradeMayFail, TenantMove];

/// How a rule answers in a case.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Answered {
    Violated,
    Holds,
    Undetermined,
}

#[test]
fn every_rule_has_a_case_for_each_answer_that_it_can_give() {
    let cases = cases();
    let mut wrong = Vec::new();
    for rule in RuleId::ALL {
        let has = |answer| cases.contains(&(*rule, answer));
        let never = NEVER_UNDETERMINED.iter().any(|(rules, _)| rules.contains(rule));
        for (answer, expected) in [
            (Answered::Violated, true),
            (Answered::Holds, !NEVER_HOLDS.contains(rule)),
            (Answered::Undetermined, !never),
        ] {
            // A rule that is in a list and answers all the same is to be taken out of the list.
            if has(answer) != expected {
                wrong.push(format!(
                    "{rule}: {answer:?} is {}",
                    if expected { "missing" } else { "there" }
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn cases() -> BTreeSet<(RuleId, Answered)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = BTreeSet::new();
    for (path, text) in texts(&own.join("src/rules/tests")) {
        // What is told of itself is no case.
        if !path.ends_with("coverage.rs") {
            cases.extend(of_tables(&text));
        }
    }
    for (path, text) in texts(&own.join("../tests/conformance")) {
        let is_case =
            path.extension().is_some_and(|it| it == "json") && !path.ends_with("schema.json");
        if is_case {
            cases.extend(of_conformance(&serde_json::from_str(&text).unwrap()));
        }
    }
    cases
}

fn texts(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(texts(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            all.push((path, text));
        }
    }
    all
}

/// Rows end with a rule and its answer, each with a comma.
fn of_tables(text: &str) -> BTreeSet<(RuleId, Answered)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let rule = |word: &str| {
        let name = word.strip_suffix(',')?.trim_start_matches("RuleId::");
        RuleId::ALL.iter().copied().find(|rule| format!("{rule:?}") == name)
    };
    words
        .windows(2)
        .filter_map(|pair| {
            let rule = rule(pair[0])?;
            let word = pair[1].trim_end_matches([',', ')']);
            let answered = match word.split('(').next().unwrap_or_default() {
                "Answer::Holds" => Answered::Holds,
                "UNDETERMINED"
                | "UNDETERMINED_NOTED"
                | "UNDETERMINED_REFUSED"
                | "Answer::Undetermined" => Answered::Undetermined,
                "REFUSED" | "REFUSED_UNLESS_ALLOWED" | "WARNED" | "NOTED" | "Answer::Violated" => {
                    Answered::Violated
                }
                _ => return None,
            };
            Some((rule, answered))
        })
        .collect()
}

fn of_conformance(case: &Value) -> BTreeSet<(RuleId, Answered)> {
    let then = &case["then"];
    let texts = |list: &Value, answered| -> Vec<(RuleId, Answered)> {
        let rules = list.as_array().into_iter().flatten();
        rules.map(|rule| (rule.as_str().unwrap().parse().unwrap(), answered)).collect()
    };
    let findings = [&then["findings"], &then["report"], &then["report"]["findings"]];
    let findings =
        findings.into_iter().filter_map(Value::as_array).flatten().filter_map(|finding| {
            let rule = finding["rule"].as_str()?.parse().unwrap();
            let undetermined = finding["state"] == "undetermined";
            Some((rule, if undetermined { Answered::Undetermined } else { Answered::Violated }))
        });
    let mut cases: BTreeSet<_> = findings.collect();
    cases.extend(texts(&then["error"]["rules"], Answered::Violated));
    cases.extend(texts(&then["holds"], Answered::Holds));
    cases
}
