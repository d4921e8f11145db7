//! Calls of each verb on the simulator, by a caller with exactly the rights that are given.

use std::sync::Arc;

use aks_kms_simulator::{
    Case, Given, Options, Simulator, TimeScale,
    given::{self, Access, CustomRole},
    writes::Use,
};
use serde_json::{Value, json};

use super::table::{Needed, granted};
use crate::{
    Action, ChangeNetworkModeOptions, ClusterId, ClusterKeySource, CreateClusterOptions,
    CustomerManagedKey, DisableOptions, EnableOptions, Error, Experience, Finding, KeyId,
    KmsManager, KubernetesAccess, ListClustersOptions, MigrateToV2Options, NetworkMode,
    ProvisionOptions, ReencryptSecretsOptions, ResumeOptions, RotateOptions, RuleId,
    SetDataEncryptionOptions, StatusOptions, Subscriptions, Timing, VaultAuthorization, VaultId,
    VerifySecretsOptions, list_clusters,
};

const SCALE: f64 = 0.01;

/// A call in a world that is made for it.
pub(super) struct Run {
    /// As in the document.
    pub(super) verb: &'static str,
    pub(super) given: Value,
    /// A call before it, by a caller who may do everything.
    pub(super) earlier: Option<&'static str>,
    pub(super) kubernetes: KubernetesAccess,
}

impl Run {
    pub(super) fn of(verb: &'static str) -> Self {
        let on = json!({"cluster": {"kms": {"key": "{{key.1}}"}}});
        let (given, earlier) = match verb {
            "enable"
            | "provision"
            | "provision with access policies"
            | "provision before there is a cluster"
            | "provision for a customer-managed key"
            | "create_cluster"
            | "create_cluster with a customer-managed key"
            | "set_data_encryption"
            | "list_clusters"
            | "list_clusters of all subscriptions" => (json!({}), None),
            // What was begun is there to be gone on with, or dropped.
            "resume" | "abandon" => {
                let fault = json!({"method": "PUT", "path": "/managedClusters/", "status": 403, "times": 1});
                (json!({"faults": {"azure": [fault]}}), Some("enable"))
            }
            "change_network_mode" => {
                (json!({"cluster": {"kms": {"key": "{{key.1}}"}, "vnet_integration": true}}), None)
            }
            "rotate of a customer-managed key" => (json!({}), Some("set_data_encryption")),
            "status" | "check_action" | "verify_secrets" => (json!({}), Some("enable")),
            "migrate_to_v2" => (
                json!({"cluster": {"kms": {"key": "{{key.1}}"}, "kubernetes_version": "1.26.3"}}),
                None,
            ),
            _ => (on, None),
        };
        let run = Self { verb, given, earlier, kubernetes: KubernetesAccess::ClusterUser };
        run.given(json!({"cluster": {"subnet": true}}))
    }

    /// The same with more given.
    pub(super) fn given(mut self, given: Value) -> Self {
        merge(&mut self.given, given);
        self
    }
}

/// What came of a call, and the rights that it used.
pub(super) struct Outcome {
    pub(super) result: Result<Vec<Finding>, Error>,
    pub(super) uses: Vec<Use>,
}

/// A simulator for many calls.
pub(super) struct World(Simulator);

impl World {
    pub(super) async fn new() -> Arc<Self> {
        let options = Options { scale: TimeScale(SCALE), ..Options::default() };
        Arc::new(Self(Simulator::start(options).await.unwrap()))
    }

    /// Makes the call with these rights alone.
    pub(super) async fn call(&self, run: &Run, rights: &[Needed]) -> Outcome {
        let given: Given = serde_json::from_value(run.given.clone()).unwrap();
        let case = self.0.put_case(given).await.unwrap();
        if let Some(verb) = run.earlier {
            let _ = perform(&self.0, &case, verb, &KubernetesAccess::ClusterUser).await;
        }
        self.0.set_rights(&case.id, access(rights)).await.unwrap();
        self.0.clear_writes(&case.id).unwrap();
        let result = perform(&self.0, &case, run.verb, &run.kubernetes).await;
        let uses = self.0.uses(&case.id).unwrap().into_iter().collect();
        self.0.delete_case(&case.id).unwrap();
        Outcome { result, uses }
    }
}

/// A custom role, and a role in Kubernetes, with these rights.
fn access(rights: &[Needed]) -> Access {
    let mut role = CustomRole::default();
    let mut kubernetes = Vec::new();
    for right in rights {
        match right {
            Needed::Azure(action) => granted(*action, &mut role),
            Needed::Kubernetes(right) => kubernetes.push(given::KubernetesRight {
                verb: right.verb().to_owned(),
                resource: right.resource().to_owned(),
                namespace: right.namespace().map(str::to_owned),
                name: right.object().map(str::to_owned),
            }),
        }
    }
    Access { caller_role: Some(role), kubernetes_role: Some(kubernetes), ..Access::default() }
}

/// `brand_new`: of a cluster that is not there.
fn manager(case: &Case, kubernetes: &KubernetesAccess, brand_new: bool) -> KmsManager {
    let given = ClusterId::parse(&case.cluster_id).unwrap();
    let (subscription, group) = (given.subscription_id(), given.resource_group());
    let other = ClusterId::new(subscription, group, "brand-new").unwrap();
    KmsManager::builder(if brand_new { other } else { given })
        .cloud(case.arm.parse().unwrap())
        .credential(case.credential())
        .transport(case.transport())
        .kubernetes(kubernetes.clone())
        .timing(Timing::scaled(SCALE))
        .build()
        .unwrap()
}

