//! How results read: aligned, without colours, the same in every language.

use std::fmt::{self, Display, Formatter};

use super::{
    BlockedSecret, Finding, KeyLedger, KmsStatus, LedgerEntry, OperationReport, Provisioned,
    StepReport,
    columns::{columns, table},
};
use crate::{
    report::ReencryptReport,
    text::{LONGEST_NAME, one_line, timestamp},
};

/// So many blocked secrets have a line.
const MOST_BLOCKED: usize = 20;

/// Several lines: which cluster it is, what its secrets are encrypted with, what is unfinished, then what is wrong or
/// will be, and the keys.
impl Display for KmsStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| one_line(text, LONGEST_NAME);
        let mut rows = vec![
            ["Cluster", &self.cluster.to_string()].map(str::to_owned),
            row("Location", shown(&self.location)),
            row("Kubernetes", self.kubernetes_version.to_string()),
            row(
                "State",
                format!("{}, {}", shown(&self.provisioning_state), shown(&self.power_state)),
            ),
            row("Encryption", self.encryption()),
        ];
        if let Some(vault) = &self.key_vault_id {
            rows.push(row("Vault", vault.to_string()));
        }
        if let Some(secrets) = self.secrets {
            rows.push(row("Secrets", format!("{} secrets", secrets.total)));
        }
        for key_id in self.key_versions_seen.iter().flatten() {
            rows.push(row("Writes seen", key_id.to_string()));
        }
        if let Some(now) = &self.operation_in_progress {
            let to = now.target_key_id.as_ref().map(|key_id| format!(" to {key_id}"));
            let (by, since) = (shown(&now.by), timestamp(now.since));
            let what =
                format!("{}{}, by {by} since {since}", now.operation, to.unwrap_or_default());
            rows.push(row("Unfinished", what));
        }
        let mut blocks = vec![columns(&rows).join("\n")];
        blocks.extend(findings(&self.findings));
        let has_keys = |ledger: &&KeyLedger| ledger.entries().next().is_some();
        blocks.extend(self.ledger.as_ref().filter(has_keys).map(ToString::to_string));
        f.write_str(&blocks.join("\n\n"))
    }
}

impl KmsStatus {
    fn encryption(&self) -> String {
        let mode = self.network_mode.map_or_else(String::new, |mode| format!(" ({mode} access)"));
        match (&self.key_id, self.experience, self.kms_version) {
            (Some(key_id), experience, None) => {
                let experience = experience.map_or("KMS", |it| it.as_str());
                format!("{experience} with {key_id}{mode}")
            }
            (Some(key_id), _, Some(version)) => format!("KMS {version} is on with {key_id}{mode}"),
            (None, Some(experience), _) => format!("{experience}{mode}"),
            (None, None, _) => "KMS is off".to_owned(),
        }
    }
}

/// A table with a line for each key: its place, whether it may be removed and why, since when it is in use, and when
/// and how it was proven.
impl Display for KeyLedger {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named =
            [("current", &self.current), ("pending", &self.pending), ("previous", &self.previous)];
        let named = named.into_iter().filter_map(|(place, entry)| Some((place, entry.as_ref()?)));
        let entries = named.chain(self.retired.iter().map(|entry| ("retired", entry)));
        let rows: Vec<_> = entries.map(|(place, entry)| cells(place, entry)).collect();
        let head = ["Place", "Key", "Since", "Proven", "Removable", "Why"];
        f.write_str(&table(head, &rows).join("\n"))
    }
}

fn cells(place: &str, entry: &LedgerEntry) -> [String; 6] {
    let key = match (&entry.key_id, entry.experience) {
        (Some(key_id), _) => key_id.to_string(),
        (None, experience) => experience.map_or_else(String::new, |it| it.to_string()),
    };
    let at = |at: Option<_>| at.map_or_else(String::new, timestamp);
    let evidence = entry.evidence.map_or_else(String::new, |it| format!(" {it}"));
    let proven = entry.proven_at.map_or_else(String::new, |at| timestamp(at) + &evidence);
    let removable = if entry.removable { "yes" } else { "no" };
    let why = one_line(&entry.reason, usize::MAX);
    [place.to_owned(), key, at(entry.since), proven, removable.to_owned(), why]
}

/// What was done, or would be: the steps, a line for each pass over the secrets and for each that is blocked, what the
/// rules had to say, and the keys.
impl Display for OperationReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = if self.dry_run { "Plan" } else { "Report" };
        let mut lines = vec![format!("{kind} of {} for {}", self.operation, self.cluster)];
        if self.dry_run {
            lines.extend((!self.plan.is_empty()).then(|| self.plan.to_string()));
        } else {
            let rows: Vec<_> = self.steps.iter().enumerate().map(step_cells).collect();
            lines.extend(columns(&rows));
        }
        let passes: Vec<_> = self.reencryption.iter().map(pass_cells).collect();
        lines.extend(columns(&passes));
        lines.extend(self.reencryption.last().into_iter().flat_map(blocked));
        let mut blocks = vec![lines.join("\n")];
        blocks.extend(findings(&self.findings));
        blocks.extend(self.ledger.as_ref().filter(|_| !self.dry_run).map(ToString::to_string));
        f.write_str(&blocks.join("\n\n"))
    }
}

