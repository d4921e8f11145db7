//! What of vault, key, identity and access is there already. Read-only.

use futures::join;

use super::wanted::{Wanted, own_identity};
use crate::{
    azure::Azure,
    error::{Error, ErrorKind, Result},
    facts::{
        AccessFacts, ClusterFacts, Fact, HeldRole, IdentityFacts, IdentityKind, KeyFacts, Lookup,
        UserAssignedIdentity, VaultFacts,
    },
    ids::{ClusterId, IdentityId, KeyId},
    observe::held_roles,
    observed::Observed,
};

/// What is there.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `None`: it is yet to be made.
    pub(crate) cluster: Option<ClusterFacts>,
    /// The identity that is wanted, whether it is there or not.
    pub(crate) identity_id: IdentityId,
    pub(crate) identity: Option<IdentityFacts>,
    pub(crate) vault: Lookup<VaultFacts>,
    /// Why the vault cannot have its name, where it is yet to be made.
    pub(crate) name_taken: Option<String>,
    /// `None`: there is no vault that it could be in.
    pub(crate) key: Option<Fact<Lookup<KeyFacts>>>,
    /// `None`: there is no identity or no vault.
    pub(crate) access: Option<AccessFacts>,
    /// `None`: there is no vault.
    pub(crate) diagnostics: Option<Fact<bool>>,
    /// The roles of the identity that the cluster runs as, where that is not one that KMS can use.
    pub(crate) held_roles: Option<Fact<Vec<HeldRole>>>,
    /// Where the identity and the vault are made, where they are not there.
    pub(crate) identity_location: Option<String>,
    pub(crate) vault_location: Option<String>,
}

impl Seen {
    /// The vault, if it is there.
    pub(crate) fn found_vault(&self) -> Option<&VaultFacts> {
        self.vault.found()
    }

    /// The key version that is wanted, if it is there.
    pub(crate) fn found_key(&self) -> Option<&KeyFacts> {
        self.key.as_ref()?.known()?.found()
    }

    /// The same as the rules know it: a cluster that runs as this identity, without KMS.
    pub(super) fn observed(&self, wanted: &Wanted) -> Observed {
        let identity = of_cluster(&self.identity_id, self.identity.as_ref());
        let location = self.vault_location.clone().unwrap_or_default();
        let planned = || ClusterFacts::planned(wanted.cluster.clone(), location, Vec::new());
        let cluster = ClusterFacts {
            identity_kind: IdentityKind::UserAssigned,
            identities: vec![identity],
            kms: None,
            infrastructure_encryption: false,
            ..self.cluster.clone().unwrap_or_else(planned)
        };
        Observed {
            vault: Some(Fact::Known(self.vault.clone())),
            key: self.key.clone(),
            access: self.access.clone(),
            diagnostics: self.diagnostics.clone(),
            ..Observed::of(cluster, Fact::Unknown("it is not asked".to_owned()))
        }
    }
}

/// Looks at cluster, identity, vault, key and access.
pub(crate) async fn look(azure: &Azure, wanted: &Wanted) -> Result<Seen> {
    let cluster = azure.find_cluster(&wanted.cluster).await?.map(|cluster| cluster.facts);
    let identity_id = match &wanted.identity {
        Some(identity) => identity.clone(),
        None => identity_of(&wanted.cluster, cluster.as_ref())?,
    };
    let (identity, vault) =
        join!(azure.find_identity(&identity_id), azure.find_vault(&wanted.vault));
    let (identity, vault) = (identity?, vault?);
    let known = wanted.location.as_ref().or(cluster.as_ref().map(|cluster| &cluster.location));
    let place = (identity_id.subscription_id(), identity_id.resource_group());
    let identity_location = location(azure, known, place, identity.is_some());
    let place = (wanted.vault.subscription_id(), wanted.vault.resource_group());
    let vault_location = location(azure, known, place, vault.found().is_some());
    let name_taken = async {
        match vault {
            Lookup::NotFound => match azure.vault_name_is_taken(&wanted.vault).await {
                // Whoever may not ask is told when the vault is made.
                Err(error) if error.kind() == ErrorKind::Forbidden => Ok(None),
                answer => answer,
            },
            _ => Ok(None),
        }
    };
    let in_vault = in_vault(azure, wanted, &identity_id, identity.as_ref(), &vault);
    let held_roles = async {
        match &cluster {
            Some(cluster) => held_roles(azure, cluster).await,
            None => None,
        }
    };
    let (identity_location, vault_location, name_taken, (key, access, diagnostics), held_roles) =
        join!(identity_location, vault_location, name_taken, in_vault, held_roles);
    Ok(Seen {
        identity_id,
        identity,
        name_taken: name_taken?,
        key,
        access,
        diagnostics,
        held_roles,
        identity_location: identity_location?,
        vault_location: vault_location?,
        vault,
        cluster,
    })
}

