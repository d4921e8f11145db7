//! Paths of the Kubernetes API.

use std::fmt::Write as _;

/// Path of the secrets of a namespace.
pub(crate) fn secrets_path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{}/secrets", segment(namespace))
}

/// Path of the secrets of all namespaces, also of those that are gone.
pub(crate) fn all_secrets_path() -> String {
    "/api/v1/secrets".to_owned()
}

/// Path of a secret.
pub(crate) fn secret_path(namespace: &str, name: &str) -> String {
    format!("{}/{}", secrets_path(namespace), segment(name))
}

/// Path of the namespaces.
pub(crate) fn namespaces_path() -> String {
    "/api/v1/namespaces".to_owned()
}

/// Path of a namespace.
pub(in crate::kubernetes) fn namespace_path(name: &str) -> String {
    format!("{}/{}", namespaces_path(), segment(name))
}

/// Path of the config maps of a namespace.
pub(in crate::kubernetes) fn config_maps_path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{}/configmaps", segment(namespace))
}

/// Path of a config map.
pub(in crate::kubernetes) fn config_map_path(namespace: &str, name: &str) -> String {
    format!("{}/{}", config_maps_path(namespace), segment(name))
}

/// Path of the Leases of a namespace.
pub(in crate::kubernetes) fn leases_path(namespace: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", segment(namespace))
}

/// Path of a Lease.
pub(in crate::kubernetes) fn lease_path(namespace: &str, name: &str) -> String {
    format!("{}/{}", leases_path(namespace), segment(name))
}

/// A path with a query; values are encoded.
pub(crate) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let mut text = format!("{path}?");
    for (index, (name, value)) in query.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(&segment(value));
    }
    text
}

/// A path of a list in table form that shows nothing of the objects but their printed columns.
pub(crate) fn value_free_list(path: &str, limit: u32, continue_token: Option<&str>) -> String {
    let limit = limit.to_string();
    let mut query = vec![("includeObject", "None"), ("limit", limit.as_str())];
    if let Some(token) = continue_token {
        query.push(("continue", token));
    }
    with_query(path, &query)
}

/// Percent-encodes all that is not unreserved: a name never becomes part of the path's structure.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        assert_eq!(secret_path("team-a", "tls.crt"), "/api/v1/namespaces/team-a/secrets/tls.crt");
        assert_eq!(secrets_path("a/b?c"), "/api/v1/namespaces/a%2Fb%3Fc/secrets");
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(
            value_free_list("/x", 500, Some("a+b=")),
            "/x?includeObject=None&limit=500&continue=a%2Bb%3D"
        );
    }
}
