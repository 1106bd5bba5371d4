//! Create, update, complete, reopen, delete, restore: one task, one change, one event, one commit.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::reminder::{self, Planned};
use domain::series::{Scope, Template};
use domain::settings::Settings;
use domain::task::{Change, Priority, Refusal as TaskRefusal, Status, Task};
use events::payload::{Actor, TaskChanged};
use events::{Answer, Cause, IdempotencyKey, JsonText, Refusal, TaskBody, Topic};
use serde_json::{Map, Value, json};
use store::idempotency::Record;
use store::quota::Amounts;
use store::tasks::{Loaded, Members, One, Together, Write, Written};
use uuid::Uuid;

use crate::input::{self, TaskFields};
use crate::merge;
use crate::snooze::SnoozeUntil;
use crate::{Application, refuse, undo};

/// How often a change is computed anew after another one came in between.
const TRIES: usize = 200;
/// How many tasks of a series are changed or deleted together.
const MAX_TOGETHER: usize = 5_000;

/// What a change of a task gives back.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The task afterwards.
    pub task: TaskBody,
    /// The answer to give; one given before when the idempotency key was seen before.
    pub answer: Answer,
}

/// A version that the client expects; from `If-Match`.
pub type Expected<'a> = Option<&'a (dyn Fn(i64) -> bool + Send + Sync)>;

/// Reads which of a series a change is meant for.
///
/// # Errors
/// [`Refusal::Malformed`] for anything but `this`, `following` and `all`.
pub fn scope(name: Option<&str>) -> Result<Option<Scope>, Refusal> {
    let message = "must be this, following or all".to_owned();
    let parse = |name| Scope::parse(name).ok_or(Refusal::Malformed { parameter: "scope", message });
    name.map(parse).transpose()
}

