//! Questions about tasks: "what's due today", "show high priority tasks", "how many are overdue".

use domain::task::{Priority, Status};

use crate::english::filter;
use crate::english::vocabulary;
use crate::span::Span;
use crate::token::{Kind, Text};
use crate::words::{Words, words};
use crate::{Context, Query};

/// Reads a question about tasks, and gives how sure it is.
pub(crate) fn read(text: &Text<'_>, at: usize, context: &Context) -> Option<(Query, Vec<Span>, f64)> {
    let at = told(text, at);
    if let Some(found) = of_one(text, at, context) {
        return Some(found);
    }
    // "my top priorities for today"
    if text
        .after_any(
            at,
            words![
                "my priorities",
                "my top priorities",
                "top priorities",
                "what are my priorities",
                "what are my top priorities",
            ],
        )
        .is_some()
        || text.after_any(at, words!["tell me", "show me", "show", "list", "give me"]).is_some_and(|end| {
            text.after_any(
                end,
                words!["my priorities", "my top priorities", "top priorities", "the priorities"],
            )
            .is_some()
        })
    {
        let (query, spans) = filter::read(&text.part(at, text.len()), context);
        let query = Query { priority: query.priority.or(Some(Priority::High)), text: None, ..query };
        return Some((query, spans, 0.85));
    }
    let confidence =
        sureness(text, at).or_else(|| dated(text, at, context)).or_else(|| shown(text, at, context))?;
    let (mut query, spans) = filter::read(&text.part(at, text.len()), context);
    query.count_only = text.find(at, "how many").is_some()
        || text.is_any(at, words!["count"])
        || text.find(at, "number of").is_some();
    Some((query, spans, confidence))
}

/// "tell me *what's due*": the question behind the words that ask for an answer.
fn told(text: &Text<'_>, at: usize) -> usize {
    #[rustfmt::skip]
    const TELL: &Words = words![
        "tell me", "show me", "remind me", "let me know", "do you know", "i want to know", "i need to know",
        "i'd like to know", "i would like to know", "give me", "show", "read me", "i want to hear", "i want to see",
    ];
    let end = text.after_any(at, TELL);
    let asks = words!["what", "what's", "whats", "which", "how", "if", "whether", "when", "when's"];
    let end = end.filter(|end| text.is_any(*end, asks)).unwrap_or(at);
    let asked = words!["i", "am", "is", "are", "do", "any", "anything", "have", "when"];
    let after_if =
        text.after_any(end, words!["if", "whether"]).filter(|next| end > at && text.is_any(*next, asked));
    if text.is_any(end, words!["if", "whether"]) { after_if.unwrap_or(at) } else { end }
}

/// "when is my dentist appointment", "is the report done", "did I buy milk": one task is asked for by its name.
fn of_one(text: &Text<'_>, at: usize, context: &Context) -> Option<(Query, Vec<Span>, f64)> {
    let len = text.end_of_words();
    #[rustfmt::skip]
    const APPOINTMENTS: &Words = words![
        "appointment", "dentist", "doctor", "meeting", "call", "exam", "interview", "deadline", "report", "rent", "bill",
        "lunch", "dinner", "class", "lesson", "task", "reminder", "homework", "party", "presentation", "haircut",
        "checkup", "check-up", "standup", "review", "visit", "flight",
    ];
    let named = |from: usize, to: usize| {
        let start = text.after_any(from, words!["the", "my", "our", "that"]).unwrap_or(from);
        let (query, spans) = filter::read(&text.part(start, to), context);
        let words = text.slice(start, to);
        let query = Query { status: None, text: Some(query.text.unwrap_or(words.to_owned())), ..query };
        (start < to).then_some((query, spans))
    };
    let active = |query: Query| Query { status: Some(Status::Active), ..query };
    if let Some(start) =
        text.after_any(at, words!["when is", "when's", "when are", "what time is", "at what time is"])
    {
        let is_mine = text.word(start) == "my";
        let is_known = text.is_any(len.checked_sub(1)?, APPOINTMENTS) && len - start <= 4;
        let is_personal = words!["birthday", "vacation", "anniversary", "name", "salary", "age"];
        if !(is_mine && len - start <= 5 || is_known)
            || text.is_any(len - 1, is_personal)
            || text.is_any(len - 1, words!["due"])
        {
            return None;
        }
        let (query, spans) = named(start, len)?;
        return Some((active(query), spans, 0.85));
    }
    // "which bills do I still have to pay"
    if let Some(start) = text.after_any(at, words!["which", "what"])
        && !has_noun(text, at)
        && let Some(link) = (start + 1..len.min(start + 5)).find(|at| {
            text.after_any(
                *at,
                words![
                    "do i still have to",
                    "do i have to",
                    "do i still need to",
                    "do i need to",
                    "must i",
                    "should i still",
                ],
            )
            .is_some_and(|end| vocabulary::is_verb(text.word(end)) && end < len)
        })
        && !text
            .is_any(start, words!["time", "day", "things", "thing", "else", "ones", "one", "kind", "sort"])
    {
        let name = text.slice(start, link).to_owned();
        let (query, spans) = filter::read(&text.part(link, len), context);
        return Some((active(Query { text: Some(name), ..query }), spans, 0.8));
    }
    if let Some(start) = text.after_any(at, words!["when do i have to", "when do i have", "when must i"]) {
        let (query, spans) = named(start, len)?;
        return Some((active(query), spans, 0.82));
    }
    // "is the report done"
    if text.is_any(at, words!["is", "are", "has", "have"])
        && text.is_any(len - 1, words!["done", "finished", "completed", "complete"])
        && text.is_any(at + 1, words!["the", "my", "task", "that"])
        && !has_noun(text, at)
    {
        let end = if text.word(len - 2) == "been" { len - 2 } else { len - 1 };
        let (query, spans) = named(at + 1, end)?;
        return Some((Query { completed_from: None, completed_to: None, ..query }, spans, 0.85));
    }
    let start = text.after_any(at, words!["did i already", "did i", "have i already", "have i"])?;
    let word = text.word(start);
    let is_verb =
        vocabulary::is_verb(word) && text.is_any(at, words!["did"]) || vocabulary::present_of(word).is_some();
    let is_finished = text.is_any(start, words!["finish", "complete", "finished", "completed"]);
    let is_any = text.is_any(start + 1, words!["anything", "something", "everything", "all", "any"]);
    if !(is_verb || is_finished) || is_any || start + 1 >= len || has_noun(text, at) {
        return None;
    }
    let (query, spans) = named(start + 1, len)?;
    Some((query, spans, 0.8))
}

