//! Holds what the rules say of a change against what the service does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aks_kms::{Finding, FindingState, Level, RuleId, RunOptions};

use crate::{
    common::{self, az::Answer},
    deviations,
    documented::{self, Reason},
    region::Region,
    service::{Aftermath, force, survives_restart},
    shape::Shape,
    verdict::Verdict,
};

/// A call of the library that takes longer waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of a finding is told.
const TOLD: usize = 240;

/// What both sides say of a world.
pub(crate) struct Sides {
    verdict: Verdict,
    /// `None`: az has nothing to send.
    aftermath: Option<Aftermath>,
}

/// In which way both sides say the same.
enum Agreement {
    /// What is to be counted.
    Noted(Vec<String>),
    /// The rules leave it to the gate.
    LeftToGate,
}

impl Agreement {
    fn noted(what: impl Into<String>) -> Self {
        Self::Noted(vec![what.into()])
    }
}

/// Asks both sides.
///
/// # Errors
/// The rules say nothing.
pub(crate) async fn ask(region: &Arc<Region>, shape: &Shape) -> Result<Sides, String> {
    let verdict = {
        let world = region.world(shape).await;
        let run = RunOptions { dry_run: true, timeout: PATIENCE, ..RunOptions::default() };
        let manager = common::manager(&world.case);
        Verdict::of(shape.change.ask(&manager, &world.case, run).await)?
    };
    Ok(Sides { verdict, aftermath: force(region, shape).await })
}

/// Whether both sides say the same of a world.
///
/// # Errors
/// On what they disagree.
pub(crate) async fn agree(region: &Arc<Region>, shape: &Shape) -> Result<(), String> {
    let sides = ask(region, shape).await?;
    for (rule, noticed) in sides.absences(shape) {
        region.note_absence(rule, shape, noticed);
    }
    let agreement = match sides.compare(shape) {
        Ok(Agreement::LeftToGate) => gate_holds(region, shape).await,
        Ok(Agreement::Noted(notes)) => Ok(notes),
        Err(what) => Err(what),
    };
    match agreement {
        Ok(notes) => {
            for note in notes {
                region.note(note);
            }
            Ok(())
        }
        Err(what) => {
            let shown = |finding: &Finding| finding.to_string().chars().take(TOLD).collect();
            let told: Vec<String> = sides.verdict.findings.iter().map(shown).collect();
            Err(format!("{what}\nthe service: {:?}\nthe rules: {told:#?}", sides.aftermath))
        }
    }
}

/// Whether both sides, which agree, would disagree without a rule that blocks.
///
/// # Errors
/// They disagree as it is, or the rule does not block.
pub(crate) async fn is_missed(
    region: &Arc<Region>,
    shape: &Shape,
    rule: RuleId,
) -> Result<bool, String> {
    let sides = ask(region, shape).await?;
    sides.compare(shape)?;
    sides.absences(shape).get(&rule).copied().ok_or_else(|| "it does not block".to_owned())
}

impl Sides {
    /// The rules that stand in the way, and whether they would be missed: without the rule both sides disagree.
    pub(crate) fn absences(&self, shape: &Shape) -> BTreeMap<RuleId, bool> {
        let rules = self.verdict.blocking_rules().into_iter();
        rules
            .map(|rule| {
                let verdict = self.verdict.without(rule);
                let without = Self { verdict, aftermath: self.aftermath.clone() };
                (rule, without.compare(shape).is_err())
            })
            .collect()
    }

    fn compare(&self, shape: &Shape) -> Result<Agreement, String> {
        let Self { verdict, aftermath } = self;
        let Some(aftermath) = aftermath else {
            // No key is in use whose mode could be changed.
            return if verdict.of_rules(&[RuleId::KmsNotEnabled]).is_empty() {
                Err("nothing is to be changed, and that is allowed".to_owned())
            } else {
                Ok(Agreement::noted("nothing to change, and blocked"))
            };
        };
        match &aftermath.answer {
            Answer::Refused(reason) | Answer::Failed(reason) => refused(shape, verdict, reason),
            Answer::Accepted | Answer::Hangs => accepted(shape, verdict, aftermath),
        }
    }
}

/// The service refuses the change: the rules must have said why.
fn refused(shape: &Shape, verdict: &Verdict, reason: &str) -> Result<Agreement, String> {
    let Some(Reason { words, rules }) = documented::reason(reason) else {
        return Err(format!("which rule is about this is not known: {reason}"));
    };
    if verdict.invalid {
        return Ok(Agreement::noted("refused by both, the arguments by the rules"));
    }
    if verdict.opens_vault && rules.contains(&RuleId::VaultPublicAccessDisabled) {
        return Ok(Agreement::noted(format!(
            "refused by the service, and mended by the plan: {words}"
        )));
    }
    let findings = verdict.of_rules(rules);
    let blocks = findings.iter().any(|finding| finding.level == Level::Block);
    let undetermined = findings.iter().any(|it| it.state == FindingState::Undetermined);
    Ok(Agreement::noted(if blocks {
        format!("refused by both: {words}")
    } else if undetermined {
        format!("refused by the service, undetermined by the rules: {words}")
    } else if let Some(finding) = findings.first() {
        if !documented::only_warns(finding.rule, verdict.sets) {
            return Err(format!("{} only warns, and the service refuses", finding.rule));
        }
        format!("refused by the service, a warning by the rules: {words}")
    } else if documented::is_waited_for(reason) && shape.is_set() {
        "refused by the service, and waited for by the library".to_owned()
    } else if verdict.blocks().iter().any(|it| documented::keeps_from_judging(shape.change, it)) {
        "refused by both: more is not judged".to_owned()
    } else if !verdict.sets && documented::is_about_setting(words) {
        format!("refused by the service, and not set by the plan: {words}")
    } else if documented::is_not_to_be_seen(words) {
        format!("refused by the service, not to be seen before: {words}")
    } else {
        return Err(format!("none of {rules:?} says why the service refuses"));
    }))
}

/// The service does what is asked for.
fn accepted(shape: &Shape, verdict: &Verdict, aftermath: &Aftermath) -> Result<Agreement, String> {
    let hangs = aftermath.answer == Answer::Hangs;
    let harm = hangs || aftermath.lost > 0 || (aftermath.was_ready && !aftermath.is_ready);
    let blocks = verdict.blocks();
    if blocks.is_empty() {
        return match (harm, verdict.gated) {
            (false, _) => Ok(Agreement::noted("done, and allowed")),
            (true, true) => Ok(Agreement::LeftToGate),
            (true, false) => Err("nothing stands in the way of a change that does harm".to_owned()),
        };
    }
    let mut notes = Vec::new();
    for finding in blocks {
        if harm || !aftermath.is_ready {
            notes.push(format!("does harm, and blocked by {}", finding.rule));
        } else if documented::blocks_all_the_same(shape.change, finding) {
            notes.push(format!("done, and blocked by {} as documented", finding.rule));
        } else {
            return Err(format!("{} blocks what the service does without harm", finding.rule));
        }
    }
    Ok(Agreement::Noted(notes))
}

/// The rules leave it to the gate: it mends what would be lost, or refuses.
async fn gate_holds(region: &Arc<Region>, shape: &Shape) -> Result<Vec<String>, String> {
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
    Ok(vec![match outcome {
        Ok(_) => "would do harm, and mended by the gate".to_owned(),
        Err(error) => format!("would do harm, and refused by the gate: {}", error.code()),
    }])
}
