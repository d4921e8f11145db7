//! The objects that are read and written: Leases, the record, the seal, the canary.
//!
//! Each is read into a struct of its own with the few fields that are used, not into `k8s-openapi`'s types
//! (which are here only because kube needs a version of them): times of a Lease are compared as the
//! texts that they are, since a holder's clock may write anything; an object with a field of a kind that
//! is not expected is still read; and of a Secret's or `ConfigMap`'s other data nothing is held.

pub(super) mod admission;
pub(super) mod canary;
pub(super) mod etcd_identity;
pub(super) mod identity_leases;
pub(super) mod lease;
pub(super) mod namespace;
pub(super) mod record_store;
pub(super) mod seal;
