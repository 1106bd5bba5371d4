//! Which task is meant: "دودھ والا کام", "نمبر 2", "آخری والا", "اسے", "سب مکمل کام".

use crate::meaning::phrase::{Mode, Phrase, Value};
use crate::span::{Span, SpanKind};
use crate::token::{Kind, quoted};
use crate::urdu::lexicon::Said;
use crate::urdu::phrase::{self, Look};
use crate::urdu::{filter, number, title};
use crate::words::{Words, words};
use crate::{Context, Target};

/// Targets, the words that name them, and how clearly they name tasks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// One or more.
    pub(crate) targets: Vec<Target>,
    /// Where they are named.
    pub(crate) spans: Vec<Span>,
    /// Whether it is said that a task is meant: a number, a pronoun, the word "کام", "والا".
    pub(crate) is_plain: bool,
}

/// Words in front of a task's name that are no part of it.
const OPENING: &Words = words![
    "mera", "wo", "yeh", "is", "isi", "please", "zara", "ab", "aur", "to", "hum", "mujhe", "mene", "mein",
    "ne",
];

/// Words behind a task's name that are no part of it.
const CLOSING: &Words = words![
    "ko", "ka", "ki", "ke", "wala", "bhi", "hi", "please", "ab", "abhi", "ne", "to", "par", "se", "ji", "wo",
    "sab",
];

/// Reads targets from all of a text.
pub(crate) fn read(said: &Said<'_>, context: &Context) -> Found {
    let whole = said.text.len();
    let said = &without_list(said);
    let from_list = said.text.len() < whole;
    let text = &said.text;
    let mut end = text.end_of_words();
    if end > 3 && text.after(end - 3, "ke bare mein") == Some(end) {
        end -= 3;
    }
    while end > 0 && (text.is_any(end - 1, CLOSING) || text.tokens[end - 1].kind == Kind::Mark) {
        end -= 1;
    }
    let spans: Vec<Span> = text.span(0, text.end_of_words(), SpanKind::Target).into_iter().collect();
    let found = |targets, is_plain| Found { targets, spans, is_plain };
    let all = said.part(0, end);
    if let Some(target) = pronoun(said) {
        return found(vec![target], true);
    }
    if let Some(targets) = numbers(&all) {
        return found(targets, true);
    }
    if let Some(target) = every(&all, context) {
        return found(vec![target], true);
    }
    let (target, is_plain) = titled(&all, context);
    found(vec![target], is_plain || from_list)
}

/// Takes off "لسٹ سے", "میری فہرست میں سے".
fn without_list<'a>(said: &Said<'a>) -> Said<'a> {
    let text = &said.text;
    let list = (0..text.len()).find_map(|at| {
        let start = text.after_any(at, words!["mera"]).unwrap_or(at);
        let noun = text.after_any(start, words!["kaam ki list", "kaam list", "list"])?;
        Some((at, text.after_any(noun, words!["mein se", "se", "mein"])?))
    });
    match list {
        Some((0, end)) => said.part(end, text.len()),
        Some((from, end)) if end >= text.end_of_words() => said.part(0, from),
        _ => said.part(0, text.len()),
    }
}

/// "اسے", "یہ والا", "آخری کام", from all of a text.
pub(crate) fn pointed_at(said: &Said<'_>) -> Option<Target> {
    pronoun(&without_list(said))
}

fn pronoun(said: &Said<'_>) -> Option<Target> {
    let text = &said.text;
    let words = text.end_of_words();
    let ends = words > 1 && text.is_any(words - 1, words!["ko", "ka", "ki", "ke", "bhi", "hi"]);
    let end = if ends { words - 1 } else { words };
    let start = text.after_any(0, words!["please", "ab", "zara"]).unwrap_or(0);
    let named = text.part(start, end);
    #[rustfmt::skip]
    const IT: &Words = words![
        "ise", "yeh", "wo", "is", "isi", "yehi", "wohi", "un", "mujhe ise", "yeh wala", "wo wala",
        "is wala", "yeh kaam", "wo kaam", "is kaam", "yeh wala kaam", "wo wala kaam", "is wala kaam",
        "is reminder", "yeh reminder", "is bare mein", "is ke bare mein", "is kaam ke bare mein",
        "ke bare mein",
    ];
    #[rustfmt::skip]
    const LAST: &Words = words![
        "akhri", "akhri wala", "akhri kaam", "akhri wala kaam", "akhri reminder", "sab se akhri",
        "sab se akhri wala", "sab se akhri kaam", "pichla", "pichla wala", "pichla kaam",
    ];
    if named.is_whole(IT) {
        Some(Target::It)
    } else if named.is_whole(LAST) {
        Some(Target::Last)
    } else {
        None
    }
}

