//! Every reachable state of a small world: two API servers, three keys, three secrets, both
//! wirings, and both of the keys that AKS may keep as the one before; a call of any verb with one
//! crash and one foreign action (or one failure of Azure's, or a lost response) at any point, and
//! `resume` or `abandon` whenever something is recorded. What anybody asks of Azure succeeds, or
//! fails after it reached none or some of the API servers.
//!
//! Planner, rules, record, conflicts and the state machine of a run are the crate's own; its effects
//! are performed on the small cluster, in every way in which they can end. In each state:
//! - nothing that this crate does makes a secret unreadable;
//! - a key that the ledger calls removable is needed by no secret and no API server;
//! - the record knows the key that a change of ours has set;
//! - no vault is closed by us while the public way to it is needed;
//! - whatever was left behind, `resume` ends, unless somebody else changed the key.

mod cluster;
mod key;
mod run;
mod search;

use std::hash::{DefaultHasher, Hash, Hasher};

use self::{
    cluster::{Cluster, Ending},
    key::{KEYS, id, is, versionless},
    run::{Put, Run, Stored, begin, reconciled},
};
use crate::{
    ids::{NetworkMode, NodePools, VaultAccess},
    ledger::{Fit, Record, judge},
    options::{ChangeNetworkMode, Disable, Enable, Intent, MigrateToV2, Rotate},
    report::{KmsChange, KmsConfiguration},
};

/// Everything that is.
#[derive(Clone, Debug)]
struct State {
    cluster: Cluster,
    record: Option<Stored>,
    run: Option<Run>,
    in_flight: Option<Put>,
    calls: u8,
    crashes: u8,
    failures: u8,
    foreign: u8,
    /// Somebody else changed something, or a request arrived that nobody waited for.
    surprised: bool,
    /// Others know the newer experience, too.
    with_data_encryption: bool,
}

/// Who did something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Us,
    Others,
}

/// How many verbs are called, one after the other: `AKS_KMS_SMALL_WORLD_CALLS`, or one. Two take
/// many minutes.
fn calls() -> u8 {
    std::env::var("AKS_KMS_SMALL_WORLD_CALLS").map_or(1, |calls| calls.parse().unwrap())
}

fn intents() -> Vec<Intent> {
    let target =
        |key, network_mode| KmsConfiguration { key_id: id(key), network_mode, key_vault_id: None };
    let rotate = |key, reencrypt| {
        let key_id = Some(id(key));
        Intent::Rotate(Rotate {
            key_id,
            network_mode: None,
            key_vault_id: None,
            reencrypt,
            made: false,
        })
    };
    let change = |network_mode| {
        let vault_access = VaultAccess::Change;
        Intent::ChangeNetworkMode(ChangeNetworkMode { network_mode, vault_access })
    };
    vec![
        Intent::Enable(Enable { target: target(0, NetworkMode::Public), reencrypt: true }),
        rotate(1, true),
        rotate(1, false),
        rotate(2, true),
        Intent::Disable(Disable { reencrypt: true }),
        Intent::Disable(Disable { reencrypt: false }),
        change(NetworkMode::Private),
        change(NetworkMode::Public),
        Intent::MigrateToV2(MigrateToV2 {
            kubernetes_version: None,
            node_pools: NodePools::Upgrade,
        }),
    ]
}

impl State {
    fn new(cluster: Cluster, failures: u8, foreign: u8) -> Self {
        Self {
            cluster,
            record: None,
            run: None,
            in_flight: None,
            calls: calls(),
            crashes: 1,
            failures,
            foreign,
            surprised: false,
            with_data_encryption: false,
        }
    }

    fn record(&self) -> Option<&Record> {
        self.record.as_ref().map(Stored::record)
    }

