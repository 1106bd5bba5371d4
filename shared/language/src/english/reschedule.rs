//! Changes of when: "move it to friday", "postpone it by two days", "snooze it for 10 minutes".

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use crate::clause::Clause;
use crate::english::duration;
use crate::english::target;
use crate::english::target::Found;
use crate::english::update::{clause, value};
use crate::english::vocabulary;
use crate::meaning;
use crate::span::SpanKind;
use crate::token::Text;
use crate::words::{Words, words};
use crate::{Action, Changes, Context, DueChange, Problem, Target};

/// Reads a change of when a task is due, or of when to remind of it.
pub(crate) fn read(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    snoozed(text, at, context).or_else(|| shifted(text, at, context)).or_else(|| moved(text, at, context))
}

/// How long "snooze it" is, in minutes.
const SNOOZE_MINUTES: i64 = 10;

/// "snooze it for 10 minutes": neither due time nor rule changes, only when to remind.
fn snoozed(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let again = text.after_any(
        at,
        words![
            "remind me about it again",
            "remind me about this again",
            "remind me of it again",
            "remind me again",
            "ask me again",
            "remind me later",
            "ping me again",
            "bug me again",
        ],
    );
    let start = again.or_else(|| text.after(at, "snooze"))?;
    if again.is_some() && text.is_any(start, words!["to", "about", "that"]) {
        return None;
    }
    let len = text.end_of_words();
    let link = (start..len).find(|at| text.is_any(*at, words!["for", "until", "till", "til", "to", "by"]));
    // "snooze it 10 minutes", "remind me again in an hour", "snooze milk tomorrow"
    let bare = || {
        let begins = (len.saturating_sub(8).max(start)..len).find(|at| is_when(text, *at, len, context))?;
        begins.checked_sub(1)
    };
    let link = link.or_else(bare);
    let has_word =
        link.is_some_and(|link| text.is_any(link, words!["for", "until", "till", "til", "to", "by", "in"]));
    let end = link.map_or(len, |link| if has_word { link } else { link + 1 }).max(start);
    let found = target::read(&text.part(start, end), context);
    let found =
        if start == end || again.is_some() { Found { targets: vec![Target::It], ..found } } else { found };
    let until = match link {
        None if again.is_some() || !found.is_plain => None,
        None => context.now.checked_add_signed(TimeDelta::minutes(SNOOZE_MINUTES)),
        Some(link) => snoozed_until(text, link + 1, context),
    };
    let spans: Vec<_> = link
        .and_then(|link| text.span(link + usize::from(!has_word), text.end_of_words(), SpanKind::Reminder))
        .into_iter()
        .collect();
    let Some(until) = until else {
        return Some(
            clause(text, found, Changes::default(), (at, start), spans, 0.5)
                .with_problem(Some(Problem::MissingChange)),
        );
    };
    let mut clause = clause(text, found, Changes::default(), (at, start), spans, 0.9);
    for command in &mut clause.commands {
        if let Action::Update { target, .. } = &mut command.action {
            let target = std::mem::replace(target, Target::Missing);
            command.action = Action::Snooze { target, until };
        }
    }
    Some(clause)
}

/// Whether a length or a date begins here and goes on to the end.
fn is_when(text: &Text<'_>, at: usize, len: usize, context: &Context) -> bool {
    duration::read_length(text, at).is_some_and(|(_, end)| end == len)
        || value(text, at, len, context).is_some_and(|(changes, ..)| changes.due.is_some())
}

/// "10 minutes", "tomorrow at 9", "monday": a day alone is its morning.
fn snoozed_until(text: &Text<'_>, at: usize, context: &Context) -> Option<NaiveDateTime> {
    if let Some((length, _)) = duration::read_length(text, at).filter(|(_, end)| *end == text.end_of_words())
    {
        return length.after(context.now, context.zone);
    }
    let (changes, ..) = value(text, at, text.len(), context)?;
    let Some(DueChange::Set { date, time }) = changes.due else { return None };
    let until = |date: NaiveDate| date.and_time(time.unwrap_or(meaning::clock::time(9, 0)));
    let today = context.now.date();
    match date {
        Some(date) => Some(until(date)),
        None if until(today) > context.now => Some(until(today)),
        None => Some(until(today.succ_opt()?)),
    }
}

