//! Somebody who talks, and what the database says of it afterwards.

use std::time::Duration;

use application::{Application, Connection, Filter};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chat_command::{Backing, Memory};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use events::Cause;
use http_body_util::BodyExt;
use runtime::clock::{Clock, new_id};
use runtime::config::{Config, Environment};
use runtime::host::server::App;
use serde_json::{Value, json};
use tower::ServiceExt;

/// Saturday, 21 November 2026, 12:00 in Karachi.
pub(crate) const NOW: &str = "2026-11-21T07:00:00Z";

/// A user in Karachi, in one conversation.
pub(crate) struct User {
    /// The use cases, for what happens elsewhere.
    pub(crate) application: Application,
    /// The server's clock.
    pub(crate) clock: Clock,
    router: Router,
}

impl User {
    /// Starts with an empty database.
    pub(crate) async fn new() -> Self {
        let database = devkit::testing::database(async |url| Ok(store::migrate(url).await?)).await;
        Self::with_database(&database.url)
    }

    /// Starts with this database.
    pub(crate) fn with_database(url: &str) -> Self {
        let connection = Connection::new(url, "chat-command", 4);
        let application = Application::new(&connection, Tz::Asia__Karachi, || {}).expect("a sound URL");
        let clock = Clock::manual(now());
        let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
        let backing = Backing { memory: Memory::in_postgresql(), model: None };
        let function = chat_command::function(application.clone(), clock.clone(), backing);
        Self { application, clock, router: App::new(&config, vec![function]).router() }
    }

    /// Sends a request, and gives status and body.
    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.expect("a response");
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.expect("a body").to_bytes().to_vec())
    }

    /// Posts a body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.send(post(path, body)).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// Gets a path.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let (status, body) = self.send(request).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// Says something in the conversation, a second after what was said before.
    pub(crate) async fn say(&self, text: &str) -> Value {
        self.say_in("test-conv-1", text).await
    }

    /// Says something in another conversation.
    pub(crate) async fn say_in(&self, conversation_id: &str, text: &str) -> Value {
        self.clock.advance(Duration::from_secs(1));
        let body = json!({"user_input": text, "conversation_id": conversation_id});
        let (status, answer) = self.post("/chat/command", &body).await;
        assert_eq!(status, 200, "{text}: {answer}");
        assert_eq!(answer["conversation_id"], conversation_id);
        answer
    }

    /// Gives the titles of the user's tasks, without the deleted ones, oldest first.
    pub(crate) async fn titles(&self) -> Vec<String> {
        self.titles_with(None).await
    }

    /// Gives the titles of the tasks with a status.
    pub(crate) async fn titles_with(&self, status: Option<domain::task::Status>) -> Vec<String> {
        let listing = application::query::Listing {
            filter: Filter { status, ..Filter::default() },
            sort: application::SortKey::CreatedAt,
            descending: false,
            limit: 100,
            cursor: None,
        };
        let page = self.application.list("local", &listing).await.expect("a page");
        page.tasks.into_iter().map(|task| task.title).collect()
    }

    /// Gives what a request elsewhere brings.
    pub(crate) fn cause(&self) -> Cause {
        self.clock.advance(Duration::from_secs(1));
        Cause {
            user_id: "local".to_owned(),
            now: self.clock.now(),
            correlation_id: "elsewhere".to_owned(),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            source_service: "test",
            new_id,
        }
    }
}

/// Makes a request with a JSON body.
pub(crate) fn post(path: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

/// Gives the id of the task in an answer.
pub(crate) fn id(task: &Value) -> uuid::Uuid {
    task["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no task: {task}"))
}

/// Gives the words of an answer.
pub(crate) fn words(answer: &Value) -> &str {
    answer["response"].as_str().expect("words")
}

/// The instant at which every test begins.
pub(crate) fn now() -> DateTime<Utc> {
    NOW.parse().expect("an instant")
}
