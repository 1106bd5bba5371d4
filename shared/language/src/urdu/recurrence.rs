//! Repetitions: "ہر پیر کو", "روزانہ", "ہر دوسرے دن", "مہینے کے آخری جمعے کو", "ختم کرنے کے 3 دن بعد".

use chrono::{NaiveDate, Weekday};
use domain::recurrence::{Anchor, Frequency, Parts};

use crate::meaning::clock::Part;
use crate::meaning::length::{Length, Unit};
use crate::meaning::repetition::{Repetition, Special};
use crate::token::Text;
use crate::urdu::{boundary, clock, date, duration, names, number};
use crate::words::{Words, words};

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

type Found = Option<(Reading, usize)>;

/// Reads a repetition; `is_start` says that nothing but courtesies stands before it.
pub(crate) fn read(text: &Text<'_>, at: usize, is_start: bool, today: NaiveDate) -> Found {
    let (reading, end) = every(text, at, today)
        .or_else(|| daily(text, at, is_start))
        .or_else(|| once_in(text, at))
        .or_else(|| skipping(text, at))
        .or_else(|| after_done(text, at))
        .or_else(|| of_month(text, at))
        .or_else(|| workdays(text, at))
        .or_else(|| listed(text, at))
        .or_else(|| range_of_days(text, at))?;
    Some(match (reading, except(text, end)) {
        (Reading::Rule(rule), Some((days, end))) => (without(rule, &days), end),
        (reading, _) => (reading, end),
    })
}

/// Reads how often in all: "5 بار", "10 martaba".
pub(crate) fn read_times(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let start = text.after_any(at, words!["sirf", "kal"]).unwrap_or(at);
    let (count, end) = number::whole(text, start)?;
    Some((count, text.after_any(end, words!["bar ke liye", "bar tak", "bar"])?))
}

/// Reads "0 بار", "99999999 بار": nothing is repeated so many times.
pub(crate) fn read_endless_times(text: &Text<'_>, at: usize) -> Option<usize> {
    let word = if text.is_plain(at) { return None } else { text.word(at) };
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let is_kept = word.parse::<u32>().is_ok_and(|count| (1..=MOST_TIMES).contains(&count));
    (is_number && !is_kept).then(|| text.after_any(at + 1, words!["bar ke liye", "bar tak", "bar"]))?
}

/// More repetitions than this are a slip.
const MOST_TIMES: u32 = 999;

/// Reads how long a repetition goes on: "10 دن تک", "2 ہفتوں کے لیے".
pub(crate) fn read_goes_on(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    let start = text.after_any(at, words!["agla"]).unwrap_or(at);
    let (length, end) = duration::read(text, start).filter(|(length, _)| length.minutes.is_none())?;
    Some((length, text.after_any(end, words!["tak ke liye", "tak", "ke liye"])?))
}

fn rule(parts: Parts, end: usize) -> Found {
    Some((Reading::Rule(Repetition::pattern(parts)), end))
}

fn special(special: Special, interval: u32, weekdays: Vec<Weekday>, end: usize) -> Found {
    Some((Reading::Rule(Repetition::special(special, interval, weekdays)), end))
}

fn in_part(found: (Reading, usize), part: Option<Part>) -> (Reading, usize) {
    match found {
        (Reading::Rule(rule), end) => (Reading::Rule(Repetition { part: part.or(rule.part), ..rule }), end),
        unsupported => unsupported,
    }
}

/// Takes "کو", "پر", "میں" behind a repetition.
fn led(text: &Text<'_>, at: usize) -> usize {
    text.after_any(at, words!["ke din", "ke roz", "ko hi", "ko", "par", "mein", "ke baad", "baad"])
        .unwrap_or(at)
}

