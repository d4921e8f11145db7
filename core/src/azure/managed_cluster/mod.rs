//! Managed clusters: reading them, and changing their KMS profile.

mod document;
mod edit;
mod facts;
#[cfg(test)]
mod fuzz_tests;
mod list;
mod new;
mod operation;
mod upgrade;

use azure_core::http::Method;
use serde_json::Value;

pub(crate) use self::{
    document::ManagedCluster,
    edit::UpgradeTarget,
    list::{ListedCluster, UnknownCluster},
    new::NewCluster,
    operation::{Ended, Operation, is_not_followed},
};

use self::edit::with_kms;
use super::{
    action::AzureAction,
    call::{Call, CallTarget},
    client::Azure,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::ClusterId,
    report::KmsChange,
};

impl Azure {
    /// Reads a managed cluster.
    pub(crate) async fn cluster(&self, id: &ClusterId) -> Result<ManagedCluster> {
        let call = self.managed_cluster_read(id);
        let response = self.send(&call).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => error.with_context(&format!(
                "`az aks list --subscription {} --query [].id` names those that there are",
                id.subscription_id()
            )),
            _ => error,
        })?;
        let read_at = response.date();
        Ok(ManagedCluster { read_at, ..ManagedCluster::parse(id, response.json(&call.what)?)? })
    }

    /// Replaces the cluster with itself, but for its KMS profile, provided that it still is what
    /// was read (`if-match`). The change goes on in Azure: [`Operation::wait`] for its end.
    ///
    /// # Errors
    /// [`is_etag_mismatch`](crate::azure::is_etag_mismatch) tells a cluster that was changed meanwhile.
    /// It is sent once: what was read may not be true any more when it would be sent again (a node
    /// pool that was scaled meanwhile would be scaled back). Read before trying again.
    pub(crate) async fn put_kms(
        &self,
        cluster: &ManagedCluster,
        target: &KmsChange,
    ) -> Result<Operation> {
        self.put_cluster(cluster, with_kms(&cluster.raw, target)).await
    }

    /// Replaces the cluster, provided that it still is what was read.
    pub(super) async fn put_cluster(
        &self,
        cluster: &ManagedCluster,
        body: Value,
    ) -> Result<Operation> {
        let id = &cluster.facts.id;
        let Some(etag) = &cluster.facts.etag else {
            let message = format!(
                "managed cluster {id} has no eTag, without which a change by somebody else \
                 would be overwritten; use a newer api_version than {}",
                self.managed_clusters_api_version
            );
            return Err(Error::new(ErrorKind::Unexpected, message));
        };
        let api_version = self.managed_clusters_api_version.clone();
        let target = CallTarget::ManagementOnce { path: id.to_string(), api_version };
        let what = format!("update managed cluster {id}");
        let put = Call::new(Method::Put, target, what, AzureAction::WriteCluster);
        let call = Call { body: Some(body), if_match: Some(etag.clone()), ..put };
        let response = self.send(&call).await?;
        Operation::accepted(id, &call.what, &response, self.endpoints().await?)
    }

    pub(super) fn managed_cluster_read(&self, id: &ClusterId) -> Call {
        let target = self.managed_cluster_path(id, "");
        let what = format!("read managed cluster {id}");
        Call::new(Method::Get, target, what, AzureAction::ReadCluster)
    }

    /// The cluster's address with `suffix` appended.
    pub(super) fn managed_cluster_path(&self, id: &ClusterId, suffix: &str) -> CallTarget {
        CallTarget::Management {
            path: format!("{id}{suffix}"),
            api_version: self.managed_clusters_api_version.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        azure::{
            error::is_etag_mismatch,
            testing::{FakeAzure, cluster_id, cluster_json, json_reply},
        },
        ids::{KeyId, NetworkMode},
        report::KmsConfiguration,
    };

    /// What is compared with times that Azure gave is Azure's own time, not this machine's.
    #[tokio::test]
    async fn when_a_cluster_was_read_is_what_azure_says() {
        let date = |text: &str| json_reply(200, cluster_json()).with("date", text);
        for (reply, expected) in [
            (date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777)),
            (date("yesterday"), None),
            (json_reply(200, cluster_json()), None),
        ] {
            let fake = FakeAzure::default();
            fake.on(Method::Get, "managedClusters", [reply]);
            let read = fake.client().cluster(&cluster_id()).await.unwrap();
            assert_eq!(read.read_at.map(time::OffsetDateTime::unix_timestamp), expected);
        }
    }

    fn target() -> KmsChange {
        KmsChange::On(KmsConfiguration {
            key_id: KeyId::parse(
                "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef",
            )
            .unwrap(),
            network_mode: NetworkMode::Public,
            key_vault_id: None,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_conditional_on_what_was_read() {
        let fake = FakeAzure::default();
        fake.on(Method::Get, "/managedClusters/prod", [json_reply(200, cluster_json())]);
        fake.on(Method::Put, "/managedClusters/prod", [json_reply(200, cluster_json())]);
        let azure = fake.client();
        let cluster = azure.cluster(&cluster_id()).await.unwrap();
        azure.put_kms(&cluster, &target()).await.unwrap();
        let put = fake.seen().pop().unwrap();
        assert_eq!(put.method, Method::Put);
        assert_eq!(put.header("if-match"), Some("etag-1"));
        assert_eq!(put.header("content-type"), Some("application/json"));
        assert_eq!(put.url.query(), Some("api-version=2026-08-01"));
        assert_eq!(put.body["properties"]["securityProfile"]["azureKeyVaultKms"]["enabled"], true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_etag_is_reported_and_nothing_is_sent_twice() {
        let cluster = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
        let fake = FakeAzure::default();
        let mismatch = json_reply(412, json!({"code": "EtagMismatch", "message": "m"}));
        fake.on(Method::Put, "/managedClusters/prod", [mismatch]);
        let error = fake.client().put_kms(&cluster, &target()).await.unwrap_err();
        assert!(is_etag_mismatch(&error));
        assert_eq!(error.service_code(), Some("EtagMismatch"));
        assert!(error.to_string().contains("412"), "{error}");
        for reply in [FakeAzure::dropped(), json_reply(503, json!({}))] {
            let fake = FakeAzure::default();
            fake.on(Method::Put, "/managedClusters/prod", [reply]);
            let error = fake.client().put_kms(&cluster, &target()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert_eq!(fake.seen().len(), 1, "what was read may not be true any more");
        }
    }

    #[tokio::test]
    async fn without_an_etag_nothing_is_sent() {
        let mut raw = cluster_json();
        raw.as_object_mut().unwrap().remove("eTag");
        let cluster = ManagedCluster::parse(&cluster_id(), raw).unwrap();
        let fake = FakeAzure::default();
        let error = fake.client().put_kms(&cluster, &target()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(error.to_string().contains("api_version"), "{error}");
        assert!(fake.seen().is_empty());
    }
}
