//! An abstract cluster: what AKS, its API servers and etcd do, as far as keys are concerned.

use super::key::{
    CUSTOMER, KEYS, Key, NUMBERS, PLATFORM, is, is_version, number, version, versionless,
};
use crate::{
    facts::{ClusterFacts, KmsProfile},
    ids::{ExpectedKey, KubernetesVersion, NetworkMode},
    report::KmsChange,
    rules::testing::{self, VAULT},
};

/// The newest version where nobody makes another.
pub(super) const NEWEST: usize = KEYS.len() - 1;

/// How AKS gives an API server two keys.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Wiring {
    /// Two providers; a server that was given a configuration writes with it.
    TwoProviders,
    /// One provider whose key changes; a server notices later.
    OneProvider,
}

/// What AKS takes for "the key before" when the key changes. It is not documented.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Before {
    /// The one that the API servers were last given.
    RolledOut,
    /// The one that the cluster's document named.
    Configured,
}

/// The KMS profile.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Profile {
    pub(super) key: Key,
    pub(super) mode: NetworkMode,
}

impl Profile {
    /// What API servers come to write with. Through one provider, a version is one and the same however it was
    /// set.
    fn in_use(self, newest: usize, wiring: Wiring) -> Key {
        match (self.key, wiring) {
            (CUSTOMER, Wiring::TwoProviders) => CUSTOMER + newest,
            (CUSTOMER, Wiring::OneProvider) => newest,
            (key, _) => key,
        }
    }
}

/// The key in use and the one before it: what can be read.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Config {
    pub(super) current: Option<Key>,
    pub(super) previous: Option<Key>,
}

impl Config {
    fn reads(self, key: Key) -> bool {
        self.current == Some(key) || self.previous == Some(key)
    }

    /// The two-key rule.
    fn next(self, wanted: Option<Key>) -> Self {
        if self.current == wanted {
            return self;
        }
        let before = self.current.or(self.previous);
        Self { current: wanted, previous: before.filter(|before| Some(*before) != wanted) }
    }
}

/// An API server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Server {
    pub(super) config: Config,
    pub(super) writes: Option<Key>,
}

/// How an update of the cluster ends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Ending {
    Succeeds,
    /// With so many API servers that have the new configuration.
    Fails(usize),
}

/// The cluster, its vault and its secrets.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Cluster {
    pub(super) wiring: Wiring,
    before: Before,
    pub(super) profile: Option<Profile>,
    pub(super) failed: bool,
    pub(super) etag: u8,
    /// KMS v2.
    pub(super) upgraded: bool,
    pub(super) vault_open: bool,
    /// What AKS last gave all API servers.
    rolled_out: Config,
    /// What the document came to name, whether or not its changes succeeded.
    configured: Config,
    uniform: bool,
    pub(super) servers: [Server; 2],
    /// What each is stored under, in any order: secrets are alike.
    pub(super) secrets: [Option<Key>; 3],
    /// Keys that API servers reach over the public way.
    public: [bool; NUMBERS],
    /// The newest version of the key in the vault.
    pub(super) newest: usize,
    /// The version that the operation made.
    pub(super) made: Option<usize>,
}

impl Cluster {
    /// A cluster at rest, with every secret under the key in use.
    pub(super) fn new(
        wiring: Wiring,
        before: Before,
        profile: Option<Profile>,
        upgraded: bool,
        newest: usize,
    ) -> Self {
        let key = profile.map(|profile| profile.in_use(newest, wiring));
        let config = Config { current: key, previous: None };
        let server = Server { config, writes: key };
        let mut cluster = Self {
            wiring,
            before,
            profile,
            failed: false,
            etag: 0,
            upgraded,
            vault_open: profile.is_none_or(|profile| profile.mode == NetworkMode::Public),
            rolled_out: config,
            configured: config,
            uniform: true,
            servers: [server; 2],
            secrets: [key; 3],
            public: [false; NUMBERS],
            newest,
            made: None,
        };
        cluster.note_ways();
        cluster
    }

