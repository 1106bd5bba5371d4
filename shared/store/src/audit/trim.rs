//! Cutting chains at their old end. Only the owner of the tables may, by a command: no function removes what was audited.

use chrono::{DateTime, Utc};

use super::verify::{Broken, Head, chain_of};
use crate::erasure::WHOLE;
use crate::{Error, Store};

/// How many entries are taken away together.
const AT_ONCE: i64 = 1_000;

impl Store {
    /// Gives up to `limit` users who have a chain, in order, after `after`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn audited_users(&self, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        let users = sqlx::query_scalar!(
            "SELECT user_id FROM audit_heads WHERE user_id > $1 ORDER BY user_id LIMIT $2",
            after,
            limit,
        );
        Ok(users.fetch_all(&self.pool).await?)
    }

    /// Says what is wrong with one user's chain.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn verify_audit_of(&self, user_id: &str) -> Result<Option<Broken>, Error> {
        let mut all = self.pool.begin_at_length(WHOLE).await?;
        let broken = chain_of(&mut all, user_id).await?;
        all.commit().await?;
        Ok(broken)
    }

    /// Takes up to 1,000 entries away from the old end of a user's chain, in one commit with the note of where it begins now, which is
    /// given: the last one that went. Each happened before `before`, and its event is gone, so that no event comes into the log again.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: none is gone.
    pub async fn trim_audit(&self, user_id: &str, before: DateTime<Utc>) -> Result<Option<Head>, Error> {
        let mut transaction = self.pool.begin().await?;
        // Whoever appends or erases waits.
        let start =
            sqlx::query_scalar!("SELECT start_seq FROM audit_heads WHERE user_id = $1 FOR UPDATE", user_id,)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(start) = start else {
            transaction.rollback().await?;
            return Ok(None);
        };
        let oldest = sqlx::query!(
            r#"SELECT a.seq, a.hash,
                      a.timestamp < $2
                          -- OFFSET 0 keeps PostgreSQL from reading all of the user's events.
                          AND NOT EXISTS (
                              SELECT FROM events e WHERE e.user_id = $1 AND e.event_id = a.event_id OFFSET 0
                          ) AS "may_go!"
               FROM audit_logs a
               WHERE a.user_id = $1 AND a.seq > $3 AND a.seq <= $4
               ORDER BY a.seq"#,
            user_id,
            before,
            start,
            start + AT_ONCE,
        )
        .fetch_all(&mut *transaction)
        .await?;
        let Some(last) = oldest.into_iter().take_while(|entry| entry.may_go).last() else {
            transaction.rollback().await?;
            return Ok(None);
        };
        sqlx::query!("DELETE FROM audit_logs WHERE user_id = $1 AND seq <= $2", user_id, last.seq)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!(
            "UPDATE audit_heads SET start_seq = $2, start_hash = $3 WHERE user_id = $1",
            user_id,
            last.seq,
            last.hash,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some(Head { user_id: user_id.to_owned(), seq: last.seq, hash: last.hash }))
    }

    /// Gives where each chain begins that was cut, by user: the last entry that went.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn audit_starts(&self) -> Result<Vec<Head>, Error> {
        let starts = sqlx::query_as!(
            Head,
            "SELECT user_id, start_seq AS seq, start_hash AS hash FROM audit_heads WHERE start_seq > 0 ORDER BY user_id",
        );
        Ok(starts.fetch_all(&self.pool).await?)
    }
}
