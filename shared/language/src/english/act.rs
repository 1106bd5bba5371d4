//! Acts on tasks that exist: "complete the milk task", "delete 2", "I bought the milk", "reopen it".

use crate::clause::Clause;
use crate::english::create;
use crate::english::phrase;
use crate::english::target;
use crate::english::target::Found;
use crate::english::vocabulary;
use crate::meaning::act::Act;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Value;
use crate::span::SpanKind;
use crate::token::{Kind, Text};
use crate::words::{Table, Words, words};
use crate::{Action, Command, Context, Problem, Target};

/// How a verb is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    /// It says what is to be done to a task.
    Plain,
    /// It may be a task of its own: "remove the wallpaper", "cancel the gym".
    Doubtful,
    /// It is a task of its own unless one is named: "finish the report".
    Weak,
}

static VERBS: Table<(Act, Force)> = Table::new(&[
    ("get rid of", (Act::Delete, Force::Doubtful)),
    ("delete", (Act::Delete, Force::Plain)),
    ("erase", (Act::Delete, Force::Plain)),
    ("remove", (Act::Delete, Force::Doubtful)),
    ("discard", (Act::Delete, Force::Doubtful)),
    ("scrap", (Act::Delete, Force::Doubtful)),
    ("trash", (Act::Delete, Force::Doubtful)),
    ("omit", (Act::Delete, Force::Doubtful)),
    ("purge", (Act::Delete, Force::Doubtful)),
    ("cancel", (Act::Delete, Force::Weak)),
    ("drop", (Act::Delete, Force::Weak)),
    ("clear out", (Act::Delete, Force::Weak)),
    ("clear", (Act::Delete, Force::Weak)),
    ("wipe out", (Act::Delete, Force::Weak)),
    ("wipe", (Act::Delete, Force::Weak)),
    ("empty out", (Act::Delete, Force::Weak)),
    ("empty", (Act::Delete, Force::Weak)),
    ("scratch", (Act::Delete, Force::Weak)),
    ("strike", (Act::Delete, Force::Weak)),
    ("ditch", (Act::Delete, Force::Weak)),
    ("kill", (Act::Delete, Force::Weak)),
    ("bin", (Act::Delete, Force::Weak)),
    ("forget about", (Act::Delete, Force::Weak)),
    ("forget", (Act::Delete, Force::Weak)),
    ("throw out", (Act::Delete, Force::Weak)),
    ("throw away", (Act::Delete, Force::Weak)),
    ("reopen", (Act::Reopen, Force::Plain)),
    ("re-open", (Act::Reopen, Force::Plain)),
    ("uncomplete", (Act::Reopen, Force::Plain)),
    ("uncheck", (Act::Reopen, Force::Plain)),
    ("unmark", (Act::Reopen, Force::Plain)),
    ("restart", (Act::Reopen, Force::Weak)),
    ("check off", (Act::Complete, Force::Plain)),
    ("tick off", (Act::Complete, Force::Plain)),
    ("cross off", (Act::Complete, Force::Plain)),
    ("cross out", (Act::Complete, Force::Plain)),
    ("mark off", (Act::Complete, Force::Plain)),
    ("tick", (Act::Complete, Force::Plain)),
    ("task completed", (Act::Complete, Force::Plain)),
    ("task done", (Act::Complete, Force::Plain)),
    ("done with", (Act::Complete, Force::Plain)),
    ("i am done with", (Act::Complete, Force::Plain)),
    ("i'm done with", (Act::Complete, Force::Plain)),
    ("im done with", (Act::Complete, Force::Plain)),
    ("finished with", (Act::Complete, Force::Plain)),
    ("i'm finished with", (Act::Complete, Force::Plain)),
    ("done", (Act::Complete, Force::Doubtful)),
    ("mark done", (Act::Complete, Force::Plain)),
    ("mark complete", (Act::Complete, Force::Plain)),
    ("mark completed", (Act::Complete, Force::Plain)),
    ("complete", (Act::Complete, Force::Plain)),
    ("finish", (Act::Complete, Force::Weak)),
    ("close", (Act::Complete, Force::Weak)),
    ("resolve", (Act::Complete, Force::Weak)),
]);

