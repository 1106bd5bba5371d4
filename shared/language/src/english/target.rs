//! Which task is meant: "the milk task", "2", "the last one", "it", "all completed tasks".

use domain::task::Status;

use crate::english::filter;
use crate::english::number;
use crate::english::phrase;
use crate::english::title;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::meaning::phrase::Value;
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, quoted};
use crate::words::{Words, words};
use crate::{Context, Query, Target};

/// The words that name a task as such.
#[rustfmt::skip]
pub(crate) const NOUNS: &Words = words![
    "task", "tasks", "todo", "todos", "to-do", "to-dos", "item", "items", "reminder", "reminders", "entry",
    "chore", "chores", "errand", "errands",
];

/// Targets, the words that name them, and how clearly they name tasks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// One or more.
    pub(crate) targets: Vec<Target>,
    /// Where they are named.
    pub(crate) spans: Vec<Span>,
    /// Whether it is said that a task is meant: a number, a pronoun, the word "task", "from my list".
    pub(crate) is_plain: bool,
    /// Whether "the" or "my" stands in front.
    pub(crate) has_article: bool,
}

/// Reads targets from all of a text.
pub(crate) fn read(text: &Text<'_>, context: &Context) -> Found {
    let (text, from_list) = without_list(text);
    let len = text.end_of_words();
    let text = text.part(0, strip_closing(&text, len));
    let start = leading(&text);
    let has_article = text.is_any(0, words!["the", "my", "that", "this", "our", "those"]);
    let span = text.span(0, text.len(), SpanKind::Target).into_iter().collect();
    let found = |targets, is_plain| Found { targets, spans: span, is_plain, has_article };
    if text.len() == 0 {
        let target = if from_list { Target::All { filter: filter::open() } } else { Target::Missing };
        return found(vec![target], true);
    }
    if let Some(target) = pronoun(&text) {
        return found(vec![target], true);
    }
    if let Some(filter) = whole_list(&text) {
        return found(vec![Target::All { filter }], true);
    }
    if let Some(targets) = numbers(&text, start).or_else(|| first_few(&text)) {
        return found(targets, true);
    }
    if let Some(target) = all(&text, context) {
        // "drop table tasks"
        let is_named = matches!(&target, Target::All { filter } if filter.text.is_some())
            && !text.is_any(0, words!["all", "everything", "every", "each"]);
        let is_all = text.is_any(0, words!["all", "everything", "every", "each"])
            && matches!(&target, Target::All { filter } if filter.text.is_none());
        let is_plain =
            (is_all || text.has_any(NOUNS) || text.len() == 1 || text.has_any(words!["ones"]) || from_list)
                && !is_named;
        return found(vec![target], is_plain);
    }
    let (target, is_noun) = titled(&text, context);
    found(vec![target], is_noun || from_list)
}

fn strip_closing(text: &Text<'_>, mut len: usize) -> usize {
    while len > 1
        && text.is_any(len - 1, words!["please", "now", "pls", "too", "already", "today's", "instead"])
    {
        len -= 1;
        while len > 1 && text.tokens[len - 1].kind == Kind::Mark {
            len -= 1;
        }
    }
    if len > 2
        && text
            .after_any(len - 2, words!["for me", "as done", "as complete", "as completed", "as finished"])
            .is_some()
    {
        len - 2
    } else {
        len
    }
}

/// Takes off "from my shopping list" at the end, and "off" at the beginning.
pub(crate) fn without_list<'a>(text: &Text<'a>) -> (Text<'a>, bool) {
    let len = text.end_of_words();
    let start = text.after(0, "off").unwrap_or(0);
    let tail =
        words!["list of tasks", "list of things", "list of todos", "list of chores", "list of errands"];
    let tail_at = (len.saturating_sub(6)..len).find(|at| {
        text.after_any(*at, tail).is_some_and(|end| {
            text.after_any(end, words!["to complete", "to do", "to finish", "to get done"]).unwrap_or(end)
                >= len
        })
    });
    if let Some(at) = tail_at {
        let lead = (at.saturating_sub(4)..at)
            .find(|at| text.is_any(*at, words!["from", "off", "on", "in", "to", "onto"]));
        if let Some(lead) = lead {
            return (text.part(start.min(lead), lead), true);
        }
    }
    let is_list = len > 0
        && (text.is_any(
            len - 1,
            words![
                "list",
                "lists",
                "todos",
                "to-dos",
                "tasks",
                "todo",
                "to-do",
                "reminders",
                "calendar",
                "calender",
            ],
        ) || (len > 1 && text.after_any(len - 2, words!["to do", "to dos"]).is_some()));
    if is_list {
        let leads = words!["from", "off", "on", "in", "to", "onto", "into"];
        let owners = words!["my", "the", "our", "your", "list", "lists", "this", "that", "of"];
        let is_lead = |at: &usize| {
            text.is_any(*at, leads)
                && (text.is_any(*at, words!["from", "off"]) || text.is_any(*at + 1, owners))
        };
        if let Some(at) = (len.saturating_sub(9).max(start)..len).rfind(is_lead) {
            return (text.part(start.min(at), at), true);
        }
    }
    (text.part(start, text.len()), false)
}