/// "what's happening tomorrow", "anything left for today", "do I have plans on friday".
fn dated(text: &Text<'_>, at: usize, context: &Context) -> Option<f64> {
    #[rustfmt::skip]
    const STARTS: &Words = words![
        "what's happening", "what is happening", "whats happening", "what's going on", "what is going on", "what's for",
        "what is for", "whats for", "what was due", "what were due", "what's up", "anything", "is there anything",
        "is there something", "is there something", "do i have plans", "do i have any plans", "have i any plans",
        "do i have meetings", "do i have any meetings", "do i have appointments", "do i have any appointments",
        "what meetings do i have", "what appointments do i have", "what plans do i have", "what are my plans",
        "what's my plan", "what is my plan", "what's the plan", "what is the plan", "what does", "how does",
        "how is", "how's", "what's", "what am i doing", "am i doing anything", "do i have any openings", "what things do i have",
        "how many things", "how many meetings", "what do i", "what should i", "show me", "show", "list", "display", "agenda",
        "to do list", "to-do list", "todo list", "my agenda", "my list", "my day", "give me a summary", "summary",
        "give me an overview", "recap", "do i have", "do i need to do", "what's my schedule", "what is my schedule",
        "my schedule", "what's my day", "what is my day", "whats my day", "give me a rundown", "give me the rundown",
        "a rundown", "rundown", "run down", "give me a run down", "give me an update", "brief me", "walk me through",
        "take me through", "run me through", "summarise", "summarize", "sum up", "give me a list", "show me the plan",
    ];
    let end = text.after_any(at, STARTS)?;
    let mut about = text.part(end, text.len());
    // "how does my day look", "what does tomorrow look like"
    let looks = text.has_any(words!["look", "looking", "like"]);
    if !looks && (text.is_any(at, words!["how", "how's"]) || text.after(at, "what does").is_some()) {
        return None;
    }
    if text.after(at, "what's") == Some(end) || text.after(at, "do i have") == Some(end) {
        about = text.part(end, text.len());
        // "what's the weather today" is no question about tasks.
        if about.len() > 3
            || !text.is_any(end, words!["on", "in", "this", "next", "tomorrow", "today", "tonight", "friday"])
        {
            return None;
        }
    }
    let (query, _) = filter::read(&text.part(at, text.len()), context);
    let about = about
        .after_any(0, words!["of", "on", "about"])
        .map_or(about.part(0, about.len()), |start| about.part(start, about.len()));
    let is_mine = about.is_any(0, words!["my"])
        && about.is_any(1, words!["day", "week", "month", "schedule", "agenda", "weekend"]);
    let is_filter = query.due_from.is_some() || query.due_to.is_some() || query.completed_from.is_some();
    (is_mine || is_filter && query.text.is_none()).then_some(0.85)
}

