//! Token buckets: who sends more than Azure takes is told when to come again, and those who come before are
//! counted.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    clock::TimeScale,
    given::{Bucket, Throttle},
    http::Answer,
};

/// What requests count as.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// GET and HEAD of Resource Manager.
    Reads,
    /// PUT, PATCH and POST of Resource Manager.
    Writes,
    /// DELETE of Resource Manager.
    Deletes,
    /// Queries to Resource Graph.
    ResourceGraph,
    /// Requests to a vault.
    Vault,
}

impl Kind {
    /// Of a request to Resource Manager.
    pub(crate) fn of(method: &str) -> Self {
        match method {
            "GET" | "HEAD" => Self::Reads,
            "DELETE" => Self::Deletes,
            _ => Self::Writes,
        }
    }
}

/// What came to one token bucket.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Throttled {
    /// Id of the subscription; host of the vault; empty: outside of subscriptions.
    pub scope: String,
    /// Object id of who sent the requests; empty: whoever did.
    pub principal: String,
    /// What the requests count as.
    pub kind: Kind,
    /// How many there were.
    pub requests: u64,
    /// How many of them were answered 429.
    pub refused: u64,
    /// How many of those came before the time that `Retry-After` of an earlier 429 had said, although that
    /// answer had arrived.
    pub violations: u64,
}

/// The token buckets of a case, or of a fleet.
#[derive(Debug)]
pub(crate) struct Throttles {
    settings: Option<Throttle>,
    scale: TimeScale,
    buckets: Mutex<BTreeMap<(String, String, Kind), State>>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled: Instant,
    told: Option<Told>,
    requests: u64,
    refused: u64,
    violations: u64,
}

/// What an answer said, which had arrived by `arrived`: to come again at `until`.
#[derive(Clone, Copy, Debug)]
struct Told {
    arrived: Instant,
    until: Instant,
}

impl Throttles {
    pub(crate) fn new(settings: Option<Throttle>, scale: TimeScale) -> Self {
        Self { settings, scale, buckets: Mutex::default() }
    }

    /// Takes a token: how many remain, or after how many seconds to come again. `None`: nothing is throttled.
    /// `latency`: of the answer.
    pub(crate) fn take(
        &self,
        scope: &str,
        principal: &str,
        kind: Kind,
        latency: Duration,
    ) -> Option<Result<u64, u64>> {
        let settings = self.settings.as_ref()?;
        let bucket = bucket(settings, kind);
        let size = f64::from(bucket.size);
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (scope.to_ascii_lowercase(), principal.to_ascii_lowercase(), kind);
        let state = buckets.entry(key).or_insert_with(|| State::full(size, now));
        state.requests += 1;
        let gained = (now - state.filled).as_secs_f64() * bucket.per_second;
        // no time at all: it is always full
        let gained = if self.scale.0 > 0.0 { gained / self.scale.0 } else { size };
        state.tokens = (state.tokens + gained).min(size);
        state.filled = now;
        if let Some(told) = state.told.filter(|told| now < told.until) {
            state.refused += 1;
            state.violations += u64::from(now > told.arrived);
            return Some(Err(whole_seconds((told.until - now).as_secs_f64())));
        }
        if state.tokens >= 1.0 {
            state.told = None;
            state.tokens -= 1.0;
            // as many as the bucket's size at most
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            return Some(Ok(state.tokens as u64));
        }
        state.refused += 1;
        let missing = (1.0 - state.tokens) / bucket.per_second * self.scale.0;
        let seconds = settings.retry_after.unwrap_or_else(|| whole_seconds(missing));
        state.told = Some(Told {
            arrived: now + latency + Duration::from_millis(settings.on_the_way_ms),
            until: now + Duration::from_secs(seconds),
        });
        Some(Err(seconds))
    }

    /// What came to each bucket.
    pub(crate) fn all(&self) -> Vec<Throttled> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |((scope, principal, kind), state): (&(String, String, Kind), &State)| Throttled {
            scope: scope.clone(),
            principal: principal.clone(),
            kind: *kind,
            requests: state.requests,
            refused: state.refused,
            violations: state.violations,
        };
        buckets.iter().map(of).collect()
    }
}

impl State {
    fn full(tokens: f64, filled: Instant) -> Self {
        Self { tokens, filled, told: None, requests: 0, refused: 0, violations: 0 }
    }
}

fn bucket(settings: &Throttle, kind: Kind) -> Bucket {
    match kind {
        Kind::Reads => settings.reads,
        Kind::Writes => settings.writes,
        Kind::Deletes => settings.deletes,
        Kind::ResourceGraph => settings.resource_graph,
        Kind::Vault => settings.vault,
    }
}

/// At least one, and at most a day.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was clamped")]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil().clamp(1.0, 86_400.0) as u64
}

