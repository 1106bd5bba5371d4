//! `tasks`: one task at a time, each change with its event, its reminders and its idempotency key in one statement.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use domain::due::Due;
use domain::reminder::Planned;
use domain::series::{Series, Template};
use domain::settings::Settings;
use domain::task::{Priority, Status, Task, Title};
use events::{Event, recurrence_rule, reminder_config};
use serde_json::Value;

use uuid::Uuid;

use crate::idempotency::{self, Kept, Record};
use crate::outbox::shard_of;
use crate::quota::Amounts;
use crate::row_security::UserId;
use crate::session::Session;
use crate::tries::repeat;
use crate::{Error, Store, settings, template};

/// One task's change, whole.
#[derive(Debug, Clone)]
pub struct Write {
    /// The task afterwards.
    pub task: Task,
    /// What to sort it by.
    pub due_at: Option<DateTime<Utc>>,
    /// What tells of the change.
    pub event: Event,
    /// The reminders that it ought to have; `None` leaves them as they are.
    pub reminders: Option<Vec<Planned>>,
    /// The user's settings that the change was computed with.
    pub settings_version: i64,
    /// What was there before and the event does not tell, for an undo.
    pub before: Option<Value>,
    /// Of a successor, the version of the task that it follows.
    pub parent_version: Option<i64>,
    /// What it adds to what the user has; for quotas, and not saved.
    pub adds: Amounts,
}

/// A series as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Which.
    pub series_id: Uuid,
    /// Its tasks, by id.
    pub ids: Vec<Uuid>,
}

/// How much is to be saved.
#[derive(Debug)]
pub enum One<'a> {
    /// Nothing.
    Nothing,
    /// One change, and perhaps an answer to keep.
    Write(&'a Write),
    /// More than that.
    Several,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is committed.
    Committed,
    /// The task has another version by now, or the new one is there already. Nothing was written.
    Conflict,
    /// The user's settings changed meanwhile. Nothing was written.
    SettingsChanged,
    /// Another request with the same idempotency key is running. Nothing was written.
    KeyInUse,
    /// The idempotency key has an answer. Nothing was written.
    KeyTaken,
}

/// Several changes that are committed together, or not at all.
#[derive(Debug, Clone, Default)]
pub struct Together {
    /// Changes of tasks; version 1 is inserted, any other replaces its predecessor.
    pub writes: Vec<Write>,
    /// New settings, with their event.
    pub settings: Option<(Settings, Event)>,
    /// What was said.
    pub turn: Option<crate::conversations::Turn>,
    /// The answer to keep.
    pub key: Option<Record>,
    /// The events that this takes back, each with the one that does so.
    pub undone: Vec<(Uuid, Uuid)>,
    /// The one-time link that asks for this.
    pub link: Option<Uuid>,
    /// The series that has to have just these tasks.
    pub series: Option<Members>,
}

impl Together {
    /// Says whether this is one change, which takes one statement.
    pub fn as_one(&self) -> One<'_> {
        let Self { writes, settings, turn, key, undone, link, series } = self;
        let has_more = settings.is_some() || turn.is_some() || !undone.is_empty() || link.is_some();
        match &writes[..] {
            [] if !has_more && key.is_none() => One::Nothing,
            [write] if !has_more && series.is_none() => One::Write(write),
            _ => One::Several,
        }
    }
}

/// A task as it is loaded, with what is asked for beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The task.
    pub task: Task,
    /// What it is sorted by.
    pub due_at: Option<DateTime<Utc>>,
    /// Its next pending reminder.
    pub reminder_id: Option<Uuid>,
    /// The version of the user's settings at the same moment; 0 for a user who never chose.
    pub settings_version: i64,
}

/// The columns of `tasks`, and the next pending reminder.
#[derive(Debug)]
pub(crate) struct TaskRow {
    pub(crate) user_id: String,
    pub(crate) id: Uuid,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) due_local: Option<NaiveDateTime>,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) all_day: bool,
    pub(crate) time_zone: Option<String>,
    pub(crate) priority: i16,
    pub(crate) tags: Vec<String>,
    pub(crate) status: String,
    pub(crate) reminder_config: Option<Value>,
    pub(crate) recurrence_rule: Option<Value>,
    pub(crate) series_id: Option<Uuid>,
    pub(crate) series_start: Option<NaiveDateTime>,
    pub(crate) series_slot: Option<NaiveDateTime>,
    pub(crate) series_number: Option<i32>,
    pub(crate) follows: Option<Uuid>,
    pub(crate) series_template: Option<Value>,
    pub(crate) skipped: bool,
    pub(crate) snoozed_until: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) completed_at: Option<DateTime<Utc>>,
    pub(crate) version: i64,
    pub(crate) reminder_id: Option<Uuid>,
    pub(crate) settings_version: i64,
}

