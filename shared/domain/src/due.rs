//! When a task is due: a wall time in a zone, or a whole day.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Timelike, Utc,
};
use chrono_tz::Tz;

use crate::zone;

/// The due time of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A whole day, the same date in every zone; overdue only when the local day has ended.
    Date(NaiveDate),
    /// A wall time, and the instant that it means in the task's zone.
    At {
        /// What a clock on the wall shows.
        local: NaiveDateTime,
        /// The instant.
        at: DateTime<Utc>,
    },
}

/// A due date that can not be understood or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DueError {
    /// Neither an RFC 3339 instant, nor a local date and time, nor a date.
    #[error(
        "{0:?} is not a date (2027-01-10), a local time (2027-01-10T12:00:00) or an RFC 3339 instant (2027-01-10T12:00:00+05:00)"
    )]
    Malformed(String),
    /// Outside the years 0001 to 9999.
    #[error("the year must be between 0001 and 9999")]
    YearOutOfRange,
    /// A second of 60.
    #[error("leap seconds (:60) can not be kept; use :59")]
    LeapSecond,
}

impl Due {
    /// Parses `2027-01-10` (a whole day), `2027-01-10T12:00:00` (wall time in `zone`; seconds may be left out) or an RFC 3339 instant.
    ///
    /// # Errors
    /// [`DueError`] naming what is wrong.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, DueError> {
        let malformed = || DueError::Malformed(text.chars().take(64).collect());
        // chrono takes signs and short years; RFC 3339 §5.6 wants four digits.
        let (year, rest) = text.split_at_checked(4).ok_or_else(malformed)?;
        if !year.bytes().all(|b| b.is_ascii_digit()) || !rest.starts_with('-') {
            return Err(malformed());
        }
        if year == "0000" {
            return Err(DueError::YearOutOfRange);
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return if text.len() == 10 { Ok(Self::Date(date)) } else { Err(malformed()) };
        }
        let due = if let Ok(instant) = DateTime::<FixedOffset>::parse_from_rfc3339(text) {
            Self::instant(instant.with_timezone(&Utc), zone)
        } else {
            let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
                .map_err(|_| malformed())?;
            Self::wall(local, zone)
        };
        due.checked()
    }

    fn checked(self) -> Result<Self, DueError> {
        let Self::At { local, .. } = self else { return Ok(self) };
        if local.nanosecond() >= 1_000_000_000 {
            return Err(DueError::LeapSecond);
        }
        if !(1..=9999).contains(&local.year()) {
            return Err(DueError::YearOutOfRange);
        }
        Ok(self)
    }

    /// Gives the due time whose instant is `at`; the wall time is read off the clocks of `zone`.
    pub fn instant(at: DateTime<Utc>, zone: Tz) -> Self {
        let at = at.trunc_subsecs(6);
        Self::At { local: zone::local(at, zone), at }
    }

    /// Gives the due time that is meant by `local` on the clocks of `zone`. A time lost in a gap is the instant after it; the wall
    /// time that was meant is remembered, for other days and other zones have it.
    pub fn wall(local: NaiveDateTime, zone: Tz) -> Self {
        let local = local.trunc_subsecs(6);
        Self::At { local, at: zone::resolve(local, zone) }
    }

    /// Says whether the task is due on a day rather than at a time.
    pub fn is_all_day(&self) -> bool {
        matches!(self, Self::Date(_))
    }

    /// Gives the wall time; midnight for a whole day.
    pub fn local(&self) -> NaiveDateTime {
        match *self {
            Self::Date(date) => date.and_time(NaiveTime::MIN),
            Self::At { local, .. } => local,
        }
    }

    /// Gives the instant to sort and filter by; a whole day counts from its first instant.
    pub fn sort_at(&self, zone: Tz) -> DateTime<Utc> {
        match *self {
            Self::Date(date) => zone::start_of_day(date, zone),
            Self::At { at, .. } => at,
        }
    }

    /// Gives the first instant at which the task is overdue.
    pub fn overdue_from(&self, zone: Tz) -> DateTime<Utc> {
        match *self {
            Self::Date(date) => zone::end_of_day(date, zone),
            Self::At { at, .. } => at,
        }
    }

    /// Gives the same wall time in another zone; one that clocks there show already stays, also in the second pass of a fold.
    pub fn moved_to(&self, zone: Tz) -> Self {
        match *self {
            Self::Date(_) => *self,
            Self::At { local, at } if zone::local(at, zone) == local => *self,
            Self::At { local, .. } => Self::wall(local, zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KARACHI: Tz = chrono_tz::Asia::Karachi;

    #[test]
    fn a_plain_date_stays_that_date() {
        assert_eq!(Due::parse("2027-09-05", KARACHI).map(|due| due.is_all_day()), Ok(true));
    }

    #[test]
    fn a_time_without_offset_is_wall_time_in_the_zone() {
        let due = Due::parse("2027-01-10T12:00:00", KARACHI).expect("a due time");
        assert_eq!(due.sort_at(KARACHI).to_rfc3339(), "2027-01-10T07:00:00+00:00");
    }

    #[test]
    fn an_offset_fixes_the_instant_and_the_zone_says_the_wall_time() {
        let due = Due::parse("2027-01-10T12:00:00-05:00", KARACHI).expect("a due time");
        assert_eq!(due.local().to_string(), "2027-01-10 22:00:00");
    }

    #[test]
    fn an_all_day_task_is_overdue_when_its_local_day_has_ended() {
        let due = Due::parse("2026-09-06", chrono_tz::America::Santiago).expect("a date");
        assert_eq!(due.overdue_from(chrono_tz::America::Santiago).to_rfc3339(), "2026-09-07T03:00:00+00:00");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "tomorrow",
            "0000-01-01",
            "10000-01-01",
            "2027-02-29",
            "2027-01-10T24:00:00",
            "2027-1-1",
            "+2027-01-01",
            "2027-01-10T12:00:60Z",
            "2027-01-10T12:00:00+25:00",
            "2027-01-10 12:00",
            "27-01-10",
            "2027-01-10T",
        ] {
            assert!(Due::parse(text, KARACHI).is_err(), "{text}");
        }
        for text in ["0001-01-01", "9999-12-31", "1900-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"] {
            assert!(Due::parse(text, chrono_tz::UTC).is_ok() || text.ends_with("-12:00"), "{text}");
        }
    }
}
