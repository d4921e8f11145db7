//! The ways of a shell, with kubectl.

use std::{io, path::Path};

use tokio::process::Command;

use crate::child::{self, Ended};

/// The documented way: <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
pub const REPLACE: &str = "kubectl get secrets -A -o json | kubectl replace -f -";

/// The way of somebody who knows that an empty patch is enough, and has sixteen at a time.
pub const PATCH: &str = r#"kubectl get secrets -A --no-headers -o custom-columns=:metadata.namespace,:metadata.name |
xargs -n 2 -P 16 sh -c 'exec kubectl -n "$0" patch secret "$1" --type merge -p "{}"'"#;

/// Runs a script with kubectl from `folder`.
///
/// # Errors
/// It cannot be started, or fails.
pub async fn run(script: &str, folder: &Path, kubeconfig: &Path) -> io::Result<Ended> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let mut command = Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", script])
        .env("PATH", std::env::join_paths(folders).map_err(io::Error::other)?)
        .env("KUBECONFIG", kubeconfig)
        // where kubectl keeps what it has learnt of the API
        .env("KUBECACHEDIR", kubeconfig.with_extension("cache"));
    let ended = child::run(command, b"").await?;
    if ended.status.success() {
        Ok(ended)
    } else {
        Err(io::Error::other(format!("{script}: {}", ended.status)))
    }
}
