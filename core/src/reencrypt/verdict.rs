//! Do API servers write with the expected key? Pure.

use super::{
    names::KeyNames,
    servers::{ProbedServer, WritesWith},
};
use crate::{ids::ExpectedKey, report::Evidence};

/// What the servers, all that live, show of the expected key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// They write with it.
    Proven(Evidence),
    /// They write with it, and nothing tells that from what they wrote with before: it was the same
    /// key already.
    Unchanged(Evidence),
    /// They all write with one thing that may be it, and nothing tells. `touch`: it is a provider
    /// that compares no keys, as KMS v1.
    Unidentified { touch: bool },
    /// They don't write with it, or not all.
    No,
}

/// Judges whether these servers, all that live, write with the expected key. `before_change` is
/// what they wrote with before the key changed in this run.
pub(super) fn judge(
    heard: &[ProbedServer],
    expected: &ExpectedKey,
    before_change: Option<&WritesWith>,
    names: &KeyNames,
) -> Verdict {
    let Some((first, rest)) = heard.split_first() else { return Verdict::No };
    let writes_with = &first.writes_with;
    if rest.iter().any(|server| server.writes_with != *writes_with) {
        return Verdict::No;
    }
    match (expected, writes_with) {
        (ExpectedKey::Plaintext, WritesWith::Plaintext) => plaintext(heard, before_change),
        (ExpectedKey::Key(_), WritesWith::Key { hash, .. }) => {
            key(expected, hash, before_change, names)
        }
        (ExpectedKey::AnyVersion(_) | ExpectedKey::Platform, WritesWith::Key { hash, .. }) => {
            data_encryption(expected, hash, writes_with, before_change, names)
        }
        (ExpectedKey::Key(_), WritesWith::Provider(prefix)) => provider(prefix, before_change),
        _ => Verdict::No,
    }
}

/// Servers that encrypted before in this run have an encryption configuration, which shows that
/// they write without a key. That they show nothing at all is no sign of it.
fn plaintext(heard: &[ProbedServer], before_change: Option<&WritesWith>) -> Verdict {
    let encrypted = matches!(before_change, Some(WritesWith::Key { .. } | WritesWith::Provider(_)));
    if encrypted && heard.iter().any(|server| !server.counters.has_transformation_series) {
        return Verdict::Unidentified { touch: false };
    }
    Verdict::Proven(Evidence::Metrics)
}

/// A key of the newer experience. Its provider is another one than that of a key of your own, and
/// nobody has said how it names keys: a customer-managed key perhaps as the provider of KMS v2 does,
/// which is tried; a key of the platform's by nothing that can be computed.
fn data_encryption(
    expected: &ExpectedKey,
    hash: &str,
    writes_with: &WritesWith,
    before_change: Option<&WritesWith>,
    names: &KeyNames,
) -> Verdict {
    let version = names.named(expected, hash);
    let evidence = if version.is_some() {
        Evidence::Metrics
    } else if names.is_learned(expected, hash) {
        Evidence::MetricsUnnamed
    } else if names.owner(hash).is_some() {
        return Verdict::No;
    } else {
        return match before_change {
            // It is no key that is known, and they were seen to change to it.
            Some(WritesWith::Key { hash: before, .. }) if before != hash => {
                Verdict::Proven(Evidence::MetricsUnnamed)
            }
            Some(WritesWith::Plaintext | WritesWith::Provider(_)) => {
                Verdict::Proven(Evidence::MetricsUnnamed)
            }
            Some(WritesWith::Key { .. }) if !names.was_guessed(expected, hash) => Verdict::No,
            _ => Verdict::Unidentified { touch: false },
        };
    };
    let is_replaced = version.is_some_and(|version| names.is_replaced(version));
    let may_be_as_before = is_replaced && before_change.is_none();
    if may_be_as_before || before_change.is_some_and(|before| is_same(before, writes_with)) {
        return Verdict::Unchanged(evidence);
    }
    Verdict::Proven(evidence)
}

/// Whether two times the same key was written with, and through the same provider as far as known.
fn is_same(before: &WritesWith, now: &WritesWith) -> bool {
    match (before, now) {
        (
            WritesWith::Key { hash: before, prefix: provider_before },
            WritesWith::Key { hash, prefix },
        ) => before == hash && (provider_before.is_empty() || provider_before == prefix),
        _ => false,
    }
}

