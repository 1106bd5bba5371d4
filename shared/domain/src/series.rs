//! A recurring task's place in its series, and its successor.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::due::Due;
use crate::recurrence::{Anchor, Frequency, Parts, Rule};
use crate::reminder::{Reminder, When};
use crate::task::{Priority, Status, Task, Title};
use crate::zone;

/// Where in a series a task stands. The slot is what the rule gave; the due time may have been moved away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// The first task of the series.
    pub id: Uuid,
    /// The wall time that the rule counts from.
    pub start: NaiveDateTime,
    /// The wall time that the rule gave this occurrence.
    pub slot: NaiveDateTime,
    /// 1 for the first occurrence.
    pub number: u32,
    /// The completed task that this one followed; `None` for the first.
    pub follows: Option<Uuid>,
}

impl Series {
    /// Gives the place of the first task of a series whose rule counts from `due`, a wall time of `zone`.
    pub fn first(id: Uuid, rule: &Rule, due: Due, zone: Tz) -> Self {
        let (start, slot) = begin(rule, due, zone);
        Self { id, start, slot, number: 1, follows: None }
    }
}

/// Gives the start of a series, and the slot of its first occurrence, which is due at `due`.
fn begin(rule: &Rule, due: Due, zone: Tz) -> (NaiveDateTime, NaiveDateTime) {
    match due {
        Due::Date(_) => (due.local(), due.local()),
        Due::At { local, at } => rule.begin(at, local, zone),
    }
}

/// Which of a series a change is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// This occurrence.
    #[default]
    This,
    /// This one and those after it.
    Following,
    /// Those before it too.
    All,
}

impl Scope {
    /// Parses the name used in the API.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "this" => Some(Self::This),
            "following" => Some(Self::Following),
            "all" => Some(Self::All),
            _ => None,
        }
    }
}

/// A field in which an occurrence can differ from its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What is to be done.
    Title,
    /// More about it.
    Description,
    /// Until when.
    Due,
    /// The zone of its wall time.
    TimeZone,
    /// How much it matters.
    Priority,
    /// Its tags.
    Tags,
    /// When to remind of it.
    Reminders,
}

/// What a series has where one of its occurrences differs; `None`: it does not differ there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// What is to be done.
    pub title: Option<Title>,
    /// More about it.
    pub description: Option<Option<String>>,
    /// The zone of its wall time.
    pub time_zone: Option<Option<Tz>>,
    /// How much it matters.
    pub priority: Option<Priority>,
    /// Its tags.
    pub tags: Option<Vec<String>>,
    /// When to remind of it.
    pub reminders: Option<Vec<Reminder>>,
    /// Whether it is due on days rather than at times.
    pub all_day: Option<bool>,
}

impl Template {
    /// Gives the template after a change that is meant for one occurrence: what it had is what the series still has.
    #[must_use]
    pub fn remember(self, before: &Task, after: &Task) -> Self {
        fn kept<T: Clone + PartialEq>(series: Option<T>, before: &T, after: &T) -> Option<T> {
            let series =
                if before == after { series } else { Some(series.unwrap_or_else(|| before.clone())) };
            series.filter(|series| series != after)
        }
        Self {
            title: kept(self.title, &before.title, &after.title),
            description: kept(self.description, &before.description, &after.description),
            time_zone: kept(self.time_zone, &before.time_zone, &after.time_zone),
            priority: kept(self.priority, &before.priority, &after.priority),
            tags: kept(self.tags, &before.tags, &after.tags),
            reminders: kept(self.reminders, &before.reminders, &after.reminders),
            all_day: kept(self.all_day, &is_all_day(before), &is_all_day(after)),
        }
    }

    /// Gives the template after a change that is meant for those after it too: in the fields that it names, the occurrence differs no
    /// more.
    #[must_use]
    pub fn forget(self, named: impl Fn(Field) -> bool) -> Self {
        self.with(Self::default(), named)
    }

    /// Gives this template with the fields that are named as another has them.
    #[must_use]
    pub fn with(self, other: Self, named: impl Fn(Field) -> bool) -> Self {
        fn chosen<T>(this: Option<T>, other: Option<T>, is_named: bool) -> Option<T> {
            if is_named { other } else { this }
        }
        Self {
            title: chosen(self.title, other.title, named(Field::Title)),
            description: chosen(self.description, other.description, named(Field::Description)),
            time_zone: chosen(self.time_zone, other.time_zone, named(Field::TimeZone)),
            priority: chosen(self.priority, other.priority, named(Field::Priority)),
            tags: chosen(self.tags, other.tags, named(Field::Tags)),
            reminders: chosen(self.reminders, other.reminders, named(Field::Reminders)),
            all_day: chosen(self.all_day, other.all_day, named(Field::Due)),
        }
    }

