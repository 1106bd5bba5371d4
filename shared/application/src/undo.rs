//! Taking back what a user did: the last thing, or any one change from a task's history.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use domain::due::Due;
use domain::series::{Field, Series};
use domain::settings::Settings;
use domain::task::{Change, Priority, Status, Task, Title};
use events::payload::Actor;
use events::{Answer, Cause, IdempotencyKey, Issue, Refusal, recurrence_rule, reminder_config};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::idempotency::Record;
use store::tasks::{Loaded, Together, Write};
use store::template;
use store::undo::Done;
use uuid::Uuid;

use crate::change::{Committed, PlannedWrite, in_present_zone, plan_write, show};
use crate::input::misfits;
use crate::{Application, refuse};

/// For how many days a change can be taken back.
pub const UNDO_DAYS: i64 = 30;
/// How often an undo is computed anew after another change came in between.
const TRIES: usize = 20;

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The last thing that the user did.
    Last,
    /// These changes, by their events.
    Events(Vec<Uuid>),
}

/// What takes something back, ready to be saved.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The changes that are taken back, in the order in which they were made.
    pub done: Vec<Done>,
    /// One change for each of them, in reverse order.
    pub reverting: Vec<PlannedWrite>,
    /// What goes with that: successors that disappear.
    pub extra: Vec<Write>,
    /// Each event with the one that takes it back.
    pub undone: Vec<(Uuid, Uuid)>,
    /// Whether a successor stays because it was edited.
    pub is_successor_kept: bool,
}

impl Plan {
    /// Says whether a task was changed after what is taken back.
    fn skips_versions(&self) -> bool {
        let last_version = |id: Uuid| {
            let of_task = self.done.iter().filter(|done| done.changed.task.id == id);
            of_task.map(|done| done.changed.task.version).max()
        };
        self.reverting.iter().any(|planned| {
            let task = &planned.write.task;
            last_version(task.id) != Some(task.version - 1)
        })
    }
}

