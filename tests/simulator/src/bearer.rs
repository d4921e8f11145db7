//! Secrets that clients show to this process. They are compared in constant time: a stranger on the same machine
//! can measure well.

use std::{fmt, io};

use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};

/// A token that is made at random for as long as something is served.
#[derive(Clone)]
pub(crate) struct Bearer(String);

impl Bearer {
    /// Makes one.
    pub(crate) fn new() -> io::Result<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether a request shows it: `Authorization: Bearer …`.
    pub(crate) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = value.and_then(|value| value.split_once(' '));
        shown.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && same(token.trim(), &self.0)
        })
    }
}

/// Without the text.
impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer")
    }
}

/// Whether two texts are the same. How long that takes depends on their length only.
pub(crate) fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_taken() {
        let bearer = Bearer::new().unwrap();
        let shown = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer.is_shown(&headers)
        };
        let text = bearer.text();
        assert_eq!(text.len(), 43);
        assert!(shown(&format!("Bearer {text}")) && shown(&format!("bearer {text}")));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            text,
            &format!("Basic {text}"),
            &format!("Bearer {}", &text[1..]),
        ] {
            assert!(!shown(wrong));
        }
        assert!(!bearer.is_shown(&HeaderMap::new()));
        assert_ne!(Bearer::new().unwrap().text(), text);
        assert!(!format!("{bearer:?}").contains(text));
    }
}
