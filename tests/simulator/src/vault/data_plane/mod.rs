//! The data plane of a vault: `https://<vault>.vault.azure.net/keys/…`.

mod documents;
mod keys;
mod pages;

use keys::Call;

use super::{KeyAction, Refusal};
use crate::{
    entra::{Claims, Rejection, VAULT_AUDIENCE},
    http::{Answer, Outcome, Request},
    region::Region,
    throttle::{Kind, refusal},
    world::World,
};

/// What the data plane knows, newest first.
const API_VERSIONS: [&str; 15] = [
    "2025-07-01",
    "2025-06-01-preview",
    "7.6",
    "7.6-preview.2",
    "7.6-preview.1",
    "7.5",
    "7.5-preview.1",
    "7.4",
    "7.4-preview.1",
    "7.3",
    "7.3-preview",
    "7.2",
    "7.1",
    "7.0",
    "2016-10-01",
];

/// What a request is about. A version that is left out is the newest one.
enum Target<'a> {
    Keys,
    Key(&'a str),
    KeyVersion(&'a str, &'a str),
    Versions(&'a str),
    Create(&'a str),
    Rotate(&'a str),
    RotationPolicy(&'a str),
    Operation(&'a str, Option<&'a str>, KeyAction),
    DeletedKeys,
    DeletedKey(&'a str),
    Recover(&'a str),
}

impl<'a> Target<'a> {
    fn of(segments: &'a [String]) -> Option<Self> {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let target = match *segments.as_slice() {
            ["keys"] => Self::Keys,
            ["keys", name] => Self::Key(name),
            ["keys", name, "versions"] => Self::Versions(name),
            ["keys", name, "create"] => Self::Create(name),
            ["keys", name, "rotate"] => Self::Rotate(name),
            ["keys", name, "rotationpolicy"] => Self::RotationPolicy(name),
            ["keys", name, last] => match operation(last) {
                Some(action) => Self::Operation(name, None, action),
                None => Self::KeyVersion(name, last),
            },
            ["keys", name, version, last] => Self::Operation(name, Some(version), operation(last)?),
            ["deletedkeys"] => Self::DeletedKeys,
            ["deletedkeys", name] => Self::DeletedKey(name),
            ["deletedkeys", name, "recover"] => Self::Recover(name),
            _ => return None,
        };
        Some(target)
    }
}

fn operation(name: &str) -> Option<KeyAction> {
    match name {
        "encrypt" => Some(KeyAction::Encrypt),
        "decrypt" => Some(KeyAction::Decrypt),
        "wrapkey" => Some(KeyAction::Wrap),
        "unwrapkey" => Some(KeyAction::Unwrap),
        _ => None,
    }
}

/// Answers a request to a vault's host.
pub(crate) async fn serve(region: &Region, request: &Request) -> Outcome {
    let world = region
        .world_of_vault(&request.host)
        .ok_or_else(|| Refusal::vault_not_found(&request.host))?;
    let claims = authenticate(region, &world, request)?;
    let method = request.method.as_str();
    let target = Target::of(&request.segments);
    let is_operation = matches!(target, Some(Target::Operation(..)));
    if method != "GET" && !is_operation {
        world.recorder.azure("vault", request);
    }
    let taken = world.throttles.take(&request.host, "", Kind::Vault, world.faults.latency());
    if let Some(Err(seconds)) = taken {
        return Err(refusal(Kind::Vault, &request.host, "", &world.names.tenant, seconds));
    }
    if let Some(fault) = world.faults.answer(method, &request.path) {
        return Err(fault);
    }
    check_version(request)?;
    let target = target.ok_or_else(Refusal::nothing_here)?;
    dispatch(&Call { world: &world, request, caller: &claims.oid }, method, target).await
}

async fn dispatch(call: &Call<'_>, method: &str, target: Target<'_>) -> Outcome {
    match (method, target) {
        ("GET", Target::Keys) => call.list(),
        ("GET", Target::Key(name)) => call.get(name, None),
        ("GET", Target::KeyVersion(name, version)) => call.get(name, Some(version)),
        ("GET", Target::Versions(name)) => call.versions(name),
        ("GET", Target::RotationPolicy(name)) => call.rotation_policy(name),
        ("GET", Target::DeletedKeys) => call.list_deleted(),
        ("GET", Target::DeletedKey(name)) => call.get_deleted(name),
        ("POST", Target::Create(name)) => call.create(name),
        ("POST", Target::Rotate(name)) => call.rotate(name),
        ("POST", Target::Recover(name)) => call.recover(name),
        ("POST", Target::Operation(name, version, action)) => {
            call.operate(name, version, action).await
        }
        ("PUT", Target::RotationPolicy(name)) => call.set_rotation_policy(name),
        ("PATCH", Target::Key(name)) => call.update(name, None),
        ("PATCH", Target::KeyVersion(name, version)) => call.update(name, Some(version)),
        ("DELETE", Target::Key(name)) => call.delete(name),
        ("DELETE", Target::DeletedKey(name)) => call.purge(name),
        _ => Err(Refusal::method_not_allowed(method).into()),
    }
}

/// The vault's challenge tells clients where to get a token, and for what.
fn authenticate(region: &Region, world: &World, request: &Request) -> Result<Claims, Answer> {
    let token = request.bearer();
    let caller = token.map(|token| region.caller(token, VAULT_AUDIENCE));
    let message = match caller {
        Some(Ok((_, claims))) if world.names.is_caller(&claims.oid) => return Ok(claims),
        Some(Ok(_)) => "AKV10032: Invalid issuer.".to_owned(),
        Some(Err(Rejection::WrongAudience)) => {
            format!("AKV10022: Invalid audience. Expected {VAULT_AUDIENCE}.")
        }
        Some(Err(Rejection::Expired)) => "AKV10006: Token has expired.".to_owned(),
        Some(Err(Rejection::NotYetValid)) => "AKV10007: Token is not yet valid.".to_owned(),
        Some(Err(Rejection::Invalid)) => {
            "AKV10005: Unable to parse JWT token: token is invalid.".to_owned()
        }
        None => "AKV10000: Request is missing a Bearer or PoP token.".to_owned(),
    };
    let tenant = world
        .with_vault_at(&request.host, |vault| vault.properties()["tenantId"].clone())
        .unwrap_or_default();
    let challenge = format!(
        "Bearer authorization=\"{}/{}\", resource=\"{VAULT_AUDIENCE}\"",
        region.arm(),
        tenant.as_str().unwrap_or_default(),
    );
    Err(Answer::error(401, "Unauthorized", &message).with_header("www-authenticate", challenge))
}

fn check_version(request: &Request) -> Result<(), Answer> {
    let Some(version) = request.query("api-version").filter(|version| !version.is_empty()) else {
        return Err(Refusal::bad_parameter("api-version must be specified").into());
    };
    if API_VERSIONS.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "The specified version ({version}) is not recognized. Consider using the latest supported \
         version ({}).",
        API_VERSIONS[0]
    );
    Err(Refusal::bad_parameter(&message).into())
}
