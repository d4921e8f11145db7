//! A manager.

use std::sync::{Mutex, PoisonError};

use aks_kms::{KmsManager, Timing};
use aks_kms_bindings::Settings;
use napi::{Env, Result};
use napi_derive::napi;

use crate::{
    call::{self, Call, Receiver},
    credential::{self, Source},
    failure, members, parsed,
};

/// How much shorter every wait is, in tests.
static SCALE: Mutex<Option<f64>> = Mutex::new(None);

/// Makes every wait of managers that are made from here on so much shorter.
pub(crate) fn set_scale(factor: f64) {
    *SCALE.lock().unwrap_or_else(PoisonError::into_inner) = Some(factor);
}

/// The waits of what is begun from here on; none: the library's own.
pub(crate) fn timing() -> Option<Timing> {
    SCALE.lock().unwrap_or_else(PoisonError::into_inner).map(Timing::scaled)
}

/// The manager of one cluster.
#[napi]
pub struct Manager(KmsManager);

#[napi]
impl Manager {
    /// From settings in JSON. The function gives tokens; none: the credential is looked for.
    #[napi(constructor)]
    pub fn new(settings: String, source: Option<Source>) -> Result<Self> {
        let settings = Settings::read(parsed(&settings)?).map_err(|error| failure(&error))?;
        let manager = settings.manager(credential::of(source)?, timing());
        manager.map(Self).map_err(|error| failure(&error))
    }

    /// The cluster's resource id.
    #[napi(getter)]
    pub fn cluster_id(&self) -> String {
        self.0.cluster_id().to_string()
    }

    /// Begins a verb, with its arguments in JSON.
    #[napi]
    pub fn start(
        &self,
        env: Env,
        verb: String,
        arguments: String,
        progress: bool,
        receiver: Receiver,
    ) -> Result<Call> {
        call::start(env, self.0.clone(), verb, members(&arguments)?, progress, receiver)
    }
}