/// "show #home", "list high priority", "show me the urgent ones": nothing but a filter is named.
fn shown(text: &Text<'_>, at: usize, context: &Context) -> Option<f64> {
    let start = text.after_any(
        at,
        words!["show me", "show", "list", "display", "view", "give me", "filter by", "only"],
    )?;
    let (query, _) = filter::read(&text.part(start, text.len()), context);
    let is_filter = !query.tags.is_empty()
        || query.priority.is_some()
        || query.overdue
        || query.due_from.is_some()
        || query.due_to.is_some()
        || query.status == Some(Status::Completed);
    (is_filter && query.text.is_none()).then_some(0.85)
}

fn sureness(text: &Text<'_>, at: usize) -> Option<f64> {
    const SHOW: &Words = words![
        "show", "list", "display", "view", "see", "get", "give", "tell", "read", "find", "search", "check",
        "pull", "recite", "iterate", "open", "access", "count", "let", "let's", "look", "i", "fetch",
        "print", "sort", "filter",
    ];
    const ASK: &Words = words![
        "what", "what's", "whats", "which", "how", "do", "does", "did", "is", "are", "am", "any", "anything",
        "when", "when's", "where", "have", "what're", "who",
    ];
    let about_tasks = has_noun(text, at);
    let is_whole_list = is_list_alone(text, at);
    if is_whole_list {
        return Some(0.95);
    }
    // "check off apples" and "check it off" are no questions.
    if text.word(at) == "check" && text.has_any(words!["off"]) || text.after(at, "get rid").is_some() {
        return None;
    }
    let shows_through = text.is_any(at, words!["go", "walk", "run", "take", "help"])
        && text.has_any(words!["through", "show"]);
    if shows_through && about_tasks {
        return Some(0.85);
    }
    // "did you delete my task", "is it possible to delete all tasks": no questions about what is to be done.
    let asks_us = text.is_any(at + 1, words!["you", "it"]) || text.is_any(at, words!["who", "why"]);
    let asks = text.is_any(at, ASK) && !asks_us;
    if asks && (about_tasks || asks_for_duties(text, at)) {
        let explains = text.after_any(
            at,
            words![
                "how do",
                "how can",
                "how to",
                "how should",
                "what is a",
                "what does",
                "what happens",
                "what would happen",
                "how does",
            ],
        );
        return if explains.is_some() && !text.word(at).starts_with("do") { None } else { Some(0.92) };
    }
    if text.is_any(at, SHOW) && about_tasks {
        let is_wish = text.word(at) == "i";
        let wishes = words![
            "i have to see",
            "i want to see",
            "i want to check",
            "i need to know what",
            "i need to see",
            "i want to know what",
            "i'd like to see",
        ];
        if is_wish && text.after_any(at, wishes).is_none() {
            return None;
        }
        // "find the milk task"
        let is_found = text.is_any(at, words!["find", "search", "look"])
            && text.is_any(text.end_of_words().saturating_sub(1), words!["task", "todo", "reminder"]);
        if is_found {
            return Some(0.85);
        }
        // "check the task list for bugs", "read the reminder letter": work to do, unless it is about mine.
        let loose =
            text.is_any(at, words!["check", "read", "get", "open", "look", "print", "find", "see", "view"]);
        let mine = text.has_any(words![
            "my",
            "all",
            "pending",
            "upcoming",
            "overdue",
            "tasks",
            "todos",
            "reminders",
            "todo",
            "to-do",
            "list",
        ]);
        return if loose && !mine { None } else { Some(0.92) };
    }
    None
}

/// "list", "my tasks", "tasks for today", "overdue", "to-do list for today".
fn is_list_alone(text: &Text<'_>, at: usize) -> bool {
    let len = text.end_of_words();
    let rest = len.saturating_sub(at);
    let is_plural = |at: usize| {
        text.is_any(at, words!["tasks", "todos", "to-dos", "reminders"])
            || text.after_any(at, words!["todo list", "to-do list", "task list", "to do list"]).is_some()
    };
    let start =
        text.after_any(at, words!["all my", "all the", "all of my", "my", "the", "all"]).unwrap_or(at);
    let filters = words![
        "overdue",
        "completed",
        "pending",
        "open",
        "upcoming",
        "today's",
        "tomorrow's",
        "finished",
        "active",
        "done",
        "todays",
    ];
    let adjectives = words![
        "high",
        "low",
        "medium",
        "top",
        "urgent",
        "important",
        "priority",
        "high-priority",
        "critical"
    ];
    let is_filter = |at: usize| {
        text.is_any(at, filters)
            || text.is_any(at, adjectives)
            || text.tokens.get(at).is_some_and(|token| token.kind == Kind::Tag)
    };
    // At most four of them: "my open high priority tasks".
    let filtered = (start..start + 4).find(|at| !is_filter(*at)).unwrap_or(start);
    let ends = |at: usize| {
        at >= len
            || text
                .is_any(at, words!["for", "due", "today", "tomorrow", "this", "tagged", "with", "on", "list"])
    };
    (rest == 1 && text.is_any(at, words!["list", "show", "tasks", "todos", "agenda", "overdue"]))
        || text
            .after_any(at, words!["my list", "my tasks list", "the list", "my agenda"])
            .is_some_and(|end| end >= len)
        || (is_plural(filtered) && ends(filtered + 1) && !text.is_mark(filtered + 1, ':'))
        || text
            .after_any(
                at,
                words![
                    "list all",
                    "show all",
                    "show everything",
                    "show me the list",
                    "show the list",
                    "show list",
                    "read the list",
                    "show my list",
                    "list everything",
                    "show me everything",
                ],
            )
            .is_some_and(|end| end >= len)
}

