use proptest::prelude::*;

use super::*;
use crate::testing::{Seen, Target};

const CURRENT: &str = r#"# HELP apiserver_envelope_encryption_key_id_hash_total [ALPHA] Number of times a keyID is used.
# TYPE apiserver_envelope_encryption_key_id_hash_total counter
apiserver_envelope_encryption_key_id_hash_total{apiserver_id_hash="sha256:aa",key_id_hash="sha256:k1",provider_name="akv",transformation_type="from_storage"} 12
apiserver_envelope_encryption_key_id_hash_total{apiserver_id_hash="sha256:aa",key_id_hash="sha256:k1",provider_name="akv",transformation_type="to_storage"} 3
apiserver_envelope_encryption_key_id_hash_total{apiserver_id_hash="sha256:aa",key_id_hash="sha256:k2",provider_name="akv",transformation_type="to_storage"} 1.234567e+06
apiserver_envelope_encryption_key_id_hash_total{apiserver_id_hash="sha256:aa",key_id_hash="sha256:k2",provider_name="akv2",transformation_type="to_storage"} 1
apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{apiserver_id_hash="sha256:aa",key_id_hash="sha256:k3",provider_name="akv"} 1.7e+09
apiserver_resource_objects{group="",resource="secrets"} 500
apiserver_resource_objects{group="example.com",resource="secrets"} 7
apiserver_resource_size_estimate_bytes{group="",resource="secrets"} 1.5e+06
apiserver_storage_transformation_operations_total{resource="configmaps",status="OK",transformation_type="to_storage",transformer_prefix="k8s:enc:aescbc:v1:x:"} 4
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="from_storage",transformer_prefix="identity"} 9
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix=""} 2
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix="k8s:enc:kms:v2:akv:"} 5
apiserver_storage_transformation_operations_total{resource="secrets",status="Unavailable",transformation_type="to_storage",transformer_prefix="k8s:enc:kms:v2:akv:"} 6
process_start_time_seconds 1.76395531438e+09
"#;

fn parse(text: &[u8]) -> ServerMetrics {
    let mut parser = MetricsParser::default();
    parser.push(text);
    parser.finish()
}

fn entries(map: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    map.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}

#[test]
fn the_lines_that_matter_are_read() {
    let metrics = parse(CURRENT.as_bytes());
    assert_eq!(metrics.process_start_time_seconds, Some(1_763_955_314.38));
    assert_eq!(metrics.apiserver_id_hash.as_deref(), Some("sha256:aa"));
    assert_eq!(
        entries(&metrics.to_storage_by_key_hash),
        [("sha256:k1", 3), ("sha256:k2", 1_234_568)]
    );
    assert_eq!(entries(&metrics.to_storage_by_prefix), [("", 2), ("k8s:enc:kms:v2:akv:", 5)]);
    let pair = |provider: &str, hash: &str| (provider.to_owned(), hash.to_owned());
    assert_eq!(metrics.named_by_plugins, [(pair("akv", "sha256:k3"), 1.7e9)].into());
    assert!(metrics.writing_providers.contains(&pair("akv2", "sha256:k2")));
    assert_eq!(metrics.writing_providers.len(), 3);
    assert!(metrics.has_transformation_series);
    assert_eq!(metrics.mean_secret_bytes(), Some(3000));
}

#[test]
fn older_servers_do_not_tell_resources_apart() {
    let text = r#"apiserver_storage_transformation_operations_total{status="OK",transformation_type="to_storage",transformer_prefix="k8s:enc:kms:v1:akv:"} 7
apiserver_storage_objects{resource="secrets"} 500
process_start_time_seconds 1.7e+09"#;
    let metrics = parse(text.as_bytes());
    assert_eq!(entries(&metrics.to_storage_by_prefix), [("k8s:enc:kms:v1:akv:", 7)]);
    assert_eq!(metrics.apiserver_id_hash, None);
    assert_eq!(metrics.mean_secret_bytes(), None);
    assert!(metrics.process_start_time_seconds.is_some(), "the last line has no end");
}

#[test]
fn a_server_without_encryption_has_no_series() {
    let metrics = parse(
        b"process_start_time_seconds 1.7e+09\napiserver_storage_objects{resource=\"secrets\"} -1\n",
    );
    assert!(!metrics.has_transformation_series && metrics.to_storage_by_prefix.is_empty());
    assert!(metrics.shows_no_encryption());
}

