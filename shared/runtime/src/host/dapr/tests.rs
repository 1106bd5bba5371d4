//! A sidecar, played by the test, before functions of the test's own.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    config::{Config, Environment},
    disposition::Disposition,
    host::server::App,
    triggers::{Incoming, on_events, on_tick},
};

const STRUCTURED: &str = "application/cloudevents+json";
const JSON: &str = "application/json";

/// The ids of events, in the order in which a function got them.
type Seen = Arc<Mutex<Vec<String>>>;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let pairs = [("DAPR_HTTP_PORT", "1")].iter().chain(pairs).copied();
    let settings = Settings::from_environment(&Environment::from_pairs(pairs));
    settings.expect("they are sound").expect("there is a sidecar")
}

fn router(functions: Vec<Function>, pairs: &[(&str, &str)]) -> Router {
    let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
    App::new(&config, attach(functions, &settings(pairs), &Metrics::new())).router()
}

/// A function that decides by the ids of events.
fn taker(name: &'static str, topics: &'static [&'static str], seen: &Seen) -> Function {
    let seen = Arc::clone(seen);
    let decide = move |events: Vec<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let mut seen = seen.lock().expect("nobody panicked");
            seen.extend(events.iter().map(|event| event.id.clone()));
            let decide = |event: &Incoming| match event.id.split('-').next() {
                Some("later") => Disposition::retry("not yet"),
                Some("away") => Disposition::Unavailable { why: "the database".to_owned() },
                Some("never") => Disposition::reject("no"),
                Some("panic") => panic!("a bad event"),
                _ => Disposition::Done,
            };
            events.iter().map(decide).collect()
        }
    };
    Function::new(name).on(on_events(topics, decide))
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/test", "type": "t", "partitionkey": "k", "data": {}})
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn post(router: &Router, path: &str, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    send(router, Request::post(path).header("content-type", kind).body(body.into()).expect("a request")).await
}

/// Posts one event to the topic `t`, and gives the word for it.
async fn deliver_one(router: &Router, body: impl Into<Body>) -> String {
    let (status, answer) = post(router, "/dapr/events/t", STRUCTURED, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["status"].as_str().expect("a word").to_owned()
}

async fn deliver_bulk(router: &Router, events: &[Value]) -> Vec<String> {
    let entries: Vec<_> = events
        .iter()
        .enumerate()
        .map(|(number, event)| {
            json!({"entryId": number.to_string(), "event": event, "contentType": STRUCTURED, "metadata": {"__key": "k"}})
        })
        .collect();
    let body = json!({"id": "1", "topic": "t", "pubsubname": "pubsub", "type": "com.dapr.event.sent.bulk", "entries": entries});
    let (status, answer) = post(router, "/dapr/events/t", JSON, body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let statuses = answer["statuses"].as_array().expect("a list").iter().enumerate();
    statuses
        .map(|(number, one)| {
            assert_eq!(one["entryId"], number.to_string(), "in the order in which they came");
            one["status"].as_str().expect("a word").to_owned()
        })
        .collect()
}

async fn get_json(router: &Router, path: &str) -> Value {
    let (status, body) = send(router, Request::get(path).body(Body::empty()).expect("a request")).await;
    assert_eq!(status, 200, "{path}");
    body
}

#[tokio::test]
async fn every_advertised_subscription_is_routed_and_there_is_one_for_a_topic() {
    let seen = Seen::default();
    let functions = || vec![taker("one", &["t", "u"], &seen), taker("other", &["t"], &seen)];
    let router = router(functions(), &[("DAPR_PUBSUB", "bus"), ("DAPR_BULK", "20")]);
    let list = get_json(&router, "/dapr/subscribe").await;
    let expected = |topic: &str| {
        json!({
            "pubsubname": "bus", "topic": topic, "route": format!("/dapr/events/{topic}"),
            "deadLetterTopic": format!("{topic}.dlq"),
            "bulkSubscribe": {"enabled": true, "maxMessagesCount": 20, "maxAwaitDurationMs": 50},
        })
    };
    assert_eq!(list, json!([expected("t"), expected("u")]));
    for subscription in list.as_array().expect("a list") {
        let route = subscription["route"].as_str().expect("a path");
        let (status, answer) = post(&router, route, STRUCTURED, event("a").to_string()).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({"status": "SUCCESS"})), "{route}");
    }
    assert_eq!(seen.lock().expect("nobody panicked").len(), 3, "both functions have that of t");
    assert_eq!(get_json(&router, "/dapr/config").await, json!({}));

    let alone = super::attach(vec![taker("one", &["t"], &seen)], &settings(&[]), &Metrics::new());
    let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
    let alone = App::new(&config, alone).router();
    assert_eq!(get_json(&alone, "/dapr/subscribe").await[0].get("bulkSubscribe"), None);
    let (status, _) = post(&alone, "/", STRUCTURED, event("a").to_string()).await;
    assert_eq!(status, 404, "what could be invoked by any app takes no events");
}