/// What is deleted outside of a list of tasks.
#[rustfmt::skip]
const FILES: &Words = words![
    "photo", "photos", "picture", "pictures", "pics", "video", "videos", "file", "files", "folder", "folders", "email",
    "emails", "e-mails", "account", "accounts", "app", "apps", "message", "messages", "texts", "history", "cache", "cookies",
    "backup", "backups", "branch", "branches", "database", "logs", "downloads", "contacts", "subscription",
    "subscriptions", "membership", "profile", "screenshots", "spam", "playlist", "wallpaper", "stain", "stains", "couch",
    "furniture", "whiteboard", "blackboard", "graffiti", "snow", "leaves", "weeds", "trash", "garbage", "rubbish", "junk", "clutter", "clothes", "tattoo",
];

/// Reads an act on tasks.
pub(crate) fn read(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    done_alone(text, at, context)
        .or_else(|| marked(text, at, context))
        .or_else(|| taken_off(text, at, context))
        .or_else(|| said_done(text, at, context))
        .or_else(|| commanded(text, at, context))
        .or_else(|| stated(text, at, context))
        .or_else(|| past(text, at, context))
        .or_else(|| passive(text, at, context))
        .map(|clause| {
            // "walked the dog, delete all": what else is asked for is no part of a name.
            let is_named = clause.commands.iter().any(|command| {
                matches!(
                    &command.action,
                    Action::Complete { target: Target::Title(_) }
                        | Action::Delete { target: Target::Title(_) }
                )
            });
            let swallows = is_named && create::swallows_act(&text.part(at, text.len()));
            clause.with_problem(swallows.then_some(Problem::UnclearIntent))
        })
}

fn clause(text: &Text<'_>, act: Act, found: Found, verb: (usize, usize), confidence: f64) -> Clause {
    let mut spans = found.spans.clone();
    spans.extend(text.span(verb.0, verb.1, SpanKind::Intent));
    let is_missing = found.targets.contains(&Target::Missing);
    // "delete all tasks if it rains"
    let rest = text.part(verb.1, text.len());
    let depends = rest.has_any(words!["if", "unless", "once", "whenever"]) && !verb_is_last(text, verb);
    let mut targets = found.targets.into_iter();
    let first = targets.next().unwrap_or(Target::Missing);
    let mut clause = Clause::one(act.on(first), spans, confidence);
    clause.commands.extend(targets.map(|target| Command { action: act.on(target), spans: Vec::new() }));
    let problem = is_missing.then_some(Problem::MissingTarget);
    clause.with_problem(problem.or(depends.then_some(Problem::UnclearIntent)))
}

/// Makes the deletion of what is named in the words from `name.0` to `name.1`.
pub(crate) fn deleted(
    text: &Text<'_>,
    name: (usize, usize),
    verb: (usize, usize),
    context: &Context,
) -> Clause {
    let found = target::read(&text.part(name.0, name.1), context);
    clause(text, Act::Delete, found, verb, 0.85)
}

fn verb_is_last(text: &Text<'_>, verb: (usize, usize)) -> bool {
    verb.1 >= text.end_of_words()
}

