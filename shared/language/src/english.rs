//! English: tokens → phrases → grammar.

mod act;
pub(crate) mod clock;
mod create;
pub(crate) mod date;
mod doubt;
mod duration;
mod filter;
pub(crate) mod fixed_date;
mod holiday;
mod label;
mod lead;
mod names;
pub(crate) mod number;
mod opening;
pub(crate) mod phrase;
mod query;
mod recurrence;
mod reminder;
mod reschedule;
mod several;
pub(crate) mod small_talk;
mod spelling;
mod target;
mod title;
mod update;
pub(crate) mod vocabulary;

use domain::task::Status;

use crate::clause::Clause;
use crate::fold;
use crate::span::SpanKind;
use crate::token::{Kind, Text, Tokens};
use crate::words::{Words, words};
use crate::{Action, Command, Context, Language, Parse, Problem, Target, TaskFields};

/// Understands an English text.
pub(crate) fn parse(mut tokens: Tokens<'_>, context: &Context) -> Parse {
    spelling::mend(&mut tokens);
    let text = &without_courtesy(tokens.text());
    let clauses = match joined(text, context) {
        Some(changed) => vec![changed],
        None => separate(text, context),
    };
    let mut parse = Parse::of(Language::English, clauses);
    parse.commands.iter_mut().for_each(leave_done);
    bind_it(&mut parse.commands);
    parse
}

/// "complete task 2 and delete *it*": the one named before.
fn bind_it(commands: &mut [Command]) {
    let mut named: Option<Target> = None;
    for command in commands {
        let (Action::Update { target, .. }
        | Action::Complete { target }
        | Action::Reopen { target }
        | Action::Delete { target }
        | Action::Snooze { target, .. }) = &mut command.action
        else {
            named = None;
            continue;
        };
        match (&*target, &named) {
            (Target::It, Some(before)) => *target = before.clone(),
            (Target::Title(_) | Target::Number(_) | Target::Last, _) => named = Some(target.clone()),
            _ => named = None,
        }
    }
}

/// "move all my tasks to friday": what is done stays as it was.
fn leave_done(command: &mut Command) {
    if let Action::Update { target: Target::All { filter }, .. }
    | Action::Complete { target: Target::All { filter } }
    | Action::Snooze { target: Target::All { filter }, .. } = &mut command.action
    {
        filter.status = filter.status.or(Some(Status::Active));
    }
    if let Action::Reopen { target: Target::All { filter } } = &mut command.action {
        filter.status = filter.status.or(Some(Status::Completed));
    }
}

/// "tag it home *and set it to low priority*": changes of the task named first, in one.
fn joined(text: &Text<'_>, context: &Context) -> Option<Clause> {
    const CHANGES: &Words = words![
        "make",
        "set",
        "mark",
        "move",
        "tag",
        "change",
        "push",
        "reschedule",
        "rename",
        "call",
        "give",
        "postpone",
        "flag",
        "bump",
        "repeat",
        "have",
        "put",
        "label",
    ];
    let it = words!["it", "its", "that one"];
    let (end, next) = (2..text.len()).find_map(|at| {
        let comma = if text.is_mark(at, ',') { at + 1 } else { at };
        let link = text.after_any(comma, words!["and then", "and also", "and", "then", "also"]);
        let next = link.or((comma > at).then_some(comma))?;
        let is_change = text.is_any(next, CHANGES) && text.after_any(next + 1, it).is_some();
        (is_change && next + 2 < text.len()).then_some((at, next))
    })?;
    let at = vocabulary::skip_courtesy(text, vocabulary::skip_polite(text, 0));
    if negated(text, at).is_some() {
        return None;
    }
    let front = text.part(0, end);
    let mut first = update::read(&front, at, context).or_else(|| wished(&front, at, context))?;
    let behind = text.part(next, text.len());
    let second = joined(&behind, context).or_else(|| update::read(&behind, 0, context))?;
    let [Command { action: Action::Update { target: Target::It, changes: more }, spans }] =
        &second.commands[..]
    else {
        return None;
    };
    let [Command { action: Action::Update { changes, .. }, spans: named }] = &mut first.commands[..] else {
        return None;
    };
    let is_open = first.problem.is_none() || first.problem == Some(Problem::MissingChange);
    if !is_open || !changes.take_in(more) {
        return None;
    }
    named.extend(spans.iter().cloned());
    first.confidence = if second.problem.is_some() { second.confidence } else { 0.9 };
    first.problem = second.problem;
    Some(first)
}

