//! A folder that points clients at a case: what `az`, the SDKs and shells read.

use std::{
    io,
    path::{Path, absolute},
};

use crate::{Case, files};

/// Writes into a folder, which is made if need be: `case.json`, the case; `ca.pem`, the certificate authority;
/// `admin-header`, what requests to the administration show; and last `env`, which sets the variables that clients go
/// by when a shell reads it. Nobody else can read them, and a folder that others can use is refused.
pub fn write(folder: &Path, case: &Case) -> io::Result<()> {
    let folder = absolute(folder)?;
    files::own_folder(&folder)?;
    let authority = folder.join("ca.pem");
    files::write(&authority, case.ca.as_bytes())?;
    let document = serde_json::to_value(case)?;
    files::write(&folder.join("case.json"), format!("{document:#}").as_bytes())?;
    let admin_header = folder.join("admin-header");
    let header = format!("Authorization: Bearer {}\n", case.admin_token);
    files::write(&admin_header, header.as_bytes())?;

    let authority = authority.to_string_lossy();
    let config = folder.join("az");
    let [_, _, subscription, _, group, .., cluster] =
        case.cluster_id.split('/').collect::<Vec<_>>()[..]
    else {
        return Err(io::Error::other("the case's cluster has no resource id"));
    };
    let vault = case.key_vault_id.rsplit('/').next().unwrap_or_default();
    let newest = case.key_ids.last().map_or("", String::as_str);
    let oldest = case.key_ids.first().map_or("", String::as_str);
    let variables = [
        // of requests, so of az and the Python SDKs
        ("REQUESTS_CA_BUNDLE", &*authority),
        ("NODE_EXTRA_CA_CERTS", &authority),
        // of Rust, Go and OpenSSL
        ("SSL_CERT_FILE", &authority),
        // both spellings: some clients read the one, some prefer the other
        ("HTTPS_PROXY", &case.proxy),
        ("https_proxy", &case.proxy),
        // apart from the configuration for Azure itself
        ("AZURE_CONFIG_DIR", &config.to_string_lossy()),
        ("AZURE_AUTHORITY_HOST", &case.authority),
        ("AZURE_RESOURCE_MANAGER", &case.arm),
        ("AZURE_SUBSCRIPTION_ID", subscription),
        ("AZURE_TENANT_ID", &case.tenant_id),
        ("AZURE_CLIENT_ID", &case.client_id),
        ("AZURE_CLIENT_SECRET", &case.client_secret),
        ("AZURE_USERNAME", &case.user_name),
        ("AZURE_PASSWORD", &case.user_password),
        // of managed identities
        ("IDENTITY_ENDPOINT", &case.identity_endpoint),
        ("IDENTITY_HEADER", &case.identity_header),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &case.metadata_endpoint),
        ("RESOURCE_GROUP", group),
        ("CLUSTER", cluster),
        ("CLUSTER_ID", &case.cluster_id),
        ("VAULT", vault),
        ("KEY_ID", oldest),
        ("NEW_KEY_ID", newest),
        ("SIMULATOR", &case.admin),
        ("SIMULATOR_TOKEN", &case.admin_token),
        // of curl, whose arguments everybody on the machine can read
        ("SIMULATOR_HEADER", &admin_header.to_string_lossy()),
        ("CASE", &case.id),
    ];
    let lines = variables.map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    // Whoever waits for the file finds all of it.
    files::write(&folder.join("env"), lines.concat().as_bytes())
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_quoted_text_as_it_is() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
