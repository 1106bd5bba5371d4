//! A user's settings, and what moves with them.

use domain::settings::{Locale, PushSubscription, QuietHours, Settings, is_email, is_push_endpoint};
use domain::task::{Change, Task};
use domain::{reminder, zone};
use events::payload::{Actor, Audited};
use events::{Cause, Event, Issue, JsonText, Refusal, Topic};
use serde_json::{Map, Value, json};
use store::quota::Amounts;
use store::tasks::{Loaded, Together, Write};

use crate::change::{Committed, plan_move};
use crate::input::issue;
use crate::merge;
use crate::reminders::parse_time;
use crate::{Application, refuse};

/// The most push subscriptions a user can have.
const MAX_SUBSCRIPTIONS: usize = 16;
/// How often a change is computed anew after another one came in between.
const TRIES: usize = 10;

impl Application {
    /// Gives a user's settings as JSON.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn settings(&self, user_id: &str) -> Result<Value, Refusal> {
        Ok(show(&self.fresh_settings(user_id).await?))
    }

    /// Changes the settings that are given (RFC 7396: null resets), and no others. With a new zone, open tasks without a zone of their
    /// own keep their wall time, and their reminders move.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming every wrong field, [`Refusal::Unavailable`].
    pub async fn update_settings(&self, cause: &Cause, patch: &Map<String, Value>) -> Result<Value, Refusal> {
        for _ in 0..TRIES {
            let before = self.fresh_settings(&cause.user_id).await?;
            let defaults = Settings::defaults(self.default_zone);
            let after = apply(patch, &before, &defaults).map_err(Refusal::Invalid)?;
            if after == before {
                return Ok(show(&before));
            }
            let after = Settings { version: before.version + 1, ..after };
            let user_id = &cause.user_id;
            let event = updated(cause, &before, &after, Actor::user(user_id));
            let mut together = Together { settings: Some((after.clone(), event)), ..Together::default() };
            if before.time_zone != after.time_zone || before.reminder_time != after.reminder_time {
                let tasks = self.store.tasks_that_follow_settings(user_id).await.map_err(refuse)?;
                let moved = tasks.into_iter().filter_map(|task| move_along(cause, task, &before, &after));
                together.writes.extend(moved);
            }
            if self.commit(cause, &together).await? == Committed::Yes {
                self.fresh_settings(user_id).await?;
                self.move_latecomers(cause, &before, &after).await?;
                return Ok(show(&after));
            }
        }
        Err(too_busy())
    }

    /// Takes push subscriptions that are no more out of the settings of the cause's user, in the name of the function that found out.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn forget_push_subscriptions(
        &self,
        cause: &Cause,
        endpoints: &[String],
    ) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let before = self.fresh_settings(&cause.user_id).await?;
            let mut after = Settings { version: before.version + 1, ..before.clone() };
            after.push_subscriptions.retain(|one| !endpoints.contains(&one.endpoint));
            if after.push_subscriptions == before.push_subscriptions {
                return Ok(());
            }
            let event = updated(cause, &before, &after, Actor::service(cause.source_service));
            let together = Together { settings: Some((after, event)), ..Together::default() };
            if self.commit(cause, &together).await? == Committed::Yes {
                self.fresh_settings(&cause.user_id).await?;
                return Ok(());
            }
        }
        Err(too_busy())
    }
}

/// Gives the event that tells of new settings.
pub(crate) fn updated(cause: &Cause, before: &Settings, after: &Settings, actor: Actor) -> Event {
    let user_id = &cause.user_id;
    let audited = Audited {
        entity_type: "settings".to_owned(),
        entity_id: user_id.clone(),
        user_id: user_id.clone(),
        old_values: Some(show(before)),
        new_values: Some(show(after)),
        actor,
    };
    cause.event(Topic::AuditEvents, "settings.updated", user_id, user_id, JsonText::of(&audited))
}

fn too_busy() -> Refusal {
    crate::lost_every_race("the settings, which keep changing,")
}

impl Application {
    /// Moves the tasks that were committed with the old zone while the new one was on its way. Whoever comes later is held to the
    /// new settings by the store.
    async fn move_latecomers(
        &self,
        cause: &Cause,
        before: &Settings,
        after: &Settings,
    ) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let tasks = self.store.tasks_that_follow_settings(&cause.user_id).await.map_err(refuse)?;
            let stands_elsewhere = |task: &Task| {
                task.time_zone.is_none() && task.due != task.due.map(|due| due.moved_to(after.time_zone))
            };
            let late = tasks.into_iter().filter(stands_elsewhere);
            let writes: Vec<Write> = late.filter_map(|task| move_along(cause, task, before, after)).collect();
            if writes.is_empty() || self.fresh_settings(&cause.user_id).await?.version != after.version {
                return Ok(());
            }
            self.commit(cause, &Together { writes, ..Together::default() }).await?;
        }
        Ok(())
    }
}

/// Gives the change of an open task that new settings bring: another zone where it has none of its own, other reminders of a whole
/// day. `None` when neither concerns it. Nobody touched the task itself, so it does not count as edited.
fn move_along(cause: &Cause, task: Task, before: &Settings, after: &Settings) -> Option<Write> {
    let due = match task.time_zone {
        None => task.due.map(|due| due.moved_to(after.time_zone)),
        Some(_) => task.due,
    };
    let moves = task.zone(before.time_zone) != task.zone(after.time_zone);
    let moved = Task { due, version: task.version + 1, ..task.clone() };
    let reminders = reminder::plan(&moved, after, cause.now);
    if !moves && reminders == reminder::plan(&task, before, cause.now) {
        return None;
    }
    let loaded = Loaded { task, due_at: None, reminder_id: None, settings_version: after.version };
    // What the user did is to move; the tasks follow, and are not taken back one by one.
    let actor = Actor::service(cause.source_service);
    let planned = plan_move(cause, Some((&loaded, before)), moved, after, Change::Updated, &actor);
    // Nor do they add anything to what the user has: reminders are at another time, and as many.
    Some(Write { reminders: Some(reminders), adds: Amounts::default(), ..planned.write })
}

