//! Lists in pages of 25 at most.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    http::{Answer, Outcome, Request},
    vault::Refusal,
};

/// Items of a page, unless the request wants fewer.
const LARGEST: usize = 25;

/// The page of a list that the request asks for.
pub(super) fn page(request: &Request, items: &[Value]) -> Outcome {
    let size = match request.query("maxresults") {
        None => LARGEST,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=LARGEST).contains(size))
            .ok_or_else(|| Refusal::bad_parameter("maxresults must be between 1 and 25"))?,
    };
    let start = match request.query("$skiptoken") {
        None => 0,
        Some(token) => position(token)
            .filter(|position| *position <= items.len())
            .ok_or_else(|| Refusal::bad_parameter("The $skiptoken is invalid."))?,
    };
    let end = (start + size).min(items.len());
    let next = (end < items.len()).then(|| {
        format!(
            "https://{}:443{}?api-version={}&$skiptoken={}&maxresults={size}",
            request.host,
            request.path,
            request.query("api-version").unwrap_or_default(),
            URL_SAFE_NO_PAD.encode(format!("from {end}")),
        )
    });
    Ok(Answer::ok(json!({ "value": items[start..end], "nextLink": next })))
}

fn position(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("from ")?.parse().ok()
}