/// "mark … as done", "mark … as not done", "set … to completed".
fn marked(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    const DONE: &Words = words![
        "done",
        "complete",
        "completed",
        "finished",
        "closed",
        "resolved",
        "bought",
        "paid",
        "sent",
        "handled",
        "sorted",
    ];
    const OPEN: &Words = words![
        "incomplete",
        "undone",
        "open",
        "uncompleted",
        "active",
        "pending",
        "todo",
        "unfinished",
        "to-do"
    ];
    const NOT: &Words =
        words!["not done", "not complete", "not completed", "not finished", "not yet done", "to do"];
    if !text.is_any(at, words!["mark", "set", "flag", "make", "put", "change", "move"]) {
        return None;
    }
    let is_mark = text.is_any(at, words!["mark", "flag"]);
    let state = |at: usize| {
        if let Some(end) = text.after_any(at, NOT) {
            return Some((Act::Reopen, end));
        }
        let act = if text.is_any(at, DONE) {
            Act::Complete
        } else if text.is_any(at, OPEN) {
            Act::Reopen
        } else {
            return None;
        };
        Some((act, at + 1))
    };
    // "mark as done: buy milk"
    if let Some(start) = text.after_any(at + 1, words!["as", "it as"])
        && let Some((act, end)) =
            state(start).filter(|(_, end)| *end < text.end_of_words() || text.word(at + 1) == "it")
    {
        let found = if text.word(at + 1) == "it" {
            target::read(&text.part(at + 1, at + 2), context)
        } else {
            target::read(&text.part(end, text.len()), context)
        };
        return Some(clause(text, act, found, (at, end), 0.92));
    }
    let mut len = text.end_of_words();
    for _ in 0..2 {
        if len > at && text.is_any(len - 1, words!["please", "now", "already", "today"]) {
            len -= 1;
        }
    }
    let (from, act) = (len.saturating_sub(3).max(at + 1)..len)
        .find_map(|from| state(from).filter(|(_, end)| *end == len).map(|(act, _)| (from, act)))?;
    let led = text.is_any(from - 1, words!["as", "to"]);
    if !led && !is_mark {
        return None;
    }
    let end = if led { from - 1 } else { from };
    let found = target::read(&text.part(at + 1, end), context);
    let mut clause = clause(text, act, found, (at, at + 1), 0.95);
    clause.commands[0].spans.extend(text.span(end, len, SpanKind::Status));
    Some(clause)
}

/// "check … off", "take milk off my list", "cross it out".
fn taken_off(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let act = match text.word(at) {
        "check" | "tick" | "cross" | "mark" => Act::Complete,
        "take" | "knock" | "scratch" | "strike" => Act::Delete,
        _ => return None,
    };
    if text.is_any(at + 1, words!["off", "out"]) {
        return None;
    }
    let len = text.end_of_words();
    let rest = text.part(at + 1, len);
    let (rest, from_list) = target::without_list(&rest);
    let ends_off = rest.len() > 1 && text.is_any(at + rest.len(), words!["off", "out"]);
    let off = ends_off && text.is_any(at, words!["check", "tick", "cross", "mark", "scratch", "strike"])
        || from_list && text.is_any(at + 1 + rest.len(), words!["off", "from"]);
    if !off {
        return None;
    }
    let end = if ends_off { rest.len() - 1 } else { rest.len() };
    let found = target::read(&rest.part(0, end), context);
    Some(clause(text, act, found, (at, at + 1), 0.9))
}

/// "I finished the report", "I've already done 2", "just completed it".
fn said_done(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let who = text
        .after_any(at, words!["i have", "i've", "ive", "i had", "we have", "we've", "weve", "i", "we"])
        .unwrap_or(at);
    let start = text.after_any(who, words!["just now", "just", "already", "finally", "now"]).unwrap_or(who);
    let end = text.after_any(start, words!["finished with", "finished", "completed", "done with", "done"])?;
    if start == at && text.word(start) == "done" {
        return None;
    }
    let found = target::read(&text.part(end, text.len()), context);
    let confidence = if found.is_plain || start > at { 0.88 } else { 0.8 };
    Some(clause(text, Act::Complete, found, (at, end), confidence))
}