    /// KMS is on with a key that is reached privately, its vault is open, and the API servers read
    /// with a key, too, that was used publicly before KMS was last turned off.
    pub(super) fn with_a_public_key_from_before(wiring: Wiring, before: Before) -> Self {
        let profile = Profile { key: 0, mode: NetworkMode::Private };
        let mut cluster = Self::new(wiring, before, Some(profile), true, NEWEST);
        let config = Config { current: Some(0), previous: Some(2) };
        cluster.rolled_out = config;
        cluster.configured = config;
        for server in &mut cluster.servers {
            server.config = config;
        }
        cluster.public[2] = true;
        cluster.vault_open = true;
        cluster
    }

    /// The facts that are observed of it.
    pub(super) fn facts(&self) -> ClusterFacts {
        let state = if self.failed { "Failed" } else { "Succeeded" };
        let version = if self.upgraded { "1.27.3" } else { "1.26.3" };
        let version: KubernetesVersion = version.parse().unwrap();
        let mut facts = testing::cluster();
        let key_id = |key: Key| {
            if key == CUSTOMER { versionless().to_string() } else { KEYS[key].to_owned() }
        };
        facts.kms = self.profile.filter(|it| it.key != PLATFORM).map(|profile| KmsProfile {
            enabled: true,
            key: Some(key_id(profile.key).into()),
            network_mode: Some(profile.mode),
            vault: (profile.mode == NetworkMode::Private).then(|| VAULT.to_owned().into()),
        });
        facts.infrastructure_encryption = self.has_data_encryption();
        state.clone_into(&mut facts.provisioning_state);
        facts.etag = Some(self.etag.to_string());
        facts.kubernetes_version = version;
        facts.node_pools[0].kubernetes_version = Some(version);
        facts.vnet_integration = true;
        facts
    }

    /// Something about it was changed.
    pub(super) fn touch(&mut self) {
        self.etag += 1;
    }

    pub(super) fn has_data_encryption(&self) -> bool {
        self.profile.is_some_and(|profile| profile.key >= PLATFORM)
    }

    /// While KMS is on, the vault is reached in no other way: all keys are in one vault. There is no way back
    /// from data encryption.
    pub(super) fn refuses(&self, target: &KmsChange) -> bool {
        if self.has_data_encryption() {
            return !target.is_data_encryption();
        }
        self.profile.zip(target.on()).is_some_and(|(profile, to)| profile.mode != to.network_mode)
    }

    /// An update to a profile, accepted for the present eTag.
    pub(super) fn update(&mut self, target: &KmsChange, ending: Ending) {
        self.profile = match target {
            KmsChange::On(target) => {
                Some(Profile { key: number(&target.key_id), mode: target.network_mode })
            }
            KmsChange::CustomerManaged(target) => {
                Some(Profile { key: CUSTOMER, mode: target.network_mode })
            }
            KmsChange::PlatformManaged => {
                Some(Profile { key: PLATFORM, mode: NetworkMode::Public })
            }
            KmsChange::Off => None,
        };
        self.touch();
        let key = self.profile.map(|profile| profile.in_use(self.newest, self.wiring));
        let configured = self.configured.next(key);
        let next = match self.before {
            Before::RolledOut => self.rolled_out.next(key),
            Before::Configured => configured,
        };
        self.configured = configured;
        let applied = match ending {
            Ending::Succeeds => self.servers.len(),
            Ending::Fails(servers) => servers,
        };
        self.failed = ending != Ending::Succeeds;
        if applied == 0 || (next == self.rolled_out && self.uniform) {
            if ending == Ending::Succeeds {
                self.note_ways();
            }
            return;
        }
        for server in self.servers.iter_mut().take(applied) {
            server.config = next;
            // Turning encryption on or off restarts a server.
            let restarts = self.wiring == Wiring::TwoProviders
                || next.current.is_none()
                || server.writes.is_none();
            if restarts {
                server.writes = next.current;
            }
        }
        self.rolled_out = next;
        self.uniform = applied == self.servers.len();
        self.note_ways();
    }

    fn note_ways(&mut self) {
        if let (Some(profile), Some(key)) = (self.profile, self.rolled_out.current) {
            self.public[key] = profile.mode == NetworkMode::Public;
        }
    }

    /// A version of the key is made.
    pub(super) fn make_version(&mut self) -> Option<usize> {
        if self.made.is_none() && self.newest + 1 < KEYS.len() {
            self.newest += 1;
            self.made = Some(self.newest);
        }
        self.made
    }