fn step_cells((index, step): (usize, &StepReport)) -> [String; 4] {
    let took = format!("{:.1} s", step.seconds);
    [format!("{}.", index + 1), step.outcome.to_string(), took, step.step.to_string()]
}

fn pass_cells(pass: &ReencryptReport) -> [String; 2] {
    let counts = &pass.counts;
    let proof = if pass.complete { "complete" } else { "not complete" };
    let what = format!(
        "{} secrets, {} rewritten, {} current, {} blocked, {} failed; evidence {}; {proof}",
        counts.total,
        counts.rewritten,
        counts.current,
        counts.blocked,
        counts.failed,
        pass.evidence
    );
    [format!("{}:", pass.purpose), what]
}

/// Secrets that a pass could not bring under its key, a line for each, the first of them.
fn blocked(pass: &ReencryptReport) -> Vec<String> {
    let cells = |secret: &BlockedSecret| {
        let name = format!("{}/{}", secret.namespace, secret.name);
        let given_up = if pass.given_up.contains(&name) { ", given up" } else { "" };
        [
            "blocked:".to_owned(),
            one_line(&name, LONGEST_NAME),
            format!("{}{given_up}", secret.reason),
            one_line(&secret.message, LONGEST_NAME),
        ]
    };
    let mut rows: Vec<_> = pass.blocked.iter().take(MOST_BLOCKED).map(cells).collect();
    let more = pass.blocked.len().saturating_sub(rows.len());
    if more > 0 {
        let more = format!("{more} more, named in the JSON");
        rows.push(["blocked:".to_owned(), more, String::new(), String::new()]);
    }
    columns(&rows)
}

/// What was missing and made, or would be; then vault, key and identity, and what the rules have to say.
impl Display for Provisioned {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        if self.dry_run {
            lines.push("Plan of provision".to_owned());
            let steps = self.plan.iter().enumerate();
            lines.extend(steps.map(|(at, step)| format!("{}. {step}", at + 1)));
        } else {
            lines.push("Report of provision".to_owned());
            let made = self.created.iter();
            let rows: Vec<_> =
                made.map(|step| [format!("made: {}", step.part), step.resource.clone()]).collect();
            lines.extend(columns(&rows));
        }
        if self.plan.is_empty() {
            lines.push("nothing is missing".to_owned());
        }
        lines.extend(columns(&[
            row("vault", self.key_vault_id.to_string()),
            row("key", self.key_id.to_string()),
            row("identity", self.identity_id.to_string()),
        ]));
        let mut blocks = vec![lines.join("\n")];
        blocks.extend(findings(&self.findings));
        f.write_str(&blocks.join("\n\n"))
    }
}

fn row(name: &str, value: String) -> [String; 2] {
    [name.to_owned(), value]
}

fn findings(findings: &[Finding]) -> Option<String> {
    (!findings.is_empty()).then(|| Finding::list(findings).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        catalogue::RuleId,
        rules::testing::{KEY_1, KEY_2, World},
    };

    fn ledger() -> KeyLedger {
        let entry = |key_id: Option<&str>, experience: &str, removable: bool, reason: &str| {
            json!({
                "key_id": key_id, "experience": experience, "key_id_hash": null, "key_id_hash_since": null,
                "since": "2026-01-01T10:00:00Z", "proven_at": removable.then_some("2026-01-01T10:05:00.5Z"),
                "evidence": "metrics", "removable": removable, "reason": reason,
            })
        };
        serde_json::from_value(json!({
            "current": entry(None, "platform-managed", false, "it is the key in use"),
            "pending": null,
            "previous": null,
            "retired": [entry(Some(KEY_1), "key-vault", true, "no secret needs it\nany more")],
        }))
        .unwrap()
    }

    #[test]
    fn a_ledger_is_a_table_with_a_line_for_each_key() {
        insta::assert_snapshot!(ledger());
        assert_eq!(KeyLedger::default().to_string().lines().count(), 2);
    }

    #[test]
    fn a_status_without_a_key_has_no_table_of_keys() {
        let ledger =
            KeyLedger { current: None, pending: None, previous: None, retired: Vec::new() };
        let mut world = World::enable();
        let status = KmsStatus { ledger: Some(ledger), ..world.cluster().status(Vec::new()) };
        assert!(!status.to_string().contains("Place"), "{status}");
    }

    #[test]
    fn a_status_is_aligned_and_has_findings_and_keys_below() {
        let mut world = World::enable();
        let mut status = world.cluster().status(Vec::new());
        assert!(status.to_string().contains("Encryption  KMS is off"), "{status}");
        status.key_id = Some(crate::ids::KeyId::parse(KEY_2).unwrap());
        status.kms_version = Some(crate::report::KmsVersion::V2);
        status.network_mode = Some(crate::ids::NetworkMode::Private);
        status.ledger = Some(ledger());
        status.findings = vec![Finding::violated(RuleId::KeyExpiresSoon, KEY_2, "it expires soon")];
        status.operation_in_progress = serde_json::from_value(json!({
            "id": "1", "operation": "rotate", "by": "aks-kms\non laptop", "since": "2026-01-01T10:00:00Z",
            "target_key_id": KEY_1,
        }))
        .unwrap();
        insta::assert_snapshot!(status);
    }
}
