//! The real functions as AWS Lambda runs them, before a runtime API of the test's own.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use runtime::clock::Clock;
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::bus::record;
use tests::cargo_lambda::CargoLambda;
use tests::database::{Locked, count, rows};
use tests::lambda::{Lambda, Mapping};
use tests::process::{DataDir, Starting, outcome};
use tests::world::World;

/// The trace of [`tests::lambda::XRAY_TRACE`].
const TRACE: &str = "5759e988bd862e3fe1be46a994272793";

/// A function under Lambda over a world's database.
struct Hosted {
    lambda: Lambda,
    starting: Starting,
}

async fn host(name: &str, database_url: &str) -> Hosted {
    let lambda = Lambda::start().await;
    let starting = Starting::spawn(lambda.command(name, database_url));
    lambda.is_asked(1).await;
    Hosted { lambda, starting }
}

/// A request through one of the front doors.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: String,
}

fn post<'a>(body: &Value, headers: &[(&'a str, &'a str)]) -> Asked<'a> {
    let json = [("host", "localhost"), ("content-type", "application/json")];
    let headers = json.iter().chain(headers).copied().collect();
    Asked { method: "POST", path: "/api/tasks", query: "", headers, body: body.to_string() }
}

impl Asked<'_> {
    fn one_of_each(&self) -> Value {
        self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }

    fn all_of_each(&self) -> Value {
        let mut all = json!({});
        for (name, value) in &self.headers {
            match &mut all[*name] {
                Value::Array(values) => values.push(json!(value)),
                none => *none = json!([value]),
            }
        }
        all
    }

    /// Of an HTTP API with a stage of this name, or of a function URL, whose stage is `$default`.
    fn http_api(&self, stage: &str) -> Value {
        let prefix = if stage == "$default" { String::new() } else { format!("/{stage}") };
        let path = format!("{prefix}{}", self.path);
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": self.query,
            "headers": self.one_of_each(), "cookies": ["theme=dark", "seen=1"],
            "requestContext": {
                "accountId": "anonymous", "apiId": "a", "domainName": "localhost", "domainPrefix": "a",
                "http": {"method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                         "userAgent": "test"},
                "requestId": "r", "routeKey": "$default", "stage": stage, "time": "01/Jun/2026:06:00:00 +0000",
                "timeEpoch": 1_780_293_600_000_i64,
            },
            "body": STANDARD.encode(&self.body), "isBase64Encoded": true,
        })
    }

    fn rest_api(&self) -> Value {
        json!({
            "resource": "/{proxy+}", "path": self.path, "httpMethod": self.method,
            "headers": self.one_of_each(), "multiValueHeaders": self.all_of_each(),
            "queryStringParameters": null, "multiValueQueryStringParameters": null,
            "pathParameters": {"proxy": "api/tasks"}, "stageVariables": null,
            "requestContext": {
                "accountId": "1", "apiId": "a", "httpMethod": self.method, "path": format!("/prod{}", self.path),
                "identity": {"sourceIp": "127.0.0.1"}, "protocol": "HTTP/1.1", "requestId": "r", "resourceId": "x",
                "resourcePath": "/{proxy+}", "stage": "prod", "requestTimeEpoch": 1_780_293_600_000_i64,
            },
            "body": self.body, "isBase64Encoded": false,
        })
    }

    fn load_balancer(&self) -> Value {
        let mut headers = self.all_of_each();
        headers["x-forwarded-for"] = json!(["203.0.113.9, 127.0.0.1"]);
        json!({
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}},
            "httpMethod": self.method, "path": self.path, "multiValueQueryStringParameters": {},
            "multiValueHeaders": headers, "body": STANDARD.encode(&self.body), "isBase64Encoded": true,
        })
    }
}

fn body(answer: &Value) -> Value {
    let text = answer["body"].as_str().expect("a text");
    serde_json::from_str(text).expect("JSON")
}

fn schedule() -> Value {
    json!({
        "version": "0", "id": "i", "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": "1",
        "time": "2026-06-01T06:00:00Z", "region": "eu-west-1", "resources": [], "detail": "{}",
    })
}

