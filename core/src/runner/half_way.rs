//! What an operation leaves half-way, which every error of its call tells.

use std::sync::{Mutex, PoisonError};

use crate::{error::Error, model::KmsChange};

/// What an operation has left half-way, and the ways out. It outlives a round of the call.
#[derive(Default)]
pub(crate) struct HalfWay(Mutex<Option<String>>);

impl HalfWay {
    /// An operation that turns KMS off and on, with the profile of `before`, has it off now, or not.
    pub(crate) fn kms_is_off(&self, is_off: bool, before: Option<&KmsChange>) {
        let what = is_off.then(|| while_off(before));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// The error with what is left half-way.
    pub(crate) fn told_in(&self, error: Error) -> Error {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(what) => error.with_context(what),
            None => error,
        }
    }
}

fn while_off(before: Option<&KmsChange>) -> String {
    let key = match before {
        Some(KmsChange::On { key_id, .. }) => format!("{key_id}"),
        _ => "the previous key".to_owned(),
    };
    format!(
        "KMS is off meanwhile, and secrets are not encrypted with your key: fix what stopped it and call resume, or \
         abandon and enable with {key}"
    )
}
