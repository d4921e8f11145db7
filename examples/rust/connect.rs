//! A program of one's own, signed in as an application: the state of a cluster, and what is wrong with it.
//!
//! ```sh
//! CLUSTER_ID=/subscriptions/… AZURE_TENANT_ID=… AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=… cargo run --example connect
//! ```
//!
//! Nothing here knows of the simulator. Its `env` sets these variables and those that lead to it:
//! `AZURE_RESOURCE_MANAGER` (the cloud), `AZURE_AUTHORITY_HOST` (of the credential), `HTTPS_PROXY` (to
//! vaults) and `SSL_CERT_FILE` (whose certificates are trusted).

use std::{
    env::{self, VarError},
    error::Error,
    io::Write,
};

use aks_kms::{Cloud, ClusterId, KmsManager, StatusOptions};
use azure_identity::ClientSecretCredential;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = ClusterId::parse(&variable("CLUSTER_ID")?)?;
    let cloud = match env::var("AZURE_RESOURCE_MANAGER") {
        Ok(address) => address.parse()?,
        Err(_) => Cloud::Public,
    };
    let secret = variable("AZURE_CLIENT_SECRET")?.into();
    let (tenant, client) = (variable("AZURE_TENANT_ID")?, variable("AZURE_CLIENT_ID")?);
    let credential = ClientSecretCredential::new(&tenant, client, secret, None)?;
    let manager = KmsManager::builder(cluster).cloud(cloud).credential(credential).build()?;
    let status = manager.status(StatusOptions::default()).await?;

    let mut out = std::io::stdout();
    match &status.key_id {
        Some(key_id) => writeln!(out, "KMS is on, with {key_id}")?,
        None => writeln!(out, "KMS is off")?,
    }
    for finding in &status.findings {
        writeln!(out, "{finding}")?;
    }
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error: VarError| format!("{name}: {error}"))
}
