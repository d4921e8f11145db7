//! Text of others stays text, and what is not known is said, at any number of clusters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::report::{FleetReport, FleetTotals};

const KEY_1: &str = "https://shop.vault.azure.net/keys/etcd/11111111111111111111111111111111";
const KEY_2: &str = "https://shop.vault.azure.net/keys/etcd/22222222222222222222222222222222";
/// What somebody may have called things, or said.
const HOSTILE: &str = "</pre></td><script>alert(1)</script>\" onload='x' `a``b` | c *d* [e](javascript:f) &lt;\u{202e}\n\
                       ## g\n```\nh";

/// A cluster, with this of it as said.
fn row(number: usize, wave: usize, said: &Value) -> Value {
    let mut row = json!({
        "cluster": format!(
            "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/\
             Microsoft.ContainerService/managedClusters/cluster-{number}"
        ),
        "wave": wave, "outcome": "done", "proven": true, "started_at": "2026-01-01T00:00:10Z", "seconds": 20.0,
        "previous_key_id": KEY_1, "key_id": KEY_2, "key_created_at": "2026-01-01T00:00:12Z",
        "removable_keys": [], "rules": [], "code": null, "message": null, "operation_in_progress": null,
        "resume": null, "status": null,
    });
    for (name, value) in said.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn of(rows: &[Value], change: &Value) -> FleetReport {
    let rows: Vec<_> =
        rows.iter().map(|row| serde_json::from_value(row.clone()).unwrap()).collect();
    let mut report = json!({
        "operation": "rotate", "dry_run": false, "when_older_than_seconds": 31_536_000.0,
        "versions": {"aks_kms": "1.0.0", "api_version": "2026-01-01"},
        "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:02:00Z", "clusters": rows,
        "totals": FleetTotals::of(&rows), "removable_keys": [], "unreadable": [], "stopped": null,
    });
    for (name, value) in change.as_object().unwrap() {
        report[name] = value.clone();
    }
    serde_json::from_value(report).unwrap()
}

/// A report with a text everywhere that one can come from elsewhere.
fn report_saying(words: &str) -> FleetReport {
    let refused = json!({
        "outcome": "refused", "proven": false, "key_id": KEY_1, "key_created_at": "2024-01-01T00:00:00Z",
        "rules": ["key-disabled", "vault-firewall"], "code": "preflight_failed", "message": words,
    });
    let unfinished = json!({
        "outcome": "unfinished", "proven": false, "code": words, "message": words, "resume": words,
        "operation_in_progress": {
            "id": words, "operation": "rotate", "by": words, "since": "2026-01-01T00:00:00Z", "target_key_id": null,
        },
    });
    let later = json!({
        "outcome": "not-started", "proven": false, "started_at": null, "key_id": null, "previous_key_id": null,
        "key_created_at": null,
    });
    let lets_go = json!({"removable_keys": [KEY_1]});
    let rows =
        [row(0, 1, &lets_go), row(1, 2, &refused), row(2, 2, &unfinished), row(3, 3, &later)];
    let unreadable = json!([{"resource": words, "code": words, "message": words}]);
    of(
        &rows,
        &json!({
            "unreadable": unreadable, "stopped": words, "removable_keys": [KEY_1],
            "versions": {"aks_kms": words, "api_version": words},
        }),
    )
}

/// The elements of a page, by name and number.
fn elements(html: &str) -> BTreeMap<String, usize> {
    let mut elements = BTreeMap::new();
    let tags = html.split('<').skip(1);
    for tag in tags.filter(|tag| tag.starts_with(|letter: char| letter.is_ascii_alphabetic())) {
        let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap();
        *elements.entry(name.to_owned()).or_default() += 1;
    }
    elements
}

#[test]
fn words_of_others_make_no_element_of_the_page() {
    let html = report_saying(HOSTILE).to_html();
    assert_eq!(elements(&html), elements(&report_saying("word").to_html()));
    assert!(!html.contains("<script") && !html.contains('\u{202e}'));
    assert!(!html.contains(" onload='") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("&amp;lt;"), "what looks like an entity is shown as it is");
}

#[test]
fn words_of_others_make_no_line_and_no_cell_of_the_markdown() {
    let kind = |line: &str| {
        let start: String = line.chars().take_while(|letter| "#`|->".contains(*letter)).collect();
        // Elsewhere than in a table a bar means nothing.
        let cells = line.replace("\\|", "").matches('|').count();
        let cells = if start.starts_with('|') { cells } else { 0 };
        (start, cells)
    };
    let kinds = |text: &str| text.lines().map(kind).collect::<Vec<_>>();
    let hostile = report_saying(HOSTILE).to_markdown();
    assert_eq!(kinds(&hostile), kinds(&report_saying("word").to_markdown()));
    assert!(!hostile.contains('\u{202e}'));
}

#[test]
fn each_cluster_is_a_row_with_its_reason_and_the_way_on() {
    let report = report_saying("word");
    for text in [report.to_html(), report.to_markdown().replace("\\_", "_").replace('`', "")] {
        for said in [
            "cluster-3",
            "not-started",
            KEY_1,
            KEY_2,
            "key-disabled",
            "preflight_failed",
            "do what its rules say, then run the fleet again",
            "word",
            "731 days",
            "1 key is as old as 365 days, or older",
            "Of 1 cluster it is not known.",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(text.contains("3 of 4 clusters are not done. 1 resource could not be read."));
    }
    let html = report.to_html();
    let left = &html[html.find("<h2>Clusters that are not done").unwrap()..];
    let (left, done) = left.split_at(left.find("<h2>Clusters that are done").unwrap());
    let done = &done[..done.find("<h2>Keys").unwrap()];
    assert_eq!((left.matches("<tr>").count(), done.matches("<tr>").count()), (1 + 3, 1 + 1));
    assert_eq!(html.matches("class=\"bar bad\"").count(), 1, "the wave that failed");
    assert_eq!(html.matches("class=\"bar good\"").count(), 1, "the third was not begun");
}

#[test]
fn a_verdict_says_no_more_than_is_proven() {
    let not_due = json!({"outcome": "not-due", "proven": false, "key_id": KEY_1});
    let unproven = json!({"proven": false});
    let planned = json!({"outcome": "planned", "proven": false, "key_id": KEY_1});
    let whole = row(0, 1, &json!({}));
    let (none, dry) = (json!({}), json!({"dry_run": true}));
    let status = json!({"operation": "status"});
    let unread = json!({"unreadable": [{"resource": "/subscriptions/s", "code": "forbidden", "message": "no"}]});
    let failed = json!({"outcome": "failed", "proven": false});
    for (rows, change, word) in [
        (vec![whole.clone(), row(1, 1, &not_due)], &none, "Complete"),
        (vec![whole.clone(), row(1, 1, &unproven)], &none, "Complete, not all proven"),
        (vec![row(0, 1, &not_due)], &none, "Not due"),
        (vec![row(0, 1, &planned)], &dry, "Plan"),
        (vec![row(0, 1, &failed)], &dry, "Would not be complete"),
        (vec![row(0, 1, &unproven)], &status, "State"),
        (vec![whole.clone()], &unread, "Not complete"),
        (vec![whole, row(1, 1, &failed)], &none, "Not complete"),
        (vec![], &none, "Nothing"),
    ] {
        let (html, verdict) = (of(&rows, change).to_html(), format!("<b>{word}</b>"));
        assert!(html.contains(&verdict), "{word}: {html}");
    }
}

#[test]
fn no_key_is_called_young_whose_age_is_not_known() {
    let changed = row(1, 1, &json!({"key_created_at": null}));
    let unread = row(2, 1, &json!({"key_created_at": null, "key_id": KEY_1}));
    let none = "<b class=\"good\">None</b> is as old as 365 days.";
    let meanwhile = "Of 1 cluster the key was changed meanwhile";
    let known = row(0, 1, &json!({}));
    for (rows, said) in [
        (vec![known.clone()], vec![none]),
        (
            vec![known, changed.clone()],
            vec!["None whose age is known is as old as 365 days.", meanwhile],
        ),
        (
            vec![changed, unread],
            vec![
                "Whether one is as old as 365 days is not known.",
                meanwhile,
                "Of 1 cluster it is not known.",
            ],
        ),
    ] {
        let html = of(&rows, &json!({})).to_html();
        assert!(said.iter().all(|said| html.contains(said)), "{said:?}: {html}");
        assert_eq!(html.contains(none), said == [none]);
    }
}

#[test]
fn which_keys_may_go_is_told_with_what_was_not_asked() {
    let other = json!({"removable_keys": [KEY_2]});
    let both: Vec<Value> =
        (0..7).map(|number| row(number, 1, &json!({"removable_keys": [KEY_1]}))).collect();
    let all = [both, vec![row(7, 1, &other)]].concat();
    let html = of(&all, &json!({"removable_keys": [KEY_1]})).to_html();
    assert!(html.contains("ask <code>check_action</code> before a key is deleted"), "{html}");
    assert!(html.contains("cluster-4</code> and 2 more"), "{html}");
    assert!(html.contains("1 key is no longer needed by one cluster, which another one may need"));
    let unread = json!([{"resource": "/subscriptions/s", "code": "forbidden", "message": "no"}]);
    let html = of(&all, &json!({"unreadable": unread})).to_html();
    assert!(html.contains("what could not be read may need any key"), "{html}");
}

#[test]
fn a_thousand_clusters_have_a_row_each_and_many_waves_a_picture_of_a_page() {
    let rows: Vec<Value> = (0..1_000).map(|number| row(number, number + 1, &json!({}))).collect();
    let report = of(&rows, &json!({}));
    let html = report.to_html();
    assert_eq!(html.matches("data-label=\"Cluster\"").count(), 1_000);
    assert_eq!(html.matches("class=\"bar good\"").count(), 40);
    assert!(html.contains("Waves 40 to 1000, 961 clusters: 961 done"), "the rest together");
    let json = html.split("<pre id=\"json\">").nth(1).unwrap().split("</pre>").next().unwrap();
    assert_eq!(serde_json::from_str::<FleetReport>(json).unwrap(), report);
    assert!(html.contains(&super::sha256(json)));
}
