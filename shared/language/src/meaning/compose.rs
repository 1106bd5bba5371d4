//! Puts phrases together: one due time, one rule, its reminders.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Weekday};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Frequency, Rule, Until};
use domain::reminder::{self, LeadUnit, Method};
use domain::task::Priority;

use crate::meaning::calendar;
use crate::meaning::clock::{self, Clock, Part};
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::meaning::length::Length;
use crate::meaning::phrase::{Phrase, Value};
use crate::meaning::repetition::{Repetition, Special};
use crate::{Context, Problem, ReminderText, When};

/// What phrases say together, and which of them were used.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Meaning {
    /// The due time.
    pub(crate) due: Option<When>,
    /// Its day, if named.
    pub(crate) date: Option<NaiveDate>,
    /// Its time of day, if named.
    pub(crate) time: Option<NaiveTime>,
    /// The days named: the first, and the one after the last.
    pub(crate) days: Option<(NaiveDate, NaiveDate)>,
    /// What led to the day.
    pub(crate) day_lead: Option<Lead>,
    /// The part of the day named, without a time.
    pub(crate) part: Option<Part>,
    /// The repetition.
    pub(crate) rule: Option<Rule>,
    /// When to remind.
    pub(crate) reminders: Vec<ReminderText>,
    /// How to remind.
    pub(crate) method: Option<Method>,
    /// Whether a reminder was wished for.
    pub(crate) wants_reminder: bool,
    /// The priority.
    pub(crate) priority: Option<Priority>,
    /// The tags.
    pub(crate) tags: Vec<String>,
    /// What is wrong.
    pub(crate) problem: Option<Problem>,
    /// The phrases used; the words of the others stay where they are.
    pub(crate) used: Vec<Phrase>,
}

/// The parts as they are gathered; the first of each kind wins.
#[derive(Default)]
struct Parts {
    zone: Tz,
    day: Option<(Day, Lead)>,
    clock: Option<Clock>,
    part: Option<Part>,
    moment: Option<NaiveDateTime>,
    rule: Option<Repetition>,
    until: Option<Day>,
    times: Option<u32>,
    goes_on: Option<Length>,
    except: Option<Vec<Weekday>>,
    reminder_clock: Option<Clock>,
    reminder_day: Option<Day>,
    reminder_moment: Option<NaiveDateTime>,
    after_wish: bool,
    has_several: bool,
    /// The times from one to another were named.
    clock_range: bool,
    /// The day was counted in weeks, so that a weekday may follow.
    counted: bool,
    /// The repetition can not be kept for what else was said of it.
    is_impossible: bool,
    /// Two times of day were named.
    has_two_clocks: bool,
}

/// Puts phrases together, as said in this context; `said` gives the text of a phrase.
pub(crate) fn compose(phrases: Vec<Phrase>, context: &Context, said: impl Fn(&Phrase) -> String) -> Meaning {
    let now = context.now;
    let mut meaning = Meaning::default();
    let has_rule = phrases.iter().any(|phrase| matches!(phrase.value, Value::Rule(_)));
    let mut parts = Parts { zone: context.zone, ..Parts::default() };
    let mut phrases = phrases.into_iter().peekable();
    let mut end = None;
    while let Some(phrase) = phrases.next() {
        let is_alone = end != Some(phrase.from) && phrases.peek().is_none_or(|next| next.from != phrase.to);
        end = Some(phrase.to);
        let is_used = match &phrase.value {
            // "ہر جمعہ کو 1 بجے نماز جمعہ": among other words what the repetition has said is part of a name.
            Value::Day(day, Lead::Bare)
                if is_alone && phrase.to == phrase.from + 1 && parts.has_said(*day) =>
            {
                false
            }
            Value::Priority(priority) => set(&mut meaning.priority, *priority),
            Value::Tags(tags) => {
                for tag in tags {
                    if !meaning.tags.contains(tag) {
                        meaning.tags.push(tag.clone());
                    }
                }
                true
            }
            Value::Reminder(wish) => {
                meaning.wants_reminder = true;
                meaning.method = meaning.method.or(wish.method);
                meaning.reminders.extend(wish.lead.map(ReminderText::Lead));
                parts.after_wish = true;
                true
            }
            Value::Bad(problem) => set(&mut meaning.problem, problem.clone()),
            Value::Unsupported => {
                set(&mut meaning.problem, Problem::UnsupportedRepetition { text: said(&phrase) });
                parts.is_impossible = true;
                false
            }
            Value::Several => {
                parts.has_several = true;
                // "mon, wed and fri every week": a rule without its days would be half of what was said.
                parts.is_impossible |= has_rule;
                set(&mut meaning.problem, Problem::UnclearIntent);
                false
            }
            _ => parts.take(&phrase, meaning.used.last(), now, has_rule),
        };
        if is_used {
            meaning.used.push(phrase);
        }
    }
    parts.finish(&mut meaning, now, said);
    // "30 february at 4pm" is not today at 4pm.
    if matches!(meaning.problem, Some(Problem::NoSuchDate { .. }))
        && meaning.date.is_none()
        && meaning.rule.is_none()
    {
        meaning.due = None;
    }
    meaning
}

