//! Medians and percentiles.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long requests took.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Latency {
    /// How many there were.
    pub count: usize,
    /// Milliseconds that half of them stayed under.
    pub median_ms: f64,
    /// Milliseconds that 99 of 100 stayed under.
    pub p99_ms: f64,
}

impl Latency {
    /// Sums up.
    #[must_use]
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let at = |percent: usize| {
            let index = (durations.len() * percent / 100).min(durations.len().saturating_sub(1));
            durations.get(index).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
        };
        Self { count: durations.len(), median_ms: at(50), p99_ms: at(99) }
    }
}

/// The value in the middle; the mean of the two, if there are two. Of nothing: 0.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (length, middle) if length % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Things a second.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub fn rate(count: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in
            [(&[][..], 0.0), (&[3.0], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)]
        {
            assert!((median(values) - expected).abs() < f64::EPSILON, "{values:?}");
        }
    }

    #[test]
    fn of_a_hundred_requests_the_slowest_is_the_99th_percentile() {
        let latency = Latency::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(latency.count, 100);
        assert!((latency.median_ms - 51.0).abs() < 1e-9, "{latency:?}");
        assert!((latency.p99_ms - 100.0).abs() < 1e-9, "{latency:?}");
    }
}
