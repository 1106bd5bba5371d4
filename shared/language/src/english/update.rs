//! Changes: "move it to friday", "rename milk to oat milk", "make it urgent".

use domain::task::Priority;

use crate::clause::Clause;
use crate::english::duration;
use crate::english::label;
use crate::english::number;
use crate::english::phrase;
use crate::english::reminder;
use crate::english::reschedule;
use crate::english::target;
use crate::english::target::Found;
use crate::english::vocabulary;
use crate::meaning;
use crate::meaning::compose;
use crate::meaning::compose::Meaning;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, quoted};
use crate::words::{Words, words};
use crate::{Action, Change, Changes, Command, Context, DueChange, Problem, ReminderText, Target};

/// Reads a change of a task that exists.
pub(crate) fn read(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let at = text.after_any(at, words!["actually", "i meant to", "instead"]).unwrap_or(at);
    let at = if text.is_mark(at, ',') { at + 1 } else { at };
    renamed(text, at, context)
        .or_else(|| reminder_added(text, at, context))
        .or_else(|| cleared(text, at, context))
        .or_else(|| field(text, at, context))
        .or_else(|| tagged(text, at, context))
        .or_else(|| described(text, at, context))
        .or_else(|| reschedule::read(text, at, context))
        .or_else(|| made(text, at, context))
        .or_else(|| reminded(text, at, context))
        .or_else(|| priority_stated(text, at, context))
        .or_else(|| restated(text, at, context))
        .or_else(|| restated_level(text, at, context))
        .or_else(|| bare(text, at, context))
}

/// Makes the command, one for each target.
pub(crate) fn clause(
    text: &Text<'_>,
    found: Found,
    changes: Changes,
    verb: (usize, usize),
    value: Vec<Span>,
    confidence: f64,
) -> Clause {
    let mut spans = found.spans;
    spans.extend(text.span(verb.0, verb.1, SpanKind::Intent));
    spans.extend(value);
    let missing = found.targets.contains(&Target::Missing).then_some(Problem::MissingTarget);
    let mut targets = found.targets.into_iter();
    let action = |target| Action::Update { target, changes: changes.clone() };
    let mut clause = Clause::one(action(targets.next().unwrap_or(Target::Missing)), spans, confidence);
    clause.commands.extend(targets.map(|target| Command { action: action(target), spans: Vec::new() }));
    clause.with_problem(missing)
}

/// A new value that dates, priority, repetition and reminders make up whole.
pub(crate) fn value(
    text: &Text<'_>,
    from: usize,
    to: usize,
    context: &Context,
) -> Option<(Changes, Vec<Span>, Option<Problem>)> {
    let part = text.part(from, to);
    if part.end_of_words() == 0 {
        return None;
    }
    let said = |phrase: &Phrase| part.slice(phrase.from, phrase.to).to_owned();
    let mode = Mode { is_value: true, wants_reminder: false, in_query: false };
    let meaning = compose::compose(phrase::scan(&part, context, mode), context, said);
    let is_used = |at: usize| meaning.used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    let padding = words![
        "instead",
        "please",
        "the",
        "a",
        "an",
        "and",
        "at",
        "on",
        "for",
        "now",
        "it",
        "be",
        "due",
        "repeat",
        "repeating",
        "recurring",
        "of",
        "is",
    ];
    let is_whole = (0..part.len())
        .all(|at| is_used(at) || part.tokens[at].kind == Kind::Mark || part.is_any(at, padding));
    let priority = level(&part);
    if (!is_whole || meaning.used.is_empty()) && priority.is_none() {
        return None;
    }
    let spans =
        meaning.used.iter().filter_map(|phrase| part.span(phrase.from, phrase.to, phrase.value.kind()));
    let mut spans: Vec<Span> = spans.collect();
    if spans.is_empty() {
        spans.extend(part.span(0, part.end_of_words(), SpanKind::Priority));
    }
    let problem = meaning.problem.clone();
    let mut changes = of_meaning(&meaning);
    changes.priority = changes.priority.or(priority);
    Some((changes, spans, problem))
}

/// "high", "urgent", "a high priority" as the whole of a value.
fn level(text: &Text<'_>) -> Option<Priority> {
    let start = text.after_any(0, words!["a", "an", "the", "as", "very", "more"]).unwrap_or(0);
    let level = label::priority_word(text.word(start))?;
    let end = text.after(start + 1, "priority").unwrap_or(start + 1);
    (end >= text.end_of_words()).then_some(level)
}

