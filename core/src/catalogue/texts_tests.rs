//! A remedy is an action, with the command for it where there is one; every rule says where it is documented.

use std::collections::BTreeSet;

use super::*;

/// What there is no command of az or kubectl for, and why.
const WITHOUT_COMMAND: &[(RuleId, &str)] = &[
    (RuleId::ClusterExists, "a call of this library"),
    (RuleId::KmsAlreadyEnabled, "a call of this library"),
    (RuleId::KmsNotEnabled, "a call of this library"),
    (RuleId::VaultNetworkModeLocked, "a call of this library"),
    (RuleId::KmsV1SecretLimit, "a call of this library"),
    (RuleId::KmsV1UpgradeBlocked, "a call of this library"),
    (RuleId::SecretsUnproven, "a call of this library"),
    (RuleId::VaultClosingInPublicUse, "a call of this library"),
    (RuleId::NodePoolVersionSkew, "an option of this library"),
    (RuleId::EtcdGrowth, "an option of this library"),
    (RuleId::PreviousKeyStillNeeded, "what blocks each secret is told with it"),
    (RuleId::SecretsNotKmsEncryptedMeanwhile, "nothing is to be done"),
    (RuleId::TenantMove, "no command moves a cluster"),
    (RuleId::DataEncryptionIrreversible, "a decision of the caller"),
    (RuleId::DataEncryptionRetry, "an option of this library"),
    (RuleId::KeyAge, "a call of this library"),
    (RuleId::DataEncryptionFromKmsV1, "a call of this library"),
    (RuleId::DataEncryptionPreview, "nothing is to be done"),
    (RuleId::NewestVersionUnproven, "a call of this library"),
];

/// Pages that say it before their first section, and what they say there.
const IN_THE_INTRODUCTION: &[(&str, &str)] = &[
    (
        pages::KMS_V2,
        "KMS v1 below 1.27 has a limit of 2,000 secrets and keeps the cluster from an upgrade",
    ),
    (pages::PRIVATE_ACCESS, "from where the API server of a private cluster can be reached"),
    (
        pages::DATA_ENCRYPTION,
        "what it is, that it is a preview, and for each key how it is turned on",
    ),
    (pages::DATA_ENCRYPTION_MIGRATION, "what has to be so before a cluster with KMS moves"),
    (pages::AVAILABILITY_SETS, "that the migration wants KMS off"),
];

#[test]
fn a_remedy_has_a_command_where_there_is_one() {
    for rule in rules() {
        let has = ["`az ", "`kubectl "].iter().any(|command| rule.remedy.contains(command));
        let without = WITHOUT_COMMAND.iter().any(|(id, _)| *id == rule.id);
        assert!(has != without, "{}: {}", rule.id, rule.remedy);
    }
}

#[test]
fn commands_are_whole() {
    for rule in rules() {
        assert_eq!(rule.remedy.matches('`').count() % 2, 0, "{}: {}", rule.id, rule.remedy);
        for command in rule.remedy.split('`').skip(1).step_by(2) {
            let opened = command.matches('<').count();
            assert_eq!(opened, command.matches('>').count(), "{}: {command}", rule.id);
            assert!(!command.ends_with(['.', ',', ' ']), "{}: {command}", rule.id);
        }
    }
}

#[test]
fn every_rule_says_on_which_page_and_in_which_section_it_is_documented() {
    let mut introductions = BTreeSet::new();
    for rule in rules() {
        let url = url::Url::parse(rule.url).unwrap();
        assert!(url.path().len() > 1, "{}: {url}", rule.id);
        match url.fragment() {
            Some(section) => assert!(
                !section.is_empty()
                    && section
                        .bytes()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_')),
                "{}: {url}",
                rule.id
            ),
            None => drop(introductions.insert(rule.url)),
        }
    }
    let named = IN_THE_INTRODUCTION.iter().filter(|(_, says)| !says.is_empty());
    assert_eq!(introductions, named.map(|(page, _)| *page).collect());
}
