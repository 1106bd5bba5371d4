//! The RFC 5545 RECUR value: its parts, and which of them go together.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Weekday};

use super::calendar::{Chosen, DayFilter, OrdinalDay};
use super::dates::{Dates, Periods};
use super::{Frequency, RuleError};

/// What FREQ may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Absolute time.
    Minute,
    /// Absolute time.
    Hour,
    /// Days of a local calendar.
    Days(Frequency),
}

const ALL_WEEKDAYS: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// The largest INTERVAL.
pub(super) const MAX_RRULE_INTERVAL: u32 = 1_000_000;

/// A checked RECUR value without COUNT and UNTIL; every list is sorted, and has nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recur {
    pub(super) unit: Unit,
    pub(super) interval: u32,
    pub(super) months: Vec<i16>,
    pub(super) weeks: Vec<i16>,
    pub(super) year_days: Vec<i16>,
    pub(super) month_days: Vec<i16>,
    pub(super) weekdays: Vec<OrdinalDay>,
    pub(super) hours: Vec<i16>,
    pub(super) minutes: Vec<i16>,
    pub(super) seconds: Vec<i16>,
    pub(super) positions: Vec<i16>,
    pub(super) week_start: Weekday,
}

impl Recur {
    /// Gives what is wrong with parts that are well-formed each for itself.
    pub(super) fn conflicts(&self) -> Vec<RuleError> {
        use Frequency::{Daily, Monthly, Weekly, Yearly};
        let has_ordinal = self.weekdays.iter().any(|day| day.ordinal.is_some());
        let is_one_of =
            |allowed: &[Frequency]| matches!(self.unit, Unit::Days(unit) if allowed.contains(&unit));
        let rules = [
            (
                has_ordinal && !is_one_of(&[Monthly, Yearly]),
                "BYDAY",
                "takes numbers such as -1FR with FREQ=MONTHLY and FREQ=YEARLY only",
            ),
            (has_ordinal && !self.weeks.is_empty(), "BYDAY", "takes no numbers beside BYWEEKNO"),
            (
                !self.month_days.is_empty() && is_one_of(&[Weekly]),
                "BYMONTHDAY",
                "does not go with FREQ=WEEKLY",
            ),
            (
                !self.year_days.is_empty() && is_one_of(&[Daily, Weekly, Monthly]),
                "BYYEARDAY",
                "goes with FREQ=YEARLY, HOURLY and MINUTELY only",
            ),
            (!self.weeks.is_empty() && !is_one_of(&[Yearly]), "BYWEEKNO", "goes with FREQ=YEARLY only"),
            (
                !self.positions.is_empty() && !self.has_by_part(),
                "BYSETPOS",
                "needs another BY part to choose from",
            ),
        ];
        let broken = rules.into_iter().filter(|(is_broken, ..)| *is_broken);
        broken.map(|(_, part, problem)| RuleError::part(part, problem)).collect()
    }

    /// Says whether anything but FREQ and INTERVAL chooses occurrences.
    pub(super) fn has_by_part(&self) -> bool {
        !self.weekdays.is_empty()
            || [
                &self.months,
                &self.weeks,
                &self.year_days,
                &self.month_days,
                &self.hours,
                &self.minutes,
                &self.seconds,
            ]
            .iter()
            .any(|list| !list.is_empty())
    }

    /// Says whether the rule's steps are hours or minutes.
    pub(super) fn is_absolute(&self) -> bool {
        !matches!(self.unit, Unit::Days(_))
    }

    /// Gives the seconds from one period of a rule of hours or minutes to the next.
    pub(super) fn step(&self) -> i64 {
        self.unit_seconds() * i64::from(self.interval)
    }

    /// Gives the seconds of an hour or minute.
    pub(super) fn unit_seconds(&self) -> i64 {
        if self.unit == Unit::Minute { 60 } else { 3_600 }
    }

    /// Says whether the rule chooses times of day.
    pub(super) fn has_times(&self) -> bool {
        !(self.hours.is_empty() && self.minutes.is_empty() && self.seconds.is_empty())
    }

