//! What was observed of the cluster, its vault, its key and its surroundings.

mod access;
mod cluster;
mod doubt;
mod etcd;
mod fact;
mod key;
mod kms_user;
mod kubernetes;
mod obstacle;
mod status;
mod vault;

pub(crate) use access::{AccessFacts, HeldRole, IdentityFacts, RoleGrant, VaultRole};
pub(crate) use cluster::{
    ClusterFacts, Configured, IdentityKind, KmsProfile, NodePoolFacts, UserAssignedIdentity,
    is_terminal_state,
};
pub(crate) use doubt::Doubt;
pub(crate) use etcd::{ETCD_GROWTH, ETCD_RETENTION, SECRET_BYTES};
pub(crate) use fact::{Fact, Lookup};
pub(crate) use key::{KeyFacts, KeyVersion};
pub(crate) use kms_user::ClusterWithKms;
pub(crate) use kubernetes::{DeniedPatch, KubernetesFacts, Permission, Unreadable};
pub(crate) use obstacle::Obstacle;
pub(crate) use vault::{AccessPolicy, ConnectionState, PrivateEndpointConnection, VaultFacts};
