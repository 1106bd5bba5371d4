//! `undone_events`: what a user did, and took back.

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::TaskChanged;
use serde_json::Value;
use uuid::Uuid;

use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store};

/// A change of a task that a user made.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The event that tells of it.
    pub event_id: Uuid,
    /// `task.created`, …
    pub event_type: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// By which request.
    pub correlation_id: String,
    /// The task and what changed.
    pub changed: TaskChanged,
    /// What the payload does not tell.
    pub before: Option<Value>,
    /// Whether it was taken back.
    pub is_undone: bool,
}

struct Row {
    event_id: Uuid,
    event_type: String,
    timestamp: DateTime<Utc>,
    correlation_id: String,
    payload: Value,
    before: Option<Value>,
    is_undone: bool,
}

impl TryFrom<Row> for Done {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Row { event_id, event_type, timestamp, correlation_id, payload, before, is_undone } = row;
        let changed = serde_json::from_value(payload)
            .map_err(|error| Error::Unreadable("the payload of an event", error.to_string()))?;
        Ok(Self { event_id, event_type, timestamp, correlation_id, changed, before, is_undone })
    }
}

impl Store {
    /// Gives the last thing that a user did to tasks since `since`, and neither took back nor did in order to take something back (to
    /// take back an undo is to do the thing again): every event of that one request, in order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn last_done(&self, user_id: &str, since: DateTime<Utc>) -> Result<Vec<Done>, Error> {
        // Identifiers are UUIDv7: the primary key gives the latest millisecond.
        let latest = sqlx::query_scalar!(
            r#"SELECT e.timestamp
               FROM events e
               WHERE e.user_id = $1 AND e.event_id >= $2 AND e.topic_name = 'task-events'
                 AND e.payload -> 'actor' ->> 'type' = 'user'
                 AND NOT EXISTS (
                     SELECT FROM undone_events u
                     WHERE u.user_id = $1
                       AND (u.event_id = e.event_id OR u.undone_by = e.event_id AND NOT u.is_redo)
                 )
               ORDER BY e.event_id DESC
               LIMIT 1"#,
            UserId(user_id) as _,
            first_id_at(since),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(latest) = latest else { return Ok(Vec::new()) };
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT e.event_id, e.event_type, e.timestamp, e.correlation_id, e.payload, e.before,
                      false AS "is_undone!"
               FROM events e
               WHERE e.user_id = $1 AND e.event_id >= $2 AND e.event_id < $3 AND e.topic_name = 'task-events'
                 AND e.payload -> 'actor' ->> 'type' = 'user'
                 AND NOT EXISTS (
                     SELECT FROM undone_events u
                     WHERE u.user_id = $1
                       AND (u.event_id = e.event_id OR u.undone_by = e.event_id AND NOT u.is_redo)
                 )
               ORDER BY e.timestamp, e.seq"#,
            UserId(user_id) as _,
            first_id_at(latest),
            first_id_at(latest + TimeDelta::milliseconds(1)),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut done = rows.into_iter().map(Done::try_from).collect::<Result<Vec<_>, _>>()?;
        let last = done.last().map(|last| (last.timestamp, last.correlation_id.clone()));
        done.retain(|one| {
            last.as_ref().is_some_and(|last| last.0 == one.timestamp && last.1 == one.correlation_id)
        });
        Ok(done)
    }

    /// Gives one change that a user made to a task since `since`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn done(
        &self,
        user_id: &str,
        event_id: Uuid,
        since: DateTime<Utc>,
    ) -> Result<Option<Done>, Error> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT e.event_id, e.event_type, e.timestamp, e.correlation_id, e.payload, e.before,
                      EXISTS (
                          SELECT FROM undone_events u WHERE u.user_id = $1 AND u.event_id = e.event_id
                      ) AS "is_undone!"
               FROM events e
               WHERE e.user_id = $1 AND e.event_id = $2 AND e.topic_name = 'task-events' AND e.timestamp >= $3
                 AND e.payload -> 'actor' ->> 'type' = 'user'"#,
            UserId(user_id) as _,
            event_id,
            since,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Done::try_from).transpose()
    }

    /// Forgets up to 1,000 things that were taken back before `before`, and says how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_undone(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            r#"DELETE FROM undone_events
               WHERE (user_id, event_id) IN (
                   SELECT user_id, event_id FROM undone_events WHERE undone_at < $1 ORDER BY undone_at LIMIT 1000
               )"#,
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// Gives the least UUIDv7 of an instant (RFC 9562 §5.7).
fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(millis << 80 | 0x7 << 76 | 0b10 << 62)
}

/// Marks events as taken back; says whether none of them was before.
pub(crate) async fn mark(
    connection: &mut Session,
    user_id: &str,
    undone: &[(Uuid, Uuid)],
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    if undone.is_empty() {
        return Ok(true);
    }
    let (events, by): (Vec<_>, Vec<_>) = undone.iter().copied().unzip();
    let done = sqlx::query!(
        r#"INSERT INTO undone_events (user_id, event_id, undone_by, undone_at, is_redo)
           SELECT $1, new.event_id, new.undone_by, $4,
                  EXISTS (
                      SELECT FROM undone_events u
                      WHERE u.user_id = $1 AND u.undone_by = new.event_id AND NOT u.is_redo
                  )
           FROM UNNEST($2::uuid[], $3::uuid[]) AS new (event_id, undone_by)
           ON CONFLICT DO NOTHING"#,
        UserId(user_id) as _,
        &events,
        &by,
        now,
    )
    .execute(connection)
    .await?;
    Ok(usize::try_from(done.rows_affected()).is_ok_and(|count| count == undone.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_id_of_an_instant_is_a_uuid_of_version_7_and_before_that_of_the_next_millisecond() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let first = first_id_at(at("2027-01-10T12:00:00.5Z"));
        assert_eq!(first.get_version_num(), 7);
        assert!(first.to_string().ends_with("-7000-8000-000000000000"), "{first}");
        assert!(first < first_id_at(at("2027-01-10T12:00:00.501Z")));
    }
}
