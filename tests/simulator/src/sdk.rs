//! What Azure SDK for Rust clients need to reach a case: a transport and a credential.

use std::sync::Arc;

use azure_core::{
    cloud::CustomConfiguration,
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Transport},
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use crate::Case;

impl Case {
    /// A transport that trusts the simulator's authority and reaches vaults through its proxy.
    ///
    /// # Panics
    /// Never for a case that the simulator made: its authority and proxy are well-formed.
    #[must_use]
    pub fn transport(&self) -> Transport {
        let client = reqwest::Certificate::from_pem(self.ca.as_bytes()).and_then(|authority| {
            reqwest::Client::builder()
                .tls_certs_only([authority])
                .proxy(reqwest::Proxy::https(&self.proxy)?)
                .redirect(reqwest::redirect::Policy::none())
                .build()
        });
        Transport::new(Arc::new(client.expect("a case names a valid authority and proxy")))
    }

    /// The case's application, with its client secret.
    ///
    /// # Panics
    /// Never for a case that the simulator made: its identifiers are well-formed.
    #[must_use]
    pub fn credential(&self) -> Arc<dyn TokenCredential> {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        let options = ClientSecretCredentialOptions {
            client_options: ClientOptions {
                cloud: Some(Arc::new(cloud.into())),
                transport: Some(self.transport()),
                ..ClientOptions::default()
            },
        };
        ClientSecretCredential::new(
            &self.tenant_id,
            self.client_id.clone(),
            Secret::new(self.client_secret.clone()),
            Some(options),
        )
        .expect("a case names a valid tenant and application")
    }
}
