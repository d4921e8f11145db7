//! What Entra and the cloud answer to clients that have no token yet.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    sign_in::{Denial, token},
    user,
};
use crate::{
    http::{Answer, Request},
    names::VAULT_SUFFIX,
    region::Region,
};

/// Answers discovery and token requests; `None`: the path is another service's.
pub(crate) fn serve(region: &Region, request: &Request) -> Option<Answer> {
    let segments = request.lower_segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answer = match segments.as_slice() {
        ["metadata", "endpoints"] => Answer::ok(cloud(region)),
        [tenant, "v2.0", ".well-known", "openid-configuration"] => {
            known_tenant(region, tenant).unwrap_or_else(|| Answer::ok(openid(region, tenant)))
        }
        [tenant, "discovery", "v2.0", "keys"] => {
            known_tenant(region, tenant).unwrap_or_else(|| Answer::ok(region.tokens.key_set()))
        }
        ["common", "userrealm", name] => Answer::ok(user::realm(name)),
        [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"] => {
            known_tenant(region, tenant).unwrap_or_else(|| token(region, request))
        }
        _ => return None,
    };
    Some(answer)
}

/// The cloud as `az cloud register` and the library's discovery read it.
fn cloud(region: &Region) -> Value {
    let arm = region.arm();
    json!({
        "name": "AksKmsSimulator",
        "resourceManager": arm,
        "portal": arm,
        "microsoftGraphResourceId": region.graph(),
        "authentication": {
            "loginEndpoint": arm,
            "audiences": [arm],
            "tenant": region.tenant,
            "identityProvider": "AAD",
        },
        "suffixes": { "keyVaultDns": VAULT_SUFFIX },
    })
}

fn openid(region: &Region, tenant: &str) -> Value {
    let authority = format!("{}/{tenant}", region.arm());
    json!({
        "issuer": format!("{authority}/v2.0"),
        "authorization_endpoint": format!("{authority}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{authority}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{authority}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{authority}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["code", "token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "tenant_region_scope": "NA",
    })
}

/// The refusal of an unknown tenant.
fn known_tenant(region: &Region, tenant: &str) -> Option<Answer> {
    (tenant != region.tenant)
        .then(|| Denial::unknown_tenant(tenant).answer(OffsetDateTime::now_utc()))
}
