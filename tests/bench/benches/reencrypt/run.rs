//! One run of one client on a real cluster, with all that is noted of it.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use aks_kms_bench::{
    child,
    cluster::Cluster,
    delay::Delay,
    load,
    probe::Probe,
    record::Row,
    reencrypt::{Done, Order, Pace},
    shell,
    statistics::{Latency, rate},
    target::Target,
};

use crate::Result;

/// How long another client's reads are watched before a run.
const BEFORE: Duration = Duration::from_secs(8);

/// Who rewrites the secrets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    /// The library.
    Ours(Pace),
    /// A script with kubectl.
    Shell(&'static str, &'static str),
}

impl Client {
    pub(crate) const REPLACE: Self = Self::Shell("kubectl get | replace", shell::REPLACE);
    pub(crate) const PATCH: Self = Self::Shell("kubectl patch, 16", shell::PATCH);

    fn name(self) -> String {
        match self {
            Self::Ours(Pace::Fast) => "ours, fast".to_owned(),
            Self::Ours(Pace::Gentle) => "ours, gentle".to_owned(),
            Self::Shell(name, _) => name.to_owned(),
        }
    }

    /// Rewrites every secret of a cluster, all of which are stale before.
    pub(crate) async fn rewrite(self, cluster: &Cluster, round_trip_ms: u64) -> Result<Row> {
        cluster.make_stale().await?;
        let way = Way::to(cluster.target(), round_trip_ms).await?;
        let kubeconfig = cluster.kubeconfig(way.address().as_deref())?;
        let watch = || Probe::start(cluster.target().clone(), secret());
        let probe = watch();
        tokio::time::sleep(BEFORE).await;
        let reads_before = finished(probe).await?;
        let before = cluster.effort().await?;
        let probe = watch();
        let ran = self.run(cluster, kubeconfig).await?;
        let reads = finished(probe).await?;
        let effort = cluster.effort().await?.since(before);
        let total = cluster.secrets().total();
        let requests = effort.requests.saturating_sub(reads.count);
        Ok(Row {
            client: self.name(),
            backend: "real",
            secrets: total,
            round_trip_ms,
            seconds: ran.seconds,
            rewriting_seconds: ran.rewriting_seconds,
            per_second: rate(total, ran.seconds),
            requests_per_secret: per(requests, total),
            bytes_per_secret: way.bytes().map(|bytes| per(bytes, total)),
            client_cpu_seconds: ran.cpu,
            client_peak_bytes: ran.peak,
            throttled: effort.throttled,
            reads_before: Some(reads_before),
            reads_meanwhile: Some(reads),
            api_server_cpu_seconds: effort.api_server.as_secs_f64(),
            etcd_cpu_seconds: Some(effort.etcd.as_secs_f64()),
            left: cluster.left().await?,
        })
    }

    async fn run(self, cluster: &Cluster, kubeconfig: PathBuf) -> Result<Ran> {
        match self {
            Self::Ours(pace) => {
                let order = Order {
                    case: cluster.case().clone(),
                    kubeconfig,
                    pace,
                    max_requests_per_second: None,
                };
                let done = ours(&order).await?;
                Ok(Ran {
                    seconds: done.seconds,
                    rewriting_seconds: Some(done.rewriting_seconds),
                    cpu: done.cpu,
                    peak: done.peak,
                })
            }
            Self::Shell(_, script) => {
                let ended = shell::run(script, &kubectl().await?, &kubeconfig).await?;
                Ok(Ran {
                    seconds: ended.seconds,
                    rewriting_seconds: None,
                    cpu: ended.usage.cpu.as_secs_f64(),
                    peak: ended.usage.peak,
                })
            }
        }
    }
}

/// What a client says of its run.
struct Ran {
    seconds: f64,
    rewriting_seconds: Option<f64>,
    cpu: f64,
    peak: u64,
}

/// The library rewrites and proves, in a process of its own.
pub(crate) async fn ours(order: &Order) -> Result<Done> {
    let program = Path::new(env!("CARGO_BIN_EXE_aks-kms-bench-reencrypt"));
    let (done, _): (Done, _) = child::ask(program, order).await?;
    if done.complete { Ok(done) } else { Err("the library did not prove it".into()) }
}

/// The bare requests, from a process of their own.
pub(crate) async fn bare(target: &Target, work: load::Work) -> Result<load::Done> {
    let program = Path::new(env!("CARGO_BIN_EXE_aks-kms-bench-load"));
    let order = load::Order { target: target.clone(), work };
    let (done, _): (load::Done, _) = child::ask(program, &order).await?;
    match done.refused {
        0 => Ok(done),
        refused => Err(format!("{refused} bare requests were refused").into()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn per(count: impl TryInto<u64>, total: usize) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64 / total as f64
}

/// The secret that the other client reads.
fn secret() -> String {
    "/api/v1/namespaces/team-1/secrets/secret-1?includeObject=None".to_owned()
}

async fn finished(probe: Probe) -> Result<Latency> {
    Ok(tokio::task::spawn_blocking(|| probe.finish()).await??)
}

/// How a client gets to an API server.
enum Way {
    Near,
    Far(Delay),
}

impl Way {
    async fn to(target: &Target, round_trip_ms: u64) -> io::Result<Self> {
        Ok(match round_trip_ms {
            0 => Self::Near,
            far => {
                Self::Far(Delay::start(target.address.clone(), Duration::from_millis(far)).await?)
            }
        })
    }

    fn address(&self) -> Option<String> {
        match self {
            Self::Near => None,
            Self::Far(delay) => Some(delay.address().to_string()),
        }
    }

    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Near => None,
            Self::Far(delay) => {
                let (to_server, to_client) = delay.bytes();
                Some(to_server + to_client)
            }
        }
    }
}

/// The folder of kubectl, which is built where it is missing.
async fn kubectl() -> Result<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/build");
    let output = tokio::process::Command::new(script)
        .arg("kubectl")
        .stderr(Stdio::inherit())
        .output()
        .await?;
    let folder = String::from_utf8(output.stdout)?;
    match folder.lines().last() {
        Some(folder) if output.status.success() => Ok(PathBuf::from(folder)),
        _ => Err("kubectl could not be built".into()),
    }
}