fn set<T>(slot: &mut Option<T>, value: T) -> bool {
    let is_free = slot.is_none();
    if is_free {
        *slot = Some(value);
    }
    is_free
}

impl Parts {
    /// Takes a phrase about time; `false` when its place is taken.
    fn take(&mut self, phrase: &Phrase, last: Option<&Phrase>, now: NaiveDateTime, has_rule: bool) -> bool {
        match &phrase.value {
            Value::Day(day, Lead::Until) if has_rule => set(&mut self.until, *day),
            Value::Day(day, lead) => self.take_day(*day, *lead, phrase, last),
            Value::Range(first, last) => self.take_range(*first, *last, has_rule),
            Value::ClockRange(clock) => {
                self.clock_range |= self.moment.is_none() && set(&mut self.clock, *clock);
                false
            }
            // "every 10 minutes until 6pm": a rule ends with a day.
            Value::Clock(_, Lead::Until) if has_rule => {
                self.is_impossible = true;
                false
            }
            Value::Moment(at) if self.after_wish && self.has_day() => set(&mut self.reminder_moment, *at),
            Value::FromNow(length) if self.after_wish && self.has_day() => {
                let at = length.after(now, self.zone).filter(|_| length.minutes.is_some());
                let day = length.after_day(now.date()).filter(|_| length.minutes.is_none());
                at.is_some_and(|at| set(&mut self.reminder_moment, at))
                    || day.is_some_and(|day| set(&mut self.reminder_day, Day::single(day)))
            }
            Value::Moment(at) => self.day.is_none() && self.clock.is_none() && set(&mut self.moment, *at),
            Value::FromNow(length) => self.take_length(*length, now),
            // "remind me the day before *at 8pm*"
            Value::Clock(clock, _) if is_lead_of_days(last, phrase) => set(&mut self.reminder_clock, *clock),
            Value::Clock(clock, _)
                if self.after_wish
                    && (self.clock.is_some() || self.moment.is_some() || self.reminder_day.is_some()) =>
            {
                set(&mut self.reminder_clock, *clock)
            }
            Value::Part(part)
                if self.after_wish
                    && self.reminder_clock.is_none()
                    && (self.clock.is_some() || self.moment.is_some() || self.reminder_day.is_some()) =>
            {
                set(&mut self.reminder_clock, Clock::exact(part.hour(), 0))
            }
            Value::Clock(clock, _) => {
                // "at 8am and 8pm": a repetition has one time of day.
                self.has_two_clocks |= self.clock.is_some_and(|first| first != *clock);
                self.moment.is_none() && set(&mut self.clock, *clock)
            }
            Value::Part(part) => set(&mut self.part, *part) || self.part == Some(*part),
            Value::Rule(rule) => {
                // "every monday and every other tuesday": one rule is not both.
                self.is_impossible |= self.rule.as_ref().is_some_and(|first| first.is_other(rule));
                set(&mut self.rule, rule.clone())
            }
            Value::Times(count) => set(&mut self.times, *count),
            // "run every day for 30 minutes" says how long each run is, "every hour for 5 hours" how long it goes on.
            Value::GoesOn(length) if length.minutes.is_some() => {
                let by_the_clock = self.rule.as_ref().is_some_and(Repetition::is_by_the_clock);
                by_the_clock && set(&mut self.goes_on, *length)
            }
            Value::GoesOn(length) => set(&mut self.goes_on, *length),
            Value::Except(days) => self.rule.is_some() && set(&mut self.except, days.clone()),
            Value::AfterDone => self.rule.as_mut().is_some_and(|rule| {
                rule.parts.anchor = Anchor::Completion;
                true
            }),
            _ => false,
        }
    }

