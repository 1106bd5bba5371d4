//! Reminders: "remind me 15 minutes before", "with a reminder by e-mail".

use domain::reminder::{Lead, Method};

use crate::english::duration;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::length::Length;
use crate::meaning::phrase::Wish;
use crate::token::Text;
use crate::words::{Words, words};

#[rustfmt::skip]
const WISHES: &Words = words![
    "and set a reminder for", "and set me a reminder", "and set a reminder", "set a reminder",
    "and send me a reminder", "and give me a reminder", "with a reminder set for", "with a reminder",
    "with reminder", "and a reminder", "and also remind me", "and remind me", "also remind me",
    "please remind me", "but remind me", "remind me about it", "remind me of it", "remind me",
    "and alert me", "alert me", "and notify me", "notify me", "and ping me", "ping me", "and email me",
    "and e-mail me", "send me a reminder", "give me a reminder", "with an alert", "and nudge me", "nudge me",
    "with reminders", "with a notification", "set reminders for", "set reminder for", "set reminder",
];

#[rustfmt::skip]
const BEFORE: &Words = words![
    "before it's due", "before it is due", "before the due time", "before the due date", "before due",
    "before it starts", "before the time", "before that", "before it", "before then", "beforehand",
    "before hand", "before", "earlier", "early", "in advance", "ahead of time", "ahead", "prior to it",
    "prior to", "prior",
];

/// Reads a wish to be reminded in the middle of a text.
pub(crate) fn read(text: &Text<'_>, at: usize) -> Option<(Wish, usize)> {
    let start =
        if text.is_mark(at, ',') || text.is_mark(at, ';') || text.is_mark(at, '.') { at + 1 } else { at };
    if let Some(mut end) = text.after_any(start, WISHES) {
        let mut wish = Wish { lead: None, method: None };
        // "remind me 3 times: 1 day, 2 hours and 10 minutes before"
        if let Some(times) = number::read(text, end).and_then(|(_, next)| text.after(next, "times")) {
            let next = if text.is_mark(times, ':') || text.is_mark(times, ',') { times + 1 } else { times };
            end = read_lead(text, next).map_or(end, |_| next);
        }
        if text.word(end - 2).ends_with("mail") || text.word(end - 1).ends_with("mail") {
            wish.method = Some(Method::Email);
        }
        for _ in 0..2 {
            if let Some((method, next)) = read_method(text, end) {
                (wish.method, end) = (Some(method), next);
            }
            if let Some((lead, next)) = read_lead(text, end).filter(|_| wish.lead.is_none()) {
                (wish.lead, end) = (Some(lead), next);
            }
        }
        return Some((
            wish,
            text.after_any(end, words!["about it", "of it", "of this", "about this"]).unwrap_or(end),
        ));
    }
    let start = text.after_any(start, words!["with a", "with", "a"]).unwrap_or(start);
    if text.word(start) == "reminder"
        && let Some((lead, end)) = read_lead(text, start + 1)
    {
        return Some((Wish { lead: Some(lead), method: None }, end));
    }
    // "with a 30 minute reminder"
    let begins = number::at(text, start).is_some() || text.is_any(start, words!["a", "an", "half"]);
    let (length, end) = begins.then(|| duration::read_length(text, start)).flatten()?;
    let end = text.after_any(end, BEFORE).unwrap_or(end);
    let end = text
        .after(end, "reminder")
        .filter(|end| text.is_break(*end) || vocabulary::is_boundary(text, *end))?;
    Some((Wish { lead: Some(of_length(length)?), method: None }, end))
}

/// Reads one more lead behind a wish to be reminded: "*and 15 minutes before*".
pub(crate) fn read_another(text: &Text<'_>, at: usize) -> Option<(Lead, usize)> {
    let comma = if text.is_mark(at, ',') || text.is_mark(at, '&') { at + 1 } else { at };
    let start = text.after_any(comma, words!["and again", "and also", "and then", "and"]).unwrap_or(comma);
    read_lead(text, start)
}

/// Reads how: "by e-mail".
pub(crate) fn read_method(text: &Text<'_>, at: usize) -> Option<(Method, usize)> {
    let start = text.after_any(at, words!["by", "via", "with", "per", "through"])?;
    if let Some(end) = text.after_any(start, words!["email", "e-mail", "mail"]) {
        return Some((Method::Email, end));
    }
    let end = text.after_any(
        start,
        words!["push notification", "push message", "a push notification", "push", "notification"],
    )?;
    Some((Method::Push, end))
}

/// Reads how long before: "15 minutes before", "the day before", "an hour in advance".
pub(crate) fn read_lead(text: &Text<'_>, at: usize) -> Option<(Lead, usize)> {
    let (length, end) = match text.after_any(at, words!["the day", "the night"]) {
        Some(end) => (Length { days: 1, ..Length::default() }, end),
        None => match text.after(at, "the week") {
            Some(end) => (Length { days: 7, ..Length::default() }, end),
            None => duration::read_length(text, at)?,
        },
    };
    // "1 day, *2 hours and* 10 minutes before"
    let in_list = at > 0 && text.is_mark(at - 1, ',') && text.word(at + 2) == "and";
    if let (Some(lead), Some(end), false) = (of_length(length), text.after_any(end, BEFORE), in_list) {
        return Some((lead, end));
    }
    // "1 day and 1 hour before" are two reminders.
    let first = text.after(at + 2, "and").or_else(|| text.is_mark(at + 2, ',').then_some(at + 3))?;
    let (count, unit_at) = number::read_count(text, at).filter(|(_, unit_at)| *unit_at == at + 1)?;
    let mut length = Length::default();
    length.add(count, duration::unit(text.word(unit_at))?)?;
    let first = text.after(first, "and").unwrap_or(first);
    read_lead(text, first)?;
    Some((of_length(length)?, first))
}

/// Reads a length that stands for a lead by itself: "a *10 minute* reminder".
pub(crate) fn read_lead_alone(text: &Text<'_>, at: usize) -> Option<Lead> {
    of_length(duration::read_length(text, at)?.0)
}

fn of_length(length: Length) -> Option<Lead> {
    let (count, unit) = match length {
        Length { months: 0, days: 0, minutes: Some(minutes) } if minutes > 0 && minutes % 60 == 0 => {
            (minutes / 60, 'h')
        }
        Length { months: 0, days: 0, minutes: Some(minutes) } => (minutes, 'm'),
        Length { months: 0, days, minutes: None } if days % 7 == 0 => (days / 7, 'w'),
        Length { months: 0, days, minutes: None } => (days, 'd'),
        _ => return None,
    };
    Lead::parse(&format!("{count}{unit}")).ok()
}
