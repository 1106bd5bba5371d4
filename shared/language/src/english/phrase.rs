//! Finds the phrases of a text, from left to right, each at most once.

use chrono::{NaiveDate, NaiveDateTime};

use crate::english::clock;
use crate::english::date;
use crate::english::date::Place;
use crate::english::duration;
use crate::english::fixed_date;
use crate::english::label;
use crate::english::lead;
use crate::english::names;
use crate::english::number;
use crate::english::recurrence;
use crate::english::reminder;
use crate::english::vocabulary;
use crate::meaning::calendar;
use crate::meaning::clock::{Clock, Part};
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::meaning::length::Length;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::meaning::phrase::Value;
use crate::meaning::phrase::Wish;
use crate::token::{Kind, Text};
use crate::words::{Words, words};
use crate::{Context, Problem};

/// Finds all phrases.
pub(crate) fn scan(text: &Text<'_>, context: &Context, mode: Mode) -> Vec<Phrase> {
    let mut found: Vec<Phrase> = Vec::new();
    let (mut at, mut has_rule, mut has_wish) = (0, false, false);
    while at < text.len() {
        let scanner = Scanner { text, context, mode, found: &found, has_rule, has_wish };
        match scanner.read(at) {
            Some((value, to)) if to > at && !is_named(text, &value, at, to, mode) => {
                has_rule |= matches!(value, Value::Rule(_));
                has_wish |= matches!(value, Value::Reminder(_));
                found.push(Phrase { from: at, to, value });
                at = to;
            }
            _ => at += 1,
        }
    }
    found
}

/// "watch High *Noon*", "cook *in 5 minutes* challenge": a part of a name, whatever else it could be.
fn is_named(text: &Text<'_>, value: &Value, from: usize, to: usize, mode: Mode) -> bool {
    if mode.in_query || mode.is_value {
        return false;
    }
    let is_counted = match value {
        Value::Day(day, _) => {
            day.weekday.is_none() && number::digits(text.word(from).trim_end_matches("th")).is_some()
        }
        Value::FromNow(_) | Value::Rule(_) => true,
        _ => false,
    };
    let is_when = matches!(
        value,
        Value::Day(..) | Value::Clock(..) | Value::Rule(_) | Value::Part(_) | Value::FromNow(_)
    );
    is_when && vocabulary::is_in_work(text, from, to) || is_counted && vocabulary::describes_work(text, to)
}

/// Finds the phrase that begins at a word, behind those found before, and gives it and where it ends.
pub(crate) fn read_at(
    text: &Text<'_>,
    context: &Context,
    mode: Mode,
    found: &[Phrase],
    at: usize,
) -> Option<(Value, usize)> {
    let has_rule = found.iter().any(|phrase| matches!(phrase.value, Value::Rule(_)));
    let has_wish = found.iter().any(|phrase| matches!(phrase.value, Value::Reminder(_)));
    Scanner { text, context, mode, found, has_rule, has_wish }.read(at).filter(|(_, to)| *to > at)
}

struct Scanner<'a> {
    text: &'a Text<'a>,
    context: &'a Context,
    mode: Mode,
    found: &'a [Phrase],
    /// Whether a repetition was found already, which may now be ended.
    has_rule: bool,
    /// Whether a reminder was wished for already.
    has_wish: bool,
}