/// Reads what is asked for one after another.
fn separate(text: &Text<'_>, context: &Context) -> Vec<Clause> {
    let parts = clauses(text).into_iter().map(|(from, to)| clause(&text.part(from, to), context));
    let clauses: Vec<Clause> = parts.collect();
    // One clause that is refused or not understood makes the whole a single one: nothing is half done.
    let is_clear = clauses.iter().all(|clause| clause.confidence >= 0.7)
        && negated(text, vocabulary::skip_polite(text, 0)).is_none()
        && !mixes_all(&clauses);
    let clauses = if clauses.len() > 1 && !is_clear { vec![clause(text, context)] } else { clauses };
    several_tasks(text, &clauses, context).unwrap_or(clauses)
}

/// "buy milk. delete all tasks": what is done to all tasks is asked for alone.
fn mixes_all(clauses: &[Clause]) -> bool {
    clauses.len() > 1
        && clauses.iter().flat_map(|clause| &clause.commands).any(|command| {
            matches!(
                &command.action,
                Action::Delete { target: Target::All { .. } }
                    | Action::Complete { target: Target::All { .. } }
                    | Action::Update { target: Target::All { .. }, .. }
            )
        })
}

/// Takes thanks off the end: "… to my list? thanks".
fn without_courtesy(text: Text<'_>) -> Text<'_> {
    let len = text.end_of_words();
    let words = words![
        "thanks a lot",
        "thank you very much",
        "thank you",
        "many thanks",
        "thanks",
        "thx",
        "cheers",
        "ta"
    ];
    #[rustfmt::skip]
    let conditions = words![
        "if that's ok", "if that's okay", "if that is ok", "if that is okay", "if that's possible", "if possible", "if you can",
        "if you could", "if you don't mind", "if it's not too much trouble", "when you can", "when you get a chance",
        "if that works", "if that's alright",
    ];
    let first = len.saturating_sub(7).max(3);
    if let Some(at) = (first..len).find(|at| text.after_any(*at, conditions) == Some(len)) {
        return text.part(0, at);
    }
    // "… to the list please"
    if len > 3 && text.is_any(len - 1, words!["please", "pls", "plz"]) {
        let end = text.part(0, len - 1).end_of_words();
        return text.part(0, end);
    }
    let at = (len.saturating_sub(4).max(3)..len).find(|at| text.after_any(*at, words) == Some(len));
    let is_apart = |at: usize| text.tokens.get(at - 1).is_some_and(|token| token.kind == Kind::Mark);
    match at.filter(|at| is_apart(*at)) {
        Some(at) => text.part(0, at),
        None => text,
    }
}

/// What was read as one new task may be several.
fn several_tasks(text: &Text<'_>, clauses: &[Clause], context: &Context) -> Option<Vec<Clause>> {
    let [clause] = clauses else { return None };
    let is_task =
        matches!(clause.commands[..], [Command { action: Action::Create(_) | Action::Unknown(_), .. }]);
    let is_refused = clause.problem == Some(Problem::Negated);
    (is_task && !is_refused).then(|| several::read(text, context)).flatten()
}

/// Splits where a second command begins: "…, then delete task 2". Titles may contain "and".
fn clauses(text: &Text<'_>) -> Vec<(usize, usize)> {
    const STARTS: &Words = words![
        "add a task",
        "add a new task",
        "add task",
        "create a task",
        "create a new task",
        "create task",
        "delete task",
        "delete the",
        "remove task",
        "complete task",
        "mark",
        "remind me to",
        "add",
        "delete",
        "create a reminder",
        "set a reminder to",
        "set a reminder for",
        "show my",
        "rename",
        "reschedule",
        "show me",
        "list my",
        "another to",
        "another one to",
        "another task to",
        "a task to",
        "a reminder to",
        "i also need to",
        "i also have to",
        "i need to",
        "i have to",
        "move",
        "complete",
    ];
    let mut starts = vec![0];
    for at in 1..text.len() {
        let sentence = text.is_mark(at, '.') || text.is_mark(at, ';');
        let link = text.after_any(at, words!["and then also", "and then", "and also", "then", "and"]);
        let next = if sentence {
            Some(text.after_any(at + 1, words!["and then", "then", "and", "also"]).unwrap_or(at + 1))
        } else {
            link
        };
        let Some(next) = next else { continue };
        let is_start = text.after_any(next, STARTS).is_some_and(|end| end < text.len());
        // "mark" and "remind me" after "and" belong to what is said before, unless they begin a command of their own.
        let begins =
            is_start && (sentence || is_full_command(text, next)) && next > *starts.last().unwrap_or(&0);
        if begins && starts.len() < 20 {
            starts.push(next);
        }
    }
    let ends = starts[1..].iter().copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(from, to)| (from, without_link(text, from, to))).collect()
}