    /// Says whether this is the weekday of every week of which a repetition was said.
    fn has_said(&self, day: Day) -> bool {
        self.rule.as_ref().zip(day.weekday).is_some_and(|(rule, weekday)| {
            rule.parts.frequency == Frequency::Weekly
                && rule.parts.weekdays == [weekday]
                && rule.special.is_none()
        })
    }

    fn take_day(&mut self, day: Day, lead: Lead, phrase: &Phrase, last: Option<&Phrase>) -> bool {
        // "…at 5pm remind me tonight": the day of the task is today.
        if self.after_wish && self.day.is_none() && self.clock.is_some() && day.part.is_some() {
            return day.part.is_some_and(|part| set(&mut self.reminder_clock, Clock::exact(part.hour(), 0)));
        }
        let Some((first, _)) = self.day else {
            self.part = self.part.or(day.part);
            return self.moment.is_none() && set(&mut self.day, (day, lead));
        };
        if self.after_wish && self.reminder_day.is_none() {
            if let Some(part) = day.part {
                set(&mut self.reminder_clock, Clock::exact(part.hour(), 0));
            }
            return set(&mut self.reminder_day, day);
        }
        // "fri, sep 20": the day of the calendar says more than the weekday; "tomorrow night, tonight" does not.
        let beside =
            last.is_some_and(|last| matches!(last.value, Value::Day(..)) && phrase.from <= last.to + 1);
        let refines = beside && first.weekday.is_some_and(|weekday| weekday == day.date.weekday());
        if refines || (day.date == first.date && self.part.is_none()) {
            self.part = self.part.or(day.part);
            self.day = Some((day, lead));
            return true;
        }
        // "in three weeks on monday"
        if let Some(weekday) = day.weekday.filter(|_| self.counted && first.weekday.is_none()) {
            let date = calendar::on_or_after(calendar::monday(first.date), weekday);
            self.day =
                date.map(|date| (Day { weekday: Some(weekday), ..Day::single(date) }, lead)).or(self.day);
            return date.is_some();
        }
        // "tomorrow this evening" makes no sense, "8am this morning" does.
        false
    }

    /// Days from one to another bound a repetition; a due date can not hold them.
    fn take_range(&mut self, first: Day, last: Day, has_rule: bool) -> bool {
        if !has_rule || self.day.is_some() || self.until.is_some() {
            self.has_several = true;
            return false;
        }
        self.day = Some((first, Lead::From));
        self.until = Some(Day { date: last.to.pred_opt().unwrap_or(last.date), is_month: false, ..last });
        true
    }

