//! What a run does next: the effect that the machine asks for, in every way in which it can end.

use super::{Pass, Put, ROUNDS, Run, begin};
use crate::{
    ids::{ExpectedKey, NetworkMode, VersionInUse},
    ledger::{Operation, Proof, Record},
    manager::exploration::{
        State,
        cluster::{Cluster, Ending},
        key::{id, is, version},
    },
    operation::{Effect, Failure, Outcome, Recorded, Stage, Verdict, closing, next},
    report::{Evidence, KmsChange, Purpose},
    rules::testing,
};

impl State {
    /// What the run can do next, with what it does in words.
    pub(in crate::manager::exploration) fn run_on(&self) -> Vec<(&'static str, Self)> {
        let mut now = self.clone();
        loop {
            let Some(run) = &mut now.run else { return vec![("is done", now)] };
            let effect = next(&run.state);
            // What only looks, or reports, nobody can come in between that matters: a change is sent
            // for the eTag that was seen.
            let outcome = match &effect {
                Effect::ReadCluster { .. } => Outcome::Cluster(Box::new(now.cluster.facts())),
                Effect::ReadVault(_) => Outcome::Vault(look(run, &now.cluster)),
                Effect::ReadPublicAccess { .. } if now.cluster.vault_open => Outcome::Done,
                Effect::TakeProof { .. } | Effect::Pass(_) => Outcome::Done,
                Effect::Conclude { unchanged, .. } => {
                    run.conclude(*unchanged);
                    Outcome::Done
                }
                _ => return now.perform(&effect),
            };
            run.state.apply(&effect, outcome);
        }
    }

    fn perform(&self, effect: &Effect) -> Vec<(&'static str, Self)> {
        let one = |what, next| vec![(what, next)];
        match effect {
            Effect::BeginRecord => one("records the operation", self.begin_record(effect)),
            Effect::Intend { target, ends_with, turns_off } => one(
                "records what it is about to set",
                self.recorded(effect, |run, record| {
                    record.plans(ends_with.as_deref(), turns_off.as_deref());
                    record.intend(&target.expected(), run.state.etag.as_deref());
                }),
            ),
            Effect::PutKms { target } => self.put(effect, target),
            Effect::PutVersions(_) => self.upgrade(effect),
            Effect::RecordSettled { key, etag, certainty } => one(
                "records that it is set",
                self.recorded(effect, |_, record| {
                    record.settled(key, etag.as_deref(), testing::NOW, *certainty);
                }),
            ),
            Effect::ReadPublicAccess { .. } => {
                one("finds the vault closed", self.failed(effect, Failure::Other))
            }
            Effect::Converge { expected, purpose } => {
                let all = self.cluster.all_write(expected)
                    && (*purpose != Purpose::Gate || !self.cluster.is_outdated(expected));
                let what = if all { "sees all servers write" } else { "gives up waiting" };
                let keys = all.then(|| vec![expected.clone()]);
                one(what, self.heard(effect, keys, Failure::KmsUnavailable))
            }
            Effect::FindKeyInUse { candidates, .. } => {
                let keys = self.found(candidates);
                let what =
                    if keys.is_some() { "finds the key in use" } else { "finds an unknown key" };
                one(what, self.heard(effect, keys, Failure::Unproven))
            }
            Effect::Rewrite => (0..2)
                .map(|server| {
                    let mut next = self.done(effect, Outcome::Done);
                    next.cluster.rewrite(server);
                    ("rewrites secrets", next)
                })
                .collect(),
            Effect::Verify => one("verifies", self.verify(effect)),
            Effect::OpenVault(_) => one("opens the vault", self.set_vault(effect, true)),
            Effect::RecordClosing(id) => one(
                "records the closing",
                self.recorded(effect, |_, record| {
                    if let Some(operation) = &mut record.operation {
                        operation.closed_vault = Some(id.clone());
                    }
                }),
            ),
            Effect::CloseVault(_) => self.close_vault(effect),
            Effect::CheckKms if self.cluster.is_cut_off() => {
                one("finds KMS unhealthy", self.failed(effect, Failure::Other))
            }
            Effect::CheckKms => one("finds the vault unneeded", self.done(effect, Outcome::Done)),
            Effect::FinishRecord => {
                one("records the keys", self.recorded(effect, |_, record| record.finish()))
            }
            Effect::Replan(_) => one("plans again", self.again()),
            Effect::Stop(why) => {
                let mut next = self.ended();
                next.cluster.vault_open |= why.reopens();
                one("stops", next)
            }
            Effect::Finish => one("is done", self.ended()),
            Effect::ReadCluster { .. }
            | Effect::ReadVault(_)
            | Effect::TakeProof { .. }
            | Effect::Conclude { .. }
            | Effect::Pass(_) => unreachable!("it is performed at once"),
            Effect::CreateKeyVersion { .. } => one("makes a version", self.make_version(effect)),
            Effect::AwaitVersion { expected } => {
                let all = self.cluster.all_write(expected);
                let what = if all { "sees the version taken up" } else { "gives up waiting" };
                let outcome = if all {
                    Outcome::Heard(vec![expected.clone()])
                } else {
                    Outcome::Failed(Failure::KmsUnavailable)
                };
                one(what, self.done(effect, outcome))
            }
            Effect::RecordVersion { version } => one(
                "records the version",
                self.recorded(effect, |_, record| record.taken_up(version, testing::NOW)),
            ),
            Effect::AwaitConnection(_) => unreachable!("the connection is approved"),
        }
    }