fn is_full_command(text: &Text<'_>, at: usize) -> bool {
    const FULL: &Words = words![
        "add a task",
        "add a new task",
        "add task",
        "create a task",
        "create a new task",
        "create task",
        "delete task",
        "remove task",
        "complete task",
        "remind me to",
        "create a reminder",
        "set a reminder to",
        "show my",
        "show me",
        "list my",
        "another to",
        "another one to",
        "another task to",
        "a task to",
        "a reminder to",
        "i also need to",
        "i also have to",
        "i need to",
        "i have to",
    ];
    let acts = text.is_any(at, words!["delete", "remove", "complete", "mark"]);
    let nouns = (at..text.len()).any(|at| text.is_any(at, words!["task", "done"]));
    let is_first_command = text.is_any(0, words!["add", "create", "delete", "complete", "mark", "remove"]);
    text.after_any(at, FULL).is_some()
        || (is_first_command && acts && (nouns || text.is_any(0, words!["delete", "complete", "mark"])))
        || (is_first_command
            && text.is_any(at, words!["add", "delete"])
            && !text.is_any(at + 1, words!["to", "a", "up"]))
        || (acts || text.is_any(at, words!["move", "reschedule"]))
            && text.is_any(0, words!["move", "reschedule", "rename", "complete", "delete", "mark"])
}

fn without_link(text: &Text<'_>, from: usize, to: usize) -> usize {
    if to == text.len() {
        return to;
    }
    let is_link = |at: usize| {
        text.is_any(at, words!["and", "then", "also"])
            || text.is_mark(at, ',')
            || text.is_mark(at, '.')
            || text.is_mark(at, ';')
    };
    (from + 1..=to).rev().find(|end| !is_link(end - 1)).unwrap_or(to)
}

fn clause(text: &Text<'_>, context: &Context) -> Clause {
    let has_words = text.tokens.iter().any(|token| token.text.chars().any(fold::is_alphanumeric));
    if let Some(action) = small_talk::emoji(text) {
        return Clause::one(action, text.span(0, text.len(), SpanKind::Intent).into_iter().collect(), 0.95);
    }
    if !has_words {
        return Clause::unclear(TaskFields::default(), Vec::new(), 0.1);
    }
    if let Some(action) = small_talk::read(text) {
        // "yes?" is no yes.
        if action == Action::Yes && text.is_mark(text.end_of_words(), '?') && text.word(0) != "why" {
            return Clause::unclear(TaskFields::default(), Vec::new(), 0.5);
        }
        return Clause::one(action, text.span(0, text.len(), SpanKind::Intent).into_iter().collect(), 0.95);
    }
    let at = vocabulary::skip_polite(text, 0);
    if let Some(found) = unneeded(text, at, context).or_else(|| done_behind(text, context)) {
        return found;
    }
    if let Some(end) = negated(text, at) {
        return refused(text, end);
    }
    if let Some(start) = behind_statement(text, context) {
        return clause(&text.part(start, text.len()), context);
    }
    let at = vocabulary::skip_courtesy(text, at);
    let at = behind_list(text, at).unwrap_or(at);
    if let Some((query, mut spans, confidence)) = query::read(text, at, context) {
        if spans.first().is_none_or(|span| text.tokens.get(at).is_some_and(|token| span.text != token.text)) {
            let ask = text
                .span(at, at + 1, SpanKind::Intent)
                .filter(|ask| spans.iter().all(|span| ask.end <= span.start || ask.start >= span.end));
            spans.extend(ask);
        }
        return doubt::checked(text, at, context, Clause::one(Action::Query(query), spans, confidence));
    }
    let clause = wished(text, at, context)
        .or_else(|| update::read(text, at, context))
        .or_else(|| act::read(text, at, context))
        .or_else(|| create::read_explicit(text, at, context))
        .unwrap_or_else(|| {
            if negates_later(text) {
                refused(text, text.len())
            } else {
                create::read_implicit(text, at, context)
            }
        });
    doubt::checked(text, at, context, clause)
}

