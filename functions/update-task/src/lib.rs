//! `PATCH /api/tasks/{id}` and `PATCH /api/settings`: changes what is given, and nothing else (RFC 7396). `POST
//! /api/tasks/{id}/snooze`: reminds once more. `POST /api/undo`: takes a change back.

use application::change;
use application::snooze::SnoozeUntil;
use application::undo::Which;
use application::{Application, Connection};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use events::settings_body::{SettingsBody, SettingsInput};
use events::task_body::TaskInput;
use events::{Refusal, TaskBody};
use runtime::ask::{Ask, respond};
use runtime::clock::Clock;
use runtime::etag::IfMatch;
use runtime::function::{Check, Function};
use runtime::json::{JsonBody, MergePatchBody, OptionalJsonBody};
use runtime::main::Start;
use runtime::path::Id;
use runtime::problem::{FieldError, Problem};
use runtime::query::Query;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The function's name.
pub const NAME: &str = "update-task";

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
        .routes(routes!(update))
        .routes(routes!(snooze))
        .routes(routes!(undo))
        .routes(routes!(update_settings))
        .with_state((application, clock));
    Function::new(NAME).http(http).ready_when(Check::required("database", is_connected))
}

/// Changes a task
///
/// JSON Merge Patch (RFC 7396): a field that is not named stays, null clears, an object merges into the one that is there. An
/// unknown or read-only field is refused.
///
/// Of a series, `scope` says which of its tasks are meant. Absent it is `this`, but a change that names `recurrence_rule` is then for
/// the following ones. With `following` and `all`, a new `due_date` or `time_zone` moves this task and what the rule gives after it,
/// not other tasks that exist; `all` also changes title, description, priority and tags of the completed ones, never their dates,
/// rule or reminders.
#[utoipa::path(
    patch,
    path = "/api/tasks/{id}",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("scope" = Option<String>, Query, description = "Of a series: this (only it), following (those after it too) or all; absent: this, but following for a change that names recurrence_rule", pattern = "^(this|following|all)$"),
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
    uri: Uri,
    MergePatchBody(body, _): MergePatchBody,
) -> Result<Response, Problem> {
    let scope = change::scope(Query::parse(&uri, &["scope"])?.get("scope"))?;
    let body = body.as_object().expect("MergePatchBody takes objects only");
    let allows = |version| expected.allows(version);
    Ok(respond(application.update(&ask.cause(NAME, &clock), id, body, Some(&allows), scope).await?))
}

/// Reminds of a task once more
///
/// Neither its due time nor its rule changes. A later snooze takes the place of an earlier one; completing or deleting the task ends
/// it. `snoozed_until` stays as the last time that was asked for, also when that is over.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/snooze",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for"),
        ("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")
    ),
    request_body(content = Snooze),
    responses((status = 200, description = "The task", body = TaskBody))
)]
async fn snooze(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    Id(id): Id,
    expected: IfMatch,
    JsonBody(body, bytes): JsonBody,
) -> Result<Response, Problem> {
    let body = body.as_object().expect("JsonBody takes objects only");
    let until = SnoozeUntil::parse(body).map_err(Refusal::Invalid)?;
    let (cause, key) = (ask.cause(NAME, &clock), ask.key(&bytes));
    let allows = |version| expected.allows(version);
    Ok(respond(application.snooze(&cause, id, &until, key.as_ref(), Some(&allows)).await?))
}

/// Takes a change back
///
/// Without a body the last thing that the caller did to tasks, all of it, and with each further call the one before; with an
/// `event_id` from a task's history that one change, for 30 days. Undoing an undo's own event does the change again. Only reminders
/// still to come are armed again. 409 when there is nothing to undo, or a field was changed again since.
#[utoipa::path(
    post,
    path = "/api/undo",
    tag = "tasks",
    params(("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")),
    request_body(content = Option<Undo>),
    responses(
        (status = 200, description = "What was taken back, and the tasks as they are now", body = Undone),
        (status = 404, description = "There is no such change")
    )
)]
async fn undo(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    OptionalJsonBody(body, bytes): OptionalJsonBody,
) -> Result<Response, Problem> {
    let which = which(body.as_ref())?;
    let (cause, key) = (ask.cause(NAME, &clock), ask.key(&bytes));
    Ok(respond(application.undo(&cause, &which, key.as_ref()).await?))
}

/// Until when to put a reminder off: exactly one of the two.
#[derive(Serialize, ToSchema)]
pub struct Snooze {
    /// So long from now, at most 366 days: `10m` and `2h` are exact, `1d` and `1w` keep the wall time.
    #[schema(example = "10m", pattern = "^[1-9][0-9]*[mhdw]$")]
    pub r#for: Option<String>,
    /// A local time in the task's zone, or an RFC 3339 instant.
    #[schema(example = "2027-01-10T09:00:00")]
    pub until: Option<String>,
}

/// What to take back.
#[derive(Serialize, ToSchema)]
pub struct Undo {
    /// The `event_id` of an entry in a task's history; absent: the last thing that was done.
    pub event_id: Option<uuid::Uuid>,
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
pub struct Undone {
    /// The changes, in the order in which they were made.
    pub undone: Vec<UndoneChange>,
    /// Whether the next occurrence of a task that is open again stays, because it was edited.
    pub successor_kept: bool,
    /// The tasks as they are now.
    pub tasks: Vec<TaskBody>,
}

/// A change that was taken back.
#[derive(Serialize, ToSchema)]
pub struct UndoneChange {
    /// Which, as in the task's history.
    pub event_id: uuid::Uuid,
    /// Such as `task.deleted`.
    pub action: String,
    /// Of which task.
    pub task_id: uuid::Uuid,
}

fn which(body: Option<&Value>) -> Result<Which, Problem> {
    let Some(body) = body.and_then(Value::as_object) else { return Ok(Which::Last) };
    let unknown = body.keys().filter(|name| *name != "event_id");
    let mut errors: Vec<_> = unknown.map(|name| FieldError::new(name, "is not known here")).collect();
    let given = body.get("event_id").filter(|value| !value.is_null());
    let id: Option<uuid::Uuid> = given.and_then(|value| value.as_str()?.parse().ok());
    if given.is_some() && id.is_none() {
        errors.push(FieldError::new("event_id", "must be the event_id of an entry in a task's history"));
    }
    if !errors.is_empty() {
        return Err(Problem::validation(errors));
    }
    Ok(id.map_or(Which::Last, |id| Which::Events(vec![id])))
}

/// Changes the caller's settings
///
/// JSON Merge Patch (RFC 7396): null resets. With a new zone, open tasks without a zone of their own keep their wall time.
#[utoipa::path(
    patch,
    path = "/api/settings",
    tag = "settings",
    request_body(content((SettingsInput = "application/merge-patch+json"), (SettingsInput = "application/json"))),
    responses((status = 200, description = "The settings", body = SettingsBody))
)]
async fn update_settings(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    MergePatchBody(body, _): MergePatchBody,
) -> Result<Json<Value>, Problem> {
    let body = body.as_object().expect("MergePatchBody takes objects only");
    Ok(Json(application.update_settings(&ask.cause(NAME, &clock), body).await?))
}