#[tokio::test]
async fn lambda_creates_a_task_through_every_front_door() {
    let world = World::new().await;
    let Hosted { lambda, starting } = host("create-task", &world.database_url).await;
    let ask = |title: &str, key: &'static str| {
        post(
            &json!({"title": title}),
            &[("x-user-id", "amna"), ("idempotency-key", key), ("x-correlation-id", key)],
        )
    };
    let events = [
        ("دودھ", ask("دودھ", "url").http_api("$default")),
        ("tea", ask("tea", "stage").http_api("prod")),
        ("salt", ask("salt", "rest").rest_api()),
        ("rice", ask("rice", "balancer").load_balancer()),
    ];
    for (title, event) in &events {
        let answer = lambda.invoke(event).await.expect("an answer");
        let again = lambda.invoke(event).await.expect("an answer");
        assert_eq!(
            (&answer["statusCode"], &body(&answer)["title"]),
            (&json!(200), &json!(title)),
            "{answer}"
        );
        assert_eq!(body(&again)["id"], body(&answer)["id"], "the key holds across invocations");
        let headers = if answer["headers"]["etag"].is_null() {
            &answer["multiValueHeaders"]
        } else {
            &answer["headers"]
        };
        let etag = headers["etag"].as_str().or(headers["etag"][0].as_str());
        assert_eq!(etag, Some("\"1\""), "{answer}");
    }
    assert_eq!(count(&world, "tasks WHERE user_id = 'amna'").await, 4);
    let caused = rows(
        &world.database_url,
        "SELECT correlation_id, split_part(traceparent, '-', 2) AS trace FROM events ORDER BY seq",
    )
    .await;
    let correlations: Vec<_> = caused.iter().filter_map(|event| event["correlation_id"].as_str()).collect();
    assert_eq!(correlations, ["url", "stage", "rest", "balancer"]);
    assert!(caused.iter().all(|event| event["trace"] == TRACE), "{caused:?}");

    // Two values of a header that may stand once: neither is believed.
    let twice = post(&json!({"title": "twice"}), &[("x-correlation-id", "one"), ("x-correlation-id", "two")]);
    let answer = lambda.invoke(&twice.rest_api()).await.expect("an answer");
    let correlation = answer["multiValueHeaders"]["x-correlation-id"][0].as_str().map(str::len);
    assert_eq!((&answer["statusCode"], correlation), (&json!(200), Some(36)));
    starting.kill().await;
}

#[tokio::test]
async fn lambda_finds_what_a_raw_query_asks_for() {
    let world = World::new().await;
    for title in ["دودھ لانا", "call"] {
        world.call_with("POST", "/api/tasks", &json!({"title": title}), &[("x-user-id", "amna")]).await.ok();
    }
    let Hosted { lambda, starting } = host("query-tasks", &world.database_url).await;
    let query = "q=%D8%AF%D9%88%D8%AF%DA%BE&sort=-created_at&limit=1";
    let headers = vec![("host", "localhost"), ("x-user-id", "amna")];
    let asked = Asked { method: "GET", path: "/api/tasks/", query, headers, body: String::new() };
    let answer = lambda.invoke(&asked.http_api("$default")).await.expect("an answer");
    let tasks = body(&answer)["tasks"].clone();
    assert_eq!((tasks.as_array().map(Vec::len), &tasks[0]["title"]), (Some(1), &json!("دودھ لانا")));
    starting.kill().await;
}

