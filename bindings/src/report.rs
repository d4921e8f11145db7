//! What the crate says of a result that a binding holds as JSON.

use std::fmt::Display;

use aks_kms::{
    ClusterList, Error, Finding, FleetReport, FleetTotals, KeyLedger, KmsStatus, OperationReport,
    Provisioned, Steps,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arguments::read;

/// [`OperationReport::is_proven`] of a report.
///
/// # Errors
/// `invalid_input` when this is no report.
pub fn is_proven(report: Value) -> Result<bool, Error> {
    read::<OperationReport>(report).map(|report| report.is_proven())
}

/// [`OperationReport::is_refused`] of a report.
///
/// # Errors
/// `invalid_input` when this is no report.
pub fn is_refused(report: Value) -> Result<bool, Error> {
    read::<OperationReport>(report).map(|report| report.is_refused())
}

/// [`FleetReport::is_complete`] of a report.
///
/// # Errors
/// `invalid_input` when this is no report of a fleet.
pub fn is_fleet_complete(report: Value) -> Result<bool, Error> {
    read::<FleetReport>(report).map(|report| report.is_complete())
}

/// [`OperationReport::to_html`] of a report, or [`FleetReport::to_html`] of that of a fleet.
///
/// # Errors
/// `invalid_input` when this is no report.
pub fn to_html(report: Value) -> Result<String, Error> {
    if is_of_fleet(&report) {
        return read::<FleetReport>(report).map(|report| report.to_html());
    }
    read::<OperationReport>(report).map(|report| report.to_html())
}

/// [`OperationReport::to_markdown`] of a report, or [`FleetReport::to_markdown`] of that of a fleet.
///
/// # Errors
/// `invalid_input` when this is no report.
pub fn to_markdown(report: Value) -> Result<String, Error> {
    if is_of_fleet(&report) {
        return read::<FleetReport>(report).map(|report| report.to_markdown());
    }
    read::<OperationReport>(report).map(|report| report.to_markdown())
}

/// How a result reads, by what it has: a report, that of a fleet, a state, a ledger, a list of clusters, what was
/// provisioned, a finding, or a list of findings or steps.
///
/// # Errors
/// `invalid_input` when it is no result that is shown.
pub fn to_text(result: Value) -> Result<String, Error> {
    shown(kind(&result), result)
}

/// The type of a result, by the members that it alone has; a report, which says what is missing, where none fits.
fn kind(result: &Value) -> &'static str {
    let has = |name: &str| result.get(name).is_some();
    match result {
        Value::Array(all) if all.iter().any(|one| one.get("rule").is_some()) => "Findings",
        Value::Array(_) => "Steps",
        _ if is_of_fleet(result) => "FleetReport",
        _ if has("power_state") => "KmsStatus",
        _ if has("retired") => "KeyLedger",
        _ if has("unreadable") => "ClusterList",
        _ if has("created") => "Provisioned",
        _ if has("rule") => "Finding",
        _ => "OperationReport",
    }
}

/// Whether a report counts clusters.
fn is_of_fleet(report: &Value) -> bool {
    report.get("totals").is_some()
}

/// How a result reads, by the name of its type; `Findings` and `Steps` are lists.
///
/// # Errors
/// `invalid_input` when it is none of this type, or there is no such type.
pub fn shown(kind: &str, value: Value) -> Result<String, Error> {
    fn text<T: DeserializeOwned + Display>(value: Value) -> Result<String, Error> {
        read::<T>(value).map(|it| it.to_string())
    }
    match kind {
        "ClusterList" => text::<ClusterList>(value),
        "Finding" => text::<Finding>(value),
        "Findings" => read::<Vec<Finding>>(value).map(|all| Finding::list(&all).to_string()),
        "FleetReport" => text::<FleetReport>(value),
        "FleetTotals" => text::<FleetTotals>(value),
        "KeyLedger" => text::<KeyLedger>(value),
        "KmsStatus" => text::<KmsStatus>(value),
        "OperationReport" => text::<OperationReport>(value),
        "Provisioned" => text::<Provisioned>(value),
        "Steps" => text::<Steps>(value),
        other => Err(Error::invalid_input(&format!("{other} is no result that is shown"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_shown_and_what_is_unknown_or_malformed_is_refused() {
        let finding = json!({
            "rule": "vault-firewall", "level": "block", "overridable": false, "state": "violated",
            "resource": "/vaults/v", "message": "it is closed", "remedy": "Open it.", "url": "",
        });
        let one = shown("Finding", finding.clone()).unwrap();
        assert!(one.starts_with("vault-firewall (block): it is closed"), "{one}");
        let all = shown("Findings", json!([finding.clone()])).unwrap();
        assert!(all.starts_with("block  vault-firewall  it is closed.\n"), "{all}");
        assert_eq!(shown("Steps", json!([])).unwrap(), "");
        assert_eq!(to_text(finding.clone()).unwrap(), one);
        assert_eq!(to_text(json!([finding])).unwrap(), all);
        let steps =
            json!([{"kind": "record_operation", "summary": "Record the operation in the cluster"}]);
        assert_eq!(to_text(steps).unwrap(), "1. Record the operation in the cluster");
        let ledger = json!({"current": null, "pending": null, "previous": null, "retired": []});
        assert!(to_text(ledger).unwrap().starts_with("Place  Key "));
        let list = to_text(json!({"clusters": [], "unreadable": []})).unwrap();
        assert!(list.starts_with("Name  ResourceGroup "), "{list}");
        for (kind, value) in
            [("Finding", json!([])), ("FleetReport", json!({})), ("Other", json!({}))]
        {
            assert_eq!(shown(kind, value).unwrap_err().code(), "invalid_input", "{kind}");
        }
        for made in [to_html(json!({})), to_markdown(json!([])), to_text(json!({}))] {
            assert_eq!(made.unwrap_err().code(), "invalid_input");
        }
    }

    #[test]
    fn a_fleet_report_is_shown_and_judged() {
        let mut report = json!({
            "operation": "rotate", "dry_run": false, "started_at": "2026-11-30T00:00:00Z",
            "finished_at": "2026-11-30T00:00:01Z", "clusters": [], "removable_keys": [], "unreadable": [],
            "totals": {
                "clusters": 2, "done": 1, "not_due": 1, "planned": 0, "refused": 0, "unfinished": 0, "failed": 0,
                "not_started": 0,
            },
            "stopped": null, "when_older_than_seconds": null,
            "versions": {"aks_kms": "0.1.0", "api_version": "2026-01-01"},
        });
        assert!(is_fleet_complete(report.clone()).unwrap());
        let totals = shown("FleetTotals", report["totals"].clone()).unwrap();
        assert_eq!(totals, "2 clusters: 1 done, 1 not-due");
        let text = shown("FleetReport", report.clone()).unwrap();
        assert!(text.ends_with(&format!("{totals}\n")));
        assert_eq!(to_text(report.clone()).unwrap(), text);
        assert!(to_html(report.clone()).unwrap().contains("Evidence of rotate on 0 clusters"));
        assert!(
            to_markdown(report.clone()).unwrap().starts_with("# Evidence of rotate on 0 clusters")
        );
        report["totals"]["clusters"] = json!(3);
        assert!(!is_fleet_complete(report).unwrap());
        assert_eq!(is_fleet_complete(json!({})).unwrap_err().code(), "invalid_input");
    }
}
