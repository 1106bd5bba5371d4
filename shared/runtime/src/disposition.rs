//! What a consumer decides about an event.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use events::Weight;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// How often an event is tried before it becomes a dead letter, whatever brings it.
pub const MAX_ATTEMPTS: u32 = 5;

/// The answer of a handler to one event or one tick; each host is told in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The effect is there, or was there already: never deliver this again.
    Done,
    /// It did not work this time: deliver it again.
    Retry {
        /// The shortest wait before the next delivery; the host's own backoff when `None`.
        after: Option<Duration>,
        /// What failed, for the log and the event's row.
        why: String,
    },
    /// Something that we need is away, which is no fault of the event's: deliver it again, however often.
    Unavailable {
        /// What is away, for the log and the event's row.
        why: String,
    },
    /// It can never work: park it with the reason and go on.
    Reject {
        /// What is wrong with it.
        why: String,
    },
}

impl Disposition {
    /// Gives its name, for spans and counters.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Disposition::Done => "done",
            Disposition::Retry { .. } => "retry",
            Disposition::Unavailable { .. } => "unavailable",
            Disposition::Reject { .. } => "reject",
        }
    }

    /// Says that it may work later, without a wish when.
    pub fn retry(why: impl Into<String>) -> Disposition {
        Disposition::Retry { after: None, why: why.into() }
    }

    /// Says that it may work after `after`.
    pub fn retry_after(after: Duration, why: impl Into<String>) -> Disposition {
        Disposition::Retry { after: Some(after), why: why.into() }
    }

    /// Tells whether the event is to be delivered again, so that the later ones of its key have to wait.
    pub fn is_to_come_again(&self) -> bool {
        matches!(self, Disposition::Retry { .. } | Disposition::Unavailable { .. })
    }

    /// Gives its weight among what several handlers say of one event.
    pub(crate) fn weight(&self) -> Weight {
        match self {
            Disposition::Done => Weight::Done,
            Disposition::Reject { .. } => Weight::Never,
            Disposition::Retry { .. } => Weight::Retry,
            Disposition::Unavailable { .. } => Weight::Unavailable,
        }
    }

    /// Says that it can never work.
    pub fn reject(why: impl Into<String>) -> Disposition {
        Disposition::Reject { why: why.into() }
    }
}

/// As Knative's dispatcher reads it: 2xx with an empty body is done; 503 is retried; 422 goes to the dead letters at
/// once. (A 404 or a 409 would be retried, so neither is ever used.)
impl IntoResponse for Disposition {
    fn into_response(self) -> Response {
        match self {
            Disposition::Done => StatusCode::NO_CONTENT.into_response(),
            Disposition::Retry { after, why } => {
                tracing::warn!(why, "event or tick to be retried");
                Problem::unavailable(whole_seconds(after)).into_response()
            }
            Disposition::Unavailable { why } => {
                tracing::warn!(why, "event or tick to be retried, something is away");
                // Whole seconds are long where the host's own backoff may find it back at once.
                Problem::unavailable(0).into_response()
            }
            Disposition::Reject { why } => {
                tracing::warn!(why, "event rejected");
                Problem::unprocessable(why).with_type("urn:kaam:problem:event-rejected").into_response()
            }
        }
    }
}

/// Rounds up to whole seconds, at least one, for `Retry-After`.
fn whole_seconds(after: Option<Duration>) -> u32 {
    let seconds = after.unwrap_or_default().as_millis().div_ceil(1000).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// A disposition as it stands in the answer to a batch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wire {
    pub(crate) id: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Done,
    Retry,
    Unavailable,
    Reject,
}

impl Wire {
    pub(crate) fn new(id: String, disposition: Disposition) -> Wire {
        match disposition {
            Disposition::Done => Wire { id, status: Status::Done, why: None, after_ms: None },
            Disposition::Retry { after, why } => {
                let after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                Wire { id, status: Status::Retry, why: Some(why), after_ms }
            }
            Disposition::Unavailable { why } => {
                Wire { id, status: Status::Unavailable, why: Some(why), after_ms: None }
            }
            Disposition::Reject { why } => {
                Wire { id, status: Status::Reject, why: Some(why), after_ms: None }
            }
        }
    }

    pub(crate) fn into_disposition(self) -> Disposition {
        let why = self.why.unwrap_or_default();
        match self.status {
            Status::Done => Disposition::Done,
            Status::Retry => Disposition::Retry { after: self.after_ms.map(Duration::from_millis), why },
            Status::Unavailable => Disposition::Unavailable { why },
            Status::Reject => Disposition::Reject { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_disposition_has_the_status_that_knative_understands() {
        assert_eq!(Disposition::Done.into_response().status(), 204);
        assert_eq!(Disposition::reject("no").into_response().status(), 422);
        let retry = Disposition::retry_after(Duration::from_millis(1500), "database away").into_response();
        assert_eq!(
            (retry.status().as_u16(), &retry.headers()["retry-after"]),
            (503, &"2".parse().expect("a header value"))
        );
        let away = Disposition::Unavailable { why: "database away".to_owned() }.into_response();
        assert_eq!(
            (away.status().as_u16(), &away.headers()["retry-after"]),
            (503, &"0".parse().expect("a header value"))
        );
        assert_eq!(Disposition::retry("x").into_response().headers()["retry-after"], "1");
    }

    #[test]
    fn a_disposition_survives_the_wire() {
        for disposition in [
            Disposition::Done,
            Disposition::retry("x"),
            Disposition::retry_after(Duration::from_millis(1500), "y"),
            Disposition::Unavailable { why: "u".to_owned() },
            Disposition::reject("z"),
        ] {
            assert_eq!(Wire::new("1".to_owned(), disposition.clone()).into_disposition(), disposition);
        }
    }
}
