//! What a conversation is about, kept in PostgreSQL and in a state store of a real Dapr sidecar: the user can not tell which.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use chat_command::Memory;
use futures::future::{join, join_all};
use runtime::clock::Stopwatch;
use runtime::dapr::{Error, Sidecar};
use runtime::metrics::Metrics;
use serde_json::{Value, json};
use tests::daprd::{Daprd, STORE, TABLE};
use tests::database::{count, execute, rows};
use tests::gate::Gate;
use tests::process::{Program, command, outcome};
use tests::world::{World, path_of};

const CONVERSATION: &str = "test-conv-1";

/// A place where conversations are kept, and a world that keeps them there.
struct Scene {
    world: World,
    /// Counts what is forgotten.
    metrics: Metrics,
    daprd: Option<Daprd>,
}

impl Scene {
    async fn in_postgresql() -> Self {
        Self { world: World::new().await, metrics: Metrics::new(), daprd: None }
    }

    /// `None` on a machine without daprd.
    async fn in_dapr() -> Option<Self> {
        let (world, metrics) = (World::new().await, Metrics::new());
        let daprd = Daprd::start(&world.database_url).await?;
        let world = world.with_memory(Memory::in_dapr(daprd.sidecar(), STORE, &metrics));
        Some(Self { world, metrics, daprd: Some(daprd) })
    }

    /// Both, or the one that this machine has.
    async fn each() -> Vec<Self> {
        [Some(Self::in_postgresql().await), Self::in_dapr().await].into_iter().flatten().collect()
    }

    fn daprd(&mut self) -> &mut Daprd {
        self.daprd.as_mut().expect("this scene has one")
    }

    /// Gives the numbers of turns whose conversation was forgotten, by why.
    fn forgotten(&self) -> Vec<(String, u32)> {
        let name = "kaam_conversations_forgotten_total{why=\"";
        let rendered = self.metrics.render();
        let lines = rendered.lines().filter_map(|line| line.strip_prefix(name)?.split_once("\"} "));
        let mut counts: Vec<_> =
            lines.map(|(why, number)| (why.to_owned(), number.parse().expect("a number"))).collect();
        counts.sort();
        counts
    }
}

/// Says something in a conversation, a second after what was said before.
async fn say(world: &World, text: &str) -> Value {
    say_as(world, "local", CONVERSATION, text).await
}

async fn say_as(world: &World, user_id: &str, conversation_id: &str, text: &str) -> Value {
    world.clock.advance(Duration::from_secs(1));
    let body = json!({"user_input": text, "conversation_id": conversation_id});
    let headers = [("x-user-id", user_id)];
    let answer = world.call_with("POST", "/chat/command", &body, &headers).await.ok();
    assert_eq!(answer["conversation_id"], conversation_id, "{text}: {answer}");
    answer
}

/// Gives the titles of a user's tasks with a status, oldest first.
async fn titles(world: &World, user_id: &str, status: &str) -> Vec<String> {
    let path = format!("/api/tasks?sort=created_at&status={status}");
    let listed = world.call_with("GET", &path, &Value::Null, &[("x-user-id", user_id)]).await.ok();
    let tasks = listed["tasks"].as_array().expect("a list").iter();
    tasks.map(|task| task["title"].as_str().expect("a title").to_owned()).collect()
}

#[tokio::test]
async fn it_and_the_second_one_are_known_after_a_restart_and_elsewhere() {
    for mut scene in Scene::each().await {
        for title in ["buy milk", "call mom", "pay the rent"] {
            say(&scene.world, &format!("add a task to {title}")).await;
        }
        let shown = say(&scene.world, "show my tasks").await;
        let second = shown["tasks"][1]["title"].clone();
        let elsewhere = scene.world.beside();
        let done = say(&elsewhere, "complete the second one").await;
        assert_eq!(done["task_completed"]["title"], second, "{done}");

        if let Some(daprd) = &mut scene.daprd {
            daprd.stop().await;
            daprd.restart().await;
        }
        let again = elsewhere.beside();
        drop(elsewhere);
        let reopened = say(&again, "reopen it").await;
        assert_eq!(reopened["task_updated"]["title"], second, "{reopened}");
        let undone = say(&scene.world, "undo").await;
        assert_eq!(undone["task_updated"]["status"], "completed", "{undone}");
        assert_eq!(scene.forgotten(), []);
    }
}

