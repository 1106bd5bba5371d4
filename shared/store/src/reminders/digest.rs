//! Digests: reminders that could not be sent in time are told of together. A digest is a reminder without a task; those that it
//! tells of, its members, name it, are queued, and have no clock of their own.
//!
//! Statements about given users do not say `status = 'pending'` but what it is not. With the former PostgreSQL may walk the index
//! reminders_due, which after an outage is long, instead of the few entries of each user.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use uuid::Uuid;

use super::{Finish, Kept};
use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store};

/// The advisory lock of whoever puts missed reminders into digests: "digest", in ASCII.
const LOCK: i64 = 0x6469_6765_7374;
/// How many reminders one statement puts into digests.
const GATHERED_AT_ONCE: i64 = 5_000;

/// What one digest is of: the user, the method, and the destination.
type Channel = (String, String, Option<String>);

/// A reminder that a digest is to tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub id: Uuid,
    /// Of which task.
    pub task_id: Uuid,
    /// When it was to be sent.
    pub trigger_time: DateTime<Utc>,
}

impl Store {
    /// Gives the users of the `limit` oldest reminders that were due before `missed_before` and are still pending, one for each.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn users_with_missed(
        &self,
        missed_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar!(
            r#"SELECT user_id
               FROM reminders
               WHERE status = 'pending' AND trigger_time < $1
               ORDER BY trigger_time
               LIMIT $2"#,
            missed_before,
            limit,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Puts what these users missed into digests that are due `at`, one for each method and destination; into one that waits
    /// already if there is one. All that a user missed is gathered in one commit. Says how many reminders were concerned: 0 also
    /// while another does the same.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn gather_missed(
        &self,
        user_ids: &[String],
        missed_before: DateTime<Utc>,
        at: DateTime<Utc>,
        new_id: impl Fn() -> Uuid + Send,
    ) -> Result<u64, Error> {
        let mut transaction = self.pool.begin().await?;
        let is_alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "is_alone!""#, LOCK)
            .fetch_one(&mut *transaction)
            .await?;
        if !is_alone {
            return Ok(0);
        }
        let (mut digests, moved) = waiting_digests(&mut transaction, user_ids, missed_before, at).await?;
        let channels = missed_channels(&mut transaction, user_ids, missed_before).await?;
        let mut new = Columns::default();
        for channel in channels {
            digests.entry(channel).or_insert_with_key(|channel| {
                let id = new_id();
                new.push(channel, id);
                id
            });
        }
        insert(&mut transaction, &new, at).await?;
        let mut columns = Columns::default();
        digests.iter().for_each(|(channel, id)| columns.push(channel, *id));
        let mut gathered = moved;
        loop {
            let joined = join(&mut transaction, &columns, missed_before).await?;
            gathered += joined;
            if joined == 0 {
                break;
            }
        }
        transaction.commit().await?;
        Ok(gathered)
    }

