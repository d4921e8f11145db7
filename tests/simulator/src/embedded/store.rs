//! The store: what etcd is to an API server.
//!
//! One revision counts every write. A secret's key is `/registry/secrets/<namespace>/<name>`; it
//! keeps its older versions until they are compacted, so a list can go on at the revision where
//! it began. Watchers are told of writes in their order.

mod pages;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    seals::Seals,
    secret::Secret,
    transform::Seal,
    versions::{Entry, Namespace, Version},
    watchers::{Event, Happened, Watchers},
};

/// What one more revision of an object costs besides its own bytes.
const REVISION_BYTES: usize = 2_400;

/// Why a write was not done.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// The key is not at the expected revision any more.
    Changed,
    /// There is such a key.
    Exists,
    /// etcd's database has no space.
    NoSpace,
}

/// The secrets of a store at one revision.
pub(super) struct Backup {
    revision: u64,
    secrets: Vec<(Arc<str>, Box<str>, Version)>,
}

#[derive(Default)]
struct State {
    revision: u64,
    compacted: u64,
    namespaces: BTreeMap<Arc<str>, Namespace>,
    seals: Seals,
    watchers: Watchers,
    checkpoints: VecDeque<(Instant, u64)>,
    database_bytes: usize,
    live_bytes: usize,
    full: bool,
}

/// The store.
pub(super) struct Store {
    state: RwLock<State>,
    retention: Duration,
}

impl Store {
    /// An empty store that keeps older versions for `retention`.
    pub(super) fn new(retention: Duration) -> Self {
        // a cluster has written other things before its secrets
        let state = State { revision: 1000, database_bytes: 8 << 20, ..State::default() };
        Self { state: RwLock::new(state), retention }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest revision.
    pub(super) fn revision(&self) -> u64 {
        self.read().revision
    }

    /// The revision of a write to something else than secrets.
    pub(super) fn advance(&self) -> u64 {
        let mut state = self.write();
        state.revision += 1;
        state.revision
    }

    /// The newest version of a secret.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Version> {
        let state = self.read();
        Some(state.namespaces.get(namespace)?.live.get(name)?.newest.clone())
    }

    /// Stores a secret under a key that must not exist.
    pub(super) fn create(
        &self,
        namespace: &str,
        name: &str,
        secret: Arc<Secret>,
        seal: &Arc<Seal>,
    ) -> Result<Version, Refused> {
        self.write().create(self.retention, namespace, name.into(), secret, seal)
    }

    /// Stores many secrets of one namespace at once; those that exist stay as they are.
    pub(super) fn create_all(
        &self,
        namespace: &str,
        seal: &Arc<Seal>,
        secrets: impl Iterator<Item = (Box<str>, Arc<Secret>)>,
    ) {
        let mut state = self.write();
        for (name, secret) in secrets {
            // refused only where there is such a secret already
            let _ = state.create(self.retention, namespace, name, secret, seal);
        }
    }

    /// Stores a new version of a secret that must be at `expected`.
    pub(super) fn replace(
        &self,
        namespace: &str,
        name: &str,
        expected: u64,
        secret: Arc<Secret>,
        seal: &Arc<Seal>,
    ) -> Result<Version, Refused> {
        let mut state = self.write();
        let state = &mut *state;
        let Some((namespace, secrets)) = entry_of(&mut state.namespaces, namespace) else {
            return Err(Refused::Changed);
        };
        let Some(entry) = secrets.live.get_mut(name) else {
            return Err(Refused::Changed);
        };
        if entry.newest.revision != expected {
            return Err(Refused::Changed);
        }
        if state.full {
            return Err(Refused::NoSpace);
        }
        state.revision += 1;
        let bytes = secret.stored_bytes(name);
        state.database_bytes += bytes + REVISION_BYTES;
        state.live_bytes += bytes;
        state.live_bytes = state.live_bytes.saturating_sub(entry.newest.secret.stored_bytes(name));
        let seal = state.seals.add(seal);
        let version = Version { revision: state.revision, seal, secret };
        let before = entry.put(version.clone(), state.compacted);
        state.seals.remove(&before.seal);
        let event = Event {
            happened: Happened::Modified,
            namespace,
            name: name.into(),
            version: version.clone(),
        };
        state.watchers.tell(&event);
        state.age(self.retention);
        Ok(version)
    }

    /// Removes a secret that must be at `expected`.
    pub(super) fn delete(&self, namespace: &str, name: &str, expected: u64) -> Result<(), Refused> {
        let mut state = self.write();
        let state = &mut *state;
        let revision = state.revision + 1;
        let compacted = state.compacted;
        let Some((namespace, secrets)) = entry_of(&mut state.namespaces, namespace) else {
            return Err(Refused::Changed);
        };
        if secrets.live.get(name).is_none_or(|entry| entry.newest.revision != expected) {
            return Err(Refused::Changed);
        }
        let Some((name, version)) = secrets.bury(name, revision, compacted) else {
            return Err(Refused::Changed);
        };
        state.revision = revision;
        state.seals.remove(&version.seal);
        state.live_bytes = state.live_bytes.saturating_sub(version.secret.stored_bytes(&name));
        state.watchers.tell(&Event { happened: Happened::Deleted, namespace, name, version });
        state.age(self.retention);
        Ok(())
    }

