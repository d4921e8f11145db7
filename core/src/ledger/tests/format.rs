use super::*;
use crate::{
    error::ErrorKind,
    ids::VaultId,
    options::{Enable, ReencryptSecrets, Rotate},
    report::KmsConfiguration,
    testing::{Seen, Target},
};

fn full() -> Record {
    let rotate = Rotate {
        key_id: None,
        network_mode: Some(NetworkMode::Private),
        key_vault_id: Some(
            VaultId::parse("/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop-keys").unwrap(),
        ),
        reencrypt: true,
        made: false,
    };
    let on = |number| {
        KmsChange::On(KmsConfiguration {
            key_id: key_id(number),
            network_mode: NetworkMode::Public,
            key_vault_id: None,
        })
    };
    Record {
        cluster: marks("a"),
        ledger: Ledger {
            current: Some(Entry {
                network_mode: Some(NetworkMode::Public),
                given_up: vec!["shop/old".to_owned()],
                ..proven(2)
            }),
            pending: Some(Entry { since: None, ..entry(3) }),
            previous: Some(Entry {
                evidence: Some(Evidence::MetricsUnnamed),
                key_id_hash_seen: Some("sha256:ab".to_owned()),
                key_id_hash_since: Some(NOW),
                ..proven(1)
            }),
            retired: vec![Entry { abandoned: true, ..entry(4) }],
            previous_uncertain: true,
            unknown_key: Some(Slot::Current),
        },
        operation: Some(Operation {
            intent: Intent::Rotate(rotate),
            before: on(2),
            target: Some(on(3)),
            newest_version: Some(key_id(2)),
            ..operation()
        }),
    }
}

#[test]
fn the_format_is_this_one() {
    let text = full().render().unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!("record", serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn what_is_rendered_reads_back() {
    let target = KmsConfiguration {
        key_id: key_id(3),
        network_mode: NetworkMode::Public,
        key_vault_id: None,
    };
    let intents = [
        Intent::Enable(Enable { target, reencrypt: false }),
        Intent::Disable(Disable { reencrypt: true }),
        Intent::ReencryptSecrets(ReencryptSecrets { namespaces: Some(vec!["shop".to_owned()]) }),
    ];
    let of = |intent| Record { operation: Some(Operation { intent, ..operation() }), ..settled() };
    for record in [full(), settled()].into_iter().chain(intents.map(of)) {
        assert_eq!(Record::parse(&record.render().unwrap()).unwrap(), record);
    }
}

#[test]
fn what_a_later_version_of_this_format_adds_is_not_in_the_way() {
    let text = settled().render().unwrap().replacen('{', r#"{"note":"new","#, 1);
    assert_eq!(Record::parse(&text).unwrap(), settled());
}

#[test]
fn an_unknown_format_or_no_record_is_refused_and_the_way_out_named() {
    let newer = settled().render().unwrap().replace("\"format\":1", "\"format\":2");
    for text in [newer.as_str(), "{}", "", "null", r#"{"format":1}"#, r#"{"format":"1"}"#] {
        let error = Record::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{text}");
        assert!(error.to_string().contains("delete the ConfigMap"), "{error}");
    }
}

#[test]
fn fuzz_records() {
    let rendered = [full(), settled(), Record { operation: Some(operation()), ..settled() }]
        .map(|record| record.render().unwrap().into_bytes());
    let target = Target { name: "records", documents: rendered.to_vec(), read: 15, hidden: &[] };
    target.run(|input| {
        let parsed = Record::parse(&String::from_utf8_lossy(input));
        if let Ok(record) = &parsed {
            let text = record.render().unwrap();
            let again = Record::parse(&text).unwrap();
            let kept = Record { ledger: record.ledger.bounded(), ..record.clone() };
            assert_eq!(again, kept);
            assert_eq!(again.render().unwrap(), text);
            // What somebody wrote there goes the whole way.
            let _ = (record.keys(), record.hashes_seen());
            if let Some(operation) = &record.operation {
                let shown = format!("{:?}", operation.in_progress());
                assert!(!shown.contains(char::is_control), "{shown}");
            }
            for number in 0..3 {
                let _ = Reconciled::new(Some(record.clone()), &seen(number, "a"));
                let _ = Reconciled::unsealed(Some(record), &seen(number, "b"));
            }
        }
        Seen::of(parsed)
    });
}

#[test]
fn the_record_does_not_grow_without_end() {
    let mut record = settled();
    record.ledger.retired = (0..200)
        .map(|number| Entry { abandoned: number == 150, ..entry(100 + number % 100) })
        .collect();
    let kept = Record::parse(&record.render().unwrap()).unwrap();
    assert_eq!(kept.ledger.retired.len(), 51);
    assert_eq!(kept.ledger.retired[..50], record.ledger.retired[..50], "the newest stay");
    assert!(kept.ledger.retired[50].abandoned, "its request may still be under way");
}

#[test]
fn a_name_of_somebody_is_shown_on_one_line() {
    let by = format!("x\u{1b}[2J\r\nSUCCESS\u{202e}{}", "y".repeat(1000));
    let shown = Operation { by, ..operation() }.in_progress().by;
    assert!(shown.starts_with("x [2J SUCCESSyyy") && shown.chars().count() < 250, "{shown}");
}
