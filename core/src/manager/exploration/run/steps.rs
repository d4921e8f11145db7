//! What a run does next: each step as the runner performs it, one effect at a time. When a change is
//! sent is decided by the runner's own rules.

use super::{Put, ROUNDS, Run, begin};
use crate::{
    ledger::{Certainty, Operation, Proof, Record},
    manager::exploration::{
        State,
        cluster::{Ending, Key, id, written},
    },
    model::{Evidence, ExpectedKey, KmsChange, NetworkMode, Purpose, StepKind},
    plan::{expected_now, has_gate, has_rewrite},
    rules::testing,
    runner::change::{InUse, Look, Next, Progress, candidates, key_to_settle_on, next, profile_of},
};

impl State {
    /// What the run can do next, with what it does in words.
    pub(in crate::manager::exploration) fn run_on(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let Some(step) = run.steps.get(run.at) else {
            return vec![("is done", Self { run: None, ..self.clone() })];
        };
        let skips = |purpose: Purpose| purpose == Purpose::Gate && run.proven;
        match &step.kind {
            StepKind::RecordOperation => vec![("records the operation", self.record_operation())],
            StepKind::SetKms { target } => self.set_kms(target, None),
            StepKind::Settle => self.settle(),
            StepKind::WaitForKey { purpose, expected } if skips(*purpose) => {
                let in_use = InUse::Heard(vec![expected.clone()]);
                vec![("has a proof", self.advanced(|run| run.in_use = in_use))]
            }
            StepKind::ReencryptSecrets { purpose, .. } | StepKind::VerifySecrets { purpose }
                if skips(*purpose) =>
            {
                vec![("has a proof", self.advanced(|_| ()))]
            }
            StepKind::FindKeyInUse { .. } => vec![self.find()],
            StepKind::WaitForKey { expected, purpose } => vec![self.wait(expected, *purpose)],
            StepKind::ReencryptSecrets { .. } => (0..2)
                .map(|server| {
                    let mut next = self.advanced(|_| ());
                    next.cluster.rewrite(server);
                    ("rewrites secrets", next)
                })
                .collect(),
            StepKind::VerifySecrets { .. } => vec![self.verify(run)],
            StepKind::UpgradeControlPlane { .. } => self.upgrade(),
            StepKind::UpgradeNodePools { .. } => {
                vec![("finds node pools upgraded", self.advanced(|_| ()))]
            }
            StepKind::SetVaultPublicAccess { enabled: true, .. } => {
                let mut next = self.advanced(|_| ());
                next.cluster.vault_open = true;
                vec![("opens the vault", next)]
            }
            StepKind::SetVaultPublicAccess { key_vault_id, enabled: false } => {
                vec![self.close(key_vault_id)]
            }
            StepKind::RecordKey => {
                let next = self.write(Record::finish);
                vec![(
                    "records the keys",
                    next.map_or_else(|| self.ended(), |next| next.advanced(|_| ())),
                )]
            }
            StepKind::CreateKeyVersion { .. } => unreachable!("every key is named here"),
        }
    }

    pub(super) fn advanced(&self, change: impl FnOnce(&mut Run)) -> Self {
        let mut next = self.clone();
        if let Some(run) = &mut next.run {
            run.at += 1;
            run.progress = Progress::Begun;
            change(run);
        }
        next
    }

    pub(super) fn ended(&self) -> Self {
        Self { run: None, ..self.clone() }
    }

    /// Observes and plans again, or ends.
    pub(super) fn again(&self) -> Self {
        let run = self.run.as_ref().filter(|run| run.round < ROUNDS);
        Self { run: run.and_then(|run| begin(self, &run.intent, Some(run))), ..self.clone() }
    }

    /// Writes the record. `None`: somebody else wrote it.
    pub(super) fn write(&self, change: impl FnOnce(&mut Record)) -> Option<Self> {
        let mut next = self.clone();
        let run = next.run.as_mut()?;
        if run.stored != next.record {
            return None;
        }
        run.kept = run.kept.changed(change);
        run.stored = Some(run.kept.clone());
        next.record.clone_from(&run.stored);
        Some(next)
    }

    fn record_operation(&self) -> Self {
        let Some(run) = &self.run else { return self.ended() };
        if run.holds {
            return if run.stored == self.record { self.advanced(|_| ()) } else { self.ended() };
        }
        let operation = Operation::clone(&run.operation);
        match self.write(|record| record.begin(operation)) {
            Some(next) => next.advanced(|run| run.holds = true),
            None => self.again(),
        }
    }

    /// The profile that is set next.
    fn later(&self) -> Option<&KmsChange> {
        let run = self.run.as_ref()?;
        run.steps[run.at..].iter().find_map(|step| match &step.kind {
            StepKind::SetKms { target } => Some(target),
            _ => None,
        })
    }