fn every(text: &Text<'_>, at: usize, today: NaiveDate) -> Found {
    let start = text.after(at, "har 1").or_else(|| text.after_any(at, words!["har 1", "har"]))?;
    // "ہر سال کا جائزہ": of every year, not every year.
    let (reading, end) = other(text, start)
        .or_else(|| weekdays_rule(text, start, 1))
        .or_else(|| counted(text, start))
        .or_else(|| by_part(text, start))
        .or_else(|| year_date(text, start, today))
        .or_else(|| month_day(text, start))
        .or_else(|| named_unit(text, start))?;
    let is_of = text.is_any(end, words!["ka", "ki", "ke"]) && text.after(end, "ke liye").is_none();
    (!is_of).then(|| (reading, led(text, end)))
}

/// "ہر دوسرے دن", "ہر دوسرے پیر".
fn other(text: &Text<'_>, at: usize) -> Found {
    let start = text.after(at, "2-wan")?;
    weekdays_rule(text, start, 2).or_else(|| by_unit(duration::unit(text.word(start))?, 2, start + 1))
}

/// "ہر 3 دن بعد", "ہر آدھے گھنٹے", "ہر تیسرے دن".
fn counted(text: &Text<'_>, at: usize) -> Found {
    // "ہر 15 تاریخ کو", "ہر پہلی اور 15 تاریخ کو"
    let (mut month_days, mut next) = (Vec::new(), at);
    while let Some((day, end)) = numbered(text, next) {
        month_days.push(day);
        if !(text.is_any(end, words!["aur"]) || text.is_mark(end, ',')) {
            if let Some(end) = text.after(end, "tarikh") {
                return rule(Parts { month_days, ..Parts::every(Frequency::Monthly) }, end);
            }
            break;
        }
        next = end + 1;
    }
    if let Some((count, end)) = number::ordinal(text, at)
        && let Some(unit) = duration::unit(text.word(end))
    {
        return by_unit(unit, count, end + 1);
    }
    let (quarters, end) = number::quarters(text, at)?;
    let unit = duration::unit(text.word(end))?;
    let end = end + 1;
    match (unit, quarters % 4) {
        (_, 0) => by_unit(unit, quarters / 4, end),
        (Unit::Hour, _) => special(Special::Minutes, quarters * 15, Vec::new(), end),
        _ => Some((Reading::Unsupported, end)),
    }
}

/// "صبح *شام*", "صبح *اور شام*": twice a day.
fn second_part(text: &Text<'_>, at: usize) -> Option<usize> {
    let start = text.after_any(at, words!["aur", "o", "و"]).unwrap_or(at);
    clock::part(text, start).map(|(_, end)| end)
}

/// "ہر صبح", "ہر رات".
fn by_part(text: &Text<'_>, at: usize) -> Found {
    let (part, end) = clock::part(text, at)?;
    if let Some(end) = second_part(text, end) {
        return Some((Reading::Unsupported, end));
    }
    let parts = Parts::every(Frequency::Daily);
    Some((Reading::Rule(Repetition { part: Some(part), ..Repetition::pattern(parts) }), end))
}

/// "ہر روز", "ہر ہفتے [پیر کو]", "ہر کام کے دن", "ہر ویک اینڈ".
fn named_unit(text: &Text<'_>, at: usize) -> Found {
    let weekly = |days: &[Weekday]| Parts { weekdays: days.to_vec(), ..Parts::every(Frequency::Weekly) };
    if let Some(end) =
        text.after_any(at, words!["kaam ke din", "kaam wala din", "karobari din", "working day", "weekday"])
    {
        return rule(weekly(&WORKDAYS), end);
    }
    if let Some(end) = text.after_any(at, words!["weekend", "week end", "hafte ke akhir"]) {
        return rule(weekly(&WEEKEND), end);
    }
    if let Some(end) = text.after_any(at, words!["seh mahi", "quarterly"]) {
        return by_unit(Unit::Month, 3, end);
    }
    let unit = duration::unit(text.word(at))?;
    let end = at + 1;
    if unit == Unit::Week {
        // "ہر ہفتے کو" is every saturday, "ہر ہفتے پیر کو" every monday.
        if text.is_any(end, words!["ko"]) {
            return rule(weekly(&[Weekday::Sat]), end);
        }
        let named = text.after_any(end, words!["ke", "ki", "mein"]).unwrap_or(end);
        if let Some(found) = weekdays_rule(text, named, 1) {
            return Some(found);
        }
        if let Some(end) = text.after_any(end, words!["mein 1 bar", "1 bar"]) {
            return rule(weekly(&[]), end);
        }
    }
    by_unit(unit, 1, end)
}

