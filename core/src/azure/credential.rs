//! Credentials of a cluster's Kubernetes API, as Resource Manager hands them out.
//!
//! What Resource Manager gives is a kubeconfig. It is reduced to the server, its certificate
//! authority and the client's certificate or token. Commands in it are never run: where it has
//! one, the cluster takes Entra tokens, and [`Azure::entra_token`] gets one with the credential
//! that is there already.

use std::fmt;

use azure_core::{
    credentials::{Secret, SecretBytes},
    http::Method,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use kube::config::Kubeconfig;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{action::AzureAction, call::Call, client::Azure, error::unreadable};
use crate::{error::Result, ids::ClusterId, limits::LONGEST_KUBECONFIG};

/// Whose credential is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClusterRole {
    /// What the cluster lets users do.
    User,
    /// Everything. Refused where local accounts are disabled.
    Admin,
}

/// How to reach a cluster's Kubernetes API and be known there.
pub(crate) struct ClusterCredential {
    pub(crate) server: Url,
    /// The certificate authority of the server, in PEM form.
    pub(crate) ca_pem: Vec<u8>,
    /// The client's certificate and its key, in PEM form.
    pub(crate) client_certificate: Option<(Vec<u8>, SecretBytes)>,
    pub(crate) token: Option<Secret>,
    /// The cluster takes Entra tokens: get one with [`Azure::entra_token`].
    pub(crate) entra: bool,
}

impl fmt::Debug for ClusterCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterCredential")
            .field("server", &self.server.as_str())
            .field("entra", &self.entra)
            .finish_non_exhaustive()
    }
}

