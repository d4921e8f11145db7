//! Whether the API server can decrypt secrets.

use super::{Needs, ObserveScope};
use crate::{
    facts::Unreadable,
    kubernetes::http::{
        paths::value_free_list,
        request::{Accept, Request},
        transport::KubernetesApi,
        undecryptable::UndecryptableList,
    },
};

/// A line of `/readyz`: an API server that cannot list everything once does not get ready.
const NOT_INFORMED: &str = "[-]informer-sync";
/// So many secrets are looked at: where keys are lost, hardly ever one alone is.
const SAMPLE: u32 = 100;

/// What shows that secrets cannot be read. Nothing shows where the rights to look are missing.
pub(super) async fn unreadable(api: &KubernetesApi, scope: ObserveScope<'_>) -> Option<Unreadable> {
    if scope.needs != Needs::Status {
        // Who rewrites asks every secret.
        return None;
    }
    let secret = async {
        // Without being asked to, secrets are not listed: the right to it may be missing.
        if scope.count_secrets { secret(api).await } else { None }
    };
    let (secret, ready) = futures::join!(secret, not_ready(api));
    secret.or(ready)
}

async fn secret(api: &KubernetesApi) -> Option<Unreadable> {
    let path = value_free_list("/api/v1/secrets", SAMPLE, None);
    let response = api.ask(&Request::get(path, Accept::Table)).await.ok()?;
    UndecryptableList::read(&response).map(|list| Unreadable::Secret(list.message))
}

async fn not_ready(api: &KubernetesApi) -> Option<Unreadable> {
    let response = api.ask(&Request::get("/readyz", Accept::Text)).await.ok()?;
    let body = String::from_utf8_lossy(&response.body);
    (response.status == 500 && body.contains(NOT_INFORMED)).then_some(Unreadable::NotReady)
}
