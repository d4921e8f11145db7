//! Entra: tokens for a client's secret, for another issuer's token and for managed identities; and
//! who is in the directory.

mod directory;
mod endpoints;
mod jwk;
pub(crate) mod managed_identity;
mod sign_in;
mod tokens;
mod user;

use directory::Application;
pub(crate) use directory::{
    FEDERATED_AUDIENCE, FEDERATED_SUBJECT, FEDERATION, GRAPH, principal, serve as serve_graph,
};
pub(crate) use endpoints::serve;
pub(crate) use jwk::public_numbers;
pub(crate) use tokens::{Claims, Holder, Rejection, TokenIssuer};

/// Application id of the server side of Entra-enabled AKS clusters.
pub(crate) const AKS_SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";
/// Audience of vault tokens.
pub(crate) const VAULT_AUDIENCE: &str = "https://vault.azure.net";
