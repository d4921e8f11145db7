//! Which key do the API servers write with? Waiting until it is the expected one.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Engine,
    names::KeyNames,
    pass::{Awaited, Convergence, Pass},
    probe::{ProbeMode, Round, writes_with},
    servers::{ProbedServer, WritesWith, kept},
    verdict::{Verdict, judge},
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::Doubt,
    ids::ExpectedKey,
    report::{Evidence, Purpose},
};

impl Engine {
    /// Brings a pass to convergence, again when servers changed in the middle of it.
    pub(super) async fn converge_again(&self, pass: &mut Pass) -> Result<()> {
        if let Awaited::InUse(candidates) = &pass.awaited {
            let candidates = candidates.clone();
            return self.find_in_use(pass, &candidates).await;
        }
        let names = self.names(&pass.keys);
        let names = if pass.purpose == Purpose::Gate { names.strict() } else { names };
        let expected = pass.expected().clone();
        let began = Instant::now();
        let mut waited = false;
        // It is taken up only when that is seen.
        let is_awaited = matches!(pass.awaited, Awaited::TakenUp);
        let (limit, poll) = self.patience(pass);
        loop {
            if !self.metrics {
                return self.converge_weakly(pass, Doubt::Metrics).await;
            }
            let before = pass.before_change.as_ref();
            let is_configured = self.settled || before.is_some();
            let verdict = |heard: &[ProbedServer]| match judge(heard, &expected, before, &names) {
                // Another version was made since, and AKS went on to that.
                Verdict::No if is_awaited && write_newest(heard, &expected, &names) => {
                    Verdict::Proven(Evidence::Metrics)
                }
                Verdict::Unidentified { .. } if !is_configured || is_awaited => Verdict::No,
                verdict => verdict,
            };
            let differ =
                |heard: &[ProbedServer]| !heard.is_empty() && verdict(heard) == Verdict::No;
            self.roster.begin();
            let (seen, heard) = match self.round(ProbeMode::AfterWrite, differ).await? {
                Round::All(heard) => {
                    match verdict(&heard) {
                        Verdict::Proven(evidence) => {
                            return self.converged(pass, evidence, heard, false).await;
                        }
                        Verdict::Unchanged(evidence) if waited => {
                            return self.converged(pass, evidence, heard, false).await;
                        }
                        Verdict::Unidentified { touch } if waited => {
                            return self.converged(pass, Evidence::Weak, heard, touch).await;
                        }
                        Verdict::Unchanged(_) | Verdict::Unidentified { .. } => {
                            waited = true;
                            self.wait_weakly(pass, Doubt::KeyUnidentified).await;
                            continue;
                        }
                        Verdict::No => {}
                    }
                    (writes_with(&heard), heard)
                }
                Round::Partial { why, heard } => (why, heard),
                Round::Unknown(doubt) => return self.converge_weakly(pass, doubt).await,
            };
            if began.elapsed() >= limit {
                return Err(not_converged(
                    &expected,
                    began.elapsed(),
                    &seen,
                    (&heard, &names),
                    is_awaited,
                ));
            }
            // The reason for waiting: a server asks its KMS plugin for the key once a minute, or is
            // about to restart. Asking for its health makes it ask sooner.
            self.reporter.message(format!("Waiting for {expected}: {seen}"));
            tokio::time::sleep(poll).await;
        }
    }

    /// How long API servers are waited for, and the pause between two looks.
    fn patience(&self, pass: &Pass) -> (Duration, Duration) {
        match pass.awaited {
            Awaited::TakenUp => (self.timing.key_version_limit, self.timing.key_version_poll),
            _ => (self.timing.convergence_limit, self.timing.convergence_poll),
        }
    }

    pub(super) async fn converged(
        &self,
        pass: &mut Pass,
        evidence: Evidence,
        heard: Vec<ProbedServer>,
        touch: bool,
    ) -> Result<()> {
        if let Some(bytes) =
            heard.iter().filter_map(|server| server.counters.mean_secret_bytes()).max()
        {
            self.limiter.set_secret_bytes(bytes);
        }
        self.learn(pass.expected(), evidence, &heard);
        pass.version = self.version(pass.expected(), &heard);
        self.roster.converged();
        // A key that changed in this run, or a process that ended, leaves writes that may still land.
        let pure = !touch
            && pass.before_change.is_none()
            && !heard.is_empty()
            && heard.iter().all(ProbedServer::never_wrote_otherwise)
            && self.roster.nobody_ended_within(self.timing.watermark, &heard);
        pass.convergence = Some(Convergence { evidence, servers: heard, at: Instant::now() });
        pass.touch = touch;
        pass.converged_at = self.resource_version().await?;
        // No process ever encrypted with another key, so no such write can be under way.
        pass.watermark = pure.then_some(pass.converged_at);
        Ok(())
    }

    /// Where not every API server can be heard there is nothing but time.
    async fn converge_weakly(&self, pass: &mut Pass, doubt: Doubt) -> Result<()> {
        self.wait_weakly(pass, doubt).await;
        let touch = self.is_kms_v1() && pass.expected().is_encryption();
        self.converged(pass, Evidence::Weak, Vec::new(), touch).await
    }

