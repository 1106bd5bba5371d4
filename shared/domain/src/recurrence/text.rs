//! RECUR values as text (RFC 5545 §3.3.10).

use chrono::{Datelike, NaiveDate, NaiveDateTime, Weekday};

use super::calendar::OrdinalDay;
use super::recur::{MAX_RRULE_INTERVAL, Recur, Unit};
use super::{Frequency, MAX_COUNT, RuleError, Until};

/// The longest text, in characters.
const MAX_CHARACTERS: usize = 1_000;
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// What a text says.
pub(super) struct Read {
    pub(super) recur: Recur,
    pub(super) count: Option<u32>,
    pub(super) until: Option<Until>,
}

/// Reads a RECUR value, in upper or lower case, with or without `RRULE:`.
///
/// # Errors
/// Everything that is wrong, each naming its part.
pub(super) fn read(text: &str) -> Result<Read, Vec<RuleError>> {
    if text.chars().count() > MAX_CHARACTERS {
        return Err(vec![RuleError::part("RRULE", format!("must have at most {MAX_CHARACTERS} characters"))]);
    }
    let upper = text.trim().to_ascii_uppercase();
    let mut reader = Reader::default();
    for part in upper.strip_prefix("RRULE:").unwrap_or(&upper).split(';') {
        reader.take(part);
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    named: Vec<String>,
    unit: Option<Unit>,
    interval: Option<u32>,
    count: Option<u32>,
    until: Option<Until>,
    week_start: Option<Weekday>,
    weekdays: Vec<OrdinalDay>,
    months: Vec<i16>,
    weeks: Vec<i16>,
    year_days: Vec<i16>,
    month_days: Vec<i16>,
    hours: Vec<i16>,
    minutes: Vec<i16>,
    seconds: Vec<i16>,
    positions: Vec<i16>,
    errors: Vec<RuleError>,
}

impl Reader {
    fn take(&mut self, part: &str) {
        let Some((name, value)) = part.split_once('=') else {
            let problem = "is no part of a rule, which looks like FREQ=WEEKLY;BYDAY=MO";
            return self.errors.push(RuleError::part(shown(part), problem));
        };
        if self.named.iter().any(|named| named == name) {
            return self.errors.push(RuleError::part(shown(name), "must be given once only"));
        }
        self.named.push(name.to_owned());
        if let Err(problem) = self.set(name, value) {
            self.errors.push(RuleError::part(shown(name), problem));
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "FREQ" => self.unit = Some(unit(value)?),
            "INTERVAL" => self.interval = Some(whole_number(value, MAX_RRULE_INTERVAL)?),
            "COUNT" => self.count = Some(whole_number(value, MAX_COUNT)?),
            "UNTIL" => self.until = Some(until(value)?),
            "WKST" => {
                self.week_start = Some(weekday(value).ok_or("must be one of MO, TU, WE, TH, FR, SA, SU")?);
            }
            "BYDAY" => self.weekdays = weekdays(value)?,
            "BYMONTH" => self.months = numbers(value, 1, 12, false)?,
            "BYWEEKNO" => self.weeks = numbers(value, 1, 53, true)?,
            "BYYEARDAY" => self.year_days = numbers(value, 1, 366, true)?,
            "BYMONTHDAY" => self.month_days = numbers(value, 1, 31, true)?,
            "BYHOUR" => self.hours = numbers(value, 0, 23, false)?,
            "BYMINUTE" => self.minutes = numbers(value, 0, 59, false)?,
            "BYSECOND" => self.seconds = seconds(value)?,
            "BYSETPOS" => self.positions = numbers(value, 1, 366, true)?,
            "SKIP" | "RSCALE" => return Err("of RFC 7529 is not supported; leave it out".to_owned()),
            _ => return Err("is no part of an RFC 5545 rule".to_owned()),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Read, Vec<RuleError>> {
        if !self.named.iter().any(|name| name == "FREQ") {
            self.errors.insert(0, RuleError::part("FREQ", "is missing"));
        }
        if self.named.iter().any(|name| name == "COUNT") && self.named.iter().any(|name| name == "UNTIL") {
            self.errors.push(RuleError::part("COUNT", "and UNTIL exclude each other"));
        }
        let recur = Recur {
            unit: self.unit.unwrap_or(Unit::Days(Frequency::Daily)),
            interval: self.interval.unwrap_or(1),
            months: self.months,
            weeks: self.weeks,
            year_days: self.year_days,
            month_days: self.month_days,
            weekdays: self.weekdays,
            hours: self.hours,
            minutes: self.minutes,
            seconds: self.seconds,
            positions: self.positions,
            week_start: self.week_start.unwrap_or(Weekday::Mon),
        };
        if self.unit.is_some() {
            self.errors.extend(recur.conflicts());
        }
        if self.errors.is_empty() && recur.gives_nothing() {
            self.errors.push(RuleError::GivesNothing);
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(Read { recur, count: self.count, until: self.until })
    }
}

/// What is quoted back is short.
fn shown(text: &str) -> String {
    if text.is_empty() { "an empty part".to_owned() } else { text.chars().take(20).collect() }
}

fn unit(value: &str) -> Result<Unit, String> {
    Ok(match value {
        "MINUTELY" => Unit::Minute,
        "HOURLY" => Unit::Hour,
        "DAILY" => Unit::Days(Frequency::Daily),
        "WEEKLY" => Unit::Days(Frequency::Weekly),
        "MONTHLY" => Unit::Days(Frequency::Monthly),
        "YEARLY" => Unit::Days(Frequency::Yearly),
        "SECONDLY" => return Err("must not be SECONDLY: a task repeats every minute at most".to_owned()),
        _ => return Err("must be MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY".to_owned()),
    })
}

fn whole_number(value: &str, most: u32) -> Result<u32, String> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| is_number && (1..=most).contains(number));
    number.ok_or_else(|| format!("must be between 1 and {most}"))
}

/// Reads a list of numbers from `least` to `most`, or from their negatives too.
fn numbers(value: &str, least: i16, most: i16, is_signed: bool) -> Result<Vec<i16>, String> {
    let number = |text: &str| {
        let digits = if is_signed { text.strip_prefix(['+', '-']).unwrap_or(text) } else { text };
        let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let magnitude: i16 = digits.parse().ok().filter(|_| is_number)?;
        let is_in_range = (least..=most).contains(&magnitude);
        is_in_range.then_some(if text.starts_with('-') { -magnitude } else { magnitude })
    };
    let list: Option<Vec<i16>> = value.split(',').map(number).collect();
    let mut list = list.ok_or_else(|| {
        let negative = if is_signed { format!(", or -{least} to -{most}") } else { String::new() };
        format!("must be numbers from {least} to {most}{negative}")
    })?;
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// A leap second is taken for the second before it (RFC 5545 §3.3.12).
fn seconds(value: &str) -> Result<Vec<i16>, String> {
    let mut seconds: Vec<i16> =
        numbers(value, 0, 60, false)?.into_iter().map(|second| second.min(59)).collect();
    seconds.dedup();
    Ok(seconds)
}

fn weekdays(value: &str) -> Result<Vec<OrdinalDay>, String> {
    let day = |text: &str| {
        let (number, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let ordinal = match number {
            "" => None,
            _ => Some(*numbers(number, 1, 53, true).ok()?.first()?),
        };
        let ordinal = ordinal.map(i8::try_from).transpose().ok()?;
        Some(OrdinalDay { ordinal, weekday: weekday(name)? })
    };
    let days: Option<Vec<_>> = value.split(',').map(day).collect();
    let mut days = days.ok_or("must be days such as MO, 1TU or -1FR, numbered 1 to 53 or -1 to -53")?;
    days.sort_by_key(|day| (day.ordinal.unwrap_or(0), day.weekday.num_days_from_monday()));
    days.dedup();
    Ok(days)
}

fn weekday(name: &str) -> Option<Weekday> {
    let index = WEEKDAYS.iter().position(|weekday| *weekday == name)?;
    Weekday::try_from(u8::try_from(index).ok()?).ok()
}

fn until(value: &str) -> Result<Until, String> {
    let local = |text: &str| {
        let is_long = text.len() == 15 && !text.ends_with("60");
        NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok().filter(|_| is_long)
    };
    let until = match value.strip_suffix('Z') {
        Some(utc) => local(utc).map(|utc| Until::Utc(utc.and_utc())),
        None if value.len() == 8 => NaiveDate::parse_from_str(value, "%Y%m%d").ok().map(Until::Date),
        None => local(value).map(Until::Local),
    };
    let problem =
        "must be a date (20271231), a local time (20271231T170000) or a time in UTC (20271231T170000Z)";
    let has_year = |until: &Until| match until {
        Until::Date(date) => date.year() > 0,
        Until::Local(local) => local.year() > 0,
        Until::Utc(utc) => utc.year() > 0,
    };
    until.filter(|until| value.as_bytes()[0].is_ascii_digit() && has_year(until)).ok_or(problem.to_owned())
}

/// Writes a RECUR value: one text for all that say the same parts.
pub(super) fn write(recur: &Recur, count: Option<u32>, until: Option<Until>) -> String {
    let mut text = format!("FREQ={}", unit_name(recur.unit));
    if recur.interval > 1 {
        text += &format!(";INTERVAL={}", recur.interval);
    }
    for (name, list) in [
        ("BYMONTH", &recur.months),
        ("BYWEEKNO", &recur.weeks),
        ("BYYEARDAY", &recur.year_days),
        ("BYMONTHDAY", &recur.month_days),
    ] {
        text += &by_part(name, list);
    }
    if !recur.weekdays.is_empty() {
        let days = recur.weekdays.iter().map(|day| {
            let ordinal = day.ordinal.map(|ordinal| ordinal.to_string()).unwrap_or_default();
            format!("{ordinal}{}", weekday_name(day.weekday))
        });
        text += &format!(";BYDAY={}", days.collect::<Vec<_>>().join(","));
    }
    for (name, list) in [
        ("BYHOUR", &recur.hours),
        ("BYMINUTE", &recur.minutes),
        ("BYSECOND", &recur.seconds),
        ("BYSETPOS", &recur.positions),
    ] {
        text += &by_part(name, list);
    }
    if recur.week_start != Weekday::Mon {
        text += &format!(";WKST={}", weekday_name(recur.week_start));
    }
    text + &end(count, until)
}

fn by_part(name: &str, list: &[i16]) -> String {
    if list.is_empty() { String::new() } else { format!(";{name}={}", joined(list)) }
}

/// Gives numbers with commas between them.
pub(super) fn joined<T: ToString>(list: &[T]) -> String {
    list.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

/// Gives the name of a FREQ.
pub(super) fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Minute => "MINUTELY",
        Unit::Hour => "HOURLY",
        Unit::Days(Frequency::Daily) => "DAILY",
        Unit::Days(Frequency::Weekly) => "WEEKLY",
        Unit::Days(Frequency::Monthly) => "MONTHLY",
        Unit::Days(Frequency::Yearly) => "YEARLY",
    }
}

/// Gives the two letters of a weekday.
pub(super) fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS[weekday.num_days_from_monday() as usize]
}

/// Gives COUNT and UNTIL, each with the semicolon before it.
pub(super) fn end(count: Option<u32>, until: Option<Until>) -> String {
    let count = count.map(|count| format!(";COUNT={count}")).unwrap_or_default();
    match until {
        Some(Until::Date(last)) => count + &last.format(";UNTIL=%Y%m%d").to_string(),
        Some(Until::Local(last)) => count + &last.format(";UNTIL=%Y%m%dT%H%M%S").to_string(),
        Some(Until::Utc(last)) => count + &last.format(";UNTIL=%Y%m%dT%H%M%SZ").to_string(),
        None => count,
    }
}
