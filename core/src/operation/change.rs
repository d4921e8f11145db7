//! When a change of the cluster's KMS profile is sent, and what came of it. Pure.
//!
//! What is configured (the document) and what the API servers write with are two things; after a
//! change that did not succeed they differ. AKS keeps one key next to the new one, and which it
//! takes for "the one before", the document's or the API servers', is not documented. So:
//!
//! 1. A busy cluster is waited for.
//! 2. Nothing is sent for another eTag than the one that was seen before the gate.
//! 3. A target that is set, by a change that succeeded, needs no change.
//! 4. What the API servers write with stays readable whatever AKS takes for the key before: where it
//!    is not what is configured, the only change is the one back to it. Where API servers are left
//!    with two keys, it is the one that is not configured: the other is then the key before.
//! 5. The intent is recorded before the first request.
//! 6. A request that was refused with the key's permission error is sent again if the cluster still
//!    has the eTag of before, or shows our own failure: not succeeded, with our target. Anything
//!    else is somebody else's change.
//! 7. A request with another outcome, or with none, is sent again only for the eTag of before. If it
//!    is another one now, our request may have come through or not: only a new look at everything
//!    tells.
//! 8. A key is set back over the way that the cluster is configured with for its vault, since Azure
//!    refuses another one while KMS is on; over the public way only while the vault is open to it.
//! 9. From data encryption there is no way back: nothing else is ever sent to a cluster that has it. A
//!    change of it that did not succeed is asked for again only if the caller allows that.

use crate::{
    facts::ClusterFacts,
    ids::ExpectedKey,
    ledger::{Entry, Ledger},
    report::{KmsChange, KmsConfiguration},
};

/// What is known of the key that API servers write with.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum InUse {
    /// Nothing yet: nothing may be set.
    NotHeard,
    /// These: one, or two where a change reached some of the API servers only.
    Heard(Vec<ExpectedKey>),
    /// The API servers are down. The record, or the caller, says that they read with the target.
    Vouched,
}

impl InUse {
    fn is_heard(&self) -> bool {
        matches!(self, Self::Heard(_))
    }
}

/// A change as far as it has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Progress {
    /// Nothing is recorded of it.
    Begun,
    /// The intent is recorded; nothing was sent.
    Intended,
    /// It was sent; the outcome is not known, or says that somebody else is at work.
    Sent,
    /// It was refused with the key's permission error, which a new role assignment explains.
    Refused,
}

/// What a look at the cluster shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Look {
    pub(crate) etag: Option<String>,
    pub(crate) busy: bool,
    /// The last operation succeeded.
    pub(crate) succeeded: bool,
    /// The profile is the target.
    pub(crate) has_target: bool,
    /// The key that the profile names. `None`: it cannot be named.
    pub(crate) configured: Option<ExpectedKey>,
    /// Data encryption is on, which cannot be turned off.
    pub(crate) data_encryption: bool,
}

impl Look {
    pub(super) fn of(seen: &ClusterFacts, target: &KmsChange) -> Self {
        Self {
            etag: seen.etag.clone(),
            busy: seen.busy().is_some(),
            succeeded: seen.is_succeeded(),
            has_target: seen.has(target),
            configured: seen.expected().ok(),
            data_encryption: seen.has_data_encryption(),
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Wait,
    /// The target holds.
    Done,
    Intend,
    Put,
    /// Somebody else changed the cluster: observe and plan again.
    Replan,
    /// It could lose what the API servers write with.
    Refuse,
}

/// The rules above, in their order. `etag` is the one that was seen before the gate. `may_repeat`: the
/// caller allows that a change of data encryption is asked for again.
pub(crate) fn next(
    target: &KmsChange,
    etag: Option<&str>,
    in_use: &InUse,
    progress: Progress,
    look: &Look,
    may_repeat: bool,
) -> Next {
    if look.busy {
        return Next::Wait;
    }
    if look.data_encryption && !target.is_data_encryption() {
        return Next::Refuse;
    }
    let unchanged = look.etag.is_some() && look.etag.as_deref() == etag;
    let repeats = may_repeat && look.configured == Some(target.expected());
    match progress {
        Progress::Refused if !look.succeeded && look.has_target => Next::Put,
        _ if !unchanged => Next::Replan,
        Progress::Begun if look.succeeded && look.has_target => Next::Done,
        Progress::Begun if in_use.is_heard() && repeats => Next::Intend,
        Progress::Begun if !may_set(target, in_use, look.configured.as_ref()) => Next::Refuse,
        Progress::Begun => Next::Intend,
        Progress::Intended | Progress::Sent | Progress::Refused => Next::Put,
    }
}

fn may_set(target: &KmsChange, in_use: &InUse, configured: Option<&ExpectedKey>) -> bool {
    let target = target.expected();
    match in_use {
        InUse::NotHeard => false,
        InUse::Vouched => true,
        InUse::Heard(keys) => match &keys[..] {
            [key] => configured == Some(key) || target == *key,
            [one, other] => {
                (configured == Some(one) && target == *other)
                    || (configured == Some(other) && target == *one)
            }
            _ => false,
        },
    }
}

/// The key that the cluster must be set to before anything else is: the one that its API servers
/// write with. `None`: there is none that loses nothing.
pub(crate) fn key_to_settle_on<'a>(
    in_use: &'a InUse,
    configured: Option<&ExpectedKey>,
) -> Option<&'a ExpectedKey> {
    let InUse::Heard(keys) = in_use else { return None };
    match &keys[..] {
        [key] => Some(key),
        [one, other] if configured == Some(one) => Some(other),
        [one, other] if configured == Some(other) => Some(one),
        _ => None,
    }
}

