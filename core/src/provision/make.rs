//! Makes what is missing, part by part: look, make, and look again where nobody knows what became of it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, ready},
};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::{
    look::{Seen, versioned},
    plan::{expires, is_rbac},
    wanted::Wanted,
};
use crate::{
    azure::{Azure, NewVault},
    error::{Error, ErrorKind, Result},
    facts::{IdentityFacts, KeyFacts, Lookup, VaultFacts, VaultRole},
    ids::{KeyId, NetworkMode},
    options::Timing,
    progress::{Phase, Reporter},
    report::{ProvisionPart, ProvisionStep},
};

/// Requests in a row that are in conflict with something.
const CONFLICTS: u32 = 3;
const NAME_TAKEN: &str = "VaultAlreadyExists";

/// What was made so far: it outlives the call, so that an error can tell of it.
#[derive(Default)]
pub(crate) struct Made(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    made: Vec<ProvisionStep>,
    /// It was asked for, and what became of it is not known.
    asked: Option<ProvisionStep>,
}

impl Made {
    fn asks(&self, step: &ProvisionStep) {
        self.parts().asked = Some(step.clone());
    }

    /// What was asked for, if anything was, is there, and was not before.
    fn is_made(&self) {
        let mut parts = self.parts();
        let step = parts.asked.take();
        parts.made.extend(step);
    }

    /// What was asked for was refused, or was there before.
    fn is_not_made(&self) {
        self.parts().asked = None;
    }

    pub(crate) fn steps(&self) -> Vec<ProvisionStep> {
        self.parts().made.clone()
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error, with what was made before it.
    pub(crate) fn told_in(&self, error: Error) -> Error {
        let parts = self.parts();
        let name = |step: &ProvisionStep| format!("{} ({})", step.part, step.resource);
        let mut told = Vec::new();
        if !parts.made.is_empty() {
            let made: Vec<String> = parts.made.iter().map(name).collect();
            told.push(format!("made so far: {}", made.join(", ")));
        }
        told.extend(parts.asked.iter().map(|step| format!("perhaps made: {}", name(step))));
        if told.is_empty() {
            return error;
        }
        error.with_context(&format!("{}; the same call goes on from here", told.join("; ")))
    }
}

/// Makes the parts of a plan.
pub(crate) struct Maker<'a> {
    pub(crate) azure: &'a Azure,
    pub(crate) wanted: &'a Wanted,
    pub(crate) seen: &'a Seen,
    pub(crate) plan: &'a [ProvisionStep],
    pub(crate) timing: &'a Timing,
    pub(crate) reporter: &'a Reporter,
    pub(crate) made: &'a Made,
}

