//! Priorities and tags.

use domain::task::{self, Priority};

use crate::english::vocabulary;
use crate::token::{Kind, Text, quoted};

/// Parses a word that names a priority by itself.
pub(crate) fn priority_word(word: &str) -> Option<Priority> {
    match word {
        "high" | "highest" | "urgent" | "important" | "critical" | "top" | "high-priority" | "p1"
        | "asap" => Some(Priority::High),
        "medium" | "normal" | "default" | "medium-priority" | "p2" => Some(Priority::Medium),
        "low" | "lowest" | "unimportant" | "low-priority" | "p3" | "p4" => Some(Priority::Low),
        _ => None,
    }
}

/// Reads a priority: "urgent", "with high priority", "p1", "!!".
///
/// "urgent care" and "important papers" are none.
pub(crate) fn read_priority(text: &Text<'_>, at: usize) -> Option<(Priority, usize)> {
    if let Some(token) =
        text.tokens.get(at).filter(|token| token.kind == Kind::Mark && token.text.starts_with('!'))
    {
        let (marks, end) = (token.text.len(), at + 1);
        let level = match text.word(end) {
            "1" | "high" | "p1" => Some(Priority::High),
            "2" | "medium" | "p2" => Some(Priority::Medium),
            "3" | "low" | "p3" => Some(Priority::Low),
            _ => None,
        };
        let adjacent = text.tokens.get(end).is_some_and(|next| next.from == token.to);
        return match level {
            Some(level) if marks == 1 && adjacent => Some((level, end + 1)),
            _ => (marks > 1).then_some((Priority::High, end)),
        };
    }
    let start = text
        .after_any(at, &["and make it", "make it", "with a", "with", "as", "at", "it is", "it's", "this is"]);
    let found = |at: usize, is_led: bool| {
        if text.word(at) == "priority" {
            let value = text.after_any(at + 1, &["is", "of"]).unwrap_or(at + 1);
            let value = if text.is_mark(value, ':') || text.is_mark(value, '=') { value + 1 } else { value };
            let level = match text.word(value) {
                "1" => Priority::High,
                "2" => Priority::Medium,
                "3" | "4" => Priority::Low,
                word => priority_word(word)?,
            };
            return Some((level, value + 1));
        }
        let level = priority_word(text.word(at))?;
        if let Some(end) = text.after(at + 1, "priority") {
            return Some((level, end));
        }
        let alone = match text.word(at) {
            "urgent" | "important" | "critical" => is_led || free(text, at),
            "asap" | "p1" | "p2" | "p3" | "p4" | "high-priority" | "low-priority" | "medium-priority" => {
                free(text, at)
            }
            _ => false,
        };
        alone.then_some((level, at + 1))
    };
    if text.after_any(at, &["as soon as possible"]).is_some() {
        return Some((Priority::High, at + 4));
    }
    if text.word(at) == "urgently" && (vocabulary::is_boundary(text, at + 1) || at == 0) {
        return Some((Priority::High, at + 1));
    }
    start
        .and_then(|start| found(start, vocabulary::is_boundary(text, start + 1)))
        .or_else(|| found(at, false))
}

/// At the end of a sentence, at its beginning before a colon, or before a date: not before what it may describe.
fn free(text: &Text<'_>, at: usize) -> bool {
    let article = ["the", "a", "an", "is", "are", "be", "this", "that", "not", "most", "very"];
    vocabulary::is_boundary(text, at + 1)
        && !article.contains(&text.word_before(at))
        && (at > 0 || text.is_break(at + 1))
        && !text.is_any(at + 1, &["and", "or", "of", "for", "to"])
}

/// Reads tags: "#home", "tagged work and home", "with the tag errands".
pub(crate) fn read_tags(text: &Text<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    if let Some(tag) = hash_tag(text, at) {
        return Some((vec![tag], at + 1));
    }
    #[rustfmt::skip]
    const LEADS: &[&str] = &[
        "and tag it with", "and tag it as", "and tag it", "tag it with", "tag it as", "tag it",
        "tagged with", "tagged as", "tagged", "with the tags", "with the tag", "with tags", "with tag",
        "with a tag", "with label", "with the label", "labelled", "labeled", "add tag", "under the tag",
    ];
    let start = match text.after_any(at, LEADS) {
        Some(end) => end,
        None => text.after_any(at, &["tags", "tag"]).filter(|end| text.is_mark(*end, ':'))?,
    };
    let start = if text.is_mark(start, ':') { start + 1 } else { start };
    read_names(text, start)
}

/// Reads names of tags: "work", "work and home", "a, b".
pub(crate) fn read_names(text: &Text<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    let mut tags = vec![name(text, at)?];
    let mut end = at + 1;
    for _ in 0..task::MAX_TAGS {
        let comma = if text.is_mark(end, ',') { end + 1 } else { end };
        let and = text.after(comma, "and").unwrap_or(comma);
        let Some(tag) = name(text, and).filter(|_| and > end && !ends_list(text, and)) else { break };
        tags.push(tag);
        end = and + 1;
    }
    Some((tags, end))
}

/// "tagged work, remind me …" goes on with something else.
fn ends_list(text: &Text<'_>, at: usize) -> bool {
    vocabulary::is_verb(text.word(at))
        || text.is_any(at, &["remind", "due"])
        || priority_word(text.word(at)).is_some()
        || (vocabulary::is_boundary(text, at) && text.tokens[at].kind == Kind::Word)
}

fn name(text: &Text<'_>, at: usize) -> Option<String> {
    let token = text.tokens.get(at)?;
    let name = match token.kind {
        Kind::Tag => return hash_tag(text, at),
        Kind::Word => token.text,
        Kind::Quoted => quoted(token.text),
        _ => return None,
    };
    task::parse_tag(name).ok()
}

fn hash_tag(text: &Text<'_>, at: usize) -> Option<String> {
    let token = text.tokens.get(at).filter(|token| token.kind == Kind::Tag)?;
    task::parse_tag(token.text.trim_start_matches('#')).ok()
}
