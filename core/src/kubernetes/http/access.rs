//! Who speaks to which API server: from what the caller chose to a `kube::Config`.

use std::{fmt, net::IpAddr, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use kube::{
    Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::error::{Error, ErrorKind, Result};

/// How the cluster's Kubernetes API is reached, and as whom.
///
/// Default: [`ClusterUser`](Self::ClusterUser).
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum KubernetesAccess {
    /// The user credential that Azure gives (`listClusterUserCredential`). On clusters with
    /// Entra ID, tokens come from the manager's Azure credential; no `kubelogin` is needed.
    #[default]
    ClusterUser,
    /// The admin credential that Azure gives (`listClusterAdminCredential`). Clusters without
    /// local accounts refuse it.
    ClusterAdmin,
    /// The service account of the pod that this runs in.
    InCluster,
    /// A kubeconfig file. Its credential plugins are run.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context to use. Default: the file's current context.
        context: Option<String>,
    },
    /// A configuration of the caller's own.
    Config(Box<Config>),
}

impl fmt::Debug for KubernetesAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterUser => f.write_str("ClusterUser"),
            Self::ClusterAdmin => f.write_str("ClusterAdmin"),
            Self::InCluster => f.write_str("InCluster"),
            Self::Kubeconfig { path, context } => {
                f.debug_struct("Kubeconfig").field("path", path).field("context", context).finish()
            }
            Self::Config(config) => {
                f.debug_tuple("Config").field(&config.cluster_url.host()).finish()
            }
        }
    }
}

impl KubernetesAccess {
    /// Where this access leads to. `None`: Azure is to be asked for a [`ClusterEndpoint`].
    pub(crate) async fn destination(&self) -> Result<Option<Destination>> {
        let destination = match self {
            Self::ClusterUser | Self::ClusterAdmin => return Ok(None),
            Self::InCluster => Destination::direct(Config::incluster().map_err(|error| {
                let message = format!(
                    "Kubernetes access \"in-cluster\" only works in a pod with a service account: \
                     {error}"
                );
                Error::new(ErrorKind::InvalidInput, message)
            })?),
            Self::Kubeconfig { path, context } => from_file(path, context.as_deref()).await?,
            Self::Config(config) => {
                let config = config.as_ref().clone();
                let proxy = config.proxy_url.as_ref().map(|proxy| own_proxy(proxy, &config));
                Destination { proxy: proxy.transpose()?, config }
            }
        };
        destination.checked().map(Some)
    }
}

/// An API server and how it is reached.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(super) config: Config,
    pub(super) proxy: Option<Intercept>,
}

impl Destination {
    fn direct(config: Config) -> Self {
        Self { config, proxy: None }
    }

