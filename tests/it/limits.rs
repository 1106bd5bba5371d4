//! How often somebody may call, and how much a user may have and do (S12).

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::database::{count, execute, rows};
use tests::issuer::{AUDIENCE, claims, hmac_sha256, token};
use tests::ollama::{Ollama, Reply};
use tests::process::eventually;
use tests::roles;
use tests::wire::Wire;
use tests::world::{Answered, World, path_of};

const SECRET: &str = "a secret of the tests, and of nobody else";
const ISSUER: &str = "https://id.example.org";
/// What the parser is not sure of.
const UNCLEAR: &str = "dentist again, sigh";

/// A world whose users show tokens, and that counts.
async fn counting(settings: &[(&'static str, &'static str)]) -> World {
    let auth = [("AUTH", "jwt"), ("JWT_SECRET", SECRET), ("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", AUDIENCE)];
    World::with_settings(auth.into_iter().chain(settings.iter().copied())).await
}

/// Sends a request of a user, whose token is of this moment.
async fn ask(world: &World, user_id: &str, method: &str, path: &str, body: Value) -> Answered {
    let claims = claims(ISSUER, user_id, world.clock.now());
    let token = token(&json!({"alg": "HS256"}), &claims, hmac_sha256(SECRET.as_bytes()));
    let headers = [("authorization", format!("Bearer {token}"))];
    world
        .call_with(method, path, &body, &headers.each_ref().map(|(name, value)| (*name, value.as_str())))
        .await
}

async fn create(world: &World, user_id: &str) -> Answered {
    ask(world, user_id, "POST", "/api/tasks", json!({"title": "milk"})).await
}

async fn create_with_reminder(world: &World, user_id: &str, due: &str) -> Answered {
    let body = json!({"title": "milk", "due_date": due, "reminder_config": {"lead_time": "0m", "destination": "a@example.org"}});
    ask(world, user_id, "POST", "/api/tasks", body).await
}

/// Asserts that it was too much, and gives the seconds of `Retry-After` and the detail.
fn refused(answered: &Answered) -> (u64, String) {
    assert_eq!(answered.status, 429, "{}", answered.json());
    assert_eq!(answered.headers["content-type"], "application/problem+json");
    let after = answered.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
    (after, answered.json()["detail"].as_str().expect("a text").to_owned())
}

fn advance(world: &World, seconds: u64) {
    world.clock.advance(std::time::Duration::from_secs(seconds));
}

#[tokio::test]
async fn s12_a_user_who_asks_too_often_waits_and_nobody_else_does() {
    let world = counting(&[("RATE_LIMIT_USER", "5")]).await;
    for _ in 0..5 {
        ask(&world, "amna", "GET", "/api/tasks", Value::Null).await.ok();
    }
    let (after, detail) = refused(&ask(&world, "amna", "GET", "/api/settings", Value::Null).await);
    assert_eq!((after, detail.as_str()), (12, "too many requests of this user, try again later"));
    ask(&world, "bilal", "GET", "/api/tasks", Value::Null).await.ok();
    for path in ["/health", "/ready", "/openapi.json"] {
        for _ in 0..20 {
            world.get(path).await.ok();
        }
    }
    advance(&world, after - 1);
    refused(&ask(&world, "amna", "GET", "/api/tasks", Value::Null).await);
    advance(&world, 1);
    ask(&world, "amna", "GET", "/api/tasks", Value::Null).await.ok();
}

#[tokio::test]
async fn s12_who_chats_too_much_can_still_look_at_tasks() {
    let world = counting(&[("RATE_LIMIT_CHAT", "2")]).await;
    let say = || {
        ask(
            &world,
            "amna",
            "POST",
            "/chat/command",
            json!({"user_input": "show my tasks", "conversation_id": "c"}),
        )
    };
    say().await.ok();
    ask(&world, "amna", "POST", "/chat/parse", json!({"user_input": "show my tasks"})).await.ok();
    assert_eq!(refused(&say().await), (30, "too many messages of this user, try again later".to_owned()));
    ask(&world, "amna", "GET", "/chat/conversations/c", Value::Null).await.ok();
    ask(&world, "amna", "GET", "/api/tasks", Value::Null).await.ok();
}

#[tokio::test]
async fn s12_nothing_is_counted_with_auth_local() {
    let world = World::with_settings([
        ("RATE_LIMIT_USER", "1"),
        ("RATE_LIMIT_CHAT", "1"),
        ("QUOTA_TASKS_PER_DAY", "1"),
    ])
    .await;
    for _ in 0..5 {
        world.create(json!({"title": "milk"})).await;
        world
            .post("/chat/command", json!({"user_input": "add a task to buy bread", "conversation_id": "c"}))
            .await
            .ok();
    }
}

