//! `reminders`: claimed when due, sent under a lease, and what became of each attempt.

mod digest;

use chrono::{DateTime, TimeDelta, Utc};
use events::Event;

use uuid::Uuid;

use crate::outbox::append_all;
use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store, settings};

pub use digest::Member;

/// After how many minutes a reminder that was announced, and of which nothing was heard, is announced again.
const ANNOUNCED_AGAIN_MINUTES: i64 = 5;
/// The attempt that quiet hours put off; a change of them looks for it.
const POSTPONED: &str = "postponed";

/// A reminder as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub user_id: String,
    /// Which.
    pub id: Uuid,
    /// Of which task; `None`: it is a digest of missed ones.
    pub task_id: Option<Uuid>,
    /// When it is to be sent.
    pub trigger_time: DateTime<Utc>,
    /// `pending`, `queued`, `sent`, `failed`, `cancelled` or `skipped`.
    pub status: String,
    /// `email` or `push`.
    pub delivery_method: String,
    /// Where to; `None`: the user's address.
    pub destination: Option<String>,
    /// How often it was tried.
    pub retry_count: i32,
    /// When it was last tried.
    pub last_retry_at: Option<DateTime<Utc>>,
    /// While it is queued: when it is looked at again, whatever happens; of one in a digest: when the digest is.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// The push endpoints that have it already.
    pub delivered_to: Vec<String>,
}

/// An attempt at delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Of which reminder.
    pub reminder_id: Uuid,
    /// From 1.
    pub attempt: i32,
    /// When.
    pub attempted_at: DateTime<Utc>,
    /// `sent`, `retrying`, `failed`, `cancelled` or `postponed`.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
}

/// How a reminder stands that can not be taken for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Another holds it for this very attempt.
    Held {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// This attempt was the last, in vain.
    Failed {
        /// Why.
        reason: String,
    },
    /// There is nothing to do: it was sent, cancelled, postponed or is on a later attempt.
    Settled,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The other side has it.
    Sent,
    /// It is to be tried again.
    Retry {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: String,
        /// The push endpoints that have it meanwhile.
        delivered_to: Vec<String>,
    },
    /// It will never work.
    Failed {
        /// Why.
        reason: String,
    },
    /// There is nothing to remind of any more.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// It has to wait, without an attempt.
    Postponed {
        /// Until when.
        at: DateTime<Utc>,
        /// The version of the settings that say so; with newer ones it is looked at again at once.
        settings_version: i64,
    },
}

