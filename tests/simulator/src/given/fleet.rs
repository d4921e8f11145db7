//! Many clusters in several subscriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Given;

/// Many clusters in several subscriptions of one tenant, under one caller. Each cluster is as real as that of
/// a case, and has a resource group, a vault and an identity of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FleetGiven {
    /// In how many subscriptions they are, which have equally many, one more or less.
    pub subscriptions: usize,
    /// How many clusters.
    pub clusters: usize,
    /// Each cluster, unless `some` says otherwise. Its `access`, its `throttle` and, of its `faults`, what goes
    /// wrong with Azure are also for requests that are about no single cluster.
    pub given: Given,
    /// Clusters that are not as the others. One that several entries name is as the first of them says.
    pub some: Vec<SomeClusters>,
}

impl Default for FleetGiven {
    fn default() -> Self {
        Self { subscriptions: 1, clusters: 1, given: Given::default(), some: Vec::new() }
    }
}

/// Clusters of a fleet that are not as the others.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SomeClusters {
    /// What is said of them, in short; the fleet repeats it beside each.
    pub name: String,
    /// This share of all, from 0 to 1, taken evenly from those that no entry before has.
    pub share: f64,
    /// These as well, counted from 0.
    pub clusters: Vec<usize>,
    /// Each of them, with everything that it says: nothing is taken over from the others.
    pub given: Given,
}

impl FleetGiven {
    /// Which given each cluster has: that of `some`, or `None`.
    pub(crate) fn assign(&self) -> Result<Vec<Option<usize>>, String> {
        const MOST: usize = 1 << 16;
        let Self { subscriptions, clusters, some, .. } = self;
        if *clusters > MOST || *subscriptions == 0 || subscriptions > clusters {
            return Err(format!(
                "{clusters} clusters in {subscriptions} subscriptions: a fleet has up to {MOST} clusters, and one \
                 at least in each of its subscriptions"
            ));
        }
        let mut assigned = vec![None; *clusters];
        for (number, entry) in some.iter().enumerate() {
            if !(0.0..=1.0).contains(&entry.share) {
                return Err(format!("`share` is {}, and not from 0 to 1", entry.share));
            }
            if entry.given.throttle.is_some() {
                return Err(
                    "`throttle` is for all clusters: it belongs to the fleet's `given`".to_owned()
                );
            }
            for index in &entry.clusters {
                let place = assigned.get_mut(*index).ok_or_else(|| {
                    format!("`clusters` names {index}: they count from 0 to {}", clusters - 1)
                })?;
                place.get_or_insert(number);
            }
            // a share of at most 65,536 clusters
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss
            )]
            let wanted = (entry.share * *clusters as f64).round() as usize;
            let free: Vec<usize> =
                (0..*clusters).filter(|index| assigned[*index].is_none()).collect();
            let taken = wanted.min(free.len());
            for nth in 0..taken {
                assigned[free[nth * free.len() / taken]] = Some(number);
            }
        }
        Ok(assigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: serde_json::Value) -> FleetGiven {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn shares_are_spread_over_all_and_the_first_entry_has_a_cluster() {
        let fleet = given(serde_json::json!({
            "subscriptions": 2, "clusters": 10,
            "some": [{ "share": 0.2 }, { "clusters": [0, 1], "share": 0.3 }],
        }));
        let (a, b) = (Some(0), Some(1));
        let expected = [a, b, b, None, b, a, None, b, None, None];
        assert_eq!(fleet.assign().unwrap(), expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            serde_json::json!({ "clusters": 2, "subscriptions": 3 }),
            serde_json::json!({ "clusters": 2, "subscriptions": 0 }),
            serde_json::json!({ "clusters": 70_000 }),
            serde_json::json!({ "some": [{ "share": 1.5 }] }),
            serde_json::json!({ "some": [{ "clusters": [1] }] }),
            serde_json::json!({ "some": [{ "given": { "throttle": {} } }] }),
        ] {
            assert!(given(wrong.clone()).assign().is_err(), "{wrong}");
        }
    }
}
