//! Which tasks are asked for: "آج کے کام", "لیٹ کام", "اس ہفتے کے ضروری کام".

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use domain::task::Status;

use crate::meaning::calendar;
use crate::meaning::compose::{self, Meaning};
use crate::meaning::lead::Lead;
use crate::meaning::phrase::{Mode, Phrase, Value};
use crate::span::Span;
use crate::token::{Kind, Text, quoted};
use crate::urdu::lexicon::Said;
use crate::urdu::phrase::{self, Look};
use crate::urdu::{label, title, verb};
use crate::words::{Words, words};
use crate::{Context, Query};

/// Words that only say that tasks are asked for.
#[rustfmt::skip]
const PADDING: &Words = words![
    "ap", "paas", "aur", "aaj", "abhi", "bata", "behad", "bhi", "chahiye", "chuk-a", "daal", "dehani",
    "dekh", "dikha", "do", "de", "ga", "hai", "hi", "ho", "ho-a", "hoga", "hoon", "hum", "ja-a", "ji", "jo",
    "ka", "kaam", "kab", "kahan", "kar", "kaun", "kaunsa", "ke", "keh", "ki", "kiya", "kitna", "ko", "koi",
    "kuch", "kya", "late", "le-a", "liye", "list", "mein", "mene", "mera", "mujhe", "mukammal", "khatam",
    "nahi", "na", "ne", "overdue", "par", "please", "rah", "rehta", "reminder", "sa", "sab", "se", "tak",
    "tha", "to", "un", "wala", "wo", "ya", "yaad", "yeh", "zara", "delete", "is", "guzar", "miss", "waqt", "free",
    "masroof", "baqi", "pending", "shuda", "kisi", "tarikh", "active", "open", "show", "what", "zaroori",
    "fori", "urgent", "ahem", "rakh-a", "aa-na", "agla", "کہیں", "ab", "اب", "due", "deadline",
    "na-mukammal", "namukammal", "adhura", "plan", "schedule", "agenda", "tag", "time", "raha", "موجود",
    "de-na", "dikha-na", "bata-na", "naya", "phir", "baad", "pehle", "chhor", "kal", "din", "hafte",
    "search", "find", "display", "khol", "khol-o", "talash", "تلاش", "سرچ", "شو", "فائنڈ", "priority", "high", "low", "medium", "ziyada", "kam",
];

/// Reads which tasks, from all of a text.
pub(crate) fn read(said: &Said<'_>, context: &Context) -> (Query, Vec<Span>) {
    let text = &said.text;
    let status = status(said);
    let is_past = status == Some(Status::Completed) || text.has_any(words!["tha"]);
    let look = Look { mode: Mode { in_query: true, ..Mode::default() }, is_past, has_verb: false };
    let phrases = phrase::scan(said, context, look).into_iter();
    let phrases = phrases
        .filter(|phrase| !matches!(phrase.value, Value::Rule(_) | Value::Reminder(_) | Value::Unsupported));
    let meaning =
        compose::compose(phrases.collect(), context, |phrase| text.slice(phrase.from, phrase.to).to_owned());
    let mut query = Query { status, tags: meaning.tags.clone(), ..Query::default() };
    query.overdue = is_overdue(said);
    if query.overdue {
        query.status = Some(Status::Active);
    }
    query.priority = meaning.priority.or_else(|| {
        (0..text.len()).find_map(|at| {
            let word = text.word(at);
            matches!(word, "fori" | "urgent" | "zaroori" | "ahem")
                .then(|| label::priority_word(word))
                .flatten()
        })
    });
    if !query.overdue {
        let (from, to) = range(&meaning, context.now);
        if query.status == Some(Status::Completed) {
            (query.completed_from, query.completed_to) = (from, to);
        } else {
            (query.due_from, query.due_to) = (from, to);
        }
    }
    query.text = words(said, &meaning.used);
    let mut spans: Vec<Span> = meaning
        .used
        .iter()
        .filter_map(|phrase| text.span(phrase.from, phrase.to, phrase.value.kind()))
        .collect();
    spans.sort_by_key(|span| span.start);
    (query, spans)
}

/// "لیٹ", "رہ گئے", "جن کا وقت گزر گیا".
fn is_overdue(said: &Said<'_>) -> bool {
    let text = &said.text;
    text.has_any(words!["overdue", "late"])
        || text.find(0, "rah ja-a").is_some()
        || text.find(0, "guzar ja-a").is_some()
        || text.find(0, "guzar chuk-a").is_some()
        || text.find(0, "miss ho").is_some()
}