fn of_meaning(meaning: &Meaning) -> Changes {
    let due = (meaning.date.is_some() || meaning.time.is_some()) && meaning.rule.is_none();
    Changes {
        due: due.then_some(DueChange::Set { date: meaning.date, time: meaning.time }),
        priority: meaning.priority,
        add_tags: meaning.tags.clone(),
        recurrence: meaning.rule.clone().map(Change::Set),
        reminders: (!meaning.reminders.is_empty()).then(|| Change::Set(meaning.reminders.clone())),
        ..Changes::default()
    }
}

/// "rename milk to oat milk", "change the title of 2 to oat milk".
fn renamed(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const STARTS: &Words = words![
        "change the title of", "change the name of", "change title of", "change name of",
        "set the title of", "set title of", "edit the title of", "update the title of", "set the name of",
        "retitle", "rename",
    ];
    // "change the title to oat milk", "rename it oat milk", "call it oat milk instead"
    let of_it = text.after_any(
        at,
        words![
            "change the title to",
            "change title to",
            "change the name to",
            "change its title to",
            "change its name to",
            "set the title to",
            "rename it to",
            "rename it as",
            "rename that to",
            "rename this to",
            "rename it",
            "retitle it",
        ],
    );
    let len = text.end_of_words();
    let called = text
        .after_any(at, words!["call it", "call that"])
        .filter(|_| text.is_any(len - 1, words!["instead"]));
    if let Some(start) = of_it.or(called).filter(|start| *start < len) {
        let end = if called.is_some() { len - 1 } else { len };
        let title = match text.tokens.get(start) {
            Some(token) if token.kind == Kind::Quoted && start + 1 == end => quoted(token.text),
            _ => text.slice(start, end),
        };
        let changes =
            Changes { title: Some(title.to_owned()).filter(|title| !title.is_empty()), ..Changes::default() };
        let problem = changes.is_empty().then_some(Problem::MissingChange);
        let value = text.span(start, end, SpanKind::Title).into_iter().collect();
        return Some(clause(text, found_it(), changes, (at, start), value, 0.93).with_problem(problem));
    }
    let start = text.after_any(at, STARTS)?;
    let first = text.word(start).to_owned();
    let links: Vec<usize> =
        (start + 1..text.len()).filter(|at| text.is_any(*at, words!["to", "as", "into"])).collect();
    // "rename talk to bob to talk to amna": the new title often begins like the old one.
    let link = links
        .iter()
        .copied()
        .find(|at| !first.is_empty() && text.word(at + 1) == first)
        .or(links.first().copied());
    let Some(link) = link else {
        let found = target::read(&text.part(start, text.len()), context);
        return Some(
            clause(text, found, Changes::default(), (at, start), Vec::new(), 0.5)
                .with_problem(Some(Problem::MissingChange)),
        );
    };
    let end = text.end_of_words();
    let title = match text.tokens.get(link + 1) {
        Some(token) if token.kind == Kind::Quoted && link + 2 == end => quoted(token.text),
        _ => text.slice(link + 1, end),
    };
    let found = target::read(&text.part(start, link), context);
    let changes = Changes { title: (!title.is_empty()).then(|| title.to_owned()), ..Changes::default() };
    let problem = changes.is_empty().then_some(Problem::MissingChange);
    let value = text.span(link + 1, end, SpanKind::Title).into_iter().collect();
    Some(clause(text, found, changes, (at, start), value, 0.93).with_problem(problem))
}

