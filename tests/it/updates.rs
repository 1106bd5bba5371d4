//! `GET /api/updates`: changes as they happen, each once.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use futures::future::join_all;
use runtime::clock::Stopwatch;
use runtime::config::{Config, Environment};
use runtime::host::server::App;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use stream_updates::Limits;
use tests::database::{count, execute};
use tests::dice::Dice;
use tests::issuer::{claims, hmac_sha256, token};
use tests::pgbouncer::{Clients, PgBouncer};
use tests::process::{DataDir, Program, command, eventually};
use tests::updates::{Updates, request};
use tests::world::{World, path_of};
use tokio::task::yield_now;
use tokio::time::timeout;
use tower::ServiceExt as _;

fn id_of(task: &Value) -> String {
    task["id"].as_str().expect("a task has an id").to_owned()
}

async fn create_as(world: &World, user_id: &str, title: &str) -> String {
    let body = json!({"title": title});
    id_of(&world.call_with("POST", "/api/tasks", &body, &[("x-user-id", user_id)]).await.ok())
}

/// Opens a stream of the local user.
async fn open(world: &World, after: Option<&str>) -> Updates {
    Updates::open(world, "local", after).await
}

/// Makes a change, and says that it is the next one that the stream tells of: nothing else came before.
async fn assert_nothing_but_the_next(world: &World, updates: &mut Updates) {
    let task = id_of(&world.create(json!({"title": "the next one"})).await);
    world.settle().await;
    assert_eq!(updates.change().await, (task, 1, "created".to_owned()));
}

#[tokio::test]
async fn every_change_of_a_task_is_told_once_in_order() {
    let world = World::new().await;
    let mut updates = open(&world, None).await;
    let task = world.create(json!({"title": "milk"})).await;
    world.patch(&path_of(&task), json!({"title": "bread"})).await.ok();
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.post(&format!("{}/reopen", path_of(&task)), Value::Null).await.ok();
    world.delete(&path_of(&task)).await.ok();
    world.post(&format!("{}/restore", path_of(&task)), Value::Null).await.ok();
    world.settle().await;
    for (version, change) in (1..).zip(["created", "updated", "completed", "reopened", "deleted", "restored"])
    {
        assert_eq!(updates.change().await, (id_of(&task), version, change.to_owned()));
    }
    world.patch("/api/settings", json!({"time_zone": "Asia/Karachi"})).await.ok();
    world.settle().await;
    let settings = updates.next().await.expect("a message");
    assert_eq!((settings.event.as_str(), settings.data), ("settings", json!({})));
    assert_nothing_but_the_next(&world, &mut updates).await;
}

#[tokio::test]
async fn a_stream_goes_on_after_any_message_without_loss_or_repeat() {
    let world = World::new().await;
    let mut updates = open(&world, None).await;
    let mut places = vec![updates.last_id.clone()];
    let mut expected = Vec::new();
    for number in 0..3 {
        expected.push((id_of(&world.create(json!({"title": format!("{number}")})).await), 1));
    }
    // Several of one transaction.
    let series = json!({"title": "water", "due_date": "2026-06-02", "recurrence_rule": {"pattern": "daily"}});
    let task = world.create(series).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.settle().await;
    world.patch(&format!("{}?scope=all", path_of(&task)), json!({"title": "water them"})).await.ok();
    world.settle().await;
    let total =
        usize::try_from(count(&world, "events WHERE topic_name = 'task-events'").await).expect("some");
    let in_one = "(SELECT FROM events GROUP BY transaction_id HAVING count(*) > 1) AS several";
    assert!(count(&world, in_one).await > 0, "some are of one transaction");
    for _ in 0..total {
        let (task_id, version, _) = updates.change().await;
        if expected.iter().all(|known| *known != (task_id.clone(), version)) {
            expected.push((task_id, version));
        }
        places.push(updates.last_id.clone());
    }
    assert_eq!(expected.len(), total, "each once");
    assert_eq!(
        places.iter().collect::<BTreeSet<_>>().len(),
        total + 1,
        "each message has a place of its own"
    );
    for (seen, place) in places.iter().enumerate() {
        let mut again = open(&world, Some(place)).await;
        assert_eq!(again.last_id, *place);
        assert_eq!(again.changes(total - seen).await, expected[seen..], "after {seen}");
        assert_nothing_but_the_next(&world, &mut again).await;
        let (task, version, _) = updates.change().await;
        expected.push((task, version));
        // What was done meanwhile is behind all places.
        expected.truncate(total);
        execute(&world, "DELETE FROM events WHERE payload -> 'task' ->> 'title' = 'the next one'").await;
    }
    // The parameter is for those who can not send the header.
    let place = &places[total - 1];
    let ask = Request::get(format!("/api/updates?last_event_id={place}")).body(Body::empty());
    let mut again = Updates::of(world.begin(ask.expect("a request")).await.into_body());
    assert_eq!(again.next().await.expect("a message").event, "ready");
    assert_eq!(again.changes(1).await, expected[total - 1..]);
}

