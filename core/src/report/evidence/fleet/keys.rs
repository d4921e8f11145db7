//! The keys that may go, by all clusters of the run, and those that only their own cluster lets go.

use crate::{
    ids::KeyId,
    report::{
        FleetReport,
        evidence::{
            document::{Block, Span, Table, Tone, code, line, mark, prose, text},
            words::{count, number},
        },
    },
};

/// So many clusters are named beside a key.
const MOST_NAMED: usize = 5;

/// What a list of keys does not say.
pub(super) const CAVEAT: &str =
    "Clusters outside of this run were not asked: ask `check_action` before a key is deleted.";

pub(super) fn blocks(report: &FleetReport) -> Vec<Block> {
    let mut blocks = Vec::new();
    if report.removable_keys.is_empty() {
        blocks.push(Block::Paragraph(line(why_none(report))));
    } else {
        let row = |key: &KeyId| vec![vec![code(key)], users(report, key)];
        let head = vec!["Key", "No longer needed by"];
        let rows = report.removable_keys.iter().map(row).collect();
        blocks.push(Block::Table(Table { head, rows }));
    }
    blocks.push(Block::Paragraph(prose(CAVEAT)));
    let others: Vec<Vec<Span>> = report
        .clusters
        .iter()
        .flat_map(|row| row.removable_keys.iter().map(move |key| (row, key)))
        .filter(|(_, key)| !report.removable_keys.contains(key))
        .map(|(row, key)| vec![code(key), text(", by "), code(row.cluster.name())])
        .collect();
    if !others.is_empty() {
        let title = format!(
            "{} no longer needed by one cluster, which another one may need",
            count(others.len() as u64, "key is", "keys are")
        );
        blocks.push(Block::Folded(title, others));
    }
    blocks
}

/// Why no key is called removable.
pub(super) fn why_none(report: &FleetReport) -> &'static str {
    if !report.unreadable.is_empty() {
        return "None: what could not be read may need any key.";
    }
    if report.clusters.iter().any(|row| row.started_at.is_none()) {
        return "None: clusters that were not begun may need any key.";
    }
    "None: no cluster lets a key go that no other one may need, or one of them could not say which keys it needs."
}

/// The clusters that let a key go, the first of them by name.
fn users(report: &FleetReport, key: &KeyId) -> Vec<Span> {
    let mut rows = report.clusters.iter().filter(|row| row.removable_keys.contains(key));
    let mut words: Vec<Span> = Vec::new();
    for row in rows.by_ref().take(MOST_NAMED) {
        words.extend([text(if words.is_empty() { "" } else { ", " }), code(row.cluster.name())]);
    }
    let more = rows.count() as u64;
    if more > 0 {
        words.push(text(format!(" and {} more", number(more))));
    }
    words.push(text(" "));
    words.push(mark(Tone::Good, "removable"));
    words
}
