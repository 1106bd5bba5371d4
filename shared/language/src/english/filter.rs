//! Which tasks are asked for: "overdue", "tagged work", "due next week", "about milk".

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use domain::task::{Priority, Status};

use crate::english::label;
use crate::english::number;
use crate::english::phrase;
use crate::english::title;
use crate::english::vocabulary;
use crate::meaning;
use crate::meaning::calendar;
use crate::meaning::clock::Part;
use crate::meaning::compose;
use crate::meaning::compose::Meaning;
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::meaning::phrase::Value;
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, Tokens, quoted};
use crate::words::{Words, words};
use crate::{Context, Problem, Query};

/// Gives the filter for open tasks.
pub(crate) fn open() -> Query {
    Query { status: Some(Status::Active), ..Query::default() }
}

/// Words that only say that tasks are asked for.
#[rustfmt::skip]
const PADDING: &Words = words![
    "show", "list", "display", "view", "see", "get", "give", "tell", "read", "find", "search", "check",
    "pull", "up", "what", "what's", "whats", "what're", "which", "how", "many", "much", "do", "does", "did",
    "have", "has", "i", "i've", "is", "are", "am", "was", "were", "there", "any", "anything", "some", "me",
    "my", "mine", "the", "a", "an", "all", "of", "to", "be", "task", "tasks", "todo", "todos", "to-do",
    "to-dos", "dos", "item", "items", "reminder", "reminders", "lists", "agenda", "schedule", "chores",
    "errands", "deadlines", "deadline", "plate", "on", "in", "for", "at", "due", "left", "need", "should",
    "must", "going", "gotta", "supposed", "that", "still", "open", "active", "pending", "incomplete",
    "unfinished", "outstanding", "remaining", "completed", "complete", "done", "finished", "closed",
    "deleted", "overdue", "late", "missed", "upcoming", "past", "please", "can", "could", "you", "your",
    "everything", "every", "each", "single", "free", "busy", "available", "count", "number", "out", "loud", "aloud",
    "priority", "high", "low", "medium", "urgent", "important", "next", "coming", "up", "now", "currently",
    "things", "thing", "stuff", "look", "like", "got", "we", "it", "and", "or", "with", "by", "from", "who",
    "when", "about", "ones", "one", "not", "yet", "go", "through", "hey", "want", "would", "know", "recite",
    "iterate", "walk", "various", "had", "doing", "work", "day", "today's", "do's", "rundown", "summarise", "summarize", "sum", "brief", "update", "take", "run", "priorities", "plans", "plan", "finish",
    "planned", "scheduled", "let's", "let", "help", "again", "rest", "first", "top", "most", "ahead", "put",
    "remember", "add", "added", "existing", "will", "access", "different", "entire", "whole", "full",
    "those", "these", "after", "before", "since", "between", "until", "till", "something", "else", "miss", "happening",
    "happens", "looking", "summary", "overview", "recap", "planning", "far", "so", "right", "this", "their",
    "know", "if", "whether", "able", "okay", "ok", "thing's", "been", "being", "has", "haven't", "late", "bring",
    "what'd", "where", "where's", "how's", "hows", "schedules", "appointments", "meetings", "events", "plate", "set", "calendar", "sort", "sorted", "filter",
    "filtered", "order", "ordered", "date", "dates", "long", "how's", "going",
];

/// Words that say of what kind tasks are, as tags do.
const KINDS: &Words = words![
    "work",
    "home",
    "personal",
    "school",
    "office",
    "family",
    "health",
    "finance",
    "house",
    "study",
    "university",
    "college",
    "shopping",
    "errand",
    "household",
];

/// Reads which tasks, from all of a text.
pub(crate) fn read(text: &Text<'_>, context: &Context) -> (Query, Vec<Span>) {
    let relaxed = relaxed(text);
    let text = &relaxed.text();
    let phrases = phrase::scan(text, context, Mode { in_query: true, ..Mode::default() });
    let phrases: Vec<Phrase> =
        phrases.into_iter().filter(|phrase| !is_padding_rule(text, phrase)).map(stretched).collect();
    let said = |phrase: &Phrase| text.slice(phrase.from, phrase.to).to_owned();
    let meaning = compose::compose(phrases, context, said);
    let mut query = Query { status: status(text), tags: meaning.tags.clone(), ..Query::default() };
    // "work tasks"
    for at in 0..text.len() {
        let is_kind = text.is_any(at, KINDS)
            && text.is_any(at + 1, words!["tasks", "todos", "to-dos", "items", "reminders", "task"]);
        if is_kind && !query.tags.iter().any(|tag| tag == text.word(at)) {
            query.tags.push(text.word(at).to_owned());
        }
    }
    query.is_free = text.has_any(words!["free", "available", "busy", "openings"]);
    query.overdue =
        text.has_any(words!["overdue", "missed", "miss", "late"]) || text.find(0, "past due").is_some();
    if query.overdue {
        query.status = Some(Status::Active);
    }
    query.priority = meaning.priority.or_else(|| priority(text));
    if !query.overdue {
        let (from, to) = range(text, &meaning, context.now);
        // "completed yesterday", unless it is said that they were due then.
        if query.status == Some(Status::Completed) && !text.has_any(words!["due"]) {
            (query.completed_from, query.completed_to) = (from, to);
        } else {
            (query.due_from, query.due_to) = (from, to);
        }
    }
    query.text = words(text, &meaning.used);
    let mut spans = spans(text, &meaning.used);
    spans.extend(status_spans(text));
    spans.sort_by_key(|span| span.start);
    spans.dedup_by(|next, before| next.start < before.end);
    (query, spans)
}

