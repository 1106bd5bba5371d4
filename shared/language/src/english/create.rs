//! New tasks: "create a task to …", "remind me to …", "buy milk tomorrow".

use crate::clause::Clause;
use crate::english::doubt;
use crate::english::opening;
use crate::english::opening::Opening;
use crate::english::phrase;
use crate::english::several;
use crate::english::target;
use crate::english::title;
use crate::english::vocabulary;
use crate::meaning::compose;
use crate::meaning::compose::Meaning;
use crate::meaning::lead::Lead;
use crate::meaning::phrase::Mode;
use crate::meaning::phrase::Phrase;
use crate::meaning::phrase::Value;
use crate::meaning::phrase::Wish;
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, quoted};
use crate::words::{Words, words};
use crate::{Action, Context, Problem, ReminderText, TaskFields};

/// Reads a task that is asked for as one; `None` when the words do not say so.
pub(crate) fn read_explicit(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    if let Some(found) = put_on_list(text, at, context) {
        return Some(found);
    }
    let opening = opening::read(text, at)?;
    // "create a task to buy milk in my list"
    let (without, is_list) = target::without_list(text);
    let adds = text.is_any(at, words!["add", "create", "put", "make", "new"]);
    if adds
        && is_list
        && without.len() > opening.end
        && text.is_any(without.len(), words!["to", "in", "on", "onto", "into"])
    {
        return Some(build(&without, opening, context));
    }
    Some(build(text, opening, context))
}

/// Reads one of several tasks, behind what asks for them.
pub(crate) fn read_item(text: &Text<'_>, opening: Opening, context: &Context) -> Clause {
    let own = opening::read(text, 0).filter(|_| !opening.wants_reminder);
    build(text, own.unwrap_or(opening), context)
}

/// What says that there is something on a day.
#[rustfmt::skip]
const EVENTS: &Words = words![
    "i have got an", "i have got a", "i've got an", "i've got a", "i've got my", "i have an", "i have a", "i have my",
    "we have an", "we have a", "we've got a", "there's an", "there's a", "there is an", "there is a",
];

/// Reads anything else: a task when it looks like one, with honest doubt.
pub(crate) fn read_implicit(text: &Text<'_>, at: usize, context: &Context) -> Clause {
    // "i have a meeting tomorrow at 2"
    let event = text.after_any(at, EVENTS).filter(|end| *end < text.len());
    if let Some(end) = event {
        let clause = build(text, Opening::plain(end, 0.8), context);
        let is_dated = matches!(&clause.commands[0].action, Action::Create(fields) if fields.due.is_some());
        if is_dated && !text.is_mark(text.end_of_words(), '?') {
            return clause;
        }
    }
    let opening = Opening::plain(at, 0.6);
    let mut clause = build(text, opening, context);
    let Action::Create(fields) = &clause.commands[0].action else { return clause };
    let fields = fields.clone();
    let confidence = implicit_confidence(text, at, &fields);
    let is_idle = confidence < 0.5 && clause.problem == Some(Problem::UnclearIntent);
    if clause.problem.is_some() && !is_idle {
        clause.confidence = clause.confidence.min(0.5);
        return clause;
    }
    if confidence < 0.5 {
        let spans = std::mem::take(&mut clause.commands[0].spans);
        return Clause::unclear(fields, spans, confidence);
    }
    clause.confidence = confidence;
    clause.problem = (confidence < 0.7).then_some(Problem::UnclearIntent);
    clause
}

