//! The words that ask for a new task: "create a task to", "remind me to", "add".

use domain::reminder::Method;
use domain::task::Priority;

use crate::english::label;
use crate::english::vocabulary;
use crate::token::Text;
use crate::words::{Table, Words, words};

/// How a task was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Opening {
    /// Where what is to be done begins.
    pub(crate) end: usize,
    /// How clearly it was asked for.
    pub(crate) confidence: f64,
    /// Whether to be reminded was asked for.
    pub(crate) wants_reminder: bool,
    /// The priority named in front: "an urgent task".
    pub(crate) priority: Option<Priority>,
    /// How to be reminded, if said: "send me an e-mail reminder to".
    pub(crate) method: Option<Method>,
}

impl Opening {
    /// Gives one that says nothing but that a task is wanted.
    pub(crate) fn plain(end: usize, confidence: f64) -> Self {
        Self { end, confidence, wants_reminder: false, priority: None, method: None }
    }
}

/// The words of a wish, how clear it is, and whether it is one to be reminded.
static WISHES: Table<(f64, bool)> = Table::new(&[
    ("don't let me forget about", (0.95, true)),
    ("do not let me forget to", (0.95, true)),
    ("don't let me forget to", (0.95, true)),
    ("remember to remind me to", (0.95, true)),
    ("i want you to remind me to", (0.95, true)),
    ("i need a reminder to", (0.95, true)),
    ("i want to be reminded to", (0.95, true)),
    ("i need to be reminded to", (0.95, true)),
    ("set me a reminder to", (0.95, true)),
    ("set a reminder to", (0.95, true)),
    ("remind me that i have to", (0.95, true)),
    ("remind me that i need to", (0.95, true)),
    ("remind me that", (0.95, true)),
    ("remind me about", (0.95, true)),
    ("remind me to", (0.95, true)),
    ("remind me of", (0.95, true)),
    ("remind me please to", (0.95, true)),
    ("remind me again to", (0.95, true)),
    ("remind me i have to", (0.95, true)),
    ("remind me i need to", (0.95, true)),
    ("remind me i should", (0.95, true)),
    ("remind me for", (0.92, true)),
    ("remind me", (0.92, true)),
    ("i want to be reminded about", (0.95, true)),
    ("i want to be reminded of", (0.95, true)),
    ("i need to be reminded about", (0.95, true)),
    ("i want to be reminded", (0.9, true)),
    ("i need to be reminded", (0.9, true)),
    ("be reminded about", (0.92, true)),
    ("be reminded that", (0.92, true)),
    ("be reminded of", (0.92, true)),
    ("be reminded to", (0.92, true)),
    ("be reminded", (0.9, true)),
    ("don't let me forget that", (0.95, true)),
    ("don't let me forget", (0.92, true)),
    ("alert me to", (0.92, true)),
    ("alert me about", (0.92, true)),
    ("alert me", (0.88, true)),
    ("notify me to", (0.92, true)),
    ("notify me about", (0.92, true)),
    ("notify me", (0.88, true)),
    ("ping me to", (0.9, true)),
    ("ping me about", (0.9, true)),
    ("ping me", (0.85, true)),
    ("nudge me to", (0.92, true)),
    ("nudge me about", (0.9, true)),
    ("nudge me", (0.85, true)),
    ("remind us to", (0.92, true)),
    ("reminder to", (0.92, true)),
    ("reminder that", (0.92, true)),
    ("reminder for", (0.92, true)),
    ("reminder about", (0.92, true)),
    ("reminder", (0.85, true)),
    ("don't forget that i have to", (0.9, false)),
    ("don't forget to", (0.9, false)),
    ("do not forget to", (0.9, false)),
    ("dont forget to", (0.9, false)),
    ("never forget to", (0.9, false)),
    ("don't forget about", (0.85, false)),
    ("don't forget", (0.85, false)),
    ("remember to", (0.9, false)),
    ("make sure i don't forget to", (0.92, false)),
    ("make sure i do not forget to", (0.92, false)),
    ("make sure i remember to", (0.92, false)),
    ("make sure that i", (0.88, false)),
    ("make sure to", (0.88, false)),
    ("make sure i", (0.88, false)),
    ("make a note that i have to", (0.9, false)),
    ("make a note that i need to", (0.9, false)),
    ("make a note that", (0.9, false)),
    ("make a note to", (0.9, false)),
    ("make a note of", (0.9, false)),
    ("make a note", (0.85, false)),
    ("dont forget about", (0.85, false)),
    ("dont forget", (0.85, false)),
    ("do not forget", (0.85, false)),
    ("remember that i have to", (0.88, false)),
    ("we should", (0.8, false)),
    ("we've got to", (0.85, false)),
    ("we gotta", (0.85, false)),
    ("i'm supposed to", (0.82, false)),
    ("i am supposed to", (0.82, false)),
    ("i plan to", (0.78, false)),
    ("note to self", (0.9, false)),
    ("i need to remember to", (0.9, false)),
    ("another one to", (0.88, false)),
    ("another task to", (0.88, false)),
    ("another to", (0.88, false)),
    ("i also need to", (0.85, false)),
    ("i also have to", (0.85, false)),
    ("i also want to", (0.8, false)),
    ("i have got to", (0.85, false)),
    ("i've got to", (0.85, false)),
    ("i really need to", (0.82, false)),
    ("i need to", (0.85, false)),
    ("i have to", (0.85, false)),
    ("i must", (0.85, false)),
    ("i should", (0.8, false)),
    ("i ought to", (0.8, false)),
    ("i gotta", (0.85, false)),
    ("i want to", (0.75, false)),
    ("i'd like to", (0.75, false)),
    ("i wanna", (0.75, false)),
    ("we need to", (0.85, false)),
    ("we have to", (0.85, false)),
    ("we must", (0.8, false)),
    ("need to", (0.85, false)),
    ("have to", (0.85, false)),
    ("got to", (0.8, false)),
    ("gotta", (0.85, false)),
    ("must", (0.8, false)),
]);

