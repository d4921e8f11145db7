//! Fleets, and what requests there were of which Azure throttled some.

use std::sync::Arc;

use super::{Error, Shared, Simulator};
use crate::{
    case::Case,
    fleet::{Fleet, FleetWorlds},
    given::FleetGiven,
    requests::RequestCounts,
    throttle::Throttled,
};

impl Simulator {
    /// Makes many clusters in several subscriptions, under one caller. What a cluster needs comes to be when it is
    /// first needed: its Kubernetes by the first request in its resource group that is no GET, such as that for its
    /// credential.
    ///
    /// Each cluster is a case: [`writes`](Self::writes), [`secrets`](Self::secrets),
    /// [`set_faults`](Self::set_faults) and so on take the id of its case. The id of the fleet stands for the
    /// requests that are about no single cluster.
    ///
    /// # Errors
    /// [`Error::Given`]: the given makes no sense.
    pub fn put_fleet(&self, given: &FleetGiven) -> Result<Fleet, Error> {
        self.shared.put_fleet(given)
    }

    /// Ends a fleet with all its clusters.
    ///
    /// # Errors
    /// [`Error::NotFound`]: there is no such fleet.
    pub fn delete_fleet(&self, fleet: &str) -> Result<(), Error> {
        self.shared.delete_fleet(fleet)
    }

    /// A case, whose Kubernetes is started if that is to come yet.
    ///
    /// # Errors
    /// [`Error::NotFound`]: there is no such case, or it is a fleet's.
    pub async fn case(&self, case: &str) -> Result<Case, Error> {
        self.shared.case(case).await
    }

    /// How many requests a case saw since it began; of a fleet's id those that are about no single cluster.
    ///
    /// # Errors
    /// [`Error::NotFound`]: there is no such case or fleet.
    pub fn request_counts(&self, case: &str) -> Result<RequestCounts, Error> {
        Ok(self.shared.world(case)?.recorder.requests.counts())
    }

    /// What requests Azure throttled, by subscription or vault, principal and kind; of a fleet for all its clusters.
    ///
    /// # Errors
    /// [`Error::NotFound`]: there is no such case or fleet.
    pub fn throttled(&self, case: &str) -> Result<Vec<Throttled>, Error> {
        Ok(self.shared.world(case)?.throttles.all())
    }
}

impl Shared {
    pub(crate) fn put_fleet(&self, given: &FleetGiven) -> Result<Fleet, Error> {
        let fleet = FleetWorlds::new(given, &self.region.tenant, self.maker());
        let fleet = Arc::new(fleet.map_err(Error::Given)?);
        let home = self.describe(&fleet.home);
        let described = Fleet {
            id: fleet.id().to_owned(),
            subscription_ids: fleet.subscriptions().to_vec(),
            clusters: fleet.clusters(),
            tenant_id: home.tenant_id,
            client_id: home.client_id,
            client_secret: home.client_secret,
            user_name: home.user_name,
            user_password: home.user_password,
            identity_endpoint: home.identity_endpoint,
            identity_header: home.identity_header,
            metadata_endpoint: home.metadata_endpoint,
            arm: home.arm,
            authority: home.authority,
            ca: home.ca,
            proxy: home.proxy,
            admin: home.admin,
            admin_token: home.admin_token,
        };
        self.region.insert_fleet(fleet);
        Ok(described)
    }

    pub(crate) fn delete_fleet(&self, fleet: &str) -> Result<(), Error> {
        match self.region.fleet(fleet) {
            Some(_) => self.delete_case(fleet),
            None => Err(Error::NotFound(format!("fleet {fleet}"))),
        }
    }

    pub(crate) async fn case(&self, case: &str) -> Result<Case, Error> {
        let world = self.world(case)?;
        if self.region.fleet(case).is_some() {
            return Err(Error::NotFound(format!("case {case}: it is a fleet")));
        }
        self.started(case).await?;
        Ok(self.describe(&world))
    }
}
