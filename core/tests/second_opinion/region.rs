//! Azure for many worlds at the same time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aks_kms::RuleId;
use aks_kms_simulator::{Case, Simulator};
use serde_json::json;

use crate::{common::api_servers::ApiServers, shape::Shape};

pub(crate) struct Region {
    pub(crate) simulator: Simulator,
    api_servers: ApiServers,
    /// What came of worlds, and how often.
    seen: Mutex<BTreeMap<String, usize>>,
    /// The rules that stood in the way.
    absences: Mutex<BTreeMap<RuleId, Absence>>,
}

impl Region {
    pub(crate) async fn start() -> Self {
        let (simulator, api_servers) = ApiServers::start().await;
        Self { simulator, api_servers, seen: Mutex::default(), absences: Mutex::default() }
    }

    /// Counts what came of something.
    pub(crate) fn note(&self, what: impl Into<String>) {
        *self.seen.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().clone()
    }

    /// Counts a rule that stood in the way, and whether it would be missed.
    pub(crate) fn note_absence(&self, rule: RuleId, shape: &Shape, missed: bool) {
        let mut absences = self.absences.lock().unwrap();
        let absence = absences.entry(rule).or_default();
        absence.blocks += 1;
        if missed {
            absence.missed += 1;
            let smallest = absence.smallest.as_ref().map(|shape| shape.deviations.len());
            if smallest.is_none_or(|smallest| shape.deviations.len() < smallest) {
                absence.smallest = Some(shape.clone());
            }
        }
    }

    /// A line for each rule that stood in the way.
    pub(crate) fn absences(&self) -> String {
        let absences = self.absences.lock().unwrap();
        let line = |(rule, absence): (&RuleId, &Absence)| {
            let Absence { blocks, missed, smallest } = absence;
            let rule = rule.to_string();
            format!(
                "{rule:<37} blocks in {blocks:>5} worlds, would be missed in {missed:>5}: {smallest:?}"
            )
        };
        absences.iter().map(line).collect::<Vec<String>>().join("\n")
    }

    pub(crate) async fn world(self: &Arc<Self>, shape: &Shape) -> World {
        let given = serde_json::from_value(shape.given()).unwrap();
        let case = self.simulator.put_case(given).await.unwrap();
        World { region: Arc::clone(self), case }
    }
}

/// How often a rule stood in the way.
#[derive(Default)]
struct Absence {
    blocks: usize,
    /// How often it would be missed.
    missed: usize,
    /// A world in which it would be, with the fewest deviations.
    smallest: Option<Shape>,
}

/// A case, which ends with it.
pub(crate) struct World {
    region: Arc<Region>,
    pub(crate) case: Case,
}

impl World {
    /// How many secrets no API server can read.
    pub(crate) async fn unreadable(&self) -> usize {
        self.region.simulator.secrets(&self.case.id).await.unwrap().unreadable
    }

    /// Whether every API server is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        match self.region.api_servers.at(&self.case.kubernetes) {
            Some(embedded) => embedded.all_ready().await,
            None => false,
        }
    }

    /// `az keyvault update --public-network-access Disabled`, which follows where the private way is taken.
    pub(crate) fn close_vault_in_use(&self) {
        let document = self.region.simulator.cluster(&self.case.id).unwrap();
        let key = &document["properties"]["securityProfile"]["azureKeyVaultKms"]["keyId"];
        let vault = key.as_str().and_then(|key| key.split(['/', '.']).nth(2)).unwrap();
        let closed = json!({"properties": {"publicNetworkAccess": "Disabled"}});
        self.region.simulator.patch_vault(&self.case.id, vault, &closed).unwrap();
    }

    /// As AKS does when it maintains a cluster: what API servers had in memory is gone.
    pub(crate) async fn restart(&self) {
        self.region.simulator.restart_api_servers(&self.case.id).await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.region.api_servers.forget(&self.case.kubernetes);
        drop(self.region.simulator.delete_case(&self.case.id));
    }
}
