//! What a command leaves out of what was said, so that it is asked for instead: "delete everything *not* due tomorrow",
//! "complete the rent *by friday*", "mark milk as done*?*".

use chrono::NaiveDateTime;

use crate::clause::Clause;
use crate::english::filter;
use crate::english::number;
use crate::english::phrase;
use crate::english::target;
use crate::english::vocabulary;
use crate::meaning::compose::Meaning;
use crate::meaning::phrase::{Mode, Phrase, Value};
use crate::token::{Kind, Text};
use crate::words::{Words, words};
use crate::{Action, Context, Problem, Target};

/// Gives the clause, unsure of itself where it would do something else than was said.
pub(crate) fn checked(text: &Text<'_>, at: usize, context: &Context, clause: Clause) -> Clause {
    if clause.confidence < 0.7 {
        return clause;
    }
    let problem = clause.commands.first().and_then(|command| of_action(text, at, context, &command.action));
    clause.with_problem(problem)
}

fn of_action(text: &Text<'_>, at: usize, context: &Context, action: &Action) -> Option<Problem> {
    let unclear = |is_unclear: bool| is_unclear.then_some(Problem::UnclearIntent);
    let filtered = |acts: bool, changes: bool| of_filter(text, at, context, acts, changes);
    match action {
        Action::Query(_) => filtered(false, false),
        Action::Create(_) => {
            unclear(is_about_task(text, at) || has_alternative(text) || excludes_time(text, at, context))
        }
        Action::Complete { target } | Action::Reopen { target } | Action::Delete { target } => {
            let is_later = || matches!(action, Action::Complete { .. }) && is_later(text, at, context);
            match target {
                Target::All { .. } => filtered(true, false).or(unclear(asks(text, at))),
                _ => unclear(asks(text, at) || has_alternative(text) || is_later()),
            }
        }
        Action::Update { target, .. } => {
            let of_all = matches!(target, Target::All { .. }).then(|| filtered(true, true)).flatten();
            of_all.or_else(|| {
                unclear(asks(text, at) || has_alternative(text) || excludes_time(text, at, context))
            })
        }
        _ => None,
    }
}

/// "mark milk as done?": whether it is to be done is the question, unless somebody is asked to do it.
fn asks(text: &Text<'_>, at: usize) -> bool {
    if !text.is_mark(text.end_of_words(), '?') {
        return false;
    }
    #[rustfmt::skip]
    const POLITE: &Words = words!["can", "could", "would", "will", "please", "pls", "plz", "mind", "kindly"];
    let is_polite = (0..text.len()).any(|word| text.is_any(word, POLITE));
    // "can you delete tasks?" asks what is possible.
    let names_none = text.is_any(at + 1, target::NOUNS) && at + 2 >= text.end_of_words();
    !is_polite || names_none
}

/// Words that let through what a filter names, and those that keep it out.
fn of_filter(text: &Text<'_>, at: usize, context: &Context, acts: bool, changes: bool) -> Option<Problem> {
    if excludes(text, at, acts) {
        return Some(Problem::UnclearIntent);
    }
    let part = text.part(at, text.len());
    let (phrases, problem) = filter::phrases(&part, context);
    if problem.is_some() && !changes {
        return problem;
    }
    let is_read = |at: usize| phrases.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    // "due every monday", "tasks from before", "due blursday"
    let repeats = phrases
        .iter()
        .any(|phrase| matches!(phrase.value, Value::Rule(_)) && part.word(phrase.from) != "all");
    let has_else = part.has_any(words!["else"]);
    if acts && !changes && (repeats || has_else) {
        return Some(Problem::UnclearIntent);
    }
    let bounds = if acts {
        words!["after", "before", "since", "until", "till", "due", "between"]
    } else {
        words!["after", "before", "since"]
    };
    let next = |at: usize| part.after_any(at, words!["on", "by", "at", "in", "the"]).unwrap_or(at);
    let is_lost = (0..part.len()).any(|at| {
        let is_bound = part.is_any(at, bounds)
            || part
                .after_any(at, words!["due on", "due by", "due before", "due after", "due until"])
                .is_some();
        let led = part.after_any(at, words!["due on", "due by", "due before", "due after", "due until"]);
        let from = next(led.unwrap_or(at + 1));
        let goes_on = from < part.len() && part.tokens[from].kind == Kind::Word;
        let names_day = || {
            goes_on && !part.is_any(from, words!["and", "that", "which", "with", "tagged", "to", "i", "my"])
        };
        // "due 13/13/2026"
        let is_number = part.word(at) == "due" && part.word(from).starts_with(|c: char| c.is_ascii_digit());
        let is_lost = is_bound && (names_day() || acts && !goes_on) || is_number;
        is_lost && !is_read(at) && !is_read(at + 1) && !is_read(from)
    });
    is_lost.then_some(Problem::UnclearIntent)
}

