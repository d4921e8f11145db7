//! What a run has done so far. It outlives the run, so that an error or a time limit still comes
//! with a report.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use crate::{
    catalogue::RuleId,
    clock,
    error::Error,
    ids::{ClusterId, Verb},
    plan::Plan,
    report::{
        BlockedSecret, Finding, KmsStatus, OperationOutcome, OperationReport, ReencryptReport,
        Step, StepKind, StepOutcome, StepReport, Versions,
    },
    rules,
    text::{LONGEST_NAME, one_line},
};

/// Longest reason of a blocked secret in an error, in characters; the report has it whole.
const LONGEST_REASON: usize = 200;

/// The growing report of a run.
#[derive(Clone)]
pub(crate) struct RunLog(Arc<Mutex<Entries>>);

struct Entries {
    operation: Verb,
    cluster: ClusterId,
    dry_run: bool,
    allow: Vec<RuleId>,
    api_version: String,
    /// Who runs it, and the operation's id in the record.
    recorded: Option<(String, String)>,
    started_at: OffsetDateTime,
    before: Option<KmsStatus>,
    after: Option<KmsStatus>,
    /// What comes before every plan, and what the rules said of it.
    begins_with: (Vec<Step>, Vec<Finding>),
    plan: Vec<Step>,
    /// Whether rules were judged.
    is_judged: bool,
    steps: Vec<StepReport>,
    findings: Vec<Finding>,
    reencryption: Vec<ReencryptReport>,
    not_due: bool,
}

impl Entries {
    /// What came of the call that ended so.
    fn outcome(&self, error: Option<&Error>, after: &KmsStatus) -> OperationOutcome {
        let refuses = |findings: &[Finding]| findings.iter().any(|it| it.refuses(&self.allow));
        let has_begun = !self.steps.is_empty() || !self.reencryption.is_empty();
        let recorded = after.operation_in_progress.as_ref().map(|recorded| recorded.operation);
        match error {
            None if self.not_due => OperationOutcome::NotDue,
            None if self.dry_run && refuses(&self.findings) => OperationOutcome::Refused,
            None if self.dry_run => OperationOutcome::Planned,
            // What another verb began is none of this one's business.
            None if recorded == Some(self.operation) => OperationOutcome::Unfinished,
            None => OperationOutcome::Done,
            Some(_) if recorded.is_some() => OperationOutcome::Unfinished,
            Some(error) if !has_begun && refuses(error.findings()) => OperationOutcome::Refused,
            Some(_) => OperationOutcome::Failed,
        }
    }
}

impl RunLog {
    pub(crate) fn new(
        operation: Verb,
        cluster: ClusterId,
        dry_run: bool,
        allow: Vec<RuleId>,
        api_version: &str,
    ) -> Self {
        Self(Arc::new(Mutex::new(Entries {
            operation,
            cluster,
            dry_run,
            allow,
            api_version: api_version.to_owned(),
            recorded: None,
            started_at: clock::now(),
            before: None,
            after: None,
            begins_with: (Vec::new(), Vec::new()),
            plan: Vec::new(),
            is_judged: false,
            steps: Vec::new(),
            findings: Vec::new(),
            reencryption: Vec::new(),
            not_due: false,
        })))
    }

    /// The cluster was looked at: the first look is `before`, every look is `after`.
    pub(crate) fn seen(&self, status: KmsStatus) {
        self.change(|entries| {
            entries.before.get_or_insert_with(|| status.clone());
            entries.after = Some(status);
        });
    }

    /// A plan was made; a later one replaces it.
    pub(crate) fn planned(&self, plan: &Plan) {
        self.change(|entries| {
            entries.is_judged = true;
            let (steps, findings) = &entries.begins_with;
            entries.plan = steps.iter().chain(&plan.steps).cloned().collect();
            entries.findings = if findings.is_empty() {
                plan.findings.clone()
            } else {
                // What both judged is told once.
                rules::in_order(findings.iter().chain(&plan.findings).cloned().collect())
            };
        });
    }

