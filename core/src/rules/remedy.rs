//! Remedies with the names of what they are about, so that their commands can be run as they are.

use super::question::RuleContext;
use crate::{ids::KeyId, report::Finding};

/// What a placeholder of a remedy stands for.
pub(super) type Values = Vec<(&'static str, String)>;

/// What is known of the question's cluster, vault, key and identity.
pub(super) fn values(question: &RuleContext<'_>) -> Values {
    let cluster = &question.observed.cluster.id;
    let mut values = vec![
        ("<group>", cluster.resource_group().to_owned()),
        ("<cluster>", cluster.name().to_owned()),
        ("<location>", question.observed.cluster.location.clone()),
    ];
    if let Some(key_id) = question.configuration().and_then(|configuration| configuration.key_id) {
        values.extend(of_key(key_id));
    }
    if let Some(vault_id) = question.vault_id() {
        values.push(("<vault id>", vault_id.to_string()));
    }
    let principal =
        question.observed.access.as_ref().and_then(|access| access.principal_id.known());
    if let Some(principal) = principal {
        values.push(("<principal id>", principal.clone()));
    }
    values
}

/// What a key id tells.
pub(super) fn of_key(key_id: &KeyId) -> Values {
    let mut values =
        vec![("<vault>", key_id.vault_name().to_owned()), ("<key>", key_id.name().to_owned())];
    values.extend(key_id.version().map(|version| ("<key version>", version.to_owned())));
    values
}

/// The finding with what is known in the place of placeholders. Others stay for the reader.
pub(super) fn fill(mut finding: Finding, values: &Values) -> Finding {
    for (placeholder, value) in values {
        if finding.remedy.contains(placeholder) {
            finding.remedy = finding.remedy.replace(placeholder, &quoted(value));
        }
    }
    finding
}

/// Resource groups may have parentheses, which shells take for their own.
fn quoted(value: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_./:".contains(character);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{value}'") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::rules;

    proptest! {
        /// A command takes the key's version only where the key's is meant.
        #[test]
        fn no_command_takes_the_keys_version_for_the_version_of_kubernetes(version in "[0-9a-f]{32}") {
            let key_id = KeyId::parse(&format!("https://shop.vault.azure.net/keys/etcd/{version}")).unwrap();
            let mut filled = 0;
            for rule in rules() {
                let finding = Finding::violated(rule.id, "a cluster", "a message");
                let remedy = fill(finding, &of_key(&key_id)).remedy;
                let options: Vec<&str> = remedy.split_whitespace().collect();
                for pair in options.windows(2).filter(|pair| pair[1].starts_with(&version)) {
                    prop_assert_eq!(pair[0], "--version", "{}: {}", rule.id, &remedy);
                    filled += 1;
                }
                prop_assert!(remedy.matches(&version).count() <= 2, "{}", &remedy);
            }
            prop_assert!(filled > 0, "no remedy names the key's version");
        }
    }
}
