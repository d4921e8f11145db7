//! An abstract cluster: what AKS, its API servers and etcd do, as far as keys are concerned.

use crate::{
    facts::{ClusterFacts, KmsProfile},
    ids::{ExpectedKey, KeyId, KubernetesVersion, NetworkMode},
    report::KmsChange,
    rules::testing::{self, KEY_0, KEY_1, KEY_2, VAULT},
};

/// Number of a key; the world has three.
pub(super) type Key = usize;

pub(super) const KEYS: [&str; 3] = [KEY_0, KEY_1, KEY_2];

/// The key's id.
pub(super) fn id(key: Key) -> KeyId {
    KeyId::parse(KEYS[key]).unwrap()
}

fn number(key_id: &KeyId) -> Key {
    KEYS.iter().position(|known| *known == key_id.as_str()).unwrap()
}

/// What API servers write with: a key, or plaintext.
pub(super) fn written(expected: &ExpectedKey) -> Option<Key> {
    expected.key_id().map(number)
}

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
    public: [bool; 3],
}

impl Cluster {
    /// A cluster at rest, with every secret under the key in use.
    pub(super) fn new(
        wiring: Wiring,
        before: Before,
        profile: Option<Profile>,
        upgraded: bool,
    ) -> Self {
        let key = profile.map(|profile| profile.key);
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
            public: [false; 3],
        };
        cluster.note_ways();
        cluster
    }

    /// KMS is on with a key that is reached privately, its vault is open, and the API servers read
    /// with a key, too, that was used publicly before KMS was last turned off.
    pub(super) fn with_a_public_key_from_before(wiring: Wiring, before: Before) -> Self {
        let profile = Profile { key: 0, mode: NetworkMode::Private };
        let mut cluster = Self::new(wiring, before, Some(profile), true);
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
        facts.kms = self.profile.map(|profile| KmsProfile {
            enabled: true,
            key: Some(KEYS[profile.key].to_owned().into()),
            network_mode: Some(profile.mode),
            vault: (profile.mode == NetworkMode::Private).then(|| VAULT.to_owned().into()),
        });
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

    /// While KMS is on, the vault is reached in no other way: all keys are in one vault.
    pub(super) fn refuses(&self, target: &KmsChange) -> bool {
        self.profile.zip(target.on()).is_some_and(|(profile, to)| profile.mode != to.network_mode)
    }

    /// An update to a profile, accepted for the present eTag.
    pub(super) fn update(&mut self, target: &KmsChange, ending: Ending) {
        self.profile = target
            .on()
            .map(|target| Profile { key: number(&target.key_id), mode: target.network_mode });
        self.touch();
        let key = self.profile.map(|profile| profile.key);
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

    /// Whether all servers write with this.
    pub(super) fn all_write(&self, key: Option<Key>) -> bool {
        self.servers.iter().all(|server| server.writes == key)
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

    /// Whether the API servers or a secret need this key.
    pub(super) fn needs(&self, key: Key) -> bool {
        self.secrets.contains(&Some(key))
            || self.servers.iter().any(|server| server.config.reads(key))
    }

    /// Whether the vault is closed to somebody who needs the public way.
    pub(super) fn is_cut_off(&self) -> bool {
        !self.vault_open && (0..KEYS.len()).any(|key| self.public[key] && self.needs(key))
    }
}
