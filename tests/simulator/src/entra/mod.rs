//! Entra: tokens for a client's secret.

mod directory;
mod endpoints;
mod jwk;
mod tokens;

pub(crate) use directory::{GRAPH, serve as serve_graph};
pub(crate) use endpoints::serve;
pub(crate) use jwk::public_numbers;
pub(crate) use tokens::{Claims, Rejection, TokenIssuer};

/// Application id of the server side of Entra-enabled AKS clusters.
pub(crate) const AKS_SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";
/// Audience of vault tokens.
pub(crate) const VAULT_AUDIENCE: &str = "https://vault.azure.net";