fn show(settings: &Settings) -> Value {
    let time = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    json!({
        "email": settings.email,
        "time_zone": settings.time_zone.name(),
        "locale": settings.locale.as_str(),
        "reminder_time": time(settings.reminder_time),
        "quiet_hours": settings.quiet_hours.map(|quiet| json!({"start": time(quiet.start), "end": time(quiet.end)})),
        "push_subscriptions": settings.push_subscriptions.iter().map(|one| {
            json!({"endpoint": one.endpoint, "keys": {"p256dh": one.p256dh, "auth": one.auth}})
        }).collect::<Vec<_>>(),
    })
}

fn apply(patch: &Map<String, Value>, before: &Settings, defaults: &Settings) -> Result<Settings, Vec<Issue>> {
    let (mut after, mut issues) = (before.clone(), Vec::new());
    for (name, value) in patch {
        let text = value.as_str();
        let wrong = |message: &str| message.to_owned();
        let outcome = match (name.as_str(), value) {
            ("email", Value::Null) => put(&mut after.email, Ok(None)),
            ("email", _) => {
                let address = text.filter(|text| is_email(text)).map(|text| Some(text.to_owned()));
                let missing = || wrong("must be one e-mail address, such as amna@example.org");
                put(&mut after.email, address.ok_or_else(missing))
            }
            ("time_zone", Value::Null) => put(&mut after.time_zone, Ok(defaults.time_zone)),
            ("time_zone", _) => {
                let zone = text.ok_or_else(|| wrong("must be a text"));
                let zone = zone.and_then(|text| zone::parse(text).map_err(|error| error.to_string()));
                put(&mut after.time_zone, zone)
            }
            ("locale", Value::Null) => put(&mut after.locale, Ok(defaults.locale)),
            ("locale", _) => {
                let missing = || wrong("must be \"en-US\", \"en-GB\" or \"ur-PK\"");
                put(&mut after.locale, text.and_then(Locale::parse).ok_or_else(missing))
            }
            ("reminder_time", Value::Null) => put(&mut after.reminder_time, Ok(defaults.reminder_time)),
            ("reminder_time", _) => {
                let missing = || wrong("must be a local time such as \"09:00\"");
                put(&mut after.reminder_time, text.and_then(parse_time).ok_or_else(missing))
            }
            ("quiet_hours", Value::Null) => put(&mut after.quiet_hours, Ok(None)),
            ("quiet_hours", _) => {
                let missing = || {
                    wrong(
                        "must be null or two different local times, such as {\"start\":\"22:00\",\"end\":\"07:00\"}",
                    )
                };
                put(
                    &mut after.quiet_hours,
                    quiet_hours(&merged_hours(before, value)).map(Some).ok_or_else(missing),
                )
            }
            ("push_subscriptions", Value::Null) => put(&mut after.push_subscriptions, Ok(Vec::new())),
            ("push_subscriptions", _) => {
                let missing = || {
                    format!(
                        "must be a list of at most {MAX_SUBSCRIPTIONS} browser subscriptions: a public https endpoint, keys.p256dh and keys.auth"
                    )
                };
                put(&mut after.push_subscriptions, subscriptions(value).ok_or_else(missing))
            }
            _ => Err(wrong("is not a setting")),
        };
        issues.extend(outcome.err().map(|message| issue(name, message)));
    }
    if issues.is_empty() { Ok(after) } else { Err(issues) }
}

fn put<T>(setting: &mut T, parsed: Result<T, String>) -> Result<(), String> {
    *setting = parsed?;
    Ok(())
}

/// RFC 7396: one end given alone moves that end.
fn merged_hours(before: &Settings, value: &Value) -> Value {
    match (show(before)["quiet_hours"].take(), value) {
        (Value::Object(present), Value::Object(changes)) => Value::Object(merge::object(present, changes)),
        _ => value.clone(),
    }
}

fn quiet_hours(value: &Value) -> Option<QuietHours> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    let time = |name: &str| object.get(name).and_then(Value::as_str).and_then(parse_time);
    let quiet = QuietHours { start: time("start")?, end: time("end")? };
    (quiet.start != quiet.end).then_some(quiet)
}

fn subscriptions(value: &Value) -> Option<Vec<PushSubscription>> {
    let one = |value: &Value| {
        let text = |value: &Value| value.as_str().filter(|text| text.len() <= 2_048).map(str::to_owned);
        let is_base64url = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
        let key = |value: &Value| {
            text(value).filter(|key| !key.is_empty() && key.len() <= 256 && key.chars().all(is_base64url))
        };
        let endpoint = text(value.get("endpoint")?).filter(|endpoint| is_push_endpoint(endpoint))?;
        let keys = value.get("keys")?;
        Some(PushSubscription { endpoint, p256dh: key(keys.get("p256dh")?)?, auth: key(keys.get("auth")?)? })
    };
    value.as_array().filter(|list| list.len() <= MAX_SUBSCRIPTIONS)?.iter().map(one).collect()
}