    fn take_length(&mut self, length: Length, now: NaiveDateTime) -> bool {
        // "monday in two weeks"
        if let Some((day, lead)) = self.day
            && let Some(weekday) = day.weekday
            && let (0, None, true) =
                (length.months, length.minutes, length.days > 0 && length.days.is_multiple_of(7))
        {
            let week = length.after_day(now.date()).map(calendar::monday);
            let date = week.and_then(|monday| calendar::on_or_after(monday, weekday));
            self.day = date.map(|date| (Day::single(date), lead)).or(self.day);
            return date.is_some();
        }
        // "today in one hour"
        if length.minutes.is_some()
            && self.day.is_some_and(|(day, _)| day.date == now.date() && day.part.is_none())
        {
            self.day = None;
        }
        if self.day.is_some() || self.moment.is_some() {
            return false;
        }
        if length.minutes.is_some() {
            return length.after(now, self.zone).is_some_and(|at| set(&mut self.moment, at));
        }
        let whole_weeks = length.months == 0 && length.days > 0 && length.days.is_multiple_of(7);
        self.counted = whole_weeks;
        length.after_day(now.date()).is_some_and(|date| set(&mut self.day, (Day::single(date), Lead::In)))
    }

    fn finish(mut self, meaning: &mut Meaning, now: NaiveDateTime, said: impl Fn(&Phrase) -> String) {
        meaning.day_lead = self.day.map(|(_, lead)| lead);
        meaning.days = self.day.map(|(day, _)| (day.from, day.to));
        meaning.part = self.part.filter(|_| self.clock.is_none());
        if self.contradicts_itself() {
            meaning.problem.get_or_insert(Problem::UnclearIntent);
        }
        let mut rule = self.rule.take();
        if let (Some(kept), Some(days)) = (&rule, &self.except) {
            let without = kept.clone().without(days);
            self.is_impossible |= without.is_none();
            rule = without.or(rule);
        }
        if let Some(rule) = &rule {
            self.bound(rule, now.date());
            self.part = self.part.or(rule.part);
            if self.day.is_none() {
                self.day = rule.start.map(|date| (Day::single(date), Lead::On));
            }
        }
        meaning.date = self.day.map(|(day, _)| day.date).or(self.moment.map(|at| at.date()));
        meaning.due = self.due(now, rule.as_ref());
        meaning.time = meaning.due.and_then(|due| due.time);
        if let (Some(rule), Some(due)) = (rule, meaning.due) {
            let is_bounded =
                self.clock_range && rule.is_by_the_clock() || self.has_two_clocks || self.is_impossible;
            match Some(rule).filter(|_| !is_bounded).and_then(|rule| self.rule(rule, due)) {
                Some(rule) => meaning.rule = Some(rule),
                None => {
                    let is_rule = |phrase: &Phrase| {
                        matches!(
                            phrase.value,
                            Value::Rule(_)
                                | Value::Times(_)
                                | Value::GoesOn(_)
                                | Value::Except(_)
                                | Value::AfterDone
                        ) || matches!(phrase.value, Value::Day(_, Lead::Until))
                    };
                    let text = meaning
                        .used
                        .iter()
                        .filter(|phrase| is_rule(phrase))
                        .map(said)
                        .collect::<Vec<_>>()
                        .join(" ");
                    meaning.problem.get_or_insert(Problem::UnsupportedRepetition { text });
                    meaning.used.retain(|phrase| !is_rule(phrase));
                    meaning.due = self.due(now, None);
                }
            }
        }
        let lost_rule = matches!(meaning.problem, Some(Problem::UnsupportedRepetition { .. }));
        // "monday to friday at 9": when is not known, so that it is not lost silently.
        if self.has_several && meaning.rule.is_none() && self.clock.is_some() {
            meaning.problem.get_or_insert(Problem::UnclearIntent);
        }
        if lost_rule && meaning.rule.is_none() || self.has_several && meaning.rule.is_none() {
            self.without_rule(meaning);
        }
        self.reminder_at(meaning, now);
    }

    /// "every day next week", "every monday in december" end with the stretch that they are in.
    fn bound(&mut self, rule: &Repetition, today: NaiveDate) {
        let Some((day, lead)) = self.day else { return };
        let is_stretch = day.to > Day::single(day.from).to;
        let is_finer = rule.is_by_the_clock()
            || rule.special.is_none() && matches!(rule.parts.frequency, Frequency::Daily | Frequency::Weekly);
        if is_stretch && is_finer && self.until.is_none() && !matches!(lead, Lead::From | Lead::By) {
            let last = day.to.pred_opt().unwrap_or(day.date);
            self.until = Some(Day::single(last));
            self.day = Some((Day { date: day.from.max(today), ..day }, lead));
        }
    }

