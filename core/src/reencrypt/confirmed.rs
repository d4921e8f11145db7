//! Which versions of secrets the API server answered for.

/// Resource versions of answered secrets: eight bytes each, exact.
///
/// A resource version is one etcd transaction, so it identifies a version of a secret by itself.
#[derive(Debug, Default)]
pub(super) struct ConfirmedVersions {
    versions: Vec<u64>,
    sorted: bool,
}

impl ConfirmedVersions {
    /// The API server that answered found this version to be under the key in use, or wrote it.
    pub(super) fn insert(&mut self, resource_version: u64) {
        self.versions.push(resource_version);
        self.sorted = false;
    }

    /// Must be called after the last insertion and before the first question.
    pub(super) fn sort(&mut self) {
        if !self.sorted {
            self.versions.sort_unstable();
            self.sorted = true;
        }
    }

    /// Whether this version was answered for.
    pub(super) fn contains(&self, resource_version: u64) -> bool {
        debug_assert!(self.sorted || self.versions.is_empty(), "sort before asking");
        self.versions.binary_search(&resource_version).is_ok()
    }
}
