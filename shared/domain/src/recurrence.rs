//! How a task repeats: a rule, and the slots that it gives.
//!
//! A slot is a naive wall time, and names an occurrence for good. Rules of days and longer are expanded in naive local time, and
//! [`crate::zone::resolve`] turns each slot into an instant once. Rules of hours and minutes are absolute time: their slots run on evenly
//! from the start, whatever clocks do ([`Rule::instant`], [`Rule::wall`]). All is arithmetic, never a walk from the start, so that the
//! age of a series costs nothing.
//!
//! There are two kinds of rules. A pattern keeps its anchor day and clamps it to short months; RRULE text means what RFC 5545 §3.3.10
//! says, to the letter, but for the start: it is always the first occurrence, also when it does not match.

mod absolute;
mod calendar;
mod dates;
mod pattern;
mod plain;
mod recur;
mod text;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use self::absolute::Timeline;
use self::calendar::CYCLE_DAYS;
use self::dates::Dates;
use self::pattern::{Pattern, has_mixed_ends};
use self::plain::Plain;
use self::recur::Recur;
use crate::zone;

/// The unit that a pattern repeats by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    /// Every n days.
    Daily,
    /// Every n weeks, which start on Monday.
    Weekly,
    /// Every n months.
    Monthly,
    /// Every n years.
    Yearly,
}

/// What the next occurrence is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// The rule's own dates, however late the task is completed.
    #[default]
    Due,
    /// The local day on which the task was completed, with the wall time kept; the minute, for rules of hours and minutes.
    Completion,
}

/// The last moment at which an occurrence may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The whole local day is included.
    Date(NaiveDate),
    /// The wall time is included.
    Local(NaiveDateTime),
    /// The instant is included.
    Utc(DateTime<Utc>),
}

/// A rule that gives at least one occurrence, within bounds that keep every computation short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    repetition: Repetition,
    count: Option<u32>,
    until: Option<Until>,
    anchor: Anchor,
    catch_up: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Repetition {
    Pattern(Pattern),
    Recur(Box<Recur>),
}

/// What a pattern is made of, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The unit.
    pub frequency: Frequency,
    /// Every n units; 1–[`MAX_INTERVAL`].
    pub interval: u32,
    /// The days of the week; with [`Frequency::Weekly`] only.
    pub weekdays: Vec<Weekday>,
    /// Days of the month, 1–31, or −1 (the last) to −28; with [`Frequency::Monthly`] only.
    pub month_days: Vec<i8>,
    /// How many occurrences there are in all; 1–[`MAX_COUNT`].
    pub count: Option<u32>,
    /// The last moment of the series.
    pub until: Option<Until>,
    /// What the next occurrence is counted from.
    pub anchor: Anchor,
    /// Whether missed occurrences are taken one by one instead of being skipped.
    pub catch_up: bool,
}

impl Parts {
    /// Gives a pattern that repeats every unit, for ever.
    pub fn every(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            weekdays: Vec::new(),
            month_days: Vec::new(),
            count: None,
            until: None,
            anchor: Anchor::Due,
            catch_up: false,
        }
    }
}

/// The largest interval of a pattern; RRULE text may have one up to 1,000,000.
pub const MAX_INTERVAL: u32 = 1_000;
/// The largest count.
pub const MAX_COUNT: u32 = 100_000;

/// Shorter than it takes a zone to cross the date line and to come back.
const BETWEEN_LOST_DAYS: TimeDelta = TimeDelta::days(28);
/// Longer than most clock changes: clocks that go back show the same times for so long.
const PAST_A_CHANGE: TimeDelta = TimeDelta::hours(3);
/// How often the way back from a clock change is doubled: three hours become most of a year, on the other side of summer time.
const DOUBLINGS: u32 = 12;