    fn done(&self, effect: &Effect, outcome: Outcome) -> Self {
        let mut next = self.clone();
        if let Some(run) = &mut next.run {
            run.state.apply(effect, outcome);
        }
        next
    }

    fn failed(&self, effect: &Effect, failure: Failure) -> Self {
        self.done(effect, Outcome::Failed(failure))
    }

    fn ended(&self) -> Self {
        Self { run: None, ..self.clone() }
    }

    /// Observes and plans again, or ends.
    fn again(&self) -> Self {
        let run = self.run.as_ref().filter(|run| run.round < ROUNDS);
        Self { run: run.and_then(|run| begin(self, &run.intent, Some(run))), ..self.clone() }
    }

    /// Writes the record; the run fails if somebody else wrote it.
    fn recorded(&self, effect: &Effect, change: impl FnOnce(&Run, &mut Record)) -> Self {
        let mut next = self.clone();
        let Some(run) = &mut next.run else { return next };
        if run.stored != next.record {
            return self.failed(effect, Failure::Other);
        }
        run.kept = run.kept.changed(|record| change(run, record));
        run.stored = Some(run.kept.clone());
        next.record.clone_from(&run.stored);
        next.done(effect, Outcome::Done)
    }

    fn begin_record(&self, effect: &Effect) -> Self {
        let Some(run) = &self.run else { return self.ended() };
        if run.stored != self.record {
            let changed = Outcome::Recorded(Recorded::Changed);
            return if run.holds {
                self.failed(effect, Failure::Other)
            } else {
                self.done(effect, changed)
            };
        }
        if run.holds {
            return self.done(effect, Outcome::AlreadyDone);
        }
        let operation = Operation::clone(&run.operation);
        let mut next = self.recorded(effect, |_, record| record.begin(operation));
        if let Some(run) = &mut next.run {
            run.holds = true;
        }
        next
    }

