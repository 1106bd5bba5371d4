//! Several tasks in one utterance: lines, numbered items, "add buy milk, call mom and pay rent".
//!
//! "buy milk and eggs" is one. What is not clear in every item is left to be read whole.

use crate::Context;
use crate::clause::Clause;
use crate::english::create;
use crate::english::opening;
use crate::english::opening::Opening;
use crate::english::phrase;
use crate::english::vocabulary;
use crate::meaning::phrase::{Mode, Phrase};
use crate::token::{Kind, Text};
use crate::words::{Words, words};

/// More items than these are read as one text.
const MAX_ITEMS: usize = 50;

/// Reads several new tasks; `None` when there is one, or something else.
pub(crate) fn read(text: &Text<'_>, context: &Context) -> Option<Vec<Clause>> {
    let items = lines(text)
        .or_else(|| numbered(text))
        .or_else(|| named(text))
        .or_else(|| listed(text))
        .or_else(|| dated(text, context))?;
    let clauses: Vec<Clause> = items
        .into_iter()
        .map(|item| create::read_item(&text.part(item.from, item.to), item.opening, context))
        .collect();
    let is_clear = clauses.len() > 1 && clauses.iter().all(|clause| clause.confidence >= 0.7);
    is_clear.then_some(clauses)
}

/// One task of several.
struct Item {
    from: usize,
    to: usize,
    opening: Opening,
}

impl Item {
    fn plain(from: usize, to: usize) -> Self {
        Self { from, to, opening: Opening::plain(0, 0.88) }
    }
}

/// Each line a task, where each has its bullet, or begins with a verb.
fn lines(text: &Text<'_>) -> Option<Vec<Item>> {
    if !text.source.contains('\n') {
        return None;
    }
    let breaks = |at: &usize| {
        let (before, next) = (&text.tokens[at - 1], &text.tokens[*at]);
        text.source[before.to..next.from].contains('\n')
    };
    let starts: Vec<usize> = std::iter::once(0).chain((1..text.len()).filter(breaks)).collect();
    if starts.len() < 2 || starts.len() > MAX_ITEMS {
        return None;
    }
    let ends = starts[1..].iter().copied().chain([text.len()]);
    let mut lines: Vec<(usize, usize)> = starts.iter().copied().zip(ends).collect();
    // "shopping:", "add these tasks:"
    let (first, end) = lines[0];
    let has_header = text.is_mark(end - 1, ':') && !is_bullet(text, first);
    if has_header {
        lines.remove(0);
    }
    let is_bulleted = lines.iter().all(|(from, _)| is_bullet(text, *from));
    let bare = |(from, to): &(usize, usize)| (after_bullet(text, *from), *to);
    let lines: Vec<(usize, usize)> = lines.iter().map(bare).filter(|(from, to)| from < to).collect();
    let acts = lines
        .iter()
        .all(|(from, _)| vocabulary::is_verb(text.word(*from)) || opening::read(text, *from).is_some());
    if !(is_bulleted || has_header || acts) || lines.iter().any(|(from, to)| is_act(text, *from, *to)) {
        return None;
    }
    Some(lines.into_iter().map(|(from, to)| Item::plain(from, to)).collect())
}

fn is_bullet(text: &Text<'_>, at: usize) -> bool {
    after_bullet(text, at) > at
}

/// "- ", "* ", "• ", "1. ", "2) ", "[ ] "
fn after_bullet(text: &Text<'_>, at: usize) -> usize {
    let is_mark = |at: usize, marks: &[char]| marks.iter().any(|mark| text.is_mark(at, *mark));
    let mut start = at;
    if is_mark(at, &['-', '*', '\u{2022}', '\u{2013}', '\u{2014}', '\u{25e6}', '\u{25aa}']) {
        start += 1;
    } else if !text.word(at).is_empty()
        && text.word(at).bytes().all(|b| b.is_ascii_digit())
        && is_mark(at + 1, &['.', ')', ':'])
    {
        start += 2;
    }
    while is_mark(start, &['[', ']', '\u{2610}', '\u{2611}']) {
        start += 1;
    }
    start
}

