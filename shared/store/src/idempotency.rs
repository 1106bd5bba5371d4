//! Idempotency keys: the first answer to a POST, kept for 24 hours and given again.

use chrono::{DateTime, TimeDelta, Utc};
use events::{Answer, IdempotencyKey};
use serde_json::Value;

use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store};

/// How long an answer is kept, in hours.
pub const KEPT_HOURS: i64 = 24;

/// An idempotency key with the answer that belongs to it, saved in the statement of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the client sent.
    pub key: IdempotencyKey,
    /// The answer.
    pub answer: Answer,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

impl Record {
    /// Gives the number that two requests with the same key lock; from another user or route it is another one.
    pub(crate) fn lock(&self, user_id: &str) -> i64 {
        lock(user_id, &self.key.route, &self.key.key)
    }

    /// Gives the header fields as they are kept.
    pub(crate) fn headers(&self) -> Value {
        Value::Object(self.answer.headers.clone())
    }
}

fn lock(user_id: &str, route: &str, key: &str) -> i64 {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for part in [user_id, route, key] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    i64::from_be_bytes(std::array::from_fn(|index| digest[index]))
}

impl Store {
    /// Gives the answer that a key already has, with the fingerprint of its request. One older than 24 hours is forgotten.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn find_answer(
        &self,
        user_id: &str,
        IdempotencyKey { route, key, .. }: &IdempotencyKey,
        now: DateTime<Utc>,
    ) -> Result<Option<(Vec<u8>, Answer)>, Error> {
        let expired = now - TimeDelta::hours(KEPT_HOURS);
        let found = sqlx::query!(
            r#"WITH forgotten AS (
                   DELETE FROM idempotency_keys
                   WHERE user_id = $1 AND route = $2 AND key = $3 AND created_at <= $4
               )
               SELECT fingerprint, status, headers, body
               FROM idempotency_keys
               WHERE user_id = $1 AND route = $2 AND key = $3 AND created_at > $4"#,
            UserId(user_id) as _,
            route,
            key,
            expired,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.map(|row| {
            let status = u16::try_from(row.status).unwrap_or(200);
            let headers = row.headers.as_object().cloned().unwrap_or_default();
            (row.fingerprint, Answer { status, headers, body: row.body, replayed: true })
        }))
    }

    /// Forgets up to 1,000 answers older than 24 hours, and says how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_answers(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let expired = now - TimeDelta::hours(KEPT_HOURS);
        let done = sqlx::query!(
            r#"DELETE FROM idempotency_keys
               WHERE (user_id, route, key) IN (
                   SELECT user_id, route, key
                   FROM idempotency_keys
                   WHERE created_at <= $1
                   ORDER BY created_at
                   LIMIT 1000
               )"#,
            expired,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// What became of an attempt to keep an answer inside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is kept when the transaction commits.
    Yes,
    /// Another request with the same key is running.
    InUse,
    /// The key has an answer.
    Taken,
}

/// Keeps an answer inside a transaction that does more than one statement can.
pub(crate) async fn keep(connection: &mut Session, user_id: &str, record: &Record) -> Result<Kept, Error> {
    let row = sqlx::query!(
        r#"WITH gate AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($8) AS free),
               kept AS (
                   INSERT INTO idempotency_keys (user_id, route, key, fingerprint, status, headers, body, created_at)
                   SELECT $1, $2, $3, $4, $5, $6, $7, $9
                   FROM gate
                   WHERE free
                   ON CONFLICT DO NOTHING
                   RETURNING 1
               )
           SELECT free AS "free!", EXISTS (SELECT FROM kept) AS "kept!" FROM gate"#,
        UserId(user_id) as _,
        record.key.route,
        record.key.key,
        record.key.fingerprint,
        i16::try_from(record.answer.status).unwrap_or(200),
        record.headers(),
        record.answer.body,
        record.lock(user_id),
        record.created_at,
    )
    .fetch_one(connection)
    .await?;
    Ok(match (row.free, row.kept) {
        (true, true) => Kept::Yes,
        (true, false) => Kept::Taken,
        (false, _) => Kept::InUse,
    })
}