async fn perform(
    simulator: &Simulator,
    case: &Case,
    verb: &str,
    kubernetes: &KubernetesAccess,
) -> Result<Vec<Finding>, Error> {
    let brand_new =
        verb.starts_with("create_cluster") || verb == "provision before there is a cluster";
    let manager = manager(case, kubernetes, brand_new);
    let report = match verb {
        verb if verb.starts_with("provision") => return provision(&manager, verb).await,
        "create_cluster" | "create_cluster with a customer-managed key" => {
            let subnet = case.cluster_id.split("/providers/").next().unwrap_or_default();
            let subnet =
                format!("{subnet}/providers/Microsoft.Network/virtualNetworks/v/subnets/s");
            let body = json!({"location": "eastus", "properties": {"kubernetesVersion": "1.34", "agentPoolProfiles": [
                {"name": "system", "mode": "System", "count": 1, "vmSize": "x", "vnetSubnetID": subnet},
            ]}});
            let options = CreateClusterOptions {
                identity_id: Some(case.identity_id.clone()),
                allow: vec![RuleId::DataEncryptionIrreversible],
                ..CreateClusterOptions::default()
            };
            let key = match verb {
                "create_cluster" => ClusterKeySource::from(&case.key_ids[0]),
                _ => customer_managed(case).into(),
            };
            manager.create_cluster(body, key, options).await?
        }
        "status" => {
            let options = StatusOptions { secrets: true, ..StatusOptions::default() };
            return Ok(manager.status(options).await?.findings);
        }
        "check_action" => {
            let key_vault_id = VaultId::parse(&case.key_vault_id).unwrap();
            return manager.check_action(Action::DeleteVault { key_vault_id }).await;
        }
        "list_clusters" | "list_clusters of all subscriptions" => {
            let options = ListClustersOptions {
                credential: Some(case.credential()),
                cloud: case.arm.parse().unwrap(),
                transport: Some(case.transport()),
                timing: Timing::scaled(SCALE),
                ..ListClustersOptions::default()
            };
            let subscriptions = match verb {
                "list_clusters" => [case.subscription_id.as_str()].into(),
                _ => Subscriptions::All,
            };
            let list = list_clusters(subscriptions, options).await?;
            assert_eq!(list.clusters.len(), 1, "{list}");
            return Ok(Vec::new());
        }
        "enable" => manager.enable(&case.key_ids[0], EnableOptions::default()).await?,
        "rotate" => manager.rotate(case.key_ids[1].as_str(), RotateOptions::default()).await?,
        "rotate without a key id" => manager.rotate(None, RotateOptions::default()).await?,
        "rotate of a customer-managed key" => {
            let begun = RotateOptions { wait: false, ..RotateOptions::default() };
            manager.rotate(None, begun).await?;
            // Six hours pass.
            simulator.look_for_key_versions(&case.id).await.unwrap();
            manager.rotate(None, RotateOptions::default()).await?
        }
        "disable" => manager.disable(DisableOptions::default()).await?,
        "change_network_mode" => {
            let options = ChangeNetworkModeOptions::default();
            manager.change_network_mode(NetworkMode::Private, options).await?
        }
        "migrate_to_v2" => {
            let allow = vec![RuleId::KeyInUseUnproven];
            let options = MigrateToV2Options { allow, ..MigrateToV2Options::default() };
            manager.migrate_to_v2(options).await?
        }
        "set_data_encryption" => {
            let allow = vec![RuleId::DataEncryptionIrreversible];
            let options = SetDataEncryptionOptions { allow, ..SetDataEncryptionOptions::default() };
            manager.set_data_encryption(customer_managed(case), options).await?
        }
        "reencrypt_secrets" => {
            manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await?
        }
        "verify_secrets" => manager.verify_secrets(VerifySecretsOptions::default()).await?,
        "resume" => manager.resume(ResumeOptions::default()).await?,
        "abandon" => manager.abandon().await?,
        other => panic!("there is no verb {other}"),
    };
    Ok(report.findings)
}

fn customer_managed(case: &Case) -> CustomerManagedKey {
    CustomerManagedKey {
        key_id: KeyId::parse(&case.key_ids[0]).unwrap().without_version().to_string(),
        key_vault_id: case.key_vault_id.clone(),
        network_mode: NetworkMode::Public,
    }
}

async fn provision(manager: &KmsManager, verb: &str) -> Result<Vec<Finding>, Error> {
    let (authorization, experience, parts) = match verb {
        "provision with access policies" => {
            (VaultAuthorization::AccessPolicy, Experience::KeyVault, 4)
        }
        "provision for a customer-managed key" => {
            (VaultAuthorization::AccessPolicy, Experience::CustomerManaged, 5)
        }
        _ => (VaultAuthorization::Rbac, Experience::KeyVault, 4),
    };
    let identity = Some("own".to_owned());
    let options =
        ProvisionOptions { identity, authorization, experience, ..ProvisionOptions::default() };
    let made = manager.provision(options).await?;
    assert_eq!(made.created.len(), parts, "all is yet to be made");
    Ok(made.findings)
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
