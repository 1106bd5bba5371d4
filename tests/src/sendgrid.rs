//! SendGrid's `POST /v3/mail/send` as its documentation describes it, answering as a test wishes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The one key that is let in.
pub const KEY: &str = "SG.test-key";
/// Header fields that a client must not set (documentation of `headers`).
const RESERVED: [&str; 11] = [
    "x-sg-id",
    "x-sg-eid",
    "received",
    "dkim-signature",
    "content-type",
    "content-transfer-encoding",
    "to",
    "from",
    "subject",
    "reply-to",
    "cc",
];

/// What the service does with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 202.
    Accept,
    /// This status, with these header fields and the message in `errors`.
    Refuse(u16, Vec<(&'static str, String)>, &'static str),
}

type Decide = dyn Fn(&str, usize) -> Reply + Send + Sync;

/// A running SendGrid.
#[derive(Debug)]
pub struct SendGrid {
    /// Where it listens, for `SENDGRID_URL`.
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    decide: Box<Decide>,
    /// How many mails came for each recipient.
    begun: Mutex<HashMap<String, usize>>,
    accepted: Mutex<Vec<Value>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}

impl SendGrid {
    /// Starts one; `decide` says what is done with a recipient's sound mail, which is the nth (from 1) for that recipient.
    pub async fn start(decide: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            decide: Box::new(decide),
            begun: Mutex::default(),
            accepted: Mutex::default(),
        });
        let router = Router::new().route("/v3/mail/send", post(send)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, serving }
    }

    /// Gives the bodies that were accepted, in order.
    pub fn accepted(&self) -> Vec<Value> {
        self.shared.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SendGrid {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn send(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(mail): Json<Value>) -> Response {
    if headers.get("authorization").is_none_or(|given| given != &format!("Bearer {KEY}")) {
        return refuse(401, &[], "The provided authorization grant is invalid, expired, or revoked");
    }
    let recipient = match check(&mail) {
        Ok(recipient) => recipient,
        Err(message) => return refuse(400, &[], message),
    };
    let count = {
        let mut begun = shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let count = begun.entry(recipient.to_owned()).or_default();
        *count += 1;
        *count
    };
    match (shared.decide)(recipient, count) {
        Reply::Accept => {
            shared.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
            StatusCode::ACCEPTED.into_response()
        }
        Reply::Refuse(status, headers, message) => refuse(status, &headers, message),
    }
}

fn refuse(status: u16, headers: &[(&'static str, String)], message: &str) -> Response {
    let body = Json(json!({"errors": [{"message": message, "field": null, "help": null}]}));
    let mut response = (StatusCode::from_u16(status).expect("a status"), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().expect("a header value"));
    }
    response
}

/// Gives the recipient of a mail that the documentation allows, or what SendGrid says to any other.
fn check(mail: &Value) -> Result<&str, &'static str> {
    let has_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let personalization = &mail["personalizations"][0];
    let recipient = personalization["to"][0]["email"].as_str().filter(|address| address.contains('@'));
    let recipient = recipient.ok_or("The to array is required for all personalization objects.")?;
    if !has_text(&mail["from"]["email"]) {
        return Err("The from object must be provided for every email send.");
    }
    if !has_text(&mail["subject"]) {
        return Err("The subject is required.");
    }
    let types: Vec<_> = mail["content"].as_array().into_iter().flatten().map(|one| &one["type"]).collect();
    if types != ["text/plain", "text/html"]
        || !mail["content"].as_array().is_some_and(|all| all.iter().all(|one| has_text(&one["value"])))
    {
        return Err("The content value must be a string at least one character in length, text/plain first.");
    }
    let arguments = personalization["custom_args"].as_object().into_iter().flatten();
    let headers = mail["headers"].as_object().into_iter().flatten();
    if !arguments.chain(headers.clone()).all(|(_, value)| value.is_string()) {
        return Err("Values of custom_args and headers must be strings.");
    }
    if headers.into_iter().any(|(name, _)| RESERVED.contains(&name.to_ascii_lowercase().as_str())) {
        return Err("The headers object must not have a reserved header.");
    }
    Ok(recipient)
}
