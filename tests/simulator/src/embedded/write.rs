//! Writes of secrets: create, patch, replace, delete.
//!
//! A change goes the way of every update of an API server: read what is stored, change it, ask
//! admission, and store it if it differs *or is stale*; begin again if somebody else was quicker.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    body::{self, Body},
    call::{Call, merge},
    cluster::Cluster,
    forms, namespaces,
    process::Process,
    secret::Secret,
    status::ApiError,
    store::Refused,
    undecryptable::Undecryptable,
    versions::Version,
};

const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";
/// From this minor version on admission does not ask for the namespace of what is changed.
const UPDATES_WITHOUT_NAMESPACE_MINOR: u32 = 37;

/// A secret of a cluster, as one API server process serves it.
pub(super) struct Target<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) process: &'a Arc<Process>,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

impl Target<'_> {
    /// Answers a GET.
    pub(super) async fn get(&self, call: &Call) -> Result<Response<Body>, ApiError> {
        let version = self.stored()?;
        let read = self.process.read(&version.seal).await;
        read.map_err(|why| self.undecryptable(why).in_a_get(self.cluster))?;
        Ok(self.answer(&version, call))
    }

    /// Answers a POST. The name is that of the object in its body.
    pub(super) async fn create(&self, call: &Call) -> Result<Response<Body>, ApiError> {
        self.in_a_namespace()?;
        namespaces::admit(&self.cluster.documents, self.namespace, "secrets")?;
        let mut object = call.json()?;
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        let mut secret = Arc::new(Secret::from_object(&object, self.name, None)?);
        if let Some(mutated) = self.cluster.admission.mutate(&secret) {
            secret = mutated;
        }
        if self.cluster.store.get(self.namespace, self.name).is_some() {
            return Err(ApiError::already_exists("secrets", self.name));
        }
        let seal = self.process.write().await.map_err(|error| ApiError::internal(&error))?;
        let version = if call.dry_run() {
            Version { revision: self.cluster.store.revision(), seal, secret }
        } else {
            let created =
                self.cluster.store.create(self.namespace, self.name, secret, &seal).map_err(
                    |refused| match refused {
                        Refused::NoSpace => ApiError::internal(NO_SPACE),
                        _ => ApiError::already_exists("secrets", self.name),
                    },
                )?;
            self.cluster.tell_caches(&created.seal).await;
            created
        };
        let mut response = self.answer(&version, call);
        *response.status_mut() = StatusCode::CREATED;
        Ok(response)
    }

    /// The admission plugin `NamespaceLifecycle` lets nothing be made in a namespace that there is not.
    fn in_a_namespace(&self) -> Result<(), ApiError> {
        if self.cluster.documents.has_namespace(self.namespace) {
            return Ok(());
        }
        Err(ApiError::not_found("namespaces", self.namespace))
    }

    /// Answers a PATCH.
    pub(super) async fn patch(&self, call: &Call) -> Result<Response<Body>, ApiError> {
        let patch = call.merge_patch()?;
        let change = |before: &Version| {
            let Some(patch) = &patch else { return Ok(None) };
            let mut object = before.secret.object(self.namespace, self.name, before.revision);
            merge(&mut object, patch);
            self.changed(&object, before, patch["metadata"]["resourceVersion"].as_str())
        };
        let version = self.update(call.dry_run(), change).await?;
        Ok(self.answer(&version, call))
    }

    /// Rewrites it as it is: whether admission let that through.
    pub(super) async fn rewrite(&self) -> bool {
        self.update(false, |_| Ok(None)).await.is_ok()
    }

    /// Answers a PUT.
    pub(super) async fn replace(&self, call: &Call) -> Result<Response<Body>, ApiError> {
        let object = call.json()?;
        let expected = object["metadata"]["resourceVersion"].as_str();
        let change = |before: &Version| self.changed(&object, before, expected);
        let version = self.update(call.dry_run(), change).await?;
        Ok(self.answer(&version, call))
    }

    /// Answers a DELETE.
    pub(super) async fn delete(&self, call: &Call) -> Result<Response<Body>, ApiError> {
        let options: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        loop {
            let (version, _) = self.read().await?;
            self.as_expected(&options["preconditions"], &version)?;
            if call.dry_run() {
                return Ok(self.deleted(&version));
            }
            if version.secret.finalizers() {
                if version.secret.terminating() {
                    return Ok(self.answer(&version, call));
                }
                let now = OffsetDateTime::now_utc().unix_timestamp();
                let change = |before: &Version| {
                    let secret = before.secret.with_rest(|rest| rest.deletion = Some(now));
                    Ok(Some(Arc::new(secret)))
                };
                let version = self.update(false, change).await?;
                return Ok(self.answer(&version, call));
            }
            match self.cluster.store.delete(self.namespace, self.name, version.revision) {
                Ok(()) => return Ok(self.deleted(&version)),
                Err(Refused::NoSpace) => return Err(ApiError::internal(NO_SPACE)),
                Err(_) => {}
            }
        }
    }

    /// Refuses to delete another object than the one that is meant.
    fn as_expected(&self, preconditions: &Value, version: &Version) -> Result<(), ApiError> {
        let own = [
            ("resourceVersion", version.revision.to_string()),
            ("uid", version.secret.uid.to_string()),
        ];
        let fits = own.iter().all(|(field, own)| {
            preconditions[*field].as_str().is_none_or(|expected| expected == own)
        });
        if fits { Ok(()) } else { Err(ApiError::conflict("Secret", self.name)) }
    }

    /// The newest version of the secret.
    fn stored(&self) -> Result<Version, ApiError> {
        let version = self.cluster.store.get(self.namespace, self.name);
        version.ok_or_else(|| ApiError::not_found("secrets", self.name))
    }

    /// Reads the secret for a write: its newest version and whether that is stale.
    async fn read(&self) -> Result<(Version, bool), ApiError> {
        let version = self.stored()?;
        let read = self.process.read(&version.seal).await;
        let stale = read.map_err(|why| self.undecryptable(why).in_a_write(self.cluster))?;
        Ok((version, stale))
    }

    fn undecryptable(&self, why: String) -> Undecryptable<'_> {
        Undecryptable { namespace: self.namespace, name: self.name, why }
    }

    /// The secret that an object describes; `None`: nothing changes.
    fn changed(
        &self,
        object: &Value,
        before: &Version,
        expected: Option<&str>,
    ) -> Result<Option<Arc<Secret>>, ApiError> {
        let revision = before.revision.to_string();
        if expected.is_some_and(|expected| !expected.is_empty() && expected != revision) {
            return Err(ApiError::conflict("secrets", self.name));
        }
        if object["metadata"]["name"].as_str().is_some_and(|name| name != self.name) {
            return Err(ApiError::bad_request(
                "the name of the object does not match the name on the URL",
            ));
        }
        let uid = object["metadata"]["uid"].as_str().filter(|uid| !uid.is_empty());
        if uid.is_some_and(|uid| uid != before.secret.uid.to_string()) {
            return Err(ApiError::conflict("secrets", self.name));
        }
        let secret = Secret::from_object(object, self.name, Some(&before.secret))?;
        Ok((secret != *before.secret).then(|| Arc::new(secret)))
    }

    /// Reads, changes and stores: the newest version afterwards.
    async fn update(
        &self,
        dry_run: bool,
        change: impl Fn(&Version) -> Result<Option<Arc<Secret>>, ApiError>,
    ) -> Result<Version, ApiError> {
        loop {
            let (before, stale) = self.read().await?;
            if self.cluster.minor() < UPDATES_WITHOUT_NAMESPACE_MINOR {
                self.in_a_namespace()?;
            }
            let mut changed = change(&before)?;
            let secret = changed.as_ref().unwrap_or(&before.secret);
            if let Some(mutated) = self.cluster.admission.mutate(secret) {
                changed = Some(mutated);
            }
            self.cluster.admission.review(self.namespace, self.name)?;
            if dry_run {
                let secret = changed.unwrap_or_else(|| Arc::clone(&before.secret));
                return Ok(Version { secret, ..before });
            }
            if changed.is_none() && !stale {
                return Ok(before);
            }
            let secret = changed.unwrap_or_else(|| Arc::clone(&before.secret));
            let store = &self.cluster.store;
            if secret.terminating() && !secret.finalizers() {
                // the last finalizer is gone: so is the secret
                match store.delete(self.namespace, self.name, before.revision) {
                    Ok(()) => return Ok(Version { secret, ..before }),
                    Err(_) => continue,
                }
            }
            let seal = self.process.write().await.map_err(|error| ApiError::internal(&error))?;
            match store.replace(self.namespace, self.name, before.revision, secret, &seal) {
                Ok(version) => {
                    self.cluster.tell_caches(&version.seal).await;
                    return Ok(version);
                }
                Err(Refused::NoSpace) => return Err(ApiError::internal(NO_SPACE)),
                Err(_) => {}
            }
        }
    }

    fn answer(&self, version: &Version, call: &Call) -> Response<Body> {
        forms::secret(&version.secret, self.namespace, self.name, version.revision, call.form)
    }

    fn deleted(&self, version: &Version) -> Response<Body> {
        body::json(&json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": self.name,
                "kind": "secrets",
                "uid": version.secret.uid.to_string(),
            },
        }))
    }
}
