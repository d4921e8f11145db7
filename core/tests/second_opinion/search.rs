//! Looks at worlds, many at the same time, and makes those on which both sides disagree as small as it can.

use std::{
    collections::BTreeMap,
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
    compare::agree,
    region::Region,
    shape::{Shape, shapes},
};

/// Disagreements that are made smaller and told.
const TOLD: usize = 14;

/// Which worlds are looked at, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of the first world; the next one has the next seed.
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    pub(crate) worlds: u64,
    pub(crate) at_once: u64,
}

/// How it goes.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    ended: AtomicU64,
    found: Mutex<BTreeMap<u64, String>>,
}

/// Looks at worlds until time or number is up.
pub(crate) async fn search(limits: Limits) {
    eprintln!("AKS_KMS_WORLDS_SEED={}", limits.seed);
    let region = Arc::new(Region::start().await);
    let progress = Arc::new(Progress::default());
    let until = Instant::now() + limits.time;
    let mut workers = JoinSet::new();
    for _ in 0..limits.at_once {
        let (region, progress) = (Arc::clone(&region), Arc::clone(&progress));
        workers.spawn(async move {
            while Instant::now() < until {
                let number = progress.begun.fetch_add(1, Ordering::Relaxed);
                if number >= limits.worlds {
                    return;
                }
                let seed = limits.seed.wrapping_add(number);
                let shape = tree(seed).current();
                if let Err(what) = agree(&region, &shape).await {
                    progress.found.lock().unwrap().insert(seed, what);
                }
                progress.ended.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    let found = progress.found.lock().unwrap().clone();
    let ended = progress.ended.load(Ordering::Relaxed);
    eprintln!("{:#?}\n{}", region.seen(), region.absences());
    eprintln!(
        "{ended} worlds, {} disagreements, from AKS_KMS_WORLDS_SEED={}",
        found.len(),
        limits.seed
    );
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for what in found.values() {
        *kinds.entry(what.lines().next().unwrap_or_default()).or_default() += 1;
    }
    eprintln!("{kinds:#?}");
    let mut told = Vec::new();
    let mut smallest: Vec<Shape> = Vec::new();
    for (seed, what) in &found {
        if smallest.len() >= TOLD {
            break;
        }
        let (shape, what) = Box::pin(shrink(&region, *seed, what.clone())).await;
        if !smallest.contains(&shape) {
            told.push(format!("AKS_KMS_WORLDS_SEED={seed}: {what}\n{shape:?}"));
            smallest.push(shape);
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n\n"));
    assert!(ended > 0, "no world was looked at");
}

fn tree(seed: u64) -> impl ValueTree<Value = Shape> {
    shapes().new_tree(&mut runner(seed)).unwrap()
}

/// The smallest world on which they disagree, of those that proptest leads to.
async fn shrink(region: &Arc<Region>, seed: u64, what: String) -> (Shape, String) {
    let mut tree = tree(seed);
    let mut best = (tree.current(), what);
    let mut smaller = tree.simplify();
    while smaller {
        let shape = tree.current();
        match agree(region, &shape).await {
            Err(what) => {
                best = (shape, what);
                smaller = tree.simplify();
            }
            Ok(()) => smaller = tree.complicate(),
        }
    }
    best
}