    /// What the servers write with, whatever it is.
    fn find(&self) -> (&'static str, Self) {
        let Some(run) = &self.run else { return ("", self.clone()) };
        if run.etag != self.cluster.etag {
            return ("finds the cluster changed", self.again());
        }
        let later = self.later().map(KmsChange::expected);
        let ledger = Some(&run.kept.record().ledger);
        let known = candidates(&self.cluster.facts(), later, Some(&run.operation.before), ledger);
        if self.cluster.written().into_iter().all(|key| known.contains(&expected_key(key))) {
            ("finds the key in use", self.heard())
        } else {
            ("finds a key that is not known", self.ended())
        }
    }

    /// The configured key, or the one that is to be set.
    fn wait(&self, expected: &ExpectedKey, purpose: Purpose) -> (&'static str, Self) {
        let all_write = |key: &ExpectedKey| self.cluster.all_write(written(key));
        let target = self.later().map(KmsChange::expected);
        let back = purpose == Purpose::Gate && target.is_some_and(|target| all_write(&target));
        let later = self.run.as_ref().map_or(&[][..], |run| &run.steps[run.at + 1..]);
        let passes = has_gate(later) || has_rewrite(later);
        let etag = self.run.as_ref().map(|run| run.etag);
        if all_write(expected) && !passes && etag != Some(self.cluster.etag) {
            return ("finds the cluster changed", self.again());
        }
        if all_write(expected) || back {
            return ("sees all servers write", self.heard());
        }
        ("gives up waiting", self.ended())
    }

    fn heard(&self) -> Self {
        let keys = self.cluster.written().into_iter().map(expected_key).collect();
        let writes = self.cluster.servers.map(|server| server.writes);
        self.advanced(|run| {
            run.in_use = InUse::Heard(keys);
            run.writes = writes;
        })
    }

    fn settle(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let configured = expected_now(&self.cluster.facts()).ok();
        let Some(key) = key_to_settle_on(&run.in_use, configured.as_ref()) else {
            return vec![("refuses to lose a key", self.ended())];
        };
        let before = Some(&run.operation.before);
        let now = self.cluster.facts();
        let ledger = Some(&run.kept.record().ledger);
        let Some(target) = profile_of(key, &now, self.later(), before, ledger) else {
            return vec![("cannot tell how the vault is reached", self.ended())];
        };
        if !self.cluster.vault_open && is_public(&target) {
            return vec![("finds the vault closed", self.ended())];
        }
        let outcomes = self.set_kms(&target, Some(Certainty::InUse));
        if configured.as_ref() == Some(key) {
            return outcomes;
        }
        let at = run.at;
        let again = |(what, next): (&'static str, Self)| {
            let is_set = next.run.as_ref().is_some_and(|run| run.at > at);
            (what, if is_set { next.again() } else { next })
        };
        outcomes.into_iter().map(again).collect()
    }

