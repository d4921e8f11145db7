//! What the counters of API servers say about the key that they write with. Pure.

use std::{collections::BTreeMap, fmt};

use crate::{ids::ExpectedKey, kubernetes::ServerMetrics, report::ApiServer};

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

    /// Whether these are one process: a server tells its id only once it has used a key.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same_id = match (&self.id_hash, &other.id_hash) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        same_id && self.started == other.started
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
    /// KMS v2 with the key of this hash, through the provider of this prefix. After a change from the key in use
    /// to the same one, only the provider tells. Empty: it was not heard.
    Key { hash: String, prefix: String },
    /// A provider that does not count key ids, such as KMS v1, by its prefix.
    Provider(String),
    /// No encryption.
    Plaintext,
    /// More than one at the same time, or the counters do not tell: they are no evidence.
    Mixed,
}

impl fmt::Display for WritesWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { hash, .. } => write!(f, "the key {hash}"),
            Self::Provider(prefix) => write!(f, "provider {prefix}"),
            Self::Plaintext => f.write_str("no encryption"),
            Self::Mixed => f.write_str("what its counters do not tell, or more than one key"),
        }
    }
}

#[cfg(test)]
impl WritesWith {
    /// A key of this hash, through one and the same provider.
    pub(super) fn key(hash: impl Into<String>) -> Self {
        Self::Key { hash: hash.into(), prefix: "k8s:enc:kms:v2:azure:".to_owned() }
    }
}

/// What grew on one server between two readings with a write of ours in between.
pub(super) fn written_between(before: &ServerMetrics, after: &ServerMetrics) -> WritesWith {
    let hashes = grown(&before.to_storage_by_key_hash, &after.to_storage_by_key_hash);
    let prefixes = grown(&before.to_storage_by_prefix, &after.to_storage_by_prefix);
    match (&hashes[..], &prefixes[..]) {
        ([hash], [prefix]) if !prefix.is_empty() => {
            WritesWith::Key { hash: (*hash).to_owned(), prefix: (*prefix).to_owned() }
        }
        ([], [""]) => WritesWith::Plaintext,
        ([], [prefix]) => WritesWith::Provider((*prefix).to_owned()),
        // A server without an encryption configuration has no series, even after a write. That is
        // a sign only in metrics that are whole.
        ([], []) if after.shows_no_encryption() => WritesWith::Plaintext,
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
pub(super) struct ProbedServer {
    pub(super) process: Process,
    pub(super) writes_with: WritesWith,
    /// Its counters right after the write.
    pub(super) counters: ServerMetrics,
}

impl ProbedServer {
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
            WritesWith::Key { hash, .. } => hashes.contains(&hash),
            // A server that shows nothing at all has no encryption configuration, and may have
            // written any number of secrets without it.
            WritesWith::Plaintext => *expected == ExpectedKey::Plaintext,
            WritesWith::Provider(_) => false,
            WritesWith::Mixed => self.counters.is_whole() && !self.counters.wrote_secrets(),
        }
    }

    /// It responded again, with these counters.
    pub(super) fn go_on(&mut self, counters: ServerMetrics) {
        let wrote = written_between(&self.counters, &counters);
        let grew = !grown(&self.counters.to_storage_by_prefix, &counters.to_storage_by_prefix)
            .is_empty()
            || !grown(&self.counters.to_storage_by_key_hash, &counters.to_storage_by_key_hash)
                .is_empty();
        if grew && wrote != self.writes_with {
            self.writes_with = WritesWith::Mixed;
        }
        self.process = Process::of(&counters);
        self.counters = counters;
    }

    /// Whether it wrote with nothing else since an earlier reading, and would not have.
    pub(super) fn unchanged_since(&self, earlier: &ProbedServer) -> bool {
        written_between(&earlier.counters, &self.counters) == self.writes_with
            && self.writes_with == earlier.writes_with
            && !self.plugin_named_another_key_since(earlier)
    }

    /// Whether the plugin behind the provider that it writes with named another key meanwhile. For
    /// as long as it did, the server took what is under that key for current, and that shows in no
    /// other counter.
    fn plugin_named_another_key_since(&self, earlier: &ProbedServer) -> bool {
        let WritesWith::Key { hash, .. } = &self.writes_with else { return false };
        let writes = |provider: &str| {
            self.counters.writing_providers.contains(&(provider.to_owned(), hash.clone()))
        };
        self.counters.named_by_plugins.iter().any(|((provider, named), at)| {
            let known = earlier.counters.named_by_plugins.get(&(provider.clone(), named.clone()));
            named != hash && writes(provider) && known.is_none_or(|before| before < at)
        })
    }

    /// Hash of the key that its plugins named last, of those that it has written with. `None`: that is not
    /// shown, or not clear.
    pub(super) fn named_last(&self) -> Option<&str> {
        let ServerMetrics { named_by_plugins, writing_providers, .. } = &self.counters;
        let written =
            named_by_plugins.iter().filter(|(named, _)| writing_providers.contains(*named));
        let last = written.clone().map(|(_, at)| *at).fold(f64::NEG_INFINITY, f64::max);
        let mut named = written.filter(|(_, at)| **at >= last).map(|((_, hash), _)| hash.as_str());
        let hash = named.next()?;
        named.all(|other| other == hash).then_some(hash)
    }

    pub(super) fn report(&self) -> ApiServer {
        ApiServer {
            id: self.process.name(),
            key_id_hash: match &self.writes_with {
                WritesWith::Key { hash, .. } => Some(hash.clone()),
                WritesWith::Provider(_) | WritesWith::Plaintext | WritesWith::Mixed => None,
            },
        }
    }
}

