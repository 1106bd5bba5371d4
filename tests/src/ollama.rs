//! An Ollama server as its API documentation describes `POST /api/chat` and `GET /api/version`, answering as a test wishes, for better
//! and for worse.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the model does with a question.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Writes this text, as a whole answer of the API.
    Writes(String),
    /// The server answers with this status and body.
    Sends(u16, String),
    /// The server answers with so many bytes that never become JSON.
    Floods(usize),
    /// The server begins to answer, and sends a little more again and again, for ever.
    Drips,
    /// The server never answers.
    Stalls,
    /// The server answers likewise, once [`Ollama::release`] is called.
    Waits(String),
}

impl Reply {
    /// The model writes this JSON.
    pub fn says(answer: &Value) -> Self {
        Self::Writes(answer.to_string())
    }
}

/// A running Ollama.
#[derive(Debug)]
pub struct Ollama {
    /// Where it listens, for `OLLAMA_URL`.
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    reply: Mutex<Reply>,
    asked: Mutex<Vec<Value>>,
    is_released: watch::Sender<bool>,
}

impl Ollama {
    /// Starts one that always replies like this until told otherwise.
    pub async fn start(reply: Reply) -> Self {
        let shared = Shared {
            reply: Mutex::new(reply),
            asked: Mutex::default(),
            is_released: watch::Sender::new(false),
        };
        let shared = Arc::new(shared);
        let router = Router::new()
            .route("/api/chat", post(chat))
            .route("/api/version", get(async || Json(json!({"version": "0.12.0"}))))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, serving }
    }

    /// Starts one whose model says this.
    pub async fn saying(answer: &Value) -> Self {
        Self::start(Reply::says(answer)).await
    }

    /// Replies like this from now on.
    pub fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// Gives the questions so far, those too that were not answered.
    pub fn asked(&self) -> Vec<Value> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the last question as the model reads it: the prompts, and the data as JSON.
    pub fn last_read(&self) -> (String, Value) {
        let asked = self.asked().pop().expect("a question");
        let content = |at: usize| asked["messages"][at]["content"].as_str().expect("a text").to_owned();
        (content(0), serde_json::from_str(&content(1)).expect("the data are JSON"))
    }

    /// Lets those answer that wait for it.
    pub fn release(&self) {
        self.shared.is_released.send_replace(true);
    }

    /// Ends it at once: nobody listens any more.
    pub async fn stop(mut self) -> String {
        self.serving.abort();
        let _ = (&mut self.serving).await;
        self.url.clone()
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn chat(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    if let Err(message) = check(&body) {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": message}))).into_response();
    }
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    let reply = shared.reply.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match reply {
        Reply::Writes(text) => whole(&text),
        Reply::Sends(status, body) => (StatusCode::from_u16(status).expect("a status"), body).into_response(),
        Reply::Floods(bytes) => "x".repeat(bytes).into_response(),
        Reply::Drips => {
            let drops = stream::unfold((), async |()| {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b"{\"message\":")), ()))
            });
            Body::from_stream(drops).into_response()
        }
        Reply::Stalls => std::future::pending().await,
        Reply::Waits(text) => {
            let mut is_released = shared.is_released.subscribe();
            is_released.wait_for(|is_released| *is_released).await.expect("the server lives");
            whole(&text)
        }
    }
}

fn whole(text: &str) -> Response {
    Json(json!({
        "model": "test", "created_at": "2026-06-01T06:00:00Z", "message": {"role": "assistant", "content": text},
        "done": true, "done_reason": "stop", "total_duration": 5_043_500_667_u64, "eval_count": 26,
    }))
    .into_response()
}

/// Says what the API does not allow, and what Kaam must not leave out.
fn check(body: &Value) -> Result<(), &'static str> {
    let texts = |message: &Value| message["role"].is_string() && message["content"].is_string();
    if !body["messages"].as_array().is_some_and(|all| all.len() == 2 && all.iter().all(texts)) {
        return Err("messages must be a system and a user message");
    }
    if !body["model"].is_string() || body["stream"] != false || !body["format"].is_object() {
        return Err("model, format and stream must be set");
    }
    if body["options"] != json!({"temperature": 0, "num_predict": 512}) {
        return Err("the options must bound the answer");
    }
    Ok(())
}
