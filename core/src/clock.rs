//! The time of day, as results tell it.

use time::OffsetDateTime;

/// Now, in whole milliseconds: what every language can hold.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_millisecond(now.millisecond()).unwrap_or(now)
}

/// So many seconds ago.
pub(crate) fn ago(seconds: f64) -> OffsetDateTime {
    let at = now().checked_sub(time::Duration::seconds_f64(whole_milliseconds(seconds)));
    at.unwrap_or_else(now)
}

/// A number of seconds, or of anything a second, to three places after the point: every language writes and reads
/// that the same.
pub(crate) fn whole_milliseconds(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_smaller_than_a_millisecond() {
        assert_eq!(now().nanosecond() % 1_000_000, 0);
    }
}
