//! Text of others stays text, in both kinds of files.

use serde_json::{Value, json};

use super::*;
use crate::{
    catalogue::RuleId,
    report::Finding,
    rules::testing::{KEY_1, KEY_2, World},
};

/// What somebody may have called things, or said.
const HOSTILE: &str = "</pre></td><script>alert(1)</script>\" onload='x' `a``b` | c *d* [e](javascript:f) &lt;\u{202e}\n\
                       ## g\n```\nh";

fn pass(name: &str) -> Value {
    json!({
        "purpose": "rewrite", "scope": {"namespaces": [name]}, "evidence": "metrics", "watermark": name,
        "key_id": name, "counts": {
            "total": 1_234, "rewritten": 1_230, "current": 2, "gone": 0, "blocked": 2, "failed": 0,
        },
        "blocked": [
            {"namespace": name, "name": name, "reason": "denied", "message": name},
            {"namespace": "team-1", "name": "kept", "reason": "error", "message": ""},
        ],
        "given_up": ["team-1/kept"], "complete": false,
        "started_at": "2026-01-01T00:00:10Z", "finished_at": "2026-01-01T00:01:10Z",
        "seconds": 60.0, "secrets_per_second": 20.5, "requests": 1_300,
        "samples": [{"seconds": 1.0, "done": 10}, {"seconds": 60.0, "done": 1_234}],
        "api_servers": [{"id": name, "key_id_hash": name}, {"id": "other", "key_id_hash": null}],
    })
}

fn entry(name: &str) -> Value {
    json!({
        "key_id": KEY_1, "experience": "key-vault", "key_id_hash": null, "key_id_hash_since": null,
        "since": null, "proven_at": "2026-01-01T00:00:00Z", "evidence": "metrics", "removable": true,
        "reason": name,
    })
}

/// A report with a text everywhere that one can come from elsewhere.
fn report_saying(words: &str) -> OperationReport {
    let mut world = World::enable();
    let cluster = world.cluster();
    let (id, mut status) = (cluster.id.clone(), cluster.status(Vec::new()));
    status.key_id = Some(crate::ids::KeyId::parse(KEY_2).unwrap());
    words.clone_into(&mut status.provisioning_state);
    words.clone_into(&mut status.identity_type);
    status.etag = Some(words.to_owned());
    let finding = Finding {
        url: words.to_owned(),
        message: words.to_owned(),
        remedy: words.to_owned(),
        ..Finding::violated(RuleId::VaultFirewall, words, words)
    };
    let step = json!({"kind": "record_operation", "summary": words});
    let after = json!({
        "id": words, "operation": "rotate", "by": words, "since": "2026-01-01T00:00:00Z", "target_key_id": null,
    });
    let mut after_status = serde_json::to_value(&status).unwrap();
    after_status["operation_in_progress"] = after;
    serde_json::from_value(json!({
        "operation": "rotate", "cluster": id, "dry_run": false, "outcome": "done", "by": words, "operation_id": words,
        "versions": {"aks_kms": words, "api_version": words},
        "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:02:00Z",
        "before": status, "after": after_status, "plan": [step, step],
        "steps": [{"step": step, "outcome": "done", "started_at": "2026-01-01T00:00:05Z", "seconds": 90.0}],
        "checked": ["vault-firewall", "key-expired"], "findings": [finding], "allowed": ["vault-firewall"],
        "reencryption": [pass(words)],
        "ledger": {
            "current": entry(words), "pending": null, "previous": entry(words), "retired": [entry(words)],
        },
    }))
    .unwrap()
}

/// The elements of a page, by name and number.
fn elements(html: &str) -> std::collections::BTreeMap<String, usize> {
    let mut elements = std::collections::BTreeMap::new();
    let tags = html.split('<').skip(1);
    for tag in tags.filter(|tag| tag.starts_with(|letter: char| letter.is_ascii_alphabetic())) {
        let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap();
        *elements.entry(name.to_owned()).or_default() += 1;
    }
    elements
}

