//! Looks for sequences that do not come out safe, many at the same time, and makes those that it
//! finds as short as it can.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use proptest::strategy::{Strategy, ValueTree};
use tokio::task::JoinSet;

use crate::{
    common::random::runner,
    region::Region,
    run::{Violation, run},
    sequence::Sequence,
    strategy::sequences,
};

/// Steps of a sequence at most.
const STEPS: usize = 10;
/// What depends on the moment shows itself in one of so many runs.
const TRIES: usize = 3;
/// How long a sequence is made shorter.
const SHRINKING: Duration = Duration::from_secs(90);

/// What is looked for, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of the first sequence; the next one has the next seed.
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    pub(crate) sequences: u64,
    pub(crate) at_once: u64,
}

/// How it goes.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    ended: AtomicU64,
    steps: AtomicU64,
    found: Mutex<Vec<(u64, Violation)>>,
}

/// Runs sequences until time or number is up.
pub(crate) async fn search(limits: Limits) {
    eprintln!("AKS_KMS_MODEL_SEED={}", limits.seed);
    let panics = count_panics();
    let region = Arc::new(Region::start().await);
    let progress = Arc::new(Progress::default());
    let until = Instant::now() + limits.time;
    let mut workers = JoinSet::new();
    for _ in 0..limits.at_once {
        let (region, progress) = (Arc::clone(&region), Arc::clone(&progress));
        workers.spawn(async move {
            while Instant::now() < until {
                let number = progress.begun.fetch_add(1, Ordering::Relaxed);
                if number >= limits.sequences {
                    return;
                }
                one(&region, &progress, limits.seed.wrapping_add(number)).await;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    let (ended, steps) = (&progress.ended, &progress.steps);
    eprintln!(
        "{} sequences, {} steps, {} violations, from AKS_KMS_MODEL_SEED={}",
        ended.load(Ordering::Relaxed),
        steps.load(Ordering::Relaxed),
        progress.found.lock().unwrap().len(),
        limits.seed
    );
    eprintln!("{:#?}", region.seen());
    let first = progress.found.lock().unwrap().first().cloned();
    if let Some((seed, violation)) = first {
        let (violation, shortest) = shrink(&region, seed, violation).await;
        panic!("AKS_KMS_MODEL_SEED={seed}: {}", shown(&violation, &shortest));
    }
    let panics = panics.lock().unwrap();
    assert!(panics.is_empty(), "{panics:#?}");
    assert!(ended.load(Ordering::Relaxed) > 0, "no sequence was run");
}

/// Runs the sequence of a seed.
async fn one(region: &Arc<Region>, progress: &Progress, seed: u64) {
    let sequence = tree(seed).current();
    let outcome = run(region, &sequence).await;
    let count = u64::try_from(sequence.steps.len()).unwrap();
    progress.steps.fetch_add(count, Ordering::Relaxed);
    progress.ended.fetch_add(1, Ordering::Relaxed);
    let Err(violation) = outcome else { return };
    eprintln!("AKS_KMS_MODEL_SEED={seed}: {}", shown(&violation, &sequence));
    progress.found.lock().unwrap().push((seed, violation));
}

fn tree(seed: u64) -> impl ValueTree<Value = Sequence> {
    sequences(STEPS).new_tree(&mut runner(seed)).unwrap()
}

/// The simplest sequence that fails, of those that proptest leads to.
async fn shrink(region: &Arc<Region>, seed: u64, first: Violation) -> (Violation, Sequence) {
    let until = Instant::now() + SHRINKING;
    let mut tree = tree(seed);
    let mut best = (first, tree.current());
    let mut smaller = tree.simplify();
    while smaller && Instant::now() < until {
        let sequence = tree.current();
        match fails(region, &sequence).await {
            Some(violation) => {
                best = (violation, sequence);
                smaller = tree.simplify();
            }
            None => smaller = tree.complicate(),
        }
    }
    best
}

/// What is wrong with a sequence, in the first of a few runs that shows it.
async fn fails(region: &Arc<Region>, sequence: &Sequence) -> Option<Violation> {
    for _ in 0..TRIES {
        if let Err(violation) = run(region, sequence).await {
            return Some(violation);
        }
    }
    None
}

/// The violation, and the sequence as a row of the regressions.
fn shown(violation: &Violation, sequence: &Sequence) -> String {
    let Violation { step, what } = violation;
    let place = step.map_or_else(|| "in the end".to_owned(), |step| format!("after step {step}"));
    let Sequence { start, steps } = sequence;
    format!("{place}: {what}\nRegression {{ name: \"\", start: {start:?}, steps: &{steps:#?} }}")
}

/// Panics of this process so far: library and simulator run in it.
fn count_panics() -> Arc<Mutex<Vec<String>>> {
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&panics);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        seen.lock().unwrap().push(info.to_string());
        usual(info);
    }));
    panics
}
