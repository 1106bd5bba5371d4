//! Many instances that start at once, as a platform starts them when much comes in: whether all are served, and whether they take no more
//! of PostgreSQL's connections than they may.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use runtime::clock::Stopwatch;
use serde_json::json;
use tests::process::{Caller, Starting};
use tokio::time::sleep;

use crate::bed::{Bed, Commit, tokens};
use crate::report::{Figure, Goal, Report};

/// How many instances start at once.
const INSTANCES: usize = 50;
/// How many requests come to each at once, more than it has connections.
const REQUESTS: usize = 4;
/// The connections of one instance, the default.
const CONNECTIONS: usize = 2;
/// How long a client tries until it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// # Errors
/// A program does not start, or a request is not answered by a success in the end.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    // As many connections as instances may take, and those that PostgreSQL keeps back.
    let allowed = INSTANCES * CONNECTIONS;
    let bed = Bed::with_connections(Commit::Durable, u16::try_from(allowed)? + 10).await?;
    let tokens = Arc::new(tokens(INSTANCES));
    let is_over = Arc::new(AtomicBool::new(false));
    let most = tokio::spawn(most_backends(bed.database().await?, Arc::clone(&is_over)));
    let clock = Stopwatch::start();
    let mut starting = Vec::new();
    for _ in 0..INSTANCES {
        let mut command = bed.function("create-task")?;
        command.env("DATABASE_CONNECTIONS", CONNECTIONS.to_string());
        starting.push(Starting::spawn(command));
    }
    let served = starting.into_iter().enumerate().map(|(number, starting)| {
        let tokens = Arc::clone(&tokens);
        async move {
            let program = starting.ready().await;
            let bearer = format!("Bearer {}", tokens[number]);
            let refused = try_join_all((0..REQUESTS).map(|_| created(program.port, &bearer))).await?;
            Ok::<_, anyhow::Error>((program, refused.into_iter().sum::<u32>()))
        }
    });
    let served = try_join_all(served).await?;
    let time = clock.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    let most = most.await?? as f64;
    let refused: u32 = served.iter().map(|(_, refused)| refused).sum();
    let count = bed.count("tasks").await?;
    ensure!(count == (INSTANCES * REQUESTS) as u64, "{count} tasks, and {INSTANCES} × {REQUESTS} answers");
    let of = format!("{INSTANCES} instances that start at once");
    let backends = format!("connections that {of} take ÷ what they may");
    report.add(Figure::counted("P23", backends, "", most / allowed as f64, Goal::AtMost(1.0)));
    let answers = format!("answers of {of} other than a success, each tried again until it was one");
    report.add(Figure::counted("P23", answers, "", f64::from(refused), Goal::AtMost(0.0)));
    let all = format!("until {of} had answered {REQUESTS} creates each");
    report.add(Figure::counted("P23", all, "s", time, Goal::Shown));
    drop(served);
    bed.stop().await
}

/// Creates a task, as often as it takes; gives how many times it was told to come back.
async fn created(port: u16, bearer: &str) -> Result<u32> {
    let (caller, clock, mut refused) = (Caller::new(), Stopwatch::start(), 0);
    let headers = [("authorization", bearer)];
    loop {
        let body = json!({"title": "buy milk"});
        let (status, body) =
            caller.call(port, "POST", "/api/tasks", &body, &headers).await.context("no answer")?;
        if status == 200 {
            return Ok(refused);
        }
        ensure!(status == 503 && clock.elapsed() < PATIENCE, "answered {status} {body}");
        refused += 1;
        sleep(Duration::from_millis(100)).await;
    }
}

/// Counts the functions' connections again and again, and gives the most that there were.
async fn most_backends(mut database: sqlx::PgConnection, is_over: Arc<AtomicBool>) -> Result<i64> {
    let mut most = 0;
    while !is_over.load(Ordering::Relaxed) {
        // Who else is connected is all that a role may see of others.
        let statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user";
        let count: i64 = sqlx::query_scalar(statement).fetch_one(&mut database).await?;
        most = most.max(count);
        sleep(Duration::from_millis(5)).await;
    }
    ensure!(most > 0, "nobody connects");
    Ok(most)
}