/// "حذف شدہ کام", "delete kiye hue kaam".
pub(crate) fn is_deleted(text: &Text<'_>) -> bool {
    (0..text.len())
        .any(|at| text.word(at) == "delete" && text.is_any(at + 1, words!["shuda", "kar-a", "ho-a"]))
}

fn status(said: &Said<'_>) -> Option<Status> {
    let text = &said.text;
    if is_deleted(text) {
        return Some(Status::Deleted);
    }
    let is_open = text.has_any(words![
        "nahi",
        "baqi",
        "pending",
        "active",
        "open",
        "rehta",
        "namukammal",
        "na-mukammal",
        "adhura",
    ]);
    let done = text.has_any(words!["mukammal", "khatam", "kiya", "kar-a"])
        || text.find(0, "ho chuk-a").is_some()
        || text.find(0, "ho ja-a").is_some()
        || text.find(0, "kar le-a").is_some()
        || text.find(0, "kar chuk-a").is_some()
        || verb_kya(said);
    if is_open {
        Some(Status::Active)
    } else if done {
        Some(Status::Completed)
    } else if (0..text.len()).any(|at| text.is_any(at, words!["sab", "har"]) && text.word(at + 1) != "se")
        && !text.has_any(words!["aaj", "kal", "is"])
    {
        None
    } else {
        Some(Status::Active)
    }
}

/// "کل کیا کیا": the last of two is what was done.
fn verb_kya(said: &Said<'_>) -> bool {
    let text = &said.text;
    let end = text.end_of_words();
    let end = if end > 0 && text.is_any(end - 1, words!["tha", "hai"]) { end - 1 } else { end };
    let asks_before =
        (0..end.saturating_sub(1)).any(|at| text.is_any(at, words!["kya", "kaunsa", "kaun", "kitna"]));
    end > 1 && text.word(end - 1) == "kya" && asks_before && verb::done_before(text, end).is_some()
}

type Bound = Option<NaiveDateTime>;

/// Gives from when to when tasks are due, or were done.
fn range(meaning: &Meaning, now: NaiveDateTime) -> (Bound, Bound) {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    let (first, last) = match (meaning.days, meaning.due) {
        (Some((from, to)), _) => (from, to),
        (None, Some(due)) => (due.date, calendar::days_after(due.date, 1).unwrap_or(due.date)),
        (None, None) => return (None, None),
    };
    let is_span = meaning.used.iter().any(|phrase| matches!(phrase.value, Value::FromNow(_)));
    // "3 دن میں": from today on.
    if is_span && meaning.time.is_none() {
        return (Some(midnight(now.date())), calendar::days_after(first, 1).map(midnight));
    }
    let (mut from, mut to) = (midnight(first), midnight(last));
    if let Some(part) = meaning.part {
        let (begins, hours) = part.span();
        from = first.and_time(crate::meaning::clock::time(begins, 0));
        to = from + TimeDelta::hours(i64::from(hours));
    } else if let Some(at) = meaning.time {
        from = first.and_time(at);
        to = from + TimeDelta::hours(1);
    }
    match meaning.day_lead {
        Some(Lead::By) => (None, Some(from)),
        Some(Lead::Until) => (None, Some(to)),
        Some(Lead::From) => (Some(from), None),
        _ => (Some(from), Some(to)),
    }
}

/// Gives the words that ask for nothing by themselves: they are looked for in titles.
fn words(said: &Said<'_>, used: &[Phrase]) -> Option<String> {
    let text = &said.text;
    let is_used = |at: usize| used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
    let is_free = |at: usize| {
        let token = &text.tokens[at];
        !is_used(at)
            && match token.kind {
                Kind::Word => {
                    let stem = token.lower().split('-').next().unwrap_or("");
                    !(PADDING.contains(token.lower())
                        || PADDING.contains(stem) && token.lower().contains('-'))
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
    let inside = used.iter().filter(|phrase| phrase.from >= first && phrase.to <= last + 1);
    let inside: Vec<Phrase> = inside
        .map(|phrase| Phrase {
            from: phrase.from - first,
            to: phrase.to - first,
            value: phrase.value.clone(),
        })
        .collect();
    title::title(&between, &inside).0
}
