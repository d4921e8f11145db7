//! Key identifiers, as the services read them.

/// A parsed key id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyId {
    /// Host of the vault.
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
}

impl KeyId {
    /// Parses `https://<host>/keys/<name>[/<version>]`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, path) = text.strip_prefix("https://")?.split_once('/')?;
        let mut segments = path.split('/');
        if host.is_empty() || segments.next()? != "keys" {
            return None;
        }
        let name = segments.next().filter(|name| !name.is_empty())?;
        let version = segments.next();
        let whole = version.is_none_or(|version| {
            version.len() == 32 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        (whole && segments.next().is_none()).then(|| Self {
            host: host.to_ascii_lowercase(),
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }

    /// The key without its version.
    pub(crate) fn source(&self) -> String {
        format!("https://{}/keys/{}", self.host, self.name)
    }

    /// Name of the vault.
    pub(crate) fn vault(&self) -> &str {
        self.host.split('.').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_key_ids_are_read() {
        let version = "0123456789abcdef0123456789abcdef";
        let id = KeyId::parse(&format!("https://V.vault.azure.net/keys/k/{version}")).unwrap();
        assert_eq!((id.vault(), id.name.as_str()), ("v", "k"));
        assert_eq!(id.version.as_deref(), Some(version));
        assert_eq!(KeyId::parse("https://v.vault.azure.net/keys/k").unwrap().version, None);
        for text in [
            "http://v.vault.azure.net/keys/k",
            "https://v.vault.azure.net/secrets/k",
            "https://v.vault.azure.net/keys/",
            "https://v.vault.azure.net/keys/k/short",
            &format!("https://v.vault.azure.net/keys/k/{version}/"),
        ] {
            assert_eq!(KeyId::parse(text), None, "{text}");
        }
    }
}
