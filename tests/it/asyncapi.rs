//! The AsyncAPI document is sound, and says what is really on the bus.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use application::links::{Action, Link};
use boon::{Compiler, Draft, SchemaIndex, Schemas};
use events::Topic;
use events::asyncapi::{KINDS, Kind, RECEIVED, SENT, document};
use serde_json::{Value, json};
use tests::bus::record;
use tests::world::{World, links, path_of};
use uuid::Uuid;

/// Where the document is, as far as the validator is concerned.
const PLACE: &str = "http://localhost/asyncapi.json";
/// What has tests of its own: accounts (`sign_in.rs`).
const OF_ACCOUNTS: &str = "sign-in";
/// What is sent and not driven here: a browser is gone (`delivery.rs`); a task is opened again while its successor is being made.
const ELSEWHERE: [(&str, &str); 2] =
    [("send-reminder", "settings.updated"), ("spawn-recurrence", "task.deleted")];

/// The schemas of a document, as a validator of JSON Schema draft 7 has them.
struct Validator {
    schemas: Schemas,
    compiler: Compiler,
}

impl Validator {
    fn new(document: Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V7);
        compiler.enable_format_assertions();
        compiler.add_resource(PLACE, document).expect("a URL");
        Self { schemas: Schemas::new(), compiler }
    }

    /// Gives what is wrong with a record's value, as an event of a type; whether there is such a type is for the caller to know.
    fn wrong(&mut self, event_type: &str, value: &Value) -> Option<String> {
        let place = format!("{PLACE}#/components/messages/{event_type}/payload");
        let schema: SchemaIndex =
            self.compiler.compile(&place, &mut self.schemas).unwrap_or_else(|error| panic!("{error:#}"));
        self.schemas.validate(value, schema).err().map(|error| format!("{event_type}: {error:#}\n{value:#}"))
    }
}

/// Refuses fields that are not in the document: consumers overlook them, whoever documents must not.
fn closed(mut document: Value) -> Value {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                fields.values_mut().for_each(close);
                if fields.get("type") == Some(&json!("object")) && fields.get("properties").is_some() {
                    fields.insert("additionalProperties".to_owned(), json!(false));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut document["components"]["schemas"]);
    document
}

/// What was on the bus.
#[derive(Default)]
struct Bus(Vec<Value>);

impl Bus {
    /// Publishes what is in the outbox, hands each function what it receives by the document, and so on until nothing follows.
    async fn settle(&mut self, world: &World) {
        loop {
            let taken = record(world).await.taken();
            if taken.is_empty() {
                return;
            }
            for (function, topic, types) in RECEIVED {
                let is_for_it = |event: &&Value| {
                    event["data"]["topic_name"] == topic.as_str()
                        && event["type"].as_str().is_some_and(|name| types.contains(&name))
                };
                let events: Vec<_> = taken.iter().filter(is_for_it).cloned().collect();
                if !events.is_empty() {
                    world.deliver(function, &events).await;
                }
            }
            self.0.extend(taken);
        }
    }
}

async fn chat(world: &World, text: &str) -> Value {
    world.post("/chat/command", json!({"user_input": text, "conversation_id": "c"})).await.ok()
}

