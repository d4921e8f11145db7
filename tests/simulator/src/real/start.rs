//! From nothing to a cluster as a case wants it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::{sync::Mutex, time::sleep_until};

use super::{
    Inner,
    api_server::Settings,
    binaries::{ApiServerProgram, BEFORE, Binaries},
    chain::{Order, Wires},
    client::Client,
    cluster,
    faults::ApiServerFaults,
    obstacles, rights,
    rollout::State,
    seal,
    seed::{Seed, invalidate, seeds},
    stored::StoredForm,
    surroundings::{Recording, Surroundings},
};
use crate::{
    backend::{BackendSpec, EncryptionConfig, KeyRef, KmsVersion, vault_of},
    files,
    given::{Faults, SpecialKind},
};

/// So many secrets are made at once.
const CONCURRENCY: usize = 32;

/// Which versions of Kubernetes a cluster has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Versions {
    /// The newest.
    One,
    /// The first API server has the newest one, all others the one before.
    InUpgrade,
}

impl Versions {
    /// What each API server runs.
    fn programs(
        self,
        binaries: &Binaries,
        servers: usize,
    ) -> Result<Vec<ApiServerProgram>, String> {
        let newest = ApiServerProgram::of(&binaries.kube_apiserver)?;
        let others = match (self, &binaries.kube_apiserver_before) {
            (Self::One, _) => newest.clone(),
            (Self::InUpgrade, Some(before)) => ApiServerProgram::of(before)?,
            (Self::InUpgrade, None) => return Err(format!("there is no {BEFORE}")),
        };
        let mut programs = vec![others; servers];
        if let Some(first) = programs.first_mut() {
            *first = newest;
        }
        Ok(programs)
    }
}

pub(super) async fn start(
    spec: BackendSpec,
    recording: Recording,
    versions: Versions,
) -> Result<Arc<Inner>, String> {
    let cluster = &spec.given.cluster;
    if cluster.api_servers == 0 {
        return Err("a cluster has at least one API server".to_owned());
    }
    let faults = ApiServerFaults::new(&spec.given.faults, cluster.api_servers, spec.scale)?;
    let folder = files::temporary_folder("aks-kms-")
        .map_err(|error| format!("temporary folder: {error}"))?;
    let binaries = Binaries::find().map_err(|error| error.to_string())?;
    let programs = versions.programs(&binaries, cluster.api_servers)?;
    let surroundings =
        Surroundings::new(&spec, folder.path().to_owned(), &binaries, recording).await?;
    let mut state = State::new(
        Wires::new(cluster.wiring, spec.given.data_encryption.readable_versions),
        programs,
        &spec.config,
    );
    Box::pin(fill(&mut state, &surroundings, &spec, faults)).await?;
    let inner = Arc::new(Inner {
        state: Mutex::new(state),
        surroundings,
        ca_pem: spec.authority.ca_pem().to_owned(),
        key_ids: spec.key_ids.clone(),
        scale: spec.scale,
        _folder: folder,
    });
    watch_faults(&inner).await;
    Ok(inner)
}

/// Replaces the faults.
pub(super) async fn set_faults(inner: &Arc<Inner>, faults: &Faults) -> Result<(), String> {
    {
        let mut state = inner.state.lock().await;
        state.faults = ApiServerFaults::new(faults, state.servers.len(), inner.scale)?;
        state.settle_all(&inner.surroundings).await?;
    }
    watch_faults(inner).await;
    Ok(())
}

/// Some faults end by themselves.
async fn watch_faults(inner: &Arc<Inner>) {
    let ends: Vec<_> = inner.state.lock().await.faults.ends().collect();
    for end in ends {
        let inner: Weak<Inner> = Arc::downgrade(inner);
        tokio::spawn(async move {
            sleep_until(end).await;
            if let Some(inner) = inner.upgrade() {
                let mut state = inner.state.lock().await;
                if let Err(error) = Box::pin(state.settle_all(&inner.surroundings)).await {
                    tracing::error!(%error, "a fault has ended, but its API server is unhealthy");
                }
            }
        });
    }
}

