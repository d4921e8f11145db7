//! What each cluster is given by the caller: there for each of them, and no nonsense. Pure.

use crate::{
    error::{Error, ErrorKind, Result},
    ids::ClusterId,
    options::{FleetVerb, KeySource},
    report::Finding,
    rules,
};

/// Refuses a cluster that has nothing of what the verb takes for it.
pub(super) fn each_has_its_own(verb: &FleetVerb, clusters: &[ClusterId]) -> Result<()> {
    let (argument, lacks): (_, Vec<&ClusterId>) = match verb {
        FleetVerb::Enable { key_ids, .. } => {
            ("key_ids", clusters.iter().filter(|it| key_ids.get(it).is_none()).collect())
        }
        FleetVerb::SetDataEncryption { key_sources, .. } => {
            ("key_sources", clusters.iter().filter(|it| key_sources.get(it).is_none()).collect())
        }
        _ => return Ok(()),
    };
    let Some(first) = lacks.first() else { return Ok(()) };
    let message = format!(
        "{argument} has nothing for cluster {first}{}; pass what each cluster is to have, or leave the cluster out of \
         the fleet",
        and_others(lacks.len())
    );
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// Refuses keys that are none, or not of this cloud: before the first wave, not in the last one.
pub(super) fn each_can_be_used(
    verb: &FleetVerb,
    clusters: &[ClusterId],
    key_vault_suffix: &str,
) -> Result<()> {
    let wrong = |cluster: &ClusterId| -> Option<Vec<Finding>> {
        match verb {
            FleetVerb::Enable { key_ids, options } => {
                let (mode, vault) = (options.network_mode, options.key_vault_id.as_deref());
                rules::target(&key_ids.get(cluster)?, mode, vault, key_vault_suffix).err()
            }
            FleetVerb::SetDataEncryption { key_sources, .. } => match key_sources.get(cluster)? {
                KeySource::PlatformManaged => None,
                KeySource::CustomerManaged(key) => {
                    rules::customer_managed(&key, key_vault_suffix).err()
                }
            },
            _ => None,
        }
    };
    let mut wrong = clusters.iter().filter_map(|cluster| Some((cluster, wrong(cluster)?)));
    let Some((first, findings)) = wrong.next() else { return Ok(()) };
    let others = and_others(1 + wrong.count());
    let error = rules::invalid_input(findings, Vec::new());
    Err(error.with_context(&format!("this is the key of cluster {first}{others}")))
}

fn and_others(all: usize) -> String {
    match all {
        1 => String::new(),
        2 => " and 1 other".to_owned(),
        _ => format!(" and {} others", all - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::NetworkMode,
        options::{
            CustomerManagedKey, EnableOptions, PerCluster, SetDataEncryptionOptions,
            VerifySecretsOptions,
        },
    };

    const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
    const SUFFIX: &str = "vault.azure.net";

    fn ids() -> [ClusterId; 3] {
        let subscription = "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";
        ["one", "other", "third"].map(|name| ClusterId::new(subscription, "shop", name).unwrap())
    }

    /// `None`: the cluster is given nothing.
    fn enable(keys: [Option<&str>; 3]) -> FleetVerb {
        let given = ids().into_iter().zip(keys);
        let each = given.filter_map(|(id, key)| Some((id, key?.to_owned()))).collect();
        FleetVerb::Enable { key_ids: PerCluster::Each(each), options: EnableOptions::default() }
    }

    fn refusal(outcome: Result<()>) -> String {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn a_cluster_without_a_key_is_named() {
        assert!(each_has_its_own(&enable([Some(KEY); 3]), &ids()).is_ok());
        let said = refusal(each_has_its_own(&enable([Some(KEY), None, None]), &ids()));
        assert!(said.contains("managedClusters/other and 1 other"), "{said}");
        let verify = FleetVerb::VerifySecrets(VerifySecretsOptions::default());
        assert!(each_has_its_own(&verify, &ids()).is_ok());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_named_with_its_cluster() {
        assert!(each_can_be_used(&enable([Some(KEY); 3]), &ids(), SUFFIX).is_ok());
        for wrong in [
            "etcd",
            "https://shop.vault.azure.net/keys/etcd",
            "https://shop.vault.azure.cn/keys/etcd/0",
        ] {
            let verb = enable([Some(KEY), Some(KEY), Some(wrong)]);
            let said = refusal(each_can_be_used(&verb, &ids(), SUFFIX));
            assert!(said.contains("the key of cluster") && said.contains("/third"), "{said}");
        }
        let key_source = |key: &str| {
            let (key_id, key_vault_id) = (key.to_owned(), String::new());
            let key =
                CustomerManagedKey { key_id, key_vault_id, network_mode: NetworkMode::Public };
            FleetVerb::SetDataEncryption {
                key_sources: PerCluster::All(KeySource::CustomerManaged(key)),
                options: SetDataEncryptionOptions::default(),
            }
        };
        let said = refusal(each_can_be_used(&key_source("etcd"), &ids(), SUFFIX));
        assert!(said.contains("/one and 2 others"), "{said}");
    }
}
