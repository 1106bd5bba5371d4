//! Behind PgBouncer in transaction mode (F9).

use std::fs;
use std::time::Duration;

use devkit::testing::TestDirectory;
use futures::future::join_all;
use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use tests::database::count;
use tests::pgbouncer::{Clients, PgBouncer};
use tests::process::{Program, command, eventually, outcome};
use tests::world::World;
use tokio::process::Command;

use crate::rotation::verifier;

/// How many connections to PostgreSQL the pooler has.
const POOL: usize = 4;
const WORKERS: usize = 12;
const ROUNDS: usize = 40;

fn function(name: &str, pooler: &PgBouncer) -> Command {
    let mut command = command(name);
    command.env("DATABASE_URL", &pooler.url).env("DATABASE_CONNECTIONS", "4");
    command
}

/// Each function twice, so that there are many more clients than connections.
async fn two_of_each(names: &[&str], pooler: &PgBouncer) -> Vec<[Program; 2]> {
    let pairs = names.iter().map(async |name| {
        let start = || {
            let mut command = function(name, pooler);
            command.env("DATABASE_POOLER", "transaction");
            Program::start(command)
        };
        [start().await, start().await]
    });
    join_all(pairs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn f09_behind_a_pooler_that_shares_four_connections_nothing_fails() {
    let world = World::new().await;
    let Some(pooler) = PgBouncer::start(&world.database_url, POOL, Clients::All).await else { return };
    let names = ["create-task", "query-tasks", "update-task", "complete-task", "chat-command"];
    let programs = two_of_each(&names, &pooler).await;
    let watch = Stopwatch::start();
    let workers = (0..WORKERS).map(async |worker| {
        let one = |position: usize| &programs[position][worker % 2];
        let (create, query, update, complete, chat) = (one(0), one(1), one(2), one(3), one(4));
        let user = format!("user-{worker}");
        let headers = [("x-user-id", user.as_str())];
        let mut wrong = Vec::new();
        let mut call = async |program: &Program, method: &str, path: &str, body: Value| {
            let answered = program.call(method, path, &body, &headers).await;
            match answered {
                Some((200, answer)) => answer,
                other => {
                    wrong.push(format!("{method} {path}: {other:?}"));
                    Value::Null
                }
            }
        };
        for round in 0..ROUNDS {
            let task = call(create, "POST", "/api/tasks", json!({"title": format!("task {round}")})).await;
            let path = format!("/api/tasks/{}", task["id"].as_str().unwrap_or("none"));
            call(query, "GET", &path, Value::Null).await;
            call(update, "PATCH", &path, json!({"description": "changed"})).await;
            call(query, "GET", "/api/tasks?limit=5", Value::Null).await;
            let said =
                json!({"user_input": format!("add a task to buy bread {round}"), "conversation_id": "c"});
            call(chat, "POST", "/chat/command", said).await;
            call(complete, "POST", &format!("{path}/complete"), Value::Null).await;
        }
        wrong
    });
    let wrong: Vec<_> = join_all(workers).await.into_iter().flatten().collect();
    let requests = WORKERS * ROUNDS * 6;
    eprintln!(
        "{requests} requests of {WORKERS} clients over {POOL} connections: {} failed, {:.1?}",
        wrong.len(),
        watch.elapsed()
    );
    let some = wrong.first().map_or("", String::as_str);
    assert!(wrong.is_empty(), "{} of {requests} failed, such as {some}; {}", wrong.len(), pooler.log());
    let tasks = i64::try_from(WORKERS * ROUNDS).expect("a small number");
    assert_eq!(count(&world, "tasks").await, 2 * tasks);
    assert_eq!(count(&world, "tasks WHERE status = 'completed' AND description = 'changed'").await, tasks);
}

#[tokio::test]
async fn f09_a_pooler_that_is_not_told_of_makes_a_function_unready_with_the_reason() {
    let world = World::new().await;
    let Some(pooler) = PgBouncer::start(&world.database_url, POOL, Clients::All).await else { return };
    let files = TestDirectory::new();
    let log = files.path().join("log");
    let program = Program::start_with_log(function("create-task", &pooler), &log).await;
    let (status, ready) = program.call("GET", "/ready", &Value::Null, &[]).await.expect("it serves");
    assert_eq!((status, &ready["database"]), (503, &json!("unreachable")), "{ready}");
    let (status, _) =
        program.call("POST", "/api/tasks", &json!({"title": "milk"}), &[]).await.expect("it serves");
    assert_eq!(status, 503);
    eventually("the log says why", || async {
        fs::read_to_string(&log).ok().filter(|log| log.contains("DATABASE_POOLER")).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_password_that_a_pooler_refuses_is_asked_for_again_and_the_same_request_goes_on() {
    let world = World::new().await;
    let clients = verifier("never-logged-1");
    let clients = Clients::WithPassword(&clients);
    let Some(pooler) = PgBouncer::start(&world.database_url, POOL, clients).await else { return };
    let files = TestDirectory::new();
    let (file, log) = (files.path().join("url"), files.path().join("log"));
    let tell = |password: &str| {
        let url = pooler.url.replacen("kaam@", &format!("kaam:{password}@"), 1);
        fs::write(&file, url).expect("the folder is ours");
    };
    tell("never-logged-1");
    let mut function = command("create-task");
    function.env("DATABASE_URL_FILE", &file).env("DATABASE_POOLER", "transaction");
    let program = Program::start_with_log(function, &log).await;
    let body = json!({"title": "milk"});
    let create = || program.call("POST", "/api/tasks", &body, &[]);
    assert_eq!(create().await.expect("it serves").0, 200);
    pooler.change_password(&verifier("never-logged-2")).await;
    eventually("no connection is open any more, for want of use", || async {
        (pooler.clients() == 0).then_some(())
    })
    .await;
    assert_eq!(create().await.expect("it serves").0, 503);
    tell("never-logged-2");
    let (status, answer) = create().await.expect("it serves");
    let log = fs::read_to_string(&log).expect("a log");
    assert_eq!(status, 200, "{answer} {log} {}", pooler.log());
    assert!(!log.contains("never-logged"), "{log}");
}

#[tokio::test]
async fn f09_what_holds_locks_of_a_session_refuses_a_pooler_in_one_line() {
    for (name, argument) in [("relay-events", None), ("backend", None), ("backend", Some("migrate"))] {
        let mut command = command(name);
        command.args(argument).env("DATABASE_URL", "postgres://kaam@127.0.0.1:1/kaam");
        command.env("DATABASE_POOLER", "transaction").env("KAFKA_BROKERS", "127.0.0.1:1");
        let refused = tokio::time::timeout(Duration::from_secs(20), outcome(command)).await.expect("at once");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.lines().count() == 1, "{name} {argument:?}: {said}");
        assert!(said.contains("DATABASE_POOLER") && said.contains("locks"), "{name} {argument:?}: {said}");
    }
}
