//! Whether a limit on requests a second is kept.

use aks_kms_bench::{
    cluster::{kubeconfig, target, world},
    load::Secrets,
    outcome::{Bar, Outcome},
    reencrypt::{Order, Pace},
};
use aks_kms_simulator::{Options, Simulator, given::Backend};

use crate::{Bench, Result, run::ours, say};

/// Requests a second, and secrets that take about ten seconds.
const LIMITS: [(u32, usize); 3] = [(50, 500), (500, 5_000), (3_000, 30_000)];
/// How far from it is near enough.
const NEAR: f64 = 0.02;

pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    for (limit, secrets) in LIMITS {
        let simulator = Simulator::start(Options::default()).await?;
        let secrets = Secrets { namespaces: 10, each: secrets / 10 };
        let case = simulator.put_case(world(secrets, Backend::Embedded)).await?;
        let target = target(&*simulator.kubernetes(&case.id)?);
        let folder = tempfile::tempdir()?;
        let done = ours(&Order {
            case,
            kubeconfig: kubeconfig(folder.path(), &target, &target.address)?,
            pace: Pace::Fast,
            max_requests_per_second: Some(limit),
        })
        .await?;
        let kept = done.patches_per_second;
        say(format!("at most {limit} requests a second: {kept:.1} patches a second"));
        let what = format!("at most {limit} requests a second: off by");
        let off = (kept / f64::from(limit) - 1.0).abs();
        bench.outcome(Outcome::new(what, off, Bar::AtMost(NEAR)))?;
    }
    Ok(())
}
