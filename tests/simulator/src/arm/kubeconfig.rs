//! The kubeconfig files that AKS hands out.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{backend::ApiEndpoint, entra::AKS_SERVER_APPLICATION, names::ClusterNames};

/// Client application of kubelogin's device code flow.
const AKS_CLIENT_APPLICATION: &str = "80faf920-1908-4b52-b5ef-a8e7bedfc67a";

/// Who the kubeconfig is for.
pub(super) enum User<'a> {
    /// A user with a token of the cluster's own.
    Token { token: &'a str, admin: bool },
    /// Whoever signs in to Entra: an exec plugin gets the token.
    Entra { tenant: &'a str },
}

/// The file, in YAML.
pub(super) fn render(names: &ClusterNames, endpoint: &ApiEndpoint, user: &User<'_>) -> String {
    let ClusterNames { name: cluster, group, .. } = names;
    let ca = STANDARD.encode(&endpoint.ca_pem);
    let server = &endpoint.server;
    // `az` itself appends `-admin` to an admin's context.
    let role = match user {
        User::Token { admin: true, .. } => "clusterAdmin",
        _ => "clusterUser",
    };
    let user_name = format!("{role}_{group}_{cluster}");
    let credential = match user {
        User::Token { token, .. } => format!("    token: {token}\n"),
        User::Entra { tenant } => format!(
            "    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - --environment
      - AzurePublicCloud
      - --server-id
      - {AKS_SERVER_APPLICATION}
      - --client-id
      - {AKS_CLIENT_APPLICATION}
      - --tenant-id
      - {tenant}
      - --login
      - devicecode
      command: kubelogin
      env: null
      installHint: kubelogin is not installed which is required to connect to AAD enabled cluster.
      provideClusterInfo: false
"
        ),
    };
    format!(
        "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: {server}
  name: {cluster}
contexts:
- context:
    cluster: {cluster}
    user: {user_name}
  name: {cluster}
current-context: {cluster}
kind: Config
preferences: {{}}
users:
- name: {user_name}
  user:
{credential}"
    )
}
