//! The record in the cluster: one text in one `ConfigMap`, written only over what was read.

use bytes::Bytes;
use serde_json::{Value, json};

use super::namespace::no_namespace;
use crate::{
    error::{Error, ErrorKind, Result, optional},
    kubernetes::http::{
        paths::{config_map_path, config_maps_path},
        request::{Accept, Request},
        response::Response,
        transport::KubernetesApi,
    },
};

/// Name of the `ConfigMap`, and of the Lease that goes with it.
pub(crate) const STATE: &str = "aks-kms";
const KEY: &str = "state.json";
const SEAL_KEY: &str = "seal";
/// How many times a write is tried whose outcome is not known.
const TRIES: usize = 3;

/// What is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stored {
    pub(crate) text: String,
    /// The seal that lies beside it.
    pub(crate) seal: Option<String>,
    resource_version: String,
    /// The whole object: what others put there, such as a label, stays.
    object: Value,
}

impl Stored {
    /// What a `ConfigMap` keeps. `None`: it is none.
    fn parse(response: &Response) -> Option<Self> {
        let object: Value = serde_json::from_slice(&response.body).ok()?;
        let is_map = |field: &Value| field.is_object() || field.is_null();
        if !is_map(&object["data"]) || !is_map(&object["metadata"]["labels"]) {
            return None;
        }
        let resource_version = object["metadata"]["resourceVersion"].as_str()?.to_owned();
        let data = |key: &str| object["data"][key].as_str().map(str::to_owned);
        // A ConfigMap without the key is somebody's leftover: an empty text is no record.
        let (text, seal) = (data(KEY).unwrap_or_default(), data(SEAL_KEY));
        Some(Self { text, seal, resource_version, object })
    }

    /// The resource version of the object.
    pub(crate) fn version(&self) -> &str {
        &self.resource_version
    }

    /// Whether it is this text with this seal.
    pub(crate) fn is(&self, text: &str, seal: Option<&str>) -> bool {
        self.text == text && self.seal.as_deref() == seal
    }
}

/// What became of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Written {
    /// This is kept.
    As(Stored),
    /// Somebody else wrote in between: nothing was written.
    Conflict,
}

/// Where the record is kept.
#[derive(Clone)]
pub(crate) struct RecordStore {
    api: KubernetesApi,
    namespace: String,
}

impl RecordStore {
    pub(crate) fn new(api: KubernetesApi, namespace: String) -> Self {
        Self { api, namespace }
    }

    /// What is kept. `None`: nothing.
    pub(crate) async fn read(&self) -> Result<Option<Stored>> {
        let doing = format!("read ConfigMap {STATE} in namespace {}", self.namespace);
        let request = Request::get(config_map_path(&self.namespace, STATE), Accept::Json);
        let response = optional(self.api.call(&request, &doing).await)?;
        let read = |it| Stored::parse(&it).ok_or_else(|| self.api.unexpected_response(&doing));
        response.map(read).transpose()
    }

    /// Keeps the text and its seal if what is kept is still what was read, or, with `None`, if
    /// nothing is.
    pub(crate) async fn write(
        &self,
        text: &str,
        seal: Option<&str>,
        over: Option<&Stored>,
    ) -> Result<Written> {
        let doing = format!("write ConfigMap {STATE} in namespace {}", self.namespace);
        let request = self.request(text, seal, over);
        let mut trouble = String::new();
        for _ in 0..TRIES {
            match self.api.ask(&request).await {
                Ok(response) if matches!(response.status, 200 | 201) => {
                    let stored = Stored::parse(&response);
                    return stored
                        .map(Written::As)
                        .ok_or_else(|| self.api.unexpected_response(&doing));
                }
                // An object that is not there yet can miss nothing but its namespace.
                Ok(response) if response.status == 404 && over.is_none() => {
                    return Err(no_namespace(&self.namespace));
                }
                // The object is gone, there already, or another version: perhaps by our own request
                // that got no response.
                Ok(response) if matches!(response.status, 404 | 409) => {
                    let now = self.read().await?;
                    return Ok(match now.filter(|now| now.is(text, seal)) {
                        Some(ours) => Written::As(ours),
                        None => Written::Conflict,
                    });
                }
                Ok(response) => return Err(self.api.refused(&response, &doing)),
                Err(error) => {
                    let error = self.api.no_response(error, &doing);
                    if !error.is_retryable() {
                        return Err(error);
                    }
                    trouble = error.to_string();
                }
            }
        }
        Err(Error::new(ErrorKind::Unavailable, trouble))
    }

