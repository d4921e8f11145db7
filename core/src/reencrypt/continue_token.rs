//! Continue tokens of our own: for going on behind a secret that no API server can decrypt, whose
//! page is never answered with a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

/// A token for the list of a namespace's secrets that goes on behind `name`, at the newest state.
///
/// Of the form that an API server gives itself, in the response 410, when a list has expired: since
/// Kubernetes 1.8 base64 of a JSON object with the key to go on at, and -1 for the resource version.
pub(super) fn token_behind(name: &str) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": -1, "start": format!("{name}\0")});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

/// A token for the list of all secrets that goes on at `place`, a key or what is before one:
/// `<namespace>/<name>`.
pub(super) fn token_at(place: &str) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": -1, "start": place});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

/// The namespace of the last secret of the page of all secrets that an API server gave this token
/// with. Tables say names only: this is where a namespace is told without a value.
pub(super) fn namespace_in(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Token {
        start: String,
    }
    let token = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
    let token: Token = serde_json::from_slice(&token).ok()?;
    let (namespace, name) = token.start.trim_start_matches('/').split_once('/')?;
    (!namespace.is_empty() && !name.is_empty()).then(|| namespace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Seen, Target};

    #[test]
    fn a_token_is_as_an_api_server_makes_it() {
        let token = URL_SAFE_NO_PAD.decode(token_behind("secret-1")).unwrap();
        let token: serde_json::Value = serde_json::from_slice(&token).unwrap();
        assert_eq!(token, json!({"v": "meta.k8s.io/v1", "rv": -1, "start": "secret-1\u{0}"}));
    }

    #[test]
    fn fuzz_continue_tokens() {
        let given = ["/ghost-a/p-ghost-a\0", "team/a\0", "shop/a.b-c"];
        let documents = given.map(Vec::from).to_vec();
        let target = Target { name: "continue tokens", documents, read: 20, hidden: &[] };
        target.run(|input| {
            let place = String::from_utf8_lossy(input);
            // A token that is changed is hardly ever one: what is in it is, too.
            let inside = token_at(&place);
            let raw = URL_SAFE_NO_PAD.encode(input);
            for token in [&*place, &raw, &inside] {
                if let Some(namespace) = namespace_in(token) {
                    assert!(!namespace.is_empty() && !namespace.contains('/'));
                    let again = token_at(&format!("{namespace}/{}", token.len()));
                    assert_eq!(namespace_in(&again), Some(namespace));
                }
            }
            Seen::found(namespace_in(&inside))
        });
    }

    #[test]
    fn a_namespace_is_read_from_a_token() {
        // as kube-apiserver 1.36 gives it
        let given = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjI0LCJzdGFydCI6Ii9naG9zdC1hL3AtZ2hvc3QtYVx1MDAwMCJ9";
        assert_eq!(namespace_in(given).as_deref(), Some("ghost-a"));
        assert_eq!(namespace_in(&token_at("team/a\0")).as_deref(), Some("team"));
        for other in ["", "17", "e30", &token_at("team"), &token_at("/")] {
            assert_eq!(namespace_in(other), None, "{other}");
        }
    }
}
