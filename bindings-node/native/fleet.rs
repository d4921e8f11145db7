//! A fleet.

use std::sync::Arc;

use aks_kms::Timing;
use aks_kms_bindings::FleetSettings;
use azure_core::credentials::TokenCredential;
use napi::{Env, Result};
use napi_derive::napi;

use crate::{
    call::{self, Call, Receiver},
    credential::{self, Source},
    failure, manager, members, parsed,
};

/// Many clusters.
#[napi]
pub struct Fleet {
    settings: FleetSettings,
    credential: Arc<dyn TokenCredential>,
    timing: Option<Timing>,
    /// All of them.
    whole: aks_kms::Fleet,
}

impl Fleet {
    /// All clusters, or only those that a filter left.
    fn of(&self, only: Option<&[String]>) -> Result<aks_kms::Fleet> {
        if only.is_none() {
            return Ok(self.whole.clone());
        }
        let fleet = self.settings.fleet(Arc::clone(&self.credential), only, self.timing.clone());
        fleet.map_err(|error| failure(&error))
    }
}

#[napi]
impl Fleet {
    /// From settings in JSON. The function gives tokens; none: the credential is looked for.
    #[napi(constructor)]
    pub fn new(settings: String, source: Option<Source>) -> Result<Self> {
        let settings = FleetSettings::read(parsed(&settings)?).map_err(|error| failure(&error))?;
        let (credential, timing) = (credential::of(source)?, manager::timing());
        let whole = settings.fleet(Arc::clone(&credential), None, timing.clone());
        let whole = whole.map_err(|error| failure(&error))?;
        Ok(Self { settings, credential, timing, whole })
    }

    /// Refuses what a verb would refuse before any request, of arguments in JSON.
    #[napi]
    pub fn check(&self, verb: String, arguments: String) -> Result<()> {
        let checked = aks_kms_bindings::check_fleet(&self.whole, &verb, members(&arguments)?);
        checked.map_err(|error| failure(&error))
    }

    /// Begins a verb, with its arguments in JSON, on all clusters or on those with these resource ids.
    #[napi]
    pub fn start(
        &self,
        env: Env,
        verb: String,
        arguments: String,
        only: Option<Vec<String>>,
        progress: bool,
        receiver: Receiver,
    ) -> Result<Call> {
        let fleet = self.of(only.as_deref())?;
        call::start_fleet(env, fleet, verb, members(&arguments)?, progress, receiver)
    }
}
