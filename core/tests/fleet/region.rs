//! Many clusters in several subscriptions under one caller, some of which cannot be rotated.

use aks_kms::{
    ClusterId, Fleet, FleetOptions, FleetReport, FleetRow, KeyId, OperationOutcome, Timing,
};
use aks_kms_simulator::{Case, Simulator};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    common::{self, az::Az, kubectl::Kubectl},
    world::{VERSIONS, daily},
};

/// So many are looked at at once.
const AT_ONCE: usize = 8;

/// What is with a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Nothing.
    Healthy,
    /// Its vault is closed until somebody opens it.
    Failing,
    WithoutKms,
    /// Kubernetes before 1.27.
    V1,
    /// Its API server cannot be reached from here.
    Private,
    /// It was deleted meanwhile.
    Gone,
}

impl Kind {
    const SPECIAL: [Self; 4] = [Self::WithoutKms, Self::V1, Self::Private, Self::Gone];

    fn given(self) -> Value {
        let mut given = json!({"cluster": {"kms": {"key": "{{key.1}}"}}, "secrets": {"namespaces": 5, "each": 10}});
        let own = match self {
            Self::Healthy => json!({}),
            Self::Failing => json!({"vault": {"firewall": true}}),
            Self::WithoutKms => json!({"cluster": {"kms": null}}),
            Self::V1 => json!({"cluster": {"kubernetes_version": "1.26.6"}}),
            Self::Private => json!({
                "cluster": {"private_cluster": true}, "faults": {"kubernetes": [{"path": "", "status": 0}]},
            }),
            Self::Gone => json!({
                "faults": {"azure": [{"path": "managedClusters", "status": 404, "code": "ResourceNotFound"}]},
            }),
        };
        common::world::merge(&mut given, own);
        given
    }

    /// How a cluster that cannot be rotated is named.
    pub(crate) fn named(self) -> (OperationOutcome, String) {
        let (outcome, reason) = match self {
            Self::Healthy | Self::Failing => (OperationOutcome::Done, ""),
            Self::WithoutKms => (OperationOutcome::Refused, "kms-not-enabled"),
            Self::V1 => (OperationOutcome::Refused, "key-in-use-unproven"),
            Self::Private => (OperationOutcome::Refused, "kubernetes-unreachable"),
            Self::Gone => (OperationOutcome::Failed, "not_found"),
        };
        (outcome, reason.to_owned())
    }
}

/// Why a row is as it is: the rules, else the code.
pub(crate) trait Reason {
    fn reason(&self) -> String;
}

impl Reason for FleetRow {
    fn reason(&self) -> String {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.as_str()).collect();
        if rules.is_empty() { self.code.clone().unwrap_or_default() } else { rules.join(" ") }
    }
}

/// One, some, a third, the rest. Those that cannot be rotated are in the last wave.
pub(crate) fn waves(clusters: usize) -> FleetOptions {
    FleetOptions { waves: vec![1, (clusters / 20).max(2), clusters / 3], ..FleetOptions::default() }
}

pub(crate) fn fleet_of(fleet: &aks_kms_simulator::Fleet) -> Fleet {
    let ids = fleet.clusters.iter().map(|it| ClusterId::parse(&it.cluster_id).unwrap());
    Fleet::builder(ids.collect::<Vec<_>>())
        .cloud(fleet.arm.parse().unwrap())
        .credential(fleet.credential())
        .transport(fleet.transport())
        .timing(Timing::scaled(common::SCALE))
        .build()
        .unwrap()
}

pub(crate) struct Region {
    pub(crate) simulator: Simulator,
    pub(crate) fleet: aks_kms_simulator::Fleet,
    cases: Vec<Case>,
    kinds: Vec<Kind>,
}

