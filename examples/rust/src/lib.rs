//! What the examples share: what they start from, a line of progress, and how plans and reports
//! are shown.

pub mod simulated;

use std::{
    io::{IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

use aks_kms::{KeyId, KeyLedger, OperationReport, Phase, Progress};
use aks_kms_simulator::backend::GroundTruth;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows an operation's progress: a bar on a terminal, plain lines elsewhere.
pub struct ProgressLine {
    bar: Option<ProgressBar>,
    phase: Mutex<Option<(usize, Phase)>>,
}

impl Default for ProgressLine {
    fn default() -> Self {
        Self::new()
    }
}

impl ProgressLine {
    /// Nothing is shown before the first snapshot.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:>6} {bar:30} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, phase: Mutex::new(None) }
    }

    /// Shows a snapshot.
    pub fn show(&self, now: &Progress) {
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(format!("{}/{}", now.step, now.steps));
                bar.set_length(now.total.unwrap_or(0));
                bar.set_position(now.done);
                bar.set_message(now.message.clone());
                if now.finished {
                    bar.finish();
                }
            }
            None => self.show_line(now),
        }
    }

    /// One line for each phase: a log is not a screen.
    fn show_line(&self, now: &Progress) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let this = Some((now.step, now.phase));
        if *phase != this || now.finished {
            *phase = this;
            // a closed standard error stops the lines, not the operation
            let _ = writeln!(
                std::io::stderr(),
                "[{}/{}] {:<9} {}",
                now.step,
                now.steps,
                now.phase.to_string(),
                now.message
            );
        }
    }
}

/// Shows a plan as a numbered list, with what the rules have to say.
///
/// # Errors
/// `out` cannot be written to.
pub fn plan(out: &mut impl Write, planned: &OperationReport) -> std::io::Result<()> {
    writeln!(out, "Plan of {} for {}\n{}", planned.operation, planned.cluster, planned.plan)?;
    for finding in &planned.findings {
        writeln!(out, "   - {finding}")?;
    }
    writeln!(out)
}

/// Shows what an operation did to secrets.
///
/// # Errors
/// `out` cannot be written to.
pub fn report(out: &mut impl Write, report: &OperationReport) -> std::io::Result<()> {
    writeln!(out, "\nReport of {}", report.operation)?;
    for pass in &report.reencryption {
        writeln!(
            out,
            "  {:?}: {} secrets, {} rewritten, {} current, {} blocked; evidence {:?}; complete: {}",
            pass.purpose,
            pass.counts.total,
            pass.counts.rewritten,
            pass.counts.current,
            pass.counts.blocked,
            pass.evidence,
            pass.complete
        )?;
    }
    let seconds = (report.finished_at - report.started_at).as_seconds_f64();
    writeln!(out, "  took {seconds:.1} s")
}

/// Shows which keys a cluster used, and which of them it still needs.
///
/// # Errors
/// `out` cannot be written to.
pub fn ledger(out: &mut impl Write, keys: &KeyLedger) -> std::io::Result<()> {
    writeln!(out, "\nKeys")?;
    let named =
        [("current", &keys.current), ("pending", &keys.pending), ("previous", &keys.previous)];
    let named = named.into_iter().filter_map(|(name, entry)| Some((name, entry.as_ref()?)));
    for (name, entry) in named.chain(keys.retired.iter().map(|entry| ("retired", entry))) {
        let removable = if entry.removable { "removable" } else { "needed" };
        let key = entry.key_id.as_ref().map_or("platform-managed", KeyId::as_str);
        writeln!(out, "  {name:<8} {key} {removable}: {}", entry.reason)?;
    }
    Ok(())
}

/// What etcd holds, in words.
#[must_use]
pub fn describe(truth: &GroundTruth) -> String {
    let keys = truth.by_key.iter().map(|(key_id, count)| format!("{count} under {key_id}"));
    [format!("{} secrets", truth.total), format!("{} in plaintext", truth.plaintext)]
        .into_iter()
        .chain(keys)
        .collect::<Vec<_>>()
        .join(", ")
}
