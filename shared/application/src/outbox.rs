//! The outbox as the relay sees it, and what operators do with dead letters.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use events::{Refusal, Topic};
use uuid::Uuid;

pub use store::Error as RelayError;
pub use store::outbox::{Backlog, DeadLetter, Open, Relay, Settled, SweptTo};

use crate::links::LINK_DAYS;
use crate::undo::UNDO_DAYS;
use crate::{Application, refuse};

/// How long conversations are kept, in days.
const CONVERSATIONS_KEPT_DAYS: i64 = 30;
/// How long events have to be kept at least, in days: one more than what they tell of can be undone, and than any link holds.
const EVENTS_KEPT_DAYS_AT_LEAST: i64 = 1 + if UNDO_DAYS > LINK_DAYS { UNDO_DAYS } else { LINK_DAYS };
/// For how many days events, and then entries of the audit log, can be kept; longer than a hundred years is for good.
pub const KEPT_DAYS: RangeInclusive<i64> = EVENTS_KEPT_DAYS_AT_LEAST..=36_500;
/// How many times a thousand old events are looked at in one sweep: what it does at once is bounded, and the next one goes on there.
const SWEPT_THOUSANDS: u32 = 10;

impl Application {
    /// Connects a relay for one topic.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn relay(&self, topic: Topic) -> Result<Relay, Refusal> {
        self.store.relay(topic).await.map_err(refuse)
    }

    /// Says when the next event of a topic is to be tried again.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn next_retry_at(&self, topic: Topic) -> Result<Option<DateTime<Utc>>, Refusal> {
        self.store.next_retry_at(topic).await.map_err(refuse)
    }

    /// Says how a topic of the outbox stands.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn backlog(&self, topic: Topic) -> Result<Backlog, Refusal> {
        self.store.backlog(topic).await.map_err(refuse)
    }

    /// Gives dead letters, oldest first.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn dead_letters(&self, limit: i64) -> Result<Vec<DeadLetter>, Refusal> {
        self.store.dead_letters(limit).await.map_err(refuse)
    }

    /// Sends dead letters again, one or all, with the reminders that failed for good; says how many events and reminders.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn replay_dead_letters(&self, event_id: Option<Uuid>) -> Result<(u64, u64), Refusal> {
        let replayed = self.store.replay(event_id).await.map_err(refuse)?;
        (self.committed)();
        Ok(replayed)
    }

    /// Forgets what is kept for a time only: answers after 24 hours, conversations after 30 days, sessions when they have expired.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn forget_expired(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let before = now - TimeDelta::days(CONVERSATIONS_KEPT_DAYS);
        // Some at a time, until there are no more.
        while self.store.forget_answers(now).await.map_err(refuse)? > 0 {}
        while self.store.forget_conversations(before).await.map_err(refuse)? > 0 {}
        let before = now - TimeDelta::days(EVENTS_KEPT_DAYS_AT_LEAST);
        while self.store.forget_undone(before).await.map_err(refuse)? > 0 {}
        while self.store.forget_link_uses(before).await.map_err(refuse)? > 0 {}
        self.forget_sessions(now).await
    }

    /// Forgets events that are older than `kept_days`, from where the last sweep ended on; says how many are gone. Only those that were
    /// published and audited go; at the end the next sweep begins anew.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn forget_events(
        &self,
        now: DateTime<Utc>,
        kept_days: i64,
        swept_to: &mut SweptTo,
    ) -> Result<u64, Refusal> {
        // Nothing that can still be undone goes, whoever calls.
        let before = now - TimeDelta::days(kept_days.max(EVENTS_KEPT_DAYS_AT_LEAST));
        let mut gone = 0;
        for _ in 0..SWEPT_THOUSANDS {
            let swept = self.store.forget_events(before, *swept_to).await.map_err(refuse)?;
            gone += swept.gone;
            *swept_to = swept.next.unwrap_or_default();
            if swept.next.is_none() {
                break;
            }
        }
        Ok(gone)
    }
}
