//! Continue tokens of our own: for going on behind a secret that no API server can decrypt, whose
//! page is never answered with a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

/// A token for the list of a namespace's secrets that goes on behind `name`, at the newest state.
///
/// Of the form that an API server gives itself, in the answer 410, when a list has expired: since
/// Kubernetes 1.8 base64 of a JSON object with the key to go on at, and -1 for the resource version.
pub(super) fn token_behind(name: &str) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": -1, "start": format!("{name}\0")});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_as_an_api_server_makes_it() {
        let token = URL_SAFE_NO_PAD.decode(token_behind("secret-1")).unwrap();
        let token: serde_json::Value = serde_json::from_slice(&token).unwrap();
        assert_eq!(token, json!({"v": "meta.k8s.io/v1", "rv": -1, "start": "secret-1\u{0}"}));
    }
}
