//! The token endpoint: who signs in, with what, for which resource.

use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

use super::{Application, FEDERATION, Holder, user};
use crate::{
    bearer::same,
    http::{Answer, Request},
    region::Region,
    world::World,
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why Entra gives no token.
pub(super) struct Denial {
    status: u16,
    error: &'static str,
    /// The number of the AADSTS code.
    code: u32,
    message: String,
}

impl Denial {
    pub(super) fn new(
        status: u16,
        error: &'static str,
        code: u32,
        message: impl Into<String>,
    ) -> Self {
        Self { status, error, code, message: message.into() }
    }

    pub(super) fn unknown_tenant(tenant: &str) -> Self {
        let message = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and \
             are signing into the correct cloud."
        );
        Self::new(400, "invalid_request", 90002, message)
    }

    fn unknown_resource(resource: &str, tenant: &str) -> Self {
        let message = format!(
            "The resource principal named {resource} was not found in the tenant named {tenant}. \
             This can happen if the application has not been installed by the administrator of the \
             tenant."
        );
        Self::new(400, "invalid_resource", 500_011, message)
    }

    /// The refusal at a time.
    pub(super) fn answer(self, now: OffsetDateTime) -> Answer {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
        let timestamp = now.format(format).unwrap_or_default();
        let (trace, correlation) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let Self { status, error, code, message } = self;
        Answer::status(
            status,
            json!({
                "error": error,
                "error_description": format!(
                    "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} \
                     Timestamp: {timestamp}"
                ),
                "error_codes": [code],
                "timestamp": timestamp,
                "trace_id": trace,
                "correlation_id": correlation,
            }),
        )
    }
}

/// Answers a request for a token.
pub(super) fn token(region: &Region, request: &Request) -> Answer {
    let form = Form(request.form());
    if let Some(answer) = user::token(region, request, &form) {
        return answer;
    }
    let Some(world) = region.world_of_client(form.text("client_id")) else {
        let message = format!(
            "Application with identifier '{}' was not found in the directory '{}'.",
            form.text("client_id"),
            region.tenant
        );
        let denial = Denial::new(400, "unauthorized_client", 700_016, message);
        return denial.answer(OffsetDateTime::now_utc());
    };
    world.recorder.requests.add("entra", request.method.as_str(), &request.path);
    let latency = world.faults.latency();
    if let Some(answer) = world.faults.answer(request.method.as_str(), &request.path) {
        return answer.delayed(latency);
    }
    let answer = sign_in(region, &world, &form)
        .unwrap_or_else(|denial| denial.answer(world.faults.now()))
        .with_header("cache-control", "no-store");
    let instead = world.faults.answer_after_effect(request.method.as_str(), &request.path);
    instead.unwrap_or(answer).delayed(latency)
}

pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
}

fn sign_in(region: &Region, world: &World, form: &Form) -> Result<Answer, Denial> {
    if form.text("grant_type") != "client_credentials" {
        let message = "The app requested an unsupported grant type.";
        return Err(Denial::new(400, "unsupported_grant_type", 70003, message));
    }
    let application = world.application(form.text("client_id")).ok_or_else(|| {
        Denial::new(400, "unauthorized_client", 700_016, "The application is gone.")
    })?;
    match (form.text("client_secret"), form.text("client_assertion")) {
        ("", "") => {
            let message = "'client_assertion', 'client_secret' or 'request' is required for the \
                           'client_credentials' grant type.";
            return Err(Denial::new(401, "invalid_client", 7_000_216, message));
        }
        ("", assertion) if form.text("client_assertion_type") == JWT_BEARER => {
            check_assertion(region, world, &application, assertion)?;
        }
        ("", _) => {
            let message = "The value of 'client_assertion_type' is not supported.";
            return Err(Denial::new(400, "invalid_request", 90023, message));
        }
        (secret, _) => {
            if !same(secret, &world.names.client_secret)
                || !world.names.is_caller(&application.object)
            {
                let message = "Invalid client secret provided. Ensure the secret being sent in the \
                               request is the client secret value, not the client secret ID.";
                return Err(Denial::new(401, "invalid_client", 7_000_215, message));
            }
        }
    }
    let issued = issue(region, world, &application, resource(form)?)?;
    Ok(Answer::ok(json!({
        "token_type": "Bearer",
        "expires_in": issued.lifetime,
        "ext_expires_in": issued.lifetime,
        "access_token": issued.token,
    })))
}

