//! Where a user sends Kaam: a push endpoint is the one URL of a user's that is called. It leads out, never in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper::Request;
use runtime::http_client::{HttpClient, Reach};
use serde_json::json;
use tests::database::count;
use tests::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What leads into somebody's network, or is not what it seems.
const ENDPOINTS: [&str; 44] = [
    "http://push.example.org/x",
    "ftp://push.example.org/x",
    "file:///etc/passwd",
    "gopher://push.example.org/x",
    "//push.example.org/x",
    "push.example.org/x",
    "https://",
    "https:///x",
    "https://localhost/x",
    "https://localhost.localdomain/x",
    "https://kaam.localhost/x",
    "https://LOCALHOST/x",
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://127.0.0.1.:443/x",
    "https://0/x",
    "https://0.0.0.0/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0x7f.0.0.1/x",
    "https://0177.0.0.1/x",
    "https://017700000001/x",
    "https://10.0.0.1/x",
    "https://172.16.0.1/x",
    "https://192.168.0.1/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/latest/meta-data/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata/x",
    "https://kubernetes.default.svc.cluster.local/x",
    "https://[::1]/x",
    "https://[::]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:7f00:1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[fd00::1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://push.example.org:22/x",
    "https://push.example.org:8443/x",
    "https://user:password@push.example.org/x",
    "https://push.example.org@127.0.0.1/x",
    "https://push.example.org\\@127.0.0.1/x",
    "https://push.example.org%2f@127.0.0.1/x",
    "https://рush.example.org/x",
];

#[tokio::test]
async fn s13_an_endpoint_that_leads_inside_is_refused_when_it_is_given() {
    let world = World::new().await;
    let keys = json!({"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                      "auth": "BTBZMqHH6r4Tts7J_aSIgg"});
    let long = format!("https://push.example.org/{}", "x".repeat(10_000));
    for endpoint in ENDPOINTS.into_iter().chain([
        long.as_str(),
        "https://push.example.org/\r\nhost: evil",
        "https://ⓔvil.example/",
    ]) {
        let body = json!({"push_subscriptions": [{"endpoint": endpoint, "keys": keys}]});
        let answered = world.patch("/api/settings", body).await;
        assert_eq!(answered.status, 422, "{endpoint}");
        assert_eq!(answered.wrong_fields(), ["push_subscriptions"], "{endpoint}");
    }
    assert_eq!(count(&world, "users").await, 0, "nothing was kept");
    let sound = json!({"push_subscriptions": [{"endpoint": "https://push.example.org/x", "keys": keys}]});
    world.patch("/api/settings", sound).await.ok();
}

/// Listens on this machine and counts who comes; answers with a redirect to itself.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            counted.fetch_add(1, Ordering::SeqCst);
            // Whoever answers before the question is no HTTP server.
            let _ = stream.read(&mut [0; 1_024]).await;
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
            );
            // Whoever has gone does not want it.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, came)
}

async fn call(reach: Reach, url: &str) -> Result<u16, String> {
    let client = HttpClient::new(reach, Duration::from_secs(2), 1_024).expect("a client");
    let request = Request::post(url).body(Full::<Bytes>::default()).map_err(|error| error.to_string())?;
    Ok(client.send(request).await?.status.as_u16())
}

#[tokio::test]
async fn s13_whatever_a_name_leads_to_nobody_inside_is_called() {
    let (port, came) = inside().await;
    // As a name that was public when it was checked would lead here later (DNS rebinding), and in every way to write an address.
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
    ] {
        let why = call(Reach::Public, &format!("http://{host}:{port}/")).await.expect_err(host);
        assert!(!why.is_empty(), "{host}");
    }
    assert_eq!(came.load(Ordering::SeqCst), 0);
    // Whoever runs Kaam may name a host inside, and is not sent on by it.
    assert_eq!(call(Reach::Anywhere, &format!("http://localhost:{port}/")).await, Ok(307));
    assert_eq!(came.load(Ordering::SeqCst), 1, "a redirect is not followed");
}
