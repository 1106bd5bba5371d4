//! A user's data, given away whole, and erased whole.
//!
//! Erased means: every row of the user is gone, but those of `events` and `audit_logs`, which tell of nobody any more and are kept under
//! a pseudonym that nothing leads to. The chain of the audit log stays sound, and ends with an entry that tells of the erasure.

use chrono::{DateTime, Utc};
use events::cloud_event::Envelope;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::{self, Entry, Link, Salt};
use crate::session::Session;
use crate::tries::repeat;
use crate::{Error, Store};

/// The action of the entry that tells of an erasure.
pub const ERASED: &str = "user.erased";
/// How each pseudonym of an erased user begins.
pub const PSEUDONYM: &str = "erased:";
/// Everything as it was at one moment, however long that takes, and however slowly somebody reads it.
pub(crate) const WHOLE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                                SET LOCAL idle_in_transaction_session_timeout = 0";
const AT_LENGTH: &str = "BEGIN; SET LOCAL statement_timeout = 0";

/// The user to erase, and what the entry that tells of it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Erasure<'a> {
    /// Whom.
    pub user_id: &'a str,
    /// Under which name what has to stay is kept.
    pub pseudonym: &'a str,
    /// Of the entry.
    pub event_id: Uuid,
    /// Of the entry.
    pub salt: Salt,
    /// When.
    pub now: DateTime<Utc>,
}