#[tokio::test]
async fn a_yes_elsewhere_does_exactly_what_was_proposed_and_does_it_once() {
    for scene in Scene::each().await {
        for title in ["buy milk", "buy bread"] {
            say(&scene.world, &format!("add a task to {title}")).await;
        }
        let proposed = say(&scene.world, "delete all my tasks").await;
        assert_eq!(proposed["confirmation_needed"], true, "{proposed}");
        scene.world.create(json!({"title": "buy eggs"})).await;
        let elsewhere = scene.world.beside();
        say(&elsewhere, "yes").await;
        assert_eq!(titles(&elsewhere, "local", "active").await, ["buy eggs"]);
        let again = say(&scene.world, "yes").await;
        assert_eq!(again["clarification_needed"], true, "a yes counts once: {again}");
        assert_eq!(titles(&scene.world, "local", "active").await, ["buy eggs"]);
    }
}

#[tokio::test]
async fn a_proposal_waits_ten_minutes_wherever_it_is_kept() {
    for scene in Scene::each().await {
        say(&scene.world, "add a task to buy milk").await;
        for (wait_s, left) in [(600, &["buy milk"][..]), (590, &[])] {
            say(&scene.world, "delete the task buy milk").await;
            scene.world.clock.advance(Duration::from_secs(wait_s));
            say(&scene.world.beside(), "yes").await;
            assert_eq!(titles(&scene.world, "local", "active").await, left);
        }
    }
}

#[tokio::test]
async fn two_users_with_one_conversation_id_have_two_conversations() {
    for scene in Scene::each().await {
        for (user_id, title) in [("amna", "buy milk"), ("bilal", "buy bread")] {
            say_as(&scene.world, user_id, CONVERSATION, &format!("add a task to {title}")).await;
            let proposed = say_as(&scene.world, user_id, CONVERSATION, "delete it").await;
            assert_eq!(proposed["candidates"][0]["title"], title, "{proposed}");
        }
        let stranger = say_as(&scene.world, "chaudhry", CONVERSATION, "yes").await;
        assert_eq!(stranger["clarification_needed"], true, "{stranger}");
        for (user_id, title) in [("amna", "buy milk"), ("bilal", "buy bread")] {
            let done = say_as(&scene.world, user_id, CONVERSATION, "yes").await;
            assert_eq!(done["task_deleted"]["title"], title, "{done}");
        }
        let keys = rows(&scene.world.database_url, "SELECT dapr_state_key AS key FROM conversations").await;
        let mut keys: Vec<_> = keys.iter().map(|row| row["key"].as_str().expect("a key")).collect();
        keys.sort_unstable();
        let expected =
            ["amna", "bilal", "chaudhry"].map(|user_id| format!("conversation:{user_id}:{CONVERSATION}"));
        assert_eq!(keys, expected);
        let Some(_) = scene.daprd else { continue };
        // Dapr puts the app-id before it.
        let kept = rows(&scene.world.database_url, &format!("SELECT key FROM {TABLE} ORDER BY key")).await;
        let kept: Vec<_> = kept.iter().map(|row| row["key"].as_str().expect("a key")).collect();
        assert_eq!(kept, expected.map(|key| format!("kaam||{key}")));
    }
}