impl Application {
    /// Takes back the last thing that the user did, or one change from a task's history; every task is as it was, and what others did
    /// since stays. Only reminders still to come are armed again.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an event that is not there, not the user's, or older than [`UNDO_DAYS`]; [`Refusal::Conflict`] when
    /// there is nothing to take back, or the same field was changed since; [`Refusal::KeyInUse`], [`Refusal::KeyReused`],
    /// [`Refusal::Unavailable`].
    pub async fn undo(
        &self,
        cause: &Cause,
        which: &Which,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer, Refusal> {
        for _ in 0..TRIES {
            let settings = self.fresh_settings(&cause.user_id).await?;
            let plan = match self.plan_undo(cause, &settings, which).await {
                Ok(plan) => plan,
                // What was taken back by this very request can not be taken back again.
                Err(refusal) => return self.replay_or(cause, key, refusal).await,
            };
            let answer = answer(&plan);
            let record =
                key.map(|key| Record { key: key.clone(), answer: answer.clone(), created_at: cause.now });
            let mut writes: Vec<_> = plan.reverting.into_iter().map(|planned| planned.write).collect();
            writes.extend(plan.extra);
            let together = Together { writes, key: record, undone: plan.undone, ..Together::default() };
            match self.commit(cause, &together).await? {
                Committed::Yes => return Ok(answer),
                Committed::Before(answer) => return Ok(answer),
                Committed::ComputeAnew => {}
            }
        }
        Err(crate::lost_every_race("the task, which others keep changing,"))
    }

    /// Computes what takes something back.
    ///
    /// # Errors
    /// Like [`Application::undo`].
    pub async fn plan_undo(
        &self,
        cause: &Cause,
        settings: &Settings,
        which: &Which,
    ) -> Result<Plan, Refusal> {
        let mut planned = Err(Refusal::Conflict("there is nothing to undo".to_owned()));
        for _ in 0..TRIES {
            let done = self.done(cause, which).await?;
            let events: Vec<_> = done.iter().map(|done| done.event_id).collect();
            planned = self.plan_reverting(cause, settings, done).await;
            // Between the two looks somebody else may have taken the same back, or done something after it.
            let is_doubtful = planned
                .as_ref()
                .map_or_else(|refusal| matches!(refusal, Refusal::Conflict(_)), Plan::skips_versions);
            let is_outrun = is_doubtful
                && *which == Which::Last
                && self.done(cause, which).await?.iter().map(|done| done.event_id).ne(events);
            if !is_outrun {
                break;
            }
        }
        planned
    }

    /// Gives the tasks that were changed again after what can for that reason not be taken back, as they are now; none when there is
    /// nothing to take back at all.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn changed_since(&self, cause: &Cause, which: &Which) -> Result<Vec<Task>, Refusal> {
        let done = match self.done(cause, which).await {
            Ok(done) => done,
            Err(Refusal::NotFound(_) | Refusal::Conflict(_)) => return Ok(Vec::new()),
            Err(refusal) => return Err(refusal),
        };
        let mut ids: Vec<_> = done.iter().map(|done| done.changed.task.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let now = self.store.tasks(&cause.user_id, &ids).await.map_err(refuse)?;
        let is_newer = |task: &Task| {
            let of_task = done.iter().filter(|done| done.changed.task.id == task.id);
            of_task.map(|done| done.changed.task.version).max().is_some_and(|last| last < task.version)
        };
        Ok(now.into_iter().map(|loaded| loaded.task).filter(is_newer).collect())
    }

    /// Gives what is to be taken back, in the order in which it was done.
    async fn done(&self, cause: &Cause, which: &Which) -> Result<Vec<Done>, Refusal> {
        let (user_id, since) = (&cause.user_id, cause.now - TimeDelta::days(UNDO_DAYS));
        let Which::Events(ids) = which else {
            return self.store.last_done(user_id, since).await.map_err(refuse);
        };
        let mut done = Vec::with_capacity(ids.len());
        for id in ids {
            let found = self.store.done(user_id, *id, since).await.map_err(refuse)?;
            done.push(found.ok_or(Refusal::NotFound("change to undo"))?);
        }
        match done.iter().find(|done| done.is_undone) {
            Some(undone) => {
                Err(Refusal::Conflict(format!("the change {} was undone already", undone.event_id)))
            }
            None => Ok(done),
        }
    }

    async fn plan_reverting(
        &self,
        cause: &Cause,
        settings: &Settings,
        done: Vec<Done>,
    ) -> Result<Plan, Refusal> {
        let user_id = &cause.user_id;
        let mut plan = Plan::default();
        for one in done.iter().rev() {
            let loaded = self.store.task(user_id, one.changed.task.id).await.map_err(refuse)?;
            let Some(loaded) = loaded else { continue };
            let Some((after, kind)) = revert(one, &loaded, settings, cause.now)? else { continue };
            if after.status == Status::Active && loaded.task.status != Status::Active {
                let (withdrawn, kept) = self.plan_withdrawal(cause, &loaded.task, settings).await?;
                plan.extra.extend(withdrawn.map(|planned| planned.write));
                plan.is_successor_kept |= kept;
            }
            let planned = plan_write(cause, Some(&loaded), after, settings, kind, &Actor::user(user_id));
            plan.undone.push((one.event_id, planned.write.event.event_id));
            plan.reverting.push(planned);
        }
        // A successor that is itself taken back does not have to disappear as well.
        let reverted: Vec<_> = plan.reverting.iter().map(|planned| planned.write.task.id).collect();
        plan.extra.retain(|write| !reverted.contains(&write.task.id));
        plan.done = done;
        if plan.reverting.is_empty() {
            return Err(Refusal::Conflict("there is nothing to undo".to_owned()));
        }
        Ok(plan)
    }
}

fn answer(plan: &Plan) -> Answer {
    let undone = plan.done.iter().filter(|done| plan.undone.iter().any(|(id, _)| *id == done.event_id));
    let undone = undone.map(
        |done| json!({"event_id": done.event_id, "action": done.event_type, "task_id": done.changed.task.id}),
    );
    Answer::json(&json!({
        "undone": undone.collect::<Vec<_>>(),
        "successor_kept": plan.is_successor_kept,
        "tasks": plan.reverting.iter().map(|planned| planned.body.to_json()).collect::<Vec<_>>(),
    }))
}

/// Gives the task as it was before a change, and the kind of change that this is; `None` when it is so already.
fn revert(
    done: &Done,
    loaded: &Loaded,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Option<(Task, Change)>, Refusal> {
    let task = &loaded.task;
    let conflict = |refusal: domain::task::Refusal| Refusal::Conflict(refusal.to_string());
    let present = |task| in_present_zone(task, settings);
    let (after, kind) = match done.event_type.as_str() {
        "task.created" => (task.delete(now), Change::Deleted),
        "task.completed" => (task.reopen(now).map_err(conflict)?.map(present), Change::Reopened),
        "task.reopened" => {
            let completed = task.complete(now).map_err(conflict)?;
            let completed_at =
                done.changed.changes.get("completed_at").and_then(|change| instant(&change["old"]));
            let completed =
                completed.map(|task| Task { completed_at: completed_at.or(task.completed_at), ..task });
            (completed, Change::Completed)
        }
        "task.deleted" => (task.restore(now).map(present), Change::Restored),
        "task.restored" => {
            let was_skipped = hidden_of(done)?.is_some_and(|hidden| hidden.before.skipped);
            (if was_skipped { task.skip(now) } else { task.delete(now) }, Change::Deleted)
        }
        _ => {
            let before = present(as_before(done, loaded, settings)?);
            if let Some(misfit) = misfits(&before).first() {
                let Issue { path, message } = misfit;
                return Err(Refusal::Conflict(format!(
                    "it does not fit what was changed since: {path} {message}"
                )));
            }
            (task.update(before, now).map_err(conflict)?, Change::Updated)
        }
    };
    Ok(after.map(|after| (after, kind)))
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    serde_json::from_value(value.clone()).ok()
}

/// Names the fields of an update that have other values by now. When a task is due counts by the wall: the user may have moved.
fn changed_since(
    changes: &Map<String, Value>,
    hidden: Option<&Hidden>,
    loaded: &Loaded,
    settings: &Settings,
) -> Vec<String> {
    let shown = show(loaded, settings.time_zone).to_json();
    let now = NotTold::of(&loaded.task);
    let differs = |field: &str, change: &Value| match (field, hidden) {
        ("due_date" | "all_day", Some(Hidden { after, .. })) => {
            (now.due_local, now.all_day) != (after.due_local, after.all_day)
        }
        ("time_zone", Some(Hidden { after, .. })) => now.time_zone != after.time_zone,
        ("recurrence_rule", Some(Hidden { after, .. })) => now.recurrence_rule != after.recurrence_rule,
        _ => shown[field] != change["new"],
    };
    let differing = changes.iter().filter(|(field, change)| differs(field, change));
    let mut fields: Vec<_> = differing.map(|(field, _)| field.clone()).collect();
    if hidden.is_some_and(|Hidden { before, after }| {
        before.series() != after.series() && now.series() != after.series()
    }) {
        fields.push("the series".to_owned());
    }
    fields
}

/// Gives the task with the fields that one update changed as they were before it.
fn as_before(done: &Done, loaded: &Loaded, settings: &Settings) -> Result<Task, Refusal> {
    let changes = &done.changed.changes;
    let hidden = hidden_of(done)?;
    let changed_since = changed_since(changes, hidden.as_ref(), loaded, settings);
    if !changed_since.is_empty() {
        let fields = changed_since.join(", ");
        return Err(Refusal::Conflict(format!(
            "changed again since, so that it can not be undone: {fields}"
        )));
    }
    let unreadable = || Refusal::Internal(format!("the event {} can not be undone", done.event_id).into());
    let hidden = hidden.map(|hidden| (hidden.before, hidden.after)).unzip();
    let (hidden, left) = hidden;
    let mut task = loaded.task.clone();
    for (field, change) in changes {
        let old = &change["old"];
        match field.as_str() {
            "title" => {
                task.title =
                    old.as_str().and_then(|title| Title::parse(title).ok()).ok_or_else(unreadable)?;
            }
            "description" => task.description = old.as_str().map(str::to_owned),
            "priority" => {
                task.priority = old.as_str().and_then(Priority::parse).ok_or_else(unreadable)?;
            }
            "tags" => task.tags = serde_json::from_value(old.clone()).map_err(|_| unreadable())?,
            "reminder_config" => {
                task.reminders = reminder_config::parse(old).map_err(|_| unreadable())?;
            }
            "due_date" | "all_day" => task.due = hidden.as_ref().ok_or_else(unreadable)?.due(),
            "time_zone" => {
                let hidden = hidden.as_ref().ok_or_else(unreadable)?;
                task.time_zone = hidden.time_zone.as_ref().and_then(|name| name.parse().ok());
                task.due = hidden.due();
            }
            "recurrence_rule" => {
                let rule = hidden.as_ref().ok_or_else(unreadable)?.recurrence_rule.clone();
                task.recurrence =
                    recurrence_rule::parse(&rule.unwrap_or_default()).map_err(|_| unreadable())?;
            }
            "snoozed_until" => task.snoozed_until = instant(old),
            _ => {}
        }
    }
    if let Some(hidden) = hidden {
        if left.is_some_and(|left| left.series() != hidden.series()) {
            task.series = hidden.series();
        }
        let template = hidden.series_template.as_ref().map(template::parse);
        let template = template.transpose().map_err(|_| unreadable())?.unwrap_or_default();
        task.template = task.template.with(template, |field| changes.contains_key(name_of(field)));
    }
    Ok(task)
}

/// Names a field in which an occurrence can differ from its series as it stands among the changes.
fn name_of(field: Field) -> &'static str {
    match field {
        Field::Title => "title",
        Field::Description => "description",
        Field::Due => "due_date",
        Field::TimeZone => "time_zone",
        Field::Priority => "priority",
        Field::Tags => "tags",
        Field::Reminders => "reminder_config",
    }
}

/// What a task has and does not show, or not whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NotTold {
    due_local: Option<NaiveDateTime>,
    due_at: Option<DateTime<Utc>>,
    all_day: bool,
    time_zone: Option<String>,
    recurrence_rule: Option<Value>,
    series_id: Option<Uuid>,
    series_start: Option<NaiveDateTime>,
    series_slot: Option<NaiveDateTime>,
    series_number: Option<u32>,
    follows: Option<Uuid>,
    series_template: Option<Value>,
    skipped: bool,
}