fn by_unit(unit: Unit, interval: u32, end: usize) -> Found {
    let parts = |frequency| Parts { interval, ..Parts::every(frequency) };
    match unit {
        Unit::Minute => special(Special::Minutes, interval, Vec::new(), end),
        Unit::Hour => special(Special::Hours, interval, Vec::new(), end),
        Unit::Day => rule(parts(Frequency::Daily), end),
        Unit::Week => rule(parts(Frequency::Weekly), end),
        Unit::Month => rule(parts(Frequency::Monthly), end),
        Unit::Year => rule(parts(Frequency::Yearly), end),
    }
}

fn weekdays_rule(text: &Text<'_>, at: usize, interval: u32) -> Found {
    let (weekdays, end) = weekdays(text, at)?;
    // "ہر پیر کی صبح"
    let part_at = text.after_any(end, words!["ki", "ko", "ke"]).unwrap_or(end);
    let part = clock::part(text, part_at);
    let of = text.after_any(end, words!["ki", "ke"]).is_some();
    let (part, end) = match part {
        Some((part, end)) if of => (Some(part), end),
        _ => (None, end),
    };
    let found = rule(Parts { interval, weekdays, ..Parts::every(Frequency::Weekly) }, end)?;
    Some(in_part(found, part))
}

/// Reads weekdays: "پیر", "پیر اور جمعرات", "پیر، بدھ اور جمعہ", "پیر سے جمعہ"; seven at most.
fn weekdays(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    let first = names::weekday(text.word(at)).or_else(|| saturday_and(text, at))?;
    let mut days = vec![first];
    let mut end = at + 1;
    if let Some(last) = text.after_any(end, words!["se le-kar", "se"])
        && let Some(weekday) = names::weekday_or_saturday(text.word(last))
    {
        return Some((range(days[0], weekday)?, text.after(last + 1, "tak").unwrap_or(last + 1)));
    }
    for _ in 0..6 {
        let end_of_day = text.after(end, "ko").unwrap_or(end);
        let comma = if text.is_mark(end_of_day, ',') { end_of_day + 1 } else { end_of_day };
        let and = text.after_any(comma, words!["aur har", "aur", "ya"]).unwrap_or(comma);
        if and == end_of_day {
            break;
        }
        let is_listed = |at: usize| text.is_any(at, words!["ko", "ke", "ki"]) || text.is_mark(at, ',');
        let Some(day) = names::weekday(text.word(and))
            .or_else(|| names::weekday_or_saturday(text.word(and)).filter(|_| is_listed(and + 1)))
        else {
            break;
        };
        days.push(day);
        end = and + 1;
    }
    Some((days, end))
}

/// "ہفتہ اور اتوار": beside another day it is a day, not a week.
fn saturday_and(text: &Text<'_>, at: usize) -> Option<Weekday> {
    let and = text.after_any(at + 1, words!["ko aur", "aur har", "aur"])?;
    names::weekday(text.word(and)).and(names::weekday_or_saturday(text.word(at)))
}

fn range(first: Weekday, last: Weekday) -> Option<Vec<Weekday>> {
    let next = |day: &Weekday| (*day != last).then(|| day.succ());
    let days: Vec<Weekday> = std::iter::successors(Some(first), next).collect();
    (days.len() > 1).then_some(days)
}

/// "ہر سال 25 دسمبر کو", "ہر 14 اگست کو".
fn year_date(text: &Text<'_>, at: usize, today: NaiveDate) -> Found {
    let start = text.after_any(at, words!["saal ki", "saal ke", "saal"]).unwrap_or(at);
    let (day, end) = date::day_of_year(text, start, today)?;
    let parts = Parts::every(Frequency::Yearly);
    Some((Reading::Rule(Repetition { start: Some(day), ..Repetition::pattern(parts) }), end))
}

