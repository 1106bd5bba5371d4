//! How much a user has and did, for quotas: counted by ranges of indexes, away from requests.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::row_security::UserId;
use crate::{Error, Store};

/// What a user has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks that are open, or, as long as there are fewer than the limit, tasks of whatever status: the index does not tell.
    pub open_tasks: i64,
    /// Tasks that were created since.
    pub created_tasks: i64,
    /// Reminders from then on, by the day of UTC that they are on; also those that were cancelled, which the index does not tell
    /// from others.
    pub reminders: Vec<(NaiveDate, i64)>,
}

impl Store {
    /// Counts a user's tasks, up to `limit`, and what of tasks and reminders is of `since` or later.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count_tasks(
        &self,
        user_id: &str,
        limit: i64,
        since: DateTime<Utc>,
    ) -> Result<Counts, Error> {
        // tests/it/limits.rs holds both parts against their indexes.
        let found = sqlx::query_file!("src/quota/count_tasks.sql", UserId(user_id) as _, limit, since)
            .fetch_one(&self.pool)
            .await?;
        let mut open_tasks = found.tasks;
        if open_tasks >= limit {
            open_tasks = sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!"
                   FROM (SELECT FROM tasks WHERE user_id = $1 AND status = 'active' LIMIT $2) AS task"#,
                UserId(user_id) as _,
                limit,
            )
            .fetch_one(&self.pool)
            .await?;
        }
        let days = found.reminders.as_object().into_iter().flatten();
        let reminders = days.filter_map(|(day, count)| Some((day.parse().ok()?, Value::as_i64(count)?)));
        Ok(Counts { open_tasks, created_tasks: found.created, reminders: reminders.collect() })
    }

    /// Counts a user's sentences since `first`, an identifier of the first instant, that the model understood. As long as fewer than
    /// `limit` were said at all, it gives their number, which the index alone tells.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count_model_answers(&self, user_id: &str, first: Uuid, limit: i64) -> Result<i64, Error> {
        let messages = sqlx::query_file_scalar!("src/quota/count_messages.sql", UserId(user_id) as _, first)
            .fetch_one(&self.pool)
            .await?;
        // What was said, and the answer.
        if messages / 2 < limit {
            return Ok(messages / 2);
        }
        Ok(sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!"
               FROM messages
               WHERE user_id = $1 AND id >= $2 AND role = 'user' AND answered_by = 'model'"#,
            UserId(user_id) as _,
            first,
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