#[rustfmt::skip]
/// What a new task is called, longer names first.
pub(crate) const NOUNS: &Words = words![
    "task item", "todo item", "to-do item", "to do item", "action item", "shopping item", "work item",
    "task", "todo", "to-do", "to do", "item", "reminder", "entry",
];

/// Reads the words that ask for a new task.
pub(crate) fn read(text: &Text<'_>, at: usize) -> Option<Opening> {
    noun_opening(text, at).or_else(|| sent(text, at)).or_else(|| wish(text, at)).or_else(|| add(text, at))
}

/// "send me an e-mail reminder to …", "e-mail me a reminder on friday to …".
fn sent(text: &Text<'_>, at: usize) -> Option<Opening> {
    let start = text.after_any(
        at,
        words![
            "send me",
            "give me",
            "set me",
            "email me",
            "e-mail me",
            "mail me",
            "i want",
            "i would like",
            "i'd like",
            "set",
        ],
    )?;
    let by_mail = text.is_any(at, words!["email", "e-mail", "mail"]);
    let article = text.after_any(start, words!["a", "an", "another"]).unwrap_or(start);
    let (method, noun) = match text.after_any(article, words!["email", "e-mail", "mail"]) {
        Some(end) => (Some(Method::Email), end),
        None => match text.after_any(article, words!["push", "push notification"]) {
            Some(end) => (Some(Method::Push), end),
            None => (by_mail.then_some(Method::Email), article),
        },
    };
    let end = text.after_any(noun, words!["reminder", "reminders", "alert", "notification"])?;
    let end = text.after_any(end, words!["to", "that", "about", "of", "for me to"]).unwrap_or(end);
    Some(Opening { end, confidence: 0.92, wants_reminder: true, priority: None, method })
}

/// "create a high priority task to …", "new task: …", "todo: …".
fn noun_opening(text: &Text<'_>, at: usize) -> Option<Opening> {
    #[rustfmt::skip]
    const VERBS: &Words = words![
        "i would like to add", "i want to add", "i need to add", "i want to create", "i'd like to add",
        "i'd like to create", "jot down", "note down", "write down", "set up", "put down", "create", "add",
        "make", "new", "set", "put", "append", "insert", "log", "record", "schedule", "start", "i need",
        "i want", "give me", "enter", "register", "save",
    ];
    let verb_end =
        text.after_any(at, VERBS).map(|end| text.after_any(end, words!["for me", "me"]).unwrap_or(end));
    let mut end = verb_end.unwrap_or(at);
    let mut priority = None;
    // At most six adjectives: "another new very urgent".
    for _ in 0..6 {
        let articles = words![
            "a",
            "an",
            "another",
            "the",
            "one",
            "new",
            "my",
            "very",
            "quick",
            "small",
            "recurring",
            "simple",
            "to my list",
        ];
        if let Some(next) = text.after_any(end, articles) {
            end = next;
        } else if let Some((level, next)) = adjective(text, end) {
            (priority, end) = (Some(level), next);
        } else {
            break;
        }
    }
    let noun_at = end;
    let noun_end = text.after_any(end, NOUNS)?;
    // "make a to do list"
    if text.is_any(noun_end, words!["list", "lists", "app", "force"]) {
        return None;
    }
    let is_reminder = text.word(noun_at) == "reminder";
    let has_colon =
        text.is_mark(noun_end, ':') || text.is_mark(noun_end, '-') || text.is_mark(noun_end, '\u{2014}');
    let is_new = noun_at > at;
    let is_described = is_new && (priority.is_some() || text.is_any(at, words!["a", "new", "another"]));
    if verb_end.is_none() && !has_colon && !is_described {
        return None;
    }
    // "set up the task force", "make the item pretty": what follows decides.
    let mut end = if has_colon { noun_end + 1 } else { noun_end };
    if let Some((level, next)) = label::read_priority(text, end)
        .filter(|_| !has_colon && text.after_any(end, words!["with", "as"]).is_some())
    {
        (priority, end) = (Some(level), next);
    }
    #[rustfmt::skip]
    const LINKS: &Words = words![
        "in my to do list to", "to my to do list to", "to my list to", "in my list to",
        "to my to-do list to", "that says to", "that says", "saying to", "saying", "called", "named",
        "titled", "with the title", "with title", "with name", "entitled", "for me to", "which says",
        "that i need to", "that i have to", "that i should", "so that i", "about", "of", "to remind me to",
        "to", "that", "i need to",
    ];
    let linked = text.after_any(end, LINKS);
    let end = linked.unwrap_or(end);
    let end = if text.is_mark(end, ':') || text.is_mark(end, '-') { end + 1 } else { end };
    let end = for_someone(text, end, is_reminder);
    Some(Opening { end, confidence: 0.95, wants_reminder: is_reminder, priority, method: None })
}