/// Why a rule is refused; each names its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The interval is 0 or too large.
    #[error("must be between 1 and {MAX_INTERVAL}")]
    Interval,
    /// The count is 0 or too large.
    #[error("must be between 1 and {MAX_COUNT}")]
    Count,
    /// Weekdays with a rule that is not weekly.
    #[error("goes with the pattern \"weekly\" only")]
    Weekdays,
    /// Month days with a rule that is not monthly.
    #[error("goes with the pattern \"monthly\" only")]
    MonthDaysPattern,
    /// A month day that is no day.
    #[error(
        "must be days 1 to 31, or -1 (the last day) to -28; 29 and 30 not beside each other, 31, or days from the end"
    )]
    MonthDays,
    /// Both a count and an end.
    #[error("count and until exclude each other (RFC 5545 §3.3.10)")]
    CountAndUntil,
    /// A part of RRULE text that is not understood, out of range, or does not go with the others.
    #[error("{part} {problem} (RFC 5545 §3.3.10)")]
    Part {
        /// The part, such as `BYDAY`.
        part: String,
        /// What is wrong with it.
        problem: String,
    },
    /// RRULE text that no date ever matches.
    #[error("gives no date at all")]
    GivesNothing,
}

impl RuleError {
    fn part(part: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Part { part: part.into(), problem: problem.into() }
    }

    /// Gives the field, as it is called in the API.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Count | Self::CountAndUntil => "count",
            Self::Weekdays => "weekdays",
            Self::MonthDaysPattern | Self::MonthDays => "month_days",
            Self::Part { .. } | Self::GivesNothing => "rrule",
        }
    }
}

impl Rule {
    /// Checks the parts of a pattern.
    ///
    /// # Errors
    /// Every [`RuleError`] at once.
    pub fn new(mut parts: Parts) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        if !(1..=MAX_INTERVAL).contains(&parts.interval) {
            errors.push(RuleError::Interval);
        }
        if parts.count.is_some_and(|count| !(1..=MAX_COUNT).contains(&count)) {
            errors.push(RuleError::Count);
        }
        if !parts.weekdays.is_empty() && parts.frequency != Frequency::Weekly {
            errors.push(RuleError::Weekdays);
        }
        if !parts.month_days.is_empty() && parts.frequency != Frequency::Monthly {
            errors.push(RuleError::MonthDaysPattern);
        }
        let is_day = |day: &i8| (1..=31).contains(day) || (-28..=-1).contains(day);
        if !parts.month_days.iter().all(is_day) || has_mixed_ends(&parts.month_days) {
            errors.push(RuleError::MonthDays);
        }
        if parts.count.is_some() && parts.until.is_some() {
            errors.push(RuleError::CountAndUntil);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        parts.weekdays.sort_by_key(Weekday::num_days_from_monday);
        parts.weekdays.dedup();
        parts.month_days.sort_unstable();
        parts.month_days.dedup();
        let Parts { frequency, interval, weekdays, month_days, count, until, anchor, catch_up } = parts;
        let repetition = Repetition::Pattern(Pattern { frequency, interval, weekdays, month_days });
        Ok(Self { repetition, count, until, anchor, catch_up })
    }

    /// Parses RRULE text (RFC 5545 §3.3.10) of at most 1,000 characters.
    ///
    /// | text | meaning |
    /// |---|---|
    /// | `FREQ=MONTHLY;BYDAY=-1FR` | the last Friday of each month |
    /// | `RRULE:FREQ=DAILY;BYHOUR=9,17;COUNT=10` | at nine and at five, ten times |
    /// | `freq=minutely;interval=90` | every 90 minutes of absolute time |
    /// | `FREQ=MONTHLY`, from the 31st | the 31st of the months that have one |
    ///
    /// # Errors
    /// Every [`RuleError`] at once: parts that are unknown, out of range, given twice, or that the RFC forbids beside each other; `SECONDLY`
    /// and the parts of RFC 7529; rules that no date ever matches.
    ///
    /// ```
    /// use domain::recurrence::{Anchor, Rule};
    /// let rule = Rule::parse_rrule("rrule:freq=weekly;byday=fr,mo,fr", Anchor::Due, false).unwrap();
    /// assert_eq!(rule.rrule().as_deref(), Some("FREQ=WEEKLY;BYDAY=MO,FR"));
    /// let errors = Rule::parse_rrule("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", Anchor::Due, false).unwrap_err();
    /// assert_eq!(errors[0].to_string(), "gives no date at all");
    /// ```
    pub fn parse_rrule(text: &str, anchor: Anchor, catch_up: bool) -> Result<Self, Vec<RuleError>> {
        let text::Read { recur, count, until } = text::read(text)?;
        Ok(Self { repetition: Repetition::Recur(Box::new(recur)), count, until, anchor, catch_up })
    }

