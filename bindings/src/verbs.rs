//! The verbs, one row each: what a binding calls by name, and what its documentation says.

use aks_kms::{
    Action, ChangeNetworkModeOptions, ClusterKeySource, CreateClusterOptions, DisableOptions,
    EnableOptions, Error, Finding, KeySource, KmsManager, KmsStatus, MigrateToV2Options,
    NetworkMode, OnProgress, OperationReport, ProvisionOptions, Provisioned,
    ReencryptSecretsOptions, ResumeOptions, RotateOptions, SetDataEncryptionOptions, StatusOptions,
    VerifySecretsOptions,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    arguments::{options, options_with_rewrite, required},
    describe::{Verb, describe},
};

/// The options of a verb that has none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

/// Makes `call` and `verbs` from the table. A row is the verb's documentation, its arguments that are no
/// options, whether it writes, where its options come from, what it gives, and the call itself.
macro_rules! verbs {
    ($(
        $(#[doc = $about:literal])*
        $verb:ident($($(#[doc = $about_argument:literal])* $argument:ident: $type:ty),*)
            [$effect:ident, $read:ident $options:ty] -> $result:ty,
            |$manager:ident, $given:ident, $asked:ident, $progress:ident| $call:expr;
    )*) => {
        /// Calls a verb by its name; gives its result as JSON.
        ///
        /// # Errors
        /// Those of the verb, and `invalid_input` for arguments that are missing, unknown or malformed.
        pub async fn call(
            manager: &KmsManager,
            verb: &str,
            mut arguments: Map<String, Value>,
            on_progress: Option<OnProgress>,
        ) -> Result<String, Error> {
            match verb {
                $(stringify!($verb) => {
                    #[derive(Deserialize)]
                    struct Given { $($argument: $type,)* }
                    let $given: Given = required(&mut arguments, &[$(stringify!($argument)),*])?;
                    #[allow(unused_mut, reason = "some verbs report no progress")]
                    let mut $asked: $options = $read(arguments)?;
                    let ($manager, $progress) = (manager, on_progress);
                    let result: $result = $call.await?;
                    json(&result)
                })*
                other => Err(Error::invalid_input(&format!("there is no verb {other}"))),
            }
        }

        /// The verbs, as the schema describes them.
        pub(crate) fn verbs(generator: &mut crate::describe::Generators) -> Vec<Verb> {
            vec![$({
                #[derive(JsonSchema)]
                #[allow(dead_code, reason = "it is described, not used")]
                struct Given { $($(#[doc = $about_argument])* $argument: $type,)* }
                describe::<Given, $options, $result>(
                    generator,
                    stringify!($verb),
                    stringify!($effect) == "writes",
                    &[$($about),*],
                    &[$(stringify!($argument)),*],
                )
            }),*]
        }
    };
}

verbs! {
    /// Makes what must be there before KMS is turned on: vault, key, identity and access.
    ///
    /// The cluster itself may be there or not; it is not changed. What is there is taken as it is: nothing is written
    /// over, an existing key gets no new version, an existing vault keeps its settings. A second call makes nothing,
    /// and an interrupted one is gone on with by the same call. Everything is made through Resource Manager, so that
    /// no right inside the vault and no network path to it is needed. Azure does not tell when a role has reached a
    /// vault, so after giving one it waits 5 minutes.
    ///
    /// With the experience `customer-managed` the key is for `set_data_encryption`: it is named without a version, the
    /// identity gets a role by which AKS follows it to its newest one, and for private access the vault lets trusted
    /// services of Azure in, without private endpoints.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
    /// <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    provision() [writes, options ProvisionOptions] -> Provisioned, |manager, _given, asked, progress| {
        asked.on_progress = progress;
        manager.provision(asked)
    };

    /// Makes the cluster with KMS on from the start, and proves every secret of it.
    ///
    /// A cluster that exists is never changed: one with this identity, key and network mode is waited for and proven,
    /// any other one is refused. So an interrupted call is gone on with by the same call. In the report, the
    /// provisioning state before is `NotCreated`.
    ///
    /// With a key of data encryption, which cannot be turned off, name `data-encryption-irreversible` in `allow`; it
    /// needs Kubernetes 1.33 or later. A call that finds a cluster with a platform-managed key, and has not made it,
    /// cannot tell its key from another, and says so as `key-in-use-unproven`.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
    /// <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    create_cluster(
        /// The cluster as the Azure REST API takes it; identity and KMS profile are put into it.
        body: Map<String, Value>,
        /// The key: the id of one with its version, `https://<vault host>/keys/<name>/<version>`; or for KMS data
        /// encryption `platform-managed`, or a customer-managed key without a version.
        key_source: ClusterKeySource
    ) [writes, options CreateClusterOptions] -> OperationReport, |manager, given, asked, progress| {
        asked.on_progress = progress;
        manager.create_cluster(Value::Object(given.body), given.key_source, asked)
    };

    /// Turns KMS on with a key, rewrites every secret under it and proves it.
    ///
    /// Before the first write it checks every documented limitation. Already on with this key: the cluster is not
    /// changed, but secrets that an unfinished run left behind are rewritten, and all are verified.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    enable(
        /// The key: `https://<vault host>/keys/<name>/<version>`.
        key_id: String
    ) [writes, options EnableOptions] -> OperationReport, |manager, given, asked, progress| {
        asked.on_progress = progress;
        manager.enable(given.key_id, asked)
    };

    /// Changes the key, rewrites every secret under the new one and proves it.
    ///
    /// Before the change, every secret is proven to be under the key in use: AKS reads with two keys only, and what
    /// is left under a third is lost. A key in another vault, reached in another mode, is allowed. Already on with
    /// this key: nothing is set, all secrets are verified. From an unusable new key, `rotate` to the previous key
    /// rolls back, without asking the secrets first.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    rotate(
        /// The new key. Default: a new version of the key in use is made first, once for each operation.
        key_id: Option<String>
    ) [writes, options RotateOptions] -> OperationReport, |manager, given, asked, progress| {
        asked.on_progress = progress;
        manager.rotate(given.key_id.as_deref(), asked)
    };

    /// Turns KMS off, rewrites every secret to plaintext and proves it.
    ///
    /// The last key must be kept, and so must the identity and its access to it: backups of etcd may hold secrets
    /// under it. Already off: nothing is set, but secrets that are left under a key are rewritten, and all are
    /// verified.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    disable() [writes, options DisableOptions] -> OperationReport, |manager, _given, asked, progress| {
        asked.on_progress = progress;
        manager.disable(asked)
    };

    /// Moves the vault in use between public and private access.
    ///
    /// While KMS is on, the mode of the vault in use cannot change: KMS is turned off, every secret is rewritten to
    /// plaintext, KMS is turned on in the other mode, and every secret is rewritten under the key again; each of
    /// these is proven before the next. Meanwhile secrets are not encrypted with your key. The vault's public
    /// network access is opened before the public way is taken, and closed only after the private way is proven.
    /// To reach another vault in another mode, `rotate` directly.
    ///
    /// See <https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode>.
    change_network_mode(
        /// How the API servers are to reach the vault.
        network_mode: NetworkMode
    ) [writes, options ChangeNetworkModeOptions] -> OperationReport, |manager, given, asked, progress| {
        asked.on_progress = progress;
        manager.change_network_mode(given.network_mode, asked)
    };

    /// Moves a cluster from KMS v1 to KMS v2, which has no limit of 2,000 secrets.
    ///
    /// KMS is turned off and every secret rewritten to plaintext; the cluster is upgraded along the versions that AKS
    /// offers until it is at 1.27 or later (or at the version asked for); then KMS is turned on with the same key in
    /// the same mode, and every secret rewritten under it. Each of these is proven before the next. Metrics do not
    /// show the keys of KMS v1, so the gate cannot prove which one is in use: name `key-in-use-unproven` in `allow`.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-v2#migrate-to-kms-v2>.
    migrate_to_v2() [writes, options MigrateToV2Options] -> OperationReport, |manager, _given, asked, progress| {
        asked.on_progress = progress;
        manager.migrate_to_v2(asked)
    };

    /// Moves a cluster to KMS data encryption, or between its keys; rewrites every secret and proves it.
    ///
    /// AKS then looks after the key and the secrets by itself: with a key of the platform's, or with a
    /// customer-managed one, which it follows to its newest version. It cannot be turned off, and there is no way back
    /// to KMS with a versioned key: name `data-encryption-irreversible` in `allow`. Before the change, every secret is
    /// proven to be under what the cluster has. AKS rewrites the secrets by itself, and says nothing of it: the
    /// rewrite here is the proof, and until it is complete no key from before is called removable.
    ///
    /// On this key already: nothing is set, all secrets are verified. Needs Kubernetes 1.33 or later.
    ///
    /// See <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    set_data_encryption(
        /// The key: `platform-managed`, or a customer-managed key without a version.
        key_source: KeySource
    ) [writes, options SetDataEncryptionOptions] -> OperationReport, |manager, given, asked, progress| {
        asked.on_progress = progress;
        manager.set_data_encryption(given.key_source, asked)
    };

    /// Rewrites secrets under the key in use, and proves it: the storage migration.
    ///
    /// The cluster's configuration is not changed. Secrets that are under the key already are not written. With
    /// `namespaces` it covers a part of the cluster, which is never proof of the whole.
    reencrypt_secrets() [writes, options_with_rewrite ReencryptSecretsOptions] -> OperationReport, |manager, _given, asked, progress| {
        asked.on_progress = progress;
        manager.reencrypt_secrets(asked)
    };

    /// Proves, without writing, that no secret is under another key than the one in use.
    ///
    /// It compares every secret with the proof that an earlier operation recorded. Without such a proof, and below
    /// Kubernetes 1.34, it cannot tell; `reencrypt_secrets`, which writes nothing to secrets that are under the key
    /// already, can.
    verify_secrets() [reads, options VerifySecretsOptions] -> OperationReport, |manager, _given, asked, progress| {
        asked.on_progress = progress;
        manager.verify_secrets(asked)
    };

    /// Reads the present state, and says what is wrong or will be.
    ///
    /// It takes two minutes at most. An API server that cannot be reached is a finding.
    status() [reads, options StatusOptions] -> KmsStatus, |manager, _given, asked, _progress| manager.status(asked);

    /// What stands against something that is about to be done elsewhere; empty: nothing.
    check_action(
        /// What is about to be done.
        action: Action
    ) [reads, options NoOptions] -> Vec<Finding>, |manager, given, _asked, _progress| manager.check_action(given.action);

    /// Goes on with the operation that is recorded in the cluster, whoever began it.
    ///
    /// Its plan is made anew from what is observed. Nothing recorded: nothing is done, and the report has no steps.
    resume() [writes, options_with_rewrite ResumeOptions] -> OperationReport, |manager, _given, asked, progress| {
        asked.on_progress = progress;
        manager.resume(asked)
    };

    /// Drops the recorded operation.
    ///
    /// The cluster stays as it is, which the report says; a key that the operation was changing to stays in the
    /// ledger as one that may still be needed.
    abandon() [writes, options NoOptions] -> OperationReport, |manager, _given, _asked, _progress| manager.abandon();
}

/// The catalogue of rules, as JSON.
///
/// # Errors
/// None.
pub fn rules() -> Result<String, Error> {
    json(&aks_kms::rules())
}

pub(crate) fn json<T: Serialize>(result: &T) -> Result<String, Error> {
    serde_json::to_string(result).map_err(|error| Error::invalid_input(&error.to_string()))
}