impl Application {
    /// Creates a task.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming every wrong field, [`Refusal::KeyInUse`], [`Refusal::KeyReused`], [`Refusal::Unavailable`].
    pub async fn create(
        &self,
        cause: &Cause,
        fields: &TaskFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer, Refusal> {
        let mut settings = self.remembered_settings(&cause.user_id).await?;
        let id = (cause.new_id)(cause.now);
        for _ in 0..TRIES {
            let task = match new_task(cause, id, fields, &settings) {
                Ok(task) => task,
                // What was sound when it was first sent may be in the past by now.
                Err(refusal) => return self.replay_or(cause, key, refusal).await,
            };
            let planned =
                plan_write(cause, None, task, &settings, Change::Created, &Actor::user(&cause.user_id));
            let _admitted = match self.admit(cause, &planned.write.adds).await {
                Ok(admitted) => admitted,
                Err(refusal) => return self.replay_or(cause, key, refusal).await,
            };
            let answer = Answer::task(planned.body.version, planned.json)
                .with_header("location", format!("/api/tasks/{id}"));
            let record =
                key.map(|key| Record { key: key.clone(), answer: answer.clone(), created_at: cause.now });
            match self.store.write(&planned.write, record.as_ref()).await.map_err(refuse)? {
                Written::Committed => {
                    (self.committed)();
                    return Ok(answer);
                }
                Written::SettingsChanged => settings = self.fresh_settings(&cause.user_id).await?,
                other => {
                    if let Some(answer) = self.settle_key(cause, key, other).await? {
                        return Ok(answer);
                    }
                }
            }
        }
        Err(too_busy())
    }

    /// Changes the fields that a merge patch (RFC 7396) names, and no others.
    ///
    /// # Errors
    /// Like [`Application::create`], and [`Refusal::NotFound`], [`Refusal::Stale`], [`Refusal::Conflict`] for a deleted task.
    pub async fn update(
        &self,
        cause: &Cause,
        id: Uuid,
        patch: &Map<String, Value>,
        expected: Expected<'_>,
        scope: Option<Scope>,
    ) -> Result<Answer, Refusal> {
        let change = |task: &Task, settings: &Settings| {
            let fields = TaskFields::parse(&merge::onto(task, patch), &[]).map_err(Refusal::Invalid)?;
            let changed =
                input::apply(&fields, task.clone(), settings, cause.now, scope).map_err(Refusal::Invalid)?;
            task.update(changed, cause.now).map_err(refused)
        };
        let with = With::Patch(patch, scope);
        Ok(self
            .change(cause, id, Change::Updated, Terms { expected, with, ..Terms::default() }, change)
            .await?
            .answer)
    }

    /// Reminds of a task once more at a later time, whatever its due time and its rule are.
    ///
    /// # Errors
    /// Like [`Application::update`], and [`Refusal::Conflict`] for one that is done.
    pub async fn snooze(
        &self,
        cause: &Cause,
        id: Uuid,
        until: &SnoozeUntil,
        key: Option<&IdempotencyKey>,
        expected: Expected<'_>,
    ) -> Result<Answer, Refusal> {
        let change = |task: &Task, settings: &Settings| {
            let until = until.instant(cause.now, task.zone(settings.time_zone)).map_err(Refusal::Invalid)?;
            task.snooze(until, cause.now).map_err(refused)
        };
        Ok(self
            .change(cause, id, Change::Updated, Terms { key, expected, ..Terms::default() }, change)
            .await?
            .answer)
    }

    /// Marks a task done; doing it twice is the same as once.
    ///
    /// # Errors
    /// Like [`Application::update`].
    pub async fn complete(
        &self,
        cause: &Cause,
        id: Uuid,
        key: Option<&IdempotencyKey>,
        expected: Expected<'_>,
    ) -> Result<Answer, Refusal> {
        let change = |task: &Task, _: &Settings| task.complete(cause.now).map_err(refused);
        Ok(self
            .change(cause, id, Change::Completed, Terms { key, expected, ..Terms::default() }, change)
            .await?
            .answer)
    }

    /// Opens a task again. Its successor, if nobody touched it, disappears; an edited one stays, and the answer's
    /// `Kaam-Successor-Kept` header names it.
    ///
    /// # Errors
    /// Like [`Application::update`].
    pub async fn reopen(
        &self,
        cause: &Cause,
        id: Uuid,
        key: Option<&IdempotencyKey>,
        expected: Expected<'_>,
    ) -> Result<Answer, Refusal> {
        let change = |task: &Task, settings: &Settings| {
            Ok(task.reopen(cause.now).map_err(refused)?.map(|task| in_present_zone(task, settings)))
        };
        let mut changed = self
            .change(cause, id, Change::Reopened, Terms { key, expected, ..Terms::default() }, change)
            .await?;
        changed.answer = self.name_kept_successor(cause, id, changed.answer).await?;
        Ok(changed.answer)
    }

    /// Deletes a task, restorably. Of a series, this one alone is skipped, and the series goes on with the next; or those after it
    /// are deleted too, and the series ends; or all of it is.
    ///
    /// # Errors
    /// Like [`Application::update`].
    pub async fn delete(
        &self,
        cause: &Cause,
        id: Uuid,
        expected: Expected<'_>,
        scope: Scope,
    ) -> Result<Answer, Refusal> {
        let change = |task: &Task, _: &Settings| {
            Ok(if scope == Scope::This { task.skip(cause.now) } else { task.delete(cause.now) })
        };
        self.change(
            cause,
            id,
            Change::Deleted,
            Terms { expected, with: With::Deletion(scope), ..Terms::default() },
            change,
        )
        .await?;
        Ok(Answer::json(&json!({"status": "deleted", "task_id": id})))
    }

    /// Brings a deleted task back; only reminders still to come are armed again. The one that a skipped task was followed by, if
    /// nobody touched it, disappears; an edited one stays, and the answer's `Kaam-Successor-Kept` header names it.
    ///
    /// # Errors
    /// Like [`Application::update`].
    pub async fn restore(
        &self,
        cause: &Cause,
        id: Uuid,
        key: Option<&IdempotencyKey>,
        expected: Expected<'_>,
    ) -> Result<Answer, Refusal> {
        let change = |task: &Task, settings: &Settings| {
            Ok(task.restore(cause.now).map(|task| in_present_zone(task, settings)))
        };
        let changed = self
            .change(cause, id, Change::Restored, Terms { key, expected, ..Terms::default() }, change)
            .await?;
        if changed.task.status != "active" {
            return Ok(changed.answer);
        }
        self.name_kept_successor(cause, id, changed.answer).await
    }

    /// Says in a header which task stays although the one that it followed is open again.
    async fn name_kept_successor(&self, cause: &Cause, id: Uuid, answer: Answer) -> Result<Answer, Refusal> {
        Ok(match self.kept_successor(&cause.user_id, id).await? {
            Some(kept) => answer.with_header("kaam-successor-kept", kept.to_string()),
            None => answer,
        })
    }

    /// Loads, decides and saves, again when another change came in between. A decision of `None` changes nothing, and is answered
    /// with the task as it is.
    pub(crate) async fn change(
        &self,
        cause: &Cause,
        id: Uuid,
        kind: Change,
        terms: Terms<'_>,
        decide: impl Fn(&Task, &Settings) -> Result<Option<Task>, Refusal>,
    ) -> Result<Changed, Refusal> {
        let Terms { key, expected, with } = terms;
        for _ in 0..TRIES {
            if let Some(link) = with.link() {
                self.check_unused(&cause.user_id, link).await?;
            }
            let Some(loaded) = self.store.task(&cause.user_id, id).await.map_err(refuse)? else {
                return Err(Refusal::NotFound("task"));
            };
            let settings = self.settings_of_version(&cause.user_id, loaded.settings_version).await?;
            if let Some(matches) = expected
                && !matches(loaded.task.version)
            {
                // A repeated request whose first answer was lost is not stale.
                let stale = Refusal::Stale { current: loaded.task.version };
                let answer = self.replay_or(cause, key, stale).await?;
                return Ok(Changed { task: body_of(&loaded, &settings), answer });
            }
            let record = |answer: &Answer| {
                key.map(|key| Record { key: key.clone(), answer: answer.clone(), created_at: cause.now })
            };
            let decided = match decide(&loaded.task, &settings) {
                Ok(decided) => decided,
                Err(refusal) => {
                    let answer = self.replay_or(cause, key, refusal).await?;
                    return Ok(Changed { task: body_of(&loaded, &settings), answer });
                }
            };
            let is_changed = decided.is_some();
            let actor = Actor::user(&cause.user_id);
            let planned =
                decided.map(|after| plan_write(cause, Some(&loaded), after, &settings, kind, &actor));
            let (write, task, json) = match planned {
                Some(PlannedWrite { write, body, json }) => (Some(write), body, json),
                None => {
                    let body = body_of(&loaded, &settings);
                    let json = JsonText::of(&body);
                    (None, body, json)
                }
            };
            let answer = Answer::task(task.version, json);
            let mut writes: Vec<_> = write.into_iter().collect();
            let mut series = None;
            if is_changed || with.scope(&loaded.task) != Scope::This {
                let (others, members) = self.plan_others(cause, &loaded.task, &settings, kind, with).await?;
                writes.extend(others);
                series = members;
            }
            let _admitted = match self.admit(cause, &added_by(&writes)).await {
                Ok(admitted) => admitted,
                Err(refusal) => {
                    let answer = self.replay_or(cause, key, refusal).await?;
                    return Ok(Changed { task: body_of(&loaded, &settings), answer });
                }
            };
            let together =
                Together { writes, key: record(&answer), link: with.link(), series, ..Together::default() };
            let written = match together.as_one() {
                One::Nothing => Written::Committed,
                One::Write(write) => self.store.write(write, together.key.as_ref()).await.map_err(refuse)?,
                One::Several => {
                    let id = (cause.new_id)(cause.now);
                    let written = self.store.write_together(id, &together, &cause.user_id, cause.now).await;
                    written.map_err(refuse)?
                }
            };
            if written == Written::Committed && !together.writes.is_empty() {
                (self.committed)();
            }
            match written {
                Written::Committed => return Ok(Changed { task, answer }),
                other => {
                    if let Some(answer) = self.settle_key(cause, key, other).await? {
                        return Ok(Changed { task, answer });
                    }
                }
            }
        }
        Err(too_busy())
    }

    /// Plans what goes with a change of a task: its untouched successor disappears when it is open again, others of its series are
    /// changed or deleted with it; then the series has to be as it was read.
    async fn plan_others(
        &self,
        cause: &Cause,
        before: &Task,
        settings: &Settings,
        kind: Change,
        with: With<'_>,
    ) -> Result<(Vec<Write>, Option<Members>), Refusal> {
        let was_skipped = before.skipped && before.completed_at.is_none();
        if kind == Change::Reopened || (kind == Change::Restored && was_skipped) {
            let (withdrawn, _) = self.plan_withdrawal(cause, before, settings).await?;
            return Ok((withdrawn.map(|planned| planned.write).into_iter().collect(), None));
        }
        let (scope, Some(series)) = (with.scope(before), before.series) else {
            return Ok((Vec::new(), None));
        };
        let after = match scope {
            Scope::This => return Ok((Vec::new(), None)),
            Scope::Following => Some(series.number),
            Scope::All => None,
        };
        let user_id = &cause.user_id;
        if let With::Patch(..) = with {
            // What is still to follow is to be changed too.
            for over in self.store.without_successor(user_id, series.id).await.map_err(refuse)? {
                self.spawn_successor(cause, over).await?;
            }
        }
        let members = self.store.members_of_series(user_id, series.id).await.map_err(refuse)?;
        let others = self.store.others_of_series(user_id, series, before.id, after).await.map_err(refuse)?;
        if others.len() > MAX_TOGETHER {
            let message =
                format!("the series has more than {MAX_TOGETHER} tasks, too many to change together");
            return Err(Refusal::Conflict(message));
        }
        let mut writes = Vec::new();
        for other in others {
            let changed = match with {
                With::Patch(patch, _) => change_likewise(&other.task, patch, settings, cause, scope)?,
                _ => other.task.delete(cause.now),
            };
            if let Some(changed) = changed {
                let actor = Actor::user(user_id);
                writes.push(plan_write(cause, Some(&other), changed, settings, kind, &actor).write);
            }
        }
        Ok((writes, Some(members)))
    }

    /// Plans the deletion of the others of a task's series, those before it and those after it; the series then has to be as it was
    /// read.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when there are too many of them, [`Refusal::Unavailable`].
    pub async fn plan_deletion_of_others(
        &self,
        cause: &Cause,
        task: &Task,
        settings: &Settings,
    ) -> Result<(Vec<Write>, Option<Members>), Refusal> {
        self.plan_others(cause, task, settings, Change::Deleted, With::Deletion(Scope::All)).await
    }

    /// Saves what a conversation changed, together with what was said, in one transaction.
    ///
    /// # Errors
    /// [`Refusal::KeyInUse`], [`Refusal::KeyReused`], [`Refusal::OverQuota`], [`Refusal::Unavailable`].
    pub async fn commit(&self, cause: &Cause, together: &Together) -> Result<Committed, Refusal> {
        let key = together.key.as_ref().map(|record| &record.key);
        let _admitted = match self.admit(cause, &added_by(&together.writes)).await {
            Ok(admitted) => admitted,
            Err(refusal) => return self.replay_or(cause, key, refusal).await.map(Committed::Before),
        };
        let id = (cause.new_id)(cause.now);
        let written = self.store.write_together(id, together, &cause.user_id, cause.now).await;
        let written = written.map_err(refuse)?;
        if written == Written::Committed {
            if !together.writes.is_empty() || together.settings.is_some() {
                (self.committed)();
            }
            return Ok(Committed::Yes);
        }
        Ok(match self.settle_key(cause, key, written).await? {
            Some(answer) => Committed::Before(answer),
            None => Committed::ComputeAnew,
        })
    }

    /// Gives the answer that the idempotency key already has; a request that is refused only because of what happened since is none
    /// that can be repeated safely.
    pub(crate) async fn replay_or(
        &self,
        cause: &Cause,
        key: Option<&IdempotencyKey>,
        refusal: Refusal,
    ) -> Result<Answer, Refusal> {
        match key {
            Some(key) => self.replay(cause, key).await?.ok_or(refusal),
            None => Err(refusal),
        }
    }

    /// Says what to do when nothing was written: give the key's answer again, refuse, or (`None`) compute anew.
    async fn settle_key(
        &self,
        cause: &Cause,
        key: Option<&IdempotencyKey>,
        written: Written,
    ) -> Result<Option<Answer>, Refusal> {
        match (written, key) {
            (Written::KeyInUse, _) => Err(Refusal::KeyInUse),
            // An answer older than 24 hours is forgotten by the look; then the request is a new one.
            (Written::KeyTaken, Some(key)) => self.replay(cause, key).await,
            (Written::SettingsChanged, _) => self.fresh_settings(&cause.user_id).await.map(|_| None),
            _ => Ok(None),
        }
    }
}

/// The terms on which a change is asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Terms<'a> {
    /// The answer is given again under this key.
    pub(crate) key: Option<&'a IdempotencyKey>,
    /// The version that it is meant for.
    pub(crate) expected: Expected<'a>,
    /// What goes with it.
    pub(crate) with: With<'a>,
}