/// A transaction that has written an event and is not over.
struct Writing(PgConnection);

impl Writing {
    async fn begin(world: &World, number: u8) -> Self {
        let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
        let insert = format!(
            "BEGIN; INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, \
             correlation_id, traceparent, source_service, timestamp) \
             VALUES ('local', gen_random_uuid(), 'task-events', 'task.updated', 'k', \
                     '0190163d-8694-739b-aea5-966c26f8ad{number:02x}', 1, '{{\"task\":{{\"version\":{number}}}}}', \
                     'c', '', 'test', now())"
        );
        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut connection).await.expect("a sound statement");
        Self(connection)
    }

    async fn end(mut self, how: &'static str) {
        sqlx::raw_sql(how).execute(&mut self.0).await.expect("a sound statement");
    }
}

fn versions(changes: Vec<(String, i64)>) -> Vec<i64> {
    changes.into_iter().map(|(_, version)| version).collect()
}

#[tokio::test]
async fn a_commit_that_comes_late_is_not_jumped_over() {
    let world = World::new().await;
    let mut updates = open(&world, None).await;
    let first = Writing::begin(&world, 1).await;
    let second = Writing::begin(&world, 2).await;
    let third = Writing::begin(&world, 3).await;
    let given_up = Writing::begin(&world, 4).await;
    third.end("COMMIT").await;
    assert_eq!(versions(updates.changes(1).await), [3]);
    let after_third = updates.last_id.clone();
    given_up.end("ROLLBACK").await;
    first.end("COMMIT").await;
    assert_eq!(versions(updates.changes(1).await), [1]);
    let after_first = updates.last_id.clone();
    second.end("COMMIT").await;
    assert_eq!(versions(updates.changes(1).await), [2]);
    // And who was away meanwhile.
    let mut again = open(&world, Some(&after_third)).await;
    assert_eq!(versions(again.changes(2).await), [1, 2]);
    let mut again = open(&world, Some(&after_first)).await;
    assert_eq!(versions(again.changes(1).await), [2]);
    assert_nothing_but_the_next(&world, &mut again).await;
}

