//! The way from a cluster's Kubernetes version to one that has KMS v2.
//!
//! AKS offers a cluster later patches and the next minor version, and one that is out of support a
//! skip to a later minor version. What it will offer after the first upgrade is not known before:
//! later hops name a minor version, and its lowest patch is looked up when its turn comes.
//!
//! <https://learn.microsoft.com/azure/aks/upgrade-aks-cluster>

use crate::{
    catalogue::RuleId,
    facts::{Fact, NodePoolFacts},
    ids::{KubernetesVersion, NodePools},
    observed::Observed,
    options::MigrateToV2,
    report::{Finding, Step, StepKind},
};

/// Upgrades in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UpgradePath {
    hops: Vec<KubernetesVersion>,
    node_pools: NodePools,
    /// Node pools are behind the control plane already, where an earlier run stopped.
    pools_behind: Option<KubernetesVersion>,
    /// What is asked for is not to be had.
    not_offered: Option<String>,
    /// What AKS offers could not be read.
    unread: Option<String>,
    /// A hop that leaves out minor versions, from which to which.
    skip: Option<(KubernetesVersion, KubernetesVersion)>,
}

impl UpgradePath {
    /// The way to the version that was asked for, or to the first that has KMS v2.
    pub(super) fn of(observed: &Observed, asked: &MigrateToV2) -> Self {
        let now = observed.cluster.kubernetes_version;
        let goal = asked.kubernetes_version.unwrap_or(KubernetesVersion::KMS_V2);
        let behind = |pool: &NodePoolFacts| pool.kubernetes_version.is_some_and(|it| it < now);
        let mut path = Self {
            node_pools: asked.node_pools,
            pools_behind: observed.cluster.node_pools.iter().any(behind).then_some(now),
            ..Self::default()
        };
        if now >= goal {
            return path;
        }
        let first = match &observed.upgrades {
            Some(Fact::Known(offered)) => {
                let Some(first) = now.next(goal, offered) else {
                    path.not_offered = Some(not_offered(now, goal, offered));
                    return path;
                };
                first
            }
            Some(Fact::Unknown(why)) => {
                path.unread = Some(why.clone());
                now.next_minor().min(goal)
            }
            None => now.next_minor().min(goal),
        };
        if first.minor() > now.minor() + 1 {
            path.skip = Some((now, first));
        }
        path.hops.push(first);
        while let Some(last) = path.end().filter(|last| last.minor() < goal.minor()) {
            let next = last.next_minor();
            path.hops.push(if next.minor() == goal.minor() { goal } else { next });
        }
        path
    }

    /// Where it leads, as far as known.
    pub(super) fn end(&self) -> Option<KubernetesVersion> {
        self.hops.last().copied()
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let pools = |version| Step::new(StepKind::UpgradeNodePools { version });
        let follow = self.node_pools == NodePools::Upgrade;
        let mut steps: Vec<Step> =
            self.pools_behind.filter(|_| follow).map(pools).into_iter().collect();
        for version in &self.hops {
            steps.push(Step::new(StepKind::UpgradeControlPlane { version: *version }));
            if follow {
                steps.push(pools(*version));
            }
        }
        steps
    }

    /// What the rules say of it.
    pub(super) fn findings(&self, observed: &Observed) -> Vec<Finding> {
        let cluster = &observed.cluster.id;
        let mut findings = Vec::new();
        if let Some(message) = &self.not_offered {
            findings.push(Finding::violated(RuleId::UpgradeNotOffered, cluster, message.clone()));
        }
        if let Some(why) = &self.unread {
            findings.push(Finding::undetermined(RuleId::UpgradeNotOffered, cluster, why));
        }
        if let Some((from, to)) = self.skip {
            findings.push(skips(observed, from, to));
        }
        if !self.hops.is_empty() {
            let message = format!(
                "{} upgrades of Kubernetes are part of this, and secrets are not encrypted with your key meanwhile",
                self.hops.len()
            );
            findings.push(Finding::violated(RuleId::UpgradeMayFail, cluster, message));
        }
        if self.node_pools == NodePools::Keep {
            findings.extend(self.skew(observed));
        }
        findings
    }

    /// Node pools that would be left too far behind.
    fn skew(&self, observed: &Observed) -> Vec<Finding> {
        let Some(end) = self.end() else { return Vec::new() };
        let rule = RuleId::NodePoolVersionSkew;
        let pools = observed.cluster.node_pools.iter();
        let finding = |pool: &NodePoolFacts| {
            let resource = format!("{}/agentPools/{}", observed.cluster.id, pool.name);
            let Some(version) = pool.kubernetes_version else {
                let why = "the cluster does not tell its version";
                return Some(Finding::undetermined(rule, resource, why));
            };
            let message = format!(
                "node pool {} is at {version} and the control plane would be at {end}",
                pool.name
            );
            let behind = end.minor().saturating_sub(version.minor());
            (behind > end.pools_may_lag()).then(|| Finding::violated(rule, resource, message))
        };
        pools.filter_map(finding).collect()
    }
}

/// The finding for an upgrade that leaves out minor versions.
fn skips(observed: &Observed, from: KubernetesVersion, to: KubernetesVersion) -> Finding {
    let message = format!("the upgrade from {from} to {to} leaves out the minor versions between");
    Finding::violated(RuleId::UpgradeSkipsVersions, &observed.cluster.id, message)
}

fn not_offered(
    now: KubernetesVersion,
    goal: KubernetesVersion,
    offered: &[KubernetesVersion],
) -> String {
    let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
    let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
    format!("from {now}, AKS offers {offered}, which does not lead to {goal}")
}
