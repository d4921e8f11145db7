//! The caller as a user, who signs in by name and password: `az login --username`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{endpoints::refusal, tokens::now};
use crate::{
    http::{Answer, Request},
    region::Region,
    world::World,
};

/// Audience of refresh tokens: no service takes them.
const REFRESH: &str = "refresh";

/// How the user of this name signs in: with a password that Entra itself knows.
pub(super) fn realm(name: &str) -> Value {
    let domain = name.rsplit_once('@').map_or(name, |(_, domain)| domain);
    json!({ "ver": "1.0", "account_type": "Managed", "domain_name": domain })
}

/// Answers a user's request for a token; `None`: an application asks.
pub(super) fn token(
    region: &Region,
    request: &Request,
    form: &[(String, String)],
) -> Option<Answer> {
    let field =
        |name| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let world = match field("grant_type") {
        "password" => region
            .world_of_user(field("username"))
            .filter(|world| world.names.user_password == field("password")),
        "refresh_token" => region
            .tokens
            .check(field("refresh_token"), REFRESH)
            .ok()
            .and_then(|claims| region.world_of_caller(&claims)),
        _ => return None,
    };
    let Some(world) = world else {
        let description =
            "AADSTS50126: Error validating credentials due to invalid username or password.";
        return Some(refusal(400, "invalid_grant", description));
    };
    if let Some(answer) = world.faults.answer(request.method.as_str(), &request.path) {
        return Some(answer);
    }
    let audience = field("scope").split(' ').find_map(|scope| scope.strip_suffix("/.default"));
    Some(match audience {
        Some(audience) => tokens(region, &world, audience, field("client_id")),
        None => refusal(
            400,
            "invalid_scope",
            "AADSTS70011: The provided request must include a 'scope' input parameter.",
        ),
    })
}

fn tokens(region: &Region, world: &World, audience: &str, client: &str) -> Answer {
    let names = &world.names;
    let issuer = format!("{}/{}/", region.arm(), names.tenant);
    let lifetime = region.tokens.lifetime();
    let issue = |audience: &str| {
        region.tokens.issue(&issuer, audience, &names.tenant, client, &names.user_object)
    };
    let identity = region.tokens.sign(&json!({
        "aud": client,
        "iss": format!("{}/{}/v2.0", region.arm(), names.tenant),
        "tid": names.tenant,
        "oid": names.user_object,
        "sub": names.user_object,
        "preferred_username": names.user,
        "name": names.user,
        "iat": now(),
        "nbf": now(),
        "exp": now() + lifetime,
        "ver": "2.0",
    }));
    let account = json!({ "uid": names.user_object, "utid": names.tenant });
    Answer::ok(json!({
        "token_type": "Bearer",
        "scope": format!("{audience}/.default"),
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": issue(audience.trim_end_matches('/')),
        "refresh_token": issue(REFRESH),
        "id_token": identity,
        "client_info": URL_SAFE_NO_PAD.encode(account.to_string()),
    }))
    .with_header("cache-control", "no-store")
}
