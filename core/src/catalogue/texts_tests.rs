//! A remedy is an action, with the command for it where there is one; every rule says where it is documented.

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
    (RuleId::DataEncryptionFromKmsV1, "a call of this library"),
    (RuleId::DataEncryptionPreview, "nothing is to be done"),
    (RuleId::NewestVersionUnproven, "a call of this library"),
];

/// Pages that are about one thing, so that there is no section to point to. Of the others the section is named.
const ABOUT_ONE_THING: &[&str] = &[
    pages::KMS,
    pages::KMS_V2,
    pages::OBSERVABILITY,
    pages::DATA_ENCRYPTION,
    pages::DATA_ENCRYPTION_MIGRATION,
    pages::AVAILABILITY_SETS,
    pages::VNET_INTEGRATION,
    pages::OPERATIONS,
    pages::START_STOP,
    pages::UPGRADE,
    pages::VERSIONS,
    pages::PRIVATE_ACCESS,
    pages::LARGE_CLUSTERS,
    pages::KEYS,
    pages::IDENTIFIERS,
    pages::RECOVERY,
    pages::VAULT_NETWORK,
    pages::VAULT_ROLES,
    pages::VAULT_POLICIES,
    pages::VAULT_PRIVATE_LINK,
    pages::VAULT_LOGGING,
    pages::KUBERNETES_KMS,
    pages::KUBERNETES_RBAC,
    pages::KUBERNETES_ADMISSION,
    pages::KUBERNETES_METRICS,
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
    for rule in rules() {
        let url = url::Url::parse(rule.url).unwrap();
        assert!(url.path().len() > 1, "{}: {url}", rule.id);
        let has_section = url.fragment().is_some_and(|section| !section.is_empty());
        assert!(has_section != ABOUT_ONE_THING.contains(&rule.url), "{}: {url}", rule.id);
    }
}