impl Region {
    pub(crate) async fn new(clusters: usize) -> Self {
        let each = (clusters / 20).max(1);
        let mut kinds = vec![Kind::Healthy; clusters];
        kinds[1] = Kind::Failing;
        let special = Kind::SPECIAL.iter().flat_map(|kind| std::iter::repeat_n(*kind, each));
        for (place, kind) in kinds.iter_mut().rev().zip(special) {
            *place = kind;
        }
        let all = || kinds.iter().enumerate();
        let of = |kind: Kind| -> Vec<usize> {
            all().filter(|(_, it)| **it == kind).map(|(index, _)| index).collect()
        };
        let some = |kind: &Kind| json!({"name": format!("{kind:?}"), "clusters": of(*kind), "given": kind.given()});
        let some: Vec<Value> = [Kind::Failing].iter().chain(&Kind::SPECIAL).map(some).collect();
        let given = json!({
            "subscriptions": clusters.div_ceil(4), "clusters": clusters, "given": Kind::Healthy.given(), "some": some,
        });
        let simulator = common::simulator().await;
        let fleet = simulator.put_fleet(&serde_json::from_value(given).unwrap()).unwrap();
        let cases = stream::iter(&fleet.clusters)
            .map(|cluster| simulator.case(&cluster.case))
            .buffered(AT_ONCE)
            .map(Result::unwrap)
            .collect()
            .await;
        Self { simulator, fleet, cases, kinds }
    }

    pub(crate) fn kind(&self, index: usize) -> Kind {
        self.kinds[index]
    }

    /// Those that can be rotated once the failing one is mended.
    pub(crate) fn healthy(&self) -> impl Iterator<Item = usize> {
        let can = |index: &usize| matches!(self.kinds[*index], Kind::Healthy | Kind::Failing);
        (0..self.kinds.len()).filter(can)
    }

    /// Rotates what is due, in waves.
    pub(crate) async fn run(&self) -> FleetReport {
        fleet_of(&self.fleet).run(daily(), waves(self.cases.len())).await.unwrap()
    }

    /// Opens the vault of the one that fails.
    pub(crate) fn mend(&self) {
        let case = &self.cases[1];
        let vault = case.key_vault_id.rsplit('/').next().unwrap();
        let open = json!({"properties": {"networkAcls": {"defaultAction": "Allow"}}});
        self.simulator.patch_vault(&case.id, vault, &open).unwrap();
    }

    /// What the library keeps in a cluster.
    pub(crate) async fn record(&self, index: usize) -> Option<Value> {
        Kubectl::new(&self.simulator, &self.cases[index]).record().await
    }

    /// How many versions a cluster's key has.
    pub(crate) async fn versions(&self, index: usize) -> usize {
        let case = &self.cases[index];
        let key = KeyId::parse(&case.key_ids[0]).unwrap();
        let az = Az::login(case).await;
        az.key_versions(&case.key_vault_id, key.name()).await.len()
    }

    /// How many keys have a new version; none has two, and no secret is lost.
    pub(crate) async fn no_key_has_two_new_versions(&self, when: &str) -> usize {
        let look = async |index: usize| {
            let versions = self.versions(index).await;
            assert!((VERSIONS..=VERSIONS + 1).contains(&versions), "{when}: {index}: {versions}");
            let truth = self.simulator.secrets(&self.cases[index].id).await.unwrap();
            assert_eq!(truth.unreadable, 0, "{when}: {index}: {truth:?}");
            versions - VERSIONS
        };
        let looks = stream::iter(self.healthy()).map(look).buffer_unordered(AT_ONCE);
        looks.fold(0, async |sum, new| sum + new).await
    }

    /// Every secret of a cluster is under the key in use, which is a new one.
    pub(crate) async fn is_proven(&self, index: usize) {
        let case = &self.cases[index];
        let cluster = self.simulator.cluster(&case.id).unwrap();
        let key = &cluster["properties"]["securityProfile"]["azureKeyVaultKms"]["keyId"];
        let key = key.as_str().unwrap();
        assert!(!case.key_ids.iter().any(|old| old == key), "{index}: {key}");
        let truth = self.simulator.secrets(&case.id).await.unwrap();
        assert_eq!(truth.by_key.get(key), Some(&truth.total), "{index}: {truth:?}");
    }
}