fn has_noun(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const NOUNS: &Words = words![
        "task", "tasks", "todo", "todos", "to-do", "to-dos", "reminder", "reminders", "agenda", "chores",
        "errands", "overdue", "deadlines", "reminded",
    ];
    #[rustfmt::skip]
    const PHRASES: &Words = words![
        "to do list", "to dos", "to do's", "my list", "shopping list", "grocery list", "things to do", "on my plate",
        "on the list",
    ];
    (at..text.len()).any(|at| {
        text.is_any(at, NOUNS)
            || text.after_any(at, PHRASES).is_some()
            || (text.is_any(at, words!["list", "lists"])
                && text.is_any(at.wrapping_sub(1), words!["my", "errand", "chore", "task", "do"]))
    })
}

/// "what do I have to do", "what's due today", "am I free tomorrow evening".
fn asks_for_duties(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const STARTS: &Words = words![
        "what do i have to do", "what do i need to do", "what should i do", "what must i do",
        "what do i have", "what have i got", "what am i going to do", "what am i supposed to do",
        "am i free", "am i busy", "am i available", "do i have anything", "do i have something",
        "have i got anything", "is anything due", "anything due", "is there anything due",
        "what else do i have", "what is due", "what's due", "whats due", "what is overdue",
        "what's overdue", "which are due", "which are overdue", "what is next", "what's next",
        "what is left", "what's left", "what is on my agenda", "what's on my agenda", "what is on today",
        "what's on today", "what's on for", "what is on for", "what's coming up", "what is coming up",
        "how does my day look", "what does my day look like", "what does my week look like",
        "how does my week look", "what's on my schedule", "what is on my schedule", "how many are overdue",
        "how many are due", "how many are left", "how many are done", "how many are open",
        "how many do i have", "what is pending", "what's pending", "what did i finish",
        "what did i complete", "what have i done", "what have i finished", "what have i completed",
        "what did i do", "how many did i", "how many have i", "what's on my plate", "anything for",
        "anything on", "what's up for", "what's planned", "what is planned", "what did i ask",
        "do i need to do anything", "do i have to do anything", "what's happening on", "what's urgent",
        "what is urgent", "what's late", "what is late", "whats late", "what did i miss", "what have i missed",
        "what else is there to do", "what is there to do", "what's there to do", "what do i still have to do",
        "what's important", "what is important", "what's in my list", "what is in my list", "what's in the list",
        "what is in the list", "how many things do i have to do", "what things do i have to do", "which ones are",
        "what's on the list", "what is on the list", "what's the list", "what's my schedule", "what is my schedule",
        "am i missing anything", "is anything overdue", "is anything left", "anything overdue", "anything else to do",
        "anything left to do", "anything urgent", "do i have anything left", "what can i do next", "what should i focus on",
        "what's the next thing", "what is the next thing", "what i have to do", "what i need to do", "what i should do",
        "what i must do", "what i have on", "what i have for", "what i have today", "what i have tomorrow", "what i've got",
        "what i did", "what i finished", "what i completed", "what's on my calendar", "what is on my calendar", "whats on my calendar",
        "what's on the calendar", "what is on the calendar", "what i have scheduled", "what i have planned", "what i have due",
        "what i have coming up", "what i have left", "what i still have to do", "what i still need to do", "what i got done",
        "how many things did i", "how many things have i", "what are my priorities", "what are my top priorities",
        "what things did i", "what did i get done", "what have i got done", "what's still open", "what is still open",
        "what's still left", "what is still left", "what's outstanding", "what is outstanding", "what's coming", "what is coming",
        "do i still have anything", "have i anything", "is there anything i", "is there anything left", "is there anything else",
    ];
    if text.after_any(at, STARTS).is_some() {
        return true;
    }
    // "when is the dentist due", "is the report due today"
    text.is_any(at, words!["when", "when's", "is", "are", "which"]) && text.has_any(words!["due"])
}