    /// A token is only ever sent over a verified TLS connection.
    fn checked(self) -> Result<Self> {
        let url = &self.config.cluster_url;
        if url.scheme_str() != Some("https") || url.host().is_none() {
            // Not the address itself, which may have a password in it.
            let message = "the API server's address must be an https URL with a host";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        if self.config.accept_invalid_certs {
            let message = "the kubeconfig says insecure-skip-tls-verify: the API server's \
                           certificate is always verified here; give its certificate authority \
                           instead";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(self)
    }
}

/// What Azure's cluster credential says, reduced to what is needed to connect.
///
/// A credential plugin in it is never run: on Entra clusters a
/// [`TokenSource`](super::TokenSource) takes its place.
#[derive(Clone)]
pub(crate) struct ClusterEndpoint {
    /// URL of the API server.
    pub(crate) server: String,
    /// The certificate authorities of the API server.
    pub(crate) ca_pem: Vec<u8>,
    /// The client's certificate and its key.
    pub(crate) client_certificate_pem: Option<(Vec<u8>, Vec<u8>)>,
    /// A fixed token.
    pub(crate) token: Option<String>,
}

impl fmt::Debug for ClusterEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterEndpoint")
            .field("server", &self.server)
            .field("client_certificate", &self.client_certificate_pem.is_some())
            .field("token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

impl ClusterEndpoint {
    /// Where this endpoint is.
    pub(crate) fn destination(&self) -> Result<Destination> {
        let unexpected_response = |what: &str| {
            let message = format!("Azure's cluster credential holds no usable {what}");
            Error::new(ErrorKind::Unexpected, message)
        };
        let url: Uri =
            self.server.parse().map_err(|_| unexpected_response("API server address"))?;
        let roots = CertificateDer::pem_slice_iter(&self.ca_pem)
            .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| unexpected_response("certificate authority"))?;
        if roots.is_empty() {
            return Err(unexpected_response("certificate authority"));
        }
        let mut auth_info = AuthInfo::default();
        if let Some((certificate, key)) = &self.client_certificate_pem {
            auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
            auth_info.client_key_data = Some(STANDARD.encode(key).into());
        }
        auth_info.token = self.token.clone().map(Into::into);

        let proxy = environment_proxy(&url);
        let mut config = Config::new(url);
        config.root_cert = Some(roots);
        config.auth_info = auth_info;
        Destination { config, proxy }.checked()
    }
}

async fn from_file(path: &std::path::Path, context: Option<&str>) -> Result<Destination> {
    let failed = |error: &KubeconfigError| {
        let message = format!("the kubeconfig {} {}", path.display(), kubeconfig_problem(error));
        Error::new(ErrorKind::InvalidInput, message)
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
    let has_proxy = names_proxy(&kubeconfig, context);
    let options =
        KubeConfigOptions { context: context.map(ToOwned::to_owned), cluster: None, user: None };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| failed(&error))?;
    // kube compares NO_PROXY with the proxy's own address instead of the cluster's, so the
    // environment is read here.
    let proxy = match &config.proxy_url {
        Some(proxy) if has_proxy => Some(own_proxy(proxy, &config)?),
        _ => environment_proxy(&config.cluster_url),
    };
    Ok(Destination { config, proxy })
}

/// Whether the context's cluster has a `proxy-url` of its own.
fn names_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> bool {
    let Some(name) = context.or(kubeconfig.current_context.as_deref()) else { return false };
    let context = kubeconfig.contexts.iter().find(|named| named.name == name);
    let Some(context) = context.and_then(|named| named.context.as_ref()) else { return false };
    kubeconfig
        .clusters
        .iter()
        .find(|named| named.name == context.cluster)
        .and_then(|named| named.cluster.as_ref())
        .and_then(|cluster| cluster.proxy_url.as_deref())
        .is_some_and(|proxy| !proxy.is_empty())
}

/// The problem in words that never repeat the file's content.
fn kubeconfig_problem(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(error, _) => format!("cannot be read: {error}"),
        KubeconfigError::Parse(_) => "is not a valid kubeconfig".to_owned(),
        KubeconfigError::CurrentContextNotSet => {
            "has no current context: name the context to use".to_owned()
        }
        KubeconfigError::LoadContext(name) => format!("has no context \"{name}\""),
        KubeconfigError::LoadClusterOfContext(name) => format!("has no cluster \"{name}\""),
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "has no usable API server address".to_owned()
        }
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "has no readable certificate authority".to_owned()
        }
        _ => "cannot be used".to_owned(),
    }
}

/// The proxy that a configuration names itself: `NO_PROXY` does not concern it.
fn own_proxy(proxy: &Uri, config: &Config) -> Result<Intercept> {
    let proxy = Matcher::builder().all(proxy.to_string()).build().intercept(&config.cluster_url);
    let message = "the proxy of the Kubernetes configuration is not a usable URL";
    proxy.ok_or_else(|| Error::new(ErrorKind::InvalidInput, message))
}

