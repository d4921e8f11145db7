//! What an operation leaves half-way, which every error of its call tells.

use std::sync::{Mutex, PoisonError};

use crate::{
    error::Error,
    ids::{VaultId, Verb},
    report::KmsChange,
    rules,
};

/// What an operation has left half-way, and the ways out. It outlives a round of the call.
pub(crate) struct HalfWay {
    /// The operation is recorded, so that it can be resumed.
    is_recorded: bool,
    left: Mutex<Left>,
}

#[derive(Default)]
struct Left {
    /// KMS is off, and the way back.
    kms_is_off: Option<String>,
    /// This vault was opened, and the cluster does not reach it over the public way.
    open_vault: Option<VaultId>,
    /// The operation of this verb is recorded as unfinished.
    unfinished: Option<Verb>,
}

impl HalfWay {
    pub(crate) fn new(is_recorded: bool) -> Self {
        Self { is_recorded, left: Mutex::default() }
    }

    /// An operation that turns KMS off and on, with the profile of `before`, has it off now, or not.
    pub(crate) fn kms_is_off(&self, is_off: bool, before: Option<&KmsChange>) {
        self.change(|left| left.kms_is_off = is_off.then(|| while_off(before, self.is_recorded)));
    }

    /// The vault was opened for a profile that is yet to be set. `None`: setting it was begun.
    pub(crate) fn vault_is_open(&self, vault: Option<&VaultId>) {
        self.change(|left| left.open_vault = vault.cloned());
    }

    /// The operation is recorded. `None`: it is finished, or forgotten.
    pub(crate) fn is_unfinished(&self, verb: Option<Verb>) {
        self.change(|left| left.unfinished = verb);
    }

    fn change(&self, change: impl FnOnce(&mut Left)) {
        change(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The error with what is left half-way.
    pub(crate) fn told_in(&self, error: Error) -> Error {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let open = left.open_vault.as_ref().map(while_open);
        // While KMS is off the way back says so already.
        let unfinished =
            left.unfinished.filter(|_| left.kms_is_off.is_none()).map(while_unfinished);
        let all = left.kms_is_off.iter().chain(&open).chain(&unfinished);
        all.fold(error, |error, what| error.with_context(what))
    }
}

/// `disable` comes first: turning KMS on may have been tried, and then Azure calls it on.
fn while_off(before: Option<&KmsChange>, is_recorded: bool) -> String {
    let key = match before {
        Some(KmsChange::On(before)) => {
            format!("{} ({} access)", before.key_id, before.network_mode)
        }
        _ => "the previous key".to_owned(),
    };
    let ways = if is_recorded {
        format!(
            "fix what stopped it and call resume; or go back: abandon, disable, then enable with {key}"
        )
    } else {
        format!("call disable, then enable with {key}")
    };
    format!("KMS is off meanwhile, and secrets are not encrypted with your key: {ways}")
}

fn while_unfinished(verb: Verb) -> String {
    format!("{verb} is recorded as unfinished: resume goes on with it, abandon drops it")
}

fn while_open(vault: &VaultId) -> String {
    format!(
        "public network access of key vault {} is enabled, and the cluster does not use it yet: if this operation \
         does not go on, close it again: {}",
        vault.name(),
        rules::how_to_close(vault)
    )
}