/// "delete …", "complete …", "cancel the dentist task".
fn commanded(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let (&(act, force), end) = text.look_up(at, &VERBS)?;
    let end = if text.is_mark(end, ':') { end + 1 } else { end };
    let rest = text.part(end, text.len());
    let found = target::read(&rest, context);
    let names_task = found.is_plain
        || vocabulary::is_verb(rest.word(0))
        || rest.tokens.first().is_some_and(|token| token.kind == Kind::Quoted);
    let deadline = has_deadline(&rest, context);
    // "delete the gym task or mark it done", "delete work or home tasks"
    let is_title = matches!(&found.targets[..], [Target::Title(_)]) && found.is_plain;
    let alternatives =
        words!["mark", "complete", "delete", "remove", "move", "finish", "postpone", "keep", "maybe", "not"];
    let chooses = (1..rest.len())
        .any(|at| rest.is_any(at, words!["or"]) && (!is_title || rest.is_any(at + 1, alternatives)));
    // "remove price tags from the gifts"
    let is_elsewhere = act == Act::Delete
        && !found.is_plain
        && (1..rest.len()).any(|at| {
            rest.is_any(at, words!["from", "off"]) && rest.is_any(at + 1, words!["the", "my", "our", "this"])
        });
    if chooses || is_elsewhere {
        return Some(clause(text, act, found, (at, end), 0.6).with_problem(Some(Problem::UnclearIntent)));
    }
    // "delete old photos" is work to do as likely as not.
    if act == Act::Delete && force != Force::Weak && !found.is_plain && rest.has_any(FILES) {
        if deadline {
            return None;
        }
        return Some(clause(text, act, found, (at, end), 0.6).with_problem(Some(Problem::UnclearIntent)));
    }
    // "delete my shopping list": there are no lists but tags.
    let names_list = matches!(&found.targets[..], [Target::Title(title)] if title.ends_with(" list"));
    // "cancel my 3pm meeting"
    let is_appointment = rest.has_any(words!["appointment", "meeting", "reservation", "booking", "appt"])
        && text.word(at) == "cancel"
        && deadline
        && !rest.has_any(words!["by", "before"]);
    if act == Act::Delete && (names_list && !found.is_plain || is_appointment) {
        return Some(clause(text, act, found, (at, end), 0.6).with_problem(Some(Problem::UnclearIntent)));
    }
    // "finish book tomorrow"
    if force == Force::Weak && deadline && !found.is_plain {
        return None;
    }
    // "i'm done with the slides for monday"
    let is_told = text.word(end - 1) == "with";
    let confidence = match (force, names_task) {
        (Force::Plain, true) => 0.95,
        // "complete the tax form by friday" is work to do.
        (Force::Plain | Force::Doubtful, false) if act == Act::Complete && deadline && !is_told => {
            return None;
        }
        (Force::Plain, false) if act == Act::Complete => 0.85,
        // "erase the whiteboard on monday"
        (Force::Plain, false) if deadline && act == Act::Delete => {
            return Some(clause(text, act, found, (at, end), 0.6).with_problem(Some(Problem::UnclearIntent)));
        }
        (Force::Plain, false) => 0.92,
        (Force::Doubtful, true) | (Force::Weak, true) => 0.9,
        (Force::Doubtful, false) if deadline => return None,
        (Force::Doubtful, false) => 0.75,
        (Force::Weak, false) if deadline || act == Act::Reopen => return None,
        (Force::Weak, false)
            if text.is_any(at, words!["finish", "cancel"]) && found.targets != [Target::Missing] =>
        {
            return Some(clause(text, act, found, (at, end), 0.6).with_problem(Some(Problem::UnclearIntent)));
        }
        (Force::Weak, false) => return None,
    };
    Some(clause(text, act, found, (at, end), confidence))
}

/// Whether a day or a time is named with what to do: "finish the report by friday".
fn has_deadline(text: &Text<'_>, context: &Context) -> bool {
    phrase::scan(text, context, Mode::default()).iter().any(|phrase| {
        matches!(
            phrase.value,
            Value::Day(..)
                | Value::Clock(..)
                | Value::FromNow(_)
                | Value::Rule(_)
                | Value::Moment(_)
                | Value::Bad(_)
                | Value::Part(_)
        )
    })
}