/// "I don't need the van task anymore, *delete it*".
fn unneeded(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const NEEDLESS: &Words = words![
        "i don't need", "i dont need", "i do not need", "i no longer need", "we don't need", "we no longer need", "i don't want",
        "i no longer want", "no need for",
    ];
    let start = text.after_any(at, NEEDLESS).filter(|start| text.word(*start) != "to")?;
    let len = text.end_of_words();
    let acts = words![
        "delete it",
        "remove it",
        "get rid of it",
        "take it off",
        "erase it",
        "scrap it",
        "bin it",
        "drop it",
    ];
    let verb = (start + 1..len).find(|at| {
        let end = text.after_any(*at, acts);
        end.map(|end| {
            text.after_any(end, words!["for me", "from my list", "from the list", "off my list"])
                .unwrap_or(end)
        }) == Some(len)
    })?;
    let is_between = |at: usize| {
        text.tokens[at].kind == Kind::Mark
            || text.is_any(
                at,
                words![
                    "so", "please", "anymore", "any", "more", "longer", "now", "just", "you", "can", "and",
                    "then",
                ],
            )
    };
    let end = (start..verb).rfind(|at| !is_between(*at))? + 1;
    Some(act::deleted(text, (start, end), (verb, len), context))
}

/// "walked the dog, *mark it off*": what was said to be done is.
fn done_behind(text: &Text<'_>, context: &Context) -> Option<Clause> {
    #[rustfmt::skip]
    const MARKS: &Words = words![
        "check it off", "check that off", "check that one off", "check this off", "mark it off", "mark that off",
        "mark it as done", "mark it done", "mark that as done", "mark that done", "mark it as complete", "mark it complete",
        "mark it as completed", "mark it completed", "tick it off", "tick that off", "tick that one off", "cross it off",
        "cross that off", "cross that one off", "mark that one as done", "mark that one done", "mark that one off",
    ];
    let len = text.end_of_words();
    let closes = words!["off", "done", "complete", "completed", "list", "now", "me"];
    if len < 4 || !text.is_any(len - 1, closes) {
        return None;
    }
    let verb = (2..len).rev().take(9).find(|at| {
        let end = text.after_any(*at, MARKS);
        end.map(|end| text.after_any(end, words!["my list", "the list", "now", "for me"]).unwrap_or(end))
            == Some(len)
    })?;
    let is_between = |at: usize| {
        text.tokens[at].kind == Kind::Mark
            || text.is_any(at, words!["so", "please", "and", "you", "can", "then", "just"])
    };
    let end = (0..verb).rfind(|at| !is_between(*at))? + 1;
    if end == verb {
        return None;
    }
    let front = text.part(0, end);
    let start = vocabulary::skip_polite(&front, 0);
    if negated(&front, start).is_some() {
        return None;
    }
    let is_done = |clause: &Clause| {
        matches!(clause.commands[0].action, Action::Complete { .. }) && clause.problem.is_none()
    };
    act::read(&front, start, context).filter(is_done)
}

/// Finds what is asked for behind a statement: "I'm away next week, so *please remind me to* …".
fn behind_statement(text: &Text<'_>, context: &Context) -> Option<usize> {
    const STATING: &Words = words![
        "i", "i'm", "im", "i've", "i'll", "my", "the", "we", "we're", "our", "it's", "its", "it", "there",
        "there's", "he", "she", "they", "his", "her", "their", "this", "that",
    ];
    const ASKED: &Words = words![
        "remind me to",
        "remind me about",
        "remind me",
        "add a task to",
        "add a task",
        "add a reminder",
        "create a task",
        "create a reminder",
        "set a reminder",
        "make a task",
        "add a todo",
        "put",
        "add",
    ];
    if !text.is_any(0, STATING) {
        return None;
    }
    (2..text.len()).find_map(|at| {
        let is_sentence = text.is_mark(at, '.') || text.is_mark(at, '!') || text.is_mark(at, ';');
        let comma = if is_sentence || text.is_mark(at, ',') { at + 1 } else { at };
        let so = text.after_any(comma, words!["so", "and so", "therefore"]);
        let start = so.or((comma > at).then_some(comma))?;
        let next = vocabulary::skip_polite(text, start);
        let is_polite = next > start;
        let end = text.after_any(next, ASKED).filter(|end| *end < text.len())?;
        let is_said = is_polite || end - next > 1;
        let front = text.part(0, at);
        (is_said
            && act::read(&front, 0, context).is_none()
            && update::read(&front, 0, context).is_none()
            && opening::read(&front, 0).is_none())
        .then_some(next)
    })
}