impl TryFrom<TaskRow> for Loaded {
    type Error = Error;

    fn try_from(row: TaskRow) -> Result<Self, Error> {
        let unreadable = |what: &'static str| move |why: String| Error::Unreadable(what, why);
        let due = match (row.all_day, row.due_local, row.due_at) {
            (true, Some(local), _) => Some(Due::Date(local.date())),
            (false, Some(local), Some(at)) => Some(Due::At { local, at }),
            _ => None,
        };
        let reminders = row.reminder_config.as_ref().map_or(Ok(Vec::new()), reminder_config::parse);
        let recurrence = row.recurrence_rule.as_ref().map_or(Ok(None), recurrence_rule::parse);
        let series = match (row.series_id, row.series_start, row.series_slot, row.series_number) {
            (Some(id), Some(start), Some(slot), Some(number)) => {
                let number = u32::try_from(number).unwrap_or(1);
                Some(Series { id, start, slot, number, follows: row.follows })
            }
            _ => None,
        };
        let task = Task {
            id: row.id,
            user_id: row.user_id,
            title: Title::parse(&row.title).map_err(|error| unreadable("a title")(error.to_string()))?,
            description: row.description,
            due,
            time_zone: match row.time_zone {
                Some(name) => Some(name.parse().map_err(|_| unreadable("a time zone")(name))?),
                None => None,
            },
            priority: priority(row.priority),
            tags: row.tags,
            status: Status::parse(&row.status).ok_or_else(|| unreadable("a status")(row.status))?,
            reminders: reminders.map_err(|issues| unreadable("a reminder_config")(format!("{issues:?}")))?,
            recurrence: recurrence
                .map_err(|issues| unreadable("a recurrence_rule")(format!("{issues:?}")))?,
            series,
            template: match &row.series_template {
                Some(value) => template::parse(value).map_err(unreadable("a series_template"))?,
                None => Template::default(),
            },
            skipped: row.skipped,
            snoozed_until: row.snoozed_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
            completed_at: row.completed_at,
            version: row.version,
        };
        let TaskRow { due_at, reminder_id, settings_version, .. } = row;
        Ok(Self { task, due_at, reminder_id, settings_version })
    }
}

fn priority(number: i16) -> Priority {
    match number {
        1 => Priority::Low,
        3 => Priority::High,
        _ => Priority::Medium,
    }
}

pub(crate) fn priority_number(priority: Priority) -> i16 {
    match priority {
        Priority::Low => 1,
        Priority::Medium => 2,
        Priority::High => 3,
    }
}

/// A query for whole tasks; what comes after `FROM tasks t` are literals with `+` between.
macro_rules! loaded {
    ($first:tt $(+ $more:tt)*, $($parameter:expr),+ $(,)?) => {
        sqlx::query_as!(
            TaskRow,
            r#"SELECT t.user_id, t.id, t.title, t.description, t.due_local, t.due_at, t.all_day, t.time_zone, t.priority,
                      t.tags, t.status, t.reminder_config, t.recurrence_rule, t.series_id, t.series_start, t.series_slot,
                      t.series_number, t.follows, t.series_template, t.skipped, t.snoozed_until, t.created_at,
                      t.updated_at, t.completed_at, t.version,
                      (SELECT r.id
                       FROM reminders r
                       WHERE r.user_id = t.user_id AND r.task_id = t.id AND r.status = 'pending'
                       ORDER BY r.trigger_time, r.id
                       LIMIT 1) AS reminder_id,
                      COALESCE((SELECT u.version FROM users u WHERE u.user_id = t.user_id), 0) AS "settings_version!"
               FROM tasks t
               "# + $first $(+ $more)*,
            $($parameter),+
        )
    };
}

pub(crate) use loaded;

