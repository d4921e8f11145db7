#![doc = include_str!("../README.md")]
//!
//! ## What can go wrong
//!
//! `given.faults`, replaced at any time by `PUT /cases/{id}/faults` or [`Simulator::set_faults`]; the
//! fields are documented at [`given::Faults`]. On the side of Azure:
//!
//! | what | how |
//! |---|---|
//! | latency | `azure_latency_ms` of every request; `latency_ms` of one answer in `azure` |
//! | throttling, 5xx, any other answer | `azure`: `{"path": "managedClusters", "status": 429, "retry_after": 7, "times": 2}`; 502 and 504 are a gateway's page |
//! | a dropped connection | `azure` with status 0 |
//! | an answer that is lost although the request took effect | `azure` with `takes_effect` |
//! | an operation that fails, is canceled, or succeeds with an error in its body | `operations`, in order: `status`, `code`, `message`, `flat` |
//! | an operation that ends half-way | `after`: `nothing`, `encryption`, `control-plane`, `node-pools`; `applied_to`: some of the API servers |
//! | a slow operation | `operation_seconds`, before the time scale |
//! | an accepted request that does not say where to poll | `no_poll_header` |
//! | a role that takes its time | `role_propagation_seconds`: seen in lists at once, in effect later |
//! | an identity that is not known everywhere yet | `principal_propagation_seconds`: a role for it is refused with `PrincipalNotFound`, unless its type is named |
//! | a wrong clock | `clock_shift_seconds`: `Date`, tokens and operations of Resource Manager and Entra |
//! | lists in pages | `page_size`; a request's `$top` goes before it |
//!
//! ## Signing in without a secret
//!
//! - Another issuer's token: `GET /cases/{id}/assertion` ([`Simulator::assertion`]) gives one that the
//!   case's application takes as `client_assertion`, and `?subject=` one about somebody else. What a
//!   user-assigned identity takes is told by its `federatedIdentityCredentials`; the issuer here is
//!   `<authority>/federation`.
//! - A managed identity: [`Case::identity_endpoint`] with [`Case::identity_header`], or the instance
//!   metadata service at [`Case::metadata_endpoint`] (`/metadata/identity/oauth2/token`). The machine's own identity
//!   is the case's caller; a user-assigned identity may do what its roles grant.
//!
//! ## What is made and deleted
//!
//! Resource groups, vaults, identities and their federated credentials, role assignments, agent pools
//! and clusters. A cluster that is created has its own Kubernetes, without secrets, in the backend of
//! the case: `GET /cases/{id}/secrets?cluster=<name>` ([`Simulator::secrets_of`]) reads its store.
//! Deleting it ends its Kubernetes.
//!
//! ## Commands
//!
//! `runCommand` (`az aks command invoke`) works on the real backend, if [`Options::run_command`] or `--run-command`
//! says so: AKS runs the command in a pod, here
//! `/bin/sh` runs it **on this machine, as the user of the simulator**, in a folder of its own that holds
//! what the caller sent, with kubectl and the cluster's credential and nothing else of the environment.
//! It ends after ten minutes, or when the cluster is stopped or ends or the simulator does, with all
//! that stays in its process group, and 512 KiB of its output are kept. On the embedded
//! backend it is refused with `RunCommandNotAvailable`.

pub mod backend;
pub mod clock;
pub mod conformance;
pub mod embedded;
pub mod given;
pub mod real;
pub mod requests;
pub mod throttle;
pub mod tls;
pub mod writes;

mod admin;
mod arm;
mod backends;
mod bearer;
mod case;
mod closed_vaults;
mod cluster;
mod command;
mod entra;
mod environment;
mod faults;
mod files;
mod fleet;
mod http;
mod identities;
mod key_id;
mod maker;
mod merge;
mod names;
mod region;
mod roles;
mod sdk;
mod simulator;
mod vault;
mod world;

pub use backends::{BackendFactory, Starting};
pub use case::Case;
pub use clock::TimeScale;
pub use environment::write as write_environment;
pub use fleet::{Fleet, FleetCluster};
pub use given::{FleetGiven, Given};
pub use simulator::{Error, Options, Simulator};
