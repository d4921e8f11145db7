//! When a key gets its next version, and how long that may be used.

use serde_json::{Value, json};

const DAY: i64 = 24 * 3600;
/// A version lives this long at least.
const SHORTEST_DAYS: i64 = 28;

/// The rotation policy of a key.
#[derive(Clone, Debug)]
pub(crate) struct RotationPolicy {
    /// `lifetimeActions`.
    pub(crate) actions: Value,
    /// `attributes.expiryTime`, as it was written.
    expiry: Option<String>,
    is_set: bool,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        let actions = json!([{
            "trigger": { "timeBeforeExpiry": "P30D" },
            "action": { "type": "Notify" },
        }]);
        Self { actions, expiry: None, is_set: false }
    }
}

impl RotationPolicy {
    /// One that gives new versions an end.
    pub(crate) fn with_expiry(days: u32) -> Self {
        Self { expiry: Some(format!("P{days}D")), is_set: true, ..Self::default() }
    }

    /// Reads a request; the name of the property that is wrong otherwise.
    pub(crate) fn parse(request: &Value) -> Result<Self, &'static str> {
        let actions = match &request["lifetimeActions"] {
            Value::Null => json!([]),
            Value::Array(actions) if actions.iter().all(is_action) => json!(actions),
            _ => return Err("lifetimeActions"),
        };
        let expiry = match &request["attributes"]["expiryTime"] {
            Value::Null => None,
            Value::String(text) if days(text).is_some_and(|days| days >= SHORTEST_DAYS) => {
                Some(text.clone())
            }
            _ => return Err("attributes.expiryTime"),
        };
        Ok(Self { actions, expiry, is_set: true })
    }

    /// Whether somebody gave the key one.
    pub(crate) fn is_set(&self) -> bool {
        self.is_set
    }

    /// Seconds from a new version's beginning to its end.
    pub(crate) fn life(&self) -> Option<i64> {
        self.expiry.as_deref().and_then(days).map(|days| days * DAY)
    }

    /// `attributes`.
    pub(crate) fn attributes(&self) -> Value {
        self.expiry.as_ref().map_or_else(|| json!({}), |expiry| json!({ "expiryTime": expiry }))
    }
}

fn is_action(action: &Value) -> bool {
    let is = |kind: &str| {
        action["action"]["type"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(kind))
    };
    is("rotate") || is("notify")
}

/// The days of a duration such as `P1Y2M10D`, with months of 30 and years of 365 days.
fn days(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let mut sum = 0;
    for (unit, days) in [('Y', 365), ('M', 30), ('W', 7), ('D', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            sum += number.parse::<u16>().ok().map(i64::from)? * days;
            rest = after;
        }
    }
    rest.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_days_are_read_and_others_are_not() {
        for (text, expected) in [
            ("P90D", Some(90)),
            ("P1Y2M10D", Some(435)),
            ("P2W", Some(14)),
            ("P", None),
            ("90D", None),
            ("P1D1Y", None),
            ("PT3H", None),
            ("P-1D", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }
}