    /// Gives the parts of a pattern again; `None` for a rule that came as RRULE text.
    pub fn parts(&self) -> Option<Parts> {
        let Repetition::Pattern(pattern) = &self.repetition else { return None };
        let Pattern { frequency, interval, weekdays, month_days } = pattern.clone();
        let Self { count, until, anchor, catch_up, .. } = *self;
        Some(Parts { frequency, interval, weekdays, month_days, count, until, anchor, catch_up })
    }

    /// Gives the normalised text of a rule that came as RRULE text; `None` for a pattern.
    pub fn rrule(&self) -> Option<String> {
        self.recur().map(|recur| text::write(recur, self.count, self.until))
    }

    /// Says whether another rule repeats on the same dates, however long each of them lasts.
    pub fn has_dates_of(&self, other: &Self) -> bool {
        self.repetition == other.repetition
    }

    /// Gives what the next occurrence is counted from.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Says whether missed occurrences are taken one by one.
    pub fn catches_up(&self) -> bool {
        self.catch_up
    }

    /// Gives how many occurrences there are in all; `None`: no limit.
    pub fn count(&self) -> Option<u32> {
        self.count
    }

    /// Says whether the rule makes no sense for a whole day: it repeats by hours or minutes, or chooses times of day
    /// (RFC 5545 §3.3.10 forbids BYHOUR, BYMINUTE and BYSECOND beside a DTSTART that is a date).
    pub fn needs_time_of_day(&self) -> bool {
        self.recur().is_some_and(|recur| recur.is_absolute() || recur.has_times())
    }

    fn recur(&self) -> Option<&Recur> {
        match &self.repetition {
            Repetition::Recur(recur) => Some(recur),
            Repetition::Pattern(_) => None,
        }
    }

    /// Gives the RECUR value if it is one of hours or minutes.
    fn absolute(&self) -> Option<&Recur> {
        self.recur().filter(|recur| recur.is_absolute())
    }

    /// Gives the start and the first slot of a series whose first occurrence is at the instant `at`, when clocks show `local`.
    ///
    /// Both are `local`, but for a rule of hours or minutes when clocks show `local` a second time: a start is read as the first. Its
    /// timeline then begins some whole steps earlier, where clocks are plain, and its first slot is as many steps after that; the instant
    /// of that slot is `at`, and [`Rule::wall`] gives `local`.
    pub fn begin(&self, at: DateTime<Utc>, local: NaiveDateTime, zone: Tz) -> (NaiveDateTime, NaiveDateTime) {
        let Some(recur) = self.absolute().filter(|_| zone::resolve(local, zone) != at) else {
            return (local, local);
        };
        let step = recur.step();
        let least = PAST_A_CHANGE.num_seconds().div_euclid(step) + 1;
        let earlier = (0..DOUBLINGS).filter_map(|doubling| {
            let back = TimeDelta::try_seconds(step * (least << doubling))?;
            let start_at = at.checked_sub_signed(back).filter(|at| at.year() > 1)?;
            let start = zone::local(start_at, zone);
            (zone::resolve(start, zone) == start_at).then(|| (start, start + back))
        });
        // Periods are whole hours on the clocks of the start: best of all it has the same minute.
        let has_other_minutes =
            |(_, slot): &(NaiveDateTime, NaiveDateTime)| (*slot - local).num_seconds() % 3_600 != 0;
        earlier.min_by_key(has_other_minutes).unwrap_or((local, local))
    }

    /// Gives the instant of a slot, in a series that began at `start`.
    pub fn instant(&self, start: NaiveDateTime, slot: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
        match self.absolute() {
            Some(_) => zone::resolve(start, zone) + (slot - start),
            None => zone::resolve(slot, zone),
        }
    }

    /// Gives the wall time to show for a slot, in a series that began at `start`: the slot itself, except that clocks may show another time
    /// for rules of hours and minutes.
    pub fn wall(&self, start: NaiveDateTime, slot: NaiveDateTime, zone: Tz) -> NaiveDateTime {
        match self.absolute() {
            Some(_) => zone::local(self.instant(start, slot, zone), zone),
            None => slot,
        }
    }