/// "the milk task is done", "homework done", "task train has been completed".
fn stated(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let len = text.end_of_words();
    if len < at + 2
        || text.is_any(at, words!["get", "have", "is", "are", "has", "i", "want", "need", "make"])
        || text.is_mark(len, '?')
    {
        return None;
    }
    let last = len - 1;
    if !text.is_any(last, words!["done", "completed", "finished", "complete"]) {
        return None;
    }
    if text.is_any(last - 1, words!["to", "be", "being", "get", "getting", "gets"]) {
        return None;
    }
    let before = &text.part(at, last);
    // "every 3 days after it is done"
    if text.is_any(at, words!["every", "each"])
        || before.has_any(words!["after", "until", "when", "once", "if", "unless"])
    {
        return None;
    }
    let found_at = (0..before.len()).find(|from| {
        let links = words![
            "has just been",
            "has been",
            "have been",
            "is now",
            "is already",
            "is finally",
            "is not",
            "are now",
            "isn't",
            "hasn't been",
            "has not been",
            "haven't been",
            "wasn't",
            "was not",
            "was",
            "is",
            "are",
            "already",
            "not",
            "got",
            "is all",
            "are all",
        ];
        before.after_any(*from, links) == Some(before.len())
    });
    let is_not = text.is_any(last - 1, words!["not", "isn't", "isnt", "wasn't"])
        || text.is_any(last.wrapping_sub(2), words!["hasn't", "haven't", "not"])
            && text.word(last - 1) == "been";
    let is_said = found_at.is_some();
    let found = target::read(&before.part(0, found_at.unwrap_or(before.len())), context);
    if is_not {
        return Some(
            clause(text, Act::Reopen, found, (last - 1, len), 0.6).with_problem(Some(Problem::UnclearIntent)),
        );
    }
    // "clear completed", "show done" are no statements.
    let is_verb = vocabulary::is_verb(before.word(0));
    if text.is_any(
        at,
        words![
            "clear", "show", "hide", "list", "not", "almost", "nearly", "half", "never", "ignore", "if",
            "once", "pretend", "say", "tell", "system",
        ],
    ) || is_verb && is_said && !found.is_plain
    {
        return None;
    }
    let confidence = if found.is_plain || is_said {
        0.85
    } else if is_verb {
        0.8
    } else {
        0.72
    };
    Some(clause(text, Act::Complete, found, (last, len), confidence))
}

/// Past tenses that describe nothing, so that "I" may be left out.
#[rustfmt::skip]
const TOLD: &Words = words![
    "bought", "ate", "brought", "built", "drank", "drove", "fed", "gave", "got", "made", "paid", "ran", "sent", "sold",
    "spoke", "swam", "swept", "took", "went", "wrote", "threw", "called", "emailed", "texted", "phoned", "visited", "did",
    "messaged", "booked", "picked", "mailed", "submitted", "watered", "walked", "cleaned", "fixed", "ordered",
];

/// "I bought the milk", "called mom": the plain form of the verb is looked for.
fn past(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let who = text.after_any(at, words!["i have", "i've", "ive", "i", "we have", "we've", "weve", "we"]);
    let start = who.unwrap_or(at);
    let adverb = text.after_any(start, words!["just", "already", "finally"]);
    let start = adverb.unwrap_or(start);
    let verb = vocabulary::present_of(text.word(start))?;
    let object = start + 1;
    let len = text.end_of_words();
    // "i've got a meeting" tells of what is to come.
    if text.word(start) == "got"
        && who.is_some_and(|end| text.word(end - 1) != "i" && text.word(end - 1) != "we")
    {
        return None;
    }
    let asks = text.is_any(object, words!["i", "you", "we", "they", "he", "she"]);
    if len <= object || text.is_mark(len, '?') || asks {
        return None;
    }
    let described =
        words!["the", "my", "our", "his", "her", "their", "mom", "dad", "it", "that", "up", "out"];
    let is_told = TOLD.contains(text.word(start))
        && (text.is_any(object, described)
            || !text.word(start).ends_with("ed")
            || text.word(start).starts_with("call"));
    if who.is_none() && adverb.is_none() && !is_told {
        return None;
    }
    let rest = text.part(object, text.len());
    let found = target::read(&rest, context);
    // "I did it", "done 2": what is meant is named without its verb.
    let does_it = verb == "do" && found.is_plain;
    let is_gone = verb == "get" && text.word(object) == "it";
    let targets = found.targets.iter().map(|target| match target {
        Target::Title(title) => Some(Target::Title(format!("{verb} {title}"))),
        target if does_it || is_gone => Some(target.clone()),
        _ => None,
    });
    let targets = targets.collect::<Option<Vec<_>>>()?;
    let mut spans = text.span(start, text.end_of_words(), SpanKind::Target).into_iter().collect::<Vec<_>>();
    spans.extend(text.span(at, start, SpanKind::Intent));
    // "I bought a car": of something not known before nothing was to be done.
    let is_news =
        text.is_any(object, words!["a", "an", "some"]) || who.is_none() && has_deadline(&rest, context);
    let confidence = if is_news { 0.6 } else { 0.72 };
    let clause = clause(text, Act::Complete, Found { targets, spans, ..found }, (at, start), confidence);
    Some(clause.with_problem(is_news.then_some(Problem::UnclearIntent)))
}

