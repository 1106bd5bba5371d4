use std::time::Duration;

use axum::{
    extract::RawQuery,
    http::HeaderMap,
    response::IntoResponse,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::{
    config::Config,
    function::Function,
    request::RequestContext,
    triggers::{Incoming, on_events, on_tick},
};

const NOW: &str = "2026-06-01T06:00:00Z";
const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

fn handler(function: Function) -> Handler {
    let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
    Handler::new(App::new(&config, vec![function]), Clock::manual(NOW.parse().expect("an instant")))
}

/// Answers what it was asked: the target, all headers, the body.
fn echo() -> Function {
    let seen = async |query: RawQuery, context: RequestContext, headers: HeaderMap, body: String| {
        let all: Vec<_> = headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap_or_default()]))
            .collect();
        let cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")];
        let seen = json!({"query": query.0, "headers": all, "body": body, "trace": context.trace_id()});
        (axum::response::AppendHeaders(cookies), axum::Json(seen)).into_response()
    };
    let routes = Router::new()
        .route("/api/tasks", post(seen))
        .route("/api", get(async || [255_u8, 0, 1].into_response()))
        .route("/broken", get(async || axum::http::StatusCode::INTERNAL_SERVER_ERROR))
        .route("/slow", get(async || std::future::pending::<()>().await));
    Function::new("echo").http(routes.into())
}

async fn invoke_with(function: Function, event: &Value, context: Context) -> Result<Value, EventError> {
    let payload = to_raw_value(event).expect("JSON");
    let answer = handler(function).handle(LambdaEvent::new(payload, context)).await?;
    Ok(serde_json::from_str(answer.get()).expect("JSON"))
}

async fn invoke(function: Function, event: &Value) -> Result<Value, EventError> {
    invoke_with(function, event, Context::default()).await
}

/// An HTTP API's or a function URL's event.
fn v2(method: &str, path: &str, query: &str, stage: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": {"host": "localhost", "content-type": "application/json", "x-forwarded-for": "127.0.0.1"},
        "requestContext": {
            "accountId": "anonymous", "apiId": "a", "domainName": "localhost", "requestId": "r", "stage": stage,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            "routeKey": "$default", "time": "01/Jun/2026:06:00:00 +0000", "timeEpoch": 1_780_293_600_000_i64,
        },
        "isBase64Encoded": false,
    })
}

/// A REST API's event.
fn v1(method: &str, path: &str, stage: &str) -> Value {
    json!({
        "version": "1.0", "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": {"Host": "localhost", "Content-Type": "application/json", "X-Several": "two"},
        "multiValueHeaders": {
            "Host": ["localhost"], "Content-Type": ["application/json"], "X-Several": ["one", "two"],
        },
        "queryStringParameters": {"tag": "b"}, "multiValueQueryStringParameters": {"tag": ["a b", "b"]},
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "accountId": "1", "apiId": "a", "httpMethod": method, "path": format!("/{stage}{path}"), "stage": stage,
            "identity": {"sourceIp": "127.0.0.1"}, "requestId": "r", "resourceId": "x", "resourcePath": "/{proxy+}",
            "protocol": "HTTP/1.1", "requestTimeEpoch": 1_780_293_600_000_i64,
        },
        "body": null, "isBase64Encoded": false,
    })
}

/// A load balancer's event, with headers as it is set up to give them.
fn alb(method: &str, path: &str, is_multi_value: bool) -> Value {
    let mut event = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}},
        "httpMethod": method, "path": path, "body": "", "isBase64Encoded": false,
    });
    if is_multi_value {
        event["multiValueHeaders"] = json!({
            "host": ["localhost"], "x-several": ["one", "two"], "x-forwarded-for": ["203.0.113.9, 127.0.0.1"],
        });
        event["multiValueQueryStringParameters"] = json!({"tag": ["a%20b", "b"]});
    } else {
        event["headers"] = json!({"host": "localhost", "x-forwarded-for": "127.0.0.1"});
        event["queryStringParameters"] = json!({"tag": "a%26b"});
    }
    event
}

