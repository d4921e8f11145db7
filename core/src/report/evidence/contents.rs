//! What a document has, in order.

use super::{
    answers,
    document::{Block, Document, Section, Source, Span, Table, code, line, text},
    json::{plain_json, sha256},
    keys, passes, rules, steps,
    words::{NONE, code_or_none, configured_key, duration, experience, moment},
};
use crate::report::{KmsStatus, OperationReport};

pub(super) fn document(report: &OperationReport) -> Document {
    let json = plain_json(report);
    let section = |title, blocks| Section { title, blocks };
    Document {
        title: format!("Evidence of {} on cluster {}", report.operation, report.cluster.name()),
        verdict: answers::verdict(report),
        answers: answers::answers(report),
        sections: vec![
            section("What was asked, and by whom", asked(report)),
            section("Plan and steps", steps::blocks(report)),
            section("Proof", passes::blocks(report)),
            section("Keys", keys::blocks(report.ledger.as_ref())),
            section("Cluster before and after", cluster(&report.before, &report.after)),
            section("Rules", rules::blocks(report)),
        ],
        source: Source { sha256: sha256(&json), json, versions: versions(report) },
    }
}

fn asked(report: &OperationReport) -> Vec<Block> {
    let seconds = (report.finished_at - report.started_at).as_seconds_f64();
    let dry_run = if report.dry_run { " (dry run)" } else { "" };
    let by = match &report.by {
        Some(by) => vec![
            code(by),
            text(
                ". Which principal of Microsoft Entra that was, the activity log of the subscription says.",
            ),
        ],
        None => line("Not recorded: nothing was to be written."),
    };
    vec![Block::Facts(vec![
        ("Operation", vec![code(&report.operation), text(dry_run)]),
        ("Cluster", vec![code(&report.cluster)]),
        ("By", by),
        ("Id in the record", code_or_none(report.operation_id.as_ref())),
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

fn cluster(before: &KmsStatus, after: &KmsStatus) -> Vec<Block> {
    type Tell = fn(&KmsStatus) -> Vec<Span>;
    let told: [(&str, Tell); 10] = [
        ("Configured key", configured_key),
        ("Experience", |it| line(it.experience.map_or(NONE, experience))),
        ("Way to the vault", |it| line(it.network_mode.map_or(NONE, |mode| mode.as_str()))),
        ("Vault that the cluster names", |it| code_or_none(it.key_vault_id.as_ref())),
        ("KMS", |it| line(it.kms_version.map_or(NONE, |version| version.as_str()))),
        ("Kubernetes", |it| line(it.kubernetes_version.to_string())),
        ("Provisioning state", |it| vec![code(&it.provisioning_state)]),
        ("Power state", |it| vec![code(&it.power_state)]),
        ("Identity", |it| vec![code(&it.identity_type)]),
        ("eTag", |it| code_or_none(it.etag.as_ref())),
    ];
    let rows = told.map(|(name, tell)| vec![line(name), tell(before), tell(after)]);
    let head = vec!["What", "Before", "After"];
    vec![Block::Table(Table { head, rows: rows.into() })]
}

fn versions(report: &OperationReport) -> Vec<(&'static str, Vec<Span>)> {
    vec![
        ("aks-kms", vec![code(&report.versions.aks_kms)]),
        ("api-version of managed clusters", vec![code(&report.versions.api_version)]),
        ("Kubernetes", vec![code(&report.after.kubernetes_version)]),
    ]
}
