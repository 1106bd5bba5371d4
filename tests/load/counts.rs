//! What does not depend on how quick a machine is: round trips, commits and bytes of the write-ahead log of a command, counted on the
//! wire and by PostgreSQL; and instructions, counted by callgrind. The baseline holds them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::process::Program;
use tests::wire::Wire;
use tokio::process::Command;

use crate::Settings;
use crate::bed::{Bed, Commit, tokens};
use crate::clients::{Clients, TASK, creating, request};
use crate::pgbench::Pgbench;
use crate::report::{Figure, Goal, Report};

/// How often a command is carried out where round trips are counted.
const TIMES: usize = 10;
/// How often before, so that it is connected, and what is remembered is known.
const WARM: usize = 5;
/// How often instructions are counted.
const RUNS: u64 = 3;
/// Whose tasks are read and changed under callgrind.
const FEW_USERS: usize = 64;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(_: &Settings, report: &mut Report) -> Result<()> {
    let bed = Bed::start(Commit::Counted).await?;
    round_trips(&bed, report).await?;
    bed.truncate().await?;
    write_ahead_log(&bed, report).await?;
    if Command::new("valgrind").arg("--version").output().await.is_err() {
        println!("There is no valgrind: instructions are not counted.");
        return bed.stop().await;
    }
    bed.truncate().await?;
    instructions(&bed, report).await?;
    bed.stop().await
}

/// A command on one task: its name, the function that carries it out, its method, its path below the task's, and its body.
struct OnTask {
    name: &'static str,
    function: &'static str,
    method: &'static str,
    path: &'static str,
    body: Value,
    /// How many round trips it may take.
    most: f64,
    /// How many transactions it writes in.
    commits: f64,
}

fn on_task(name: &'static str, function: &'static str, method: &'static str, path: &'static str) -> OnTask {
    OnTask { name, function, method, path, body: Value::Null, most: 2.0, commits: 1.0 }
}

/// Counts the round trips and the commits of every command on a task.
async fn round_trips(bed: &Bed, report: &mut Report) -> Result<()> {
    let token = format!("Bearer {}", tokens(1)[0]);
    let mut database = bed.database().await?;
    let task: Value = serde_json::from_str(TASK)?;
    let wire = Wire::before(&bed.url_of("create-task"));
    let create = Program::start(bed.function_of_one("create-task", Some(&wire.url))).await;
    let mut created = Vec::new();
    let mut before = (0, 0);
    // Less than a hundred, after which what a user has is counted anew.
    for number in 0..WARM + 5 * (TIMES + WARM) {
        if number == WARM {
            before = (transactions(&mut database).await?, wire.round_trips());
            let _ = wire.signs_of_life();
        }
        let key = format!("key {number}");
        let headers = [("authorization", token.as_str()), ("idempotency-key", key.as_str())];
        let answer = create.call("POST", "/api/tasks", &task, &headers).await;
        let (status, body) = answer.context("create-task does not answer")?;
        ensure!(status == 200, "{body}");
        created.push(body["id"].as_str().context("a task without an id")?.to_owned());
    }
    let counted = (created.len() - WARM) as f64;
    let commits = (transactions(&mut database).await? - before.0) as f64 / counted;
    add(report, "create", wire.round_trips() as f64 / counted, 1.0, commits, 1.0);
    // One that was idle for a moment, on a machine that is busy, is tested; a round trip that each create has would not be counted above.
    let signs = wire.signs_of_life() as f64 / counted;
    ensure!(signs < 0.5, "{signs} tests of a connection for each create");
    drop(create);

    let commands = [
        OnTask { most: 1.0, commits: 0.0, ..on_task("get", "query-tasks", "GET", "") },
        OnTask { body: json!({"title": "buy bread"}), ..on_task("update", "update-task", "PATCH", "") },
        OnTask { body: json!({"for": "10m"}), ..on_task("snooze", "update-task", "POST", "/snooze") },
        on_task("complete", "complete-task", "POST", "/complete"),
        on_task("delete", "delete-task", "DELETE", ""),
    ];
    for (command, ids) in commands.iter().zip(created.chunks(TIMES + WARM)) {
        let wire = Wire::before(&bed.url_of(command.function));
        let program = Program::start(bed.function_of_one(command.function, Some(&wire.url))).await;
        let mut before = 0;
        for (number, id) in ids.iter().enumerate() {
            if number == WARM {
                (before, _) = (transactions(&mut database).await?, wire.round_trips());
            }
            let path = format!("/api/tasks/{id}{}", command.path);
            let key = format!("{} {number}", command.name);
            let mut headers = vec![("authorization", token.as_str())];
            if command.method == "POST" {
                headers.push(("idempotency-key", key.as_str()));
            }
            let answer = program.call(command.method, &path, &command.body, &headers).await;
            let (status, body) = answer.with_context(|| format!("{} does not answer", command.function))?;
            ensure!(status == 200, "{}: {body}", command.name);
        }
        let trips = wire.round_trips() as f64 / TIMES as f64;
        let commits = (transactions(&mut database).await? - before) as f64 / TIMES as f64;
        add(report, command.name, trips, command.most, commits, command.commits);
    }

    let wire = Wire::before(&bed.url_of("query-tasks"));
    let query = Program::start(bed.function_of_one("query-tasks", Some(&wire.url))).await;
    let mut before = 0;
    for number in 0..TIMES + WARM {
        if number == WARM {
            (before, _) = (transactions(&mut database).await?, wire.round_trips());
        }
        let answer =
            query.call("GET", "/api/tasks?limit=50", &Value::Null, &[("authorization", &token)]).await;
        let (status, body) = answer.context("query-tasks does not answer")?;
        ensure!(status == 200 && body["tasks"].as_array().is_some_and(|found| found.len() == 50), "{body}");
    }
    let trips = wire.round_trips() as f64 / TIMES as f64;
    let commits = (transactions(&mut database).await? - before) as f64 / TIMES as f64;
    add(report, "list", trips, 1.0, commits, 0.0);
    Ok(())
}

