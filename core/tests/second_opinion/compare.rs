//! Holds what the rules say of a change against what the service does.

use std::{sync::Arc, time::Duration};

use aks_kms::{
    Error, ErrorKind, Finding, FindingState, Level, OperationReport, RuleId, RunOptions, StepKind,
};

use crate::{
    common::{self, az::Answer},
    deviations,
    documented::{self, Reason},
    region::Region,
    service::{Aftermath, force, survives_restart},
    shape::Shape,
};

/// A call of the library that takes longer waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of a finding is told.
const TOLD: usize = 240;

/// What the rules say.
struct Verdict {
    findings: Vec<Finding>,
    /// The vault is opened before the change.
    opens_vault: bool,
    /// Every secret is proven before the change.
    gated: bool,
    /// The arguments were refused before anything was asked.
    invalid: bool,
}

impl Verdict {
    fn of(outcome: Result<OperationReport, Error>) -> Result<Self, String> {
        match outcome {
            Ok(report) => {
                let gate = |kind: &StepKind| matches!(kind, StepKind::ReencryptSecrets { .. });
                let first = report
                    .plan
                    .iter()
                    .map(|step| &step.kind)
                    .find(|kind| gate(kind) || matches!(kind, StepKind::SetKms { .. }));
                let opens = |kind: &StepKind| {
                    matches!(kind, StepKind::SetVaultPublicAccess { enabled: true, .. })
                };
                Ok(Self {
                    opens_vault: report.plan.iter().any(|step| opens(&step.kind)),
                    gated: first.is_some_and(gate),
                    findings: report.findings,
                    invalid: false,
                })
            }
            Err(error) if !error.findings().is_empty() => Ok(Self {
                findings: error.findings().to_vec(),
                gated: false,
                opens_vault: false,
                invalid: error.kind() == ErrorKind::InvalidInput,
            }),
            Err(error) => Err(format!("no verdict: {error:?}")),
        }
    }

    fn blocks(&self) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Block).collect()
    }

    fn of_rules(&self, rules: &[RuleId]) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| rules.contains(&finding.rule)).collect()
    }
}

/// Whether both sides say the same of a world.
///
/// # Errors
/// On what they disagree.
pub(crate) async fn agree(region: &Arc<Region>, shape: &Shape) -> Result<(), String> {
    let verdict = {
        let world = region.world(shape).await;
        let run = RunOptions { dry_run: true, timeout: PATIENCE, ..RunOptions::default() };
        let manager = common::manager(&world.case);
        Verdict::of(shape.change.ask(&manager, &world.case, run).await)?
    };
    let aftermath = match force(region, shape).await {
        Some(aftermath) => aftermath,
        // No key is in use whose mode could be changed: az has nothing to send.
        None if !verdict.of_rules(&[RuleId::KmsNotEnabled]).is_empty() => {
            region.note("nothing to change, and blocked");
            return Ok(());
        }
        None => return Err("nothing is to be changed, and that is allowed".to_owned()),
    };
    let disagreement = match &aftermath.answer {
        Answer::Refused(reason) | Answer::Failed(reason) => refused(region, &verdict, reason),
        Answer::Accepted | Answer::Hangs => accepted(region, shape, &verdict, &aftermath).await,
    };
    disagreement.map_err(|what| {
        let shown = |finding: &Finding| finding.to_string().chars().take(TOLD).collect();
        let told: Vec<String> = verdict.findings.iter().map(shown).collect();
        format!("{what}\nthe service: {aftermath:?}\nthe rules: {told:#?}")
    })
}

/// The service refuses the change: the rules must have said why.
fn refused(region: &Region, verdict: &Verdict, reason: &str) -> Result<(), String> {
    let Some(Reason { words, rules }) = documented::reason(reason) else {
        return Err(format!("which rule is about this is not known: {reason}"));
    };
    if verdict.invalid {
        region.note("refused by both, the arguments by the rules");
        return Ok(());
    }
    if verdict.opens_vault && rules.contains(&RuleId::VaultPublicAccessDisabled) {
        region.note(format!("refused by the service, and mended by the plan: {words}"));
        return Ok(());
    }
    let findings = verdict.of_rules(rules);
    let blocks = findings.iter().any(|finding| finding.level == Level::Block);
    let undetermined = findings.iter().any(|it| it.state == FindingState::Undetermined);
    if blocks {
        region.note(format!("refused by both: {words}"));
    } else if undetermined {
        region.note(format!("refused by the service, undetermined by the rules: {words}"));
    } else if let Some(finding) = findings.first() {
        if !documented::only_warns(finding.rule) {
            return Err(format!("{} only warns, and the service refuses", finding.rule));
        }
        region.note(format!("refused by the service, a warning by the rules: {words}"));
    } else if documented::is_not_to_be_seen(words) {
        region.note(format!("refused by the service, not to be seen before: {words}"));
    } else {
        return Err(format!("none of {rules:?} says why the service refuses"));
    }
    Ok(())
}

/// The service does what is asked for.
async fn accepted(
    region: &Arc<Region>,
    shape: &Shape,
    verdict: &Verdict,
    aftermath: &Aftermath,
) -> Result<(), String> {
    let hangs = aftermath.answer == Answer::Hangs;
    let harm = hangs || aftermath.lost > 0 || (aftermath.was_ready && !aftermath.is_ready);
    let blocks = verdict.blocks();
    if blocks.is_empty() {
        if !harm {
            region.note("done, and allowed");
            return Ok(());
        }
        if !verdict.gated {
            return Err("nothing stands in the way of a change that does harm".to_owned());
        }
        return gate_holds(region, shape).await;
    }
    if harm || !aftermath.is_ready {
        for finding in blocks {
            region.note(format!("does harm, and blocked by {}", finding.rule));
        }
        return Ok(());
    }
    for finding in blocks {
        if !documented::blocks_all_the_same(shape.change, finding) {
            return Err(format!("{} blocks what the service does without harm", finding.rule));
        }
        region.note(format!("done, and blocked by {} as documented", finding.rule));
    }
    Ok(())
}

/// The rules leave it to the gate: it mends what would be lost, or refuses.
async fn gate_holds(region: &Arc<Region>, shape: &Shape) -> Result<(), String> {
    let world = region.world(shape).await;
    let unreadable = world.unreadable().await;
    let manager = common::manager(&world.case);
    let run = RunOptions { timeout: PATIENCE, ..RunOptions::default() };
    let outcome = shape.change.ask(&manager, &world.case, run).await;
    world.restart().await;
    let lost = world.unreadable().await.saturating_sub(unreadable);
    let is_ready = world.is_ready().await;
    // API servers that are half-way to another key write what the others cannot read, whoever asks them.
    let alike = !shape.deviations.contains(&deviations::HALF_WAY);
    if lost > 0 || (alike && !is_ready && survives_restart(region, shape).await) {
        return Err(format!(
            "the gate let through what does harm: {lost} secrets lost, {outcome:?}"
        ));
    }
    region.note(match outcome {
        Ok(_) => "would do harm, and mended by the gate".to_owned(),
        Err(error) => format!("would do harm, and refused by the gate: {}", error.code()),
    });
    Ok(())
}