    /// What the servers are found to write with. KMS v1 names no keys: it is taken for the only one
    /// that comes into question.
    fn found(&self, candidates: &[ExpectedKey]) -> Option<Vec<ExpectedKey>> {
        let written = self.cluster.written();
        if self.cluster.upgraded || written == [None] {
            let of = |written| candidates.iter().find(|key| is(key, written)).cloned();
            let mut keys = written.iter().map(|key| of(*key)).collect::<Option<Vec<_>>>()?;
            // Versions of one key, that is: the pass proves nothing of it.
            keys.dedup();
            return Some(keys);
        }
        let keys = written;
        let mut named = candidates.iter().filter(|candidate| candidate.key_id().is_some());
        let only = named.next().filter(|_| named.next().is_none() && keys.len() == 1);
        only.map(|key| vec![key.clone()])
    }

    /// The servers turn out to write with what was looked for, or with something else.
    fn heard(&self, effect: &Effect, keys: Option<Vec<ExpectedKey>>, otherwise: Failure) -> Self {
        let Some(keys) = keys else { return self.failed(effect, otherwise) };
        let mut next = self.done(effect, Outcome::Heard(keys.clone()));
        let writes = self.cluster.servers.map(|server| server.writes);
        let is_newest =
            matches!(keys[..], [ExpectedKey::AnyVersion(_)]) && self.cluster.writes_newest();
        if let Some(run) = &mut next.run {
            let weak = keys.len() == 1 && keys[0].is_data_encryption() && writes[0] != writes[1];
            run.pass = Some(Pass { keys, weak, writes, is_newest });
        }
        next
    }

    fn verify(&self, effect: &Effect) -> Self {
        let pass =
            self.run.as_ref().and_then(|run| run.pass.as_ref()).expect("it waited for a key");
        let under = pass.writes;
        let unchanged = pass.writes == self.cluster.servers.map(|server| server.writes);
        let ended = unchanged && self.cluster.all_under(&under);
        let (keys, weak, left) = (pass.keys.clone(), pass.weak, Vec::new());
        self.done(
            effect,
            Outcome::Verified(Verdict { keys, ended, weak, left, within: ended && !weak }),
        )
    }

    fn put(&self, effect: &Effect, target: &KmsChange) -> Vec<(&'static str, Self)> {
        if self.cluster.refuses(target) {
            return vec![(
                "is refused the other way to the vault",
                self.failed(effect, Failure::Other),
            )];
        }
        let mut succeeded = self.clone();
        succeeded.cluster.update(target, Ending::Succeeds);
        let etag = Some(succeeded.cluster.etag.to_string());
        let set = succeeded.done(effect, Outcome::Set { etag, seen_at_once: true });
        let mut outcomes = vec![("sets the key", set)];
        if self.failures == 0 {
            return outcomes;
        }
        succeeded.failures -= 1;
        outcomes.push((
            "sets the key, and the response is lost",
            succeeded.failed(effect, Failure::NoOutcome),
        ));
        for servers in 0..=2 {
            let mut failed = Self { failures: self.failures - 1, ..self.clone() };
            failed.cluster.update(target, Ending::Fails(servers));
            outcomes.push(("is refused the key", failed.failed(effect, Failure::KeyPermission)));
            outcomes.push(("fails to set the key", failed.failed(effect, Failure::Other)));
        }
        outcomes
    }

    fn upgrade(&self, effect: &Effect) -> Vec<(&'static str, Self)> {
        let mut upgraded = self.clone();
        upgraded.cluster.upgrade(Ending::Succeeds);
        let etag = Some(upgraded.cluster.etag.to_string());
        let mut outcomes =
            vec![("upgrades", upgraded.done(effect, Outcome::Set { etag, seen_at_once: true }))];
        if self.failures > 0 {
            let mut failed = Self { failures: self.failures - 1, ..self.clone() };
            failed.cluster.upgrade(Ending::Fails(0));
            outcomes.push(("fails to upgrade", failed.failed(effect, Failure::Other)));
        }
        outcomes
    }

