//! What `build.rs` made of the protocol definitions in `proto/`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::large_futures,
    reason = "generated code"
)]

/// KMS plugin API v1.
pub(super) mod kms_v1 {
    tonic::include_proto!("v1beta1");
}

/// KMS plugin API v2, and how it leaves an object in etcd.
pub(super) mod kms_v2 {
    tonic::include_proto!("v2");
}

/// The store of etcd.
pub(super) mod etcd {
    tonic::include_proto!("etcdserverpb");
}