    /// Gives a slot of the timeline, of the rule or not, after which every later instant than `at` comes, and few earlier ones.
    pub fn slot_before(&self, start: NaiveDateTime, at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
        match self.absolute() {
            Some(_) => start + (at - zone::resolve(start, zone)),
            // No clock change is longer than a day.
            None => zone::local(at, zone) - TimeDelta::days(2),
        }
    }

    /// Says whether an occurrence may still be at `slot`, in a series that began at `start`.
    pub fn reaches(&self, start: NaiveDateTime, slot: NaiveDateTime, zone: Tz) -> bool {
        let wall = || self.wall(start, slot, zone);
        slot.year() <= 9999
            && match self.until {
                None => true,
                Some(Until::Date(last)) => wall().date() <= last,
                Some(Until::Local(last)) => match self.absolute() {
                    Some(_) => self.instant(start, slot, zone) <= zone::resolve(last, zone),
                    None => slot <= last,
                },
                Some(Until::Utc(last)) => self.instant(start, slot, zone) <= last,
            }
    }

    /// Gives the first slot of the rule after `after`, in a series that began at `start`; `None` when there is none any more.
    ///
    /// The start itself is always the first occurrence. A wall time that a clock change leaves out is given, for its instant exists, unless
    /// the rule has that instant's own wall time too: no two occurrences are at one instant.
    pub fn next_after(&self, start: NaiveDateTime, after: NaiveDateTime, zone: Tz) -> Option<NaiveDateTime> {
        if after < start {
            return Some(start).filter(|slot| self.reaches(start, *slot, zone));
        }
        let mut slot = self.slot_after(start, after, zone)?;
        while self.reaches(start, slot, zone) {
            if !self.is_given_elsewhere(start, slot, zone) {
                return Some(slot);
            }
            slot = self.slot_after(start, slot, zone)?;
        }
        None
    }

    /// Says whether nothing ever follows the occurrence at `slot`, in a series that began at `start`, whatever COUNT and UNTIL say: the
    /// steps of the rule and its BY parts never meet. That the calendar ends with the year 9999 is no matter.
    ///
    /// ```
    /// use domain::recurrence::{Anchor, Rule};
    /// let rule = Rule::parse_rrule("FREQ=MONTHLY;INTERVAL=12;BYMONTH=3", Anchor::Due, false).expect("a rule");
    /// let [january, march] = ["2027-01-10T09:00:00", "2027-03-10T09:00:00"].map(|at| at.parse().expect("a time"));
    /// assert!(rule.gives_only_its_start(january, january, chrono_tz::UTC));
    /// assert!(!rule.gives_only_its_start(march, march, chrono_tz::UTC));
    /// ```
    pub fn gives_only_its_start(&self, start: NaiveDateTime, slot: NaiveDateTime, zone: Tz) -> bool {
        // Steps alone always come to something.
        if Plain::of(&self.repetition).is_some() {
            return false;
        }
        // Calendars repeat after 400 years, and zones change nothing any more after 2101.
        let cycles = i64::from((start.year() - 2_200).max(0) / 400);
        let back = TimeDelta::days(cycles * CYCLE_DAYS);
        Self { until: None, ..self.clone() }.next_after(start - back, slot - back, zone).is_none()
    }

    fn slot_after(&self, start: NaiveDateTime, after: NaiveDateTime, zone: Tz) -> Option<NaiveDateTime> {
        match &self.repetition {
            Repetition::Pattern(pattern) => pattern.next_after(start, after),
            Repetition::Recur(recur) if recur.is_absolute() => {
                Timeline::new(recur, start, zone).next_after(after)
            }
            Repetition::Recur(recur) => Dates::new(recur, start).next_after(after),
        }
    }

    /// Says whether the instant of a slot is that of the start, or of another slot: the wall time that a lost one moved to.
    fn is_given_elsewhere(&self, start: NaiveDateTime, slot: NaiveDateTime, zone: Tz) -> bool {
        if self.absolute().is_some() {
            return false;
        }
        let at = zone::resolve(slot, zone);
        if slot - start <= TimeDelta::days(2) && at == zone::resolve(start, zone) {
            return true;
        }
        let wall = zone::local(at, zone);
        wall != slot && self.slot_after(start, wall - TimeDelta::nanoseconds(1), zone) == Some(wall)
    }

