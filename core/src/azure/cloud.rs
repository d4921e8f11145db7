//! Which Azure: where its Resource Manager and its key vaults are, and where tokens may go.

use std::{fmt, str::FromStr};

use serde_json::Value;
use url::{Origin, Url};

use crate::{
    error::{Error, ErrorKind, Result},
    text::{LONGEST_NAME, one_line},
};

/// An Azure cloud.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cloud {
    /// Azure.
    #[default]
    Public,
    /// Azure US Government.
    UsGovernment,
    /// Azure operated by 21Vianet in China.
    China,
    /// Any other: its Resource Manager is asked for the rest (`GET /metadata/endpoints`).
    Custom {
        /// The https address of its Resource Manager.
        resource_manager: Url,
    },
}

impl FromStr for Cloud {
    type Err = Error;

    /// `public`, `us-government`, `china`, or the https address of a Resource Manager.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "public" => Ok(Self::Public),
            "us-government" => Ok(Self::UsGovernment),
            "china" => Ok(Self::China),
            address => Url::parse(address)
                .ok()
                .filter(is_plain_https)
                .map(|resource_manager| Self::Custom { resource_manager })
                .ok_or_else(|| invalid(address)),
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::UsGovernment => f.write_str("us-government"),
            Self::China => f.write_str("china"),
            Self::Custom { resource_manager } => write!(f, "{resource_manager}"),
        }
    }
}

impl Cloud {
    /// The endpoints, or the Resource Manager that is to be asked for them.
    pub(super) fn endpoints(&self) -> Result<CloudEndpoints, &Url> {
        let (resource_manager, authority, suffix) = match self.known() {
            Self::Public => {
                ("management.azure.com", "login.microsoftonline.com", "vault.azure.net")
            }
            Self::UsGovernment => (
                "management.usgovcloudapi.net",
                "login.microsoftonline.us",
                "vault.usgovcloudapi.net",
            ),
            Self::China => {
                ("management.chinacloudapi.cn", "login.chinacloudapi.cn", "vault.azure.cn")
            }
            Self::Custom { resource_manager } => return Err(resource_manager),
        };
        let address =
            |host| Url::parse(&format!("https://{host}/")).expect("the host is a literal");
        Ok(CloudEndpoints {
            resource_manager: address(resource_manager),
            resource_manager_scope: format!("https://{resource_manager}/.default"),
            authority: address(authority),
            key_vault_suffix: suffix.to_owned(),
        })
    }

    /// The cloud that a custom one's Resource Manager is of, where that is known.
    fn known(&self) -> &Self {
        let Self::Custom { resource_manager } = self else { return self };
        match resource_manager.host_str() {
            Some("management.azure.com") => &Self::Public,
            Some("management.usgovcloudapi.net") => &Self::UsGovernment,
            Some("management.chinacloudapi.cn") => &Self::China,
            _ => self,
        }
    }

    /// Refuses an address that a token must not be sent to.
    pub(super) fn validate(&self) -> Result<()> {
        match self {
            Self::Custom { resource_manager } if !is_plain_https(resource_manager) => {
                Err(invalid(resource_manager.as_str()))
            }
            _ => Ok(()),
        }
    }
}

fn invalid(cloud: &str) -> Error {
    let message = format!(
        "cloud is {cloud:?}; pass \"public\", \"us-government\", \"china\" or the https address \
         of a Resource Manager"
    );
    Error::new(ErrorKind::InvalidInput, message)
}

fn is_plain_https(url: &Url) -> bool {
    url.scheme() == "https"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

/// Whom a token is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Audience {
    ResourceManager,
    KeyVault,
}

/// Where the services of a cloud are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CloudEndpoints {
    pub(super) resource_manager: Url,
    pub(super) resource_manager_scope: String,
    /// Where tokens of this cloud come from. Nothing is ever sent there from here: a vault's
    /// challenge is compared with it.
    pub(super) authority: Url,
    /// What follows a vault's name in its host, such as `vault.azure.net`.
    pub(super) key_vault_suffix: String,
}

