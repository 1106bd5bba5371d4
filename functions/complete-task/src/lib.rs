//! `POST /api/tasks/{id}/complete` and `/reopen`.

use application::{Application, Connection};
use axum::extract::State;
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
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The function's name.
pub const NAME: &str = "complete-task";

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
        .routes(routes!(complete))
        .routes(routes!(reopen))
        .with_state((application, clock));
    Function::new(NAME).http(http).ready_when(Check::required("database", is_connected))
}

/// Completes a task
///
/// Doing it twice is the same as once. When the task repeats, its next occurrence follows by itself.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/complete",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for"),
        ("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")
    ),
    responses((status = 200, description = "The task", body = TaskBody))
)]
async fn complete(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    Id(id): Id,
    expected: IfMatch,
    OptionalJsonBody(_, bytes): OptionalJsonBody,
) -> Result<Response, Problem> {
    let (cause, key) = (ask.cause(NAME, &clock), ask.key(&bytes));
    let allows = |version| expected.allows(version);
    Ok(respond(application.complete(&cause, id, key.as_ref(), Some(&allows)).await?))
}

/// Opens a completed task again
///
/// Its next occurrence disappears unless it was edited; then `Kaam-Successor-Kept` names it.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/reopen",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for"),
        ("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")
    ),
    responses((status = 200, description = "The task", body = TaskBody))
)]
async fn reopen(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    Id(id): Id,
    expected: IfMatch,
    OptionalJsonBody(_, bytes): OptionalJsonBody,
) -> Result<Response, Problem> {
    let (cause, key) = (ask.cause(NAME, &clock), ask.key(&bytes));
    let allows = |version| expected.allows(version);
    Ok(respond(application.reopen(&cause, id, key.as_ref(), Some(&allows)).await?))
}