    /// Gives the last occurrence up to an instant, with its number, from the one at `slot` on, which has `number`: what steps of
    /// [`Rule::next_after`] come to within COUNT and UNTIL, by arithmetic.
    ///
    /// Rules whose BY parts or days choose occurrences are not counted: what was given is given back, and can be walked from.
    pub fn skip_to(
        &self,
        start: NaiveDateTime,
        slot: NaiveDateTime,
        number: u32,
        at: DateTime<Utc>,
        zone: Tz,
    ) -> (NaiveDateTime, u32) {
        let Some(plain) = Plain::of(&self.repetition) else { return (slot, number) };
        let most = self.count.unwrap_or(u32::MAX);
        let end = self.slot_before(start, at.min(self.last_instant(zone)), zone);
        let is_daily = self.absolute().is_none() && plain == Plain::Even(TimeDelta::days(1));
        let (mut slot, mut number) = (slot, number);
        while number < most {
            let end = if is_daily { end.min(slot + BETWEEN_LOST_DAYS) } else { end };
            let (later, steps) = plain.skip(start, slot, end, most - number);
            let loses_a_day = || is_daily && is_day_lost(slot, later, zone);
            if steps > 0 && self.reaches(start, later, zone) && !loses_a_day() {
                (slot, number) = (later, number + steps);
                continue;
            }
            let next = self.next_after(start, slot, zone);
            let Some(next) = next.filter(|next| self.instant(start, *next, zone) <= at) else { break };
            (slot, number) = (next, number + 1);
        }
        (slot, number)
    }

    /// Gives the instant up to which UNTIL surely lets occurrences be.
    fn last_instant(&self, zone: Tz) -> DateTime<Utc> {
        match self.until {
            None => DateTime::<Utc>::MAX_UTC,
            Some(Until::Date(last)) => zone::end_of_day(last, zone) - TimeDelta::nanoseconds(1),
            Some(Until::Local(last)) => zone::resolve(last, zone),
            Some(Until::Utc(last)) => last,
        }
    }

    /// Gives the start of the series that goes on after a completion, for [`Anchor::Completion`]: the first step that lies after `slot`
    /// too, which was completed, in a series that began at `start`.
    ///
    /// Steps are counted from the local day of completion, with the wall time of the slot; from the minute, for rules of hours and minutes.
    pub fn step_from(
        &self,
        start: NaiveDateTime,
        slot: NaiveDateTime,
        completed_at: DateTime<Utc>,
        zone: Tz,
    ) -> Option<NaiveDateTime> {
        let done = zone::local(completed_at, zone);
        if self.absolute().is_none() {
            let from = done.date().and_time(slot.time());
            let after = if self.needs_time_of_day() { from.max(done) } else { from };
            return self.next_after(from, after.max(slot), zone);
        }
        let from = done.with_second(0)?.with_nanosecond(0)?;
        let later = completed_at.max(self.instant(start, slot, zone));
        let mut next = self.next_after(from, self.slot_before(from, later, zone), zone)?;
        loop {
            let wall = self.wall(from, next, zone);
            // A new start is read as the first of two equal wall times: the second can not be one.
            if zone::resolve(wall, zone) == self.instant(from, next, zone) {
                return Some(wall);
            }
            next = self.next_after(from, next, zone)?;
        }
    }

    /// Gives the first `limit` slots of a series from `from` on, which is the occurrence number `number` (from 1).
    pub fn preview(
        &self,
        start: NaiveDateTime,
        from: NaiveDateTime,
        number: u32,
        limit: usize,
        zone: Tz,
    ) -> Vec<NaiveDateTime> {
        let left = self.count.map_or(u32::MAX, |count| count.saturating_sub(number.saturating_sub(1)));
        let limit = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
        let first = Some(from).filter(|slot| self.reaches(start, *slot, zone));
        std::iter::successors(first, |slot| self.next_after(start, *slot, zone)).take(limit).collect()
    }

    /// Gives the RFC 5545 RECUR value that means the same, for a series that began at `start`.
    pub fn to_rrule(&self, start: NaiveDateTime) -> String {
        match &self.repetition {
            Repetition::Pattern(pattern) => pattern.to_rrule(start) + &text::end(self.count, self.until),
            Repetition::Recur(recur) => text::write(recur, self.count, self.until),
        }
    }
}

