//! Delivery by whichever channel a reminder asks for, and how it went.

use std::time::{Duration, SystemTime};

use application::links::{self, Action, Link};
use application::reminders::{Channel, Content, Outgoing, Ways};
use chrono::{DateTime, TimeDelta, Utc};
use hyper::header::RETRY_AFTER;
use runtime::http_client::Answer;

use crate::mailer::Mailer;
use crate::push::{Notification, Push};
use crate::text::{self, Links};

/// The longest part of an answer that is repeated in a reason, in characters.
const REPEATED: usize = 200;
/// How much of a service's answer is read, in bytes.
pub(crate) const ANSWER_BYTES: usize = 4_096;

/// Delivers reminders: mails and notifications.
#[derive(Clone)]
pub struct Courier {
    mailer: Mailer,
    push: Push,
    links: Option<links::Links>,
}

/// Why a reminder was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// In words, for the user.
    pub reason: String,
    /// Whether trying again is of no use.
    pub is_permanent: bool,
    /// How long the other side wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// How an attempt went.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) outcome: Result<(), Undelivered>,
    /// The push endpoints that have it now.
    pub(crate) delivered_to: Vec<String>,
    /// The push endpoints that are no more.
    pub(crate) gone: Vec<String>,
}

impl Courier {
    /// Joins what sends mails and what sends notifications.
    pub fn new(mailer: Mailer, push: Push) -> Self {
        Self { mailer, push, links: None }
    }

    /// Puts links that are made by `links` into what is sent about one task.
    #[must_use]
    pub fn with_links(self, links: Option<links::Links>) -> Self {
        Self { links, ..self }
    }

    /// Gives what sends notifications.
    pub fn push(&self) -> &Push {
        &self.push
    }

    /// Gives what it can do.
    pub(crate) fn ways(&self) -> Ways<'static> {
        Ways {
            fallback_recipient: self.mailer.fallback_recipient(),
            has_push: self.push.public_key().is_some(),
        }
    }

    /// Gives how long others are to wait for an attempt by `delivery_method`.
    pub(crate) fn lease(&self, delivery_method: &str) -> TimeDelta {
        match delivery_method {
            "push" => self.push.lease(),
            _ => self.mailer.lease(),
        }
    }

    /// Makes one attempt.
    pub(crate) async fn send(&self, outgoing: &Outgoing, now: DateTime<Utc>) -> Report {
        let links = self.links.as_ref().and_then(|links| links_of(links, outgoing, now));
        let message =
            text::Message { content: &outgoing.content, locale: outgoing.locale, now, links: links.as_ref() };
        let delivery_id = outgoing.delivery_id();
        match &outgoing.channel {
            Channel::Email(address) => {
                Report::of(self.mailer.send(address, &message.mail(), delivery_id, now).await)
            }
            Channel::Push(subscriptions) => {
                let notification = Notification {
                    delivery_id,
                    payload: message.notification(delivery_id),
                    is_urgent: matches!(&outgoing.content, Content::Task(task) if task.priority == "high"),
                    trigger_time: outgoing.trigger_time,
                };
                self.push.send(subscriptions, &notification, now).await
            }
        }
    }
}

/// Gives the links by which a reminder is answered without signing in; a digest has none.
fn links_of(links: &links::Links, outgoing: &Outgoing, now: DateTime<Utc>) -> Option<Links> {
    let Content::Task(task) = &outgoing.content else { return None };
    let url = |action| {
        let (user_id, reminder_id) = (task.user_id.clone(), outgoing.delivery_id());
        links.url(&Link { action, user_id, task_id: task.id, reminder_id }, now)
    };
    Some(Links { done: url(Action::Done), snooze: url(Action::Snooze) })
}

impl Report {
    /// Reports about a channel that has one recipient.
    pub(crate) fn of(outcome: Result<(), Undelivered>) -> Self {
        Self { outcome, delivered_to: Vec::new(), gone: Vec::new() }
    }
}

impl Undelivered {
    /// Trying again is of no use.
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_permanent: true, retry_after: None }
    }

    /// It may work later.
    pub(crate) fn temporary(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_permanent: false, retry_after: None }
    }

    /// It may work after this time.
    pub(crate) fn after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }
}

/// Gives the beginning of what a service said, after a colon; nothing when it said nothing.
pub(crate) fn words_of(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line: String = words.join(" ").chars().take(REPEATED).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}

/// Gives the wait that the service asks for, in seconds or until a date (RFC 9110 §10.2.3).
pub(crate) fn retry_after(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::from(now)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn a_service_says_how_long_to_wait_in_seconds_or_until_a_date() {
        let now = "2026-06-01T07:00:00Z".parse().expect("an instant");
        let wait = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a header value"))]);
            retry_after(&Answer { status: StatusCode::OK, headers, body: Bytes::new() }, now)
        };
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Mon, 01 Jun 2026 07:05:00 GMT"), Some(Duration::from_secs(300)));
        assert_eq!(wait("Mon, 01 Jun 2026 06:00:00 GMT"), None);
        assert_eq!(wait("soon"), None);
    }
}
