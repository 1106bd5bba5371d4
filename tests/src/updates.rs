//! Reads `GET /api/updates`, as a page does.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

use crate::world::World;

/// How long a message is waited for at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Where the reader is afterwards.
    pub id: Option<String>,
    /// `ready`, `task`, `settings` or `reset`.
    pub event: String,
    /// What it says.
    pub data: Value,
}

/// An open stream.
pub struct Updates {
    pieces: BoxStream<'static, Option<Vec<u8>>>,
    unread: String,
    /// The id of the last message that had one.
    pub last_id: String,
}

impl Updates {
    /// Opens a stream of a user's, after a message or now, and waits until it is ready.
    pub async fn open(world: &World, user_id: &str, after: Option<&str>) -> Self {
        let response = world.begin(request(user_id, after)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut updates = Self::of(response.into_body());
        let first = updates.next().await.expect("it says that it is ready");
        assert_eq!(first.event, "ready");
        updates
    }

    /// Opens a stream of a user's at a program, over a connection of its own, and waits until it is ready.
    pub async fn open_at(port: u16, user_id: &str, is_http2: bool) -> Self {
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).http2_only(is_http2).build_http();
        let mut ask = request(user_id, None);
        let uri = format!("http://127.0.0.1:{port}/api/updates");
        *ask.uri_mut() = uri.parse().expect("a URI");
        let response = client.request(ask).await.expect("it listens");
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("content-encoding"));
        let mut updates = Self::of(Body::new(response.into_body()));
        assert_eq!(updates.next().await.expect("a message").event, "ready");
        updates
    }

    /// Reads an answer.
    pub fn of(body: Body) -> Self {
        let pieces = body.into_data_stream().map(|piece| piece.ok().map(|piece| piece.to_vec())).boxed();
        Self { pieces, unread: String::new(), last_id: String::new() }
    }

    /// Gives the next message; `None` when the stream has ended as it should.
    ///
    /// # Panics
    /// When there is none for half a minute, or the stream is cut off.
    pub async fn next(&mut self) -> Option<Update> {
        // Of the whole: heartbeats come in between.
        timeout(PATIENCE, self.wait_for_next()).await.expect("a message within half a minute")
    }

    async fn wait_for_next(&mut self) -> Option<Update> {
        loop {
            if let Some((message, rest)) = self.unread.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.unread = rest;
                match parse(&message) {
                    Some(update) => {
                        self.last_id = update.id.clone().unwrap_or_else(|| self.last_id.clone());
                        return Some(update);
                    }
                    None => continue,
                }
            }
            let piece = self.pieces.next().await?;
            let piece = piece.expect("the stream is not cut off");
            self.unread += std::str::from_utf8(&piece).expect("pieces are whole messages");
        }
    }

    /// Gives the next message, which is of a task: the task, its version, and what happened.
    pub async fn change(&mut self) -> (String, i64, String) {
        let Update { event, data, id } = self.next().await.expect("the stream goes on");
        assert_eq!(event, "task", "{data}");
        assert!(id.is_some_and(|id| !id.is_empty() && !id.contains(char::is_whitespace)));
        let text = |name: &str| data[name].as_str().expect("a text").to_owned();
        (text("task_id"), data["version"].as_i64().expect("a number"), text("change"))
    }

    /// Gives so many of them, without what happened.
    pub async fn changes(&mut self, count: usize) -> Vec<(String, i64)> {
        let mut changes = Vec::new();
        for _ in 0..count {
            let (task_id, version, _) = self.change().await;
            changes.push((task_id, version));
        }
        changes
    }
}

/// Makes the request.
pub fn request(user_id: &str, after: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/api/updates").header("x-user-id", user_id);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    request.body(Body::empty()).expect("a request")
}

/// Reads a message; `None` when it is a comment.
fn parse(message: &str) -> Option<Update> {
    let (mut id, mut event, mut data) = (None, None, String::new());
    for line in message.lines() {
        match line.split_once(": ") {
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("event", value)) => event = Some(value.to_owned()),
            Some(("data", value)) => data += value,
            Some(("retry", value)) => assert!(value.parse::<u32>().is_ok(), "{message}"),
            _ => assert!(line.starts_with(':'), "{message}"),
        }
    }
    Some(Update { id, event: event?, data: serde_json::from_str(&data).expect("data is JSON") })
}
