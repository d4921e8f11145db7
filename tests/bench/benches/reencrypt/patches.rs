//! The patches alone, beside a load program that sends the same and does nothing else, with as
//! many connections as serve it best.

use aks_kms_bench::{
    cluster::Cluster,
    load::{Secrets, Work},
    outcome::{Bar, Outcome},
    reencrypt::{Order, Pace},
    statistics::{median, rate},
};

use crate::{
    Bench, Result,
    run::{bare, ours},
    say,
};

/// Secrets that are patched in each run.
const SECRETS: Secrets = Secrets { namespaces: 20, each: 500 };
/// Connections that are tried.
const TRIED: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// Secrets that are patched to try one number.
const TRIAL: usize = 2_500;
/// Ours, as a part of the bare rate.
const BAR: f64 = 0.85;

pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    let cluster = Cluster::start(SECRETS).await?;
    let concurrency = best_concurrency(&cluster).await?;
    let order = Order {
        case: cluster.case().clone(),
        kubeconfig: cluster.kubeconfig(None)?,
        pace: Pace::Fast,
        max_requests_per_second: None,
    };
    let mut parts = Vec::new();
    for _ in 0..bench.arguments.runs {
        cluster.make_stale().await?;
        let done = ours(&order).await?;
        let ours = rate(done.total, done.rewriting_seconds);
        cluster.make_stale().await?;
        let count = SECRETS.total();
        let work = Work::Patches { secrets: SECRETS, from: 0, count, concurrency };
        let done = bare(cluster.target(), work).await?;
        let bare = rate(done.objects, done.seconds);
        say(format!("patches/s: ours {ours:.0}, bare {bare:.0}: {:.3}", ours / bare));
        parts.push(ours / bare);
    }
    let what = "rate of patches, as a part of the bare rate";
    bench.outcome(Outcome::new(what, median(&parts), Bar::AtLeast(BAR)))
}

/// The number of connections with which the bare patches of stale secrets are the fastest.
async fn best_concurrency(cluster: &Cluster) -> Result<usize> {
    let mut best = (1, 0.0);
    let mut from = SECRETS.total();
    for concurrency in TRIED {
        if from + TRIAL > SECRETS.total() {
            cluster.make_stale().await?;
            from = 0;
        }
        let work = Work::Patches { secrets: SECRETS, from, count: TRIAL, concurrency };
        let done = bare(cluster.target(), work).await?;
        let rate = rate(done.objects, done.seconds);
        say(format!("bare patches with {concurrency} connections: {rate:.0}/s"));
        if rate > best.1 {
            best = (concurrency, rate);
        }
        from += TRIAL;
    }
    Ok(best.0)
}
