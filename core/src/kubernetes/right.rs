//! The rights that requests to the API server need: they are asked for before anything is written, and
//! `docs/permissions.md` is made from them.

/// Where a right is granted.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In all namespaces, or outside of any.
    Cluster,
    /// In `kube-system`.
    System,
    /// In the namespace of the record.
    State,
}

/// Declares the rights: verb, resource or path, the one object if it is only that, and where.
macro_rules! kubernetes_rights {
    ($($right:ident = $verb:literal $resource:literal $(/ $object:literal)?, $place:ident, $purpose:literal;)+) => {
        /// A right in Kubernetes.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[cfg_attr(
            not(test),
            expect(dead_code, reason = "what can be done without is not asked for")
        )]
        pub(crate) enum KubernetesRight {
            $(#[doc = $purpose] $right,)+
        }

        impl KubernetesRight {
            /// All of them, in the order of `docs/permissions.md`.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$right),+];

            /// Such as `get`.
            pub(crate) const fn verb(self) -> &'static str {
                match self {
                    $(Self::$right => $verb,)+
                }
            }

            /// A resource or a path.
            pub(crate) const fn resource(self) -> &'static str {
                match self {
                    $(Self::$right => $resource,)+
                }
            }

            /// The only object that it is about.
            pub(crate) const fn object(self) -> Option<&'static str> {
                match self {
                    $(Self::$right => kubernetes_rights!(@object $($object)?),)+
                }
            }

            /// Where it is granted.
            #[cfg(test)]
            pub(crate) const fn place(self) -> Place {
                match self {
                    $(Self::$right => Place::$place,)+
                }
            }

            /// What it is needed for.
            #[cfg(test)]
            pub(crate) const fn purpose(self) -> &'static str {
                match self {
                    $(Self::$right => $purpose,)+
                }
            }
        }
    };
    (@object) => { None };
    (@object $object:literal) => { Some($object) };
}

kubernetes_rights! {
    ListSecrets = "list" "secrets", Cluster, "find the secrets, and compare their versions";
    WatchSecrets = "watch" "secrets", Cluster, "compare the versions of all secrets in one stream";
    PatchSecrets = "patch" "secrets", Cluster, "have a secret written again";
    GetNamespaces = "get" "namespaces", Cluster,
        "tell one etcd from another, and whether a namespace that was named exists";
    ListNamespaces = "list" "namespaces", Cluster, "go through the namespaces";
    ListNodes = "list" "nodes", Cluster, "tell whether the kubeconfig is of this cluster";
    GetMetrics = "get" "/metrics", Cluster, "see which key an API server writes with";
    GetKmsHealth = "get" "/readyz/kms-providers", Cluster, "see whether the API servers reach the key";
    ListPods = "list" "pods", System, "see whether the API servers reach the network by a tunnel";
    ListLeases = "list" "leases", System, "see which API servers there are";
    CreateSecrets = "create" "secrets", State, "make the canary, and the key of the seal";
    DeleteCanary = "delete" "secrets" / "aks-kms-canary", State, "remove the canary";
    GetSeal = "get" "secrets" / "aks-kms-seal", State, "tell whether the record is the library's own";
    CreateConfigMaps = "create" "configmaps", State, "make the record";
    GetRecord = "get" "configmaps" / "aks-kms", State, "read the record";
    UpdateRecord = "update" "configmaps" / "aks-kms", State, "write the record";
    CreateLeases = "create" "leases", State, "make the Lease of the record";
    GetLease = "get" "leases" / "aks-kms", State, "see who holds the Lease of the record";
    UpdateLease = "update" "leases" / "aks-kms", State, "hold the Lease of the record";
}

#[cfg(test)]
impl KubernetesRight {
    /// The namespace that it is granted in, where the record is in `kube-system`.
    pub(crate) const fn namespace(self) -> Option<&'static str> {
        match self.place() {
            Place::Cluster => None,
            Place::System | Place::State => Some("kube-system"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{
        CANARY,
        objects::{record_store::STATE, seal::SEAL},
    };

    #[test]
    fn the_objects_are_called_as_they_are() {
        assert_eq!(KubernetesRight::DeleteCanary.object(), Some(CANARY));
        assert_eq!(KubernetesRight::GetSeal.object(), Some(SEAL));
        for right in [KubernetesRight::GetRecord, KubernetesRight::UpdateLease] {
            assert_eq!(right.object(), Some(STATE));
        }
    }
}