#[tokio::test]
async fn s12_no_more_tasks_a_day_than_the_quota_and_the_next_day_again() {
    // In one process what one function lets through the others know of.
    let world = counting(&[("QUOTA_TASKS_PER_DAY", "3")]).await.beside_in_one_role();
    for _ in 0..2 {
        create(&world, "amna").await.ok();
    }
    let say = json!({"user_input": "add a task to buy bread", "conversation_id": "c"});
    assert!(ask(&world, "amna", "POST", "/chat/command", say.clone()).await.ok()["task_created"].is_object());
    let (after, detail) = refused(&create(&world, "amna").await);
    // The world begins at 6 o'clock.
    assert_eq!(after, 18 * 3_600, "{detail}");
    refused(&ask(&world, "amna", "POST", "/chat/command", say).await);
    create(&world, "bilal").await.ok();
    // A task that is there can be changed all the same, and an instance that begins knows as much.
    let world = world.beside();
    refused(&create(&world, "amna").await);
    let task = ask(&world, "amna", "GET", "/api/tasks", Value::Null).await.ok()["tasks"][0].clone();
    ask(&world, "amna", "PATCH", &path_of(&task), json!({"title": "bread"})).await.ok();
    advance(&world, after);
    create(&world, "amna").await.ok();
    assert_eq!(count(&world, "tasks WHERE user_id = 'amna'").await, 4);
}

