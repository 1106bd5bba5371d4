//! Repetitions: "every other tuesday", "weekly on monday and friday", "on the 15th of every month".
//!
//! What [`domain::recurrence::Rule`] can not hold is read as [`Reading::Unsupported`], and nothing of it is applied.

use chrono::{NaiveDate, Weekday};
use domain::recurrence::{Anchor, Frequency, Parts};

use crate::english::clock;
use crate::english::date;
use crate::english::date::Place;
use crate::english::duration;
use crate::english::fixed_date;
use crate::english::names;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::clock::Part;
use crate::meaning::lead::Lead;
use crate::meaning::length::Unit;
use crate::meaning::repetition::{Repetition, Special};
use crate::token::Text;

/// What a repetition phrase says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A repetition.
    Rule(Repetition),
    /// One that can not be kept.
    Unsupported,
}

const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
const WEEKEND: [Weekday; 2] = [Weekday::Sat, Weekday::Sun];

/// Reads a repetition.
pub(crate) fn read(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let (reading, end) = every(text, at, place, today, day_first)
        .or_else(|| adverb(text, at, place))
        .or_else(|| times_a(text, at))
        .or_else(|| plural(text, at, place))
        .or_else(|| of_every_month(text, at))
        .or_else(|| after_done(text, at))?;
    Some(match (reading, except(text, end)) {
        (Reading::Rule(rule), Some((days, end))) => (without(rule, &days), end),
        (Reading::Rule(_), None) if text.is_any(end, &["except", "excluding"]) => {
            (Reading::Unsupported, end + 2)
        }
        (reading, _) => (reading, end),
    })
}

/// Reads what makes a rule count from its completion: "after I finish".
pub(crate) fn read_after_done(text: &Text<'_>, at: usize) -> Option<usize> {
    #[rustfmt::skip]
    const PHRASES: &[&str] = &[
        "after i finish", "after i complete", "after i'm done", "after i am done", "after i have finished",
        "after i've finished", "after i do", "after finishing", "after completing", "after completion",
        "after the last completion", "after it's done", "after it is done", "after it's completed",
        "after it is completed", "after it's finished", "after it is finished", "after being done",
        "after done", "from completion", "from the completion", "from when i finish",
        "from the day i finish", "once i finish", "when i finish", "after my completion",
        "after each completion",
    ];
    let end = text.after_any(at, PHRASES)?;
    Some(
        text.after_any(end, &["doing it", "the last one", "the task", "with it", "it", "them"])
            .unwrap_or(end),
    )
}

/// Reads how often in all: "for 5 times", "10 times".
pub(crate) fn read_times(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let start = text.after_any(at, &["for the next", "for", "only"]).unwrap_or(at);
    let (count, end) = number::read(text, start)?;
    let end =
        text.after_any(end, &["times in total", "times in all", "times", "occurrences", "repetitions"])?;
    Some((count, end))
}

fn rule(parts: Parts, end: usize) -> Option<(Reading, usize)> {
    Some((Reading::Rule(Repetition::pattern(parts)), end))
}

fn special(special: Special, interval: u32, weekdays: Vec<Weekday>, end: usize) -> Option<(Reading, usize)> {
    Some((Reading::Rule(Repetition::special(special, interval, weekdays)), end))
}

/// "the last *friday*" of every so many months; of several days no single one is meant.
fn nth_weekday(
    text: &Text<'_>,
    days: &[i8],
    at: usize,
    interval: u32,
    end: usize,
) -> Option<(Reading, usize)> {
    let weekday = names::weekday(text.word(at))?;
    match days {
        [nth] if (-5..=5).contains(nth) => {
            special(Special::NthWeekday { nth: *nth, month: None }, interval, vec![weekday], end)
        }
        _ => Some((Reading::Unsupported, end)),
    }
}

fn every(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let everyday = text.word(at) == "everyday" && vocabulary::is_boundary(text, at + 1);
    if everyday || text.word(at) == "nightly" && vocabulary::is_boundary(text, at + 1) {
        let part = (!everyday).then_some(Part::Night);
        let parts = Parts::every(Frequency::Daily);
        return Some((Reading::Rule(Repetition { part, ..Repetition::pattern(parts) }), at + 1));
    }
    let start = text.after_any(
        at,
        &[
            "once every",
            "each and every",
            "every single",
            "repeating every",
            "repeat every",
            "repeats every",
            "every",
            "each",
        ],
    )?;
    if vocabulary::is_in_name(text, at, start) {
        return None;
    }
    // "every! 3 days" counts from completion, as elsewhere.
    let (anchor, start) =
        if text.is_mark(start, '!') { (Anchor::Completion, start + 1) } else { (Anchor::Due, start) };
    let found = other(text, start)
        .or_else(|| counted(text, start))
        .or_else(|| unit(text, start))
        .or_else(|| weekdays_rule(text, start, 1))
        .or_else(|| ordinals(text, start))
        .or_else(|| every_date(text, start, place, today, day_first))?;
    Some(match found {
        (Reading::Rule(mut rule), end) => {
            rule.parts.anchor = anchor;
            (Reading::Rule(rule), end)
        }
        unsupported => unsupported,
    })
}

