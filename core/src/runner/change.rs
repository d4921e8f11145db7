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

use crate::model::{ExpectedKey, KmsTarget};

/// What is known of the key that API servers write with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum InUse {
    /// Nothing yet: nothing may be set.
    NotHeard,
    /// These: one, or two where a change reached some of the API servers only.
    Heard(Vec<ExpectedKey>),
    /// The API servers are down. The record, or the caller, says that they read with the target.
    Vouched,
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

/// The rules above, in their order. `etag` is the one that was seen before the gate.
pub(crate) fn next(
    target: &KmsTarget,
    etag: Option<&str>,
    in_use: &InUse,
    progress: Progress,
    look: &Look,
) -> Next {
    if look.busy {
        return Next::Wait;
    }
    let unchanged = look.etag.is_some() && look.etag.as_deref() == etag;
    match progress {
        Progress::Refused if !look.succeeded && look.has_target => Next::Put,
        _ if !unchanged => Next::Replan,
        Progress::Begun if look.succeeded && look.has_target => Next::Done,
        Progress::Begun if !may_set(target, in_use, look.configured.as_ref()) => Next::Refuse,
        Progress::Begun => Next::Intend,
        Progress::Intended | Progress::Sent | Progress::Refused => Next::Put,
    }
}

fn may_set(target: &KmsTarget, in_use: &InUse, configured: Option<&ExpectedKey>) -> bool {
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

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