fn add(report: &mut Report, name: &str, trips: f64, most_trips: f64, commits: f64, most_commits: f64) {
    let trips_of = format!("round trips per {name}");
    report.add(Figure::counted("P6", trips_of, "", trips, Goal::AtMost(most_trips)).held());
    let commits_of = format!("writing transactions per {name}");
    report.add(Figure::counted("P6", commits_of, "", commits, Goal::AtMost(most_commits)).held());
}

/// Gives how many transactions have ever written.
async fn transactions(database: &mut PgConnection) -> Result<u64> {
    let next: i64 = sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        .fetch_one(database)
        .await?;
    Ok(next.unsigned_abs())
}

/// Gives how many bytes the write-ahead log has ever had.
async fn written(database: &mut PgConnection) -> Result<i64> {
    let bytes = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
    Ok(sqlx::query_scalar(bytes).fetch_one(database).await?)
}

/// Counts what a create writes, against pgbench with the same SQL.
async fn write_ahead_log(bed: &Bed, report: &mut Report) -> Result<()> {
    const COUNT: u64 = 2_000;
    let tokens = tokens(crate::bed::USERS);
    let program = Program::start(bed.function_of_one("create-task", None)).await;
    let clients = Clients::new(program.port, creating(&tokens));
    clients.send_times(1, 1_000)?;
    let mut pgbench = Pgbench::creating(bed).await?;
    let mut database = bed.database().await?;
    let mut taken = Vec::new();
    for is_ours in [true, false] {
        bed.truncate().await?;
        let before = (transactions(&mut database).await?, written(&mut database).await?);
        if is_ours {
            clients.send_times(1, COUNT)?;
        } else {
            pgbench.run_times(COUNT)?;
        }
        let transactions = transactions(&mut database).await? - before.0;
        let bytes = written(&mut database).await? - before.1;
        ensure!(bed.count("idempotency_keys").await? == COUNT, "not all of them were created");
        taken.push((transactions as f64 / COUNT as f64, bytes as f64 / COUNT as f64));
    }
    let (ours, theirs) = (taken[0], taken[1]);
    let commits = "commits per create ÷ pgbench with the same SQL";
    report.add(Figure::counted("P7", commits, "", ours.0 / theirs.0, Goal::AtMost(1.0)).held());
    let wal = "bytes of write-ahead log per create ÷ pgbench with the same SQL";
    report.add(Figure::counted("P7", wal, "", ours.1 / theirs.1, Goal::AtMost(1.05)).held());
    report.add(Figure::counted("P7", "bytes of write-ahead log per create", "B", ours.1, Goal::Shown).held());
    Ok(())
}