/// "remove the due date from 2", "stop repeating it".
fn cleared(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let whole = [
        ("stop repeating", 0),
        ("stop reminding me about", 1),
        ("stop reminding me of", 1),
        ("don't repeat", 0),
    ];
    for (words, which) in whole {
        if let Some(end) = text.after(at, words) {
            let found = target::read(&text.part(end, text.len()), context);
            let changes = if which == 0 {
                Changes { recurrence: Some(Change::Clear), ..Changes::default() }
            } else {
                Changes { reminders: Some(Change::Clear), ..Changes::default() }
            };
            return Some(clause(text, found, changes, (at, end), Vec::new(), 0.9));
        }
    }
    let verb = text.after_any(
        at,
        words![
            "get rid of",
            "remove",
            "clear",
            "delete",
            "drop",
            "unset",
            "cancel",
            "turn off",
            "switch off",
            "disable",
            "take off",
            "erase",
            "reset",
        ],
    )?;
    let its = text.after_any(verb, words!["its", "that task's", "this task's"]);
    let start = its.or_else(|| text.after_any(verb, words!["the", "all", "any"])).unwrap_or(verb);
    let (changes, end) = if let Some(end) =
        text.after_any(start, words!["due date and time", "due date", "due time", "deadline", "date"])
    {
        (Changes { due: Some(DueChange::Clear), ..Changes::default() }, end)
    } else if let Some(end) = text.after_any(start, words!["reminders", "reminder"]) {
        (Changes { reminders: Some(Change::Clear), ..Changes::default() }, end)
    } else if let Some(end) =
        text.after_any(start, words!["recurrence", "repetition", "repeat rule", "repeat"])
    {
        (Changes { recurrence: Some(Change::Clear), ..Changes::default() }, end)
    } else if let Some(end) = text.after_any(start, words!["description", "notes", "note"]) {
        (Changes { description: Some(Change::Clear), ..Changes::default() }, end)
    } else {
        (Changes { priority: Some(Priority::Medium), ..Changes::default() }, text.after(start, "priority")?)
    };
    // "remove the reminder" may mean the task itself.
    let is_field =
        its.is_some() || changes.reminders.is_none() || text.is_any(at, words!["turn", "switch", "disable"]);
    if is_field && end >= text.end_of_words() && end > verb + 1 {
        return Some(clause(text, found_it(), changes, (at, end), Vec::new(), 0.85));
    }
    let link = text.after_any(end, words!["from", "of", "on", "for"])?;
    // "remove all reminders for friday"
    if changes.reminders.is_some() && value(text, link, text.len(), context).is_some() {
        return None;
    }
    let found = target::read(&text.part(link, text.len()), context);
    // "delete the reminder for watering the plants": the task that reminds of it.
    let is_task = changes.reminders.is_some()
        && text.word(link - 1) == "for"
        && text.word(end - 1) == "reminder"
        && !found.is_plain
        && !text.is_any(at, words!["turn", "switch", "disable", "clear", "unset", "reset"]);
    (!is_task).then(|| clause(text, found, changes, (at, end), Vec::new(), 0.9))
}

/// The task spoken of last, without a word for it.
fn found_it() -> Found {
    Found { targets: vec![Target::It], spans: Vec::new(), is_plain: true, has_article: false }
}

/// "change the priority of the milk task to high", "set the due date of 2 to friday".
fn field(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let verb = text.after_any(
        at,
        words![
            "change", "set", "update", "make", "edit", "adjust", "modify", "move", "raise", "lower",
            "increase", "decrease", "bump", "switch",
        ],
    )?;
    let start = text.after_any(verb, words!["the", "its"]).unwrap_or(verb);
    #[rustfmt::skip]
    const FIELDS: &Words = words![
        "due date", "due time", "due", "deadline", "date", "time", "priority level", "priority", "recurrence", "schedule",
        "reminder time", "reminders", "reminder",
    ];
    let end = text.after_any(start, FIELDS);
    let to_it = end.and_then(|end| text.after_any(end, words!["to be", "to", "as", "until"]));
    let of_it = to_it.is_some() || text.word(verb) == "its";
    if let Some(found) = end.and_then(|end| level_of(text, at, end, context)) {
        return Some(found);
    }
    let (target_from, target_to, link) = match end {
        Some(_) if of_it => (verb, start, to_it?),
        Some(end) => {
            let of = text.after_any(end, words!["of", "for", "on"])?;
            // "raise the priority of 2": to what?
            let Some(link) = last_link(text, of, context) else {
                let found = target::read(&text.part(of, text.len()), context);
                let clause = clause(text, found, Changes::default(), (at, end), Vec::new(), 0.5);
                return Some(clause.with_problem(Some(Problem::MissingChange)));
            };
            (of, link, link + 1)
        }
        None => possessive(text, verb)?,
    };
    let is_reminder = end.is_some_and(|end| text.word(end - 1).starts_with("reminder"));
    if is_reminder && let Some((changes, spans)) = reminders_in(text, link, context) {
        let found =
            if of_it { found_it() } else { target::read(&text.part(target_from, target_to), context) };
        return Some(clause(text, found, changes, (at, verb), spans, 0.9));
    }
    // "set reminder to walk the dog", "make time to read" are tasks.
    if to_it.is_some() && value(text, link, text.len(), context).is_none() {
        return None;
    }
    let found = if of_it { found_it() } else { target::read(&text.part(target_from, target_to), context) };
    match value(text, link, text.len(), context) {
        Some((changes, spans, problem)) => {
            let confidence = if changes.is_empty() && problem.is_none() { 0.5 } else { 0.94 };
            Some(clause(text, found, changes, (at, verb), spans, confidence).with_problem(problem))
        }
        None => Some(
            clause(text, found, Changes::default(), (at, verb), Vec::new(), 0.5)
                .with_problem(Some(Problem::MissingChange)),
        ),
    }
}

