//! The documented limitations of KMS etcd encryption on AKS, as data.
//!
//! Pure data at the bottom of the crate: [`rules`](crate::rules()) lists it, the checks that use
//! it are in `rules/`. A check makes a finding only for the verbs that the rule's entry names.

mod actions;
mod cluster;
#[cfg(test)]
mod document;
mod groups;
mod input;
mod pages;
mod rule;
mod secrets;
#[cfg(test)]
mod texts_tests;
mod vault;

pub use rule::{Level, Rule, RuleId};
pub(crate) use rule::{nearest, overridable};

/// One table a topic, in the order of [`RuleId::ALL`].
const TOPICS: &[(&str, &[Rule])] = &[
    ("Input", input::RULES),
    ("Cluster", cluster::RULES),
    ("Vault, key and access", vault::RULES),
    ("Secrets", secrets::RULES),
    ("Guarded actions", actions::RULES),
];

/// Every rule at the place of its id. Evaluated by the compiler: a rule that is missing, doubled
/// or out of order does not compile.
static CATALOGUE: [&Rule; RuleId::ALL.len()] = {
    let mut catalogue = [&TOPICS[0].1[0]; RuleId::ALL.len()];
    let mut place = 0;
    let mut topic = 0;
    while topic < TOPICS.len() {
        let rules = TOPICS[topic].1;
        let mut at = 0;
        while at < rules.len() {
            assert!(rules[at].id as usize == place, "the tables are in the order of RuleId::ALL");
            catalogue[place] = &rules[at];
            place += 1;
            at += 1;
        }
        topic += 1;
    }
    assert!(place == RuleId::ALL.len(), "every id has an entry");
    catalogue
};

/// The whole catalogue.
#[must_use]
pub fn rules() -> Vec<Rule> {
    CATALOGUE.iter().map(|rule| (*rule).clone()).collect()
}

/// The entry of a rule.
fn entry(id: RuleId) -> &'static Rule {
    CATALOGUE[id as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_id_has_exactly_one_entry_in_the_order_of_the_ids() {
        let ids: Vec<RuleId> = rules().iter().map(|rule| rule.id).collect();
        assert_eq!(ids, RuleId::ALL);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        for id in RuleId::ALL {
            assert_eq!(id.entry().id, *id);
        }
    }

    #[test]
    fn each_id_reads_back_from_its_text() {
        for id in RuleId::ALL {
            assert_eq!(id.as_str().parse::<RuleId>().unwrap(), *id);
        }
        assert!("no-such-rule".parse::<RuleId>().is_err());
    }

    #[test]
    fn an_unknown_id_is_told_with_the_nearest_and_those_that_allow_takes() {
        for (written, nearest) in [
            ("key-in-use-unprovem", "key-in-use-unproven"),
            ("KEY_IN_USE_UNPROVEN", "key-in-use-unproven"),
            ("vault-fire-wall", "vault-firewall"),
            ("access-role-mising", "access-role-missing"),
        ] {
            let error = written.parse::<RuleId>().unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean {nearest}? ")), "{error}");
            assert!(error.contains(&overridable()), "{error}");
        }
        for written in ["", "x", "everything"] {
            let error = written.parse::<RuleId>().unwrap_err().to_string();
            assert!(!error.contains("did you mean"), "{error}");
            assert!(error.contains(&format!("allow takes {}", overridable())), "{error}");
        }
    }

    #[test]
    fn summaries_and_remedies_are_sentences() {
        for rule in rules() {
            for text in [rule.summary, rule.remedy] {
                let first = text.chars().next().unwrap();
                assert!(first.is_uppercase() || first == '`', "{}: {text:?}", rule.id);
                assert!(text.ends_with('.'), "{}: {text:?}", rule.id);
                assert!(!text.contains("  "), "{}: {text:?}", rule.id);
            }
            assert!(!rule.summary.trim_end_matches('.').contains(". "), "{}", rule.id);
        }
    }

    #[test]
    fn violated_when_completes_could_not_tell_whether() {
        for rule in rules() {
            let first = rule.violated_when.chars().next().unwrap();
            assert!(!rule.violated_when.ends_with('.'), "{}: {}", rule.id, rule.violated_when);
            assert!(
                first.is_lowercase() || rule.violated_when.starts_with("KMS"),
                "{}: {}",
                rule.id,
                rule.violated_when
            );
        }
    }

    #[test]
    fn urls_are_https_on_known_hosts() {
        for rule in rules() {
            let url = url::Url::parse(rule.url).unwrap();
            assert_eq!(url.scheme(), "https", "{}", rule.id);
            assert!(
                matches!(url.host_str(), Some("learn.microsoft.com" | "kubernetes.io" | "etcd.io")),
                "{}: {}",
                rule.id,
                rule.url
            );
        }
    }

    #[test]
    fn each_rule_concerns_a_verb_and_none_twice() {
        for rule in rules() {
            assert!(!rule.verbs.is_empty(), "{}", rule.id);
            let distinct: HashSet<_> = rule.verbs.iter().collect();
            assert_eq!(distinct.len(), rule.verbs.len(), "{}", rule.id);
        }
    }

    #[test]
    fn only_a_refusal_can_be_overridden_or_refuse_the_undetermined() {
        for rule in rules() {
            assert!(!rule.overridable || rule.level == Level::Block, "{}", rule.id);
            assert!(!rule.refuses_undetermined || rule.level == Level::Block, "{}", rule.id);
        }
    }

    #[test]
    fn what_was_deleted_can_be_recovered() {
        for (id, command) in [
            (RuleId::VaultSoftDeleted, "az keyvault recover"),
            (RuleId::VaultPurgeProtectionOff, "az keyvault recover"),
            (RuleId::VaultStillNeeded, "az keyvault recover"),
            (RuleId::KeySoftDeleted, "az keyvault key recover"),
            (RuleId::KeyNotFound, "az keyvault key recover"),
            (RuleId::PreviousKeyUnusable, "az keyvault key recover"),
            (RuleId::KeyStillNeeded, "az keyvault key recover"),
        ] {
            assert!(id.entry().remedy.contains(command), "{id}");
        }
    }
}
