//! `/metrics` of an API server process: the series that tell how it stores secrets.

use std::fmt::Write;

use super::{
    cluster::Cluster,
    process::{Direction, Process},
};
use crate::backend::KmsVersion;

/// Metrics of envelope encryption name the API server from this minor version.
const IDENTITY_MINOR: u32 = 29;

/// `apiserver_resource_objects` takes the place of `apiserver_storage_objects`.
const RESOURCE_OBJECTS_MINOR: u32 = 34;

/// The text of the answer.
pub(super) fn render(cluster: &Cluster, process: &Process) -> String {
    let mut text = Text(String::with_capacity(8 * 1024));
    let minor = cluster.minor();
    let identity = if minor >= IDENTITY_MINOR {
        format!("apiserver_id_hash=\"{}\",", process.identity.id_hash)
    } else {
        String::new()
    };
    envelopes(&mut text, process, &identity);
    storage(&mut text, cluster, minor);
    transformations(&mut text, process);
    text.family(
        "process_start_time_seconds",
        "gauge",
        "[ALPHA] Start time of the process since unix epoch in seconds.",
    );
    text.sample("process_start_time_seconds", "", &exponent(process.started));
    text.0
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // writing to a string cannot fail
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: &str) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{labels}}} {value}")
        };
    }
}

/// What was done with which key.
fn envelopes(text: &mut Text, process: &Process, identity: &str) {
    let counters: Vec<_> = process
        .counters()
        .into_iter()
        .filter_map(|counted| {
            let labels = match &*counted.seal {
                super::transform::Seal::Kms { version: KmsVersion::V2, provider, key } => format!(
                    "{identity}key_id_hash=\"{}\",provider_name=\"{provider}\",\
                     transformation_type=\"{}\"",
                    key.hash,
                    direction(counted.direction),
                ),
                _ => return None,
            };
            Some((labels, counted))
        })
        .collect();
    if !counters.is_empty() {
        let name = "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds";
        text.family(name, "gauge", "[ALPHA] The last time in seconds when a keyID was used.");
        for (labels, counted) in &counters {
            text.sample(name, labels, &exponent(counted.last));
        }
    }
    let named: Vec<_> = process
        .transformers
        .kms()
        .filter(|provider| provider.version == KmsVersion::V2)
        .flat_map(|provider| {
            provider.named_keys().into_iter().map(|(key, last)| (&provider.name, key, last))
        })
        .collect();
    if !named.is_empty() {
        let name = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds";
        let help =
            "[ALPHA] The last time in seconds when a keyID was returned by the Status RPC call.";
        text.family(name, "gauge", help);
        for (provider, key, last) in named {
            let labels =
                format!("{identity}key_id_hash=\"{}\",provider_name=\"{provider}\"", key.hash);
            text.sample(name, &labels, &exponent(last));
        }
    }
    if !counters.is_empty() {
        let name = "apiserver_envelope_encryption_key_id_hash_total";
        let help = "[ALPHA] Number of times a keyID is used split by transformation type, \
                    provider, and apiserver identity.";
        text.family(name, "counter", help);
        for (labels, counted) in &counters {
            text.sample(name, labels, &counted.count.to_string());
        }
    }
}

/// How much there is.
fn storage(text: &mut Text, cluster: &Cluster, minor: u32) {
    let objects = cluster.store.len().to_string();
    let (database, live) = cluster.store.bytes();
    if minor >= RESOURCE_OBJECTS_MINOR {
        let name = "apiserver_resource_objects";
        let help = "[ALPHA] Number of stored objects at the time of last check split by kind. In \
                    case of a fetching error, the value will be -1.";
        text.family(name, "gauge", help);
        text.sample(name, "group=\"\",resource=\"secrets\"", &objects);
        let name = "apiserver_resource_size_estimate_bytes";
        let help = "[ALPHA] Estimated size of stored objects in database.";
        text.family(name, "gauge", help);
        text.sample(name, "group=\"\",resource=\"secrets\"", &exponent(float(live)));
    }
    let name = "apiserver_storage_objects";
    let help = "[STABLE] Number of stored objects at the time of last check split by kind. In \
                case of a fetching error, the value will be -1.";
    text.family(name, "gauge", help);
    text.sample(name, "resource=\"secrets\"", &objects);
    let name = "apiserver_storage_size_bytes";
    let help = "[STABLE] Size of the storage database file physically allocated in bytes.";
    text.family(name, "gauge", help);
    text.sample(name, "storage_cluster_id=\"etcd-0\"", &exponent(float(database)));
}

/// What was read and written with which prefix.
fn transformations(text: &mut Text, process: &Process) {
    // values under several keys can have one prefix
    let mut counts: Vec<(Direction, String, u64)> = Vec::new();
    for counted in process.counters() {
        let mut prefix = counted.seal.prefix();
        if prefix.is_empty() && counted.direction == Direction::FromStorage {
            "identity".clone_into(&mut prefix);
        }
        match counts.iter_mut().find(|it| it.0 == counted.direction && it.1 == prefix) {
            Some((_, _, count)) => *count += counted.count,
            None => counts.push((counted.direction, prefix, counted.count)),
        }
    }
    if counts.is_empty() {
        return;
    }
    let name = "apiserver_storage_transformation_operations_total";
    let help = "[ALPHA] Total number of transformations. Successful transformation will have a \
                status 'OK' and a varied status string when the transformation fails.";
    text.family(name, "counter", help);
    for (kind, prefix, count) in counts {
        let labels = format!(
            "resource=\"secrets\",status=\"OK\",transformation_type=\"{}\",\
             transformer_prefix=\"{prefix}\"",
            direction(kind),
        );
        text.sample(name, &labels, &count.to_string());
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::FromStorage => "from_storage",
        Direction::ToStorage => "to_storage",
    }
}

/// A database has fewer than 2^52 bytes.
#[expect(clippy::cast_precision_loss)]
fn float(bytes: usize) -> f64 {
    bytes as f64
}

/// A large number as Prometheus writes it: `1.7639e+09`.
fn exponent(value: f64) -> String {
    if value < 1e6 {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, power)) => format!("{mantissa}e+{power:0>2}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        assert_eq!(exponent(1_763_900_000.25), "1.76390000025e+09");
        assert_eq!(exponent(12.0), "12");
        assert_eq!(exponent(1e21), "1e+21");
    }
}
