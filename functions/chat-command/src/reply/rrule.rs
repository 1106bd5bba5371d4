//! Repetitions that no pattern can say, in words: the n-th weekdays, hours, minutes. Others are shown as the rule that they are.

use chrono::{NaiveDate, NaiveDateTime, Weekday};
use domain::recurrence::{Rule, Until};
use language::Language::{self, English, LatinUrdu, Urdu};

use super::phrase::{and, isolated};
use super::repetition::{after_completion, end, every, on, ordinal};
use super::unit::Unit;
use super::when;

/// "every month on the last Friday" · «ہر مہینے آخری جمعہ کو».
pub(super) fn repetition(language: Language, rule: &Rule) -> String {
    let text = rule.rrule().unwrap_or_default();
    if let Some(known) = Known::read(&text) {
        let from = after_completion(language, rule.anchor());
        return known.spell(language) + &from + &end(language, rule.count(), known.until);
    }
    match language {
        English => format!("by the rule {text}"),
        Urdu => format!("اس قاعدے سے دہرائی {}", isolated(&text)),
        LatinUrdu => format!("is qaide se dohrai {text}"),
    }
}

/// The parts of a rule that there are words for.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    unit: Unit,
    interval: u32,
    /// Each with which one of its month it is, if that is said.
    weekdays: Vec<(Option<i8>, Weekday)>,
    /// Which one of all the weekdays it is.
    nth_of_all: Option<i8>,
    month: Option<u32>,
    until: Option<Until>,
}

impl Known {
    fn read(text: &str) -> Option<Self> {
        let mut known = Self {
            unit: Unit::Day,
            interval: 1,
            weekdays: Vec::new(),
            nth_of_all: None,
            month: None,
            until: None,
        };
        for part in text.split(';') {
            let (name, value) = part.split_once('=')?;
            match name {
                "FREQ" => known.unit = unit(value)?,
                "INTERVAL" => known.interval = value.parse().ok()?,
                "BYDAY" => known.weekdays = value.split(',').map(weekday).collect::<Option<_>>()?,
                "BYSETPOS" => known.nth_of_all = Some(value.parse().ok()?),
                "BYMONTH" => known.month = Some(value.parse().ok()?),
                "UNTIL" => known.until = Some(until(value)?),
                "COUNT" => {}
                _ => return None,
            }
        }
        known.has_words().then_some(known)
    }

    fn has_words(&self) -> bool {
        let counted = self.weekdays.iter().filter(|(nth, _)| nth.is_some()).count();
        let is_counted = counted > 0;
        // "every month on Monday" would be one Monday of it, and "every 2 days on Monday" any.
        let says_which = match self.unit {
            Unit::Day | Unit::Month | Unit::Year => {
                counted == self.weekdays.len() || self.nth_of_all.is_some()
            }
            _ => true,
        };
        let is_in_months = match self.unit {
            Unit::Month => self.month.is_none(),
            Unit::Year => self.month.is_some() || self.weekdays.is_empty(),
            _ => self.month.is_none() && self.nth_of_all.is_none() && !is_counted,
        };
        let by_position = self.nth_of_all.is_none() || !is_counted && self.weekdays.len() > 1;
        let has_days = self.unit != Unit::Year || self.month.is_none() || !self.weekdays.is_empty();
        says_which && is_in_months && by_position && has_days
    }

    fn spell(&self, language: Language) -> String {
        let every = every(language, self.unit, self.interval);
        if self.weekdays.is_empty() {
            return every;
        }
        let mut days = match self.nth_of_all {
            Some(nth) => of_all(language, nth, &self.days(language)),
            None => and(language, &self.days(language)),
        };
        if let Some(month) = self.month.and_then(|month| NaiveDate::from_ymd_opt(2000, month, 1)) {
            let month = when::month(language, month);
            days = match language {
                English => format!("{days} of {month}"),
                Urdu => format!("{month} میں {days}"),
                LatinUrdu => format!("{month} mein {days}"),
            };
        }
        every + &on(language, &days)
    }

    fn days(&self, language: Language) -> Vec<String> {
        let name = |(nth, day): &(Option<i8>, Weekday)| {
            let name = when::weekday(language, *day);
            match nth {
                None => name.to_owned(),
                // جمعرات is feminine, the other days are not.
                Some(nth) => format!("{} {name}", which(language, *nth, *day == Weekday::Thu)),
            }
        };
        self.weekdays.iter().map(name).collect()
    }
}

/// "the last of Monday, Tuesday and Wednesday".
fn of_all(language: Language, nth: i8, days: &[String]) -> String {
    let (nth, days) = (which(language, nth, false), and(language, days));
    match language {
        English => format!("{nth} of {days}"),
        Urdu => format!("{days} میں سے {nth} دن"),
        LatinUrdu => format!("{days} mein se {nth} din"),
    }
}

