//! What an auditor asks first of many clusters, answered from the report.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::{clusters::is_done, keys};
use crate::{
    ids::Verb,
    report::{
        FleetReport, FleetRow, OperationOutcome,
        evidence::{
            document::{Answer, Span, Tone, Verdict, code, line, listed, mark, prose, text},
            words::{age, count, moment, number},
        },
    },
};

/// So many clusters and keys are named at the top; the tables have the rest.
const MOST_NAMED: usize = 10;

pub(super) fn verdict(report: &FleetReport) -> Verdict {
    let open = left(report).count() as u64;
    let all = count(report.clusters.len() as u64, "cluster is", "clusters are");
    let unread = count(report.unreadable.len() as u64, "resource", "resources");
    let (tone, word, sentence) = if open > 0 || !report.unreadable.is_empty() {
        let would = if report.dry_run { "This is a dry run: nothing was changed. " } else { "" };
        let left = format!("{would}{} of {all} not done.", number(open));
        let left = match report.unreadable.len() {
            0 => left,
            _ => format!("{left} {unread} could not be read."),
        };
        (Tone::Bad, if report.dry_run { "Would not be complete" } else { "Not complete" }, left)
    } else if report.clusters.is_empty() {
        (Tone::Plain, "Nothing", "There was no cluster to go through.".to_owned())
    } else if report.dry_run {
        let plan = "This is a dry run: nothing was changed, and no rule refuses it.";
        (Tone::Plain, "Plan", plan.to_owned())
    } else if report.operation == Verb::Status {
        let state = "The state of every cluster was read, which proves nothing of their secrets.";
        (Tone::Plain, "State", state.to_owned())
    } else {
        done(report)
    };
    Verdict { tone, word, text: line(sentence) }
}

/// The verdict on a run after which nothing is left to do.
fn done(report: &FleetReport) -> (Tone, &'static str, String) {
    let proven = proven(report);
    let unproven = (report.totals.done as u64).saturating_sub(proven);
    let not_due = match report.totals.not_due as u64 {
        0 => String::new(),
        not_due => format!(
            " {} not due: nothing was asked of the secrets there.",
            count(not_due, "cluster was", "clusters were")
        ),
    };
    if unproven > 0 {
        let unproven = count(unproven, "cluster is", "clusters are");
        let said =
            format!("{unproven} done, and their secrets are not proven by this call.{not_due}");
        return (Tone::Caution, "Complete, not all proven", said);
    }
    if proven == 0 {
        return (Tone::Plain, "Not due", format!("Nothing was to be done.{not_due}"));
    }
    let proven = count(proven, "cluster is", "clusters are");
    let said = format!(
        "{proven} done, and every secret there is proven to be under the key in use.{not_due}"
    );
    (Tone::Good, "Complete", said)
}

fn left(report: &FleetReport) -> impl Iterator<Item = &FleetRow> {
    report.clusters.iter().filter(|row| !is_done(row))
}

fn proven(report: &FleetReport) -> u64 {
    report.clusters.iter().filter(|row| row.proven).count() as u64
}

pub(super) fn answers(report: &FleetReport) -> Vec<Answer> {
    vec![
        Answer { question: "Which clusters?", lines: which(report) },
        Answer { question: "How old are their keys?", lines: ages(report) },
        Answer { question: "What was done, and is it proven?", lines: what_was_done(report) },
        Answer { question: "What is left?", lines: what_is_left(report) },
        Answer { question: "Which keys may be removed?", lines: removable(report) },
    ]
}

fn which(report: &FleetReport) -> Vec<Vec<Span>> {
    let subscriptions: HashSet<_> = report
        .clusters
        .iter()
        .map(|row| row.cluster.subscription_id().to_ascii_lowercase())
        .collect();
    let clusters = count(report.clusters.len() as u64, "cluster", "clusters");
    let subscriptions = count(subscriptions.len() as u64, "subscription", "subscriptions");
    let mut lines = vec![line(format!("{clusters} in {subscriptions}."))];
    if !report.unreadable.is_empty() {
        let unread = count(
            report.unreadable.len() as u64,
            "subscription or cluster was",
            "subscriptions or clusters were",
        );
        let named = "; there may be more clusters there.";
        lines.push(vec![mark(Tone::Bad, format!("{unread} not read")), text(named)]);
    }
    lines
}