impl Store {
    /// Claims up to `limit` reminders that are due or to be tried again, oldest first, each with the event that `announce` makes;
    /// says how many. Two scans at once never claim the same. What was due before `missed_before` is left to a digest.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn claim_due(
        &self,
        now: DateTime<Utc>,
        missed_before: DateTime<Utc>,
        limit: i64,
        announce: impl Fn(&Kept) -> Event + Send,
    ) -> Result<usize, Error> {
        let mut transaction = self.pool.begin().await?;
        let due = sqlx::query_file_as!(Kept, "src/reminders/claim_due.sql", now, limit, missed_before)
            .fetch_all(&mut *transaction)
            .await?;
        if due.is_empty() {
            return Ok(0);
        }
        queue(&mut transaction, &due, now).await?;
        let announcements: Vec<Event> = due.iter().map(announce).collect();
        append_all(&mut transaction, &announcements).await?;
        transaction.commit().await?;
        Ok(due.len())
    }

    /// Says when the next reminder is due or to be tried again.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(sqlx::query_file_scalar!("src/reminders/next_due_at.sql").fetch_one(&self.pool).await?)
    }

    /// Takes a claimed reminder for one attempt, until `lease_until`; `None` when it is not queued for just this attempt, or another
    /// holds it ([`Store::standing`] tells).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease(
        &self,
        user_id: &str,
        id: Uuid,
        attempt: u32,
        token: Uuid,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Kept>, Error> {
        Ok(sqlx::query_as!(
            Kept,
            r#"UPDATE reminders
               SET lease_until = $6, lease_token = $4
               WHERE user_id = $1 AND id = $2 AND status = 'queued' AND retry_count = $3 - 1
                 AND (lease_until IS NULL OR lease_until <= $5)
               RETURNING user_id, id, task_id, trigger_time, status, delivery_method, destination, retry_count, last_retry_at,
                         next_attempt_at, sent_at, delivered_to"#,
            UserId(user_id) as _,
            id,
            i32::try_from(attempt).unwrap_or(i32::MAX),
            token,
            now,
            lease_until,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Extends a lease, though it may have ended, unless another took the reminder or it is not wanted any more; says whether it did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn hold(&self, kept: &Kept, token: Uuid, lease_until: DateTime<Utc>) -> Result<bool, Error> {
        let done = sqlx::query!(
            r#"UPDATE reminders
               SET lease_until = $4
               WHERE user_id = $1 AND id = $2 AND lease_token = $3 AND status = 'queued'"#,
            UserId(&kept.user_id) as _,
            kept.id,
            token,
            lease_until,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Says how a reminder stands of which no lease was given for this attempt.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn standing(&self, user_id: &str, id: Uuid, attempt: u32) -> Result<Standing, Error> {
        let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
        let found = sqlx::query!(
            r#"SELECT r.status = 'failed' AND r.retry_count = $3 AS "has_failed!",
                      CASE WHEN r.status = 'queued' AND r.retry_count = $3 - 1 THEN r.lease_until END AS held_until,
                      a.reason AS "reason?"
               FROM reminders r
               LEFT JOIN reminder_attempts a
                   ON a.user_id = r.user_id AND a.reminder_id = r.id AND a.outcome = 'failed'
               WHERE r.user_id = $1 AND r.id = $2
               ORDER BY a.attempt DESC NULLS LAST
               LIMIT 1"#,
            UserId(user_id) as _,
            id,
            attempt,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(match found {
            Some(row) if row.has_failed => Standing::Failed { reason: row.reason.unwrap_or_default() },
            Some(row) => row.held_until.map_or(Standing::Settled, |until| Standing::Held { until }),
            None => Standing::Settled,
        })
    }

    /// Gives a leased reminder that was never tried back to the scan, as if it had not been announced; says whether it did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn give_back(&self, kept: &Kept, token: Uuid) -> Result<bool, Error> {
        let done = sqlx::query!(
            r#"UPDATE reminders r
               SET status = 'pending', next_attempt_at = NULL, lease_until = NULL, lease_token = NULL
               WHERE r.user_id = $1 AND r.id = $2 AND r.lease_token = $3 AND r.status = 'queued'
                 AND NOT EXISTS (
                     SELECT FROM reminder_attempts a WHERE a.user_id = r.user_id AND a.reminder_id = r.id
                 )"#,
            UserId(&kept.user_id) as _,
            kept.id,
            token,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes down what became of an attempt, with the event that tells of it, if the lease is still ours; says whether it was.
    /// `members` are those that a digest told of.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn finish(
        &self,
        kept: &Kept,
        token: Uuid,
        finish: &Finish,
        members: &[Uuid],
        event: Option<&Event>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let (status, outcome, next, reason) = match finish {
            Finish::Sent => ("sent", "sent", None, None),
            Finish::Retry { at, reason, .. } => ("queued", "retrying", Some(*at), Some(reason.as_str())),
            Finish::Failed { reason } => ("failed", "failed", None, Some(reason.as_str())),
            Finish::Cancelled { reason } => ("cancelled", "cancelled", None, Some(reason.as_str())),
            Finish::Postponed { at, settings_version } => {
                let are_newest =
                    settings::are_newest(&mut transaction, &kept.user_id, *settings_version).await?;
                ("queued", POSTPONED, Some(if are_newest { *at } else { now }), Some("quiet hours"))
            }
        };
        let delivered_to = match finish {
            Finish::Retry { delivered_to, .. } => delivered_to.as_slice(),
            _ => &[],
        };
        let done = sqlx::query!(
            r#"WITH finished AS (
                   UPDATE reminders
                   SET status = CASE WHEN $4 IN ('queued', 'cancelled') AND status <> 'queued' THEN status ELSE $4 END,
                       next_attempt_at = $5,
                       retry_count = retry_count + CASE WHEN $6 = 'postponed' THEN 0 ELSE 1 END,
                       last_retry_at = $8::timestamptz,
                       sent_at = CASE WHEN $4 = 'sent' THEN $8::timestamptz END,
                       delivered_to = delivered_to || $9::text[],
                       lease_until = NULL,
                       lease_token = NULL
                   WHERE user_id = $1 AND id = $2 AND lease_token = $3
                   RETURNING retry_count
               )
               INSERT INTO reminder_attempts (user_id, reminder_id, attempt, attempted_at, outcome, reason)
               SELECT $1, $2, (SELECT count(*) + 1 FROM reminder_attempts WHERE user_id = $1 AND reminder_id = $2), $8::timestamptz,
                      $6, $7
               FROM finished"#,
            UserId(&kept.user_id) as _,
            kept.id,
            token,
            status,
            next,
            outcome,
            reason,
            now,
            delivered_to,
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        if kept.task_id.is_none() && status != "queued" {
            digest::finish_members(&mut transaction, kept, finish, members, now).await?;
        }
        if let Some(event) = event {
            crate::outbox::append(&mut transaction, event).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Gives a task's reminders by time, with every attempt.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn reminders_of(
        &self,
        user_id: &str,
        task_id: Uuid,
    ) -> Result<(Vec<Kept>, Vec<Attempt>), Error> {
        let kept = sqlx::query_as!(
            Kept,
            r#"SELECT r.user_id, r.id, r.task_id, r.trigger_time, r.status, r.delivery_method, r.destination, r.retry_count,
                      r.last_retry_at, COALESCE(r.next_attempt_at, d.next_attempt_at, d.trigger_time) AS next_attempt_at,
                      r.sent_at, r.delivered_to
               FROM reminders r
               LEFT JOIN reminders d ON d.user_id = r.user_id AND d.id = r.digest_id AND d.status IN ('pending', 'queued')
               WHERE r.user_id = $1 AND r.task_id = $2
               ORDER BY r.trigger_time, r.id"#,
            UserId(user_id) as _,
            task_id,
        )
        .fetch_all(&self.pool)
        .await?;
        let ids: Vec<_> = kept.iter().map(|one| one.id).collect();
        let attempts = sqlx::query_as!(
            Attempt,
            r#"SELECT reminder_id, attempt, attempted_at, outcome, reason
               FROM reminder_attempts
               WHERE user_id = $1 AND reminder_id = ANY ($2)
               ORDER BY reminder_id, attempt"#,
            UserId(user_id) as _,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok((kept, attempts))
    }
}

/// Has reminders that wait for the end of quiet hours looked at again at once, for the hours are others now.
pub(crate) async fn end_postponement(
    connection: &mut Session,
    user_id: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE reminders r
           SET next_attempt_at = $2
           WHERE r.user_id = $1 AND r.status = 'queued' AND r.next_attempt_at > $2
             AND $3 = (
                 SELECT a.outcome
                 FROM reminder_attempts a
                 WHERE a.user_id = r.user_id AND a.reminder_id = r.id
                 ORDER BY a.attempt DESC
                 LIMIT 1
             )"#,
        UserId(user_id) as _,
        now,
        POSTPONED,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks reminders as announced; none of them is in a digest any more.
async fn queue(connection: &mut Session, due: &[Kept], now: DateTime<Utc>) -> Result<(), Error> {
    let user_ids: Vec<_> = due.iter().map(|one| one.user_id.clone()).collect();
    let ids: Vec<_> = due.iter().map(|one| one.id).collect();
    sqlx::query!(
        r#"UPDATE reminders r
           SET status = 'queued', next_attempt_at = $3, digest_id = NULL
           FROM UNNEST($1::text[], $2::uuid[]) AS due (user_id, id)
           WHERE r.user_id = due.user_id AND r.id = due.id"#,
        &user_ids,
        &ids,
        now + TimeDelta::minutes(ANNOUNCED_AGAIN_MINUTES),
    )
    .execute(connection)
    .await?;
    Ok(())
}