/// "set priority high for milk", "set the priority low on 2".
fn level_of(text: &Text<'_>, at: usize, end: usize, context: &Context) -> Option<Clause> {
    let level = label::priority_word(text.word(end)).filter(|_| text.word(end - 1) == "priority")?;
    let found = match text.after_any(end + 1, words!["for", "on", "of", "to"]) {
        Some(link) => target::read(&text.part(link, text.len()), context),
        None if end + 1 >= text.end_of_words() => found_it(),
        None => return None,
    };
    let changes = Changes { priority: Some(level), ..Changes::default() };
    let span = text.span(end, end + 1, SpanKind::Priority).into_iter().collect();
    Some(clause(text, found, changes, (at, end), span, 0.9))
}

/// Reminders that make up all of what is left: "10 minutes before", "tomorrow at 9".
fn reminders_in(text: &Text<'_>, from: usize, context: &Context) -> Option<(Changes, Vec<Span>)> {
    let part = text.part(from, text.len());
    let said = |phrase: &Phrase| part.slice(phrase.from, phrase.to).to_owned();
    let mode = Mode { wants_reminder: true, is_value: true, ..Mode::default() };
    let meaning = compose::compose(phrase::scan(&part, context, mode), context, said);
    let is_used = |at: usize| meaning.used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    let is_padding = |at: usize| {
        part.is_break(at)
            || part.is_any(at, words!["please", "again", "and", "to", "be", "at", "for", "it", "the", "me"])
    };
    if !(0..part.len()).all(|at| is_used(at) || is_padding(at)) || meaning.problem.is_some() {
        return None;
    }
    let mut reminders = meaning.reminders;
    if let Some(due) = meaning.due.filter(|_| reminders.is_empty()) {
        reminders.push(ReminderText::At(due.date.and_time(due.time.unwrap_or(meaning::clock::time(9, 0)))));
    }
    let spans = meaning.used.iter();
    let spans = spans.filter_map(|phrase| part.span(phrase.from, phrase.to, phrase.value.kind())).collect();
    let changes = Changes { reminders: Some(Change::Set(reminders.clone())), ..Changes::default() };
    (!reminders.is_empty()).then_some((changes, spans))
}

/// "add a reminder to the milk task", "set a reminder for it at 5pm", "add a 10 minute reminder to 2".
fn reminder_added(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let verb =
        text.after_any(at, words!["add", "set up", "set", "create", "put", "give me", "i want", "attach"])?;
    let article = text.after_any(verb, words!["a", "an", "another", "the"]).unwrap_or(verb);
    let lead = duration::read_length(text, article).map(|(_, end)| end);
    let noun = lead.unwrap_or(article);
    let end = text.after_any(noun, words!["reminders", "reminder", "alert"])?;
    let link = text.after_any(end, words!["to", "for", "on", "about"])?;
    let target_end = named_task(text, link)?;
    let found = target::read(&text.part(link, target_end), context);
    if !found.is_plain {
        return None;
    }
    let value = if lead.is_some() {
        reminder::read_lead_alone(text, article).map(|lead| {
            let changes = Changes {
                reminders: Some(Change::Set(vec![ReminderText::Lead(lead)])),
                ..Changes::default()
            };
            (changes, text.span(article, noun, SpanKind::Reminder).into_iter().collect())
        })
    } else {
        reminders_in(text, target_end, context)
    };
    Some(match value {
        Some((changes, spans)) => clause(text, found, changes, (at, end), spans, 0.9),
        None => clause(text, found, Changes::default(), (at, end), Vec::new(), 0.5)
            .with_problem(Some(Problem::MissingChange)),
    })
}

/// Finds where words end that name a task as such: "it", "task 2", "the milk task".
fn named_task(text: &Text<'_>, at: usize) -> Option<usize> {
    if let Some(end) = text.after_any(
        at,
        words!["that one", "this one", "that task", "this task", "the last one", "it", "that", "this"],
    ) {
        return Some(end);
    }
    let numbered = text.after_any(at, words!["task", "number", "item"]).unwrap_or(at);
    if text.word(numbered).starts_with(|c: char| c.is_ascii_digit())
        && (numbered > at || text.is_break(numbered + 1) || numbered + 1 >= text.len())
    {
        return Some(numbered + 1);
    }
    let start = text.after_any(at, words!["the", "my"])?;
    (start + 1..text.len().min(start + 8))
        .find(|at| text.is_any(*at, target::NOUNS) || text.word(*at) == "one")
        .map(|noun| noun + 1)
}