/// "everything but milk", "all tasks that aren't urgent": what is not done yet a filter can say.
fn excludes(text: &Text<'_>, at: usize, acts: bool) -> bool {
    #[rustfmt::skip]
    const EXCEPT: &Words = words![
        "except", "excluding", "exclude", "excepting", "other than", "apart from", "aside from", "besides", "without", "rather than",
        "instead of", "not including", "leaving out", "bar",
    ];
    #[rustfmt::skip]
    const NOT: &Words = words![
        "not", "isn't", "isnt", "aren't", "arent", "don't", "dont", "doesn't", "doesnt", "wasn't", "weren't", "hasn't", "haven't",
        "havent", "never", "non", "neither", "nor",
    ];
    (at..text.len()).any(|at| {
        let is_word = text.tokens[at].kind == Kind::Word;
        let is_open = || {
            filter::NOT_DONE.rows().iter().any(|words| {
                // The words begin at most two before.
                (at.saturating_sub(2)..=at).any(|from| text.after(from, words).is_some_and(|end| end > at))
            })
        };
        let is_idle = text.is_any(at, words!["don't", "dont", "not"])
            && text.is_any(at + 1, words!["worry", "mind", "forget"])
            || text.is_any(at + 1, words!["yet", "only"]);
        let is_not = text.is_any(at, NOT) && !is_idle && !is_open();
        let is_but =
            acts && text.is_any(at, words!["but", "save"]) && !text.is_any(at + 1, words!["first", "also"]);
        is_word && (is_not || text.after_any(at, EXCEPT).is_some() || is_but)
    })
}

/// A time to come, a repetition or a reminder, with what is said to be done: "complete milk by friday".
fn is_later(text: &Text<'_>, at: usize, context: &Context) -> bool {
    let len = text.end_of_words();
    let part = text.part(at, len);
    let is_told = text.is_any(at, words!["i", "we", "i've", "we've", "ive", "just", "already", "finally"])
        || vocabulary::present_of(text.word(at)).is_some() && text.word(at) != "done";
    // "mark the call tomorrow as done": which one it is.
    #[rustfmt::skip]
    const DONE: &Words = words!["done", "complete", "completed", "finished", "off", "list", "closed", "out", "resolved", "bought", "paid"];
    let end = if part.is_any(part.len().wrapping_sub(1), DONE) { part.len() - 1 } else { 0 };
    let phrases = phrase::scan(&part, context, Mode::default());
    phrases.iter().filter(|phrase| phrase.to > end).any(|phrase| {
        let now: NaiveDateTime = context.now;
        match &phrase.value {
            Value::Day(day, _) => {
                let is_next = part.is_any(phrase.from, words!["next", "this", "coming"])
                    || part.is_any(phrase.from + 1, words!["next", "coming"]);
                day.date > now.date() && !(is_told && day.weekday.is_some() && !is_next)
            }
            Value::Moment(at) => *at > now,
            Value::Clock(..) | Value::Part(_) => !is_told,
            Value::FromNow(_) => !is_told || part.is_any(phrase.to.wrapping_sub(1), words!["now"]),
            Value::Rule(_) | Value::Unsupported | Value::Reminder(_) => true,
            _ => false,
        }
    })
}

/// "move milk to friday *or delete it*": one or the other.
fn has_alternative(text: &Text<'_>) -> bool {
    #[rustfmt::skip]
    const ACTS: &Words = words!["delete", "remove", "erase", "complete", "mark", "cancel", "drop", "scrap", "move", "postpone", "reschedule"];
    (1..text.len()).any(|at| {
        text.word(at - 1) == "or"
            && text.is_any(at, ACTS)
            && text.is_any(at + 1, words!["it", "that", "this", "them", "the"])
    })
}

