//! From a request to what the application needs to know of it, and from the application's answer back to a response.

use std::error::Error;

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use chrono::SubsecRound;
use events::cloud_event::Envelope;
use events::{Answer, Cause, Refusal};
use sha2::{Digest, Sha256};

use crate::{
    clock::{Clock, new_id, random_fraction},
    disposition::Disposition,
    idempotency::IdempotencyKey,
    problem::{FieldError, Problem},
    request::RequestContext,
    triggers::Incoming,
    user::Caller,
};

/// The header on an answer that was given before for the same `Idempotency-Key`.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long a caller waits at least before asking again for something that is away, in seconds.
const RETRY_AFTER_S: u32 = 1;
/// How much longer some of them wait, so that those who were refused together do not come back together, in seconds.
const RETRY_AFTER_JITTER_S: u32 = 2;

/// Who asks, by which request, under which idempotency key: an extractor.
#[derive(Clone, Debug)]
pub struct Ask {
    context: RequestContext,
    caller: Caller,
    key: IdempotencyKey,
    route: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Ask, Problem> {
        let Ok(context) = RequestContext::from_request_parts(parts, state).await;
        Ok(Ask {
            context,
            caller: Caller::from_request_parts(parts, state).await?,
            key: IdempotencyKey::from_request_parts(parts, state).await?,
            route: format!("{} {}", parts.method, parts.uri.path()),
        })
    }
}

impl Ask {
    /// Gives who asks.
    pub fn user_id(&self) -> &str {
        &self.caller.user_id
    }

    /// Gives what goes into every event that the request causes.
    pub fn cause(&self, function: &'static str, clock: &Clock) -> Cause {
        cause(&self.context, &self.caller.user_id, function, clock)
    }

    /// Gives the same for a body that may name the user.
    ///
    /// # Errors
    /// 403 when it names somebody else, 422 when it is no user at all.
    pub fn cause_of(
        &self,
        function: &'static str,
        clock: &Clock,
        body_user_id: Option<&serde_json::Value>,
    ) -> Result<Cause, Problem> {
        let named =
            match body_user_id.filter(|value| !value.is_null()) {
                None => None,
                Some(value) => Some(value.as_str().ok_or_else(|| {
                    Problem::validation(vec![FieldError::new("user_id", "must be a text")])
                })?),
            };
        Ok(cause(&self.context, &self.caller.with_body_user(named)?, function, clock))
    }

    /// Gives the idempotency key with what it was sent for.
    pub fn key(&self, body: &[u8]) -> Option<events::IdempotencyKey> {
        let key = self.key.0.clone()?;
        let fingerprint = Sha256::digest(body).to_vec();
        Some(events::IdempotencyKey { route: self.route.clone(), key, fingerprint })
    }
}

/// Gives what goes into every event that a request or another event causes.
pub fn cause(context: &RequestContext, user_id: &str, function: &'static str, clock: &Clock) -> Cause {
    Cause {
        user_id: user_id.to_owned(),
        now: clock.now().trunc_subsecs(6),
        correlation_id: context.correlation_id.clone(),
        traceparent: context.traceparent.clone(),
        source_service: function,
        new_id,
    }
}

/// Gives the response that an answer describes, byte for byte.
pub fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    // Those of every answer are still to come: the map is made once.
    headers.reserve(answer.headers.len() + 12);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &answer.headers {
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
            headers.insert(name, value);
        }
    }
    if answer.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