#[tokio::test]
async fn no_conversation_id_is_too_long_or_too_odd_to_be_kept() {
    let ids = ["\u{1f600}".repeat(200), "a||b".to_owned(), "../x?y#z %2F".to_owned(), "دودھ\n\t".to_owned()];
    let user_id = "|".repeat(128);
    for scene in Scene::each().await {
        for id in &ids {
            say_as(&scene.world, &user_id, id, "add a task to buy milk").await;
            say_as(&scene.world, &user_id, id, "delete it").await;
            let done = say_as(&scene.world, &user_id, id, "yes").await;
            assert_eq!(done["task_deleted"]["title"], "buy milk", "{id:?}: {done}");
        }
        assert_eq!(scene.forgotten(), []);
    }
}

#[tokio::test]
async fn messages_at_the_same_time_are_all_answered_and_the_last_one_is_remembered() {
    const EACH: usize = 4;
    for scene in Scene::each().await {
        let elsewhere = scene.world.beside();
        say(&scene.world, "add a task to do the first thing").await;
        let messages = (0..2 * EACH).map(|number| {
            let world = if number % 2 == 0 { &scene.world } else { &elsewhere };
            async move {
                let text = format!("add a task to buy thing number {number}");
                let body = json!({"user_input": text, "conversation_id": CONVERSATION});
                world.post("/chat/command", body).await.ok()
            }
        });
        let answers = join_all(messages).await;
        assert!(answers.iter().all(|answer| answer["task_created"].is_object()), "{answers:?}");
        assert_eq!(titles(&scene.world, "local", "active").await.len(), 2 * EACH + 1);
        assert_eq!(count(&scene.world, "messages").await, 2 * (2 * EACH as i64 + 1));

        // The last that was committed is "it": its document took the place of any that was slower.
        let created = "SELECT payload->'task'->>'id' AS id FROM events WHERE event_type = 'task.created' ORDER BY seq DESC LIMIT 1";
        let last = rows(&scene.world.database_url, created).await[0]["id"].clone();
        let done = say(&elsewhere, "complete it").await;
        assert_eq!(done["task_completed"]["id"], last, "{done}");
    }
}

#[tokio::test]
async fn a_turn_that_is_overtaken_leaves_the_document_to_the_later_one() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let daprd = scene.daprd.as_ref().expect("this scene has one");
    let gate = Gate::before(daprd.port).await;
    let slow = scene.world.with_memory(Memory::in_dapr(daprd.sidecar_at(gate.port), STORE, &scene.metrics));
    say(&scene.world, "add a task to buy milk").await;
    gate.shut();
    let later = async {
        gate.is_holding().await;
        let created = say(&scene.world, "add a task to buy eggs").await;
        gate.open();
        created
    };
    let (overtaken, later) = join(say(&slow, "add a task to buy bread"), later).await;
    assert_eq!(overtaken["task_created"]["title"], "buy bread", "{overtaken}");
    assert_eq!(later["task_created"]["title"], "buy eggs", "{later}");
    let done = say(&slow, "complete it").await;
    assert_eq!(done["task_completed"]["title"], "buy eggs", "{done}");
    // The later one could not see what the overtaken one was about.
    assert_eq!(scene.forgotten(), [("stale".to_owned(), 1)]);
}

#[tokio::test]
async fn a_sidecar_that_does_not_save_delays_an_answer_by_seconds_and_loses_what_it_is_about() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let daprd = scene.daprd.as_ref().expect("this scene has one");
    let gate = Gate::before(daprd.port).await;
    let world = scene.world.with_memory(Memory::in_dapr(daprd.sidecar_at(gate.port), STORE, &scene.metrics));
    gate.shut();
    let watch = Stopwatch::start();
    let created = say(&world, "add a task to buy milk").await;
    assert_eq!(created["task_created"]["title"], "buy milk", "{created}");
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
    assert_eq!(scene.forgotten(), [("unwritten".to_owned(), 1)]);
    let forgotten = say(&world, "delete it").await;
    assert_eq!(forgotten["clarification_needed"], true, "{forgotten}");
}