impl Scanner<'_> {
    fn read(&self, at: usize) -> Option<(Value, usize)> {
        if matches!(self.text.tokens[at].kind, Kind::Quoted | Kind::Opaque) {
            return None;
        }
        self.label(at)
            .or_else(|| self.reminder(at))
            .or_else(|| self.repetition(at))
            .or_else(|| self.temporal(at))
            .or_else(|| {
                let end = recurrence::read_unkept_end(self.text, at).filter(|_| self.has_rule)?;
                Some((Value::Unsupported, end))
            })
    }

    fn label(&self, at: usize) -> Option<(Value, usize)> {
        let tags = label::read_tags(self.text, at).map(|(tags, end)| (Value::Tags(tags), end));
        tags.or_else(|| label::read_priority(self.text, at).map(|(level, end)| (Value::Priority(level), end)))
    }

    fn reminder(&self, at: usize) -> Option<(Value, usize)> {
        if let Some((wish, end)) = reminder::read(self.text, at) {
            return Some((Value::Reminder(wish), end));
        }
        if !self.mode.wants_reminder && !self.has_wish {
            return None;
        }
        if let Some((method, end)) = reminder::read_method(self.text, at) {
            return Some((Value::Reminder(Wish { lead: None, method: Some(method) }), end));
        }
        let (lead, end) = if self.has_wish {
            reminder::read_another(self.text, at)?
        } else {
            reminder::read_lead(self.text, at)?
        };
        Some((Value::Reminder(Wish { lead: Some(lead), method: None }), end))
    }

    fn repetition(&self, at: usize) -> Option<(Value, usize)> {
        let today = self.context.now.date();
        let (place, day_first) = (self.place(at, Lead::Bare), self.context.locale.day_before_month());
        if let Some((reading, end)) = recurrence::read(self.text, at, place, today, day_first) {
            let value = match reading {
                recurrence::Reading::Rule(rule) => Value::Rule(rule),
                recurrence::Reading::Unsupported => Value::Unsupported,
            };
            return Some((value, end));
        }
        if !self.has_rule {
            return None;
        }
        if let Some(end) = recurrence::read_after_done(self.text, at) {
            return Some((Value::AfterDone, end));
        }
        if let Some((count, end)) = recurrence::read_times(self.text, at) {
            return Some((Value::Times(count), end));
        }
        if let Some((days, end)) = recurrence::read_except(self.text, at) {
            return Some((Value::Except(days), end));
        }
        if let Some(start) =
            self.text.after_any(at, words!["through", "thru", "until the end of", "till the end of"])
            && let Some((date::Reading::Day(day), end)) =
                date::read(self.text, start, self.place(start, Lead::Until), today, day_first)
        {
            let last = day.to.pred_opt().unwrap_or(day.date);
            return Some((Value::Day(Day::single(last), Lead::Until), end));
        }
        let start = self.text.after_any(at, words!["for the next", "for"])?;
        let (length, end) = duration::read_length(self.text, start)?;
        Some((Value::GoesOn(length), end))
    }

    fn temporal(&self, at: usize) -> Option<(Value, usize)> {
        let (lead, body) = lead::read(self.text, at);
        if !self.mode.in_query && !self.mode.is_value && vocabulary::continues_name(self.text, at) {
            return None;
        }
        if !lead.is_any()
            && !self.mode.is_value
            && !self.mode.in_query
            && vocabulary::is_object(self.text, at)
        {
            return None;
        }
        if self.mode.is_value && at == 0 && !lead.is_any() {
            let day = self.part(at).or_else(|| self.day(at, Lead::On));
            let from_now =
                || duration::read_from_now(self.text, at).map(|(length, end)| (Value::FromNow(length), end));
            return day.or_else(from_now).or_else(|| self.clock(at, Lead::At));
        }
        // "remind me in 5 to …"
        if self.mode.wants_reminder
            && at == 0
            && self.text.word(0) == "in"
            && let Some(minutes) =
                number::digits(self.text.word(1)).filter(|minutes| (1..=90).contains(minutes))
            && (self.text.is_any(2, words!["to", "that"]) || self.text.is_break(2) || self.text.len() == 2)
        {
            let length = Length { minutes: Some(minutes), ..Length::default() };
            return Some((self.counted_from_now(length, 0, 2), 2));
        }
        let from_now_at = if body > at && self.text.word(body - 1) == "in" { body - 1 } else { at };
        let from_now = || if body > from_now_at { duration::read_from_now(self.text, body) } else { None };
        if let Some((length, end)) = duration::read_from_now(self.text, from_now_at).or_else(from_now) {
            return Some((self.counted_from_now(length, at, end), end));
        }
        let is_led = body > at && self.text.word(body) == "this";
        let this = || if is_led { self.part(body) } else { None };
        self.part(at)
            .or_else(this)
            .or_else(|| self.day(body, lead))
            .or_else(|| self.clock(body, lead))
            .or_else(|| self.too_far(at))
    }

    fn counted_from_now(&self, length: Length, from: usize, to: usize) -> Value {
        if length.after(self.context.now, self.context.zone).is_some() {
            Value::FromNow(length)
        } else {
            self.beyond(from, to)
        }
    }

    /// "in 100000000 days"
    fn too_far(&self, at: usize) -> Option<(Value, usize)> {
        let start = self.text.after(at, "in")?;
        let number = self.text.word(start);
        let is_large = number.len() > 4 && number.bytes().all(|b| b.is_ascii_digit());
        let end = start + 2;
        (is_large && duration::unit(self.text.word(start + 1)).is_some()).then(|| (self.beyond(at, end), end))
    }

    /// There is no such day before the end of the calendar.
    fn beyond(&self, from: usize, to: usize) -> Value {
        let suggestion = NaiveDate::from_ymd_opt(9999, 12, 31).expect("the last day of the calendar");
        Value::Bad(Problem::NoSuchDate { text: self.text.slice(from, to).to_owned(), suggestion })
    }

    fn day(&self, at: usize, lead: Lead) -> Option<(Value, usize)> {
        // "talk to sara about next week"
        let topic = words!["about", "regarding", "concerning", "re"];
        if lead == Lead::Bare && !self.mode.in_query && self.text.is_any(at.wrapping_sub(1), topic) {
            return None;
        }
        // "close issue 10/12"
        let counted = words![
            "issue",
            "ticket",
            "page",
            "pages",
            "chapter",
            "part",
            "section",
            "version",
            "episode",
            "step",
            "lesson",
            "room",
            "score",
            "bug",
            "pr",
            "level",
            "row",
            "aisle",
            "gate",
            "house",
            "flat",
            "apartment",
            "apt",
            "unit",
            "suite",
        ];
        if !self.text.is_plain(at)
            && self.text.word(at).contains('/')
            && self.text.is_any(at.wrapping_sub(1), counted)
        {
            return None;
        }
        if let Some(moment) = moment(self.text.word(at)) {
            return Some((Value::Moment(moment), at + 1));
        }
        // "mon-fri"
        if !self.text.is_plain(at)
            && let Some((first, last)) = self.text.word(at).split_once('-')
            && let (Some(first), Some(last)) = (names::weekday(first), names::weekday(last))
        {
            let first = calendar::next(self.context.now.date(), first)?;
            let last = calendar::next(first, last)?;
            return Some((Value::Range(Day::single(first), Day::single(last)), at + 1));
        }
        let day_first = self.context.locale.day_before_month();
        if let Some((first, last, end)) = fixed_date::read_range(self.text, at, self.context.now.date()) {
            return Some((Value::Range(Day::single(first), Day::single(last)), end));
        }
        let (reading, end) =
            date::read(self.text, at, self.place(at, lead), self.context.now.date(), day_first)?;
        if let date::Reading::Day(first) = &reading
            && let Some(found) = self.several(*first, at, end, lead, day_first)
        {
            return Some(found);
        }
        let value = match reading {
            date::Reading::Day(day) => Value::Day(day, lead),
            date::Reading::Bad(problem) => Value::Bad(problem),
        };
        Some((value, end))
    }

    /// "from monday *to friday*", "monday *and wednesday*": more than a due date can hold.
    fn several(
        &self,
        first: Day,
        at: usize,
        end: usize,
        lead: Lead,
        day_first: bool,
    ) -> Option<(Value, usize)> {
        let text = self.text;
        let is_between = text.word(at.wrapping_sub(1)) == "between";
        let dash = text.is_mark(end, '-') || text.is_mark(end, '\u{2013}') || text.is_mark(end, '\u{2014}');
        let to = text
            .after_any(end, words!["to", "through", "thru", "until", "till", "til"])
            .or_else(|| dash.then_some(end + 1))
            .or_else(|| text.after(end, "and").filter(|_| is_between));
        let place = |at: usize| Place { beside_date: true, ..self.place(at, Lead::On) };
        let today = self.context.now.date();
        let day = |at: usize| {
            let at = text.after_any(at, words!["on", "the"]).filter(|_| text.word(at) == "on").unwrap_or(at);
            match date::read(text, at, place(at), today, day_first)? {
                (date::Reading::Day(day), end) => Some((day, end)),
                (date::Reading::Bad(_), _) => None,
            }
        };
        if let Some((last, end)) = to.and_then(day) {
            // "from monday to friday" said on a wednesday is of next week.
            let later = calendar::days_after(last.date, 7)
                .filter(|_| last.weekday.is_some() && last.date < first.date);
            let last = later.map_or(last, Day::single);
            return Some((Value::Range(first, last), end));
        }
        // Of single days only; "buy milk tomorrow and on friday …" goes on with something else.
        let comma = if text.is_mark(end, ',') { end + 1 } else { end };
        let next = text.after_any(comma, words!["and", "or"]).or((comma > end).then_some(comma))?;
        let is_single = first.to == Day::single(first.from).to;
        if !is_single || lead == Lead::Until || self.mode.in_query {
            return None;
        }
        let (mut last, mut end) = day(next).filter(|(day, _)| day.weekday.is_some())?;
        // "monday, december 4" was read as one already; seven days are a week.
        for _ in 0..6 {
            let comma = if text.is_mark(end, ',') { end + 1 } else { end };
            let Some(next) = text.after_any(comma, words!["and", "or"]).or((comma > end).then_some(comma))
            else {
                break;
            };
            let Some((day, day_end)) = day(next).filter(|(day, _)| day.weekday.is_some()) else { break };
            (last, end) = (day, day_end);
        }
        (last.date != first.date).then_some((Value::Several, end))
    }

    fn clock(&self, at: usize, lead: Lead) -> Option<(Value, usize)> {
        // "every hour from 9"
        let lead = if self.has_rule && lead == Lead::From { Lead::At } else { lead };
        // "tonight 8"
        if lead == Lead::Bare && self.is_late_hour(at) {
            let hour = number::digits(self.text.word(at))?;
            return Some((Value::Clock(Clock { hour, minute: 0, is_open: true }, Lead::At), at + 1));
        }
        // "until tomorrow 9"
        let lead =
            if self.mode.is_value && lead == Lead::Bare && self.is_beside_date(at) { Lead::At } else { lead };
        if let Some((start, end)) = clock::read_range(self.text, at, lead, self.is_beside_date(at)) {
            return Some((Value::ClockRange(start), end));
        }
        let (reading, end) = clock::read(self.text, at, lead, self.is_beside_date(at))?;
        if self.describes(at, end, lead) {
            return None;
        }
        // "5pm CET": what o'clock that is for the user is not known here.
        if let Some(end) = clock::zone_end(self.text, end) {
            let said = self.text.slice(at, end).to_owned();
            return Some((Value::Bad(Problem::NoSuchTime { text: said }), end));
        }
        let value = match reading {
            clock::Reading::Clock(clock) => Value::Clock(clock, lead),
            clock::Reading::Impossible => {
                Value::Bad(Problem::NoSuchTime { text: self.text.slice(at, end).to_owned() })
            }
        };
        Some((value, end))
    }

    /// "fix the *5pm* alert", "prepare for *3pm* call": which one, and not when.
    fn describes(&self, at: usize, end: usize, lead: Lead) -> bool {
        let text = self.text;
        let goes_on = text.tokens.get(end).is_some_and(|token| token.kind == Kind::Word)
            && !vocabulary::is_boundary(text, end)
            && (!vocabulary::is_verb(text.word(end)) || at > 1 && vocabulary::is_boundary(text, end + 1));
        let before = text.word_before(at);
        let is_led = match lead {
            Lead::Bare => {
                ["the", "my", "our", "a", "this", "that", "your", "for"].contains(&before)
                    || vocabulary::is_verb(before)
                    || before.ends_with("'s")
            }
            Lead::For => true,
            _ => false,
        };
        goes_on && is_led && !self.mode.in_query && !self.mode.is_value && !self.is_beside_date(at)
    }

    /// A bare hour at the end, right behind "tonight" or "tomorrow".
    fn is_late_hour(&self, at: usize) -> bool {
        let is_hour = number::digits(self.text.word(at)).is_some_and(|hour| (1..=12).contains(&hour));
        let behind = self.text.is_any(
            at.wrapping_sub(1),
            words!["tonight", "tomorrow", "today", "tmrw", "tmr", "morning", "evening"],
        );
        is_hour && behind && self.is_beside_date(at) && self.text.is_break(at + 1)
    }

    /// "in the morning", "this evening", "at night", "tomorrow *morning*", "*morning of* the 15th".
    fn part(&self, at: usize) -> Option<(Value, usize)> {
        #[rustfmt::skip]
        const LEADS: &Words = words![
            "in the early", "in the late", "early in the", "late in the", "in the", "during the", "by the",
            "in", "at", "by",
        ];
        let part = |at: usize| clock::part(self.text.word(at)).map(|part| (part, at + 1));
        if let Some(end) = self.text.after(at, "first thing") {
            if let Some((part, end)) = self.text.after_any(end, words!["in the", "that"]).and_then(part) {
                return Some((Value::Part(part), end));
            }
            let start = self.text.after(end, "on").unwrap_or(end);
            let today = self.context.now.date();
            let beside = self.is_beside_date(at) && vocabulary::is_boundary(self.text, end)
                || date::read(self.text, start, self.place(start, Lead::On), today, true).is_some();
            return beside.then_some((Value::Part(Part::Morning), end));
        }
        if let Some(start) = self.text.after(at, "this") {
            let (part, end) = part(start)?;
            let day = Day { part: Some(part), ..Day::single(self.context.now.date()) };
            return Some((Value::Day(day, Lead::On), end));
        }
        if let Some(start) = self.text.after_any(at, LEADS)
            && let Some((part, end)) = part(start)
        {
            let is_night = self.text.word(start) == "night";
            let is_plain = self.text.word(at) != "at" || is_night;
            return is_plain.then_some((Value::Part(part), end));
        }
        if self.is_beside_date(at) {
            let start = self.text.after_any(at, words!["early", "late"]).unwrap_or(at);
            return part(start).map(|(part, end)| (Value::Part(part), end));
        }
        let (part, end) = part(self.text.after(at, "the").unwrap_or(at))?;
        let of = self.text.after_any(end, words!["of the", "of"])?;
        let is_date = date::read(self.text, of - 1, self.place(of, Lead::On), self.context.now.date(), true)
            .is_some()
            || date::read(self.text, of, self.place(of, Lead::On), self.context.now.date(), true).is_some();
        is_date.then_some((Value::Part(part), end + 1))
    }

    fn place(&self, at: usize, lead: Lead) -> Place {
        Place {
            lead,
            is_start: at == 0 || (lead.is_any() && at <= 3) || self.is_beside_date(at),
            beside_date: self.is_beside_date(at),
            in_query: self.mode.in_query,
        }
    }

    /// Says whether a date or a time ends right before `at`, or before the comma there.
    fn is_beside_date(&self, at: usize) -> bool {
        let Some(last) = self.found.last().filter(|last| last.is_temporal()) else { return false };
        let gap = at.saturating_sub(last.to);
        gap == 0
            || (gap == 1
                && (self.text.is_mark(last.to, ',')
                    || self.text.is_any(last.to, words!["at", "on", "by", "for"])))
            || (gap == 1 && self.text.is_mark(last.to, '@'))
    }
}

/// Parses "2026-12-05t17:00" and "2026-12-05t17:00:00".
fn moment(word: &str) -> Option<NaiveDateTime> {
    if word.len() < 16 || word.as_bytes().get(10) != Some(&b't') {
        return None;
    }
    let upper = word.to_uppercase();
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(&upper, format).ok())
}