#[tokio::test]
async fn s12_no_more_open_tasks_than_the_quota_until_one_is_done() {
    let world = counting(&[("QUOTA_OPEN_TASKS", "2")]).await;
    let task = create(&world, "amna").await.ok();
    let other = create(&world, "amna").await.ok();
    let (_, detail) = refused(&create(&world, "amna").await);
    assert_eq!(detail, "no more than 2 open tasks");
    ask(&world, "amna", "POST", &format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    advance(&world, 1);
    create(&world, "amna").await.ok();
    refused(&ask(&world, "amna", "POST", &format!("{}/reopen", path_of(&task)), Value::Null).await);
    ask(&world, "amna", "DELETE", &path_of(&other), Value::Null).await.ok();
    advance(&world, 1);
    create(&world, "amna").await.ok();
    refused(&ask(&world, "amna", "POST", &format!("{}/restore", path_of(&other)), Value::Null).await);
}

#[tokio::test]
async fn s12_no_more_reminders_on_one_day_than_the_quota() {
    let world = counting(&[("QUOTA_REMINDERS_PER_DAY", "2")]).await;
    let task = create_with_reminder(&world, "amna", "2026-06-02T09:00:00Z").await.ok();
    create_with_reminder(&world, "amna", "2026-06-02T23:59:59Z").await.ok();
    let (_, detail) = refused(&create_with_reminder(&world, "amna", "2026-06-02T00:00:00Z").await);
    assert_eq!(detail, "no more than 2 reminders on the same day");
    create(&world, "amna").await.ok();
    let other = create_with_reminder(&world, "amna", "2026-06-03T00:00:00Z").await.ok();
    let moved = json!({"due_date": "2026-06-02T10:00:00Z"});
    refused(&ask(&world, "amna", "PATCH", &path_of(&other), moved).await);
    // One that is there is none that is added.
    ask(&world, "amna", "PATCH", &path_of(&task), json!({"priority": "high"})).await.ok();
}

#[tokio::test]
async fn s12_a_change_of_a_whole_series_counts_for_each_of_its_tasks() {
    let world = counting(&[("QUOTA_REMINDERS_PER_DAY", "1")]).await;
    let body =
        json!({"title": "milk", "due_date": "2026-06-02T09:00:00Z", "recurrence_rule": {"pattern": "daily"}});
    let first = ask(&world, "amna", "POST", "/api/tasks", body).await.ok();
    ask(&world, "amna", "POST", &format!("{}/complete", path_of(&first)), Value::Null).await.ok();
    world.settle().await;
    let open = ask(&world, "amna", "GET", "/api/tasks?status=active", Value::Null).await.ok();
    let second = &open["tasks"][0];
    advance(&world, 1);
    ask(&world, "amna", "PATCH", &path_of(second), json!({"title": "mine"})).await.ok();
    ask(&world, "amna", "POST", &format!("{}/reopen", path_of(&first)), Value::Null).await.ok();
    assert_eq!(count(&world, "tasks WHERE status = 'active'").await, 2);
    let taken = create_with_reminder(&world, "amna", "2026-06-03T20:00:00Z").await.ok();
    let whole = format!("{}?scope=all", path_of(&first));
    let remind = json!({"reminder_config": {"lead_time": "0m", "destination": "a@example.org"}});
    // Of the first there is none yet on its day, but of the second.
    let (_, detail) = refused(&ask(&world, "amna", "PATCH", &whole, remind.clone()).await);
    assert_eq!(detail, "no more than 1 reminders on the same day");
    assert_eq!(count(&world, "reminders").await, 1);
    ask(&world, "amna", "PATCH", &path_of(&taken), json!({"title": "bread"})).await.ok();
    ask(&world, "amna", "PATCH", &path_of(&first), remind).await.ok();
}

#[tokio::test]
async fn s12_what_an_undo_brings_back_counts() {
    let world = counting(&[("QUOTA_OPEN_TASKS", "2")]).await;
    let task = create(&world, "amna").await.ok();
    create(&world, "amna").await.ok();
    ask(&world, "amna", "POST", &format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    advance(&world, 1);
    let last = create(&world, "amna").await.ok();
    let events = "SELECT event_id FROM events WHERE event_type = 'task.completed'";
    let completed = rows(&world.database_url, events).await.remove(0);
    let (_, detail) = refused(&ask(&world, "amna", "POST", "/api/undo", completed.clone()).await);
    assert_eq!(detail, "no more than 2 open tasks");
    ask(&world, "amna", "DELETE", &path_of(&last), Value::Null).await.ok();
    advance(&world, 1);
    ask(&world, "amna", "POST", "/api/undo", completed).await.ok();
    refused(&create(&world, "amna").await);
}

#[tokio::test]
async fn s12_what_a_chat_adds_to_tasks_that_are_there_counts() {
    let world =
        counting(&[("QUOTA_OPEN_TASKS", "2"), ("QUOTA_REMINDERS_PER_DAY", "1")]).await.beside_in_one_role();
    let say = async |text: &str| {
        let said = json!({"user_input": text, "conversation_id": "c"});
        ask(&world, "amna", "POST", "/chat/command", said).await
    };
    assert!(say("add a task to buy milk").await.ok()["task_created"].is_object());
    assert!(say("complete buy milk").await.ok()["task_completed"].is_object());
    advance(&world, 1);
    create_with_reminder(&world, "amna", "2026-06-02T20:00:00Z").await.ok();
    let other = create(&world, "amna").await.ok();
    let (_, detail) = refused(&say("reopen buy milk").await);
    assert_eq!(detail, "no more than 2 open tasks");
    ask(&world, "amna", "DELETE", &path_of(&other), Value::Null).await.ok();
    advance(&world, 1);
    assert!(say("reopen buy milk").await.ok()["task_updated"].is_object());
    let (_, detail) = refused(&say("snooze buy milk until tomorrow at 9am").await);
    assert_eq!(detail, "no more than 1 reminders on the same day");
    let snoozed = say("snooze buy milk until june 3 at 9am").await.ok();
    assert!(snoozed["task_updated"]["snoozed_until"].is_string(), "{snoozed}");
}

#[tokio::test]
async fn s12_while_nothing_can_be_counted_those_who_wait_are_answered_together() {
    let world = counting(&[]).await;
    let wire = Wire::before(&world.database_url);
    let world = world.beside_at(wire.url.clone());
    create(&world, "amna").await.ok();
    let mut elsewhere = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let lock = "BEGIN; LOCK TABLE reminders IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut elsewhere).await.expect("nobody else has it");
    advance(&world, 24 * 3_600);
    wire.round_trips();
    // Whoever counts finds after 5 s (`lock_timeout`) that it can not be done.
    let answers = join_all((0..20).map(|_| create(&world, "amna"))).await;
    assert!(answers.iter().all(|answered| answered.status == 503), "{}", answers[0].json());
    let tries = wire.round_trips();
    assert!(
        (1..=3).contains(&tries),
        "{tries} round trips: one to prepare, one to count, one for a sign of life"
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut elsewhere).await.expect("it is held");
    create(&world, "amna").await.ok();
}

#[tokio::test]
async fn s12_a_repeated_request_has_its_answer_however_much_there_is_by_then() {
    let world = counting(&[("QUOTA_TASKS_PER_DAY", "1")]).await;
    let claims = claims(ISSUER, "amna", world.clock.now());
    let token = token(&json!({"alg": "HS256"}), &claims, hmac_sha256(SECRET.as_bytes()));
    let headers = [("authorization", format!("Bearer {token}")), ("idempotency-key", "k".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let body = json!({"title": "milk"});
    let first = world.call_with("POST", "/api/tasks", &body, &headers).await;
    let again = world.call_with("POST", "/api/tasks", &body, &headers).await;
    assert_eq!((first.ok(), &first.bytes), (again.ok(), &again.bytes));
    refused(&create(&world, "amna").await);
}

#[tokio::test]
async fn s12_a_model_is_asked_no_more_than_the_quota_and_the_parser_answers_on() {
    let ollama =
        Ollama::saying(&json!({"intent": "create_task", "title": "dentist", "confidence": 0.9})).await;
    let world = counting(&[("QUOTA_MODEL_CALLS_PER_DAY", "2")]).await.beside_with_model(&ollama.url, 60_000);
    let say = async |conversation: usize| {
        let said = json!({"user_input": UNCLEAR, "conversation_id": conversation.to_string()});
        ask(&world, "amna", "POST", "/chat/command", said).await.ok()
    };
    for conversation in 0..5 {
        say(conversation).await;
    }
    assert_eq!(ollama.asked().len(), 2);
    assert_eq!(count(&world, "messages WHERE answered_by = 'model' AND role = 'user'").await, 2);
    let again = world.beside();
    let said = json!({"user_input": UNCLEAR, "conversation_id": "beside"});
    ask(&again, "amna", "POST", "/chat/command", said).await.ok();
    assert_eq!(ollama.asked().len(), 2, "an instance that begins knows it too");
    advance(&world, 24 * 3_600);
    say(9).await;
    assert_eq!(ollama.asked().len(), 3);
}

/// Says in a new conversation what the parser is not sure of, as amna, each time.
async fn wonder(world: &World, times: usize) -> Vec<Answered> {
    let mut answers = Vec::new();
    for _ in 0..times {
        let said = json!({"user_input": UNCLEAR});
        answers.push(ask(world, "amna", "POST", "/chat/command", said).await);
    }
    answers
}

#[tokio::test]
async fn s12_every_question_to_the_model_counts_whatever_becomes_of_it() {
    for useless in [
        Reply::says(&json!({"intent": "unknown", "confidence": 0})),
        Reply::Writes("I have no idea.".to_owned()),
        Reply::Sends(500, "{}".to_owned()),
        Reply::Stalls,
    ] {
        let ollama = Ollama::start(useless.clone()).await;
        let world = counting(&[("QUOTA_MODEL_CALLS_PER_DAY", "2")]).await;
        for _ in 0..2 {
            // Also for an instance that has counted nothing yet.
            let world = world.beside_with_model(&ollama.url, 300);
            wonder(&world, 2).await.iter().for_each(|answered| drop(answered.ok()));
        }
        assert_eq!(ollama.asked().len(), 2, "{useless:?}");
    }
}

#[tokio::test]
async fn s12_a_question_to_the_model_counts_although_its_answer_is_not_committed() {
    let ollama =
        Ollama::saying(&json!({"intent": "create_task", "title": "dentist", "confidence": 0.9})).await;
    let world = counting(&[("QUOTA_MODEL_CALLS_PER_DAY", "2"), ("QUOTA_TASKS_PER_DAY", "0")]).await;
    let world = world.beside_with_model(&ollama.url, 60_000);
    let answers = wonder(&world, 4).await;
    answers[..2].iter().for_each(|answered| drop(refused(answered)));
    answers[2..].iter().for_each(|answered| drop(answered.ok()));
    assert_eq!((ollama.asked().len(), count(&world, "messages").await), (2, 4));
}

#[tokio::test]
async fn s12_a_question_that_nobody_is_asked_does_not_count() {
    let ollama = Ollama::start(Reply::Sends(500, "{}".to_owned())).await;
    let world = counting(&[]).await.beside_with_model(&ollama.url, 60_000);
    // After three failures the model is left alone.
    wonder(&world, 6).await.iter().for_each(|answered| drop(answered.ok()));
    assert_eq!((ollama.asked().len(), count(&world, "model_calls WHERE calls = 3").await), (3, 1));
}

#[tokio::test]
async fn s12_with_quotas_a_task_is_still_created_in_one_round_trip() {
    let world = counting(&[]).await;
    let wire = Wire::before(&world.database_url);
    let world = world.beside_at(wire.url.clone());
    // Connects, reads the settings, counts, prepares.
    create(&world, "amna").await.ok();
    let first = wire.round_trips();
    for _ in 0..90 {
        create(&world, "amna").await.ok();
    }
    // And a sign of life where a connection had nothing to do for a moment.
    let more = wire.round_trips();
    assert!((90..100).contains(&more), "{more} for 90, and {first} for the first");
    let local = World::new().await;
    let wire = Wire::before(&local.database_url);
    let local = local.beside_at(wire.url.clone());
    local.create(json!({"title": "milk"})).await;
    assert!(first - wire.round_trips() <= 3, "counting is prepared and run once");
}

#[tokio::test]
async fn s12_what_was_let_through_is_counted_again_in_time() {
    let world = counting(&[("QUOTA_TASKS_PER_DAY", "150")]).await;
    let other = world.beside();
    create(&world, "amna").await.ok();
    create(&other, "amna").await.ok();
    // All of it through one of two instances; the other can not know.
    for _ in 0..148 {
        create(&other, "amna").await.ok();
    }
    refused(&create(&other, "amna").await);
    create(&world, "amna").await.ok();
    advance(&world, 60);
    let mut too_many = 0;
    while create(&world, "amna").await.status == 200 {
        too_many += 1;
        // It is counted beside the requests, and waited for once so many were not.
        assert!(too_many <= 200, "it was not counted again");
    }
    refused(&create(&world, "amna").await);
}

#[tokio::test]
async fn s12_what_comes_all_at_once_is_counted_at_once() {
    let world = counting(&[("QUOTA_TASKS_PER_DAY", "50")]).await;
    let answers = join_all((0..120).map(|_| create(&world, "amna"))).await;
    let done = answers.iter().filter(|answered| answered.status == 200).count();
    assert_eq!((done, count(&world, "tasks").await), (50, 50));
}

/// Gives the kinds of the plan's looks at tables, with their indexes.
fn looks(plan: &Value, found: &mut Vec<String>) {
    if let Some(relation) = plan["Relation Name"].as_str() {
        let (kind, index) = (plan["Node Type"].as_str(), plan["Index Name"].as_str());
        found.push(format!("{relation}: {} {}", kind.unwrap_or_default(), index.unwrap_or_default()));
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        looks(part, found);
    }
}

#[tokio::test]
async fn s12_counting_reads_a_range_of_an_index_and_nothing_else() {
    const COUNT_TASKS: &str = include_str!("../../shared/store/src/quota/count_tasks.sql");
    let world = World::new().await;
    for statement in [
        "INSERT INTO tasks (user_id, id, title, all_day, priority, tags, status, created_at, updated_at, version)
         SELECT 'user-' || n % 50, gen_random_uuid(), 'milk', false, 2, '{}', 'active',
                timestamptz '2026-06-01' - n * interval '1 minute', now(), 1
         FROM generate_series(1, 100000) AS n",
        "INSERT INTO reminders (user_id, id, task_id, trigger_time, status, delivery_method)
         SELECT user_id, gen_random_uuid(), id, timestamptz '2026-06-01' + random() * interval '30 days', 'pending', 'email'
         FROM tasks",
    ] {
        execute(&world, statement).await;
    }
    // What was committed a moment ago may not be old enough for the first time.
    let vacuumed = || async {
        execute(&world, "VACUUM ANALYZE tasks, reminders").await;
        let seen = "pg_class WHERE relname IN ('tasks', 'reminders') AND relallvisible = relpages";
        (count(&world, seen).await == 2).then_some(())
    };
    eventually("every page is known to be visible to all", vacuumed).await;
    let expected = [
        "reminders: Index Only Scan reminders_by_task",
        "tasks: Index Only Scan tasks_by_created",
        "tasks: Index Only Scan tasks_",
    ];
    for mode in ["force_custom_plan", "force_generic_plan"] {
        // As the function itself, who sees one user's rows only.
        let url = roles::url_of(&world.database_url, "create-task");
        let mut connection = PgConnection::connect(&url).await.expect("the database is there");
        let sql = format!(
            "SET plan_cache_mode = {mode}; PREPARE counted (kaam_user_id, bigint, timestamptz) AS {COUNT_TASKS}; "
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("it is sound");
        let explain = "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE counted ('user-7', 10000, '2026-05-31')";
        let plan: Value =
            sqlx::query_scalar(explain).persistent(false).fetch_one(&mut connection).await.expect("it runs");
        let mut found = Vec::new();
        looks(&plan[0]["Plan"], &mut found);
        assert_eq!(found.len(), expected.len(), "{mode}: {found:?}");
        for expected in expected {
            let is_there = found.iter().any(|look| look.starts_with(expected));
            assert!(is_there, "{mode}: {expected} in {found:?}");
        }
    }
}