impl CloudEndpoints {
    pub(super) const METADATA_PATH: &str = "/metadata/endpoints";
    pub(super) const METADATA_API_VERSION: &str = "2022-09-01";

    /// Reads what `GET {resource_manager}/metadata/endpoints` answered.
    pub(super) fn from_metadata(resource_manager: &Url, metadata: &Value) -> Result<Self> {
        let missing = |field: &str| {
            let message = format!(
                "{resource_manager} does not say its {field}; pass the address of an Azure \
                 Resource Manager as cloud"
            );
            Error::new(ErrorKind::Unexpected, message)
        };
        let audiences = metadata
            .pointer("/authentication/audiences")
            .and_then(Value::as_array)
            .map(|audiences| audiences.iter().filter_map(Value::as_str).collect::<Vec<_>>())
            .unwrap_or_default();
        let is_own = |audience: &str| {
            Url::parse(audience).is_ok_and(|url| url.origin() == resource_manager.origin())
        };
        let own = audiences.iter().find(|audience| is_own(audience));
        let audience = own.or_else(|| audiences.first()).ok_or_else(|| missing("audiences"))?;
        if !is_own(audience) && !Url::parse(audience).is_ok_and(|url| is_of_nobody_known(&url)) {
            return Err(foreign(resource_manager, audience));
        }
        let authority = metadata
            .pointer("/authentication/loginEndpoint")
            .and_then(Value::as_str)
            .and_then(|text| Url::parse(text).ok())
            .ok_or_else(|| missing("login endpoint"))?;
        let key_vault_suffix = metadata
            .pointer("/suffixes/keyVaultDns")
            .and_then(Value::as_str)
            .map(|suffix| suffix.trim_matches('.').to_ascii_lowercase())
            .filter(|suffix| is_host(suffix))
            .ok_or_else(|| missing("key vault suffix"))?;
        Ok(Self {
            resource_manager: resource_manager.clone(),
            resource_manager_scope: format!("{}/.default", audience.trim_end_matches('/')),
            authority,
            key_vault_suffix,
        })
    }

    pub(super) fn key_vault_scope(&self) -> String {
        format!("https://{}/.default", self.key_vault_suffix)
    }

    /// Whose token may be sent to this address; `None`: nobody's.
    ///
    /// This is the one place that decides it. Resource Manager is one host and port; a vault is
    /// one label before the cloud's suffix, on the standard port.
    pub(super) fn audience_of(&self, url: &Url) -> Option<Audience> {
        if url.scheme() != "https" {
            return None;
        }
        if is_same(&url.origin(), &self.resource_manager) {
            return Some(Audience::ResourceManager);
        }
        let name = url.host_str()?.strip_suffix(&self.key_vault_suffix)?.strip_suffix('.')?;
        (!name.is_empty() && !name.contains('.') && url.port().is_none())
            .then_some(Audience::KeyVault)
    }

    /// Whether a challenge's `authorization` is this cloud's authority.
    pub(super) fn is_authority(&self, authorization: &Url) -> bool {
        authorization.scheme() == "https" && is_same(&authorization.origin(), &self.authority)
    }

    /// An address that Resource Manager gave to be asked next: taken as it is, or refused.
    pub(super) fn continuation(&self, text: &str) -> Result<Url> {
        Url::parse(text)
            .ok()
            .filter(|url| self.audience_of(url) == Some(Audience::ResourceManager))
            .ok_or_else(|| {
                let message = format!(
                    "Azure gave an address to ask next that is not https on {}; no token is \
                     sent there",
                    self.resource_manager.host_str().unwrap_or_default()
                );
                Error::new(ErrorKind::Unexpected, message)
            })
    }
}

