//! The administration over HTTP, for tests in other processes and languages.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, put},
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    backend::GroundTruth,
    case::Case,
    given::{Faults, Given},
    simulator::{Error, Shared},
    writes::Write,
};

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/cases", put(put_case))
        .route("/cases/{case}", delete(delete_case))
        .route("/cases/{case}/writes", get(writes).delete(clear_writes))
        .route("/cases/{case}/secrets", get(secrets))
        .route("/cases/{case}/assertion", get(assertion))
        .route("/cases/{case}/faults", put(set_faults))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "the administration ended");
    }
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
