//! `POST /api/tasks`: creates a task.

use application::input::TaskFields;
use application::{Application, Connection};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use events::task_body::TaskInput;
use events::{Issue, Refusal, TaskBody};
use runtime::ask::{Ask, respond};
use runtime::clock::Clock;
use runtime::function::{Check, Function};
use runtime::json::JsonBody;
use runtime::main::Start;
use runtime::problem::Problem;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The function's name.
pub const NAME: &str = "create-task";

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
    let http = OpenApiRouter::new().routes(routes!(create)).with_state((application, clock));
    Function::new(NAME).http(http).ready_when(Check::required("database", is_connected))
}

/// Creates a task
///
/// With an `Idempotency-Key`, repeating the request within 24 hours gives the same answer and no second task.
#[utoipa::path(
    post,
    path = "/api/tasks",
    tag = "tasks",
    params(("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")),
    request_body = TaskInput,
    responses((status = 200, description = "The task", body = TaskBody, headers(
        ("ETag" = String, description = "Its version"), ("Location" = String, description = "Its path")
    )))
)]
async fn create(
    State((application, clock)): State<(Application, Clock)>,
    ask: Ask,
    JsonBody(body, bytes): JsonBody,
) -> Result<Response, Problem> {
    let body = body.as_object().expect("JsonBody takes objects only");
    let (cause, fields) = match (ask.cause_of(NAME, &clock, body.get("user_id")), parse(body)) {
        (Ok(cause), Ok(fields)) => (cause, fields),
        (Ok(_), Err(wrong)) => return Err(wrong),
        (Err(refused), Err(wrong)) if refused.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            return Err(Problem::validation([refused.errors(), wrong.errors()].concat()));
        }
        (Err(refused), _) => return Err(refused),
    };
    Ok(respond(application.create(&cause, &fields, ask.key(&bytes).as_ref()).await?))
}

/// Reads the fields; a title that is missing is named together with whatever else is wrong.
fn parse(body: &Map<String, Value>) -> Result<TaskFields, Problem> {
    let (fields, mut issues) = match TaskFields::parse(body, &["user_id"]) {
        Ok(fields) => (fields, Vec::new()),
        Err(issues) => (TaskFields::default(), issues),
    };
    if !body.contains_key("title") {
        issues.push(Issue { path: "title".to_owned(), message: "is needed".to_owned() });
    }
    if issues.is_empty() { Ok(fields) } else { Err(Refusal::Invalid(issues).into()) }
}
