//! Whatever is sent: never our fault, never a panic, always JSON that the contract knows.

use std::cell::Cell;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, header};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use tests::world::{Answered, World, path_of};
use tokio::runtime::{Builder, Runtime};

/// How many inputs each test makes: the same ones each time.
const CASES: u32 = 256;
const JSON: &str = "application/json";

/// One world for all cases of a test, with a task in it.
struct Stage {
    runtime: Runtime,
    world: World,
    path: String,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (world, path) = runtime.block_on(async {
            let world = World::new().await;
            let body = json!({"title": "kept", "due_date": "2027-01-10T12:00:00", "recurrence_rule": {"pattern": "daily"}});
            let path = path_of(&world.create(body).await);
            (world, path)
        });
        Self { runtime, world, path }
    }

    fn send(&self, request: Request<Body>) -> Answered {
        self.runtime.block_on(self.world.send(request))
    }
}

/// Runs `check` on every input; a failure shows the smallest one.
fn check<S: Strategy>(strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, check);
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Checks what every answer has in common.
fn sound(answered: &Answered) -> Result<(), TestCaseError> {
    let status = answered.status.as_u16();
    prop_assert!(status < 500, "{status}: {}", String::from_utf8_lossy(&answered.bytes));
    prop_assert!(answered.headers.contains_key("x-correlation-id"));
    if status == 304 {
        prop_assert!(answered.bytes.is_empty());
        return Ok(());
    }
    let body: Value = match serde_json::from_slice(&answered.bytes) {
        Ok(body) => body,
        Err(error) => return Err(TestCaseError::fail(format!("{status} is no JSON: {error}"))),
    };
    if status >= 400 {
        prop_assert_eq!(&answered.headers[header::CONTENT_TYPE], "application/problem+json");
        prop_assert_eq!(&body["status"], status);
        for field in ["type", "title", "detail", "error", "message", "correlation_id"] {
            prop_assert!(body[field].is_string(), "{field} in {body}");
        }
        let errors = body.get("errors").and_then(Value::as_array);
        prop_assert!(status != 422 || errors.is_none_or(|errors| !errors.is_empty()), "{body}");
        for error in errors.into_iter().flatten() {
            prop_assert!(error["field"].is_string() && error["message"].is_string(), "{body}");
        }
    }
    Ok(())
}

fn texts() -> impl Strategy<Value = String> {
    let known = select(vec![
        "",
        " ",
        "\0",
        "a\0b",
        "buy milk",
        "دودھ لانا",
        "\u{200b}",
        "\u{202e}",
        "\u{feff}",
        "🎉",
        "e\u{301}",
        "\u{10ffff}",
        "%",
        "_",
        "'",
        "\\",
        "high",
        "email",
        "daily",
        "1d",
        "15m",
        "99999999999h",
        "mon",
        "due",
        "en-GB",
        "09:00",
        "24:00",
        "2027-01-10",
        "2027-02-30",
        "0000-01-01",
        "9999-12-31",
        "10000-01-01",
        "-0001-01-01",
        "2027-01-10T12:00:00",
        "2027-01-10T12:00:60Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2027-01-10T12:00:00.123456789+05:30",
        "Asia/Karachi",
        "Karachi",
        "UTC+8",
        "Pacific/Kiritimati",
        "America/Santiago",
        "a@b.org",
        "a@b.org\r\nBcc: c@d.org",
        "https://push.example.org/x",
        "FREQ=DAILY",
        "2027-12-31",
        "2027-12-31T00:00:00",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 2 => any::<String>(), 2 => "[a2é€🎉:-]{1,12}", 1 => "[0-9TZ:+.-]{1,30}", 1 => ".{490,510}"]
}

fn numbers() -> impl Strategy<Value = Value> {
    let edges = select(vec![
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(29),
        json!(30),
        json!(31),
        json!(32),
        json!(366),
        json!(1_000),
        json!(10_000),
        json!(i32::MAX),
        json!(u32::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(9_007_199_254_740_993_u64),
        json!(-0.0),
        json!(1.5),
        json!(1e300),
        json!(-1e-300),
    ]);
    prop_oneof![edges, any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from)]
}

/// Any JSON at all, up to deep nesting.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers(),
        texts().prop_map(Value::from)
    ];
    let deep = (leaf.clone(), 1..100_usize, any::<bool>()).prop_map(|(leaf, levels, is_list)| {
        (0..levels).fold(leaf, |inner, _| if is_list { json!([inner]) } else { json!({"a": inner}) })
    });
    let wide = leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((texts(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop_oneof![8 => wide, 1 => deep]
}

/// An object with some of these fields, one in twelve not what it should be.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, sound)| {
            let value = prop_oneof![5 => sound.prop_map(Some), 1 => values().prop_map(Some), 6 => Just(None)];
            value.prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    let fields = fields.prop_map(|fields| fields.into_iter().flatten().collect::<Map<String, Value>>());
    let stray = prop_oneof![29 => Just(None), 1 => (texts(), values()).prop_map(Some)];
    (fields, stray)
        .prop_map(|(mut fields, stray)| {
            fields.extend(stray);
            Value::Object(fields)
        })
        .boxed()
}

fn one_of(known: &'static [&'static str]) -> BoxedStrategy<Value> {
    select(known).prop_map(Value::from).boxed()
}