/// "ہر مہینے کی 5 تاریخ", "ہر مہینے کے آخری جمعے", "ہر مہینے کے آخری دن".
fn month_day(text: &Text<'_>, at: usize) -> Found {
    let of = text.after_any(at, words!["mahina ki", "mahina ke", "mahina"])?;
    if let Some(found) = day_in_month(text, of) {
        return Some(found);
    }
    let (day, end) = numbered(text, of)?;
    let mut days = vec![day];
    let mut end = end;
    if let Some(next) = text.after(end, "aur")
        && let Some((second, after)) = numbered(text, next)
    {
        days.push(second);
        end = after;
    }
    let named = text.after(end, "tarikh");
    let is_date = named.is_some() || text.is_any(end, words!["ko"]) || text.word(of) == "yakum";
    is_date
        .then(|| rule(Parts { month_days: days, ..Parts::every(Frequency::Monthly) }, named.unwrap_or(end)))?
}

fn numbered(text: &Text<'_>, at: usize) -> Option<(i8, usize)> {
    let (day, end) = match text.word(at) {
        "yakum" => (1, at + 1),
        _ => number::whole(text, at).or_else(|| number::ordinal(text, at))?,
    };
    Some((i8::try_from(day).ok().filter(|day| (1..=31).contains(day))?, end))
}

/// "آخری جمعے", "پہلے پیر", "آخری دن", of every month.
fn day_in_month(text: &Text<'_>, at: usize) -> Found {
    let (nth, end) = match text.word(at) {
        "akhri" => (-1, at + 1),
        "akhir" => return rule(last_day(), at + 1),
        _ => {
            let (nth, end) = number::ordinal(text, at)?;
            (i8::try_from(nth).ok()?, end)
        }
    };
    if let Some(weekday) = names::weekday_or_saturday(text.word(end)) {
        if !(-1..=5).contains(&nth) {
            return Some((Reading::Unsupported, end + 1));
        }
        return special(Special::NthWeekday { nth, month: None }, 1, vec![weekday], end + 1);
    }
    if let Some(end) = text.after_any(end, words!["kaam ke din", "karobari din"]) {
        return special(Special::NthWeekday { nth, month: None }, 1, WORKDAYS.to_vec(), end);
    }
    let end = text.after_any(end, words!["din", "roz", "tarikh"])?;
    match nth {
        -1 => rule(last_day(), end),
        1..=31 => rule(Parts { month_days: vec![nth], ..Parts::every(Frequency::Monthly) }, end),
        _ => None,
    }
}

fn last_day() -> Parts {
    Parts { month_days: vec![-1], ..Parts::every(Frequency::Monthly) }
}

/// "مہینے کے آخری جمعے کو", "5 تاریخ کو ہر مہینے", "پیر اور جمعرات کو ہر ہفتے".
fn of_month(text: &Text<'_>, at: usize) -> Found {
    if let Some(of) = text.after_any(at, words!["mahina ke", "mahina ki"]) {
        let is_one = at > 0 && text.is_any(at - 1, words!["agla", "is", "isi", "pichla"]);
        let (reading, end) = day_in_month(text, of).filter(|_| !is_one)?;
        // "مہینے کے آخر" and "مہینے کے آخری دن" are days of this month.
        let is_weekday = matches!(&reading, Reading::Rule(rule) if rule.special.is_some());
        return is_weekday.then(|| (reading, led(text, end)));
    }
    let (day, end) = numbered(text, at)?;
    let end = text.after_any(end, words!["tarikh ko", "tarikh"])?;
    let end = text.after(end, "har mahina")?;
    let parts = Parts { month_days: vec![day], ..Parts::every(Frequency::Monthly) };
    rule(parts, led(text, end))
}

