//! A recurring task's place in its series, and its successor.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::due::Due;
use crate::recurrence::{Anchor, Rule};
use crate::reminder::{Reminder, When};
use crate::task::{Status, Task};
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
    /// Gives the place of the first task of a series.
    pub fn first(id: Uuid, due: Due) -> Self {
        Self { id, start: due.local(), slot: due.local(), number: 1, follows: None }
    }
}

/// Gives the task that follows a completed one; `None` when it does not repeat, or the series has ended.
///
/// Missed occurrences are skipped unless the rule catches up; one completed early never comes back. The successor's identity is
/// derived from series and slot, so that two who compute it make one task.
pub fn successor(completed: &Task, user_zone: Tz, now: DateTime<Utc>) -> Option<Task> {
    let (rule, series, due) = (completed.recurrence.as_ref()?, completed.series?, completed.due?);
    let completed_at = completed.completed_at?;
    let zone = completed.zone(user_zone);
    let next = match rule.anchor() {
        Anchor::Due => {
            let today = zone::local(completed_at, zone).date();
            let is_missed = |slot: NaiveDateTime| match due {
                Due::Date(_) => slot.date() < today,
                Due::At { .. } => rule.instant(series.start, slot, zone) <= completed_at,
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
    let next_due = match due {
        Due::Date(_) => Due::Date(next.slot.date()),
        Due::At { .. } => due_at(rule, &next, zone),
    };
    let moved_by = next_due.sort_at(zone) - due.sort_at(zone);
    let move_along = |reminder: &Reminder| match reminder.when {
        When::Lead(_) => reminder.clone(),
        When::At(at) => Reminder { when: When::At(at + moved_by), ..reminder.clone() },
    };
    Some(Task {
        id: Uuid::new_v5(&series.id, next.slot.format("%Y-%m-%dT%H:%M:%S").to_string().as_bytes()),
        due: Some(next_due),
        status: Status::Active,
        reminders: completed.reminders.iter().map(move_along).collect(),
        series: Some(Series { follows: Some(completed.id), ..next }),
        created_at: now,
        updated_at: now,
        completed_at: None,
        version: 1,
        ..completed.clone()
    })
}

/// Gives the coming due times of a recurring task, its own first; of any other task only its own.
pub fn occurrences(task: &Task, user_zone: Tz, limit: usize) -> Vec<Due> {
    let Some(due) = task.due else { return Vec::new() };
    let zone = task.zone(user_zone);
    let (Some(rule), Some(series)) = (&task.recurrence, task.series) else { return vec![due] };
    let later = rule.preview(series.start, series.slot, series.number, limit, zone).into_iter().skip(1);
    let later = later.map(|slot| match due {
        Due::Date(_) => Due::Date(slot.date()),
        Due::At { .. } => due_at(rule, &Series { slot, ..series }, zone),
    });
    std::iter::once(due).chain(later).take(limit).collect()
}

/// Gives the due time of an occurrence that has a time of day.
fn due_at(rule: &Rule, series: &Series, zone: Tz) -> Due {
    Due::At {
        local: rule.wall(series.start, series.slot, zone),
        at: rule.instant(series.start, series.slot, zone),
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
            recurrence: Some(Rule::new(parts).expect("a rule")),
            series: Some(Series::first(Uuid::nil(), due)),
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
