//! The report for auditors of a thousand clusters, of every outcome.

use aks_kms::FleetReport;
use serde_json::{Value, json};

use super::{between, browser::Browser};

const KEY: &str = "https://a-vault-with-a-long-name.vault.azure.net/keys/etcd-encryption/0123456789abcdef0123456789abcdef";
const CLUSTERS: usize = 1_000;
/// Paper takes a browser longer.
const PRINTED: usize = 100;

fn row(number: usize) -> Value {
    let (outcome, code, rules) = match number % 50 {
        7 => ("refused", Some("preflight_failed"), json!(["vault-firewall", "key-expires-soon"])),
        13 => ("unfinished", Some("operation_failed"), json!([])),
        31 => ("failed", Some("not_found"), json!([])),
        0..25 => ("done", None, json!(["key-age"])),
        _ => ("not-due", None, json!([])),
    };
    let wave = match number {
        0 => 1,
        1..=10 => 2,
        11..=110 => 3,
        _ => 4,
    };
    let subscription = format!("{:08x}-d1a3-4ea4-b844-0d9f87e4d7c8", number % 50);
    json!({
        "cluster": format!(
            "/subscriptions/{subscription}/resourceGroups/a-resource-group-of-some-team/providers/\
             Microsoft.ContainerService/managedClusters/production-westeurope-{number}"
        ),
        "wave": wave, "outcome": outcome, "proven": outcome == "done",
        "started_at": format!("2026-01-01T00:{:02}:10Z", wave * 10), "seconds": 300.5,
        "previous_key_id": KEY, "key_id": KEY, "key_created_at": "2025-03-01T00:00:00Z",
        "removable_keys": [], "rules": rules, "code": code,
        "message": code.map(|_| "the vault https://a-vault-with-a-long-name.vault.azure.net did not let it through"),
        "operation_in_progress": null, "resume": (outcome == "unfinished").then_some("run the fleet again"),
        "status": null,
    })
}

fn report(clusters: usize) -> FleetReport {
    let rows: Vec<Value> = (0..clusters).map(row).collect();
    let many = |outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count();
    let totals = json!({
        "clusters": clusters, "done": many("done"), "not_due": many("not-due"), "planned": 0,
        "refused": many("refused"), "unfinished": many("unfinished"), "failed": many("failed"), "not_started": 0,
    });
    let report = json!({
        "operation": "rotate", "dry_run": false, "when_older_than_seconds": 31_536_000.0,
        "versions": {"aks_kms": "1.0.0", "api_version": "2026-01-01"},
        "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T01:00:00Z", "clusters": rows,
        "totals": totals, "removable_keys": [KEY],
        "unreadable": [{"resource": "/subscriptions/s", "code": "forbidden", "message": "it may not be read"}],
        "stopped": "wave 5 was not begun",
    });
    serde_json::from_value(report).unwrap()
}

#[test]
fn a_browser_shows_a_thousand_clusters_without_overflow_on_a_desktop_and_a_phone() {
    let Some(browser) = Browser::find() else { return };
    let html = report(CLUSTERS).to_html();
    for seen in browser.shows(&html, true) {
        assert_eq!(seen["overflow"], json!([]), "{seen}");
        assert!(seen["scroll"].as_u64() <= seen["client"].as_u64(), "{seen}");
        assert_eq!((&seen["styled"], &seen["dark"]), (&json!(true), &json!(true)), "{seen}");
    }
    assert_eq!(browser.shows_on_paper(&report(PRINTED).to_html())["overflow"], json!([]));
    let pages = browser.prints(&report(PRINTED).to_html());
    assert!(pages.starts_with(b"%PDF-"), "{} bytes", pages.len());
}

#[test]
fn the_digest_of_a_fleet_can_be_computed_again_from_the_file() {
    let report = report(CLUSTERS);
    let folder = tempfile::tempdir().unwrap();
    let digest = |name: &str, text: &str, command: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let command = command.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        let command = command.replace("&#39;", "'").replace("FILE", path.to_str().unwrap());
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let digest = said.split(' ').next().unwrap().to_owned();
        assert!(digest.len() == 64 && text.contains(&digest), "{command}: {said}");
        digest
    };
    let (html, markdown) = (report.to_html(), report.to_markdown());
    let of_html = digest("fleet.html", &html, between("<pre>sed", "</pre>")(&html));
    let of_markdown = digest("fleet.md", &markdown, between("```sh\nsed", "\n```")(&markdown));
    assert_eq!(of_html, of_markdown);
}
