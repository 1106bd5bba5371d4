//! Which days the BY parts of a rule allow, a month at a time: a month's days are the bits of one word.
//!
//! Days are numbered as by [`Datelike::num_days_from_ce`]: 1 is Monday, 1 January 0001.

use chrono::{Datelike, NaiveDate, Weekday};

/// The last day there is: 31 December 9999.
pub(super) const LAST_DAY: i32 = 3_652_059;
/// The Gregorian calendar repeats itself after 400 years, weekdays included.
pub(super) const CYCLE_DAYS: i64 = 146_097;

/// One month of one year.
#[derive(Debug, Clone, Copy)]
pub(super) struct Month {
    /// Years × 12 + months from 0.
    pub(super) index: i32,
    /// The number of its first day.
    pub(super) first: i32,
    /// 28–31.
    pub(super) length: u32,
}

impl Month {
    pub(super) fn of(day: i32) -> Option<Self> {
        let date = NaiveDate::from_num_days_from_ce_opt(day)?;
        let length = u32::from(date.num_days_in_month());
        Some(Self { index: index_of(date), first: day - date.day0().cast_signed(), length })
    }

    /// Gives the month with an index.
    pub(super) fn at(index: i32) -> Option<Self> {
        let date = NaiveDate::from_ymd_opt(index.div_euclid(12), month0(index) + 1, 1)?;
        Some(Self { index, first: date.num_days_from_ce(), length: u32::from(date.num_days_in_month()) })
    }

    /// Gives the number of the first day after it.
    pub(super) fn end(&self) -> i32 {
        self.first + self.length.cast_signed()
    }
}

/// Gives years × 12 + months from 0.
pub(super) fn index_of(date: NaiveDate) -> i32 {
    date.year() * 12 + date.month0().cast_signed()
}

fn month0(index: i32) -> u32 {
    index.rem_euclid(12).cast_unsigned()
}

/// Gives the weekday of a day, from Monday = 0.
pub(super) fn weekday_of(day: i32) -> i32 {
    (day - 1).rem_euclid(7)
}

/// Gives the first day of the week of a day.
pub(super) fn week_of(day: i32, week_start: Weekday) -> i32 {
    day - (weekday_of(day) - number_of(week_start)).rem_euclid(7)
}

fn number_of(weekday: Weekday) -> i32 {
    weekday.num_days_from_monday().cast_signed()
}

/// A day of the week, or the nth one of its month or year; from the end when negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrdinalDay {
    /// `None`: every one.
    pub(super) ordinal: Option<i8>,
    /// The day of the week.
    pub(super) weekday: Weekday,
}

/// The BY parts that choose days; an empty one allows every day.
#[derive(Debug, Clone)]
pub(super) struct DayFilter<'a> {
    /// Bits from January.
    months: u16,
    /// Bits from the 1st, for months of 28 to 31 days.
    month_days: [u32; 4],
    weekdays: &'a [OrdinalDay],
    /// Whether the nth weekday is that of the year, instead of the month.
    counts_in_year: bool,
    year_days: &'a [i16],
    weeks: &'a [i16],
    week_start: Weekday,
}

/// What a [`DayFilter`] is made of.
pub(super) struct Chosen<'a> {
    pub(super) months: &'a [i16],
    pub(super) month_days: &'a [i16],
    pub(super) weekdays: &'a [OrdinalDay],
    pub(super) counts_in_year: bool,
    pub(super) year_days: &'a [i16],
    pub(super) weeks: &'a [i16],
    pub(super) week_start: Weekday,
}

impl<'a> DayFilter<'a> {
    pub(super) fn new(chosen: Chosen<'a>) -> Self {
        let Chosen { months, month_days, weekdays, counts_in_year, year_days, weeks, week_start } = chosen;
        let bits = |length: i16| {
            let all = !0 >> (32 - length);
            let bit = |day: &i16| match *day {
                day if day > 0 => 1 << (day - 1) & all,
                day if -day <= length => 1 << (length + day),
                _ => 0,
            };
            if month_days.is_empty() { all } else { month_days.iter().map(bit).fold(0u32, |a, b| a | b) }
        };
        let months = months.iter().map(|month| 1 << (month - 1)).fold(0, |a: u16, b: u16| a | b);
        Self {
            months: if months == 0 { 0xfff } else { months },
            month_days: [28, 29, 30, 31].map(bits),
            weekdays,
            counts_in_year,
            year_days,
            weeks,
            week_start,
        }
    }

    /// Gives the allowed days of a month, as bits from the 1st.
    pub(super) fn days(&self, month: &Month) -> u32 {
        if self.months & (1 << month0(month.index)) == 0 {
            return 0;
        }
        let mut days = self.month_days[(month.length - 28) as usize]
            & self.weekday_bits(month)
            & self.year_day_bits(month);
        if !self.weeks.is_empty() {
            let is_allowed = |bit: &u32| self.has_week(month.first + bit.cast_signed());
            days = ones(days).filter(is_allowed).map(|bit| 1 << bit).sum();
        }
        days
    }

