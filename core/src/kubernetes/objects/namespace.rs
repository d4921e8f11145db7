//! Whether namespaces exist: the one in which state is kept, and those that a caller names.

use futures::{StreamExt, stream};

use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::http::{
        paths::namespace_path,
        request::{Accept, Request},
        transport::KubernetesApi,
    },
};

/// That a namespace is there. Where it may not be asked for, the first write tells.
pub(crate) async fn namespace_exists(api: &KubernetesApi, namespace: &str) -> Result<()> {
    let doing = format!("read namespace {namespace}");
    match api.call(&Request::get(namespace_path(namespace), Accept::Table), &doing).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(no_namespace(namespace)),
        Err(error) if error.kind() != ErrorKind::Forbidden => Err(error),
        _ => Ok(()),
    }
}

/// How many are asked for at a time.
const AT_A_TIME: usize = 8;

/// Those of these that do not exist. What cannot be seen is not called missing.
pub(crate) async fn missing_namespaces(api: &KubernetesApi, namespaces: &[String]) -> Vec<String> {
    stream::iter(namespaces.to_vec())
        .map(|namespace| async move {
            let request = Request::get(namespace_path(&namespace), Accept::Table);
            let doing = format!("read namespace {namespace}");
            let read = api.call(&request, &doing).await;
            let is_missing = matches!(read, Err(error) if error.kind() == ErrorKind::NotFound);
            is_missing.then_some(namespace)
        })
        .buffered(AT_A_TIME)
        .filter_map(|missing| async { missing })
        .collect()
        .await
}

/// The error where it is not.
pub(super) fn no_namespace(namespace: &str) -> Error {
    let message = format!(
        "namespace {namespace}, in which the journal is to be kept, does not exist: make it with `kubectl create \
         namespace {namespace}`, or name another one"
    );
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::http::test_server::{TestServer, respond};

    #[tokio::test]
    async fn only_a_namespace_that_is_not_there_is_refused() {
        for (status, kind) in [
            (200, None),
            (403, None),
            (404, Some(ErrorKind::InvalidInput)),
            (500, Some(ErrorKind::Unavailable)),
        ] {
            let body = format!(r#"{{"kind":"Status","code":{status}}}"#);
            let server = TestServer::start(move |_| respond(status, body.clone())).await;
            let outcome = namespace_exists(&server.api().await, "state").await;
            let error = outcome.err();
            assert_eq!(error.as_ref().map(Error::kind), kind, "{status}");
            let missing = missing_namespaces(&server.api().await, &["shop".to_owned()]).await;
            assert_eq!(missing, if status == 404 { vec!["shop"] } else { vec![] }, "{status}");
            if kind == Some(ErrorKind::InvalidInput) {
                assert!(error.unwrap().to_string().contains("kubectl create namespace state"));
            }
        }
    }
}