/// "every other tuesday", "every second week".
fn other(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let start = text.after_any(at, &["other", "second", "2nd", "alternate"])?;
    if let Some(found) = weekdays_rule(text, start, 2) {
        let is_ordinal = text.is_any(at, &["second", "2nd"]);
        let of_month = text.after_any(found.1, &["of the month", "of every month", "of each month", "of"]);
        return Some(of_month.filter(|_| is_ordinal).map_or(found, |end| (Reading::Unsupported, end)));
    }
    match text.word(start) {
        "weekend" => rule(
            Parts { interval: 2, weekdays: WEEKEND.to_vec(), ..Parts::every(Frequency::Weekly) },
            start + 1,
        ),
        word => by_unit(text, duration::unit(word)?, 2, start + 1),
    }
}

/// "every 3 days", "every three week", "every third day".
fn counted(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let found = number::read(text, at).or_else(|| number::read_ordinal(text, at));
    let (count, end) = found.or_else(|| text.after_any(at, &["couple of", "couple"]).map(|end| (2, end)))?;
    let unit = duration::unit(text.word(end))?;
    by_unit(text, unit, count, end + 1)
}

/// "every day", "every week on tuesday", "every morning", "every weekday".
fn unit(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let end = at + 1;
    let weekly = |days: &[Weekday]| Parts { weekdays: days.to_vec(), ..Parts::every(Frequency::Weekly) };
    if let Some(part) = clock::part(text.word(at)) {
        let parts = Parts::every(Frequency::Daily);
        return Some((Reading::Rule(Repetition { part: Some(part), ..Repetition::pattern(parts) }), end));
    }
    match text.word(at) {
        "weekday" | "weekdays" | "workday" | "workdays" => rule(weekly(&WORKDAYS), end),
        "working" | "work" | "business" if text.word(end) == "day" => rule(weekly(&WORKDAYS), end + 1),
        "weekend" | "weekends" => rule(weekly(&WEEKEND), end),
        "quarter" => rule(Parts { interval: 3, ..Parts::every(Frequency::Monthly) }, end),
        "fortnight" => by_unit(text, Unit::Week, 2, end),
        "day" => by_unit(text, Unit::Day, 1, text.after(end, "of the week").unwrap_or(end)),
        "week" | "month" | "year" | "hour" | "minute" => {
            by_unit(text, duration::unit(text.word(at))?, 1, end)
        }
        _ => None,
    }
}

fn by_unit(text: &Text<'_>, unit: Unit, interval: u32, end: usize) -> Option<(Reading, usize)> {
    let parts = |frequency| Parts { interval, ..Parts::every(frequency) };
    match unit {
        Unit::Minute => special(Special::Minutes, interval, Vec::new(), end),
        Unit::Hour => special(Special::Hours, interval, Vec::new(), end),
        Unit::Day => rule(parts(Frequency::Daily), end),
        Unit::Week => on_weekdays(text, interval, end).or_else(|| rule(parts(Frequency::Weekly), end)),
        Unit::Month => on_month_days(text, interval, end).or_else(|| rule(parts(Frequency::Monthly), end)),
        Unit::Year => rule(parts(Frequency::Yearly), end),
    }
}

/// "weekly *on monday and friday*".
fn on_weekdays(text: &Text<'_>, interval: u32, at: usize) -> Option<(Reading, usize)> {
    let start = if text.is_mark(at, ',') { at + 1 } else { at };
    weekdays_rule(text, text.after(start, "on")?, interval)
}

/// "monthly *on the 15th*", "every month *on the last day*", "every month *on the 3rd tuesday*".
fn on_month_days(text: &Text<'_>, interval: u32, at: usize) -> Option<(Reading, usize)> {
    let start = text.after(at, "on")?;
    let (days, end) = month_days(text, start)?;
    if names::weekday(text.word(end)).is_some() {
        return nth_weekday(text, &days, end, interval, end + 1);
    }
    let end = text.after(end, "day").unwrap_or(end);
    rule(Parts { interval, month_days: days, ..Parts::every(Frequency::Monthly) }, end)
}

