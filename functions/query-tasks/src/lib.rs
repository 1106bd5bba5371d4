//! `GET /api/tasks…`, `GET /api/settings` and `GET /api/push-key`: looks, and changes nothing.

mod listing;
mod push_key;

use application::query::Page;
use application::{Application, Connection};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use events::settings_body::SettingsBody;
use events::{Answer, JsonText, TaskBody};
use runtime::ask::{Ask, respond};
use runtime::clock::Clock;
use runtime::etag::{self, IfNoneMatch};
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::path::Id;
use runtime::problem::Problem;
use runtime::query::{Query, wrong};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::push_key::PushKey;

/// The function's name.
pub const NAME: &str = "query-tasks";
/// How many occurrences are shown unless asked otherwise.
const OCCURRENCES: usize = 10;
/// How many occurrences are shown at most.
const MAX_OCCURRENCES: usize = 1_000;

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    Ok(function(application, start.clock, PushKey::from_environment(&start.environment)?))
}

/// Gives the function.
pub fn function(application: Application, _: Clock, push_key: PushKey) -> Function {
    let is_connected = application.database_probe();
    let push = OpenApiRouter::new().routes(routes!(push_key_of_browsers)).with_state(push_key);
    let http = OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(history))
        .routes(routes!(reminders))
        .routes(routes!(occurrences))
        .routes(routes!(settings))
        .with_state(application)
        .merge(push);
    Function::new(NAME).http(http).ready_when(Check::required("database", is_connected))
}

/// A page of tasks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct TaskPage {
    /// At most `limit`.
    tasks: Vec<TaskBody>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Lists tasks
///
/// Keyset pages: stable while tasks come and go.
#[utoipa::path(
    get,
    path = "/api/tasks",
    tag = "tasks",
    params(
        ("status" = Option<String>, Query, description = "active, completed or deleted; absent: all but deleted", pattern = "^(active|completed|deleted)$"),
        ("priority" = Option<String>, Query, description = "low, medium or high", pattern = "^(low|medium|high)$"),
        ("tag" = Option<String>, Query, description = "With this tag"),
        ("due_after" = Option<String>, Query, description = "Due at this instant or later; a date or local time is the user's"),
        ("due_before" = Option<String>, Query, description = "Due before this instant; a date or local time is the user's"),
        ("q" = Option<String>, Query, description = "In title or description, literally, without case; at most 200 characters", max_length = 200),
        ("sort" = Option<String>, Query, description = "created_at, due_date, priority or updated_at; - before it descends; default -created_at", pattern = "^-?(created_at|due_date|priority|updated_at)$"),
        ("limit" = Option<i64>, Query, description = "1–100, default 50", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")
    ),
    responses((status = 200, description = "A page", body = TaskPage))
)]
async fn list(State(application): State<Application>, ask: Ask, uri: Uri) -> Result<Json<Page>, Problem> {
    let listing = listing::parse(&application, ask.user_id(), &uri).await?;
    Ok(Json(application.list(ask.user_id(), &listing).await?))
}

/// Shows a task
#[utoipa::path(
    get,
    path = "/api/tasks/{id}",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag that is known")
    ),
    responses(
        (status = 200, description = "The task", body = TaskBody, headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "The known version is the newest")
    )
)]
async fn get(
    State(application): State<Application>,
    ask: Ask,
    Id(id): Id,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let task = application.get(ask.user_id(), id).await?;
    if known.has(task.version) {
        let headers: [(_, HeaderValue); 1] = [(header::ETAG, etag::format(task.version))];
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok(respond(Answer::task(task.version, JsonText::of(&task))))
}

/// What happened to a task.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct History {
    /// Oldest first.
    entries: Vec<HistoryEntry>,
}

/// One change of a task.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct HistoryEntry {
    /// By which it can be taken back (`POST /api/undo`).
    event_id: uuid::Uuid,
    /// task.created, task.updated, task.completed, task.reopened, task.deleted or task.restored.
    action: String,
    /// user, system or service.
    actor_type: String,
    /// Which user or function.
    actor_id: String,
    /// What changed, by field, as it was before; null when nothing was.
    #[schema(value_type = Option<Object>)]
    old_values: Option<Value>,
    /// What changed, by field, as it was afterwards.
    #[schema(value_type = Option<Object>)]
    new_values: Option<Value>,
    /// When.
    #[schema(format = DateTime)]
    timestamp: String,
    /// The `X-Correlation-ID` of the request that did it.
    correlation_id: String,
}

