//! The HTTP API of a Dapr sidecar (version 1.16 and later): documents in its state stores, its jobs, its secrets.
//!
//! The sidecar is on this machine, at the port that it sets itself: `DAPR_HTTP_PORT`. What a store keeps is JSON under a key,
//! and with each version goes an ETag, by which a write is refused when another came first.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::ask::chain;
use crate::config::{ConfigError, Environment};
use crate::percent;

/// How long a call may take. The sidecar is on this machine, and somebody waits.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long it may take to take a job in, which another program keeps, on another machine; nobody waits.
const JOB_DEADLINE: Duration = Duration::from_secs(20);
/// The longest document that is read, in bytes; the sidecar takes none of more than 4 MiB.
const DOCUMENT_BYTES: usize = 4 << 20;

/// Calls a Dapr sidecar.
#[derive(Clone)]
pub struct Sidecar {
    client: Client<HttpConnector, Full<Bytes>>,
    port: u16,
    base: String,
    token: Option<HeaderValue>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// Empty when it is longer than is read, and when the connection breaks in the middle of it.
    body: Bytes,
}

/// A document as a state store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What was saved.
    pub value: Value,
    /// Its version; `None` when the store knows no versions.
    pub etag: Option<String>,
}

/// Why a state store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no sidecar, or it does not answer in time.
    #[error("the Dapr sidecar gives no answer: {0}")]
    Unreachable(String),
    /// The document is another one by now, or is gone.
    #[error("the document was changed meanwhile")]
    Changed,
    /// The sidecar answers with an error; also when there is a document and none was expected.
    #[error("the Dapr sidecar said {status} {code}")]
    Refused {
        /// The status.
        status: u16,
        /// Dapr's word for it, such as `ERR_STATE_STORE_NOT_FOUND`; may be empty.
        code: String,
    },
    /// The document is not JSON, or longer than 4 MiB.
    #[error("the document can not be read")]
    Unreadable,
}