impl Store {
    /// Gives a user's task.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn task(&self, user_id: &str, id: Uuid) -> Result<Option<Loaded>, Error> {
        let row = loaded!("WHERE t.user_id = $1 AND t.id = $2", UserId(user_id) as _, id,)
            .fetch_optional(&self.pool)
            .await?;
        row.map(Loaded::try_from).transpose()
    }

    /// Gives those of a user's tasks that are there, in the order of their ids as given.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tasks(&self, user_id: &str, ids: &[Uuid]) -> Result<Vec<Loaded>, Error> {
        let rows = loaded!("WHERE t.user_id = $1 AND t.id = ANY ($2)", UserId(user_id) as _, ids,)
            .fetch_all(&self.pool)
            .await?;
        let mut found = rows
            .into_iter()
            .map(|row| Loaded::try_from(row).map(|loaded| (loaded.task.id, loaded)))
            .collect::<Result<HashMap<Uuid, Loaded>, Error>>()?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Gives the task that followed a completed one.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn successor(&self, user_id: &str, completed: Uuid) -> Result<Option<Loaded>, Error> {
        let id = sqlx::query_scalar!(
            "SELECT id FROM tasks WHERE user_id = $1 AND follows = $2",
            UserId(user_id) as _,
            completed
        )
        .fetch_optional(&self.pool)
        .await?;
        match id {
            Some(id) => self.task(user_id, id).await,
            None => Ok(None),
        }
    }

    /// Gives every task of a series, deleted ones too.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn members_of_series(&self, user_id: &str, series_id: Uuid) -> Result<Members, Error> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM tasks WHERE user_id = $1 AND series_id = $2 ORDER BY id",
            UserId(user_id) as _,
            series_id,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Members { series_id, ids })
    }

    /// Gives the tasks of a series that are over and that none follows, the latest few.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn without_successor(&self, user_id: &str, series_id: Uuid) -> Result<Vec<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            r#"SELECT t.id
               FROM tasks t
               WHERE t.user_id = $1 AND t.series_id = $2 AND (t.status = 'completed' OR t.skipped)
                 AND t.recurrence_rule IS NOT NULL
                 AND NOT EXISTS (SELECT FROM tasks s WHERE s.user_id = $1 AND s.follows = t.id)
               ORDER BY t.series_number DESC
               LIMIT 3"#,
            UserId(user_id) as _,
            series_id,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Gives the other tasks of a series that are not deleted: those after number `after`, in order; `None` gives all.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn others_of_series(
        &self,
        user_id: &str,
        series: Series,
        except: Uuid,
        after: Option<u32>,
    ) -> Result<Vec<Loaded>, Error> {
        let ids = sqlx::query_scalar!(
            r#"SELECT id
               FROM tasks
               WHERE user_id = $1 AND series_id = $2 AND id <> $3 AND series_number > $4 AND status <> 'deleted'
               ORDER BY series_number, id"#,
            UserId(user_id) as _,
            series.id,
            except,
            after.map_or(0, |number| i32::try_from(number).unwrap_or(i32::MAX)),
        )
        .fetch_all(&self.pool)
        .await?;
        self.tasks(user_id, &ids).await
    }

    /// Gives a user's open tasks whose wall time follows the user's zone, or whose reminders the user's reminder hour, for a change
    /// of either.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tasks_that_follow_settings(&self, user_id: &str) -> Result<Vec<Task>, Error> {
        let rows = sqlx::query_as!(
            TaskRow,
            r#"SELECT user_id, id, title, description, due_local, due_at, all_day, time_zone, priority, tags, status,
                      reminder_config, recurrence_rule, series_id, series_start, series_slot, series_number, follows,
                      series_template, skipped, snoozed_until, created_at, updated_at, completed_at, version, NULL::uuid AS reminder_id,
                      0::bigint AS "settings_version!"
               FROM tasks
               WHERE user_id = $1 AND due_at IS NOT NULL AND (time_zone IS NULL OR all_day) AND status = 'active'
               ORDER BY due_at, id"#,
            UserId(user_id) as _,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Loaded::try_from(row).map(|loaded| loaded.task)).collect()
    }

    /// Saves one change, in one round trip and one commit.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the change may or may not be committed; an idempotency key makes a retry safe.
    pub async fn write(&self, write: &Write, key: Option<&Record>) -> Result<Written, Error> {
        repeat(write.event.event_id, || self.try_write(write, key)).await
    }

    async fn try_write(&self, write: &Write, key: Option<&Record>) -> Result<Written, Error> {
        let mut connection = self.pool.acquire().await?;
        let written = write_one(&mut connection, write, key).await?;
        connection.commit().await?;
        Ok(written)
    }

    /// Saves several changes in one transaction. `id` is one of its own.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn write_together(
        &self,
        id: Uuid,
        together: &Together,
        user_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Written, Error> {
        repeat(id, || self.try_write_together(together, user_id, now)).await
    }

    async fn try_write_together(
        &self,
        together: &Together,
        user_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Written, Error> {
        let mut transaction = self.pool.begin().await?;
        if let Some(key) = &together.key {
            match idempotency::keep(&mut transaction, user_id, key).await? {
                Kept::Yes => {}
                Kept::InUse => return Ok(Written::KeyInUse),
                Kept::Taken => return Ok(Written::KeyTaken),
            }
        }
        if let Some((changed, event)) = &together.settings {
            if !settings::save(&mut transaction, user_id, changed, now).await? {
                return Ok(Written::SettingsChanged);
            }
            crate::outbox::append(&mut transaction, event).await?;
        }
        if let Some(members) = &together.series
            && !are_all(&mut transaction, user_id, members).await?
        {
            return Ok(Written::Conflict);
        }
        // In one order, so that two who change the same tasks wait for each other instead of locking each other out.
        let mut writes: Vec<_> = together.writes.iter().collect();
        writes.sort_by_key(|write| write.task.id);
        for write in writes {
            let written = write_one(&mut transaction, write, None).await?;
            if written != Written::Committed {
                return Ok(written);
            }
        }
        if !crate::undo::mark(&mut transaction, user_id, &together.undone, now).await? {
            return Ok(Written::Conflict);
        }
        if let Some(link) = together.link
            && !crate::links::mark(&mut transaction, user_id, link, now).await?
        {
            return Ok(Written::Conflict);
        }
        if let Some(turn) = &together.turn
            && !crate::conversations::save(&mut transaction, user_id, turn).await?
        {
            return Ok(Written::Conflict);
        }
        transaction.commit().await?;
        Ok(Written::Committed)
    }
}

