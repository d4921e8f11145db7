//! What an auditor asks first, answered from the report: and where it does not know, that is said.

use super::{
    document::{Answer, Span, Tone, Verdict, code, line, listed, mark, text},
    keys, passes, steps,
    words::{self, configured_key, count, moment, number},
};
use crate::report::{Experience, FindingState, LedgerEntry, OperationReport, ReencryptReport};

/// So many secrets are named at the top; the table has the rest.
const MOST_NAMED: usize = 10;

pub(super) fn verdict(report: &OperationReport) -> Verdict {
    let left = steps::left(report).len() as u64;
    let last = report.reencryption.last();
    let (tone, word, sentence) = if report.is_refused() {
        let why = "This is a dry run, and the call would be refused. Nothing was changed.";
        (Tone::Bad, "Would be refused", why.to_owned())
    } else if report.dry_run {
        (Tone::Plain, "Plan", "This is a dry run. Nothing was changed.".to_owned())
    } else if report.is_proven() {
        let given_up = last.map_or(0, |pass| pass.given_up.len() as u64);
        if given_up == 0 {
            let proven = "Every secret of the cluster is proven to be under what is in use.";
            (Tone::Good, "Proven", proven.to_owned())
        } else {
            let named = count(given_up, "one", "that were given up by name");
            let proven = format!(
                "Every secret of the cluster is proven to be under what is in use, but for {named}."
            );
            (Tone::Caution, "Proven with exceptions", proven)
        }
    } else {
        (Tone::Bad, "Not proven", not_proven(report))
    };
    let mut words = vec![text(sentence)];
    if left > 0 && !report.dry_run {
        let steps = count(left, "step of the plan is", "steps of the plan are");
        words.push(text(format!(" {steps} not done.")));
    }
    Verdict { tone, word, text: words }
}

/// Why a report proves nothing.
fn not_proven(report: &OperationReport) -> String {
    let Some(last) = report.reencryption.last() else {
        return "This call asked nothing of the secrets, so it proves nothing.".to_owned();
    };
    let open = open(last);
    if open > 0 {
        let left = count(open, "secret is", "secrets are");
        return format!("{left} not proven to be under what is in use.");
    }
    if last.scope.namespaces.is_some() {
        return "Only some namespaces were looked at, which is no proof of the whole cluster."
            .to_owned();
    }
    "The last look at the secrets was not after the last change of the key, or was not complete."
        .to_owned()
}

/// Secrets that are left, without those that the caller gave up.
fn open(pass: &ReencryptReport) -> u64 {
    pass.counts
        .blocked
        .saturating_add(pass.counts.failed)
        .saturating_sub(pass.given_up.len() as u64)
}

pub(super) fn answers(report: &OperationReport) -> Vec<Answer> {
    vec![
        Answer { question: "Which key is in use?", lines: key_in_use(report) },
        Answer { question: "Since when?", lines: since(report) },
        Answer { question: "How is that proven?", lines: proof(report) },
        Answer { question: "What is left?", lines: left(report) },
        Answer { question: "Which keys may be removed?", lines: removable(report) },
    ]
}

fn key_in_use(report: &OperationReport) -> Vec<Vec<Span>> {
    let after = &report.after;
    let mut lines = Vec::new();
    let recorded = report.ledger.as_ref().and_then(|ledger| ledger.current.as_ref());
    match recorded {
        Some(entry) if after.experience.is_some() => {
            lines.push(keys::name(entry));
            let experience = entry.experience.or(after.experience);
            lines.extend(experience.map(|it| line(words::experience(it))));
        }
        _ => {
            lines.push(configured_key(after));
            lines.extend(after.experience.map(|it| line(words::experience(it))));
        }
    }
    if !after.provisioning_state.eq_ignore_ascii_case("Succeeded") {
        lines.push(vec![
            mark(Tone::Caution, "Not certain"),
            text(": the cluster’s provisioning state is "),
            code(&after.provisioning_state),
            text(", so what it is configured with need not be what its API servers use."),
        ]);
    }
    if report.dry_run {
        lines.push(line("So it is now: the dry run changed nothing."));
    }
    lines
}

fn since(report: &OperationReport) -> Vec<Vec<Span>> {
    let recorded = report.ledger.as_ref().and_then(|ledger| ledger.current.as_ref());
    match recorded.and_then(|entry| entry.since) {
        Some(at) => vec![vec![moment(at)]],
        None => vec![line("Not known: nothing that is recorded says when it came into use.")],
    }
}