impl Sidecar {
    /// Reads where the sidecar is.
    ///
    /// | variable | default | allowed |
    /// |---|---|---|
    /// | `DAPR_HTTP_PORT` | none: it is needed | a port; Dapr sets it, to 3500 |
    /// | `DAPR_API_TOKEN` | none | what the sidecar wants to be shown, when it was given a token itself |
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let allowed = "the port of the Dapr sidecar, such as 3500";
        let port = environment.require("DAPR_HTTP_PORT", allowed)?;
        let port = match port.parse() {
            Ok(port) if port != 0 => port,
            _ => {
                let (name, allowed) = ("DAPR_HTTP_PORT".to_owned(), allowed.to_owned());
                return Err(ConfigError::Invalid { name, value: port, allowed });
            }
        };
        Ok(Self::new(port, environment.parse_secret("DAPR_API_TOKEN", "a text without line breaks")?))
    }

    /// Makes a client of the sidecar at a port of this machine, which is shown the token if it wants one.
    pub fn new(port: u16, token: Option<HeaderValue>) -> Self {
        let token = token.map(|mut token| {
            token.set_sensitive(true);
            token
        });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, port, base: format!("http://127.0.0.1:{port}"), token }
    }

    /// Gives its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Gives what it is shown.
    pub fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// Says whether the sidecar is there and has started.
    pub async fn is_there(&self) -> bool {
        self.call(Method::GET, "/v1.0/healthz", None, DEADLINE).await.is_ok()
    }

    /// Gives the document under a key; `None` when there is none, or its time is over.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`], [`Error::Unreadable`].
    pub async fn document(&self, store: &str, key: &str) -> Result<Option<Document>, Error> {
        let path = format!("{}?consistency=strong", path_of(store, Some(key)));
        let answer = self.call(Method::GET, &path, None, DEADLINE).await?;
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let value = serde_json::from_slice(&answer.body).map_err(|_| Error::Unreadable)?;
        let etag = answer.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        Ok(Some(Document { value, etag }))
    }

    /// Saves a document for `ttl_s` seconds from now, in place of the version `etag`; without one, only where there is none
    /// (some stores then save it in any case).
    ///
    /// # Errors
    /// [`Error::Unreachable`]: it may have been saved or not. [`Error::Changed`], [`Error::Refused`]: it was not.
    pub async fn save(
        &self,
        store: &str,
        key: &str,
        value: &Value,
        etag: Option<&str>,
        ttl_s: u32,
    ) -> Result<(), Error> {
        let mut item = json!({
            "key": key,
            "value": value,
            "metadata": {"ttlInSeconds": ttl_s.to_string()},
            "options": {"concurrency": "first-write", "consistency": "strong"},
        });
        if let Some(etag) = etag {
            item["etag"] = etag.into();
        }
        let body = Bytes::from(json!([item]).to_string());
        self.call(Method::POST, &path_of(store, None), Some(body), DEADLINE).await.map(drop)
    }

    /// Gives the values of a secret by their names; nothing when there is no such secret.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`], [`Error::Unreadable`].
    pub async fn secret(&self, store: &str, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let path = format!("/v1.0/secrets/{}/{}", percent::encode(store), percent::encode(name));
        match self.call(Method::GET, &path, None, DEADLINE).await {
            Ok(answer) if answer.status == StatusCode::NO_CONTENT => Ok(BTreeMap::new()),
            Ok(answer) => serde_json::from_slice(&answer.body).map_err(|_| Error::Unreadable),
            Err(error) => Err(error),
        }
    }

    /// Has the job `name` of this app called by a schedule, such as `0 * * * * *` or `@every 1m`, in place of one of this name.
    /// Whichever sidecar of the app is there calls it, one of them each time.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`]: also when there is no scheduler.
    pub async fn schedule(&self, name: &str, schedule: &str) -> Result<(), Error> {
        // daprd 1.18.0 calls no job that has no data.
        let body = json!({"schedule": schedule, "overwrite": true, "data": "tick"});
        let body = Bytes::from(body.to_string());
        let mut told = Ok(());
        // Before 1.18 the API was no stable one.
        for version in ["v1.0", "v1.0-alpha1"] {
            let path = format!("/{version}/jobs/{}", percent::encode(name));
            told = self.call(Method::POST, &path, Some(body.clone()), JOB_DEADLINE).await.map(drop);
            if !matches!(told, Err(Error::Refused { status: 404 | 405, .. })) {
                break;
            }
        }
        told
    }

    /// Gives the answer of the sidecar, which is a success.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        deadline: Duration,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("dapr-api-token", token);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()));
        let request = request.map_err(|error| Error::Unreachable(error.to_string()))?;
        let answer = timeout(deadline, self.send(request)).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let answer = answer.map_err(Error::Unreachable)?;
        match answer.status {
            status if status.is_success() => Ok(answer),
            StatusCode::CONFLICT => Err(Error::Changed),
            status => Err(Error::Refused { status: status.as_u16(), code: code_of(&answer) }),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.client.request(request).await.map_err(|error| chain(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, DOCUMENT_BYTES).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// Shows no token.
impl std::fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sidecar").field("base", &self.base).finish_non_exhaustive()
    }
}

fn path_of(store: &str, key: Option<&str>) -> String {
    let key = key.map(|key| format!("/{}", percent::encode(key))).unwrap_or_default();
    format!("/v1.0/state/{}{key}", percent::encode(store))
}