/// "پیر اور جمعرات کو ہر ہفتے": the days stand in front of what makes them a rule.
fn listed(text: &Text<'_>, at: usize) -> Found {
    let (days, end) = weekdays(text, at)?;
    let start = text.after_any(end, words!["ko"]).unwrap_or(end);
    if let Some(end) = text.after_any(start, words!["har hafte", "har hafta"]) {
        return rule(Parts { weekdays: days, ..Parts::every(Frequency::Weekly) }, end);
    }
    if days.len() < 2 {
        return None;
    }
    if let Some(end) = text.after_any(start, words!["rozana", "daily"]) {
        return rule(Parts { weekdays: days, ..Parts::every(Frequency::Weekly) }, end);
    }
    // Several days are a rule only where it is said that they come again.
    let again = words!["har hafte", "har hafta", "har week", "weekly"];
    if (start..text.len().min(start + 24)).any(|at| text.after_any(at, again).is_some()) {
        return rule(Parts { weekdays: days, ..Parts::every(Frequency::Weekly) }, start);
    }
    (start > end).then_some((Reading::Unsupported, start))
}

/// "پیر سے جمعہ تک": days in a row, which only a word that says how they repeat makes a rule.
fn range_of_days(text: &Text<'_>, at: usize) -> Found {
    let start = text.after(at + 1, "se")?;
    let (days, end) = weekdays(text, at).filter(|(_, end)| *end > start)?;
    if text.after(start, "pehle").is_some() {
        return None;
    }
    let repeats = |at: usize| text.is_any(at, words!["rozana", "daily", "har"]);
    if at > 0 && repeats(at - 1) {
        return rule(Parts { weekdays: days, ..Parts::every(Frequency::Weekly) }, end);
    }
    Some((Reading::Unsupported, end))
}

/// "روزانہ", "روز", "ماہانہ", "ہفتہ وار": "ماہانہ کرایہ" and "روز مرہ" are none.
fn daily(text: &Text<'_>, at: usize, is_start: bool) -> Found {
    let end = at + 1;
    if text.word(at) == "rozana" {
        let end = text.after_any(end, words!["ki bunyad par", "ke hisab se"]).unwrap_or(end);
        let named = text.after_any(end, words!["har"]).unwrap_or(end);
        // "روزانہ پیر سے جمعہ تک"
        if text.after(named + 1, "se").is_some()
            && let Some((days, end)) = weekdays(text, named)
        {
            return rule(Parts { weekdays: days, ..Parts::every(Frequency::Weekly) }, end);
        }
        if let Some((_, end)) = clock::part(text, end)
            && let Some(end) = second_part(text, end)
        {
            return Some((Reading::Unsupported, end));
        }
        let is_of = text.is_any(end, words!["ka", "ki", "ke"]);
        return if is_of { None } else { by_unit(Unit::Day, 1, end) };
    }
    if text.word(at) == "roz" {
        let before = if at == 0 { "" } else { text.word(at - 1) };
        let is_unit = matches!(before, "ke" | "ka" | "ki" | "kisi" | "is" | "isi" | "agla" | "har")
            || (at > 0 && number::quarters(text, at - 1).is_some());
        let is_name = text
            .is_any(end, words!["مرہ", "marra", "mara", "mrra", "نامچہ", "namcha", "ka", "ki", "ke", "e"]);
        let end = text.after(end, "roz").unwrap_or(end);
        return if is_unit || is_name { None } else { by_unit(Unit::Day, 1, end) };
    }
    let (unit, end) = match text.word(at) {
        "hafta" | "hafte" if text.word(end) == "waar" => (Unit::Week, end + 1),
        "haftawar" => (Unit::Week, end),
        "mahana" => (Unit::Month, end),
        "salana" => (Unit::Year, end),
        _ => return None,
    };
    // Before a noun they say what it is like.
    let is_free = boundary::is_free(text, end) && !(is_start && end >= text.len());
    is_free.then(|| by_unit(unit, 1, end))?
}

/// "ہفتے میں ایک بار"; "دن میں تین بار" can not be kept.
fn once_in(text: &Text<'_>, at: usize) -> Found {
    let unit = duration::unit(text.word(at))?;
    let start = text.after(at + 1, "mein")?;
    let (count, end) = number::whole(text, start)?;
    let end = text.after(end, "bar")?;
    if count == 1 { by_unit(unit, 1, end) } else { Some((Reading::Unsupported, end)) }
}

