//! Finds the phrases of a text, from left to right, each at most once.

use chrono::NaiveDateTime;

use crate::english::clock;
use crate::english::date;
use crate::english::date::Place;
use crate::english::duration;
use crate::english::label;
use crate::english::lead;
use crate::english::names;
use crate::english::recurrence;
use crate::english::reminder;
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::meaning::phrase::Value;
use crate::meaning::phrase::Wish;
use crate::token::{Kind, Text};
use crate::{Context, Problem};

/// Finds all phrases.
pub(crate) fn scan(text: &Text<'_>, context: &Context, mode: Mode) -> Vec<Phrase> {
    let mut found: Vec<Phrase> = Vec::new();
    let (mut at, mut has_rule) = (0, false);
    while at < text.len() {
        let scanner = Scanner { text, context, mode, found: &found, has_rule };
        match scanner.read(at) {
            Some((value, to)) if to > at => {
                has_rule |= matches!(value, Value::Rule(_));
                found.push(Phrase { from: at, to, value });
                at = to;
            }
            _ => at += 1,
        }
    }
    found
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
    Scanner { text, context, mode, found, has_rule }.read(at).filter(|(_, to)| *to > at)
}

struct Scanner<'a> {
    text: &'a Text<'a>,
    context: &'a Context,
    mode: Mode,
    found: &'a [Phrase],
    /// Whether a repetition was found already, which may now be ended.
    has_rule: bool,
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
    }

    fn label(&self, at: usize) -> Option<(Value, usize)> {
        let tags = label::read_tags(self.text, at).map(|(tags, end)| (Value::Tags(tags), end));
        tags.or_else(|| label::read_priority(self.text, at).map(|(level, end)| (Value::Priority(level), end)))
    }

    fn reminder(&self, at: usize) -> Option<(Value, usize)> {
        if let Some((wish, end)) = reminder::read(self.text, at) {
            return Some((Value::Reminder(wish), end));
        }
        if !self.mode.wants_reminder {
            return None;
        }
        if let Some((method, end)) = reminder::read_method(self.text, at) {
            return Some((Value::Reminder(Wish { lead: None, method: Some(method) }), end));
        }
        let (lead, end) = reminder::read_lead(self.text, at)?;
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
        let start = self.text.after_any(at, &["for the next", "for"])?;
        let (length, end) = duration::read_length(self.text, start)?;
        let (length, end) = (Some(length).filter(|length| length.minutes.is_none())?, end);
        Some((Value::GoesOn(length), end))
    }

    fn temporal(&self, at: usize) -> Option<(Value, usize)> {
        let (lead, body) = lead::read(self.text, at);
        if self.mode.is_value && at == 0 && !lead.is_any() {
            let day = self.part(at).or_else(|| self.day(at, Lead::On));
            let from_now =
                || duration::read_from_now(self.text, at).map(|(length, end)| (Value::FromNow(length), end));
            return day.or_else(from_now).or_else(|| self.clock(at, Lead::At));
        }
        let from_now_at = if body > at && self.text.word(body - 1) == "in" { body - 1 } else { at };
        let from_now = duration::read_from_now(self.text, from_now_at);
        if let Some((length, end)) = from_now.or_else(|| duration::read_from_now(self.text, body)) {
            return Some((Value::FromNow(length), end));
        }
        self.part(at).or_else(|| self.day(body, lead)).or_else(|| self.clock(body, lead))
    }

    fn day(&self, at: usize, lead: Lead) -> Option<(Value, usize)> {
        if let Some(moment) = moment(self.text.word(at)) {
            return Some((Value::Moment(moment), at + 1));
        }
        let day_first = self.context.locale.day_before_month();
        let (reading, end) =
            date::read(self.text, at, self.place(at, lead), self.context.now.date(), day_first)?;
        // "from monday to friday" is more than a due date can hold.
        let goes_on = self.text.after_any(end, &["to", "through", "until", "till"]).is_some_and(|next| {
            date::read(self.text, next, self.place(next, Lead::On), self.context.now.date(), day_first)
                .is_some()
        });
        let went_on = self.text.is_any(at.wrapping_sub(1), &["to", "through", "until", "till"])
            && names::weekday(self.text.word(at.wrapping_sub(2))).is_some();
        if (goes_on || went_on) && !self.mode.in_query && !matches!(reading, date::Reading::Bad(_)) {
            return None;
        }
        let value = match reading {
            date::Reading::Day(day) => Value::Day(day, lead),
            date::Reading::Bad(problem) => Value::Bad(problem),
        };
        Some((value, end))
    }

    fn clock(&self, at: usize, lead: Lead) -> Option<(Value, usize)> {
        let (reading, end) = clock::read(self.text, at, lead, self.is_beside_date(at))?;
        let value = match reading {
            clock::Reading::Clock(clock) => Value::Clock(clock, lead),
            clock::Reading::Impossible => {
                Value::Bad(Problem::NoSuchTime { text: self.text.slice(at, end).to_owned() })
            }
        };
        Some((value, end))
    }

    /// "in the morning", "this evening", "at night", "tomorrow *morning*", "*morning of* the 15th".
    fn part(&self, at: usize) -> Option<(Value, usize)> {
        #[rustfmt::skip]
        const LEADS: &[&str] = &[
            "in the early", "in the late", "early in the", "late in the", "in the", "during the", "by the",
            "in", "at", "by",
        ];
        let part = |at: usize| clock::part(self.text.word(at)).map(|part| (part, at + 1));
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
            let start = self.text.after_any(at, &["early", "late"]).unwrap_or(at);
            return part(start).map(|(part, end)| (Value::Part(part), end));
        }
        let (part, end) = part(self.text.after(at, "the").unwrap_or(at))?;
        let of = self.text.after_any(end, &["of the", "of"])?;
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
                && (self.text.is_mark(last.to, ',') || self.text.is_any(last.to, &["at", "on", "by", "for"])))
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
