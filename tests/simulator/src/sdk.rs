//! What Azure SDK for Rust clients need to reach a case: a transport and a credential.

use std::sync::Arc;

use azure_core::{
    cloud::CustomConfiguration,
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Transport},
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use crate::{Case, Fleet};

impl Case {
    /// A transport that trusts the simulator's authority and reaches vaults through its proxy.
    ///
    /// # Panics
    /// Never for a case that the simulator made: its authority and proxy are well-formed.
    #[must_use]
    pub fn transport(&self) -> Transport {
        transport(&self.ca, &self.proxy)
    }

    /// The case's application, with its client secret.
    ///
    /// # Panics
    /// Never for a case that the simulator made: its identifiers are well-formed.
    #[must_use]
    pub fn credential(&self) -> Arc<dyn TokenCredential> {
        let caller = (self.client_id.as_str(), self.client_secret.as_str());
        credential(&self.authority, &self.tenant_id, caller, self.transport())
    }
}

impl Fleet {
    /// A transport that trusts the simulator's authority and reaches vaults through its proxy.
    ///
    /// # Panics
    /// Never for a fleet that the simulator made: its authority and proxy are well-formed.
    #[must_use]
    pub fn transport(&self) -> Transport {
        transport(&self.ca, &self.proxy)
    }

    /// The fleet's application, with its client secret.
    ///
    /// # Panics
    /// Never for a fleet that the simulator made: its identifiers are well-formed.
    #[must_use]
    pub fn credential(&self) -> Arc<dyn TokenCredential> {
        let caller = (self.client_id.as_str(), self.client_secret.as_str());
        credential(&self.authority, &self.tenant_id, caller, self.transport())
    }
}

fn transport(ca: &str, proxy: &str) -> Transport {
    let client = reqwest::Certificate::from_pem(ca.as_bytes()).and_then(|authority| {
        reqwest::Client::builder()
            .tls_certs_only([authority])
            .proxy(reqwest::Proxy::https(proxy)?)
            .redirect(reqwest::redirect::Policy::none())
            .build()
    });
    Transport::new(Arc::new(client.expect("the simulator names a valid authority and proxy")))
}

fn credential(
    authority: &str,
    tenant: &str,
    (client, secret): (&str, &str),
    transport: Transport,
) -> Arc<dyn TokenCredential> {
    let mut cloud = CustomConfiguration::default();
    authority.clone_into(&mut cloud.authority_host);
    let options = ClientSecretCredentialOptions {
        client_options: ClientOptions {
            cloud: Some(Arc::new(cloud.into())),
            transport: Some(transport),
            ..ClientOptions::default()
        },
    };
    let secret = Secret::new(secret.to_owned());
    ClientSecretCredential::new(tenant, client.to_owned(), secret, Some(options))
        .expect("the simulator names a valid tenant and application")
}