/// What goes with a change: the same for others of the series, or the one-time link that asked for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum With<'a> {
    #[default]
    Nothing,
    Patch(&'a Map<String, Value>, Option<Scope>),
    Deletion(Scope),
    Link(Uuid),
}

impl With<'_> {
    fn link(self) -> Option<Uuid> {
        if let Self::Link(link) = self { Some(link) } else { None }
    }

    /// Gives which of a series are meant, of which `task` is one.
    fn scope(self, task: &Task) -> Scope {
        match self {
            Self::Nothing | Self::Link(_) => Scope::This,
            Self::Deletion(scope) | Self::Patch(_, Some(scope)) => scope,
            // Without another rule only the one is meant; then there is nothing to read.
            Self::Patch(patch, None) if !patch.contains_key("recurrence_rule") => Scope::This,
            Self::Patch(patch, None) => {
                let fields = TaskFields::parse(&merge::onto(task, patch), &[]).unwrap_or_default();
                input::scope_of(&fields, task)
            }
        }
    }
}

/// Gives another task of a series with what a patch changes: all but when it is due, and of one that is done only what it is called
/// and where it belongs. `None` when nothing differs.
fn change_likewise(
    task: &Task,
    patch: &Map<String, Value>,
    settings: &Settings,
    cause: &Cause,
    scope: Scope,
) -> Result<Option<Task>, Refusal> {
    if task.status == Status::Deleted {
        return Ok(None);
    }
    let of_one_that_is_open = ["reminder_config", "recurrence_rule"];
    let concerns = |name: &str| match name {
        "due_date" | "time_zone" => false,
        _ => task.status == Status::Active || !of_one_that_is_open.contains(&name),
    };
    let mut patch = patch.clone();
    patch.retain(|name, _| concerns(name));
    let fields = TaskFields::parse(&merge::onto(task, &patch), &[]).map_err(Refusal::Invalid)?;
    let changed = input::apply(&fields, task.clone(), settings, cause.now, Some(scope));
    task.update(changed.map_err(Refusal::Invalid)?, cause.now).map_err(refused)
}