/// "the rent has been paid", "the trash is taken out".
fn passive(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let len = text.end_of_words();
    let starts = words![
        "is", "are", "has", "have", "was", "what", "when", "who", "how", "why", "if", "it", "there", "i",
        "we",
    ];
    if text.is_any(at, starts) || text.is_mark(len, '?') {
        return None;
    }
    // The participle is the last word, or stands before "out", "up", "off".
    let particle = text.is_any(len.checked_sub(1)?, words!["out", "up", "off", "in", "away", "down"]);
    let last = len.checked_sub(if particle { 2 } else { 1 })?;
    #[rustfmt::skip]
    const DEALT_WITH: &Words = words![
        "paid", "bought", "sent", "taken", "booked", "cleaned", "fixed", "washed", "written", "submitted", "delivered",
        "ordered", "mailed", "picked", "renewed", "signed", "packed", "watered", "fed", "returned", "installed", "called",
        "emailed", "answered", "repaired", "printed", "collected", "replaced", "painted", "ironed", "vacuumed", "swept",
        "put", "thrown", "brought",
    ];
    if !DEALT_WITH.contains(text.word(last))
        || text.is_any(at, words!["nothing", "nobody", "none", "no", "something", "not"])
    {
        return None;
    }
    let verb = vocabulary::present_of(text.word(last))?;
    #[rustfmt::skip]
    const LINKS: &Words = words![
        "has just been", "has already been", "has been", "have already been", "have been", "is already", "are already",
        "was just", "is now", "is", "are", "was", "were",
    ];
    let from =
        (last.saturating_sub(3).max(at + 1)..last).find(|from| text.after_any(*from, LINKS) == Some(last))?;
    let found = target::read(&text.part(at, from), context);
    let [Target::Title(title)] = &found.targets[..] else { return None };
    let particle = if particle { format!(" {}", text.word(len - 1)) } else { String::new() };
    let targets = vec![Target::Title(format!("{verb}{particle} {title}"))];
    Some(clause(text, Act::Complete, Found { targets, ..found }, (from, len), 0.75))
}

/// "I'm done", "it's finished": the task spoken of last.
fn done_alone(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const DONE: &Words = words![
        "i am done", "i'm done", "im done", "it's done", "its done", "that's done", "thats done", "it is done",
        "that is done", "i did it", "i did that", "i've done it", "i have done it", "i've done that", "got it done", "did it",
        "i finished it", "all done with it", "it's finished", "it's complete", "it's completed", "that one's done",
        "i got it done", "i am finished", "i'm finished",
    ];
    let end = text.after_any(at, DONE).filter(|end| *end >= text.end_of_words())?;
    let targets = vec![Target::It];
    let found = target::read(&text.part(at, at), context);
    Some(clause(text, Act::Complete, Found { targets, ..found }, (at, end), 0.85))
}