fn proof(report: &OperationReport) -> Vec<Vec<Span>> {
    if report.is_proven()
        && let Some(last) = report.reencryption.last()
    {
        let servers = count(last.api_servers.len() as u64, "API server was", "API servers were");
        let secrets = count(last.counts.total, "secret was", "secrets were");
        return vec![
            vec![text("By this call, at "), moment(last.finished_at), text(".")],
            line(format!("By {}.", words::evidence(last.evidence))),
            line(format!(
                "{servers} heard. {secrets} asked: {} rewritten, {} under the key already.",
                number(last.counts.rewritten),
                number(last.counts.current),
            )),
        ];
    }
    let mut lines = Vec::new();
    let recorded = report.ledger.as_ref().and_then(|ledger| ledger.current.as_ref());
    match recorded.and_then(|entry| Some((entry.proven_at?, entry.evidence))) {
        Some((at, evidence)) => {
            lines.push(vec![
                text("Not by this call. By an earlier one, at "),
                moment(at),
                text("."),
            ]);
            lines.extend(evidence.map(|it| line(format!("By {}.", words::evidence(it)))));
        }
        None => lines.push(vec![mark(Tone::Bad, "Not proven"), text(".")]),
    }
    lines
}

fn left(report: &OperationReport) -> Vec<Vec<Span>> {
    let mut lines = Vec::new();
    if let Some(last) = report.reencryption.last().filter(|_| !report.dry_run) {
        let decided = |name: &String| last.given_up.contains(name);
        let names: Vec<String> = last.blocked.iter().map(passes::name).collect();
        let (given_up, left): (Vec<_>, Vec<_>) = names.iter().partition(|name| decided(name));
        lines.extend(named(open(last), &left, "not proven to be under the key"));
        lines.extend(named(given_up.len() as u64, &given_up, "given up by the caller, by name"));
    }
    let steps = steps::left(report);
    if !steps.is_empty() && !report.dry_run {
        lines.push(line(format!(
            "{} not done, from “{}” on.",
            count(steps.len() as u64, "step of the plan is", "steps of the plan are"),
            steps[0].summary,
        )));
    }
    if let Some(operation) = &report.after.operation_in_progress {
        lines.push(vec![
            text(format!(
                "The operation {} is recorded as unfinished, since ",
                operation.operation
            )),
            moment(operation.since),
            text(", by "),
            code(&operation.by),
            text(". "),
            code("resume"),
            text(" goes on with it."),
        ]);
    }
    let undetermined =
        report.findings.iter().filter(|it| it.state == FindingState::Undetermined).count() as u64;
    if undetermined > 0 {
        let findings = count(undetermined, "rule could", "rules could");
        lines.push(line(format!("{findings} not be judged; see below.")));
    }
    if lines.is_empty() && report.is_proven() {
        lines.push(vec![mark(Tone::Good, "Nothing"), text(".")]);
    } else if lines.is_empty() {
        lines.push(line("Not known: this call proved nothing of the whole cluster."));
    }
    lines
}

/// So many secrets, the first of them by name.
fn named(count_of: u64, names: &[&String], what: &str) -> Option<Vec<Span>> {
    if count_of == 0 {
        return None;
    }
    let secrets = count(count_of, "secret is", "secrets are");
    let mut words = vec![mark(Tone::Bad, format!("{secrets} {what}")), text(": ")];
    let shown = names.len().min(MOST_NAMED);
    words.extend(listed(names[..shown].iter().map(|name| code(*name))));
    let more = count_of.saturating_sub(shown as u64);
    if more > 0 {
        words.push(text(format!(" and {} more", number(more))));
    }
    words.push(text("."));
    Some(words)
}

fn removable(report: &OperationReport) -> Vec<Vec<Span>> {
    let Some(ledger) = &report.ledger else {
        return vec![line(
            "Not known: there is no record of this cluster’s keys, so none may be removed.",
        )];
    };
    let told = |(_, entry): (&str, &LedgerEntry)| {
        let name = keys::name(entry).into_iter().chain([text(": ")]);
        name.chain(keys::removable(entry)).chain([text(".")]).collect()
    };
    let of = |removable| keys::entries(ledger).filter(move |(_, it)| it.removable == removable);
    let mut lines: Vec<Vec<Span>> = of(true).map(told).collect();
    let named = if lines.is_empty() { MOST_NAMED } else { 0 };
    if lines.is_empty() {
        lines.push(line("None."));
    }
    lines.extend(of(false).take(named).map(told));
    let more = of(false).skip(named).count();
    if more > 0 {
        let more = count(more as u64, "other key", "other keys");
        lines.push(line(format!("The table of keys says why {more} may not be.")));
    }
    if report.after.experience == Some(Experience::PlatformManaged) {
        lines.push(line("A key of the platform’s is nobody’s to remove."));
    }
    lines
}