    /// Gives an occurrence as the series has it.
    fn restore(self, task: Task) -> Task {
        Task {
            title: self.title.unwrap_or(task.title),
            description: self.description.unwrap_or(task.description),
            time_zone: self.time_zone.unwrap_or(task.time_zone),
            priority: self.priority.unwrap_or(task.priority),
            tags: self.tags.unwrap_or(task.tags),
            reminders: self.reminders.unwrap_or(task.reminders),
            template: Self::default(),
            ..task
        }
    }
}

fn is_all_day(task: &Task) -> bool {
    task.due.is_some_and(|due| due.is_all_day())
}

/// Moves a series so that the occurrence at its slot is due at `due`, and the later ones follow; `None` when the rule itself fixes
/// other days or times than that.
pub fn rebase(series: Series, rule: &Rule, due: Due, zone: Tz) -> Option<(Series, Rule)> {
    let (to, from) = (due.local(), series.slot);
    let text = rule.rrule().unwrap_or_default();
    let fixes = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if to.time() != from.time() && fixes(&["BYHOUR", "BYMINUTE", "BYSECOND"]) {
        return None;
    }
    if to.date() == from.date() && !rule.needs_time_of_day() {
        let at = |slot: NaiveDateTime| slot.date().and_time(to.time());
        return Some((Series { start: at(series.start), slot: at(series.slot), ..series }, rule.clone()));
    }
    if to.date() != from.date() && fixes(&["BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH"]) {
        return None;
    }
    let rule = match rule.parts() {
        Some(parts) => with_day_moved(parts, from.date(), to.date())?,
        None => rule.clone(),
    };
    let (start, slot) = begin(&rule, due, zone);
    Some((Series { start, slot, ..series }, rule))
}

/// Gives the rule with one of its days moved.
fn with_day_moved(mut parts: Parts, from: NaiveDate, to: NaiveDate) -> Option<Rule> {
    if parts.frequency == Frequency::Weekly && !parts.weekdays.is_empty() {
        let day = parts.weekdays.iter_mut().find(|day| **day == from.weekday())?;
        *day = to.weekday();
    }
    if parts.frequency == Frequency::Monthly && !parts.month_days.is_empty() {
        let [day] = &mut parts.month_days[..] else { return None };
        *day = i8::try_from(to.day()).ok()?;
    }
    Rule::new(parts).ok()
}

/// Gives the task that follows a completed or skipped one; `None` when it does not repeat, or the series has ended.
///
/// Missed occurrences are skipped unless the rule catches up; one completed early never comes back. The successor's identity is
/// derived from series and slot, so that two who compute it make one task.
pub fn successor(completed: &Task, user_zone: Tz, now: DateTime<Utc>) -> Option<Task> {
    let (rule, series) = (completed.recurrence.as_ref()?, completed.series?);
    let completed_at = match completed.status {
        Status::Completed => completed.completed_at?,
        Status::Deleted if completed.skipped => completed.completed_at.unwrap_or(completed.updated_at),
        Status::Active | Status::Deleted => return None,
    };
    let (is_all_day, zone) = (is_all_day_in_series(completed), zone_of_series(completed, user_zone));
    let occurrence = completed.template.clone().restore(completed.clone());
    let next = match rule.anchor() {
        Anchor::Due => {
            let today = zone::local(completed_at, zone).date();
            let is_missed = |slot: NaiveDateTime| match is_all_day {
                true => slot.date() < today,
                false => rule.instant(series.start, slot, zone) <= completed_at,
            };
            let follow = |slot: NaiveDateTime, number: u32| {
                rule.next_after(series.start, slot, zone).map(|next| Series {
                    slot: next,
                    number: number + 1,
                    ..series
                })
            };
            let mut next = follow(series.slot, series.number)?;
            if !rule.catches_up() && is_missed(next.slot) {
                if rule.count().is_none() {
                    // What lies between is at most a few slots.
                    let eve = rule.slot_before(series.start, completed_at, zone);
                    next = follow(eve.max(next.slot), next.number)?;
                }
                if rule.count().is_some() {
                    // What steps of the same length give needs no walk.
                    let last_missed = match is_all_day {
                        true => zone::start_of_day(today, zone) - TimeDelta::nanoseconds(1),
                        false => completed_at,
                    };
                    let (slot, number) =
                        rule.skip_to(series.start, next.slot, next.number, last_missed, zone);
                    next = Series { slot, number, ..next };
                }
                while is_missed(next.slot) {
                    if rule.count().is_some_and(|count| next.number >= count) {
                        return None;
                    }
                    next = follow(next.slot, next.number)?;
                }
            }
            next
        }
        Anchor::Completion => {
            let slot = rule.step_from(series.start, series.slot, completed_at, zone)?;
            Series { start: slot, slot, number: series.number + 1, ..series }
        }
    };
    if rule.count().is_some_and(|count| next.number > count) || !rule.reaches(next.start, next.slot, zone) {
        return None;
    }
    let next_due = due_at(rule, &next, is_all_day, zone);
    // What was moved is this occurrence; an absolute reminder belongs to where the rule had it.
    let moved_by = next_due.sort_at(zone) - due_at(rule, &series, is_all_day, zone).sort_at(zone);
    let move_along = |reminder: &Reminder| match reminder.when {
        When::Lead(_) => reminder.clone(),
        When::At(at) => Reminder { when: When::At(at + moved_by), ..reminder.clone() },
    };
    Some(Task {
        id: identity(completed.id, &next),
        due: Some(next_due),
        status: Status::Active,
        reminders: occurrence.reminders.iter().map(move_along).collect(),
        series: Some(Series { follows: Some(completed.id), ..next }),
        skipped: false,
        snoozed_until: None,
        created_at: now,
        updated_at: now,
        completed_at: None,
        version: 1,
        ..occurrence
    })
}

