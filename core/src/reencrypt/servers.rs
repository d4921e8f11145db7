//! What the counters of API servers say about the key that they write with. Pure.

use std::{collections::BTreeMap, fmt};

use crate::{
    kubernetes::ServerMetrics,
    model::{ApiServer, Evidence, ExpectedKey},
};

/// An API server process. A restart makes another one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Process {
    /// `apiserver_id_hash`, where the server tells it.
    pub(super) id_hash: Option<String>,
    /// `process_start_time_seconds`, as bits: only compared for equality.
    started: Option<u64>,
}

impl Process {
    pub(super) fn of(metrics: &ServerMetrics) -> Self {
        Self {
            id_hash: metrics.apiserver_id_hash.clone(),
            started: metrics.process_start_time_seconds.map(f64::to_bits),
        }
    }

    fn name(&self) -> String {
        match (&self.id_hash, self.started) {
            (Some(id), _) => id.clone(),
            (None, Some(started)) => format!("started-{}", f64::from_bits(started)),
            (None, None) => "unnamed".to_owned(),
        }
    }
}

/// What a server writes secrets with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WritesWith {
    /// KMS v2 with the key of this hash.
    Key(String),
    /// A provider that does not count key ids, such as KMS v1, by its prefix.
    Provider(String),
    /// No encryption.
    Plaintext,
    /// More than one at the same time: the counters are no evidence.
    Mixed,
}

impl fmt::Display for WritesWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(hash) => write!(f, "the key {hash}"),
            Self::Provider(prefix) => write!(f, "provider {prefix}"),
            Self::Plaintext => f.write_str("no encryption"),
            Self::Mixed => f.write_str("more than one key"),
        }
    }
}

/// What grew on one server between two readings with a write of ours in between.
pub(super) fn written_between(before: &ServerMetrics, after: &ServerMetrics) -> WritesWith {
    let hashes = grown(&before.to_storage_by_key_hash, &after.to_storage_by_key_hash);
    let prefixes = grown(&before.to_storage_by_prefix, &after.to_storage_by_prefix);
    match (&hashes[..], &prefixes[..]) {
        ([hash], [prefix]) if !prefix.is_empty() => WritesWith::Key((*hash).to_owned()),
        ([], [""]) => WritesWith::Plaintext,
        ([], [prefix]) => WritesWith::Provider((*prefix).to_owned()),
        // a server without an encryption configuration has no series, even after a write
        ([], []) if !after.has_transformation_series => WritesWith::Plaintext,
        _ => WritesWith::Mixed,
    }
}

fn grown<'a>(before: &BTreeMap<String, u64>, after: &'a BTreeMap<String, u64>) -> Vec<&'a str> {
    after
        .iter()
        .filter(|&(name, &count)| count > before.get(name).copied().unwrap_or(0))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// An API server that was made to write, and what it wrote with.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) process: Process,
    pub(super) writes_with: WritesWith,
    /// Its counters right after the write.
    pub(super) counters: ServerMetrics,
}

impl Heard {
    /// What a server wrote with between two readings of its counters.
    pub(super) fn between(before: &ServerMetrics, after: ServerMetrics) -> Self {
        Self {
            process: Process::of(&after),
            writes_with: written_between(before, &after),
            counters: after,
        }
    }

    /// Whether the process has written with nothing else since it began.
    pub(super) fn never_wrote_otherwise(&self) -> bool {
        written_between(&ServerMetrics::default(), &self.counters) == self.writes_with
    }

    /// Whether it has written nothing since it began, or with nothing else than these: a key of
    /// one of these hashes, or no encryption if plaintext is expected.
    pub(super) fn only_ever_wrote(&self, expected: &ExpectedKey, hashes: &[String]) -> bool {
        match written_between(&ServerMetrics::default(), &self.counters) {
            WritesWith::Key(hash) => hashes.contains(&hash),
            // A server that shows nothing at all has no encryption configuration, and may have
            // written any number of secrets without it.
            WritesWith::Plaintext => *expected == ExpectedKey::Plaintext,
            WritesWith::Provider(_) => false,
            WritesWith::Mixed => !self.counters.wrote_secrets(),
        }
    }

    /// Whether it wrote with nothing else since an earlier reading.
    pub(super) fn unchanged_since(&self, earlier: &Heard) -> bool {
        written_between(&earlier.counters, &self.counters) == self.writes_with
            && self.writes_with == earlier.writes_with
    }

    pub(super) fn report(&self) -> ApiServer {
        ApiServer {
            id: self.process.name(),
            key_id_hash: match &self.writes_with {
                WritesWith::Key(hash) => Some(hash.clone()),
                WritesWith::Provider(_) | WritesWith::Plaintext | WritesWith::Mixed => None,
            },
        }
    }
}

