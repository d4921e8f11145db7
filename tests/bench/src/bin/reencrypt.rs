//! A process that re-encrypts with the library: an [`Order`] on standard input, what came of it on
//! standard output.

use std::{
    error::Error,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use aks_kms::{
    ClusterId, KmsManager, KubernetesAccess, Phase, Progress, ReencryptOptions,
    ReencryptSecretsOptions,
};
use aks_kms_bench::{
    process::Usage,
    reencrypt::{Done, Order, Pace},
    statistics::rate,
};

/// When the phases of the run began.
#[derive(Default)]
struct Marks {
    rewriting: Option<Instant>,
    verifying: Option<Instant>,
    verified: Option<Instant>,
    /// The first and the last time that somebody said how many patches were answered.
    counted: Option<[(Instant, u64); 2]>,
}

impl Marks {
    fn see(&mut self, now: &Progress) {
        if now.phase == Phase::Reencrypt && now.done > 0 {
            let count = (Instant::now(), now.done);
            self.counted.get_or_insert([count, count])[1] = count;
        }
        let mark = match now.phase {
            Phase::Reencrypt => &mut self.rewriting,
            Phase::Verify if !now.finished => &mut self.verifying,
            _ if self.verifying.is_some() => &mut self.verified,
            _ => return,
        };
        mark.get_or_insert_with(Instant::now);
    }

    /// Patches a second between those two times: without what comes before the first patch.
    fn patches_per_second(&self) -> f64 {
        self.counted.map_or(0.0, |[(began, first), (ended, last)]| {
            let count = usize::try_from(last - first).unwrap_or(usize::MAX);
            rate(count, (ended - began).as_secs_f64())
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let order: Order = serde_json::from_reader(io::stdin().lock())?;
    let done = run(&order).await?;
    serde_json::to_writer(io::stdout().lock(), &done)?;
    Ok(())
}

async fn run(order: &Order) -> Result<Done, Box<dyn Error>> {
    let case = &order.case;
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .kubernetes(KubernetesAccess::Kubeconfig { path: order.kubeconfig.clone(), context: None })
        .build()?;
    let marks = Arc::new(Mutex::new(Marks::default()));
    let seen = Arc::clone(&marks);
    let options = ReencryptSecretsOptions {
        on_progress: Some(Arc::new(move |now| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).see(&now);
        })),
        reencrypt: ReencryptOptions {
            pace: match order.pace {
                Pace::Gentle => aks_kms::Pace::Gentle,
                Pace::Fast => aks_kms::Pace::Fast,
            },
            max_requests_per_second: order.max_requests_per_second,
            ..ReencryptOptions::default()
        },
        ..ReencryptSecretsOptions::default()
    };
    let report = manager.reencrypt_secrets(options).await?;
    let pass = report.reencryption.last().ok_or("there is no report of the re-encryption")?;
    let counts = &pass.counts;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rewriting = (counts.rewritten + counts.current + counts.gone) as f64
        / pass.secrets_per_second.max(f64::MIN_POSITIVE);
    let marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(verifying), Some(verified)) = (marks.verifying, marks.verified) else {
        return Err("the phases of the run were not told".into());
    };
    let usage = Usage::here()?;
    Ok(Done {
        seconds: rewriting + (verified - verifying).as_secs_f64(),
        rewriting_seconds: rewriting,
        patches_per_second: marks.patches_per_second(),
        total: usize::try_from(counts.total)?,
        rewritten: usize::try_from(counts.rewritten)?,
        requests: usize::try_from(pass.requests)?,
        complete: pass.complete,
        cpu: usage.cpu.as_secs_f64(),
        peak: usage.peak,
    })
}