impl From<Refusal> for Problem {
    /// Says it in HTTP; what nobody outside may see is logged here, once, with all its causes.
    fn from(refusal: Refusal) -> Problem {
        match &refusal {
            Refusal::Malformed { parameter, message } => crate::query::wrong(parameter, message),
            Refusal::Invalid(issues) => Problem::validation(
                issues
                    .iter()
                    .map(|issue| FieldError::new(issue.path.trim_start_matches('.'), issue.message.clone()))
                    .collect(),
            ),
            Refusal::NotFound(_) => Problem::not_found(refusal.to_string()),
            Refusal::Forbidden(_) => Problem::forbidden(refusal.to_string()),
            Refusal::Conflict(_) => Problem::conflict(refusal.to_string()),
            Refusal::Stale { .. } => Problem::precondition_failed(refusal.to_string()),
            Refusal::KeyInUse => Problem::conflict(refusal.to_string())
                .with_type("urn:kaam:problem:key-in-use")
                .with_retry_after(RETRY_AFTER_S),
            Refusal::KeyReused => {
                Problem::unprocessable(refusal.to_string()).with_type("urn:kaam:problem:key-reused")
            }
            Refusal::OverQuota { retry_after_s, .. } => {
                let retry_after_s = *retry_after_s;
                Problem::too_many_requests(refusal.to_string(), retry_after_s)
                    .with_type("urn:kaam:problem:quota")
            }
            Refusal::Unavailable { .. } => {
                tracing::warn!(error = chain(&refusal), "something that is needed is away");
                let later = (random_fraction() * f64::from(RETRY_AFTER_JITTER_S)).round() as u32;
                Problem::unavailable(RETRY_AFTER_S + later)
            }
            Refusal::Internal(_) => {
                tracing::error!(error = chain(&refusal), "a request failed by our fault");
                Problem::internal()
            }
        }
    }
}

/// Gives the envelope of an event, and what its effects are caused by; the user is whoever the payload is about.
///
/// # Errors
/// What makes the event one that can never be handled.
pub fn envelope(incoming: &Incoming) -> Result<Envelope, String> {
    let envelope: Envelope = serde_json::from_value(incoming.data.clone())
        .map_err(|error| format!("the data of the event is no envelope: {error}"))?;
    if envelope.event_id.to_string() != incoming.id || envelope.event_type != incoming.r#type {
        return Err("the envelope contradicts the event's id or type".to_owned());
    }
    Ok(envelope)
}

/// Gives what goes into every event that an event causes.
pub fn cause_of_event(incoming: &Incoming, user_id: &str, function: &'static str, clock: &Clock) -> Cause {
    let attribute = |name: &str| incoming.extensions.get(name).map(String::as_str);
    // Whoever received it has begun a span for it already.
    let context = RequestContext::within(attribute("correlationid"), attribute("traceparent"));
    cause(&context, user_id, function, clock)
}

impl From<Refusal> for Disposition {
    /// What is away may come back, however often it is asked; a mistake of ours may be mended; anything else never works.
    fn from(refusal: Refusal) -> Disposition {
        let why = chain(&refusal);
        match refusal {
            Refusal::Unavailable { .. } => Disposition::Unavailable { why },
            Refusal::Internal(_) => Disposition::retry(why),
            _ => Disposition::reject(why),
        }
    }
}

/// Gives an error with all its causes, as one line. What an error has already said of its cause is not said again.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string);
    let line = causes.fold(error.to_string(), |line, cause| match line.ends_with(&cause) {
        true => line,
        false => format!("{line}: {cause}"),
    });
    line.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_each_of_them_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("it is away: {0}")]
        struct Away(#[source] std::fmt::Error);
        let error = anyhow::Error::from(Away(std::fmt::Error)).context("line\nof two\rparts");
        assert_eq!(chain(error.as_ref()), format!("line of two parts: it is away: {}", std::fmt::Error));
    }

    #[test]
    fn an_answer_is_given_again_byte_for_byte() {
        let answer = Answer { replayed: true, ..Answer::json(&serde_json::json!({"a": 1})) };
        let response = respond(answer.with_header("etag", "\"3\"".to_owned()));
        assert_eq!(response.headers()[header::ETAG], "\"3\"");
        assert_eq!(response.headers()[REPLAYED], "true");
    }

    #[test]
    fn what_went_wrong_inside_is_not_told() {
        let problem = Problem::from(Refusal::Internal("relation tasks does not exist".into()));
        assert_eq!(problem.status(), 500);
        assert!(!problem.detail().contains("tasks"));
    }
}