#[test]
fn words_of_others_make_no_element_of_the_page() {
    let (hostile, plain) = (report_saying(HOSTILE), report_saying("word"));
    let html = hostile.to_html();
    let (mut found, mut expected) = (elements(&html), elements(&plain.to_html()));
    // A remedy shows as code what stands between backticks.
    for elements in [&mut found, &mut expected] {
        elements.remove("code");
    }
    assert_eq!(found, expected);
    assert!(
        !html.contains("<script") && !html.contains("<a href=\"<") && !html.contains('\u{202e}')
    );
    assert!(!html.contains(" onload='") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("&amp;lt;"), "what looks like an entity is shown as it is");
}

#[test]
fn words_of_others_make_no_line_and_no_cell_of_the_markdown() {
    let (hostile, plain) = (report_saying(HOSTILE), report_saying("word"));
    let (hostile, plain) = (hostile.to_markdown(), plain.to_markdown());
    let kind = |line: &str| {
        let start: String = line.chars().take_while(|letter| "#`|->".contains(*letter)).collect();
        // Elsewhere than in a table a bar means nothing.
        let cells = line.replace("\\|", "").matches('|').count();
        let cells = if start.starts_with('|') { cells } else { 0 };
        (start, cells)
    };
    let kinds = |text: &str| text.lines().map(kind).collect::<Vec<_>>();
    assert_eq!(kinds(&hostile), kinds(&plain));
    let is_json = |line: &&str| line.starts_with('{');
    for line in hostile.lines().filter(|line| !is_json(line)) {
        let outside: String = outside_of_code(line);
        let unescaped = outside.replace("\\<", "").replace("\\[", "");
        let is_link = |part: &str| part.starts_with("https://learn.microsoft.com/");
        assert!(unescaped.split('<').skip(1).all(is_link) && !unescaped.contains('['), "{line}");
    }
}

/// A line without its code spans, as Markdown has them.
fn outside_of_code(line: &str) -> String {
    let (mut outside, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        if rest[..at].ends_with('\\') {
            outside.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        outside.push_str(&rest[..at]);
        let fence: String = rest[at..].chars().take_while(|letter| *letter == '`').collect();
        rest = &rest[at + fence.len()..];
        let mut from = 0;
        let end = loop {
            let Some(found) = rest[from..].find(&fence) else { break None };
            let found = from + found;
            let run = rest[found..].chars().take_while(|letter| *letter == '`').count();
            if run == fence.len() {
                break Some(found + run);
            }
            from = found + run;
        };
        let Some(end) = end else { break };
        rest = &rest[end..];
    }
    outside + rest
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_no_style_stands_in_an_element() {
    let html = report_saying("word").to_html();
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-";
    assert!(html.contains(policy), "{html}");
    for loads in
        [" src=", "<link", "<img", "<iframe", "@import", "url(", " style=", "<script", "xlink:href"]
    {
        assert!(!html.contains(loads), "{loads}");
    }
}

#[test]
fn what_a_report_does_not_know_is_said_to_be_unknown() {
    let mut report = report_saying("word");
    (report.ledger, report.by, report.operation_id) = (None, None, None);
    report.reencryption.clear();
    report.checked.clear();
    report.findings.clear();
    let html = report.to_html();
    for said in [
        "This call asked nothing of the secrets, so it proves nothing.",
        "Not known: nothing that is recorded says when it came into use.",
        "so none may be removed",
        "Not recorded: nothing was to be written.",
        "No rule was judged.",
    ] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn steps_that_were_not_come_to_are_told() {
    let report = report_saying("word");
    assert_eq!(steps::left(&report).len(), 1);
    assert!(report.to_html().contains("1 step of the plan is not done"));
    let mut again = report.clone();
    again.steps.extend(report.steps.clone());
    assert!(steps::left(&again).is_empty(), "both are done");
    again.steps.clear();
    assert_eq!(steps::left(&again).len(), 2);
}

#[test]
fn a_thousand_blocked_secrets_are_in_the_table_and_the_rest_in_the_json() {
    let mut report = report_saying("word");
    let pass = &mut report.reencryption[0];
    pass.blocked = vec![pass.blocked[1].clone(); 1_500];
    let html = report.to_html();
    assert!(html.contains("500 more are named in the JSON below."), "the rest is counted");
    assert!(html.matches("team-1/kept").count() <= 1_100);
    let shown = report.to_string();
    assert_eq!(shown.matches("blocked:  team-1/kept").count(), 20);
    assert!(shown.contains("blocked:  1480 more, named in the JSON\n"), "{shown}");
}
