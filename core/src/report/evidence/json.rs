//! The JSON that a document was made from, in a form that is the same bytes in every file.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ids::hex;

/// A value as JSON on one line of ASCII without `<`, `>`, `&`, apostrophes and backticks: it means the same to whoever
/// reads JSON, and lies in HTML and in Markdown as it is.
pub(super) fn plain_json(value: &impl Serialize) -> String {
    let compact = serde_json::to_string(value).unwrap_or_default();
    let mut plain = String::with_capacity(compact.len());
    for letter in compact.chars() {
        // Outside of strings JSON has none of these.
        if letter.is_ascii() && !matches!(letter, '<' | '>' | '&' | '\'' | '`' | '\u{7f}') {
            plain.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(plain, "\\u{unit:04x}");
        }
    }
    plain
}

/// SHA-256 of a text, in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_means_the_same_and_has_nothing_that_html_or_markdown_could_take_for_theirs() {
        let value = serde_json::json!({"a": "</pre><script>&amp;```|\u{7f}'é漢𝄞\u{2028}\"\\\n", "b": [0.0, 1.25]});
        let plain = plain_json(&value);
        assert!(plain.is_ascii() && !plain.contains(['<', '>', '&', '\'', '`', '\n']), "{plain}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), value);
        assert_eq!(plain_json(&"𝄞"), r#""\ud834\udd1e""#);
    }

    #[test]
    fn the_digest_is_sha_256_in_hexadecimal() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), of_abc);
    }
}
