//! What is measured against what is asked for.

use std::fmt;

use serde::Serialize;

/// A measurement with the bar that it has to clear.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What was measured, with its unit.
    pub what: String,
    /// What came out.
    pub measured: f64,
    /// What is asked for.
    pub bar: Bar,
    /// Whether it is cleared.
    pub passed: bool,
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

impl Outcome {
    /// Compares.
    #[must_use]
    pub fn new(what: impl Into<String>, measured: f64, bar: Bar) -> Self {
        let passed = match bar {
            Bar::AtLeast(limit) => measured >= limit,
            Bar::AtMost(limit) => measured <= limit,
        };
        Self { what: what.into(), measured, bar, passed }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, limit) = match self.bar {
            Bar::AtLeast(limit) => ("at least", limit),
            Bar::AtMost(limit) => ("at most", limit),
        };
        let verdict = if self.passed { "pass" } else { "FAIL" };
        let Self { what, measured, .. } = self;
        write!(formatter, "{verdict}  {what}: {measured:.2} ({word} {limit:.2})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_cleared_or_not() {
        for (measured, bar, passed) in [
            (2.0, Bar::AtLeast(2.0), true),
            (1.9, Bar::AtLeast(2.0), false),
            (2.0, Bar::AtMost(2.0), true),
            (2.1, Bar::AtMost(2.0), false),
            (f64::NAN, Bar::AtMost(2.0), false),
        ] {
            assert_eq!(Outcome::new("it", measured, bar).passed, passed, "{measured} {bar:?}");
        }
        let outcome = Outcome::new("rate", 1.0, Bar::AtLeast(2.0));
        assert_eq!(outcome.to_string(), "FAIL  rate: 1.00 (at least 2.00)");
    }
}