/// "gym any day *except monday*", "bread, *not tomorrow* but friday".
fn excludes_time(text: &Text<'_>, at: usize, context: &Context) -> bool {
    #[rustfmt::skip]
    const NOT: &Words = words![
        "not", "except", "excluding", "instead of", "rather than", "other than", "apart from", "besides", "but not", "never",
    ];
    let links = words!["on the", "on", "at", "in", "by", "for", "before", "the", "until", "this"];
    let is_not = |at: &usize| text.tokens[*at].kind == Kind::Word && text.after_any(*at, NOT).is_some();
    let Some(not_at) = (at..text.len()).find(is_not) else { return false };
    let part = text.part(at, text.len());
    let phrases = phrase::scan(&part, context, Mode::default());
    let starts_here = |from: usize, phrase: &Phrase| phrase.from + at == from || phrase.from + at + 1 == from;
    (not_at..text.len()).any(|word| {
        let Some(end) = text.after_any(word, NOT) else { return false };
        // "not later than friday" is a time itself.
        let is_within = phrases.iter().any(|phrase| (phrase.from..phrase.to).contains(&(word - at)));
        let led = text.after_any(end, links).unwrap_or(end);
        let names_time = phrases.iter().any(|phrase| {
            (phrase.is_temporal() || phrase.value == Value::Unsupported)
                && (phrase.from + at == end || starts_here(led, phrase))
        });
        !is_within && names_time
    })
}

/// Says whether a day, a time or a reminder of a new task was left where it stood beside another that was taken: "friday at noon
/// *at 3pm*", "today *tomorrow*", "remind me *2 hours after*", "remind me tomorrow to buy milk *and friday to call mom*".
pub(crate) fn is_half_read(text: &Text<'_>, found: &[Phrase], meaning: &Meaning) -> bool {
    if found.is_empty() || meaning.problem.is_some() {
        return false;
    }
    let is_when = |phrase: &Phrase| {
        matches!(
            phrase.value,
            Value::Day(..) | Value::Clock(..) | Value::Moment(_) | Value::Rule(_) | Value::Times(_)
        )
    };
    let is_used = |phrase: &Phrase| meaning.used.contains(phrase);
    let is_beside = |phrase: &Phrase| {
        meaning.used.iter().any(|used| {
            let gap = if used.to <= phrase.from { used.to..phrase.from } else { phrase.to..used.from };
            used.is_temporal()
                && gap.clone().all(|at| {
                    text.is_any(at, words!["and", "again", "or", "then"])
                        || text.tokens[at].kind == Kind::Mark
                })
        })
    };
    found.iter().any(|phrase| is_when(phrase) && !is_used(phrase) && is_beside(phrase))
        || found.iter().any(|phrase| begins_another(text, phrase))
        || meaning.used.iter().any(|phrase| is_reminded_otherwise(text, phrase, found))
}

/// "… *and friday to call mom*", "at 5 *and again at 6*"
fn begins_another(text: &Text<'_>, phrase: &Phrase) -> bool {
    let again = phrase.from.checked_sub(2).and_then(|at| text.after(at, "and again"));
    phrase.is_temporal() && again == Some(phrase.from)
        || phrase.is_temporal()
            && text.word_before(phrase.from) == "and"
            && text.word(phrase.to) == "to"
            && vocabulary::is_verb(text.word(phrase.to + 1))
}

/// "remind me *by sms*", "*2 hours after*", "*-5 minutes before*", "*twice*": what no reminder can be.
fn is_reminded_otherwise(text: &Text<'_>, phrase: &Phrase, found: &[Phrase]) -> bool {
    if !matches!(phrase.value, Value::Reminder(_)) {
        return false;
    }
    let is_free = |at: usize| !found.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    let next = phrase.to;
    let begins_number =
        text.word(next).starts_with(|c: char| c.is_ascii_digit()) || number::at(text, next).is_some();
    let is_negative = |at: usize| {
        text.is_mark(at, '-') && text.word(at + 1).starts_with(|c: char| c.is_ascii_digit())
            || text.word(at).starts_with('-')
    };
    #[rustfmt::skip]
    const OTHERWISE: &Words = words![
        "twice", "thrice", "by", "via", "through", "several times", "and email", "and push", "and sms", "and by", "and text", "after",
        "when", "if", "once",
    ];
    is_free(next) && (begins_number || is_negative(next) || text.after_any(next, OTHERWISE).is_some())
        || phrase.from > 0 && is_negative(phrase.from - 1) && is_free(phrase.from - 1)
}

