//! Admission: what is asked before a secret is changed, whether or not anything changes.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde_json::json;

use super::{secret::Secret, status::ApiError};
use crate::given::SpecialKind;

/// Policies, validation and webhooks of a cluster.
#[derive(Default)]
pub(super) struct Admission {
    special: RwLock<HashMap<(String, String), SpecialKind>>,
    mutating: AtomicBool,
    mutations: AtomicU64,
}

impl Admission {
    /// Makes changes of one secret be refused, if its kind is one that is.
    pub(super) fn refuse(&self, namespace: &str, name: &str, kind: SpecialKind) {
        if matches!(kind, SpecialKind::Denied | SpecialKind::Invalid | SpecialKind::WebhookDown) {
            self.special
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((namespace.to_owned(), name.to_owned()), kind);
        }
    }

    /// Turns a mutating webhook that is not idempotent on or off.
    pub(super) fn set_mutating(&self, on: bool) {
        self.mutating.store(on, Ordering::Relaxed);
    }

    /// What the mutating webhook makes of a secret; `None`: it leaves it alone.
    pub(super) fn mutate(&self, secret: &Secret) -> Option<Arc<Secret>> {
        if !self.mutating.load(Ordering::Relaxed) {
            return None;
        }
        let count = self.mutations.fetch_add(1, Ordering::Relaxed).to_string();
        Some(Arc::new(secret.with_rest(|rest| {
            rest.annotations.insert("example.com/seen".to_owned(), json!(count));
        })))
    }

    /// Whether a secret may be changed.
    pub(super) fn review(&self, namespace: &str, name: &str) -> Result<(), ApiError> {
        let special = self.special.read().unwrap_or_else(PoisonError::into_inner);
        if special.is_empty() {
            return Ok(());
        }
        match special.get(&(namespace.to_owned(), name.to_owned())) {
            Some(SpecialKind::Denied) => Err(ApiError::forbidden(
                "secrets",
                name,
                "ValidatingAdmissionPolicy 'protected-secrets' with binding 'protected-secrets' \
                 denied request: this secret is managed elsewhere",
            )),
            Some(SpecialKind::Invalid) => {
                Err(ApiError::invalid("Secret", name, "data[tls.crt]: Required value"))
            }
            Some(SpecialKind::WebhookDown) => Err(ApiError::internal(
                "failed calling webhook \"secrets.example.com\": failed to call webhook: Post \
                 \"https://secrets.example.svc:443/validate?timeout=10s\": dial tcp \
                 10.0.0.17:443: connect: connection refused",
            )),
            _ => Ok(()),
        }
    }
}