/// Says whether a zone leaves out a day between two wall times, or the later of them.
fn is_day_lost(from: NaiveDateTime, to: NaiveDateTime, zone: Tz) -> bool {
    let [from_at, to_at] = [from, to].map(|local| zone::resolve(local, zone));
    let change = (to - from) - (to_at - from_at);
    change.abs() >= TimeDelta::hours(12) || zone::local(to_at, zone) != to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(frequency: Frequency, interval: u32) -> Rule {
        Rule::new(Parts { interval, ..Parts::every(frequency) }).expect("a valid rule")
    }

    fn dates(rule: &Rule, start: &str, limit: usize) -> Vec<String> {
        let start = format!("{start}T09:00:00").parse().expect("a date");
        rule.preview(start, start, 1, limit, Tz::UTC).iter().map(|slot| slot.date().to_string()).collect()
    }

    #[test]
    fn monthly_from_the_31st_is_the_last_day_of_short_months_and_the_31st_again() {
        let found = dates(&rule(Frequency::Monthly, 1), "2026-12-31", 5);
        assert_eq!(found, ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]);
    }

    #[test]
    fn yearly_from_29_february_is_28_in_common_years() {
        let found = dates(&rule(Frequency::Yearly, 1), "2024-02-29", 5);
        assert_eq!(found, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]);
    }

    #[test]
    fn every_28th_and_the_last_day_differ() {
        let last = Rule::new(Parts { month_days: vec![-1], ..Parts::every(Frequency::Monthly) })
            .expect("a valid rule");
        assert_eq!(dates(&last, "2026-02-28", 3), ["2026-02-28", "2026-03-31", "2026-04-30"]);
        assert_eq!(
            dates(&rule(Frequency::Monthly, 1), "2026-02-28", 3),
            ["2026-02-28", "2026-03-28", "2026-04-28"]
        );
    }

    #[test]
    fn weekdays_repeat_in_every_second_week_from_monday() {
        let parts = Parts {
            interval: 2,
            weekdays: vec![Weekday::Fri, Weekday::Mon],
            ..Parts::every(Frequency::Weekly)
        };
        let found = dates(&Rule::new(parts).expect("a valid rule"), "2026-11-25", 5);
        assert_eq!(found, ["2026-11-25", "2026-11-27", "2026-12-07", "2026-12-11", "2026-12-21"]);
    }

    #[test]
    fn count_and_until_end_the_series() {
        let counted =
            Rule::new(Parts { count: Some(2), ..Parts::every(Frequency::Daily) }).expect("a valid rule");
        assert_eq!(dates(&counted, "2026-01-01", 9).len(), 2);
        let last = NaiveDate::from_ymd_opt(2026, 1, 3).expect("a date");
        let ended = Rule::new(Parts { until: Some(Until::Date(last)), ..Parts::every(Frequency::Daily) })
            .expect("a valid rule");
        assert_eq!(dates(&ended, "2026-01-01", 9).len(), 3);
    }

    #[test]
    fn absurd_rules_are_refused_naming_every_field() {
        let parts = Parts {
            interval: 0,
            count: Some(0),
            weekdays: vec![Weekday::Mon],
            month_days: vec![0],
            ..Parts::every(Frequency::Daily)
        };
        let fields: Vec<_> = Rule::new(parts).expect_err("absurd").iter().map(RuleError::field).collect();
        assert_eq!(fields, ["interval", "count", "weekdays", "month_days", "month_days"]);
    }

    #[test]
    fn the_rrule_means_the_same() {
        let text = |frequency, start: &str| {
            rule(frequency, 1).to_rrule(format!("{start}T09:00:00").parse().expect("a date"))
        };
        assert_eq!(text(Frequency::Monthly, "2026-01-31"), "FREQ=MONTHLY;BYMONTHDAY=-1");
        assert_eq!(text(Frequency::Monthly, "2026-01-30"), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1");
        assert_eq!(text(Frequency::Monthly, "2026-01-15"), "FREQ=MONTHLY");
        assert_eq!(
            text(Frequency::Yearly, "2024-02-29"),
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"
        );
    }
}
