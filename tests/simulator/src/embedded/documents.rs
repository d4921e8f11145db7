//! Everything that is not a secret: namespaces, nodes, pods, leases, config maps.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::{Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    body::{self, Body},
    call::{Call, merge},
    cluster::Cluster,
    forms::{self, ListMeta},
    list::equality,
    namespaces,
    route::Resource,
    secret::timestamp,
    status::ApiError,
    store::Store,
};
use crate::{
    backend::BackendSpec,
    cluster::earlier::{CLUSTER_UID, RECORD, SYSTEM},
};

type Key = (&'static str, String, String);

/// The objects of a cluster that are not secrets.
pub(super) struct Documents(Mutex<BTreeMap<Key, Value>>);

impl Documents {
    /// Those that the cluster of a case has.
    pub(super) fn of_case(spec: &BackendSpec, store: &Store) -> Self {
        let documents = Self(Mutex::default());
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            documents.add_namespace(name, store);
        }
        let pools = spec.given.cluster.node_pools.len();
        for pool in 1..=pools {
            documents.add(Resource::Nodes, "", &node(pool, spec), store);
        }
        let konnectivity = spec.given.cluster.konnectivity;
        let pods = [
            ("coredns-6f776c8fb5-8fq2x", true),
            ("konnectivity-agent-7c9d7b5f6b-4xkzp", konnectivity),
            ("konnectivity-agent-7c9d7b5f6b-t2m9q", konnectivity),
        ];
        for (name, runs) in pods {
            if runs {
                let pod = json!({
                    "metadata": {"name": name, "namespace": "kube-system"},
                    "spec": {"nodeName": node_name(1, 0)},
                    "status": {"phase": "Running"},
                });
                documents.add(Resource::Pods, "kube-system", &pod, store);
            }
        }
        documents
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a namespace, unless there is one.
    pub(super) fn add_namespace(&self, name: &str, store: &Store) {
        if !self.has_namespace(name) {
            let namespace = json!({"metadata": {"name": name}});
            self.add(Resource::Namespaces, "", &namespace, store);
        }
    }

    /// Whether there is such a namespace.
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        self.all().contains_key(&key(Resource::Namespaces, "", name))
    }

    /// A namespace.
    pub(super) fn namespace(&self, name: &str) -> Option<Value> {
        self.all().get(&key(Resource::Namespaces, "", name)).cloned()
    }

    /// Changes a namespace, which is gone if `change` says so; gives it as it is then, or was last.
    pub(super) fn change_namespace(
        &self,
        name: &str,
        change: impl FnOnce(&mut Value) -> (bool, Value),
    ) -> Option<Value> {
        let mut all = self.all();
        let key = key(Resource::Namespaces, "", name);
        let (goes, namespace) = change(all.get_mut(&key)?);
        if goes {
            all.remove(&key);
        }
        Some(namespace)
    }

    /// Makes the library's record, or replaces it.
    pub(super) fn set_record(&self, record: &str, store: &Store) {
        let system = self.namespace(SYSTEM).unwrap_or_default();
        let uid = system["metadata"]["uid"].as_str().unwrap_or_default();
        let map = json!({
            "metadata": {"name": RECORD},
            "data": {"state.json": record.replace(CLUSTER_UID, uid)},
        });
        self.add(Resource::ConfigMaps, SYSTEM, &map, store);
    }

    fn add(&self, resource: Resource, namespace: &str, object: &Value, store: &Store) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut object = object.clone();
        if resource == Resource::Namespaces {
            namespaces::complete(&mut object);
        }
        object["kind"] = json!(resource.kind());
        object["apiVersion"] = json!(resource.api_version());
        object["metadata"]["uid"] = json!(Uuid::new_v4().to_string());
        object["metadata"]["creationTimestamp"] =
            json!(timestamp(OffsetDateTime::now_utc().unix_timestamp()));
        object["metadata"]["resourceVersion"] = json!(store.advance().to_string());
        if resource.namespaced() {
            object["metadata"]["namespace"] = json!(namespace);
        }
        self.all().insert(key(resource, namespace, &name), object.clone());
        object
    }

    fn list(&self, resource: Resource, namespace: Option<&str>) -> Vec<Value> {
        let all = self.all();
        all.iter()
            .filter(|((plural, place, _), _)| {
                *plural == resource.plural() && namespace.is_none_or(|namespace| namespace == place)
            })
            .map(|(_, object)| object.clone())
            .collect()
    }
}