    /// What can happen next.
    fn next(&self, intents: &[Intent]) -> Vec<(Who, String, Self)> {
        let mut next = Vec::new();
        let mut ours = |what: &str, state: Self| next.push((Who::Us, what.to_owned(), state));
        for (what, state) in self.run_on() {
            ours(what, state);
        }
        if self.crashes > 0 {
            for (what, state) in self.crashed() {
                ours(what, Self { crashes: self.crashes - 1, ..state });
            }
        }
        for state in self.arrived() {
            ours("a request arrives late", state);
        }
        if self.run.is_none() {
            if self.calls > 0 {
                for intent in intents {
                    let called = Self { calls: self.calls - 1, ..self.clone() };
                    let run = begin(&called, intent, None);
                    ours(&format!("calls {intent:?}"), Self { run, ..called });
                }
            }
            if let Some(intent) = self.unfinished() {
                let run = begin(self, &intent, None);
                ours("calls resume", Self { run, ..self.clone() });
                ours("calls abandon", self.abandoned());
            }
        }
        for (what, state) in self.elsewhere() {
            next.push((Who::Others, what, state));
        }
        next
    }

    fn unfinished(&self) -> Option<Intent> {
        reconciled(self).record.operation.as_ref().map(|operation| operation.intent.clone())
    }

    fn abandoned(&self) -> Self {
        let mut record = reconciled(self).record.clone();
        record.abandon();
        let mut abandoned = Self { record: Some(Stored::new(record)), ..self.clone() };
        abandoned.cluster.made = None;
        abandoned
    }

    /// What servers do by themselves, and what others do.
    fn elsewhere(&self) -> Vec<(String, Self)> {
        let mut next = Vec::new();
        for server in 0..2 {
            if self.cluster.servers[server].writes != self.cluster.servers[server].config.current {
                let mut noticed = self.clone();
                noticed.cluster.notice(server);
                next.push((format!("server {server} notices its key"), noticed));
            }
            for secret in 0..3 {
                if self.cluster.secrets[secret] != self.cluster.servers[server].writes {
                    let mut written = self.clone();
                    written.cluster.write(secret, server);
                    next.push((format!("server {server} writes a secret"), written));
                }
            }
        }
        if self.cluster.not_taken_up().is_some() {
            let mut taken = self.clone();
            taken.cluster.take_up();
            next.push(("AKS takes up the newest version".to_owned(), taken));
        }
        if self.foreign == 0 {
            return next;
        }
        let left = |mut state: Self| {
            state.foreign -= 1;
            state.surprised = true;
            state
        };
        let mode = self.cluster.profile.map_or(NetworkMode::Public, |profile| profile.mode);
        let keys = (0..=self.cluster.newest).map(|key| {
            KmsChange::On(KmsConfiguration {
                key_id: id(key),
                network_mode: mode,
                key_vault_id: None,
            })
        });
        let data_encryption = self.with_data_encryption.then(data_encryption);
        for target in keys.chain([KmsChange::Off]).chain(data_encryption.into_iter().flatten()) {
            if self.cluster.facts().has(&target) || self.cluster.refuses(&target) {
                continue;
            }
            let key = target.expected();
            for ending in [Ending::Succeeds, Ending::Fails(0), Ending::Fails(1)] {
                let mut set = left(self.clone());
                set.cluster.update(&target, ending);
                next.push((format!("somebody sets {key}: {ending:?}"), set));
            }
        }
        let mut touched = left(self.clone());
        touched.cluster.touch();
        next.push(("somebody tags the cluster".to_owned(), touched));
        if self.record.is_some() {
            next.push((
                "somebody deletes the record".to_owned(),
                left(Self { record: None, ..self.clone() }),
            ));
        }
        next
    }

    /// Whether it is recorded that the vault is opened again if KMS does not work.
    fn may_open_again(&self) -> bool {
        let operation = self.record().and_then(|record| record.operation.as_ref());
        operation.is_some_and(|operation| operation.closed_vault.is_some())
    }

    /// What tells states apart.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.cluster.hash(&mut hasher);
        (self.calls, self.crashes, self.failures, self.foreign, self.surprised).hash(&mut hasher);
        self.record.as_ref().map(Stored::hash).hash(&mut hasher);
        if let Some(put) = &self.in_flight {
            format!("{put:?}").hash(&mut hasher);
        }
        if let Some(run) = &self.run {
            run.hash_into(&mut hasher);
        }
        hasher.finish()
    }
}

