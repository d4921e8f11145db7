//! The time of day, as results tell it.

use time::OffsetDateTime;

/// Now, in whole milliseconds: what every language can hold.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_millisecond(now.millisecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_smaller_than_a_millisecond() {
        assert_eq!(now().nanosecond() % 1_000_000, 0);
    }
}
