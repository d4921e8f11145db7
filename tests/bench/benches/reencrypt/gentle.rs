//! What others notice of the gentle pace, and whether it is still faster than kubectl.

use aks_kms_bench::{
    cluster::Cluster,
    load::Secrets,
    outcome::{Bar, Outcome},
    reencrypt::Pace,
    statistics::median,
};

use crate::{Bench, Result, run::Client};

const SECRETS: Secrets = Secrets { namespaces: 20, each: 500 };
/// The slowest of a hundred reads may take so many times as long as before, or [`LONGER_MS`] more.
const TIMES: f64 = 1.5;
const LONGER_MS: f64 = 10.0;

/// Runs of which the median counts: one slow read in a hundred is soon there by chance.
const RUNS: usize = 3;

pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    let cluster = Cluster::start(SECRETS).await?;
    let (mut before, mut meanwhile, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let row = Client::Ours(Pace::Gentle).rewrite(&cluster, 0).await?;
        before.extend(row.reads_before.map(|reads| reads.p99_ms));
        meanwhile.extend(row.reads_meanwhile.map(|reads| reads.p99_ms));
        seconds.push(row.seconds);
        bench.row(row)?;
    }
    let kubectl = Client::REPLACE.rewrite(&cluster, 0).await?;
    let times = kubectl.seconds / median(&seconds);
    bench.row(kubectl)?;
    let before = median(&before);
    let most = (before * TIMES).max(before + LONGER_MS);
    let what = "gentle: p99 of another client's reads, ms";
    bench.outcome(Outcome::new(what, median(&meanwhile), Bar::AtMost(most)))?;
    bench.outcome(Outcome::new("gentle: times as fast as kubectl", times, Bar::AtLeast(1.0)))
}