/// Whether a text is a host, and nothing else.
fn is_host(text: &str) -> bool {
    let url = Url::parse(&format!("https://{text}/"));
    url.is_ok_and(|url| url.host_str() == Some(text) && url.path() == "/")
}

/// Domains of the clouds that are known, and of what else takes their tokens, such as Graph.
const KNOWN: &[&str] = &[
    "azure.cn",
    "azure.com",
    "azure.net",
    "azure.us",
    "chinacloudapi.cn",
    "microsoft.com",
    "microsoft.us",
    "microsoftonline.cn",
    "microsoftonline.com",
    "microsoftonline.us",
    "usgovcloudapi.net",
    "windows.net",
    "windowsazure.cn",
    "windowsazure.us",
];

/// Whether an https address is of none of the clouds that are known: whoever answers as a cloud's Resource
/// Manager must not choose that a token of another cloud is asked for, and sent to it. (Tokens for vaults
/// are sent to hosts of their audience only, so that one does not matter.)
fn is_of_nobody_known(url: &Url) -> bool {
    let Some(host) = url.host_str().filter(|_| url.scheme() == "https") else { return false };
    let host = host.trim_end_matches('.');
    let is_under = |domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !KNOWN.iter().any(|domain| is_under(domain))
}

fn foreign(resource_manager: &Url, named: &str) -> Error {
    let message = format!(
        "{resource_manager} says that tokens of its cloud are for {}, which is another cloud's; pass the address of \
         an Azure Resource Manager as cloud",
        one_line(named, LONGEST_NAME)
    );
    Error::new(ErrorKind::Unexpected, message)
}

