//! `DELETE /api/tasks/{id}` and `POST /api/tasks/{id}/restore`.

use application::{Application, Connection, change};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use events::TaskBody;
use runtime::ask::{Ask, respond};
use runtime::clock::Clock;
use runtime::etag::IfMatch;
use runtime::function::{Check, Function};
use runtime::json::OptionalJsonBody;
use runtime::main::Start;
use runtime::path::Id;
use runtime::problem::Problem;
use runtime::query::Query;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The function's name.
pub const NAME: &str = "delete-task";

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?
        .with_quotas(start.config.quotas);
    Ok(function(application, start.clock))
}

/// Gives the function.
pub fn function(application: Application, clock: Clock) -> Function {
    let is_connected = application.database_probe();
    let http = OpenApiRouter::new()
        .routes(routes!(delete))
        .routes(routes!(restore))
        .with_state((application, clock));
    Function::new(NAME).http(http).ready_when(Check::required("database", is_connected))
}

/// Deletes a task, restorably
///
/// One of a series is skipped: the next occurrence takes its place. With `scope=following` the series ends, with `scope=all` its
/// earlier tasks are deleted too.
#[utoipa::path(
    delete,
    path = "/api/tasks/{id}",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("scope" = Option<String>, Query, description = "Of a series: this (default: only it is skipped), following (the series ends) or all (its earlier tasks too)", pattern = "^(this|following|all)$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for")
    ),
    responses((status = 200, description = "It is deleted", body = Value,
        example = json!({"status": "deleted", "task_id": "0190b3a2-7c1e-7000-8000-000000000000"})))
)]
async fn delete(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    Id(id): Id,
    expected: IfMatch,
    uri: Uri,
) -> Result<Response, Problem> {
    let scope = change::scope(Query::parse(&uri, &["scope"])?.get("scope"))?.unwrap_or_default();
    let allows = |version| expected.allows(version);
    Ok(respond(application.delete(&ask.cause(NAME, &clock), id, Some(&allows), scope).await?))
}

/// Brings a deleted task back
///
/// Only reminders still to come are armed again.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/restore",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for"),
        ("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")
    ),
    responses((status = 200, description = "The task", body = TaskBody))
)]
async fn restore(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    Id(id): Id,
    expected: IfMatch,
    OptionalJsonBody(_, bytes): OptionalJsonBody,
) -> Result<Response, Problem> {
    let (cause, key) = (ask.cause(NAME, &clock), ask.key(&bytes));
    let allows = |version| expected.allows(version);
    Ok(respond(application.restore(&cause, id, key.as_ref(), Some(&allows)).await?))
}
