//! The Secret that holds the key of the record's seal: made once, never written again, and the only
//! Secret whose value is ever asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::namespace::no_namespace;
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::http::{
        paths::{secret_path, secrets_path},
        request::{Accept, Request},
        response::Response,
        transport::KubernetesApi,
    },
    seal::SealKey,
};

/// Name of the Secret.
pub(crate) const SEAL: &str = "aks-kms-seal";
const KEY: &str = "key";
/// Fresh connections that are tried where an API server cannot read it.
const ELSEWHERE: usize = 24;
/// A type of our own: tools that handle Secrets of known types leave it alone.
const TYPE: &str = "aks-kms/seal";

/// How the Secret is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Read {
    /// As any API server remembers it: that needs no key that is in trouble now.
    Remembered,
    /// As etcd has it now.
    Now,
}

/// Where the key of the seal is kept.
#[derive(Clone)]
pub(crate) struct SealStore {
    api: KubernetesApi,
    namespace: String,
}

impl SealStore {
    pub(crate) fn new(api: KubernetesApi, namespace: String) -> Self {
        Self { api, namespace }
    }

    /// The key. `None`: there is none, or what is there is not one.
    ///
    /// # Errors
    /// Among others, the API server cannot read it now.
    pub(crate) async fn read(&self, read: Read) -> Result<Option<SealKey>> {
        let doing = format!("read Secret {SEAL} in namespace {}", self.namespace);
        let path = secret_path(&self.namespace, SEAL);
        let path = match read {
            Read::Remembered => format!("{path}?resourceVersion=0"),
            Read::Now => path,
        };
        let request = Request::get(path, Accept::Json);
        match self.api.call(&request, &doing).await {
            Ok(response) => Ok(key(&response)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // Where a change reached some API servers only, another one may have the key.
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                self.read_elsewhere(&request).await.map(Some).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn read_elsewhere(&self, request: &Request) -> Option<SealKey> {
        for _ in 0..ELSEWHERE {
            let response = self.api.fresh().ask(request).await;
            if let Some(response) = response.ok().filter(|response| response.status == 200) {
                return key(&response);
            }
        }
        None
    }

    /// The key, made now if there is none.
    pub(crate) async fn make(&self) -> Result<SealKey> {
        let doing = format!("create Secret {SEAL} in namespace {}", self.namespace);
        if let Some(there) = self.read(Read::Now).await? {
            return Ok(there);
        }
        let Some((made, text)) = SealKey::generate() else {
            return Err(Error::new(ErrorKind::Unexpected, "the system gives no random bytes"));
        };
        let request = self.request(&text);
        match self.api.ask(&request).await {
            Ok(response) if matches!(response.status, 200 | 201) => Ok(made),
            Ok(response) if response.status == 404 => Err(no_namespace(&self.namespace)),
            // It is there already: somebody was faster, or our own request got no response.
            Ok(response) if response.status == 409 => {
                self.read(Read::Now).await?.ok_or_else(|| self.foreign())
            }
            Ok(response) => Err(self.api.refused(&response, &doing)),
            Err(error) => Err(self.api.no_response(error, &doing)),
        }
    }

    fn foreign(&self) -> Error {
        let message = format!(
            "Secret {SEAL} in namespace {0} holds no key of a seal; it is not ours: delete it with `kubectl delete \
             secret {SEAL} --namespace {0}`, and a new one is made",
            self.namespace
        );
        Error::new(ErrorKind::Conflict, message)
    }

    fn request(&self, text: &str) -> Request {
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": SEAL,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": "aks-kms"},
            },
            "type": TYPE,
            "immutable": true,
            "data": {KEY: text},
        });
        let path = format!("{}?fieldManager=aks-kms", secrets_path(&self.namespace));
        Request::post(path, Accept::Table, body.to_string().into())
    }
}

fn key(response: &Response) -> Option<SealKey> {
    #[derive(Deserialize)]
    struct Secret {
        #[serde(default, rename = "type")]
        kind: String,
        #[serde(default)]
        data: BTreeMap<String, String>,
    }

    let secret: Secret = serde_json::from_slice(&response.body).ok()?;
    (secret.kind == TYPE).then_some(())?;
    SealKey::parse(secret.data.get(KEY)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kubernetes::http::test_server::{TestServer, respond},
        testing::{Seen, Target},
    };

    async fn store(server: &TestServer) -> SealStore {
        SealStore::new(server.api().await, "kube-system".to_owned())
    }

    fn secret(kind: &str, text: &str) -> String {
        json!({"kind": "Secret", "type": kind, "data": {KEY: text}}).to_string()
    }

    fn status(code: u16) -> String {
        json!({"kind": "Status", "code": code}).to_string()
    }

    #[test]
    fn fuzz_secrets_of_the_seal() {
        let (_, needle) = SealKey::generate().unwrap();
        let documents = vec![secret(TYPE, &needle).into_bytes()];
        let target = Target { name: "the seal's Secret", documents, read: 10, hidden: &[&needle] };
        target.run(|input| {
            let found =
                key(&Response { status: 200, retry_after: None, body: input.to_vec().into() });
            assert!(!format!("{found:?}").contains(&needle));
            Seen::found(found)
        });
    }

    #[tokio::test]
    async fn only_a_secret_of_our_type_with_a_key_in_it_is_a_seal() {
        let (_, good) = SealKey::generate().unwrap();
        for (kind, text, expected) in
            [(TYPE, good.as_str(), true), (TYPE, "short", false), ("Opaque", &good, false)]
        {
            let body = secret(kind, text);
            let server = TestServer::start(move |_| respond(200, body.clone())).await;
            let found = store(&server).await.read(Read::Now).await.unwrap();
            assert_eq!(found.is_some(), expected, "{kind} {text}");
        }
        let server = TestServer::start(|_| respond(404, status(404))).await;
        assert!(store(&server).await.read(Read::Now).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_cannot_be_read_now_is_not_missing() {
        for (code, kind) in [(500, ErrorKind::Unavailable), (403, ErrorKind::Forbidden)] {
            let server = TestServer::start(move |_| respond(code, status(code))).await;
            let error = store(&server).await.read(Read::Remembered).await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
    }

    #[tokio::test]
    async fn one_that_is_there_is_never_written() {
        let (key, text) = SealKey::generate().unwrap();
        let body = secret(TYPE, &text);
        let server = TestServer::start(move |_| respond(200, body.clone())).await;
        let made = store(&server).await.make().await.unwrap();
        assert!(made.fits("uid", "text", &key.seal("uid", "text")));
        assert!(server.asked().iter().all(|asked| asked.method == "GET"));
    }

    #[tokio::test]
    async fn a_foreign_secret_of_its_name_is_left_alone_and_the_way_out_named() {
        let server = TestServer::start(|asked| match asked.method.as_str() {
            "GET" => respond(200, secret("Opaque", "mine")),
            _ => respond(409, status(409)),
        })
        .await;
        let error = store(&server).await.make().await.unwrap_err();
        assert!(error.to_string().contains("kubectl delete secret aks-kms-seal"), "{error}");
        assert!(!format!("{error:?}").contains("mine"));
    }

    #[tokio::test]
    async fn without_its_namespace_it_is_not_made() {
        let server = TestServer::start(|_| respond(404, status(404))).await;
        let error = store(&server).await.make().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}
