//! `POST /chat/command` and its kin: understands what is said, does it through the use cases, and answers.
//!
//! `request` reads the body, `understanding` makes sense of it, `decide`, `act` and `perform` turn it into changes and a reply,
//! `turn` commits both at once. What a conversation is about between two messages is in `state`, and `memory` keeps it. Where the
//! parser is not sure, `model` may know better, and is not believed.

// Optimised, what `decide` waits for is nested more deeply than the compiler looks by itself.
#![recursion_limit = "256"]

mod act;
mod answer;
mod clarify;
mod create;
mod decide;
mod filter;
mod memory;
mod model;
mod outcome;
mod parsed;
mod perform;
mod proposal;
mod query;
mod reply;
mod request;
mod series;
mod state;
mod targets;
mod turn;
mod turns;
mod understanding;
mod undo;
mod unfit;
mod update;

use std::time::Duration;

use application::{Application, Connection};
use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::Response;
use events::TaskBody;
use runtime::ask::{Ask, respond};
use runtime::clock::Clock;
use runtime::function::{Check, Function};
use runtime::json::JsonBody;
use runtime::main::Start;
use runtime::problem::Problem;
use runtime::query::{Query, wrong};
use runtime::rate_limit::Costs;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use crate::memory::Memory;
pub use crate::model::Model;
use crate::request::Request;
use crate::turns::Turns;

/// The function's name.
pub const NAME: &str = "chat-command";
/// How long a message may take beside what the model takes.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// How many messages a page has unless asked otherwise.
const PAGE: i64 = 50;
/// How many messages a page has at most.
const MAX_PAGE: i64 = 100;

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?
        .with_quotas(start.config.quotas);
    let backing = Backing::from_start(&start)?;
    Ok(function(application, start.clock, backing))
}

/// What the chat leans on beside the database.
#[derive(Debug, Clone)]
pub struct Backing {
    /// Where it keeps what conversations are about.
    pub memory: Memory,
    /// Whom it asks what the parser is not sure of; `None`: nobody.
    pub model: Option<Model>,
}

impl Backing {
    /// Gives what the settings name.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn from_start(start: &Start) -> anyhow::Result<Self> {
        Ok(Self {
            memory: Memory::from_environment(&start.environment, &start.metrics)?,
            model: Model::from_environment(&start.environment, start.clock.clone())?,
        })
    }
}

/// Gives the function.
pub fn function(application: Application, clock: Clock, backing: Backing) -> Function {
    let Backing { memory, model } = &backing;
    let dapr_check = memory.check();
    let is_connected = application.database_probe();
    let function = Function::new(NAME).ready_when(Check::required("database", is_connected));
    let function = match model {
        Some(model) => function
            .ready_when(Check::optional("ollama", model.probe()))
            .timeout(REQUEST_DEADLINE + model.deadline()),
        None => function,
    };
    let chat = Chat { application, clock, backing, turns: Turns::default() };
    let said = OpenApiRouter::new().routes(routes!(command)).routes(routes!(parse)).with_state(chat.clone());
    let read = OpenApiRouter::new().routes(routes!(messages)).with_state(chat);
    let function = function.http(Costs::Chat.of(said)).http(read);
    dapr_check.into_iter().fold(function, Function::ready_when)
}

/// What every request needs.
#[derive(Clone)]
struct Chat {
    application: Application,
    clock: Clock,
    backing: Backing,
    turns: Turns,
}

/// What is said.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body in OpenAPI")]
struct Said {
    /// 1–4,000 characters after trimming.
    #[schema(min_length = 1, max_length = 4000, example = "Create a task to buy milk tomorrow at 5pm")]
    user_input: String,
    /// Any name of the client's, private to the user; absent: a new conversation.
    #[schema(min_length = 1, max_length = 200, example = "test-conv-1")]
    conversation_id: Option<String>,
    /// Who says it, and then the caller.
    #[schema(max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")]
    user_id: Option<String>,
    /// The IANA zone of what is said; absent: the user's.
    #[schema(example = "Asia/Karachi")]
    time_zone: Option<String>,
    /// When it is said, as RFC 3339 with offset; absent: now.
    #[schema(format = DateTime)]
    client_time: Option<String>,
    /// `en-US`, `en-GB` or `ur-PK`: the order of day and month; absent: the user's.
    #[schema(example = "en-GB", pattern = "^(en-US|en-GB|ur-PK)$")]
    locale: Option<String>,
}