    /// Who runs the operation, and its id, as they are recorded.
    pub(crate) fn recorded(&self, by: &str, id: &str) {
        let shown = |text| one_line(text, LONGEST_NAME);
        self.change(|entries| entries.recorded = Some((shown(by), shown(id))));
    }

    /// Nothing is to be done yet.
    pub(crate) fn not_due(&self) {
        self.change(|entries| entries.not_due = true);
    }

    /// What comes before every plan of this call.
    pub(crate) fn begins_with(&self, steps: Vec<Step>, findings: Vec<Finding>) {
        self.change(|entries| entries.begins_with = (steps, findings));
    }

    /// Whether any step, or a pass of one, was run.
    pub(crate) fn has_begun(&self) -> bool {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !entries.steps.is_empty() || !entries.reencryption.is_empty()
    }

    /// The steps that changed something, in words.
    pub(crate) fn done(&self) -> Vec<String> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_pass =
            |step: &StepReport| matches!(step.step.kind, StepKind::ReencryptSecrets { .. });
        let changed = |step: &&StepReport| {
            step.outcome == StepOutcome::Done
                && step.step.kind.changes_something()
                && !is_pass(step)
        };
        let steps = entries.steps.iter().filter(changed).map(|step| step.step.summary.clone());
        // Also of a pass that came to nothing in the end: its step is not done.
        let rewritten: u64 = entries.reencryption.iter().map(|pass| pass.counts.rewritten).sum();
        let passes = (rewritten > 0).then(|| format!("{rewritten} secrets rewritten"));
        steps.chain(passes).collect()
    }

    pub(crate) fn step(&self, step: &Step, outcome: StepOutcome, seconds: f64) {
        self.change(|entries| {
            // In order, also where the machine's clock was set back meanwhile.
            let before = entries.steps.last().map(|last| last.started_at);
            let started_at = clock::ago(seconds).max(before.unwrap_or(entries.started_at));
            let seconds = clock::whole_milliseconds(seconds);
            entries.steps.push(StepReport { step: step.clone(), outcome, started_at, seconds });
        });
    }

    pub(crate) fn finding(&self, finding: Finding) {
        self.change(|entries| {
            if !entries.findings.contains(&finding) {
                entries.findings.push(finding);
            }
        });
    }

    pub(crate) fn pass(&self, report: ReencryptReport) {
        self.change(|entries| entries.reencryption.push(report));
    }

    /// Why a secret, `namespace/name`, could not be rewritten in the last pass.
    pub(crate) fn why_blocked(&self, name: &str) -> Option<String> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (namespace, name) = name.split_once('/')?;
        let is_it = |it: &&BlockedSecret| it.namespace == namespace && it.name == name;
        let secret = entries.reencryption.last()?.blocked.iter().find(is_it)?;
        Some(match secret.message.as_str() {
            "" => secret.reason.to_string(),
            said => one_line(said, LONGEST_REASON),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Entries)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The report so far, of a call that ended with this error or with none. `None` before the cluster was seen.
    pub(crate) fn report(&self, error: Option<&Error>) -> Option<OperationReport> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = entries.after.clone()?;
        let allowed = rules::allowed(&entries.findings, &entries.allow);
        let checked =
            if entries.is_judged { rules::of_verb(entries.operation) } else { Vec::new() };
        let (by, operation_id) = entries.recorded.clone().unzip();
        Some(OperationReport {
            operation: entries.operation,
            cluster: entries.cluster.clone(),
            dry_run: entries.dry_run,
            outcome: entries.outcome(error, &after),
            by,
            operation_id,
            versions: Versions::with(&entries.api_version),
            started_at: entries.started_at,
            finished_at: clock::now(),
            before: entries.before.clone()?,
            plan: entries.plan.clone().into(),
            steps: entries.steps.clone(),
            checked,
            findings: entries.findings.clone(),
            allowed,
            reencryption: entries.reencryption.clone(),
            ledger: after.ledger.clone(),
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{Counts, Evidence, Purpose, Scope},
        rules::testing::{KEY_1, KEY_2, World},
    };

    fn pass(purpose: Purpose, key_id: Option<&str>, complete: bool) -> ReencryptReport {
        ReencryptReport {
            purpose,
            scope: Scope::default(),
            evidence: Evidence::Metrics,
            watermark: "1".to_owned(),
            key_id: key_id.map(str::to_owned),
            counts: Counts::default(),
            blocked: Vec::new(),
            given_up: Vec::new(),
            complete,
            started_at: OffsetDateTime::UNIX_EPOCH,
            finished_at: OffsetDateTime::UNIX_EPOCH,
            seconds: 0.0,
            secrets_per_second: 0.0,
            samples: Vec::new(),
            requests: 0,
            api_servers: Vec::new(),
        }
    }

    fn log_of(cluster: ClusterId) -> RunLog {
        RunLog::new(Verb::Rotate, cluster, false, Vec::new(), "2026-01-01")
    }

    #[test]
    fn proven_is_what_a_whole_pass_after_the_last_change_says() {
        use Purpose::{Gate, Rewrite, Verify};
        let (old, new) = (Some(KEY_1), Some(KEY_2));
        let cases = [
            ("no pass", vec![], false),
            ("the gate only", vec![pass(Gate, new, true)], false),
            ("gate and rewrite", vec![pass(Gate, old, true), pass(Rewrite, new, true)], true),
            ("only verified", vec![pass(Verify, new, true)], true),
            ("not complete", vec![pass(Rewrite, new, false)], false),
            (
                "complete, and then not",
                vec![pass(Rewrite, new, true), pass(Rewrite, new, false)],
                false,
            ),
            (
                "again, and then complete",
                vec![pass(Rewrite, new, false), pass(Rewrite, new, true)],
                true,
            ),
            ("of another key", vec![pass(Rewrite, old, true)], false),
            ("of plaintext", vec![pass(Rewrite, None, true)], false),
        ];
        let failed = ("of the key in use", vec![pass(Rewrite, old, true)], true);
        let other_case = ("of another key than the one in force", failed.1.clone(), false);
        let cases = cases.into_iter().map(|case| (case, "Succeeded"));
        let cases = cases.chain([(failed, "Failed"), (other_case, "succeeded")]);
        for ((name, passes, expected), state) in cases {
            let mut world = World::enable();
            let cluster = world.cluster();
            let log = log_of(cluster.id.clone());
            let mut status = cluster.status(Vec::new());
            status.key_id = Some(crate::ids::KeyId::parse(KEY_2).unwrap());
            state.clone_into(&mut status.provisioning_state);
            log.seen(status);
            for pass in passes {
                log.pass(pass);
            }
            assert_eq!(log.report(None).unwrap().is_proven(), expected, "{name}");
        }
    }

    #[test]
    fn steps_are_in_order_also_where_the_clock_was_set_back() {
        let mut world = World::enable();
        let log = log_of(world.cluster().id.clone());
        log.seen(world.cluster().status(Vec::new()));
        let step = serde_json::json!({"kind": "record_operation", "summary": "Record it"});
        let step: Step = serde_json::from_value(step).unwrap();
        for seconds in [0.0, 3_600.0, 0.000_6, 0.001] {
            log.step(&step, StepOutcome::Done, seconds);
        }
        let report = log.report(None).unwrap();
        assert!(report.started_at <= report.steps[0].started_at, "{report:#?}");
        let is_in_order = report.steps.is_sorted_by_key(|step| step.started_at);
        assert!(is_in_order, "{:#?}", report.steps);
    }

    #[test]
    fn a_pass_that_came_to_nothing_is_told_with_what_it_rewrote() {
        let log = log_of(World::enable().observed.cluster.id);
        assert!(!log.has_begun());
        log.pass(pass(Purpose::Gate, Some(KEY_1), false));
        assert!(log.has_begun());
        assert!(log.done().is_empty(), "it rewrote nothing");
        let counts = Counts { rewritten: 7, ..Counts::default() };
        log.pass(ReencryptReport { counts, ..pass(Purpose::Gate, Some(KEY_1), false) });
        assert_eq!(log.done(), ["7 secrets rewritten"]);
    }
}