/// Says whether a series still has just these tasks, and keeps it so until the end of the transaction: whoever adds a successor holds
/// the task that it follows.
async fn are_all(connection: &mut Session, user_id: &str, members: &Members) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM tasks WHERE user_id = $1 AND series_id = $2 ORDER BY id FOR UPDATE",
        UserId(user_id) as _,
        members.series_id,
    )
    .fetch_all(connection)
    .await?;
    Ok(found == members.ids)
}

async fn write_one(connection: &mut Session, write: &Write, key: Option<&Record>) -> Result<Written, Error> {
    let outcome = if write.task.version == 1 {
        insert(connection, write, key).await
    } else {
        update(connection, write, key).await
    };
    match outcome {
        Ok(Outcome { free: false, .. }) => Ok(Written::KeyInUse),
        Ok(Outcome { taken: true, .. }) => Ok(Written::KeyTaken),
        Ok(Outcome { current: false, .. }) => Ok(Written::SettingsChanged),
        Ok(Outcome { written: false, .. }) => Ok(Written::Conflict),
        Ok(_) => Ok(Written::Committed),
        // The other request committed after this statement began.
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("idempotency_keys_pkey") => {
            Ok(Written::KeyTaken)
        }
        // Another task follows the same one by now.
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("tasks_follow_once") => {
            Ok(Written::Conflict)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug)]
struct Outcome {
    free: bool,
    taken: bool,
    current: bool,
    written: bool,
}

/// The reminders of a change, as columns.
struct ReminderColumns {
    ids: Vec<Uuid>,
    trigger_times: Vec<DateTime<Utc>>,
    methods: Vec<String>,
    destinations: Vec<Option<String>>,
    statuses: Vec<String>,
}

impl ReminderColumns {
    fn of(planned: &[Planned]) -> Self {
        Self {
            ids: planned.iter().map(|one| one.id).collect(),
            trigger_times: planned.iter().map(|one| one.trigger_at).collect(),
            methods: planned.iter().map(|one| one.method.as_str().to_owned()).collect(),
            destinations: planned.iter().map(|one| one.destination.clone()).collect(),
            statuses: planned
                .iter()
                .map(|one| if one.skipped { "skipped" } else { "pending" }.to_owned())
                .collect(),
        }
    }
}

/// A statement that saves a task: $1–$22 and $47–$49 the task, $23 the settings' version, $24–$34 the event, $35–$39 the reminders,
/// $40–$46 the idempotency key, and from $50 on what only this one has.
macro_rules! saving {
    ($connection:expr, $write:expr, $key:expr, $sql:literal $(, $more:expr)* $(,)?) => {{
        let (write, key): (&Write, Option<&Record>) = ($write, $key);
        let (task, event) = (&write.task, &write.event);
        let reminders = ReminderColumns::of(write.reminders.as_deref().unwrap_or_default());
        sqlx::query_as!(
            Outcome,
            $sql,
            UserId(&task.user_id) as _,
            task.id,
            task.title.as_str(),
            task.description.as_deref(),
            task.due.map(|due| due.local()),
            write.due_at,
            task.due.is_some_and(|due| due.is_all_day()),
            task.time_zone.map(|zone| zone.name()),
            priority_number(task.priority),
            &task.tags,
            task.status.as_str(),
            stored_reminders(task),
            task.recurrence.as_ref().map(recurrence_rule::stored),
            task.series.map(|series| series.id),
            task.series.map(|series| series.start),
            task.series.map(|series| series.slot),
            task.series.map(series_number),
            task.created_at,
            task.series.and_then(|series| series.follows),
            task.updated_at,
            task.completed_at,
            task.version,
            write.settings_version,
            event.event_id,
            event.topic.as_str(),
            event.event_type,
            event.key,
            event.subject,
            shard_of(&event.key),
            event.payload.as_str(),
            event.correlation_id,
            event.traceparent,
            event.source_service,
            event.timestamp,
            &reminders.ids,
            &reminders.trigger_times,
            &reminders.methods,
            &reminders.destinations as &[Option<String>],
            &reminders.statuses,
            key.map(|key| key.lock(&task.user_id)),
            key.map(|key| key.key.route.as_str()),
            key.map(|key| key.key.key.as_str()),
            key.map(|key| key.key.fingerprint.as_slice()),
            key.and_then(|key| i16::try_from(key.answer.status).ok()),
            key.map(Record::headers),
            key.map(|key| key.answer.body.as_slice()),
            template::render(&task.template),
            task.skipped,
            task.snoozed_until,
            $($more,)*
        )
        .fetch_one($connection)
        .await
    }};
}

/// Inserts a task that is not there yet. The gate lets nothing through when the settings are stale, when the same key is in
/// use or has an answer, or when the completed task that a successor follows is not completed any more.
async fn insert(
    connection: &mut Session,
    write: &Write,
    key: Option<&Record>,
) -> Result<Outcome, sqlx::Error> {
    saving!(
        connection,
        write,
        key,
        r#"WITH parent AS (
               SELECT id
               FROM tasks
               WHERE user_id = $1 AND id = $19 AND version = $50
                 AND (status = 'completed' OR status = 'deleted' AND skipped)
               FOR SHARE
           ), gate AS MATERIALIZED (
               SELECT CASE WHEN $40::bigint IS NULL THEN true ELSE pg_try_advisory_xact_lock($40) END AS free,
                      EXISTS (
                          SELECT FROM idempotency_keys WHERE user_id = $1 AND route = $41 AND key = $42
                      ) AS taken,
                      COALESCE((SELECT version FROM users WHERE user_id = $1 FOR SHARE), 0) = $23 AS current,
                      ($19::uuid IS NULL OR EXISTS (SELECT FROM parent)) AS follows
           ), task AS (
               INSERT INTO tasks (user_id, id, title, description, due_local, due_at, all_day, time_zone, priority, tags,
                                  status, reminder_config, recurrence_rule, series_id, series_start, series_slot,
                                  series_number, created_at, follows, updated_at, completed_at, version,
                                  series_template, skipped, snoozed_until)
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                      $47, $48, $49
               FROM gate
               WHERE free AND NOT taken AND current AND follows
               ON CONFLICT DO NOTHING
               RETURNING 1
           ), event AS (
               INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload,
                                   correlation_id, traceparent, source_service, timestamp)
               SELECT $1, $24, $25, $26, $27, $28, $29, $30::text::jsonb, $31, $32, $33, $34
               FROM task
           ), reminder AS (
               INSERT INTO reminders (user_id, id, task_id, trigger_time, delivery_method, destination, status)
               SELECT $1, new.id, $2, new.trigger_time, new.delivery_method, new.destination, new.status
               FROM task,
                    UNNEST($35::uuid[], $36::timestamptz[], $37::text[], $38::text[], $39::text[])
                        AS new (id, trigger_time, delivery_method, destination, status)
           ), kept AS (
               INSERT INTO idempotency_keys (user_id, route, key, fingerprint, status, headers, body, created_at)
               SELECT $1, $41, $42, $43, $44, $45, $46, $18
               FROM task
               WHERE $40 IS NOT NULL
           )
           SELECT free AS "free!", taken AS "taken!", current AS "current!", EXISTS (SELECT FROM task) AS "written!"
           FROM gate"#,
        write.parent_version,
    )
}