/// Gives the `errorCode` of Dapr's errors. Their `message` repeats keys, and stays in the sidecar's own log.
fn code_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["errorCode"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::response::{IntoResponse, Response};
    use tokio::net::TcpListener;

    use super::*;

    /// What a sidecar was asked: method and target, token, body.
    type Asked = Arc<Mutex<Vec<(String, Option<String>, Value)>>>;

    /// A sidecar that notes what it is asked, and always answers the same.
    async fn answering(answer: fn() -> Response) -> (Sidecar, Asked) {
        let asked = Asked::default();
        let take = async move |State(asked): State<Asked>, request: axum::extract::Request| {
            let (head, body) = request.into_parts();
            let token = head.headers.get("dapr-api-token").and_then(|token| token.to_str().ok());
            let token = token.map(str::to_owned);
            let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
            let body = serde_json::from_slice(&body).unwrap_or_default();
            asked.lock().expect("nobody panicked").push((
                format!("{} {}", head.method, head.uri),
                token,
                body,
            ));
            answer()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let router = Router::new().fallback(take).with_state(Arc::clone(&asked));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let token = Some(HeaderValue::from_static("hunter2"));
        (Sidecar::new(port, token), asked)
    }

    fn last(asked: &Asked) -> (String, Option<String>, Value) {
        asked.lock().expect("nobody panicked").last().expect("it was asked").clone()
    }

    #[tokio::test]
    async fn a_document_is_saved_with_its_version_and_its_life_and_only_over_that_version() {
        let (sidecar, asked) = answering(|| StatusCode::NO_CONTENT.into_response()).await;
        let value = json!({"a": 1});
        sidecar.save("store", "a:b", &value, Some("7"), 60).await.expect("it is saved");
        let mut expected = json!([{
            "key": "a:b", "value": {"a": 1}, "etag": "7", "metadata": {"ttlInSeconds": "60"},
            "options": {"concurrency": "first-write", "consistency": "strong"},
        }]);
        let token = Some("hunter2".to_owned());
        assert_eq!(last(&asked), ("POST /v1.0/state/store".to_owned(), token, expected.clone()));
        sidecar.save("store", "a:b", &value, None, 60).await.expect("it is saved");
        expected[0].as_object_mut().expect("an object").remove("etag");
        assert_eq!(last(&asked).2, expected);
    }

    #[tokio::test]
    async fn a_document_is_found_with_its_version_or_there_is_none() {
        let (sidecar, asked) = answering(|| ([("etag", "7")], "{\"a\":1}").into_response()).await;
        let document = Document { value: json!({"a": 1}), etag: Some("7".to_owned()) };
        assert_eq!(sidecar.document("store", "a:b").await.expect("an answer"), Some(document));
        assert_eq!(last(&asked).0, "GET /v1.0/state/store/a%3Ab?consistency=strong");
        sidecar.document("a/b", "دو %").await.expect("an answer");
        assert_eq!(last(&asked).0, "GET /v1.0/state/a%2Fb/%D8%AF%D9%88%20%25?consistency=strong");
        let (sidecar, _) = answering(|| StatusCode::NO_CONTENT.into_response()).await;
        assert_eq!(sidecar.document("store", "a:b").await.expect("an answer"), None);
        assert!(sidecar.is_there().await);
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_apart() {
        let save = async |sidecar: &Sidecar| sidecar.save("s", "k", &Value::Null, None, 60).await;
        let (sidecar, _) = answering(|| StatusCode::CONFLICT.into_response()).await;
        assert!(matches!(save(&sidecar).await, Err(Error::Changed)));

        let missing = || {
            let body = r#"{"errorCode":"ERR_STATE_STORE_NOT_FOUND","message":"no state store k"}"#;
            (StatusCode::BAD_REQUEST, body).into_response()
        };
        let (sidecar, _) = answering(missing).await;
        let said = save(&sidecar).await.expect_err("refused").to_string();
        assert_eq!(said, "the Dapr sidecar said 400 ERR_STATE_STORE_NOT_FOUND");
        assert!(!sidecar.is_there().await);

        let (sidecar, _) = answering(|| "no JSON".into_response()).await;
        assert!(matches!(sidecar.document("s", "k").await, Err(Error::Unreadable)));

        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let nobody = Sidecar::new(port, None);
        assert!(matches!(save(&nobody).await, Err(Error::Unreachable(_))));
        assert!(!nobody.is_there().await);
    }

    #[test]
    fn a_wrong_setting_is_one_line_that_names_it_and_keeps_secrets() {
        let read = |pairs: &[(&str, &str)]| {
            let environment = Environment::from_pairs(pairs.iter().copied());
            Sidecar::from_environment(&environment).map(drop).map_err(|error| format!("{error:#}"))
        };
        let port = ("DAPR_HTTP_PORT", "3500");
        assert_eq!(read(&[port, ("DAPR_API_TOKEN", "hunter2")]), Ok(()));
        for (pairs, said) in [
            (&[][..], "DAPR_HTTP_PORT is not set; it must be the port of the Dapr sidecar"),
            (&[("DAPR_HTTP_PORT", "0")], "DAPR_HTTP_PORT is \"0\"; it must be the port"),
            (&[("DAPR_HTTP_PORT", "http")], "DAPR_HTTP_PORT is \"http\"; it must be the port"),
            (&[port, ("DAPR_API_TOKEN", "hunter2\n3")], "DAPR_API_TOKEN must be a text"),
        ] {
            let message = read(pairs).expect_err(said);
            assert!(message.starts_with(said) && !message.contains("hunter2"), "{message}");
        }
    }
}
