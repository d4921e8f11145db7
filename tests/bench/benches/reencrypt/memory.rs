//! Memory and rate up to a million secrets, on the embedded API server.

use aks_kms_bench::{
    cluster::{kubeconfig, left, target, world},
    load::Secrets,
    outcome::{Bar, Outcome},
    process::Usage,
    record::Row,
    reencrypt::{Order, Pace},
    statistics::rate,
};
use aks_kms_simulator::{Options, Simulator, given::Backend};

use crate::{
    Bench, Result,
    run::{ours, per},
};

const MIB: f64 = 1024.0 * 1024.0;
/// MiB that the client may have resident.
const MOST: f64 = 40.0;
/// MiB that the client may have more of for more secrets, beyond [`BYTES_PER_SECRET`].
const MORE: f64 = 4.0;
const BYTES_PER_SECRET: usize = 8;

pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    let mut peaks: Vec<(usize, f64)> = Vec::new();
    for secrets in bench.arguments.embedded_secrets.clone() {
        let row = rewrite(Secrets { namespaces: 20, each: secrets / 20 }).await?;
        let peak = per(row.client_peak_bytes, 1) / MIB;
        peaks.push((row.secrets, peak));
        let outcomes = [
            Outcome::new(
                format!("{secrets} secrets: peak memory of the client, MiB"),
                peak,
                Bar::AtMost(MOST),
            ),
            Outcome::new(
                format!("{secrets} secrets: left under the old key"),
                per(row.left, 1),
                Bar::AtMost(0.0),
            ),
        ];
        bench.row(row)?;
        for outcome in outcomes {
            bench.outcome(outcome)?;
        }
    }
    let (Some(&(few, least)), Some(&(many, most))) = (peaks.first(), peaks.last()) else {
        return Ok(());
    };
    let kept = per(BYTES_PER_SECRET * (many - few), 1) / MIB;
    let what = format!(
        "{many} secrets rather than {few}: more memory of the client beyond {BYTES_PER_SECRET} \
         bytes a secret, MiB"
    );
    bench.outcome(Outcome::new(what, most - least - kept, Bar::AtMost(MORE)))
}

async fn rewrite(secrets: Secrets) -> Result<Row> {
    let simulator = Simulator::start(Options::default()).await?;
    let case = simulator.put_case(world(secrets, Backend::Embedded)).await?;
    let target = target(&*simulator.kubernetes(&case.id)?);
    let folder = tempfile::tempdir()?;
    let before = Usage::here()?.cpu;
    let done = ours(&Order {
        case: case.clone(),
        kubeconfig: kubeconfig(folder.path(), &target, &target.address)?,
        pace: Pace::Fast,
        max_requests_per_second: None,
    })
    .await?;
    let used = Usage::here()?.cpu.saturating_sub(before);
    Ok(Row {
        client: "ours, fast".to_owned(),
        backend: "embedded",
        secrets: secrets.total(),
        seconds: done.seconds,
        rewriting_seconds: Some(done.rewriting_seconds),
        per_second: rate(secrets.total(), done.seconds),
        requests_per_secret: per(done.requests, secrets.total()),
        client_cpu_seconds: done.cpu,
        client_peak_bytes: done.peak,
        api_server_cpu_seconds: used.as_secs_f64(),
        left: left(&simulator, &case).await?,
        ..Row::default()
    })
}
