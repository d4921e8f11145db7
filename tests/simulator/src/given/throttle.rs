//! How many requests Azure takes before it throttles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many requests Azure takes: token buckets, with the sizes that Azure documents unless a case
/// says otherwise. An empty bucket answers 429 with `Retry-After`, and so does every request that comes
/// before that time is over.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttle {
    /// GET and HEAD of each principal in each subscription, and outside of subscriptions.
    pub reads: Bucket,
    /// PUT, PATCH and POST likewise.
    pub writes: Bucket,
    /// DELETE likewise.
    pub deletes: Bucket,
    /// Queries to Resource Graph of each principal.
    pub resource_graph: Bucket,
    /// Requests to each vault, whoever sends them.
    pub vault: Bucket,
    /// `Retry-After` in seconds, as the client's clock has them: not scaled; absent: until a token is there, in
    /// whole seconds.
    pub retry_after: Option<u64>,
    /// A request that comes so many milliseconds after a 429 was sent was on its way already: it is refused
    /// too, but it is no violation.
    pub on_the_way_ms: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            reads: Bucket { size: 250, per_second: 25.0 },
            writes: Bucket { size: 200, per_second: 10.0 },
            deletes: Bucket { size: 200, per_second: 10.0 },
            resource_graph: Bucket { size: 15, per_second: 3.0 },
            vault: Bucket { size: 4_000, per_second: 400.0 },
            retry_after: None,
            on_the_way_ms: 100,
        }
    }
}

/// A token bucket: each request takes a token.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// How many tokens it holds at most, and at the beginning.
    pub size: u32,
    /// How many it gets back in a second, before the time scale.
    pub per_second: f64,
}
