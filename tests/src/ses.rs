//! Amazon SES's `SendEmail` (API v2) as its reference describes it, answering as a test wishes.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the service does with the nth mail (from 1): an error's status, code and message, or `None` to take it.
type Decide = dyn Fn(usize) -> Option<(u16, &'static str, &'static str)> + Send + Sync;

/// A running SES.
pub struct Ses {
    /// Where it listens, for `AWS_ENDPOINT_URL`.
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    decide: Box<Decide>,
    begun: Mutex<usize>,
    taken: Mutex<Vec<Value>>,
}

impl Ses {
    /// Starts one.
    pub async fn start(
        decide: impl Fn(usize) -> Option<(u16, &'static str, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        let shared =
            Arc::new(Shared { decide: Box::new(decide), begun: Mutex::default(), taken: Mutex::default() });
        let router =
            Router::new().route("/v2/email/outbound-emails", post(send)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, serving }
    }

    /// Gives the requests that were taken, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Ses {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn send(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(mail): Json<Value>) -> Response {
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !(signed.starts_with("AWS4-HMAC-SHA256 Credential=") && signed.contains("/eu-west-1/ses/aws4_request"))
    {
        return refuse(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    let count = {
        let mut begun = shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
        *begun += 1;
        *begun
    };
    match (shared.decide)(count) {
        Some((status, code, message)) => refuse(status, code, message),
        None => {
            shared.taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
            Json(json!({"MessageId": format!("ses-{count}")})).into_response()
        }
    }
}

fn refuse(status: u16, code: &'static str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("x-amzn-errortype", code)], Json(json!({"message": message}))).into_response()
}
