//! The administration over HTTP, for tests in other processes and languages.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{Next, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{delete, get, put},
};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    backend::GroundTruth,
    bearer::Bearer,
    case::Case,
    fleet::Fleet,
    given::{Faults, FleetGiven, Given},
    http::host::{Hosts, MISDIRECTED},
    requests::RequestCounts,
    simulator::{Error, Shared},
    throttle::Throttled,
    writes::Write,
};

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, hosts: Hosts, shared: Arc<Shared>) {
    let gate = (hosts, shared.admin_token.clone());
    let router = Router::new()
        .route("/cases", put(put_case))
        .route("/cases/{case}", get(case).delete(delete_case))
        .route("/cases/{case}/writes", get(writes).delete(clear_writes))
        .route("/cases/{case}/secrets", get(secrets))
        .route("/cases/{case}/assertion", get(assertion))
        .route("/cases/{case}/faults", put(set_faults))
        .route("/cases/{case}/requests", get(request_counts))
        .route("/cases/{case}/throttled", get(throttled))
        .route("/fleets", put(put_fleet))
        .route("/fleets/{fleet}", delete(delete_fleet))
        .layer(map_response(in_words))
        // also before there is a route, or none
        .layer(from_fn_with_state(gate, admit))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "the administration ended");
    }
}

/// Lets through who means this service and shows its token.
async fn admit(
    State((hosts, token)): State<(Hosts, Bearer)>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(message) = hosts.check(request.uri(), request.headers()) {
        let status = StatusCode::from_u16(MISDIRECTED).unwrap_or(StatusCode::FORBIDDEN);
        return (status, Json(json!({ "error": message }))).into_response();
    }
    if !token.is_shown(request.headers()) {
        let message = "The administration wants the header `Authorization: Bearer <token>`, with the token \
                       that is `admin_token` of the case and `SIMULATOR_TOKEN` of its `env`.";
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": message }))).into_response();
    }
    next.run(request).await
}

/// Gives every error the one shape, those of routing and of reading the request too.
async fn in_words(response: Response) -> Response {
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let status = response.status();
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let text = text.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let reason = status.canonical_reason().unwrap_or_default();
    let error = if text.is_empty() { reason } else { &text };
    (status, Json(json!({ "error": error }))).into_response()
}

type Simulator = State<Arc<Shared>>;

/// Which cluster of a case; absent: its own.
#[derive(Deserialize)]
struct Which {
    cluster: Option<String>,
}

async fn put_case(
    State(shared): Simulator,
    Json(given): Json<Given>,
) -> Result<(StatusCode, Json<Case>), Error> {
    Ok((StatusCode::CREATED, Json(shared.put_case(given).await?)))
}

async fn case(State(shared): Simulator, Path(case): Path<String>) -> Result<Json<Case>, Error> {
    Ok(Json(shared.case(&case).await?))
}

async fn request_counts(
    State(shared): Simulator,
    Path(case): Path<String>,
) -> Result<Json<RequestCounts>, Error> {
    Ok(Json(shared.world(&case)?.recorder.requests.counts()))
}

async fn throttled(
    State(shared): Simulator,
    Path(case): Path<String>,
) -> Result<Json<Vec<Throttled>>, Error> {
    Ok(Json(shared.world(&case)?.throttles.all()))
}

async fn put_fleet(
    State(shared): Simulator,
    Json(given): Json<FleetGiven>,
) -> Result<(StatusCode, Json<Fleet>), Error> {
    Ok((StatusCode::CREATED, Json(shared.put_fleet(&given)?)))
}

async fn delete_fleet(
    State(shared): Simulator,
    Path(fleet): Path<String>,
) -> Result<StatusCode, Error> {
    shared.delete_fleet(&fleet)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_case(
    State(shared): Simulator,
    Path(case): Path<String>,
) -> Result<StatusCode, Error> {
    shared.delete_case(&case)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn writes(
    State(shared): Simulator,
    Path(case): Path<String>,
) -> Result<Json<Vec<Write>>, Error> {
    Ok(Json(shared.world(&case)?.recorder.all()))
}

async fn clear_writes(
    State(shared): Simulator,
    Path(case): Path<String>,
) -> Result<StatusCode, Error> {
    shared.world(&case)?.recorder.clear();
    Ok(StatusCode::NO_CONTENT)
}

async fn secrets(
    State(shared): Simulator,
    Path(case): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<GroundTruth>, Error> {
    Ok(Json(shared.secrets(&case, which.cluster.as_deref()).await?))
}

/// Whom the token is about; absent: whom the case's application trusts.
#[derive(Deserialize)]
struct About {
    subject: Option<String>,
}

async fn assertion(
    State(shared): Simulator,
    Path(case): Path<String>,
    Query(about): Query<About>,
) -> Result<String, Error> {
    shared.assertion(&case, about.subject.as_deref())
}

async fn set_faults(
    State(shared): Simulator,
    Path(case): Path<String>,
    Json(faults): Json<Faults>,
) -> Result<StatusCode, Error> {
    shared.set_faults(&case, faults).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Given(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
