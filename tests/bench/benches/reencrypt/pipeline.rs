//! From the first list to the proof, beside the documented pipeline and the clever shell user's
//! way.

use aks_kms_bench::{
    cluster::Cluster,
    load::Secrets,
    outcome::{Bar, Outcome},
    reencrypt::Pace,
};

use crate::{Bench, Result, run::Client};

/// kubectl once for each secret takes so long that it is measured up to this many only.
const FEW: usize = 1_000;
/// As many secrets as the bars are for.
const MANY: usize = 10_000;

/// How many times as fast as the documented pipeline the library must be.
const fn bar(round_trip_ms: u64) -> Option<f64> {
    match round_trip_ms {
        0 => Some(2.5),
        20 => Some(25.0),
        _ => None,
    }
}

pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    for secrets in bench.arguments.secrets.clone() {
        let cluster = Cluster::start(Secrets { namespaces: 20, each: secrets / 20 }).await?;
        for round_trip_ms in bench.arguments.round_trips.clone() {
            let ours = Client::Ours(Pace::Fast).rewrite(&cluster, round_trip_ms).await?;
            let replace = Client::REPLACE.rewrite(&cluster, round_trip_ms).await?;
            let times = replace.seconds / ours.seconds;
            let left = ours.left;
            bench.row(ours)?;
            bench.row(replace)?;
            if secrets <= FEW {
                bench.row(Client::PATCH.rewrite(&cluster, round_trip_ms).await?)?;
            }
            let what = format!("{secrets} secrets, {round_trip_ms} ms: times as fast as kubectl");
            if let (Some(bar), true) = (bar(round_trip_ms), secrets >= MANY) {
                bench.outcome(Outcome::new(what, times, Bar::AtLeast(bar)))?;
            }
            let what = format!("{secrets} secrets, {round_trip_ms} ms: left under the old key");
            bench.outcome(Outcome::new(what, crate::run::per(left, 1), Bar::AtMost(0.0)))?;
        }
    }
    Ok(())
}