/// Does everything that makes an event.
async fn live(world: &World, bus: &mut Bus) {
    let empty = || Value::Null;
    let post = async |task: &Value, word: &str| {
        world.post(&format!("{}/{word}", path_of(task)), empty()).await.ok();
    };
    let undo = async || {
        world.post("/api/undo", empty()).await.ok();
    };
    // A task with everything, and one with nothing.
    let full = world
        .create(json!({
            "title": "دودھ لانا", "description": "a\nb", "due_date": "2026-07-01T09:00:00", "time_zone": "Asia/Karachi",
            "priority": "high", "tags": ["home", "گھر"],
            "reminder_config": [{"lead_time": "1d", "destination": "amna@example.org"}, {"at": "2026-06-30T00:00:00Z"}],
            "recurrence_rule": {"pattern": "monthly", "month_days": [1, -1], "until": "2028-01-01"},
        }))
        .await;
    let plain = world.create(json!({"title": "call"})).await;
    world.create(json!({"title": "all day", "due_date": "2027-09-05", "recurrence_rule": {"rrule": "FREQ=YEARLY"}})).await;
    for word in ["complete", "reopen", "complete"] {
        post(&full, word).await;
        bus.settle(world).await;
    }
    world
        .patch(&path_of(&plain), json!({"title": "call Amna", "due_date": "2026-06-01T08:00:00Z"}))
        .await
        .ok();
    world.post(&format!("{}/snooze", path_of(&plain)), json!({"for": "10m"})).await.ok();
    world.delete(&path_of(&plain)).await.ok();
    post(&plain, "restore").await;
    // Each taken back: restored, deleted, snoozed.
    undo().await;
    undo().await;
    undo().await;
    post(&plain, "complete").await;
    post(&plain, "reopen").await;
    undo().await;
    undo().await;
    bus.settle(world).await;
    for settings in [
        json!({"email": "amna@example.org", "time_zone": "Asia/Karachi", "locale": "ur-PK", "reminder_time": "08:30",
               "quiet_hours": {"start": "22:00", "end": "06:00"},
               "push_subscriptions": [{"endpoint": "https://push.example.org/x", "keys": {"p256dh": "AAAA", "auth": "AAAA"}}]}),
        json!({"email": null, "quiet_hours": null, "push_subscriptions": []}),
    ] {
        world.patch("/api/settings", settings).await.ok();
    }
    // One of a daily series is skipped, and brought back when the next one is there; then another one is completed and opened again.
    let daily = json!({"title": "water", "due_date": "2026-06-02T09:00:00Z", "recurrence_rule": {"pattern": "daily"}});
    let skipped = world.create(daily.clone()).await;
    world.delete(&path_of(&skipped)).await.ok();
    bus.settle(world).await;
    post(&skipped, "restore").await;
    bus.settle(world).await;
    let whole = world.create(daily).await;
    post(&whole, "complete").await;
    world.patch(&format!("{}?scope=all", path_of(&whole)), json!({"title": "water all"})).await.ok();
    bus.settle(world).await;
    // A reminder that is sent, one that has nowhere to go, and a digest of those that were missed.
    for reminder in [
        json!({"lead_time": "0m", "destination": "amna@example.org"}),
        json!({"lead_time": "0m", "delivery_method": "push"}),
    ] {
        let soon = "2026-06-01T07:00:00Z";
        world.create(json!({"title": "soon", "due_date": soon, "reminder_config": reminder})).await;
    }
    world.clock.set("2026-06-01T07:00:00Z".parse().expect("an instant"));
    world.announce().await;
    bus.settle(world).await;
    for number in 0..5 {
        let reminder = json!({"lead_time": "0m", "destination": "amna@example.org"});
        world.create(json!({"title": format!("missed {number}"), "due_date": "2026-06-01T09:00:00Z", "reminder_config": reminder})).await;
    }
    world.clock.set("2026-06-03T12:00:00Z".parse().expect("an instant"));
    world.announce().await;
    bus.settle(world).await;
    // The links in a mail.
    let linked = world.create(json!({"title": "linked"})).await;
    for action in [Action::Snooze, Action::Done] {
        let task_id = linked["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let link = Link { action, user_id: "local".to_owned(), task_id, reminder_id: Uuid::from_u128(7) };
        let url = links().url(&link, world.clock.now());
        let path = url.strip_prefix("http://localhost:8000").expect("under the base");
        assert!(world.post(path, empty()).await.status.is_success());
    }
    for text in [
        "Create a task to buy bread tomorrow at 5pm",
        "make it high priority",
        "mark buy bread as done",
        "undo",
        "delete buy bread",
        "yes",
        "undo",
    ] {
        chat(world, text).await;
    }
    bus.settle(world).await;
}

#[tokio::test]
async fn every_message_on_the_bus_is_as_the_asyncapi_document_says() {
    let (world, mut bus) = (World::new().await, Bus::default());
    live(&world, &mut bus).await;
    let mut validator = Validator::new(closed(document()));
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for message in &bus.0 {
        let event_type = message["type"].as_str().expect("a text");
        let source = message["data"]["source_service"].as_str().expect("a text").to_owned();
        let Some(kind) = Kind::of(event_type) else {
            wrong.push(format!("{event_type} is not in the document"));
            continue;
        };
        wrong.extend(validator.wrong(event_type, message));
        if message["source"] != format!("/kaam/{source}") {
            wrong.push(format!("{event_type} comes from {source} and {}", message["source"]));
        }
        if kind.topic != Topic::TaskUpdates {
            seen.insert((source, kind.event_type));
        }
    }
    assert!(wrong.is_empty(), "{} of {} messages:\n{}", wrong.len(), bus.0.len(), wrong.join("\n"));
    assert!(bus.0.iter().any(|message| message["type"] == "task.changed"));
    let sent: BTreeSet<_> = SENT
        .into_iter()
        .flat_map(|(function, _, types)| types.iter().map(move |name| (function.to_owned(), *name)))
        .filter(|(function, _)| function != OF_ACCOUNTS)
        .filter(|(function, name)| !ELSEWHERE.contains(&(function.as_str(), name)))
        .collect();
    assert_eq!(seen, sent, "who sends what");
}

/// Gives what is wrong with events by the document.
pub(crate) fn wrong_events(events: &[Value]) -> Vec<String> {
    let mut validator = Validator::new(closed(document()));
    let one = |event: &Value| {
        let event_type = event["type"].as_str().unwrap_or_default();
        match Kind::of(event_type) {
            Some(_) => validator.wrong(event_type, event),
            None => Some(format!("{event_type} is not in the document")),
        }
    };
    events.iter().filter_map(one).collect()
}

#[test]
fn the_asyncapi_document_refuses_what_is_no_such_event() {
    let mut validator = Validator::new(closed(document()));
    for kind in KINDS {
        let document = document();
        let example = &document["components"]["messages"][kind.event_type]["examples"][0]["payload"];
        assert_eq!(validator.wrong(kind.event_type, example), None);
        for (pointer, value) in [
            ("/type", json!("task.forgotten")),
            ("/id", json!("7")),
            ("/time", json!("yesterday")),
            ("/specversion", json!("0.3")),
            ("/data/topic_name", json!("other")),
            ("/data/payload", json!({})),
            ("/data/event_type", Value::Null),
            ("/traceparent", json!("")),
        ] {
            let mut other = example.clone();
            *other.pointer_mut(pointer).expect("it is there") = value;
            assert!(validator.wrong(kind.event_type, &other).is_some(), "{} {pointer}", kind.event_type);
        }
        let mut other = example.clone();
        other["data"]["payload"]["colour"] = json!("red");
        assert!(validator.wrong(kind.event_type, &other).is_some(), "{}", kind.event_type);
    }
}

#[tokio::test]
async fn the_functions_take_the_topics_that_the_asyncapi_document_says() {
    let world = World::new().await;
    let documented: BTreeSet<_> =
        RECEIVED.into_iter().map(|(function, topic, _)| (function, topic.as_str())).collect();
    let taken = world
        .topics()
        .into_iter()
        .flat_map(|(function, topics)| topics.iter().map(move |topic| (function, *topic)));
    assert_eq!(taken.collect::<BTreeSet<_>>(), documented);
}

#[test]
fn the_asyncapi_document_is_one_by_its_own_schema() {
    let Some(path) = installed() else { return };
    let schema: Value = serde_json::from_slice(&fs::read(&path).expect("it is installed")).expect("JSON");
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V7);
    let (place, mut schemas) = ("http://localhost/schema.json", Schemas::new());
    compiler.add_resource(place, schema).expect("a URL");
    let schema = compiler.compile(place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    schemas.validate(&document(), schema).unwrap_or_else(|error| panic!("{error:#}"));
    let mut other = document();
    other["operations"]["create-task.send.task-events"]["action"] = json!("shout");
    assert!(schemas.validate(&other, schema).is_err());
}

/// Gives the file of AsyncAPI's own schema; `None`, having said so, when it is not installed.
fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/local/install-asyncapi");
    let said = Command::new(script).arg("--path").output().expect("the script is there");
    let path = PathBuf::from(String::from_utf8(said.stdout).expect("a path in UTF-8").trim_end());
    if path.is_file() {
        return Some(path);
    }
    // Not by a macro, which would be heard of only when the test fails.
    let _ = writeln!(
        std::io::stderr(),
        "left out what needs AsyncAPI's schema; infra/local/install-asyncapi installs it"
    );
    None
}
