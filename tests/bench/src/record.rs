//! What a run came to, as a row of a table and as JSON.

use std::fmt;

use serde::Serialize;

use crate::{outcome::Outcome, statistics::Latency};

/// One run of one client.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Who did it.
    pub client: String,
    /// Against what.
    pub backend: &'static str,
    /// How many secrets there are, all stale.
    pub secrets: usize,
    /// How far away the API server is.
    pub round_trip_ms: u64,
    /// From the first list request to the end. Ours: to the end of the proof.
    pub seconds: f64,
    /// Of these, until the last secret was rewritten, where that is known.
    pub rewriting_seconds: Option<f64>,
    /// Secrets in a second of `seconds`.
    pub per_second: f64,
    /// Requests for secrets that the API server answered, for each secret.
    pub requests_per_secret: f64,
    /// Bytes on the wire, TLS included, for each secret; counted where there is a proxy in between.
    pub bytes_per_secret: Option<f64>,
    /// What the client used, all its processes together.
    pub client_cpu_seconds: f64,
    /// The most memory that the client had resident, all its processes together.
    pub client_peak_bytes: u64,
    /// Requests that were answered 429.
    pub throttled: usize,
    /// Another client's reads before.
    pub reads_before: Option<Latency>,
    /// Another client's reads meanwhile.
    pub reads_meanwhile: Option<Latency>,
    /// What the API server used. Embedded: the whole simulator.
    pub api_server_cpu_seconds: f64,
    /// What etcd used.
    pub etcd_cpu_seconds: Option<f64>,
    /// Secrets that are left under the old key, as the store says.
    pub left: usize,
}

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Record {
    /// Runs, in order.
    pub rows: Vec<Row>,
    /// What is asked for, and what came out.
    pub outcomes: Vec<Outcome>,
}

/// The head of the table that rows are lines of.
pub const HEAD: &str = "client                  backend   secrets  ms   seconds  secrets/s  \
                        req/secret  B/secret  CPU s  MiB    429  reads p50/p99 ms: before  meanwhile      \
                        API s  etcd s  left";

impl fmt::Display for Row {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = |latency: Option<Latency>| {
            latency.map_or_else(
                || "-".to_owned(),
                |it| format!("{:.1}/{:.1}", it.median_ms, it.p99_ms),
            )
        };
        let optional = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
        };
        write!(
            formatter,
            "{:<23} {:<9} {:>7} {:>3} {:>9.2} {:>10.0} {:>11.3} {:>9} {:>6.1} {:>5.1} {:>5} {:>24} \
             {:>10} {:>10.1} {:>7} {:>5}",
            self.client,
            self.backend,
            self.secrets,
            self.round_trip_ms,
            self.seconds,
            self.per_second,
            self.requests_per_secret,
            optional(self.bytes_per_secret, 0),
            self.client_cpu_seconds,
            self.client_peak_bytes as f64 / f64::from(1 << 20),
            self.throttled,
            reads(self.reads_before),
            reads(self.reads_meanwhile),
            self.api_server_cpu_seconds,
            optional(self.etcd_cpu_seconds, 1),
            self.left,
        )
    }
}