/// "ہفتے کے دنوں میں": on the days of work, where "ہفتے کے دن" is saturday.
fn workdays(text: &Text<'_>, at: usize) -> Found {
    let end = text.after_any(at, words!["hafte ke din mein", "hafte ke din"])?;
    let is_many =
        (at..end).any(|at| text.tokens[at].text.ends_with("وں") || text.tokens[at].text.ends_with("on"));
    is_many.then(|| rule(Parts { weekdays: WORKDAYS.to_vec(), ..Parts::every(Frequency::Weekly) }, end))?
}

/// "ایک دن چھوڑ کر": every other day.
fn skipping(text: &Text<'_>, at: usize) -> Found {
    let (count, end) = number::whole(text, at).filter(|(count, _)| (1..100).contains(count))?;
    let unit = duration::unit(text.word(end))?;
    let end = text.after_any(end + 1, words!["chhor kar", "chhor ke"])?;
    let end = text.after_any(end, words!["1 din", "1 hafte", "1 hafta"]).unwrap_or(end);
    by_unit(unit, count + 1, end)
}

/// "ختم کرنے کے 3 دن بعد", "mukammal hone ke 2 hafte baad": counted from completion.
fn after_done(text: &Text<'_>, at: usize) -> Found {
    #[rustfmt::skip]
    const DONE: &Words = words![
        "khatam kar-na ke", "khatam ho-na ke", "mukammal kar-na ke", "mukammal ho-na ke", "kaam kar-na ke",
        "kar-na ke", "ho jane ke", "ho-na ke",
    ];
    let start = text.after_any(at, DONE)?;
    let start = text.after(start, "har").unwrap_or(start);
    let (count, end) = number::whole(text, start)?;
    let unit = duration::unit(text.word(end))?;
    let end = text.after(end + 1, "baad")?;
    let end = text.after_any(end, words!["dobara", "phir se", "phir"]).unwrap_or(end);
    match by_unit(unit, count, end)? {
        (Reading::Rule(mut rule), end) => {
            rule.parts.anchor = Anchor::Completion;
            Some((Reading::Rule(rule), end))
        }
        unsupported => Some(unsupported),
    }
}

/// Reads what makes a rule count from completion: "ختم کرنے کے بعد".
pub(crate) fn read_after_done(text: &Text<'_>, at: usize) -> Option<usize> {
    #[rustfmt::skip]
    const PHRASES: &Words = words![
        "khatam kar-na ke baad", "khatam ho-na ke baad", "mukammal kar-na ke baad", "mukammal ho-na ke baad",
        "khatam kar-na par", "mukammal ho-na par",
    ];
    text.after_any(at, PHRASES)
}

/// "ہر روز *سوائے اتوار کے*", "ہر روز *اتوار کے علاوہ*".
fn except(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    let at = if text.is_mark(at, ',') { at + 1 } else { at };
    if let Some(start) = text.after(at, "siwaye") {
        let (days, end) = weekdays(text, start)?;
        return Some((days, text.after(end, "ke").unwrap_or(end)));
    }
    let (days, end) = weekdays(text, at)?;
    Some((days, text.after_any(end, words!["ke alawa", "ko chhor kar", "chhor kar", "ke siwaye"])?))
}

fn without(mut rule: Repetition, days: &[Weekday]) -> Reading {
    if rule.parts.frequency == Frequency::Daily && rule.parts.interval == 1 {
        rule.parts.frequency = Frequency::Weekly;
        rule.parts.weekdays = WORKDAYS.into_iter().chain(WEEKEND).collect();
    }
    rule.parts.weekdays.retain(|day| !days.contains(day));
    let keeps = rule.parts.frequency == Frequency::Weekly && !rule.parts.weekdays.is_empty();
    if keeps { Reading::Rule(rule) } else { Reading::Unsupported }
}