fn implicit_confidence(text: &Text<'_>, at: usize, fields: &TaskFields) -> f64 {
    const ASKING: &Words = words![
        "what", "what's", "whats", "when", "when's", "where", "where's", "who", "who's", "whose", "why",
        "how", "how's", "which", "is", "are", "am", "was", "were", "do", "does", "did", "can", "could",
        "may", "would", "will", "shall", "should", "has", "isn't", "aren't", "doesn't", "won't", "if",
    ];
    #[rustfmt::skip]
    const ASKED_OF_US: &Words = words![
        "show", "tell", "play", "search", "define", "translate", "calculate", "recommend", "ignore",
        "forget", "turn", "google", "explain", "describe", "repeat", "act", "pretend", "system", "suggest",
        "initiate", "list", "say", "let", "sing", "status", "delete", "remove", "rename",
    ];
    const STATING: &Words = words![
        "i", "i'm", "im", "i'll", "you", "he", "she", "they", "it", "it's", "we", "we'll", "this", "that",
        "there", "my", "your",
    ];
    let is_question = text.is_mark(text.end_of_words(), '?');
    let first = text.word(at);
    let asks_someone =
        text.is_any(at + 1, words!["you", "i", "we", "they", "he", "she", "it", "these", "those"]);
    let asking = ASKING.contains(first) && (first != "do" || asks_someone) || first == "have" && asks_someone;
    let me = text.is_any(at + 1, words!["me", "us"])
        && text.is_any(at, words!["give", "read", "make", "send", "get", "tell", "show"]);
    if is_question || asking || me || ASKED_OF_US.contains(first) {
        return 0.3;
    }
    // What is asked of an assistant rather than done: "play the next song", "check my balance".
    const DEVICES: &Words = words![
        "radio",
        "fm",
        "podcast",
        "podcasts",
        "episode",
        "song",
        "songs",
        "music",
        "playlist",
        "volume",
        "thermostat",
        "tabs",
        "balance",
        "weather",
        "forecast",
        "news",
        "traffic",
        "rewards",
        "channel",
        "jazz",
        "spotify",
        "audiobook",
        "twitter",
        "facebook",
        "stocks",
        "temperature",
        "brightness",
    ];
    const OPERATED: &Words = words![
        "start", "play", "check", "open", "close", "move", "go", "set", "get", "look", "put", "switch",
        "skip", "pause", "stop", "resume", "raise", "lower", "increase", "decrease", "tune", "dim",
        "shuffle", "tweet", "post",
    ];
    let is_dated = fields.due.is_some() || fields.recurrence.is_some();
    if OPERATED.contains(first) && !is_dated && text.has_any(DEVICES) {
        return 0.4;
    }
    if text.after_any(at, words!["check if", "see if", "check whether", "see whether", "look up"]).is_some()
        && !is_dated
    {
        return 0.6;
    }
    // What was said to us, and not what is to be done: "can you call mom".
    let polite = (0..at).any(|word| text.is_any(word, words!["can", "could", "would", "will"]));
    if polite {
        return if fields.due.is_some() { 0.6 } else { 0.4 };
    }
    if STATING.contains(first) {
        // "my flight is on friday at 5"
        let is_event = first == "my" && is_dated && text.has_any(words!["is"]);
        return if is_event {
            0.75
        } else if is_dated {
            0.6
        } else {
            0.3
        };
    }
    if text.tokens.get(at).is_some_and(|token| token.kind == Kind::Quoted) && !is_dated {
        return 0.6;
    }
    let says_more = is_dated || fields.priority.is_some() || !fields.tags.is_empty() || fields.wants_reminder;
    if ["open", "find", "edit", "figure", "search"].contains(&first) && !is_dated {
        return 0.6;
    }
    let title = fields.title.as_deref().unwrap_or("");
    let verb = title.split([' ', ':']).next().unwrap_or("").to_lowercase();
    let many_words = title.split_whitespace().nth(1).is_some();
    match (vocabulary::is_verb(&verb) && many_words, says_more) {
        (true, true) => 0.88,
        (true, false) => 0.78,
        (false, true) => 0.72,
        (false, false) => 0.6,
    }
}

/// "put cheese on my list", "add buy milk to my shopping list", "to my shopping list add towels".
fn put_on_list(text: &Text<'_>, at: usize, context: &Context) -> Option<Clause> {
    if text.word(at) == "to" && text.is_any(at + 1, words!["my", "the"]) {
        let add_at = (at + 2..text.len().min(at + 8)).find(|at| text.word(*at) == "add")?;
        let opening = Opening::plain(add_at + 1, 0.9);
        return Some(build(text, opening, context));
    }
    if !text.is_any(
        at,
        words![
            "put", "add", "append", "write", "place", "note", "throw", "stick", "pop", "chuck", "get",
            "include",
        ],
    ) {
        return None;
    }
    let (without, is_list) = target::without_list(text);
    let start = text
        .after_any(at + 1, words!["a", "an", "some"])
        .filter(|end| !without_noun(text, *end))
        .unwrap_or(at + 1);
    let start = if text.after_any(start, opening::NOUNS).is_some() { return None } else { start };
    // "put dentist on my calendar for the 5th"
    if !is_list && list_phrase(text, at + 1, text).is_some() {
        return Some(build(text, Opening::plain(start, 0.9), context));
    }
    if !is_list || without.len() <= start {
        return None;
    }
    let opening = Opening::plain(start, 0.9);
    Some(build(&without, opening, context))
}

fn without_noun(text: &Text<'_>, at: usize) -> bool {
    text.after_any(at, opening::NOUNS).is_some()
}

