//! Requests that cannot say anything of KMS data encryption, or do not: what becomes of it by them, and what
//! their answers show.

use serde_json::{Value, json};

use super::data_encryption::{Experience, PROFILE};
use crate::{given::WithoutProfile, http::Answer};

/// The first stable api-version that knows the profile, and the first preview.
const STABLE: &str = "2026-07-01";
const PREVIEW: &str = "2025-06-02-preview";

/// Whether an api-version knows the profile.
pub(crate) fn carries_profile(api_version: &str) -> bool {
    // They begin with a date.
    if api_version.ends_with("-preview") { api_version >= PREVIEW } else { api_version >= STABLE }
}

/// A cluster's document as an api-version shows it.
pub(crate) fn shown(mut document: Value, api_version: &str) -> Value {
    if !carries_profile(api_version)
        && let Some(Value::Object(security)) = document.pointer_mut("/properties/securityProfile")
    {
        security.remove(PROFILE);
    }
    document
}

/// Completes what a request asks for by what it could not say. Gives whether it said nothing.
pub(super) fn complete(
    wanted: &mut Value,
    stored: &Value,
    carries_profile: bool,
    rule: WithoutProfile,
) -> Result<bool, Answer> {
    let before = stored["properties"]["securityProfile"].clone();
    let whole = wanted["properties"]["securityProfile"].is_null();
    if !carries_profile
        && let Some(Value::Object(security)) = wanted.pointer_mut("/properties/securityProfile")
    {
        // What an api-version does not know is not read.
        security.remove(PROFILE);
    }
    if !Experience::of(stored).is_data_encryption() || (carries_profile && !whole) {
        return Ok(false);
    }
    match rule {
        WithoutProfile::Dropped => {}
        WithoutProfile::Refused => {
            let message = "KMS data encryption is enabled for this cluster: use an api-version of \
                           2026-07-01 or later, and send its securityProfile.";
            return Err(Answer::flat_error(400, "BadRequest", message));
        }
        WithoutProfile::Kept => {
            if whole {
                wanted["properties"]["securityProfile"] = json!({});
            }
            let security = &mut wanted["properties"]["securityProfile"];
            let kept = if whole { &["azureKeyVaultKms", PROFILE][..] } else { &[PROFILE][..] };
            for name in kept {
                if !before[*name].is_null() {
                    security[*name] = before[*name].clone();
                }
            }
        }
    }
    Ok(true)
}