const MOVES: &Words = words![
    "put off",
    "reschedule",
    "postpone",
    "delay",
    "defer",
    "shift",
    "push",
    "move",
    "bring",
    "switch",
    "extend",
];

/// "postpone it by two days", "push the dentist back a week", "bring it forward by an hour".
fn shifted(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let start = text.after_any(at, MOVES)?;
    let start = text
        .after_any(start, words!["the deadline of", "the deadline for", "the due date of"])
        .unwrap_or(start);
    let len = text.end_of_words();
    // The length is at the end, and short.
    let first = len.saturating_sub(8).max(start + 1);
    // "two days *later*"
    let says_where = text.is_any(len.checked_sub(1)?, words!["later", "earlier", "sooner"]);
    let length_end = if says_where { len - 1 } else { len };
    let from = (first..length_end)
        .find(|from| duration::read_length(text, *from).is_some_and(|(_, end)| end == length_end))?;
    let (length, _) = duration::read_length(text, from)?;
    let mut end = from;
    let mut earlier = says_where && text.is_any(len - 1, words!["earlier", "sooner"]);
    let mut said = says_where;
    while end > start
        && text.is_any(
            end - 1,
            words!["by", "back", "forward", "forwards", "for", "earlier", "out", "up", "off"],
        )
    {
        said = said || !text.is_any(end - 1, words!["for"]);
        earlier = earlier
            || (text.is_any(end - 1, words!["forward", "forwards", "earlier", "up"])
                && text.is_any(at, words!["bring", "move"]));
        end -= 1;
    }
    let waits = text.is_any(at, words!["postpone", "delay", "defer", "push", "extend", "put"]);
    if !(said || waits) || length.months > 0 && length.minutes.is_some() {
        return None;
    }
    let later = length.after(context.now, Tz::UTC)? - context.now;
    let shift = if earlier { TimeDelta::zero() - later } else { later };
    let found = target::read(&text.part(start, end), context);
    let changes = Changes { due: Some(DueChange::Shift(shift)), ..Changes::default() };
    Some(clause(
        text,
        found,
        changes,
        (at, start),
        text.span(end, len, SpanKind::Duration).into_iter().collect(),
        0.9,
    ))
}

/// "move the milk task to friday", "reschedule dentist to 3pm"; "move the old monitor" is a task of its own.
fn moved(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let start = text.after_any(at, MOVES)?;
    let start = text.after_any(start, words!["forward", "back"]).unwrap_or(start);
    let is_link =
        |at: &usize| text.is_any(*at, words!["to", "until", "till", "til", "for", "on", "by", "at", "into"]);
    let waits = text.is_any(at, words!["reschedule", "postpone", "delay", "defer", "put"]);
    let extends = words!["the deadline of", "the deadline for", "the due date of"];
    let start = text.after_any(start, extends).unwrap_or(start);
    let links = (start..text.len()).filter(is_link);
    let mut candidates: Vec<(usize, usize)> = links.map(|link| (link, link + 1)).collect();
    if candidates.len() > 8 {
        candidates.drain(..candidates.len() - 8);
    }
    if waits {
        candidates.extend((start + 1..text.len()).rev().take(8).map(|at| (at, at)));
    }
    let found =
        candidates.into_iter().find_map(|(end, from)| Some((end, value(text, from, text.len(), context)?)));
    let Some((end, (changes, spans, problem))) = found else {
        let target = target::read(&text.part(start, text.len()), context);
        // Without a new date it is a change only where a task is named as one.
        // "move buy milk" names one by its verb.
        let names = (target.is_plain
            || vocabulary::is_verb(text.word(start)) && start + 1 < text.end_of_words())
            && target.targets != [Target::Missing]
            && text.is_any(at, words!["move", "shift", "push"]);
        if !(names || (waits && target.targets != [Target::Missing])) {
            return None;
        }
        return Some(
            clause(text, target, Changes::default(), (at, start), Vec::new(), 0.5)
                .with_problem(Some(Problem::MissingChange)),
        );
    };
    let target = target::read(&text.part(start, end), context);
    // "move the couch on friday" is a task of its own.
    if text.is_any(end, words!["on", "at", "by", "for"]) && !waits && !target.is_plain {
        return None;
    }
    Some(clause(text, target, changes, (at, start), spans, 0.93).with_problem(problem))
}
