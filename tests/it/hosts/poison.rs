//! What comes in on the routes of events and should not, or looks as if it should not: the rows "CloudEvent" and "Kafka" of the
//! table of bad input. The decision is the same on every host.

use axum::body::Body;
use axum::http::Request;
use runtime::clock::new_id;
use runtime::disposition::Disposition;
use runtime::triggers;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tests::bus::record;
use tests::database::count;
use tests::world::World;
use tower::ServiceExt as _;

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is put aside, with a reason.
    Dead,
    /// It is handled.
    Done,
    /// Whatever it says of somebody else has no effect on anybody's tasks.
    Ineffective,
}

/// What a bad event is made of: a good one, and an id of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample<'a> {
    pub(super) good: &'a Value,
    pub(super) id: &'a str,
}

impl Sample<'_> {
    /// Gives a sound event of another id.
    fn event(&self) -> Value {
        let mut event = self.good.clone();
        event["id"] = json!(self.id);
        event["data"]["event_id"] = json!(self.id);
        event
    }

    /// Gives it with an attribute changed, or without it.
    fn with(&self, attribute: &str, value: Value) -> Vec<u8> {
        let mut event = self.event();
        match value {
            Value::Null => drop(event.as_object_mut().expect("an object").remove(attribute)),
            value => event[attribute] = value,
        }
        event.to_string().into_bytes()
    }

    /// Gives it with a description of so many bytes.
    fn of_bytes(&self, bytes: usize) -> Vec<u8> {
        let mut event = self.event();
        event["data"]["payload"]["task"]["description"] = json!("x".repeat(bytes));
        event.to_string().into_bytes()
    }
}

/// A name, what becomes of it, and how it is made.
pub(super) type Kind = (&'static str, Fate, fn(&Sample<'_>) -> Vec<u8>);

/// Every kind.
pub(super) const KINDS: &[Kind] = &[
    ("bad JSON", Fate::Dead, |_| b"{\"specversion\":\"1.0\",".to_vec()),
    ("an empty value", Fate::Dead, |_| Vec::new()),
    ("invalid UTF-8", Fate::Dead, |sample| {
        let mut event = sample.event().to_string().into_bytes();
        let title = event.windows(5).position(|part| part == b"title").expect("it has a title");
        event[title] = 0xff;
        event
    }),
    ("a list", Fate::Dead, |_| b"[1, 2]".to_vec()),
    ("no id", Fate::Dead, |sample| sample.with("id", Value::Null)),
    ("an empty id", Fate::Dead, |sample| sample.with("id", json!(""))),
    ("another id than the envelope's", Fate::Dead, |sample| sample.with("id", json!("another"))),
    ("no source", Fate::Dead, |sample| sample.with("source", Value::Null)),
    ("an empty source", Fate::Dead, |sample| sample.with("source", json!(""))),
    ("no type", Fate::Dead, |sample| sample.with("type", Value::Null)),
    ("specversion 0.3", Fate::Dead, |sample| sample.with("specversion", json!("0.3"))),
    ("no specversion", Fate::Dead, |sample| sample.with("specversion", Value::Null)),
    ("a time that is none", Fate::Dead, |sample| sample.with("time", json!("yesterday"))),
    ("data of XML", Fate::Dead, |sample| sample.with("datacontenttype", json!("text/xml"))),
    ("no data", Fate::Dead, |sample| sample.with("data", Value::Null)),
    ("data that is no envelope", Fate::Dead, |sample| sample.with("data", json!({"hello": "world"}))),
    ("an unknown version of the payload", Fate::Dead, |sample| {
        let mut event = sample.event();
        event["data"]["payload"] = json!({"schema": 9, "item": event["data"]["payload"]["task"]});
        event.to_string().into_bytes()
    }),
    ("an unknown type", Fate::Done, |sample| {
        let mut event = sample.event();
        (event["type"], event["data"]["event_type"]) = (json!("task.painted"), json!("task.painted"));
        event.to_string().into_bytes()
    }),
    ("70 KiB", Fate::Done, |sample| sample.of_bytes(70 << 10)),
    ("900 KiB", Fate::Done, |sample| sample.of_bytes(900 << 10)),
    ("more than 1 MiB", Fate::Dead, |sample| sample.of_bytes((1 << 20) + 1)),
    ("a forged user", Fate::Ineffective, |sample| {
        let mut event = sample.event();
        (event["type"], event["data"]["event_type"]) = (json!("task.completed"), json!("task.completed"));
        event["data"]["payload"]["task"]["user_id"] = json!("mallory");
        event["data"]["payload"]["actor"] = json!({"type": "user", "id": "mallory"});
        event.to_string().into_bytes()
    }),
];

/// What the route itself decides, without a host around it: what the bus of one process hands over, and what comes by HTTP.
#[tokio::test]
async fn a_bad_event_is_decided_alike_on_every_route() {
    let world = World::new().await;
    world.create(json!({"title": "good"})).await;
    let good = record(&world).await.of_type("task.created").remove(0);
    let route = world.trigger("write-audit");
    for (name, fate, make) in KINDS {
        let id = new_id(world.clock.now()).to_string();
        let bytes = make(&Sample { good: &good, id: &id });
        let is_dead = *fate == Fate::Dead;
        let audited = format!("audit_logs WHERE event_id = '{id}'");
        // The bus of one process brings nothing but JSON.
        if serde_json::from_slice::<&RawValue>(&bytes).is_ok() {
            let decided = triggers::deliver(&route, &[&bytes, &good.to_string().into_bytes()]).await;
            assert_eq!(matches!(decided[0], Disposition::Reject { .. }), is_dead, "{name}: {decided:?}");
            assert_eq!(decided[1], Disposition::Done, "the next one after {name}");
            assert_eq!(count(&world, &audited).await, i64::from(!is_dead), "{name}");
        }
        let request = Request::post("/").header("content-type", "application/cloudevents+json");
        let request = request.body(Body::from(bytes)).expect("a request");
        let status = route.clone().oneshot(request).await.expect("a router never fails").status().as_u16();
        let expected: &[u16] = if is_dead { &[400, 413, 422] } else { &[204] };
        assert!(expected.contains(&status), "{name}: {status}");
        assert_eq!(count(&world, &audited).await, i64::from(!is_dead), "{name}");
    }
    assert_eq!(count(&world, "tasks").await, 1);
}
