//! The keys of the cluster, each with whether it may be removed and why.

use super::{
    document::{Block, Span, Table, Tone, code, line, mark, prose, text},
    words::{self, NONE, moment_or_none},
};
use crate::report::{KeyLedger, LedgerEntry};

pub(super) fn blocks(ledger: Option<&KeyLedger>) -> Vec<Block> {
    let Some(ledger) = ledger else {
        let nothing = "There is no record of this cluster’s keys, so none is called removable.";
        return vec![Block::Paragraph(line(nothing))];
    };
    let rows: Vec<_> = entries(ledger).map(|(place, entry)| row(place, entry)).collect();
    if rows.is_empty() {
        return vec![Block::Paragraph(line("No key is recorded."))];
    }
    let head = vec!["Key", "Place", "In use since", "Proven", "May it be removed?"];
    vec![Block::Table(Table { head, rows })]
}

/// Every key, with the place that it has.
pub(super) fn entries(ledger: &KeyLedger) -> impl Iterator<Item = (&'static str, &LedgerEntry)> {
    let named = [
        ("in use", &ledger.current),
        ("being changed to", &ledger.pending),
        ("before the one in use", &ledger.previous),
    ];
    let named = named.into_iter().filter_map(|(place, entry)| Some((place, entry.as_ref()?)));
    named.chain(ledger.retired.iter().map(|entry| ("retired", entry)))
}

fn row(place: &'static str, entry: &LedgerEntry) -> Vec<Vec<Span>> {
    let mut proven = moment_or_none(entry.proven_at);
    if let Some(evidence) = entry.evidence.filter(|_| entry.proven_at.is_some()) {
        proven.push(text(format!(", by {evidence}")));
    }
    vec![name(entry), line(place), moment_or_none(entry.since), proven, removable(entry)]
}

/// The key, or what it is where it has no name.
pub(super) fn name(entry: &LedgerEntry) -> Vec<Span> {
    match (&entry.key_id, entry.experience) {
        (Some(key_id), _) => vec![code(key_id)],
        (None, Some(experience)) => line(words::experience(experience)),
        (None, None) => line(NONE),
    }
}

/// Whether it may be removed, and why.
pub(super) fn removable(entry: &LedgerEntry) -> Vec<Span> {
    let verdict = if entry.removable {
        mark(Tone::Good, "removable")
    } else {
        mark(Tone::Caution, "not removable")
    };
    let because = std::iter::once(text(", because ")).chain(prose(&entry.reason));
    std::iter::once(verdict).chain(because.filter(|_| !entry.reason.is_empty())).collect()
}
