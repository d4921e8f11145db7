//! `Fleet`: one verb on many clusters.
//!
//! The verbs are those of the table below. Each takes its own arguments and those of the run, flat. A key for each
//! cluster is `{"all": <key>}`, or `{"each": {<resource id>: <key>, …}}`: functions and filters run in the language,
//! which asks `list_clusters` first.

use aks_kms::{
    EnableOptions, Error, Fleet, FleetOptions, FleetReport, FleetVerb, KeySource, OnFleetProgress,
    PerCluster, ReencryptSecretsOptions, RotateOptions, SetDataEncryptionOptions, StatusOptions,
    VerifySecretsOptions,
};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    arguments::{options, options_with_rewrite, required},
    describe::{Generators, Verb, describe},
    verbs::json,
};

/// The options of a run: of all clusters together.
const OF_RUN: [&str; 4] = ["waves", "max_clusters", "stop_after_failures", "dry_run"];
const WHEN_OLDER_THAN: &str = "when_older_than";

/// Makes `verb_of` and `verbs` from the table. A row is the verb's documentation, its arguments that are no options,
/// whether it writes, where its options come from, and the verb of the crate.
macro_rules! fleet_verbs {
    ($(
        $(#[doc = $about:literal])*
        $verb:ident($($(#[doc = $about_argument:literal])* $argument:ident: $type:ty),*)
            [$effect:ident, $read:ident $options:ty], |$given:ident, $asked:ident| $made:expr;
    )*) => {
        /// A verb with what it takes.
        fn verb_of(verb: &str, mut arguments: Map<String, Value>) -> Result<FleetVerb, Error> {
            match verb {
                $(stringify!($verb) => {
                    #[derive(Deserialize)]
                    struct Given { $($argument: $type,)* }
                    let $given: Given = required(&mut arguments, &[$(stringify!($argument)),*])?;
                    let $asked: $options = $read(arguments)?;
                    Ok($made)
                })*
                other => Err(Error::invalid_input(&format!("a fleet has no verb {other}"))),
            }
        }

        /// The verbs, as the schema describes them.
        fn verbs(generators: &mut Generators) -> Vec<Verb> {
            vec![$({
                #[derive(JsonSchema)]
                #[allow(dead_code, reason = "it is described, not used")]
                struct Given { $($(#[doc = $about_argument])* $argument: $type,)* }
                of_fleet(describe::<Given, $options, FleetReport>(
                    generators,
                    stringify!($verb),
                    stringify!($effect) == "writes",
                    &[$($about),*],
                    &[$(stringify!($argument)),*],
                ))
            }),*]
        }
    };
}

fleet_verbs! {
    /// Rotates each cluster whose key is too old to a new version of it, rewrites every secret and proves it.
    ///
    /// A cluster whose key is younger is left alone, and one with an unfinished rotation is gone on with. So the same
    /// call may be made every night: no key gets a second version.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    rotate() [writes, options RotateOptions], |_given, asked| FleetVerb::Rotate(asked);

    /// Turns KMS on in each cluster with its key, rewrites every secret under it and proves it.
    ///
    /// Where it is on with this key already, nothing is set, and all secrets are verified.
    ///
    /// See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    enable(
        /// The key of each cluster, `https://<vault host>/keys/<name>/<version>`: one for all, or by the cluster's
        /// resource id. A cluster without one is an error before anything is done.
        key_ids: PerCluster<String>
    ) [writes, options EnableOptions], |given, asked| FleetVerb::Enable { key_ids: given.key_ids, options: asked };

    /// Moves each cluster to KMS data encryption with its key, rewrites every secret and proves it.
    ///
    /// It cannot be turned off, and there is no way back to KMS with a versioned key: name
    /// `data-encryption-irreversible` in `allow`. Where it is on with this key already, nothing is set, and all
    /// secrets are verified.
    ///
    /// See <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    set_data_encryption(
        /// The key of each cluster, `platform-managed` or a customer-managed key without a version: one for all, or by
        /// the cluster's resource id. A cluster without one is an error before anything is done.
        key_sources: PerCluster<KeySource>
    ) [writes, options SetDataEncryptionOptions],
        |given, asked| FleetVerb::SetDataEncryption { key_sources: given.key_sources, options: asked };

    /// Rewrites the secrets of each cluster under its key in use, and proves it: the storage migration.
    ///
    /// Secrets that are under the key already are not written.
    reencrypt_secrets() [writes, options_with_rewrite ReencryptSecretsOptions],
        |_given, asked| FleetVerb::ReencryptSecrets(asked);

    /// Proves, without writing, that no secret of any cluster is under another key than the one in use.
    ///
    /// Where there is no proof of an earlier operation to compare with, it needs Kubernetes 1.34 or later.
    verify_secrets() [reads, options VerifySecretsOptions], |_given, asked| FleetVerb::VerifySecrets(asked);

    /// Reads the present state of each cluster, and says what is wrong or will be.
    ///
    /// Each row has the whole state as `status`.
    status() [reads, options StatusOptions], |_given, asked| FleetVerb::Status(asked);
}

/// Runs a verb on the clusters of a fleet; gives the report as JSON.
///
/// # Errors
/// Those of [`Fleet::run`], and `invalid_input` for arguments that are missing, unknown or malformed.
pub async fn call_fleet(
    fleet: &Fleet,
    verb: &str,
    arguments: Map<String, Value>,
    on_progress: Option<OnFleetProgress>,
) -> Result<String, Error> {
    let (verb, run) = asked(verb, arguments)?;
    json(&fleet.run(verb, FleetOptions { on_progress, ..run }).await?)
}

/// Refuses what [`call_fleet`] would refuse before any request: for whoever looks for the clusters first.
///
/// # Errors
/// `invalid_input` for arguments that are missing, unknown or malformed.
pub fn check_fleet(fleet: &Fleet, verb: &str, arguments: Map<String, Value>) -> Result<(), Error> {
    let (verb, run) = asked(verb, arguments)?;
    fleet.check(&verb, &run)
}

/// A verb with what it takes, and how the clusters are gone through.
fn asked(
    verb: &str,
    mut arguments: Map<String, Value>,
) -> Result<(FleetVerb, FleetOptions), Error> {
    let of_run = OF_RUN.iter().filter_map(|name| arguments.remove_entry(*name)).collect();
    let run = options(of_run)?;
    Ok((verb_of(verb, arguments)?, run))
}

/// What differs from the verb of one cluster.
fn of_fleet(mut verb: Verb) -> Verb {
    let Some(properties) = verb.options.get_mut("properties").and_then(Value::as_object_mut) else {
        return verb;
    };
    // the run has it
    properties.remove("dry_run");
    if let Some(timeout) = properties.get_mut("timeout") {
        timeout["description"] = "Time limit of each cluster's operation. Default: 2 hours.".into();
    }
    if verb.name == "rotate" {
        properties.remove(WHEN_OLDER_THAN);
        verb.required = &[WHEN_OLDER_THAN];
        let about = "How old the version of a key in use may become, by its creation time in the vault and Azure's own \
                     clock. A cluster whose key is younger is `not-due`, and nothing is done there; one with an \
                     unfinished rotation is gone on with however young its key is; where the age cannot be told, it is \
                     refused.";
        let given = json!({
            "type": "object",
            "properties": {
                WHEN_OLDER_THAN: {"description": about, "type": "number", "format": "seconds"},
            },
            "required": [WHEN_OLDER_THAN],
        });
        verb.arguments = Schema::try_from(given).expect("an object is a schema");
    }
    verb
}

/// The section of the schema.
#[derive(Serialize)]
pub(crate) struct FleetSection {
    pub(crate) verbs: Vec<Verb>,
    /// What each verb takes besides: how the clusters are gone through.
    options: Schema,
    progress: Schema,
}

pub(crate) fn section(generators: &mut Generators) -> FleetSection {
    let mut options = FleetOptions::json_schema(&mut generators.arguments);
    // there are no options of the verb that could say it
    if let Some(dry_run) = options.pointer_mut("/properties/dry_run/description") {
        *dry_run = "Plan and findings of each cluster, nothing is written. Default: false.".into();
    }
    FleetSection {
        verbs: verbs(generators),
        options,
        progress: generators.results.subschema_for::<aks_kms::FleetProgress>(),
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