    /// Says whether the rule surely gives an occurrence to no start at all, other than the start itself.
    pub(super) fn gives_nothing(&self) -> bool {
        let is_too_far = |position: &i16| usize::from(position.unsigned_abs()) > self.most_in_a_period();
        if !self.positions.is_empty() && self.positions.iter().all(is_too_far) {
            return true;
        }
        let mut every = Self { interval: 1, ..self.clone() };
        if self.is_absolute() {
            (every.unit, every.positions) = (Unit::Days(Frequency::Daily), Vec::new());
        }
        if !self.weeks.is_empty() && self.takes_its_day_from_the_start() {
            // The start may be of any weekday. Days of the month are no matter: each month has a first.
            every.weekdays = ALL_WEEKDAYS.map(|weekday| OrdinalDay { ordinal: None, weekday }).to_vec();
        }
        let start = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN);
        Dates::new(&every, start).next_after(start).is_none()
    }

    fn takes_its_day_from_the_start(&self) -> bool {
        self.weekdays.is_empty() && self.month_days.is_empty() && self.year_days.is_empty()
    }

    /// Gives a bound of what BYSETPOS chooses from.
    fn most_in_a_period(&self) -> usize {
        let or_one = |list: &[i16]| list.len().max(1);
        let seconds = or_one(&self.seconds);
        let times = or_one(&self.hours) * or_one(&self.minutes) * seconds;
        let is_one_a_month = self.takes_its_day_from_the_start();
        match self.unit {
            Unit::Minute => seconds,
            Unit::Hour => or_one(&self.minutes) * seconds,
            Unit::Days(Frequency::Daily) => times,
            Unit::Days(Frequency::Weekly) => self.weekdays.len().max(1) * times,
            Unit::Days(Frequency::Monthly) if is_one_a_month => times,
            Unit::Days(Frequency::Monthly) => 31 * times,
            Unit::Days(Frequency::Yearly) if is_one_a_month && self.weeks.is_empty() => {
                or_one(&self.months) * times
            }
            Unit::Days(Frequency::Yearly) => 366 * times,
        }
    }

    /// Gives the periods of a rule of days, for a series that began at `start`.
    pub(super) fn periods(&self, start: NaiveDateTime) -> Periods {
        let (frequency, interval) = match self.unit {
            Unit::Days(frequency) => (frequency, self.interval),
            Unit::Hour | Unit::Minute => (Frequency::Daily, 1),
        };
        Periods::new(frequency, interval, start.date(), self.week_start)
    }

    /// Gives the parts that choose days, for a series that began at `start`: what the rule does not say is the start's
    /// (RFC 5545 §3.3.10: "information, not contained in the rule, … derived from the Start Time").
    pub(super) fn defaults(&self, start: NaiveDateTime) -> Defaults {
        let has_days = !self.takes_its_day_from_the_start();
        let weekday = OrdinalDay { ordinal: None, weekday: start.weekday() };
        let mut defaults = Defaults::default();
        match self.unit {
            Unit::Days(Frequency::Weekly) if !has_days => defaults.weekday = Some(weekday),
            Unit::Days(Frequency::Yearly) if !has_days && !self.weeks.is_empty() => {
                defaults.weekday = Some(weekday);
            }
            Unit::Days(Frequency::Monthly | Frequency::Yearly) if !has_days => {
                defaults.month_day = i16::try_from(start.day()).ok();
                let is_yearly = self.unit == Unit::Days(Frequency::Yearly);
                defaults.month =
                    i16::try_from(start.month()).ok().filter(|_| is_yearly && self.months.is_empty());
            }
            _ => {}
        }
        let or_start = |list: &[i16], value: u32| {
            if list.is_empty() { vec![i16::try_from(value).unwrap_or(0)] } else { list.to_vec() }
        };
        defaults.hours = or_start(&self.hours, start.hour());
        defaults.minutes = or_start(&self.minutes, start.minute());
        defaults.seconds = or_start(&self.seconds, start.second());
        defaults
    }

    /// Gives the filter of days.
    pub(super) fn filter<'a>(&'a self, defaults: &'a Defaults) -> DayFilter<'a> {
        DayFilter::new(Chosen {
            months: if self.months.is_empty() { defaults.month.as_slice() } else { &self.months },
            month_days: if self.month_days.is_empty() {
                defaults.month_day.as_slice()
            } else {
                &self.month_days
            },
            weekdays: if self.weekdays.is_empty() { defaults.weekday.as_slice() } else { &self.weekdays },
            counts_in_year: self.unit == Unit::Days(Frequency::Yearly) && self.months.is_empty(),
            year_days: &self.year_days,
            weeks: &self.weeks,
            week_start: self.week_start,
        })
    }
}

/// What a rule takes from the start of its series.
#[derive(Debug, Clone, Default)]
pub(super) struct Defaults {
    month: Option<i16>,
    month_day: Option<i16>,
    weekday: Option<OrdinalDay>,
    /// Never empty.
    pub(super) hours: Vec<i16>,
    /// Never empty.
    pub(super) minutes: Vec<i16>,
    /// Never empty.
    pub(super) seconds: Vec<i16>,
}

/// Gives those of the sorted candidates that BYSETPOS chooses; an empty list chooses all.
pub(super) fn chosen<T: Copy>(positions: &[i16], count: usize, at: impl Fn(usize) -> Option<T>) -> Vec<T> {
    if positions.is_empty() {
        return (0..count).filter_map(at).collect();
    }
    let index = |position: &i16| {
        let distance = usize::from(position.unsigned_abs());
        if *position > 0 { Some(distance - 1) } else { count.checked_sub(distance) }
    };
    let mut indices: Vec<usize> = positions.iter().filter_map(index).filter(|index| *index < count).collect();
    indices.sort_unstable();
    indices.dedup();
    indices.into_iter().filter_map(at).collect()
}
