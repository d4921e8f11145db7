//! Azure resource ids of clusters, vaults and identities. Azure compares them without regard to case.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    catalogue::RuleId,
    error::{Error, ErrorKind},
    model::Finding,
};

/// The parts of `/subscriptions/{s}/resourceGroups/{g}/providers/{type}/{name}`.
#[derive(Clone)]
struct Parts {
    subscription_id: String,
    resource_group: String,
    name: String,
}

impl Parts {
    /// Segments are the characters that Azure allows in any of the three, so that a parsed id can
    /// be put into a URL as it is.
    fn parse(text: &str, namespace: &str, kind: &str) -> Option<Self> {
        let segments: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
        let [subscriptions, subscription_id, groups, resource_group, providers, ns, ty, name] =
            segments[..]
        else {
            return None;
        };
        let fits = subscriptions.eq_ignore_ascii_case("subscriptions")
            && groups.eq_ignore_ascii_case("resourceGroups")
            && providers.eq_ignore_ascii_case("providers")
            && ns.eq_ignore_ascii_case(namespace)
            && ty.eq_ignore_ascii_case(kind);
        Self::new(subscription_id, resource_group, name).filter(|_| fits)
    }

    fn new(subscription_id: &str, resource_group: &str, name: &str) -> Option<Self> {
        fn is_segment(text: &str, limit: usize) -> bool {
            let allowed = |character: char| {
                character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | '(' | ')')
            };
            !text.is_empty()
                && text.chars().count() <= limit
                && text.chars().all(allowed)
                && text.chars().any(|character| character != '.')
        }
        (uuid::Uuid::try_parse(subscription_id).is_ok()
            && subscription_id.len() == 36
            && is_segment(resource_group, 90)
            && is_segment(name, 128))
        .then(|| Self {
            subscription_id: subscription_id.to_owned(),
            resource_group: resource_group.to_owned(),
            name: name.to_owned(),
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.subscription_id.eq_ignore_ascii_case(&other.subscription_id)
            && self.resource_group.to_lowercase() == other.resource_group.to_lowercase()
            && self.name.eq_ignore_ascii_case(&other.name)
    }

    fn hash<H: Hasher>(&self, state: &mut H) {
        self.subscription_id.to_ascii_lowercase().hash(state);
        self.resource_group.to_lowercase().hash(state);
        self.name.to_ascii_lowercase().hash(state);
    }
}

macro_rules! resource_id {
    ($(#[$doc:meta])* $id:ident, $namespace:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $id(Parts);

        impl $id {
            /// The subscription's id.
            #[must_use]
            pub fn subscription_id(&self) -> &str {
                &self.0.subscription_id
            }

            /// The resource group's name.
            #[must_use]
            pub fn resource_group(&self) -> &str {
                &self.0.resource_group
            }

            /// The resource's name.
            #[must_use]
            pub fn name(&self) -> &str {
                &self.0.name
            }
        }

        impl PartialEq for $id {
            fn eq(&self, other: &Self) -> bool {
                self.0.is_same(&other.0)
            }
        }

        impl Eq for $id {}

        impl Hash for $id {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    concat!("/subscriptions/{}/resourceGroups/{}/providers/", $namespace, "/", $kind, "/{}"),
                    self.0.subscription_id, self.0.resource_group, self.0.name
                )
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }

        impl FromStr for $id {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

resource_id!(
    /// The resource id of a managed cluster. Equality ignores case, as Azure does.
    ///
    /// ```
    /// use aks_kms::ClusterId;
    /// let id = ClusterId::parse("/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/prod")?;
    /// assert_eq!(id, ClusterId::new("8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "SHOP", "prod")?);
    /// # Ok::<(), aks_kms::Error>(())
    /// ```
    ClusterId, "Microsoft.ContainerService", "managedClusters"
);

resource_id!(
    /// The resource id of a key vault. Equality ignores case, as Azure does.
    VaultId, "Microsoft.KeyVault", "vaults"
);

resource_id!(
    /// The resource id of a user-assigned managed identity. Equality ignores case, as Azure does.
    IdentityId, "Microsoft.ManagedIdentity", "userAssignedIdentities"
);

impl IdentityId {
    /// Parses `/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}`,
    /// in any case.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts = Parts::parse(text, "Microsoft.ManagedIdentity", "userAssignedIdentities");
        parts.map(Self).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "identity_id is {text:?}, which is not the resource id of a user-assigned managed identity; \
                     `az identity show --query id` prints it"
                ),
            )
        })
    }
}

impl ClusterId {
    /// Parses `/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.ContainerService/managedClusters/{name}`,
    /// in any case.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Parts::parse(text, "Microsoft.ContainerService", "managedClusters").map(Self).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "cluster_id is {text:?}, which is not the resource id of a managed cluster; \
                     `az aks show --query id` prints it"
                ),
            )
        })
    }

    /// Makes the id from its parts.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a part is empty or has a character that Azure does not allow,
    /// or the subscription id is not a UUID.
    pub fn new(subscription_id: &str, resource_group: &str, name: &str) -> Result<Self, Error> {
        Parts::new(subscription_id, resource_group, name).map(Self).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "cluster_id has subscription_id {subscription_id:?}, resource_group {resource_group:?} and \
                     name {name:?}; the first must be a UUID, the others names of Azure resources"
                ),
            )
        })
    }
}

impl VaultId {
    /// Parses `/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.KeyVault/vaults/{name}`,
    /// in any case.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with the rule `key-vault-id-malformed` for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Parts::parse(text, "Microsoft.KeyVault", "vaults").map(Self).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("key_vault_id is {text:?}, which is not the resource id of a key vault"),
            )
            .with_findings(vec![Finding::violated(
                RuleId::KeyVaultIdMalformed,
                text,
                format!("key_vault_id is {text:?}, which is not a resource id of type Microsoft.KeyVault/vaults"),
            )])
        })
    }
}