    fn request(&self, text: &str, seal: Option<&str>, over: Option<&Stored>) -> Request {
        let mut body = over.map_or_else(|| json!({}), |over| over.object.clone());
        body["apiVersion"] = "v1".into();
        body["kind"] = "ConfigMap".into();
        body["metadata"]["name"] = STATE.into();
        body["metadata"]["namespace"] = self.namespace.as_str().into();
        body["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "aks-kms".into();
        body["data"][KEY] = text.into();
        if let Some(seal) = seal {
            body["data"][SEAL_KEY] = seal.into();
        } else if let Some(data) = body["data"].as_object_mut() {
            data.remove(SEAL_KEY);
        }
        let (send, path): (fn(String, Accept, Bytes) -> Request, _) = match over {
            Some(_) => (Request::put, config_map_path(&self.namespace, STATE)),
            None => (Request::post, config_maps_path(&self.namespace)),
        };
        send(format!("{path}?fieldManager=aks-kms"), Accept::Json, body.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kubernetes::http::test_server::{TestServer, respond},
        testing::{Seen, Target},
    };

    fn config_map(text: &str, version: &str) -> String {
        json!({"kind": "ConfigMap", "metadata": {"name": STATE, "resourceVersion": version}, "data": {KEY: text}})
            .to_string()
    }

    fn stored(text: &str, version: &str) -> Stored {
        let object: Value = serde_json::from_str(&config_map(text, version)).unwrap();
        let (text, resource_version) = (text.to_owned(), version.to_owned());
        Stored { text, seal: None, resource_version, object }
    }

    async fn store(server: &TestServer) -> RecordStore {
        RecordStore::new(server.api().await, "kube-system".to_owned())
    }

    #[tokio::test]
    async fn nothing_kept_is_none() {
        let server = TestServer::start(|_| respond(404, r#"{"kind":"Status","code":404}"#)).await;
        assert_eq!(store(&server).await.read().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_write_names_the_version_that_it_replaces() {
        let server = TestServer::start(|_| respond(200, config_map("new", "8"))).await;
        let mut before = stored("old", "7");
        before.object["metadata"]["labels"] = json!({"of": "somebody"});
        let written = store(&server).await.write("new", Some("seal"), Some(&before)).await.unwrap();
        assert_eq!(written, Written::As(stored("new", "8")));
        let asked = server.asked();
        assert_eq!(asked[0].method, "PUT");
        let body = String::from_utf8(asked[0].body.to_vec()).unwrap();
        assert!(body.contains(r#""resourceVersion":"7""#), "{body}");
        assert!(body.contains(r#""seal":"seal""#), "{body}");
        assert!(body.contains(r#""of":"somebody""#), "{body}");
    }

    #[tokio::test]
    async fn a_conflict_is_ours_when_our_text_is_what_is_kept() {
        for (kept, expected) in
            [("mine", Written::As(stored("mine", "9"))), ("theirs", Written::Conflict)]
        {
            let server = TestServer::start(move |asked| match asked.method.as_str() {
                "GET" => respond(200, config_map(kept, "9")),
                _ => respond(409, r#"{"kind":"Status","code":409}"#),
            })
            .await;
            let written =
                store(&server).await.write("mine", None, Some(&stored("old", "7"))).await.unwrap();
            assert_eq!(written, expected);
        }
    }

    #[tokio::test]
    async fn a_namespace_that_does_not_exist_is_told() {
        let server = TestServer::start(|_| respond(404, r#"{"kind":"Status","code":404}"#)).await;
        let error = store(&server).await.write("new", None, None).await.unwrap_err();
        assert!(error.to_string().contains("kubectl create namespace kube-system"), "{error}");
        let before = stored("old", "7");
        let gone = store(&server).await.write("new", None, Some(&before)).await.unwrap();
        assert_eq!(gone, Written::Conflict);
    }

    #[tokio::test]
    async fn fuzz_config_maps() {
        let of_others = json!({"kind": "ConfigMap", "metadata": {"resourceVersion": "3", "labels": {"of": "somebody"}},
                               "data": {KEY: "text", SEAL_KEY: "tag", "note": "of somebody"}, "binaryData": {"a": "YQ=="}});
        let empty = r#"{"kind":"ConfigMap","metadata":{"resourceVersion":"1"}}"#.to_owned();
        let documents = [config_map("text", "7"), of_others.to_string(), empty];
        let documents = documents.map(String::into_bytes).to_vec();
        let target = Target { name: "ConfigMaps", documents, read: 22, hidden: &[] };
        let api = crate::kubernetes::http::test_server::silent_api().await;
        let store = RecordStore::new(api, "kube-system".to_owned());
        let parse = |body: &[u8]| {
            Stored::parse(&Response { status: 200, retry_after: None, body: body.to_vec().into() })
        };
        target.run(|input| {
            let stored = parse(input);
            if let Some(stored) = &stored {
                for seal in [None, Some("new seal")] {
                    let sent = store.request("new text", seal, Some(stored)).body.unwrap().1;
                    let sent = parse(&sent).unwrap();
                    assert!(sent.is("new text", seal));
                    assert_eq!(sent.version(), stored.version());
                    // What others put there stays.
                    assert_eq!(sent.object["data"].get("note"), stored.object["data"].get("note"));
                    assert_eq!(sent.object.get("binaryData"), stored.object.get("binaryData"));
                }
            }
            Seen::found(stored)
        });
    }

    #[tokio::test]
    async fn text_and_seal_belong_together() {
        let map = json!({"kind": "ConfigMap", "metadata": {"resourceVersion": "3"},
                         "data": {KEY: "text", SEAL_KEY: "tag", "note": "of somebody"}});
        let server = TestServer::start(move |_| respond(200, map.to_string())).await;
        let stored = store(&server).await.read().await.unwrap().unwrap();
        assert!(stored.is("text", Some("tag")));
        assert!(!stored.is("text", None) && !stored.is("other", Some("tag")));
    }
}
