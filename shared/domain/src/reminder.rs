//! When and how to remind of a task.

use std::fmt;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::due::Due;
use crate::settings::Settings;
use crate::task::{Status, Task};
use crate::zone;

/// How a reminder travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A mail.
    Email,
    /// A push message.
    Push,
}

impl Method {
    /// Gives the name used in the API and in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Push => "push",
        }
    }

    /// Parses the name used in the API.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Email, Self::Push].into_iter().find(|method| method.as_str() == name)
    }
}

/// The unit of a lead time: exact for minutes and hours, calendar for days and weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadUnit {
    /// `m`: 60 seconds.
    Minutes,
    /// `h`: 3,600 seconds.
    Hours,
    /// `d`: the same wall time on an earlier day.
    Days,
    /// `w`: the same wall time, weeks earlier.
    Weeks,
}

/// How long before the due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// How many units; together at most ten years.
    pub count: u32,
    /// Of what.
    pub unit: LeadUnit,
}

/// A lead time that can not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a number and a unit of m, h, d or w, such as \"15m\", \"2h\", \"1d\" or \"1w\", of ten years at most"
)]
pub struct LeadError;

impl Lead {
    /// Parses `15m`, `2h`, `1d` or `1w`.
    ///
    /// # Errors
    /// [`LeadError`] for any other form, and for more than ten years.
    pub fn parse(text: &str) -> Result<Self, LeadError> {
        let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(LeadError)?;
        let (unit, minutes) = match unit {
            "m" => (LeadUnit::Minutes, 1),
            "h" => (LeadUnit::Hours, 60),
            "d" => (LeadUnit::Days, 1_440),
            "w" => (LeadUnit::Weeks, 10_080),
            _ => return Err(LeadError),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(LeadError);
        }
        let count: u32 = digits.parse().map_err(|_| LeadError)?;
        let ten_years_minutes = 10 * 366 * 1_440;
        if u64::from(count) * minutes > ten_years_minutes { Err(LeadError) } else { Ok(Self { count, unit }) }
    }

    /// Gives the instant that lies this long after another, on the clocks of `zone`: at most ten years later.
    pub fn after(self, from: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        let later = |days: u32| {
            let local = zone::local(from, zone).checked_add_days(Days::new(u64::from(days)));
            local.map_or(DateTime::<Utc>::MAX_UTC, |local| zone::resolve(local, zone))
        };
        match self.unit {
            LeadUnit::Minutes => from + TimeDelta::minutes(i64::from(self.count)),
            LeadUnit::Hours => from + TimeDelta::hours(i64::from(self.count)),
            LeadUnit::Days => later(self.count),
            LeadUnit::Weeks => later(self.count * 7),
        }
    }

    /// Gives the instant that lies this long before a due time; whole days count from the user's reminder hour.
    fn before(self, due: Due, zone: Tz, reminder_hour: NaiveTime) -> DateTime<Utc> {
        let local = match due {
            Due::Date(date) => date.and_time(reminder_hour),
            Due::At { local, .. } => local,
        };
        let at = match due {
            Due::Date(_) => zone::resolve(local, zone),
            Due::At { at, .. } => at,
        };
        let days = |days: u32| match local.checked_sub_days(Days::new(u64::from(days))) {
            // A due time in the second pass of a fold is kept as it is.
            _ if days == 0 => at,
            Some(earlier) => zone::resolve(earlier, zone),
            None => DateTime::UNIX_EPOCH,
        };
        match self.unit {
            LeadUnit::Minutes => at - TimeDelta::minutes(i64::from(self.count)),
            LeadUnit::Hours => at - TimeDelta::hours(i64::from(self.count)),
            LeadUnit::Days => days(self.count),
            LeadUnit::Weeks => days(self.count * 7),
        }
    }
}

impl fmt::Display for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            LeadUnit::Minutes => 'm',
            LeadUnit::Hours => 'h',
            LeadUnit::Days => 'd',
            LeadUnit::Weeks => 'w',
        };
        write!(f, "{}{unit}", self.count)
    }
}

/// When to remind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long before the due time.
    Lead(Lead),
    /// At this instant, whatever the due time is.
    At(DateTime<Utc>),
}