/// "a task *for* painting", but not "for tomorrow", which is a date.
fn for_someone(text: &Text<'_>, at: usize, is_reminder: bool) -> usize {
    let Some(end) = text.after(at, "for") else { return at };
    let next_is_title = !vocabulary::is_boundary(text, end) && !text.is_any(end, words!["the", "in"]);
    let is_number = text.word(end).starts_with(|c: char| c.is_ascii_digit());
    if next_is_title && !is_number
        || (is_reminder && text.is_any(end, words!["the", "my"]) && !vocabulary::is_boundary(text, end + 1))
    {
        end
    } else {
        at
    }
}

fn adjective(text: &Text<'_>, at: usize) -> Option<(Priority, usize)> {
    let level = label::priority_word(text.word(at))?;
    match text.word(at) {
        "high" | "low" | "medium" | "top" | "normal" | "highest" | "lowest" => {
            Some((level, text.after(at + 1, "priority")?))
        }
        _ => Some((level, text.after(at + 1, "priority").unwrap_or(at + 1))),
    }
}

/// "remind me to …", "I need to …".
fn wish(text: &Text<'_>, at: usize) -> Option<Opening> {
    let (&(confidence, wants_reminder), end) = text.look_up(at, &WISHES)?;
    // "I need to know", "I want to listen": nothing to be done.
    let idle = words!["know", "see", "check", "listen", "hear", "find", "understand", "ask", "say"];
    if !wants_reminder
        && text.word(at) == "i"
        && text.is_any(end, idle)
        && text.is_any(end + 1, words!["how", "what", "if", "whether", "why", "some", "to", "when", "about"])
    {
        return None;
    }
    let end = if text.is_mark(end, ':') || text.is_mark(end, ',') { end + 1 } else { end };
    Some(Opening { end, confidence, wants_reminder, priority: None, method: None })
}

/// Reads a wish behind a day: "tomorrow *i need to* call bob", and gives where it ends and whether it is one to be reminded.
pub(crate) fn read_wish(text: &Text<'_>, at: usize) -> Option<(usize, bool)> {
    wish(text, at).map(|opening| (opening.end, opening.wants_reminder))
}

/// "add milk", "schedule a meeting tomorrow at 3".
fn add(text: &Text<'_>, at: usize) -> Option<Opening> {
    let plain = |end, confidence| {
        Some(Opening { end, confidence, wants_reminder: false, priority: None, method: None })
    };
    if let Some(end) = text.after_any(
        at,
        words![
            "add to my to do list",
            "add to my to-do list",
            "add to my list",
            "add to the list",
            "add to my shopping list",
        ],
    ) {
        return plain(if text.is_mark(end, ':') { end + 1 } else { end }, 0.9);
    }
    if text.word(at) == "add" && text.len() > at + 1 && !text.is_any(at + 1, words!["to", "up"]) {
        return plain(if text.is_mark(at + 1, ':') { at + 2 } else { at + 1 }, 0.88);
    }
    // "jot down: ask Wei", "jot down ask Wei"
    let noted = text.after_any(at, words!["jot down", "note down", "write down", "put down", "memo", "note"]);
    let noted = noted.filter(|end| text.is_mark(*end, ':') || text.is_any(at, words!["jot"]));
    if let Some(end) = noted.filter(|end| end + 1 < text.len()) {
        return plain(if text.is_mark(end, ':') { end + 1 } else { end }, 0.88);
    }
    let end = text.after_any(at, words!["schedule me a", "schedule me an", "schedule a", "schedule an"])?;
    plain(end, 0.88)
}
