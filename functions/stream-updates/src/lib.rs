//! `GET /api/updates`: a user's changes as they happen, as server-sent events.
//!
//! A stream reads `events`, from where its client was last; that is all that decides what it says, so no change is lost or told twice,
//! however often the relay, the bus or the connection fails. When to look it is told by the relay, through PostgreSQL's `NOTIFY`: that is
//! the same on every host, reaches every instance, and needs no bus. Where nobody can be told, it looks every second.
//!
//! It does not look into tasks: what changed is for the client to read.

mod message;
mod stream;
mod streams;

use std::time::Duration;

use application::{Application, Connection};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use runtime::clock::Clock;
use runtime::config::{ConfigError, Environment};
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::problem::Problem;
use runtime::query::Query;
use runtime::user::Caller;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::stream::Stream;
use crate::streams::{Full, Streams};

/// The function's name.
pub const NAME: &str = "stream-updates";

/// How long a client waits that was refused for what others have, in seconds.
const RETRY_AFTER_S: u32 = 5;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LAST_EVENT_ID_PARAMETER: &str = "last_event_id";

/// How many streams are open at once, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of a user: `UPDATE_STREAMS_PER_USER`, default 10. Beyond: 429.
    pub per_user: usize,
    /// Of a process: `UPDATE_STREAMS`, default 500. Each takes a connection and, with what it reads, some 50 kB. Beyond: 503.
    pub per_process: usize,
    /// How long a reader may take for what is sent before the stream is ended; no setting.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_user: 10, per_process: 500, patience: Duration::from_secs(30) }
    }
}

impl Limits {
    /// Reads them.
    ///
    /// # Errors
    /// One that is no number from 1 to 100,000.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let read = |name: &str, default: usize| {
            let allowed = "a number of streams from 1 to 100000";
            let number: Option<usize> = environment.parse(name, allowed)?;
            match number {
                Some(value) if !(1..=100_000).contains(&value) => Err(ConfigError::Invalid {
                    name: name.to_owned(),
                    value: value.to_string(),
                    allowed: allowed.to_owned(),
                }),
                number => Ok(number.unwrap_or(default)),
            }
        };
        let default = Self::default();
        Ok(Self {
            per_user: read("UPDATE_STREAMS_PER_USER", default.per_user)?,
            per_process: read("UPDATE_STREAMS", default.per_process)?,
            ..default
        })
    }
}

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong; and AWS Lambda, which gives an answer once it is whole.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    anyhow::ensure!(
        !start.is_frozen_between_requests,
        "streams have no end, and AWS Lambda sends an answer when it is whole; run stream-updates on another host, or let clients poll"
    );
    let limits = Limits::from_environment(&start.environment)?;
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, || {})?;
    Ok(function(application, start.clock, limits))
}

/// Gives the function.
pub fn function(application: Application, clock: Clock, limits: Limits) -> Function {
    let is_connected = application.database_probe();
    let streams = Streams::new(application, limits);
    let over = streams.stop().clone();
    let http = OpenApiRouter::new().routes(routes!(updates)).with_state((streams, clock));
    Function::new(NAME)
        .http(http)
        .ready_when(Check::required("database", is_connected))
        // At once, so that nobody is waited for who would stay for ever.
        .background(|stop| async move {
            stop.cancelled().await;
            over.cancel();
        })
}

/// Tells of changes as they happen
///
/// An endless stream of server-sent events. `ready` comes first: what is read after it misses nothing. Then `task` for each version of a
/// task, with `{"task_id","version","change"}`, and `settings`. The `id` of the last message, sent as `Last-Event-ID`, goes on where the
/// stream ended, without loss or repeat; when too much was missed, or the id is not known, `reset` says that everything is to be read anew.
/// Versions of a task may change places when they were made at the same time. The stream ends with the caller's token, after half an hour,
/// and when the server stops; then the client comes back.
#[utoipa::path(
    get,
    path = "/api/updates",
    tag = "tasks",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last message that was read"),
        ("last_event_id" = Option<String>, Query, description = "The same, for those who can not send the header, which wins")
    ),
    responses(
        (status = 200, description = "Messages, for as long as the stream lasts", content_type = "text/event-stream", body = String),
        (status = 429, description = "The user has too many streams")
    )
)]
async fn updates(
    State((streams, clock)): State<(Streams, Clock)>,
    caller: Caller,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(&uri, &[LAST_EVENT_ID_PARAMETER])?;
    // What is no text is no cursor either.
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?").to_owned());
    let last = last.or_else(|| query.get(LAST_EVENT_ID_PARAMETER).map(str::to_owned));
    let last = last.filter(|last| !last.is_empty()).map(|last| last.parse().map_err(|_| ()));
    // Before anything is read, so that it is told of whatever comes after that.
    let place = streams.open(&caller.user_id).map_err(refuse)?;
    let expires_at = caller.expires_at();
    let stream = Stream { place, user_id: caller.user_id, clock, expires_at };
    let body = stream.begin(last).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        // What nginx and those like it understand: pass on what there is.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

fn refuse(full: Full) -> Problem {
    match full {
        Full::OfUser => Problem::too_many_requests(
            "you have too many streams of updates open, close one first",
            RETRY_AFTER_S,
        ),
        Full::OfProcess => Problem::unavailable(RETRY_AFTER_S)
            .with_detail("there are too many streams of updates here, try again later"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_an_answer_has_to_end_it_does_not_start() {
        let settings = [("DATABASE_URL", "postgres://kaam@localhost/kaam")];
        let start = |more: &[(&str, &str)]| {
            let settings = settings.iter().chain(more).copied();
            Start::from_environment(Environment::from_pairs(settings)).expect("sound settings")
        };
        assert_eq!(build(start(&[])).await.expect("elsewhere it does").name, NAME);
        let refused =
            build(start(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")])).await.expect_err("on Lambda");
        assert!(refused.to_string().contains("Lambda"), "{refused}");
    }

    #[test]
    fn limits_are_numbers_of_streams() {
        let read = |name, value| Limits::from_environment(&Environment::from_pairs([(name, value)]));
        let limits = read("UPDATE_STREAMS", "7").expect("a number");
        assert_eq!(limits, Limits { per_process: 7, ..Limits::default() });
        let limits = read("UPDATE_STREAMS_PER_USER", "7").expect("a number");
        assert_eq!(limits, Limits { per_user: 7, ..Limits::default() });
        for (name, value) in
            [("UPDATE_STREAMS", "0"), ("UPDATE_STREAMS_PER_USER", "many"), ("UPDATE_STREAMS", "100001")]
        {
            let error = read(name, value).expect_err(value);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
