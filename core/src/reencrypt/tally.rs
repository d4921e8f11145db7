//! How the secrets of a pass ended.

use std::collections::{BTreeMap, BTreeSet};

use super::{confirmed::ConfirmedVersions, samples::Samples};
use crate::report::{BlockedReason, BlockedSecret, Counts};

/// For what cannot be named.
pub(super) const NO_NAME: &str = "?";

/// How secrets ended.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) answered: ConfirmedVersions,
    /// Versions of those that are blocked or failed, as far as a list showed them.
    pub(super) refused_at: BTreeSet<u64>,
    /// By `namespace/name`.
    pub(super) blocked: BTreeMap<String, BlockedSecret>,
    /// Secrets that got no response, by `namespace/name`.
    pub(super) failed: BTreeMap<String, BlockedSecret>,
    /// Secrets beyond those in `failed` that got no response, too many to name.
    pub(super) failed_unnamed: u64,
    /// Namespaces that could not be listed to their end: giving a secret up by name does not
    /// prove the others there.
    pub(super) unlisted: BTreeSet<String>,
    /// How far it was when.
    pub(super) samples: Samples,
}

impl Tally {
    pub(super) fn block(
        &mut self,
        namespace: &str,
        name: &str,
        reason: BlockedReason,
        message: String,
    ) {
        let key = format!("{namespace}/{name}");
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.blocked.insert(key, BlockedSecret { namespace, name, reason, message });
    }

    /// A secret whose name is not known: giving others up by name does not prove its namespace.
    pub(super) fn block_unnamed(&mut self, namespace: &str, message: String) {
        self.block(namespace, NO_NAME, BlockedReason::Unreadable, message);
        self.unlisted.insert(namespace.to_owned());
    }

    pub(super) fn fail(&mut self, namespace: &str, name: &str, message: String) {
        let (key, reason) = (format!("{namespace}/{name}"), BlockedReason::Error);
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.failed.insert(key, BlockedSecret { namespace, name, reason, message });
    }

    /// A secret that may have been blocked or failed is answered for anew: whether it was.
    pub(super) fn clear(&mut self, namespace: &str, name: &str) -> bool {
        if self.blocked.is_empty() && self.failed.is_empty() {
            return false;
        }
        let key = format!("{namespace}/{name}");
        let blocked = self.blocked.remove(&key).is_some();
        self.failed.remove(&key).is_some() || blocked
    }

    /// The blocked secrets that the caller gives up.
    pub(super) fn given_up(&self, may_stay_blocked: &dyn Fn(&str) -> bool) -> Vec<String> {
        // What lies in a namespace that could not be listed to its end has no name to give up.
        let unnamed = |name: &str| {
            name.split_once('/').is_some_and(|(namespace, _)| {
                namespace == NO_NAME || self.unlisted.contains(namespace)
            })
        };
        let names = self.blocked.keys();
        names.filter(|name| !unnamed(name) && may_stay_blocked(name)).cloned().collect()
    }

    pub(super) fn failed_count(&self) -> u64 {
        self.failed.len() as u64 + self.failed_unnamed
    }

    /// Nothing is left but what is given up.
    pub(super) fn is_settled(&self, given_up: &[String]) -> bool {
        self.failed_count() == 0 && self.unlisted.is_empty() && given_up.len() == self.blocked.len()
    }

    /// Those that were blocked or failed, at most so many.
    pub(super) fn refused(&self, most: usize) -> Vec<BlockedSecret> {
        let named = |secret: &&BlockedSecret| secret.name != NO_NAME && secret.namespace != NO_NAME;
        let left = self.blocked.values().chain(self.failed.values());
        left.filter(named).take(most).cloned().collect()
    }

    pub(super) fn is_refused(&self, namespace: &str, name: &str) -> bool {
        if self.blocked.is_empty() && self.failed.is_empty() {
            return false;
        }
        let key = format!("{namespace}/{name}");
        self.blocked.contains_key(&key) || self.failed.contains_key(&key)
    }
}
