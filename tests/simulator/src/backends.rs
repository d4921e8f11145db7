//! Which Kubernetes a cluster gets.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use crate::backend::{BackendSpec, KubernetesBackend};

/// The Kubernetes of a cluster, once it has started.
pub type Starting = BoxFuture<'static, Result<Arc<dyn KubernetesBackend>, String>>;

/// Starts the Kubernetes of a cluster.
pub type BackendFactory = Arc<dyn Fn(BackendSpec) -> Starting + Send + Sync>;

/// The backend that `given.cluster.backend` names.
pub(crate) fn start(spec: BackendSpec) -> Starting {
    async move {
        let backend = spec.given.cluster.backend;
        Err(format!("the {backend:?} backend is not part of this build"))
    }
    .boxed()
}