/// Makes secrets under older keys by giving the first API server those keys, one after the other;
/// then starts all with what the case has, and makes the rest.
async fn fill(
    state: &mut State,
    surroundings: &Surroundings,
    spec: &BackendSpec,
    faults: ApiServerFaults,
) -> Result<(), String> {
    let seeds = seeds(spec)?;
    let mut phases: Vec<Option<KeyRef>> = Vec::new();
    for seed in &seeds {
        let key = made_with(seed).cloned();
        if key != spec.config.current && !phases.contains(&key) {
            phases.push(key);
        }
    }
    phases.sort_by_key(Option::is_some);
    let mut furnished = false;
    let mut previous = None;
    for phase in phases {
        let config = EncryptionConfig {
            current: phase.clone(),
            previous: previous.take(),
            ..EncryptionConfig::default()
        };
        let settings =
            Settings { chain: state.wires.chain(&config, Order::NewFirst), streaming_lists: true };
        state.servers[0].settle(surroundings, settings).await?;
        let client = state.servers[0].client()?;
        if !furnished {
            furnish(client, spec, &seeds).await?;
            furnished = true;
        }
        create(client, &seeds, phase.as_ref()).await?;
        previous = phase;
    }
    state.faults = faults;
    state.settle_all(surroundings).await?;
    let client = state.servers[0].client()?;
    if !furnished {
        furnish(client, spec, &seeds).await?;
    }
    create(client, &seeds, spec.config.current.as_ref()).await?;
    edit(state, surroundings, spec, &seeds).await?;
    orphan(client, &seeds).await?;
    let clients: Vec<Client> =
        state.servers.iter().map(|server| server.client().cloned()).collect::<Result<_, _>>()?;
    let oldest = state.servers.iter().map(|server| server.program().minor).min();
    obstacles::raise(&clients, &seeds, oldest.unwrap_or_default()).await
}

/// The key that the API server has when it makes this secret. Invalid bytes can only be put into
/// plaintext; they are encrypted later.
fn made_with(seed: &Seed) -> Option<&KeyRef> {
    if seed.kind == Some(SpecialKind::Invalid) { None } else { seed.under.as_ref() }
}

async fn furnish(client: &Client, spec: &BackendSpec, seeds: &[Seed]) -> Result<(), String> {
    let of_seeds = seeds.iter().map(|seed| seed.namespace.clone());
    let of_given = (1..=spec.given.secrets.namespaces).map(|number| format!("team-{number}"));
    let namespaces: BTreeSet<String> = of_seeds.chain(of_given).collect();
    let namespaces: Vec<String> = namespaces.into_iter().collect();
    cluster::furnish(client, spec, &namespaces).await?;
    let all: Vec<String> = ["default", "kube-system", "kube-public", "kube-node-lease"]
        .map(str::to_owned)
        .into_iter()
        .chain(namespaces)
        .collect();
    rights::give(client, &spec.given.access, &all).await
}

async fn create(client: &Client, seeds: &[Seed], key: Option<&KeyRef>) -> Result<(), String> {
    let seeds = seeds.iter().filter(|seed| made_with(seed) == key);
    // made before they are streamed: a future that a stream's closure makes is not `Send` enough
    let creations: Vec<_> = seeds.map(|seed| seed.create(client)).collect();
    stream::iter(creations).buffer_unordered(CONCURRENCY).try_collect().await
}

/// What no API server would write.
async fn edit(
    state: &State,
    surroundings: &Surroundings,
    spec: &BackendSpec,
    seeds: &[Seed],
) -> Result<(), String> {
    let etcd = &surroundings.etcd;
    for seed in seeds {
        let path = seed.path_in_etcd();
        let value = match seed.kind {
            Some(SpecialKind::Invalid) => {
                let stored = etcd.get(&path).await?.ok_or_else(|| format!("{path} is gone"))?;
                let invalid = invalidate(stored.value)?;
                match &seed.under {
                    None => invalid,
                    Some(key) if key.kms_version.api() == KmsVersion::V2 => {
                        let provider = state.wires.name(key);
                        let vault = vault_of(&spec.vault, key.kms_version);
                        seal::seal(&*vault, key, &provider, &path, &invalid).await?
                    }
                    Some(_) => {
                        return Err(format!("{path} cannot be invalid and under KMS v1"));
                    }
                }
            }
            // Unless the key that it is under is one that no API server has.
            Some(SpecialKind::Unreadable) if is_readable(state, etcd, &path).await? => {
                let current = spec.config.current.as_ref();
                let provider = current.map_or("azure-kms-a".into(), |key| state.wires.name(key));
                seal::unreadable(&provider)?
            }
            _ => continue,
        };
        etcd.put(&path, value).await?;
    }
    Ok(())
}

/// Takes the namespaces of orphans away.
async fn orphan(client: &Client, seeds: &[Seed]) -> Result<(), String> {
    let orphans = seeds.iter().filter(|seed| seed.kind == Some(SpecialKind::Orphan));
    let namespaces: BTreeSet<&str> = orphans.map(|seed| &*seed.namespace).collect();
    for namespace in namespaces {
        client.delete(&format!("/api/v1/namespaces/{namespace}")).await?;
        client.finalize(namespace).await?;
    }
    Ok(())
}

async fn is_readable(state: &State, etcd: &super::Etcd, path: &str) -> Result<bool, String> {
    let stored = etcd.get(path).await?.ok_or_else(|| format!("{path} is gone"))?;
    let form = StoredForm::of(&stored.value);
    Ok(state.chains().any(|chain| chain.reads(&form)))
}