fn leading(text: &Text<'_>) -> usize {
    let article = text.after_any(0, words!["the", "my", "our"]).unwrap_or(0);
    let noun = text
        .after_any(article, words!["task number", "item number", "task no", "number", "no"])
        .unwrap_or(article);
    if noun == article && text.is_any(article, NOUNS) { article + 1 } else { noun }
}

fn pronoun(text: &Text<'_>) -> Option<Target> {
    #[rustfmt::skip]
    const IT: &Words = words![
        "it", "that", "this", "that one", "this one", "that task", "this task", "the task", "the one",
        "the same one", "that todo", "this todo", "that reminder", "this reminder", "this item",
        "that item", "it again", "the reminder", "it's", "its", "that's", "thats", "that thing", "this thing",
        "that reminder again", "what i just added", "what i just created", "the one i just added", "the last one i added",
        "the last task i added", "the last item i added", "the task i just added", "the one i added last",
        "the task i just created", "the last thing i added", "what you just added",
    ];
    // How many these are is not known; so they are asked for.
    #[rustfmt::skip]
    const SEVERAL: &Words = words![
        "them", "those", "these", "both", "them all", "them both", "both of them", "all of them", "all of those",
        "all of these", "those two", "these two", "the others", "the other one", "the other", "the rest",
        "the rest of them", "some of them", "something", "anything", "some of my tasks", "some tasks", "a task", "tasks", "a few tasks",
        "one of them", "one of my tasks", "a few of my tasks", "some things", "some stuff", "stuff", "a reminder", "reminders",
    ];
    #[rustfmt::skip]
    const LAST: &Words = words![
        "the last one", "the last task", "the last", "last one", "last task", "last", "the last item",
        "my last task", "the last todo", "the bottom one", "the final one", "the very last one",
    ];
    if text.is_whole(IT) {
        Some(Target::It)
    } else if text.is_whole(LAST) {
        Some(Target::Last)
    } else if text.is_whole(SEVERAL) || from_the_end(text) {
        Some(Target::Missing)
    } else {
        None
    }
}

/// "the last two": how many were shown is not known.
fn from_the_end(text: &Text<'_>) -> bool {
    text.after_any(0, words!["the last", "last", "the bottom", "the final"]).is_some_and(|at| {
        number::read(text, at).is_some_and(|(_, end)| text.after_any(end, NOUNS).unwrap_or(end) >= text.len())
    })
}

/// "my list", "completed": all tasks of a kind.
fn whole_list(text: &Text<'_>) -> Option<Query> {
    let start =
        text.after_any(0, words!["the", "my", "our", "this", "all of my", "all my", "all the"]).unwrap_or(0);
    let start = text.after_any(start, words!["entire", "whole", "complete", "full"]).unwrap_or(start);
    #[rustfmt::skip]
    const LISTS: &Words = words![
        "list", "to do list", "to-do list", "todo list", "task list", "tasks list", "list of tasks", "todos", "to-dos",
        "agenda",
    ];
    if text.after_any(start, LISTS).is_some_and(|end| end >= text.len()) {
        return Some(filter::open());
    }
    let done = words!["completed", "done", "finished", "completed ones", "done ones", "finished ones"];
    let is_done = text.after_any(start, done).is_some_and(|end| end >= text.len());
    if is_done {
        return Some(Query { status: Some(Status::Completed), ..Query::default() });
    }
    let is_overdue =
        text.after_any(start, words!["overdue", "overdue ones"]).is_some_and(|end| end >= text.len());
    is_overdue.then(|| Query { overdue: true, ..filter::open() })
}

/// "the first two", "top 3 tasks", "1 to 3", "1-3".
fn first_few(text: &Text<'_>) -> Option<Vec<Target>> {
    let numbered = |from: u32, to: u32| {
        let is_few = from >= 1 && from < to && to - from < 20;
        is_few.then(|| (from..=to).map(Target::Number).collect::<Vec<_>>())
    };
    let ends = |end: usize| {
        text.after_any(end, NOUNS).or_else(|| text.after(end, "ones")).unwrap_or(end) >= text.len()
    };
    if let Some(at) = text.after_any(0, words!["the first", "first", "the top", "top"]) {
        let (count, end) = number::read(text, at)?;
        return numbered(1, count).filter(|_| ends(end));
    }
    let start =
        text.after_any(0, words!["tasks", "items", "numbers", "task", "number", "todos"]).unwrap_or(0);
    if let Some((from, to)) = text.word(start).split_once('-') {
        return numbered(number::digits(from)?, number::digits(to)?).filter(|_| start + 1 >= text.len());
    }
    let (from, end) = number::read(text, start)?;
    let (to, end) = number::read(text, text.after_any(end, words!["to", "through", "thru"])?)?;
    numbered(from, to).filter(|_| end >= text.len())
}