    /// Begins to watch: the revision as of which all is told before, and what happens after it.
    pub(super) fn watch(&self, namespace: Option<&str>) -> (u64, mpsc::Receiver<Event>) {
        let mut state = self.write();
        let events = state.watchers.add(namespace);
        (state.revision, events)
    }

    /// In which ways keys are stored, and how many in each.
    pub(super) fn seals(&self) -> Vec<(Arc<Seal>, usize)> {
        self.read().seals.counts()
    }

    /// Number of secrets.
    pub(super) fn len(&self) -> usize {
        self.read().seals.total()
    }

    /// Calls `visit` with every secret.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&str, &str, &Version)) {
        for (namespace, secrets) in &self.read().namespaces {
            for (name, entry) in &secrets.live {
                visit(namespace, name, &entry.newest);
            }
        }
    }

    /// The size of the database file, and of the secrets in it.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let state = self.read();
        (state.database_bytes, state.live_bytes)
    }

    /// Forgets every older version now.
    pub(super) fn compact(&self) {
        let mut state = self.write();
        state.compacted = state.revision;
    }

    /// What is stored now.
    pub(super) fn backup(&self) -> Backup {
        let mut secrets = Vec::new();
        self.for_each(|namespace, name, version| {
            secrets.push((namespace.into(), name.into(), version.clone()));
        });
        Backup { revision: self.revision(), secrets }
    }

    /// Puts everything back to where it was, the revision too. Watches end.
    pub(super) fn restore(&self, backup: &Backup) {
        let mut state = self.write();
        state.revision = backup.revision;
        state.compacted = backup.revision;
        state.checkpoints.clear();
        state.watchers.clear();
        state.namespaces.clear();
        state.seals.clear();
        state.live_bytes = 0;
        for (namespace, name, version) in &backup.secrets {
            state.seals.add(&version.seal);
            state.live_bytes += version.secret.stored_bytes(name);
            let secrets = state.namespaces.entry(Arc::clone(namespace)).or_default();
            secrets.live.insert(name.clone(), Entry::new(version.clone()));
        }
    }

    /// Whether etcd refuses writes for want of space.
    pub(super) fn set_full(&self, full: bool) {
        self.write().full = full;
    }
}

impl State {
    fn create(
        &mut self,
        retention: Duration,
        namespace: &str,
        name: Box<str>,
        secret: Arc<Secret>,
        seal: &Arc<Seal>,
    ) -> Result<Version, Refused> {
        if self.full {
            return Err(Refused::NoSpace);
        }
        let namespace = match self.namespaces.get_key_value(namespace) {
            Some((namespace, _)) => Arc::clone(namespace),
            None => Arc::from(namespace),
        };
        let revision = self.revision + 1;
        let secrets = self.namespaces.entry(Arc::clone(&namespace)).or_default();
        let std::collections::btree_map::Entry::Vacant(vacant) = secrets.live.entry(name) else {
            return Err(Refused::Exists);
        };
        let bytes = secret.stored_bytes(vacant.key());
        let seal = self.seals.add(seal);
        let version = Version { revision, seal, secret };
        let told = (!self.watchers.is_empty()).then(|| vacant.key().clone());
        vacant.insert(Entry::new(version.clone()));
        self.revision = revision;
        self.database_bytes += bytes + REVISION_BYTES;
        self.live_bytes += bytes;
        if let Some(name) = told {
            let version = version.clone();
            self.watchers.tell(&Event { happened: Happened::Added, namespace, name, version });
        }
        self.age(retention);
        Ok(version)
    }

    /// Compacts what is older than `retention`, as the API servers ask etcd to every few minutes.
    fn age(&mut self, retention: Duration) {
        let now = Instant::now();
        if self.checkpoints.back().is_none_or(|(at, _)| now - *at > retention / 10) {
            self.checkpoints.push_back((now, self.revision));
        }
        while let Some((at, revision)) = self.checkpoints.front() {
            if now - *at < retention {
                break;
            }
            self.compacted = self.compacted.max(*revision);
            self.checkpoints.pop_front();
        }
    }
}

/// A namespace with the shared form of its name.
fn entry_of<'a>(
    namespaces: &'a mut BTreeMap<Arc<str>, Namespace>,
    namespace: &str,
) -> Option<(Arc<str>, &'a mut Namespace)> {
    let name = Arc::clone(namespaces.get_key_value(namespace)?.0);
    Some((name, namespaces.get_mut(namespace)?))
}