    /// A time of day without its repetition would be half of what was asked for.
    fn without_rule(&self, meaning: &mut Meaning) {
        if self.day.is_none() && self.moment.is_none() {
            (meaning.due, meaning.time, meaning.part) = (None, None, None);
            meaning.used.retain(|phrase| !matches!(phrase.value, Value::Clock(..) | Value::Part(_)));
        }
    }

    /// "tonight at 9am", "tomorrow morning at 21:00"
    fn contradicts_itself(&self) -> bool {
        let Some(clock) = self.clock.filter(|clock| !clock.is_open) else { return false };
        match self.part {
            Some(Part::Afternoon | Part::Evening | Part::Night) => (5..12).contains(&clock.hour),
            Some(Part::Morning) => clock.hour > 12,
            Some(Part::Noon) | None => false,
        }
    }

    fn has_day(&self) -> bool {
        self.day.is_some() || self.moment.is_some()
    }

    fn reminder_at(&self, meaning: &mut Meaning, now: NaiveDateTime) {
        meaning.reminders.extend(self.reminder_moment.map(ReminderText::At));
        if self.reminder_clock.is_none() && self.reminder_day.is_none() {
            return;
        }
        let date =
            self.reminder_day.map(|day| day.date).or(meaning.due.map(|due| due.date)).unwrap_or(now.date());
        let time = self.reminder_clock.map_or(clock::time(9, 0), Clock::plain);
        // "the day before at 9am"
        if let (Some(ReminderText::Lead(lead)), None) = (meaning.reminders.last(), self.reminder_day)
            && let Some(days) = days_of(*lead)
            && let Some(date) = date.checked_sub_days(Days::new(days))
        {
            meaning.reminders.pop();
            meaning.reminders.push(ReminderText::At(date.and_time(time)));
            return;
        }
        meaning.reminders.push(ReminderText::At(date.and_time(time)));
    }

    fn due(&self, now: NaiveDateTime, rule: Option<&Repetition>) -> Option<When> {
        if let Some(at) = self.moment {
            // "in 10 minutes" is ten minutes from now, to the second; "in 10 minutes every day" is no odd second for good.
            let time = if rule.is_some() { clock::time(at.hour(), at.minute()) } else { at.time() };
            return Some(When { date: at.date(), time: Some(time) });
        }
        if let Some(rule) = rule.filter(|rule| rule.start.is_none()) {
            let time = self.plain_time();
            if rule.is_by_the_clock() && time.is_none() {
                return self.first_by_the_clock(rule, now);
            }
            let from = self
                .day
                .map(|(day, _)| if day.weekday.is_some() { day.date } else { day.from.max(now.date()) });
            return Some(When { date: first_day(rule, from, time, now)?, time });
        }
        let today = now.date();
        if let Some((day, _)) = self.day {
            let (date, time) = self.on_day(day.date, now);
            return Some(When { date, time });
        }
        let tomorrow = calendar::days_after(today, 1)?;
        if let Some(clock) = self.clock.filter(|_| self.part.is_none()) {
            let today_at = clock.readings().into_iter().find(|time| *time > now.time());
            return Some(match today_at {
                Some(time) => When { date: today, time: Some(time) },
                None => When { date: tomorrow, time: Some(clock.plain()) },
            });
        }
        let time = self.plain_time()?;
        let date = if time > now.time() { today } else { tomorrow };
        Some(When { date, time: Some(time) })
    }