/// The answer of Resource Manager or of a vault to who has to come again after so many seconds.
pub(crate) fn refusal(
    kind: Kind,
    scope: &str,
    principal: &str,
    tenant: &str,
    seconds: u64,
) -> Answer {
    let requests = match kind {
        Kind::Reads => "read",
        Kind::Writes => "write",
        Kind::Deletes => "delete",
        Kind::ResourceGraph | Kind::Vault => "",
    };
    let again = format!(
        "Please try again after '{seconds}' seconds after additional tokens are available. Refer to \
         https://aka.ms/arm-throttling for additional information."
    );
    let (code, message) = match kind {
        Kind::ResourceGraph => (
            "RateLimiting",
            "Client application has been throttled and should not attempt to repeat the request until an \
             amount of time has elapsed. Please see help for handling throttled requests."
                .to_owned(),
        ),
        Kind::Vault => (
            "Throttled",
            "Request was not processed because too many requests were received. Reason: \
             VaultRequestTypeLimitReached"
                .to_owned(),
        ),
        _ if scope.is_empty() => (
            "TenantRequestsThrottled",
            format!("Number of '{requests}' requests for tenant '{tenant}' actor '{principal}' exceeded. {again}"),
        ),
        _ => (
            "SubscriptionRequestsThrottled",
            format!(
                "Number of '{requests}' requests for subscription '{scope}' actor '{principal}' exceeded. {again}"
            ),
        ),
    };
    let answer = Answer::error(429, code, &message).with_header("retry-after", seconds.to_string());
    match remaining_header(kind, scope) {
        Some(name) => answer.with_header(name, "0"),
        None => answer,
    }
}

/// The header that tells how many tokens remain.
pub(crate) fn remaining_header(kind: Kind, scope: &str) -> Option<&'static str> {
    match (kind, scope.is_empty()) {
        (Kind::Reads, false) => Some("x-ms-ratelimit-remaining-subscription-reads"),
        (Kind::Writes, false) => Some("x-ms-ratelimit-remaining-subscription-writes"),
        (Kind::Deletes, false) => Some("x-ms-ratelimit-remaining-subscription-deletes"),
        (Kind::Reads, true) => Some("x-ms-ratelimit-remaining-tenant-reads"),
        (Kind::Writes, true) => Some("x-ms-ratelimit-remaining-tenant-writes"),
        (Kind::Deletes, true) => Some("x-ms-ratelimit-remaining-tenant-deletes"),
        (Kind::ResourceGraph, _) => Some("x-ms-user-quota-remaining"),
        (Kind::Vault, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    fn throttles(settings: serde_json::Value, scale: f64) -> Throttles {
        Throttles::new(Some(serde_json::from_value(settings).unwrap()), TimeScale(scale))
    }

    fn read(throttles: &Throttles, scope: &str) -> Result<u64, u64> {
        throttles.take(scope, "p", Kind::Reads, Duration::ZERO).unwrap()
    }

    #[test]
    fn each_subscription_and_kind_has_a_bucket_of_its_own() {
        let all =
            throttles(serde_json::json!({ "reads": { "size": 2, "per_second": 0.001 } }), 1.0);
        assert_eq!([read(&all, "a"), read(&all, "a"), read(&all, "b")], [Ok(1), Ok(0), Ok(1)]);
        assert_eq!(read(&all, "A"), Err(1000));
        assert_eq!(all.take("a", "p", Kind::Writes, Duration::ZERO), Some(Ok(199)));
        assert_eq!(all.take("a", "q", Kind::Reads, Duration::ZERO), Some(Ok(1)));
        assert_eq!(
            Throttles::new(None, TimeScale(1.0)).take("a", "p", Kind::Reads, Duration::ZERO),
            None
        );
    }

    #[test]
    fn who_comes_too_early_is_refused_and_counted_unless_it_could_not_know() {
        let settings = serde_json::json!({
            "reads": { "size": 1, "per_second": 1000 }, "retry_after": 1, "on_the_way_ms": 200
        });
        let all = throttles(settings, 1e6);
        assert_eq!(read(&all, "a"), Ok(0));
        assert_eq!([read(&all, "a"), read(&all, "a")], [Err(1), Err(1)]);
        sleep(Duration::from_millis(300));
        assert_eq!(read(&all, "a"), Err(1), "tokens or not");
        let seen = &all.all()[0];
        assert_eq!((seen.requests, seen.refused, seen.violations), (4, 3, 1));
    }

    #[test]
    fn tokens_come_back_in_scaled_time_and_then_requests_are_answered() {
        let settings = serde_json::json!({
            "reads": { "size": 2, "per_second": 1 }, "retry_after": 0
        });
        let all = throttles(settings, 0.01);
        assert_eq!([read(&all, "a"), read(&all, "a"), read(&all, "a")], [Ok(1), Ok(0), Err(0)]);
        sleep(Duration::from_millis(50));
        assert_eq!(
            [read(&all, "a"), read(&all, "a")],
            [Ok(1), Ok(0)],
            "five came back, two have room"
        );
        assert_eq!(all.all()[0].violations, 0);
    }
}