fn seen(answer: &Value) -> Value {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON")
}

fn values<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().expect("a list");
    headers.iter().filter(|pair| pair[0] == name).filter_map(|pair| pair[1].as_str()).collect()
}

#[tokio::test]
async fn a_request_of_an_http_api_arrives_whole() {
    let mut event = v2("POST", "/api/tasks/", "q=a%20b&tag=x&tag=%D8%AF", "$default");
    event["cookies"] = json!(["one=1", "two=2"]);
    event["body"] = json!(STANDARD.encode("دودھ"));
    event["isBase64Encoded"] = json!(true);
    let answer = invoke(echo(), &event).await.expect("an answer");
    let seen = seen(&answer);
    assert_eq!(seen["query"], "q=a%20b&tag=x&tag=%D8%AF");
    assert_eq!(seen["body"], "دودھ");
    assert_eq!(values(&seen, "cookie"), ["one=1; two=2"]);
    assert_eq!(answer["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(
        (&answer["isBase64Encoded"], &answer["headers"]["content-type"]),
        (&json!(false), &json!("application/json"))
    );
    assert_eq!(
        answer["headers"]["x-correlation-id"].as_str().map(str::len),
        Some(36),
        "the layers are there"
    );
}

#[tokio::test]
async fn several_values_of_a_header_arrive_as_several() {
    for event in [v1("POST", "/api/tasks", "prod"), alb("POST", "/api/tasks", true)] {
        let answer = invoke(echo(), &event).await.expect("an answer");
        let seen = seen(&answer);
        assert_eq!(values(&seen, "x-several"), ["one", "two"]);
        let query = seen["query"].as_str().expect("a query");
        assert!(["tag=a+b&tag=b", "tag=a%20b&tag=b"].contains(&query), "{query}");
        assert_eq!(answer["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2"]));
    }
}

#[tokio::test]
async fn a_load_balancer_that_gives_one_value_of_a_header_is_understood() {
    let answer = invoke(echo(), &alb("POST", "/api/tasks", false)).await.expect("an answer");
    assert_eq!(seen(&answer)["query"], "tag=a%26b");
    assert_eq!(answer["statusDescription"], "200 OK");
}

