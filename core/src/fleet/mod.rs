//! [`Fleet`]: one verb on many clusters, in waves.
//!
//! Nothing is kept between two calls but what lies in each cluster's own record. All clusters are reached through one
//! client of Azure, so that connections, tokens and what Azure lets through in a time are shared; a manager lives as
//! long as its cluster is at work.

mod builder;
mod clusters;
mod given;
mod keys;
mod progress;
mod row;
mod run;
mod turns;
mod waves;

use std::{fmt, sync::Arc};

pub use self::{
    builder::FleetBuilder,
    clusters::{ClusterFilter, FleetClusters},
};

use crate::{
    access::Access,
    error::Result,
    ids::ClusterId,
    manager::KmsManager,
    options::{FleetOptions, FleetVerb},
    report::FleetReport,
};

/// One verb on many clusters, in waves, from one call that may be repeated.
///
/// Cheap to make and to clone; does no I/O until [`run`](Self::run) is called.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    clusters: FleetClusters,
    filter: Option<ClusterFilter>,
    resource_graph: bool,
    access: Access,
}

impl Fleet {
    /// Begins to make a fleet of these clusters: their ids, or all that there are in some subscriptions.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use aks_kms::{ClusterId, Fleet, Subscriptions, azure_core::credentials::TokenCredential};
    ///
    /// fn fleets(credential: Arc<dyn TokenCredential>) -> aks_kms::Result<(Fleet, Fleet)> {
    ///     let subscription = "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";
    ///     let named = vec![ClusterId::new(subscription, "shop", "prod")?];
    ///     let named = Fleet::builder(named).credential(Arc::clone(&credential)).build()?;
    ///     let all = Fleet::builder(Subscriptions::from([subscription]))
    ///         .filter(|cluster| cluster.enabled && cluster.location == "westeurope")
    ///         .credential(credential)
    ///         .build()?;
    ///     Ok((named, all))
    /// }
    /// ```
    pub fn builder(clusters: impl Into<FleetClusters>) -> FleetBuilder {
        FleetBuilder::new(clusters.into())
    }

    /// Does something to every cluster: wave by wave, several at a time.
    ///
    /// What becomes of one cluster is a row of the report, never an error of the call, and stops no other cluster
    /// before [`stop_after_failures`](FleetOptions::stop_after_failures); it stops the waves that come after its own.
    /// Called again, it goes on: clusters that are done are found so (`not-due`), and what is unfinished in one,
    /// because the process was killed, is gone on with from the record in that cluster. So the same call may be made
    /// every night.
    ///
    /// Once Azure has said that requests to a subscription or to a vault are too many, none is sent there for any
    /// cluster before Azure's time has passed, and then not all at once.
    ///
    /// It is safe to drop: every cluster's operation is then as if its process had been killed, but for its Lease,
    /// which is given back ([`leases_released`](Self::leases_released)).
    ///
    /// ```no_run
    /// # async fn example(fleet: aks_kms::Fleet) -> aks_kms::Result<()> {
    /// use std::time::Duration;
    ///
    /// use aks_kms::{FleetOptions, RotateOptions};
    ///
    /// let year = Duration::from_secs(365 * 24 * 60 * 60);
    /// let rotate = RotateOptions { when_older_than: Some(year), ..RotateOptions::default() };
    /// let waves = FleetOptions { waves: vec![1, 10, 100], ..FleetOptions::default() };
    /// let report = fleet.run(rotate, waves).await?;
    /// print!("{report}");
    /// assert!(report.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput) for malformed options, before any request, and for a cluster
    /// that has no key in [`PerCluster`](crate::PerCluster), or one that is malformed, before anything is done; where
    /// clusters are looked for by subscription, those of [`list_clusters`](crate::list_clusters()).
    pub async fn run(
        &self,
        verb: impl Into<FleetVerb> + Send,
        options: FleetOptions,
    ) -> Result<FleetReport> {
        Box::pin(run::run(&self.0, verb.into(), options)).await
    }

    /// What [`run`](Self::run) would refuse before any request: for bindings, which look for the clusters first where
    /// a filter or a key of each cluster is a function of theirs.
    ///
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput).
    #[doc(hidden)]
    pub fn check(&self, verb: &FleetVerb, options: &FleetOptions) -> Result<()> {
        run::check(&self.0, verb, options)
    }

    /// Waits until the Leases of clusters whose calls were dropped are given back, as
    /// [`KmsManager::leases_released`](crate::KmsManager::leases_released) does.
    pub async fn leases_released(&self) {
        self.0.access.releases.wait().await;
    }
}

impl Inner {
    /// A manager of one of the clusters.
    fn manager(&self, cluster: ClusterId) -> KmsManager {
        KmsManager::new(cluster, self.access.clone())
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("clusters", &self.0.clusters).finish_non_exhaustive()
    }
}