/// "the report is now due friday", "dentist was moved to 3pm", "the meeting is at 4pm instead".
fn restated(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const LINKS: &Words = words![
        "is now due on", "is now due by", "is now due", "is now on", "is now at", "is now", "was moved to",
        "has been moved to", "has moved to", "got moved to", "is moved to", "moved to", "was rescheduled to",
        "has been rescheduled to", "got rescheduled to", "is rescheduled to", "was postponed to",
        "has been postponed to", "was postponed until", "got postponed to", "got pushed to", "was pushed to",
    ];
    let len = text.end_of_words();
    let is_instead = text.is_any(len.wrapping_sub(1), words!["instead", "now"]);
    let instead = words![
        "is due on",
        "is due by",
        "is due",
        "is on",
        "is at",
        "should be on",
        "should be at",
        "should be due",
        "should be",
        "needs to be on",
        "needs to be at",
        "needs to be",
        "has to be on",
        "has to be",
        "will be on",
        "will be at",
    ];
    let is_instead = is_instead || names_task(text, at);
    let (link, end) = (at + 1..len.min(at + 12)).find_map(|link| {
        let end = text.after_any(link, LINKS);
        let end = end.or_else(|| text.after_any(link, instead).filter(|_| is_instead));
        Some((link, end?))
    })?;
    let (changes, spans, problem) = value(text, end, text.len(), context)?;
    changes.due?;
    let found = target::read(&text.part(at, link), context);
    if found.targets == [Target::Missing]
        || text.is_any(at, words!["i", "what", "when", "if", "is", "there", "today"])
    {
        return None;
    }
    Some(clause(text, found, changes, (link, end), spans, 0.86).with_problem(problem))
}

/// "*the dentist task* should be on the 14th".
fn names_task(text: &Text<'_>, at: usize) -> bool {
    let last = (at + 1..text.len().min(at + 12))
        .find(|at| text.is_any(*at, words!["is", "should", "needs", "has", "will"]));
    last.is_some_and(|last| text.is_any(last - 1, target::NOUNS))
}

/// "the priority of the roof task should be high".
fn priority_stated(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let start = text.after_any(at, words!["the priority of", "the priority for", "priority of"])?;
    let links = words!["should now be", "should be", "needs to be", "has to be", "must be", "is now"];
    let (link, end) = (start + 1..text.len()).find_map(|link| Some((link, text.after_any(link, links)?)))?;
    let (changes, spans, problem) = value(text, end, text.len(), context)?;
    changes.priority?;
    let found = target::read(&text.part(start, link), context);
    Some(clause(text, found, changes, (at, start), spans, 0.9).with_problem(problem))
}

/// "buy milk is not urgent", "the rent task is now high priority": what a task is called by stands in front.
fn restated_level(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let len = text.end_of_words();
    let link = (at + 1..len).find(|at| text.is_any(*at, words!["is", "isn't"]))?;
    let start =
        text.after_any(link + 1, words!["now", "really", "very", "super", "no longer"]).unwrap_or(link + 1);
    let is_not = text.word(link) == "isn't" || text.after(link + 1, "no longer") == Some(start);
    let (is_not, start) =
        text.after_any(start, words!["not that", "not so", "not"]).map_or((is_not, start), |end| (true, end));
    let level = level(&text.part(start, len))?;
    let level = match (is_not, level) {
        (false, level) => level,
        (true, Priority::High) => Priority::Low,
        (true, _) => return None,
    };
    let found = target::read(&text.part(at, link), context);
    let names = found.is_plain || vocabulary::is_verb(text.word(at)) && link > at + 1;
    let is_apart = (at..link).any(|at| text.tokens[at].kind == Kind::Mark);
    if !names || is_apart || text.is_mark(len, '?') {
        return None;
    }
    let changes = Changes { priority: Some(level), ..Changes::default() };
    let span = text.span(link + 1, len, SpanKind::Priority).into_iter().collect();
    Some(clause(text, found, changes, (link, link + 1), span, 0.85))
}

/// "set the milk task's priority to high", "set buy milk priority to high".
fn possessive(text: &Text<'_>, from: usize) -> Option<(usize, usize, usize)> {
    (from + 1..text.len()).find_map(|at| {
        let end = text.after_any(at, words!["due date", "deadline", "priority"])?;
        let link = text.after(end, "to")?;
        Some((from, at, link))
    })
}

/// Finds the last "to" or "as" before a value that is understood whole.
fn last_link(text: &Text<'_>, from: usize, context: &Context) -> Option<usize> {
    let is_link = |at: &usize| text.is_any(*at, words!["to", "as", "until", "till", "into", "for", "on"]);
    let links: Vec<usize> = (from + 1..text.len()).filter(is_link).collect();
    // A value is short: eight links from the end are enough.
    let found = links
        .iter()
        .rev()
        .take(8)
        .rev()
        .copied()
        .find(|at| value(text, at + 1, text.len(), context).is_some());
    found.or(links.iter().copied().find(|at| text.word(*at) == "to"))
}