/// The proxy that `HTTPS_PROXY` and `NO_PROXY` ask for. As for kubectl, loopback has none.
fn environment_proxy(url: &Uri) -> Option<Intercept> {
    let host = url.host()?.trim_start_matches('[').trim_end_matches(']');
    let loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback { None } else { Matcher::from_env().intercept(url) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aks_kms_simulator::tls::Authority;

    use super::*;

    fn endpoint() -> ClusterEndpoint {
        let authority = Authority::new().unwrap();
        let (certificate, key) = authority.issue(&["client"]).unwrap();
        ClusterEndpoint {
            server: "https://kms-test.hcp.westeurope.azmk8s.io:443".to_owned(),
            ca_pem: authority.ca_pem().as_bytes().to_vec(),
            client_certificate_pem: Some((certificate.into_bytes(), key.into_bytes())),
            token: Some("very-secret-token".to_owned()),
        }
    }

    #[test]
    fn an_endpoint_becomes_a_configuration_with_its_authority_and_certificate() {
        let destination = endpoint().destination().unwrap();
        assert_eq!(
            destination.config.cluster_url.host(),
            Some("kms-test.hcp.westeurope.azmk8s.io")
        );
        assert_eq!(destination.config.root_cert.unwrap().len(), 1);
        assert!(destination.config.auth_info.client_key_data.is_some());
        assert!(destination.config.auth_info.exec.is_none());
    }

    #[test]
    fn an_endpoint_without_tls_or_authority_is_refused() {
        for (server, ca) in
            [("http://kms-test:80", None), ("https://kms-test", Some("")), ("", None)]
        {
            let mut endpoint = endpoint();
            server.clone_into(&mut endpoint.server);
            if let Some(ca) = ca {
                endpoint.ca_pem = ca.as_bytes().to_vec();
            }
            assert!(endpoint.destination().is_err(), "{server}");
        }
    }

    #[test]
    fn debug_never_shows_a_credential() {
        let endpoint = endpoint();
        let shown = format!("{endpoint:?}");
        assert!(!shown.contains("very-secret-token") && !shown.contains("PRIVATE KEY"), "{shown}");

        let mut config = Config::new("https://kms-test".parse().unwrap());
        config.auth_info.username = Some("root".to_owned());
        config.proxy_url = Some("http://user:very-secret@proxy".parse().unwrap());
        let shown = format!("{:?}", KubernetesAccess::Config(Box::new(config)));
        assert_eq!(shown, r#"Config(Some("kms-test"))"#);
    }

    fn kubeconfig(cluster: &str) -> (tempfile::TempDir, KubernetesAccess) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
             contexts: [{{name: one, context: {{cluster: one, user: one}}}}]\n\
             clusters: [{{name: one, cluster: {{{cluster}}}}}]\n\
             users: [{{name: one, user: {{token: very-secret-token}}}}]\n"
        );
        fs::write(&path, text).unwrap();
        (folder, KubernetesAccess::Kubeconfig { path, context: None })
    }

    #[tokio::test]
    async fn a_kubeconfig_file_is_read() {
        let (_folder, access) = kubeconfig("server: 'https://10.0.0.1:6443'");
        let destination = access.destination().await.unwrap().unwrap();
        assert_eq!(destination.config.cluster_url, "https://10.0.0.1:6443/");
    }

    #[tokio::test]
    async fn a_proxy_of_the_kubeconfig_is_used_and_its_password_kept_out_of_debug() {
        let (_folder, access) = kubeconfig(
            "server: 'https://10.0.0.1', proxy-url: 'http://user:very-secret@proxy:3128'",
        );
        let proxy = access.destination().await.unwrap().unwrap().proxy.unwrap();
        assert_eq!(proxy.uri().host(), Some("proxy"));
        assert!(proxy.basic_auth().is_some());
        assert!(!format!("{proxy:?}").contains("very-secret"));
    }

    #[tokio::test]
    async fn a_kubeconfig_that_skips_verification_is_refused() {
        let (_folder, access) =
            kubeconfig("server: 'https://10.0.0.1', insecure-skip-tls-verify: true");
        let error = access.destination().await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("insecure-skip-tls-verify"));
    }

    #[tokio::test]
    async fn a_broken_kubeconfig_is_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "users: [{name: a, user: {token: [very-secret-token}}]").unwrap();
        let access = KubernetesAccess::Kubeconfig { path, context: None };
        let error = access.destination().await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!format!("{error:?}").contains("very-secret-token"), "{error:?}");
    }

    #[tokio::test]
    async fn an_unknown_context_is_named() {
        let (_folder, access) = kubeconfig("server: 'https://10.0.0.1'");
        let KubernetesAccess::Kubeconfig { path, .. } = access else { unreachable!() };
        let access = KubernetesAccess::Kubeconfig { path, context: Some("other".to_owned()) };
        let error = access.destination().await.err().unwrap();
        assert!(error.to_string().contains("\"other\""), "{error}");
    }

    #[tokio::test]
    async fn azure_access_has_no_destination_of_its_own() {
        assert!(KubernetesAccess::default().destination().await.unwrap().is_none());
    }

    #[test]
    fn loopback_needs_no_proxy() {
        for url in ["https://127.0.0.1:6443", "https://localhost", "https://[::1]:6443"] {
            assert!(environment_proxy(&url.parse().unwrap()).is_none(), "{url}");
        }
    }
}