/// "1. buy milk 2. call mom", in one line.
fn numbered(text: &Text<'_>) -> Option<Vec<Item>> {
    let is_number = |at: usize, n: usize| {
        (text.is_mark(at + 1, '.') || text.is_mark(at + 1, ')')) && text.word(at) == n.to_string()
    };
    let first = (0..text.len().min(12)).find(|at| is_number(*at, 1))?;
    let mut starts = vec![first];
    for at in first + 2..text.len() {
        if is_number(at, starts.len() + 1) {
            starts.push(at);
        }
    }
    if starts.len() < 2 || starts.len() > MAX_ITEMS || first > 0 && !is_header(text, first) {
        return None;
    }
    let ends = starts[1..].iter().copied().chain([text.len()]);
    let items: Vec<Item> = starts.iter().zip(ends).map(|(from, to)| Item::plain(from + 2, to)).collect();
    let is_plain = items.iter().all(|item| item.from < item.to && !is_act(text, item.from, item.to));
    is_plain.then_some(items)
}

/// "add these tasks:", "my list"
fn is_header(text: &Text<'_>, end: usize) -> bool {
    text.is_mark(end - 1, ':')
        || (0..end).any(|at| text.is_any(at, words!["tasks", "todos", "to-dos", "reminders", "list", "add"]))
}

/// "add buy milk, call mom and pay rent", "remind me to call mom and to pay rent", "buy milk; call mom; pay rent".
fn listed(text: &Text<'_>) -> Option<Vec<Item>> {
    let at = vocabulary::skip_polite(text, 0);
    let (start, opening) = several_opening(text, at);
    let is_asked = opening.is_some();
    let mut starts = vec![start];
    let (mut semicolons, mut to_links) = (0, 0);
    for at in start + 1..text.len() {
        let comma = text.is_mark(at, ',') || text.is_mark(at, ';');
        let link = if comma { at + 1 } else { at };
        let next =
            text.after_any(link, words!["and then", "and also", "and", "then", "also"]).unwrap_or(link);
        if next == at || next <= *starts.last()? + 1 {
            continue;
        }
        let (next, is_to) = text.after(next, "to").map_or((next, false), |end| (end, true));
        let goes_on = vocabulary::is_verb(text.word(next)) && !is_about_it(text, next);
        if goes_on && next + 1 < text.len() {
            semicolons += usize::from(text.is_mark(at, ';'));
            to_links += usize::from(is_to);
            starts.push(next);
        } else if comma && !is_asked {
            // "buy milk, eggs and bread"
            return None;
        } else if comma && opening.is_some_and(|opening| opening.wants_reminder) {
            return None;
        }
        if starts.len() > MAX_ITEMS {
            return None;
        }
    }
    let count = starts.len();
    let wants_reminder = opening.is_some_and(|opening| opening.wants_reminder);
    let is_list = match opening {
        Some(_) if wants_reminder => count > 1 && to_links + 1 == count,
        Some(_) => count > 1,
        None => count > 2 || count > 1 && semicolons + 1 == count,
    };
    if !is_list || !vocabulary::is_verb(text.word(start)) {
        return None;
    }
    let ends = starts[1..].iter().map(|next| before_link(text, *next)).chain([text.len()]);
    let items: Vec<(usize, usize)> = starts.iter().copied().zip(ends).collect();
    // A verb alone is one part of what is to be done: "wash, dry and fold the laundry".
    let is_plain = items.iter().all(|(from, to)| to - from > 1 && !is_act(text, *from, *to));
    let opening = opening.unwrap_or(Opening::plain(0, 0.8));
    is_plain.then(|| {
        items
            .into_iter()
            .map(|(from, to)| Item { from, to, opening: Opening { end: 0, ..opening } })
            .collect()
    })
}

/// "add three things: milk, eggs and bread": what they are is said behind a colon, so that none needs a verb.
fn named(text: &Text<'_>) -> Option<Vec<Item>> {
    let at = vocabulary::skip_polite(text, 0);
    let colon = (at + 1..text.len().min(at + 9)).find(|at| text.is_mark(*at, ':'))?;
    let is_plural = (at..colon).any(|at| {
        text.is_any(
            at,
            words!["tasks", "items", "things", "todos", "to-dos", "reminders", "groceries", "following"],
        )
    });
    if !text.is_any(at, words!["add", "create", "put", "new", "note", "make"]) || !is_plural {
        return None;
    }
    let mut items = vec![colon + 1];
    for at in colon + 1..text.len() {
        let comma = text.is_mark(at, ',') || text.is_mark(at, ';');
        let link = if comma { at + 1 } else { at };
        let next = text.after(link, "and").unwrap_or(link);
        if next > at && next > *items.last()? && next < text.len() {
            items.push(next);
        }
    }
    let ends = items[1..].iter().map(|next| before_link(text, *next)).chain([text.len()]);
    let items: Vec<Item> = items.iter().zip(ends).map(|(from, to)| Item::plain(*from, to)).collect();
    let is_plain = items.iter().all(|item| item.from < item.to && !is_act(text, item.from, item.to));
    (is_plain && items.len() <= MAX_ITEMS).then_some(items)
}

