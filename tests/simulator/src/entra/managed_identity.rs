//! Tokens of managed identities, as machines get them: App Service's endpoint and the instance
//! metadata service. Both are plain HTTP on a port of their own.

use serde_json::json;
use uuid::Uuid;

use super::{
    Application,
    sign_in::{Issued, issue},
};
use crate::{
    bearer::same,
    http::{Answer, Outcome, Request},
    region::Region,
    world::World,
};

/// Answers a request to the port of managed identities.
pub(crate) fn serve(region: &Region, request: &Request) -> Answer {
    let path = request.lower_segments();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let outcome = match (request.method.as_str(), path.as_slice()) {
        ("GET", ["msi", "token"]) => app_service(region, request),
        ("GET", ["metadata", "identity", "oauth2", "token"]) => Err(metadata_refusal(
            401,
            "The first segment of the path must be the IDENTITY_HEADER of a machine. \
             AZURE_POD_IDENTITY_AUTHORITY_HOST has it: clients that know this variable find their way.",
        )),
        ("GET", [machine, "metadata", "identity", "oauth2", "token"]) => {
            metadata_service(region, request, machine)
        }
        _ => Err(Answer::error(404, "NotFound", "There is nothing at this path.")),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}

/// `IDENTITY_ENDPOINT`: the header says whose machine it is.
fn app_service(region: &Region, request: &Request) -> Outcome {
    let header = request.header("x-identity-header").unwrap_or_default();
    let world = region
        .find(|world| same(&world.names.identity_header, header))
        .ok_or_else(|| app_service_refusal(401, "The X-IDENTITY-HEADER is missing or wrong."))?;
    if request.query("api-version") != Some("2019-08-01") {
        let message = "The only api-version that is supported is 2019-08-01.";
        return Err(app_service_refusal(400, message));
    }
    let resource = request
        .query("resource")
        .ok_or_else(|| app_service_refusal(400, "The parameter resource is required."))?;
    if let Some(fault) = world.faults.answer("GET", &request.path) {
        return Err(fault);
    }
    let application = application(&world, request).ok_or_else(|| {
        let message = "No User Assigned or Delegated Managed Identity found for specified \
                       ClientId/ResourceId/PrincipalId.";
        app_service_refusal(400, message)
    })?;
    let issued = issue(region, &world, &application, resource)
        .map_err(|denial| denial.answer(world.faults.now()))?;
    let answer = Answer::ok(json!({
        "access_token": issued.token,
        "expires_on": issued.expires.to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": application.client,
    }));
    Ok(answer.delayed(world.faults.latency()))
}

fn app_service_refusal(status: u16, message: &str) -> Answer {
    let correlation = Uuid::new_v4().to_string();
    Answer::status(
        status,
        json!({ "statusCode": status, "message": message, "correlationId": correlation }),
    )
}

/// The instance metadata service: the path says whose machine it is.
fn metadata_service(region: &Region, request: &Request, machine: &str) -> Outcome {
    let world = region
        .find(|world| same(&world.names.identity_header, machine))
        .ok_or_else(|| metadata_refusal(401, "The IDENTITY_HEADER in the path is wrong."))?;
    if !request.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(metadata_refusal(400, "Required metadata header not specified"));
    }
    if request.query("api-version").is_none() {
        return Err(metadata_refusal(400, "Required query variable 'api-version' is missing"));
    }
    let resource = request
        .query("resource")
        .ok_or_else(|| metadata_refusal(400, "Required query variable 'resource' is missing"))?;
    if let Some(fault) = world.faults.answer("GET", &request.path) {
        return Err(fault);
    }
    let application =
        application(&world, request).ok_or_else(|| metadata_refusal(400, "Identity not found"))?;
    let Issued { token, lifetime, expires } = issue(region, &world, &application, resource)
        .map_err(|denial| denial.answer(world.faults.now()))?;
    let answer = Answer::ok(json!({
        "access_token": token,
        "client_id": application.client,
        "expires_in": lifetime.to_string(),
        "expires_on": expires.to_string(),
        "ext_expires_in": lifetime.to_string(),
        "not_before": expires.saturating_sub_unsigned(lifetime).to_string(),
        "resource": resource,
        "token_type": "Bearer",
    }));
    Ok(answer.delayed(world.faults.latency()))
}

fn metadata_refusal(status: u16, description: &str) -> Answer {
    Answer::status(status, json!({ "error": "invalid_request", "error_description": description }))
}

/// The identity that the query names; none named: the machine's own, which is the case's caller.
fn application(world: &World, request: &Request) -> Option<Application> {
    if let Some(client) = request.query("client_id") {
        return world.application(client);
    }
    let object = request.query("object_id").or_else(|| request.query("principal_id"));
    if let Some(object) = object {
        let own = world.own_application();
        if own.object.eq_ignore_ascii_case(object) {
            return Some(own);
        }
        let identities = world.identities();
        let identity =
            identities.values().find(|identity| identity.principal.eq_ignore_ascii_case(object))?;
        let client = identity.client.clone();
        drop(identities);
        return world.application(&client);
    }
    let resource = request.query("mi_res_id").or_else(|| request.query("msi_res_id"));
    match resource {
        Some(id) => world.application(&world.identity(id)?.client),
        None => Some(world.own_application()),
    }
}