/// Says of each table how many rows were removed, or emptied.
pub type Erased = Vec<(&'static str, u64)>;

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
    /// Whoever takes the rows takes no more.
    #[error("what was exported could not be written")]
    Taken(#[source] E),
}

impl<E> From<sqlx::Error> for ExportError<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Gives every row of a table to `put`; the statement is $1 the user.
macro_rules! rows {
    ($transaction:expr, $user_id:expr, $put:expr, $table:literal, $query:literal) => {{
        let mut rows = sqlx::query_scalar!($query, $user_id).fetch(&mut *$transaction);
        while let Some(row) = rows.try_next().await? {
            $put($table, row).map_err(ExportError::Taken)?;
        }
    }};
}

/// Removes a user's rows from a table; the statement is $1 the user.
macro_rules! remove {
    ($connection:expr, $user_id:expr, $erased:expr, $table:literal, $statement:literal) => {{
        let done = sqlx::query!($statement, $user_id).execute(&mut *$connection).await?;
        $erased.push(($table, done.rows_affected()));
    }};
}

impl Store {
    /// Gives all rows of a user to `put`, table by table, as they were at one moment.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn export<E>(
        &self,
        user_id: &str,
        mut put: impl FnMut(&'static str, Value) -> Result<(), E>,
    ) -> Result<(), ExportError<E>> {
        let mut all = self.pool.begin_at_length(WHOLE).await?;
        rows!(all, user_id, put, "users", r#"SELECT to_jsonb(t) AS "row!" FROM users t WHERE user_id = $1"#);
        rows!(
            all,
            user_id,
            put,
            "tasks",
            r#"SELECT to_jsonb(t) AS "row!" FROM tasks t WHERE user_id = $1 ORDER BY id"#
        );
        rows!(
            all,
            user_id,
            put,
            "reminders",
            r#"SELECT to_jsonb(t) AS "row!" FROM reminders t WHERE user_id = $1 ORDER BY id"#
        );
        rows!(
            all,
            user_id,
            put,
            "reminder_attempts",
            r#"SELECT to_jsonb(t) AS "row!" FROM reminder_attempts t WHERE user_id = $1 ORDER BY reminder_id, attempt"#
        );
        rows!(
            all,
            user_id,
            put,
            "conversations",
            r#"SELECT to_jsonb(t) AS "row!" FROM conversations t WHERE user_id = $1 ORDER BY conversation_id"#
        );
        rows!(
            all,
            user_id,
            put,
            "messages",
            r#"SELECT to_jsonb(t) AS "row!" FROM messages t WHERE user_id = $1 ORDER BY conversation_id, id"#
        );
        rows!(
            all,
            user_id,
            put,
            "model_calls",
            r#"SELECT to_jsonb(t) AS "row!" FROM model_calls t WHERE user_id = $1"#
        );
        rows!(
            all,
            user_id,
            put,
            "events",
            r#"SELECT to_jsonb(t) AS "row!" FROM events t WHERE user_id = $1 ORDER BY event_id"#
        );
        rows!(
            all,
            user_id,
            put,
            "swept_feeds",
            r#"SELECT to_jsonb(t) AS "row!" FROM swept_feeds t WHERE user_id = $1"#
        );
        rows!(
            all,
            user_id,
            put,
            "undone_events",
            r#"SELECT to_jsonb(t) AS "row!" FROM undone_events t WHERE user_id = $1 ORDER BY event_id"#
        );
        rows!(
            all,
            user_id,
            put,
            "link_uses",
            r#"SELECT to_jsonb(t) AS "row!" FROM link_uses t WHERE user_id = $1 ORDER BY link_id"#
        );
        // What a password or a token can be tried against stays here.
        rows!(
            all,
            user_id,
            put,
            "accounts",
            r#"SELECT to_jsonb(t) - 'password_hash' AS "row!" FROM accounts t WHERE user_id = $1"#
        );
        rows!(
            all,
            user_id,
            put,
            "sessions",
            r#"SELECT to_jsonb(t) - 'token_hash' - 'previous_hash' AS "row!" FROM sessions t WHERE user_id = $1 ORDER BY session_id"#
        );
        rows!(
            all,
            user_id,
            put,
            "idempotency_keys",
            r#"SELECT to_jsonb(t) AS "row!" FROM idempotency_keys t WHERE user_id = $1 ORDER BY route, key"#
        );
        rows!(
            all,
            user_id,
            put,
            "audit_logs",
            r#"SELECT to_jsonb(t) AS "row!" FROM audit_logs t WHERE user_id = $1 ORDER BY seq"#
        );
        rows!(
            all,
            user_id,
            put,
            "audit_heads",
            r#"SELECT to_jsonb(t) AS "row!" FROM audit_heads t WHERE user_id = $1"#
        );
        all.commit().await?;
        Ok(())
    }

    /// Gives up to `limit` events of a user that are to be audited and are not yet, in order, after the one of number `after`, each with
    /// its number.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unaudited(
        &self,
        user_id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Envelope)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT e.seq, e.event_id, e.event_type, e.topic_name, e.correlation_id, e.timestamp, e.source_service, e.payload
               FROM events e
               WHERE e.user_id = $1 AND e.seq > $2 AND e.topic_name IN ('task-events', 'reminders', 'audit-events')
                 AND NOT EXISTS (SELECT FROM audit_logs a WHERE a.user_id = $1 AND a.event_id = e.event_id)
               ORDER BY e.seq
               LIMIT $3"#,
            user_id,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let unaudited = rows.into_iter().map(|row| {
            let envelope = Envelope {
                event_id: row.event_id,
                event_type: row.event_type,
                topic_name: row.topic_name,
                correlation_id: row.correlation_id,
                timestamp: row.timestamp,
                source_service: row.source_service,
                payload: row.payload,
            };
            (row.seq, envelope)
        });
        Ok(unaudited.collect())
    }

    /// Erases a user, in one commit; says of how many rows. Doing it again finds nothing, or what came since.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing is erased.
    pub async fn erase(&self, erasure: &Erasure<'_>) -> Result<Erased, Error> {
        repeat(erasure.event_id, || self.try_erase(erasure)).await
    }

    async fn try_erase(&self, erasure: &Erasure<'_>) -> Result<Erased, Error> {
        let mut transaction = self.pool.begin_at_length(AT_LENGTH).await?;
        let user_id = erasure.user_id;
        // First: whoever appends waits for the end of the chain, and then finds that the user is erased.
        let end = lock_end(&mut transaction, user_id).await?;
        // Then: whoever changes a task or a reminder locks the settings before it, too.
        sqlx::query!(r#"SELECT 1 AS "one!" FROM users WHERE user_id = $1 FOR UPDATE"#, user_id)
            .fetch_optional(&mut *transaction)
            .await?;
        let mut erased = Erased::new();
        remove!(
            transaction,
            user_id,
            erased,
            "reminder_attempts",
            "DELETE FROM reminder_attempts WHERE user_id = $1"
        );
        remove!(transaction, user_id, erased, "reminders", "DELETE FROM reminders WHERE user_id = $1");
        remove!(transaction, user_id, erased, "tasks", "DELETE FROM tasks WHERE user_id = $1");
        remove!(transaction, user_id, erased, "messages", "DELETE FROM messages WHERE user_id = $1");
        remove!(
            transaction,
            user_id,
            erased,
            "conversations",
            "DELETE FROM conversations WHERE user_id = $1"
        );
        remove!(transaction, user_id, erased, "model_calls", "DELETE FROM model_calls WHERE user_id = $1");
        remove!(
            transaction,
            user_id,
            erased,
            "idempotency_keys",
            "DELETE FROM idempotency_keys WHERE user_id = $1"
        );
        remove!(
            transaction,
            user_id,
            erased,
            "undone_events",
            "DELETE FROM undone_events WHERE user_id = $1"
        );
        remove!(transaction, user_id, erased, "link_uses", "DELETE FROM link_uses WHERE user_id = $1");
        remove!(transaction, user_id, erased, "sessions", "DELETE FROM sessions WHERE user_id = $1");
        remove!(transaction, user_id, erased, "accounts", "DELETE FROM accounts WHERE user_id = $1");
        remove!(transaction, user_id, erased, "users", "DELETE FROM users WHERE user_id = $1");
        erased.push(("events", empty_events(&mut transaction, erasure).await?));
        // After the events: a sweep that takes some of them away waits, and then finds none of this user.
        remove!(transaction, user_id, erased, "swept_feeds", "DELETE FROM swept_feeds WHERE user_id = $1");
        let entries = empty_audit(&mut transaction, erasure).await?;
        erased.push(("audit_logs", entries));
        if end.0 == 0 && erased.iter().all(|(_, count)| *count == 0) {
            // Nor is there to be an end of a chain, or a note of somebody who never was.
            transaction.rollback().await?;
            return Ok(erased);
        }
        // Clocks differ: what happened before may be of a later time.
        sqlx::query!(
            r#"INSERT INTO erasures (user_hash, erased_at)
               SELECT sha256(convert_to($1, 'UTF8')), GREATEST($2, max(timestamp))
               FROM events
               WHERE user_id = $3
               ON CONFLICT (user_hash) DO UPDATE SET erased_at = GREATEST(erasures.erased_at, EXCLUDED.erased_at)"#,
            user_id,
            erasure.now,
            erasure.pseudonym,
        )
        .execute(&mut *transaction)
        .await?;
        tell(&mut transaction, erasure, end, &erased).await?;
        transaction.commit().await?;
        Ok(erased)
    }
}

/// Locks the end of a user's chain, which is made if there is none.
async fn lock_end(connection: &mut Session, user_id: &str) -> Result<(i64, Vec<u8>), Error> {
    sqlx::query!(
        "INSERT INTO audit_heads (user_id, seq, hash) VALUES ($1, 0, '') ON CONFLICT DO NOTHING",
        user_id,
    )
    .execute(&mut *connection)
    .await?;
    let end = sqlx::query!("SELECT seq, hash FROM audit_heads WHERE user_id = $1 FOR UPDATE", user_id)
        .fetch_one(connection)
        .await?;
    Ok((end.seq, end.hash))
}

/// Has a user's events tell nothing; what was still to be published will not be.
async fn empty_events(connection: &mut Session, erasure: &Erasure<'_>) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"UPDATE events
           SET user_id = $2, key = '', subject = '', payload = '{}', before = NULL, correlation_id = '', traceparent = '',
               error = CASE WHEN status = 'processed' THEN NULL ELSE 'the user was erased' END,
               status = 'processed', next_attempt_at = NULL, processed_at = COALESCE(processed_at, $3)
           WHERE user_id = $1"#,
        erasure.user_id,
        erasure.pseudonym,
        erasure.now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Has a user's entries in the audit log tell of nobody.
async fn empty_audit(connection: &mut Session, erasure: &Erasure<'_>) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"UPDATE audit_logs
           SET user_id = $2, entity_id = '', actor_id = '', old_values = NULL, new_values = NULL, correlation_id = '',
               salt = NULL, is_erased = true
           WHERE user_id = $1"#,
        erasure.user_id,
        erasure.pseudonym,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Ends the chain with an entry that tells of the erasure.
async fn tell(
    connection: &mut Session,
    erasure: &Erasure<'_>,
    (seq, hash): (i64, Vec<u8>),
    erased: &Erased,
) -> Result<(), Error> {
    let counts: Value = erased.iter().map(|(table, count)| ((*table).to_owned(), json!(count))).collect();
    let entry = Entry {
        user_id: erasure.pseudonym.to_owned(),
        event_id: erasure.event_id,
        entity_type: "user".to_owned(),
        entity_id: erasure.pseudonym.to_owned(),
        action: ERASED.to_owned(),
        actor_type: "service".to_owned(),
        actor_id: "backend".to_owned(),
        old_values: Some(counts),
        new_values: None,
        timestamp: erasure.now,
        correlation_id: erasure.event_id.to_string(),
    };
    let link = Link::new(&entry, seq + 1, &hash, erasure.salt);
    audit::insert(connection, std::slice::from_ref(&link)).await?;
    sqlx::query!(
        "UPDATE audit_heads SET user_id = $2, seq = $3, hash = $4 WHERE user_id = $1",
        erasure.user_id,
        erasure.pseudonym,
        link.seq,
        link.hash,
    )
    .execute(connection)
    .await?;
    Ok(())
}