/// Derives the identity of the occurrence that follows a task. A series that was moved back, or got another rule, may come to the
/// same slot twice, but never after the same task.
fn identity(follows: Uuid, series: &Series) -> Uuid {
    let name = format!("{follows}/{}", series.slot.format("%Y-%m-%dT%H:%M:%S"));
    Uuid::new_v5(&series.id, name.as_bytes())
}

/// Says whether a task is as it was when it was made to follow `completed`, whatever was done to it in between.
pub fn is_as_made(task: &Task, completed: &Task, user_zone: Tz) -> bool {
    let Some(made) = successor(completed, user_zone, task.created_at) else { return false };
    let as_it_is = Task { updated_at: made.updated_at, version: made.version, ..task.clone() };
    as_it_is == made
}

/// Gives when an occurrence would be due if nobody had moved it.
pub fn unmoved_due(task: &Task, user_zone: Tz) -> Option<Due> {
    let (rule, series) = (task.recurrence.as_ref()?, task.series?);
    Some(due_at(rule, &series, is_all_day_in_series(task), zone_of_series(task, user_zone)))
}

/// Gives the coming due times of a recurring task, its own first, each with the zone of its wall time; of any other task only its own.
pub fn occurrences(task: &Task, user_zone: Tz, limit: usize) -> Vec<(Due, Tz)> {
    let Some(due) = task.due else { return Vec::new() };
    let own = (due, task.zone(user_zone));
    let (Some(rule), Some(series)) = (&task.recurrence, task.series) else { return vec![own] };
    let (is_all_day, zone) = (is_all_day_in_series(task), zone_of_series(task, user_zone));
    let later = rule.preview(series.start, series.slot, series.number, limit, zone).into_iter().skip(1);
    let later = later.map(|slot| (due_at(rule, &Series { slot, ..series }, is_all_day, zone), zone));
    std::iter::once(own).chain(later).take(limit).collect()
}

fn is_all_day_in_series(task: &Task) -> bool {
    task.template.all_day.unwrap_or(is_all_day(task))
}

fn zone_of_series(task: &Task, user_zone: Tz) -> Tz {
    task.template.time_zone.unwrap_or(task.time_zone).unwrap_or(user_zone)
}

