//! Questions about tasks: "what's due today", "show high priority tasks", "how many are overdue".

use crate::english::filter;
use crate::span::Span;
use crate::token::Text;
use crate::{Context, Query};

/// Reads a question about tasks, and gives how sure it is.
pub(crate) fn read(text: &Text<'_>, at: usize, context: &Context) -> Option<(Query, Vec<Span>, f64)> {
    let confidence = sureness(text, at)?;
    let (mut query, spans) = filter::read(&text.part(at, text.len()), context);
    query.count_only = text.find(at, "how many").is_some()
        || text.is_any(at, &["count"])
        || text.find(at, "number of").is_some();
    Some((query, spans, confidence))
}

fn sureness(text: &Text<'_>, at: usize) -> Option<f64> {
    const SHOW: &[&str] = &[
        "show", "list", "display", "view", "see", "get", "give", "tell", "read", "find", "search", "check",
        "pull", "recite", "iterate", "open", "access", "count", "let", "let's", "look", "i", "fetch",
        "print",
    ];
    const ASK: &[&str] = &[
        "what", "what's", "whats", "which", "how", "do", "does", "did", "is", "are", "am", "any", "anything",
        "when", "when's", "where", "have", "what're", "who",
    ];
    let about_tasks = has_noun(text, at);
    let is_whole_list = is_list_alone(text, at);
    if is_whole_list {
        return Some(0.95);
    }
    // "check off apples" and "check it off" are no questions.
    if text.word(at) == "check" && text.has_any(&["off"]) {
        return None;
    }
    let shows_through =
        text.is_any(at, &["go", "walk", "run", "take", "help"]) && text.has_any(&["through", "show"]);
    if shows_through && about_tasks {
        return Some(0.85);
    }
    let asks = text.is_any(at, ASK);
    if asks && (about_tasks || asks_for_duties(text, at)) {
        let explains = text.after_any(
            at,
            &[
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
        let wishes = [
            "i have to see",
            "i want to see",
            "i want to check",
            "i need to know what",
            "i need to see",
            "i want to know what",
            "i'd like to see",
        ];
        if is_wish && text.after_any(at, &wishes).is_none() {
            return None;
        }
        // "check the task list for bugs", "read the reminder letter": work to do, unless it is about mine.
        let loose =
            text.is_any(at, &["check", "read", "get", "open", "look", "print", "find", "see", "view"]);
        let mine = text.has_any(&[
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
        text.is_any(at, &["tasks", "todos", "to-dos", "reminders"])
            || text.after_any(at, &["todo list", "to-do list", "task list", "to do list"]).is_some()
    };
    let start = text.after_any(at, &["all my", "all the", "all of my", "my", "the", "all"]).unwrap_or(at);
    let filters = [
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
    let filtered = if text.is_any(start, &filters) { start + 1 } else { start };
    let ends = |at: usize| {
        at >= len
            || text.is_any(at, &["for", "due", "today", "tomorrow", "this", "tagged", "with", "on", "list"])
    };
    (rest == 1 && text.is_any(at, &["list", "show", "tasks", "todos", "agenda", "overdue", "today"]))
        || (is_plural(filtered) && ends(filtered + 1) && !text.is_mark(filtered + 1, ':'))
        || text
            .after_any(
                at,
                &[
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
    const NOUNS: &[&str] = &[
        "task", "tasks", "todo", "todos", "to-do", "to-dos", "reminder", "reminders", "agenda", "chores",
        "errands", "overdue", "deadlines", "reminded",
    ];
    #[rustfmt::skip]
    const PHRASES: &[&str] = &[
        "to do list", "to dos", "my list", "shopping list", "grocery list", "things to do", "on my plate",
        "on the list",
    ];
    (at..text.len()).any(|at| {
        text.is_any(at, NOUNS)
            || text.after_any(at, PHRASES).is_some()
            || (text.is_any(at, &["list", "lists"])
                && text.is_any(at.wrapping_sub(1), &["my", "errand", "chore", "task", "do"]))
    })
}

/// "what do I have to do", "what's due today", "am I free tomorrow evening".
fn asks_for_duties(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const STARTS: &[&str] = &[
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
        "what is urgent",
    ];
    if text.after_any(at, STARTS).is_some() {
        return true;
    }
    // "when is the dentist due", "is the report due today"
    text.is_any(at, &["when", "when's", "is", "are", "which"]) && text.has_any(&["due"])
}