#[tokio::test]
async fn a_mistaken_route_keeps_its_events_waiting_instead_of_losing_them() {
    let router = router(vec![taker("one", &["t"], &Seen::default())], &[]);
    for path in ["/dapr/events/other", "/dapr/events/t/x"] {
        let (status, answer) = post(&router, path, STRUCTURED, event("a").to_string()).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({"status": "RETRY"})), "{path}");
    }
}

#[tokio::test]
async fn each_disposition_has_its_word() {
    let router = router(vec![taker("one", &["t"], &Seen::default())], &[]);
    for (id, word) in
        [("good", "SUCCESS"), ("later", "RETRY"), ("away", "RETRY"), ("never", "DROP"), ("panic", "RETRY")]
    {
        assert_eq!(deliver_one(&router, event(id).to_string()).await, word, "{id}");
    }
}

#[tokio::test]
async fn what_is_no_event_is_dropped_alone() {
    let seen = Seen::default();
    let router = router(vec![taker("one", &["t"], &seen)], &[]);
    let with = |name: &str, value: Value| {
        let mut event = event("bad");
        event[name] = value;
        event
    };
    let wrapped = json!({"specversion": "1.0", "id": "w", "source": "app", "type": "com.dapr.event.sent",
                         "datacontenttype": "text/plain", "data": "hello", "topic": "t", "pubsubname": "pubsub"});
    let wrapped_json = json!({"specversion": "1.0", "id": "w", "source": "app", "type": "com.dapr.event.sent",
                              "datacontenttype": "application/json", "data": "{bad"});
    let bad = [
        with("id", Value::Null),
        with("specversion", json!("0.3")),
        with("type", Value::Null),
        with("datacontenttype", json!("text/xml")),
        json!({"bad": 1}),
        json!("e30="),
        json!(null),
        wrapped,
        wrapped_json,
    ];
    for bad in &bad {
        assert_eq!(deliver_one(&router, bad.to_string()).await, "DROP", "{bad}");
    }
    for body in [&b"{bad"[..], b"", b"\"\xff\"", b"{\"id\":\"a\",\"id\":\"b\"}", b"[]"] {
        assert_eq!(deliver_one(&router, body.to_vec()).await, "DROP", "{}", String::from_utf8_lossy(body));
    }
    let mut all = vec![event("first")];
    all.extend(bad);
    all.push(event("last"));
    let told = deliver_bulk(&router, &all).await;
    let dropped = told.iter().filter(|word| *word == "DROP").count();
    assert_eq!(
        (dropped, told[0].as_str(), told[all.len() - 1].as_str()),
        (all.len() - 2, "SUCCESS", "SUCCESS")
    );
    assert_eq!(*seen.lock().expect("nobody panicked"), ["first", "last"]);
}