fn ages(report: &FleetReport) -> Vec<Vec<Span>> {
    let known = || report.clusters.iter().filter_map(|row| Some((row.key_created_at?, row)));
    let unknown = || report.clusters.iter().filter(|row| row.key_created_at.is_none());
    let age_of = |created: OffsetDateTime| (report.finished_at - created).as_seconds_f64();
    let mut lines = Vec::new();
    if let Some((created, row)) = known().min_by_key(|(created, _)| *created) {
        lines.push(vec![
            text(format!("The oldest key in use is {} old, made at ", age(age_of(created)))),
            moment(created),
            text(", of cluster "),
            code(row.cluster.name()),
            text("."),
        ]);
    }
    if let Some(limit) = report.when_older_than_seconds {
        let due = known().filter(|(created, _)| age_of(*created) >= limit).count() as u64;
        let words =
            format!("{} as old as {}, or older", count(due, "key is", "keys are"), age(limit));
        let young = format!(" is as old as {}.", age(limit));
        lines.push(match due {
            0 if unknown().next().is_none() => vec![mark(Tone::Good, "None"), text(young)],
            0 if known().next().is_some() => line(format!("None whose age is known{young}")),
            0 => line(format!("Whether one is as old as {} is not known.", age(limit))),
            _ => vec![mark(Tone::Bad, words), text(".")],
        });
    }
    let is_changed = |row: &&FleetRow| row.key_id != row.previous_key_id && !report.dry_run;
    let changed = unknown().filter(is_changed).count() as u64;
    let others = unknown().count() as u64 - changed;
    if changed > 0 {
        let clusters = count(changed, "cluster", "clusters");
        lines.push(line(format!(
            "Of {clusters} the key was changed meanwhile; the next call reads when the new one was made."
        )));
    }
    if others > 0 {
        let clusters = count(others, "cluster", "clusters");
        lines.push(line(format!("Of {clusters} it is not known.")));
    }
    lines
}

fn what_was_done(report: &FleetReport) -> Vec<Vec<Span>> {
    let mut lines = vec![line(format!("{}.", report.totals))];
    if report.dry_run {
        lines.push(line("Nothing: this is a dry run."));
    } else {
        let proven = count(proven(report), "cluster", "clusters");
        lines.push(line(format!(
            "By this call every secret of {proven} is proven to be under the key in use."
        )));
    }
    lines
}

fn what_is_left(report: &FleetReport) -> Vec<Vec<Span>> {
    let mut lines = Vec::new();
    for outcome in OperationOutcome::ALL {
        let rows: Vec<&FleetRow> = left(report).filter(|row| row.outcome == *outcome).collect();
        if rows.is_empty() {
            continue;
        }
        let clusters = count(rows.len() as u64, "cluster is", "clusters are");
        let mut words = vec![mark(Tone::Bad, format!("{clusters} {outcome}")), text(": ")];
        words.extend(listed(rows.iter().take(MOST_NAMED).map(|row| code(row.cluster.name()))));
        words.push(more(rows.len()));
        lines.push(words);
    }
    lines.extend(report.stopped.as_ref().map(|why| line(format!("Stopped: {why}."))));
    if !report.unreadable.is_empty() {
        lines.push(line("What could not be read, see below."));
    }
    if lines.is_empty() && report.totals.planned > 0 {
        lines.push(line("All that is planned."));
    } else if lines.is_empty() {
        lines.push(vec![mark(Tone::Good, "Nothing"), text(".")]);
    }
    lines
}

fn removable(report: &FleetReport) -> Vec<Vec<Span>> {
    if report.removable_keys.is_empty() {
        return vec![line(keys::why_none(report))];
    }
    let keys = report.removable_keys.iter().take(MOST_NAMED).map(|key| vec![code(key)]);
    let mut lines: Vec<Vec<Span>> = keys.collect();
    if report.removable_keys.len() > MOST_NAMED {
        lines.push(vec![more(report.removable_keys.len())]);
    }
    lines.push(prose(keys::CAVEAT));
    lines
}

/// How many more there are than are named, and the end of the sentence.
fn more(all: usize) -> Span {
    match all.saturating_sub(MOST_NAMED) as u64 {
        0 => text("."),
        more => text(format!(" and {} more.", number(more))),
    }
}