/// Takes the phrases out of what is to be done, and makes the task of what is left.
fn build(text: &Text<'_>, opening: Opening, context: &Context) -> Clause {
    let (body_end, description) = description(text, opening.end);
    let body_end = without_reminding(text, opening.end, body_end);
    let body = text.part(opening.end, body_end);
    let mode = Mode { wants_reminder: opening.wants_reminder, ..Mode::default() };
    let said = |phrase: &Phrase| body.slice(phrase.from, phrase.to).to_owned();
    let phrases = phrase::scan(&body, context, mode);
    let phrases = if opening.wants_reminder { reminder_first(phrases) } else { phrases };
    let found = phrases.clone();
    let mut meaning = compose::compose(phrases, context, said);
    let is_half_read = doubt::is_half_read(&body, &found, &meaning);
    let on_list = list_phrase(text, opening.end, &body);
    meaning.used.extend(on_list.clone());
    // "tomorrow i need to call bob"
    let wish = wish_behind(&body, &meaning.used);
    if let Some((phrase, reminds)) = &wish {
        meaning.used.push(phrase.clone());
        meaning.wants_reminder |= reminds;
    }
    let (title, title_spans) = title::title(&body, &meaning.used);
    let mut spans: Vec<Span> = title_spans;
    spans.extend(text.span(0, opening.end, SpanKind::Intent));
    spans.extend(
        meaning
            .used
            .iter()
            .filter(|phrase| wish.as_ref().is_none_or(|(wish, _)| wish != *phrase))
            .filter(|phrase| on_list.as_ref() != Some(*phrase))
            .filter_map(|phrase| body.span(phrase.from, phrase.to, phrase.value.kind())),
    );
    spans.extend(on_list.and_then(|list| body.span(list.from, list.to, SpanKind::Intent)));
    spans.extend(wish.and_then(|(wish, _)| body.span(wish.from, wish.to, SpanKind::Intent)));
    spans.extend(text.span(body_end, text.len(), SpanKind::Description));
    let (problem, title) = (meaning.problem.clone(), title.filter(|title| !is_placeholder(title)));
    let missing = title.is_none().then_some(Problem::MissingTitle);
    let missing = missing.or((swallows_act(&body) || is_half_read).then_some(Problem::UnclearIntent));
    let fields = fields(meaning, title, description, opening);
    Clause::one(Action::Create(fields), spans, opening.confidence).with_problem(problem.or(missing))
}

/// "buy milk and delete all": what else is asked for is no part of a title.
pub(crate) fn swallows_act(text: &Text<'_>) -> bool {
    (1..text.len()).any(|at| {
        let is_linked = text.is_any(at - 1, words!["and", "then", "also", "so"])
            || text.tokens[at - 1].kind == Kind::Mark && !text.is_mark(at - 1, '(')
            || text.source[text.tokens[at - 1].to..text.tokens[at].from].contains('\n');
        is_linked && several::is_act(text, at, text.len())
    })
}

/// "remind me *on friday* about the report *due monday*": the first days say when to remind, the later ones when it is due.
fn reminder_first(phrases: Vec<Phrase>) -> Vec<Phrase> {
    let is_when = |phrase: &Phrase| {
        matches!(
            phrase.value,
            Value::Day(..) | Value::Clock(..) | Value::Part(_) | Value::FromNow(_) | Value::Moment(_)
        )
    };
    // "remind me the day before at 8pm: exam on friday at 9am"
    if let [lead, at, rest @ ..] = &phrases[..]
        && matches!(&lead.value, Value::Reminder(wish) if wish.lead.is_some() && lead.from == 0)
        && matches!(at.value, Value::Clock(..) | Value::Part(_))
        && at.from <= lead.to + 1
        && rest.iter().any(|phrase| matches!(phrase.value, Value::Day(..)))
    {
        return rest.iter().chain([lead, at]).cloned().collect();
    }
    let mut end = 0;
    let leading = phrases.iter().take_while(|phrase| {
        let follows = is_when(phrase) && phrase.from <= end + 1 && (end > 0 || phrase.from == 0);
        end = phrase.to;
        follows
    });
    let count = leading.count();
    let is_day = |phrase: &Phrase| {
        matches!(phrase.value, Value::Day(_, lead) if lead != Lead::Until)
            || matches!(phrase.value, Value::FromNow(_) | Value::Moment(_))
    };
    let (first, rest) = phrases.split_at(count);
    if !first.iter().any(is_day)
        || !rest.iter().any(is_day)
        || phrases.iter().any(|phrase| matches!(phrase.value, Value::Rule(_)))
    {
        return phrases;
    }
    let at = first[0].from;
    let wish = Phrase { from: at, to: at, value: Value::Reminder(Wish { lead: None, method: None }) };
    let (days, times) = first.iter().cloned().partition::<Vec<_>, _>(is_day);
    rest.iter().cloned().chain([wish]).chain(days).chain(times).collect()
}

