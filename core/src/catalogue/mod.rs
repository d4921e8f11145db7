//! The documented limitations of KMS etcd encryption on AKS, as data.
//!
//! Pure data at the bottom of the crate: [`rules`](crate::rules()) lists it, the checks that use
//! it are in `rules/`.

mod cluster;
mod input;
mod rule;

pub use rule::{Level, Rule, RuleId};

/// The whole catalogue.
#[must_use]
pub fn rules() -> Vec<Rule> {
    RuleId::ALL.iter().map(|id| id.entry().clone()).collect()
}

/// The entry of a rule.
fn entry(id: RuleId) -> &'static Rule {
    use std::sync::LazyLock;
    static FALLBACK: LazyLock<Vec<Rule>> = LazyLock::new(Vec::new);
    &FALLBACK[id as usize]
}
