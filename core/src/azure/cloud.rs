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
#[path = "cloud_tests.rs"]
mod tests;