/// The parts of a kubeconfig that are used.
#[derive(Deserialize)]
struct Parts {
    clusters: Vec<NamedServer>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedServer {
    cluster: Server,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Server {
    server: String,
    certificate_authority_data: String,
}

#[derive(Deserialize)]
struct NamedUser {
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    exec: Option<Value>,
    auth_provider: Option<Value>,
}

impl Azure {
    /// Asks Resource Manager for a credential of the cluster.
    pub(crate) async fn cluster_credential(
        &self,
        cluster: &ClusterId,
        role: ClusterRole,
    ) -> Result<ClusterCredential> {
        let (path, action) = match role {
            ClusterRole::User => ("/listClusterUserCredential", AzureAction::GetUserCredential),
            ClusterRole::Admin => ("/listClusterAdminCredential", AzureAction::GetAdminCredential),
        };
        let target = self.managed_cluster_path(cluster, path);
        let what = format!("get a Kubernetes credential of managed cluster {cluster}");
        let call = Call::new(Method::Post, target, what, action);
        let response = self.send(&call).await?.json(&call.what)?;
        let encoded = response.pointer("/kubeconfigs/0/value").and_then(Value::as_str);
        encoded
            .ok_or("it has no kubeconfig")
            .and_then(parse)
            .map_err(|problem| unreadable(&call.what, problem))
    }
}

/// Reduces a kubeconfig in base64. Problems are fixed texts: what is wrong may be a secret.
fn parse(encoded: &str) -> Result<ClusterCredential, &'static str> {
    if encoded.len() > LONGEST_KUBECONFIG {
        return Err("the kubeconfig is longer than any");
    }
    let text = decode(encoded)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or("the kubeconfig is not base64")?;
    let parts: Parts = Kubeconfig::from_yaml(&text)
        .ok()
        .and_then(|config| serde_json::to_value(config).ok())
        .and_then(|config| serde_json::from_value(config).ok())
        .ok_or(
            "the kubeconfig has no cluster with a server and a certificate authority, or no user",
        )?;
    let ([NamedServer { cluster }], [NamedUser { user }]) = (&parts.clusters[..], &parts.users[..])
    else {
        return Err("the kubeconfig is not of one cluster and one user");
    };
    let server = Url::parse(&cluster.server)
        .ok()
        .filter(|server| server.scheme() == "https")
        .ok_or("the kubeconfig's server is not https")?;
    let client_certificate = match (&user.client_certificate_data, &user.client_key_data) {
        (Some(certificate), Some(key)) => Some((
            decode(certificate).ok_or("the client certificate is not base64")?,
            SecretBytes::new(decode(key).ok_or("the client key is not base64")?),
        )),
        _ => None,
    };
    Ok(ClusterCredential {
        server,
        ca_pem: decode(&cluster.certificate_authority_data)
            .ok_or("the certificate authority is not base64")?,
        client_certificate,
        token: user.token.clone().filter(|token| !token.is_empty()).map(Secret::from),
        entra: user.exec.is_some() || user.auth_provider.is_some(),
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        azure::testing::{FakeAzure, cluster_id, json_reply},
        error::ErrorKind,
        testing::{Seen, Target},
    };

    const SECRETS: [&str; 3] = ["needle-token", "needle-key", "needle-certificate"];

    fn base64(text: &str) -> String {
        BASE64_STANDARD.encode(text)
    }

    fn kubeconfig(user: &str) -> String {
        let authority = base64("-----BEGIN CERTIFICATE-----");
        base64(&format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: prod\n\
             clusters:\n- name: prod\n  cluster:\n    server: https://prod-1.hcp.westeurope.azmk8s.io:443\n    certificate-authority-data: {authority}\n\
             contexts:\n- name: prod\n  context: {{cluster: prod, user: u}}\n\
             users:\n- name: u\n  user:\n{user}"
        ))
    }

    #[test]
    fn a_local_account_gives_certificate_and_token() {
        let user = format!(
            "    client-certificate-data: {}\n    client-key-data: {}\n    token: needle-token\n",
            base64("needle-certificate"),
            base64("needle-key")
        );
        let credential = parse(&kubeconfig(&user)).unwrap();
        assert_eq!(credential.server.as_str(), "https://prod-1.hcp.westeurope.azmk8s.io/");
        assert_eq!(credential.ca_pem, b"-----BEGIN CERTIFICATE-----");
        let (certificate, key) = credential.client_certificate.as_ref().unwrap();
        assert_eq!(
            (&certificate[..], key.bytes()),
            (&b"needle-certificate"[..], &b"needle-key"[..])
        );
        assert_eq!(credential.token.as_ref().unwrap().secret(), "needle-token");
        assert!(!credential.entra);
        let shown = format!("{credential:?}");
        for secret in SECRETS {
            assert!(!shown.contains(secret) && !shown.contains(&base64(secret)), "{shown}");
        }
    }

    #[test]
    fn an_entra_cluster_is_told_by_its_plugin_which_is_not_run() {
        let exec = "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: /bin/false\n      args: [get-token]\n";
        let provider = "    auth-provider:\n      name: azure\n      config: {apiserver-id: x}\n";
        for user in [exec, provider] {
            let credential = parse(&kubeconfig(user)).unwrap();
            assert!(credential.entra, "{user}");
            assert!(credential.client_certificate.is_none() && credential.token.is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let http = base64(
            "clusters:\n- name: a\n  cluster: {server: 'http://needle-token', certificate-authority-data: YQ==}\nusers:\n- name: u\n  user: {}\n",
        );
        let no_authority = base64(
            "clusters:\n- name: a\n  cluster: {server: 'https://a'}\nusers:\n- name: u\n  user: {token: needle-token}\n",
        );
        let no_user = base64(
            "clusters:\n- name: a\n  cluster: {server: 'https://a', certificate-authority-data: YQ==}\n",
        );
        let bad_key =
            kubeconfig("    client-certificate-data: YQ==\n    client-key-data: needle-key!\n");
        for wrong in [
            "",
            "needle-token!",
            &base64("token: [needle-token"),
            &http,
            &no_authority,
            &no_user,
            &bad_key,
        ] {
            let problem = parse(wrong).unwrap_err();
            assert!(!problem.contains("needle"), "{problem}");
        }
    }

    #[test]
    fn a_kubeconfig_longer_than_any_is_not_read() {
        let users = "- name: u\n".repeat(LONGEST_KUBECONFIG / 13);
        let long = base64(&format!("apiVersion: v1\nkind: Config\nusers:\n{users}"));
        assert!(long.len() > LONGEST_KUBECONFIG);
        let mut problem = None;
        let cost = allocation_counter::measure(|| problem = parse(&long).err());
        assert_eq!(problem, Some("the kubeconfig is longer than any"));
        assert!(cost.bytes_max < 1_000, "{}", cost.bytes_max);
    }

    #[test]
    fn fuzz_kubeconfigs() {
        let certificate = base64("needle-certificate");
        let local = format!(
            "    client-certificate-data: {certificate}\n    client-key-data: {}\n    token: needle-token\n",
            base64("needle-key")
        );
        let exec = "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: /bin/false\n";
        let yaml = [local.as_str(), exec].map(|user| decode(&kubeconfig(user)).unwrap());
        let json = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "prod",
            "clusters": [{"name": "prod", "cluster": {"server": "https://prod-1.hcp.westeurope.azmk8s.io:443",
                "certificate-authority-data": "YQ=="}}],
            "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "needle-token"}}],
        });
        let documents = yaml.into_iter().chain([json.to_string().into_bytes()]).collect();
        let target = Target { name: "kubeconfigs", documents, read: 10, hidden: &["needle"] };
        target.run(|input| {
            let whole = parse(&BASE64_STANDARD.encode(input));
            if let Ok(credential) = &whole {
                assert_eq!(credential.server.scheme(), "https");
                assert!(!format!("{credential:?}").contains("needle"));
            }
            let _ = parse(&String::from_utf8_lossy(input))
                .map_err(|problem| assert!(!problem.contains("needle")));
            Seen::of(whole)
        });
    }

    #[tokio::test]
    async fn each_role_asks_for_its_own_credential() {
        for (role, path) in [
            (ClusterRole::User, "/managedClusters/prod/listClusterUserCredential"),
            (ClusterRole::Admin, "/managedClusters/prod/listClusterAdminCredential"),
        ] {
            let fake = FakeAzure::default();
            let response = json!({"kubeconfigs": [{"name": "clusterUser", "value": kubeconfig("    token: t\n")}]});
            fake.on(Method::Post, path, [json_reply(200, response)]);
            fake.client().cluster_credential(&cluster_id(), role).await.unwrap();
            assert_eq!(fake.seen()[0].url.query(), Some("api-version=2026-08-01"));
        }
    }

    #[tokio::test]
    async fn a_refusal_names_the_permission() {
        let fake = FakeAzure::default();
        fake.on(Method::Post, "/listClusterAdminCredential", [json_reply(403, json!({}))]);
        let error =
            fake.client().cluster_credential(&cluster_id(), ClusterRole::Admin).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.to_string().contains("listClusterAdminCredential/action"), "{error}");
    }

    #[tokio::test]
    async fn kubernetes_tokens_are_of_the_application_of_aks() {
        let fake = FakeAzure::default();
        fake.client().entra_token().await.unwrap();
        assert_eq!(fake.scopes(), ["6dae42f8-4368-4678-94ff-3960e28e3630/.default"]);
    }
}