#[tokio::test]
async fn a_bulk_with_one_that_is_to_come_again_comes_again_as_a_whole() {
    let router = router(vec![taker("one", &["t"], &Seen::default())], &[]);
    let bulk = ["a", "never-1", "later-1", "b"].map(event);
    for _ in 1..5 {
        assert_eq!(deliver_bulk(&router, &bulk).await, ["RETRY"; 4]);
    }
    assert_eq!(
        deliver_bulk(&router, &bulk).await,
        ["SUCCESS", "DROP", "DROP", "SUCCESS"],
        "that was the fifth"
    );
    let (status, answer) = post(&router, "/dapr/events/t", JSON, json!({"entries": []}).to_string()).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"statuses": []})));
    let one = json!({"entries": [{"entryId": "0", "contentType": STRUCTURED}]}).to_string();
    let (_, answer) = post(&router, "/dapr/events/t", JSON, one).await;
    assert_eq!(
        answer,
        json!({"statuses": [{"entryId": "0", "status": "DROP"}]}),
        "an entry without an event"
    );
}

#[tokio::test]
async fn what_comes_again_with_its_bulk_is_counted_as_a_dead_letter_only_when_it_is_one() {
    let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
    let (metrics, seen) = (Metrics::new(), Seen::default());
    let functions = attach(vec![taker("one", &["t"], &seen)], &settings(&[]), &metrics);
    let router = App::new(&config, functions).router();
    let bulk = ["a", "never-1", "later-1"].map(event);
    for _ in 0..5 {
        deliver_bulk(&router, &bulk).await;
    }
    let told = metrics.render();
    for (outcome, count) in [("waits", 8), ("retry", 4), ("done", 1), ("dead_letter", 2)] {
        let line = format!("kaam_dapr_events_total{{topic=\"t\",outcome=\"{outcome}\"}} {count}\n");
        assert!(told.contains(&line), "{line}{told}");
    }
}

#[tokio::test]
async fn an_event_that_has_a_member_of_that_name_is_no_bulk() {
    let router = router(vec![taker("one", &["t"], &Seen::default())], &[]);
    let mut event = event("a");
    event["data"] = json!({"entries": []});
    event["entries"] = json!("2");
    assert_eq!(deliver_one(&router, event.to_string()).await, "SUCCESS");
}

#[tokio::test]
async fn five_tries_make_a_dead_letter_and_waiting_for_what_is_away_is_none() {
    let router = router(vec![taker("one", &["t"], &Seen::default())], &[]);
    let words = async |id: &str, count: usize| {
        let mut words = Vec::new();
        for _ in 0..count {
            words.push(deliver_one(&router, event(id).to_string()).await);
        }
        words
    };
    assert_eq!(words("later-x", 5).await, ["RETRY", "RETRY", "RETRY", "RETRY", "DROP"]);
    assert_eq!(words("away-x", 20).await, ["RETRY"; 20]);
}

#[tokio::test]
async fn the_worst_of_several_functions_counts() {
    let seen = Seen::default();
    let contrary = on_events(&["t"], async |events: Vec<Incoming>| {
        let decide = |event: &Incoming| match event.id.as_str() {
            "never" => Disposition::retry("I could"),
            "later" => Disposition::Unavailable { why: "gone".to_owned() },
            _ => Disposition::Done,
        };
        events.iter().map(decide).collect()
    });
    let functions = vec![taker("one", &["t"], &seen), Function::new("contrary").on(contrary)];
    let router = router(functions, &[]);
    for (id, word) in [("good", "SUCCESS"), ("never", "RETRY"), ("never-2", "DROP"), ("later", "RETRY")] {
        assert_eq!(deliver_one(&router, event(id).to_string()).await, word, "{id}");
    }
    // One that is away uses no try up, whatever the other says.
    for _ in 0..10 {
        assert_eq!(deliver_one(&router, event("later").to_string()).await, "RETRY");
    }
}

