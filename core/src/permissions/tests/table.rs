//! Which call needs which right, and what it does without.

use aks_kms_simulator::{given::CustomRole, writes::Use};

use self::{
    AzureAction::*,
    KubernetesRight::*,
    Without::{Does, Fails, Finds},
};
use crate::{
    azure::{AzureAction, Plane},
    kubernetes::KubernetesRight,
};

/// A right.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Needed {
    Azure(AzureAction),
    Kubernetes(KubernetesRight),
}

impl From<AzureAction> for Needed {
    fn from(action: AzureAction) -> Self {
        Self::Azure(action)
    }
}

impl From<KubernetesRight> for Needed {
    fn from(right: KubernetesRight) -> Self {
        Self::Kubernetes(right)
    }
}

/// What a call does without a right.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Without {
    /// It ends with an error that names the right.
    Fails,
    /// It ends well, with a finding that names the right.
    Finds,
    /// It ends well, in another way or with less to tell.
    Does,
}

/// Every call. What is behind the verb is how it is called.
pub(super) const CALLS: [&str; 22] = [
    "status",
    "check_action",
    "verify_secrets",
    "reencrypt_secrets",
    "enable",
    "rotate",
    "rotate without a key id",
    "rotate of a customer-managed key",
    "disable",
    "change_network_mode",
    "migrate_to_v2",
    "set_data_encryption",
    "resume",
    "abandon",
    "provision",
    "provision with access policies",
    "provision before there is a cluster",
    "provision for a customer-managed key",
    "create_cluster",
    "create_cluster with a customer-managed key",
    "list_clusters",
    "list_clusters of all subscriptions",
];

/// The rights that a call uses.
pub(super) fn rights(call: &str) -> Vec<(Needed, Without)> {
    let mut rights = Rights::default();
    match call {
        "status" => {
            rights.look(Finds, Finds);
            rights.read_record(Finds);
            rights.add(
                Finds,
                [ListSecrets, GetMetrics, GetKmsHealth, ListLeases, ListPods, ListNodes],
            );
        }
        "check_action" => {
            rights.look(Does, Does);
            rights.set(Finds, [SearchResources]);
            rights.read_record(Does);
            rights.add(Does, [GetMetrics, ListLeases, ListPods, ListNodes]);
        }
        "verify_secrets" => {
            rights.look(Fails, Does);
            rights.read_record(Fails);
            rights.add(Fails, [ListSecrets, WatchSecrets, ListNamespaces, ListNodes]);
            rights.add(Does, [GetMetrics, ListPods, ListLeases]);
        }
        "reencrypt_secrets" => {
            rights.look(Fails, Does);
            rights.write_secrets();
            rights.set(Finds, [GetMetrics, ListLeases]);
        }
        "enable" | "rotate" | "resume" => {
            rights.look(Fails, Finds);
            rights.change_cluster();
            rights.set(Finds, [ListPods]);
        }
        "rotate without a key id" => {
            rights.look(Fails, Finds);
            rights.change_cluster();
            rights.set(Finds, [ListPods]);
            // It reads the version in use from the vault.
            rights.set(Does, [ReadKeyVersion]);
            rights.add(Fails, [ReadKeyInVault, CreateKeyVersion]);
        }
        "rotate of a customer-managed key" => {
            rights.look(Fails, Finds);
            // AKS takes the version up by itself: the cluster is not changed.
            rights.write_secrets();
            rights.set(Fails, [ReadVault]);
            rights.set(Does, [ReadKeyVersion]);
            // The vault tells of the key's versions.
            rights.add(Does, [ReadKey]);
            rights.add(Fails, [ReadKeyInVault, CreateKeyVersion]);
        }
        "disable" => {
            rights.look(Fails, Finds);
            rights.change_cluster();
            rights.set(Does, [ReadDiagnostics]);
        }
        "change_network_mode" => {
            rights.look(Fails, Finds);
            rights.change_cluster();
            rights.set(Fails, [SearchResources]);
            rights.set(Fails, [GetKmsHealth]);
            rights.add(Finds, [ReadKey]);
            rights.add(Fails, [WriteVault]);
        }
        "migrate_to_v2" => {
            rights.look(Fails, Finds);
            rights.change_cluster();
            rights.add(Fails, [ReadUpgrades]);
            // Nobody knows when an upgrade ended that could not be followed.
            rights.set(Fails, [ReadOperation]);
            // On KMS v1 the counters do not show the key.
            rights.set(Does, [GetMetrics]);
            rights.set(Finds, [ListLeases, ListPods]);
        }
        "set_data_encryption" => {
            rights.look(Fails, Finds);
            rights.change_cluster();
            rights.add(Finds, [ReadKey, ReadFeature]);
            // The key has no version: which ones there are is asked when the API servers are heard.
            rights.set(Does, [ReadKeyVersion]);
        }
        "abandon" => {
            rights.look(Fails, Does);
            rights.read_record(Fails);
            rights.add(Fails, [ListLeases, UpdateRecord, GetLease, UpdateLease]);
            rights.add(Does, [GetMetrics, ListPods, ListNodes]);
        }
        call if call.starts_with("provision") || call.starts_with("create_cluster") => {
            rights.create(call);
        }
        "list_clusters" => {
            rights.add(Fails, [ReadCluster]);
            rights.add(Does, [SearchResources]);
        }
        "list_clusters of all subscriptions" => {
            rights.add(Fails, [ReadCluster, ReadSubscriptions]);
            rights.add(Does, [SearchResources]);
        }
        other => panic!("there is no call {other}"),
    }
    rights.0
}

