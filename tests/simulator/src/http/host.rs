//! What requests must call a listener.
//!
//! A web page can make its own name lead to 127.0.0.1, and a browser on this machine then takes the page's
//! requests to every port here for the page's own. Such requests name the page's host.

use http::{HeaderMap, Uri, header};

use crate::names::VAULT_SUFFIX;

/// Misdirected Request.
pub(crate) const MISDIRECTED: u16 = 421;

/// The names of a listener on loopback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosts {
    port: u16,
    /// Also vaults, and what the CONNECT proxy leads here from port 443.
    azure: bool,
}

impl Hosts {
    /// 127.0.0.1 and localhost, at this port.
    pub(crate) fn loopback(port: u16) -> Self {
        Self { port, azure: false }
    }

    /// The same, and Azure's names at Azure's port.
    pub(crate) fn azure(port: u16) -> Self {
        Self { port, azure: true }
    }

    /// Refuses a request that does not name this listener, and nothing else.
    pub(crate) fn check(self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        let mut named = headers.get_all(header::HOST).iter();
        let (first, another) = (named.next(), named.next());
        let first = first.and_then(|host| host.to_str().ok());
        let fits = another.is_none()
            && first.is_some_and(|host| self.has(host))
            && uri.authority().is_none_or(|authority| self.has(authority.as_str()));
        if fits {
            return Ok(());
        }
        let Self { port, azure } = self;
        let vaults =
            if azure { format!(", or a vault's host under {VAULT_SUFFIX}") } else { String::new() };
        Err(format!(
            "The Host header must name this service: 127.0.0.1:{port} or localhost:{port}{vaults}."
        ))
    }

    /// Whether this is a name of the listener.
    pub(super) fn has(self, authority: &str) -> bool {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (authority, Some(443)),
        };
        let host = host.to_ascii_lowercase();
        let is_vault = host.strip_suffix(VAULT_SUFFIX).is_some_and(|rest| {
            rest.strip_suffix('.').is_some_and(|vault| !vault.is_empty() && !vault.contains('.'))
        });
        let known = matches!(host.as_str(), "127.0.0.1" | "localhost") || (self.azure && is_vault);
        known && (port == Some(self.port) || (self.azure && port == Some(443)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_has_its_own_names_at_its_own_port() {
        let (loopback, azure) = (Hosts::loopback(8000), Hosts::azure(8000));
        for host in ["127.0.0.1:8000", "localhost:8000", "LocalHost:8000"] {
            assert!(loopback.has(host) && azure.has(host), "{host}");
        }
        for host in
            ["127.0.0.1", "localhost:443", "kv-1.vault.azure.net", "KV-1.vault.azure.net:443"]
        {
            assert!(!loopback.has(host) && azure.has(host), "{host}");
        }
        for host in [
            "",
            ":8000",
            "127.0.0.1:8001",
            "127.0.0.1:",
            "127.0.0.1:8000x",
            "127.0.0.1.:8000",
            "127.0.0.1.page.example:8000",
            "page.example:8000",
            "page.example",
            "vault.azure.net",
            ".vault.azure.net",
            "a.b.vault.azure.net",
            "xvault.azure.net",
            "kv-1.vault.azure.net.page.example",
            "user@127.0.0.1:8000",
            "[::1]:8000",
        ] {
            assert!(!loopback.has(host) && !azure.has(host), "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let hosts = Hosts::loopback(8000);
        let check = |target: &str, names: &[&str]| {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(header::HOST, name.parse().unwrap());
            }
            hosts.check(&target.parse().unwrap(), &headers).is_ok()
        };
        assert!(check("/", &["127.0.0.1:8000"]));
        assert!(check("http://localhost:8000/", &["127.0.0.1:8000"]));
        assert!(!check("http://page.example/", &["127.0.0.1:8000"]));
        assert!(!check("/", &["127.0.0.1:8000", "page.example"]));
        assert!(!check("/", &[]));
    }
}
