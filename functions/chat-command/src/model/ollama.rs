//! Ollama's chat API: one question, one answer, whole or not at all.

use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::http::{Method, Request, Uri, header};
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::Full;
use runtime::http_client::{HttpClient, Reach};
use runtime::json::strict;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::question::Question;

/// What an answer may look like, as JSON Schema. It has no `maxLength`: Ollama unrolls that into a grammar, and refuses a long one.
const SCHEMA: &str = include_str!("schema.json");
/// How much of an answer is read, in bytes.
const ANSWER_BYTES: usize = 65_536;
/// The longest answer, in tokens.
const MAX_TOKENS: u32 = 512;
/// How long a look at the server takes at most.
const LOOK: Duration = Duration::from_millis(500);
/// How long what a look showed is taken for true, in seconds.
const REMEMBERED_S: i64 = 5;

/// A model on a server.
pub(crate) struct Ollama {
    name: String,
    chat: Uri,
    version: Uri,
    http: HttpClient,
    looks: HttpClient,
    /// When somebody last looked, and whether the server answered.
    seen: Mutex<Option<(DateTime<Utc>, bool)>>,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    stream: bool,
    /// Models that think aloud would use up their tokens for that; the others ignore it.
    think: bool,
    format: &'a RawValue,
    options: Options,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Options {
    temperature: u32,
    num_predict: u32,
}

impl Ollama {
    /// Names a model on the server at `url`, which has no slash at its end; each answer is waited for up to `deadline`.
    ///
    /// # Errors
    /// The URL is none, or there is no TLS.
    pub(crate) fn new(url: &str, name: String, deadline: Duration) -> anyhow::Result<Self> {
        let uri = |path: &str| format!("{url}{path}").parse::<Uri>().context("OLLAMA_URL is not a URL");
        Ok(Self {
            name,
            chat: uri("/api/chat")?,
            version: uri("/api/version")?,
            http: HttpClient::new(Reach::Anywhere, deadline, ANSWER_BYTES)?,
            looks: HttpClient::new(Reach::Anywhere, LOOK, ANSWER_BYTES)?,
            seen: Mutex::default(),
        })
    }

    /// Gives what the model writes.
    ///
    /// # Errors
    /// Why there is nothing, in words that have nothing of the answer in them.
    pub(crate) async fn chat(&self, question: &Question) -> Result<String, String> {
        let body = self.body(question)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.chat.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let answer = self.http.send(request).await?;
        if answer.status != 200 {
            return Err(format!("status {}", answer.status.as_u16()));
        }
        written(&answer.body).ok_or_else(|| "not an answer of Ollama's chat API".to_owned())
    }

    fn body(&self, question: &Question) -> Result<Vec<u8>, String> {
        let format = serde_json::from_str(SCHEMA).map_err(|error| error.to_string())?;
        let body = Body {
            model: &self.name,
            messages: [
                Message { role: "system", content: &question.system },
                Message { role: "user", content: &question.data },
            ],
            stream: false,
            think: false,
            format,
            options: Options { temperature: 0, num_predict: MAX_TOKENS },
        };
        serde_json::to_vec(&body).map_err(|error| error.to_string())
    }

    /// Says whether the server answers at all. Those who ask at once look once.
    pub(crate) async fn is_there(&self, now: DateTime<Utc>) -> bool {
        let mut seen = self.seen.lock().await;
        if let Some((at, is_there)) = *seen
            && now >= at
            && now - at < TimeDelta::seconds(REMEMBERED_S)
        {
            return is_there;
        }
        let request = Request::builder().uri(self.version.clone()).body(Full::default());
        let is_there = match request {
            Ok(request) => self.looks.send(request).await.is_ok_and(|answer| answer.status == 200),
            Err(_) => false,
        };
        *seen = Some((now, is_there));
        is_there
    }
}

/// Takes the text out of a whole answer: one object, done, and with nothing but words.
fn written(body: &[u8]) -> Option<String> {
    let answer = strict::parse(body).ok()?;
    let message = answer.get("message")?;
    let has_calls = message.get("tool_calls").is_some_and(|calls| *calls != Value::Null);
    if answer.get("done") != Some(&Value::Bool(true)) || has_calls {
        return None;
    }
    message.get("content")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_is_taken() {
        let whole =
            r#"{"model":"m","message":{"role":"assistant","content":"{}"},"done":true,"eval_count":2}"#;
        assert_eq!(written(whole.as_bytes()).as_deref(), Some("{}"));
        for broken in [
            "",
            "null",
            "[]",
            r#"{"message":{"content":"{}"},"done":false}"#,
            r#"{"message":{"content":"{}"}}"#,
            r#"{"message":{"content":7},"done":true}"#,
            r#"{"message":{},"done":true}"#,
            r#"{"message":{"content":"{}","tool_calls":[{"function":{"name":"delete_all"}}]},"done":true}"#,
            r#"{"message":{"content":"a"},"done":true}{"message":{"content":"b"},"done":true}"#,
            r#"{"error":"model not found"}"#,
        ] {
            assert_eq!(written(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn the_question_asks_for_the_schema_and_for_no_more_than_512_tokens() {
        let ollama = Ollama::new("http://localhost", "m".to_owned(), Duration::from_secs(1)).expect("a URL");
        let question = Question { system: "s".to_owned(), data: "{}".to_owned(), shown: Vec::new() };
        let body: Value = serde_json::from_slice(&ollama.body(&question).expect("a body")).expect("JSON");
        assert_eq!((&body["stream"], &body["options"]["temperature"]), (&false.into(), &0.into()));
        assert_eq!(body["options"]["num_predict"], 512);
        assert_eq!(body["format"]["additionalProperties"], false);
        assert_eq!(body["messages"][1]["content"], "{}");
    }
}