/// A right that is only used in a place of its own, and the one whose absence does the same there.
pub(super) const ALIKE: &[(AzureAction, AzureAction)] =
    &[(GetAdminCredential, GetUserCredential), (ReadDeletedVaults, ReadVault)];

#[derive(Default)]
struct Rights(Vec<(Needed, Without)>);

impl Rights {
    fn add<T: Into<Needed>>(&mut self, without: Without, rights: impl IntoIterator<Item = T>) {
        self.0.extend(rights.into_iter().map(|right| (right.into(), without)));
    }

    /// Another outcome for rights that are there.
    fn set<T: Into<Needed>>(&mut self, without: Without, rights: impl IntoIterator<Item = T>) {
        for right in rights.into_iter().map(Into::into) {
            let there = self.0.iter_mut().find(|(other, _)| *other == right);
            there.expect("it is to be there").1 = without;
        }
    }

    /// To look at cluster, vault, key and access. `without`: the way to the API server; `judged`: what
    /// rules are about.
    fn look(&mut self, without: Without, judged: Without) {
        self.add(Fails, [ReadCluster]);
        self.add(without, [GetUserCredential]);
        self.add(Does, [SearchResources]);
        self.add(
            judged,
            [
                ReadVault,
                ReadKeyVersion,
                ReadRoleAssignments,
                ReadRoleDefinitions,
                ReadIdentity,
                ReadDiagnostics,
            ],
        );
    }

    /// What a verb uses that makes vault, key, access or cluster.
    fn create(&mut self, call: &str) {
        match call {
            "provision" | "provision before there is a cluster" => {
                self.make();
                self.add(Fails, [WriteRoleAssignments]);
            }
            "provision for a customer-managed key" => {
                self.make();
                self.add(Fails, [WritePolicies, WriteRoleAssignments]);
            }
            "provision with access policies" => {
                self.make();
                // Nothing goes by roles there.
                self.set(Does, [ReadRoleAssignments, ReadRoleDefinitions]);
                self.add(Fails, [WritePolicies]);
            }
            "create_cluster" => {
                self.look(Fails, Finds);
                self.change_cluster();
                // It has no key to go on from, so there is no gate.
                self.set(Finds, [ListPods, GetMetrics, ListLeases]);
            }
            "create_cluster with a customer-managed key" => {
                self.look(Fails, Finds);
                self.change_cluster();
                self.set(Finds, [GetMetrics, ListLeases]);
                self.add(Finds, [ReadKey, ReadFeature]);
                self.set(Does, [ReadKeyVersion]);
            }
            other => panic!("there is no call {other}"),
        }
    }

    /// To make identity, vault, key and access.
    fn make(&mut self) {
        self.add(
            Fails,
            [
                ReadCluster,
                ReadGroup,
                ReadIdentity,
                WriteIdentity,
                ReadVault,
                ReadDeletedVaults,
                WriteVault,
                ReadKey,
                WriteKey,
                ReadRoleAssignments,
            ],
        );
        self.add(Finds, [ReadDiagnostics, ReadRoleDefinitions]);
        self.add(Does, [CheckVaultName]);
    }

    fn read_record(&mut self, without: Without) {
        self.add(without, [GetNamespaces, GetRecord, GetSeal]);
    }

    fn write_secrets(&mut self) {
        self.read_record(Fails);
        self.add(
            Fails,
            [
                ListSecrets,
                PatchSecrets,
                ListNamespaces,
                ListNodes,
                CreateSecrets,
                DeleteCanary,
                CreateConfigMaps,
                UpdateRecord,
                CreateLeases,
                GetLease,
                UpdateLease,
                GetMetrics,
                ListLeases,
            ],
        );
        self.add(Does, [WatchSecrets, GetKmsHealth, ListPods]);
    }

    fn change_cluster(&mut self) {
        self.write_secrets();
        self.set(Fails, [ReadVault]);
        self.add(Fails, [WriteCluster, AssignIdentity, JoinSubnet]);
        self.add(Does, [ReadOperation]);
    }
}

/// Adds an action to the list of a role that it belongs into.
pub(super) fn granted(action: AzureAction, role: &mut CustomRole) {
    let list = match action.plane() {
        Plane::Management => &mut role.actions,
        Plane::Data => &mut role.data_actions,
    };
    list.push(action.name().to_owned());
}

impl Needed {
    /// Whether it is the right that was used.
    pub(super) fn is(self, used: &Use) -> bool {
        match (self, used) {
            (Self::Azure(action), Use::Action(name)) => {
                action.plane() == Plane::Management && action.name().eq_ignore_ascii_case(name)
            }
            (Self::Azure(action), Use::DataAction(name)) => {
                action.plane() == Plane::Data && action.name().eq_ignore_ascii_case(name)
            }
            (Self::Kubernetes(right), Use::Kubernetes { verb, resource, namespace, name }) => {
                right.verb() == verb
                    && right.resource() == resource
                    && right.object().is_none_or(|own| name.as_deref() == Some(own))
                    && right.namespace().is_none_or(|own| namespace.as_deref() == Some(own))
            }
            _ => false,
        }
    }

    /// Whether a text names it.
    pub(super) fn is_named_in(self, text: &str) -> bool {
        match self {
            Self::Azure(action) => text.contains(action.name()),
            Self::Kubernetes(right) => {
                let (verb, resource) = (right.verb(), right.resource());
                let said_by_server = format!("cannot {verb} resource {resource:?}");
                text.contains(&format!("{verb} {resource}"))
                    || text.contains(&said_by_server)
                    || resource.starts_with('/') && text.contains(resource)
                    || right == WatchSecrets && text.contains("the right to watch them")
            }
        }
    }
}
