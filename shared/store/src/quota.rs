//! How much a user has and did, for quotas: tasks and reminders counted by ranges of indexes, away from requests; questions to a model
//! written down one by one.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::reminder::Planned;

use crate::row_security::UserId;
use crate::{Error, Store};

/// So much of everything that is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Tasks that are open.
    pub open_tasks: u32,
    /// Tasks that are new on this day.
    pub created_tasks: u32,
    /// Reminders, by the day of UTC that they are on.
    pub reminders: HashMap<NaiveDate, u32>,
}

impl Amounts {
    /// Adds the reminders that were not there before and are to be sent.
    #[must_use]
    pub fn with_reminders(mut self, after: &[Planned], before: &[Planned]) -> Self {
        let is_new = |one: &&Planned| !one.skipped && before.iter().all(|other| other.id != one.id);
        for reminder in after.iter().filter(is_new) {
            *self.reminders.entry(reminder.trigger_at.date_naive()).or_default() += 1;
        }
        self
    }

    /// Says whether it is none of anything.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Gives the largest of them; of reminders those of all days.
    pub fn number(&self) -> u32 {
        self.open_tasks.max(self.created_tasks).max(self.reminders.values().sum())
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.open_tasks = self.open_tasks.saturating_add(other.open_tasks);
        self.created_tasks = self.created_tasks.saturating_add(other.created_tasks);
        for (day, number) in &other.reminders {
            let reminders = self.reminders.entry(*day).or_default();
            *reminders = reminders.saturating_add(*number);
        }
    }

    /// Takes others away, as far as they are there.
    pub fn take_away(&mut self, other: &Self) {
        self.open_tasks = self.open_tasks.saturating_sub(other.open_tasks);
        self.created_tasks = self.created_tasks.saturating_sub(other.created_tasks);
        for (day, number) in &other.reminders {
            let reminders = self.reminders.entry(*day).or_default();
            *reminders = reminders.saturating_sub(*number);
        }
        self.reminders.retain(|_, number| *number > 0);
    }
}

impl Store {
    /// Counts a user's tasks, up to `limit`, and what of tasks and reminders is of `since` or later. As long as there are fewer tasks than
    /// the limit, all of them are taken for open, and reminders that were cancelled are counted too: the indexes do not tell.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count_tasks(
        &self,
        user_id: &str,
        limit: i64,
        since: DateTime<Utc>,
    ) -> Result<Amounts, Error> {
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
        let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        let days = found.reminders.as_object().into_iter().flatten();
        let reminders = days.filter_map(|(day, count)| Some((day.parse().ok()?, number(count.as_i64()?))));
        Ok(Amounts {
            open_tasks: number(open_tasks),
            created_tasks: number(found.created),
            reminders: reminders.collect(),
        })
    }

    /// Writes down that a model is about to be asked for a user, unless that was done `limit` times on this day; says whether it was
    /// written. Whatever becomes of the question, it counts.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it may have been written.
    pub async fn charge_model_call(&self, user_id: &str, day: NaiveDate, limit: u32) -> Result<bool, Error> {
        // Clocks differ: what is asked on the day before after the first on this one counts for this one.
        let charged = sqlx::query!(
            r#"INSERT INTO model_calls (user_id, day, calls)
               SELECT $1, $2::date, 1
               WHERE $3::bigint > 0
               ON CONFLICT (user_id) DO UPDATE
               SET day = GREATEST(model_calls.day, EXCLUDED.day),
                   calls = CASE WHEN model_calls.day < EXCLUDED.day THEN 1 ELSE model_calls.calls + 1 END
               WHERE model_calls.day < EXCLUDED.day OR model_calls.calls < $3"#,
            UserId(user_id) as _,
            day,
            i64::from(limit),
        )
        .execute(&self.pool)
        .await?;
        Ok(charged.rows_affected() == 1)
    }
}
