//! More instances than PostgreSQL has connections for (F7, P23), and transactions that lock each other out (F8).

use std::pin::pin;
use std::time::Duration;

use devkit::postgres::{Durability, Options, Private};
use devkit::testing::TestDirectory;
use futures::future::{join, join_all};
use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::database::{rows, run};
use tests::process::{Program, command, eventually};
use tests::world::{World, path_of};

const INSTANCES: usize = 50;
const CONNECTIONS: u16 = 40;
/// How many of these PostgreSQL keeps for administrators (`superuser_reserved_connections`).
const KEPT: i64 = 3;
/// How long all of them may take.
const DONE_WITHIN: Duration = Duration::from_secs(10);

/// Asks until it is done, as a client that does what it is told: 200 and 503 with `Retry-After` are all that may come.
async fn create(program: &Program, number: usize) -> (u32, Duration) {
    let (body, key) = (json!({"title": format!("task {number}")}), format!("storm-{number}"));
    let (watch, mut refusals) = (Stopwatch::start(), 0);
    loop {
        let answered = program.call_for_all("POST", "/api/tasks", &body, &[("idempotency-key", &key)]).await;
        let (status, headers, answer) = answered.expect("it serves");
        assert!(!answer.to_string().contains("too many clients"), "{answer}");
        if status == 200 {
            return (refusals, watch.elapsed());
        }
        assert_eq!(status, 503, "{answer}");
        refusals += 1;
        let after: u64 =
            headers["retry-after"].to_str().ok().and_then(|after| after.parse().ok()).expect("seconds");
        assert!((1..=3).contains(&after), "{after}");
        tokio::time::sleep(Duration::from_secs(after)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f07_fifty_cold_instances_share_forty_connections_and_whoever_comes_again_is_served() {
    let files = TestDirectory::new();
    let options = Options {
        durability: Durability::Throwaway,
        max_connections: CONNECTIONS,
        ..Options::new(files.path())
    };
    let server = Private::start(options).await.expect("PostgreSQL starts");
    store::migrate(server.url()).await.expect("the schema");
    let start = |_| {
        let mut command = command("create-task");
        command.env("DATABASE_URL", server.url());
        Program::start(command)
    };
    let programs = join_all((0..INSTANCES).map(start)).await;
    let watch = Stopwatch::start();
    let all = programs.iter().enumerate().map(|(number, program)| create(program, number));
    // The place that PostgreSQL keeps for administrators.
    let administrator = server.url().replacen("kaam@", "postgres@", 1);
    let (done, used) = most_used(&administrator, join_all(all)).await;
    let took = watch.elapsed();
    let refusals: u32 = done.iter().map(|(refusals, _)| refusals).sum();
    let slowest = done.iter().map(|(_, took)| *took).max().expect("some");
    eprintln!(
        "{INSTANCES} instances, {CONNECTIONS} connections: at most {used} used, {refusals} answers 503, the slowest done after {slowest:.1?}"
    );
    assert!(took < DONE_WITHIN, "{took:?}");
    assert!(
        used + KEPT >= i64::from(CONNECTIONS) || refusals > 0,
        "at most {used} were used, and nobody had to wait"
    );
    let found = rows(&administrator, "SELECT count(*) FROM tasks").await;
    assert_eq!(found[0]["count"], INSTANCES, "each once");
    join_all(programs.into_iter().map(Program::stop)).await;
    server.stop().await.expect("it stops");
}

/// Does something, and looks meanwhile how many connections functions have; gives what came of it, and the most.
async fn most_used<T>(administrator: &str, work: impl Future<Output = T>) -> (T, i64) {
    let mut connection = PgConnection::connect(administrator).await.expect("a place is kept");
    let mut work = pin!(work);
    let mut most = 0;
    loop {
        let used: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'kaam'")
            .fetch_one(&mut connection)
            .await
            .expect("it answers");
        most = most.max(used);
        if let Ok(done) = tokio::time::timeout(Duration::from_millis(20), &mut work).await {
            return (done, most);
        }
    }
}

/// Runs two statements in one transaction, with a pause between; says whether it was the one that PostgreSQL gave up.
async fn script(url: &str, first: &str, second: &str) -> bool {
    let mut connection = PgConnection::connect(url).await.expect("the database is there");
    let touch =
        |id: &str| format!("UPDATE tasks SET skipped = skipped WHERE user_id = 'local' AND id = '{id}'");
    let statements = format!("BEGIN; {}; SELECT pg_sleep(0.004); {}; COMMIT", touch(first), touch(second));
    match sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await {
        Ok(_) => false,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("40P01") => true,
        Err(error) => panic!("{error}"),
    }
}

/// A series of two tasks, which one change with `scope=all` changes both, the older first.
async fn series(world: &World, number: usize) -> (Value, Value) {
    let body = json!({
        "title": format!("water plant {number}"), "due_date": "2026-06-02T09:00:00Z", "recurrence_rule": {"pattern": "daily"},
    });
    let first = world.create(body).await;
    world.post(&format!("{}/complete", path_of(&first)), Value::Null).await.ok();
    world.settle().await;
    let listed = world.get(&format!("/api/tasks?status=active&q=plant%20{number}")).await.ok();
    (first, listed["tasks"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_a_thousand_changes_against_scripts_in_the_opposite_order_all_succeed() {
    const LANES: usize = 4;
    const ROUNDS: usize = 250;
    let world = World::new().await;
    let name = world
        .database_url
        .rsplit('/')
        .next()
        .and_then(|rest| rest.split('?').next())
        .expect("a name")
        .to_owned();
    let administrator = world.database_url.replacen("kaam@", "postgres@", 1);
    run(&administrator, &format!("ALTER DATABASE {name} SET deadlock_timeout = '5ms'")).await;
    let mut lanes = Vec::new();
    for number in 0..LANES {
        lanes.push(series(&world, number).await);
    }
    let world = &world.beside();
    let watch = Stopwatch::start();
    let lanes = lanes.iter().map(async |(older, newer)| {
        let (mut given_up, path) = (0, format!("{}?scope=all", path_of(newer)));
        let (older, newer) = (older["id"].as_str().expect("an id"), newer["id"].as_str().expect("an id"));
        // The ids of successors are not in the order of time.
        let (first, second) = if older < newer { (newer, older) } else { (older, newer) };
        for round in 0..ROUNDS {
            let change = json!({"description": format!("round {round}")});
            let (answered, lost) =
                join(world.patch(&path, change), script(&world.database_url, first, second)).await;
            answered.ok();
            given_up += usize::from(lost);
        }
        given_up
    });
    let given_up: usize = join_all(lanes).await.into_iter().sum();
    let took = watch.elapsed();
    // Sessions tell of their statistics a moment later.
    let query = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'");
    let deadlocks = eventually("ours was given up at times, else nothing was tried", || async {
        let deadlocks = rows(&administrator, &query).await[0]["deadlocks"].as_u64().expect("a number");
        (deadlocks > given_up as u64).then_some(deadlocks)
    })
    .await;
    eprintln!(
        "{} changes, {deadlocks} deadlocks, of which {given_up} hit the script; {took:.1?}",
        LANES * ROUNDS
    );
}