fn weekdays_rule(text: &Text<'_>, at: usize, interval: u32) -> Option<(Reading, usize)> {
    let (weekdays, end) = weekdays(text, at)?;
    rule(Parts { interval, weekdays, ..Parts::every(Frequency::Weekly) }, end)
}

/// Reads weekdays: "monday", "mon, wed and fri", "tue/thu", "monday to friday"; seven at most.
fn weekdays(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    let one = |at: usize| {
        let word = text.word(at);
        if let Some(day) = names::weekday(word).or_else(|| names::weekdays(word)) {
            return Some(vec![day]);
        }
        if let Some((first, last)) = word.split_once('-') {
            return range(names::weekday(first)?, names::weekday(last)?);
        }
        word.contains('/').then(|| word.split('/').map(names::weekday).collect::<Option<Vec<_>>>())?
    };
    let mut days = one(at)?;
    let mut end = at + 1;
    if let Some(last) = text
        .after_any(end, &["to", "through", "thru"])
        .filter(|last| names::weekday(text.word(*last)).is_some())
    {
        return Some((range(days[0], names::weekday(text.word(last))?)?, last + 1));
    }
    for _ in 0..6 {
        let comma = if text.is_mark(end, ',') || text.is_mark(end, '&') { end + 1 } else { end };
        let and = text.after_any(comma, &["and every", "and on", "and", "or"]).unwrap_or(comma);
        if and == end {
            break;
        }
        let Some(more) = one(and) else { break };
        days.extend(more);
        end = and + 1;
    }
    Some((days, end))
}

fn range(first: Weekday, last: Weekday) -> Option<Vec<Weekday>> {
    let days: Vec<Weekday> =
        std::iter::successors(Some(first), |day| (*day != last).then(|| day.succ())).collect();
    (days.len() > 1).then_some(days)
}

/// Reads days of the month: "the 15th", "1st and 15th", "the last day"; five at most.
fn month_days(text: &Text<'_>, at: usize) -> Option<(Vec<i8>, usize)> {
    let one = |at: usize| {
        let start = text.after(at, "the").unwrap_or(at);
        if let Some(end) = text.after(start, "last") {
            return Some((-1, end));
        }
        let (day, end) = number::read_ordinal(text, start)?;
        Some((i8::try_from(day).ok().filter(|day| (1..=31).contains(day))?, end))
    };
    let (first, mut end) = one(at)?;
    let mut days = vec![first];
    for _ in 0..4 {
        let comma = if text.is_mark(end, ',') { end + 1 } else { end };
        let and = text.after(comma, "and").unwrap_or(comma);
        if and == end {
            break;
        }
        let Some((day, next)) = one(and) else { break };
        days.push(day);
        end = next;
    }
    Some((days, end))
}

/// "every 15th", "every last day of the month"; "every first monday" can not be kept.
fn ordinals(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (days, end) = month_days(text, at)?;
    if names::weekday(text.word(end)).is_some() {
        let after = text.after_any(end + 1, &["of the month", "of each month"]).unwrap_or(end + 1);
        return nth_weekday(text, &days, end, 1, after);
    }
    if days == [-1] && text.word(end) != "day" {
        return None;
    }
    let end = text.after(end, "day").unwrap_or(end);
    if let Some(end) = text.after_any(end, &["of the month", "of each month", "of every month", "of month"]) {
        return rule(Parts { month_days: days, ..Parts::every(Frequency::Monthly) }, end);
    }
    let named = text.after(end, "of").unwrap_or(end);
    if names::month(text.word(named)).is_some() || !vocabulary::is_boundary(text, end) {
        return None;
    }
    rule(Parts { month_days: days, ..Parts::every(Frequency::Monthly) }, end)
}

/// "every december 25", "each 4/15".
fn every_date(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let place = Place { lead: Lead::On, ..place };
    let (date::Reading::Day(day), end) = fixed_date::read(text, at, place, today, day_first)? else {
        return None;
    };
    if day.is_month {
        return None;
    }
    let parts = Parts::every(Frequency::Yearly);
    Some((Reading::Rule(Repetition { start: Some(day.date), ..Repetition::pattern(parts) }), end))
}