    async fn wait_weakly(&self, pass: &Pass, doubt: Doubt) {
        self.reporter.message(format!(
            "Giving the API servers {} s to write with {}: {doubt}",
            self.timing.weak_convergence.as_secs(),
            pass.expected()
        ));
        self.doubts(doubt);
        tokio::time::sleep(self.timing.weak_convergence).await;
    }

    /// Whether the servers still are what they were at convergence: every process that lived since
    /// was heard, and wrote with nothing else.
    pub(super) async fn still_converged(&self, pass: &Pass) -> Result<bool> {
        let Some(convergence) = &pass.convergence else { return Ok(false) };
        if convergence.servers.is_empty() {
            return Ok(true);
        }
        let Ok(now) = self.hear_all(ProbeMode::AfterWrite).await? else { return Ok(false) };
        let as_before = kept(&convergence.servers, &now, &self.roster.all_heard());
        Ok(as_before && !self.roster.missed())
    }
}

/// Whether all servers write with the newest version of the key that is expected.
fn write_newest(heard: &[ProbedServer], expected: &ExpectedKey, names: &KeyNames) -> bool {
    !heard.is_empty()
        && heard.iter().all(|server| match &server.writes_with {
            WritesWith::Key { hash, .. } => names.is_newest(expected, hash),
            WritesWith::Provider(_) | WritesWith::Plaintext | WritesWith::Mixed => false,
        })
}

fn not_converged(
    expected: &ExpectedKey,
    waited: Duration,
    seen: &str,
    (heard, names): (&[ProbedServer], &KeyNames),
    is_awaited: bool,
) -> Error {
    let back = match expected {
        _ if is_awaited => {
            "; AKS takes up a newer version within six hours: look whether it is enabled, and whether the cluster's \
             last change succeeded"
                .to_owned()
        }
        ExpectedKey::AnyVersion(_) => "; AKS takes up a newer version within six hours".to_owned(),
        _ => rollback(expected, heard, names).unwrap_or_default(),
    };
    let message = format!(
        "the API servers do not all write with {expected} after {} s: {seen}{back}; the vault's logs show \
         whether they can use the key; when they can, run this again",
        waited.as_secs()
    );
    Error::new(ErrorKind::KmsUnavailable, message)
}

/// The known keys that servers write with instead, and the call that rolls back to each.
fn rollback(expected: &ExpectedKey, heard: &[ProbedServer], names: &KeyNames) -> Option<String> {
    let mut ways: Vec<String> = heard
        .iter()
        .filter_map(|server| {
            let hash = match &server.writes_with {
                WritesWith::Key { hash, .. } => hash,
                WritesWith::Plaintext if *expected != ExpectedKey::Plaintext => {
                    return Some("`disable` rolls back to no encryption".to_owned());
                }
                _ => return None,
            };
            let ExpectedKey::Key(key_id) = names.owner(hash)? else { return None };
            let verb = match expected {
                ExpectedKey::Key(expected) if *expected == key_id => return None,
                ExpectedKey::Key(_) => "rotate",
                ExpectedKey::Plaintext => "enable",
                // There is no way back from the newer experience.
                ExpectedKey::AnyVersion(_) | ExpectedKey::Platform => return None,
            };
            Some(format!("{hash} is {key_id}, `{verb}` to it rolls back"))
        })
        .collect();
    ways.sort();
    ways.dedup();
    (!ways.is_empty()).then(|| format!("; {}", ways.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::KeyId, kubernetes::ServerMetrics, reencrypt::servers::Process};

    #[test]
    fn the_error_names_the_key_that_is_written_with_and_the_call_that_rolls_back_to_it() {
        let key = |version: u8| {
            KeyId::parse(&format!("https://shop.vault.azure.net/keys/etcd/{version:032x}")).unwrap()
        };
        let names = KeyNames::new(vec![key(1), key(2)], Vec::new());
        let server = |writes_with: WritesWith| {
            let counters = ServerMetrics::default();
            ProbedServer { process: Process::of(&counters), writes_with, counters }
        };
        let old = WritesWith::key(key(1).metrics_hash());
        let new = ExpectedKey::Key(key(2));
        let none = ExpectedKey::Plaintext;
        let strange = WritesWith::key("sha256:strange");
        let cases = [
            (vec![old.clone(), old.clone()], &new, Some(format!("{}, `rotate` to it", key(1)))),
            (vec![old], &none, Some(format!("{}, `enable` to it", key(1)))),
            (vec![WritesWith::Plaintext], &new, Some("`disable` rolls back".to_owned())),
            (vec![WritesWith::key(key(2).metrics_hash())], &new, None),
            (vec![strange, WritesWith::Mixed], &new, None),
        ];
        for (servers, expected, words) in cases {
            let heard: Vec<ProbedServer> = servers.into_iter().map(server).collect();
            let error =
                not_converged(expected, Duration::from_secs(9), "seen", (&heard, &names), false);
            let message = error.to_string();
            match words {
                Some(words) => assert!(message.contains(&words), "{message}"),
                None => assert!(!message.contains("rolls back"), "{message}"),
            }
            assert_eq!(
                message.matches("rolls back").count(),
                usize::from(message.contains("rolls"))
            );
        }
    }
}
