//! Mails through SendGrid (Twilio's documentation of `POST /v3/mail/send`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use runtime::http_client::{Answer, HttpClient, Reach};
use runtime::secrets::Renewal;
use serde_json::{Value, json};

use super::{AutoSubmitted, DEADLINE, Letter};
use crate::delivery::{ANSWER_BYTES, Undelivered, retry_after, words_of};

/// Sends mails through SendGrid.
#[derive(Clone)]
pub(super) struct SendGrid {
    key: Arc<Mutex<String>>,
    renewal: Renewal,
    url: String,
    client: HttpClient,
}

impl SendGrid {
    pub(super) fn new(key: &str, url: &str) -> Result<Self, rustls::Error> {
        Ok(Self {
            key: Arc::new(Mutex::new(key.to_owned())),
            renewal: Renewal::never(),
            url: format!("{}/v3/mail/send", url.trim_end_matches('/')),
            client: HttpClient::new(Reach::Anywhere, DEADLINE, ANSWER_BYTES)?,
        })
    }

    pub(super) fn renewed_by(self, renewal: Renewal) -> Self {
        Self { renewal: renewal.only(check_key), ..self }
    }

    /// Sends, and once more when the key is refused and there is another.
    pub(super) async fn send(&self, letter: &Letter<'_>) -> Result<(), Undelivered> {
        let known = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let key = self.newer(&known, false).await.unwrap_or(known);
        let answer = self.ask(&key, letter).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let Some(key) = self.newer(&key, true).await
        {
            return judge(&self.ask(&key, letter).await?, letter.now);
        }
        judge(&answer, letter.now)
    }

    async fn newer(&self, used: &str, was_refused: bool) -> Option<String> {
        let key = self.renewal.newer(used, was_refused).await?;
        key.clone_into(&mut self.key.lock().unwrap_or_else(PoisonError::into_inner));
        Some(key)
    }

    async fn ask(&self, key: &str, letter: &Letter<'_>) -> Result<Answer, Undelivered> {
        let request = Request::post(&self.url)
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body(letter).to_string())))
            .map_err(|error| Undelivered::temporary(format!("SendGrid can not be asked: {error}")))?;
        let answer = self.client.send(request).await;
        answer.map_err(|why| Undelivered::temporary(format!("SendGrid could not be reached: {why}")))
    }
}

/// Refuses what can not be a key, and be sent as one.
pub(crate) fn check_key(key: &str) -> Result<(), String> {
    match key.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("SENDGRID_API_KEY must be a key of SendGrid: printable ASCII without spaces".to_owned()),
    }
}

/// Links and openings are not tracked: what a user reads is no business of ours, and one-time links have to stay as they are.
fn body(letter: &Letter<'_>) -> Value {
    let mail = letter.mail;
    json!({
        "personalizations": [{
            "to": [{"email": letter.to.email.to_string()}],
            "custom_args": {"delivery_id": letter.delivery_id},
        }],
        "from": {"email": letter.from.email.to_string(), "name": letter.from.name.as_deref().unwrap_or_default()},
        "subject": mail.subject,
        "content": [
            {"type": "text/plain", "value": mail.plain},
            {"type": "text/html", "value": mail.html},
        ],
        "headers": {"Message-ID": letter.message_id(), AutoSubmitted::NAME: AutoSubmitted::VALUE},
        "tracking_settings": {
            "click_tracking": {"enable": false, "enable_text": false},
            "open_tracking": {"enable": false},
        },
    })
}

/// A refused key, sender or address of the API speaks of how Kaam is set up and not of the mail: whoever runs Kaam can mend it while
/// the reminder is tried again.
fn judge(answer: &Answer, now: DateTime<Utc>) -> Result<(), Undelivered> {
    let status = answer.status;
    let reason =
        || format!("SendGrid said {status}{}", errors_of(answer).unwrap_or_else(|| words_of(answer)));
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => Err(Undelivered::temporary(format!(
            "SendGrid does not let Kaam in (SENDGRID_API_KEY, SENDGRID_URL, EMAIL_FROM): {}",
            reason()
        ))),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(Undelivered::temporary(reason()).after(wait(answer, now)))
        }
        _ if status.is_client_error() => Err(Undelivered::permanent(reason())),
        _ => Err(Undelivered::temporary(reason()).after(wait(answer, now))),
    }
}

/// Gives the wait that `Retry-After` asks for, or else the time until `X-RateLimit-Reset`, in seconds since 1970.
fn wait(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let reset = || {
        let at: i64 = answer.headers.get("x-ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
        (DateTime::from_timestamp(at, 0)? - now).to_std().ok()
    };
    retry_after(answer, now).or_else(reset)
}

/// Gives the messages of `{"errors":[{"message":…}]}`, after a colon.
fn errors_of(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let messages: Vec<_> =
        body["errors"].as_array()?.iter().filter_map(|error| error["message"].as_str()).collect();
    (!messages.is_empty()).then(|| format!(": {}", messages.join("; ")))
}