fn is_same(origin: &Origin, url: &Url) -> bool {
    *origin == url.origin()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn public() -> CloudEndpoints {
        Cloud::Public.endpoints().unwrap()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_cloud_is_read_from_its_name_or_address_and_prints_as_it_was_written() {
        for name in ["public", "us-government", "china", "https://127.0.0.1:8443/"] {
            assert_eq!(name.parse::<Cloud>().unwrap().to_string(), name);
        }
        for wrong in
            ["", "Public", "http://127.0.0.1", "https://user@host", "https://host/path", "azure"]
        {
            let error = wrong.parse::<Cloud>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
            assert!(error.to_string().starts_with("cloud is"), "{error}");
        }
    }

    #[test]
    fn tokens_go_to_resource_manager_and_to_vaults_of_the_cloud_and_nowhere_else() {
        let endpoints = public();
        for (address, audience) in [
            ("https://management.azure.com/subscriptions", Some(Audience::ResourceManager)),
            ("https://MANAGEMENT.azure.com/subscriptions", Some(Audience::ResourceManager)),
            ("https://shop.vault.azure.net/keys/etcd", Some(Audience::KeyVault)),
            ("http://management.azure.com/subscriptions", None),
            ("https://management.azure.com:8443/subscriptions", None),
            ("https://management.azure.com.example.org/", None),
            ("https://management.azure.com@example.org/", None),
            ("http://shop.vault.azure.net/keys/etcd", None),
            ("https://shop.vault.azure.net:8443/keys/etcd", None),
            ("https://vault.azure.net/keys/etcd", None),
            ("https://shopvault.azure.net/keys/etcd", None),
            ("https://a.b.vault.azure.net/keys/etcd", None),
            ("https://shop.vault.azure.net.example.org/keys/etcd", None),
            ("https://shop.vault.azure.cn/keys/etcd", None),
            ("https://login.microsoftonline.com/", None),
        ] {
            assert_eq!(endpoints.audience_of(&url(address)), audience, "{address}");
        }
    }

    #[test]
    fn an_address_to_ask_next_is_taken_verbatim_or_refused() {
        let endpoints = public();
        let signed = "https://management.azure.com/a/b?t=1&c=MII%2Bx&s=x_y";
        assert_eq!(endpoints.continuation(signed).unwrap().as_str(), signed);
        for wrong in [
            "http://management.azure.com/a",
            "https://example.org/a",
            "/a",
            "https://shop.vault.azure.net/a",
        ] {
            let error = endpoints.continuation(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{wrong}");
        }
    }

    #[test]
    fn metadata_gives_audience_authority_and_suffix() {
        let resource_manager = url("https://127.0.0.1:8443");
        let metadata = json!({
            "name": "sim",
            "resourceManager": "https://127.0.0.1:8443",
            "authentication": {
                "loginEndpoint": "https://127.0.0.1:8444/",
                "audiences": ["https://management.core.example/", "https://127.0.0.1:8443/"]
            },
            "suffixes": { "keyVaultDns": ".Vault.Example" }
        });
        let endpoints = CloudEndpoints::from_metadata(&resource_manager, &metadata).unwrap();
        assert_eq!(endpoints.resource_manager_scope, "https://127.0.0.1:8443/.default");
        assert_eq!(endpoints.key_vault_scope(), "https://vault.example/.default");
        assert!(endpoints.is_authority(&url("https://127.0.0.1:8444/tenant")));
        assert!(!endpoints.is_authority(&url("https://127.0.0.1:8443/tenant")));
    }

    #[test]
    fn the_first_audience_serves_where_none_is_resource_manager_itself() {
        let metadata = json!({
            "authentication": {
                "loginEndpoint": "https://login.example",
                "audiences": ["https://management.core.example/"]
            },
            "suffixes": { "keyVaultDns": "vault.example" }
        });
        let endpoints =
            CloudEndpoints::from_metadata(&url("https://management.example"), &metadata).unwrap();
        assert_eq!(endpoints.resource_manager_scope, "https://management.core.example/.default");
    }

    #[test]
    fn metadata_chooses_no_token_of_another_cloud() {
        let resource_manager = url("https://management.example");
        let read = |audience: &str, suffix: &str| {
            let metadata = json!({
                "authentication": { "loginEndpoint": "https://login.example", "audiences": [audience] },
                "suffixes": { "keyVaultDns": suffix }
            });
            CloudEndpoints::from_metadata(&resource_manager, &metadata)
        };
        let (audience, suffix) =
            ("https://management.stack.onmicrosoft.com/3a0f", "vault.stack.example");
        assert!(read(audience, suffix).is_ok());
        for wrong in [
            "https://management.azure.com",
            "https://MANAGEMENT.core.windows.net./",
            "https://management.core.usgovcloudapi.net/",
            "https://graph.microsoft.com",
            "https://vault.azure.net",
            "https://login.microsoftonline.com",
            "00000003-0000-0000-c000-000000000000",
            "http://management.stack.example",
        ] {
            let error = read(wrong, suffix).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{wrong}");
            assert!(error.to_string().contains("another cloud"), "{error}");
        }
        for wrong in ["", ".", "a b", "x/y", "x@y", "x:8443", "x?y", "x#y"] {
            assert!(read(audience, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_address_of_a_known_cloud_is_that_cloud() {
        let custom: Cloud = "https://management.azure.com".parse().unwrap();
        assert_eq!(custom.endpoints().unwrap(), public());
    }

    #[test]
    fn metadata_that_lacks_something_names_it() {
        let resource_manager = url("https://management.example");
        let full = json!({
            "authentication": { "loginEndpoint": "https://login.example", "audiences": ["https://x"] },
            "suffixes": { "keyVaultDns": "vault.example" }
        });
        for (pointer, named) in [
            ("/authentication/audiences", "audiences"),
            ("/authentication/loginEndpoint", "login endpoint"),
            ("/suffixes/keyVaultDns", "key vault suffix"),
        ] {
            let mut metadata = full.clone();
            *metadata.pointer_mut(pointer).unwrap() = Value::Null;
            let error = CloudEndpoints::from_metadata(&resource_manager, &metadata).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