/// Finds "to my calendar" in what is added: there is but one list.
fn list_phrase(text: &Text<'_>, from: usize, body: &Text<'_>) -> Option<Phrase> {
    let adds = (0..from).any(|at| {
        text.is_any(
            at,
            words![
                "add", "put", "create", "append", "schedule", "write", "note", "enter", "stick", "throw",
                "pop", "chuck", "include",
            ],
        )
    });
    if !adds {
        return None;
    }
    #[rustfmt::skip]
    const LISTS: &Words = words![
        "to do list", "to-do list", "todo list", "task list", "shopping list", "grocery list", "list", "calendar", "agenda",
        "schedule", "todos", "to-dos",
    ];
    let at = (1..body.len()).find(|at| {
        let owner =
            body.after_any(*at, words!["to my", "on my", "in my", "onto my", "into my", "to the", "on the"]);
        owner
            .and_then(|owner| body.after_any(owner, LISTS))
            .is_some_and(|end| vocabulary::is_boundary(body, end))
    })?;
    let to = body.after_any(at + 2, LISTS)?;
    Some(Phrase { from: at, to, value: Value::Reminder(Wish { lead: None, method: None }) })
}

/// Finds a wish right behind the days and times that a text begins with.
fn wish_behind(text: &Text<'_>, used: &[Phrase]) -> Option<(Phrase, bool)> {
    let mut from = 0;
    // A day, a time, a part of the day, and what parts them.
    for _ in 0..6 {
        if let Some(phrase) = used.iter().find(|phrase| phrase.from == from && phrase.to > from) {
            from = phrase.to;
        } else if from > 0 && (text.is_mark(from, ',') || text.is_mark(from, ':') || text.is_mark(from, '-'))
        {
            from += 1;
        } else {
            break;
        }
    }
    let (to, reminds) = opening::read_wish(text, from).filter(|(end, _)| from > 0 && *end < text.len())?;
    let wish = Wish { lead: None, method: None };
    Some((Phrase { from, to, value: Value::Reminder(wish) }, reminds))
}

fn is_placeholder(title: &str) -> bool {
    // None is longer.
    title.chars().nth("something".len()).is_none()
        && matches!(
            title.to_lowercase().as_str(),
            "something" | "again" | "later" | "a task" | "task" | "it" | "that" | "this" | "to" | "a" | "the"
        )
}

fn fields(
    meaning: Meaning,
    title: Option<String>,
    description: Option<String>,
    opening: Opening,
) -> TaskFields {
    let wants_reminder = opening.wants_reminder || meaning.wants_reminder;
    let mut reminders = meaning.reminders;
    if wants_reminder && reminders.is_empty() && meaning.due.is_some() {
        reminders.push(ReminderText::AtDue);
    }
    TaskFields {
        title,
        description,
        due: meaning.due,
        priority: meaning.priority.or(opening.priority),
        tags: meaning.tags,
        recurrence: meaning.rule,
        reminders,
        reminder_method: meaning.method.or(opening.method),
        wants_reminder,
    }
}

/// "call mom at 5. Don't forget!": it is not forgotten.
fn without_reminding(text: &Text<'_>, from: usize, to: usize) -> usize {
    let len = text.part(0, to).end_of_words();
    let words = words!["don't forget it", "dont forget it", "don't forget", "dont forget", "do not forget"];
    let at = (len.saturating_sub(3).max(from + 1)..len).find(|at| text.after_any(*at, words) == Some(len));
    at.unwrap_or(to)
}

/// "…, description: two litres", "… with the note two litres"; it is never looked into.
fn description(text: &Text<'_>, from: usize) -> (usize, Option<String>) {
    for at in from + 1..text.len() {
        let start = text.after_any(
            at,
            words![
                "with the description",
                "with a description",
                "with description",
                "with a note",
                "with the note",
            ],
        );
        let named = text
            .after_any(at, words!["description", "notes", "note", "details"])
            .filter(|end| text.is_mark(*end, ':'));
        if let Some(start) = start.or(named) {
            let start = if text.is_mark(start, ':') { start + 1 } else { start };
            let words = text.slice(start, text.len());
            let is_quoted = text.len() == start + 1 && text.tokens[start].kind == Kind::Quoted;
            let words = if is_quoted { quoted(words) } else { words };
            if !words.is_empty() {
                return (at, Some(words.to_owned()));
            }
        }
    }
    (text.len(), None)
}