#[tokio::test]
async fn only_the_sidecar_with_its_token_gets_in_and_nobody_by_invocation() {
    let seen = Seen::default();
    let router = router(vec![taker("one", &["t"], &seen)], &[("APP_API_TOKEN", "hunter2")]);
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request =
            Request::builder().method(if path.contains("events") { "POST" } else { "GET" }).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Body::from(event("a").to_string());
        send(&router, request.body(body).expect("a request")).await.0.as_u16()
    };
    let token = ("dapr-api-token", "hunter2");
    for path in ["/dapr/events/t", "/dapr/subscribe", "/dapr/config", "/dapr/events/other"] {
        assert_eq!(ask(path, &[]).await, 401, "{path}");
        assert_eq!(ask(path, &[("dapr-api-token", "hunter")]).await, 401, "{path}");
        assert_eq!(ask(path, &[token]).await, 200, "{path}");
        assert_eq!(ask(path, &[token, ("dapr-caller-app-id", "other")]).await, 403, "{path}");
        assert_eq!(ask(path, &[token, ("host", "kaam.example.org")]).await, 421, "{path}");
    }
    assert_eq!(seen.lock().expect("nobody panicked").len(), 1);
    assert_eq!(ask("/health", &[]).await, 200, "that is for whoever looks after the process");
}

#[tokio::test]
async fn a_tick_comes_as_a_job_or_from_a_binding_and_is_repeated_when_it_fails() {
    let (ticks, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, failing) = (Arc::clone(&ticks), Arc::clone(&fails));
    let trigger = on_tick(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let fails = failing.load(Ordering::SeqCst);
        async move { if fails { Disposition::retry("not now") } else { Disposition::Done } }
    });
    let router = router(vec![Function::new("scan").on(trigger)], &[]);
    for (path, body) in [("/job/scan", "{\"@type\":\"x\"}"), ("/dapr/cron", ""), ("/job/scan", "{bad")] {
        assert_eq!(post(&router, path, JSON, body).await.0, 200, "{path}");
    }
    assert_eq!(ticks.load(Ordering::SeqCst), 3);
    fails.store(true, Ordering::SeqCst);
    for path in ["/job/scan", "/dapr/cron"] {
        assert_eq!(post(&router, path, JSON, "").await.0, 500, "{path}");
    }
    let discovery = Request::options("/dapr/cron").body(Body::empty()).expect("a request");
    assert_eq!(send(&router, discovery).await.0, 204);
    assert_eq!(get_json(&router, "/dapr/subscribe").await, json!([]));
}

#[tokio::test]
async fn a_function_with_ticks_registers_its_job_until_it_is_taken_unless_a_binding_ticks() {
    let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let noted = Arc::clone(&asked);
    // A sidecar of 1.16, whose scheduler comes up late.
    let sidecar = Router::new().fallback(async move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let mut asked = noted.lock().expect("nobody panicked");
        asked.push((path.clone(), serde_json::from_slice(&body).unwrap_or_default()));
        match path.as_str() {
            "/v1.0-alpha1/jobs/scan" if asked.len() > 2 => StatusCode::NO_CONTENT,
            "/v1.0-alpha1/jobs/scan" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::NOT_FOUND,
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port().to_string();
    tokio::spawn(async move { axum::serve(listener, sidecar).await });
    let scan = || vec![Function::new("scan").on(on_tick(async || Disposition::Done))];
    let environment = |pairs: &[(&str, &str)]| {
        let pairs = [("DAPR_HTTP_PORT", port.as_str())].into_iter().chain(pairs.iter().copied());
        let settings = Settings::from_environment(&Environment::from_pairs(pairs));
        settings.expect("they are sound").expect("there is a sidecar")
    };
    let mut functions = attach(scan(), &environment(&[]), &Metrics::new());
    let stop = tokio_util::sync::CancellationToken::new();
    functions[0].background.remove(0)(stop).await;
    let asked = asked.lock().expect("nobody panicked").clone();
    let paths: Vec<_> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/v1.0/jobs/scan", "/v1.0-alpha1/jobs/scan"].repeat(2));
    assert_eq!(asked[3].1, json!({"schedule": "0 * * * * *", "overwrite": true, "data": "tick"}));
    let bound = attach(scan(), &environment(&[("DAPR_SCHEDULE", "binding")]), &Metrics::new());
    assert!(bound[0].background.is_empty());
}

#[tokio::test]
async fn readiness_names_a_sidecar_that_is_away_and_does_without_it() {
    let router = router(vec![taker("one", &["t"], &Seen::default())], &[]);
    assert_eq!(get_json(&router, "/ready").await["dapr"], "unreachable");
}
