//! What a run does next: each step as the runner performs it, one effect at a time.

use super::{Put, ROUNDS, Run, begin};
use crate::{
    ledger::{Proof, Record},
    manager::small_world::{
        State,
        cluster::{Ending, written},
    },
    model::{Evidence, KmsTarget, NetworkMode, Purpose, StepKind, VaultId},
    rules::testing,
};

impl State {
    /// What the run can do next, with what it does in words.
    pub(in crate::manager::small_world) fn run_on(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let Some(step) = run.steps.get(run.at) else {
            return vec![("is done", Self { run: None, ..self.clone() })];
        };
        let skips = |purpose: Purpose| purpose == Purpose::Gate && run.proven;
        match &step.kind {
            StepKind::RecordOperation => vec![("records the operation", self.record_operation())],
            StepKind::SetKms { target } => self.set_kms(target),
            StepKind::WaitForKey { purpose, .. }
            | StepKind::ReencryptSecrets { purpose, .. }
            | StepKind::VerifySecrets { purpose }
                if skips(*purpose) =>
            {
                vec![("has a proof", self.advanced(|_| ()))]
            }
            StepKind::WaitForKey { expected, .. } => {
                if self.cluster.all_write(written(expected)) {
                    let expected = expected.clone();
                    vec![(
                        "sees all servers write",
                        self.advanced(|run| {
                            run.expected = Some(expected);
                        }),
                    )]
                } else {
                    vec![("gives up waiting", self.ended())]
                }
            }
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

    fn advanced(&self, change: impl FnOnce(&mut Run)) -> Self {
        let mut next = self.clone();
        if let Some(run) = &mut next.run {
            run.at += 1;
            run.sending = false;
            change(run);
        }
        next
    }

    fn ended(&self) -> Self {
        Self { run: None, ..self.clone() }
    }

    /// Observes and plans again, or ends.
    fn again(&self) -> Self {
        let run = self.run.as_ref().filter(|run| run.round < ROUNDS);
        Self { run: run.and_then(|run| begin(self, &run.intent, Some(run))), ..self.clone() }
    }

    /// Writes the record. `None`: somebody else wrote it.
    fn write(&self, change: impl FnOnce(&mut Record)) -> Option<Self> {
        let mut next = self.clone();
        let run = next.run.as_mut()?;
        if run.stored != next.record {
            return None;
        }
        change(&mut run.kept);
        run.stored = Some(run.kept.clone());
        next.record.clone_from(&run.stored);
        Some(next)
    }

    fn record_operation(&self) -> Self {
        let Some(run) = &self.run else { return self.ended() };
        if run.holds {
            return if run.stored == self.record { self.advanced(|_| ()) } else { self.ended() };
        }
        let operation = run.operation.clone();
        match self.write(|record| record.begin(operation)) {
            Some(next) => next.advanced(|run| run.holds = true),
            None => self.again(),
        }
    }

    fn set_kms(&self, target: &KmsTarget) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let etag = self.cluster.etag;
        if run.sending {
            if run.etag != etag {
                return vec![("finds the cluster changed", self.again())];
            }
            return self.put(target);
        }
        if run.etag != etag {
            return vec![("finds the cluster changed", self.again())];
        }
        if !self.cluster.failed && self.has(target) {
            return vec![("finds the key set", self.settled(target))];
        }
        let intended = match target.expected() {
            None => Some(self.clone()),
            Some(key) => self.write(|record| record.intend(&key, Some(&etag.to_string()))),
        };
        let next = intended.map(|mut next| {
            if let Some(run) = &mut next.run {
                run.sending = true;
            }
            next
        });
        vec![("records what it is about to set", next.unwrap_or_else(|| self.ended()))]
    }

    fn put(&self, target: &KmsTarget) -> Vec<(&'static str, Self)> {
        let mut outcomes = Vec::new();
        let mut succeeded = self.clone();
        succeeded.cluster.update(target, Ending::Succeeds);
        outcomes.push(("sets the key", succeeded.settled(target)));
        if self.failures > 0 {
            for servers in 0..=2 {
                let mut failed = self.ended();
                failed.failures -= 1;
                failed.cluster.update(target, Ending::Fails(servers));
                outcomes.push(("fails to set the key", failed));
            }
        }
        outcomes
    }

    fn has(&self, target: &KmsTarget) -> bool {
        match target {
            KmsTarget::AsConfigured => true,
            target => KmsTarget::of(&self.cluster.facts()).is_ok_and(|now| now == *target),
        }
    }

    fn settled(&self, target: &KmsTarget) -> Self {
        let etag = self.cluster.etag;
        let next = match target.expected() {
            None => Some(self.clone()),
            Some(key) => {
                self.write(|record| record.settled(&key, Some(&etag.to_string()), testing::NOW))
            }
        };
        next.map_or_else(|| self.ended(), |next| next.advanced(|run| run.etag = etag))
    }

    fn verify(&self, run: &Run) -> (&'static str, Self) {
        let Some(expected) = &run.expected else { unreachable!("it waited for a key") };
        let key = written(expected);
        if !self.cluster.all_write(key) || !self.cluster.all_under(key) {
            return ("cannot prove it", self.ended());
        }
        let proof = Proof {
            at: testing::NOW,
            evidence: Evidence::Metrics,
            fence: "1".to_owned(),
            key_id_hash_seen: None,
            given_up: Vec::new(),
        };
        let etag = run.etag.to_string();
        ("proves it", self.advanced(|run| run.kept.prove(expected, proof, Some(&etag))))
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
        upgraded.cluster.upgraded = true;
        upgraded.cluster.update(&KmsTarget::AsConfigured, Ending::Succeeds);
        let mut outcomes = vec![("upgrades", upgraded.settled(&KmsTarget::Off))];
        if self.failures > 0 {
            let mut failed = self.ended();
            failed.failures -= 1;
            failed.cluster.update(&KmsTarget::AsConfigured, Ending::Fails(0));
            outcomes.push(("fails to upgrade", failed));
        }
        outcomes
    }

    fn close(&self, vault: &VaultId) -> (&'static str, Self) {
        let Some(run) = &self.run else { return ("", self.clone()) };
        let private = self.cluster.profile.is_some_and(|it| it.mode == NetworkMode::Private);
        if run.closed {
            return if private && !self.cluster.is_cut_off() {
                ("finds the vault unneeded", self.advanced(|run| run.closed = false))
            } else {
                let mut opened = self.ended();
                opened.cluster.vault_open = true;
                ("opens the vault again", opened)
            };
        }
        if !self.cluster.vault_open {
            return ("finds the vault closed", self.advanced(|_| ()));
        }
        if !private {
            return ("finds the cluster changed", self.ended());
        }
        let recorded = self.write(|record| {
            if let Some(operation) = &mut record.operation {
                operation.closed_vault = Some(vault.clone());
            }
        });
        let Some(mut next) = recorded else { return ("lost the Lease", self.ended()) };
        next.cluster.vault_open = false;
        if let Some(run) = &mut next.run {
            run.closed = true;
        }
        ("closes the vault", next)
    }

    /// The run stops here for good. A change that it was about to send may be under way.
    pub(in crate::manager::small_world) fn crashed(&self) -> Vec<(&'static str, Self)> {
        let Some(run) = &self.run else { return Vec::new() };
        let mut stopped = vec![("crashes", self.ended())];
        if run.sending
            && let Some(StepKind::SetKms { target }) = run.steps.get(run.at).map(|it| &it.kind)
        {
            let in_flight = Some(Put { target: target.clone(), etag: run.etag });
            stopped.push(("crashes, its request under way", Self { in_flight, ..self.ended() }));
        }
        stopped
    }

    /// A request that nobody waits for arrives.
    pub(in crate::manager::small_world) fn arrived(&self) -> Option<Self> {
        let put = self.in_flight.as_ref()?;
        let mut next = Self { in_flight: None, ..self.clone() };
        if put.etag == self.cluster.etag {
            next.cluster.update(&put.target, Ending::Succeeds);
            next.surprised = true;
        }
        Some(next)
    }
}