/// "tag it work", "add #home to the milk task", "remove the tag home from 2".
fn tagged(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let tag_word = words!["the tags", "the tag", "tags", "tag", "the label", "label", "a tag"];
    if text.is_any(at, words!["add", "remove", "delete", "put", "assign", "apply", "attach", "drop"]) {
        let adds = text.is_any(at, words!["add", "put", "assign", "apply", "attach"]);
        if let Some(found) = tag_behind(text, at, adds, context) {
            return Some(found);
        }
        let named = text.after_any(at + 1, tag_word);
        let start = named.unwrap_or(at + 1);
        let is_tag = named.is_some() || text.tokens.get(start).is_some_and(|token| token.kind == Kind::Tag);
        let (tags, end) = is_tag.then(|| label::read_names(text, start)).flatten()?;
        let link = text.after_any(end, if adds { words!["to", "on"] } else { words!["from", "off", "of"] });
        if link.is_none() && end < text.end_of_words() {
            return None;
        }
        let found = match link {
            Some(link) => target::read(&text.part(link, text.len()), context),
            None => found_it(),
        };
        let changes = if adds {
            Changes { add_tags: tags, ..Changes::default() }
        } else {
            Changes { remove_tags: tags, ..Changes::default() }
        };
        let spans = text.span(start, end, SpanKind::Tag).into_iter().collect();
        return Some(clause(text, found, changes, (at, start), spans, 0.93));
    }
    if text.word(at) == "untag" {
        let (tags, end) = label::read_names(text, at + 1)?;
        let link = text.after(end, "from")?;
        let found = target::read(&text.part(link, text.len()), context);
        let changes = Changes { remove_tags: tags, ..Changes::default() };
        return Some(clause(
            text,
            found,
            changes,
            (at, at + 1),
            text.span(at + 1, end, SpanKind::Tag).into_iter().collect(),
            0.93,
        ));
    }
    let start = text.after_any(at, words!["tag", "label"])?;
    let link = (start + 1..text.len())
        .find(|at| text.is_any(*at, words!["with", "as"]) || text.tokens[*at].kind == Kind::Tag);
    let (target_end, names) = match link {
        Some(link) if text.tokens[link].kind == Kind::Tag => (link, link),
        Some(link) => (link, link + 1),
        None if text.is_any(start, words!["it", "that", "this"]) => (start + 1, start + 1),
        None => return None,
    };
    let (tags, end) = label::read_all_names(text, names).or_else(|| label::read_names(text, names))?;
    let found = target::read(&text.part(start, target_end), context);
    let changes = Changes { add_tags: tags, ..Changes::default() };
    // "tag it home and call mom"
    let is_all = end >= text.end_of_words() || text.is_any(end, words!["please", "now", "too", "instead"]);
    let spans = text.span(names, end, SpanKind::Tag).into_iter().collect();
    let clause = clause(text, found, changes, (at, start), spans, 0.93);
    Some(clause.with_problem((!is_all).then_some(Problem::UnclearIntent)))
}

/// "add the home tag to milk".
fn tag_behind(text: &Text<'_>, at: usize, adds: bool, context: &Context) -> Option<Clause> {
    let start = text.after_any(at + 1, words!["the", "a"]).unwrap_or(at + 1);
    let link = text.after_any(start + 1, words!["tag", "label"])?;
    let link_end = text.after_any(link, if adds { words!["to", "on"] } else { words!["from", "off"] })?;
    let (tags, _) = label::read_names(text, start).filter(|(_, end)| *end == start + 1)?;
    let found = target::read(&text.part(link_end, text.len()), context);
    let changes = if adds {
        Changes { add_tags: tags, ..Changes::default() }
    } else {
        Changes { remove_tags: tags, ..Changes::default() }
    };
    let spans = text.span(start, start + 1, SpanKind::Tag).into_iter().collect();
    Some(clause(text, found, changes, (at, start), spans, 0.92))
}

