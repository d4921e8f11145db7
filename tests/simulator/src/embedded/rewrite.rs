//! How AKS rewrites secrets: as every update of an API server goes, subject to admission.

use super::{cluster::Cluster, transform::Seal, wiring::is_plus, write::Target};
use crate::backend::{KeyRef, KmsVersion};

impl Cluster {
    /// The keys that secrets are under.
    pub(super) fn keys_in_use(&self) -> Vec<KeyRef> {
        let seals = self.store.seals().into_iter();
        let keys = seals.filter_map(|(seal, _)| match &*seal {
            Seal::Kms { version, provider, key } => {
                let kms_version = if is_plus(provider) { KmsVersion::V2Plus } else { *version };
                Some(KeyRef { key_id: key.key_id.clone(), kms_version })
            }
            Seal::Plaintext => None,
        });
        keys.collect()
    }

    /// Rewrites the `part`-th of `of` parts of the secrets, through all API servers in turn.
    pub(super) async fn rewrite(&self, part: usize, of: usize) -> Result<(), String> {
        let mut names = Vec::new();
        let mut number = 0;
        self.store.for_each(|namespace, name, _| {
            if number % of == part {
                names.push((namespace.to_owned(), name.to_owned()));
            }
            number += 1;
        });
        for (namespace, name) in names {
            let process = self.pin().ok_or_else(|| "no API server runs".to_owned())?;
            let target =
                Target { cluster: self, process: &process, namespace: &namespace, name: &name };
            if !target.rewrite().await {
                tracing::debug!(namespace, name, "a secret could not be rewritten");
            }
        }
        Ok(())
    }
}