fn times() -> BoxedStrategy<Value> {
    let wall = (1..=9999_i32, 1..=12_u32, 1..=31_u32, 0..=24_u32, 0..=60_u32).prop_map(
        |(year, month, day, hour, minute)| {
            json!(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00"))
        },
    );
    let near = (
        2026..=2028_i32,
        1..=12_u32,
        1..=28_u32,
        select(vec!["", "T02:30:00", "T23:59:59Z", "T00:00:00+14:00", "T00:00"]),
    )
        .prop_map(|(year, month, day, time)| json!(format!("{year}-{month:02}-{day:02}{time}")));
    prop_oneof![1 => wall, 3 => near].boxed()
}

fn zones() -> BoxedStrategy<Value> {
    select(&chrono_tz::TZ_VARIANTS[..]).prop_map(|zone| json!(zone.name())).boxed()
}

fn small() -> BoxedStrategy<Value> {
    (0..40_i64).prop_map(Value::from).boxed()
}

fn reminders() -> BoxedStrategy<Value> {
    let lead = (0..100_u32, select(vec!["m", "h", "d", "w"]))
        .prop_map(|(count, unit)| json!(format!("{count}{unit}")));
    let one = object(vec![
        ("lead_time", lead.boxed()),
        ("at", prop_oneof![9 => times(), 1 => Just(json!("2026-06-02T00:00:00Z"))].boxed()),
        ("delivery_method", one_of(&["email", "push"])),
        ("destination", one_of(&["amna@example.org"])),
    ]);
    prop_oneof![one.clone(), vec(one, 0..20).prop_map(Value::from)].boxed()
}

fn rules() -> BoxedStrategy<Value> {
    let days = one_of(&["mon", "tue", "wed", "thu", "fri", "sat", "sun", "MO", "sunday"]);
    object(vec![
        ("pattern", one_of(&["daily", "weekly", "monthly", "yearly"])),
        ("pattern", one_of(&["daily", "weekly", "monthly", "yearly"])),
        ("interval", small()),
        ("weekdays", vec(days, 0..8).prop_map(Value::from).boxed()),
        ("month_days", vec(-32..33_i64, 0..5).prop_map(Value::from).boxed()),
        ("count", small()),
        ("until", times()),
        ("anchor", one_of(&["due", "completion"])),
        ("catch_up", any::<bool>().prop_map(Value::from).boxed()),
    ])
}

/// The body of a task that is nearly right, and now and then something else altogether.
fn tasks() -> BoxedStrategy<Value> {
    let title = || prop_oneof![9 => Just(json!("buy milk")), 1 => texts().prop_map(Value::from)].boxed();
    let task = object(vec![
        ("title", title()),
        ("title", title()),
        ("description", texts().prop_map(Value::from).boxed()),
        ("due_date", times()),
        ("due_date", times()),
        ("time_zone", zones()),
        ("priority", one_of(&["low", "medium", "high"])),
        ("tags", vec(texts().prop_map(Value::from), 0..4).prop_map(Value::from).boxed()),
        ("reminder_config", reminders()),
        ("recurrence_rule", rules()),
        ("user_id", one_of(&["amna", "bilal", "local"])),
    ]);
    let one_odd_text = (select(&application::input::FIELDS[..]), texts()).prop_map(|(field, text)| {
        let mut task = json!({"title": "buy milk"});
        task[field] = json!(text);
        task
    });
    prop_oneof![9 => task, 10 => sound_tasks(), 10 => one_odd_text, 1 => values()].boxed()
}

/// The body of a task with nothing wrong in it, unless its parts do not fit together.
fn sound_tasks() -> BoxedStrategy<Value> {
    let lead = (0..100_u32, select(vec!["m", "h", "d", "w"]))
        .prop_map(|(count, unit)| json!({"lead_time": format!("{count}{unit}")}));
    let rule = (select(vec!["daily", "weekly", "monthly", "yearly"]), 1..40_u32, prop::option::of(1..40_u32), any::<bool>())
        .prop_map(|(pattern, interval, count, catch_up)| {
            json!({"pattern": pattern, "interval": interval, "count": count, "catch_up": catch_up})
        });
    let text = |longest: usize| {
        vec(any::<char>(), 0..longest)
            .prop_map(|text| text.into_iter().filter(|c| *c != '\0').collect::<String>())
    };
    let optional = (
        prop::option::of(lead),
        prop::option::of(rule),
        prop::option::of(text(40)),
        prop::option::of(zones()),
    );
    (text(40), times(), optional)
        .prop_map(|(title, due, (reminder, rule, description, zone))| {
            json!({"title": format!("{title}x"), "due_date": due, "reminder_config": reminder, "recurrence_rule": rule,
                   "description": description, "time_zone": zone})
        })
        .boxed()
}

fn settings() -> BoxedStrategy<Value> {
    let push = json!([{"endpoint": "https://push.example.org/x", "keys": {"p256dh": "BPk", "auth": "c2V"}}]);
    object(vec![
        ("email", one_of(&["amna@example.org", "a@b.c.d"])),
        ("time_zone", zones()),
        ("locale", one_of(&["en-US", "en-GB", "ur-PK", "ur"])),
        ("reminder_time", one_of(&["00:00", "09:00", "23:59"])),
        ("quiet_hours", Just(json!({"start": "22:00", "end": "07:00"})).boxed()),
        ("push_subscriptions", Just(push).boxed()),
    ])
}

fn request(method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
    request.body(body.into()).expect("a request")
}

#[test]
fn whatever_a_task_is_made_of_it_is_created_or_refused() {
    let stage = Stage::new();
    let created = Cell::new(0);
    check(tasks(), |body| {
        let answered = stage.send(request("POST", "/api/tasks", JSON, body.to_string()));
        sound(&answered)?;
        prop_assert!(matches!(answered.status.as_u16(), 200 | 400 | 422), "{}", answered.status);
        if answered.status == 200 {
            created.set(created.get() + 1);
            let task = answered.json();
            let user = task["user_id"].as_str().expect("a user").to_owned();
            for look in ["", "/history", "/reminders", "/occurrences", "/complete"] {
                let method = if look == "/complete" { "POST" } else { "GET" };
                let request = Request::builder().method(method).uri(format!("{}{look}", path_of(&task)));
                let request = request.header("x-user-id", &user).body(Body::empty()).expect("a request");
                let found = stage.send(request);
                prop_assert_eq!(found.status, 200, "{} {}", look, String::from_utf8_lossy(&found.bytes));
                prop_assert!(!look.is_empty() || found.json() == task);
            }
        }
        Ok(())
    });
    stage.runtime.block_on(stage.world.settle());
    let dead =
        stage.runtime.block_on(tests::database::count(&stage.world, "events WHERE status <> 'processed'"));
    assert_eq!(dead, 0, "every event could be handled");
    assert!(created.get() > CASES / 10, "only {} of {CASES} were sound", created.get());
}

#[test]
fn whatever_a_patch_is_made_of_it_is_applied_or_refused() {
    let stage = Stage::new();
    let changed = Cell::new(0);
    check((tasks(), any::<bool>()), |(body, merge)| {
        let kind = if merge { "application/merge-patch+json" } else { JSON };
        let before = stage.send(request("GET", &stage.path, JSON, Body::empty())).json();
        let answered = stage.send(request("PATCH", &stage.path, kind, body.to_string()));
        sound(&answered)?;
        prop_assert!(matches!(answered.status.as_u16(), 200 | 400 | 422), "{}", answered.status);
        let after = stage.send(request("GET", &stage.path, JSON, Body::empty())).json();
        if answered.status == 200 {
            changed.set(changed.get() + 1);
            prop_assert_eq!(&answered.json(), &after);
            for field in application::input::FIELDS.iter().filter(|field| body.get(field).is_none()) {
                let follows =
                    matches!(*field, "due_date" | "recurrence_rule") && body.get("time_zone").is_some();
                prop_assert!(follows || before[field] == after[field], "{field} was not named");
            }
        } else {
            prop_assert_eq!(before, after, "a refusal changes nothing");
        }
        Ok(())
    });
    stage.runtime.block_on(stage.world.settle());
    assert!(changed.get() > CASES / 20, "only {} of {CASES} were sound", changed.get());
}

#[test]
fn whatever_settings_are_made_of_they_are_applied_or_refused() {
    let stage = Stage::new();
    check(settings(), |body| {
        let before = stage.send(request("GET", "/api/settings", JSON, Body::empty())).json();
        let answered = stage.send(request("PATCH", "/api/settings", JSON, body.to_string()));
        sound(&answered)?;
        let after = stage.send(request("GET", "/api/settings", JSON, Body::empty())).json();
        match answered.status.as_u16() {
            200 => prop_assert_eq!(answered.json(), after),
            400 | 422 => prop_assert_eq!(before, after),
            status => prop_assert!(false, "{}", status),
        }
        Ok(())
    });
}

#[test]
fn whatever_the_bytes_of_a_body_are_it_is_read_or_refused() {
    let stage = Stage::new();
    let sound_body =
        json!({"title": "a", "tags": ["x", "y"], "reminder_config": null}).to_string().into_bytes();
    let mutated = vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6).prop_map(move |edits| {
        let mut bytes = sound_body.clone();
        for (index, byte, kind) in edits {
            let at = index.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match kind {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    });
    let bytes = prop_oneof![2 => mutated, 1 => vec(any::<u8>(), 0..200)];
    let routes = select(vec![
        ("POST", ""),
        ("PATCH", "one"),
        ("PATCH", "settings"),
        ("POST", "complete"),
        ("DELETE", "one"),
    ]);
    let kinds = prop_oneof![4 => Just(JSON.to_owned()), 1 => "[ -~]{0,40}"];
    check((bytes, routes, kinds), |(bytes, (method, route), kind)| {
        let path = match route {
            "" => "/api/tasks".to_owned(),
            "settings" => "/api/settings".to_owned(),
            "complete" => format!("{}/complete", stage.path),
            _ => stage.path.clone(),
        };
        sound(&stage.send(request(method, &path, &kind, bytes)))
    });
}

#[test]
fn whatever_the_query_is_it_is_answered_or_refused() {
    let stage = Stage::new();
    let names = select(vec![
        "status",
        "priority",
        "tag",
        "due_after",
        "due_before",
        "q",
        "sort",
        "limit",
        "cursor",
        "x",
    ]);
    let sorts = || {
        select(vec![
            "created_at",
            "-created_at",
            "due_date",
            "-due_date",
            "priority",
            "-priority",
            "updated_at",
            "-updated_at",
        ])
    };
    // A cursor as it is made, with values that nobody has.
    let cursors = (
        sorts(),
        prop_oneof![Just("-".to_owned()), any::<i64>().prop_map(|micros| micros.to_string())],
        any::<u128>(),
    )
        .prop_map(|(sort, value, id)| {
            use base64::Engine as _;
            let id = uuid::Uuid::from_u128(id);
            (sort, base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{sort}.{value}.{id}")))
        });
    let pairs = vec((names, prop_oneof![texts(), "[0-9]{1,4}", sorts().prop_map(str::to_owned)]), 0..4)
        .prop_map(|pairs| {
            let hex = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            pairs.iter().map(|(name, value)| format!("{name}={}", hex(value))).collect::<Vec<_>>().join("&")
        });
    let paged = cursors.prop_map(|(sort, cursor)| format!("sort={sort}&cursor={cursor}"));
    let raw = "[!-~&&[^#<>\"`{}|^]]{0,60}";
    check((prop_oneof![3 => pairs, 2 => paged, 1 => raw], any::<bool>()), |(query, occurrences)| {
        let path = if occurrences { format!("{}/occurrences", stage.path) } else { "/api/tasks".to_owned() };
        let Ok(uri) = format!("{path}?{query}").parse::<axum::http::Uri>() else { return Ok(()) };
        let answered = stage.send(Request::get(uri).body(Body::empty()).expect("a request"));
        sound(&answered)?;
        prop_assert!(matches!(answered.status.as_u16(), 200 | 400), "{} for {}", answered.status, query);
        Ok(())
    });
}

#[test]
fn whatever_the_headers_are_they_are_understood_or_refused() {
    let stage = Stage::new();
    let names = select(vec![
        "if-match",
        "if-none-match",
        "idempotency-key",
        "x-user-id",
        "x-correlation-id",
        "traceparent",
        "content-type",
        "content-encoding",
        "accept",
        "authorization",
        "content-length",
        "transfer-encoding",
        "expect",
    ]);
    let known = select(vec![
        "*", "\"1\"", "W/\"1\"", "\"", "\"1\",", "1", "", " ", "local", "amna", "k", "gzip", "00-0-0-0",
    ]);
    let bytes = prop_oneof![known.prop_map(|text| text.as_bytes().to_vec()), vec(any::<u8>(), 0..300)];
    let routes = select(vec![
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/complete"),
        ("POST", "/reopen"),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("POST", "new"),
    ]);
    check((vec((names, bytes), 0..5), routes), |(headers, (method, route))| {
        let path = if route == "new" { "/api/tasks".to_owned() } else { format!("{}{route}", stage.path) };
        let body = match method {
            "PATCH" => json!({"title": "a"}).to_string(),
            _ if route == "new" => json!({"title": "a"}).to_string(),
            _ => String::new(),
        };
        let mut request = request(method, &path, JSON, body);
        for (name, bytes) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        sound(&stage.send(request))
    });
}

#[test]
fn whatever_the_path_is_it_is_found_or_not() {
    let stage = Stage::new();
    let ids = prop_oneof![
        any::<u128>().prop_map(|id| uuid::Uuid::from_u128(id).to_string()),
        "[0-9a-fA-F-]{30,40}",
        "[!-~&&[^#<>\"`{}|^?]]{0,60}",
        any::<String>().prop_map(|text| text.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ];
    let suffixes = select(vec![
        "",
        "/",
        "//",
        "/history",
        "/reminders/",
        "/occurrences?limit=3",
        "/complete",
        "/nothing",
    ]);
    let methods = select(vec!["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]);
    check((ids, suffixes, methods), |(id, suffix, method)| {
        let Ok(uri) = format!("/api/tasks/{id}{suffix}").parse::<axum::http::Uri>() else { return Ok(()) };
        let body = if method == "PATCH" { "{}" } else { "" };
        let request = Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, JSON);
        sound(&stage.send(request.body(Body::from(body)).expect("a request")))
    });
}