/// "add a note to the milk task: two litres", "set the description of 2 to …".
fn described(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const STARTS: &Words = words![
        "add a note to", "add a description to", "add description to", "add note to",
        "set the description of", "change the description of", "set description of",
        "change description of", "update the description of", "add the note to", "add a comment to", "add notes to",
        "add details to", "set the notes of", "add a note for", "add a note on", "note on", "note for", "notes for",
        "describe",
    ];
    if let Some(start) = text
        .after_any(at, words!["add a note", "add a description", "add a comment", "add note", "add the note"])
        && text.is_mark(start, ':')
    {
        return described_as(text, found_it(), (at, start), start);
    }
    // "add two litres to the description of milk"
    let to_description = words![
        "to the description of",
        "to the notes of",
        "to the note of",
        "as a note to",
        "as a description to"
    ];
    if text.word(at) == "add"
        && let Some((link, end)) =
            (at + 2..text.len()).find_map(|link| Some((link, text.after_any(link, to_description)?)))
    {
        let found = target::read(&text.part(end, text.len()), context);
        let changes = Changes {
            description: Some(Change::Set(text.slice(at + 1, link).to_owned())),
            ..Changes::default()
        };
        let spans = text.span(at + 1, link, SpanKind::Description).into_iter().collect();
        return Some(clause(text, found, changes, (at, at + 1), spans, 0.9));
    }
    let start = text.after_any(at, STARTS)?;
    let is_colon = text.word(at).starts_with("note");
    if is_colon && !(start..text.len()).any(|at| text.is_mark(at, ':')) {
        return None;
    }
    let link = (start + 1..text.len()).find(|at| text.is_mark(*at, ':')).or_else(|| {
        (start + 1..text.len()).find(|at| text.is_any(*at, words!["to", "as", "saying", "that"]))
    })?;
    let found = target::read(&text.part(start, link), context);
    described_as(text, found, (at, start), link)
}

/// What stands behind the colon becomes the description.
fn described_as(text: &Text<'_>, found: Found, verb: (usize, usize), link: usize) -> Option<Clause> {
    let words = text.slice(link + 1, text.len());
    let only = text.tokens.get(link + 1).filter(|token| token.kind == Kind::Quoted && link + 2 == text.len());
    let words = if only.is_some() { quoted(words) } else { words };
    let changes = Changes {
        description: (!words.is_empty()).then(|| Change::Set(words.to_owned())),
        ..Changes::default()
    };
    let problem = changes.is_empty().then_some(Problem::MissingChange);
    let spans = text.span(link + 1, text.len(), SpanKind::Description).into_iter().collect();
    Some(clause(text, found, changes, verb, spans, 0.92).with_problem(problem))
}

/// "make it urgent", "set the milk task to high priority", "mark 2 as important", "prioritise it".
fn made(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    if let Some(start) =
        text.after_any(at, words!["prioritize", "prioritise", "deprioritize", "deprioritise"])
    {
        let level = if text.word(at).starts_with("de") { Priority::Low } else { Priority::High };
        let found = target::read(&text.part(start, text.len()), context);
        let changes = Changes { priority: Some(level), ..Changes::default() };
        return Some(clause(text, found, changes, (at, start), Vec::new(), 0.88));
    }
    let start = text.after_any(
        at,
        words![
            "make",
            "set",
            "mark",
            "flag",
            "change",
            "update",
            "repeat",
            "edit",
            "give",
            "bump",
            "raise",
            "upgrade",
            "downgrade",
            "have",
            "let",
            "assign",
        ],
    )?;
    // "set reminder to walk the dog"
    let is_numbered = text.word(start + 1).starts_with(|c: char| c.is_ascii_digit());
    if text.is_any(start, words!["reminder", "reminders", "task", "todo"]) && !is_numbered {
        return None;
    }
    if text.is_any(at, words!["have", "let"]) && !text.is_any(start, words!["it", "that", "this"]) {
        return None;
    }
    // "assign high priority to milk", "give high priority to milk"
    if text.is_any(at, words!["assign", "give", "set"])
        && let Some((level, end)) = label::read_priority(text, start)
        && let Some(link) = text.after_any(end, words!["to", "for"])
    {
        let found = target::read(&text.part(link, text.len()), context);
        let changes = Changes { priority: Some(level), ..Changes::default() };
        let span = text.span(start, end, SpanKind::Priority).into_iter().collect();
        return Some(clause(text, found, changes, (at, start), span, 0.9));
    }
    if text.after_any(start, words!["a", "an", "me", "up", "another", "new"]).is_some() {
        return None;
    }
    #[rustfmt::skip]
    let links = words![
        "to be", "up to", "down to", "to", "as", "with", "for", "due on", "due by", "due", "repeat", "recur", "on", "a deadline of",
        "a due date of",
    ];
    for end in (start + 1..text.len()).take(40) {
        let linked = text.after_any(end, links);
        // "the milk *one* urgent", "the first *two* urgent": no times.
        if linked.is_none()
            && text.word(end).bytes().all(|b| b.is_ascii_alphabetic())
            && number::at(text, end).is_some()
        {
            continue;
        }
        let Some((changes, spans, problem)) = value(text, linked.unwrap_or(end), text.len(), context) else {
            continue;
        };
        let target = target::read(&text.part(start, end), context);
        if changes.is_empty() && problem.is_none() {
            return None;
        }
        let is_level = changes.priority.is_some();
        let is_said = linked.is_some()
            && text.is_any(at, words!["set", "mark", "flag", "change", "update", "edit"])
            && (is_level
                || text.is_any(at, words!["change", "update"])
                    && !text.is_any(end, words!["on", "for", "with", "as"]));
        let is_due =
            text.is_any(end, words!["due"]) && text.is_any(at, words!["make", "set"]) && target.has_article;
        let is_raised =
            is_level && linked.is_some() && text.is_any(at, words!["bump", "raise", "upgrade", "downgrade"]);
        // "make dentist repeat every day"
        let repeats = changes.recurrence.is_some()
            && text.is_any(end, words!["repeat", "repeating", "recur"])
            && text.is_any(at, words!["make", "set"]);
        let is_said = is_said
            || repeats
            || is_due
            || is_raised
            || text.after_any(end, words!["a deadline of", "a due date of"]).is_some();
        // "make a cake tomorrow" is a task; "make it tomorrow", "make the milk task tomorrow" are changes.
        let adjective = is_level
            && text.is_any(at, words!["make", "mark", "flag", "give"])
            && changes.due.is_none()
            && !text.is_any(start, words!["a", "an"]);
        if !(target.is_plain || is_said || adjective) || target.targets == [Target::Missing] {
            return None;
        }
        let confidence = if target.is_plain { 0.94 } else { 0.86 };
        return Some(clause(text, target, changes, (at, start), spans, confidence).with_problem(problem));
    }
    None
}