/// Gives where the first item begins, and how it was asked for: only where it is right behind the words that ask.
fn several_opening(text: &Text<'_>, at: usize) -> (usize, Option<Opening>) {
    #[rustfmt::skip]
    const PLURAL: &Words = words![
        "add tasks to", "add tasks", "create tasks to", "create tasks", "new tasks", "add these tasks", "add the tasks",
        "add the following tasks", "create the following tasks", "add the following", "add todos", "add two tasks",
        "add three tasks", "create two tasks", "create three tasks", "todos", "tasks", "to-dos", "add reminders to",
        "make tasks to", "add to my list", "add to my to-do list", "add to my todo list",
    ];
    if let Some(end) = text.after_any(at, PLURAL) {
        let end = if text.is_mark(end, ':') { end + 1 } else { end };
        return (end, Some(Opening::plain(end, 0.9)));
    }
    match opening::read(text, at) {
        Some(opening) => (opening.end, Some(opening)),
        None => (at, None),
    }
}

/// "and make it urgent", "and set a reminder" belong to what is said before.
fn is_about_it(text: &Text<'_>, at: usize) -> bool {
    text.is_any(at + 1, words!["it", "that", "this", "them", "priority", "me"])
        || text
            .after_any(at + 1, words!["a reminder", "the priority", "the due date", "its", "an alarm"])
            .is_some()
}

/// Gives where an item ends that another one follows.
fn before_link(text: &Text<'_>, next: usize) -> usize {
    let is_link = |at: usize| {
        text.is_any(at, words!["and", "then", "also", "to"]) || text.is_mark(at, ',') || text.is_mark(at, ';')
    };
    let mut end = next;
    while end > 0 && is_link(end - 1) {
        end -= 1;
    }
    end
}

/// "buy milk tomorrow and call mom on friday": each has a time of its own.
fn dated(text: &Text<'_>, context: &Context) -> Option<Vec<Item>> {
    let at = vocabulary::skip_polite(text, 0);
    let opening = opening::read(text, at);
    let start = opening.map_or(at, |opening| opening.end);
    if !vocabulary::is_verb(text.word(start)) {
        return None;
    }
    let links = (start + 2..text.len()).filter(|at| text.word(*at) == "and");
    let mut links = links.filter(|at| vocabulary::is_verb(text.word(at + 1)) && !is_about_it(text, at + 1));
    let (link, another) = (links.next()?, links.next());
    if another.is_some() || is_act(text, link + 1, text.len()) {
        return None;
    }
    let is_dated = |from: usize, to: usize| {
        let phrases = phrase::scan(&text.part(from, to), context, Mode::default());
        phrases.iter().any(Phrase::is_temporal)
    };
    if !is_dated(start, link) || !is_dated(link + 1, text.len()) {
        return None;
    }
    let opening = opening.unwrap_or(Opening::plain(0, 0.85));
    let item = |from, to| Item { from, to, opening: Opening { end: 0, ..opening } };
    Some(vec![item(start, link), item(link + 1, text.len())])
}

/// "delete all tasks", "mark 2 as done": no title that is taken without a question.
pub(crate) fn is_act(text: &Text<'_>, from: usize, to: usize) -> bool {
    #[rustfmt::skip]
    const ACTS: &Words = words!["delete", "remove", "erase", "complete", "mark", "clear", "wipe", "purge", "cancel", "undo", "drop"];
    #[rustfmt::skip]
    const TASKS: &Words = words![
        "all", "everything", "task", "tasks", "todo", "todos", "reminder", "reminders", "done", "completed", "list",
    ];
    text.is_any(from, ACTS)
        && (from + 1..to.min(from + 8)).any(|at| text.is_any(at, TASKS) && text.tokens[at].kind == Kind::Word)
}
