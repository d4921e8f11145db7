//! What API servers say of a secret that they cannot decrypt, by their version: since Kubernetes
//! 1.37 they tell objects that are corrupt from other errors.

use super::{cluster::Cluster, status::ApiError};

/// The first minor version that does.
const CORRUPT_OBJECTS_MINOR: u32 = 37;
/// A list reads on behind secrets that it cannot decrypt until it has found so many.
const MOST: usize = 100;

/// A secret that cannot be decrypted, and why.
pub(super) struct Undecryptable<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) why: String,
}

/// Whether a list that found so many of them reads on.
pub(super) fn reads_on(cluster: &Cluster, found: usize) -> bool {
    knows_corrupt_objects(cluster) && found < MOST
}

fn knows_corrupt_objects(cluster: &Cluster) -> bool {
    cluster.minor() >= CORRUPT_OBJECTS_MINOR
}

impl Undecryptable<'_> {
    /// What a list says; `others`: what else it found.
    pub(super) fn in_a_list(&self, cluster: &Cluster, others: &[Undecryptable<'_>]) -> ApiError {
        let key = |secret: &Undecryptable<'_>| {
            let behind = cluster.script.faults().behind_undecryptable_names.clone();
            format!("/registry/secrets/{}/{}{behind}", secret.namespace, secret.name)
        };
        if !knows_corrupt_objects(cluster) {
            let (key, why) = (key(self), &self.why);
            return ApiError::internal(&format!("unable to transform key \"{key}\": {why}"));
        }
        let more = match others.len() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let keys: Vec<String> = std::iter::once(self).chain(others).map(key).collect();
        let why = format!("{}{more}", corrupt_object(&keys[0], &self.why));
        ApiError::storage_read(&why, &keys)
    }

    /// What a GET says.
    pub(super) fn in_a_get(&self, cluster: &Cluster) -> ApiError {
        if !knows_corrupt_objects(cluster) {
            return ApiError::internal(&self.why);
        }
        let key = format!("/secrets/{}/{}", self.namespace, self.name);
        ApiError::internal(&corrupt_object(&key, &self.why))
    }

    /// What a PATCH, PUT or DELETE says.
    pub(super) fn in_a_write(&self, cluster: &Cluster) -> ApiError {
        if knows_corrupt_objects(cluster) {
            return ApiError::internal(&not_transformable(&self.why));
        }
        ApiError::internal(&self.why)
    }

    /// What a watch says.
    pub(super) fn in_a_watch(&self, cluster: &Cluster) -> ApiError {
        if knows_corrupt_objects(cluster) {
            self.in_a_write(cluster)
        } else {
            self.in_a_list(cluster, &[])
        }
    }
}

fn corrupt_object(key: &str, why: &str) -> String {
    format!(
        "StorageError: corrupt object, Code: 7, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {}",
        not_transformable(why)
    )
}

fn not_transformable(why: &str) -> String {
    format!("data from the storage is not transformable revision=0: {why}")
}
