//! Dates and times: every date with its weekday, every time with its zone.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use domain::due::Due;
use domain::zone;
use language::Language::{self, English, LatinUrdu, Urdu};

/// "Sunday, 22 November 2026" · «اتوار، 22 نومبر 2026» · "itwar 22 November 2026".
pub(super) fn day(language: Language, date: NaiveDate) -> String {
    let (weekday, day, year) = (weekday(language, date.weekday()), date.day(), date.format("%Y"));
    let month = month(language, date);
    match language {
        English => format!("{weekday}, {day} {month} {year}"),
        Urdu => format!("{weekday}، {day} {month} {year}"),
        LatinUrdu => format!("{weekday} {day} {month} {year}"),
    }
}

/// "17:00" · «شام 5:00 بجے» · "shaam 5:00 baje".
pub(super) fn time(language: Language, time: NaiveTime) -> String {
    let (part, latin_part) = match time.hour() {
        // Of «رات 12:00 بجے» the date beside it says which end of the day it is: the beginning.
        0..=3 | 20.. => ("رات", "raat"),
        4..=11 => ("صبح", "subah"),
        12..=15 => ("دوپہر", "dopahar"),
        _ => ("شام", "shaam"),
    };
    let clock = match language {
        English => time.format("%H:%M"),
        Urdu | LatinUrdu => time.format("%-I:%M"),
    };
    let seconds = if time.second() == 0 { String::new() } else { time.format(":%S").to_string() };
    match language {
        English => format!("{clock}{seconds}"),
        Urdu => format!("{part} {clock}{seconds} بجے"),
        LatinUrdu => format!("{latin_part} {clock}{seconds} baje"),
    }
}

/// "Sunday, 22 November 2026 at 17:00".
pub(super) fn wall(language: Language, local: NaiveDateTime) -> String {
    let (day, time) = (day(language, local.date()), time(language, local.time()));
    match language {
        English => format!("{day} at {time}"),
        Urdu => format!("{day}، {time}"),
        LatinUrdu => format!("{day}, {time}"),
    }
}

/// "Sunday, 22 November 2026 at 17:00 (Asia/Karachi)".
pub(crate) fn instant(language: Language, at: DateTime<Utc>, zone: Tz) -> String {
    format!("{} ({})", wall(language, zone::local(at, zone)), zone.name())
}

/// The same; "Sunday, 22 November 2026, all day (Asia/Karachi)" for a whole day.
pub(super) fn due(language: Language, due: Due, zone: Tz) -> String {
    let date = match due {
        Due::Date(date) => day(language, date),
        Due::At { at, .. } => return instant(language, at, zone),
    };
    match language {
        English => format!("{date}, all day ({})", zone.name()),
        Urdu => format!("{date}، پورا دن ({})", zone.name()),
        LatinUrdu => format!("{date}, poora din ({})", zone.name()),
    }
}

/// Says whether a range is one day from midnight to midnight.
pub(super) fn is_whole_day(from: NaiveDateTime, to: NaiveDateTime) -> bool {
    from.time() == NaiveTime::MIN && to - from == TimeDelta::days(1)
}

/// "Monday" · «پیر» · "peer".
pub(super) fn weekday(language: Language, day: Weekday) -> &'static str {
    let (english, urdu, latin_urdu) = match day {
        Weekday::Mon => ("Monday", "پیر", "peer"),
        Weekday::Tue => ("Tuesday", "منگل", "mangal"),
        Weekday::Wed => ("Wednesday", "بدھ", "budh"),
        Weekday::Thu => ("Thursday", "جمعرات", "jumerat"),
        Weekday::Fri => ("Friday", "جمعہ", "jumma"),
        Weekday::Sat => ("Saturday", "ہفتہ", "hafta"),
        Weekday::Sun => ("Sunday", "اتوار", "itwar"),
    };
    match language {
        English => english,
        Urdu => urdu,
        LatinUrdu => latin_urdu,
    }
}

/// "November" · «نومبر».
pub(super) fn month(language: Language, date: NaiveDate) -> &'static str {
    let (latin, urdu) = match date.month() {
        1 => ("January", "جنوری"),
        2 => ("February", "فروری"),
        3 => ("March", "مارچ"),
        4 => ("April", "اپریل"),
        5 => ("May", "مئی"),
        6 => ("June", "جون"),
        7 => ("July", "جولائی"),
        8 => ("August", "اگست"),
        9 => ("September", "ستمبر"),
        10 => ("October", "اکتوبر"),
        11 => ("November", "نومبر"),
        _ => ("December", "دسمبر"),
    };
    match language {
        Urdu => urdu,
        English | LatinUrdu => latin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_spelled_out_with_weekday_and_zone() {
        let at = "2026-11-22T12:00:00Z".parse().expect("an instant");
        for (language, expected) in [
            (English, "Sunday, 22 November 2026 at 17:00 (Asia/Karachi)"),
            (Urdu, "اتوار، 22 نومبر 2026، شام 5:00 بجے (Asia/Karachi)"),
            (LatinUrdu, "itwar 22 November 2026, shaam 5:00 baje (Asia/Karachi)"),
        ] {
            assert_eq!(instant(language, at, Tz::Asia__Karachi), expected);
        }
        let day = Due::Date("2026-11-23".parse().expect("a day"));
        for (language, expected) in [
            (English, "Monday, 23 November 2026, all day (Asia/Karachi)"),
            (Urdu, "پیر، 23 نومبر 2026، پورا دن (Asia/Karachi)"),
            (LatinUrdu, "peer 23 November 2026, poora din (Asia/Karachi)"),
        ] {
            assert_eq!(due(language, day, Tz::Asia__Karachi), expected);
        }
    }

    #[test]
    fn the_hour_of_the_day_is_told_in_urdu_by_its_part() {
        for (clock, urdu, latin_urdu) in [
            ("00:00:00", "رات 12:00 بجے", "raat 12:00 baje"),
            ("03:30:00", "رات 3:30 بجے", "raat 3:30 baje"),
            ("04:00:00", "صبح 4:00 بجے", "subah 4:00 baje"),
            ("09:00:00", "صبح 9:00 بجے", "subah 9:00 baje"),
            ("12:00:00", "دوپہر 12:00 بجے", "dopahar 12:00 baje"),
            ("15:05:00", "دوپہر 3:05 بجے", "dopahar 3:05 baje"),
            ("19:00:00", "شام 7:00 بجے", "shaam 7:00 baje"),
            ("21:00:30", "رات 9:00:30 بجے", "raat 9:00:30 baje"),
        ] {
            let clock = clock.parse().expect("a time");
            assert_eq!(time(Urdu, clock), urdu);
            assert_eq!(time(LatinUrdu, clock), latin_urdu);
        }
    }
}
