//! The actions of Azure's access control that requests need: each [`Call`](super::call::Call) names its
//! own, and `docs/permissions.md` is made from them.

/// Declares the actions: the name that Azure has for each, where it is granted, and what it is needed for.
macro_rules! azure_actions {
    ($($variant:ident = $name:literal, $plane:ident, $purpose:literal;)+) => {
        /// An action of Azure's access control.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[cfg_attr(
            not(test),
            expect(dead_code, reason = "some are checked on what a request refers to, and are no request's own")
        )]
        pub(crate) enum AzureAction {
            $(#[doc = $purpose] $variant,)+
        }

        impl AzureAction {
            /// All of them, in the order of `docs/permissions.md`.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// Azure's name for it, as in a role definition.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Which list of a role definition it belongs into.
            #[cfg(test)]
            pub(crate) const fn plane(self) -> Plane {
                match self {
                    $(Self::$variant => Plane::$plane,)+
                }
            }

            /// What it is needed for.
            #[cfg(test)]
            pub(crate) const fn purpose(self) -> &'static str {
                match self {
                    $(Self::$variant => $purpose,)+
                }
            }
        }
    };
}

/// Which list of a role definition an action belongs into.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Plane {
    /// `actions`: Resource Manager.
    Management,
    /// `dataActions`: the vault itself. A vault with access policies has them in a policy instead.
    Data,
}

azure_actions! {
    ReadCluster = "Microsoft.ContainerService/managedClusters/read", Management,
        "read the cluster; list clusters";
    WriteCluster = "Microsoft.ContainerService/managedClusters/write", Management,
        "change the cluster";
    // Azure checks these two where a cluster is written: on what it refers to.
    AssignIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", Management,
        "change a cluster that has a user-assigned identity, with which Azure links it anew";
    JoinSubnet = "Microsoft.Network/virtualNetworks/subnets/join/action", Management,
        "change a cluster whose node pools are in a subnet of yours";
    ReadOperation = "Microsoft.ContainerService/locations/operations/read", Management,
        "follow a change of the cluster";
    ReadUpgrades = "Microsoft.ContainerService/managedClusters/upgradeProfiles/read", Management,
        "read which versions the cluster can be upgraded to";
    GetUserCredential =
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action", Management,
        "reach the Kubernetes API as the cluster user, unless a kubeconfig is given";
    GetAdminCredential =
        "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action", Management,
        "do so as the cluster admin, where that is asked for";
    SearchResources = "Microsoft.ResourceGraph/resources/read", Management,
        "find a vault by its name, the clusters that use a vault, and all clusters";
    ReadGroup = "Microsoft.Resources/subscriptions/resourceGroups/read", Management,
        "read the resource group of what is made";
    ReadVault = "Microsoft.KeyVault/vaults/read", Management,
        "read the vault, and list those of the subscription";
    WriteVault = "Microsoft.KeyVault/vaults/write", Management,
        "make the vault; close it for the public network, or open it";
    ReadDeletedVaults = "Microsoft.KeyVault/deletedVaults/read", Management,
        "tell a vault that can be recovered from one that is gone, where there is none";
    CheckVaultName = "Microsoft.KeyVault/checkNameAvailability/read", Management,
        "tell a vault's name that somebody else has before anything is made";
    WriteKey = "Microsoft.KeyVault/vaults/keys/write", Management,
        "make the key";
    WritePolicies = "Microsoft.KeyVault/vaults/accessPolicies/write", Management,
        "give the identity its access in a vault with access policies";
    ReadKey = "Microsoft.KeyVault/vaults/keys/read", Management,
        "list the keys of a vault that may be closed; read a key of which no version is named";
    ReadKeyVersion = "Microsoft.KeyVault/vaults/keys/versions/read", Management,
        "read the key by Resource Manager, which needs no way to the vault";
    ReadKeyInVault = "Microsoft.KeyVault/vaults/keys/read", Data,
        "read the key where Resource Manager may not show it; `rotate` without a key id: read the version in use and list the others";
    CreateKeyVersion = "Microsoft.KeyVault/vaults/keys/create/action", Data,
        "`rotate` without a key id: make a new version of the key";
    ReadRoleAssignments = "Microsoft.Authorization/roleAssignments/read", Management,
        "read what the cluster's identity may do";
    WriteRoleAssignments = "Microsoft.Authorization/roleAssignments/write", Management,
        "give the identity its roles on the vault";
    ReadRoleDefinitions = "Microsoft.Authorization/roleDefinitions/read", Management,
        "read what the cluster's identity may do";
    ReadIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities/read", Management,
        "read the cluster's identity";
    WriteIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities/write", Management,
        "make the identity";
    ReadDiagnostics = "Microsoft.Insights/diagnosticSettings/read", Management,
        "read whether the vault keeps logs";
    ReadFeature = "Microsoft.Features/providers/features/read", Management,
        "`set_data_encryption`: read whether its preview feature is registered";
    ReadSubscriptions = "Microsoft.Resources/subscriptions/read", Management,
        "list the subscriptions, where all are asked for";
}