/// "the 2nd", "the last".
fn which(language: Language, nth: i8, is_feminine: bool) -> String {
    let number = nth.unsigned_abs();
    let place = match (language, nth) {
        (English, -1) => return "the last".to_owned(),
        (English, ..0) => return format!("the {} last", ordinal(number)),
        (English, _) => return format!("the {}", ordinal(number)),
        (Urdu, -1) => return "آخری".to_owned(),
        (LatinUrdu, -1) => return "aakhri".to_owned(),
        (Urdu, _) => match (number, is_feminine) {
            (1, false) => "پہلے".to_owned(),
            (1, true) => "پہلی".to_owned(),
            (2, false) => "دوسرے".to_owned(),
            (2, true) => "دوسری".to_owned(),
            (3, false) => "تیسرے".to_owned(),
            (3, true) => "تیسری".to_owned(),
            (4, false) => "چوتھے".to_owned(),
            (4, true) => "چوتھی".to_owned(),
            (5, _) => "پانچویں".to_owned(),
            (other, _) => format!("نمبر {other}"),
        },
        (LatinUrdu, _) => match (number, is_feminine) {
            (1, false) => "pehle".to_owned(),
            (1, true) => "pehli".to_owned(),
            (2, false) => "doosre".to_owned(),
            (2, true) => "doosri".to_owned(),
            (3, false) => "teesre".to_owned(),
            (3, true) => "teesri".to_owned(),
            (4, false) => "chauthe".to_owned(),
            (4, true) => "chauthi".to_owned(),
            (5, _) => "paanchwein".to_owned(),
            (other, _) => format!("number {other}"),
        },
    };
    match (language, nth < 0) {
        (Urdu, true) => format!("آخر سے {place}"),
        (LatinUrdu, true) => format!("aakhir se {place}"),
        _ => place,
    }
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "MINUTELY" => Unit::Minute,
        "HOURLY" => Unit::Hour,
        "DAILY" => Unit::Day,
        "WEEKLY" => Unit::Week,
        "MONTHLY" => Unit::Month,
        "YEARLY" => Unit::Year,
        _ => return None,
    })
}

fn weekday(text: &str) -> Option<(Option<i8>, Weekday)> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = match day {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    };
    Some((if nth.is_empty() { None } else { Some(nth.parse().ok()?) }, day))
}

fn until(text: &str) -> Option<Until> {
    let time = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
    match text.strip_suffix('Z') {
        Some(utc) => Some(Until::Utc(time(utc)?.and_utc())),
        None if text.contains('T') => Some(Until::Local(time(text)?)),
        None => Some(Until::Date(NaiveDate::parse_from_str(text, "%Y%m%d").ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use domain::recurrence::Anchor;

    use super::*;

    #[test]
    fn a_rule_without_a_pattern_is_spelled_out() {
        for (rule, english, urdu, latin_urdu) in [
            (
                "FREQ=MONTHLY;BYDAY=-1FR",
                "every month on the last Friday",
                "ہر مہینے آخری جمعہ کو",
                "har mahine aakhri jumma ko",
            ),
            (
                "FREQ=MONTHLY;INTERVAL=2;BYDAY=2TU;COUNT=5",
                "every 2 months on the 2nd Tuesday, 5 times",
                "ہر 2 مہینے بعد دوسرے منگل کو، کل 5 بار",
                "har 2 mahine baad doosre mangal ko, kul 5 baar",
            ),
            (
                "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
                "every year on the 4th Thursday of November",
                "ہر سال نومبر میں چوتھی جمعرات کو",
                "har saal November mein chauthi jumerat ko",
            ),
            (
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                "every month on the last of Monday, Tuesday, Wednesday, Thursday and Friday",
                "ہر مہینے پیر، منگل، بدھ، جمعرات اور جمعہ میں سے آخری دن کو",
                "har mahine peer, mangal, budh, jumerat aur jumma mein se aakhri din ko",
            ),
            (
                "FREQ=HOURLY;INTERVAL=2;UNTIL=20261231",
                "every 2 hours, until Thursday, 31 December 2026",
                "ہر 2 گھنٹے بعد، جمعرات، 31 دسمبر 2026 تک",
                "har 2 ghante baad, jumerat 31 December 2026 tak",
            ),
            (
                "FREQ=DAILY;BYHOUR=9",
                "by the rule FREQ=DAILY;BYHOUR=9",
                "اس قاعدے سے دہرائی \u{2068}FREQ=DAILY;BYHOUR=9\u{2069}",
                "is qaide se dohrai FREQ=DAILY;BYHOUR=9",
            ),
            (
                "FREQ=YEARLY;BYMONTH=11",
                "by the rule FREQ=YEARLY;BYMONTH=11",
                "اس قاعدے سے دہرائی \u{2068}FREQ=YEARLY;BYMONTH=11\u{2069}",
                "is qaide se dohrai FREQ=YEARLY;BYMONTH=11",
            ),
        ] {
            let rule = Rule::parse_rrule(rule, Anchor::Due, false).expect("a rule");
            assert_eq!(repetition(English, &rule), english);
            assert_eq!(repetition(Urdu, &rule), urdu);
            assert_eq!(repetition(LatinUrdu, &rule), latin_urdu);
        }
    }

    #[test]
    fn a_rule_that_the_words_would_not_say_exactly_is_shown_as_it_is() {
        for text in [
            "FREQ=MONTHLY;BYDAY=MO",
            "FREQ=MONTHLY;BYDAY=MO,FR",
            "FREQ=MONTHLY;BYDAY=MO,2FR",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=TH",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=TH,1FR",
            "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1",
        ] {
            let rule = Rule::parse_rrule(text, Anchor::Due, false).expect("a rule");
            assert_eq!(repetition(English, &rule), format!("by the rule {text}"));
        }
    }
}
