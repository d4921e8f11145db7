//! The report for auditors, of a rotation that was refused some secrets.

mod browser;
mod fleet;

use aks_kms::{
    Error, ErrorKind, OperationReport, Reencrypt, ReencryptOptions, RotateOptions, RuleId,
    RunOptions,
};
use serde_json::{Value, json};

use self::browser::Browser;
use crate::common::world::World;

/// One secret that is given up by name, and one that is denied only once the key has changed.
async fn rotation_with_blocked_secrets() -> OperationReport {
    let given = json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {
            "namespaces": 4, "each": 150,
            "special": [{"name": "team-1/managed-elsewhere", "kind": "denied"}],
        },
        "faults": {
            "kubernetes_latency_ms": 5,
            "kubernetes": [
                {"method": "PATCH", "path": "/namespaces/team-2/secrets/secret-17?", "status": 422, "after": 1},
                {"method": "PATCH", "path": "/namespaces/team-3/secrets/secret-4?", "status": 422, "after": 1},
            ],
        },
    });
    let world = World::embedded("one-provider", given).await;
    let options = RotateOptions {
        give_up_secrets: vec!["team-1/managed-elsewhere".to_owned()],
        reencrypt: Reencrypt::With(ReencryptOptions {
            max_concurrency: 8,
            ..ReencryptOptions::default()
        }),
        ..RotateOptions::default()
    };
    let error = world.manager().rotate(world.key(2), options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    report_of(&error)
}

fn report_of(error: &Error) -> OperationReport {
    error.report().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_what_an_auditor_asks_of_a_rotation_with_blocked_secrets() {
    let report = rotation_with_blocked_secrets().await;
    let (html, markdown) = (report.to_html(), report.to_markdown());
    let key_id = report.after.key_id.as_ref().unwrap().to_string();
    let by = report.by.clone().unwrap();
    assert!(by.starts_with("aks-kms on "), "{by}");
    let last = report.reencryption.last().unwrap();
    assert_eq!(
        (last.blocked.len(), last.given_up.len(), last.complete),
        (3, 1, false),
        "{last:#?}"
    );
    assert!(last.samples.len() > 3, "{:?}", last.samples);
    let answers = &html[..html.find("What was asked").unwrap()];
    for said in [
        key_id.as_str(),
        "Not proven",
        "2 secrets are not proven to be under the key",
        "team-2/secret-17</code>, <code>team-3/secret-4",
        "1 secret is given up by the caller, by name",
        "team-1/managed-elsewhere",
        "Which keys may be removed?",
        "not removable</b>, because the API servers still read with the key before",
    ] {
        assert!(answers.contains(said), "{said}: {answers}");
    }
    for said in [
        "denied the request",
        by.as_str(),
        report.operation_id.as_deref().unwrap(),
        report.versions.api_version.as_str(),
        &last.api_servers[0].id,
        "not removable",
        "because",
    ] {
        assert!(html.contains(said), "{said}: {html}");
        assert!(markdown.contains(said), "{said}: {markdown}");
    }
    assert!(html.contains("complete but for 1 that was given up by name"), "the gate: {html}");
    assert!(!html.contains("every secret of the cluster is proven"), "{html}");
    let shown = report.to_string();
    for said in [
        "blocked:  team-1/managed-elsewhere  denied, given up  ValidatingAdmissionPolicy",
        "blocked:  team-2/secret-17          invalid           ",
        "blocked:  team-3/secret-4           invalid           ",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(report.checked.contains(&RuleId::VaultFirewall), "{:?}", report.checked);
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert!(html.contains("<polyline"), "how far the passes were");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proven_rotation_says_since_when_and_how_and_a_dry_run_that_nothing_was_done() {
    let world = World::embedded("two-providers", json!({})).await;
    world.enable(1).await.unwrap();
    let run = RunOptions { dry_run: true, ..RunOptions::default() };
    let plan = world.rotate_with(2, run).await.unwrap();
    let html = plan.to_html();
    assert!(html.contains("Nothing was changed") && html.contains("planned"), "{html}");
    assert!(plan.by.is_none() && !html.contains("not done"), "{html}");
    let report = world.rotate(2).await.unwrap();
    let html = report.to_html();
    let current = report.ledger.as_ref().unwrap().current.as_ref().unwrap();
    let second = |at: time::OffsetDateTime| at.replace_nanosecond(0).unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    for said in [
        "<b>Proven</b>".to_owned(),
        second(current.since.unwrap()).format(format).unwrap(),
        "every live API server counted a write with this very key".to_owned(),
        "<b class=\"good\">Nothing</b>".to_owned(),
    ] {
        assert!(html.contains(&said), "{said}: {html}");
    }
    let steps = report.steps.windows(2);
    let in_order = steps.map(|pair| pair[0].started_at <= pair[1].started_at);
    assert!(in_order.into_iter().all(|it| it), "{:#?}", report.steps);
}

/// Both files have the digest that their own command gives, and it is that of the JSON.
#[tokio::test(flavor = "multi_thread")]
async fn the_digest_can_be_computed_again_from_the_file() {
    let world = World::embedded("one-provider", json!({})).await;
    let report = world.enable(1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut digests = Vec::new();
    for (name, text, command) in [
        ("report.html", report.to_html(), between("<pre>sed", "</pre>")),
        ("report.md", report.to_markdown(), between("```sh\nsed", "\n```")),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &text).unwrap();
        let command =
            command(&text).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        let command = command.replace("&#39;", "'").replace("FILE", path.to_str().unwrap());
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let digest = said.split(' ').next().unwrap().to_owned();
        assert!(digest.len() == 64 && text.contains(&digest), "{command}: {said}");
        digests.push(digest);
    }
    assert_eq!(digests[0], digests[1]);
    let html = report.to_html();
    let json = html.split("<pre id=\"json\">").nth(1).unwrap().split("</pre>").next().unwrap();
    let read: OperationReport = serde_json::from_str(json).unwrap();
    assert_eq!(read, report);
    assert_eq!(read.to_html(), html, "who reads the JSON makes the same file");
    let value: Value = serde_json::from_str(json).unwrap();
    assert_eq!(value, serde_json::to_value(&report).unwrap());
}

/// The command that a file has.
fn between(start: &'static str, end: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        let at = text.find(start).unwrap() + start.len() - "sed".len();
        text[at..].split(end).next().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_it_without_overflow_on_a_desktop_and_a_phone() {
    let Some(browser) = Browser::find() else { return };
    let report = rotation_with_blocked_secrets().await;
    let html = report.to_html();
    for dark in [false, true] {
        for seen in browser.shows(&html, dark) {
            assert_eq!(seen["overflow"], json!([]), "{seen}");
            assert!(seen["scroll"].as_u64() <= seen["client"].as_u64(), "{seen}");
            assert_eq!(seen["styled"], true, "its own policy lets its style in: {seen}");
            assert_eq!(seen["dark"], dark, "{seen}");
        }
    }
    assert_eq!(browser.shows_on_paper(&html)["overflow"], json!([]));
    let pages = browser.prints(&html);
    assert!(pages.starts_with(b"%PDF-"), "{} bytes", pages.len());
    if let Some(pages) = browser::read_pages(&pages) {
        assert!(
            pages[0].contains("Which keys may be"),
            "the answers are on one page: {}",
            pages[0]
        );
        for page in &pages {
            assert!(!page.ends_with(':'), "the table is on the page of its sentence: {page}");
        }
    }
}