/// Gives when the occurrence at a slot is due.
fn due_at(rule: &Rule, series: &Series, is_all_day: bool, zone: Tz) -> Due {
    match is_all_day {
        true => Due::Date(series.slot.date()),
        false => Due::At {
            local: rule.wall(series.start, series.slot, zone),
            at: rule.instant(series.start, series.slot, zone),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recurrence::{Frequency, Parts};
    use crate::task::{Priority, Title};

    const NEW_YORK: Tz = chrono_tz::America::New_York;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn task(due: &str, parts: Parts) -> Task {
        let due = Due::parse(due, NEW_YORK).expect("a due time");
        let rule = Rule::new(parts).expect("a rule");
        Task {
            id: Uuid::nil(),
            user_id: "amna".to_owned(),
            title: Title::parse("water the plants").expect("a title"),
            description: None,
            due: Some(due),
            time_zone: Some(NEW_YORK),
            priority: Priority::Medium,
            tags: Vec::new(),
            status: Status::Active,
            reminders: Vec::new(),
            recurrence: Some(rule.clone()),
            series: Some(Series::first(Uuid::nil(), &rule, due, NEW_YORK)),
            template: Template::default(),
            skipped: false,
            snoozed_until: None,
            created_at: instant("2026-01-01T00:00:00Z"),
            updated_at: instant("2026-01-01T00:00:00Z"),
            completed_at: None,
            version: 1,
        }
    }

    fn next(task: &Task, completed_at: &str) -> Option<Task> {
        let completed = task.complete(instant(completed_at)).expect("not deleted").expect("was open");
        successor(&completed, NEW_YORK, instant(completed_at))
    }

    fn due_of(task: Option<Task>) -> String {
        task.and_then(|task| task.due).map(|due| due.local().to_string()).unwrap_or_default()
    }

    #[test]
    fn a_daily_nine_stays_nine_across_clock_changes() {
        let task = task("2026-10-31T09:00:00", Parts::every(Frequency::Daily));
        let next = next(&task, "2026-10-31T14:00:00Z").expect("a successor");
        assert_eq!(next.due.map(|due| due.sort_at(NEW_YORK)), Some(instant("2026-11-01T14:00:00Z")));
    }

    #[test]
    fn missed_occurrences_are_skipped_unless_caught_up() {
        let daily = Parts::every(Frequency::Daily);
        let late = "2026-06-20T15:00:00Z";
        assert_eq!(due_of(next(&task("2026-06-01T09:00:00", daily.clone()), late)), "2026-06-21 09:00:00");
        let catching_up = Parts { catch_up: true, ..daily };
        assert_eq!(due_of(next(&task("2026-06-01T09:00:00", catching_up), late)), "2026-06-02 09:00:00");
    }

    #[test]
    fn an_occurrence_completed_early_never_comes_back() {
        let task = task("2026-06-20T09:00:00", Parts::every(Frequency::Weekly));
        assert_eq!(due_of(next(&task, "2026-06-01T00:00:00Z")), "2026-06-27 09:00:00");
    }

    #[test]
    fn counted_from_completion_the_wall_time_is_kept() {
        let parts = Parts { interval: 3, anchor: Anchor::Completion, ..Parts::every(Frequency::Daily) };
        assert_eq!(
            due_of(next(&task("2026-06-01T09:00:00", parts), "2026-06-11T02:00:00Z")),
            "2026-06-13 09:00:00"
        );
    }

    #[test]
    fn the_last_of_a_count_has_no_successor() {
        let parts = Parts { count: Some(2), ..Parts::every(Frequency::Daily) };
        let second = next(&task("2026-06-01T09:00:00", parts), "2026-06-01T12:00:00Z").expect("the second");
        assert_eq!(next(&second, "2026-06-02T14:00:00Z"), None);
    }

    #[test]
    fn moving_one_occurrence_does_not_move_the_series() {
        let mut task = task("2026-06-01T09:00:00", Parts::every(Frequency::Weekly));
        task.due = Some(Due::parse("2026-06-03T18:00:00", NEW_YORK).expect("a due time"));
        assert_eq!(due_of(next(&task, "2026-06-03T23:00:00Z")), "2026-06-08 09:00:00");
    }

    #[test]
    fn an_all_day_task_completed_late_is_due_today_if_the_rule_says_so() {
        let task = task("2026-06-01", Parts::every(Frequency::Daily));
        assert_eq!(due_of(next(&task, "2026-06-10T16:00:00Z")), "2026-06-10 00:00:00");
    }

    #[test]
    fn two_who_compute_the_successor_make_one_task() {
        let task = task("2026-06-01T09:00:00", Parts::every(Frequency::Daily));
        let ids = [next(&task, "2026-06-01T12:00:00Z"), next(&task, "2026-06-01T12:00:01Z")];
        assert_eq!(ids[0].as_ref().map(|task| task.id), ids[1].as_ref().map(|task| task.id));
    }
}
