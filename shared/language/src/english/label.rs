//! Priorities and tags.

use domain::task::{self, Priority};

use crate::english::vocabulary;
use crate::fold;
use crate::meaning::tag;
use crate::token::{Kind, Text};
use crate::words::{Words, words};

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
    if let Some(end) = unimportant(text, at) {
        return Some((Priority::Low, end));
    }
    if let Some(found) = key(text, at) {
        return Some(found);
    }
    #[rustfmt::skip]
    const SET: &Words = words![
        "and set the priority to", "and set its priority to", "and set priority to", "and set priority as",
        "set the priority to", "set priority to", "with the priority set to", "with priority set to", "and give it",
        "give it", "priority to",
    ];
    if let Some(value) = text.after_any(at, SET)
        && let Some(level) = priority_word(text.word(value))
    {
        return Some((level, text.after_any(value + 1, NOUNS).unwrap_or(value + 1)));
    }
    #[rustfmt::skip]
    const LEADS: &Words = words![
        "and make it a", "and make it", "make it a", "make it", "and mark it as", "mark it as", "and mark as",
        "and mark it", "mark it", "and flag it as", "flag it as", "and flag as", "and set it as", "and set it to",
        "and set as", "set it as", "set as", "with a", "with", "as a", "as", "at", "it is", "it's", "its", "this is",
        "that's", "which is", "and it's", "because it's", "of",
    ];
    let start = text.after_any(at, LEADS);
    let intensified = |at: usize| {
        let adverbs =
            words!["very", "really", "super", "extremely", "quite", "so", "pretty", "most", "absolutely"];
        if text.is_any(at, adverbs) { at + 1 } else { at }
    };
    let start = start.map(intensified).or_else(|| {
        let end = intensified(at);
        (end > at && text.is_any(end, words!["urgent", "important", "critical"])).then_some(end)
    });
    let found = |at: usize, is_led: bool| {
        if text.is_any(at, NOUNS) {
            let value = text.after_any(at + 1, words!["is", "of"]).unwrap_or(at + 1);
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
        if let Some(end) = text.after_any(at + 1, NOUNS).filter(|_| !text.word(at).ends_with("priority")) {
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
    if text.after_any(at, words!["as soon as possible"]).is_some() {
        return Some((Priority::High, at + 4));
    }
    if text.word(at) == "urgently" && (vocabulary::is_boundary(text, at + 1) || at == 0) {
        return Some((Priority::High, at + 1));
    }
    start
        .and_then(|start| found(start, vocabulary::is_boundary(text, start + 1)))
        .or_else(|| found(at, false))
}

/// What a level is of.
const NOUNS: &Words = words!["priority", "prio", "importance", "urgency"];

/// "not urgent", "no rush".
fn unimportant(text: &Text<'_>, at: usize) -> Option<usize> {
    let start = text
        .after_any(at, words!["it is", "it's", "its", "this is", "but it's", "but", "and it's"])
        .unwrap_or(at);
    #[rustfmt::skip]
    const CALM: &Words = words![
        "not urgent", "not important", "not very urgent", "not very important", "not that urgent",
        "not that important", "not so urgent", "not so important", "not too urgent", "non-urgent", "no rush",
        "no hurry", "not a priority", "not high priority",
    ];
    let end = text.after_any(start, CALM)?;
    (vocabulary::is_boundary(text, end) || at == 0 && text.is_break(end)).then_some(end)
}

/// "priority:high", "pri:h", "p:1".
fn key(text: &Text<'_>, at: usize) -> Option<(Priority, usize)> {
    let keys = ["priority:", "prio:", "pri:", "p:"];
    let word = if text.is_plain(at) { return None } else { text.word(at) };
    let level = match keys.iter().find_map(|key| word.strip_prefix(key))? {
        "h" | "1" => Priority::High,
        "m" | "2" => Priority::Medium,
        "l" | "3" | "4" => Priority::Low,
        word => priority_word(word)?,
    };
    Some((level, at + 1))
}

/// At the end of a sentence, at its beginning before a colon, or before a date: not before what it may describe.
fn free(text: &Text<'_>, at: usize) -> bool {
    let article = ["the", "a", "an", "is", "are", "be", "this", "that", "not", "most", "very"];
    // "urgent buy milk"
    if at == 0 && vocabulary::is_verb(text.word(1)) && text.len() > 2 && !vocabulary::is_boundary(text, 2) {
        return true;
    }
    vocabulary::is_boundary(text, at + 1)
        && !article.contains(&text.word_before(at))
        && (at > 0 || text.is_break(at + 1))
        && !text.is_any(at + 1, words!["and", "or", "of", "for", "to"])
}

/// Reads tags: "#home", "tagged work and home", "with the tag errands".
pub(crate) fn read_tags(text: &Text<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    if let Some(tag) = tag::hashed(text, at).or_else(|| at_tag(text, at)) {
        return Some((vec![tag], at + 1));
    }
    let keys = ["tag:", "tags:", "label:", "labels:"];
    if !text.is_plain(at)
        && let Some(names) = keys.iter().find_map(|key| text.word(at).strip_prefix(key))
    {
        let tag = task::parse_tag(names).ok()?;
        return Some((vec![tag], at + 1));
    }
    #[rustfmt::skip]
    const LEADS: &Words = words![
        "and tag it with", "and tag it as", "and tag it", "tag it with", "tag it as", "tag it",
        "tagged with", "tagged as", "tagged", "with the tags", "with the tag", "with tags", "with tag",
        "with a tag", "with label", "with the label", "with labels", "with the labels", "with a label", "labelled as", "labelled",
        "labeled as", "labeled", "and add the tag", "and add tag", "add tag", "under the tag", "and label it as",
        "and label it", "and tag as", "with hashtag",
    ];
    let start = match text.after_any(at, LEADS) {
        Some(end) => end,
        None => text
            .after_any(at, words!["tags", "tag", "labels", "label"])
            .filter(|end| text.is_mark(*end, ':'))?,
    };
    let start = if text.is_mark(start, ':') { start + 1 } else { start };
    read_names(text, start)
}

/// Reads tags up to the end of what is said: "#a #b", "home and urgent".
pub(crate) fn read_all_names(text: &Text<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    let (mut tags, mut end) = (vec![tag::named(text, at)?], at + 1);
    while end < text.end_of_words() && tags.len() < task::MAX_TAGS {
        let comma = if text.is_mark(end, ',') || text.is_mark(end, '&') { end + 1 } else { end };
        let and = text.after(comma, "and").unwrap_or(comma);
        let is_tag = text.tokens.get(and).is_some_and(|token| token.kind == Kind::Tag);
        tags.push(tag::named(text, and).filter(|_| and > end || is_tag)?);
        end = and + 1;
    }
    (end >= text.end_of_words()).then_some((tags, end))
}

/// Reads names of tags: "work", "work and home", "a, b".
pub(crate) fn read_names(text: &Text<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    let mut tags = vec![tag::named(text, at)?];
    let mut end = at + 1;
    for _ in 0..task::MAX_TAGS {
        let comma = if text.is_mark(end, ',') { end + 1 } else { end };
        let and = text.after(comma, "and").unwrap_or(comma);
        let Some(tag) = tag::named(text, and).filter(|_| and > end && !ends_list(text, and)) else { break };
        tags.push(tag);
        end = and + 1;
    }
    Some((tags, end))
}

/// "tagged work, remind me …" goes on with something else.
fn ends_list(text: &Text<'_>, at: usize) -> bool {
    vocabulary::is_verb(text.word(at))
        || text.is_any(at, words!["remind", "due"])
        || priority_word(text.word(at)).is_some()
        || (vocabulary::is_boundary(text, at) && text.tokens[at].kind == Kind::Word)
}

/// "@home", where it is no object: not "call @bob", "lunch with @bob".
fn at_tag(text: &Text<'_>, at: usize) -> Option<String> {
    let token = if text.is_plain(at) { return None } else { &text.tokens[at] };
    let name = token.text.strip_prefix('@').filter(|name| name.starts_with(fold::is_letter))?;
    let before = text.word_before(at);
    #[rustfmt::skip]
    const TO_SOMEONE: &Words = words![
        "with", "to", "for", "from", "by", "and", "or", "of", "about", "the", "a", "at", "up", "via", "in", "on",
    ];
    let is_object = vocabulary::is_verb(before) || TO_SOMEONE.contains(before);
    let is_free = at == 0 || vocabulary::is_boundary(text, at + 1) || text.word(at + 1).starts_with('@');
    if is_object || !is_free || name.contains(['.', '@', '/']) { None } else { task::parse_tag(name).ok() }
}
