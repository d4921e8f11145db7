//! The steps: what became of them, what of the plan was not done, and when it was.

use super::{
    document::{Bar, Block, Span, Table, Timeline, Tone, mark, prose, text},
    words::{NONE, duration, moment, outcome},
};
use crate::report::{OperationReport, Step, StepOutcome, StepReport};

/// The steps of the plan that this call did not come to; of a dry run, all of them.
pub(super) fn left(report: &OperationReport) -> &[Step] {
    let (plan, performed) = (&*report.plan, &*report.steps);
    let done = match (plan.first(), performed.first()) {
        // A cluster is made once, before the first plan; the rest is planned again where somebody changed it.
        (Some(first), Some(made)) if made.step == *first => {
            done_of(plan, performed).max(1 + done_of(&plan[1..], &performed[1..]))
        }
        _ => done_of(plan, performed),
    };
    &plan[done..]
}

/// How many steps of a plan were done: the last so many that were performed are its first.
fn done_of(plan: &[Step], performed: &[StepReport]) -> usize {
    let is_of_plan = |count: &usize| {
        let last = performed[performed.len() - count..].iter();
        last.zip(plan).all(|(done, step)| done.step == *step)
    };
    let longest = plan.len().min(performed.len());
    (0..=longest).rev().find(is_of_plan).unwrap_or_default()
}

/// Plan and steps as a table, and a picture of when they were done.
pub(super) fn blocks(report: &OperationReport) -> Vec<Block> {
    let done = report.steps.iter().map(|step| {
        let (tone, words) = (tone(step.outcome), outcome(step.outcome));
        let began = vec![moment(step.started_at)];
        (&step.step, mark(tone, words), began, text(duration(step.seconds)))
    });
    let left = left(report).iter().map(|step| {
        let became = if report.dry_run { text("planned") } else { mark(Tone::Bad, "not done") };
        (step, became, vec![text(NONE)], text(NONE))
    });
    let rows: Vec<Vec<Vec<Span>>> = done
        .chain(left)
        .enumerate()
        .map(|(index, (step, became, began, took))| {
            let number = vec![text((index + 1).to_string())];
            vec![number, prose(&step.summary), vec![became], began, vec![took]]
        })
        .collect();
    if rows.is_empty() {
        return vec![Block::Paragraph(vec![text("There was nothing to do.")])];
    }
    let head = vec!["#", "Step", "What became of it", "Began", "Took"];
    let mut blocks = vec![Block::Table(Table { head, rows })];
    blocks.extend(timeline(report).map(Block::Timeline));
    blocks
}

fn tone(outcome: StepOutcome) -> Tone {
    match outcome {
        StepOutcome::Done => Tone::Good,
        StepOutcome::AlreadyDone | StepOutcome::Skipped => Tone::Plain,
    }
}

/// `None`: no step was done.
fn timeline(report: &OperationReport) -> Option<Timeline> {
    let since = |at: time::OffsetDateTime| (at - report.started_at).as_seconds_f64().max(0.0);
    let bar = |(index, step): (usize, &StepReport)| Bar {
        label: format!("{}. {}", index + 1, step.step.summary),
        tone: tone(step.outcome),
        began: since(step.started_at),
        seconds: step.seconds.max(0.0),
        outcome: outcome(step.outcome),
    };
    let bars: Vec<Bar> = report.steps.iter().enumerate().map(bar).collect();
    let first = bars.first()?.began;
    let last = bars.iter().map(|bar| bar.began + bar.seconds).fold(0.0, f64::max);
    let look = Bar {
        label: "Look at the cluster, judge the rules and plan".to_owned(),
        tone: Tone::Plain,
        began: 0.0,
        seconds: first,
        outcome: "done",
    };
    let seconds = since(report.finished_at).max(last);
    let first = "look at the cluster, to judge the rules and to plan";
    Some(Timeline { first, seconds, bars: std::iter::once(look).chain(bars).collect() })
}
