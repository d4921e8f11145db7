//! What others notice of the gentle pace, and whether it is still faster than kubectl.

use aks_kms_bench::{
    cluster::Cluster,
    load::Secrets,
    outcome::{Bar, Outcome},
    reencrypt::Pace,
};

use crate::{Bench, Result, run::Client};

const SECRETS: Secrets = Secrets { namespaces: 20, each: 500 };
/// The slowest of a hundred reads may take so many times as long as before, or [`LONGER_MS`] more.
const TIMES: f64 = 1.5;
const LONGER_MS: f64 = 10.0;

pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    let cluster = Cluster::start(SECRETS).await?;
    let gentle = Client::Ours(Pace::Gentle).rewrite(&cluster, 0).await?;
    let kubectl = Client::REPLACE.rewrite(&cluster, 0).await?;
    let times = kubectl.seconds / gentle.seconds;
    let (Some(before), Some(meanwhile)) = (gentle.reads_before, gentle.reads_meanwhile) else {
        return Err("nobody read meanwhile".into());
    };
    bench.row(gentle)?;
    bench.row(kubectl)?;
    let most = (before.p99_ms * TIMES).max(before.p99_ms + LONGER_MS);
    let what = "gentle: p99 of another client's reads, ms";
    bench.outcome(Outcome::new(what, meanwhile.p99_ms, Bar::AtMost(most)))?;
    bench.outcome(Outcome::new("gentle: times as fast as kubectl", times, Bar::AtLeast(1.0)))
}
