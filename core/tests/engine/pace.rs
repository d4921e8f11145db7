//! How fast it goes, and what it says about that.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aks_kms::{OnProgress, Pace, Phase, Progress, ReencryptOptions};
use serde_json::{Value, json};

use crate::world::{World, only, with_progress};

fn given(each: usize, latency: u64) -> Value {
    json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 1, "each": each, "under": "plaintext"},
        "faults": {"kubernetes_latency_ms": latency},
    })
}

type Seen = Arc<Mutex<Vec<(Instant, Progress)>>>;

fn recorder() -> (Seen, OnProgress) {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    (seen, Arc::new(move |now| record.lock().unwrap().push((Instant::now(), now))))
}

#[tokio::test(flavor = "multi_thread")]
async fn max_requests_per_second_is_kept() {
    let world = World::new(given(500, 1)).await;
    let (seen, on_progress) = recorder();
    let options = ReencryptOptions {
        pace: Pace::Fast,
        max_requests_per_second: Some(100),
        ..ReencryptOptions::default()
    };
    let pass =
        only(world.manager().reencrypt_secrets(with_progress(on_progress, options)).await.unwrap());
    assert_eq!(pass.counts.rewritten, 500, "{pass:#?}");
    let seen = seen.lock().unwrap();
    let begin = seen.iter().find(|(_, now)| now.phase == Phase::Reencrypt).unwrap().0;
    let rewriting = seen.iter().filter(|(_, now)| now.phase == Phase::Reencrypt);
    // at no time more than there may have been, from the beginning on
    for (at, now) in rewriting {
        let seconds = (*at - begin).as_secs_f64();
        let most = 100.0 * 1.02 * seconds + 3.0;
        assert!(f64::from(u32::try_from(now.done).unwrap()) <= most, "{} in {seconds} s", now.done);
    }
    // and hardly less: what is lost is the time from the last request to its answer
    assert!((90.0..=102.0).contains(&pass.secrets_per_second), "{}", pass.secrets_per_second);
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_are_in_flight_than_asked() {
    for pace in [Pace::Gentle, Pace::Fast] {
        // so slow that a busy machine makes little difference to the gentle pace
        let world = World::new(given(1_000, 50)).await;
        let options = ReencryptOptions { pace, max_concurrency: 20, ..ReencryptOptions::default() };
        let (_, on_progress) = recorder();
        let options = with_progress(on_progress, options);
        let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
        assert!(pass.complete, "{pass:#?}");
        let most = world.embedded.load().most_in_flight;
        // the operation's record has a Lease, which is renewed meanwhile
        assert!((15..=21).contains(&most), "{pace:?}: {most}");
    }
}

/// At the fast pace: the gentle one follows the latency, which no busy machine keeps constant.
/// On such a machine a run can be uneven by itself, so one of three must be right.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_tenth_of_the_run_on_what_progress_says_is_right() {
    let mut wrong = Vec::new();
    for _ in 0..3 {
        let error = worst_estimate().await;
        if error < 0.2 {
            return;
        }
        wrong.push(error);
    }
    panic!("{wrong:?}");
}

/// By how much, as a part of it, the remaining time was told wrong in nine of ten snapshots.
async fn worst_estimate() -> f64 {
    let each = 1_000;
    // so slow that the machine has little to do, whatever else it does
    let world = World::new(given(each, 50)).await;
    let (seen, on_progress) = recorder();
    let options =
        ReencryptOptions { pace: Pace::Fast, max_concurrency: 10, ..ReencryptOptions::default() };
    let options = with_progress(on_progress, options);
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    let seen = seen.lock().unwrap();
    let of_phase: Vec<_> =
        seen.iter().filter(|(_, now)| now.phase == Phase::Reencrypt && now.done > 0).collect();
    let end = of_phase.last().unwrap().0;
    let told: Vec<_> = of_phase
        .iter()
        .filter(|(_, now)| now.done >= each as u64 / 10 && now.done < each as u64 * 9 / 10)
        .collect();
    assert!(told.len() > 10, "{}", told.len());
    let mut errors = Vec::new();
    for (at, now) in told {
        assert_eq!(now.total, Some(each as u64));
        let left = (end - *at).as_secs_f64();
        errors.push((now.eta_seconds.unwrap() / left - 1.0).abs());
    }
    errors.sort_by(f64::total_cmp);
    errors[errors.len() * 9 / 10]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phase_of_proving_tells_its_progress_too() {
    let world = World::new(given(2_000, 0)).await;
    let (seen, on_progress) = recorder();
    let options = with_progress(on_progress, ReencryptOptions::default());
    world.manager().reencrypt_secrets(options).await.unwrap();
    let seen = seen.lock().unwrap();
    let last = seen.iter().rev().find(|(_, now)| now.phase == Phase::Verify && !now.finished);
    assert!(last.is_some_and(|(_, now)| now.total == Some(2_001)), "{last:?}");
    let done = seen.iter().rev().find(|(_, now)| now.phase == Phase::Verify).unwrap().1.done;
    assert!(done >= 2_000, "{done}");
}

/// The client must not be the slow one: a thousand secrets behind a slow network.
#[tokio::test(flavor = "multi_thread")]
async fn latency_is_hidden_by_concurrency() {
    let world = World::new(given(1_000, 20)).await;
    let began = Instant::now();
    let options = ReencryptOptions { pace: Pace::Fast, ..ReencryptOptions::default() };
    let (_, on_progress) = recorder();
    let pass =
        only(world.manager().reencrypt_secrets(with_progress(on_progress, options)).await.unwrap());
    assert!(pass.complete);
    assert!(began.elapsed() < Duration::from_secs(10), "one by one they take twenty seconds");
}