#[tokio::test]
async fn a_sidecar_that_does_not_read_is_asked_once_however_often_the_turn_is_computed() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let daprd = scene.daprd.as_ref().expect("this scene has one");
    let gate = Gate::before(daprd.port).await;
    let metrics = Metrics::new();
    let slow = scene.world.with_memory(Memory::in_dapr(daprd.sidecar_at(gate.port), STORE, &metrics));
    say(&scene.world, "add a task to buy milk").await;
    gate.hang(Method::GET);
    let watch = Stopwatch::start();
    // While it waits, others go on in its conversation, so that its turn is computed anew.
    let meanwhile = async {
        gate.is_holding().await;
        say(&scene.world, "add a task to buy eggs").await
    };
    let (forgotten, created) = join(say(&slow, "delete it"), meanwhile).await;
    assert_eq!(created["task_created"]["title"], "buy eggs", "{created}");
    assert_eq!(forgotten["clarification_needed"], true, "{forgotten}");
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
    let rendered = metrics.render();
    assert!(rendered.contains("kaam_conversations_forgotten_total{why=\"unread\"} 1"), "{rendered}");
    // One of the turn, and one that looks for what is in the way of its document.
    assert_eq!(gate.hung(), 2);
}

#[tokio::test]
async fn undo_in_a_forgotten_conversation_asks() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let world = &scene.world;
    say(world, "add a task to buy milk").await;
    execute(world, &format!("DELETE FROM {TABLE}")).await;
    say_as(world, "local", "elsewhere", "add a task to buy bread").await;
    for _ in 0..2 {
        let answer = say(world, "undo").await;
        assert_eq!(answer["clarification_needed"], true, "{answer}");
        assert!(answer["response"].as_str().is_some_and(|said| said.contains("no longer know")), "{answer}");
        assert_eq!(titles(world, "local", "active").await, ["buy milk", "buy bread"]);
    }
    assert_eq!(scene.forgotten(), [("missing".to_owned(), 1)]);
    say(world, "add a task to buy eggs").await;
    let undone = say(world, "undo").await;
    assert_eq!(undone["task_deleted"]["title"], "buy eggs", "what was done since is known: {undone}");
    assert_eq!(say(world, "undo").await["clarification_needed"], true);
    assert_eq!(titles(world, "local", "active").await, ["buy milk", "buy bread"]);
}

#[tokio::test]
async fn of_two_yeses_at_the_same_time_one_does_what_was_proposed() {
    for scene in Scene::each().await {
        let elsewhere = scene.world.beside();
        for round in 0..5 {
            say(&scene.world, "add a task to buy milk").await;
            say(&scene.world, "delete it").await;
            let yes = json!({"user_input": "yes", "conversation_id": CONVERSATION});
            let both = [&scene.world, &elsewhere].map(|world| world.post("/chat/command", yes.clone()));
            let answers: Vec<_> = join_all(both).await.iter().map(|answered| answered.ok()).collect();
            let done = answers.iter().filter(|answer| answer["task_deleted"].is_object()).count();
            assert_eq!(done, 1, "{answers:?}");
            assert_eq!(count(&scene.world, "events WHERE event_type = 'task.deleted'").await, round + 1);
        }
    }
}