/// Gives the phrases that a filter is read from, and what is wrong with them.
pub(crate) fn phrases(text: &Text<'_>, context: &Context) -> (Vec<Phrase>, Option<Problem>) {
    let relaxed = relaxed(text);
    let text = &relaxed.text();
    let phrases = phrase::scan(text, context, Mode { in_query: true, ..Mode::default() });
    let phrases: Vec<Phrase> =
        phrases.into_iter().filter(|phrase| !is_padding_rule(text, phrase)).map(stretched).collect();
    let problem = phrases.iter().find_map(|phrase| match &phrase.value {
        Value::Bad(problem) => Some(problem.clone()),
        _ => None,
    });
    (phrases, problem)
}

/// "from monday to friday" is a stretch of days here.
fn stretched(phrase: Phrase) -> Phrase {
    let value = match phrase.value {
        Value::Range(first, last) => Value::Day(Day { to: last.to.max(first.from), ..first }, Lead::On),
        value => value,
    };
    Phrase { value, ..phrase }
}

/// "today's" and "todays" are days here.
fn relaxed<'a>(text: &Text<'a>) -> Tokens<'a> {
    let mut relaxed = text.to_tokens();
    for (at, word) in relaxed.words() {
        let day = match text.word(at) {
            // "my week" is this one.
            "my" if text.is_any(at + 1, words!["week", "weekend", "month"]) => "this",
            "day" if text.word_before(at) == "my" => "today",
            "today's" | "todays" => "today",
            "tomorrow's" | "tomorrows" => "tomorrow",
            "yesterday's" => "yesterday",
            "tonight's" => "tonight",
            "week's" | "weeks'" => "week",
            "month's" => "month",
            _ => continue,
        };
        word.read_as(day);
    }
    relaxed
}

/// "all tasks", "every task" are no repetitions.
fn is_padding_rule(text: &Text<'_>, phrase: &Phrase) -> bool {
    matches!(phrase.value, Value::Rule(_)) && text.is_any(phrase.to, words!["task", "tasks", "todo"])
}

/// What says that tasks are still open.
#[rustfmt::skip]
pub(crate) const NOT_DONE: &Words = words![
    "not done", "not completed", "not finished", "not complete", "haven't done", "have not done", "haven't finished",
    "haven't completed", "have not finished", "have not completed", "haven't been done", "haven't been finished",
    "haven't been completed", "not been done", "not been finished", "not been completed", "aren't done", "aren't finished",
    "aren't completed", "aren't complete", "isn't done", "isn't finished", "isn't completed", "not yet done",
    "not yet finished", "not yet completed", "haven't i done", "haven't i finished", "haven't i completed", "haven't yet done",
    "have i not done", "have i not finished", "have i not completed", "haven't got done", "haven't gotten done",
    "didn't finish", "didn't complete", "did not finish", "did not complete", "didn't i finish",
];

fn status(text: &Text<'_>) -> Option<Status> {
    if text.finds_any(NOT_DONE) {
        return Some(Status::Active);
    }
    if text.has_any(words!["deleted", "removed", "trashed"]) {
        return Some(Status::Deleted);
    }
    let did = words![
        "did i do",
        "did i finish",
        "did i complete",
        "have i done",
        "have i finished",
        "have i completed"
    ];
    if text.has_any(words!["completed", "done", "finished", "closed"])
        || text.finds_any(did)
        || text.find(0, "complete tasks").is_some()
    {
        return Some(Status::Completed);
    }
    if text.has_any(words![
        "open",
        "active",
        "pending",
        "incomplete",
        "unfinished",
        "outstanding",
        "remaining",
        "due",
    ]) {
        return Some(Status::Active);
    }
    if text.is_any(0, words!["all", "everything"]) || text.has_any(words!["all", "everything"]) {
        None
    } else {
        Some(Status::Active)
    }
}

/// "urgent tasks", "important ones".
fn priority(text: &Text<'_>) -> Option<Priority> {
    (0..text.len()).find_map(|at| {
        let led = text.is_any(
            at,
            words!["urgent", "important", "critical", "p1", "p2", "p3", "high-priority", "low-priority"],
        );
        led.then(|| label::priority_word(text.word(at))).flatten()
    })
}

type Bound = Option<NaiveDateTime>;

