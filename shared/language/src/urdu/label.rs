//! Priorities and tags: "ضروری", "بہت اہم", "گھر ٹیگ", "#گھر".

use domain::task::{self, Priority};

use crate::meaning::tag;
use crate::token::Text;
use crate::urdu::boundary;
use crate::words::words;

/// Parses a priority's word.
pub(crate) fn priority_word(word: &str) -> Option<Priority> {
    match word {
        "fori" | "urgent" | "zaroori" | "ahem" | "high" | "ziyada" => Some(Priority::High),
        "medium" => Some(Priority::Medium),
        "low" | "kam" => Some(Priority::Low),
        _ => None,
    }
}

/// Reads a priority: "بہت ضروری", "کم اہم", "ترجیح زیادہ", "high priority", "!!".
///
/// Before a noun it only says what that is like: "ضروری کاغذات", "اہم میٹنگ".
pub(crate) fn read_priority(text: &Text<'_>, at: usize, is_value: bool) -> Option<(Priority, usize)> {
    if text.is_mark(at, '!') {
        return (text.tokens[at].lower().len() >= 2).then_some((Priority::High, at + 1));
    }
    let kam = words![
        "kam zaroori",
        "kam ahem",
        "kaam zaroori",
        "kaam ahem",
        "kam priority",
        "kaam priority",
        "low priority",
    ];
    if let Some(end) = text.after_any(at, kam) {
        return Some((Priority::Low, end));
    }
    if let Some(end) = text.after(at, "priority") {
        let end = if text.is_mark(end, ':') { end + 1 } else { end };
        let start = text.after_any(end, words!["behad", "sab se"]).unwrap_or(end);
        let level = level(text.word(start))?;
        return Some((level, start + 1));
    }
    let start = text.after_any(at, words!["behad hi", "behad", "sab se ziyada", "sab se"]).unwrap_or(at);
    let level = level(text.word(start))?;
    let end = start + 1;
    if let Some(end) = text.after_any(end, words!["priority ke sath", "priority par", "priority"]) {
        return Some((level, end));
    }
    if matches!(text.word(start), "high" | "low" | "medium" | "ziyada" | "kam" | "kaam") {
        return None;
    }
    let end = text.after_any(end, words!["taur par", "hai"]).unwrap_or(end);
    // "ضروری ہے کہ": it is necessary to.
    let end = text.after_any(end, words!["keh", "ke"]).filter(|_| text.word(end - 1) == "hai").unwrap_or(end);
    let says_that = end > start + 2 && text.word(end - 2) == "hai";
    if says_that {
        return Some((level, end));
    }
    if at == 0 && text.word(end) == "kaam" && text.is_mark(end + 1, ':') {
        return Some((level, end + 2));
    }
    let is_first = at == 0 && (text.is_mark(end, ':') || text.is_mark(end, ','));
    let is_last = at > 0 && (boundary::is_free(text, end) && !text.is_any(end, words!["aur", "ya"]));
    (is_first || is_last || is_value || text.word(start) == "fori" && at == 0).then_some((level, end))
}

fn level(word: &str) -> Option<Priority> {
    priority_word(word).or(if word == "kaam" { Some(Priority::Low) } else { None })
}

/// Reads tags: "#گھر", "tag: گھر", "ٹیگ گھر", "گھر ٹیگ".
pub(crate) fn read_tags(text: &Text<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    if let Some(tag) = tag::hashed(text, at) {
        return Some((vec![tag], at + 1));
    }
    let is_tie = text.is_any(
        at + 1,
        words!["ke", "ka", "ki", "ko", "se", "par", "laga", "laga-o", "hata", "hata-o", "wala"],
    );
    if text.word(at) == "tag" && !is_tie {
        let start = if text.is_mark(at + 1, ':') { at + 2 } else { at + 1 };
        let (mut tags, mut end) = (vec![tag::named(text, start)?], start + 1);
        for _ in 0..task::MAX_TAGS {
            let comma = if text.is_mark(end, ',') { end + 1 } else { end };
            let and = text.after(comma, "aur").unwrap_or(comma);
            let Some(tag) = tag::named(text, and).filter(|_| and > end) else { break };
            tags.push(tag);
            end = and + 1;
        }
        return Some((tags, verb(text, end)));
    }
    // "گھر ٹیگ", "گھر کے ٹیگ کے ساتھ"
    let end = text.after_any(at + 1, words!["ke tag ke sath", "ka tag", "ke tag", "tag ke sath", "tag"])?;
    let is_with = text.word(end - 1) == "sath";
    if text.is_mark(end, ':') || !(is_with || is_tag_place(text, end)) {
        return None;
    }
    Some((vec![tag::named(text, at)?], verb(text, end)))
}

/// "گھر ٹیگ" at the end of what is said, or before the verb that sets it.
fn is_tag_place(text: &Text<'_>, end: usize) -> bool {
    boundary::is_free(text, end)
        || text.is_any(end, words!["wala", "laga-o", "laga", "de-o", "do", "kar-o", "kar", "ke"])
}

fn verb(text: &Text<'_>, at: usize) -> usize {
    text.after_any(at, words!["ke sath", "laga do", "laga de-o", "laga-o", "kar do", "kar-o"]).unwrap_or(at)
}