/// Replaces a task if its predecessor is still the newest, and brings its reminders in line: what it ought no longer to have
/// is cancelled, what it ought to have again is armed again, what was sent stays sent.
async fn update(
    connection: &mut Session,
    write: &Write,
    key: Option<&Record>,
) -> Result<Outcome, sqlx::Error> {
    saving!(
        connection,
        write,
        key,
        r#"WITH gate AS MATERIALIZED (
               SELECT CASE WHEN $40::bigint IS NULL THEN true ELSE pg_try_advisory_xact_lock($40) END AS free,
                      EXISTS (
                          SELECT FROM idempotency_keys WHERE user_id = $1 AND route = $41 AND key = $42
                      ) AS taken,
                      COALESCE((SELECT version FROM users WHERE user_id = $1 FOR SHARE), 0) = $23 AS current
           ), task AS (
               UPDATE tasks
               SET title = $3, description = $4, due_local = $5, due_at = $6, all_day = $7, time_zone = $8,
                   priority = $9, tags = $10, status = $11, reminder_config = $12, recurrence_rule = $13,
                   series_id = $14, series_start = $15, series_slot = $16, series_number = $17, created_at = $18,
                   follows = $19, updated_at = $20, completed_at = $21, version = $22, series_template = $47,
                   skipped = $48, snoozed_until = $49
               FROM gate
               WHERE user_id = $1 AND id = $2 AND version = $22::bigint - 1
                 AND free AND NOT taken AND current
               RETURNING 1
           ), event AS (
               INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload,
                                   correlation_id, traceparent, source_service, timestamp, before)
               SELECT $1, $24, $25, $26, $27, $28, $29, $30::text::jsonb, $31, $32, $33, $34, $51
               FROM task
           ), cancelled AS (
               UPDATE reminders
               SET status = 'cancelled'
               FROM task
               WHERE user_id = $1 AND task_id = $2 AND status IN ('pending', 'queued') AND $50 AND NOT id = ANY ($35)
           ), armed AS (
               INSERT INTO reminders (user_id, id, task_id, trigger_time, delivery_method, destination, status)
               SELECT $1, new.id, $2, new.trigger_time, new.delivery_method, new.destination, new.status
               FROM task,
                    UNNEST($35::uuid[], $36::timestamptz[], $37::text[], $38::text[], $39::text[])
                        AS new (id, trigger_time, delivery_method, destination, status)
               ON CONFLICT (user_id, id) DO UPDATE
               SET status = EXCLUDED.status, retry_count = 0, next_attempt_at = NULL, sent_at = NULL, delivered_to = '{}',
                   digest_id = NULL
               WHERE reminders.status IN ('cancelled', 'skipped')
           ), kept AS (
               INSERT INTO idempotency_keys (user_id, route, key, fingerprint, status, headers, body, created_at)
               SELECT $1, $41, $42, $43, $44, $45, $46, $20
               FROM task
               WHERE $40 IS NOT NULL
           )
           SELECT free AS "free!", taken AS "taken!", current AS "current!", EXISTS (SELECT FROM task) AS "written!"
           FROM gate"#,
        write.reminders.is_some(),
        write.before,
    )
}

fn stored_reminders(task: &Task) -> Option<Value> {
    Some(reminder_config::render(&task.reminders)).filter(|config| !config.is_null())
}

fn series_number(series: Series) -> i32 {
    i32::try_from(series.number).unwrap_or(i32::MAX)
}