/// "remind me about it tomorrow at 9".
fn reminded(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let start = text.after_any(at, words!["remind me about", "remind me of", "remind me on"])?;
    let end = named_task(text, start)?;
    let part = text.part(end, text.len());
    let found = target::read(&text.part(start, end), context);
    let said = |phrase: &Phrase| part.slice(phrase.from, phrase.to).to_owned();
    let mode = Mode { wants_reminder: true, ..Mode::default() };
    let meaning = compose::compose(phrase::scan(&part, context, mode), context, said);
    let is_used = |at: usize| meaning.used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    if !(0..part.len())
        .all(|at| is_used(at) || part.is_break(at) || part.is_any(at, words!["please", "again"]))
    {
        return None;
    }
    let mut reminders = meaning.reminders;
    if let Some(due) = meaning.due.filter(|_| reminders.is_empty()) {
        reminders.push(ReminderText::At(due.date.and_time(due.time.unwrap_or(meaning::clock::time(9, 0)))));
    }
    let problem = meaning.problem.or(reminders.is_empty().then_some(Problem::MissingChange));
    let changes = Changes {
        reminders: (!reminders.is_empty()).then_some(Change::Set(reminders)),
        ..Changes::default()
    };
    let spans = meaning
        .used
        .iter()
        .filter_map(|phrase| part.span(phrase.from, phrase.to, phrase.value.kind()))
        .collect();
    Some(clause(text, found, changes, (at, start), spans, 0.9).with_problem(problem))
}

/// "update the milk task", "change milk to oat milk": what is to change was not said, or not clearly.
fn bare(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let start = text.after_any(at, words!["update", "edit", "change", "modify"])?;
    if let Some((link, _)) = text.find(start + 1, "to") {
        let end = text.end_of_words();
        let found = target::read(&text.part(start, link), context);
        let quotes = |at: usize| text.tokens.get(at).is_some_and(|token| token.kind == Kind::Quoted);
        let is_quoted = quotes(link + 1) && link + 2 == end;
        let title = text.slice(link + 1, end);
        let title = if is_quoted { quoted(title) } else { title };
        let title = Some(title.to_owned()).filter(|title| !title.is_empty());
        if is_quoted && quotes(link - 1) {
            let changes = Changes { title, ..Changes::default() };
            let value = text.span(link + 1, end, SpanKind::Title).into_iter().collect();
            return Some(clause(text, found, changes, (at, start), value, 0.9));
        }
        let problem = if title.is_none() { Problem::MissingChange } else { Problem::UnclearIntent };
        let changes = Changes { title, ..Changes::default() };
        let value = text.span(link + 1, end, SpanKind::Title).into_iter().collect();
        return Some(clause(text, found, changes, (at, start), value, 0.6).with_problem(Some(problem)));
    }
    let found = target::read(&text.part(start, text.len()), context);
    if !found.is_plain {
        return None;
    }
    let clause = clause(text, found, Changes::default(), (at, start), Vec::new(), 0.5);
    Some(clause.with_problem(Some(Problem::MissingChange)))
}