fn key(
    expected: &ExpectedKey,
    hash: &str,
    before_change: Option<&WritesWith>,
    names: &KeyNames,
) -> Verdict {
    if names.is_computed(expected, hash) {
        return Verdict::Proven(Evidence::Metrics);
    }
    let before = match before_change {
        Some(WritesWith::Key { hash: before, .. }) => Some(before.as_str()),
        _ => None,
    };
    // Where the name of another key could be computed, this one's can be, too: it is another
    // key's, whoever set it.
    if names.are_computable() || before.is_some_and(|before| names.computed(before).is_some()) {
        return Verdict::No;
    }
    if names.is_learned(expected, hash) {
        return Verdict::Proven(Evidence::MetricsUnnamed);
    }
    if names.owner(hash).is_some() {
        return Verdict::No;
    }
    match before {
        // The key before had no name that can be computed, and this is not that one.
        Some(before) if before != hash => Verdict::Proven(Evidence::MetricsUnnamed),
        // They were seen with it for this very key, or for another one.
        Some(_) if names.was_guessed(expected, hash) => Verdict::Unidentified { touch: false },
        Some(_) => Verdict::No,
        // Nobody has seen how keys are named here.
        None => Verdict::Unidentified { touch: false },
    }
}

/// A provider that tells nothing of its keys: only its own name can.
fn provider(prefix: &str, before_change: Option<&WritesWith>) -> Verdict {
    match before_change {
        Some(WritesWith::Provider(before)) if before != prefix => {
            Verdict::Proven(Evidence::MetricsUnnamed)
        }
        Some(WritesWith::Plaintext) => Verdict::Proven(Evidence::MetricsUnnamed),
        _ => Verdict::Unidentified { touch: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::KeyId, kubernetes::ServerMetrics, reencrypt::servers::Process};

    const V1: &str = "k8s:enc:kms:v1:azure:";

    fn heard(writes_with: WritesWith, counters: ServerMetrics) -> ProbedServer {
        ProbedServer { process: Process::of(&counters), writes_with, counters }
    }

    fn key() -> KeyId {
        KeyId::parse("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef")
            .unwrap()
    }

    fn ours() -> WritesWith {
        WritesWith::key(key().metrics_hash())
    }

    fn on(writes_with: WritesWith) -> ProbedServer {
        let counters =
            ServerMetrics { has_transformation_series: true, ..ServerMetrics::default() };
        heard(writes_with, counters)
    }

    fn other_key() -> KeyId {
        KeyId::parse("https://shop.vault.azure.net/keys/etcd/fedcba9876543210fedcba9876543210")
            .unwrap()
    }

    const NO: Verdict = Verdict::No;
    const NAMED: Verdict = Verdict::Proven(Evidence::Metrics);
    const UNNAMED: Verdict = Verdict::Proven(Evidence::MetricsUnnamed);
    const UNIDENTIFIED: Verdict = Verdict::Unidentified { touch: false };
    const UNTOLD_V1: Verdict = Verdict::Unidentified { touch: true };

    #[test]
    fn evidence_needs_every_server_on_the_expected_key() {
        let hash = |hash: &str| WritesWith::key(hash);
        let provider = |prefix: &str| WritesWith::Provider(prefix.into());
        let other = || WritesWith::key(other_key().metrics_hash());
        let plain = || WritesWith::Plaintext;
        let key = ExpectedKey::Key(key());
        let none = ExpectedKey::Plaintext;
        // what the servers write with, what is expected, what they wrote with before the change
        let cases = [
            ("all on the expected key", vec![ours(), ours()], &key, None, NAMED),
            ("one of two behind", vec![ours(), hash("x")], &key, None, NO),
            ("all on the old key", vec![hash("x"); 2], &key, Some(hash("x")), NO),
            (
                "an unknown name, seen by nobody before",
                vec![hash("x"); 2],
                &key,
                None,
                UNIDENTIFIED,
            ),
            ("an unknown name after plaintext", vec![hash("x")], &key, Some(plain()), UNIDENTIFIED),
            (
                "an unknown name after KMS v1",
                vec![hash("x")],
                &key,
                Some(provider(V1)),
                UNIDENTIFIED,
            ),
            ("one unknown name after another", vec![hash("x")], &key, Some(hash("y")), UNNAMED),
            ("an unknown name after a computable one", vec![hash("x")], &key, Some(other()), NO),
            ("another key of this cluster", vec![other(); 2], &key, None, NO),
            ("another key after an unknown name", vec![other()], &key, Some(hash("y")), NO),
            ("mixed is no evidence", vec![WritesWith::Mixed], &key, Some(hash("x")), NO),
            ("still plaintext", vec![plain()], &key, Some(plain()), NO),
            ("plaintext as expected", vec![plain(), plain()], &none, None, NAMED),
            ("plaintext after a key", vec![plain()], &none, Some(ours()), NAMED),
            ("still encrypting", vec![hash("x")], &none, Some(ours()), NO),
            ("a provider, seen by nobody before", vec![provider(V1); 2], &key, None, UNTOLD_V1),
            ("the same provider", vec![provider(V1)], &key, Some(provider(V1)), UNTOLD_V1),
            ("another provider", vec![provider(V1)], &key, Some(provider("other")), UNNAMED),
            ("nobody was heard", vec![], &key, None, NO),
        ];
        let names = KeyNames::new(vec![other_key()], Vec::new());
        for (name, servers, expected, before, verdict) in cases {
            let servers: Vec<ProbedServer> = servers.into_iter().map(on).collect();
            assert_eq!(judge(&servers, expected, before.as_ref(), &names), verdict, "{name}");
        }
    }

    #[test]
    fn servers_that_encrypted_and_show_nothing_now_are_no_evidence_of_plaintext() {
        let silent = heard(WritesWith::Plaintext, ServerMetrics::default());
        let telling = on(WritesWith::Plaintext);
        let cases = [
            (vec![silent.clone()], None, NAMED),
            (vec![silent.clone()], Some(WritesWith::Plaintext), NAMED),
            (vec![silent.clone()], Some(ours()), UNIDENTIFIED),
            (vec![telling.clone(), silent], Some(WritesWith::Provider(V1.into())), UNIDENTIFIED),
            (vec![telling], Some(ours()), NAMED),
        ];
        for (servers, before, verdict) in cases {
            let found =
                judge(&servers, &ExpectedKey::Plaintext, before.as_ref(), &KeyNames::default());
            assert_eq!(found, verdict, "{before:?}");
        }
    }

    #[test]
    fn a_hash_that_is_known_from_an_earlier_change_is_evidence_by_itself() {
        let hash = |hash: &str| WritesWith::key(hash);
        let learned = |owner: KeyId| vec![(ExpectedKey::Key(owner), "k2".to_owned())];
        let ours = ExpectedKey::Key(key());
        let none = ExpectedKey::Plaintext;
        let cases = [
            ("all show it", vec!["k2", "k2"], &ours, learned(key()), None, UNNAMED),
            ("one shows another", vec!["k2", "k1"], &ours, learned(key()), None, NO),
            ("plaintext is expected", vec!["k2"], &none, learned(key()), None, NO),
            ("it is another key's", vec!["k2"], &ours, learned(other_key()), None, NO),
            (
                "keys have computable names now",
                vec!["k2"],
                &ours,
                learned(key()),
                Some(WritesWith::key(other_key().metrics_hash())),
                NO,
            ),
        ];
        for (name, servers, expected, learned, before, verdict) in cases {
            let servers: Vec<ProbedServer> = servers.into_iter().map(|it| on(hash(it))).collect();
            let names = KeyNames::new(vec![other_key()], learned);
            assert_eq!(judge(&servers, expected, before.as_ref(), &names), verdict, "{name}");
        }
    }

    #[test]
    fn once_a_key_had_a_computable_name_another_name_is_another_key() {
        let servers = [on(WritesWith::key("x"))];
        let mut names = KeyNames::new(vec![other_key()], Vec::new());
        let mut verdict = |seen: WritesWith| {
            names.see(&seen);
            judge(&servers, &ExpectedKey::Key(key()), None, &names)
        };
        assert_eq!(verdict(WritesWith::Plaintext), UNIDENTIFIED);
        assert_eq!(verdict(WritesWith::key("y")), UNIDENTIFIED);
        assert_eq!(verdict(WritesWith::key(other_key().metrics_hash())), NO);
    }

    #[test]
    fn a_guess_stands_for_the_key_that_it_was_made_for_only() {
        let servers = [on(WritesWith::key("x"))];
        let before = WritesWith::key("x");
        let mut names = KeyNames::default();
        names.guess(&ExpectedKey::Key(key()), "x");
        for (key_id, verdict) in [(key(), UNIDENTIFIED), (other_key(), NO)] {
            let expected = ExpectedKey::Key(key_id);
            assert_eq!(judge(&servers, &expected, Some(&before), &names), verdict, "{expected}");
        }
    }

    #[test]
    fn a_key_that_aks_looks_after_is_told_from_what_was_written_with_before() {
        let hash = |hash: &str| WritesWith::key(hash);
        let other_provider = |hash: String| WritesWith::Key { hash, prefix: "other:".to_owned() };
        let any = ExpectedKey::AnyVersion(key().without_version());
        let platform = ExpectedKey::Platform;
        let unchanged = Verdict::Unchanged(Evidence::Metrics);
        let learned = vec![(ExpectedKey::Platform, "p".to_owned())];
        let cases = [
            ("a version of it", ours(), &any, None, NAMED),
            ("a version, after another key", ours(), &any, Some(hash("x")), NAMED),
            ("the very key of before", ours(), &any, Some(ours()), unchanged),
            (
                "the key of before through another provider",
                other_provider(key().metrics_hash()),
                &any,
                Some(ours()),
                NAMED,
            ),
            ("another key that is known", hash("p"), &any, Some(hash("x")), NO),
            ("a name that nobody can compute", hash("y"), &any, Some(hash("x")), UNNAMED),
            ("the same, where a name could be computed", hash("y"), &any, Some(ours()), UNNAMED),
            ("such a name, and nobody saw the change", hash("y"), &any, None, UNIDENTIFIED),
            ("not changed yet", hash("x"), &any, Some(hash("x")), NO),
            ("no encryption", WritesWith::Plaintext, &any, None, NO),
            ("the platform's, as learned", hash("p"), &platform, None, UNNAMED),
            ("the platform's, after another key", hash("y"), &platform, Some(hash("x")), UNNAMED),
            (
                "the platform's, after no key",
                hash("y"),
                &platform,
                Some(WritesWith::Plaintext),
                UNNAMED,
            ),
            ("a key that is known", ours(), &platform, Some(hash("x")), NO),
            ("the platform's perhaps", hash("y"), &platform, None, UNIDENTIFIED),
            ("not the platform's yet", hash("x"), &platform, Some(hash("x")), NO),
        ];
        for (name, writing, expected, before, verdict) in cases {
            let names = KeyNames::new(vec![key()], learned.clone());
            let servers = [on(writing.clone()), on(writing)];
            assert_eq!(judge(&servers, expected, before.as_ref(), &names), verdict, "{name}");
        }
    }

    #[test]
    fn two_providers_of_one_key_are_not_one_answer() {
        let other = WritesWith::Key { hash: key().metrics_hash(), prefix: "other:".to_owned() };
        let any = ExpectedKey::AnyVersion(key().without_version());
        let names = KeyNames::new(vec![key()], Vec::new());
        for expected in [&any, &ExpectedKey::Key(key())] {
            assert_eq!(judge(&[on(ours()), on(other.clone())], expected, None, &names), NO);
        }
    }

    #[test]
    fn a_version_that_was_set_before_may_still_be_written_with_as_it_was() {
        let any = ExpectedKey::AnyVersion(key().without_version());
        let mut names = KeyNames::new(vec![key(), other_key()], Vec::new());
        names.replaces(vec![key()]);
        let servers = [on(ours()), on(ours())];
        let unchanged = Verdict::Unchanged(Evidence::Metrics);
        assert_eq!(judge(&servers, &any, None, &names), unchanged);
        let other = WritesWith::key(other_key().metrics_hash());
        assert_eq!(judge(&servers, &any, Some(&other), &names), NAMED, "it was seen to change");
        assert_eq!(judge(&[on(other)], &any, None, &names), NAMED, "another version");
    }
}
