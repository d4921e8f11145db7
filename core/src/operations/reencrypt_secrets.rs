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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{NetworkMode, ReencryptOptions},
        rules::testing::{KEY_1, kms_on, observed},
    };

    #[test]
    fn nothing_is_set_and_namespaces_are_named() {
        let mut observed = observed();
        observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        let namespaces = Some(vec!["shop".to_owned(), "web".to_owned()]);
        let options = ReencryptSecretsOptions {
            reencrypt: ReencryptOptions { namespaces, ..ReencryptOptions::default() },
            ..ReencryptSecretsOptions::default()
        };
        let plan = plan(&observed, &options).unwrap();
        let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n").replace(KEY_1, "KEY"), @"
        Wait until every API server writes with KEY
        Rewrite the secrets of shop, web under the key in use
        Prove that no secret is under another key
        ");
    }

    #[test]
    fn a_cluster_without_kms_is_rewritten_to_plaintext() {
        let plan = plan(&observed(), &ReencryptSecretsOptions::default()).unwrap();
        let first = plan.steps[0].to_string();
        assert_eq!(first, "Wait until every API server writes without encryption");
    }

    #[test]
    fn a_key_that_cannot_be_named_is_an_error_and_not_a_guess() {
        let mut observed = observed();
        let mut profile = kms_on(KEY_1, NetworkMode::Public);
        profile.key_id = Some("https://shop.vault.azure.net/other".to_owned());
        observed.cluster.kms = Some(profile);
        assert!(plan(&observed, &ReencryptSecretsOptions::default()).is_err());
    }
}
