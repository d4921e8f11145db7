//! The time of day, as results tell it.

use time::OffsetDateTime;

/// Now, in whole milliseconds: what every language can hold.
pub(crate) fn now() -> OffsetDateTime {
    in_milliseconds(OffsetDateTime::now_utc())
}

/// So many seconds ago: no earlier than what was over by then, as only the moment itself is rounded.
pub(crate) fn ago(seconds: f64) -> OffsetDateTime {
    let at = OffsetDateTime::now_utc().checked_sub(time::Duration::seconds_f64(seconds));
    at.map_or_else(now, in_milliseconds)
}

fn in_milliseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_millisecond(at.millisecond()).unwrap_or(at)
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
        assert_eq!(ago(0.000_4).nanosecond() % 1_000_000, 0);
    }
}
