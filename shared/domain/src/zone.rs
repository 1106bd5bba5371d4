//! Wall time in a zone and the instant it means.
//!
//! Whoever asks a [`Tz`] itself, by a method of `chrono::TimeZone`, gets the same from tables five times the size: see `build.rs`.

mod offsets;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
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
    name.parse().map_err(|_| UnknownZone { name: name.chars().take(LONGEST).collect(), hint: suggest(name) })
}

/// More than any IANA name has, and its typing errors, in characters.
const LONGEST: usize = 64;

fn suggest(name: &str) -> String {
    let wanted: String = name.trim().chars().take(LONGEST).collect::<String>().replace(' ', "_");
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
    if let Some(offset_minutes) = fixed_offset(&wanted) {
        return match zone_with(offset_minutes) {
            Some(zone) => {
                format!("an offset is no zone; did you mean {zone}, or a place such as Asia/Karachi?")
            }
            None => "an offset is no zone; a place is needed, such as Asia/Karachi".to_owned(),
        };
    }
    match same_city(&wanted).or_else(|| nearest(&wanted)) {
        Some(zone) => format!("did you mean {}?", zone.name()),
        None => "an IANA name is needed, such as Asia/Karachi, Europe/London or UTC".to_owned(),
    }
}

/// Gives the zone with a name, or with such a city, in upper or lower case.
fn same_city(wanted: &str) -> Option<&'static Tz> {
    TZ_VARIANTS.iter().find(|zone| {
        zone.name().eq_ignore_ascii_case(wanted) || city_of(zone.name()).eq_ignore_ascii_case(wanted)
    })
}

/// Gives the zone whose name, or whose city, is meant by one with few typing errors; the shorter the name, the fewer.
fn nearest(wanted: &str) -> Option<&'static Tz> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    let most = match length {
        // Any three letters are near some abbreviation.
        0..=4 => return None,
        5..=6 => 1,
        7..=11 => 2,
        _ => 3,
    };
    let distance = |name: &str| {
        let is_near = name.len().abs_diff(length) <= most;
        is_near.then(|| strsim::osa_distance(&name.to_ascii_lowercase(), &wanted))
    };
    let errors = |zone: &Tz| distance(zone.name()).into_iter().chain(distance(city_of(zone.name()))).min();
    let near = TZ_VARIANTS.iter().filter_map(|zone| errors(zone).map(|errors| (errors, zone)));
    near.filter(|(errors, _)| *errors <= most).min_by_key(|(errors, _)| *errors).map(|(_, zone)| zone)
}

fn city_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Reads an offset such as `UTC+8`, `GMT-3:30` or `+0545`, in minutes.
fn fixed_offset(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    let (sign, digits) = match rest.trim_start_matches('_').split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits
            .split_at_checked(digits.len().saturating_sub(2))
            .filter(|_| digits.len() > 2)
            .unwrap_or((digits, "0")),
    };
    let [hours, minutes] = [hours, minutes].map(|part| part.parse::<u8>().ok());
    Some(sign * (i32::from(hours?) * 60 + i32::from(minutes?)))
}

/// Gives a zone that has an offset all year, or the best known one that ever has it. `UTC+8` is `Etc/GMT-8`: POSIX signs, IANA's tzdata
/// file `etcetera`, which has whole hours only.
fn zone_with(offset_minutes: i32) -> Option<String> {
    let place = match offset_minutes {
        -570 => "Pacific/Marquesas",
        -210 => "America/St_Johns",
        210 => "Asia/Tehran",
        270 => "Asia/Kabul",
        330 => "Asia/Kolkata",
        345 => "Asia/Kathmandu",
        390 => "Asia/Yangon",
        525 => "Australia/Eucla",
        570 => "Australia/Darwin",
        630 => "Australia/Lord_Howe",
        765 => "Pacific/Chatham",
        whole if whole % 60 == 0 => {
            return Some(format!("Etc/GMT{:+}", -whole / 60)).filter(|name| name.parse::<Tz>().is_ok());
        }
        _ => return None,
    };
    Some(place.to_owned())
}

/// Gives the instant that a wall time means in a zone.
///
/// A time that does not exist (clocks go forward) moves forward by the length of the gap; of a time that happens twice
/// (clocks go back) the first is meant. RFC 5545 §3.3.5 says the same of DATE-TIME with a TZID.
pub fn resolve(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    utc(local, offsets::of_local(local, zone).0)
}

/// Gives the second instant of a wall time that happens twice, because clocks go back.
pub fn resolve_second(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    offsets::of_local(local, zone).1.map(|offset| utc(local, offset))
}

fn utc(local: NaiveDateTime, offset: FixedOffset) -> DateTime<Utc> {
    // There is no other at the end of time.
    local.checked_sub_offset(offset).unwrap_or(local).and_utc()
}

/// Gives an instant with the offset that a zone has then.
pub fn in_zone(at: DateTime<Utc>, zone: Tz) -> DateTime<FixedOffset> {
    at.with_timezone(&offsets::at(at, zone))
}

/// Gives the wall time that a zone's clocks show at an instant.
pub fn local(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    in_zone(at, zone).naive_local()
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
        let long = "Europe/".repeat(1_500);
        for (given, hint) in [
            ("Karachi", "mean Asia/Karachi?"),
            (" asia/karachi ", "mean Asia/Karachi?"),
            ("CST", "America/Chicago"),
            ("UTC+8", "mean Etc/GMT-8,"),
            ("GMT-05:00", "mean Etc/GMT+5,"),
            ("UTC+0", "mean Etc/GMT+0,"),
            ("UTC-13", "a place is needed"),
            ("UTC+99:99", "a place is needed"),
            ("UTC+5:15", "a place is needed"),
            ("UTC+5:30", "Asia/Kolkata"),
            ("+0545", "Asia/Kathmandu"),
            ("UTC +3:30", "Asia/Tehran"),
            ("utc+4:30", "Asia/Kabul"),
            ("UTC+6:30", "Asia/Yangon"),
            ("UTC+8:45", "Australia/Eucla"),
            ("UTC+9:30", "Australia/Darwin"),
            ("UTC+10:30", "Australia/Lord_Howe"),
            ("UTC+12:45", "Pacific/Chatham"),
            ("UTC-3:30", "America/St_Johns"),
            ("UTC-930", "Pacific/Marquesas"),
            ("Europe/Berlln", "mean Europe/Berlin?"),
            ("Amerika/New_York", "mean America/New_York?"),
            ("Asia/Kathmandoo", "mean Asia/Kathmandu?"),
            ("Toyko", "mean Asia/Tokyo?"),
            ("Asia/Lahore", "such as"),
            ("AST", "such as"),
            ("UTC+", "such as"),
            ("+🕌", "such as"),
            (&long, "such as"),
        ] {
            let error = parse(given).expect_err("no IANA name");
            assert!(error.hint.contains(hint), "{given}: {}", error.hint);
        }
    }

    #[test]
    fn every_zone_that_is_suggested_for_an_offset_has_it() {
        let seasons =
            ["2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"].map(|at| at.parse().expect("an instant"));
        for minutes in -15 * 60..=15 * 60 {
            let Some(name) = zone_with(minutes) else { continue };
            let zone = parse(&name).expect("an IANA name");
            let offset = |at: &DateTime<Utc>| (local(*at, zone) - at.naive_utc()).num_minutes();
            assert!(seasons.iter().any(|at| offset(at) == i64::from(minutes)), "{name}: {minutes}");
        }
    }
}