    /// Gives the first occurrence of a repetition of hours or minutes that names no time: on another day than today in
    /// the morning, else the next full hour, or so many minutes from the full minute.
    fn first_by_the_clock(&self, rule: &Repetition, now: NaiveDateTime) -> Option<When> {
        let day = self.day.map(|(day, _)| day.date).filter(|date| *date > now.date());
        if let Some(date) = day {
            return Some(When { date, time: Some(clock::time(Part::Morning.hour(), 0)) });
        }
        let first = if rule.special == Some(Special::Hours) {
            now.date().and_time(clock::time(now.hour(), 0)) + TimeDelta::hours(1)
        } else {
            let interval = TimeDelta::minutes(i64::from(rule.parts.interval));
            now.date().and_time(clock::time(now.hour(), now.minute())).checked_add_signed(interval)?
        };
        Some(When { date: first.date(), time: Some(first.time()) })
    }

    fn plain_time(&self) -> Option<NaiveTime> {
        match (self.clock, self.part) {
            (Some(clock), Some(part)) => Some(clock.in_part(part)),
            (Some(clock), None) => Some(clock.plain()),
            (None, Some(part)) => Some(clock::time(part.hour(), 0)),
            (None, None) => None,
        }
    }

    /// Gives the time on a named day; the small hours of a night belong to the day after.
    fn on_day(&self, date: NaiveDate, now: NaiveDateTime) -> (NaiveDate, Option<NaiveTime>) {
        let is_today = date == now.date();
        let time = match (self.clock, self.part) {
            (Some(clock), None) if is_today => {
                let [first, second] = clock.readings();
                Some(if first > now.time() { first } else { second })
            }
            (None, Some(Part::Night)) if is_today && now.time() >= clock::time(Part::Night.hour(), 0) => None,
            _ => self.plain_time(),
        };
        let small_hours = time.is_some_and(|time| time < clock::time(5, 0));
        let is_night = self.part == Some(Part::Night);
        let midnight_today = is_today && time == Some(NaiveTime::MIN);
        let date = if small_hours && (is_night || midnight_today) && self.clock.is_some() {
            calendar::days_after(date, 1).unwrap_or(date)
        } else {
            date
        };
        (date, time)
    }

    fn rule(&self, repetition: Repetition, due: When) -> Option<Rule> {
        let mut parts = repetition.parts.clone();
        parts.count = self.times;
        if let Some(day) = self.until {
            let last = if day.is_month { day.from.checked_sub_days(Days::new(1))? } else { day.date };
            parts.until = Some(Until::Date(last)).filter(|_| last >= due.date);
            parts.until?;
        }
        if let Some(length) = self.goes_on {
            if length.minutes.is_some() {
                return None;
            }
            if parts.until.is_some() {
                return None;
            }
            let last = length.after_day(due.date)?.checked_sub_days(Days::new(1))?;
            parts.until = Some(Until::Date(last)).filter(|_| last >= due.date);
            parts.until?;
        }
        Repetition { parts, ..repetition }.rule()
    }
}

/// Says whether the phrase stands right behind a lead of whole days.
fn is_lead_of_days(last: Option<&Phrase>, phrase: &Phrase) -> bool {
    last.filter(|last| phrase.from <= last.to + 1).is_some_and(
        |last| matches!(&last.value, Value::Reminder(wish) if wish.lead.is_some_and(|lead| days_of(lead).is_some())),
    )
}

/// Gives the days of a lead of whole days.
fn days_of(lead: reminder::Lead) -> Option<u64> {
    match lead.unit {
        LeadUnit::Days => Some(u64::from(lead.count)),
        LeadUnit::Weeks => Some(u64::from(lead.count) * 7),
        LeadUnit::Minutes | LeadUnit::Hours => None,
    }
}

/// Gives the first day of a repetition, on or after `from`, or after now.
fn first_day(
    rule: &Repetition,
    from: Option<NaiveDate>,
    time: Option<NaiveTime>,
    now: NaiveDateTime,
) -> Option<NaiveDate> {
    let passed = time.is_some_and(|time| time <= now.time());
    let start = match from {
        Some(from) => from,
        None if passed => calendar::days_after(now.date(), 1)?,
        None => now.date(),
    };
    // Further than the same day of the month a year later, and than a leap day.
    start.iter_days().take(1_500).find(|date| rule.fits(*date))
}