#[tokio::test]
async fn what_is_cut_off_between_commit_and_document_is_forgotten_and_never_done_twice() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let world = &scene.world;
    say(world, "add a task to buy milk").await;
    let proposed = say(world, "delete it").await;
    let task = &proposed["candidates"][0];
    refuse_documents(world).await;

    let done = say(world, "yes").await;
    assert_eq!(done["task_deleted"]["title"], "buy milk", "what is done is done, and said: {done}");
    assert_eq!(scene.forgotten(), [("unwritten".to_owned(), 1)]);

    // The document of before still proposes it.
    let path = format!("{}/restore", path_of(task));
    world.post(&path, Value::Null).await.ok();
    let again = say(world, "yes").await;
    assert_eq!(again["clarification_needed"], true, "{again}");
    assert_eq!(titles(world, "local", "active").await, ["buy milk"]);
    assert_eq!(scene.forgotten(), [("stale".to_owned(), 1), ("unwritten".to_owned(), 2)]);

    execute(world, &format!("DROP TRIGGER refused ON {TABLE}")).await;
    say(world, "add a task to buy bread").await;
    let completed = say(&world.beside(), "complete it").await;
    assert_eq!(completed["task_completed"]["title"], "buy bread", "it remembers again: {completed}");
    assert_eq!(scene.forgotten(), [("stale".to_owned(), 2), ("unwritten".to_owned(), 2)]);
}

/// Makes every write of a document fail, as it would where the process is killed before it.
async fn refuse_documents(world: &World) {
    let function = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql \
                    AS $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$";
    execute(world, function).await;
    let trigger = format!(
        "CREATE TRIGGER refused BEFORE INSERT OR UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    execute(world, &trigger).await;
}

#[tokio::test]
async fn a_document_lives_for_thirty_days_from_the_last_turn() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let world = &scene.world;
    let days_left = async || {
        let query = format!("SELECT extract(epoch FROM expires_at - now()) / 86400 AS days FROM {TABLE}");
        rows(&world.database_url, &query).await[0]["days"].as_f64().expect("it has an end")
    };
    say(world, "add a task to buy milk").await;
    let at_first = days_left().await;
    assert!((29.9..=30.0).contains(&at_first), "{at_first}");
    execute(world, &format!("UPDATE {TABLE} SET expires_at = now() + interval '1 day'")).await;
    say(world, "delete it").await;
    let renewed = days_left().await;
    assert!((29.9..=30.0).contains(&renewed), "{renewed}");

    execute(world, &format!("UPDATE {TABLE} SET expires_at = now() - interval '1 second'")).await;
    let answer = say(world, "yes").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    assert_eq!(scene.forgotten(), [("missing".to_owned(), 1)]);
    say(world, "add a task to buy bread").await;
    let done = say(world, "complete it").await;
    assert_eq!(done["task_completed"]["title"], "buy bread", "{done}");
}

#[tokio::test]
async fn without_its_state_store_chat_forgets_but_does_what_it_is_told() {
    let Some(mut scene) = Scene::in_dapr().await else { return };
    say(&scene.world, "add a task to buy milk").await;
    say(&scene.world, "delete it").await;
    assert_eq!(scene.world.get("/ready").await.ok()["dapr"], "connected");

    scene.daprd().stop().await;
    let ready = scene.world.get("/ready").await;
    assert_eq!((ready.status, &ready.json()["dapr"]), (StatusCode::OK, &json!("unreachable")));
    let answer = say(&scene.world, "yes").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    let created = say(&scene.world, "add a task to buy bread").await;
    assert_eq!(created["task_created"]["title"], "buy bread", "{created}");
    let done = say(&scene.world, "complete the task buy milk").await;
    assert_eq!(done["task_completed"]["title"], "buy milk", "{done}");
    assert_eq!(scene.forgotten(), [("unread".to_owned(), 3), ("unwritten".to_owned(), 3)]);

    scene.daprd().restart().await;
    assert_eq!(scene.world.get("/ready").await.ok()["dapr"], "connected");
    say(&scene.world, "add a task to call mom").await;
    let done = say(&scene.world, "complete it").await;
    assert_eq!(done["task_completed"]["title"], "call mom", "{done}");
}