/// "milk is no longer needed", "rent paid", "complete tomorrow": about a task, and none of its own.
fn is_about_task(text: &Text<'_>, at: usize) -> bool {
    let len = text.end_of_words();
    #[rustfmt::skip]
    const SAID: &Words = words![
        "no longer needed", "no longer necessary", "no longer required", "no longer relevant", "not needed anymore",
        "isn't needed", "isnt needed", "is not needed", "isn't necessary", "is not necessary", "is obsolete",
        "got done", "got finished", "isn't finished", "isnt finished", "is not finished", "isn't done", "isnt done",
        "is not done", "aren't done", "hasn't been done", "hasnt been done", "has not been done", "hasn't been finished",
        "isn't complete", "is not complete", "is done", "is finished", "is completed", "are done", "was done", "is already done",
        "isn't finished yet", "can wait",
    ];
    const MODALS: &Words = words![
        "should be",
        "can be",
        "needs to be",
        "must be",
        "has to be",
        "could be",
        "is to be",
        "may be"
    ];
    #[rustfmt::skip]
    const ACTED: &Words = words![
        "deleted", "removed", "erased", "completed", "closed", "cancelled", "canceled", "dropped", "marked", "scrapped",
        "ticked", "crossed", "postponed", "rescheduled",
    ];
    let is_said = (at + 1..len).any(|at| {
        text.after_any(at, SAID).is_some()
            || text.after_any(at, MODALS).is_some_and(|end| text.is_any(end, ACTED))
    });
    // "check that the form is done" is work to do.
    #[rustfmt::skip]
    const MAKING: &Words = words![
        "check", "make", "ensure", "see", "ask", "tell", "verify", "confirm", "remind", "add", "create", "when", "if", "once",
        "after", "get", "have", "say", "write", "find", "decide", "need", "want", "new", "todo", "task", "note", "set", "put",
        "wait", "schedule",
    ];
    let is_work = text.is_any(at, MAKING);
    // "rent paid", "report submitted"
    let is_told = len > at + 1
        && len <= at + 4
        && vocabulary::present_of(text.word(len - 1)).is_some()
        && text.is_any(
            len - 1,
            words![
                "done",
                "paid",
                "bought",
                "sent",
                "submitted",
                "completed",
                "finished",
                "booked",
                "ordered"
            ],
        )
        && vocabulary::present_of(text.word(at)).is_none();
    // "tag buy milk home"
    let tags = text.is_any(at, words!["tag", "label"]) && vocabulary::is_verb(text.word(at + 1));
    (is_said || is_told) && !is_work || is_act_later(text, at) || tags
}

/// "complete 2 tomorrow", "mark milk as done on friday", "complete tomorrow".
fn is_act_later(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const ACTS: &Words = words![
        "complete", "delete", "tick off", "check off", "cross off", "mark off", "erase", "reopen", "uncheck", "tick", "done with",
        "finished with", "remove",
    ];
    let states = words!["as done", "as complete", "as completed", "as finished", "done"];
    let marks =
        text.word(at) == "mark" && (at + 2..text.len()).any(|at| text.after_any(at, states).is_some());
    let Some(end) = text.after_any(at, ACTS) else { return marks };
    let names_task = text.is_any(end, words!["it", "that", "this", "them", "all", "everything"])
        || text.tokens.get(end).is_some_and(|token| token.text.starts_with('#'))
        || number::digits(text.word(end)).is_some() && !text.is_any(end + 1, words!["of"]);
    let is_off = end > at + 1;
    let is_bare = text.is_any(
        end,
        words!["today", "tomorrow", "tonight", "on", "by", "at", "next", "now", "every", "later"],
    );
    marks || names_task || is_off || is_bare
}