/// What became of a commit of several changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    /// All of it is saved.
    Yes,
    /// The idempotency key has this answer; nothing was saved.
    Before(Answer),
    /// Something else changed meanwhile; nothing was saved.
    ComputeAnew,
}

/// A change that is ready to be saved, and the task as it will be shown.
#[derive(Debug, Clone)]
pub struct PlannedWrite {
    /// For the store.
    pub write: Write,
    /// For the user.
    pub body: TaskBody,
    /// The same, written.
    pub json: JsonText,
}

/// Computes a new task from its fields.
///
/// # Errors
/// [`Refusal::Invalid`] naming every wrong field.
pub fn new_task(cause: &Cause, id: Uuid, fields: &TaskFields, settings: &Settings) -> Result<Task, Refusal> {
    let Some(title) = fields.title.clone() else {
        return Err(Refusal::field("title", "is needed"));
    };
    let blank = Task {
        id,
        user_id: cause.user_id.clone(),
        title,
        description: None,
        due: None,
        time_zone: None,
        priority: Priority::default(),
        tags: Vec::new(),
        status: Status::Active,
        reminders: Vec::new(),
        recurrence: None,
        series: None,
        template: Template::default(),
        skipped: false,
        snoozed_until: None,
        created_at: cause.now,
        updated_at: cause.now,
        completed_at: None,
        version: 1,
    };
    input::apply(fields, blank, settings, cause.now, None).map_err(Refusal::Invalid)
}