#[tokio::test]
async fn lambda_audits_a_batch_whatever_poison_is_in_it_and_however_often_it_comes() {
    let world = World::new().await;
    for number in 0..6 {
        world.create(json!({"title": format!("task {number}")})).await;
    }
    let events: Vec<Vec<u8>> = record(&world)
        .await
        .of_type("task.created")
        .iter()
        .map(|event| event.to_string().into_bytes())
        .collect();
    let Hosted { lambda, starting } = host("write-audit", &world.database_url).await;
    let mut mapping = Mapping::new(&lambda, 3);
    let nothing = br#"{"specversion":"1.0","id":"x","source":"/kaam/x","type":"task.created","data":{}}"#;
    let mut lost = Vec::new();
    for (number, poison) in [(0, Some(&b"not JSON"[..])), (1, Some(&nothing[..])), (2, None)] {
        for event in &events[number as usize * 2..][..2] {
            mapping.write("task-events", number, Some(event));
        }
        lost.push((format!("task-events-{number}"), mapping.write("task-events", number, poison)));
        for event in &events[..2] {
            mapping.write("task-events", number, Some(event));
        }
    }
    let answer = lambda.invoke(&mapping.batch()).await.expect("an answer");
    let item = |(partition, offset): &(String, usize)| json!({"itemIdentifier": {"partition": partition, "offset": offset}});
    assert_eq!(answer, json!({"batchItemFailures": lost.iter().map(item).collect::<Vec<_>>()}));
    mapping.settle(Ok(answer));
    // The poison is tried so often as the mapping says, keeps nobody back for good, and is not lost.
    assert_eq!(mapping.run().await, 4);
    assert_eq!(mapping.destination, lost);
    assert_eq!(count(&world, "audit_logs").await, 6);
    let (looked_at, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!((looked_at, broken.len()), (6, 0));
    starting.kill().await;
}

#[tokio::test]
async fn lambda_is_told_that_nothing_was_audited_while_nothing_can_be_committed() {
    let world = World::new().await;
    for number in 0..4 {
        world.create(json!({"title": format!("task {number}")})).await;
    }
    let events = record(&world).await.of_type("task.created");
    let link = if world.database_url.contains('?') { '&' } else { '?' };
    let unable = format!("{}{link}options=-c%20default_transaction_read_only%3Don", world.database_url);
    let Hosted { lambda, starting } = host("write-audit", &unable).await;
    let able = host("write-audit", &world.database_url).await;
    let mut mapping = Mapping::new(&able.lambda, 3);
    for (number, event) in (0..).zip(&events) {
        mapping.write("task-events", number % 2, Some(event.to_string().as_bytes()));
    }
    let answer = lambda.invoke(&mapping.batch()).await.expect("an answer");
    let item = |partition: &str| json!({"itemIdentifier": {"partition": partition, "offset": 0}});
    assert_eq!(answer, json!({"batchItemFailures": [item("task-events-0"), item("task-events-1")]}));
    assert_eq!(count(&world, "audit_logs").await, 0);
    mapping.settle(Ok(answer));
    assert_eq!(mapping.run().await, 1);
    assert_eq!((count(&world, "audit_logs").await, mapping.destination.len()), (4, 0));
    starting.kill().await;
    able.starting.kill().await;
}

#[tokio::test]
async fn lambdas_schedule_announces_what_is_due_once_and_hears_of_failure() {
    let world = World::new().await;
    // The function goes by the time of day, for which the world's clock waits.
    let due = Clock::system().now().to_rfc3339();
    world.create(json!({"title": "call", "due_date": due, "reminder_config": {"lead_time": "0m"}})).await;
    let link = if world.database_url.contains('?') { '&' } else { '?' };
    let unable = format!("{}{link}options=-c%20default_transaction_read_only%3Don", world.database_url);
    let failing = host("scan-reminders", &unable).await;
    let error = failing.lambda.invoke(&schedule()).await.expect_err("it can not work");
    assert_eq!(error["errorType"], "EventFailed", "{error}");
    failing.starting.kill().await;
    let Hosted { lambda, starting } = host("scan-reminders", &world.database_url).await;
    for _ in 0..3 {
        assert_eq!(lambda.invoke(&schedule()).await, Ok(Value::Null));
    }
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.due'").await, 1);
    starting.kill().await;
}

#[tokio::test]
async fn lambda_gets_an_error_for_what_no_function_knows_and_the_next_invocation_its_answer() {
    let world = World::new().await;
    let Hosted { lambda, starting } = host("create-task", &world.database_url).await;
    let kafka = json!({"eventSource": "aws:kafka", "records": {"task-events-0": [{"topic": "task-events", "offset": 0}]}});
    for (event, kind) in [
        (json!({}).to_string(), "UnknownEvent"),
        (json!({"Records": [{"eventSource": "aws:sqs"}]}).to_string(), "UnknownEvent"),
        (json!({"requestContext": {"http": 7}}).to_string(), "UnreadableEvent"),
        (kafka.to_string(), "EventNotTaken"),
        (schedule().to_string(), "EventNotTaken"),
    ] {
        let error = lambda.invoke_with(event, Duration::from_secs(30)).await.expect_err(kind);
        assert_eq!(error["errorType"], kind, "{error}");
    }
    let error = lambda.invoke_with("{".to_owned(), Duration::from_secs(30)).await;
    assert!(error.is_err(), "{error:?}");
    let mut torn = post(&json!({"title": "x"}), &[]).http_api("$default");
    torn["body"] = json!("%%%");
    assert!(lambda.invoke(&torn).await.is_err(), "a body that is not the base64 that it says");
    let wrong =
        lambda.invoke(&post(&json!({"title": ""}), &[]).http_api("$default")).await.expect("an answer");
    assert_eq!((&wrong["statusCode"], &body(&wrong)["errors"][0]["field"]), (&json!(422), &json!("title")));
    let right =
        lambda.invoke(&post(&json!({"title": "tea"}), &[]).http_api("$default")).await.expect("an answer");
    assert_eq!(right["statusCode"], 200);
    starting.kill().await;
}

#[tokio::test]
async fn lambda_answers_within_the_time_it_gives_and_what_is_under_way_after_sigterm() {
    let world = World::new().await;
    let Hosted { lambda, starting } = host("create-task", &world.database_url).await;
    let lock = Locked::new(&world, "tasks").await;
    let short = post(&json!({"title": "late"}), &[]).http_api("$default");
    let answer = lambda.invoke_for(&short, Duration::from_millis(500)).await.expect("an answer");
    assert_eq!(answer["statusCode"], 503);

    let event = post(&json!({"title": "in flight"}), &[]).http_api("$default");
    let invoked = lambda.invoke(&event);
    let told = async {
        lock.is_awaited_by(1).await;
        starting.signal(Signal::TERM);
        lock.release().await;
    };
    let (answer, ()) = tokio::join!(invoked, told);
    assert_eq!(answer.expect("an answer")["statusCode"], 200);
    assert!(starting.ended().await.success());
    assert_eq!(count(&world, "tasks WHERE title = 'in flight'").await, 1);

    let idle = host("create-task", &world.database_url).await;
    idle.starting.signal(Signal::TERM);
    assert!(idle.starting.ended().await.success(), "it waits for nothing");
}

#[tokio::test]
async fn lambda_that_lacks_a_variable_is_one_line_that_names_it() {
    let lambda = Lambda::start().await;
    let without =
        ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];
    let starts = without.map(|name| {
        let mut command = lambda.command("create-task", "postgres://localhost/kaam");
        command.env_remove(name);
        async move { (name, outcome(command).await) }
    });
    let mut ended = join_all(starts).await;
    let mut nowhere = lambda.command("create-task", "postgres://localhost/kaam");
    nowhere.env("AWS_LAMBDA_RUNTIME_API", "nowhere");
    ended.push(("AWS_LAMBDA_RUNTIME_API", outcome(nowhere).await));
    for (name, ended) in ended {
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            !ended.status.success() && said.lines().count() == 1 && said.contains(name),
            "{name}: {said}"
        );
    }
}

