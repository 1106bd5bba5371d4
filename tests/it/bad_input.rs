//! What gets in that should not, and what comes out: a problem that names the field, and no effect.

use axum::body::Body;
use axum::http::{Request, header};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tests::database::count;
use tests::process::{Program, command};
use tests::world::{Answered, World, path_of};

const UNKNOWN: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
/// Everything that a request could leave behind.
const TABLES: [&str; 6] = ["users", "tasks", "reminders", "events", "idempotency_keys", "audit_logs"];

async fn rows(world: &World) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in TABLES {
        rows.push(count(world, table).await);
    }
    rows
}

async fn send(world: &World, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    if !kind.is_empty() {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    world.send(request.body(body.into()).expect("a request")).await
}

/// Checks that an answer is a problem with everything that the contract promises.
#[track_caller]
fn assert_problem(answered: &Answered, status: u16, what: &str) {
    let shown = String::from_utf8_lossy(&answered.bytes);
    assert_eq!(answered.status, status, "{what}: {shown}");
    assert_eq!(answered.headers[header::CONTENT_TYPE], "application/problem+json", "{what}");
    let body = answered.json();
    assert_eq!(body["status"], status, "{what}");
    for field in ["type", "title", "detail", "error", "message", "correlation_id"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {field} in {shown}");
    }
    assert_eq!((&body["error"], &body["message"]), (&body["title"], &body["detail"]), "{what}");
    assert_eq!(
        answered.headers["x-correlation-id"],
        body["correlation_id"].as_str().expect("a text"),
        "{what}"
    );
    let known = ["type", "title", "status", "detail", "error", "message", "correlation_id", "errors"];
    assert!(
        body.as_object().expect("an object").keys().all(|field| known.contains(&field.as_str())),
        "{shown}"
    );
    for internal in ["sqlx", "SELECT", "postgres", "panicked", ".rs:", "/shared/", "constraint"] {
        assert!(!shown.contains(internal), "{what}: {internal} in {shown}");
    }
}

#[tokio::test]
async fn a_value_that_can_not_be_is_refused_by_name() {
    let world = World::new().await;
    let kept = world.create(json!({"title": "kept", "due_date": "2027-01-10T12:00:00Z"})).await;
    let before = rows(&world).await;
    let many = |count: usize| Value::from((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    for (field, named, values) in [
        (
            "title",
            "title",
            vec![
                json!(""),
                json!("   \n\t"),
                json!("\u{200b}\u{200d}\u{feff}"),
                json!("\u{202e}\u{2066}"),
                json!("\u{3164}"),
                json!("🎉".repeat(501)),
                json!("a\0b"),
                json!(null),
                json!(5),
                json!(true),
                json!(["a"]),
                json!({"a": 1}),
            ],
        ),
        ("description", "description", vec![json!("x".repeat(10_001)), json!("\0"), json!(5), json!({})]),
        (
            "due_date",
            "due_date",
            vec![
                json!(""),
                json!("0000-01-01"),
                json!("0000-12-31T23:00:00Z"),
                json!("10000-01-01"),
                json!("9999-12-31T23:59:59-12:00"),
                json!("-0001-01-01"),
                json!("2027-01-10T23:59:60Z"),
                json!("2027-01-10T23:59:60"),
                json!("2027-01-10T24:00:00"),
                json!("2027-02-29"),
                json!("2027-13-01"),
                json!("2027-01-10T12:00:00+25:00"),
                json!("2027-01-10T12:00:00+05:00[Asia/Karachi]"),
                json!("10.01.2027"),
                json!("27€-01-10"),
                json!("2027-01-1€"),
                json!("1736505600"),
                json!(1_736_505_600),
                json!("2027-01-10T12:00:00Z "),
                json!("۲۰۲۷-۰۱-۱۰"),
                json!("2027-01-10\0"),
            ],
        ),
        (
            "time_zone",
            "time_zone",
            vec![
                json!("UTC+8"),
                json!("+05:00"),
                json!("CST"),
                json!("IST"),
                json!("Karachi"),
                json!("asia/karachi"),
                json!(""),
                json!(5),
                json!("../../etc/passwd"),
                json!("Asia/Karachi\0"),
            ],
        ),
        ("priority", "priority", vec![json!("urgent"), json!("HIGH"), json!(""), json!(1)]),
        ("tags", "tags", vec![json!("a"), json!({}), many(33), many(10_000)]),
        (
            "tags",
            "tags[1]",
            vec![
                json!(["a", ""]),
                json!(["a", " "]),
                json!(["a", 5]),
                json!(["a", "x".repeat(65)]),
                json!(["a", "\0"]),
            ],
        ),
        (
            "reminder_config",
            "reminder_config",
            vec![json!("15m"), json!(5), Value::from(vec![json!({"lead_time": "1h"}); 1_000])],
        ),
        (
            "reminder_config",
            "reminder_config.lead_time",
            vec![
                json!({}),
                json!({"lead_time": "soon"}),
                json!({"lead_time": "-15m"}),
                json!({"lead_time": "1.5h"}),
                json!({"lead_time": "99999999999h"}),
                json!({"lead_time": 15}),
            ],
        ),
        (
            "reminder_config",
            "reminder_config.at",
            vec![
                json!({"at": "2020-01-01T00:00:00Z"}),
                json!({"at": "2027-01-10T12:00:01Z"}),
                json!({"at": "2026-07-01T00:00:00"}),
                json!({"at": 5}),
                json!({"at": "2026-07-01T00:00:00Z", "lead_time": "1h"}),
            ],
        ),
        (
            "reminder_config",
            "reminder_config.delivery_method",
            vec![json!({"lead_time": "1h", "delivery_method": "fax"})],
        ),
        (
            "reminder_config",
            "reminder_config.destination",
            vec![
                json!({"lead_time": "1h", "destination": "a@b.org, c@d.org"}),
                json!({"lead_time": "1h", "destination": "a@b.org\r\nBcc: c@d.org"}),
                json!({"lead_time": "1h", "destination": "nobody"}),
                json!({"lead_time": "1h", "destination": 5}),
                json!({"lead_time": "1h", "delivery_method": "push", "destination": "a@b.org"}),
            ],
        ),
        ("reminder_config", "reminder_config.colour", vec![json!({"lead_time": "1h", "colour": "red"})]),
        ("recurrence_rule", "recurrence_rule", vec![json!("daily"), json!(5), json!([])]),
        (
            "recurrence_rule",
            "recurrence_rule.pattern",
            vec![json!({}), json!({"pattern": "hourly"}), json!({"pattern": 5})],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.interval",
            vec![
                json!({"pattern": "daily", "interval": 0}),
                json!({"pattern": "daily", "interval": -1}),
                json!({"pattern": "daily", "interval": 1.5}),
                json!({"pattern": "daily", "interval": "1"}),
                json!({"pattern": "daily", "interval": 4_294_967_296_u64}),
                json!({"pattern": "daily", "interval": 9_007_199_254_740_993_u64}),
                json!({"pattern": "daily", "interval": 1e300}),
            ],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.count",
            vec![
                json!({"pattern": "daily", "count": 0}),
                json!({"pattern": "daily", "count": 2_147_483_648_u64}),
                json!({"pattern": "daily", "count": -0.0}),
                json!({"pattern": "daily", "count": 2, "until": "2028-01-01"}),
            ],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.until",
            vec![
                json!({"pattern": "daily", "until": "2027-01-09"}),
                json!({"pattern": "daily", "until": "2027-01-10T11:59:59"}),
                json!({"pattern": "daily", "until": "soon"}),
                json!({"pattern": "daily", "until": 5}),
            ],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.month_days",
            vec![
                json!({"pattern": "monthly", "month_days": [0]}),
                json!({"pattern": "monthly", "month_days": [32]}),
                json!({"pattern": "monthly", "month_days": [366]}),
                json!({"pattern": "monthly", "month_days": "1"}),
                json!({"pattern": "daily", "month_days": [1]}),
            ],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.weekdays",
            vec![
                json!({"pattern": "weekly", "weekdays": ["moonday"]}),
                json!({"pattern": "weekly", "weekdays": [1]}),
                json!({"pattern": "monthly", "weekdays": ["mon"]}),
            ],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.rrule",
            vec![
                json!({"pattern": "daily", "rrule": "FREQ=WEEKLY"}),
                json!({"pattern": "daily", "rrule": "X".repeat(10_000)}),
                json!({"rrule": "X".repeat(10_000)}),
                json!({"rrule": "FREQ=SECONDLY"}),
                json!({"rrule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"}),
                json!({"rrule": "FREQ=DAILY;UNTIL=20200101"}),
                json!({"rrule": 5}),
            ],
        ),
        (
            "recurrence_rule",
            "recurrence_rule.dtstart",
            vec![json!({"pattern": "daily", "dtstart": "2027-01-01"})],
        ),
        ("id", "id", vec![json!(UNKNOWN)]),
        ("version", "version", vec![json!(7)]),
        ("status", "status", vec![json!("completed")]),
        ("created_at", "created_at", vec![json!("2020-01-01T00:00:00Z")]),
        ("__proto__", "__proto__", vec![json!({"admin": true})]),
        ("subtasks", "subtasks", vec![many(10_000)]),
    ] {
        for value in values {
            for (method, path) in [("POST", "/api/tasks"), ("PATCH", path_of(&kept).as_str())] {
                let mut body = json!({"title": "a", "due_date": "2027-01-10T12:00:00Z"});
                body[field] = value.clone();
                let answered = world.call(method, path, &body).await;
                let what: String = format!("{method} {field} {value}").chars().take(200).collect();
                assert_problem(&answered, 422, &what);
                assert_eq!(answered.wrong_fields(), [named], "{what}");
                assert!(
                    answered.json()["errors"][0]["message"].as_str().is_some_and(|text| !text.is_empty())
                );
                assert!(answered.bytes.len() < 4_096, "what was sent is not sent back: {what}");
            }
        }
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn an_hourly_rule_needs_a_time_of_day_and_replaces_a_pattern() {
    let world = World::new().await;
    let hourly = json!({"rrule": "freq=hourly;interval=5"});
    let all_day = json!({"title": "a", "due_date": "2027-01-10", "recurrence_rule": hourly});
    let refused = world.call("POST", "/api/tasks", &all_day).await;
    assert_eq!(refused.wrong_fields(), ["recurrence_rule.rrule"]);
    let pattern = json!({"pattern": "weekly", "weekdays": ["sun"], "count": 3, "catch_up": true});
    let body = json!({"title": "a", "due_date": "2027-01-10T12:00:00Z", "recurrence_rule": pattern});
    let path = path_of(&world.create(body).await);
    let task = world.patch(&path, json!({"recurrence_rule": hourly})).await.ok();
    let expected = json!({"rrule": "FREQ=HOURLY;INTERVAL=5", "anchor": "due", "catch_up": true});
    assert_eq!(task["recurrence_rule"], expected);
    let next = &world.get(&format!("{path}/occurrences?limit=2")).await.ok()["occurrences"][1];
    assert_eq!(next["due_date"], "2027-01-10T17:00:00+00:00");
    let refused = world.call("PATCH", &path, &json!({"due_date": "2027-01-10"})).await;
    assert_eq!(refused.wrong_fields(), ["recurrence_rule.rrule"]);
}

#[tokio::test]
async fn an_answer_about_ten_thousand_wrong_fields_names_a_hundred() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "kept"})).await);
    let before = rows(&world).await;
    // Nearly a mebibyte of names, and one of a third.
    let many: serde_json::Map<_, _> =
        (0..10_000).map(|n| (format!("{n:05}{}", "f".repeat(80)), json!(n))).collect();
    let long = json!({"ے".repeat(150_000): 1});
    for (method, path) in [
        ("POST", "/api/tasks"),
        ("PATCH", path.as_str()),
        ("PATCH", "/api/settings"),
        ("POST", "/api/undo"),
        ("POST", "/chat/command"),
    ] {
        let answered = world.call(method, path, &json!(many)).await;
        assert_problem(&answered, 422, path);
        assert_eq!(answered.wrong_fields().len(), 100, "{method} {path}");
        assert!(answered.bytes.len() < 32_768, "{method} {path}: {}", answered.bytes.len());
        let answered = world.call(method, path, &long).await;
        assert_problem(&answered, 422, path);
        assert!(answered.bytes.len() < 4_096, "{method} {path}: {}", answered.bytes.len());
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn the_edges_of_what_can_be_are_accepted() {
    let world = World::new().await;
    for body in [
        json!({"title": "👩\u{200d}👩\u{200d}👧".repeat(100)}),
        json!({"title": "a", "due_date": "0001-01-01"}),
        json!({"title": "a", "due_date": "0001-01-02T00:00:00Z", "reminder_config": {"lead_time": "520w"}}),
        json!({"title": "a", "due_date": "9999-12-31T23:59:59"}),
        json!({"title": "a", "due_date": "9999-12-31", "time_zone": "Pacific/Kiritimati"}),
        json!({"title": "a", "due_date": "1900-01-01T00:00:00"}),
        json!({"title": "a", "due_date": "1880-06-01T12:00:00", "time_zone": "Asia/Karachi"}),
        json!({"title": "a", "due_date": "2027-01-10T12:00:00+14:00"}),
        json!({"title": "a", "due_date": "2027-01-10T12:00:00-12:00"}),
        json!({"title": "a", "due_date": "2028-02-29"}),
        json!({"title": "a", "time_zone": "Asia/Kolkata"}),
        json!({"title": "a", "due_date": "2027-01-10", "recurrence_rule": {"pattern": "daily", "interval": 1000, "count": 10000}}),
        json!({"title": "a", "due_date": "2027-01-10", "recurrence_rule": {"pattern": "daily", "until": "2027-01-10"}}),
        json!({"title": "a", "due_date": "2027-01-10", "recurrence_rule": {"pattern": "monthly", "month_days": [31, -28]}}),
    ] {
        let task = world.create(body.clone()).await;
        assert_eq!(world.get(&path_of(&task)).await.ok(), task, "{body}");
        let due = &task["due_date"];
        let again = world.patch(&path_of(&task), json!({"due_date": due})).await.ok();
        assert_eq!(again["version"], 1, "what is shown means the same again: {body}");
        for look in ["/history", "/reminders", "/occurrences"] {
            world.get(&format!("{}{look}", path_of(&task))).await.ok();
        }
    }
    world.settle().await;
    for sort in ["due_date", "-due_date"] {
        let page = world.get(&format!("/api/tasks?sort={sort}&limit=4")).await.ok();
        let cursor = page["next_cursor"].as_str().expect("there are more");
        let rest = world.get(&format!("/api/tasks?sort={sort}&cursor={cursor}")).await.ok();
        assert_eq!(rest["tasks"].as_array().map(Vec::len), Some(10), "{sort}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_sound_json_is_refused() {
    let world = World::new().await;
    let kept = world.create(json!({"title": "kept"})).await;
    let before = rows(&world).await;
    let nested =
        |open: &str, close: &str| format!("{{\"title\":{}{}}}", open.repeat(10_000), close.repeat(10_000));
    let bodies: Vec<(Vec<u8>, u16)> = vec![
        (b"".to_vec(), 400),
        (b"   ".to_vec(), 400),
        (b"{".to_vec(), 400),
        (b"{\"title\":\"a\"".to_vec(), 400),
        (b"{\"title\":\"a\",}".to_vec(), 400),
        (b"{\"title\":\"a\"} {}".to_vec(), 400),
        (b"{'title':'a'}".to_vec(), 400),
        (b"{\"title\":\"a\",\"title\":\"b\"}".to_vec(), 400),
        (b"{\"title\":\"a\",\"reminder_config\":{\"lead_time\":\"1h\",\"lead_time\":\"2h\"}}".to_vec(), 400),
        (b"{\"title\":\"\\ud800\"}".to_vec(), 400),
        (b"{\"title\":\"a\xff\"}".to_vec(), 400),
        (b"\xef\xbb\xbf{\"title\":\"a\"}".to_vec(), 400),
        (b"\xff\xfe{\x00}\x00".to_vec(), 400),
        (b"{\"title\":1e400}".to_vec(), 400),
        (b"{\"title\":NaN}".to_vec(), 400),
        (b"{\"title\":\"a\nb\"}".to_vec(), 400),
        (nested("[", "]").into_bytes(), 400),
        (nested("{\"a\":", "1}").into_bytes(), 400),
        (b"[]".to_vec(), 422),
        (b"null".to_vec(), 422),
        (b"5".to_vec(), 422),
        (b"\"title\"".to_vec(), 422),
        (b"{\"title\":\"a\\u0000\"}".to_vec(), 422),
        (b"{\"\\u0000\":1}".to_vec(), 422),
        (b"{\"title\":9007199254740993}".to_vec(), 422),
        (b"{\"title\":-0}".to_vec(), 422),
    ];
    for (body, status) in bodies {
        for (method, path) in
            [("POST", "/api/tasks"), ("PATCH", path_of(&kept).as_str()), ("PATCH", "/api/settings")]
        {
            let answered = send(&world, method, path, "application/json", body.clone()).await;
            let shown: String = String::from_utf8_lossy(&body).chars().take(100).collect();
            assert_problem(&answered, status, &format!("{method} {path} {shown}"));
        }
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_of_another_kind_is_refused() {
    let world = World::new().await;
    let sound = json!({"title": "a"}).to_string();
    for (kind, status) in [
        ("", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=latin1", 415),
        ("application/json; charset=utf-16", 415),
        ("application/xml", 415),
        ("application/merge-patch+json", 415),
        ("application/json; charset=UTF-8", 200),
    ] {
        let answered = send(&world, "POST", "/api/tasks", kind, sound.clone()).await;
        match status {
            200 => drop(answered.ok()),
            status => assert_problem(&answered, status, kind),
        }
    }
    let compressed = Request::post("/api/tasks")
        .header(header::CONTENT_TYPE, "application/json")
        .header("content-encoding", "gzip");
    let answered = world.send(compressed.body(Body::from(sound.clone())).expect("a request")).await;
    assert_problem(&answered, 415, "gzip");
    let padded = format!("{sound}{}", " ".repeat((1 << 20) - sound.len()));
    send(&world, "POST", "/api/tasks", "application/json", padded.clone()).await.ok();
    let answered = send(&world, "POST", "/api/tasks", "application/json", padded + " ").await;
    assert_problem(&answered, 413, "one byte more than a mebibyte");
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 65_536])));
    let answered = send(&world, "POST", "/api/tasks", "application/json", Body::from_stream(endless)).await;
    assert_problem(&answered, 413, "without an end");
    assert_eq!(count(&world, "tasks").await, 2);
}

#[tokio::test]
async fn an_id_that_is_none_is_refused_and_an_unknown_one_not_found() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let id = task["id"].as_str().expect("an id");
    let before = rows(&world).await;
    let actions = [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/complete"),
        ("POST", "/reopen"),
        ("POST", "/restore"),
        ("GET", "/history"),
        ("GET", "/reminders"),
        ("GET", "/occurrences"),
    ];
    for (given, status) in [
        ("00000000-0000-0000-0000-000000000000", 404),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", 404),
        (UNKNOWN, 404),
        ("1", 400),
        ("%7B0190163d-8694-739b-aea5-966c26f8ad91%7D", 400),
        ("0190163d8694739baea5966c26f8ad91", 400),
        ("0190163d-8694-739b-aea5-966c26f8ad911", 400),
        ("urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91", 400),
        ("1'%20OR%20'1'='1", 400),
        ("..%2F..%2Fetc%2Fpasswd", 400),
        ("%ff%fe", 400),
        ("%00", 400),
        ("null", 400),
        ("%D8%AF%D9%88%D8%AF%DA%BE", 400),
        (&"9".repeat(5_000), 400),
    ] {
        for (method, suffix) in actions {
            let answered = world.call(method, &format!("/api/tasks/{given}{suffix}"), &Value::Null).await;
            let shown: String = given.chars().take(60).collect();
            assert_problem(&answered, status, &format!("{method} {shown}{suffix}"));
        }
        let answered = world.patch(&format!("/api/tasks/{given}"), json!({"title": "b"})).await;
        assert_problem(&answered, status, "PATCH");
    }
    assert_eq!(rows(&world).await, before);
    assert_eq!(
        world.get(&format!("/api/tasks/{}/", id.to_uppercase())).await.ok(),
        task,
        "upper case is the same id"
    );
}

#[tokio::test]
async fn a_path_or_a_method_that_is_not_served_is_a_problem() {
    let world = World::new().await;
    for (method, path, status) in [
        ("GET", "/api", 404),
        ("GET", "/api/task", 404),
        ("GET", "/api/tasks/../settings", 404),
        ("POST", &format!("/api/tasks/{UNKNOWN}/finish"), 404),
        ("GET", &format!("/api/tasks/{UNKNOWN}/complete/now"), 404),
        ("POST", "/", 404),
        ("GET", "/metrics", 404),
        ("GET", "/.env", 404),
        ("PUT", "/api/tasks", 405),
        ("DELETE", "/api/tasks", 405),
        ("TRACE", "/api/tasks", 405),
        ("PUT", &format!("/api/tasks/{UNKNOWN}"), 405),
        ("GET", &format!("/api/tasks/{UNKNOWN}/complete"), 405),
        ("POST", &format!("/api/tasks/{UNKNOWN}/history"), 405),
        ("POST", "/api/settings", 405),
        ("POST", "/openapi.json", 405),
    ] {
        let answered = world.call(method, path, &Value::Null).await;
        if path == "/" {
            assert!(answered.status.is_client_error(), "events are not taken from outside");
        } else {
            assert_problem(&answered, status, &format!("{method} {path}"));
        }
        assert_eq!(answered.headers.contains_key(header::ALLOW), answered.status == 405, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_has_a_correlation_id_and_a_sound_one_is_kept() {
    let world = World::new().await;
    let long = "x".repeat(101);
    let body = json!({"title": "a"});
    for (sent, kept) in
        [("order 66", true), (&long[..100], true), (&long, false), ("", false), ("a\tb", false)]
    {
        for (method, path, body) in [
            ("POST", "/api/tasks", &body),
            ("GET", "/api/tasks", &Value::Null),
            ("GET", "/api/tasks/1", &Value::Null),
            ("GET", "/nothing", &Value::Null),
            ("GET", "/health", &Value::Null),
            ("GET", "/ready", &Value::Null),
            ("GET", "/openapi.json", &Value::Null),
            ("GET", "/", &Value::Null),
        ] {
            let answered = world.call_with(method, path, body, &[("x-correlation-id", sent)]).await;
            let id = answered.headers["x-correlation-id"].to_str().expect("ASCII");
            assert_eq!(id == sent, kept, "{method} {path} {sent}");
            assert!((1..=100).contains(&id.len()));
        }
    }
    assert_eq!(
        count(&world, "events WHERE correlation_id = 'order 66'").await,
        1,
        "it goes on into the event"
    );
}

#[tokio::test]
async fn what_looks_like_sql_is_only_text() {
    let world = World::new().await;
    for text in [
        "'; DROP TABLE tasks; --",
        "$1",
        "\\'",
        "1 OR 1=1",
        "%' OR '%'='",
        "pg_sleep(10)",
        "{{7*7}}",
        "${7*7}",
    ] {
        let headers = [("x-user-id", text), ("idempotency-key", text), ("x-correlation-id", text)];
        let body = json!({"title": text, "description": text, "tags": [text]});
        let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
        assert_eq!((&task["title"], &task["user_id"]), (&json!(text), &json!(text)));
        let found = world.call_with("GET", &path_of(&task), &Value::Null, &headers[..1]).await.ok();
        assert_eq!(found, task);
    }
    assert_eq!(count(&world, "tasks").await, 8);
}

/// Gives the most memory that a process has had since it was last told to forget that, in bytes.
fn peak(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1024
}

/// Starts the peak anew, at what the process has now (proc(5), `clear_refs`).
fn forget_peak(program: &Program) {
    std::fs::write(format!("/proc/{}/clear_refs", program.pid()), "5").expect("it runs");
}

#[tokio::test]
async fn the_largest_body_takes_at_most_five_times_its_size_in_memory_whatever_is_in_it() {
    const LARGEST: usize = 1024 * 1024;
    let world = World::new().await;
    let field = |name: &str, value: Value| json!({"title": "milk", (name): value});
    let members = |count: usize| (0..count).map(|n| (format!("{n:x}"), Value::Null)).collect();
    for (what, body) in [
        ("one long text", field("description", "x".repeat(LARGEST - 64).into())),
        ("escapes", field("title", "\u{1}".repeat((LARGEST - 64) / 6).into())),
        ("many numbers", field("tags", vec![0; (LARGEST - 64) / 2].into())),
        ("many empty objects", field("tags", vec![json!({}); (LARGEST - 64) / 3].into())),
        ("many texts", field("tags", vec!["a"; (LARGEST - 64) / 4].into())),
        ("many members", Value::Object(members(75_000))),
        ("as many members as are read", Value::Object(members(24_900))),
        ("as many long texts as are read", field("tags", vec!["x".repeat(36); 24_900].into())),
    ] {
        let mut create_task = command("create-task");
        create_task.env("DATABASE_URL", &world.database_url);
        let program = Program::start(create_task).await;
        // What a request takes by itself is not the body's.
        for _ in 0..2 {
            forget_peak(&program);
            let small = program.call("POST", "/api/tasks", &json!({"title": " "}), &[]).await;
            assert_eq!(small.expect("it serves").0, 422);
        }
        let before = peak(&program);
        assert!(body.to_string().len() <= LARGEST, "{what}");
        let (status, problem) = program.call("POST", "/api/tasks", &body, &[]).await.expect("it serves");
        assert!([400, 422].contains(&status), "{what}: {status} {problem}");
        let taken = peak(&program) - before;
        // As it came, as it was read, and what the connection reads ahead.
        assert!(taken <= 5 * LARGEST as u64, "{what}: {taken} bytes");
        program.kill().await;
    }
}
