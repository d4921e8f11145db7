//! What a rule has to say about a cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Level, RuleId},
    ids::text_enum,
    report::columns::columns,
    text::shown,
};

text_enum! {
    /// Why a finding was made.
    pub enum FindingState("state") {
        /// The rule is violated.
        Violated = "violated",
        /// The facts could not be read.
        Undetermined = "undetermined",
    }
}

/// A rule that does not hold, or could not be judged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// `block` refuses the operation, `warn` and `info` are only reported.
    pub level: Level,
    /// Whether naming the rule in `allow` lifts the refusal.
    pub overridable: bool,
    /// Violated, or undetermined.
    pub state: FindingState,
    /// The resource it is about: a resource id, a key id, `namespace/name`, or a part of the cluster.
    pub resource: String,
    /// One sentence: what is the matter here.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Where the limitation is documented.
    pub url: String,
}

impl Finding {
    /// The rule does not hold. Level and remedy are the catalogue's.
    pub(crate) fn violated(
        rule: RuleId,
        resource: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        let entry = rule.entry();
        Self {
            rule,
            level: entry.level,
            overridable: entry.overridable,
            state: FindingState::Violated,
            resource: shown(&resource.to_string()),
            message: shown(message.into().trim_end_matches('.')),
            remedy: entry.remedy.to_owned(),
            url: entry.url.to_owned(),
        }
    }

    /// The rule could not be judged; `why` names the missing permission or endpoint. It refuses
    /// where guessing could lose data, as the catalogue says, and warns elsewhere.
    pub(crate) fn undetermined(rule: RuleId, resource: impl fmt::Display, why: &str) -> Self {
        let entry = rule.entry();
        let level = match entry.level {
            Level::Block if !entry.refuses_undetermined => Level::Warn,
            level => level,
        };
        let message = format!("could not tell whether {}: {why}", entry.violated_when);
        Self {
            level,
            state: FindingState::Undetermined,
            remedy: format!(
                "Make that readable and run again, or see for yourself whether it is so; if it is: {}",
                entry.remedy
            ),
            ..Self::violated(rule, resource, message)
        }
    }

    /// The same finding at another level, for rules whose level depends on the circumstances.
    pub(crate) fn at(mut self, level: Level, overridable: bool) -> Self {
        debug_assert!(!overridable || self.rule.can_be_allowed(), "{} can be allowed", self.rule);
        self.level = level;
        self.overridable = overridable;
        self
    }

    /// The rule, what is the matter and what to do, as errors tell it.
    pub(crate) fn told(&self) -> String {
        format!("[{}] {}. {}", self.rule, self.message, self.remedy)
    }

    /// Findings as text, one below the other and aligned: level and rule, then what is the matter and where, what to
    /// do, and where it is documented. The same in every language.
    ///
    /// ```
    /// # fn example(status: &aks_kms::KmsStatus) {
    /// use aks_kms::Finding;
    ///
    /// println!("{}", Finding::list(&status.findings));
    /// # }
    /// ```
    #[must_use]
    pub fn list(findings: &[Self]) -> impl fmt::Display + '_ {
        List(findings)
    }

    /// Level and rule, and beside them a line for each thing that there is to say.
    fn lines(&self) -> Vec<[String; 3]> {
        let to_override = if self.overridable {
            format!(" To override, add {} to allow.", self.rule)
        } else {
            String::new()
        };
        let mut said = vec![
            format!("{}.", self.message),
            format!("On {}", self.resource),
            format!("{}{to_override}", self.remedy),
        ];
        if !self.url.is_empty() {
            said.push(format!("See {}", self.url));
        }
        let mut named = Some((self.level.as_str(), self.rule.as_str()));
        let line = |text| {
            let (level, rule) = named.take().unwrap_or_default();
            [level.to_owned(), rule.to_owned(), text]
        };
        said.into_iter().map(line).collect()
    }

    /// Whether it refuses the operation, given what the caller allows.
    pub(crate) fn refuses(&self, allow: &[RuleId]) -> bool {
        self.level == Level::Block && !(self.overridable && allow.contains(&self.rule))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.rule, self.level)?;
        if self.state == FindingState::Undetermined {
            f.write_str(", undetermined")?;
        }
        write!(f, "): {}. {}", self.message, self.remedy)?;
        if !self.url.is_empty() {
            write!(f, " See {}", self.url)?;
        }
        Ok(())
    }
}

/// Findings one below the other.
struct List<'a>(&'a [Finding]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 3]> = self.0.iter().flat_map(Finding::lines).collect();
        f.write_str(&columns(&rows).join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_aligned_and_says_where_and_what_to_do() {
        let findings = [
            Finding::violated(RuleId::AccessRoleMissing, "/vaults/v", "the identity has no role"),
            Finding::undetermined(RuleId::VaultDiagnosticsOff, "/vaults/v", "access is denied"),
        ];
        insta::assert_snapshot!(Finding::list(&findings), @r#"
        block  access-role-missing    the identity has no role.
                                      On /vaults/v
                                      Grant it: `az role assignment create --role "Key Vault Crypto User" --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal --scope <vault id>`, and allow a few minutes for it to arrive. To override, add access-role-missing to allow.
                                      See https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#assign-permissions-to-decrypt-and-encrypt-a-public-key-vault
        info   vault-diagnostics-off  could not tell whether the vault has no diagnostic settings: access is denied.
                                      On /vaults/v
                                      Make that readable and run again, or see for yourself whether it is so; if it is: Turn them on: `az monitor diagnostic-settings create --name kms --resource <vault id> --logs '[{"category": "AuditEvent", "enabled": true}]' --workspace <workspace id>`.
                                      See https://learn.microsoft.com/azure/aks/kms-observability#prerequisites
        "#);
        assert_eq!(Finding::list(&[]).to_string(), "");
    }

    proptest! {
        #[test]
        fn a_finding_shows_its_rule_its_message_and_its_remedy(
            rule in proptest::sample::select(RuleId::ALL),
            message in "\\PC{0,60}",
            undetermined: bool,
        ) {
            let finding = if undetermined {
                Finding::undetermined(rule, "resource", &message)
            } else {
                Finding::violated(rule, "resource", message.clone())
            };
            let text = finding.to_string();
            prop_assert!(text.contains(rule.as_str()));
            prop_assert!(text.contains(&shown(message.trim_end_matches('.'))));
            prop_assert!(text.contains(rule.entry().remedy));
            prop_assert!(text.contains(rule.entry().url));
            prop_assert_eq!(text.contains("undetermined"), undetermined || message.contains("undetermined"));
        }
    }
}
