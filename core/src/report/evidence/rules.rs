//! The rules: what they found, what was allowed, and which found nothing.

use super::{
    document::{Block, Span, Table, Tone, code, line, listed, mark, prose, text},
    words::{count, number},
};
use crate::{
    catalogue::{Level, RuleId},
    report::{Finding, FindingState, OperationReport},
};

pub(super) fn blocks(report: &OperationReport) -> Vec<Block> {
    if report.checked.is_empty() && report.findings.is_empty() {
        return vec![Block::Paragraph(line("No rule was judged."))];
    }
    let is_found = |id: &&RuleId| report.findings.iter().any(|finding| finding.rule == **id);
    let clean: Vec<&RuleId> = report.checked.iter().filter(|id| !is_found(id)).collect();
    let state = |state| report.findings.iter().filter(|it| it.state == state).count() as u64;
    let summary = format!(
        "{} of the documented limitations concern this call. {} violated, {} could not be judged, and nothing was found of \
         {}.",
        number(report.checked.len() as u64),
        count(
            state(FindingState::Violated),
            "finding says that a rule is",
            "findings say that a rule is"
        ),
        number(state(FindingState::Undetermined)),
        number(clean.len() as u64),
    );
    let mut blocks = vec![Block::Paragraph(line(summary))];
    if !report.findings.is_empty() {
        let head = vec!["Weight", "Rule", "What was found", "What to do"];
        let rows = report.findings.iter().map(|finding| row(finding, &report.allowed));
        blocks.push(Block::Table(Table { head, rows: rows.collect() }));
    }
    if !report.allowed.is_empty() {
        let names = listed(report.allowed.iter().map(code));
        let allowed = std::iter::once(text("The caller allowed what would have been refused by: "));
        blocks.push(Block::Paragraph(allowed.chain(names).collect()));
    }
    if !clean.is_empty() {
        let rules = clean.iter().map(|id| {
            let summary = [text(": ")].into_iter().chain(prose(id.entry().summary));
            std::iter::once(code(id)).chain(summary).collect()
        });
        let title =
            format!("{} of which nothing was found", count(clean.len() as u64, "rule", "rules"));
        blocks.push(Block::Folded(title, rules.collect()));
    }
    blocks
}

fn row(finding: &Finding, allowed: &[RuleId]) -> Vec<Vec<Span>> {
    let tone = match finding.level {
        Level::Block => Tone::Bad,
        Level::Warn => Tone::Caution,
        Level::Info => Tone::Plain,
    };
    let mut weight = vec![mark(tone, finding.level.as_str())];
    if finding.state == FindingState::Undetermined {
        weight.push(text(", could not be judged"));
    }
    if finding.level == Level::Block && finding.overridable && allowed.contains(&finding.rule) {
        weight.push(text(", allowed"));
    }
    let mut found = prose(&finding.message);
    found.push(text(". On "));
    found.push(code(&finding.resource));
    let mut remedy = prose(&finding.remedy);
    if !finding.url.is_empty() {
        remedy.push(text(" See "));
        remedy.push(Span::Link(finding.url.clone()));
    }
    vec![weight, vec![code(&finding.rule)], found, remedy]
}
