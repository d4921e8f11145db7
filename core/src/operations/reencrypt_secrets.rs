//! Rewrite secrets under the key in use: the storage migration.

use crate::{
    error::Result,
    model::{Observed, Reencrypt, ReencryptSecretsOptions, Verb},
    plan::{Plan, expected_now, rewrite},
    rules::{self, Question},
};

/// The plan of `reencrypt_secrets`: no change of the cluster, only a rewrite and its proof.
pub(crate) fn plan(observed: &Observed, options: &ReencryptSecretsOptions) -> Result<Plan> {
    let expected = expected_now(&observed.cluster)?;
    let steps = rewrite(&expected, &Reencrypt::With(options.reencrypt.clone()));
    let findings = rules::judge(&Question {
        verb: Verb::ReencryptSecrets,
        observed,
        target: None,
        gate: false,
        rewrites: true,
        reencrypt: &options.reencrypt,
    });
    Ok(Plan { findings, steps })
}