/// One entry of a task's `reminder_config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// When.
    pub when: When,
    /// How.
    pub method: Method,
    /// Where to; `None`: the user's address at the time of sending.
    pub destination: Option<String>,
}

/// The most reminders a task can have.
pub const MAX_REMINDERS: usize = 16;

/// A reminder with its instant, ready to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Derived from task, instant, method and destination: one delivery, one identity.
    pub id: Uuid,
    /// When it is to be sent.
    pub trigger_at: DateTime<Utc>,
    /// How.
    pub method: Method,
    /// Where to.
    pub destination: Option<String>,
    /// Whether it lay in the past when it was planned, and is not to be sent.
    pub skipped: bool,
}

/// Gives the reminders that a task ought to have; none when it is not open.
///
/// A relative one that lies in the past is reported as skipped, and never fired late by mistake.
pub fn plan(task: &Task, settings: &Settings, now: DateTime<Utc>) -> Vec<Planned> {
    if task.status != Status::Active {
        return Vec::new();
    }
    let zone = task.zone(settings.time_zone);
    let mut planned: Vec<Planned> = Vec::new();
    for reminder in task.reminders.iter().cloned().chain(snoozed(task)) {
        let trigger_at = match (reminder.when, task.due) {
            (When::At(at), _) => at,
            (When::Lead(lead), Some(due)) => lead.before(due, zone, settings.reminder_time),
            (When::Lead(_), None) => continue,
        };
        let id = identity(task.id, trigger_at, &reminder);
        if planned.iter().all(|other| other.id != id) {
            let Reminder { method, destination, .. } = reminder;
            planned.push(Planned {
                id,
                trigger_at,
                method,
                destination,
                skipped: trigger_at < whole_second(now),
            });
        }
    }
    planned.sort_by_key(|reminder| (reminder.trigger_at, reminder.id));
    planned
}

/// A snooze reminds by every way that the task's reminders take; by e-mail when it has none.
fn snoozed(task: &Task) -> Vec<Reminder> {
    let Some(until) = task.snoozed_until else { return Vec::new() };
    let again = |reminder: &Reminder| Reminder { when: When::At(until), ..reminder.clone() };
    match &task.reminders[..] {
        [] => vec![Reminder { when: When::At(until), method: Method::Email, destination: None }],
        reminders => reminders.iter().map(again).collect(),
    }
}

/// A reminder "now" is still to come: due times have seconds, clocks have more.
fn whole_second(now: DateTime<Utc>) -> DateTime<Utc> {
    now.with_nanosecond(0).unwrap_or(now)
}

fn identity(task_id: Uuid, trigger_at: DateTime<Utc>, reminder: &Reminder) -> Uuid {
    let destination = reminder.destination.as_deref().unwrap_or("");
    let name = format!("{}|{}|{destination}", trigger_at.timestamp_micros(), reminder.method.as_str());
    Uuid::new_v5(&task_id, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YORK: Tz = chrono_tz::America::New_York;

    fn before(lead: &str, due: &str) -> String {
        let due = Due::parse(due, NEW_YORK).expect("a due time");
        let nine = NaiveTime::from_hms_opt(9, 0, 0).expect("a time");
        let at = Lead::parse(lead).expect("a lead time").before(due, NEW_YORK, nine);
        at.with_timezone(&NEW_YORK).to_rfc3339()
    }

    #[test]
    fn a_day_before_is_the_same_wall_time_and_24_hours_are_24_hours() {
        assert_eq!(before("1d", "2026-11-01T09:00:00"), "2026-10-31T09:00:00-04:00");
        assert_eq!(before("24h", "2026-11-01T09:00:00"), "2026-10-31T10:00:00-04:00");
    }

    #[test]
    fn reminders_of_a_whole_day_count_from_the_reminder_hour() {
        assert_eq!(before("0m", "2026-07-01"), "2026-07-01T09:00:00-04:00");
        assert_eq!(before("1w", "2026-07-08"), "2026-07-01T09:00:00-04:00");
    }

    #[test]
    fn what_is_no_lead_time_is_refused() {
        for text in ["", "m", "-1m", "1", "1.5h", "1 d", "15M", "99999999999h", "4000d", "1é"] {
            assert_eq!(Lead::parse(text), Err(LeadError), "{text}");
        }
    }
}