/// What is wrong with a state that came from another, if anything.
fn problem(before: &State, who: Who, after: &State) -> Option<String> {
    let cluster = &after.cluster;
    // A server that others gave another key writes with the one it had until it notices: what it is
    // asked to write meanwhile, by anybody, is theirs.
    let changed = !after.surprised || before.cluster.servers != cluster.servers;
    if who == Who::Us && changed && cluster.lost() > before.cluster.lost() {
        return Some(format!("{} secrets are lost", cluster.lost()));
    }
    if who == Who::Us && cluster.is_cut_off() && !before.cluster.is_cut_off() {
        // Where others had their hands in it, a look afterwards tells, by this run or by resume.
        let looked_at = after.surprised && after.may_open_again();
        if !looked_at {
            return Some("the vault is closed to somebody who needs it".to_owned());
        }
    }
    let found = reconciled(after);
    let arrives = |key: usize| {
        after.in_flight.as_ref().is_some_and(|put| {
            put.etag.as_deref() == Some(&cluster.etag.to_string())
                && is(&put.target.expected(), Some(key))
        })
    };
    let ledger = judge(&found);
    for entry in ledger.previous.into_iter().chain(ledger.retired) {
        let Some(key_id) = &entry.key_id else { continue };
        let is_named = |key: &usize| *key_id == id(*key) || *key_id == id(*key).without_version();
        let mut named = (0..KEYS.len()).filter(is_named);
        if entry.removable && named.any(|key| cluster.needs(key) || arrives(key)) {
            return Some(format!("key {key_id} is called removable and is needed"));
        }
    }
    let makes = who == Who::Us && cluster.newest != before.cluster.newest;
    if makes && !after.surprised && !cluster.all_under(&cluster.written()) {
        return Some("a version is made before all secrets are under the one in use".to_owned());
    }
    let set = who == Who::Us && cluster.profile != before.cluster.profile;
    if set && !after.surprised && !knows(after.record(), cluster) {
        return Some("the record does not know the key that was set".to_owned());
    }
    None
}

/// Whether the record names the key in use, in whatever role.
fn knows(record: Option<&Record>, cluster: &Cluster) -> bool {
    let Some(Record { ledger, .. }) = record else { return false };
    let key = cluster.facts().expected().unwrap();
    let named = [&ledger.current, &ledger.pending, &ledger.previous];
    !key.is_encryption()
        || named.into_iter().flatten().chain(&ledger.retired).any(|entry| entry.is(&key))
}

/// Whether `resume` ends: nothing is recorded any more, or it is refused for what others did.
fn resumes(state: &State) -> Result<(), String> {
    let mut now = State { crashes: 0, failures: 0, calls: 0, in_flight: None, ..state.clone() };
    for _ in 0..4 {
        let Some(intent) = now.unfinished() else { return Ok(()) };
        now.make_last_change_succeed();
        now.run = begin(&now, &intent, None);
        if now.run.is_none() {
            let found = reconciled(&now);
            let theirs = found.fit == Fit::Superseded || now.surprised;
            return if theirs { Ok(()) } else { Err(format!("{intent:?} is refused")) };
        }
        while now.run.is_some() {
            now.cluster.take_up();
            for server in 0..2 {
                now.cluster.notice(server);
            }
            now = now.run_on().swap_remove(0).1;
        }
    }
    match now.unfinished() {
        None => Ok(()),
        // what others did can stand in the way: secrets that they lost, a key that they left behind
        Some(_) if now.surprised => Ok(()),
        Some(intent) => {
            Err(format!("{intent:?} does not end: {:?}", now.cluster.facts().expected()))
        }
    }
}

impl State {
    /// What a person is asked for where KMS v1 cannot tell which key is in use after a change that
    /// failed: the key of before is set again.
    fn make_last_change_succeed(&mut self) {
        let operation = self.record().and_then(|record| record.operation.as_ref());
        let before = operation.map(|operation| operation.before.clone());
        if let Some(before) = before.filter(|_| self.cluster.failed && !self.cluster.upgraded) {
            self.cluster.update(&before, Ending::Succeeds);
        }
    }
}

/// The keys of data encryption.
fn data_encryption() -> [KmsChange; 2] {
    let customer = KmsConfiguration {
        key_id: versionless(),
        network_mode: NetworkMode::Public,
        key_vault_id: None,
    };
    [KmsChange::CustomerManaged(customer), KmsChange::PlatformManaged]
}
