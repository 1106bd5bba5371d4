//! Rules of hours and minutes: absolute time, which no clock change disturbs.
//!
//! Slots are read off a timeline that shows the start's wall time at the start and runs on evenly; BY parts look at what the clocks of
//! the zone show at that instant. Hours and minutes that the BY parts exclude are skipped by arithmetic on the local calendar.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::calendar::{DayFilter, LAST_DAY, greatest_common_divisor};
use super::recur::{Defaults, Recur, Unit, chosen};
use crate::zone;

/// How many periods are looked at before a rule counts as ended. A step and a time of day meet in 1,440 steps if ever; beyond that, step,
/// time and date meet less than once in a lifetime.
const MOST_PERIODS: usize = 3_000;
/// Zones change their clocks within these years only, as far as the time zone database says.
const YEARS_OF_CHANGES: [i32; 2] = [1_800, 2_101];
/// In seconds.
const WEEK: i64 = 7 * 86_400;
/// Shorter than clocks keep a change, in seconds.
const PROBE: i64 = 28 * 86_400;
/// Longer than any clock change (Apia, 30 December 2011: 24 hours), in seconds.
const LONGEST_CHANGE: i64 = 26 * 3_600;

/// A rule of hours or minutes together with the start of its series. Places on its timeline are seconds from the full hour or minute of
/// the start.
pub(super) struct Timeline<'a> {
    recur: &'a Recur,
    defaults: Defaults,
    start: NaiveDateTime,
    origin: NaiveDateTime,
    origin_at: DateTime<Utc>,
    zone: Tz,
    /// 3,600 or 60.
    unit: i64,
    /// From one period to the next.
    step: i64,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(recur: &'a Recur, start: NaiveDateTime, zone: Tz) -> Self {
        let unit = recur.unit_seconds();
        let past = i64::from(start.num_seconds_from_midnight()) % unit;
        let past = TimeDelta::seconds(past) + TimeDelta::nanoseconds(i64::from(start.nanosecond()));
        Self {
            recur,
            defaults: recur.defaults(start),
            start,
            origin: start - past,
            origin_at: zone::resolve(start, zone) - past,
            zone,
            unit,
            step: recur.step(),
        }
    }

    /// Gives the first slot of the rule after `after`, which is not before the start.
    pub(super) fn next_after(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut period = (after - self.origin).num_seconds().div_euclid(self.step);
        let filter = self.recur.filter(&self.defaults);
        let mut last_shift = None;
        for _ in 0..MOST_PERIODS {
            let from = period.checked_mul(self.step)?;
            self.date_of(from)?;
            let (shown, shown_last) = (self.wall(from), self.wall(from + self.unit - 1));
            let is_even = shown_last - shown == TimeDelta::seconds(self.unit - 1);
            if is_even {
                let allowed = self.next_allowed(&filter, shown)?;
                if allowed > shown_last {
                    let shift = shown - self.origin - TimeDelta::seconds(from);
                    let can_meet = last_shift == Some(shift) || self.can_meet(&filter, shown);
                    last_shift = Some(shift).filter(|_| can_meet);
                    let place = if can_meet { self.place_of(allowed, from) } else { self.next_change(from)? };
                    // The period that has this place, or the first one after it.
                    let next = (place - self.unit).div_euclid(self.step) + 1;
                    period = next.max(period + 1);
                    continue;
                }
            }
            let slots = self.slots(&filter, from, is_even.then_some(shown));
            if let Some(slot) = slots.into_iter().find(|slot| *slot > after) {
                return Some(slot);
            }
            period += 1;
        }
        None
    }

    /// Gives the slots of the period from a place on, in order; `shown` is what clocks show there, if they run evenly through it.
    fn slots(&self, filter: &DayFilter<'_>, from: i64, shown: Option<NaiveDateTime>) -> Vec<NaiveDateTime> {
        let all = 0..60;
        let one = |value: u32| i64::from(value)..i64::from(value) + 1;
        let minutes = match (self.recur.unit, self.recur.minutes.is_empty()) {
            (Unit::Hour, true) => one(self.start.minute()),
            (Unit::Hour, false) => all.clone(),
            _ => one(0),
        };
        let seconds = if self.recur.seconds.is_empty() { one(self.start.second()) } else { all };
        let mut slots = Vec::new();
        for minute in minutes {
            for second in seconds.clone() {
                let place = minute * 60 + second;
                let wall = match shown {
                    Some(shown) => shown + TimeDelta::seconds(place),
                    None => self.wall(from + place),
                };
                if self.allows(filter, wall) {
                    let fraction = TimeDelta::nanoseconds(i64::from(self.start.nanosecond()));
                    slots.push(self.origin + TimeDelta::seconds(from + place) + fraction);
                }
            }
        }
        chosen(&self.recur.positions, slots.len(), |index| slots.get(index).copied())
    }

    fn allows(&self, filter: &DayFilter<'_>, wall: NaiveDateTime) -> bool {
        let has = |list: &[i16], value: u32| {
            list.is_empty() || list.iter().any(|allowed| u32::try_from(*allowed) == Ok(value))
        };
        has(&self.recur.minutes, wall.minute())
            && has(&self.recur.seconds, wall.second())
            && has(&self.recur.hours, wall.hour())
            && filter.allows(wall.date())
    }

    /// Gives the first minute on the clocks, from that of `shown` on, whose date, hour and minute are allowed.
    fn next_allowed(&self, filter: &DayFilter<'_>, shown: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = |list: &[i16], from: u32, end: u32| {
            let listed =
                list.iter().filter_map(|value| u32::try_from(*value).ok()).find(|value| *value >= from);
            if list.is_empty() { Some(from).filter(|from| *from < end) } else { listed }
        };
        let hour = |from| first(&self.recur.hours, from, 24);
        let minute = |from| first(&self.recur.minutes, from, 60);
        let date = shown.date();
        if filter.allows(date) {
            let this_hour = hour(shown.hour()).filter(|hour| *hour == shown.hour());
            if let Some((hour, minute)) = this_hour.zip(minute(shown.minute())) {
                return date.and_hms_opt(hour, minute, 0);
            }
            if let Some(hour) = hour(shown.hour() + 1) {
                return date.and_hms_opt(hour, minute(0)?, 0);
            }
        }
        let tomorrow = date.num_days_from_ce() + 1;
        let periods = self.recur.periods(self.start);
        let day = periods.next_day(filter, tomorrow, periods.horizon(tomorrow))?;
        NaiveDate::from_num_days_from_ce_opt(day)?.and_hms_opt(hour(0)?, minute(0)?, 0)
    }

    /// Says whether steps from a period at whose beginning clocks show `shown` ever come to an allowed day of the week and time of day,
    /// without a clock change.
    fn can_meet(&self, filter: &DayFilter<'_>, shown: NaiveDateTime) -> bool {
        let may_be = |at: NaiveDateTime| filter.may_allow_weekday(at.num_days_from_ce());
        let keeps_weekday = self.step % WEEK == 0;
        if keeps_weekday && !may_be(shown) && !may_be(shown + TimeDelta::seconds(self.unit - 1)) {
            return false;
        }
        let (hours, minutes) = (&self.recur.hours, &self.recur.minutes);
        if hours.is_empty() && minutes.is_empty() {
            return true;
        }
        let common = greatest_common_divisor(self.step / 60, 1_440);
        let shown = i64::from(shown.hour() * 60 + shown.minute());
        let is_met = |hour: i16, minute: i16| {
            let minute = i64::from(hour) * 60 + i64::from(minute);
            (minute - shown).rem_euclid(common) < self.unit / 60
        };
        let all_or =
            |list: &[i16], all: i16| if list.is_empty() { (0..all).collect() } else { list.to_vec() };
        let minutes: Vec<i16> = all_or(minutes, 60);
        all_or(hours, 24).iter().any(|hour| minutes.iter().any(|minute| is_met(*hour, *minute)))
    }

    /// Gives the place of the first clock change after a place.
    fn next_change(&self, from: i64) -> Option<i64> {
        let [first, end] = YEARS_OF_CHANGES
            .map(|year| NaiveDate::from_ymd_opt(year, 1, 1).map_or(from, |date| self.place_on(date)));
        let mut place = from.max(first);
        let shift = self.shift(place);
        while place < end {
            let next = place + PROBE;
            if self.shift(next) != shift {
                return self.change_between(place, next);
            }
            place = next;
        }
        None
    }

    fn place_on(&self, date: NaiveDate) -> i64 {
        (date.and_time(chrono::NaiveTime::MIN) - self.origin).num_seconds()
    }

    /// Gives the place at which clocks show `wall`, or an earlier one after which times between may come again or be left out.
    fn place_of(&self, wall: NaiveDateTime, from: i64) -> i64 {
        let place = (zone::resolve(wall, self.zone) - self.origin_at).num_seconds();
        let near = place.clamp(from, from + LONGEST_CHANGE);
        if let Some(change) = self.change_between(from, near) {
            return change;
        }
        if near == place || self.wall(place) == wall {
            return place;
        }
        self.change_between(place - LONGEST_CHANGE, place).unwrap_or(place)
    }

    /// Gives the place of the clock change between two that are near each other.
    fn change_between(&self, mut before: i64, mut after: i64) -> Option<i64> {
        let old = self.shift(before);
        if self.shift(after) == old {
            return None;
        }
        while before + 1 < after {
            let middle = before.midpoint(after);
            if self.shift(middle) == old { before = middle } else { after = middle }
        }
        Some(after)
    }

    /// Gives how far the clocks are from the timeline at a place.
    fn shift(&self, place: i64) -> TimeDelta {
        self.wall(place) - (self.origin + TimeDelta::seconds(place))
    }

    /// Gives what clocks show at a place.
    fn wall(&self, place: i64) -> NaiveDateTime {
        zone::local(self.origin_at + TimeDelta::seconds(place), self.zone)
    }

    /// Gives the date of a place; `None` after the last day there is.
    fn date_of(&self, place: i64) -> Option<NaiveDate> {
        let slot = self.origin.checked_add_signed(TimeDelta::try_seconds(place)?)?;
        Some(slot.date()).filter(|date| date.num_days_from_ce() <= LAST_DAY)
    }
}
