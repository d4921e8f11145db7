//! Which Kubernetes a cluster gets.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, ready};

use crate::{
    backend::{BackendSpec, KubernetesBackend},
    embedded,
    given::Backend,
    real,
};

/// The Kubernetes of a cluster, once it has started.
pub type Starting = BoxFuture<'static, Result<Arc<dyn KubernetesBackend>, String>>;

/// Starts the Kubernetes of a cluster.
pub type BackendFactory = Arc<dyn Fn(BackendSpec) -> Starting + Send + Sync>;

/// The backend that `given.cluster.backend` names.
pub(crate) fn start(spec: BackendSpec) -> Starting {
    match spec.given.cluster.backend {
        Backend::Embedded => ready(embedded::start(spec)).boxed(),
        Backend::Real => real::start(spec).boxed(),
    }
}
