//! Rewrite secrets under the key in use: the storage migration.

use crate::{
    error::Result,
    ids::Verb,
    observed::Observed,
    options::{ReencryptOptions, ReencryptSecrets},
    plan::{Plan, pass},
    report::Purpose,
    rules::{self, RuleContext},
};

/// The plan of `reencrypt_secrets`: no change of the cluster, only a rewrite and its proof.
pub(super) fn plan(
    observed: &Observed,
    asked: &ReencryptSecrets,
    reencrypt: &ReencryptOptions,
) -> Result<Plan> {
    let namespaces = asked.namespaces.as_deref();
    let cluster = &observed.cluster;
    let expected = cluster.is_succeeded().then(|| cluster.expected()).transpose()?;
    let steps = vec![pass(expected, Purpose::Rewrite, namespaces)];
    let context = RuleContext::of(Verb::ReencryptSecrets, observed, &steps, reencrypt);
    let findings = rules::judge(&context);
    Ok(Plan { findings, steps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::NetworkMode,
        rules::testing::{KEY_1, kms_on, observed},
        verbs::testing::lines,
    };

    #[test]
    fn nothing_is_set_and_namespaces_are_named() {
        let mut observed = observed();
        observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        let namespaces = Some(vec!["shop".to_owned(), "web".to_owned()]);
        let asked = ReencryptSecrets { namespaces };
        let plan = plan(&observed, &asked, &ReencryptOptions::default()).unwrap();
        insta::assert_snapshot!(lines(&plan), @"Rewrite the secrets of shop, web under KEY, and prove it");
    }

    #[test]
    fn a_cluster_without_kms_is_rewritten_to_plaintext() {
        let asked = ReencryptSecrets { namespaces: None };
        let plan = plan(&observed(), &asked, &ReencryptOptions::default()).unwrap();
        let first = plan.steps[0].to_string();
        assert_eq!(first, "Rewrite every secret to plaintext, and prove it");
    }

    #[test]
    fn a_key_that_cannot_be_named_is_an_error_and_not_a_guess() {
        let mut observed = observed();
        let mut profile = kms_on(KEY_1, NetworkMode::Public);
        profile.key = Some("https://shop.vault.azure.net/other".to_owned().into());
        observed.cluster.kms = Some(profile);
        let asked = ReencryptSecrets { namespaces: None };
        assert!(plan(&observed, &asked, &ReencryptOptions::default()).is_err());
    }
}
