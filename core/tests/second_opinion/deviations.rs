//! What can be otherwise in a world: each row is one fact, as a merge patch of `given`.

/// One fact that is otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Deviation {
    pub(crate) name: &'static str,
    /// A merge patch of `given`.
    pub(crate) patch: &'static str,
}

const fn row(name: &'static str, patch: &'static str) -> Deviation {
    Deviation { name, patch }
}

/// The row of a name.
pub(crate) fn named(name: &str) -> &'static Deviation {
    ALL.iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("there is no deviation {name}"))
}

/// Some API servers have what others have not.
pub(crate) const HALF_WAY: &str = "change to the second version failed half-way";

pub(crate) const ALL: &[Deviation] = &[
    // the cluster
    row("Kubernetes 1.25", r#"{"cluster": {"kubernetes_version": "1.25.3"}}"#),
    row("Kubernetes 1.30", r#"{"cluster": {"kubernetes_version": "1.30.6"}}"#),
    row("Kubernetes 1.31", r#"{"cluster": {"kubernetes_version": "1.31.2"}}"#),
    row("Kubernetes 1.37", r#"{"cluster": {"kubernetes_version": "1.37.0"}}"#),
    row("system-assigned identity", r#"{"cluster": {"identity": "system-assigned"}}"#),
    row("service principal", r#"{"cluster": {"identity": "service-principal"}}"#),
    row("busy", r#"{"cluster": {"provisioning_state": "Updating"}}"#),
    row("upgrading", r#"{"cluster": {"provisioning_state": "Upgrading"}}"#),
    row("failed", r#"{"cluster": {"provisioning_state": "Failed"}}"#),
    row("canceled", r#"{"cluster": {"provisioning_state": "Canceled"}}"#),
    row("busy node pool", r#"{"cluster": {"node_pools": ["Succeeded", "Scaling"]}}"#),
    row("failed node pool", r#"{"cluster": {"node_pools": ["Succeeded", "Failed"]}}"#),
    row("stopped", r#"{"cluster": {"power_state": "Stopped"}}"#),
    row("no VNet integration", r#"{"cluster": {"vnet_integration": false}}"#),
    row("private cluster", r#"{"cluster": {"private_cluster": true}}"#),
    row("no local accounts", r#"{"cluster": {"local_accounts": false, "entra": true}}"#),
    row("newer experience", r#"{"cluster": {"infrastructure_encryption": true}}"#),
    row("no konnectivity", r#"{"cluster": {"konnectivity": false}}"#),
    row("one provider", r#"{"cluster": {"wiring": "one-provider"}}"#),
    row("forgotten secrets hang", r#"{"cluster": {"forgotten_secrets": "hang"}}"#),
    row(
        "change to the second version failed",
        r#"{"cluster": {"failed_change": {"key": "{{key.2}}"}}}"#,
    ),
    row(HALF_WAY, r#"{"cluster": {"failed_change": {"key": "{{key.2}}", "applied_to": [1]}}}"#),
    row("turning off was canceled", r#"{"cluster": {"failed_change": {"status": "Canceled"}}}"#),
    row("one API server", r#"{"cluster": {"api_servers": 1}}"#),
    row("three API servers", r#"{"cluster": {"api_servers": 3}}"#),
    // the vaults
    row("no vault", r#"{"vault": {"exists": false}}"#),
    row("deleted vault", r#"{"vault": {"soft_deleted": true}}"#),
    row("access policies", r#"{"vault": {"authorization": "access-policy"}}"#),
    row("closed vault", r#"{"vault": {"public_access": false}}"#),
    row("firewall", r#"{"vault": {"firewall": true}}"#),
    row("vault of another tenant", r#"{"vault": {"other_tenant": true}}"#),
    row("no purge protection", r#"{"vault": {"purge_protection": false}}"#),
    row("no diagnostics", r#"{"vault": {"diagnostics": false}}"#),
    row("pending private endpoint", r#"{"vault": {"private_endpoint": "pending"}}"#),
    row("no other vault", r#"{"other_vault": {"exists": false}}"#),
    row("other vault deleted", r#"{"other_vault": {"soft_deleted": true}}"#),
    row("other vault closed", r#"{"other_vault": {"public_access": false}}"#),
    row("other vault with firewall", r#"{"other_vault": {"firewall": true}}"#),
    row("other vault of another tenant", r#"{"other_vault": {"other_tenant": true}}"#),
    row(
        "other vault with access policies",
        r#"{"other_vault": {"authorization": "access-policy"}}"#,
    ),
    // the key
    row("no key", r#"{"key": {"exists": false}}"#),
    row("deleted key", r#"{"key": {"soft_deleted": true}}"#),
    row("HSM key", r#"{"key": {"kind": "RSA-HSM"}}"#),
    row("elliptic key", r#"{"key": {"kind": "EC", "operations": ["sign", "verify"]}}"#),
    row("disabled key", r#"{"key": {"enabled": false}}"#),
    row("expired key", r#"{"key": {"expires_in_days": -3}}"#),
    row("key expires soon", r#"{"key": {"expires_in_days": 10}}"#),
    row("key expires much later", r#"{"key": {"expires_in_days": 400}}"#),
    row("key not yet valid", r#"{"key": {"not_before_in_days": 3}}"#),
    row("key valid since long", r#"{"key": {"not_before_in_days": -3}}"#),
    row("key without encrypt", r#"{"key": {"operations": ["decrypt", "wrapKey", "unwrapKey"]}}"#),
    row("key without decrypt", r#"{"key": {"operations": ["encrypt", "wrapKey", "unwrapKey"]}}"#),
    row("key with just enough operations", r#"{"key": {"operations": ["encrypt", "decrypt"]}}"#),
    row("first version disabled", r#"{"key": {"exceptions": [{"version": 1, "enabled": false}]}}"#),
    row(
        "first version expired",
        r#"{"key": {"exceptions": [{"version": 1, "expires_in_days": -1}]}}"#,
    ),
    row(
        "first version without decrypt",
        r#"{"key": {"exceptions": [{"version": 1, "operations": ["encrypt"]}]}}"#,
    ),
    row(
        "second version disabled",
        r#"{"key": {"exceptions": [{"version": 2, "enabled": false}]}}"#,
    ),
    row(
        "second version expired",
        r#"{"key": {"exceptions": [{"version": 2, "expires_in_days": -1}]}}"#,
    ),
    row(
        "second version not yet valid",
        r#"{"key": {"exceptions": [{"version": 2, "not_before_in_days": 2}]}}"#,
    ),
    row(
        "second version without operations",
        r#"{"key": {"exceptions": [{"version": 2, "operations": []}]}}"#,
    ),
    row("third version disabled", r#"{"key": {"exceptions": [{"version": 3, "enabled": false}]}}"#),
    // access of the cluster's identity
    row("no role", r#"{"access": {"role": null}}"#),
    row(
        "role that only wraps",
        r#"{"access": {"role": "Key Vault Crypto Service Encryption User"}}"#,
    ),
    row("role of an officer", r#"{"access": {"role": "Key Vault Crypto Officer"}}"#),
    row("role of a reader", r#"{"access": {"role": "Key Vault Reader"}}"#),
    row("role of an administrator", r#"{"access": {"role": "Key Vault Administrator"}}"#),
    row("role at the key", r#"{"access": {"scope": "key"}}"#),
    row("role at the group", r#"{"access": {"scope": "resource-group"}}"#),
    row("role at the subscription", r#"{"access": {"scope": "subscription"}}"#),
    row("role with a condition", r#"{"access": {"condition": true}}"#),
    row("role through a group", r#"{"access": {"through_group": true}}"#),
    row("no private link role", r#"{"access": {"private_link_role": false}}"#),
    row("no policy", r#"{"vault": {"authorization": "access-policy"}, "access": {"policy": []}}"#),
    row(
        "policy that only encrypts",
        r#"{"vault": {"authorization": "access-policy"}, "access": {"policy": ["encrypt"]}}"#,
    ),
    row(
        "policy that only decrypts",
        r#"{"vault": {"authorization": "access-policy"}, "access": {"policy": ["Decrypt", "get"]}}"#,
    ),
    row(
        "policy of everything",
        r#"{"vault": {"authorization": "access-policy"}, "access": {"policy": ["all"]}}"#,
    ),
    row(
        "policy through a group",
        r#"{"vault": {"authorization": "access-policy"}, "access": {"through_group": true}}"#,
    ),
    // what the caller may see
    row(
        "vault not readable",
        r#"{"access": {"caller_lacks": ["Microsoft.KeyVault/vaults/read"]}}"#,
    ),
    row(
        "key not readable",
        r#"{"access": {"caller_lacks": ["Microsoft.KeyVault/vaults/keys/*"]}}"#,
    ),
    row(
        "roles not readable",
        r#"{"access": {"caller_lacks": ["Microsoft.Authorization/roleAssignments/read"]}}"#,
    ),
    row(
        "identity not readable",
        r#"{"access": {"caller_lacks": ["Microsoft.ManagedIdentity/userAssignedIdentities/read"]}}"#,
    ),
    row(
        "secrets not listable",
        r#"{"access": {"kubernetes_lacks": [{"verb": "list", "resource": "secrets"}]}}"#,
    ),
    row(
        "secrets not patchable",
        r#"{"access": {"kubernetes_lacks": [{"verb": "patch", "resource": "secrets"}]}}"#,
    ),
    row(
        "metrics not readable",
        r#"{"access": {"kubernetes_lacks": [{"verb": "get", "resource": "/metrics"}]}}"#,
    ),
    // the secrets
    row("no secrets", r#"{"secrets": {"namespaces": 0}}"#),
    row("secrets in plaintext", r#"{"secrets": {"under": "plaintext"}}"#),
    row("secrets under the first version", r#"{"secrets": {"under": "{{key.1}}"}}"#),
    row("secrets under the second version", r#"{"secrets": {"under": "{{key.2}}"}}"#),
    row(
        "a secret that is denied",
        r#"{"secrets": {"special": [{"name": "team-1/denied", "kind": "denied"}]}}"#,
    ),
    row(
        "an immutable secret",
        r#"{"secrets": {"special": [{"name": "team-1/immutable", "kind": "immutable"}]}}"#,
    ),
    row(
        "an unreadable secret",
        r#"{"secrets": {"special": [{"name": "team-1/unreadable", "kind": "unreadable"}]}}"#,
    ),
    row(
        "a secret left under the third version",
        r#"{"secrets": {"special": [{"name": "team-1/left", "kind": "immutable", "under": "{{key.3}}"}]}}"#,
    ),
];
