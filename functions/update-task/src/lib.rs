//! `PATCH /api/tasks/{id}` and `PATCH /api/settings`: changes what is given, and nothing else (RFC 7396).

use application::{Application, Connection};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use events::TaskBody;
use events::task_body::TaskInput;
use runtime::ask::{Ask, respond};
use runtime::clock::Clock;
use runtime::etag::IfMatch;
use runtime::function::{Check, Function};
use runtime::json::MergePatchBody;
use runtime::main::Start;
use runtime::path::Id;
use runtime::problem::Problem;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The function's name.
pub const NAME: &str = "update-task";

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::new(start.database_url()?, NAME, start.database_connections()?);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    Ok(function(application, start.clock))
}

/// Gives the function.
pub fn function(application: Application, clock: Clock) -> Function {
    let is_connected = application.database_probe();
    let http = OpenApiRouter::new()
        .routes(routes!(update))
        .routes(routes!(update_settings))
        .with_state((application, clock));
    Function::new(NAME).http(http).ready_when(Check::required("database", is_connected))
}

/// Changes a task
///
/// JSON Merge Patch (RFC 7396): a field that is not named stays, null clears, an object merges into the one that is there. An
/// unknown or read-only field is refused.
#[utoipa::path(
    patch,
    path = "/api/tasks/{id}",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for")
    ),
    request_body(content((TaskInput = "application/merge-patch+json"), (TaskInput = "application/json"))),
    responses((status = 200, description = "The task", body = TaskBody))
)]
async fn update(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    Id(id): Id,
    expected: IfMatch,
    MergePatchBody(body, _): MergePatchBody,
) -> Result<Response, Problem> {
    let body = body.as_object().expect("MergePatchBody takes objects only");
    let allows = |version| expected.allows(version);
    Ok(respond(application.update(&ask.cause(NAME, &clock), id, body, Some(&allows)).await?))
}

/// Changes the caller's settings
///
/// JSON Merge Patch (RFC 7396): null resets. With a new zone, open tasks without a zone of their own keep their wall time.
#[utoipa::path(
    patch,
    path = "/api/settings",
    tag = "settings",
    request_body(content((Value = "application/merge-patch+json"), (Value = "application/json"))),
    responses((status = 200, description = "The settings", body = Value))
)]
async fn update_settings(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    MergePatchBody(body, _): MergePatchBody,
) -> Result<Json<Value>, Problem> {
    let body = body.as_object().expect("MergePatchBody takes objects only");
    Ok(Json(application.update_settings(&ask.cause(NAME, &clock), body).await?))
}
