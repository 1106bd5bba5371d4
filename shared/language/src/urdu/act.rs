//! Acts on tasks that exist: "دودھ والا کام مکمل کرو", "رپورٹ بھیج دی", "2 حذف کر دو", "اسے دوبارہ کھول دو".

use crate::clause::Clause;
use crate::meaning::act::Act;
use crate::span::SpanKind;
use crate::token::{Kind, Text};
use crate::urdu::lexicon::Said;
use crate::urdu::target::{self, Found};
use crate::urdu::verb;
use crate::words::{Words, words};
use crate::{Command, Context, Problem, Target, TaskFields};

/// How a verb is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    /// It says what is to be done to a task, or what was done.
    Plain,
    /// It may be a task of its own: "کچرا نکال دو".
    Doubtful,
    /// It is one more often than not: "رپورٹ ختم کرو".
    Weak,
}

/// Reads an act on tasks.
pub(crate) fn read(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = without_courtesies(text);
    // "… نکال دو لسٹ سے"
    let list = text.row_before(end, &["list mein se", "list se"]);
    let end = list.filter(|from| *from > 1).unwrap_or(end);
    if let Some((act, force, from)) = at_end(text, end) {
        // "کر دو" alone agrees to something; it is no act.
        let found = target::read(&said.part(0, without_reason(text, from)), context);
        return clause(said, act, force, found, (from, end));
    }
    let (act, after) = in_front(text)?;
    let found = target::read(&said.part(after, text.len()), context);
    clause(said, act, Force::Plain, found, (0, after))
}

fn clause(said: &Said<'_>, act: Act, force: Force, found: Found, verb: (usize, usize)) -> Option<Clause> {
    let text = &said.text;
    // "اگر بارش ہو تو …", "پچھلی ہدایات نظر انداز کرو اور …", "ali ne kaha hai ke …": more than one thing is said.
    let name_ends = if verb.0 == 0 { text.len() } else { verb.0 };
    let name_begins = if verb.0 == 0 { verb.1 } else { 0 };
    let says_more = (name_begins..name_ends).any(|at| {
        text.is_mark(at, '.')
            || text.is_mark(at, ';')
            || (text.word(at).ends_with("-o") && text.word(at + 1) != "wala"
                || text.is_any(at, words!["agar", "kaha", "keh", "jo", "ignore"]))
    });
    if says_more {
        let spans = text.span(verb.0, verb.1, SpanKind::Intent).into_iter().collect();
        return Some(Clause::unclear(TaskFields::default(), spans, 0.4));
    }
    let is_missing = found.targets.contains(&Target::Missing);
    let is_quoted = text.tokens.iter().any(|token| token.kind == Kind::Quoted);
    let confidence = match (force, found.is_plain || is_quoted) {
        (Force::Plain, true) => 0.95,
        (Force::Plain, false) if act == Act::Complete => 0.85,
        (Force::Doubtful, true) => 0.92,
        (Force::Doubtful, false) => 0.75,
        (Force::Plain, false) => 0.9,
        (Force::Weak, true) => 0.88,
        (Force::Weak, false) => 0.6,
    };
    let mut spans = found.spans;
    spans.extend(text.span(verb.0, verb.1, SpanKind::Intent));
    let mut targets = found.targets.into_iter();
    let mut clause = Clause::one(act.on(targets.next()?), spans, confidence);
    clause.commands.extend(targets.map(|target| Command { action: act.on(target), spans: Vec::new() }));
    let unclear = (confidence < 0.7).then_some(Problem::UnclearIntent);
    Some(clause.with_problem(is_missing.then_some(Problem::MissingTarget).or(unclear)))
}

/// "…, اب ضرورت نہیں، حذف کر دو": why is no part of the name.
fn without_reason(text: &Text<'_>, end: usize) -> usize {
    let is_reason = |at: usize| text.is_any(at, words!["zaroorat", "zarurat", "zarorat", "ضرورت"]);
    let Some(mut at) = (end.saturating_sub(4)..end).find(|at| is_reason(*at)) else { return end };
    while at > 1 && (text.is_any(at - 1, words!["ab", "اب", "ki", "ke"]) || text.is_mark(at - 1, ',')) {
        at -= 1;
    }
    at
}

pub(crate) fn without_courtesies(text: &Text<'_>) -> usize {
    let mut end = text.end_of_words();
    while end > 1
        && (text.is_any(
            end - 1,
            words!["please", "ji", "na", "zara", "ab", "ga", "yaar", "الحمدللہ", "alhamdulillah", "mene"],
        ) || text.tokens[end - 1].kind == Kind::Mark)
    {
        end -= 1;
    }
    end
}

