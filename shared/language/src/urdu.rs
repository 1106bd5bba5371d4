//! Urdu, in Arabic script and in Latin letters: tokens → lexemes → phrases → grammar.
//!
//! One grammar reads both scripts, because it sees nothing but [lexemes](lexicon). Verbs stand at the end, and what a day is to
//! the task stands behind the day, so that most things are looked for from there. English words about time, priority and tags
//! are read by the English readers where they stand.

mod act;
mod boundary;
mod clock;
mod create;
mod date;
mod doubt;
mod duration;
mod filter;
mod label;
pub(crate) mod lexicon;
mod names;
mod number;
mod phrase;
mod query;
mod recurrence;
mod small_talk;
mod target;
mod title;
mod update;
mod verb;
mod wish;

use crate::clause::Clause;
use crate::fold;
use crate::span::SpanKind;
use crate::token::{Text, Tokens};
use crate::urdu::lexicon::{Lexemes, Said};
use crate::words::words;
use crate::{Action, Context, Language, Parse, Problem, TaskFields};

/// Understands an Urdu text, written in the script of `language`.
pub(crate) fn parse(tokens: Tokens<'_>, language: Language, context: &Context) -> Parse {
    let lexemes = Lexemes::new(tokens);
    let said = lexemes.said();
    let parts: Vec<Clause> =
        clauses(&said.text).into_iter().map(|(from, to)| settled(&said.part(from, to), context)).collect();
    // One clause that is refused or not understood makes the whole a single one: nothing is half done.
    // So does one that may only be the beginning of the next.
    let is_clear = parts.iter().all(|clause| clause.confidence >= 0.85);
    let parts = if parts.len() > 1 && !is_clear { vec![settled(&said, context)] } else { parts };
    Parse::of(language, parts)
}

/// Says whether a text in Latin letters is nothing but a short answer or a courtesy, in Urdu and not in English.
pub(crate) fn is_small_talk(text: &Text<'_>) -> bool {
    text.len() <= 5
        && (text.has_any(words!["assalam", "salam", "salaam"])
            || crate::english::small_talk::read(text).is_none())
        && small_talk::read(&Lexemes::new(text.to_tokens()).said().text).is_some()
}

/// Splits where one command ends and another begins: "… بنا دو اور 2 حذف کر دو".
fn clauses(text: &Text<'_>) -> Vec<(usize, usize)> {
    let end = text.end_of_words();
    let mut starts = vec![0];
    let is_command = |end: usize| {
        let verbs = ["kar", "mita", "hata", "nikal", "bana", "likh", "dikha"];
        verb::command_of(text, end, &verbs).is_some()
    };
    if !is_command(act::without_courtesies(text)) {
        return vec![(0, text.len())];
    }
    for at in 2..end {
        let is_link = text.is_mark(at, '.')
            || text.is_mark(at, ';')
            || text.is_any(at, words!["aur", "phir"])
            || text.is_mark(at, ',');
        if !is_link || starts.len() >= 20 {
            continue;
        }
        let before =
            if text.is_any(at - 1, words!["aur", "phir"]) || text.is_mark(at - 1, ',') { at - 1 } else { at };
        if is_command(before) {
            starts.push(text.after_any(at + 1, words!["aur phir", "aur", "phir"]).unwrap_or(at + 1));
        }
    }
    let ends = starts[1..].iter().copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(from, to)| (from, without_link(text, from, to))).collect()
}

fn without_link(text: &Text<'_>, from: usize, to: usize) -> usize {
    if to == text.len() {
        return to;
    }
    let is_link = |at: usize| {
        text.is_any(at, words!["aur", "phir"]) || [',', '.', ';'].iter().any(|mark| text.is_mark(at, *mark))
    };
    (from + 1..=to).rev().find(|end| !is_link(end - 1)).unwrap_or(to)
}

fn settled(said: &Said<'_>, context: &Context) -> Clause {
    let mut clause = doubt::settle(said, context, clause(said, context));
    clause.order();
    clause
}

fn clause(said: &Said<'_>, context: &Context) -> Clause {
    let whole = &said.text;
    let has_words = whole.tokens.iter().any(|token| token.text.chars().any(fold::is_alphanumeric));
    if !has_words {
        return Clause::unclear(TaskFields::default(), Vec::new(), 0.1);
    }
    if let Some(action) = small_talk::read(whole) {
        return Clause::one(action, whole.span(0, whole.len(), SpanKind::Intent).into_iter().collect(), 0.95);
    }
    let said = &said.part(courtesies(whole), whole.len());
    let text = &said.text;
    if let Some(query) = query::read(said, context) {
        return query;
    }
    let not_to_forget = || text.has_any(words!["bhool-na", "bhool", "bhool-o"]) && wish::is_in(text);
    let refusal = small_talk::negation(text).or_else(|| small_talk::leave_it(text));
    if let Some((from, to)) = refusal.filter(|_| !not_to_forget()) {
        let spans = text.span(from, to, SpanKind::Intent).into_iter().collect();
        let refused = Clause::one(Action::Unknown(TaskFields::default()), spans, 0.3);
        return refused.with_problem(Some(Problem::Negated));
    }
    let end = text.end_of_words();
    let is_question = text.is_mark(end, '?');
    if !is_question
        && text.has_any(words!["dehani"])
        && let Some(cleared) = update::cleared(said, context)
    {
        return cleared;
    }
    if is_question || wish::is_in(text) && !update::is_snooze(text) {
        let explicit = if is_question { None } else { create::read_explicit(said, context) };
        return explicit.unwrap_or_else(|| create::read_implicit(said, context));
    }
    update::read(said, context)
        .or_else(|| create::read_explicit(said, context))
        .or_else(|| act::read(said, context))
        .unwrap_or_else(|| create::read_implicit(said, context))
}

/// Takes off "براہ کرم", "پلیز", "ذرا", "سنو" in front.
fn courtesies(text: &Text<'_>) -> usize {
    let mut at = 0;
    loop {
        let polite = words![
            "barah karam",
            "12 karam",
            "12 e karam",
            "barah-e-karam",
            "meherbani kar ke",
            "meherbani kar kar",
            "barah meherbani",
            "meherbani",
            "please",
            "zara",
            "acha",
            "suna-o",
            "mera liye",
            "aur",
            "phir",
            "سنو",
            "suno",
            "یار",
            "yaar",
            "haan",
            "ji haan",
            "ab",
            "hey",
            "ok",
            "السلام علیکم",
            "اسلام علیکم",
            "السلام و علیکم",
            "assalam o alaikum",
            "assalam alaikum",
            "assalam u alaikum",
            "salam",
            "adaab",
            "hello",
            "bhai jan",
            "bhai",
            "theek hai",
            "اچھا",
        ];
        if text.is_mark(at, ',')
            || text.is_mark(at, '-')
            || text.is_mark(at, '*')
            || text.is_mark(at, '\u{2022}')
        {
            at += 1;
        } else if let Some(end) = text.after_any(at, polite).filter(|end| *end < text.end_of_words()) {
            at = end;
        } else {
            return at;
        }
    }
}