#[test]
fn what_is_not_shown_is_not_there_only_in_whole_metrics() {
    let objects = "apiserver_resource_objects{group=\"\",resource=\"pods\"} 3\n";
    let began = "process_start_time_seconds 1.7e+09\n";
    let status = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{key_id_hash=\"sha256:k3\"} 1.7e+09\n";
    let older = "etcd_object_counts{resource=\"pods\"} 3\n";
    let cases = [
        (vec![objects, began], true),
        (vec![older, began], true),
        (vec![began], false),
        (vec![objects], false),
        (vec![objects, began, status], false),
    ];
    for (lines, expected) in cases {
        assert_eq!(parse(lines.concat().as_bytes()).shows_no_encryption(), expected, "{lines:?}");
    }
}

#[test]
fn the_age_of_a_process_is_told_by_its_own_clock_alone() {
    let minute = Duration::from_secs(60);
    let aged = |answered_at, process_start_time_seconds| ServerMetrics {
        process_start_time_seconds,
        answered_at,
        ..ServerMetrics::default()
    };
    assert!(aged(Some(1_061.0), Some(1_000.0)).is_older_than(minute));
    assert!(!aged(Some(1_060.5), Some(1_000.0)).is_older_than(minute), "it is cut to seconds");
    assert!(!aged(None, Some(1_000.0)).is_older_than(minute));
    assert!(!aged(Some(1_061.0), None).is_older_than(minute));
}

#[test]
fn sizes_that_could_not_be_estimated_are_none() {
    let text = "apiserver_resource_size_estimate_bytes{group=\"\",resource=\"secrets\"} -1\napiserver_resource_objects{group=\"\",resource=\"secrets\"} 5\n";
    assert_eq!(parse(text.as_bytes()).mean_secret_bytes(), None);
}

#[test]
fn labels_are_unescaped_and_time_stamps_passed_over() {
    let sample = Sample::parse(r#"{ a="x\"y\\z\n}" , b="",} 5 1395066363000"#).unwrap();
    assert_eq!(sample.label("a"), Some("x\"y\\z\n}"));
    assert_eq!(sample.label("b"), Some(""));
    assert!((sample.value - 5.0).abs() < f64::EPSILON);
}

#[test]
fn lines_out_of_proportion_are_passed_over() {
    let mut text = vec![b'x'; LONGEST_LINE * 3];
    text.extend_from_slice(b"\nprocess_start_time_seconds 5\n");
    let mut parser = MetricsParser::default();
    for part in text.chunks(1000) {
        parser.push(part);
        assert!(parser.partial.len() <= LONGEST_LINE);
    }
    assert_eq!(parser.finish().process_start_time_seconds, Some(5.0));

    // Whole in one part it is as long.
    let long = format!("process_start_time_seconds{} 5\n", " ".repeat(LONGEST_LINE));
    assert_eq!(parse(long.as_bytes()).process_start_time_seconds, None);
}

#[test]
fn counters_that_are_none_are_passed_over() {
    for value in ["NaN", "-1", "+Inf", "1e300", "x", ""] {
        let line = format!(
            "apiserver_envelope_encryption_key_id_hash_total{{key_id_hash=\"k\",transformation_type=\"to_storage\"}} {value}\n"
        );
        assert!(parse(line.as_bytes()).to_storage_by_key_hash.is_empty(), "{value}");
    }
}

#[test]
fn counters_that_no_number_holds_together_are_as_large_as_any() {
    let line = |name: &str, label: &str| {
        format!(
            "{name}{{{label}=\"k\",status=\"OK\",transformation_type=\"to_storage\"}} 9007199254740992\n"
        )
    };
    let uses = line("apiserver_envelope_encryption_key_id_hash_total", "key_id_hash");
    let writes = line("apiserver_storage_transformation_operations_total", "transformer_prefix");
    let metrics = parse((uses + &writes).repeat(3_000).as_bytes());
    assert_eq!(entries(&metrics.to_storage_by_key_hash), [("k", u64::MAX)]);
    assert_eq!(entries(&metrics.to_storage_by_prefix), [("k", u64::MAX)]);
}

#[test]
fn fuzz_metrics() {
    let first = CURRENT.lines().nth(2).unwrap();
    let documents =
        vec![CURRENT.into(), format!("{first}\nprocess_start_time_seconds 1.5\n").into()];
    let target = Target { name: "metrics", documents, read: 60, hidden: &[] };
    target.run(|input| {
        let metrics = parse(input);
        let mut parser = MetricsParser::default();
        input.chunks(7).for_each(|part| parser.push(part));
        // Not equal to itself where a number is none.
        assert_eq!(format!("{:?}", parser.finish()), format!("{metrics:?}"));
        let _ = (metrics.mean_secret_bytes(), metrics.is_older_than(Duration::from_secs(60)));
        let counts =
            metrics.to_storage_by_key_hash.values().chain(metrics.to_storage_by_prefix.values());
        assert_eq!(metrics.wrote_secrets(), counts.max().is_some_and(|most| *most > 0));
        Seen::found(metrics.process_start_time_seconds)
    });
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same(sizes in proptest::collection::vec(1..300_usize, 1..20)) {
        let mut parser = MetricsParser::default();
        let mut rest = CURRENT.as_bytes();
        for size in sizes.into_iter().cycle() {
            let (part, after) = rest.split_at(size.min(rest.len()));
            parser.push(part);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(parser.finish(), parse(CURRENT.as_bytes()));
    }

    #[test]
    fn no_sample_panics(text in "[{}=\",\\\\ a-z0-9é]{0,60}") {
        let line = format!("apiserver_storage_transformation_operations_total{text}");
        parse(line.as_bytes());
    }
}
