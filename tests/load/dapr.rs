//! What is ours of a request that comes through Dapr: a route of create-task that needs no database, against one of the echo, which does
//! the least that a server can, each behind a sidecar of its own.

use anyhow::{Context as _, Result, ensure};
use runtime::clock::Stopwatch;
use serde_json::Value;
use tests::daprd::{Daprd, Neighbour};
use tests::process::{Caller, Program, command};

use crate::Settings;
use crate::echo;
use crate::measure::milliseconds;
use crate::report::{Figure, Goal, Report};

/// How many requests each sends in a turn.
const REQUESTS: usize = 300;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let turns = if settings.is_quick { 3 } else { 10 };
    let mut function = command("create-task");
    function.env("DATABASE_URL", "postgres://kaam@127.0.0.1:1/kaam");
    let (ours, hello) = (Program::start(function).await, Program::start(echo::command()?).await);
    let Some(ours) = Invoked::behind_dapr("create-task", &ours).await else { return Ok(()) };
    let Some(hello) = Invoked::behind_dapr("hello", &hello).await else { return Ok(()) };
    let (mut added, mut through) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        let (hello, ours) = (hello.middle().await?, ours.middle().await?);
        added.push(ours - hello);
        through.push(hello);
    }
    let ours = "what create-task's /health takes longer than the echo's, both through daprd, p50";
    report.add(Figure::of_turns("P24", ours, "ms", &added, Goal::AtMost(0.1)));
    report.add(Figure::of_turns("P24", "the echo's through daprd, p50", "ms", &through, Goal::Shown));
    Ok(())
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
        Some(Self { sidecar, path: format!("/v1.0/invoke/{app_id}/method/health"), caller: Caller::new() })
    }

    /// Sends requests one after the other, on one connection, and gives how long the one in the middle took, in ms.
    async fn middle(&self) -> Result<f64> {
        let headers = [("dapr-api-token", self.sidecar.token())];
        let mut times = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            let clock = Stopwatch::start();
            let answer = self.caller.call(self.sidecar.port, "GET", &self.path, &Value::Null, &headers).await;
            times.push(milliseconds(clock.elapsed()));
            let (status, body) = answer.with_context(|| format!("{} does not answer", self.path))?;
            ensure!(status == 200, "{} was answered {status} {body}", self.path);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }
}