    fn close_vault(&self, effect: &Effect) -> Vec<(&'static str, Self)> {
        let mut outcomes = vec![("closes the vault", self.set_vault(effect, false))];
        if self.failures > 0 {
            let lost = Self { failures: self.failures - 1, ..self.clone() };
            let refused = lost.failed(effect, Failure::NoOutcome);
            let mut closed = refused.clone();
            closed.cluster.vault_open = false;
            outcomes.push(("closes the vault, and the response is lost", closed));
            outcomes.push(("does not close the vault, and the response is lost", refused));
        }
        outcomes
    }

    /// Makes the operation's version, unless there is one, and records it.
    fn make_version(&self, effect: &Effect) -> Self {
        let mut next = self.clone();
        let Some(made) = next.cluster.make_version() else {
            return self.failed(effect, Failure::Other);
        };
        let Some(run) = &mut next.run else { return next };
        if run.stored != next.record {
            return next.failed(effect, Failure::Other);
        }
        let (key_id, is_new) = (id(made), self.cluster.made.is_none());
        run.kept = run.kept.changed(|record| record.awaits(&key_id));
        run.stored = Some(run.kept.clone());
        next.record.clone_from(&run.stored);
        next.done(effect, Outcome::Made { key_id, is_new })
    }

    fn set_vault(&self, effect: &Effect, open: bool) -> Self {
        let mut next = self.done(effect, Outcome::Done);
        next.cluster.vault_open = open;
        next
    }

    /// The run stops here for good. A change that it was about to send may be under way.
    pub(in crate::manager::exploration) fn crashed(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let mut stopped = vec![("crashes", self.ended())];
        if matches!(next(&run.state), Effect::CreateKeyVersion { .. }) {
            let mut made = self.ended();
            made.cluster.make_version();
            stopped.push(("crashes, its version made", made));
        }
        if !matches!(run.state.stage, Stage::Change { .. }) {
            return stopped;
        }
        let mut looked = run.state.clone();
        looked.seen = Some(Box::new(self.cluster.facts()));
        if let Effect::PutKms { target } = next(&looked) {
            let in_flight = Some(Put { target, etag: Some(self.cluster.etag.to_string()) });
            stopped.push(("crashes, its request under way", Self { in_flight, ..self.ended() }));
        }
        stopped
    }

    /// A request that nobody waits for arrives, and succeeds or fails.
    pub(in crate::manager::exploration) fn arrived(&self) -> Vec<Self> {
        let Some(put) = &self.in_flight else { return Vec::new() };
        let late = Self { in_flight: None, ..self.clone() };
        let is_now = put.etag.as_deref() == Some(&self.cluster.etag.to_string());
        if !is_now || self.cluster.refuses(&put.target) {
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

impl Run {
    /// The version that was heard, where any version will do.
    fn version_in_use(&self, expected: &ExpectedKey) -> Option<VersionInUse> {
        let pass = self.pass.as_ref()?;
        let key_id = id(version(pass.writes[0]?));
        let is_newest = pass.is_newest;
        matches!(expected, ExpectedKey::AnyVersion(_)).then_some(VersionInUse { key_id, is_newest })
    }

    /// Keeps the proof of a pass.
    fn conclude(&mut self, unchanged: bool) {
        let Stage::Verified(Verdict { keys, ended: true, weak: false, .. }) = &self.state.stage
        else {
            return;
        };
        let ([expected], true) = (&keys[..], unchanged) else { return };
        let proof = Proof {
            at: testing::NOW,
            evidence: Evidence::Metrics,
            watermark: "1".to_owned(),
            version: self.version_in_use(expected),
            key_id_hash_seen: None,
            given_up: Vec::new(),
        };
        let etag = self.state.etag.as_deref();
        self.kept = self.kept.changed(|record| record.prove(expected, proof, etag));
    }
}

fn look(run: &Run, cluster: &Cluster) -> closing::Look {
    closing::Look {
        in_private_use: cluster.profile.is_some_and(|it| it.mode == NetworkMode::Private),
        unchanged: run.state.etag.as_deref() == Some(&cluster.etag.to_string()),
        open: cluster.vault_open,
        connected: true,
    }
}
