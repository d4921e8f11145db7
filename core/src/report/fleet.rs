//! What a fleet run came to: a row a cluster, and totals.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    KmsStatus, OperationInProgress, OperationOutcome, UnreadableResource, Versions, columns::table,
};
use crate::{
    catalogue::RuleId,
    ids::{ClusterId, KeyId, Verb},
    text::{LONGEST_NAME, one_line},
};

/// What became of every cluster of a [`Fleet`](crate::Fleet).
///
/// `Display` is a table with a line a cluster, what could not be read below it, and the totals last.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FleetReport {
    /// The verb.
    pub operation: Verb,
    /// Nothing was written because the caller asked for a dry run.
    pub dry_run: bool,
    /// The age from which a key is due, in seconds, where the call was given one.
    pub when_older_than_seconds: Option<f64>,
    /// What it was made with.
    pub versions: Versions,
    /// When the call began.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub finished_at: OffsetDateTime,
    /// The clusters in their order: as they were named, else by resource id. They are begun in this order, but within a
    /// wave those of a subscription that has more of them at work come later.
    pub clusters: Vec<FleetRow>,
    /// How many clusters ended how.
    pub totals: FleetTotals,
    /// Keys that no cluster of this run needs any more. Empty as long as one of them could not say which keys it needs
    /// or is not proven to be under its key in use, or something is `unreadable`. No version of a key is among them
    /// that a cluster is set to which the filter left out. Other clusters were not asked:
    /// [`check_action`](crate::KmsManager::check_action) asks them, before a key is deleted. Each row names those that
    /// its own cluster no longer needs.
    pub removable_keys: Vec<KeyId>,
    /// Subscriptions and clusters that could not be read: nothing was done there.
    pub unreadable: Vec<UnreadableResource>,
    /// Why no more clusters were begun, or none was found; absent: all were begun.
    pub stopped: Option<String>,
}

/// A cluster in a [`FleetReport`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FleetRow {
    /// The cluster.
    pub cluster: ClusterId,
    /// The wave that it belongs to, from 1.
    pub wave: usize,
    /// What came of it.
    pub outcome: OperationOutcome,
    /// Whether the call proved that every secret of the cluster is under the key in use.
    pub proven: bool,
    /// When it was begun; absent: it was not.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub started_at: Option<OffsetDateTime>,
    /// How long it took.
    pub seconds: f64,
    /// The key that was in use before; absent when KMS was off, and where the cluster was not read.
    pub previous_key_id: Option<KeyId>,
    /// The key in use; absent when KMS is off, and where the cluster was not read.
    pub key_id: Option<KeyId>,
    /// When the version of the key in use was made, where this call has read it.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub key_created_at: Option<OffsetDateTime>,
    /// Keys that this cluster no longer needs. Another one may.
    pub removable_keys: Vec<KeyId>,
    /// The rules that refuse it; of `status` and where it is not due, also those that warn, and `key-age`.
    pub rules: Vec<RuleId>,
    /// The code of the error, such as `operation_failed`; absent: there was none.
    pub code: Option<String>,
    /// What the error says.
    pub message: Option<String>,
    /// The recorded operation, if one is unfinished.
    pub operation_in_progress: Option<OperationInProgress>,
    /// How an unfinished operation is gone on with; absent: none is.
    pub resume: Option<String>,
    /// The whole state, where the verb is `status`.
    pub status: Option<KmsStatus>,
}

/// How many clusters ended how.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FleetTotals {
    /// All of them.
    pub clusters: usize,
    /// `done`.
    pub done: usize,
    /// `not-due`.
    pub not_due: usize,
    /// `planned`.
    pub planned: usize,
    /// `refused`.
    pub refused: usize,
    /// `unfinished`.
    pub unfinished: usize,
    /// `failed`.
    pub failed: usize,
    /// `not-started`.
    pub not_started: usize,
}

impl FleetTotals {
    /// Of these clusters.
    pub(crate) fn of(rows: &[FleetRow]) -> Self {
        let mut totals = Self { clusters: rows.len(), ..Self::default() };
        for row in rows {
            totals.add(row.outcome);
        }
        totals
    }

    /// Another cluster ended so.
    pub(crate) fn add(&mut self, outcome: OperationOutcome) {
        *self.count(outcome) += 1;
    }

    fn count(&mut self, outcome: OperationOutcome) -> &mut usize {
        match outcome {
            OperationOutcome::Done => &mut self.done,
            OperationOutcome::NotDue => &mut self.not_due,
            OperationOutcome::Planned => &mut self.planned,
            OperationOutcome::Refused => &mut self.refused,
            OperationOutcome::Unfinished => &mut self.unfinished,
            OperationOutcome::Failed => &mut self.failed,
            OperationOutcome::NotStarted => &mut self.not_started,
        }
    }
}