impl Maker<'_> {
    /// Makes every part of the plan, and waits until the access is in effect. Gives the identity and the
    /// key's id.
    pub(crate) async fn make(&self) -> Result<(IdentityFacts, KeyId)> {
        let identity = self.identity().await?;
        let vault = self.vault(&identity).await?;
        let key = self.key(&vault).await?;
        let ages = self.access(&vault, &identity).await?;
        self.until_in_effect(&ages).await;
        Ok((identity, key))
    }

    async fn identity(&self) -> Result<IdentityFacts> {
        let id = &self.seen.identity_id;
        let location = self.seen.identity_location.as_deref().unwrap_or_default();
        let Some(step) = self.begin(ProvisionPart::Identity) else {
            return self.seen.identity.clone().ok_or_else(|| gone("identity", id));
        };
        let look = || self.azure.find_identity(id).boxed();
        let make = || self.azure.create_identity(id, location).boxed();
        self.ensure(step, look, make).await
    }

    async fn vault(&self, identity: &IdentityFacts) -> Result<VaultFacts> {
        let (wanted, id) = (self.wanted, &self.wanted.vault);
        if let Some(step) = self.begin(ProvisionPart::PurgeProtection) {
            let protected = || {
                let there =
                    async { Ok(self.vault_there().await?.filter(|it| it.purge_protection)) };
                there.boxed()
            };
            let protect = || self.azure.protect_vault(id).boxed();
            return self.ensure(step, protected, protect).await;
        }
        let Some(step) = self.begin(ProvisionPart::KeyVault) else {
            let there = self.seen.found_vault().cloned().ok_or_else(|| gone("key vault", id))?;
            return self.ready(there).await;
        };
        let new = NewVault {
            location: self.seen.vault_location.clone().unwrap_or_default(),
            tenant_id: identity.tenant_id.clone(),
            authorization: wanted.authorization,
            public_network_access: wanted.network_mode == NetworkMode::Public,
            firewall: wanted.has_firewall(),
            purge_protection: wanted.purge_protection != Some(false),
        };
        let look = || self.vault_there().boxed();
        let made = self.ensure(step, look, || self.azure.create_vault(id, &new).boxed()).await?;
        let vault = self.ready(made).await?;
        if vault.rbac != is_rbac(wanted, None) {
            // The access that is planned is not the one that it goes by.
            let message = format!("somebody else made key vault {id} meanwhile; run this again");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(vault)
    }

    /// The vault, if it is there.
    async fn vault_there(&self) -> Result<Option<VaultFacts>> {
        let id = &self.wanted.vault;
        match self.azure.find_vault(id).await? {
            Lookup::Found(vault) => Ok(Some(vault)),
            Lookup::NotFound => Ok(None),
            Lookup::SoftDeleted => Err(gone("key vault", id)),
        }
    }

    /// The vault, once it can be used: its host's name is registered first.
    async fn ready(&self, mut vault: VaultFacts) -> Result<VaultFacts> {
        let deadline = Instant::now() + self.timing.cluster_busy;
        while !vault.is_ready {
            if Instant::now() >= deadline {
                let message = format!(
                    "key vault {} does not become ready: its provisioning state is not Succeeded; look at it, then run \
                     this again",
                    vault.id
                );
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
            self.reporter.message(format!("Waiting until key vault {} is ready", vault.id.name()));
            sleep(self.timing.operation_poll_first).await;
            vault = self.azure.read_vault(&vault.id).await?;
        }
        Ok(vault)
    }

    async fn key(&self, vault: &VaultFacts) -> Result<KeyId> {
        let (wanted, key) = (self.wanted, &self.wanted.key);
        let Some(step) = self.begin(ProvisionPart::Key) else {
            return self.seen.found_key().map_or_else(|| Err(gone("key", key)), versioned);
        };
        let look = || self.azure.find_key(&vault.id, key).boxed();
        let make = || {
            let expires = expires(wanted, OffsetDateTime::now_utc());
            self.azure.create_key(&vault.id, key, wanted.key_size, expires).boxed()
        };
        let facts: KeyFacts = self.ensure(step, look, make).await?;
        versioned(&facts)
    }

    /// Gives the identity its access. Gives how long ago it got each role.
    async fn access(
        &self,
        vault: &VaultFacts,
        identity: &IdentityFacts,
    ) -> Result<Vec<(Instant, Duration)>> {
        let principal = &identity.principal_id;
        if let Some(step) = self.begin(ProvisionPart::KeyPolicy) {
            // To add it again adds nothing.
            let make = || self.azure.grant_policy(vault, principal).boxed();
            self.ensure(step, || ready(Ok(None)).boxed(), make).await?;
        }
        let mut ages = Vec::new();
        let by_role = is_rbac(self.wanted, Some(vault)).then_some(VaultRole::CryptoUser);
        let reader = self.wanted.is_customer_managed.then_some(VaultRole::Reader);
        let link = self.wanted.has_private_link().then_some(VaultRole::Contributor);
        for role in by_role.into_iter().chain(reader).chain(link) {
            let part = match role {
                VaultRole::CryptoUser => ProvisionPart::KeyRole,
                VaultRole::Contributor => ProvisionPart::PrivateLinkRole,
                VaultRole::Reader => ProvisionPart::VaultReadRole,
            };
            let look = || self.azure.role_age(&vault.id, principal, role);
            let age = match self.begin(part) {
                Some(step) => {
                    let own = || look().map_ok(|age| age.map(Some)).boxed();
                    let make = || {
                        let grant = self.azure.grant_role(&vault.id, principal, role);
                        let told = |age: &Option<Duration>| {
                            // It was there by an assignment of somebody else's.
                            if age.is_none() {
                                self.made.is_not_made();
                            }
                        };
                        grant.inspect_ok(told).boxed()
                    };
                    self.ensure(step, own, make).await?
                }
                // An earlier call may have given it a moment ago.
                None => look().await?,
            };
            ages.extend(age.map(|age| (Instant::now(), age)));
        }
        Ok(ages)
    }

    /// Waits as long as a new role may take to reach the vault: nobody but the vault knows when it has.
    async fn until_in_effect(&self, ages: &[(Instant, Duration)]) {
        let longest = self.timing.role_propagation;
        let left = |(seen, age): &(Instant, Duration)| {
            longest.saturating_sub(age.saturating_add(seen.elapsed()))
        };
        loop {
            let left = ages.iter().map(left).max().unwrap_or_default();
            if left.is_zero() {
                return;
            }
            self.reporter.message(format!(
                "Waiting {} s more until the identity's new role has reached key vault {}",
                left.as_secs(),
                self.wanted.vault.name()
            ));
            sleep(left.min(self.timing.operation_poll_longest)).await;
        }
    }

    /// The step of this part, if the plan has one: it begins.
    fn begin(&self, part: ProvisionPart) -> Option<&ProvisionStep> {
        let at = self.plan.iter().position(|step| step.part == part)?;
        let step = &self.plan[at];
        self.reporter.step(at + 1, self.plan.len(), Phase::Vault, &*step.summary);
        Some(step)
    }

    /// The part as it is found, or made where it is not there. What is sent is sent once; where the
    /// outcome is not known, the next look tells.
    async fn ensure<'a, T>(
        &self,
        step: &ProvisionStep,
        look: impl Fn() -> BoxFuture<'a, Result<Option<T>>> + Send + Sync,
        make: impl Fn() -> BoxFuture<'a, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let (mut tries, mut all_refused) = (0, true);
        loop {
            if let Some(there) = look().await? {
                self.made.is_made();
                return Ok(there);
            }
            self.made.asks(step);
            let error = match make().await {
                Ok(part) => {
                    self.made.is_made();
                    return Ok(part);
                }
                Err(error) => error,
            };
            all_refused &= is_refusal(&error);
            if tries >= tries_of(&error) {
                // What a request that was lost has made is what the next one is refused for.
                if all_refused {
                    self.made.is_not_made();
                }
                return Err(in_the_way(error, step));
            }
            tries += 1;
            sleep(self.timing.pause(tries)).await;
        }
    }
}

