//! Which clusters a fleet has.

use std::{collections::HashSet, sync::Arc};

use super::Inner;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::ClusterId,
    list_clusters::{self, Subscriptions},
    report::{ClusterSummary, UnreadableResource},
};

/// Which of the clusters that were found belong to a fleet.
pub type ClusterFilter = Arc<dyn Fn(&ClusterSummary) -> bool + Send + Sync>;

/// Which clusters a [`Fleet`](crate::Fleet) has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FleetClusters {
    /// These, in this order.
    Ids(Vec<ClusterId>),
    /// Those that there are in these subscriptions when [`run`](crate::Fleet::run) is called, by resource id.
    Subscriptions(Subscriptions),
}

impl From<Vec<ClusterId>> for FleetClusters {
    fn from(ids: Vec<ClusterId>) -> Self {
        Self::Ids(ids)
    }
}

impl From<Subscriptions> for FleetClusters {
    fn from(subscriptions: Subscriptions) -> Self {
        Self::Subscriptions(subscriptions)
    }
}

impl FleetClusters {
    /// Refuses ids that are none, or there twice, and a filter that has nothing to judge by.
    pub(super) fn check(&self, has_filter: bool) -> Result<()> {
        let wrong = match self {
            Self::Subscriptions(subscriptions) => return subscriptions.check(),
            Self::Ids(ids) if ids.is_empty() => {
                "clusters is an empty list; pass the ids of clusters, or subscriptions".to_owned()
            }
            Self::Ids(_) if has_filter => {
                "filter is of clusters that are found by subscription, and their ids are given; leave out those that \
                 it would, or pass subscriptions"
                    .to_owned()
            }
            Self::Ids(ids) => {
                let mut seen = HashSet::new();
                let Some(twice) = ids.iter().find(|id| !seen.insert(*id)) else { return Ok(()) };
                format!("clusters has {twice} twice; pass each cluster once")
            }
        };
        Err(Error::new(ErrorKind::InvalidInput, wrong))
    }
}

/// The clusters of a run.
pub(super) struct Selected {
    pub(super) clusters: Vec<ClusterId>,
    /// Those that the filter left out.
    pub(super) left_out: Vec<ClusterSummary>,
    pub(super) unreadable: Vec<UnreadableResource>,
}

impl Selected {
    /// Why there is nothing to do, which is no success: nobody was asked. `None`: there is a cluster.
    pub(super) fn why_none(&self) -> Option<String> {
        if !self.clusters.is_empty() {
            return None;
        }
        Some(match self.left_out.len() {
            0 => "no cluster was found; see to it that the subscriptions are the right ones, and that the credential \
                  has the right to read clusters there"
                .to_owned(),
            1 => "the filter left out the one cluster that was found; see to it that it is the right one"
                .to_owned(),
            all => format!("the filter left out all {all} clusters that were found; see to it that it is the right one"),
        })
    }
}

/// Looks for the clusters.
pub(super) async fn select(fleet: &Inner) -> Result<Selected> {
    let subscriptions = match &fleet.clusters {
        FleetClusters::Ids(ids) => {
            let (left_out, unreadable) = (Vec::new(), Vec::new());
            return Ok(Selected { clusters: ids.clone(), left_out, unreadable });
        }
        FleetClusters::Subscriptions(subscriptions) => subscriptions.clone(),
    };
    let (azure, graph) = (&fleet.access.azure, fleet.resource_graph);
    let list =
        list_clusters::list_in_time(azure, subscriptions, graph, list_clusters::TIMEOUT).await?;
    let is_chosen =
        |cluster: &ClusterSummary| fleet.filter.as_ref().is_none_or(|filter| filter(cluster));
    let (chosen, left_out): (Vec<_>, Vec<_>) = list.clusters.into_iter().partition(is_chosen);
    let clusters = chosen.into_iter().map(|cluster| cluster.id).collect();
    Ok(Selected { clusters, left_out, unreadable: list.unreadable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::cluster;

    #[test]
    fn why_there_is_no_cluster_is_told_by_what_was_found() {
        let selected = |chosen: usize, left_out: usize| Selected {
            clusters: vec![cluster().id; chosen],
            left_out: vec![cluster().summary(); left_out],
            unreadable: Vec::new(),
        };
        for (left_out, why) in
            [(0, "no cluster was found"), (1, "the one cluster"), (7, "all 7 clusters")]
        {
            assert!(selected(0, left_out).why_none().unwrap().contains(why));
            assert_eq!(selected(1, left_out).why_none(), None);
        }
    }

    fn refusal(clusters: impl Into<FleetClusters>, has_filter: bool) -> String {
        let error = clusters.into().check(has_filter).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn what_is_no_fleet_is_refused_with_the_argument() {
        const SUBSCRIPTION: &str = "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";
        let id = |name: &str| ClusterId::new(SUBSCRIPTION, "shop", name).unwrap();
        assert!(refusal(Vec::new(), false).starts_with("clusters is an empty list"));
        let twice = vec![id("one"), id("other"), id("ONE")];
        assert!(refusal(twice, false).contains("ONE twice"));
        assert!(refusal(vec![id("one")], true).starts_with("filter"));
        assert!(refusal(Subscriptions::from(["x"]), false).contains("subscriptions"));
        assert!(FleetClusters::from(vec![id("one"), id("other")]).check(false).is_ok());
        assert!(FleetClusters::from(Subscriptions::from([SUBSCRIPTION])).check(true).is_ok());
    }
}