/// What is answered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer in OpenAPI")]
struct Reply {
    /// The answer, in words; it claims only what is committed.
    response: String,
    /// `create_task`, `update_task`, `complete_task`, `delete_task`, `query_tasks` or `unknown`.
    #[schema(pattern = "^(create_task|update_task|complete_task|delete_task|query_tasks|unknown)$")]
    intent_detected: String,
    /// `TaskAgent`, or `ReminderAgent` when it asks to be reminded.
    #[schema(pattern = "^(TaskAgent|ReminderAgent)$")]
    skill_agent_used: String,
    /// 0–1; below 0.7 nothing is changed and a question is asked.
    #[schema(minimum = 0, maximum = 1)]
    confidence_score: f64,
    /// To be sent with the next message.
    conversation_id: String,
    /// A question is asked; present only then.
    clarification_needed: Option<bool>,
    /// A yes or no is waited for; present only then.
    confirmation_needed: Option<bool>,
    /// The task that was created.
    task_created: Option<TaskBody>,
    /// The task that was changed, reopened or restored.
    task_updated: Option<TaskBody>,
    /// The task that was done.
    task_completed: Option<TaskBody>,
    /// The task that was deleted.
    task_deleted: Option<TaskBody>,
    /// The tasks that were asked for, or all that were changed when there are several; "2" is the second of them.
    tasks: Option<Vec<TaskBody>>,
    /// The tasks that may be meant, or that a yes would change; "2" is the second of them.
    candidates: Option<Vec<TaskBody>>,
}

/// Does what is said
///
/// Deleting, acting on several tasks or on one that is matched loosely is first proposed, and done after a yes. With an
/// `Idempotency-Key`, repeating the request within 24 hours gives the same answer and does nothing again.
#[utoipa::path(
    post,
    path = "/chat/command",
    tag = "chat",
    params(("Idempotency-Key" = Option<String>, Header, description = "1–255 printable ASCII characters")),
    request_body = Said,
    responses((status = 200, description = "The answer", body = Reply))
)]
async fn command(
    State(Chat { application, clock, backing, turns }): State<Chat>,
    ask: Ask,
    JsonBody(body, bytes): JsonBody,
) -> Result<Response, Problem> {
    let (cause, request) = Request::read(&ask, &clock, &body)?;
    let key = ask.key(&bytes);
    Ok(respond(turn::answer(&application, &backing, &turns, &cause, &request, key.as_ref()).await?))
}

/// Shows what would be understood
///
/// Does nothing else.
#[utoipa::path(
    post,
    path = "/chat/parse",
    tag = "chat",
    request_body = Said,
    responses((status = 200, description = "What was understood, with spans in code points", body = Value))
)]
async fn parse(
    State(Chat { application, clock, .. }): State<Chat>,
    ask: Ask,
    JsonBody(body, _): JsonBody,
) -> Result<Json<Value>, Problem> {
    let (cause, request) = Request::read(&ask, &clock, &body)?;
    let settings = application.fresh_settings(&cause.user_id).await?;
    Ok(Json(parsed::show(&request.utterance(&settings, cause.now))))
}

/// Shows what was said in a conversation
///
/// Oldest first, both sides; `answered_by` says whether the parser or the model understood what was said.
#[utoipa::path(
    get,
    path = "/chat/conversations/{conversation_id}",
    tag = "chat",
    params(
        ("conversation_id" = String, Path, description = "The client's name for it", min_length = 1, max_length = 200),
        ("limit" = Option<i64>, Query, description = "1–100, default 50", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")
    ),
    responses((status = 200, description = "A page of messages", body = Value))
)]
async fn messages(
    State(Chat { application, .. }): State<Chat>,
    ask: Ask,
    parameters: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let unknown = || Problem::not_found("there is no such conversation");
    let parameters = parameters.map_err(|_| unknown())?;
    let (_, id) = parameters.iter().next().ok_or_else(unknown)?;
    if !request::is_conversation_id(id) {
        return Err(unknown());
    }
    let query = Query::parse(&uri, &["limit", "cursor"])?;
    let limit = match query.get("limit").map(str::parse::<i64>) {
        None => PAGE,
        Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
        Some(_) => return Err(wrong("limit", "must be a number from 1 to 100")),
    };
    Ok(Json(application.messages(ask.user_id(), id, limit, query.get("cursor")).await?))
}