    /// The newest version of a customer-managed key, where AKS has not taken it up yet.
    pub(super) fn not_taken_up(&self) -> Option<Key> {
        let profile = self.profile.filter(|it| it.key == CUSTOMER && !self.failed)?;
        let newest = profile.in_use(self.newest, self.wiring);
        (self.rolled_out.current != Some(newest)).then_some(newest)
    }

    /// Whether every API server writes with the newest version of the key that is set.
    pub(super) fn writes_newest(&self) -> bool {
        let newest = self.profile.map(|profile| profile.in_use(self.newest, self.wiring));
        self.servers.iter().all(|server| server.writes == newest)
    }

    /// AKS takes up the newest version.
    pub(super) fn take_up(&mut self) {
        let Some(newest) = self.not_taken_up() else { return };
        self.rolled_out = self.rolled_out.next(Some(newest));
        self.configured = self.configured.next(Some(newest));
        for server in &mut self.servers {
            server.config = server.config.next(Some(newest));
            if self.wiring == Wiring::TwoProviders {
                server.writes = server.config.current;
            }
        }
    }

    /// A server asks its plugin for the key.
    pub(super) fn notice(&mut self, server: usize) {
        let server = &mut self.servers[server];
        server.writes = server.config.current;
    }

    /// The cluster is upgraded; with the same profile.
    pub(super) fn upgrade(&mut self, ending: Ending) {
        self.upgraded = true;
        self.touch();
        self.failed = ending != Ending::Succeeds;
    }

    /// What servers write with, each key once.
    pub(super) fn written(&self) -> Vec<Option<Key>> {
        let mut keys: Vec<_> = self.servers.iter().map(|server| server.writes).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether all servers write with one and the same, and it is taken for this.
    pub(super) fn all_write(&self, expected: &ExpectedKey) -> bool {
        matches!(self.written()[..], [key] if is(expected, key))
    }

    /// Whether AKS is about to move on from what is written with.
    pub(super) fn is_outdated(&self, expected: &ExpectedKey) -> bool {
        let is_old = |key: Option<Key>| key.is_some_and(|key| version(key) != self.newest);
        matches!(expected, ExpectedKey::AnyVersion(_)) && self.written().into_iter().any(is_old)
    }

    /// Whether every secret is stored under one of these.
    pub(super) fn all_under(&self, keys: &[Option<Key>]) -> bool {
        self.secrets.iter().all(|stored| keys.contains(stored))
    }

    /// A server writes a secret, somebody's or for a rewrite.
    pub(super) fn write(&mut self, secret: usize, server: usize) {
        self.secrets[secret] = self.servers[server].writes;
        self.secrets.sort_unstable();
    }

    /// Every secret is asked: a server rewrites what is not under the key that it writes with, if
    /// it can read it.
    pub(super) fn rewrite(&mut self, server: usize) {
        let Server { config, writes } = self.servers[server];
        for stored in &mut self.secrets {
            if stored.is_none_or(|key| config.reads(key)) {
                *stored = writes;
            }
        }
        self.secrets.sort_unstable();
    }

    /// Secrets that no API server can read.
    pub(super) fn lost(&self) -> usize {
        let reads = |key: Key| self.servers.iter().any(|server| server.config.reads(key));
        self.secrets.iter().flatten().filter(|key| !reads(**key)).count()
    }

    /// Whether the API servers or a secret need this version of the key. What AKS itself looks after, it may
    /// still be configured to read with.
    pub(super) fn needs(&self, version: usize) -> bool {
        let stored = self.secrets.iter().flatten().any(|key| is_version(*key, version));
        let read = (0..NUMBERS).filter(|key| is_version(*key, version)).any(|key| self.reads(key));
        stored || (read && !self.has_data_encryption()) || self.is_written(version)
    }

    fn reads(&self, key: Key) -> bool {
        self.servers.iter().any(|server| server.config.reads(key))
    }

    /// Whether a server writes with this version, or is about to.
    fn is_written(&self, version: usize) -> bool {
        let mut keys =
            self.servers.iter().flat_map(|server| [server.writes, server.config.current]);
        keys.any(|key| key.is_some_and(|key| is_version(key, version)))
    }

    /// Whether the vault is closed to somebody who needs the public way.
    pub(super) fn is_cut_off(&self) -> bool {
        let public = |key: &Key| self.public[*key];
        !self.vault_open && (0..KEYS.len()).filter(public).any(|key| self.needs(key))
    }
}
