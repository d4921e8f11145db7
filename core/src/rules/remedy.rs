//! Remedies with the names of what they are about, so that their commands can be run as they are.

use super::question::RuleContext;
use crate::model::{Finding, KeyId};

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
    if let Some(configuration) = question.configuration()
        && let Ok(key_id) = KeyId::parse(configuration.key_id)
    {
        values.extend(of_key(&key_id));
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
    values.extend(key_id.version().map(|version| ("<version>", version.to_owned())));
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