/// The resource that the token is to be for: of either version of the endpoint.
fn resource(form: &Form) -> Result<&str, Denial> {
    match (form.text("scope"), form.text("resource")) {
        ("", "") => {
            let message = "The request body must contain the following parameter: 'scope'.";
            Err(Denial::new(400, "invalid_request", 900_144, message))
        }
        ("", resource) => Ok(resource),
        (scope, _) => scope.strip_suffix("/.default").ok_or_else(|| {
            let message = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier (application \
                 ID URI)."
            );
            Denial::new(400, "invalid_scope", 1_002_012, message)
        }),
    }
}

/// A token with what its holder needs to know of it.
pub(super) struct Issued {
    pub(super) token: String,
    /// Seconds.
    pub(super) lifetime: u64,
    /// Unix time.
    pub(super) expires: i64,
}

/// Issues a token for a resource.
pub(super) fn issue(
    region: &Region,
    world: &World,
    application: &Application,
    resource: &str,
) -> Result<Issued, Denial> {
    let tenant = &world.names.tenant;
    if !region.has_resource(resource) {
        return Err(Denial::unknown_resource(resource, tenant));
    }
    let issuer = format!("{}/{tenant}/", region.arm());
    let holder = Holder {
        issuer: &issuer,
        tenant,
        client: &application.client,
        object: &application.object,
    };
    let now = world.faults.now().unix_timestamp();
    let lifetime = region.tokens.lifetime();
    Ok(Issued {
        token: region.tokens.issue(&holder, resource.trim_end_matches('/'), now),
        lifetime,
        expires: now.saturating_add_unsigned(lifetime),
    })
}

/// What a token of another issuer says, which an application takes for a secret.
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
}

fn check_assertion(
    region: &Region,
    world: &World,
    application: &Application,
    assertion: &str,
) -> Result<(), Denial> {
    if assertion.split('.').count() != 3 {
        let message = "JWT token is invalid or malformed.";
        return Err(Denial::new(400, "invalid_request", 50027, message));
    }
    let assertion: Assertion = region.tokens.read(assertion).ok_or_else(|| {
        let message = "Assertion failed signature validation.";
        Denial::new(401, "invalid_client", 50013, message)
    })?;
    if assertion.exp <= world.faults.now().unix_timestamp() {
        let message = "Client assertion is not within its valid time range.";
        return Err(Denial::new(401, "invalid_client", 700_024, message));
    }
    let no_record = |code, part: &str, value: &str| {
        let message = format!(
            "No matching federated identity record found for presented assertion {part} '{value}'. \
             Check your federated identity credential Subject, Audience and Issuer against the \
             presented assertion."
        );
        Err(Denial::new(401, "invalid_client", code, message))
    };
    let own = region.federation();
    let of_issuer = |record: &&Value| {
        let issuer = record["issuer"].as_str().unwrap_or_default();
        let issuer = if issuer == FEDERATION { own.as_str() } else { issuer };
        issuer.trim_end_matches('/') == assertion.iss.trim_end_matches('/')
    };
    let records: Vec<&Value> = application.federated.iter().filter(of_issuer).collect();
    if records.is_empty() {
        return no_record(700_211, "issuer", &assertion.iss);
    }
    let records: Vec<&Value> =
        records.into_iter().filter(|record| record["subject"] == assertion.sub.as_str()).collect();
    if records.is_empty() {
        return no_record(700_213, "subject", &assertion.sub);
    }
    let audience = |record: &&Value| {
        let audiences = record["audiences"].as_array();
        audiences.into_iter().flatten().any(|audience| audience == assertion.aud.as_str())
    };
    if !records.iter().any(audience) {
        return no_record(700_212, "audience", &assertion.aud);
    }
    Ok(())
}

impl Region {
    /// Issuer of the tokens that a case's application takes for a secret.
    pub(crate) fn federation(&self) -> String {
        format!("{}/{FEDERATION}", self.arm())
    }
}
