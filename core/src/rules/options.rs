//! Options that are out of range. Each problem names the argument and what to pass.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    catalogue::{RuleId, nearest, overridable},
    ids::{KubernetesVersion, Verb},
    options::{Reencrypt, ReencryptOptions, RunOptions},
};

const CONCURRENCY: RangeInclusive<usize> = 1..=1024;

/// With less than this each run of a scheduler would rotate once more. Most likely days were meant, and seconds passed.
const LEAST_AGE: Duration = Duration::from_secs(60 * 60);

/// What is wrong with a rotation by age.
pub(crate) fn age_problems(when_older_than: Duration, keeps_journal: bool) -> Vec<String> {
    let mut problems = Vec::new();
    if when_older_than < LEAST_AGE {
        problems.push(format!(
            "when_older_than is {} seconds, with which each run would rotate once more; pass how old a key may become, an \
             hour at least",
            when_older_than.as_secs_f64()
        ));
    }
    // Nothing tells whether an earlier rotation is unfinished, however young the key is.
    if !keeps_journal {
        problems.push(
            "when_older_than needs a journal, which tells whether an earlier rotation is unfinished, and this manager was \
             made with none; make one with a journal, or leave it out"
                .to_owned(),
        );
    }
    problems
}

/// What is wrong with a verb's options. `reencrypt`: `None` where it leaves secrets as they are.
pub(crate) fn option_problems(
    verb: Verb,
    run: &RunOptions,
    reencrypt: Option<&ReencryptOptions>,
) -> Vec<String> {
    let mut problems = run_options(run);
    problems.extend(reencrypt.into_iter().flat_map(|options| reencrypt_options(verb, options)));
    problems
}

/// A verb that turns KMS off and on again proves every secret in between.
pub(crate) fn cannot_skip(verb: Verb, reencrypt: &Reencrypt) -> Option<String> {
    matches!(reencrypt, Reencrypt::Skip).then(|| {
        format!(
            "reencrypt is false, but {verb} must rewrite every secret; leave it out, or pass how"
        )
    })
}

/// What is wrong with the options that every verb has.
pub(super) fn run_options(options: &RunOptions) -> Vec<String> {
    let mut problems = Vec::new();
    if options.timeout.is_zero() {
        problems.push("timeout is 0; pass how long the operation may take".to_owned());
    }
    for rule in options.allow.iter().filter(|rule| !rule.can_be_allowed()) {
        let can = RuleId::ALL.iter().copied().filter(|id| id.can_be_allowed());
        let meant = nearest(rule.as_str(), can);
        let meant = meant.map_or_else(String::new, |id| format!("did you mean {id}? "));
        problems.push(format!(
            "allow has {:?}, which cannot be allowed; {meant}leave it out and do what the finding says, or pass some of {}",
            rule.as_str(),
            overridable()
        ));
    }
    for secret in &options.give_up_secrets {
        let named = secret
            .split_once('/')
            .is_some_and(|(namespace, name)| is_label(namespace) && is_subdomain(name));
        if !named {
            problems.push(format!("give_up_secrets has {secret:?}; pass \"namespace/name\""));
        }
    }
    problems
}

/// What is wrong with how a verb is asked to rewrite secrets.
pub(super) fn reencrypt_options(verb: Verb, options: &ReencryptOptions) -> Vec<String> {
    let mut problems = Vec::new();
    if !CONCURRENCY.contains(&options.max_concurrency) {
        problems.push(format!(
            "max_concurrency is {}; pass {} to {}",
            options.max_concurrency,
            CONCURRENCY.start(),
            CONCURRENCY.end()
        ));
    }
    if options.max_requests_per_second == Some(0) {
        problems.push(
            "max_requests_per_second is 0; pass 1 or more, or leave it out for no limit".to_owned(),
        );
    }
    if let Some(namespaces) = &options.namespaces {
        problems.extend(namespace_problems(verb, namespaces));
    }
    problems
}

/// What is wrong with the version that `migrate_to_v2` is asked for.
pub(crate) fn version_with_v2(version: Option<KubernetesVersion>) -> Option<String> {
    version.filter(|version| *version < KubernetesVersion::KMS_V2).map(|version| {
        format!(
            "kubernetes_version is {version}, which has no KMS v2; pass {} or later, or leave it out",
            KubernetesVersion::KMS_V2
        )
    })
}

fn namespace_problems(verb: Verb, namespaces: &[String]) -> Vec<String> {
    if !matches!(verb, Verb::ReencryptSecrets | Verb::VerifySecrets) {
        return vec![format!(
            "namespaces is given, but {verb} must rewrite the secrets of all namespaces; leave it out"
        )];
    }
    if namespaces.is_empty() {
        return vec!["namespaces is empty; name at least one, or leave it out for all".to_owned()];
    }
    namespaces
        .iter()
        .filter(|namespace| !is_label(namespace))
        .map(|namespace| {
            format!("namespaces has {namespace:?}, which is not the name of a namespace; pass names such as \"kube-system\"")
        })
        .collect()
}

/// A DNS label: the name of a namespace.
fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// A DNS subdomain: the name of a secret.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}
