//! Microsoft Graph, as far as giving roles by name takes it: finding principals.

use std::time::Instant;

use serde_json::{Value, json};

use super::Rejection;
use crate::{
    arm::equalities,
    http::{Answer, Outcome, Request},
    names::stable_guid,
    region::Region,
    world::World,
};

/// Where Graph is, below the region's own address.
pub(crate) const GRAPH: &str = "graph";

/// Answers a request to Graph; the path begins after `/graph`.
pub(crate) fn serve(region: &Region, request: &Request) -> Outcome {
    let token = request.bearer().ok_or_else(|| unauthorised("Access token is empty."))?;
    let (world, claims) = region.caller(token, &region.graph()).map_err(|rejection| {
        unauthorised(match rejection {
            Rejection::Invalid | Rejection::NotYetValid => "CompactToken parsing failed.",
            Rejection::Expired => "Lifetime validation failed, the token is expired.",
            Rejection::WrongAudience => "Access token validation failure. Invalid audience.",
        })
    })?;
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
        ("GET", ["me"]) => me(&world, &claims.oid),
        ("GET", ["users"]) => Ok(Answer::list([user(&world)])),
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

/// The user who is signed in.
fn me(world: &World, bearer: &str) -> Outcome {
    if bearer == world.names.user_object {
        return Ok(Answer::ok(user(world)));
    }
    let message = "/me request is only valid with delegated authentication flow.";
    Err(Answer::error(400, "BadRequest", message))
}

fn user(world: &World) -> Value {
    let names = &world.names;
    json!({
        "@odata.type": "#microsoft.graph.user",
        "id": names.user_object,
        "displayName": names.user,
        "userPrincipalName": names.user,
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

/// A principal, as who gives it a role sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal {
    /// `ServicePrincipal` or `Group`.
    pub(crate) kind: &'static str,
    /// False for an identity that was only just made.
    pub(crate) is_found: bool,
}

/// The principal with this object id.
pub(crate) fn principal(world: &World, id: &str) -> Option<Principal> {
    let found = world.principals().into_iter().find(|principal| same(&principal["id"], id))?;
    let kind = match found["@odata.type"].as_str() {
        Some("#microsoft.graph.servicePrincipal") => "ServicePrincipal",
        Some("#microsoft.graph.user") => "User",
        _ => "Group",
    };
    let identities = world.identities();
    let new = identities.values().find(|identity| identity.principal.eq_ignore_ascii_case(id));
    let is_found = new.is_none_or(|identity| identity.known <= Instant::now());
    Some(Principal { kind, is_found })
}

/// An application that can sign in.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// Application id.
    pub(crate) client: String,
    /// Object id of its service principal.
    pub(crate) object: String,
    /// Issuer, subject and audiences of the tokens that it takes for a secret.
    pub(crate) federated: Vec<Value>,
}

/// Who issues the tokens that the case's own application takes for a secret, below the region's
/// own address.
pub(crate) const FEDERATION: &str = "federation";
/// Subject of those tokens.
pub(crate) const FEDERATED_SUBJECT: &str = "system:serviceaccount:aks-kms:manager";
/// Audience of those tokens.
pub(crate) const FEDERATED_AUDIENCE: &str = "api://AzureADTokenExchange";

impl World {
    /// The application with this id: the caller's, or an identity's.
    pub(crate) fn application(&self, client: &str) -> Option<Application> {
        if self.names.client.eq_ignore_ascii_case(client) {
            return Some(self.own_application());
        }
        let identities = self.identities();
        let identity =
            identities.values().find(|identity| identity.client.eq_ignore_ascii_case(client))?;
        Some(Application {
            client: identity.client.clone(),
            object: identity.principal.clone(),
            federated: identity.federated.values().cloned().collect(),
        })
    }

    /// The caller's application.
    pub(crate) fn own_application(&self) -> Application {
        Application {
            client: self.names.client.clone(),
            object: self.names.client_object.clone(),
            federated: vec![json!({
                "issuer": FEDERATION,
                "subject": FEDERATED_SUBJECT,
                "audiences": [FEDERATED_AUDIENCE],
            })],
        }
    }

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
        let caller =
            service_principal(&names.client_object, &names.client, "caller", "Application");
        let group = json!({
            "@odata.type": "#microsoft.graph.group",
            "id": names.identity_group,
            "displayName": format!("{} group", names.identity),
            "securityEnabled": true,
        });
        let mut principals = vec![caller, user(self), group];
        principals.extend(self.clusters().iter().map(|cluster| {
            let names = &cluster.names;
            let client = stable_guid(&names.own_principal);
            service_principal(&names.own_principal, &client, &names.name, "ManagedIdentity")
        }));
        principals.extend(self.identities().values().map(|identity| {
            let kind = "ManagedIdentity";
            service_principal(&identity.principal, &identity.client, &identity.name, kind)
        }));
        principals
    }
}