#[tokio::test]
async fn a_conversation_moves_to_the_state_store_with_what_it_is_about_and_back_without() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let in_rows = scene.world.with_memory(Memory::in_postgresql());
    assert_eq!(in_rows.get("/ready").await.ok()["dapr"], "not_configured");
    say(&in_rows, "add a task to buy milk").await;
    say(&in_rows, "delete it").await;
    let done = say(&scene.world, "yes").await;
    assert_eq!(done["task_deleted"]["title"], "buy milk", "{done}");
    say(&scene.world, "add a task to buy bread").await;
    say(&scene.world, "delete it").await;
    let back = say(&in_rows, "yes").await;
    assert_eq!(back["clarification_needed"], true, "{back}");
    assert_eq!(titles(&in_rows, "local", "active").await, ["buy bread"]);
    // And once more: the document of before is in the way of the new one.
    say(&in_rows, "delete the task buy bread").await;
    let done = say(&scene.world, "yes").await;
    assert_eq!(done["task_deleted"]["title"], "buy bread", "{done}");
    let undone = say(&scene.world, "undo").await;
    assert_eq!(undone["task_updated"]["title"], "buy bread", "{undone}");
    assert_eq!(scene.forgotten(), []);
}

#[tokio::test]
async fn a_real_sidecar_refuses_writes_over_another_version_and_callers_without_its_token() {
    let Some(scene) = Scene::in_dapr().await else { return };
    let daprd = scene.daprd.as_ref().expect("this scene has one");
    let sidecar = daprd.sidecar();
    let key = "a:b/c d%2F|دو?#";
    let document = async || sidecar.document(STORE, key).await.expect("the sidecar is there");
    let save = async |value: Value, etag: Option<&str>| sidecar.save(STORE, key, &value, etag, 60).await;
    assert_eq!(document().await, None);
    save(json!({"n": 1}), None).await.expect("there is none");
    let first = document().await.expect("it was saved");
    assert_eq!(first.value, json!({"n": 1}));
    let first = first.etag.expect("it has a version");

    assert!(matches!(save(json!(0), None).await, Err(Error::Refused { status: 500, .. })));
    save(json!({"n": 2}), Some(&first)).await.expect("it is the version");
    assert!(matches!(save(json!(0), Some(&first)).await, Err(Error::Changed)));
    let second = document().await.expect("it was saved");
    assert_eq!(second.value, json!({"n": 2}));

    let stranger = Sidecar::new(daprd.port, None);
    assert!(matches!(stranger.document(STORE, key).await, Err(Error::Refused { status: 401, .. })));
    let elsewhere = sidecar.document("nowhere", key).await.expect_err("there is no such store").to_string();
    assert_eq!(elsewhere, "the Dapr sidecar said 400 ERR_STATE_STORE_NOT_FOUND");
}

#[tokio::test]
async fn the_programs_keep_conversations_in_dapr_and_want_to_know_where_it_is() {
    for name in ["chat-command", "backend"] {
        let mut program = command(name);
        program.envs([("DATABASE_URL", "postgres://localhost/kaam"), ("CONVERSATION_STATE", "dapr")]);
        let ended = outcome(program).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.lines().count() == 1, "{said}");
        assert!(said.starts_with(&format!("{name}: DAPR_HTTP_PORT is not set; it must be ")), "{said}");
    }

    let Some(scene) = Scene::in_dapr().await else { return };
    let daprd = scene.daprd.as_ref().expect("this scene has one");
    let program = || {
        let mut program = command("backend");
        program.env("DATABASE_URL", &scene.world.database_url).envs(daprd.settings());
        program
    };
    let say = async |program: &Program, text: &str| {
        let body = json!({"user_input": text, "conversation_id": CONVERSATION});
        let (status, answer) = program.call("POST", "/chat/command", &body, &[]).await.expect("an answer");
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let first = Program::start(program()).await;
    say(&first, "add a task to buy milk").await;
    say(&first, "delete it").await;
    first.kill().await;
    assert_eq!(count(&scene.world, TABLE).await, 1);
    let second = Program::start(program()).await;
    let done = say(&second, "yes").await;
    assert_eq!(done["task_deleted"]["title"], "buy milk", "{done}");
    assert!(second.stop().await.success());
}