/// How many times a request is followed by another look and another try.
fn tries_of(error: &Error) -> u32 {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Throttled => Timing::TRIES,
        // Another change of the vault passes; a deleted one of the same name does not.
        ErrorKind::Conflict => CONFLICTS,
        _ => 0,
    }
}

/// Whether what was asked for was surely not done by this request.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Conflict
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::OperationFailed
            | ErrorKind::Unauthenticated
    )
}

/// What stands in the way of a name, where that was not seen before.
fn in_the_way(error: Error, step: &ProvisionStep) -> Error {
    match (error.kind(), step.part) {
        (ErrorKind::Conflict, ProvisionPart::KeyVault) => error.with_context(
            "a deleted vault of that name may be in the way: `az keyvault list-deleted --resource-type vault` shows it, and \
             `az keyvault recover` brings it back",
        ),
        (ErrorKind::Conflict, ProvisionPart::Key) => error.with_context(
            "a deleted key of that name may be in the way: `az keyvault key list-deleted` shows it, and \
             `az keyvault key recover` brings it back",
        ),
        (_, ProvisionPart::KeyVault) if error.service_code() == Some(NAME_TAKEN) => {
            error.with_context("pass another name as key_vault")
        }
        _ => error,
    }
}

/// It was there, or not deleted, when the plan was made.
fn gone(what: &str, id: impl std::fmt::Display) -> Error {
    let message = format!("somebody else removed {what} {id} meanwhile; run this again");
    Error::new(ErrorKind::Conflict, message)
}
