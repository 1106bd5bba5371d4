//! Repetitions in words.

use chrono_tz::Tz;
use domain::recurrence::{Anchor, Frequency, Parts, Rule, Until};
use language::Language::{self, English, LatinUrdu, Urdu};

use super::phrase::{and, comma};
use super::unit::Unit;
use super::{rrule, when};

/// "every 2 weeks on Monday and Friday, until Thursday, 31 December 2026" · «ہر 2 ہفتے بعد پیر اور جمعہ کو، …».
pub(super) fn repetition(language: Language, rule: &Rule) -> String {
    let Some(parts) = rule.parts() else { return rrule::repetition(language, rule) };
    let Parts { frequency, interval, weekdays, month_days, count, until, anchor, .. } = parts;
    let unit = match frequency {
        Frequency::Daily => Unit::Day,
        Frequency::Weekly => Unit::Week,
        Frequency::Monthly => Unit::Month,
        Frequency::Yearly => Unit::Year,
    };
    let mut text = every(language, unit, interval);
    if !weekdays.is_empty() {
        let days: Vec<_> = weekdays.iter().map(|day| when::weekday(language, *day).to_owned()).collect();
        text += &on(language, &and(language, &days));
    }
    if !month_days.is_empty() {
        let days: Vec<_> = month_days.iter().map(|day| month_day(language, *day)).collect();
        text += &on(language, &and(language, &days));
    }
    text + &after_completion(language, anchor) + &end(language, count, until)
}

/// "every 2 weeks".
pub(super) fn every(language: Language, unit: Unit, interval: u32) -> String {
    let many = unit.many(language);
    match (language, unit, interval) {
        (English, _, 1) => format!("every {}", unit.one(language)),
        (English, _, _) => format!("every {interval} {many}"),
        (Urdu, Unit::Day, 1) => "ہر روز".to_owned(),
        // After ہر the noun bends, and then it is like the plural.
        (Urdu, _, 1) => format!("ہر {many}"),
        (Urdu, _, _) => format!("ہر {interval} {many} بعد"),
        (LatinUrdu, Unit::Day, 1) => "har roz".to_owned(),
        (LatinUrdu, _, 1) => format!("har {many}"),
        (LatinUrdu, _, _) => format!("har {interval} {many} baad"),
    }
}

/// " after it is done", if it is counted from that.
pub(super) fn after_completion(language: Language, anchor: Anchor) -> String {
    match (anchor, language) {
        (Anchor::Due, _) => "",
        (Anchor::Completion, English) => " after it is done",
        (Anchor::Completion, Urdu) => "، پچھلا مکمل ہونے کے دن سے",
        (Anchor::Completion, LatinUrdu) => ", pichla mukammal hone ke din se",
    }
    .to_owned()
}

/// ", 5 times", ", until …", or nothing.
pub(super) fn end(language: Language, count: Option<u32>, until: Option<Until>) -> String {
    let last = until.map(|until| match until {
        Until::Date(date) => when::day(language, date),
        Until::Local(local) => when::wall(language, local),
        Until::Utc(at) => when::instant(language, at, Tz::UTC),
    });
    let end = match (count, last) {
        (Some(count), _) => times(language, count),
        (None, Some(last)) => until_when(language, &last),
        (None, None) => return String::new(),
    };
    format!("{}{end}", comma(language))
}

/// " on Monday and Friday".
pub(super) fn on(language: Language, days: &str) -> String {
    match language {
        English => format!(" on {days}"),
        Urdu => format!(" {days} کو"),
        LatinUrdu => format!(" {days} ko"),
    }
}

fn times(language: Language, count: u32) -> String {
    match (language, count) {
        (English, 1) => "once".to_owned(),
        (English, _) => format!("{count} times"),
        (Urdu, 1) => "صرف ایک بار".to_owned(),
        (Urdu, _) => format!("کل {count} بار"),
        (LatinUrdu, 1) => "sirf ek baar".to_owned(),
        (LatinUrdu, _) => format!("kul {count} baar"),
    }
}

fn until_when(language: Language, last: &str) -> String {
    match language {
        English => format!("until {last}"),
        Urdu => format!("{last} تک"),
        LatinUrdu => format!("{last} tak"),
    }
}

fn month_day(language: Language, day: i8) -> String {
    let number = day.unsigned_abs();
    match (language, day) {
        (English, -1) => "the last day".to_owned(),
        (English, ..0) => format!("the {} last day", ordinal(number)),
        (English, _) => format!("the {}", ordinal(number)),
        (Urdu, -1) => "آخری دن".to_owned(),
        (Urdu, ..0) => format!("آخر سے دن نمبر {number}"),
        (Urdu, _) => format!("{number} تاریخ"),
        (LatinUrdu, -1) => "aakhri din".to_owned(),
        (LatinUrdu, ..0) => format!("aakhir se din number {number}"),
        (LatinUrdu, _) => format!("{number} tareekh"),
    }
}

/// "22nd".
pub(super) fn ordinal(number: u8) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;

    #[test]
    fn a_rule_is_spelled_out() {
        let weekly = Parts {
            interval: 2,
            weekdays: vec![Weekday::Fri, Weekday::Mon],
            count: Some(5),
            ..Parts::every(Frequency::Weekly)
        };
        let monthly = Parts { month_days: vec![-1, 22], ..Parts::every(Frequency::Monthly) };
        let after = Parts { interval: 3, anchor: Anchor::Completion, ..Parts::every(Frequency::Daily) };
        let until = Until::Date("2026-12-31".parse().expect("a day"));
        let daily = Parts { until: Some(until), ..Parts::every(Frequency::Daily) };
        for (parts, english, urdu, latin_urdu) in [
            (
                weekly,
                "every 2 weeks on Monday and Friday, 5 times",
                "ہر 2 ہفتے بعد پیر اور جمعہ کو، کل 5 بار",
                "har 2 hafte baad peer aur jumma ko, kul 5 baar",
            ),
            (
                monthly,
                "every month on the last day and the 22nd",
                "ہر مہینے آخری دن اور 22 تاریخ کو",
                "har mahine aakhri din aur 22 tareekh ko",
            ),
            (
                after,
                "every 3 days after it is done",
                "ہر 3 دن بعد، پچھلا مکمل ہونے کے دن سے",
                "har 3 din baad, pichla mukammal hone ke din se",
            ),
            (
                daily,
                "every day, until Thursday, 31 December 2026",
                "ہر روز، جمعرات، 31 دسمبر 2026 تک",
                "har roz, jumerat 31 December 2026 tak",
            ),
        ] {
            let rule = Rule::new(parts).expect("a rule");
            assert_eq!(repetition(English, &rule), english);
            assert_eq!(repetition(Urdu, &rule), urdu);
            assert_eq!(repetition(LatinUrdu, &rule), latin_urdu);
        }
    }
}