/// "2", "task 2 and 3", "the second one", "#2".
fn numbers(text: &Text<'_>, start: usize) -> Option<Vec<Target>> {
    let mut targets = Vec::new();
    let mut at = start;
    loop {
        let noun = text.after_any(at, words!["the", "task", "number"]).unwrap_or(at);
        let (number, end) = one_number(text, noun)?;
        targets.push(Target::Number(number));
        if end >= text.len() {
            return Some(targets);
        }
        let comma = if text.is_mark(end, ',') || text.is_mark(end, '&') { end + 1 } else { end };
        at = text.after_any(comma, words!["and also", "and", "plus"]).unwrap_or(comma);
        // "1 3 and 5": without a comma in digits only.
        let is_digits =
            number::digits(text.word(at)).is_some() && number::digits(text.word(at - 1)).is_some();
        if at == end && !is_digits || targets.len() >= 20 {
            return None;
        }
    }
}

fn one_number(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let token = text.tokens.get(at)?;
    if let Some(number) = token.text.strip_prefix('#').and_then(number::digits) {
        return (number > 0).then_some((number, at + 1));
    }
    if text.is_mark(at, '#') {
        return one_number(text, at + 1);
    }
    if let Some((number, end)) = number::read_ordinal(text, at) {
        let end = text
            .after_any(end, words!["one", "task", "item", "todo", "reminder", "to-do", "entry"])
            .unwrap_or(end);
        return (number > 0).then_some((number, end));
    }
    number::read(text, at).filter(|(number, _)| *number > 0)
}

/// "all", "everything", "all completed tasks", "completed tasks".
fn all(text: &Text<'_>, context: &Context) -> Option<Target> {
    let last = text.len().checked_sub(1)?;
    let is_all = text.is_any(0, words!["all", "everything", "every", "each"]);
    let is_plural = text.has_any(words!["tasks", "todos", "to-dos", "items", "reminders", "ones"]);
    let is_filtered = text.is_any(last, words!["tasks", "todos", "to-dos", "items", "reminders", "ones"])
        || text.has_any(words!["tagged"]) && is_plural;
    if !is_all && !is_filtered {
        return None;
    }
    Some(Target::All { filter: filter::read(text, context).0 })
}

/// The words that are left without articles, "task" and dates.
fn titled(text: &Text<'_>, context: &Context) -> (Target, bool) {
    let mut is_noun = false;
    let mut start = text.after_any(0, words!["the", "my", "our", "a", "an", "that", "this"]).unwrap_or(0);
    if text.is_any(start, NOUNS) || text.after_any(start, words!["to do", "action item"]).is_some() {
        let noun = text.after_any(start, words!["to do", "action item"]).unwrap_or(start + 1);
        let words = words![
            "that says",
            "called",
            "named",
            "titled",
            "that",
            "to",
            "for",
            "about",
            "of",
            "with title"
        ];
        is_noun = true;
        start = text.after_any(noun, words).unwrap_or(noun);
        if text.is_mark(start, ':') {
            start += 1;
        }
        start = text
            .after_any(start, words!["the", "my", "our"])
            .filter(|start| *start < text.len())
            .unwrap_or(start);
    }
    let mut end = text.len();
    // "change the dentist from 3 to 4pm"
    if end > start + 2 && text.word(end - 2) == "from" && number::at(text, end - 1).is_some() {
        end -= 2;
    }
    if end > start + 1 && (text.is_any(end - 1, NOUNS) || text.is_any(end - 1, words!["one"])) {
        end -= 1;
        is_noun = true;
    } else if end > start + 2 && text.after(end - 2, "to do").is_some() {
        end -= 2;
        is_noun = true;
    }
    let words = text.part(start, end);
    let only = words.tokens.iter().find(|token| token.kind == Kind::Quoted);
    if let Some(token) = only.filter(|_| words.len() == 1) {
        return (Target::Title(quoted(token.text).to_owned()), true);
    }
    let phrases: Vec<Phrase> = phrase::scan(&words, context, Mode { in_query: true, ..Mode::default() })
        .into_iter()
        .filter(|phrase| !matches!(phrase.value, Value::Priority(_) | Value::Tags(_) | Value::Unsupported))
        .collect();
    // "the reminder for tomorrow": those that are due then.
    let covers = |at: usize| phrases.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    if is_noun && words.len() > 0 && (0..words.len()).all(|at| covers(at) || words.is_any(at, words!["due"]))
    {
        return (Target::All { filter: filter::read(text, context).0 }, true);
    }
    let whole = || words.slice(0, words.len()).to_owned();
    let title = title::title(&words, &phrases).0.unwrap_or_else(whole);
    // "the milk task tomorrow": the noun was behind the date.
    let title = match title.rsplit_once(' ') {
        Some((name, noun)) if !phrases.is_empty() && NOUNS.contains(noun) => {
            is_noun = true;
            name.to_owned()
        }
        _ => title,
    };
    let title = title.strip_suffix("'s").map_or(title.clone(), str::to_owned);
    (if title.is_empty() { Target::Missing } else { Target::Title(title) }, is_noun)
}