/// The region in which something of a resource group is made. `None`: it is there.
async fn location(
    azure: &Azure,
    known: Option<&String>,
    (subscription_id, group): (&str, &str),
    is_there: bool,
) -> Result<Option<String>> {
    if is_there {
        return Ok(None);
    }
    // The group has to be there, wherever it is.
    let of_group = azure.group_location(subscription_id, group).await?;
    Ok(Some(known.cloned().unwrap_or(of_group)))
}

/// The identity that the cluster runs as, or one that is made for it.
fn identity_of(id: &ClusterId, cluster: Option<&ClusterFacts>) -> Result<IdentityId> {
    let runs_as = cluster
        .filter(|cluster| cluster.identity_kind == IdentityKind::UserAssigned)
        .and_then(|cluster| IdentityId::parse(&cluster.identities.first()?.resource_id).ok());
    runs_as.or_else(|| own_identity(id)).ok_or_else(|| {
        let message = format!("cluster {id} gives no name for an identity; pass identity");
        Error::new(ErrorKind::InvalidInput, message)
    })
}

fn of_cluster(id: &IdentityId, facts: Option<&IdentityFacts>) -> UserAssignedIdentity {
    UserAssignedIdentity {
        resource_id: id.to_string(),
        principal_id: facts.map(|facts| facts.principal_id.clone()),
    }
}

type InVault = (Option<Fact<Lookup<KeyFacts>>>, Option<AccessFacts>, Option<Fact<bool>>);

/// The key, the identity's access to it, and whether the vault keeps logs.
async fn in_vault(
    azure: &Azure,
    wanted: &Wanted,
    identity_id: &IdentityId,
    identity: Option<&IdentityFacts>,
    vault: &Lookup<VaultFacts>,
) -> InVault {
    let Some(found) = vault.found() else { return (None, None, None) };
    let vault = Fact::Known(vault.clone());
    let access = access(azure, wanted, identity_id, identity, &vault);
    let (key, access, diagnostics) =
        join!(azure.key(&wanted.key, Some(&found.id)), access, azure.has_diagnostics(&found.id));
    (Some(key), access, Some(diagnostics))
}

/// What the identity may do with the key.
async fn access(
    azure: &Azure,
    wanted: &Wanted,
    identity_id: &IdentityId,
    identity: Option<&IdentityFacts>,
    vault: &Fact<Lookup<VaultFacts>>,
) -> Option<AccessFacts> {
    let identities = vec![of_cluster(identity_id, Some(identity?))];
    let cluster = ClusterFacts::planned(wanted.cluster.clone(), String::new(), identities);
    Some(azure.access(&cluster, vault, wanted.key.name()).await)
}

/// The key's id with its version, as its vault spells it.
pub(crate) fn versioned(key: &KeyFacts) -> Result<KeyId> {
    KeyId::parse(&key.kid).map_err(|error| {
        let message = format!("a vault named a key that cannot be read: {error}");
        Error::new(ErrorKind::Unexpected, message)
    })
}
