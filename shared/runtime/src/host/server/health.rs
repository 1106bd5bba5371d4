//! Whether the process lives, and whether it can work.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::future::join_all;
use serde_json::{Map, Value};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::function::Check;

/// What `/ready` always names; a function that does not use one says so.
const ALWAYS_NAMED: [&str; 4] = ["database", "dapr", "ollama", "kafka"];

#[derive(Clone, Debug)]
struct Readiness {
    checks: Vec<Check>,
    deadline: Duration,
}

/// Gives `/health` and `/ready`; of several checks of one name, the first counts.
pub(super) fn router(checks: Vec<Check>, deadline: Duration) -> OpenApiRouter {
    let mut distinct: Vec<Check> = Vec::new();
    for check in checks {
        match distinct.iter_mut().find(|known| known.name == check.name) {
            Some(known) => known.required |= check.required,
            None => distinct.push(check),
        }
    }
    let state = Readiness { checks: distinct, deadline };
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).with_state(state)
}

/// Tells that the process lives
///
/// Touches nothing else.
#[utoipa::path(
    get, path = "/health", tag = "operation",
    responses((status = 200, description = "The process lives", body = Value, example = json!({"status": "healthy"})))
)]
async fn health() -> Json<Value> {
    Json(serde_json::json!({ "status": "healthy" }))
}

/// Tells whether the process can work
///
/// Names each thing it works with: `connected`, `unreachable` or `not_configured`.
#[utoipa::path(
    get, path = "/ready", tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Value, example = json!({
            "status": "ready", "database": "connected", "dapr": "not_configured",
            "ollama": "not_configured", "kafka": "not_configured"
        })),
        (status = 503, description = "Not ready", body = Value, example = json!({
            "status": "not_ready", "database": "unreachable", "dapr": "not_configured",
            "ollama": "not_configured", "kafka": "not_configured"
        })),
    )
)]
async fn ready(axum::extract::State(readiness): axum::extract::State<Readiness>) -> Response {
    let looks = readiness.checks.iter().map(|check| async {
        let found = tokio::time::timeout(readiness.deadline, (check.check)()).await;
        found.unwrap_or_else(|_| "unreachable".to_owned())
    });
    let found = join_all(looks).await;
    let mut body: Map<String, Value> =
        ALWAYS_NAMED.iter().map(|name| ((*name).to_owned(), "not_configured".into())).collect();
    let mut is_ready = true;
    for (check, word) in readiness.checks.iter().zip(found) {
        is_ready &= !(check.required && word == "unreachable");
        body.insert(check.name.to_owned(), word.into());
    }
    body.insert("status".to_owned(), if is_ready { "ready" } else { "not_ready" }.into());
    if is_ready {
        Json(body).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")], Json(body)).into_response()
    }
}
