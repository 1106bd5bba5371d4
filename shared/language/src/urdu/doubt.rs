//! What sounds like a command and is not to be carried out at once: it is asked about instead.

use crate::clause::Clause;
use crate::meaning::compose;
use crate::meaning::phrase::{Phrase, Value};
use crate::span::SpanKind;
use crate::token::Text;
use crate::urdu::lexicon::Said;
use crate::urdu::phrase::{self, Look};
use crate::urdu::{act, verb};
use crate::words::words;
use crate::{Action, Context, Problem, Target, TaskFields};

/// Gives the clause, or a doubtful one in its place where acting on it would do more than, or something else than, what is said.
pub(crate) fn settle(said: &Said<'_>, context: &Context, clause: Clause) -> Clause {
    let text = &said.text;
    let targets = clause.commands.iter().filter_map(|command| target(&command.action));
    let (mut acts, mut is_all) = (false, false);
    for target in targets {
        acts = true;
        is_all |= matches!(target, Target::All { .. });
    }
    if !acts && !clause.commands.iter().any(|command| matches!(command.action, Action::Query(_))) {
        return clause;
    }
    let doubtful = |problem: Problem| {
        let spans = text.span(0, text.end_of_words(), SpanKind::Intent).into_iter().collect();
        Clause::one(Action::Unknown(TaskFields::default()), spans, 0.4).with_problem(Some(problem))
    };
    let phrases = phrase::scan(said, context, Look::default());
    // A filter without its date would be all there is.
    let bad = phrases.iter().find_map(|phrase| match &phrase.value {
        Value::Bad(problem @ Problem::NoSuchDate { .. }) => Some(problem.clone()),
        _ => None,
    });
    if let Some(problem) = bad {
        return doubtful(problem);
    }
    if acts && (is_all || text.has_any(words!["sab", "kaam", "har", "baqi"])) && excepts(text) {
        return doubtful(Problem::UnclearIntent);
    }
    let is_act = |action: &Action| {
        matches!(action, Action::Complete { .. } | Action::Delete { .. } | Action::Reopen { .. })
    };
    if clause.commands.iter().any(|command| is_act(&command.action)) && is_for_later(said, phrases, context) {
        return doubtful(Problem::UnclearIntent);
    }
    clause
}

fn target(action: &Action) -> Option<&Target> {
    match action {
        Action::Complete { target }
        | Action::Delete { target }
        | Action::Reopen { target }
        | Action::Snooze { target, .. }
        | Action::Update { target, .. } => Some(target),
        _ => None,
    }
}

/// "دودھ کے سوا سب", "X ko chhor kar sab": all but some.
fn excepts(text: &Text<'_>) -> bool {
    text.has_any(words!["siwaye", "alawa", "chhor-kar", "except", "bajuz", "ماسوا", "baghair", "بغیر"])
        || (0..text.len()).any(|at| {
            text.word(at) == "chhor" && text.is_any(at + 1, words!["kar", "ke", "kar-kar"])
            // "کے سوا" is written like the quarter.
            || text.is_any(at, words!["ke", "k"]) && text.is_any(at + 1, words!["sawa", "siwa", "siva"])
        })
}

/// "دودھ لانا جمعے تک مکمل کرو": it is to be done by then, and is not done now. "کل والا کام", "آج کے سب کام" say which.
fn is_for_later(said: &Said<'_>, phrases: Vec<Phrase>, context: &Context) -> bool {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let is_told =
        verb::command_of(text, end, &["kar", "kara", "laga", "mita", "hata", "nikal", "khol", "le", "rakh"])
            .is_some();
    if !is_told {
        return false;
    }
    let says_which = |phrase: &Phrase| {
        text.is_any(phrase.to, words!["wala", "ka", "ki", "ke", "tak"]) && text.word(phrase.to) != "tak"
            || phrase.to > 0 && text.is_any(phrase.to - 1, words!["wala", "ka", "ki", "ke"])
            || text.is_any(phrase.to, words!["kaam", "sab"])
    };
    let later: Vec<Phrase> =
        phrases.into_iter().filter(|phrase| phrase.is_temporal() && !says_which(phrase)).collect();
    if later.is_empty() {
        return false;
    }
    let names_now = later.iter().all(|phrase| text.slice(phrase.from, phrase.to).chars().count() <= 4)
        && later.iter().all(|phrase| text.is_any(phrase.from, words!["abhi"]));
    let meaning = compose::compose(later, context, |_| String::new());
    !names_now && (meaning.rule.is_some() || meaning.due.is_some_and(|due| due.date >= context.now.date()))
}
