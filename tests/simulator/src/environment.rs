//! A folder that points clients at a case: what `az`, the SDKs and shells read.

use std::{
    fs, io,
    path::{Path, absolute},
};

use crate::{Case, Simulator};

/// Writes into a folder, which is made if need be: `case.json`, the case and the administration; `ca.pem`, the certificate
/// authority; and last `env`, which sets the variables that clients go by when a shell reads it.
pub fn write(folder: &Path, simulator: &Simulator, case: &Case) -> io::Result<()> {
    let folder = absolute(folder)?;
    fs::create_dir_all(&folder)?;
    let authority = folder.join("ca.pem");
    fs::write(&authority, &case.ca)?;
    let mut document = serde_json::to_value(case)?;
    document["admin"] = simulator.admin().into();
    fs::write(folder.join("case.json"), format!("{document:#}"))?;

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
        ("RESOURCE_GROUP", group),
        ("CLUSTER", cluster),
        ("VAULT", vault),
        ("KEY_ID", oldest),
        ("NEW_KEY_ID", newest),
        ("SIMULATOR", simulator.admin()),
        ("CASE", &case.id),
    ];
    let lines = variables.map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    // Whoever waits for the file finds all of it.
    let unfinished = folder.join("env.unfinished");
    fs::write(&unfinished, lines.concat())?;
    fs::rename(unfinished, folder.join("env"))
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
