//! Wall time in a zone and the instant it means.

use chrono::{
    DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc,
};
use chrono_tz::{TZ_VARIANTS, Tz};

/// A name that is not in the IANA time zone database, with a name that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {name:?}: {hint}")]
pub struct UnknownZone {
    /// What was given.
    pub name: String,
    /// What could be given instead.
    pub hint: String,
}

/// Parses an IANA time zone name such as `Asia/Karachi`.
///
/// # Errors
/// [`UnknownZone`] for abbreviations (`CST`), offsets (`UTC+8`) and anything else that is no IANA name, with a suggestion.
///
/// ```
/// assert!(domain::zone::parse("Asia/Karachi").is_ok());
/// assert!(domain::zone::parse("Karachi").unwrap_err().hint.contains("Asia/Karachi"));
/// ```
pub fn parse(name: &str) -> Result<Tz, UnknownZone> {
    name.parse().map_err(|_| UnknownZone { name: name.chars().take(64).collect(), hint: suggest(name) })
}

fn suggest(name: &str) -> String {
    let wanted = name.trim().replace(' ', "_");
    let abbreviation = match wanted.to_ascii_uppercase().as_str() {
        "CST" | "CDT" => Some("America/Chicago (or Asia/Shanghai, for China)"),
        "EST" | "EDT" | "ET" => Some("America/New_York"),
        "PST" | "PDT" | "PT" => Some("America/Los_Angeles (or Asia/Karachi, for Pakistan: PKT)"),
        "MST" | "MDT" => Some("America/Denver"),
        "IST" => Some("Asia/Kolkata (or Europe/Dublin, Asia/Jerusalem)"),
        "PKT" => Some("Asia/Karachi"),
        "BST" => Some("Europe/London"),
        "CEST" => Some("Europe/Berlin"),
        "JST" => Some("Asia/Tokyo"),
        "AEST" | "AEDT" => Some("Australia/Sydney"),
        "Z" => Some("UTC"),
        _ => None,
    };
    if let Some(zone) = abbreviation {
        return format!("did you mean {zone}?");
    }
    if let Some(zone) = fixed_offset(&wanted) {
        return format!("an offset is no zone; did you mean {zone}, or a place such as Asia/Karachi?");
    }
    let same_city = |zone: &&Tz| {
        let full = zone.name();
        full.eq_ignore_ascii_case(&wanted)
            || full.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&wanted))
    };
    match TZ_VARIANTS.iter().find(same_city) {
        Some(zone) => format!("did you mean {}?", zone.name()),
        None => "an IANA name is needed, such as Asia/Karachi, Europe/London or UTC".to_owned(),
    }
}

/// `UTC+8` is `Etc/GMT-8`: POSIX signs, IANA's tzdata file `etcetera`.
fn fixed_offset(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => ('-', digits),
        ("-", digits) => ('+', digits),
        _ => return None,
    };
    let hours: u8 = digits.split(':').next()?.parse().ok()?;
    (hours <= 14).then(|| format!("Etc/GMT{sign}{hours}"))
}

/// Gives the instant that a wall time means in a zone.
///
/// A time that does not exist (clocks go forward) moves forward by the length of the gap; of a time that happens twice
/// (clocks go back) the first is meant. RFC 5545 §3.3.5 says the same of DATE-TIME with a TZID.
pub fn resolve(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => at.with_timezone(&Utc),
        MappedLocalTime::Ambiguous(first, second) => first.min(second).with_timezone(&Utc),
        MappedLocalTime::None => {
            // Reading the wall time with the offset in force before the gap moves it forward by the gap's length.
            let before = offset_before_gap(local, zone);
            (local - before).and_utc()
        }
    }
}

/// The longest known gap is 24 hours (Apia, 30 December 2011): two days back the clock is surely the old one.
fn offset_before_gap(local: NaiveDateTime, zone: Tz) -> TimeDelta {
    let mut hours = 1;
    while hours < 48 {
        let earlier = local - TimeDelta::hours(hours);
        match zone.from_local_datetime(&earlier) {
            MappedLocalTime::Single(at) => return offset_of(&at),
            MappedLocalTime::Ambiguous(_, at) => return offset_of(&at),
            MappedLocalTime::None => hours += 1,
        }
    }
    offset_of(&zone.from_utc_datetime(&local))
}

fn offset_of(at: &DateTime<Tz>) -> TimeDelta {
    TimeDelta::seconds(i64::from(at.offset().fix().local_minus_utc()))
}

/// Gives the wall time that a zone's clocks show at an instant.
pub fn local(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// Gives the first instant of a local day; a day whose midnight is missing starts when its clocks start.
pub fn start_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    resolve(date.and_time(NaiveTime::MIN), zone)
}

/// Gives the first instant after a local day.
pub fn end_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    start_of_day(date.checked_add_days(Days::new(1)).unwrap_or(date), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: Tz, local: &str) -> String {
        let local = local.parse().expect("a local time");
        resolve(local, zone).with_timezone(&zone).to_rfc3339()
    }

    #[test]
    fn a_time_lost_to_daylight_saving_moves_forward_by_the_gap() {
        assert_eq!(at(chrono_tz::America::New_York, "2027-03-14T02:30:00"), "2027-03-14T03:30:00-04:00");
        assert_eq!(at(chrono_tz::Australia::Lord_Howe, "2026-10-04T02:15:00"), "2026-10-04T02:45:00+11:00");
    }

    #[test]
    fn a_missing_midnight_belongs_to_a_day_that_exists() {
        assert_eq!(at(chrono_tz::America::Santiago, "2026-09-06T00:00:00"), "2026-09-06T01:00:00-03:00");
        assert_eq!(at(chrono_tz::Africa::Cairo, "2027-04-30T00:00:00"), "2027-04-30T01:00:00+03:00");
    }

    #[test]
    fn a_time_that_happens_twice_is_the_first() {
        assert_eq!(at(chrono_tz::Europe::London, "2026-10-25T01:30:00"), "2026-10-25T01:30:00+01:00");
    }

    #[test]
    fn a_whole_day_that_never_was_moves_to_the_next() {
        assert_eq!(at(chrono_tz::Pacific::Apia, "2011-12-30T09:00:00"), "2011-12-31T09:00:00+14:00");
    }

    #[test]
    fn an_unknown_zone_comes_with_a_suggestion() {
        for (given, hint) in [("Karachi", "Asia/Karachi"), ("UTC+8", "Etc/GMT-8"), ("CST", "America/Chicago")]
        {
            let error = parse(given).expect_err("no IANA name");
            assert!(error.hint.contains(hint), "{given}: {}", error.hint);
        }
    }
}