/// Computes what has to be saved so that `after` takes the place of `before`.
pub fn plan_write(
    cause: &Cause,
    before: Option<&Loaded>,
    after: Task,
    settings: &Settings,
    kind: Change,
    actor: &Actor,
) -> PlannedWrite {
    plan_move(cause, before.map(|before| (before, settings)), after, settings, kind, actor)
}

/// Computes the same for a change of the settings themselves: the task before is shown with the settings before.
pub(crate) fn plan_move(
    cause: &Cause,
    before: Option<(&Loaded, &Settings)>,
    after: Task,
    settings: &Settings,
    kind: Change,
    actor: &Actor,
) -> PlannedWrite {
    let previous = before.map(|(before, settings)| JsonText::of(&body_of(before, settings)));
    let before = before.map(|(before, _)| before);
    let replan = before.is_none_or(|before| concerns_reminders(&before.task, &after));
    let reminders = replan.then(|| reminder::plan(&after, settings, cause.now));
    let adds = adds(before.map(|before| &before.task), &after, reminders.as_deref(), settings, cause.now);
    let reminder_id = match &reminders {
        Some(planned) => planned.iter().find(|one| !one.skipped).map(|one| one.id),
        None => before.and_then(|before| before.reminder_id),
    };
    let body = TaskBody::of(&after, settings.time_zone, reminder_id);
    let json = JsonText::of(&body);
    let payload = TaskChanged::written(previous.as_ref(), &json, actor);
    let id = after.id.to_string();
    // Whose task it is counts, not who changed it.
    let event = cause.event(Topic::TaskEvents, event_type(kind), &id, &id, payload);
    let due_at = after.due.map(|due| due.sort_at(after.zone(settings.time_zone)));
    let before = before.and_then(|before| undo::not_told(&before.task, &after));
    let settings_version = settings.version;
    let write =
        Write { due_at, event, reminders, settings_version, before, parent_version: None, adds, task: after };
    PlannedWrite { write, body, json }
}