/// Gives from when to when tasks are due.
fn range(text: &Text<'_>, meaning: &Meaning, now: NaiveDateTime) -> (Bound, Bound) {
    let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN);
    if let Some(days) = next_days(text) {
        let end = calendar::days_after(now.date(), days.saturating_add(1)).map(midnight);
        return (Some(midnight(now.date())), end);
    }
    if text.has_any(words!["upcoming"]) && meaning.days.is_none() {
        return (Some(now), None);
    }
    let temporal = meaning.used.iter().find(|phrase| {
        matches!(
            phrase.value,
            Value::Day(..) | Value::Clock(..) | Value::Moment(_) | Value::Part(_) | Value::FromNow(_)
        )
    });
    let Some(temporal) = temporal else { return (None, None) };
    let (first, last) = match (meaning.days, meaning.due) {
        (Some((from, to)), _) => (from, to),
        (None, Some(due)) => (due.date, calendar::days_after(due.date, 1).unwrap_or(due.date)),
        (None, None) => return (None, None),
    };
    let (mut from, mut to) = (midnight(first), midnight(last));
    if let Some(part) = meaning.part {
        (from, to) = part_of(first, part);
    } else if let Some(at) = meaning.time {
        from = first.and_time(at);
        to = from + TimeDelta::hours(1);
    }
    if text.word_before(temporal.from) == "after" || text.word_before(temporal.from) == "since" {
        return (
            Some(if text.word_before(temporal.from) == "since" || meaning.time.is_some() {
                from
            } else {
                to
            }),
            None,
        );
    }
    match text.word(temporal.from) {
        "before" => (None, Some(from)),
        "by" | "until" | "till" => (None, Some(to)),
        _ if text.word(temporal.from) == "due" && text.is_any(temporal.from + 1, words!["by", "before"]) => {
            (None, Some(if text.word(temporal.from + 1) == "by" { to } else { from }))
        }
        _ => (Some(from), Some(to)),
    }
}

fn part_of(date: NaiveDate, part: Part) -> (NaiveDateTime, NaiveDateTime) {
    let (from, hours) = part.span();
    let from = date.and_time(meaning::clock::time(from, 0));
    (from, from + TimeDelta::hours(i64::from(hours)))
}

/// "in the next 3 days".
fn next_days(text: &Text<'_>) -> Option<u32> {
    let (_, end) = text.find(0, "next").or_else(|| text.find(0, "coming"))?;
    let (count, end) = number::read(text, end)?;
    match text.word(end) {
        "day" | "days" => Some(count),
        "week" | "weeks" => count.checked_mul(7),
        _ => None,
    }
    .filter(|days| *days <= 3_660)
}

/// Gives the words that ask for nothing by themselves: they are looked for in titles.
fn words(text: &Text<'_>, used: &[Phrase]) -> Option<String> {
    let is_used = |at: usize| used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    let is_free = |at: usize| {
        let token = &text.tokens[at];
        !is_used(at)
            && match token.kind {
                Kind::Word => {
                    !PADDING.contains(token.lower())
                        && !KINDS.contains(token.lower())
                        && !is_number_of_days(text, at)
                        && !is_list_name(text, at)
                }
                Kind::Quoted | Kind::Opaque => true,
                _ => false,
            }
    };
    let first = (0..text.len()).find(|at| is_free(*at))?;
    let last = (0..text.len()).rfind(|at| is_free(*at))?;
    let between = text.part(first, last + 1);
    if let [only] = between.tokens
        && only.kind == Kind::Quoted
    {
        return Some(quoted(only.text).to_owned());
    }
    let inside: Vec<Phrase> = used
        .iter()
        .filter(|phrase| phrase.from >= first && phrase.to <= last + 1)
        .map(|phrase| Phrase {
            from: phrase.from - first,
            to: phrase.to - first,
            value: phrase.value.clone(),
        })
        .collect();
    title::title(&between, &inside).0
}

fn is_number_of_days(text: &Text<'_>, at: usize) -> bool {
    text.is_any(at, words!["days", "weeks", "week", "month", "year"])
        || number::at(text, at).is_some() && text.is_any(at + 1, words!["days", "weeks", "day"])
}

fn is_list_name(text: &Text<'_>, at: usize) -> bool {
    text.word(at) == "list"
        || text.is_any(at + 1, words!["list", "lists"]) && !vocabulary::is_verb(text.word(at))
}

fn spans(text: &Text<'_>, used: &[Phrase]) -> Vec<Span> {
    used.iter().filter_map(|phrase| text.span(phrase.from, phrase.to, phrase.value.kind())).collect()
}

fn status_spans(text: &Text<'_>) -> Vec<Span> {
    let words = words![
        "completed",
        "done",
        "finished",
        "open",
        "active",
        "pending",
        "overdue",
        "deleted",
        "incomplete",
        "missed",
    ];
    (0..text.len())
        .filter(|at| text.is_any(*at, words))
        .filter_map(|at| text.span(at, at + 1, SpanKind::Status))
        .collect()
}
