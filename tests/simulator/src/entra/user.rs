//! The caller as a user, who signs in by name and password: `az login --username`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Application, Holder,
    sign_in::{Denial, Form, issue},
};
use crate::{
    bearer::same,
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
pub(super) fn token(region: &Region, request: &Request, form: &Form) -> Option<Answer> {
    let world = match form.text("grant_type") {
        "password" => region
            .world_of_user(form.text("username"))
            .filter(|world| same(&world.names.user_password, form.text("password"))),
        "refresh_token" => {
            region.caller(form.text("refresh_token"), REFRESH).ok().map(|(world, _)| world)
        }
        _ => return None,
    };
    let Some(world) = world else {
        let message = "Error validating credentials due to invalid username or password.";
        let denial = Denial::new(400, "invalid_grant", 50126, message);
        return Some(denial.answer(OffsetDateTime::now_utc()));
    };
    if let Some(answer) = world.faults.answer(request.method.as_str(), &request.path) {
        return Some(answer);
    }
    let answer = tokens(region, &world, form)
        .unwrap_or_else(|denial| denial.answer(world.faults.now()))
        .with_header("cache-control", "no-store");
    Some(answer)
}

fn tokens(region: &Region, world: &World, form: &Form) -> Result<Answer, Denial> {
    let names = &world.names;
    let scopes = form.text("scope");
    let resource = scopes.split(' ').find_map(|scope| scope.strip_suffix("/.default"));
    let resource = resource.ok_or_else(|| {
        let message = "The provided request must include a 'scope' input parameter.";
        Denial::new(400, "invalid_scope", 70011, message)
    })?;
    let bearer = Application {
        client: form.text("client_id").to_owned(),
        object: names.user_object.clone(),
        federated: Vec::new(),
    };
    let access = issue(region, world, &bearer, resource)?;
    let authority = format!("{}/{}/v2.0", region.arm(), names.tenant);
    let now = world.faults.now().unix_timestamp();
    let refresh = Holder {
        issuer: &authority,
        tenant: &names.tenant,
        client: &bearer.client,
        object: &bearer.object,
    };
    let identity = region.tokens.sign(&json!({
        "aud": bearer.client,
        "iss": authority,
        "tid": names.tenant,
        "oid": names.user_object,
        "sub": names.user_object,
        "preferred_username": names.user,
        "name": names.user,
        "iat": now,
        "nbf": now,
        "exp": access.expires,
        "ver": "2.0",
    }));
    let account = json!({ "uid": names.user_object, "utid": names.tenant });
    Ok(Answer::ok(json!({
        "token_type": "Bearer",
        "scope": format!("{resource}/.default"),
        "expires_in": access.lifetime,
        "ext_expires_in": access.lifetime,
        "access_token": access.token,
        "refresh_token": region.tokens.issue(&refresh, REFRESH, now),
        "id_token": identity,
        "client_info": URL_SAFE_NO_PAD.encode(account.to_string()),
    })))
}
