//! Dates, times and repetitions in English: every date with its weekday, every time with its zone.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use domain::due::Due;
use domain::recurrence::{Anchor, Frequency, Parts, Rule, Until};
use domain::zone;

/// "Sunday, 22 November 2026".
pub(crate) fn day(date: NaiveDate) -> String {
    date.format("%A, %-d %B %Y").to_string()
}

/// "17:00".
pub(crate) fn time(time: NaiveTime) -> String {
    time.format(if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string()
}

/// "Sunday, 22 November 2026 at 17:00".
pub(crate) fn wall(local: NaiveDateTime) -> String {
    format!("{} at {}", day(local.date()), time(local.time()))
}

/// "Sunday, 22 November 2026 at 17:00 (Asia/Karachi)".
pub(crate) fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    format!("{} ({})", wall(zone::local(at, zone)), zone.name())
}

/// The same; "Sunday, 22 November 2026, all day (Asia/Karachi)" for a whole day.
pub(crate) fn due(due: Due, zone: Tz) -> String {
    match due {
        Due::Date(date) => format!("{}, all day ({})", day(date), zone.name()),
        Due::At { at, .. } => instant(at, zone),
    }
}

/// Says whether a range is one day from midnight to midnight.
pub(crate) fn is_whole_day(from: NaiveDateTime, to: NaiveDateTime) -> bool {
    from.time() == NaiveTime::MIN && to - from == TimeDelta::days(1)
}

/// "every 2 weeks on Monday and Friday, until Thursday, 31 December 2026".
pub(crate) fn repetition(rule: &Rule) -> String {
    let Some(parts) = rule.parts() else {
        return format!("by the rule {}", rule.rrule().unwrap_or_default());
    };
    let Parts { frequency, interval, weekdays, month_days, count, until, anchor, .. } = parts;
    let unit = match frequency {
        Frequency::Daily => "day",
        Frequency::Weekly => "week",
        Frequency::Monthly => "month",
        Frequency::Yearly => "year",
    };
    let mut text = if interval == 1 { format!("every {unit}") } else { format!("every {interval} {unit}s") };
    if !weekdays.is_empty() {
        text += &format!(" on {}", and(&weekdays.iter().map(|day| weekday(*day)).collect::<Vec<_>>()));
    }
    if !month_days.is_empty() {
        text += &format!(" on {}", and(&month_days.iter().map(|day| month_day(*day)).collect::<Vec<_>>()));
    }
    if anchor == Anchor::Completion {
        text += " after it is done";
    }
    match (count, until) {
        (Some(1), _) => text += ", once",
        (Some(count), _) => text += &format!(", {count} times"),
        (_, Some(Until::Date(last))) => text += &format!(", until {}", day(last)),
        (_, Some(Until::Local(last))) => text += &format!(", until {}", wall(last)),
        _ => {}
    }
    text
}

fn weekday(day: Weekday) -> String {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    NAMES[day.num_days_from_monday() as usize].to_owned()
}

fn month_day(day: i8) -> String {
    match day {
        -1 => "the last day".to_owned(),
        day if day < 0 => format!("the {} last day", ordinal(day.unsigned_abs())),
        day => format!("the {}", ordinal(day.unsigned_abs())),
    }
}

fn ordinal(number: u8) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// "a, b and c".
pub(crate) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_spelled_out_with_weekday_and_zone() {
        let at = "2026-11-22T12:00:00Z".parse().expect("an instant");
        assert_eq!(instant(at, Tz::Asia__Karachi), "Sunday, 22 November 2026 at 17:00 (Asia/Karachi)");
    }

    #[test]
    fn a_rule_is_spelled_out() {
        let rule = |parts| Rule::new(parts).map(|rule| repetition(&rule)).expect("a rule");
        let weekly = Parts {
            interval: 2,
            weekdays: vec![Weekday::Fri, Weekday::Mon],
            count: Some(5),
            ..Parts::every(Frequency::Weekly)
        };
        assert_eq!(rule(weekly), "every 2 weeks on Monday and Friday, 5 times");
        let monthly = Parts { month_days: vec![-1, 22], ..Parts::every(Frequency::Monthly) };
        assert_eq!(rule(monthly), "every month on the last day and the 22nd");
        let after = Parts { interval: 3, anchor: Anchor::Completion, ..Parts::every(Frequency::Daily) };
        assert_eq!(rule(after), "every 3 days after it is done");
    }
}