    /// Says whether a day is allowed.
    pub(super) fn allows(&self, date: NaiveDate) -> bool {
        let day = date.num_days_from_ce();
        Month::of(day).is_some_and(|month| self.days(&month) & (1 << (day - month.first)) != 0)
    }

    /// Says whether days of the weekday of a day may be allowed.
    pub(super) fn may_allow_weekday(&self, day: i32) -> bool {
        let is_that = |allowed: &OrdinalDay| number_of(allowed.weekday) == weekday_of(day);
        self.weekdays.is_empty() || self.weekdays.iter().any(is_that)
    }

    /// Gives the first day from `day` on whose month may have allowed days.
    pub(super) fn skip_months(&self, day: i32) -> Option<i32> {
        let month = Month::of(day)?;
        if self.months & (1 << month0(month.index)) != 0 {
            return Some(day);
        }
        let mut later = month.index + 1..=month.index + 12;
        Month::at(later.find(|index| self.months & (1 << month0(*index)) != 0)?).map(|month| month.first)
    }

    fn weekday_bits(&self, month: &Month) -> u32 {
        if self.weekdays.is_empty() {
            return !0;
        }
        // The first of the month and of what the nth weekdays are counted in, which ends before `end`.
        let (first, end) = if self.counts_in_year { year_of(month) } else { (month.first, month.end()) };
        let bits = |day: &OrdinalDay| match day.ordinal {
            None => {
                // Every seventh bit of 31: days 1, 8, 15, 22 and 29.
                0x1020_4081
                    << (number_of(day.weekday) - weekday_of(month.first)).rem_euclid(7).cast_unsigned()
            }
            Some(ordinal) => {
                let day = nth_weekday(first, end, ordinal, day.weekday);
                let bit = day.map(|day| day - month.first).filter(|bit| (0..31).contains(bit));
                bit.map_or(0, |bit| 1u32 << bit)
            }
        };
        let within = !0 >> (32 - month.length);
        within & self.weekdays.iter().map(bits).fold(0, |a, b| a | b)
    }

    fn year_day_bits(&self, month: &Month) -> u32 {
        if self.year_days.is_empty() {
            return !0;
        }
        let (first, end) = year_of(month);
        let bit = |day: &i16| {
            let day = i32::from(*day);
            let bit = if day > 0 { first + day - 1 } else { end + day } - month.first;
            if (0..month.length.cast_signed()).contains(&bit) { 1u32 << bit } else { 0 }
        };
        self.year_days.iter().map(bit).fold(0, |a, b| a | b)
    }

    /// Says whether a day is in one of the weeks. RFC 5545 §3.3.10, BYWEEKNO: a week belongs to the year that has at least four of its days,
    /// so the fourth one's.
    fn has_week(&self, day: i32) -> bool {
        let fourth = NaiveDate::from_num_days_from_ce_opt(week_of(day, self.week_start) + 3);
        let Some(fourth) = fourth else { return false };
        let at = i16::try_from(fourth.ordinal0()).unwrap_or(0);
        let last = (days_in_year(fourth.year()) - 1 - at % 7) / 7 + 1;
        let week = at / 7 + 1;
        [week, week - last - 1].iter().any(|number| self.weeks.binary_search(number).is_ok())
    }
}

fn days_in_year(year: i32) -> i16 {
    if NaiveDate::from_ymd_opt(year, 2, 29).is_some() { 366 } else { 365 }
}

/// Gives the first day of a month's year, and that of the next.
pub(super) fn year_of(month: &Month) -> (i32, i32) {
    let year = month.index.div_euclid(12);
    let first = |year| NaiveDate::from_ymd_opt(year, 1, 1).map_or(0, |date| date.num_days_from_ce());
    (first(year), first(year + 1))
}

/// Gives the nth such weekday of the days from `first` to before `end`.
fn nth_weekday(first: i32, end: i32, ordinal: i8, weekday: Weekday) -> Option<i32> {
    let weekday = number_of(weekday);
    let day = if ordinal > 0 {
        first + (weekday - weekday_of(first)).rem_euclid(7) + 7 * (i32::from(ordinal) - 1)
    } else {
        end - 1 - (weekday_of(end - 1) - weekday).rem_euclid(7) + 7 * (i32::from(ordinal) + 1)
    };
    (first..end).contains(&day).then_some(day)
}

/// Gives the numbers of the bits that are set.
pub(super) fn ones(mut bits: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 32).then_some(bit)
    })
}

/// Gives the largest number that divides both.
pub(super) fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