impl fmt::Display for FleetTotals {
    /// Such as `200 clusters: 150 done, 48 not-due, 2 refused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cluster{}", self.clusters, if self.clusters == 1 { "" } else { "s" })?;
        let mut totals = *self;
        let counts = OperationOutcome::ALL.iter().map(|outcome| (outcome, *totals.count(*outcome)));
        let counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
        for (index, (outcome, count)) in counts.iter().enumerate() {
            write!(f, "{} {count} {outcome}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl FleetReport {
    /// Whether every cluster was read and is as it was asked for: done, or not due yet.
    ///
    /// False for a dry run that would do something, and where no cluster was found: nobody was asked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let FleetTotals { clusters, done, not_due, .. } = self.totals;
        clusters > 0 && clusters == done + not_due && self.unreadable.is_empty()
    }
}

const COLUMNS: [&str; 7] =
    ["Name", "ResourceGroup", "Wave", "Outcome", "Proven", "KeyId", "Reason"];
/// Longest reason in the table, in characters; the row has it whole.
const LONGEST_REASON: usize = 120;

impl FleetRow {
    /// In the order of [`COLUMNS`].
    fn cells(&self) -> [String; COLUMNS.len()] {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.as_str()).collect();
        let reason = match (rules.is_empty(), &self.message) {
            (false, _) => rules.join(", "),
            (true, Some(message)) => {
                let code =
                    self.code.as_deref().map_or_else(String::new, |code| format!("{code}: "));
                one_line(&format!("{code}{message}"), LONGEST_REASON)
            }
            (true, None) => self.resume.clone().unwrap_or_default(),
        };
        [
            one_line(self.cluster.name(), LONGEST_NAME),
            one_line(self.cluster.resource_group(), LONGEST_NAME),
            self.wave.to_string(),
            self.outcome.to_string(),
            if self.proven { "True" } else { "False" }.to_owned(),
            self.key_id.as_ref().map_or_else(String::new, ToString::to_string),
            reason,
        ]
    }
}

impl fmt::Display for FleetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.clusters.iter().map(FleetRow::cells).collect();
        for line in table(COLUMNS, &rows) {
            writeln!(f, "{line}")?;
        }
        for resource in &self.unreadable {
            writeln!(f, "{resource}")?;
        }
        if let Some(why) = &self.stopped {
            writeln!(f, "{why}")?;
        }
        writeln!(f, "{}", self.totals)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(name: &str, change: &serde_json::Value) -> serde_json::Value {
        let mut row = json!({
            "cluster": format!("/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/{name}"),
            "wave": 1, "outcome": "done", "proven": true, "started_at": null, "seconds": 1.5, "previous_key_id": null,
            "key_id": "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef",
            "key_created_at": null, "removable_keys": [], "rules": [], "code": null, "message": null,
            "operation_in_progress": null, "resume": null, "status": null,
        });
        for (name, value) in change.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    }

    fn report() -> FleetReport {
        let not_read = json!({"outcome": "refused", "proven": false, "key_id": null, "rules": ["key-disabled", "vault-firewall"], "code": "preflight_failed", "message": "m"});
        let later = json!({"wave": 2, "outcome": "not-started", "proven": false, "key_id": null});
        let failed = json!({"outcome": "failed", "proven": false, "key_id": null, "code": "not_found", "message": "there is\nno such cluster"});
        let rows: Vec<FleetRow> =
            [row("a", &json!({})), row("b", &not_read), row("c", &failed), row("d", &later)]
                .into_iter()
                .map(|row| serde_json::from_value(row).unwrap())
                .collect();
        FleetReport {
            operation: Verb::Rotate,
            dry_run: false,
            when_older_than_seconds: None,
            versions: serde_json::from_value(json!({"aks_kms": "1", "api_version": "2026-01-01"}))
                .unwrap(),
            started_at: OffsetDateTime::UNIX_EPOCH,
            finished_at: OffsetDateTime::UNIX_EPOCH,
            totals: FleetTotals::of(&rows),
            clusters: rows,
            removable_keys: Vec::new(),
            unreadable: Vec::new(),
            stopped: Some("Wave 2 was not begun: 2 of 3 clusters of wave 1 failed.".to_owned()),
        }
    }

    #[test]
    fn it_prints_as_a_table_with_the_totals_below() {
        let expected = "\
Name  ResourceGroup  Wave  Outcome      Proven  KeyId                                                                    Reason
----  -------------  ----  -----------  ------  -----------------------------------------------------------------------  -----------------------------------
a     shop           1     done         True    https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef
b     shop           1     refused      False                                                                            key-disabled, vault-firewall
c     shop           1     failed       False                                                                            not_found: there is no such cluster
d     shop           2     not-started  False
Wave 2 was not begun: 2 of 3 clusters of wave 1 failed.
4 clusters: 1 done, 1 refused, 1 failed, 1 not-started
";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn it_is_complete_when_nothing_is_left_to_do() {
        let mut report = report();
        assert!(!report.is_complete());
        report.clusters.retain(|row| row.outcome == OperationOutcome::Done);
        report.totals = FleetTotals::of(&report.clusters);
        assert!(report.is_complete());
        assert_eq!(report.totals.to_string(), "1 cluster: 1 done");
        report.unreadable.push(UnreadableResource::new(
            "/subscriptions/s".to_owned(),
            "forbidden",
            "no",
        ));
        assert!(!report.is_complete());
        report.unreadable.clear();
        report.clusters.clear();
        report.totals = FleetTotals::of(&report.clusters);
        assert!(!report.is_complete(), "nobody was asked");
    }
}