/// The keys that API servers may write with after a change that did not succeed: what is
/// configured, what is to be set, what the operation began with, what is recorded, and none.
pub(crate) fn candidates(
    now: &ClusterFacts,
    later: Option<ExpectedKey>,
    before: Option<&KmsChange>,
    ledger: Option<&Ledger>,
) -> Vec<ExpectedKey> {
    let recorded = ledger.into_iter().flat_map(|ledger| ledger.entries().map(Entry::key));
    let named = now.expected().ok().into_iter().chain(later).chain(before.map(KmsChange::expected));
    let all = named.chain(recorded).chain([ExpectedKey::Plaintext]);
    // A version that was set by itself may be one of a customer-managed key, too: which of the two is written
    // with, only the provider tells. It is the one that was set, if that comes into question; and no other
    // without data encryption.
    let (any_version, named): (Vec<_>, Vec<_>) =
        all.partition(|key| matches!(key, ExpectedKey::AnyVersion(_)));
    let any_version = any_version.into_iter().filter(|_| now.has_data_encryption());
    let all = named.into_iter().chain(any_version);
    let mut candidates = Vec::new();
    for key in all {
        if !candidates.contains(&key) {
            candidates.push(key);
        }
    }
    candidates
}

/// The profile with a key that the API servers have. `None`: how its vault is reached is not known.
///
/// A key of the vault that the cluster is configured with is reached as that is configured: Azure
/// refuses every other way to it while KMS is on. Any other is reached as it was when the operation
/// began, as it is recorded, or as it is to be set.
pub(crate) fn profile_of(
    key: &ExpectedKey,
    now: &ClusterFacts,
    later: Option<&KmsChange>,
    before: Option<&KmsChange>,
    ledger: Option<&Ledger>,
) -> Option<KmsChange> {
    let (key_id, is_customer_managed) = match key {
        ExpectedKey::Plaintext => return Some(KmsChange::Off),
        ExpectedKey::Platform => return Some(KmsChange::PlatformManaged),
        ExpectedKey::Key(key_id) => (key_id, false),
        ExpectedKey::AnyVersion(key_id) => (key_id, true),
    };
    let on = |(network_mode, key_vault_id)| {
        let target = KmsConfiguration { key_id: key_id.clone(), network_mode, key_vault_id };
        if is_customer_managed { KmsChange::CustomerManaged(target) } else { target.set() }
    };
    let configured = match now.configured() {
        Ok(KmsChange::On(now) | KmsChange::CustomerManaged(now))
            if now.key_id.host().eq_ignore_ascii_case(key_id.host()) =>
        {
            Some((now.network_mode, now.key_vault_id))
        }
        _ => None,
    };
    let entry = ledger.and_then(|ledger| ledger.entry(key_id));
    let recorded = entry.and_then(|entry| Some((entry.network_mode?, entry.key_vault_id.clone())));
    let is_it = |target: &&KmsChange| target.expected() == *key;
    configured
        .map(on)
        .or_else(|| before.filter(is_it).cloned())
        .or_else(|| recorded.map(on))
        .or_else(|| later.filter(is_it).cloned())
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