/// "2", "کام نمبر 2", "دوسرا والا", "2 اور 3".
fn numbers(said: &Said<'_>) -> Option<Vec<Target>> {
    let text = &said.text;
    let mut targets = Vec::new();
    let mut at = 0;
    loop {
        let start =
            text.after_any(at, words!["kaam number", "kaam no", "number", "kaam", "yeh"]).unwrap_or(at);
        let (number, end) = one_number(said, start)?;
        targets.push(Target::Number(number));
        if end >= text.len() {
            return Some(targets);
        }
        let comma = if text.is_mark(end, ',') || text.is_mark(end, '&') { end + 1 } else { end };
        at = text.after(comma, "aur").unwrap_or(comma);
        if at == end || targets.len() >= 20 {
            return None;
        }
    }
}

fn one_number(said: &Said<'_>, at: usize) -> Option<(u32, usize)> {
    let text = &said.text;
    let token = text.tokens.get(at)?;
    if let Some(number) = token.lower().strip_prefix('#').and_then(crate::english::number::digits) {
        return (number > 0).then_some((number, at + 1));
    }
    let (number, end) =
        number::ordinal(text, at).or_else(|| number::whole(text, at)).filter(|(number, _)| *number > 0)?;
    let noun =
        words!["wala kaam", "number wala kaam", "number wala", "number kaam", "number", "wala", "kaam"];
    let end = text.after_any(end, noun).unwrap_or(end);
    Some((number, text.after(end, "ko").filter(|after| *after < text.len()).unwrap_or(end)))
}

/// "سب", "سب کام", "تمام مکمل کام", "لیٹ کام سارے".
fn every(said: &Said<'_>, context: &Context) -> Option<Target> {
    let text = &said.text;
    let start = text.after_any(0, words!["mera", "mera wala"]).unwrap_or(0);
    // "آج کے سارے کام": what stands in front says which.
    let is_all = text.is_any(start, words!["sab", "har"])
        || text.has_any(words!["sab"]) && text.has_any(words!["kaam", "reminder"]);
    let has_noun = text.has_any(words!["kaam", "reminder", "list"]) || text.len() == start + 1;
    let rest = ["sab kuch", "sab"].iter().any(|words| text.after(start, words) == Some(text.len()));
    // "sab doodh" names no tasks.
    if !(is_all && (has_noun || rest)) && !is_filtered(said) {
        return None;
    }
    Some(Target::All { filter: filter::read(said, context).0 })
}

/// "مکمل شدہ کام", "overdue tasks": those of a kind, without "all".
fn is_filtered(said: &Said<'_>) -> bool {
    let text = &said.text;
    let Some(last) = text.len().checked_sub(1) else { return false };
    let kinds = words!["mukammal", "overdue", "late", "khatam"];
    let plain = words!["shuda", "ho-a", "mera", "wala", "kaam"];
    text.word(last) == "kaam"
        && text.has_any(kinds)
        && (0..last).all(|at| text.is_any(at, kinds) || text.is_any(at, plain))
}

/// The words that are left without "والا", "کام" and dates.
fn titled(said: &Said<'_>, context: &Context) -> (Target, bool) {
    let text = &said.text;
    let (mut start, mut end, mut is_plain) = (0, text.len(), false);
    while start + 1 < end && text.is_any(start, OPENING) {
        start += 1;
    }
    if start + 1 < end
        && text.is_any(start, words!["kaam", "reminder"])
        && !text.is_any(start + 1, words!["ka", "ki", "ke", "par", "ko"])
    {
        start += 1;
        is_plain = true;
        if text.is_mark(start, ':') {
            start += 1;
        }
    }
    while end > start + 1 {
        if text.is_any(end - 1, words!["kaam", "wala", "reminder"]) {
            is_plain = true;
        } else if !(text.is_any(end - 1, CLOSING) || text.tokens[end - 1].kind == Kind::Mark) {
            break;
        }
        end -= 1;
    }
    let words = said.part(start, end);
    if let [only] = words.text.tokens
        && only.kind == Kind::Quoted
    {
        return (Target::Title(quoted(only.text).to_owned()), true);
    }
    let look = Look { mode: Mode { in_query: true, ..Mode::default() }, ..Look::default() };
    let phrases: Vec<Phrase> = phrase::scan(&words, context, look)
        .into_iter()
        .filter(|phrase| !matches!(phrase.value, Value::Priority(_) | Value::Tags(_) | Value::Unsupported))
        .collect();
    let whole = || words.text.slice(0, words.text.len()).to_owned();
    let title = title::title(&words.text, &phrases).0.unwrap_or_else(whole);
    let is_empty = title.is_empty()
        || words.text.len() == 1 && words.text.is_any(0, words!["kaam", "wala", "reminder", "mujhe"]);
    (if is_empty { Target::Missing } else { Target::Title(title) }, is_plain)
}
