//! What stands before and around a body: how requests are kept apart, and what an answer says of itself.

use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tests::database::count;
use tests::process::{Program, command};
use tests::world::{World, path_of};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn program(world: &World) -> Program {
    let mut backend = command("backend");
    backend.env("DATABASE_URL", &world.database_url);
    Program::start(backend).await
}

/// Sends bytes as they are and gives all that comes back, until the server closes or says no more.
async fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.write_all(bytes).await.expect("it listens");
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    // Whoever closes ends the wait; one that goes on listening says no more within this time.
    while let Ok(Ok(count @ 1..)) = timeout(Duration::from_millis(700), stream.read(&mut part)).await {
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").skip(1).filter_map(|response| response.get(..3)).collect()
}

const SMUGGLED: &str = "POST /api/tasks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"title\":\"smuggled\"}";

#[tokio::test]
async fn s27_a_request_that_two_servers_could_cut_differently_brings_no_second_one() {
    let world = World::new().await;
    let program = program(&world).await;
    let head = "POST /api/tasks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let own = "{\"title\":\"own\"}";
    let chunked = format!("{:x}\r\n{own}\r\n0\r\n\r\n", own.len());
    // Beside a Transfer-Encoding the parser drops a length (RFC 9112 §6.3); whatever comes after such a body is not looked at.
    for (what, fields, body, expected) in [
        (
            "CL then TE",
            format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", chunked.len()),
            &chunked,
            &["200"][..],
        ),
        ("CL.TE short", "content-length: 4\r\ntransfer-encoding: chunked\r\n".to_owned(), &chunked, &["200"]),
        ("TE then CL", "transfer-encoding: chunked\r\ncontent-length: 4\r\n".to_owned(), &chunked, &["200"]),
        ("TE alone", "transfer-encoding: chunked\r\n".to_owned(), &chunked, &["200"]),
        (
            "TE twice",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned(),
            &chunked,
            &["400", "200"],
        ),
        ("TE obscured", "transfer-encoding: xchunked\r\n".to_owned(), &chunked, &["400"]),
        ("TE identity last", "transfer-encoding: chunked, identity\r\n".to_owned(), &chunked, &["400"]),
        (
            "TE with a tab",
            "transfer-encoding:\tchunked\r\ncontent-length: 4\r\n".to_owned(),
            &chunked,
            &["200"],
        ),
        ("name with a blank", "transfer-encoding : chunked\r\n".to_owned(), &chunked, &["400"]),
        ("folded", "transfer-encoding:\r\n chunked\r\n".to_owned(), &chunked, &["400"]),
        ("two lengths", "content-length: 15\r\ncontent-length: 16\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("a signed length", "content-length: +15\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("a negative length", "content-length: -1\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("no number", "content-length: 0xf\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("a list of lengths", "content-length: 15, 15\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("two hosts", "host: evil.example\r\ncontent-length: 15\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("a NUL", "x-odd: a\0b\r\ncontent-length: 15\r\n".to_owned(), &own.to_owned(), &["400"]),
        ("a bare CR", "x-odd: a\rb\r\ncontent-length: 15\r\n".to_owned(), &own.to_owned(), &["400"]),
    ] {
        let answer = exchange(program.port, format!("{head}{fields}\r\n{body}{SMUGGLED}").as_bytes()).await;
        let found = statuses(&answer);
        assert!(found.len() == 1 && expected.contains(&found[0]), "{what}: {answer}");
    }
    for (what, bytes) in [
        (
            "a bad chunk",
            format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{own}\r\n0\r\n\r\n{SMUGGLED}"),
        ),
        (
            "a huge chunk",
            format!("{head}transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n{own}{SMUGGLED}"),
        ),
        (
            "HTTP/1.0 in chunks",
            format!("{}transfer-encoding: chunked\r\n\r\n{chunked}{SMUGGLED}", head.replace("1.1", "1.0")),
        ),
    ] {
        let answer = exchange(program.port, bytes.as_bytes()).await;
        assert_eq!(answer.matches(" 400 ").count(), 1, "{what}: {answer}");
        assert!(!answer.contains(" 200 "), "{what}: {answer}");
    }
    assert_eq!(count(&world, "tasks WHERE title = 'smuggled'").await, 0);
    // One whose length is plain is followed by the next, or nothing above would prove anything.
    let plain = format!("{head}content-length: {}\r\n\r\n{own}{SMUGGLED}", own.len());
    assert_eq!(statuses(&exchange(program.port, plain.as_bytes()).await), ["200", "200"]);
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn s27_methods_that_are_not_served_and_odd_request_lines_are_refused() {
    let world = World::new().await;
    let program = program(&world).await;
    for (line, expected) in [
        ("TRACE /api/tasks HTTP/1.1", "405"),
        ("TRACK /api/tasks HTTP/1.1", "405"),
        ("DEBUG / HTTP/1.1", "405"),
        ("PROPFIND /api/tasks HTTP/1.1", "405"),
        ("OPTIONS * HTTP/1.1", "404"),
        ("OPTIONS /api/tasks HTTP/1.1", "405"),
        ("CONNECT evil.example:443 HTTP/1.1", "4"),
        ("GET http://evil.example/api/tasks HTTP/1.1", "421"),
        ("GET /api/tasks HTTP/9.9", "400"),
        ("GET  /api/tasks HTTP/1.1", "400"),
        ("GET /api tasks HTTP/1.1", "400"),
        ("GET /\u{7f} HTTP/1.1", "400"),
    ] {
        let sent = format!("{line}\r\nhost: localhost\r\nx-secret: s3cret\r\nconnection: close\r\n\r\n");
        let answer = exchange(program.port, sent.as_bytes()).await;
        let found = statuses(&answer);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{line}: {answer}");
        assert!(!answer.contains("s3cret"), "nothing is sent back (TRACE): {answer}");
    }
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn s27_headers_without_end_are_refused() {
    let world = World::new().await;
    let program = program(&world).await;
    let long = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(100_000));
    let many: String = (0..1_000).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    let url = format!("GET /health?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(100_000));
    for (what, bytes) in [("100 kB", long), ("1,000 headers", many), ("a long URL", url)] {
        let answer = exchange(program.port, bytes.as_bytes()).await;
        let found = statuses(&answer);
        assert!(matches!(found[..], ["431" | "414"]), "{what}: {answer}");
    }
    assert!(program.stop().await.success());
}

/// What no answer may say: by what, and in which version, it was made.
const TALKATIVE: [&str; 5] = ["server", "x-powered-by", "via", "x-aspnet-version", "x-runtime"];

fn assert_sound(what: &str, headers: &HeaderMap) {
    assert_eq!(headers["x-content-type-options"], "nosniff", "{what}");
    assert_eq!(headers["referrer-policy"], "no-referrer", "{what}");
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{what}");
    let policy = headers["content-security-policy"].to_str().expect("ASCII");
    assert!(
        policy.starts_with("default-src 'none'") || policy.starts_with("default-src 'self'"),
        "{what}: {policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{what}: {policy}");
    let kept = headers["cache-control"].to_str().expect("ASCII");
    assert!(["no-cache", "no-store"].contains(&kept), "{what}: {kept}");
    for name in TALKATIVE {
        assert!(!headers.contains_key(name), "{what} says {name}");
    }
    assert!(!format!("{headers:?}").contains("0.1.0"), "{what} names its version");
}

#[tokio::test]
async fn s27_every_answer_says_what_browsers_must_not_do_with_it_and_nothing_of_its_making() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let path = path_of(&task);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/tasks"),
        ("GET", path.as_str()),
        ("GET", "/api/settings"),
        ("GET", "/api/push-key"),
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/openapi.json"),
        ("GET", "/links/unknown"),
        ("POST", "/links/unknown"),
        ("POST", "/api/tasks"),
        ("PATCH", path.as_str()),
        ("GET", "/nothing"),
        ("PUT", "/api/tasks"),
        ("HEAD", "/"),
    ] {
        let answered = world.call(method, path, &Value::Null).await;
        assert_sound(&format!("{method} {path}"), &answered.headers);
    }
}

#[tokio::test]
async fn s27_only_files_whose_names_change_with_their_content_are_kept_by_who_comes_between() {
    let world = World::new().await;
    let html = String::from_utf8(world.get("/").await.bytes.clone()).expect("UTF-8");
    let files: Vec<_> = html.split('"').filter(|value| value.starts_with("/assets/")).collect();
    assert!(files.len() >= 2, "{html}");
    for file in files {
        let answered = world.get(file).await;
        assert_eq!(answered.status, 200, "{file}");
        assert_eq!(answered.headers["cache-control"], "public, max-age=31536000, immutable", "{file}");
        assert_eq!(answered.headers["x-content-type-options"], "nosniff", "{file}");
        let policy = answered.headers["content-security-policy"].to_str().expect("ASCII");
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{file}: {policy}");
    }
}

#[tokio::test]
async fn s27_a_page_of_another_origin_changes_nothing_on_this_machine() {
    let world = World::new().await;
    world.create(json!({"title": "kept"})).await;
    // What needs no preflight: no body, or one of a form.
    for (path, kind) in
        [("/api/undo", ""), ("/api/tasks", "text/plain"), ("/api/tasks", "application/x-www-form-urlencoded")]
    {
        for extra in
            [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")]
        {
            let headers: Vec<_> =
                [extra, ("content-type", kind)].into_iter().filter(|one| !one.1.is_empty()).collect();
            let answered = world.call_with("POST", path, &Value::Null, &headers).await;
            assert_eq!(answered.status, 403, "{path} {extra:?}");
            assert!(!answered.headers.contains_key("access-control-allow-origin"), "{path} {extra:?}");
        }
    }
    assert_eq!(count(&world, "tasks WHERE status = 'active'").await, 1, "nothing was undone");
    let own = world.call_with("POST", "/api/undo", &Value::Null, &[("sec-fetch-site", "same-origin")]).await;
    own.ok();
}
