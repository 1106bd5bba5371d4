//! The audit log: one entry for each event.

use chrono::{DateTime, TimeDelta, Utc};
use events::Refusal;
use events::cloud_event::Envelope;
use events::payload::{Audited, ReminderMoment, TaskChanged};
use serde_json::{Value, json};

pub use store::audit::{Broken, Entry, Head, Salt};

use crate::outbox::KEPT_DAYS;
use crate::query::entry_of_task;
use crate::{Application, refuse};

/// How many users are looked up together.
const USERS: i64 = 500;

impl Application {
    /// Appends entries, each once however often it comes, and none of a user who was erased since; says how many were new. Each gets
    /// another `salt`, which nobody can guess.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: none is appended.
    pub async fn append_audit(
        &self,
        entries: &[Entry],
        salt: impl Fn() -> Salt + Send,
    ) -> Result<usize, Refusal> {
        if entries.is_empty() {
            return Ok(0);
        }
        self.store.append_audit(entries, salt).await.map_err(refuse)
    }

    /// Walks every audit chain; gives how many entries were looked at, and what is wrong.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn verify_audit(&self) -> Result<(u64, Vec<Broken>), Refusal> {
        self.verify_audit_against(&[]).await
    }

    /// The same; and wrong is also what was the end of a chain once, as `kept` says, and is not there any more.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn verify_audit_against(&self, kept: &[Head]) -> Result<(u64, Vec<Broken>), Refusal> {
        self.store.verify_audit(kept).await.map_err(refuse)
    }

    /// Gives the ends of all chains, to be kept elsewhere.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn audit_heads(&self) -> Result<Vec<Head>, Refusal> {
        self.store.audit_heads().await.map_err(refuse)
    }

    /// Takes entries older than `kept_days` away from the old end of each chain, as far as their events are gone. A chain that is broken
    /// stays as it is. Gives where each chain that was cut begins now: the last entry that went; and what is wrong with the others.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: chains may be cut already; doing it again goes on.
    pub async fn trim_audit(
        &self,
        now: DateTime<Utc>,
        kept_days: i64,
    ) -> Result<(Vec<Head>, Vec<Broken>), Refusal> {
        let before = now - TimeDelta::days(kept_days.max(*KEPT_DAYS.start()));
        let (mut cut, mut broken, mut after) = (Vec::new(), Vec::new(), String::new());
        loop {
            let users = self.store.audited_users(&after, USERS).await.map_err(refuse)?;
            let Some(last) = users.last() else { return Ok((cut, broken)) };
            after.clone_from(last);
            for user_id in &users {
                // Else what somebody did to it could not be seen any more.
                if let Some(wrong) = self.store.verify_audit_of(user_id).await.map_err(refuse)? {
                    broken.push(wrong);
                    continue;
                }
                let mut begins = None;
                while let Some(head) = self.store.trim_audit(user_id, before).await.map_err(refuse)? {
                    begins = Some(head);
                }
                cut.extend(begins);
            }
        }
    }

    /// Gives where each chain begins that was cut: the last entry that went.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn audit_starts(&self) -> Result<Vec<Head>, Refusal> {
        self.store.audit_starts().await.map_err(refuse)
    }
}

/// Gives the audit entry of an event.
///
/// # Errors
/// What is wrong with its payload.
pub fn entry_of(envelope: &Envelope) -> Result<Entry, String> {
    let Envelope { event_id, event_type, timestamp, correlation_id, .. } = envelope;
    match envelope.topic_name.as_str() {
        "task-events" => {
            let changed: TaskChanged = envelope.read_payload()?;
            Ok(entry_of_task(&changed, *event_id, event_type, *timestamp, correlation_id))
        }
        "reminders" => {
            let moment: ReminderMoment = envelope.read_payload()?;
            Ok(Entry {
                user_id: moment.user_id,
                event_id: *event_id,
                entity_type: "reminder".to_owned(),
                entity_id: moment.reminder_id.to_string(),
                action: event_type.clone(),
                actor_type: "service".to_owned(),
                actor_id: envelope.source_service.clone(),
                old_values: None,
                new_values: Some(envelope.payload.clone()),
                timestamp: *timestamp,
                correlation_id: correlation_id.clone(),
            })
        }
        "audit-events" => {
            let audited: Audited = envelope.read_payload()?;
            Ok(Entry {
                user_id: audited.user_id,
                event_id: *event_id,
                entity_type: audited.entity_type,
                entity_id: audited.entity_id,
                action: event_type.clone(),
                actor_type: audited.actor.kind,
                actor_id: audited.actor.id,
                old_values: audited.old_values.filter(|values| *values != Value::Null),
                new_values: audited.new_values.filter(|values| *values != Value::Null),
                timestamp: *timestamp,
                correlation_id: correlation_id.clone(),
            })
        }
        other => Err(format!("the topic {other:?} is not audited")),
    }
}

/// Renders the end of a chain as one line of JSON.
pub fn head_line(Head { user_id, seq, hash }: &Head) -> String {
    json!({"user_id": user_id, "entries": seq, "hash": hex::encode(hash)}).to_string()
}

/// Reads what [`head_line`] gave.
///
/// # Errors
/// In one line: what it should have.
pub fn head_of(line: &str) -> Result<Head, String> {
    let expected = || "has to be {\"user_id\":…,\"entries\":…,\"hash\":…}".to_owned();
    let head: Value = serde_json::from_str(line).map_err(|_| expected())?;
    let hash = head["hash"].as_str().and_then(|hash| hex::decode(hash).ok());
    let (user_id, seq) = (head["user_id"].as_str(), head["entries"].as_i64());
    match (user_id, seq, hash) {
        (Some(user_id), Some(seq), Some(hash)) => Ok(Head { user_id: user_id.to_owned(), seq, hash }),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_chain_is_read_again() {
        let head = Head { user_id: "a \"quoted\" user".to_owned(), seq: 7, hash: vec![0, 0x1f, 0xff] };
        assert_eq!(head_of(&head_line(&head)), Ok(head));
        for line in [
            "",
            "{}",
            r#"{"user_id":"a","entries":1,"hash":"0"}"#,
            r#"{"user_id":"a","entries":1,"hash":"xy"}"#,
        ] {
            assert!(head_of(line).is_err(), "{line}");
        }
    }
}
