//! `link_uses`: one-time links that were followed.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store};

impl Store {
    /// Says whether a link was followed already.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn is_link_used(&self, user_id: &str, link: Uuid) -> Result<bool, Error> {
        let used = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM link_uses WHERE user_id = $1 AND link_id = $2) AS "used!""#,
            UserId(user_id) as _,
            link,
        );
        Ok(used.fetch_one(&self.pool).await?)
    }

    /// Forgets up to 1,000 links that were followed before `before`, and says how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_link_uses(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            r#"DELETE FROM link_uses
               WHERE (user_id, link_id) IN (
                   SELECT user_id, link_id FROM link_uses WHERE used_at < $1 ORDER BY used_at LIMIT 1000
               )"#,
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// Marks a link as followed; says whether it was not before.
pub(crate) async fn mark(
    connection: &mut Session,
    user_id: &str,
    link: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO link_uses (user_id, link_id, used_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        UserId(user_id) as _,
        link,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