#[tokio::test]
async fn lambdas_log_lines_carry_its_request_id_and_trace() {
    let (world, data_dir) = (World::new().await, DataDir::new());
    let log = data_dir.path().join("log");
    let lambda = Lambda::start().await;
    let starting = Starting::spawn_with_log(lambda.command("create-task", &world.database_url), &log);
    let asked =
        post(&json!({"title": "S3cretTitle"}), &[("x-correlation-id", "find me")]).http_api("$default");
    lambda.invoke(&asked).await.expect("an answer");
    lambda.invoke(&json!({"S3cret": 1})).await.expect_err("nobody knows it");
    starting.signal(Signal::TERM);
    assert!(starting.ended().await.success());
    let text = fs::read_to_string(&log).expect("a log");
    assert!(!text.contains("S3cret"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let answered = lines.iter().find(|line| line["correlation_id"] == "find me").expect("a line");
    assert_eq!((&answered["aws_request_id"], &answered["trace_id"]), (&json!("invocation-0"), &json!(TRACE)));
    assert!(
        lines.iter().any(|line| line["aws_request_id"] == "invocation-1" && line["level"] == "ERROR"),
        "{text}"
    );
}

#[tokio::test]
async fn lambdas_emulator_of_aws_finds_the_function_as_it_should_be() {
    let Some(emulator) = CargoLambda::start().await else { return };
    let world = World::new().await;
    let starting = Starting::spawn(emulator.command("create-task", &world.database_url));
    let headers = [("host", "localhost"), ("x-user-id", "amna"), ("x-correlation-id", "find me")];
    let (status, task) = emulator.request("POST", "/api/tasks", &json!({"title": "دودھ"}), &headers).await;
    assert_eq!((status, &task["title"]), (200, &json!("دودھ")), "{task}");
    let (status, problem) = emulator.request("POST", "/api/tasks", &json!({"title": ""}), &headers).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("title")), "{problem}");
    let (status, error) = emulator.invoke(&json!({"nobody": "knows"})).await;
    assert_eq!((status, &error["errorType"]), (500, &json!("UnknownEvent")), "{error}");
    assert_eq!(count(&world, "events WHERE correlation_id = 'find me' AND user_id = 'amna'").await, 1);
    starting.kill().await;
    emulator.stop().await;
}
