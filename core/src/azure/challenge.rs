//! What a vault says to whoever asks without a token.

use url::Url;

/// The `WWW-Authenticate` header of a 401: `Bearer authorization="https://<authority>/<tenant>", …`.
///
/// It is only ever compared: no token is asked for at an address that a service names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Challenge {
    pub(super) authorization: Url,
}

impl Challenge {
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return None;
        }
        parameters.split(',').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("authorization")
                .then(|| Url::parse(value.trim().trim_matches('"')).ok())
                .flatten()
                .map(|authorization| Self { authorization })
        })
    }

    /// The tenant that the vault belongs to.
    pub(super) fn tenant_id(&self) -> Option<&str> {
        self.authorization.path_segments()?.next().filter(|tenant| !tenant.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vaults_challenge_names_authority_and_tenant() {
        let challenge = Challenge::parse(
            r#"Bearer authorization="https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47", resource="https://vault.azure.net""#,
        )
        .unwrap();
        assert_eq!(challenge.authorization.host_str(), Some("login.microsoftonline.com"));
        assert_eq!(challenge.tenant_id(), Some("72f988bf-86f1-41af-91ab-2d7cd011db47"));
    }

    #[test]
    fn other_challenges_are_none() {
        for header in [
            "",
            "Bearer",
            "Basic realm=\"x\"",
            "Bearer authorization=\"not an address\"",
            "Bearer authorization_uri=\"https://login.windows.net/\", error=\"invalid_token\"",
        ] {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
        let without_tenant =
            Challenge::parse("Bearer authorization=https://login.example").unwrap();
        assert_eq!(without_tenant.tenant_id(), None);
    }
}
