//! Numbers, moments and the report's own words, as people read them.

use time::OffsetDateTime;

use super::document::{Span, code, text};
use crate::{
    report::{BlockedReason, Evidence, Experience, KmsStatus, Purpose, StepOutcome},
    text::timestamp,
};

/// What there is nothing to say of.
pub(super) const NONE: &str = "–";

/// A number with its thousands apart.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something.
pub(super) fn count(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

/// A span of time.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return NONE.to_owned();
    }
    if seconds < 60.0 {
        return format!("{} s", rounded(seconds));
    }
    let minutes = (seconds / 60.0).floor();
    if minutes < 60.0 {
        return format!("{minutes} min {} s", (seconds % 60.0).floor());
    }
    format!("{} h {} min", (minutes / 60.0).floor(), minutes % 60.0)
}

/// How old something is, in the largest unit of which it has two.
pub(super) fn age(seconds: f64) -> String {
    let (unit, name) = match seconds {
        seconds if seconds >= 2.0 * 86_400.0 => (86_400.0, "days"),
        seconds if seconds >= 2.0 * 3_600.0 => (3_600.0, "h"),
        _ => (60.0, "min"),
    };
    format!("{} {name}", (seconds.max(0.0) / unit).floor())
}

/// A number with as many places as are worth reading.
pub(super) fn rounded(value: f64) -> String {
    if value >= 100.0 || value == 0.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

pub(super) fn moment(at: OffsetDateTime) -> Span {
    Span::Moment(timestamp(at))
}

pub(super) fn moment_or_none(at: Option<OffsetDateTime>) -> Vec<Span> {
    vec![at.map_or_else(|| text(NONE), moment)]
}

pub(super) fn code_or_none(value: Option<&impl std::fmt::Display>) -> Vec<Span> {
    vec![value.map_or_else(|| text(NONE), code)]
}

/// What secrets are encrypted with, as a cluster is configured.
pub(super) fn configured_key(status: &KmsStatus) -> Vec<Span> {
    match (&status.key_id, status.experience) {
        (Some(key_id), _) => vec![code(key_id)],
        (None, Some(Experience::PlatformManaged)) => line_of("a key of the platform’s"),
        (None, Some(Experience::CustomerManaged | Experience::KeyVault)) => {
            line_of("a key whose id could not be read")
        }
        (None, None) => line_of("none: secrets are stored in plaintext"),
    }
}

fn line_of(words: &str) -> Vec<Span> {
    vec![text(words)]
}

pub(super) fn experience(experience: Experience) -> &'static str {
    match experience {
        Experience::KeyVault => "KMS with a versioned key in your vault",
        Experience::CustomerManaged => "KMS data encryption with a customer-managed key",
        Experience::PlatformManaged => "KMS data encryption with a platform-managed key",
    }
}

/// How evidence proves; completes "by …".
pub(super) fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Metrics => {
            "metrics: every live API server counted a write with this very key, and none with another"
        }
        Evidence::MetricsUnnamed => {
            "metrics-unnamed: every live API server counted writes with one same key, whose name cannot be computed"
        }
        Evidence::Weak => {
            "weak: only time passed, because the metrics of the API servers could not be read; this is no proof"
        }
        Evidence::Ledger => "ledger: an earlier proof, recorded in the cluster, still stood",
    }
}

pub(super) fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Gate => "Gate: before the key changes, nothing may be left under an older one",
        Purpose::Rewrite => "Rewrite: every secret is brought under the key",
        Purpose::Verify => "Verification: nothing is written",
    }
}

pub(super) fn outcome(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Done => "done",
        StepOutcome::AlreadyDone => "held already",
        StepOutcome::Skipped => "not needed",
    }
}

pub(super) fn blocked(reason: BlockedReason) -> &'static str {
    match reason {
        BlockedReason::Denied => "denied by a policy or webhook",
        BlockedReason::Invalid => "rejected by today’s validation",
        BlockedReason::Unreadable => "no API server can decrypt it",
        BlockedReason::TooLarge => "exceeds a limit",
        BlockedReason::NamespaceGone => "its Namespace does not exist any more",
        BlockedReason::Error => "the API server responded with an error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        for (value, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(number(value), shown);
        }
        assert_eq!(count(1, "secret", "secrets"), "1 secret");
        assert_eq!(count(2_000, "secret", "secrets"), "2,000 secrets");
    }

    #[test]
    fn ages_are_not_rounded_up() {
        for (seconds, shown) in [
            (-5.0, "0 min"),
            (7_199.0, "119 min"),
            (7_200.0, "2 h"),
            (2.0 * 86_400.0, "2 days"),
            (365.0 * 86_400.0 - 1.0, "364 days"),
        ] {
            assert_eq!(age(seconds), shown, "{seconds}");
        }
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        for (seconds, shown) in [
            (0.0, "0 s"),
            (0.25, "0.25 s"),
            (12.34, "12.3 s"),
            (75.9, "1 min 15 s"),
            (3_600.0, "1 h 0 min"),
            (7_384.0, "2 h 3 min"),
            (f64::NAN, NONE),
            (-1.0, NONE),
        ] {
            assert_eq!(duration(seconds), shown, "{seconds}");
        }
    }
}