fn concerns_reminders(before: &Task, after: &Task) -> bool {
    before.due != after.due
        || before.time_zone != after.time_zone
        || before.reminders != after.reminders
        || before.status != after.status
        || before.snoozed_until != after.snoozed_until
}

/// While it was not open, the user may have moved to another zone: a task without a zone of its own keeps its wall time.
pub fn in_present_zone(task: Task, settings: &Settings) -> Task {
    let zone = task.zone(settings.time_zone);
    Task { due: task.due.map(|due| due.moved_to(zone)), ..task }
}

fn body_of(loaded: &Loaded, settings: &Settings) -> TaskBody {
    TaskBody::of(&loaded.task, settings.time_zone, loaded.reminder_id)
}

/// Shows a loaded task.
pub(crate) fn show(loaded: &Loaded, zone: Tz) -> TaskBody {
    TaskBody::of(&loaded.task, zone, loaded.reminder_id)
}

/// Gives what a change adds to what the user has: a task that is new or open again, reminders that were not planned before.
fn adds(
    before: Option<&Task>,
    after: &Task,
    reminders: Option<&[Planned]>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Amounts {
    let was_open = before.is_some_and(|before| before.status == Status::Active);
    let is_opened = after.status == Status::Active && !was_open;
    let tasks = Amounts {
        open_tasks: is_opened.into(),
        created_tasks: before.is_none().into(),
        ..Amounts::default()
    };
    let Some(reminders) = reminders else { return tasks };
    let planned = before.map(|before| reminder::plan(before, settings, now));
    tasks.with_reminders(reminders, &planned.unwrap_or_default())
}

/// Gives what several changes add together.
fn added_by(writes: &[Write]) -> Amounts {
    let mut added = Amounts::default();
    writes.iter().for_each(|write| added.add(&write.adds));
    added
}

fn event_type(kind: Change) -> &'static str {
    match kind {
        Change::Created => "task.created",
        Change::Updated => "task.updated",
        Change::Completed => "task.completed",
        Change::Reopened => "task.reopened",
        Change::Deleted => "task.deleted",
        Change::Restored => "task.restored",
    }
}

pub(crate) fn refused(refusal: TaskRefusal) -> Refusal {
    Refusal::Conflict(refusal.to_string())
}

fn too_busy() -> Refusal {
    crate::lost_every_race("the task, which others keep changing,")
}