#[tokio::test]
async fn no_change_of_a_storm_is_lost_or_told_twice_by_readers_who_come_and_go() {
    const WRITERS: usize = 6;
    const EACH: usize = 15;
    let world = World::new().await;
    let mut staying = open(&world, None).await;
    let mut coming = staying.last_id.clone();
    let writing = join_all((0..WRITERS).map(|writer| {
        let world = &world;
        async move {
            let mut task = world.create(json!({"title": format!("of {writer}")})).await;
            for version in 1..EACH {
                task = world.patch(&path_of(&task), json!({"title": format!("{version}")})).await.ok();
            }
            id_of(&task)
        }
    }));
    let relaying = async {
        loop {
            world.settle().await;
        }
    };
    let told = async {
        let mut told = Vec::new();
        let mut dice = Dice::new(9);
        // Reads some, and goes away in the middle of what was sent.
        while told.len() < WRITERS * EACH {
            let mut updates = open(&world, Some(&coming)).await;
            let some = 1 + usize::try_from(dice.throw(5)).expect("few");
            told.extend(updates.changes(some.min(WRITERS * EACH - told.len())).await);
            coming.clone_from(&updates.last_id);
            drop(updates);
            // Its place is free as soon as the function is let to see that; where the database answers at once nobody else is asked for long.
            yield_now().await;
        }
        told
    };
    let (tasks, told, stayed) = tokio::select! {
        all = async { tokio::join!(writing, told, staying.changes(WRITERS * EACH)) } => all,
        () = relaying => unreachable!("it has no end"),
    };
    let expected: BTreeSet<_> = tasks
        .iter()
        .flat_map(|task| (1..).zip(0..EACH).map(move |(version, _)| (task.clone(), version)))
        .collect();
    for told in [told, stayed] {
        assert_eq!(told.len(), expected.len());
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[tokio::test]
async fn what_the_relay_does_twice_is_told_once() {
    let world = World::new().await;
    let (mut one, mut other) = (open(&world, None).await, open(&world, None).await);
    let task = id_of(&world.create(json!({"title": "milk"})).await);
    for _ in 0..3 {
        world.settle().await;
        execute(&world, "UPDATE events SET status = 'pending', attempts = 0").await;
    }
    world.settle().await;
    for updates in [&mut one, &mut other] {
        assert_eq!(updates.change().await, (task.clone(), 1, "created".to_owned()));
    }
    let next = id_of(&world.create(json!({"title": "bread"})).await);
    world.settle().await;
    for updates in [&mut one, &mut other] {
        assert_eq!(updates.change().await, (next.clone(), 1, "created".to_owned()));
    }
}

#[tokio::test]
async fn s01_nobody_is_told_of_what_another_does() {
    let world = World::new().await;
    let mut amna = Updates::open(&world, "amna", None).await;
    let mut bilal = Updates::open(&world, "bilal", None).await;
    let place = amna.last_id.clone();
    let of_amna = create_as(&world, "amna", "hers").await;
    let of_bilal = create_as(&world, "bilal", "his").await;
    world.settle().await;
    assert_eq!(amna.changes(1).await, [(of_amna.clone(), 1)]);
    assert_eq!(bilal.changes(1).await, [(of_bilal.clone(), 1)]);
    // A place is no key to what another did there.
    let mut again = Updates::open(&world, "bilal", Some(&place)).await;
    assert_eq!(again.changes(1).await, [(of_bilal, 1)]);
    let next = create_as(&world, "bilal", "his next").await;
    create_as(&world, "amna", "her next").await;
    world.settle().await;
    assert_eq!((again.change().await.0, bilal.change().await.0), (next.clone(), next));
    assert_ne!(amna.change().await.0, of_amna);
}

#[tokio::test]
async fn s26_a_place_that_nobody_knows_or_that_is_too_far_behind_is_answered_by_a_reset() {
    let world = World::new().await;
    let mut updates = open(&world, None).await;
    let start = updates.last_id.clone();
    // Its kind, its epoch, and then its end.
    let known = BASE64_URL_SAFE_NO_PAD.decode(&start).expect("base64url");
    let epoch = known.iter().skip(1).position(|byte| byte & 0x80 == 0).expect("a number") + 1;
    // Of a database that has seen more transactions: the end is 2⁴⁰ + 5, and nothing unseen.
    let later =
        BASE64_URL_SAFE_NO_PAD.encode([&known[..=epoch], &[0x85, 0x80, 0x80, 0x80, 0x80, 0x20, 0]].concat());
    // Of one that has seen as many.
    let mut of_another = known.clone();
    of_another[epoch] ^= 1;
    let of_another = BASE64_URL_SAFE_NO_PAD.encode(of_another);
    for unknown in ["nonsense", &later, &of_another, "%%", "x y", &"x".repeat(9_000)] {
        let response = world.begin(request("local", Some(unknown))).await;
        assert_eq!(response.status(), StatusCode::OK, "{unknown}");
        let mut again = Updates::of(response.into_body());
        let reset = again.next().await.expect("a message");
        assert_eq!((reset.event.as_str(), reset.id), ("reset", None), "{unknown}");
        assert_eq!(again.next().await.expect("a message").event, "ready", "{unknown}");
        drop(again);
    }
    let many = "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, \
                traceparent, source_service, timestamp, status) \
                SELECT 'local', gen_random_uuid(), 'task-events', 'task.updated', 'k', \
                       '0190163d-8694-739b-aea5-966c26f8ad91', 1, '{\"task\":{\"version\":1}}', 'c', '', 'test', now(), 'processed' \
                FROM generate_series(1, ";
    execute(&world, &format!("{many} 999)")).await;
    assert_eq!(open(&world, Some(&start)).await.changes(999).await.len(), 999);
    assert_eq!(updates.changes(999).await.len(), 999);
    execute(&world, &format!("{many} 1001)")).await;
    let mut again = Updates::of(world.begin(request("local", Some(&start))).await.into_body());
    for updates in [&mut again, &mut updates] {
        assert_eq!(updates.next().await.expect("a message").event, "reset");
        assert_eq!(updates.next().await.expect("a message").event, "ready");
    }
    assert_nothing_but_the_next(&world, &mut updates).await;
    let (next, ..) = again.change().await;
    assert!(!next.is_empty());
}

#[tokio::test]
async fn s08_a_stream_of_updates_ends_with_the_token_that_opened_it() {
    const SECRET: &str = "a secret of the tests, and of nobody else";
    let world = World::with_settings([
        ("AUTH", "jwt"),
        ("JWT_SECRET", SECRET),
        ("JWT_ISSUER", "https://issuer.example"),
        ("JWT_AUDIENCE", "kaam"),
    ])
    .await;
    let sign = |minutes| {
        let mut claims = claims("https://issuer.example", "amna", world.clock.now());
        claims["aud"] = json!("kaam");
        claims["exp"] = json!((world.clock.now() + TimeDelta::minutes(minutes)).timestamp());
        format!("Bearer {}", token(&json!({"alg": "HS256"}), &claims, hmac_sha256(SECRET.as_bytes())))
    };
    let open = |authorization: String| {
        let request = Request::get("/api/updates").header("authorization", authorization);
        world.begin(request.body(Body::empty()).expect("a request"))
    };
    let (mut short, mut long) =
        (Updates::of(open(sign(10)).await.into_body()), Updates::of(open(sign(20)).await.into_body()));
    for updates in [&mut short, &mut long] {
        assert_eq!(updates.next().await.expect("a message").event, "ready");
    }
    world.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(short.next().await, None);
    // The other goes on, and so does who comes back with a new token.
    let authorization = sign(10);
    let headers = [("authorization", authorization.as_str())];
    let task = world.call_with("POST", "/api/tasks", &json!({"title": "milk"}), &headers).await.ok();
    world.settle().await;
    assert_eq!(long.changes(1).await, [(id_of(&task), 1)]);
    let again =
        Request::get("/api/updates").header("authorization", sign(10)).header("last-event-id", short.last_id);
    let mut again = Updates::of(world.begin(again.body(Body::empty()).expect("a request")).await.into_body());
    assert_eq!(again.next().await.expect("a message").event, "ready");
    assert_eq!(again.changes(1).await, [(id_of(&task), 1)]);
    assert_eq!(world.get("/api/updates").await.status, 401);
}

#[tokio::test]
async fn s12_streams_of_updates_are_bounded_and_a_place_is_free_when_its_stream_is_over() {
    let world = World::with_settings([("UPDATE_STREAMS_PER_USER", "2"), ("UPDATE_STREAMS", "3")]).await;
    let (first, _second) = (open(&world, None).await, open(&world, None).await);
    let refused = world.get("/api/updates").await;
    assert_eq!(
        (refused.status, &refused.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"5".parse().expect("ASCII"))
    );
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let _other = Updates::open(&world, "amna", None).await;
    let refused = world.call_with("GET", "/api/updates", &Value::Null, &[("x-user-id", "bilal")]).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    drop(first);
    let opened = || async {
        let response = world.begin(request("local", None)).await;
        (response.status() == StatusCode::OK).then(|| Updates::of(response.into_body()))
    };
    let mut third = eventually("a free place", opened).await;
    assert_eq!(third.next().await.expect("a message").event, "ready");
}

#[tokio::test]
async fn s12_who_does_not_read_loses_the_stream_of_updates_and_nothing_else() {
    let world = World::new().await;
    let limits = Limits { per_user: 1, patience: Duration::from_millis(20), ..Limits::default() };
    let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
    let function = stream_updates::function(world.application.clone(), world.clock.clone(), limits);
    let router = App::new(&config, vec![function]).router();
    let ask = |after| router.clone().oneshot(request("local", after));
    let slow = ask(None).await.expect("a router never fails");
    assert_eq!(slow.status(), StatusCode::OK);
    let changed = || async {
        world.create(json!({"title": "one more"})).await;
        world.settle().await;
        let other = ask(Some("x")).await.expect("a router never fails");
        (other.status() == StatusCode::OK).then_some(())
    };
    eventually("the place of who does not read", changed).await;
    // What was sent before can still be read, and from there the next stream goes on.
    let mut slow = Updates::of(slow.into_body());
    let mut told = 0;
    while let Some(update) = slow.next().await {
        told += usize::from(update.event == "task");
    }
    let all = usize::try_from(count(&world, "tasks").await).expect("some");
    assert!(told < all, "{told} of {all}");
    let rest = eventually("a free place", || async {
        let response = ask(Some(&slow.last_id)).await.expect("a router never fails");
        (response.status() == StatusCode::OK).then(|| response.into_body())
    });
    let mut rest = Updates::of(rest.await);
    assert_eq!(rest.next().await.expect("a message").event, "ready");
    assert_eq!(rest.changes(all - told).await.len(), all - told);
}

#[tokio::test]
async fn a_stream_survives_the_loss_of_every_connection_to_the_database() {
    // Only their own role's connections may be ended.
    let world = World::with_one_role().await;
    let mut updates = open(&world, None).await;
    for _ in 0..3 {
        let listening = "pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        eventually("somebody listens", || async { (count(&world, listening).await > 0).then_some(()) }).await;
        execute(
            &world,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
        )
        .await;
        let task = eventually("a task", || async {
            let answered = world.post("/api/tasks", json!({"title": "milk"})).await;
            (answered.status == StatusCode::OK).then(|| id_of(&answered.json()))
        });
        let task = task.await;
        assert_eq!(updates.changes(1).await, [(task, 1)]);
    }
}

#[tokio::test]
async fn a_change_is_seen_within_a_moment_and_streams_end_at_once_when_the_program_stops() {
    const ROUNDS: usize = 6;
    const CHANGES: usize = 15;
    let files = DataDir::new();
    let program = Program::backend(files.path()).await;
    let (mut first, mut second) = (
        Updates::open_at(program.port, "local", false).await,
        Updates::open_at(program.port, "local", true).await,
    );
    // A machine that is busy with other tests gets more than one round; who is not told at once needs a second in each.
    let mut rounds = 0;
    loop {
        let mut latencies = Vec::new();
        for number in 0..CHANGES {
            let body = json!({"title": format!("{number}")});
            let watch = Stopwatch::start();
            let created = async { program.call("POST", "/api/tasks", &body, &[]).await.expect("an answer") };
            let ((status, task), seen) = tokio::join!(created, first.change());
            latencies.push(watch.elapsed());
            assert_eq!((status, seen.0), (200, id_of(&task)));
            assert_eq!(second.change().await.0, id_of(&task));
        }
        latencies.sort_unstable();
        let (median, worst) = (latencies[CHANGES / 2], latencies[CHANGES - 1]);
        println!("a change is seen after {median:?} (p50), {worst:?} at the worst, its request included");
        if median < Duration::from_millis(50) && worst < Duration::from_secs(1) {
            break;
        }
        rounds += 1;
        assert!(rounds < ROUNDS, "{median:?}, {worst:?}");
    }
    let watch = Stopwatch::start();
    program.signal(Signal::TERM);
    let ends = timeout(Duration::from_secs(2), async { (first.next().await, second.next().await) });
    assert_eq!(ends.await.expect("streams do not hold the program up"), (None, None));
    assert!(program.ended().await.success());
    println!("all had ended after {:?}", watch.elapsed());
}

#[tokio::test]
async fn functions_of_their_own_tell_each_other_through_the_database_alone() {
    let world = World::new().await;
    let start = async |name: &str| {
        let mut command = command(name);
        command.env("DATABASE_URL", tests::roles::url_of(&world.database_url, name));
        Program::start(command).await
    };
    let (here, there) = (start("stream-updates").await, start("stream-updates").await);
    let mut streams = [
        Updates::open_at(here.port, "local", false).await,
        Updates::open_at(there.port, "local", false).await,
    ];
    let mut relayed = true;
    for _ in 0..4 {
        let task = id_of(&world.create(json!({"title": "milk"})).await);
        // Without a relay streams look by themselves.
        if relayed {
            world.settle().await;
        }
        relayed = !relayed;
        let watch = Stopwatch::start();
        for updates in &mut streams {
            assert_eq!(updates.changes(1).await, [(task.clone(), 1)]);
        }
        // Told, they need not wait until they look by themselves.
        assert!(relayed || watch.elapsed() < Duration::from_secs(4), "{:?}", watch.elapsed());
    }
    for program in [here, there] {
        program.signal(Signal::TERM);
        assert!(program.ended().await.success());
    }
}

#[tokio::test]
async fn behind_a_pooler_that_passes_nothing_on_streams_look_by_themselves() {
    let world = World::new().await;
    let Some(pooler) = PgBouncer::start(&world.database_url, 2, Clients::All).await else { return };
    let mut command = command("stream-updates");
    command.env("DATABASE_URL", &pooler.url).env("DATABASE_POOLER", "transaction");
    let program = Program::start(command).await;
    let mut updates = Updates::open_at(program.port, "local", false).await;
    for number in 0..3 {
        let watch = Stopwatch::start();
        let task = id_of(&world.create(json!({"title": format!("{number}")})).await);
        assert_eq!(updates.changes(1).await, [(task, 1)]);
        println!("seen after {:?}", watch.elapsed());
    }
    program.signal(Signal::TERM);
    assert_eq!(updates.next().await, None);
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn what_was_restored_from_another_server_is_new_to_nobody() {
    let world = World::new().await;
    let mut updates = open(&world, None).await;
    let start = updates.last_id.clone();
    Writing::begin(&world, 7).await.end("COMMIT").await;
    assert_eq!(versions(updates.changes(1).await), [7]);
    // As if it had been written in a transaction that is still to come here.
    execute(&world, "UPDATE events SET transaction_id = '1099511627781'").await;
    let mut again = open(&world, Some(&start)).await;
    let next = id_of(&world.create(json!({"title": "the next one"})).await);
    world.settle().await;
    for updates in [&mut updates, &mut again] {
        assert_eq!(updates.change().await, (next.clone(), 1, "created".to_owned()));
    }
}
