//! The objects that are read and written: Leases, the record, the seal, the canary.

pub(super) mod admission;
pub(super) mod canary;
pub(super) mod etcd_identity;
pub(super) mod identity_leases;
pub(super) mod lease;
pub(super) mod namespace;
pub(super) mod record_store;
pub(super) mod seal;
