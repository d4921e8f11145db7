//! Kubernetes versions, and which ones AKS offers.

use serde_json::{Value, json};

use super::ManagedCluster;

/// The newest minor version that AKS offers.
const NEWEST_MINOR: u32 = 36;
/// The oldest minor version that AKS makes new clusters of.
const OLDEST_MINOR: u32 = 26;
/// The patch versions that AKS offers of each minor version.
const PATCHES: [u32; 2] = [3, 7];

/// A Kubernetes version.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self { major: next()?, minor: next()?, patch: next()? })
    }

    /// The version that a client means, which may leave out the patch version.
    pub(crate) fn wanted(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| Self::parse(&format!("{text}.{}", PATCHES[1])))
    }

    /// The version of a new cluster whose client names none.
    pub(crate) fn default_of_aks() -> Self {
        Self { major: 1, minor: NEWEST_MINOR - 2, patch: PATCHES[1] }
    }

    /// Whether AKS makes new clusters of it.
    pub(crate) fn is_offered(self) -> bool {
        Self::all_offered().contains(&self)
    }

    /// Every version that AKS makes new clusters of: supported ones and those of long-term support.
    pub(crate) fn all_offered() -> Vec<Self> {
        (OLDEST_MINOR..=NEWEST_MINOR)
            .flat_map(|minor| PATCHES.map(|patch| Self { major: 1, minor, patch }))
            .collect()
    }

    /// Whether it is this minor version of Kubernetes 1, or later.
    pub(crate) fn at_least(self, minor: u32) -> bool {
        (self.major, self.minor) >= (1, minor)
    }

    /// The versions that AKS offers as an upgrade: later patches, and the next minor version.
    pub(crate) fn upgrades(self) -> Vec<Self> {
        [self.minor, self.minor + 1]
            .into_iter()
            .filter(|minor| *minor <= NEWEST_MINOR)
            .flat_map(|minor| PATCHES.map(|patch| Self { major: self.major, minor, patch }))
            .filter(|version| *version > self)
            .collect()
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The versions that a node pool of a cluster can have.
pub(crate) fn pool_versions(control_plane: &str) -> Vec<Value> {
    let newest = Version::parse(control_plane);
    let versions = Version::all_offered().into_iter().filter(|version| Some(*version) <= newest);
    versions
        .map(|version| {
            let text = version.to_string();
            json!({ "kubernetesVersion": text, "default": text == control_plane, "isPreview": false })
        })
        .collect()
}

/// `upgradeProfiles/default` of an agent pool: anything later, up to the control plane's version.
pub(crate) fn pool_upgrade_profile(id: &Value, pool: &Value, control_plane: &str) -> Value {
    let current = &pool["currentOrchestratorVersion"];
    let own = current.as_str().and_then(Version::parse);
    let newest = Version::parse(control_plane);
    let upgrades: Vec<Value> = Version::all_offered()
        .into_iter()
        .chain(newest)
        .filter(|version| Some(*version) > own && Some(*version) <= newest)
        .map(|version| json!({ "kubernetesVersion": version.to_string(), "isPreview": false }))
        .collect();
    json!({
        "id": format!("{}/upgradeProfiles/default", id.as_str().unwrap_or_default()),
        "name": "default",
        "type": "Microsoft.ContainerService/managedClusters/agentPools/upgradeProfiles",
        "properties": {
            "kubernetesVersion": current,
            "osType": "Linux",
            "latestNodeImageVersion": pool["nodeImageVersion"],
            "upgrades": upgrades,
        },
    })
}

/// `locations/{location}/kubernetesVersions`: minor versions, their patch versions and upgrades.
pub(crate) fn kubernetes_versions() -> Vec<Value> {
    let minor = |minor| {
        let patches = PATCHES.map(|patch| {
            let version = Version { major: 1, minor, patch };
            let upgrades: Vec<String> =
                version.upgrades().iter().map(ToString::to_string).collect();
            (version.to_string(), json!({ "upgrades": upgrades }))
        });
        json!({
            "version": format!("1.{minor}"),
            "isDefault": minor == Version::default_of_aks().minor,
            "isPreview": false,
            "capabilities": { "supportPlan": ["KubernetesOfficial", "AKSLongTermSupport"] },
            "patchVersions": patches.into_iter().collect::<serde_json::Map<_, _>>(),
        })
    };
    (OLDEST_MINOR..=NEWEST_MINOR).map(minor).collect()
}

/// `upgradeProfiles/default` of a cluster.
pub(crate) fn upgrade_profile(cluster: &ManagedCluster) -> Value {
    let document = &cluster.document;
    let properties = &document["properties"];
    let profile = |version: &Value| {
        let current = version.as_str().and_then(Version::parse);
        let upgrades: Vec<Value> = current
            .into_iter()
            .flat_map(|version| cluster.upgrades(version))
            .map(|version| json!({ "kubernetesVersion": version.to_string(), "isPreview": false }))
            .collect();
        json!({ "kubernetesVersion": version, "osType": "Linux", "upgrades": upgrades })
    };
    let pools = properties["agentPoolProfiles"].as_array().into_iter().flatten();
    let pools: Vec<Value> = pools
        .map(|pool| {
            let mut profile = profile(&pool["currentOrchestratorVersion"]);
            profile["name"] = pool["name"].clone();
            profile
        })
        .collect();
    json!({
        "id": format!("{}/upgradeprofiles/default", document["id"].as_str().unwrap_or_default()),
        "name": "default",
        "type": "Microsoft.ContainerService/managedClusters/upgradeprofiles",
        "properties": {
            "controlPlaneProfile": profile(&properties["currentKubernetesVersion"]),
            "agentPoolProfiles": pools,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upgrades_never_skip_a_minor_version() {
        let offered = |text: &str| {
            let upgrades = Version::parse(text).unwrap().upgrades();
            upgrades.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(offered("1.26.3"), ["1.26.7", "1.27.3", "1.27.7"]);
        assert_eq!(offered("1.36.7"), Vec::<String>::new());
        assert_eq!(Version::parse("1.26"), None);
        assert_eq!(Version::wanted("1.26").unwrap().to_string(), "1.26.7");
        assert!(Version::default_of_aks().is_offered());
    }
}