#[tokio::test]
async fn the_name_of_the_stage_is_no_part_of_the_path() {
    for event in [
        v2("POST", "/prod/api/tasks", "", "prod"),
        v2("POST", "/api/api/tasks", "", "api"),
        v2("POST", "/api/tasks", "", "$default"),
        v1("POST", "/api/tasks", "prod"),
        v1("POST", "/api/tasks", "api"),
    ] {
        let answer = invoke(echo(), &event).await.expect("an answer");
        assert_eq!(answer["statusCode"], 200, "{event}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_answered_in_base64() {
    let answer = invoke(echo(), &v2("GET", "/api", "", "$default")).await.expect("an answer");
    assert_eq!((&answer["isBase64Encoded"], &answer["body"]), (&json!(true), &json!("/wAB")));
}

#[tokio::test]
async fn an_error_of_a_request_is_an_answer_with_its_status_as_a_problem() {
    for (method, path, status) in
        [("GET", "/broken", 500), ("GET", "/nothing", 404), ("GET", "/api/tasks", 405)]
    {
        let answer = invoke(echo(), &v2(method, path, "", "$default")).await.expect("an answer");
        assert_eq!(answer["statusCode"], status);
        assert_eq!(answer["headers"]["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
        assert_eq!(
            (&problem["status"], &problem["correlation_id"]),
            (&json!(status), &answer["headers"]["x-correlation-id"])
        );
    }
}

#[tokio::test]
async fn callers_from_elsewhere_are_refused_as_long_as_every_caller_is_believed() {
    let mut http_api = v2("POST", "/api/tasks", "", "$default");
    http_api["requestContext"]["http"]["sourceIp"] = json!("203.0.113.9");
    let mut rest_api = v1("POST", "/api/tasks", "prod");
    rest_api["requestContext"]["identity"]["sourceIp"] = json!("203.0.113.9");
    let mut balancer = alb("POST", "/api/tasks", false);
    balancer["headers"]["x-forwarded-for"] = json!("127.0.0.1, 203.0.113.9");
    let mut silent = alb("POST", "/api/tasks", false);
    silent["headers"].as_object_mut().expect("an object").remove("x-forwarded-for");
    for event in [http_api, rest_api, balancer, silent] {
        assert_eq!(invoke(echo(), &event).await.expect("an answer")["statusCode"], 421, "{event}");
    }
}

/// A function on Lambda that callers show tokens to.
fn guarded(function: Function) -> Handler {
    let environment = Environment::from_pairs([
        ("AUTH", "jwt"),
        ("JWT_SECRET", "a secret of the tests, and of nobody else"),
        ("JWT_ISSUER", "https://id.example.org"),
        ("JWT_AUDIENCE", "kaam"),
    ]);
    let config = Config::from_environment(&environment).expect("sound settings");
    let clock = Clock::manual(NOW.parse().expect("an instant"));
    Handler::new(App::new(&config, vec![function]).clock(clock.clone()), clock)
}

#[tokio::test]
async fn with_tokens_callers_from_elsewhere_are_answered_and_events_are_for_lambda_to_bring() {
    let status = async |function: Function, event: &Value| {
        let payload = to_raw_value(event).expect("JSON");
        let answer = guarded(function).handle(LambdaEvent::new(payload, Context::default())).await;
        let answer: Value = serde_json::from_str(answer.expect("an answer").get()).expect("JSON");
        answer["statusCode"].as_u64()
    };
    let mut call = v2("POST", "/api/tasks", "", "$default");
    call["requestContext"]["http"]["sourceIp"] = json!("203.0.113.9");
    assert_eq!(status(echo(), &call).await, Some(401));
    let encode = |part: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = json!({"iss": "https://id.example.org", "aud": "kaam", "sub": "amna", "exp": 1_780_293_660});
    let signed = format!("{}.{}", encode(json!({"alg": "HS256"})), encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a secret of the tests, and of nobody else");
    let tag = ring::hmac::sign(&key, signed.as_bytes());
    let tag = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tag);
    call["headers"]["authorization"] = json!(format!("Bearer {signed}.{tag}"));
    assert_eq!(status(echo(), &call).await, Some(200));

    let ticked = || Function::new("ticked").on(on_tick(async || Disposition::Done));
    let schedule = json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {}});
    assert_eq!(status(ticked(), &schedule).await, None, "it worked, and there is nothing to say");
    let (as_user, mut as_nobody) = (call, v2("POST", "/", "", "$default"));
    assert_eq!(status(ticked(), &as_nobody).await, Some(204), "an emulator on this machine");
    as_nobody["requestContext"]["http"]["sourceIp"] = json!("203.0.113.9");
    assert_eq!(status(ticked(), &as_nobody).await, Some(421));
    as_nobody["headers"]["authorization"] = as_user["headers"]["authorization"].clone();
    as_nobody["requestContext"]["http"]["sourceIp"] = json!("127.0.0.1");
    assert_eq!(status(ticked(), &as_nobody).await, Some(403));
}

#[tokio::test]
async fn x_rays_trace_goes_on_unless_the_caller_has_begun_one() {
    let context = || {
        let mut context = Context::default();
        context.xray_trace_id = Some(XRAY.to_owned());
        context
    };
    let mut event = v2("POST", "/api/tasks", "", "$default");
    let answer = invoke_with(echo(), &event, context()).await.expect("an answer");
    assert_eq!(seen(&answer)["trace"], "5759e988bd862e3fe1be46a994272793");
    assert_eq!(values(&seen(&answer), "x-amzn-trace-id"), [XRAY]);
    event["headers"]["traceparent"] = json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer = invoke_with(echo(), &event, context()).await.expect("an answer");
    assert_eq!(seen(&answer)["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

fn context_for(left: Duration) -> Context {
    let now: chrono::DateTime<chrono::Utc> = NOW.parse().expect("an instant");
    let deadline = u64::try_from((now + left).timestamp_millis()).expect("after 1970");
    let mut context = Context::default();
    context.deadline = deadline;
    context
}

#[tokio::test]
async fn what_takes_longer_than_lambda_waits_is_answered_before_that() {
    let left = Duration::from_millis(100);
    let watch = crate::clock::Stopwatch::start();
    let event = v2("GET", "/slow", "", "$default");
    let answer = invoke_with(echo(), &event, context_for(left)).await.expect("an answer");
    assert_eq!(answer["statusCode"], 503);
    let batch = kafka(json!({"tasks-0": [record("tasks", 4, &event_with("slow"))]}));
    let answer = invoke_with(consumer(), &batch, context_for(left)).await.expect("an answer");
    assert_eq!(answer, failed(&[("tasks-0", 4)]));
    let slow = Function::new("scan").on(on_tick(async || std::future::pending().await));
    assert!(invoke_with(slow, &tick("aws.scheduler"), context_for(left)).await.is_err());
    assert!(watch.elapsed() < Limits::default().request_deadline, "not the server's own deadline");
}

/// A consumer that does as the ids of the events say.
fn consumer() -> Function {
    let decide = async |batch: Vec<Incoming>| {
        if batch.iter().any(|event| event.id.starts_with("slow")) {
            std::future::pending::<()>().await;
        }
        let decide = |event: &Incoming| match event.id.as_str() {
            "retry" => Disposition::retry("not yet"),
            "away" => Disposition::Unavailable { why: "the database is away".to_owned() },
            "reject" => Disposition::reject("no"),
            "panic" => panic!("a test of panics"),
            _ => Disposition::Done,
        };
        batch.iter().map(decide).collect()
    };
    Function::new("consumer").on(on_events(&["tasks", "reminders"], decide))
}

fn event_with(id: &str) -> String {
    json!({"specversion": "1.0", "id": id, "source": "/kaam/x", "type": "t", "data": {}}).to_string()
}

fn record(topic: &str, offset: i64, value: &str) -> Value {
    json!({
        "topic": topic, "partition": 0, "offset": offset, "timestamp": 1_780_293_600_000_i64,
        "timestampType": "CREATE_TIME", "key": "a2V5", "value": STANDARD.encode(value), "headers": [],
    })
}

fn kafka(records: Value) -> Value {
    json!({"eventSource": "aws:kafka", "bootstrapServers": "b:9092", "records": records})
}

fn failed(items: &[(&str, i64)]) -> Value {
    let item = |(partition, offset): &(&str, i64)| json!({"itemIdentifier": {"partition": partition, "offset": offset}});
    json!({"batchItemFailures": items.iter().map(item).collect::<Vec<_>>()})
}

#[tokio::test]
async fn each_partition_goes_on_until_its_first_record_that_failed() {
    let records = |ids: &[&str]| -> Value {
        (10..).zip(ids).map(|(offset, id)| record("tasks", offset, &event_with(id))).collect()
    };
    let batch = |source: &str| {
        let mut event = kafka(json!({
            "tasks-0": records(&["a", "retry", "b", "reject"]), "tasks-1": records(&["c", "d"]),
            "tasks-2": records(&["e", "f", "away"]), "tasks-3": records(&["g", "panic", "h"]),
            "reminders-0": [record("reminders", 7, &event_with("reject"))],
        }));
        event["eventSource"] = json!(source);
        event
    };
    let expected = failed(&[("reminders-0", 7), ("tasks-0", 11), ("tasks-2", 12), ("tasks-3", 11)]);
    for source in ["aws:kafka", "SelfManagedKafka"] {
        assert_eq!(invoke(consumer(), &batch(source)).await.expect("an answer"), expected);
    }
}

#[tokio::test]
async fn a_record_that_is_no_event_fails_alone() {
    let mut tombstone = record("tasks", 2, "");
    tombstone["value"] = Value::Null;
    for poison in
        [record("tasks", 2, "not JSON"), record("tasks", 2, "{}"), record("tasks", 2, "{}]"), tombstone]
    {
        let batch = kafka(json!({
            "tasks-0": [record("tasks", 1, &event_with("a")), poison, record("tasks", 3, &event_with("b"))],
            "tasks-1": [record("tasks", 1, &event_with("c"))],
        }));
        let answer = invoke(consumer(), &batch).await.expect("an answer");
        assert_eq!(answer, failed(&[("tasks-0", 2)]), "{batch}");
    }
}

#[tokio::test]
async fn records_are_handed_over_in_the_order_of_their_offsets() {
    let (seen, mut ids) = tokio::sync::mpsc::unbounded_channel();
    let note = move |batch: Vec<Incoming>| {
        let ids: Vec<String> = batch.iter().map(|event| event.id.clone()).collect();
        let done = vec![Disposition::Done; ids.len()];
        seen.send(ids).expect("the test listens");
        async move { done }
    };
    let function = Function::new("consumer").on(on_events(&["tasks"], note));
    let of = |offset| record("tasks", offset, &event_with(&offset.to_string()));
    let batch = kafka(json!({"tasks-0": [of(9), of(10), of(8)]}));
    assert_eq!(invoke(function, &batch).await.expect("an answer"), failed(&[]));
    assert_eq!(ids.recv().await.expect("a batch"), ["8", "9", "10"]);
}

fn tick(source: &str) -> Value {
    json!({
        "version": "0", "id": "i", "detail-type": "Scheduled Event", "source": source, "account": "1",
        "time": "2026-06-01T06:00:00Z", "region": "eu-west-1", "resources": [], "detail": "{}",
    })
}

#[tokio::test]
async fn a_tick_that_fails_is_an_error_and_never_an_answer() {
    for source in ["aws.scheduler", "aws.events"] {
        let done = Function::new("scan").on(on_tick(async || Disposition::Done));
        assert_eq!(invoke(done, &tick(source)).await.expect("an answer"), Value::Null);
    }
    for made in
        [Disposition::retry("x"), Disposition::Unavailable { why: "x".to_owned() }, Disposition::reject("x")]
    {
        let failing = Function::new("scan").on(on_tick(move || std::future::ready(made.clone())));
        let error = invoke(failing, &tick("aws.scheduler")).await.expect_err("it failed");
        assert_eq!(Diagnostic::from(error).error_type, "EventFailed");
    }
    let panicking = Function::new("scan").on(on_tick(async || panic!("a test of panics")));
    assert!(matches!(invoke(panicking, &tick("aws.scheduler")).await, Err(EventError::Failed(_))));
}

#[tokio::test]
async fn what_is_nothing_of_ours_is_an_error() {
    let lost = kafka(json!({"tasks-0": [{"topic": "tasks", "offset": "first"}]}));
    let other_topic = kafka(json!({"sales-0": [record("sales", 1, "{}")]}));
    let no_records = json!({"eventSource": "aws:kafka"});
    let queue = json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]});
    let no_request = json!({"requestContext": {}});
    let other_event = json!({"source": "aws.s3", "detail-type": "Object Created"});
    for (event, kind) in [
        (json!({}), "UnknownEvent"),
        (json!([]), "UnknownEvent"),
        (Value::Null, "UnknownEvent"),
        (queue, "UnknownEvent"),
        (other_event, "UnknownEvent"),
        (lost, "UnreadableEvent"),
        (no_records, "UnreadableEvent"),
        (no_request, "UnreadableEvent"),
        (other_topic, "EventNotTaken"),
        (tick("aws.scheduler"), "EventNotTaken"),
    ] {
        let error = invoke(consumer(), &event).await.expect_err(kind);
        assert_eq!(Diagnostic::from(error).error_type, kind, "{event}");
    }
    let error = invoke(echo(), &tick("aws.scheduler")).await.expect_err("an API takes no ticks");
    assert!(matches!(error, EventError::NotTaken { .. }));
}