    fn set_kms(
        &self,
        target: &KmsChange,
        certainty: Option<Certainty>,
    ) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let etag = run.etag.to_string();
        let look = self.look(target);
        match next(target, Some(&etag), &run.in_use, run.progress, &look) {
            Next::Wait => unreachable!("operations end at once here"),
            Next::Replan => vec![("finds the cluster changed", self.again())],
            Next::Refuse => vec![("refuses to lose a key", self.ended())],
            Next::Done => vec![("finds the key set", self.advanced(|_| ()))],
            Next::Intend => {
                let key = target.expected();
                let intended = self.write(|record| record.intend(&key, Some(&etag)));
                let next = intended.map(|next| next.sent(Progress::Intended));
                vec![("records what it is about to set", next.unwrap_or_else(|| self.ended()))]
            }
            Next::Put => self.put(target, certainty, &look),
        }
    }

    fn look(&self, target: &KmsChange) -> Look {
        let facts = self.cluster.facts();
        Look {
            etag: facts.etag.clone(),
            busy: false,
            succeeded: facts.is_succeeded(),
            has_target: KmsChange::of(&facts).is_ok_and(|now| same(&now, target)),
            configured: expected_now(&facts).ok(),
        }
    }

    fn sent(mut self, progress: Progress) -> Self {
        if let Some(run) = &mut self.run {
            run.progress = progress;
        }
        self
    }

    fn put(
        &self,
        target: &KmsChange,
        certainty: Option<Certainty>,
        look: &Look,
    ) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        if self.cluster.refuses(target) {
            return vec![("is refused the other way to the vault", self.ended())];
        }
        let in_force = match &run.in_use {
            InUse::Heard(keys) => look.succeeded && keys.first() == look.configured.as_ref(),
            InUse::NotHeard | InUse::Vouched => false,
        };
        let seen = if in_force { Certainty::Seen } else { Certainty::InUse };
        let mut succeeded = self.clone();
        succeeded.cluster.update(target, Ending::Succeeds);
        let lost = succeeded.clone().sent(Progress::Sent);
        let settled = succeeded.settled(target, certainty.unwrap_or(seen), certainty.is_none());
        let mut outcomes = vec![("sets the key", settled)];
        if self.failures == 0 {
            return outcomes;
        }
        outcomes.push((
            "sets the key, and the response is lost",
            Self { failures: self.failures - 1, ..lost },
        ));
        for servers in 0..=2 {
            let mut failed = Self { failures: self.failures - 1, ..self.clone() };
            failed.cluster.update(target, Ending::Fails(servers));
            outcomes.push(("is refused the key", failed.clone().sent(Progress::Refused)));
            outcomes.push(("fails to set the key", failed.ended()));
        }
        outcomes
    }

    fn settled(&self, target: &KmsChange, certainty: Certainty, unheard: bool) -> Self {
        let etag = self.cluster.etag;
        let key = target.expected();
        let text = etag.to_string();
        let next = self.write(|record| record.settled(&key, Some(&text), testing::NOW, certainty));
        next.map_or_else(
            || self.ended(),
            |next| {
                next.advanced(|run| {
                    run.etag = etag;
                    if unheard {
                        run.in_use = InUse::NotHeard;
                    }
                })
            },
        )
    }

    fn verify(&self, run: &Run) -> (&'static str, Self) {
        let InUse::Heard(keys) = &run.in_use else { unreachable!("it waited for a key") };
        let under: Vec<Option<Key>> = keys.iter().map(written).collect();
        let unchanged = run.writes == self.cluster.servers.map(|server| server.writes);
        if run.etag != self.cluster.etag {
            return ("finds the cluster changed", self.again());
        }
        if !unchanged || !self.cluster.all_under(&under) {
            return ("cannot prove it", self.ended());
        }
        let [expected] = &keys[..] else { return ("proves it", self.advanced(|_| ())) };
        let proof = Proof {
            at: testing::NOW,
            evidence: Evidence::Metrics,
            watermark: "1".to_owned(),
            key_id_hash_seen: None,
            given_up: Vec::new(),
        };
        let etag = run.etag.to_string();
        (
            "proves it",
            self.advanced(|run| {
                run.kept = run.kept.changed(|record| record.prove(expected, proof, Some(&etag)));
            }),
        )
    }

    fn upgrade(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        if run.etag != self.cluster.etag {
            return vec![("finds the cluster changed", self.again())];
        }
        if self.cluster.upgraded && !self.cluster.failed {
            return vec![("finds it upgraded", self.advanced(|_| ()))];
        }
        let mut upgraded = self.clone();
        upgraded.cluster.upgrade(Ending::Succeeds);
        let mut outcomes =
            vec![("upgrades", upgraded.settled(&KmsChange::Off, Certainty::Seen, false))];
        if self.failures > 0 {
            let mut failed = self.ended();
            failed.failures -= 1;
            failed.cluster.upgrade(Ending::Fails(0));
            outcomes.push(("fails to upgrade", failed));
        }
        outcomes
    }

    /// The run stops here for good. A change that it was about to send may be under way.
    pub(in crate::manager::exploration) fn crashed(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let mut stopped = vec![("crashes", self.ended())];
        if run.progress == Progress::Intended
            && let Some(StepKind::SetKms { target }) = run.steps.get(run.at).map(|it| &it.kind)
        {
            let in_flight = Some(Put { target: target.clone(), etag: run.etag });
            stopped.push(("crashes, its request under way", Self { in_flight, ..self.ended() }));
        }
        stopped
    }

    /// A request that nobody waits for arrives, and succeeds or fails.
    pub(in crate::manager::exploration) fn arrived(&self) -> Vec<Self> {
        let Some(put) = &self.in_flight else { return Vec::new() };
        let late = Self { in_flight: None, ..self.clone() };
        if put.etag != self.cluster.etag || self.cluster.refuses(&put.target) {
            return vec![late];
        }
        let ends = |ending: Ending| {
            let mut next = late.clone();
            next.cluster.update(&put.target, ending);
            next.surprised = true;
            next
        };
        [Ending::Succeeds, Ending::Fails(0), Ending::Fails(1)].map(ends).into()
    }
}

fn expected_key(key: Option<Key>) -> ExpectedKey {
    key.map_or(ExpectedKey::Plaintext, |key| ExpectedKey::Key(id(key)))
}

fn is_public(target: &KmsChange) -> bool {
    matches!(target, KmsChange::On { network_mode: NetworkMode::Public, .. })
}

/// The small world names no vaults.
fn same(now: &KmsChange, target: &KmsChange) -> bool {
    match (now, target) {
        (KmsChange::Off, KmsChange::Off) => true,
        (
            KmsChange::On { key_id, network_mode, .. },
            KmsChange::On { key_id: other, network_mode: mode, .. },
        ) => key_id == other && network_mode == mode,
        _ => false,
    }
}