/// "daily", "weekly on monday"; "the daily mail" and "weekly report" are none.
fn adverb(text: &Text<'_>, at: usize, place: Place) -> Option<(Reading, usize)> {
    let (unit, interval) = match text.word(at) {
        "daily" => (Unit::Day, 1),
        "weekly" => (Unit::Week, 1),
        "biweekly" | "bi-weekly" | "fortnightly" => (Unit::Week, 2),
        "monthly" => (Unit::Month, 1),
        "quarterly" => (Unit::Month, 3),
        "yearly" | "annually" => (Unit::Year, 1),
        "hourly" => (Unit::Hour, 1),
        _ => return None,
    };
    let end = at + 1;
    let free = vocabulary::is_boundary(text, end) || (place.is_start && vocabulary::is_verb(text.word(end)));
    if !free || text.is_any(end, &["and", "or", "of"]) || text.word_before(at) == "the" {
        return None;
    }
    by_unit(text, unit, interval, end)
}

/// "once a week"; "twice a day" can not be kept.
fn times_a(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (once, end) = match text.after(at, "once") {
        Some(end) => (true, end),
        None => match text.after_any(at, &["twice", "thrice"]) {
            Some(end) => (false, end),
            None => (false, text.after(number::read(text, at)?.1, "times")?),
        },
    };
    let end = text.after_any(end, &["a", "an", "per", "every", "each"])?;
    let unit = duration::unit(text.word(end))?;
    if once { by_unit(text, unit, 1, end + 1) } else { Some((Reading::Unsupported, end + 1)) }
}

/// "on tuesdays", "weekdays at 9".
fn plural(text: &Text<'_>, at: usize, place: Place) -> Option<(Reading, usize)> {
    let start = text.after_any(at, &["on the", "on", "during"]).unwrap_or(at);
    let led = start > at;
    let weekly = |days: &[Weekday]| Parts { weekdays: days.to_vec(), ..Parts::every(Frequency::Weekly) };
    let (reading, end) = match text.word(start) {
        "weekdays" | "workdays" => rule(weekly(&WORKDAYS), start + 1)?,
        "weekends" => rule(weekly(&WEEKEND), start + 1)?,
        word => {
            names::weekdays(word)?;
            weekdays_rule(text, start, 1)?
        }
    };
    let named = text.is_any(at.wrapping_sub(1), &["the", "my", "of", "for", "about"]);
    let starts_clause = place.is_start && vocabulary::is_verb(text.word(end));
    let free =
        starts_clause || vocabulary::is_boundary(text, end) && !text.is_any(end, &["and", "or", "is", "are"]);
    ((led || !named) && free).then_some((reading, end))
}

/// "on the 19th of every month", "the last day of each month"; "the last friday of the month" can not be kept.
fn of_every_month(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let start = text.after(at, "on").unwrap_or(at);
    let (days, end) = month_days(text, start)?;
    let weekday_at = end;
    let is_weekday = names::weekday(text.word(end)).is_some();
    let end = if is_weekday { end + 1 } else { text.after(end, "day").unwrap_or(end) };
    if let Some(end) = text.after_any(end, &["of every month", "of each month", "every month", "each month"])
    {
        let parts = Parts { month_days: days.clone(), ..Parts::every(Frequency::Monthly) };
        return if is_weekday {
            nth_weekday(text, &parts.month_days, weekday_at, 1, end)
        } else {
            rule(parts, end)
        };
    }
    let end = text
        .after_any(end, &["of the month", "of month", "in the month", "of every", "of each"])
        .filter(|_| is_weekday)?;
    nth_weekday(text, &days, weekday_at, 1, end)
}

/// "3 days after I finish", without "every".
fn after_done(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (count, end) = number::read_count(text, at)?;
    let unit = duration::unit(text.word(end))?;
    read_after_done(text, end + 1)?;
    by_unit(text, unit, count, end + 1)
}

/// "every day *except sunday*".
fn except(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    let start = text.after_any(at, &["except on", "except for", "except", "excluding", "but not on"])?;
    if text.is_any(start, &["weekends", "weekend"]) {
        return Some((WEEKEND.to_vec(), start + 1));
    }
    weekdays(text, start)
}

fn without(mut rule: Repetition, days: &[Weekday]) -> Reading {
    let daily = rule.parts.frequency == Frequency::Daily && rule.parts.interval == 1;
    if daily {
        rule.parts.frequency = Frequency::Weekly;
        rule.parts.weekdays = WORKDAYS.into_iter().chain(WEEKEND).collect();
    }
    rule.parts.weekdays.retain(|day| !days.contains(day));
    let keeps = rule.parts.frequency == Frequency::Weekly && !rule.parts.weekdays.is_empty();
    if keeps { Reading::Rule(rule) } else { Reading::Unsupported }
}