/// "on my shopping list, *remove eggs*": the list in front says nothing more.
fn behind_list(text: &Text<'_>, at: usize) -> Option<usize> {
    let start = text.after_any(at, words!["on", "in", "from"]).unwrap_or(at);
    let start = text.after_any(start, words!["my", "the", "our"]).unwrap_or(start);
    let noun =
        (start..start + 3).find(|at| text.is_any(*at, words!["list", "calendar", "todos", "agenda"]))?;
    let end = if text.is_mark(noun + 1, ',') || text.is_mark(noun + 1, ':') { noun + 2 } else { noun + 1 };
    let acts = words![
        "delete", "remove", "erase", "add", "put", "check", "mark", "cross", "tick", "complete", "scratch"
    ];
    (text.is_any(end, acts) && noun > at).then_some(end)
}

/// "i want to delete the milk task": a wish for an act on what is called a task.
fn wished(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    let start =
        text.after_any(at, words!["i want to", "i wanna", "i wish to", "let me", "i would love to"])?;
    let names_task = (start + 1..text.len()).any(|at| text.is_any(at, target::NOUNS));
    let moves = || {
        let changes =
            words!["change", "move", "reschedule", "postpone", "push", "rename", "delay", "bring", "put off"];
        let is_clear = |clause: &Clause| clause.problem.is_none() && clause.confidence >= 0.86;
        text.after_any(start, changes).and_then(|_| update::read(text, start, context)).filter(is_clear)
    };
    if names_task {
        update::read(text, start, context).or_else(|| act::read(text, start, context))
    } else {
        moves()
    }
}

/// Nothing is to be done.
fn refused(text: &Text<'_>, end: usize) -> Clause {
    let spans = text.span(0, end, SpanKind::Intent).into_iter().collect();
    let refused = Clause::one(Action::Unknown(TaskFields::default()), spans, 0.3);
    refused.with_problem(Some(Problem::Negated))
}

/// Finds "… do not delete …" behind other words.
fn negates_later(text: &Text<'_>) -> bool {
    const ACTS: &Words = words![
        "delete", "remove", "erase", "complete", "mark", "cancel", "move", "rename", "change", "touch",
        "finish",
    ];
    let not = words!["don't", "dont", "do not", "never", "not", "not to", "cannot", "can't"];
    (0..text.len()).any(|at| text.after_any(at, not).is_some_and(|end| text.is_any(end, ACTS)))
}

/// Finds "don't", "never", "do not want to" before what is asked for; "don't forget to" asks for it.
fn negated(text: &Text<'_>, at: usize) -> Option<usize> {
    const FORGET: &Words = words![
        "don't forget",
        "do not forget",
        "dont forget",
        "never forget",
        "don't let me forget",
        "do not let me forget",
    ];
    if text.after_any(at, FORGET).is_some() {
        return None;
    }
    const NOT: &Words = words![
        "don't",
        "dont",
        "do not",
        "never",
        "not",
        "no need to",
        "i don't",
        "i do not",
        "i dont",
        "i didn't",
        "i did not",
        "i haven't",
        "i have not",
        "i won't",
        "i will not",
        "i can't",
        "i cannot",
        "i never",
        "please don't",
        "you shouldn't",
        "you should not",
        "you must not",
        "i'd rather not",
        "we don't",
        "i am not",
        "i'm not",
        "we haven't",
        "let's not",
        "i didnt",
        "i havent",
        "didn't",
        "did not",
        "haven't",
        "i shouldn't",
        "i wouldn't",
        "shouldn't",
        "must not",
        "mustn't",
        "cannot",
        "can't",
    ];
    text.after_any(at, NOT)
}
