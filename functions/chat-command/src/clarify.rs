//! Questions back: what is unclear is named, and nothing is changed.

use application::chat::Loaded;
use events::TaskBody;
use language::{Action, Problem, TaskFields};

use crate::decide;
use crate::outcome::{Intent, Outcome};
use crate::reply;
use crate::state::{Act, Asked, Proposal, expiry};
use crate::turn::Talk;
use crate::understanding::{Understood, Utterance, Wants};

/// Asks about what is wrong or unclear.
pub(crate) fn ask(talk: &mut Talk<'_>, about: Utterance, understood: Understood) -> Outcome {
    talk.rests_on(&about);
    let Understood { actions, confidence, problem, is_time_doubtful } = understood;
    let first = &actions[0];
    let intent = Intent::of(first);
    let fields = match first {
        Action::Create(fields) | Action::Unknown(fields) => Some(fields),
        _ => None,
    };
    let is_reminder =
        fields.is_some_and(|fields| fields.wants_reminder) || matches!(first, Action::Snooze { .. });
    let (reply, wants) = match problem {
        Some(Problem::UnclearIntent) | None if is_time_doubtful => {
            let wants = match first {
                Action::Create(_) => Some(Wants::When),
                Action::Update { .. } => Some(Wants::Change),
                _ => None,
            };
            (reply::doubtful_time(talk.language), wants)
        }
        Some(Problem::NoSuchDate { text, suggestion }) if decide::is_far(&about, suggestion) => {
            (reply::too_far_away(talk.language, &text), None)
        }
        Some(Problem::NoSuchDate { text, suggestion }) => {
            let reply = reply::no_such_date(talk.language, &text, suggestion);
            let wants = words(&about, text, Some(suggestion.to_string()));
            (reply, Some(wants))
        }
        Some(Problem::NoSuchTime { text }) => {
            (reply::no_such_time(talk.language, &text), Some(words(&about, text, None)))
        }
        Some(Problem::UnsupportedRepetition { text }) => {
            let can_create = propose_creation(talk, &about, &actions);
            let reply = reply::unsupported_repetition(talk.language, &text, can_create);
            (reply, fields.is_some().then(|| words(&about, text, None)))
        }
        Some(Problem::MissingTitle) => (reply::missing_title(talk.language), Some(Wants::Title)),
        Some(Problem::MissingTarget) => (reply::missing_target(talk.language), Some(Wants::Target)),
        Some(Problem::MissingChange) => (reply::missing_change(talk.language), Some(Wants::Change)),
        Some(Problem::Negated) => (reply::negated(talk.language), None),
        Some(Problem::UnclearIntent) | None => {
            let title = fields.and_then(|fields| fields.title.as_deref());
            let reply = match (first, title) {
                (Action::Create(_), Some(title)) if propose_creation(talk, &about, &actions) => {
                    reply::shall_i_create(talk.language, title)
                }
                (Action::Complete { .. } | Action::Reopen { .. } | Action::Delete { .. }, _) => {
                    reply::unclear_act(talk.language, &about.text)
                }
                _ => reply::unclear(talk.language),
            };
            (reply, None)
        }
    };
    if let Some(wants) = wants {
        let expires_at = expiry(talk.cause.now);
        talk.state.asked = Some(Asked { about, wants, candidates: Vec::new(), expires_at });
    }
    Outcome { is_reminder, ..Outcome::ask(intent, confidence, reply) }
}

/// Words that nobody wrote so can not be replaced: then the time itself is asked for again.
fn words(about: &Utterance, instead_of: String, suggestion: Option<String>) -> Wants {
    if about.has_words(&instead_of) { Wants::Words { instead_of, suggestion } } else { Wants::When }
}

fn propose_creation(talk: &mut Talk<'_>, about: &Utterance, actions: &[Action]) -> bool {
    let [Action::Create(TaskFields { title: Some(_), .. })] = actions else { return false };
    talk.state.proposal = Some(Proposal::new(about.clone(), Act::Create, Vec::new(), talk.cause.now));
    true
}

/// Asks when.
pub(crate) fn ask_when(talk: &mut Talk<'_>, about: Utterance, confidence: f64, is_reminder: bool) -> Outcome {
    let expires_at = expiry(talk.cause.now);
    talk.state.asked = Some(Asked { about, wants: Wants::When, candidates: Vec::new(), expires_at });
    Outcome { is_reminder, ..Outcome::ask(Intent::Create, confidence, reply::missing_time(talk.language)) }
}

/// Asks which task is meant, when none was found.
pub(crate) fn ask_target(
    talk: &mut Talk<'_>,
    mut about: Utterance,
    act: Act,
    confidence: f64,
    question: String,
) -> Outcome {
    about.chosen = None;
    let expires_at = expiry(talk.cause.now);
    talk.state.asked = Some(Asked { about, wants: Wants::Target, candidates: Vec::new(), expires_at });
    Outcome { is_reminder: act == Act::Snooze, ..Outcome::ask(act.into(), confidence, question) }
}

/// Asks which one of several tasks is meant.
pub(crate) fn ask_which(talk: &mut Talk<'_>, about: Utterance, wants: Wants, tasks: &[Loaded]) -> Outcome {
    talk.rests_on(&about);
    let Understood { actions, confidence, .. } = about.understand();
    let zone = talk.settings.time_zone;
    let candidates: Vec<_> = tasks.iter().map(|loaded| loaded.task.id).collect();
    talk.state.show(candidates.clone(), talk.cause.now);
    let expires_at = expiry(talk.cause.now);
    talk.state.asked = Some(Asked { about, wants, candidates, expires_at });
    let is_reminder = matches!(actions[0], Action::Snooze { .. });
    let outcome = Outcome::ask(Intent::of(&actions[0]), confidence, reply::which(talk.language, tasks, zone));
    let bodies = tasks.iter().map(|loaded| TaskBody::of(&loaded.task, zone, loaded.reminder_id));
    Outcome { candidates: bodies.collect(), is_reminder, ..outcome }
}