/// Shows who changed a task, from which value to which
#[utoipa::path(
    get,
    path = "/api/tasks/{id}/history",
    tag = "tasks",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses((status = 200, description = "Entries, oldest first", body = History))
)]
async fn history(
    State(application): State<Application>,
    ask: Ask,
    Id(id): Id,
) -> Result<Json<Value>, Problem> {
    Ok(Json(application.history(ask.user_id(), id).await?))
}

/// A task's reminders.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct ReminderList {
    /// By time.
    reminders: Vec<ShownReminder>,
}

/// A reminder, and what became of it.
#[derive(ToSchema)]
#[schema(as = Reminder)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct ShownReminder {
    /// Which.
    id: uuid::Uuid,
    /// Of which task.
    task_id: uuid::Uuid,
    /// When it is to be sent; quiet hours and retries do not change it.
    #[schema(format = DateTime)]
    trigger_time: String,
    /// pending, queued, sent, failed, cancelled or skipped.
    status: String,
    /// Why it was skipped or cancelled, why it failed, or why it waits; null when nothing needs saying.
    reason: Option<String>,
    /// While it is queued: when it is looked at again, whatever happens; null otherwise.
    #[schema(format = DateTime)]
    waits_until: Option<String>,
    /// email or push.
    delivery_method: String,
    /// Where to; null: the user's address.
    destination: Option<String>,
    /// How often it was tried again: 0 when the first attempt succeeds. Waiting for the end of quiet hours is no attempt.
    retry_count: i32,
    /// When it was last tried again; null when it never was.
    #[schema(format = DateTime)]
    last_retry_at: Option<String>,
    /// When it was sent.
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    /// Oldest first.
    attempts: Vec<ShownAttempt>,
}

/// An attempt at delivery.
#[derive(ToSchema)]
#[schema(as = ReminderAttempt)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct ShownAttempt {
    /// From 1.
    attempt: i32,
    /// When.
    #[schema(format = DateTime)]
    attempted_at: String,
    /// How long after the trigger time, in milliseconds.
    lateness_ms: i64,
    /// sent, retrying, failed, cancelled or postponed.
    outcome: String,
    /// Why; of one that was missed by more than a day also that it was told of in a digest.
    reason: Option<String>,
}

/// Shows a task's reminders, with every attempt at delivery
#[utoipa::path(
    get,
    path = "/api/tasks/{id}/reminders",
    tag = "tasks",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses((status = 200, description = "Reminders, by time", body = ReminderList))
)]
async fn reminders(
    State(application): State<Application>,
    ask: Ask,
    Id(id): Id,
) -> Result<Json<Value>, Problem> {
    Ok(Json(application.reminders(ask.user_id(), id).await?))
}

/// What a rule gives.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct OccurrenceList {
    /// In order; just this task's due date when it does not repeat, none when it has no due date.
    occurrences: Vec<Occurrence>,
}

/// One time that a rule gives.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct Occurrence {
    /// An RFC 3339 instant with the offset of the task's zone, or a date.
    #[schema(example = "2027-01-10T12:00:00+05:00")]
    due_date: String,
}

/// Shows what a task's rule gives, from its due date on
#[utoipa::path(
    get,
    path = "/api/tasks/{id}/occurrences",
    tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task"),
        ("limit" = Option<usize>, Query, description = "1–1000, default 10", minimum = 1, maximum = 1000)
    ),
    responses((status = 200, description = "Due dates, this task's first", body = OccurrenceList))
)]
async fn occurrences(
    State(application): State<Application>,
    ask: Ask,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(&uri, &["limit"])?;
    let limit = match query.get("limit").map(str::parse::<usize>) {
        None => OCCURRENCES,
        Some(Ok(limit)) if (1..=MAX_OCCURRENCES).contains(&limit) => limit,
        Some(_) => return Err(wrong("limit", "must be a number from 1 to 1000")),
    };
    Ok(Json(application.occurrences(ask.user_id(), id, limit).await?))
}

/// Shows the caller's settings
#[utoipa::path(
    get,
    path = "/api/settings",
    tag = "settings",
    responses((status = 200, description = "The settings", body = SettingsBody))
)]
async fn settings(State(application): State<Application>, ask: Ask) -> Result<Json<Value>, Problem> {
    Ok(Json(application.settings(ask.user_id()).await?))
}

/// Shows what a browser subscribes to notifications with
#[utoipa::path(
    get,
    path = "/api/push-key",
    tag = "settings",
    responses((status = 200, description = "The key", body = PushKey))
)]
async fn push_key_of_browsers(State(key): State<PushKey>, _: Ask) -> Json<PushKey> {
    Json(key)
}