impl NotTold {
    fn of(task: &Task) -> Self {
        let at = |due: Due| match due {
            Due::Date(_) => None,
            Due::At { at, .. } => Some(at),
        };
        Self {
            due_local: task.due.map(|due| due.local()),
            due_at: task.due.and_then(at),
            all_day: task.due.is_some_and(|due| due.is_all_day()),
            time_zone: task.time_zone.map(|zone| zone.name().to_owned()),
            recurrence_rule: task.recurrence.as_ref().map(recurrence_rule::stored),
            series_id: task.series.map(|series| series.id),
            series_start: task.series.map(|series| series.start),
            series_slot: task.series.map(|series| series.slot),
            series_number: task.series.map(|series| series.number),
            follows: task.series.and_then(|series| series.follows),
            series_template: template::render(&task.template),
            skipped: task.skipped,
        }
    }

    fn due(&self) -> Option<Due> {
        match (self.due_local?, self.due_at) {
            (local, None) => Some(Due::Date(local.date())),
            (local, Some(at)) => Some(Due::At { local, at }),
        }
    }

    fn series(&self) -> Option<Series> {
        let (id, start, slot) = (self.series_id?, self.series_start?, self.series_slot?);
        Some(Series { id, start, slot, number: self.series_number?, follows: self.follows })
    }
}

/// What an undo of a change needs beside its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hidden {
    before: NotTold,
    after: NotTold,
}

/// Gives what an undo of a change needs beside its event; `None` when the event tells everything.
pub(crate) fn not_told(before: &Task, after: &Task) -> Option<Value> {
    let hidden = Hidden { before: NotTold::of(before), after: NotTold::of(after) };
    (hidden.before != hidden.after).then(|| json!(hidden))
}

/// Reads it again.
///
/// # Errors
/// [`Refusal::Internal`] when it is not readable.
fn hidden_of(done: &Done) -> Result<Option<Hidden>, Refusal> {
    let read = done.before.clone().map(serde_json::from_value).transpose();
    read.map_err(|error| Refusal::Internal(error.into()))
}
