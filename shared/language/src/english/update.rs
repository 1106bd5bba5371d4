//! Changes: "move it to friday", "rename milk to oat milk", "make it urgent".

use domain::task::Priority;

use crate::clause::Clause;
use crate::english::label;
use crate::english::phrase;
use crate::english::reschedule;
use crate::english::target;
use crate::english::target::Found;
use crate::meaning;
use crate::meaning::compose;
use crate::meaning::compose::Meaning;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, quoted};
use crate::{Action, Change, Changes, Command, Context, DueChange, Problem, ReminderText, Target};

/// Reads a change of a task that exists.
pub(crate) fn read(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    renamed(text, at, context)
        .or_else(|| cleared(text, at, context))
        .or_else(|| field(text, at, context))
        .or_else(|| tagged(text, at, context))
        .or_else(|| described(text, at, context))
        .or_else(|| reschedule::read(text, at, context))
        .or_else(|| made(text, at, context))
        .or_else(|| reminded(text, at, context))
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
    let meaning = compose::compose(phrase::scan(&part, context, mode), context.now, said);
    let is_used = |at: usize| meaning.used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    let padding = [
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
        .all(|at| is_used(at) || part.tokens[at].kind == Kind::Mark || part.is_any(at, &padding));
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
    let start = text.after_any(0, &["a", "an", "the", "as", "very", "more"]).unwrap_or(0);
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
    const STARTS: &[&str] = &[
        "change the title of", "change the name of", "change title of", "change name of",
        "set the title of", "set title of", "edit the title of", "update the title of", "set the name of",
        "retitle", "rename",
    ];
    let start = text.after_any(at, STARTS)?;
    let first = text.word(start).to_owned();
    let links: Vec<usize> =
        (start + 1..text.len()).filter(|at| text.is_any(*at, &["to", "as", "into"])).collect();
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
    let verb = text.after_any(at, &["get rid of", "remove", "clear", "delete", "drop", "unset", "cancel"])?;
    let start = text.after_any(verb, &["the", "all", "any"]).unwrap_or(verb);
    let (changes, end) = if let Some(end) =
        text.after_any(start, &["due date and time", "due date", "due time", "deadline", "date"])
    {
        (Changes { due: Some(DueChange::Clear), ..Changes::default() }, end)
    } else if let Some(end) = text.after_any(start, &["reminders", "reminder"]) {
        (Changes { reminders: Some(Change::Clear), ..Changes::default() }, end)
    } else if let Some(end) = text.after_any(start, &["recurrence", "repetition", "repeat rule", "repeat"]) {
        (Changes { recurrence: Some(Change::Clear), ..Changes::default() }, end)
    } else if let Some(end) = text.after_any(start, &["description", "notes", "note"]) {
        (Changes { description: Some(Change::Clear), ..Changes::default() }, end)
    } else {
        (Changes { priority: Some(Priority::Medium), ..Changes::default() }, text.after(start, "priority")?)
    };
    let link = text.after_any(end, &["from", "of", "on", "for"])?;
    let found = target::read(&text.part(link, text.len()), context);
    Some(clause(text, found, changes, (at, end), Vec::new(), 0.9))
}

/// "change the priority of the milk task to high", "set the due date of 2 to friday".
fn field(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let verb = text.after_any(
        at,
        &[
            "change", "set", "update", "make", "edit", "adjust", "modify", "move", "raise", "lower",
            "increase", "decrease",
        ],
    )?;
    let start = text.after_any(verb, &["the", "its"]).unwrap_or(verb);
    #[rustfmt::skip]
    const FIELDS: &[&str] = &[
        "due date", "due time", "due", "deadline", "date", "time", "priority", "recurrence", "schedule",
        "reminder",
    ];
    let of_it = text.word(verb) == "its";
    let end = text.after_any(start, FIELDS);
    let (target_from, target_to, link) = match end {
        Some(end) if of_it => (verb, start, text.after_any(end, &["to", "as"])?),
        Some(end) => {
            let of = text.after_any(end, &["of", "for", "on"])?;
            let link = last_link(text, of, context)?;
            (of, link, link + 1)
        }
        None => possessive(text, verb)?,
    };
    let found = if of_it {
        Found { targets: vec![Target::It], spans: Vec::new(), is_plain: true, has_article: false }
    } else {
        target::read(&text.part(target_from, target_to), context)
    };
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

/// "set the milk task's priority to high", "set buy milk priority to high".
fn possessive(text: &Text<'_>, from: usize) -> Option<(usize, usize, usize)> {
    (from + 1..text.len()).find_map(|at| {
        let end = text.after_any(at, &["due date", "deadline", "priority"])?;
        let link = text.after(end, "to")?;
        Some((from, at, link))
    })
}

/// Finds the last "to" or "as" before a value that is understood whole.
fn last_link(text: &Text<'_>, from: usize, context: &Context) -> Option<usize> {
    let is_link = |at: &usize| text.is_any(*at, &["to", "as", "until", "till", "into", "for", "on"]);
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
    let tag_word = ["the tags", "the tag", "tags", "tag", "the label", "label", "a tag"];
    if text.is_any(at, &["add", "remove", "delete", "put"]) {
        let adds = text.is_any(at, &["add", "put"]);
        let named = text.after_any(at + 1, &tag_word);
        let start = named.unwrap_or(at + 1);
        let is_tag = named.is_some() || text.tokens.get(start).is_some_and(|token| token.kind == Kind::Tag);
        let (tags, end) = is_tag.then(|| label::read_names(text, start)).flatten()?;
        let link = text.after_any(end, if adds { &["to", "on"] } else { &["from", "off"] })?;
        let found = target::read(&text.part(link, text.len()), context);
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
    let start = text.after_any(at, &["tag", "label"])?;
    let link = (start + 1..text.len())
        .find(|at| text.is_any(*at, &["with", "as"]) || text.tokens[*at].kind == Kind::Tag);
    let (target_end, names) = match link {
        Some(link) if text.tokens[link].kind == Kind::Tag => (link, link),
        Some(link) => (link, link + 1),
        None if text.is_any(start, &["it", "that", "this"]) => (start + 1, start + 1),
        None => return None,
    };
    let (tags, end) = label::read_names(text, names)?;
    let found = target::read(&text.part(start, target_end), context);
    let changes = Changes { add_tags: tags, ..Changes::default() };
    Some(clause(
        text,
        found,
        changes,
        (at, start),
        text.span(names, end, SpanKind::Tag).into_iter().collect(),
        0.93,
    ))
}

/// "add a note to the milk task: two litres", "set the description of 2 to …".
fn described(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const STARTS: &[&str] = &[
        "add a note to", "add a description to", "add description to", "add note to",
        "set the description of", "change the description of", "set description of",
        "change description of", "update the description of", "add the note to", "describe",
    ];
    let start = text.after_any(at, STARTS)?;
    let link = (start + 1..text.len())
        .find(|at| text.is_mark(*at, ':'))
        .or_else(|| (start + 1..text.len()).find(|at| text.is_any(*at, &["to", "as", "saying", "that"])))?;
    let words = text.slice(link + 1, text.len());
    let only = text.tokens.get(link + 1).filter(|token| token.kind == Kind::Quoted && link + 2 == text.len());
    let words = if only.is_some() { quoted(words) } else { words };
    let found = target::read(&text.part(start, link), context);
    let changes = Changes {
        description: (!words.is_empty()).then(|| Change::Set(words.to_owned())),
        ..Changes::default()
    };
    let problem = changes.is_empty().then_some(Problem::MissingChange);
    let spans = text.span(link + 1, text.len(), SpanKind::Description).into_iter().collect();
    Some(clause(text, found, changes, (at, start), spans, 0.92).with_problem(problem))
}

/// "make it urgent", "set the milk task to high priority", "mark 2 as important", "prioritise it".
fn made(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    if let Some(start) = text.after_any(at, &["prioritize", "prioritise", "deprioritize", "deprioritise"]) {
        let level = if text.word(at).starts_with("de") { Priority::Low } else { Priority::High };
        let found = target::read(&text.part(start, text.len()), context);
        let changes = Changes { priority: Some(level), ..Changes::default() };
        return Some(clause(text, found, changes, (at, start), Vec::new(), 0.88));
    }
    let start = text.after_any(
        at,
        &["make", "set", "mark", "flag", "change", "update", "repeat", "edit", "give", "put"],
    )?;
    if text.after_any(start, &["a", "an", "me", "up", "another", "new"]).is_some() {
        return None;
    }
    let links: &[&str] = &["to be", "to", "as", "with", "for", "due on", "due by", "due", "repeat", "on"];
    for end in (start + 1..text.len()).take(40) {
        let linked = text.after_any(end, links);
        let Some((changes, spans, problem)) = value(text, linked.unwrap_or(end), text.len(), context) else {
            continue;
        };
        let target = target::read(&text.part(start, end), context);
        if changes.is_empty() && problem.is_none() {
            return None;
        }
        let is_level = changes.priority.is_some();
        let is_said = linked.is_some()
            && text.is_any(at, &["set", "mark", "flag", "change", "update", "edit"])
            && (is_level || text.is_any(at, &["change", "update"]));
        // "make a cake tomorrow" is a task; "make it tomorrow", "make the milk task tomorrow" are changes.
        let adjective = is_level
            && text.is_any(at, &["make", "mark", "flag"])
            && changes.due.is_none()
            && !text.is_any(start, &["a", "an"]);
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
    let start = text.after_any(at, &["remind me about", "remind me of", "remind me on"])?;
    let end = text.after_any(start, &["that one", "this one", "that task", "it", "that", "this"]).or_else(
        || {
            text.after_any(start, &["task", "number"])
                .filter(|end| text.word(*end).starts_with(|c: char| c.is_ascii_digit()))
                .map(|end| end + 1)
        },
    )?;
    let part = text.part(end, text.len());
    let found = target::read(&text.part(start, end), context);
    let said = |phrase: &Phrase| part.slice(phrase.from, phrase.to).to_owned();
    let mode = Mode { wants_reminder: true, ..Mode::default() };
    let meaning = compose::compose(phrase::scan(&part, context, mode), context.now, said);
    let is_used = |at: usize| meaning.used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    if !(0..part.len()).all(|at| is_used(at) || part.is_break(at) || part.is_any(at, &["please", "again"])) {
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
    let start = text.after_any(at, &["update", "edit", "change", "modify"])?;
    if let Some((link, _)) = text.find(start + 1, "to") {
        let end = text.end_of_words();
        let found = target::read(&text.part(start, link), context);
        let title = Some(text.slice(link + 1, end).to_owned()).filter(|title| !title.is_empty());
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