/// Finds what is done to a task at the end of what is said; gives where it begins.
fn at_end(text: &Text<'_>, end: usize) -> Option<(Act, Force, usize)> {
    let does = |end: usize| verb::command_of(text, end, &["kar", "kara"]);
    let is_at = |at: Option<usize>, words: &Words| {
        at.filter(|at| *at > 0 && text.is_any(*at - 1, words)).map(|at| at - 1)
    };
    let command = does(end);
    if let Some(from) = is_at(command, words!["delete", "cancel"]) {
        return Some((Act::Delete, Force::Plain, from));
    }
    for (verb, force) in [("mita", Force::Plain), ("hata", Force::Doubtful), ("nikal", Force::Doubtful)] {
        if let Some(from) = verb::command_before(text, end, verb) {
            return Some((Act::Delete, force, from));
        }
    }
    if let Some(from) = is_at(command, words!["mukammal", "khatam", "check", "close", "tick"]) {
        let force = if text.word(from) == "mukammal" || text.word(from) == "check" {
            Force::Plain
        } else {
            Force::Weak
        };
        let from = if from > 0 && text.is_any(from - 1, words!["mark"]) { from - 1 } else { from };
        return Some((Act::Complete, force, from));
    }
    // "… پر ٹک لگا دو", "… کو مکمل نشان زد کرو"
    let ticked = verb::command_before(text, end, "laga").or(command);
    if let Some(from) = is_at(ticked, words!["tick", "ٹک", "check", "چیک"]) {
        return Some((Act::Complete, Force::Plain, from));
    }
    if let Some(from) = is_at(command, words!["زد", "نشانزد", "zad", "nishanzad"]) {
        let at =
            if from > 0 && text.is_any(from - 1, words!["نشان", "nishan"]) { from - 1 } else { from };
        let is_done = at > 0 && text.is_any(at - 1, words!["mukammal", "khatam"]);
        return is_done.then(|| (Act::Complete, Force::Plain, at - 1));
    }
    // "… uda do", "… اڑا دو"
    if end > 2
        && text.is_any(end - 1, words!["do", "de-o"])
        && text.is_any(end - 2, words!["uda", "ura", "اڑا"])
    {
        return Some((Act::Delete, Force::Doubtful, end - 2));
    }
    // "… ko mukammal mark karo", "mark kar do mukammal"
    if let Some(mark) = is_at(command, words!["mark", "نشان", "set"])
        && mark > 0
        && text.is_any(mark - 1, words!["mukammal", "khatam"])
    {
        return Some((Act::Complete, Force::Plain, mark - 1));
    }
    if let Some(from) =
        is_at(command, words!["reopen", "active", "pending", "open", "namukammal", "na-mukammal"])
    {
        return Some((Act::Reopen, Force::Plain, before_again(text, from)));
    }
    if let Some(from) = verb::command_before(text, end, "khol") {
        let again = before_again(text, from);
        return (again < from).then_some((Act::Reopen, Force::Plain, again));
    }
    // "doodh wala kaam delete", "2 mukammal", "report done"
    if end >= 2 {
        match text.word(end - 1) {
            "delete" => return Some((Act::Delete, Force::Weak, end - 1)),
            "mukammal" | "khatam" => return Some((Act::Complete, Force::Plain, end - 1)),
            _ => {}
        }
        if text.is_any(end - 1, words!["hai"]) && text.is_any(end - 2, words!["mukammal", "khatam"]) {
            return Some((Act::Complete, Force::Plain, end - 2));
        }
        // "task 2 delete karna"
        if text.word(end - 1) == "kar-na" && text.word(end - 2) == "delete" {
            return Some((Act::Delete, Force::Weak, end - 2))
                .filter(|_| text.has_any(words!["kaam", "wala", "number", "ise"]));
        }
    }
    // "دودھ کا کیا ہوا" asks.
    if text.has_any(words!["kya", "kaunsa", "kaun", "kitna", "kab"]) {
        return None;
    }
    let done = verb::done_before(text, end)?;
    // "میں نے 2 حذف کر دیا" tells what was deleted.
    if done > 0 && text.is_any(done - 1, words!["delete", "cancel", "add"]) {
        return None;
    }
    // What had been is past, and nothing that a list of tasks needs to know.
    if text.is_any(end - 1, words!["tha"]) || done == 0 {
        return (done == 0 && end <= 2)
            .then_some((Act::Complete, Force::Plain, 0))
            .filter(|_| !text.is_any(end - 1, words!["tha"]));
    }
    let from = if text.is_any(done - 1, words!["mukammal", "khatam"]) && done >= 1 { done - 1 } else { done };
    Some((Act::Complete, Force::Plain, from))
}

fn before_again(text: &Text<'_>, at: usize) -> usize {
    let again = words!["dobara", "phir", "wapas"];
    if at > 0 && text.is_any(at - 1, again) {
        return at - 1;
    }
    if at > 1 && text.word(at - 1) == "se" && text.is_any(at - 2, again) {
        return at - 2;
    }
    at
}

/// "delete karo doodh wala task", "مٹا دو 2".
fn in_front(text: &Text<'_>) -> Option<(Act, usize)> {
    let does = |at: usize| verb::command(text, at, "kar").or_else(|| verb::command(text, at, "kara"));
    let after = |end: usize| Some(end).filter(|end| *end < text.end_of_words());
    match text.word(0) {
        "delete" => return after(does(1).unwrap_or(1)).map(|end| (Act::Delete, end)),
        "mukammal" if text.tokens[0].text.is_ascii() && text.has_any(words!["kaam", "wala"]) => {
            return after(does(1).unwrap_or(1)).map(|end| (Act::Complete, end));
        }
        "mukammal" | "khatam" => return after(does(1)?).map(|end| (Act::Complete, end)),
        "reopen" => return after(does(1).unwrap_or(1)).map(|end| (Act::Reopen, end)),
        _ => {}
    }
    ["mita", "hata", "nikal"]
        .iter()
        .find_map(|verb| after(verb::command(text, 0, verb)?))
        .map(|end| (Act::Delete, end))
}
