//! The passes over the secrets: what each was for, how it proves, and which secrets are left.

use super::{
    document::{Block, Progress, Span, Table, Tone, code, line, listed, mark, text},
    words::{NONE, blocked, count, duration, evidence, moment, number, purpose, rounded},
};
use crate::{
    ids::KeyId,
    report::{BlockedSecret, Counts, Evidence, OperationReport, ReencryptReport},
};

/// So many blocked secrets are named in a table; all of them are in the JSON.
const MOST_BLOCKED: usize = 1_000;

pub(super) fn blocks(report: &OperationReport) -> Vec<Block> {
    if report.reencryption.is_empty() {
        return vec![Block::Paragraph(line("This call asked nothing of the secrets."))];
    }
    report.reencryption.iter().enumerate().flat_map(of_pass).collect()
}

fn of_pass((index, pass): (usize, &ReencryptReport)) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading(format!("Pass {}. {}", index + 1, purpose(pass.purpose))),
        Block::Facts(facts(pass)),
    ];
    if pass.evidence == Evidence::Ledger {
        return blocks;
    }
    blocks.push(counts(&pass.counts));
    if pass.samples.len() > 1 {
        let points = pass.samples.iter().map(|sample| (sample.seconds, sample.done));
        let points = std::iter::once((0.0, 0)).chain(points).collect();
        let secrets = count(pass.counts.total, "secret", "secrets");
        let title = format!("{secrets} in {}", duration(pass.seconds));
        blocks.push(Block::Progress(Progress { title, points }));
    }
    blocks.extend(servers(pass));
    blocks.extend(left(pass));
    blocks
}

fn facts(pass: &ReencryptReport) -> Vec<(&'static str, Vec<Span>)> {
    let given_up = pass.given_up.len() as u64;
    let proof = if !pass.complete {
        mark(Tone::Bad, "not complete: it does not prove the whole cluster")
    } else if given_up == 0 {
        mark(Tone::Good, "complete: every secret of the cluster is proven to be under the key")
    } else {
        let but = count(given_up, "that was given up by name", "that were given up by name");
        let proven = "every other secret of the cluster is proven to be under the key";
        mark(Tone::Caution, format!("complete but for {but}: {proven}"))
    };
    let key = match &pass.key_id {
        Some(key_id) => vec![code(key_id)],
        None if pass.api_servers.iter().any(|server| server.key_id_hash.is_some()) => {
            line("a key without a name: one of the platform’s")
        }
        None => line("none: plaintext, or a key without a name"),
    };
    let scope = pass.scope.namespaces.as_ref().map_or_else(
        || line("the whole cluster"),
        |namespaces| {
            let names = listed(namespaces.iter().map(code));
            std::iter::once(text("only the namespaces ")).chain(names).collect()
        },
    );
    let mut facts = vec![
        ("Result", vec![proof]),
        ("Key", key),
        ("Secrets", scope),
        ("Evidence", line(evidence(pass.evidence))),
        (
            "Resource version from which on every write is under the key",
            vec![code(&pass.watermark)],
        ),
    ];
    if pass.evidence == Evidence::Ledger {
        facts.push(("Proven at", vec![moment(pass.finished_at)]));
        return facts;
    }
    let rate = format!("{} secrets a second", rounded(pass.secrets_per_second));
    let work = format!(
        "{}, {}, {rate}",
        duration(pass.seconds),
        count(pass.requests, "request", "requests")
    );
    facts.push((
        "Time",
        vec![
            moment(pass.started_at),
            text(" to "),
            moment(pass.finished_at),
            text(": "),
            text(work),
        ],
    ));
    facts
}

fn counts(counts: &Counts) -> Block {
    let Counts { total, rewritten, current, gone, blocked, failed } = *counts;
    let left = |count: u64| {
        if count == 0 { text("0") } else { mark(Tone::Bad, number(count)) }
    };
    let plain = |count: u64| text(number(count));
    let row =
        [plain(total), plain(rewritten), plain(current), plain(gone), left(blocked), left(failed)];
    Block::Table(Table {
        head: vec![
            "Secrets",
            "Rewritten",
            "Under the key already",
            "Deleted meanwhile",
            "Blocked",
            "Without response",
        ],
        rows: vec![row.into_iter().map(|cell| vec![cell]).collect()],
    })
}

fn servers(pass: &ReencryptReport) -> Vec<Block> {
    if pass.api_servers.is_empty() {
        return vec![Block::Paragraph(line("No API server was heard by its metrics."))];
    }
    let hash = pass.key_id.as_ref().and_then(|key_id| KeyId::parse(key_id).ok());
    let hash = hash.map(|key_id| key_id.metrics_hash());
    let rows = pass.api_servers.iter().map(|server| {
        let writes_with = match &server.key_id_hash {
            Some(hash) => vec![code(hash)],
            None => line("no key: plaintext"),
        };
        let is_of_key = if server.key_id_hash.is_some() && server.key_id_hash == hash {
            mark(Tone::Good, "yes")
        } else {
            text(NONE)
        };
        vec![vec![code(&server.id)], writes_with, vec![is_of_key]]
    });
    let rows: Vec<_> = rows.collect();
    vec![
        Block::Paragraph(line(format!(
            "{} with this, by what its metrics counted:",
            count(rows.len() as u64, "API server writes", "API servers write")
        ))),
        Block::Table(Table {
            head: vec![
                "API server",
                "Hash of the key that it writes with",
                "Computed from the key’s id",
            ],
            rows,
        }),
    ]
}

fn left(pass: &ReencryptReport) -> Vec<Block> {
    if pass.blocked.is_empty() {
        return Vec::new();
    }
    let rows = pass.blocked.iter().take(MOST_BLOCKED).map(|secret| {
        let name = name(secret);
        let given_up = if pass.given_up.contains(&name) { "given up by name" } else { "left" };
        let message = match secret.message.as_str() {
            "" => line(NONE),
            words => vec![code(words)],
        };
        vec![vec![code(&name)], line(blocked(secret.reason)), message, line(given_up)]
    });
    let head = vec!["Secret", "Why", "In the API server’s words", "What was decided"];
    let rows: Vec<_> = rows.collect();
    let more = pass.blocked.len() - rows.len();
    let mut blocks = vec![
        Block::Paragraph(line(
            "Secrets that could not be rewritten, or be proven to be under the key:",
        )),
        Block::Table(Table { head, rows }),
    ];
    if more > 0 {
        let more = format!("{} more are named in the JSON below.", number(more as u64));
        blocks.push(Block::Paragraph(line(more)));
    }
    blocks
}

pub(super) fn name(secret: &BlockedSecret) -> String {
    format!("{}/{}", secret.namespace, secret.name)
}
