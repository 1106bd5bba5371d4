//! Units of time, and numbers of them.

use domain::reminder::LeadUnit;
use language::Language::{self, English, LatinUrdu, Urdu};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// "hour" · «گھنٹہ» · "ghanta".
    pub(super) fn one(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Minute, English | LatinUrdu) => "minute",
            (Self::Minute, Urdu) => "منٹ",
            (Self::Hour, English) => "hour",
            (Self::Hour, Urdu) => "گھنٹہ",
            (Self::Hour, LatinUrdu) => "ghanta",
            (Self::Day, English) => "day",
            (Self::Day, Urdu) => "دن",
            (Self::Day, LatinUrdu) => "din",
            (Self::Week, English) => "week",
            (Self::Week, Urdu) => "ہفتہ",
            (Self::Week, LatinUrdu) => "hafta",
            (Self::Month, English) => "month",
            (Self::Month, Urdu) => "مہینہ",
            (Self::Month, LatinUrdu) => "mahina",
            (Self::Year, English) => "year",
            (Self::Year, Urdu) => "سال",
            (Self::Year, LatinUrdu) => "saal",
        }
    }

    /// "hours" · «گھنٹے» · "ghante".
    pub(super) fn many(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Minute, English) => "minutes",
            (Self::Hour, English) => "hours",
            (Self::Hour, Urdu) => "گھنٹے",
            (Self::Hour, LatinUrdu) => "ghante",
            (Self::Day, English) => "days",
            (Self::Week, English) => "weeks",
            (Self::Week, Urdu) => "ہفتے",
            (Self::Week, LatinUrdu) => "hafte",
            (Self::Month, English) => "months",
            (Self::Month, Urdu) => "مہینے",
            (Self::Month, LatinUrdu) => "mahine",
            (Self::Year, English) => "years",
            (Self::Minute | Self::Day | Self::Year, Urdu | LatinUrdu) => self.one(language),
        }
    }
}

impl From<LeadUnit> for Unit {
    fn from(unit: LeadUnit) -> Self {
        match unit {
            LeadUnit::Minutes => Self::Minute,
            LeadUnit::Hours => Self::Hour,
            LeadUnit::Days => Self::Day,
            LeadUnit::Weeks => Self::Week,
        }
    }
}

/// "1 hour", "90 minutes" · «1 گھنٹہ».
pub(super) fn amount(language: Language, count: u64, unit: Unit) -> String {
    let unit = if count == 1 { unit.one(language) } else { unit.many(language) };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hour_and_two_are_counted() {
        for (count, unit, urdu, latin_urdu) in [
            (1, Unit::Hour, "1 گھنٹہ", "1 ghanta"),
            (2, Unit::Hour, "2 گھنٹے", "2 ghante"),
            (1, Unit::Week, "1 ہفتہ", "1 hafta"),
            (2, Unit::Day, "2 دن", "2 din"),
        ] {
            assert_eq!(amount(Urdu, count, unit), urdu);
            assert_eq!(amount(LatinUrdu, count, unit), latin_urdu);
        }
        assert_eq!(amount(English, 1, Unit::Week), "1 week");
        assert_eq!(amount(English, 90, Unit::Minute), "90 minutes");
    }
}