/// Whether the servers still are what they were `before`. `now`: all that live; `all`: those that
/// were heard in between, too.
///
/// One that began meanwhile may have answered for secrets under a key that it took for current
/// before it was heard, and written nothing: its counters do not show that. What one that has
/// ended wrote with at its end was not heard either. So they must be the same processes.
pub(super) fn kept(before: &[ProbedServer], now: &[ProbedServer], all: &[ProbedServer]) -> bool {
    let same = |server: &ProbedServer, among: &'_ [ProbedServer]| {
        among.iter().position(|other| other.process.is(&server.process))
    };
    let unchanged = |server: &ProbedServer| {
        same(server, before).is_some_and(|earlier| server.unchanged_since(&before[earlier]))
    };
    let agreed = |server: &ProbedServer| {
        same(server, before)
            .is_some_and(|earlier| server.writes_with == before[earlier].writes_with)
    };
    !before.is_empty()
        && now.iter().all(unchanged)
        && all.iter().all(agreed)
        && before.iter().all(|server| same(server, now).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            has_object_series: true,
            process_start_time_seconds: Some(1.0),
            ..ServerMetrics::default()
        }
    }

    fn heard(writes_with: WritesWith, counters: ServerMetrics) -> ProbedServer {
        ProbedServer { process: Process::of(&counters), writes_with, counters }
    }

    #[test]
    fn what_a_server_writes_with_is_what_grew() {
        let none = metrics(&[], &[]);
        let cases = [
            (
                "one key grew",
                none.clone(),
                metrics(&[("k2", 1)], &[(V2, 1)]),
                WritesWith::key("k2"),
            ),
            (
                "an old key's count that stands still says nothing",
                metrics(&[("k1", 9)], &[(V2, 9)]),
                metrics(&[("k1", 9), ("k2", 1)], &[(V2, 9), (V2_OTHER, 1)]),
                WritesWith::Key { hash: "k2".into(), prefix: V2_OTHER.into() },
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
                metrics(&[], &[]),
                metrics(&[], &[]),
                WritesWith::Plaintext,
            ),
            (
                "no series at all in metrics that are not whole",
                ServerMetrics::default(),
                ServerMetrics::default(),
                WritesWith::Mixed,
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
    fn a_process_that_once_wrote_with_another_key_has_a_write_that_may_still_land() {
        let fresh = heard(WritesWith::key("k2"), metrics(&[("k2", 3)], &[(V2, 3)]));
        let older = heard(WritesWith::key("k2"), metrics(&[("k1", 5), ("k2", 3)], &[(V2, 8)]));
        let once_plain = heard(WritesWith::key("k2"), metrics(&[("k2", 3)], &[("", 2), (V2, 3)]));
        assert!(fresh.never_wrote_otherwise());
        assert!(!older.never_wrote_otherwise());
        assert!(!once_plain.never_wrote_otherwise());
    }

    fn process(started: f64, writes_with: &str, writes: u64) -> ProbedServer {
        let counters = ServerMetrics {
            process_start_time_seconds: Some(started),
            ..metrics(&[(writes_with, writes)], &[(V2, writes)])
        };
        heard(WritesWith::key(writes_with), counters)
    }

    #[test]
    fn servers_are_kept_only_if_the_same_processes_wrote_with_nothing_else() {
        let before = [process(1.0, "k2", 1), process(2.0, "k2", 1)];
        let after = |started| process(started, "k2", 2);
        let flipped = {
            let counters = ServerMetrics {
                process_start_time_seconds: Some(2.0),
                ..metrics(&[("k1", 1), ("k2", 2)], &[(V2, 3)])
            };
            heard(WritesWith::key("k2"), counters)
        };
        let cases = [
            ("the same", vec![after(1.0), after(2.0)], vec![], true),
            ("one more", vec![after(1.0), after(2.0), after(3.0)], vec![], false),
            ("one less", vec![after(1.0)], vec![], false),
            ("another one", vec![after(1.0), after(3.0)], vec![], false),
            ("with another key", vec![after(1.0), process(2.0, "k1", 2)], vec![], false),
            ("with another key for a while", vec![after(1.0), flipped], vec![], false),
            ("one came and went", vec![after(1.0), after(2.0)], vec![process(3.0, "k1", 1)], false),
        ];
        for (name, now, between, expected) in cases {
            let all = [&before[..], &between, &now].concat();
            assert_eq!(kept(&before, &now, &all), expected, "{name}");
        }
        assert!(!kept(&[], &[], &[]), "nobody was heard");
        let two = [process(1.0, "k1", 1), process(2.0, "k2", 1)];
        let still = [process(1.0, "k1", 2), process(2.0, "k2", 2)];
        let turned = [process(1.0, "k2", 2), process(2.0, "k1", 2)];
        assert!(kept(&two, &still, &two), "servers on different keys that stay so");
        assert!(!kept(&two, &turned, &two));
    }

    #[test]
    fn a_plugin_that_named_another_key_for_a_while_is_found() {
        let named = |pairs: &[(&str, &str, f64)], writes| {
            let mut server = process(1.0, "k2", writes);
            server.counters.writing_providers = [("a".to_owned(), "k2".to_owned())].into();
            server.counters.named_by_plugins = pairs
                .iter()
                .map(|&(provider, key, at)| ((provider.to_owned(), key.to_owned()), at))
                .collect();
            server
        };
        let before = named(&[("a", "k1", 10.0), ("a", "k2", 20.0), ("b", "k1", 20.0)], 1);
        let cases = [
            ("only its own", vec![("a", "k1", 10.0), ("a", "k2", 80.0)], true),
            ("the other provider goes on", vec![("a", "k2", 80.0), ("b", "k1", 80.0)], true),
            ("the old key again", vec![("a", "k1", 70.0), ("a", "k2", 80.0)], false),
            ("a third key", vec![("a", "k3", 70.0), ("a", "k2", 80.0)], false),
        ];
        for (name, pairs, unchanged) in cases {
            assert_eq!(named(&pairs, 2).unchanged_since(&before), unchanged, "{name}");
        }
    }
}
