//! The rules that clusters were refused by or that somebody should look at, and what to do.

use std::collections::BTreeMap;

use crate::{
    catalogue::RuleId,
    report::{
        FleetReport,
        evidence::{
            document::{Block, Span, Table, code, line, prose, text},
            words::number,
        },
    },
};

pub(super) fn blocks(report: &FleetReport) -> Vec<Block> {
    let mut clusters: BTreeMap<RuleId, u64> = BTreeMap::new();
    for rule in report.clusters.iter().flat_map(|row| &row.rules) {
        *clusters.entry(*rule).or_default() += 1;
    }
    if clusters.is_empty() {
        return vec![Block::Paragraph(line(
            "No cluster was refused by a rule, or has one to look at.",
        ))];
    }
    let row = |(rule, clusters): (&RuleId, &u64)| {
        let entry = rule.entry();
        let mut remedy = prose(entry.remedy);
        if !entry.url.is_empty() {
            remedy.extend([text(" See "), Span::Link(entry.url.to_owned())]);
        }
        vec![vec![code(rule)], line(number(*clusters)), prose(entry.summary), remedy]
    };
    let head = vec!["Rule", "Clusters", "What it says", "What to do"];
    vec![Block::Table(Table { head, rows: clusters.iter().map(row).collect() })]
}
