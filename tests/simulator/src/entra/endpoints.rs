//! What Entra and the cloud answer to clients that have no token yet.

use serde_json::{Value, json};

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
        [tenant, "oauth2", "v2.0", "token"] => {
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
    (tenant != region.tenant).then(|| {
        refusal(
            400,
            "invalid_request",
            "AADSTS90002: Tenant not found. Check to make sure you have the correct tenant ID.",
        )
    })
}

fn token(region: &Region, request: &Request) -> Answer {
    let form = request.form();
    let field =
        |name| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let Some(world) = region.world_of_client(field("client_id")) else {
        return refusal(
            400,
            "unauthorized_client",
            "AADSTS700016: The application was not found in the directory.",
        );
    };
    if let Some(answer) = world.faults.answer(request.method.as_str(), &request.path) {
        return answer;
    }
    if field("grant_type") != "client_credentials" {
        return refusal(
            400,
            "unsupported_grant_type",
            "AADSTS70003: The app requested an unsupported grant type.",
        );
    }
    if field("client_secret") != world.names.client_secret {
        return refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    let Some(resource) = field("scope").strip_suffix("/.default") else {
        return refusal(
            400,
            "invalid_scope",
            "AADSTS1002012: The provided value for scope is not valid. Client credential flows \
             must have a scope value with /.default suffixed to the resource identifier.",
        );
    };
    let names = &world.names;
    let issuer = format!("{}/{}/", region.arm(), names.tenant);
    let audience = resource.trim_end_matches('/');
    let token =
        region.tokens.issue(&issuer, audience, &names.tenant, &names.client, &names.client_object);
    let lifetime = region.tokens.lifetime();
    Answer::ok(json!({
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": token,
    }))
    .with_header("cache-control", "no-store")
}

fn refusal(status: u16, error: &str, description: &str) -> Answer {
    Answer::status(status, json!({ "error": error, "error_description": description }))
}
