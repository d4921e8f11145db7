//! What the document of a fleet has, in order.

mod answers;
mod clusters;
mod keys;
mod rules;
#[cfg(test)]
mod tests;
mod waves;

use super::{
    document::{Block, Document, Section, Source, Span, Table, code, line, text},
    json::{plain_json, sha256},
    words::{age, count, duration, moment},
};
use crate::report::FleetReport;

pub(super) fn document(report: &FleetReport) -> Document {
    let json = plain_json(report);
    let section = |title, blocks| Section { title, blocks };
    let clusters = count(report.clusters.len() as u64, "cluster", "clusters");
    let mut sections = vec![
        section("What was asked", asked(report)),
        section("Waves", waves::blocks(report)),
        section("Clusters that are not done", clusters::left(report)),
        section("Clusters that are done", clusters::done(report)),
        section("Keys that may be removed", keys::blocks(report)),
        section("Rules", rules::blocks(report)),
    ];
    if !report.unreadable.is_empty() {
        sections.insert(2, section("What could not be read", unreadable(report)));
    }
    Document {
        title: format!("Evidence of {} on {clusters}", report.operation),
        verdict: answers::verdict(report),
        answers: answers::answers(report),
        sections,
        source: Source { sha256: sha256(&json), json, versions: versions(report) },
    }
}

fn asked(report: &FleetReport) -> Vec<Block> {
    let seconds = (report.finished_at - report.started_at).as_seconds_f64();
    let dry_run = if report.dry_run { " (dry run)" } else { "" };
    let due = match report.when_older_than_seconds {
        Some(seconds) => format!("from an age of {} on", age(seconds)),
        None => "no age was given".to_owned(),
    };
    vec![Block::Facts(vec![
        ("Operation", vec![code(&report.operation), text(dry_run)]),
        ("A key is due", line(due)),
        (
            "Time",
            vec![
                moment(report.started_at),
                text(" to "),
                moment(report.finished_at),
                text(format!(" ({})", duration(seconds))),
            ],
        ),
    ])]
}

/// Subscriptions and clusters of which nothing is known.
fn unreadable(report: &FleetReport) -> Vec<Block> {
    let row = |resource: &crate::report::UnreadableResource| {
        vec![vec![code(&resource.resource)], vec![code(&resource.code)], line(&resource.message)]
    };
    let head = vec!["Resource", "Code", "Why"];
    vec![
        Block::Paragraph(line(
            "Nothing was done here, and which keys are needed here is not known.",
        )),
        Block::Table(Table { head, rows: report.unreadable.iter().map(row).collect() }),
    ]
}

fn versions(report: &FleetReport) -> Vec<(&'static str, Vec<Span>)> {
    vec![
        ("aks-kms", vec![code(&report.versions.aks_kms)]),
        ("api-version of managed clusters", vec![code(&report.versions.api_version)]),
    ]
}