/// What the servers, all that live, show of the expected key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// They write with it.
    Proven(Evidence),
    /// They encrypt, all with one provider that tells nothing of its keys, as KMS v1, and were not
    /// seen to change to it: it may be any key.
    Untold,
    /// They don't write with it, or not all.
    No,
}

/// Judges whether these servers, all that live, write with the expected key. `before_change` is
/// what they wrote with before the key changed in this run; `known_key_id_hash` what they all
/// showed when they were last seen to change to the expected key.
pub(super) fn judge(
    heard: &[Heard],
    expected: &ExpectedKey,
    before_change: Option<&WritesWith>,
    known_key_id_hash: Option<&str>,
) -> Verdict {
    let Some((first, rest)) = heard.split_first() else { return Verdict::No };
    let writes_with = &first.writes_with;
    if rest.iter().any(|server| server.writes_with != *writes_with) {
        return Verdict::No;
    }
    let named = match expected {
        ExpectedKey::Key(key_id) => WritesWith::Key(key_id.metrics_hash()),
        ExpectedKey::Plaintext => WritesWith::Plaintext,
    };
    if *writes_with == named {
        return Verdict::Proven(Evidence::Metrics);
    }
    if *expected == ExpectedKey::Plaintext {
        return Verdict::No;
    }
    // A key whose hash is not the computable one: it counts only if the servers were seen to
    // change to it, all of them. Right after a change that is the new key, and cannot be the old.
    let changed = before_change.is_some_and(|before| before != writes_with);
    match writes_with {
        WritesWith::Key(hash) if changed || known_key_id_hash == Some(hash) => {
            Verdict::Proven(Evidence::MetricsUnnamed)
        }
        WritesWith::Provider(_) if changed => Verdict::Proven(Evidence::MetricsUnnamed),
        WritesWith::Provider(_) => Verdict::Untold,
        WritesWith::Key(_) | WritesWith::Plaintext | WritesWith::Mixed => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KeyId;

    const V2: &str = "k8s:enc:kms:v2:azure:";
    const V2_OTHER: &str = "k8s:enc:kms:v2:azure-2:";
    const V1: &str = "k8s:enc:kms:v1:azure:";

    fn metrics(hashes: &[(&str, u64)], prefixes: &[(&str, u64)]) -> ServerMetrics {
        let map = |pairs: &[(&str, u64)]| {
            pairs.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
        };
        ServerMetrics {
            to_storage_by_key_hash: map(hashes),
            to_storage_by_prefix: map(prefixes),
            has_transformation_series: !prefixes.is_empty(),
            ..ServerMetrics::default()
        }
    }

    fn heard(writes_with: WritesWith, counters: ServerMetrics) -> Heard {
        Heard { process: Process::of(&counters), writes_with, counters }
    }

    fn key() -> KeyId {
        KeyId::parse("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef")
            .unwrap()
    }

    fn ours() -> WritesWith {
        WritesWith::Key(key().metrics_hash())
    }

    #[test]
    fn what_a_server_writes_with_is_what_grew() {
        let none = metrics(&[], &[]);
        let cases = [
            (
                "one key grew",
                none.clone(),
                metrics(&[("k2", 1)], &[(V2, 1)]),
                WritesWith::Key("k2".into()),
            ),
            (
                "an old key's count that stands still says nothing",
                metrics(&[("k1", 9)], &[(V2, 9)]),
                metrics(&[("k1", 9), ("k2", 1)], &[(V2, 9), (V2_OTHER, 1)]),
                WritesWith::Key("k2".into()),
            ),
            (
                "both keys grew",
                metrics(&[("k1", 9)], &[(V2, 9)]),
                metrics(&[("k1", 10), ("k2", 1)], &[(V2, 11)]),
                WritesWith::Mixed,
            ),
            (
                "nothing grew although the server encrypts",
                metrics(&[("k1", 9)], &[(V2, 9)]),
                metrics(&[("k1", 9)], &[(V2, 9)]),
                WritesWith::Mixed,
            ),
            (
                "plaintext has an empty prefix",
                none.clone(),
                metrics(&[], &[("", 1)]),
                WritesWith::Plaintext,
            ),
            (
                "no encryption configuration, no series",
                none.clone(),
                none.clone(),
                WritesWith::Plaintext,
            ),
            (
                "plaintext and a key",
                none.clone(),
                metrics(&[("k1", 1)], &[("", 1), (V2, 1)]),
                WritesWith::Mixed,
            ),
            (
                "KMS v1 counts no key ids",
                none,
                metrics(&[], &[(V1, 1)]),
                WritesWith::Provider(V1.into()),
            ),
        ];
        for (name, before, after, expected) in cases {
            assert_eq!(written_between(&before, &after), expected, "{name}");
        }
    }

    #[test]
    fn evidence_needs_every_server_on_the_expected_key() {
        let new = || heard(ours(), metrics(&[("x", 1)], &[(V2, 1)]));
        let old = || heard(WritesWith::Key("sha256:old".into()), ServerMetrics::default());
        let plain = || heard(WritesWith::Plaintext, ServerMetrics::default());
        let mixed = || heard(WritesWith::Mixed, ServerMetrics::default());
        let v1 =
            |prefix: &str| heard(WritesWith::Provider(prefix.into()), ServerMetrics::default());
        let expected = ExpectedKey::Key(key());
        let after = Some;
        let unknown: Option<WritesWith> = None;
        let old_key = WritesWith::Key("sha256:old".into());
        let cases = [
            (
                "all on the expected key",
                vec![new(), new()],
                &expected,
                unknown.clone(),
                Verdict::Proven(Evidence::Metrics),
            ),
            ("one of two behind", vec![new(), old()], &expected, unknown.clone(), Verdict::No),
            (
                "all agree on the old key",
                vec![old(), old()],
                &expected,
                after(old_key.clone()),
                Verdict::No,
            ),
            (
                "all agree on another key and nobody saw them change",
                vec![old()],
                &expected,
                unknown.clone(),
                Verdict::No,
            ),
            (
                "all changed to one key of unknown name",
                vec![old(), old()],
                &expected,
                after(WritesWith::Plaintext),
                Verdict::Proven(Evidence::MetricsUnnamed),
            ),
            ("mixed is no evidence", vec![mixed()], &expected, after(old_key), Verdict::No),
            (
                "still plaintext",
                vec![plain()],
                &expected,
                after(WritesWith::Plaintext),
                Verdict::No,
            ),
            (
                "plaintext as expected",
                vec![plain(), plain()],
                &ExpectedKey::Plaintext,
                unknown.clone(),
                Verdict::Proven(Evidence::Metrics),
            ),
            (
                "still encrypting when plaintext is expected",
                vec![old()],
                &ExpectedKey::Plaintext,
                after(ours()),
                Verdict::No,
            ),
            (
                "a provider that tells no keys, nobody saw it change",
                vec![v1(V1), v1(V1)],
                &expected,
                unknown.clone(),
                Verdict::Untold,
            ),
            (
                "a provider that tells no keys, the same as before the change",
                vec![v1(V1)],
                &expected,
                after(WritesWith::Provider(V1.into())),
                Verdict::Untold,
            ),
            (
                "another provider than before the change",
                vec![v1(V1)],
                &expected,
                after(WritesWith::Provider("k8s:enc:kms:v1:azure-2:".into())),
                Verdict::Proven(Evidence::MetricsUnnamed),
            ),
            ("nobody was heard", vec![], &expected, unknown, Verdict::No),
        ];
        for (name, servers, expected, before, verdict) in cases {
            assert_eq!(judge(&servers, expected, before.as_ref(), None), verdict, "{name}");
        }
    }

    #[test]
    fn a_hash_that_is_known_from_an_earlier_change_is_evidence_by_itself() {
        let server = |hash: &str| heard(WritesWith::Key(hash.into()), ServerMetrics::default());
        let key = ExpectedKey::Key(key());
        let cases = [
            (
                "all show it",
                vec![server("k2"), server("k2")],
                &key,
                Verdict::Proven(Evidence::MetricsUnnamed),
            ),
            ("one shows another", vec![server("k2"), server("k1")], &key, Verdict::No),
            ("all show another", vec![server("k1")], &key, Verdict::No),
            ("plaintext is expected", vec![server("k2")], &ExpectedKey::Plaintext, Verdict::No),
        ];
        for (name, servers, expected, verdict) in cases {
            assert_eq!(judge(&servers, expected, None, Some("k2")), verdict, "{name}");
        }
    }

    #[test]
    fn a_process_that_once_wrote_with_another_key_has_a_write_that_may_still_land() {
        let fresh = heard(WritesWith::Key("k2".into()), metrics(&[("k2", 3)], &[(V2, 3)]));
        let older =
            heard(WritesWith::Key("k2".into()), metrics(&[("k1", 5), ("k2", 3)], &[(V2, 8)]));
        let once_plain =
            heard(WritesWith::Key("k2".into()), metrics(&[("k2", 3)], &[("", 2), (V2, 3)]));
        assert!(fresh.never_wrote_otherwise());
        assert!(!older.never_wrote_otherwise());
        assert!(!once_plain.never_wrote_otherwise());
    }
}