    /// Gives up to `limit` of the reminders that a digest is to tell of, oldest first; those of one that failed and is tried again
    /// by hand too.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn members(&self, digest: &Kept, limit: i64) -> Result<Vec<Member>, Error> {
        Ok(sqlx::query_as!(
            Member,
            r#"SELECT id, task_id AS "task_id!", trigger_time
               FROM reminders
               WHERE user_id = $1 AND digest_id = $2 AND status IN ('queued', 'failed')
               ORDER BY trigger_time, id
               LIMIT $3"#,
            UserId(&digest.user_id) as _,
            digest.id,
            limit,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Cancels members that a digest is not to tell of any more, each for its reason.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn cancel_members(
        &self,
        digest: &Kept,
        gone: &[(Uuid, String)],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (ids, reasons): (Vec<_>, Vec<_>) = gone.iter().cloned().unzip();
        sqlx::query!(
            r#"WITH cancelled AS (
                   UPDATE reminders r
                   SET status = 'cancelled'
                   FROM UNNEST($3::uuid[], $4::text[]) AS gone (id, reason)
                   WHERE r.user_id = $1 AND r.digest_id = $2 AND r.id = gone.id AND r.status IN ('queued', 'failed')
                   RETURNING r.id, gone.reason
               )
               INSERT INTO reminder_attempts (user_id, reminder_id, attempt, attempted_at, outcome, reason)
               SELECT $1, c.id,
                      (SELECT count(*) + 1 FROM reminder_attempts a WHERE a.user_id = $1 AND a.reminder_id = c.id),
                      $5, 'cancelled', c.reason
               FROM cancelled c"#,
            UserId(&digest.user_id) as _,
            digest.id,
            &ids,
            &reasons,
            now,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Writes down that a digest was sent, or failed for good, for each member that it told of and that nobody has cancelled or armed
/// again meanwhile. Members that there was no room for are gathered anew.
pub(super) async fn finish_members(
    connection: &mut Session,
    digest: &Kept,
    finish: &Finish,
    told: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let whole = format!("in a digest of {} missed reminders", told.len());
    let (status, reason) = match finish {
        Finish::Failed { reason } => ("failed", format!("{whole}: {reason}")),
        _ => ("sent", whole),
    };
    sqlx::query!(
        r#"WITH told AS (
               UPDATE reminders
               SET status = $4, retry_count = $5::integer + 1, last_retry_at = $6::timestamptz,
                   sent_at = CASE WHEN $4 = 'sent' THEN $6::timestamptz END
               WHERE user_id = $1 AND digest_id = $2 AND id = ANY ($3) AND status IN ('queued', 'failed')
               RETURNING id
           ), left_over AS (
               UPDATE reminders
               SET status = 'pending', digest_id = NULL
               WHERE user_id = $1 AND digest_id = $2 AND NOT id = ANY ($3) AND status IN ('queued', 'failed')
           )
           INSERT INTO reminder_attempts (user_id, reminder_id, attempt, attempted_at, outcome, reason)
           SELECT $1, told.id,
                  (SELECT count(*) + 1 FROM reminder_attempts a WHERE a.user_id = $1 AND a.reminder_id = told.id),
                  $6::timestamptz, $4, $7
           FROM told"#,
        UserId(&digest.user_id) as _,
        digest.id,
        told,
        status,
        digest.retry_count,
        now,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives users' digests that are not announced yet, and keeps them from being announced before the transaction ends. Those that
/// were missed themselves are due `at`; says how many these are.
async fn waiting_digests(
    connection: &mut Session,
    user_ids: &[String],
    missed_before: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(HashMap<Channel, Uuid>, u64), Error> {
    let waiting = sqlx::query!(
        r#"UPDATE reminders
           SET trigger_time = CASE WHEN trigger_time < $2 THEN $3 ELSE trigger_time END
           WHERE user_id = ANY ($1) AND task_id IS NULL
             AND status NOT IN ('queued', 'sent', 'failed', 'cancelled', 'skipped')
           RETURNING id, user_id, delivery_method, destination, trigger_time = $3 AS "is_moved!""#,
        user_ids,
        missed_before,
        at,
    )
    .fetch_all(connection)
    .await?;
    let moved = waiting.iter().filter(|one| one.is_moved).count();
    let digests =
        waiting.into_iter().map(|one| ((one.user_id, one.delivery_method, one.destination), one.id));
    Ok((digests.collect(), u64::try_from(moved).unwrap_or(u64::MAX)))
}

/// Gives where the reminders that users missed were to go.
async fn missed_channels(
    connection: &mut Session,
    user_ids: &[String],
    missed_before: DateTime<Utc>,
) -> Result<Vec<Channel>, Error> {
    let channels = sqlx::query!(
        r#"SELECT DISTINCT user_id, delivery_method, destination
           FROM reminders
           WHERE user_id = ANY ($1) AND task_id IS NOT NULL AND trigger_time < $2
             AND status NOT IN ('queued', 'sent', 'failed', 'cancelled', 'skipped')"#,
        user_ids,
        missed_before,
    )
    .fetch_all(connection)
    .await?;
    Ok(channels.into_iter().map(|one| (one.user_id, one.delivery_method, one.destination)).collect())
}

/// Digests, as columns.
#[derive(Default)]
struct Columns {
    user_ids: Vec<String>,
    methods: Vec<String>,
    destinations: Vec<Option<String>>,
    ids: Vec<Uuid>,
}

impl Columns {
    fn push(&mut self, (user_id, method, destination): &Channel, id: Uuid) {
        self.user_ids.push(user_id.clone());
        self.methods.push(method.clone());
        self.destinations.push(destination.clone());
        self.ids.push(id);
    }
}

async fn insert(connection: &mut Session, new: &Columns, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO reminders (user_id, id, delivery_method, destination, trigger_time, status)
           SELECT user_id, id, delivery_method, destination, $5, 'pending'
           FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::text[]) AS new (user_id, id, delivery_method, destination)"#,
        &new.user_ids,
        &new.ids,
        &new.methods,
        &new.destinations as &[Option<String>],
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes missed reminders members of the digests that they belong to; says of how many.
async fn join(
    connection: &mut Session,
    digests: &Columns,
    missed_before: DateTime<Utc>,
) -> Result<u64, Error> {
    let joined = sqlx::query!(
        r#"WITH missed AS (
               SELECT r.user_id, r.id, digest.id AS digest_id
               FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::text[])
                        AS digest (user_id, id, delivery_method, destination)
               JOIN reminders r ON r.user_id = digest.user_id
                   AND r.delivery_method = digest.delivery_method
                   AND r.destination IS NOT DISTINCT FROM digest.destination
               WHERE r.task_id IS NOT NULL AND r.trigger_time < $5
                 AND r.status NOT IN ('queued', 'sent', 'failed', 'cancelled', 'skipped')
               LIMIT $6
               FOR UPDATE OF r SKIP LOCKED
           )
           UPDATE reminders r
           SET status = 'queued', next_attempt_at = NULL, digest_id = missed.digest_id
           FROM missed
           WHERE r.user_id = missed.user_id AND r.id = missed.id"#,
        &digests.user_ids,
        &digests.ids,
        &digests.methods,
        &digests.destinations as &[Option<String>],
        missed_before,
        GATHERED_AT_ONCE,
    )
    .execute(connection)
    .await?;
    Ok(joined.rows_affected())
}
