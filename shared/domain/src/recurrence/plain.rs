//! Rules without BY parts: their occurrences are counted without working out each.

use chrono::{Datelike, Months, NaiveDateTime, TimeDelta};

use super::recur::Unit;
use super::{Frequency, Repetition};

/// How far apart the slots of a rule without BY parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Always equally far.
    Even(TimeDelta),
    /// A number of months.
    Months {
        every: u32,
        /// Whether a short month has its last day instead of none.
        is_clamped: bool,
    },
}

impl Plain {
    /// Gives the distance of the slots of a rule; `None` when BY parts, or the days of a pattern, choose them.
    pub(super) fn of(repetition: &Repetition) -> Option<Self> {
        match repetition {
            Repetition::Pattern(pattern) => (pattern.weekdays.is_empty() && pattern.month_days.is_empty())
                .then(|| Self::every(Unit::Days(pattern.frequency), pattern.interval, true)),
            Repetition::Recur(recur) => {
                (!recur.has_by_part()).then(|| Self::every(recur.unit, recur.interval, false))
            }
        }
    }

    fn every(unit: Unit, interval: u32, is_clamped: bool) -> Self {
        let count = i64::from(interval);
        match unit {
            Unit::Minute => Self::Even(TimeDelta::minutes(count)),
            Unit::Hour => Self::Even(TimeDelta::hours(count)),
            Unit::Days(Frequency::Daily) => Self::Even(TimeDelta::days(count)),
            Unit::Days(Frequency::Weekly) => Self::Even(TimeDelta::weeks(count)),
            Unit::Days(Frequency::Monthly) => Self::Months { every: interval, is_clamped },
            Unit::Days(Frequency::Yearly) => Self::Months { every: interval.saturating_mul(12), is_clamped },
        }
    }

    /// Gives the last slot up to `end` that is at most `most` steps after `slot`, and how many steps it is; no step when `slot` is not of
    /// the series.
    pub(super) fn skip(
        self,
        start: NaiveDateTime,
        slot: NaiveDateTime,
        end: NaiveDateTime,
        most: u32,
    ) -> (NaiveDateTime, u32) {
        match self {
            Self::Even(step) => skip_evenly(step, start, slot, end, most),
            Self::Months { every, is_clamped } => skip_months(every, is_clamped, start, slot, end, most),
        }
        .unwrap_or((slot, 0))
    }
}

fn skip_evenly(
    step: TimeDelta,
    start: NaiveDateTime,
    slot: NaiveDateTime,
    end: NaiveDateTime,
    most: u32,
) -> Option<(NaiveDateTime, u32)> {
    let past = slot - start;
    if past.subsec_nanos() != 0 || past.num_seconds() % step.num_seconds() != 0 {
        return None;
    }
    let steps = ((end - slot).num_seconds() / step.num_seconds()).clamp(0, i64::from(most));
    let distance = TimeDelta::try_seconds(steps * step.num_seconds())?;
    Some((slot.checked_add_signed(distance)?, u32::try_from(steps).ok()?))
}

fn skip_months(
    every: u32,
    is_clamped: bool,
    start: NaiveDateTime,
    slot: NaiveDateTime,
    end: NaiveDateTime,
    most: u32,
) -> Option<(NaiveDateTime, u32)> {
    // chrono clamps to the last day of a short month.
    let at = |period: u32| start.checked_add_months(Months::new(period.checked_mul(every)?));
    let months = (slot.year() - start.year()) * 12 + slot.month().cast_signed() - start.month().cast_signed();
    let period = u32::try_from(months).ok()? / every;
    if at(period)? != slot {
        return None;
    }
    let steps = (period + 1..)
        .map_while(at)
        .take_while(|later| *later <= end)
        .filter(|later| is_clamped || later.day() == start.day())
        .take(usize::try_from(most).ok()?);
    Some(steps.fold((slot, 0), |(_, count), later| (later, count + 1)))
}
