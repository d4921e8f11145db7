//! Microsoft Graph, as far as giving roles by name takes it: finding principals.

use serde_json::{Value, json};

use super::Rejection;
use crate::{
    arm::equalities,
    http::{Answer, Outcome, Request},
    region::Region,
    world::World,
};

/// Where Graph is, below the region's own address.
pub(crate) const GRAPH: &str = "graph";

/// Answers a request to Graph; the path begins after `/graph`.
pub(crate) fn serve(region: &Region, request: &Request) -> Outcome {
    let token = request.bearer().ok_or_else(|| unauthorised("Access token is empty."))?;
    let claims = region.tokens.check(token, &region.graph()).map_err(|rejection| {
        unauthorised(match rejection {
            Rejection::Invalid => "CompactToken parsing failed.",
            Rejection::Expired => "Lifetime validation failed, the token is expired.",
            Rejection::WrongAudience => "Access token validation failure. Invalid audience.",
        })
    })?;
    let world = region
        .world_of_client(&claims.appid)
        .ok_or_else(|| unauthorised("CompactToken validation failed."))?;
    if let Some(fault) = world.faults.answer(request.method.as_str(), &request.path) {
        return Err(fault);
    }
    let path = request.lower_segments();
    let path: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
    let [version, rest @ ..] = path.as_slice() else {
        return Err(not_found("Resource not found for the segment."));
    };
    if !matches!(*version, "v1.0" | "beta") {
        return Err(not_found(&format!("Invalid version: {version}")));
    }
    match (request.method.as_str(), rest) {
        ("GET", ["serviceprincipals"]) => service_principals(&world, request),
        ("GET", ["serviceprincipals" | "directoryobjects" | "groups", id]) => by_id(&world, id),
        ("GET", ["users"]) => Ok(Answer::list([])),
        ("POST", ["directoryobjects", "getbyids"]) => by_ids(&world, request),
        (_, [first, ..]) => {
            Err(not_found(&format!("Resource not found for the segment '{first}'.")))
        }
        (_, []) => Err(not_found("Resource not found for the segment.")),
    }
}

fn service_principals(world: &World, request: &Request) -> Outcome {
    let text = request.query("$filter").unwrap_or_default();
    let wanted = names_any(text)
        .map(|name| ("serviceprincipalnames".to_owned(), name.to_owned()))
        .map(|condition| vec![condition])
        .or_else(|| equalities(text))
        .ok_or_else(|| {
            let message = format!("Unsupported or invalid query filter clause: {text}");
            Answer::error(400, "Request_UnsupportedQuery", &message)
        })?;
    let fits = |principal: &Value| {
        wanted.iter().all(|(field, value)| match field.as_str() {
            "serviceprincipalnames" => principal["servicePrincipalNames"]
                .as_array()
                .is_some_and(|names| names.iter().any(|name| same(name, value))),
            "appid" => same(&principal["appId"], value),
            "displayname" => same(&principal["displayName"], value),
            "id" => same(&principal["id"], value),
            _ => false,
        })
    };
    let principals = world.principals().into_iter();
    Ok(Answer::list(
        principals.filter(|principal| principal["appId"].is_string() && fits(principal)),
    ))
}

/// The name in `servicePrincipalNames/any(c:c eq 'name')`.
fn names_any(filter: &str) -> Option<&str> {
    filter.strip_prefix("servicePrincipalNames/any(")?.strip_suffix(')')?.split('\'').nth(1)
}

fn by_id(world: &World, id: &str) -> Outcome {
    let found = world.principals().into_iter().find(|principal| same(&principal["id"], id));
    found.map(Answer::ok).ok_or_else(|| {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are \
             not present."
        );
        Answer::error(404, "Request_ResourceNotFound", &message)
    })
}

fn by_ids(world: &World, request: &Request) -> Outcome {
    let body = request.json()?;
    let ids = body["ids"].as_array().cloned().unwrap_or_default();
    let wanted = |principal: &Value| {
        ids.iter().filter_map(Value::as_str).any(|id| same(&principal["id"], id))
    };
    Ok(Answer::list(world.principals().into_iter().filter(wanted)))
}

fn same(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
}

fn unauthorised(message: &str) -> Answer {
    Answer::error(401, "InvalidAuthenticationToken", message)
}

fn not_found(message: &str) -> Answer {
    Answer::error(400, "BadRequest", message)
}

impl World {
    /// Everything in the directory that a role can be given to.
    fn principals(&self) -> Vec<Value> {
        let names = &self.names;
        let service_principal = |id: &str, client: &str, name: &str, kind: &str| {
            json!({
                "@odata.type": "#microsoft.graph.servicePrincipal",
                "id": id,
                "appId": client,
                "displayName": name,
                "servicePrincipalNames": [client],
                "servicePrincipalType": kind,
                "accountEnabled": true,
            })
        };
        let own = crate::names::stable_guid(&names.own_principal);
        let identity = crate::names::stable_guid(&names.identity_principal);
        vec![
            service_principal(&names.client_object, &names.client, "caller", "Application"),
            service_principal(&names.own_principal, &own, &names.cluster, "ManagedIdentity"),
            service_principal(
                &names.identity_principal,
                &identity,
                &names.identity,
                "ManagedIdentity",
            ),
            json!({
                "@odata.type": "#microsoft.graph.group",
                "id": names.identity_group,
                "displayName": format!("{} group", names.identity),
                "securityEnabled": true,
            }),
        ]
    }
}
