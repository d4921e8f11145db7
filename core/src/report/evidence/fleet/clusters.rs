//! A row a cluster: first those that somebody has to do something about.

use time::OffsetDateTime;

use crate::ids::ClusterId;
use crate::report::{
    FleetReport, FleetRow, OperationOutcome,
    evidence::{
        document::{Block, Span, Table, Tone, code, line, listed, mark, text},
        words::{NONE, age, code_or_none, duration, moment_or_none},
    },
};

/// Whether nothing is left to do for it.
pub(super) fn is_done(row: &FleetRow) -> bool {
    match row.outcome {
        OperationOutcome::Done | OperationOutcome::NotDue | OperationOutcome::Planned => true,
        OperationOutcome::Refused
        | OperationOutcome::Unfinished
        | OperationOutcome::Failed
        | OperationOutcome::NotStarted => false,
    }
}

/// Those that are not done, each with the reason and the way on.
pub(super) fn left(report: &FleetReport) -> Vec<Block> {
    let rows: Vec<_> = report
        .clusters
        .iter()
        .filter(|row| !is_done(row))
        .map(|row| {
            let [before, now] = keys(row);
            vec![
                name(&row.cluster),
                line(row.wave.to_string()),
                outcome(row),
                why(row),
                line(how_to_go_on(row)),
                before,
                now,
                line(age_of_key(row, report.finished_at)),
            ]
        })
        .collect();
    let head = vec![
        "Cluster",
        "Wave",
        "Outcome",
        "Why",
        "How to go on",
        "Key before",
        "Key in use",
        "Age of the key",
    ];
    table(head, rows)
}

/// Those that nothing is left to do for.
pub(super) fn done(report: &FleetReport) -> Vec<Block> {
    let rows: Vec<_> = report
        .clusters
        .iter()
        .filter(|row| is_done(row))
        .map(|row| {
            let [before, now] = keys(row);
            vec![
                name(&row.cluster),
                line(row.wave.to_string()),
                outcome(row),
                before,
                now,
                line(age_of_key(row, report.finished_at)),
                rules(row),
                began(row),
            ]
        })
        .collect();
    let head = vec![
        "Cluster",
        "Wave",
        "Outcome",
        "Key before",
        "Key in use",
        "Age of the key",
        "Rules",
        "Begun",
    ];
    table(head, rows)
}

fn table(head: Vec<&'static str>, rows: Vec<Vec<Vec<Span>>>) -> Vec<Block> {
    if rows.is_empty() {
        return vec![Block::Paragraph(line("None."))];
    }
    vec![Block::Table(Table { head, rows })]
}

/// A cluster, with where it is.
pub(super) fn name(cluster: &ClusterId) -> Vec<Span> {
    vec![
        code(cluster.name()),
        text(", resource group "),
        code(cluster.resource_group()),
        text(", subscription "),
        code(cluster.subscription_id()),
    ]
}

fn outcome(row: &FleetRow) -> Vec<Span> {
    let tone = match row.outcome {
        OperationOutcome::Done if row.proven => Tone::Good,
        OperationOutcome::Done | OperationOutcome::NotDue | OperationOutcome::Planned => {
            Tone::Plain
        }
        OperationOutcome::NotStarted => Tone::Caution,
        OperationOutcome::Refused | OperationOutcome::Unfinished | OperationOutcome::Failed => {
            Tone::Bad
        }
    };
    let proven =
        if row.proven { ", and every secret is proven to be under the key in use" } else { "" };
    vec![mark(tone, row.outcome.as_str()), text(proven)]
}

/// The key before, and the one in use.
fn keys(row: &FleetRow) -> [Vec<Span>; 2] {
    let before = match &row.previous_key_id {
        Some(before) if row.key_id.as_ref() == Some(before) => line("the same"),
        before => code_or_none(before.as_ref()),
    };
    [before, code_or_none(row.key_id.as_ref())]
}

/// How old the key in use was when the call ended.
fn age_of_key(row: &FleetRow, at: OffsetDateTime) -> String {
    row.key_created_at
        .map_or_else(|| NONE.to_owned(), |created| age((at - created).as_seconds_f64()))
}

fn began(row: &FleetRow) -> Vec<Span> {
    let mut began = moment_or_none(row.started_at);
    if row.started_at.is_some() {
        began.push(text(format!(", took {}", duration(row.seconds))));
    }
    began
}

fn rules(row: &FleetRow) -> Vec<Span> {
    if row.rules.is_empty() {
        return line(NONE);
    }
    listed(row.rules.iter().map(code))
}

fn why(row: &FleetRow) -> Vec<Span> {
    let mut why = if row.rules.is_empty() { Vec::new() } else { rules(row) };
    if let Some(message) = &row.message {
        if !why.is_empty() {
            why.push(text(". "));
        }
        why.extend(row.code.as_ref().map(code));
        why.push(text(format!(": {message}")));
    }
    if why.is_empty() { line(NONE) } else { why }
}

fn how_to_go_on(row: &FleetRow) -> String {
    let otherwise = match row.outcome {
        OperationOutcome::Refused => "do what its rules say, then run the fleet again",
        OperationOutcome::Failed => "mend what the error names, then run the fleet again",
        _ => "run the fleet again",
    };
    row.resume.clone().unwrap_or_else(|| otherwise.to_owned())
}