/// Counts the instructions of a request: a program that answers twice as many takes that many more, whatever its start costs.
async fn instructions(bed: &Bed, report: &mut Report) -> Result<()> {
    const COUNT: u64 = 640;
    let tokens = tokens(FEW_USERS);
    let creating = creating(&tokens);
    let create = counted(bed, "create-task", COUNT, &creating).await?;
    add_instructions(report, "create", create);

    // What was created under callgrind: 90 tasks of each user.
    let mut database = bed.database().await?;
    let tasks: Vec<(String, String)> =
        sqlx::query_as("SELECT user_id, id::text FROM tasks ORDER BY created_at")
            .fetch_all(&mut database)
            .await?;
    database.close().await?;
    let of = |number: u64| {
        let (user, id) = &tasks[usize::try_from(number).unwrap_or_default() % tasks.len()];
        let place = user.parse::<usize>().unwrap_or(1) - 1;
        (id.as_str(), tokens[place].as_str())
    };
    let get = |number| {
        let (id, token) = of(number);
        request("GET", &format!("/api/tasks/{id}"), token, None, "")
    };
    add_instructions(report, "get", counted(bed, "query-tasks", COUNT, get).await?);
    let list = |number| request("GET", "/api/tasks?limit=20", of(number).1, None, "");
    add_instructions(report, "list of 20", counted(bed, "query-tasks", COUNT, list).await?);
    let complete = |number| {
        let (id, token) = of(number);
        request("POST", &format!("/api/tasks/{id}/complete"), token, Some(number), "")
    };
    add_instructions(report, "complete", counted(bed, "complete-task", COUNT, complete).await?);
    Ok(())
}

fn add_instructions(report: &mut Report, name: &str, count: f64) {
    let name = format!("instructions per {name}");
    report.add(Figure::counted("P3", name, "", count, Goal::Shown).held());
}

/// Gives the instructions of a request, each of which has another number. What happens beside it, as a look at the clock, comes on top at
/// times: the least of several runs counts.
async fn counted<F: Fn(u64) -> Vec<u8> + Sync>(
    bed: &Bed,
    function: &str,
    count: u64,
    make: F,
) -> Result<f64> {
    let (mut once, mut twice) = (u64::MAX, u64::MAX);
    for run in 0..RUNS {
        let from = 3 * run * count;
        once = once.min(all_instructions(bed, function, count, &make, from).await?);
        twice = twice.min(all_instructions(bed, function, 2 * count, &make, from + count).await?);
    }
    Ok((twice - once) as f64 / count as f64)
}

/// Runs a function under callgrind with requests from a number on, and gives all its instructions.
async fn all_instructions<F: Fn(u64) -> Vec<u8> + Sync>(
    bed: &Bed,
    function: &str,
    count: u64,
    make: F,
    from: u64,
) -> Result<u64> {
    let file = bed.directory().join(format!("callgrind.{function}.{from}.{count}"));
    let program = Program::start(under_callgrind(&bed.function_of_one(function, None), &file)).await;
    Clients::new(program.port, |number| make(number + from)).send_times(1, count)?;
    let ended = program.stop().await;
    ensure!(ended.success(), "{function} ended with {ended}");
    let counts = std::fs::read_to_string(&file)?;
    let total =
        counts.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    total.and_then(|total| total.trim().parse().ok()).context("callgrind gives no total")
}

/// Has a program run under callgrind, on one processor: it then has one thread, as on a function's share of one, and the count is the
/// same each time.
fn under_callgrind(command: &Command, file: &Path) -> Command {
    let command = command.as_std();
    let mut wrapped = Command::new("taskset");
    wrapped.args(["-c", "0", "valgrind", "--quiet", "--tool=callgrind", "--collect-systime=no"]);
    wrapped.arg(format!("--callgrind-out-file={}", file.display())).arg(command.get_program());
    wrapped.env_clear().kill_on_drop(true);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.env(name, value);
        }
    }
    wrapped
}
