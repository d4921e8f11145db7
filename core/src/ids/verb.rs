//! The verbs of [`KmsManager`](crate::KmsManager).

use super::text_enum::text_enum;

text_enum! {
    /// A verb. It has the same name everywhere: methods, reports, docs, conformance cases.
    #[derive(Ord, PartialOrd)]
    #[non_exhaustive]
    pub enum Verb("operation") {
        /// Turn KMS on and rewrite all secrets.
        Enable = "enable",
        /// Change the key.
        Rotate = "rotate",
        /// Turn KMS off.
        Disable = "disable",
        /// Move the vault in use between public and private access.
        ChangeNetworkMode = "change_network_mode",
        /// Move from KMS v1 to v2.
        MigrateToV2 = "migrate_to_v2",
        /// Move to KMS data encryption, the newer experience, or between its keys.
        SetDataEncryption = "set_data_encryption",
        /// Rewrite secrets under the key in use.
        ReencryptSecrets = "reencrypt_secrets",
        /// Prove that no secret is under another key.
        VerifySecrets = "verify_secrets",
        /// Go on with the recorded operation.
        Resume = "resume",
        /// Drop the recorded operation.
        Abandon = "abandon",
        /// Read the present state.
        Status = "status",
        /// Judge something that is about to be done elsewhere.
        CheckAction = "check_action",
        /// Make vault, key, identity and access.
        Provision = "provision",
        /// Make a cluster with KMS on.
        CreateCluster = "create_cluster",
    }
}
