//! What an API server's `/metrics` tell of the keys that it writes with.
//!
//! The text is read as it comes and never held: it has megabytes, of which a few lines matter.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    error::Result,
    kubernetes::http::{
        request::{Accept, Request},
        status::{not_kubernetes, response_error, send_error},
        transport::KubernetesApi,
    },
};

/// Longer lines are passed over: none that matters comes near.
const LONGEST_LINE: usize = 16 * 1024;
const DOING: &str = "read /metrics";

/// What one API server process counted since it started.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServerMetrics {
    /// Tells processes apart; compared for equality, and with this process's own clock.
    pub(crate) process_start_time_seconds: Option<f64>,
    /// When it responded, by its own clock: the response's `Date`, which proxies pass on.
    pub(crate) answered_at: Option<f64>,
    /// "sha256:" and the hex digest of the name of its identity Lease. KMS v2 only.
    pub(crate) apiserver_id_hash: Option<String>,
    /// Encryptions by the key's hash. KMS v2 only.
    pub(crate) to_storage_by_key_hash: BTreeMap<String, u64>,
    /// Which provider encrypted with which key's hash. KMS v2 only.
    pub(crate) writing_providers: BTreeSet<(String, String)>,
    /// When a provider's plugin last named a key, by the process's own clock. KMS v2 only.
    pub(crate) named_by_plugins: BTreeMap<(String, String), f64>,
    /// Successful writes of secrets by the prefix of what is stored; "" is plaintext. Older API
    /// servers don't tell resources apart: there it is writes of everything that the
    /// encryption configuration names.
    pub(crate) to_storage_by_prefix: BTreeMap<String, u64>,
    /// Any transformation, of any resource, in any direction, was counted, or a key of KMS v2:
    /// without an encryption configuration none is.
    pub(crate) has_transformation_series: bool,
    /// How many objects are stored was told, as every API server does: these metrics are whole,
    /// and what they do not show is not there.
    pub(crate) has_object_series: bool,
    pub(crate) sizes: Sizes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sizes {
    bytes: Option<f64>,
    objects: Option<f64>,
}

impl ServerMetrics {
    /// Whether any write of a secret was counted.
    pub(crate) fn wrote_secrets(&self) -> bool {
        let mut counts =
            self.to_storage_by_key_hash.values().chain(self.to_storage_by_prefix.values());
        counts.any(|&count| count > 0)
    }

    /// Whether what is not shown is not there.
    pub(crate) fn is_whole(&self) -> bool {
        self.process_start_time_seconds.is_some() && self.has_object_series
    }

    /// Whether this is a server without an encryption configuration.
    pub(crate) fn shows_no_encryption(&self) -> bool {
        self.is_whole() && !self.has_transformation_series
    }

    /// Whether the process began longer ago than `span`, by its own clock alone.
    pub(crate) fn is_older_than(&self, span: Duration) -> bool {
        /// A `Date` has whole seconds.
        const CUT: f64 = 1.0;
        match (self.answered_at, self.process_start_time_seconds) {
            (Some(now), Some(began)) => now - began >= span.as_secs_f64() + CUT,
            _ => false,
        }
    }

    /// Mean stored size of a secret, where the API server estimates it.
    pub(crate) fn mean_secret_bytes(&self) -> Option<u64> {
        let (bytes, objects) = (self.sizes.bytes?, self.sizes.objects?);
        // An API server that could not count says -1.
        (bytes > 0.0 && objects > 0.0).then(|| count(bytes / objects)).flatten()
    }
}

/// Reads the metrics of the API server that responds.
pub(crate) async fn scrape(api: &KubernetesApi) -> Result<ServerMetrics> {
    let failed = |error| send_error(error, DOING, api.host());
    let mut response = api.stream(&Request::get("/metrics", Accept::Text)).await.map_err(failed)?;
    if response.status != 200 {
        let response = response.into_response().await.map_err(failed)?;
        return Err(response_error(&response, DOING, api.host()));
    }
    let answered_at = response.date;
    let mut parser = MetricsParser::default();
    while let Some(part) = response.body.chunk().await.map_err(failed)? {
        parser.push(&part);
    }
    let metrics = ServerMetrics { answered_at, ..parser.finish() };
    if metrics.process_start_time_seconds.is_none() {
        return Err(not_kubernetes(DOING, api.host()));
    }
    Ok(metrics)
}

/// Reads the Prometheus text format, however it is cut into parts.
#[derive(Debug, Default)]
pub(in crate::kubernetes) struct MetricsParser {
    metrics: ServerMetrics,
    partial: Vec<u8>,
    /// The line being read is too long to matter.
    skipping: bool,
}