fn key(resource: Resource, namespace: &str, name: &str) -> Key {
    (resource.plural(), namespace.to_owned(), name.to_owned())
}

fn node_name(pool: usize, instance: usize) -> String {
    format!("aks-nodepool{pool}-27391846-vmss{instance:06}")
}

fn node(pool: usize, spec: &BackendSpec) -> Value {
    let name = node_name(pool, 0);
    let (scale_set, _) = name.split_at(name.len() - 6);
    let provider = format!(
        "azure:///subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/\
         virtualMachineScaleSets/{scale_set}/virtualMachines/0",
        spec.subscription_id,
        spec.node_resource_group.to_lowercase(),
    );
    json!({
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.azure.com/agentpool": format!("nodepool{pool}"),
                "kubernetes.azure.com/cluster": spec.node_resource_group,
                "kubernetes.io/hostname": name,
            },
        },
        "spec": {"providerID": provider},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": format!("v{}", spec.given.cluster.kubernetes_version)},
        },
    })
}

/// One request for such an object, or for a collection.
pub(super) struct Request<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) resource: Resource,
    pub(super) namespace: Option<&'a str>,
    pub(super) call: &'a Call,
}

impl Request<'_> {
    fn place(&self) -> &str {
        self.namespace.unwrap_or_default()
    }

    fn objects(&self) -> Vec<Value> {
        let mut objects = self.cluster.documents.list(self.resource, self.namespace);
        let everywhere = self.namespace.is_none_or(|namespace| namespace == "kube-system");
        if self.resource == Resource::Leases && everywhere {
            objects.extend(self.identity_leases());
        }
        objects
    }

    fn identity_leases(&self) -> Vec<Value> {
        if self.cluster.script.faults().no_identity_leases {
            return Vec::new();
        }
        self.cluster.workshop.identities.leases(self.cluster.store.revision())
    }

    /// The Lease of a process, which no document is.
    fn identity_lease(&self, name: &str) -> Option<Value> {
        if self.resource != Resource::Leases || self.place() != "kube-system" {
            return None;
        }
        self.identity_leases().into_iter().find(|lease| lease["metadata"]["name"] == *name)
    }

    /// Answers a list.
    pub(super) fn list(&self) -> Result<Response<Body>, ApiError> {
        let mut objects = self.objects();
        if let Some(selector) = self.call.query.get("labelSelector") {
            for requirement in selector.split(',') {
                let (label, value) = equality(requirement)?;
                objects.retain(|object| object["metadata"]["labels"][&label] == *value);
            }
        }
        let revision = self.cluster.store.revision().to_string();
        let mut metadata = ListMeta { resource_version: revision, ..ListMeta::default() };
        self.page(&mut objects, &mut metadata)?;
        Ok(forms::objects(self.resource, metadata, objects, self.call.form))
    }

    /// Keeps the page that is asked for; a token is the number of objects before it.
    fn page(&self, objects: &mut Vec<Value>, metadata: &mut ListMeta) -> Result<(), ApiError> {
        let before = self.call.query.number("continue")?.unwrap_or_default();
        let before = usize::try_from(before).unwrap_or(usize::MAX).min(objects.len());
        objects.drain(..before);
        let limit = self.call.query.number("limit")?.filter(|limit| *limit > 0);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        if objects.len() > limit {
            metadata.remaining_item_count = Some(objects.len() - limit);
            metadata.r#continue = Some((before + limit).to_string());
            objects.truncate(limit);
        }
        Ok(())
    }

    /// Answers a GET.
    pub(super) fn get(&self, name: &str) -> Result<Response<Body>, ApiError> {
        let found = self.objects().into_iter().find(|object| object["metadata"]["name"] == *name);
        let object = found.ok_or_else(|| self.missing(name))?;
        Ok(forms::object(self.resource, object, self.call.form))
    }

    /// Answers a POST.
    pub(super) fn create(&self) -> Result<Response<Body>, ApiError> {
        let object = self.call.json()?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(ApiError::invalid(
                self.resource.kind(),
                "",
                "metadata.name: Required value: name or generateName is required",
            ));
        }
        let documents = &self.cluster.documents;
        if self.resource.namespaced() {
            namespaces::admit(documents, self.place(), &self.resource.qualified())?;
        }
        if self.objects().iter().any(|object| object["metadata"]["name"] == *name) {
            return Err(ApiError::already_exists(&self.resource.qualified(), name));
        }
        let object = if self.call.dry_run() {
            object
        } else {
            documents.add(self.resource, self.place(), &object, &self.cluster.store)
        };
        let mut response = forms::object(self.resource, object, self.call.form);
        *response.status_mut() = StatusCode::CREATED;
        Ok(response)
    }

    /// Answers a PUT or a PATCH.
    pub(super) fn change(&self, name: &str) -> Result<Response<Body>, ApiError> {
        let replacement = (self.call.method == http::Method::PUT).then(|| self.call.json());
        let replacement = replacement.transpose()?;
        let patch = if replacement.is_none() { self.call.merge_patch()? } else { None };
        let identity = self.identity_lease(name);
        let mut all = self.cluster.documents.all();
        let mut lease = identity.clone();
        let stored = all.get_mut(&key(self.resource, self.place(), name)).or(lease.as_mut());
        let stored = stored.ok_or_else(|| self.missing(name))?;
        let mut object = stored.clone();
        if let Some(replacement) = replacement {
            object = replacement;
        } else if let Some(patch) = &patch {
            merge(&mut object, patch);
        }
        if !object["metadata"].is_object() {
            return Err(ApiError::bad_request("couldn't get object: metadata is not an object"));
        }
        let expected = object["metadata"]["resourceVersion"].as_str();
        let expected = expected.filter(|expected| !expected.is_empty());
        if expected.is_some_and(|expected| stored["metadata"]["resourceVersion"] != *expected) {
            return Err(ApiError::conflict(&self.resource.qualified(), name));
        }
        for field in ["name", "namespace", "uid", "creationTimestamp", "resourceVersion"] {
            if !stored["metadata"][field].is_null() {
                object["metadata"][field] = stored["metadata"][field].clone();
            }
        }
        for field in ["kind", "apiVersion"] {
            object[field] = stored[field].clone();
        }
        if object != *stored && !self.call.dry_run() {
            let revision = self.cluster.store.advance().to_string();
            object["metadata"]["resourceVersion"] = json!(revision);
            stored.clone_from(&object);
            if identity.is_some() {
                self.cluster.workshop.identities.tamper(name, Some(object.clone()));
            }
        }
        Ok(forms::object(self.resource, object, self.call.form))
    }

    /// Answers a DELETE.
    pub(super) fn delete(&self, name: &str) -> Result<Response<Body>, ApiError> {
        let mut identity = self.identity_lease(name);
        let key = key(self.resource, self.place(), name);
        let mut all = self.cluster.documents.all();
        let stored = all.get_mut(&key).or(identity.as_mut()).ok_or_else(|| self.missing(name))?;
        let options: Value = serde_json::from_slice(&self.call.body).unwrap_or_default();
        for field in ["resourceVersion", "uid"] {
            let expected = &options["preconditions"][field];
            if !expected.is_null() && *expected != stored["metadata"][field] {
                return Err(ApiError::conflict(&self.resource.qualified(), name));
            }
        }
        let uid = stored["metadata"]["uid"].clone();
        if self.resource == Resource::Namespaces && namespaces::is_kept(stored) {
            let mut ended = stored.clone();
            namespaces::end(&mut ended, &self.cluster.store);
            if !self.call.dry_run() {
                stored.clone_from(&ended);
            }
            return Ok(forms::object(self.resource, ended, self.call.form));
        }
        if !self.call.dry_run() {
            if all.remove(&key).is_none() {
                self.cluster.workshop.identities.tamper(name, None);
            }
            self.cluster.store.advance();
        }
        Ok(body::json(&json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": name,
                "group": self.resource.group(),
                "kind": self.resource.plural(),
                "uid": uid,
            },
        })))
    }

    fn missing(&self, name: &str) -> ApiError {
        ApiError::not_found(&self.resource.qualified(), name)
    }
}
