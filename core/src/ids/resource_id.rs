//! Azure resource ids of clusters, vaults and identities. Azure compares them without regard to case.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use super::{ParseError, text_enum::serde_as_text};

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

/// `$argument` and `$what` are how a text that is none is spoken of; `$command` prints one.
macro_rules! resource_id {
    (
        $(#[$doc:meta])*
        $id:ident, $namespace:literal, $kind:literal, $argument:literal, $what:literal, $command:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $id(Parts);

        impl $id {
            #[doc = concat!(
                "Parses `/subscriptions/{s}/resourceGroups/{g}/providers/", $namespace, "/", $kind,
                "/{name}`, in any case."
            )]
            ///
            /// # Errors
            /// [`ParseError`] for anything else.
            pub fn parse(text: &str) -> Result<Self, ParseError> {
                let parts = Parts::parse(text, $namespace, $kind);
                parts.map(Self).ok_or_else(|| {
                    ParseError::new($argument, text, $what, concat!("`", $command, "` prints it"))
                })
            }

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
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                Self::parse(text)
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.to_string()
            }
        }

        serde_as_text!($id);
        #[cfg(feature = "bindings")]
        super::schema_as_text!(
            $id,
            concat!("`/subscriptions/…/resourceGroups/…/providers/", $namespace, "/", $kind, "/…`, as `", $command, "` prints it.")
        );
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
    ClusterId, "Microsoft.ContainerService", "managedClusters",
    "cluster_id", "the resource id of a managed cluster", "az aks show --query id"
);

resource_id!(
    /// The resource id of a key vault. Equality ignores case, as Azure does.
    VaultId, "Microsoft.KeyVault", "vaults",
    "key_vault_id", "the resource id of a key vault", "az keyvault show --query id"
);

resource_id!(
    /// The resource id of a user-assigned managed identity. Equality ignores case, as Azure does.
    IdentityId, "Microsoft.ManagedIdentity", "userAssignedIdentities",
    "identity_id", "the resource id of a user-assigned managed identity", "az identity show --query id"
);

impl ClusterId {
    /// A vault of the cluster's resource group.
    pub(crate) fn vault_beside(&self, name: &str) -> Option<VaultId> {
        Parts::new(&self.0.subscription_id, &self.0.resource_group, name).map(VaultId)
    }

    /// An identity of the cluster's resource group.
    pub(crate) fn identity_beside(&self, name: &str) -> Option<IdentityId> {
        Parts::new(&self.0.subscription_id, &self.0.resource_group, name).map(IdentityId)
    }
}

impl ClusterId {
    /// Makes the id from its parts.
    ///
    /// # Errors
    /// [`ParseError`] when a part is empty or has a character that Azure does not allow, or the subscription id
    /// is not a UUID.
    pub fn new(
        subscription_id: &str,
        resource_group: &str,
        name: &str,
    ) -> Result<Self, ParseError> {
        Parts::new(subscription_id, resource_group, name).map(Self).ok_or_else(|| {
            let text = format!(
                "/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/\
                 Microsoft.ContainerService/managedClusters/{name}"
            );
            ParseError::new(
                "cluster_id",
                &text,
                "the resource id of a managed cluster",
                "pass subscription_id as a UUID, resource_group and name as Azure has them",
            )
        })
    }
}
