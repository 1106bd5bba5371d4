//! What is left when the phrases are taken out: the title.

use crate::fold;
use crate::meaning::phrase::Phrase;
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, quoted};
use crate::words::Words;

/// Words of a language that are no part of a title at its ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fringe {
    /// Words that only link what was taken out before them to the title.
    pub(crate) opening: &'static Words,
    /// Words that only led to what was taken out behind them.
    pub(crate) dangling: &'static Words,
    /// Words at the end that are no part of what is to be done.
    pub(crate) closing: &'static Words,
}

/// Gives the words outside of the phrases, as they were written, and their spans; `None` when none are left.
pub(crate) fn title(text: &Text<'_>, used: &[Phrase], fringe: &Fringe) -> (Option<String>, Vec<Span>) {
    let mut free = vec![true; text.len()];
    for phrase in used {
        free[phrase.from..phrase.to].fill(false);
    }
    trim(text, &mut free, fringe);
    let spans: Vec<Span> =
        runs(&free).filter_map(|(from, to)| text.span(from, to, SpanKind::Title)).collect();
    let kept = || text.tokens.iter().zip(&free).filter(|(_, free)| **free).map(|(token, _)| token);
    if let Some(only) = kept().next()
        && only.kind == Kind::Quoted
        && kept().nth(1).is_none()
    {
        let inner = quoted(only.text);
        return ((!inner.is_empty()).then(|| inner.to_owned()), spans);
    }
    if !kept().any(|token| token.text.contains(fold::is_alphanumeric)) {
        return (None, spans);
    }
    let mut title = String::with_capacity(spans.iter().map(|span| span.text.len() + 1).sum());
    for word in spans.iter().flat_map(|span| span.text.split_whitespace()) {
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    (Some(title), spans)
}

/// Gives the stretches of tokens that are left.
fn runs(free: &[bool]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at + free[at..].iter().position(|free| *free)?;
        let to = free[from..].iter().position(|free| !free).map_or(free.len(), |length| from + length);
        at = to;
        Some((from, to))
    })
}

/// Takes off punctuation and leading words next to what was taken out, and at both ends.
fn trim(text: &Text<'_>, free: &mut [bool], fringe: &Fringe) {
    let taken: Vec<bool> = free.iter().map(|free| !free).collect();
    trim_ends(text, free, &taken, fringe);
    let (mut has_begun, mut taken_before) = (false, false);
    for at in 0..free.len() {
        if !free[at] {
            taken_before |= taken[at];
            continue;
        }
        let begins = at == 0 || !free[at - 1];
        let mark =
            text.tokens[at].kind == Kind::Mark && !matches!(text.tokens[at].lower(), "(" | "[" | "¿" | "¡");
        let link = !has_begun && taken_before && text.is_any(at, fringe.opening);
        if begins && (mark || link) {
            free[at] = false;
        } else {
            has_begun = true;
        }
    }
}

/// Backwards: the ends of what is left between two phrases, and of the whole.
fn trim_ends(text: &Text<'_>, free: &mut [bool], taken: &[bool], fringe: &Fringe) {
    let mut at_end = true;
    // Whether the nearest token behind that was not just taken off belongs to a phrase.
    let mut before_phrase = false;
    for at in (0..free.len()).rev() {
        if !free[at] {
            before_phrase |= taken[at];
            continue;
        }
        let ends_run = at + 1 == free.len() || !free[at + 1];
        let mark = text.tokens[at].kind == Kind::Mark && !is_closing(text.tokens[at].lower());
        let closing = at_end && text.is_any(at, fringe.closing);
        let dangles = before_phrase && text.is_any(at, fringe.dangling);
        if ends_run && (mark || closing || dangles) {
            free[at] = false;
        } else {
            (at_end, before_phrase) = (false, false);
        }
    }
}

/// Marks that belong to the word before them.
fn is_closing(mark: &str) -> bool {
    mark.starts_with([')', ']', '%', '?', '"', '\u{201d}'])
        || mark.chars().all(|c| !c.is_ascii_punctuation() && c != '\u{2026}')
}
