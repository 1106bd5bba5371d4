//! What is ours of a request that comes through Dapr: what create-task answers without its database, against the echo, which does the least
//! that a server can, each behind a sidecar of its own. A task without a title has all that a request has before its operation: a token,
//! limits, JSON, a line of the log; what asks whether the process lives has next to none.

use anyhow::{Context as _, Result, ensure};
use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use tests::daprd::{Daprd, Neighbour};
use tests::issuer;
use tests::process::{Caller, Program, command};

use crate::Settings;
use crate::bed::{ISSUER, SECRET, tokens};
use crate::echo;
use crate::measure::{median, milliseconds};
use crate::report::{Figure, Goal, Report};

/// How many requests each sends in a turn.
const REQUESTS: usize = 300;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let turns = if settings.is_quick { 3 } else { 10 };
    let mut function = command("create-task");
    function
        .env("DATABASE_URL", "postgres://kaam@127.0.0.1:1/kaam")
        .env("LOG_FORMAT", "json")
        .env("AUTH", "jwt")
        .env("JWT_SECRET", SECRET)
        .env("JWT_ISSUER", ISSUER)
        .env("JWT_AUDIENCE", issuer::AUDIENCE)
        .env("RATE_LIMIT_USER", "1000000");
    let bearer = format!("Bearer {}", tokens(1)[0]);
    let (ours, hello) = (Program::start(function).await, Program::start(echo::command()?).await);
    let Some(ours) = Invoked::behind_dapr("create-task", &ours).await else { return Ok(()) };
    let Some(hello) = Invoked::behind_dapr("hello", &hello).await else { return Ok(()) };
    let health = Request { method: "GET", path: "health", body: Value::Null };
    let untitled = Request { method: "POST", path: "api/tasks", body: json!({"priority": "high"}) };
    for (what, request, status) in [("/health", &health, 200), ("a refusal", &untitled, 422)] {
        let (mut added, mut through) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            let hello = hello.takes(request, 200, &bearer).await?;
            added.push(ours.takes(request, status, &bearer).await? - hello);
            through.push(hello);
        }
        let ours =
            format!("what {what} of create-task takes longer than the echo's, both through daprd, p50");
        report.add(Figure::of_turns("P24", ours, "ms", &added, Goal::AtMost(0.1)));
        let echo = format!("the echo's through daprd instead of {what}, p50");
        report.add(Figure::of_turns("P24", echo, "ms", &through, Goal::Shown));
    }
    Ok(())
}

/// What is asked of both.
struct Request {
    method: &'static str,
    path: &'static str,
    body: Value,
}

/// An app that is invoked through a sidecar.
struct Invoked {
    sidecar: Daprd,
    path: String,
    caller: Caller,
}

impl Invoked {
    /// `None`, having said so, when this machine has no daprd.
    async fn behind_dapr(app_id: &'static str, app: &Program) -> Option<Self> {
        let of = Neighbour::of(app_id, Some(app.port), Vec::new());
        // An app that invokes itself is called at once, wherever others are.
        let sidecar = Daprd::beside(Neighbour { is_open: true, invoked: Some(1), ..of })?;
        sidecar.ready().await;
        Some(Self { sidecar, path: format!("/v1.0/invoke/{app_id}/method"), caller: Caller::new() })
    }

    /// Sends requests one after the other, on one connection, and gives how long the one in the middle took, in ms.
    async fn takes(&self, request: &Request, status: u16, bearer: &str) -> Result<f64> {
        let headers = [("dapr-api-token", self.sidecar.token()), ("authorization", bearer)];
        let path = format!("{}/{}", self.path, request.path);
        let mut times = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            let clock = Stopwatch::start();
            let answer =
                self.caller.call(self.sidecar.port, request.method, &path, &request.body, &headers).await;
            times.push(milliseconds(clock.elapsed()));
            let (answered, body) = answer.with_context(|| format!("{path} does not answer"))?;
            ensure!(answered == status, "{path} was answered {answered} {body}");
        }
        Ok(median(&mut times))
    }
}