impl MetricsParser {
    pub(in crate::kubernetes) fn push(&mut self, mut part: &[u8]) {
        while let Some(end) = part.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&part[..end], &part[end + 1..]);
            if self.partial.is_empty() && !self.skipping {
                // However it is cut, the same lines are read.
                if line.len() <= LONGEST_LINE {
                    self.metrics.line(line);
                }
            } else {
                self.hold(line);
                self.end_line();
            }
            part = rest;
        }
        self.hold(part);
    }

    pub(in crate::kubernetes) fn finish(mut self) -> ServerMetrics {
        self.end_line();
        self.metrics
    }

    fn hold(&mut self, part: &[u8]) {
        self.skipping |= self.partial.len() + part.len() > LONGEST_LINE;
        if !self.skipping {
            self.partial.extend_from_slice(part);
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.partial);
        if !std::mem::take(&mut self.skipping) {
            self.metrics.line(&line);
        }
    }
}

impl ServerMetrics {
    fn line(&mut self, line: &[u8]) {
        // Nearly all lines end here.
        const BEGINNINGS: [&[u8]; 3] =
            [b"apiserver_", b"process_start_time_seconds", b"etcd_object_counts"];
        if !BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
            return;
        }
        let name_length =
            line.iter().position(|&byte| matches!(byte, b'{' | b' ' | b'\t')).unwrap_or(line.len());
        let (name, rest) = line.split_at(name_length);
        let read: fn(&mut Self, &Sample<'_>) = match name {
            b"process_start_time_seconds" => Self::process_start,
            b"apiserver_envelope_encryption_key_id_hash_total" => Self::key_use,
            b"apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds" => {
                Self::key_status
            }
            b"apiserver_storage_transformation_operations_total" => Self::transformation,
            b"apiserver_resource_size_estimate_bytes" => Self::size,
            b"apiserver_resource_objects"
            | b"apiserver_storage_objects"
            | b"etcd_object_counts" => Self::objects,
            _ => return,
        };
        if let Some(sample) = std::str::from_utf8(rest).ok().and_then(Sample::parse) {
            read(self, &sample);
        }
    }

    fn process_start(&mut self, sample: &Sample<'_>) {
        self.process_start_time_seconds = Some(sample.value);
    }

    /// A plugin was asked for its key: there is an encryption configuration. It says nothing of
    /// what is written with.
    fn key_status(&mut self, sample: &Sample<'_>) {
        self.has_transformation_series = true;
        if let (Some(provider), Some(hash)) =
            (sample.label("provider_name"), sample.label("key_id_hash"))
        {
            self.named_by_plugins.insert((provider.to_owned(), hash.to_owned()), sample.value);
        }
    }

    fn key_use(&mut self, sample: &Sample<'_>) {
        self.has_transformation_series = true;
        if let Some(id) = sample.label("apiserver_id_hash").filter(|id| !id.is_empty()) {
            self.apiserver_id_hash = Some(id.to_owned());
        }
        if sample.label("transformation_type") == Some("to_storage")
            && let (Some(hash), Some(uses)) = (sample.label("key_id_hash"), count(sample.value))
        {
            let provider = sample.label("provider_name").unwrap_or_default();
            self.writing_providers.insert((provider.to_owned(), hash.to_owned()));
            // Two providers can have the same key.
            let counted = self.to_storage_by_key_hash.entry(hash.to_owned()).or_default();
            *counted = counted.saturating_add(uses);
        }
    }

    fn transformation(&mut self, sample: &Sample<'_>) {
        self.has_transformation_series = true;
        let of_secrets = sample.label("resource").is_none_or(|resource| resource == "secrets");
        let written = sample.label("transformation_type") == Some("to_storage")
            && sample.label("status") == Some("OK");
        if of_secrets
            && written
            && let Some(writes) = count(sample.value)
        {
            let prefix = sample.label("transformer_prefix").unwrap_or_default();
            let counted = self.to_storage_by_prefix.entry(prefix.to_owned()).or_default();
            *counted = counted.saturating_add(writes);
        }
    }

    fn size(&mut self, sample: &Sample<'_>) {
        if is_secrets(sample) {
            self.sizes.bytes = Some(sample.value);
        }
    }

    fn objects(&mut self, sample: &Sample<'_>) {
        self.has_object_series = true;
        if is_secrets(sample) {
            self.sizes.objects = Some(sample.value);
        }
    }
}

fn is_secrets(sample: &Sample<'_>) -> bool {
    sample.label("resource") == Some("secrets") && sample.label("group").is_none_or(str::is_empty)
}

/// A counter's value. `None`: it is none.
fn count(value: f64) -> Option<u64> {
    /// Beyond this, not every whole number has a value of its own.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    if !(0.0..=LARGEST).contains(&value) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Some(value as u64)
}

/// One line after its name.
struct Sample<'a> {
    labels: Vec<(&'a str, String)>,
    value: f64,
}

impl<'a> Sample<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut labels = Vec::new();
        let mut rest = text.trim_start();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            loop {
                rest = rest.trim_start_matches([' ', '\t', ',']);
                if let Some(after) = rest.strip_prefix('}') {
                    rest = after;
                    break;
                }
                let (name, value) = rest.split_once('=')?;
                let (value, after) = quoted(value.trim_start())?;
                labels.push((name.trim_end(), value));
                rest = after;
            }
        }
        // A time stamp may follow the value.
        let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
        Some(Self { labels, value })
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_str())
    }
}

/// A quoted string at the beginning, unescaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut characters = inside.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((value, &inside[position + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests;
