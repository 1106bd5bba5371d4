//! Pages of tasks: keyset pagination, stable under writes, one index for each order.

use chrono::{DateTime, Utc};
use domain::task::{Priority, Status};
use uuid::Uuid;

use crate::row_security::UserId;
use crate::tasks::{Loaded, TaskRow, loaded, priority_number};
use crate::{Error, Store};

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// This status only; `None`: all but deleted.
    pub status: Option<Status>,
    /// This priority only.
    pub priority: Option<Priority>,
    /// With this tag only.
    pub tag: Option<String>,
    /// Due at this instant or later.
    pub due_from: Option<DateTime<Utc>>,
    /// Due before this instant.
    pub due_to: Option<DateTime<Utc>>,
    /// With this text in title or description; literal, without case.
    pub text: Option<String>,
}

/// What to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// When it came to be.
    CreatedAt,
    /// When it last changed.
    UpdatedAt,
    /// Until when; tasks without one last, in both directions.
    DueDate,
    /// How much it matters.
    Priority,
}

/// The last task of a page: its sort value and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The instant, or the priority (1–3) as seconds of 1970; `None` in the range of tasks without a due time.
    pub value: Option<DateTime<Utc>>,
    /// The id.
    pub id: Uuid,
}

/// One statement for each order: $8 the limit, $9 and $10 the position after which the page begins.
macro_rules! page {
    ($store:expr, $user_id:expr, $filter:expr, $limit:expr, $value:expr, $id:expr, $range_and_order:tt) => {
        loaded!(
            r#"WHERE t.user_id = $1
                 AND ($2::text IS NULL AND t.status <> 'deleted' OR t.status = $2)
                 AND ($3::smallint IS NULL OR t.priority = $3)
                 AND ($4::text IS NULL OR $4 = ANY (t.tags))
                 AND ($5::timestamptz IS NULL OR t.due_at >= $5)
                 AND ($6::timestamptz IS NULL OR t.due_at < $6)
                 AND ($7::text IS NULL
                      OR position(kaam_fold($7) IN kaam_fold(t.title)) > 0
                      OR position(kaam_fold($7) IN kaam_fold(t.description)) > 0)
                 AND "#
                + $range_and_order
                + " LIMIT $8",
            UserId($user_id) as _,
            $filter.status.map(Status::as_str),
            $filter.priority.map(priority_number),
            $filter.tag.as_deref(),
            $filter.due_from,
            $filter.due_to,
            $filter.text.as_deref(),
            $limit,
            $value,
            $id,
        )
        .fetch_all(&$store.pool)
        .await?
    };
}

impl Store {
    /// Gives up to `limit` tasks after `after`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list(
        &self,
        user_id: &str,
        filter: &Filter,
        (key, descending): (SortKey, bool),
        after: Option<Position>,
        limit: i64,
    ) -> Result<Vec<Loaded>, Error> {
        // Before the first: a position that lies beyond every task, so that the statement is the same for every page.
        let first = Position {
            value: Some(beyond(!descending)),
            id: if descending { Uuid::max() } else { Uuid::nil() },
        };
        let Position { value, id } = after.unwrap_or(first);
        let instant = value.unwrap_or_else(|| beyond(descending));
        let priority = i16::try_from(instant.timestamp().clamp(-1, 4)).unwrap_or(0);
        let mut rows = match (key, descending) {
            (SortKey::CreatedAt, false) => page!(
                self,
                user_id,
                filter,
                limit,
                instant,
                id,
                "(t.created_at, t.id) > ($9, $10) ORDER BY t.created_at, t.id"
            ),
            (SortKey::CreatedAt, true) => page!(
                self,
                user_id,
                filter,
                limit,
                instant,
                id,
                "(t.created_at, t.id) < ($9, $10) ORDER BY t.created_at DESC, t.id DESC"
            ),
            (SortKey::UpdatedAt, false) => page!(
                self,
                user_id,
                filter,
                limit,
                instant,
                id,
                "(t.updated_at, t.id) > ($9, $10) ORDER BY t.updated_at, t.id"
            ),
            (SortKey::UpdatedAt, true) => page!(
                self,
                user_id,
                filter,
                limit,
                instant,
                id,
                "(t.updated_at, t.id) < ($9, $10) ORDER BY t.updated_at DESC, t.id DESC"
            ),
            (SortKey::Priority, false) => page!(
                self,
                user_id,
                filter,
                limit,
                priority,
                id,
                "(t.priority, t.id) > ($9, $10) ORDER BY t.priority, t.id"
            ),
            (SortKey::Priority, true) => page!(
                self,
                user_id,
                filter,
                limit,
                priority,
                id,
                "(t.priority, t.id) < ($9, $10) ORDER BY t.priority DESC, t.id DESC"
            ),
            (SortKey::DueDate, _) if value.is_none() => Vec::new(),
            (SortKey::DueDate, false) => page!(
                self,
                user_id,
                filter,
                limit,
                instant,
                id,
                "(t.due_at, t.id) > ($9, $10) ORDER BY t.due_at, t.id"
            ),
            (SortKey::DueDate, true) => page!(
                self,
                user_id,
                filter,
                limit,
                instant,
                id,
                "(t.due_at, t.id) < ($9, $10) ORDER BY t.due_at DESC, t.id DESC"
            ),
        };
        // Tasks without a due time come last in both directions, in a range of their own.
        let missing = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if key == SortKey::DueDate && missing > 0 && filter.due_from.is_none() && filter.due_to.is_none() {
            let id = if value.is_none() { id } else { first.id };
            rows.extend(if descending {
                page!(
                    self,
                    user_id,
                    filter,
                    missing,
                    beyond(true),
                    id,
                    "t.due_at IS NULL AND $9::timestamptz IS NOT NULL AND t.id < $10 ORDER BY t.id DESC"
                )
            } else {
                page!(
                    self,
                    user_id,
                    filter,
                    missing,
                    beyond(true),
                    id,
                    "t.due_at IS NULL AND $9::timestamptz IS NOT NULL AND t.id > $10 ORDER BY t.id"
                )
            });
        }
        rows.into_iter().map(Loaded::try_from).collect()
    }
}

/// An instant that lies before, or after, all that tasks have.
fn beyond(before: bool) -> DateTime<Utc> {
    // Years −4000 and 12000: outside 0001–9999, inside PostgreSQL's range.
    let seconds = if before { -188_395_027_200 } else { 316_516_204_800 };
    DateTime::from_timestamp(seconds, 0).expect("both years are in chrono's range")
}

impl Position {
    /// Gives the position of a task in an order.
    pub fn of(loaded: &Loaded, key: SortKey) -> Self {
        let task = &loaded.task;
        let value = match key {
            SortKey::CreatedAt => Some(task.created_at),
            SortKey::UpdatedAt => Some(task.updated_at),
            SortKey::DueDate => loaded.due_at,
            SortKey::Priority => DateTime::from_timestamp(i64::from(priority_number(task.priority)), 0),
        };
        Self { value, id: task.id }
    }
}
