//! What a message is: a short answer, an answer to a question, or a command of its own.

use chrono::{Days, NaiveDate};
use events::Refusal;
use language::{Action, Command, Parse, Problem, Target};
use uuid::Uuid;

use crate::answer::{self, Answer, Reaction};
use crate::outcome::{Intent, Outcome};
use crate::state::{Act, Asked, Proposal};
use crate::turn::Talk;
use crate::understanding::{self, SURE, Utterance, Wants};
use crate::{act, clarify, model, proposal, reply, series, targets, undo};

/// A suggested day farther away than this is no help, in days.
const MAX_SUGGESTED_DAYS: u64 = 36_525;

/// Decides what a message leads to; nothing is committed yet.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn decide(talk: &mut Talk<'_>) -> Result<Outcome, Refusal> {
    let now = talk.cause.now;
    let mut asked = talk.state.asked.take().filter(|asked| now < asked.expires_at);
    let mut notes = Vec::new();
    if let Some(outcome) = series::propose(talk).await? {
        return Ok(outcome);
    }
    if let Some(reaction) = reaction(talk) {
        if let Some(act) = waiting(talk).map(|waits| waits.act) {
            if reaction.is_yes {
                let outcome = Outcome::ask(act.into(), SURE, reply::yes_alone(talk.language));
                return Ok(Outcome { confirmation: true, ..outcome });
            }
            talk.state.proposal = None;
            notes.extend((act == Act::Delete).then(|| reply::not_deleted(talk.language)));
            talk.hear(reaction.rest);
        } else if let Some(waits) = asked.take() {
            asked = Some(heeded(talk, waits, reaction));
        } else if !matches!(Answer::read(&talk.said, &reaction.rest, talk.said.at), Answer::Other) {
            let reply = reply::nothing_to_confirm(talk.language);
            return Ok(Outcome::ask(Intent::Unknown, SURE, reply));
        }
    }
    let (outcome, dropped) = decide_on(talk, asked).await?;
    notes.extend(dropped.and_then(|asked| not_created(talk, &asked, &outcome)));
    if notes.is_empty() {
        return Ok(outcome);
    }
    Ok(Outcome { reply: format!("{} {}", notes.join(" "), outcome.reply), ..outcome })
}

/// Gives what is proposed and still waits.
fn waiting<'a>(talk: &'a Talk<'_>) -> Option<&'a Proposal> {
    talk.state.proposal.as_ref().filter(|waits| talk.cause.now < waits.expires_at)
}

/// Gives the yes or no that a message begins with, when it says more.
fn reaction(talk: &Talk<'_>) -> Option<Reaction> {
    let Parse { commands, confidence, .. } = &talk.parsed;
    let is_short = matches!(
        &commands[..],
        [Command {
            action: Action::Yes
                | Action::No
                | Action::Undo
                | Action::Help
                | Action::Greeting
                | Action::Thanks,
            ..
        }]
    );
    Reaction::read(&talk.said.text).filter(|_| !is_short || *confidence < SURE)
}

/// Takes "no, 1 march" for the answer behind the no, and "yes, but at 6" for both.
fn heeded(talk: &mut Talk<'_>, asked: Asked, reaction: Reaction) -> Asked {
    let Reaction { is_yes, is_apart, rest } = reaction;
    let is_answer = !matches!(Answer::read(&asked.about, &rest, talk.said.at), Answer::Other);
    if !is_answer && !is_apart {
        return asked;
    }
    talk.hear(rest);
    match asked.wants {
        Wants::Words { instead_of, suggestion: Some(suggestion) } if is_yes && is_answer => {
            let wants = Wants::Words { instead_of, suggestion: None };
            let about = asked.about.answered(wants, &suggestion, talk.said.at);
            let wants = if is_new(&about) { Wants::When } else { Wants::Change };
            Asked { about, wants, ..asked }
        }
        wants => Asked { wants, ..asked },
    }
}

/// Says that the task of a question that was not answered was not created.
fn not_created(talk: &Talk<'_>, asked: &Asked, outcome: &Outcome) -> Option<String> {
    let title = asked.about.title_to_be()?;
    let is_made =
        outcome.effect.as_ref().is_some_and(|(_, task)| targets::fold(&task.title) == targets::fold(&title));
    (!is_made).then(|| reply::not_created(talk.language, &title))
}

/// Gives what a message leads to, and the question that was dropped for it.
async fn decide_on(talk: &mut Talk<'_>, asked: Option<Asked>) -> Result<(Outcome, Option<Asked>), Refusal> {
    let parsed = talk.parsed.clone();
    let confidence = parsed.confidence;
    if let [only] = &parsed.commands[..]
        && confidence >= SURE
    {
        match only.action {
            Action::Yes if answer::asks(&talk.said.text) => {
                return Ok((still_open(talk, asked, confidence), None));
            }
            Action::Yes => return Ok((yes(talk, asked, confidence).await?, None)),
            Action::No => {
                let proposal = talk.state.proposal.take();
                let intent = proposal.as_ref().map_or(Intent::Unknown, |proposal| proposal.act.into());
                let reply = reply::dropped(talk.language, asked.is_some() || proposal.is_some());
                return Ok((Outcome::say(intent, confidence, reply), None));
            }
            Action::Undo => {
                talk.state.drop_questions();
                return Ok((undo::undo(talk, confidence).await?, asked));
            }
            Action::Help => return Ok((courtesy(talk, asked, confidence, reply::help(talk.language)), None)),
            Action::Greeting => {
                return Ok((courtesy(talk, asked, confidence, reply::greeting(talk.language)), None));
            }
            Action::Thanks => {
                return Ok((courtesy(talk, asked, confidence, reply::welcome(talk.language)), None));
            }
            _ => {}
        }
    }
    if parsed.problem == Some(Problem::Negated) {
        talk.state.drop_questions();
        return Ok((Outcome::ask(Intent::Unknown, confidence, reply::negated(talk.language)), None));
    }
    let mut dropped = None;
    if let Some(asked) = asked {
        let is_command = understanding::is_command(&parsed, &asked.wants);
        if !is_command && let Some(outcome) = answered(talk, asked.clone(), &parsed).await? {
            return Ok((outcome, None));
        }
        dropped = Some(asked);
    }
    Ok((of_its_own(talk, &parsed).await?, dropped))
}

/// Decides about a message that answers nothing.
async fn of_its_own(talk: &mut Talk<'_>, parsed: &Parse) -> Result<Outcome, Refusal> {
    let (mut said, mut understood) = (talk.said.clone(), talk.said.understand_as(parsed.clone()));
    let now = talk.cause.now;
    let proposal = talk.state.proposal.take().filter(|waits| now < waits.expires_at);
    if proposal.is_none()
        && parsed.problem == Some(Problem::UnclearIntent)
        && let Some(outcome) = numbered(talk, parsed.confidence).await?
    {
        return Ok(outcome);
    }
    if proposal.is_none()
        && model::may_help(parsed)
        && let Some(better) = model::consult(talk, parsed).await?
    {
        (understood, said) = (better.understand(), better);
    }
    let waits = proposal.filter(|waits| waits.act != Act::Create);
    if let Some(waits) = waits.filter(|_| !understood.is_clear()) {
        let confidence = understood.confidence;
        let outcome = Outcome::ask(Intent::Unknown, confidence, reply::yes_or_no(talk.language));
        talk.state.proposal = Some(waits);
        return Ok(Outcome { confirmation: true, ..outcome });
    }
    act::carry_out(talk, said, understood).await
}

/// Answers a courtesy. It leaves a question open, but a yes that comes after it is no yes to what was proposed before.
fn courtesy(talk: &mut Talk<'_>, asked: Option<Asked>, confidence: f64, reply: String) -> Outcome {
    talk.state.asked = asked;
    let act = waiting(talk).map(|waits| waits.act);
    talk.state.proposal = None;
    let note = act.map(|act| match act {
        Act::Delete => reply::not_deleted(talk.language),
        _ => reply::nothing_changed(talk.language),
    });
    let reply = note.map_or_else(|| reply.clone(), |note| format!("{note} {reply}"));
    Outcome::say(Intent::Unknown, confidence, reply)
}

/// Asks about a number that stands alone what to do with its task; it is "it" then.
async fn numbered(talk: &mut Talk<'_>, confidence: f64) -> Result<Option<Outcome>, Refusal> {
    let Some(Target::Number(number)) = talk.said.target_in(&talk.said.text, talk.said.at) else {
        return Ok(None);
    };
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some(id) = place.and_then(|place| talk.state.shown(talk.cause.now).get(place)).copied() else {
        return Ok(None);
    };
    let found = talk.application.tasks_by_id(&talk.cause.user_id, &[id]).await?.pop();
    let Some(loaded) = found.filter(|loaded| loaded.task.status != domain::task::Status::Deleted) else {
        return Ok(Some(Outcome::ask(Intent::Unknown, confidence, reply::gone(talk.language))));
    };
    talk.state.last = Some(id);
    let reply = reply::what_to_do(talk.language, loaded.task.title.as_str());
    Ok(Some(Outcome::ask(Intent::Unknown, confidence, reply)))
}

/// A yes that is a question itself: what waits goes on waiting.
fn still_open(talk: &mut Talk<'_>, asked: Option<Asked>, confidence: f64) -> Outcome {
    if waiting(talk).is_some() {
        let outcome = Outcome::ask(Intent::Unknown, confidence, reply::yes_or_no(talk.language));
        talk.state.asked = asked;
        return Outcome { confirmation: true, ..outcome };
    }
    let reply = match &asked {
        Some(asked) => reply::not_a_yes_or_no(talk.language, &asked.wants),
        None => reply::nothing_to_confirm(talk.language),
    };
    talk.state.asked = asked;
    Outcome::ask(Intent::Unknown, confidence, reply)
}

async fn yes(talk: &mut Talk<'_>, asked: Option<Asked>, confidence: f64) -> Result<Outcome, Refusal> {
    if let Some(proposal) = talk.state.proposal.take() {
        return proposal::accept(talk, proposal, confidence).await;
    }
    match asked {
        Some(Asked { about, wants: Wants::Words { instead_of, suggestion: Some(suggestion) }, .. }) => {
            let wants = Wants::Words { instead_of, suggestion: None };
            let about = about.answered(wants, &suggestion, talk.said.at);
            let understood = about.understand();
            act::carry_out(talk, about, understood).await
        }
        Some(asked) => {
            let outcome = Outcome::ask(
                Intent::Unknown,
                confidence,
                reply::not_a_yes_or_no(talk.language, &asked.wants),
            );
            talk.state.asked = Some(asked);
            Ok(outcome)
        }
        None => Ok(Outcome::ask(Intent::Unknown, confidence, reply::nothing_to_confirm(talk.language))),
    }
}

/// Takes a message as the answer to a question; `None` when it is something else.
async fn answered(talk: &mut Talk<'_>, asked: Asked, parsed: &Parse) -> Result<Option<Outcome>, Refusal> {
    if asked.wants == Wants::Target {
        return named(talk, asked, parsed).await;
    }
    let (text, at) = (talk.said.text.clone(), talk.said.at);
    let said = Answer::read(&asked.about, &text, at);
    if let Answer::Refused(problem) = &said
        && let Some(outcome) = refused(talk, &asked, problem)
    {
        return Ok(Some(outcome));
    }
    let Asked { about, wants, .. } = asked;
    let tried = match (&wants, &said) {
        (Wants::Title, Answer::Other) if answer::is_no_title(&text) => {
            let understood = about.understand();
            return Ok(Some(clarify::ask(talk, about, understood)));
        }
        (Wants::Title, Answer::Other) => about.clone().answered(wants, &text, at),
        // What it is called is still to be said.
        (Wants::Title | Wants::When, Answer::Bare(_) | Answer::Refused(_)) => {
            about.clone().answered(Wants::When, &text, at)
        }
        (Wants::Change, _) => about.clone().answered(wants, &text, at),
        (Wants::Words { instead_of, suggestion }, Answer::Bare(_) | Answer::Refused(_)) => {
            let is_enough = |named: &answer::Named| match (suggestion, about.understand().problem) {
                (Some(_), _) => named.has_date,
                (None, Some(Problem::NoSuchTime { .. })) => named.has_time,
                (None, _) => true,
            };
            match &said {
                Answer::Bare(named) if is_new(&about) && !is_enough(named) => {
                    let understood = about.understand();
                    return Ok(Some(clarify::ask(talk, about, understood)));
                }
                _ => about.clone().with_other_words(instead_of, suggestion.as_deref(), &text, at),
            }
        }
        (Wants::When | Wants::Words { .. } | Wants::Target, _) => return Ok(None),
    };
    let understood = tried.understand();
    let is_clear = understood.is_clear();
    if !is_clear && said == Answer::Other && parsed.confidence >= SURE {
        return Ok(None);
    }
    if !is_clear && said == Answer::Other && understood.problem == about.understand().problem {
        return Ok(Some(clarify::ask(talk, about, understood)));
    }
    act::carry_out(talk, tried, understood).await.map(Some)
}

/// Says why an answer can not be, and goes on asking, where nothing can be suggested.
fn refused(talk: &mut Talk<'_>, asked: &Asked, problem: &Problem) -> Option<Outcome> {
    let reply = match problem {
        Problem::NoSuchDate { text, suggestion } if is_far(&asked.about, *suggestion) => {
            reply::too_far_away(talk.language, text)
        }
        Problem::UnsupportedRepetition { .. } => {
            reply::unsupported_repetition(talk.language, &talk.said.text, false)
        }
        _ => return None,
    };
    let first = asked.about.understand().actions.into_iter().next();
    let intent = first.as_ref().map_or(Intent::Unknown, Intent::of);
    talk.state.asked = Some(asked.clone());
    Some(Outcome::ask(intent, 0.5, reply))
}

/// Says whether a day is too far away to be meant.
pub(crate) fn is_far(about: &Utterance, day: NaiveDate) -> bool {
    let last = about.now().date().checked_add_days(Days::new(MAX_SUGGESTED_DAYS));
    last.is_none_or(|last| day > last)
}

/// Says whether a sentence is about a new task.
fn is_new(about: &Utterance) -> bool {
    matches!(about.understand().actions.first(), Some(Action::Create(_) | Action::Unknown(_)))
}

/// Takes a message as the name of a task, the choice out of several, or of some of them; `None` when it is something else.
async fn named(talk: &mut Talk<'_>, asked: Asked, parsed: &Parse) -> Result<Option<Outcome>, Refusal> {
    let Asked { mut about, wants, candidates, .. } = asked;
    if !understanding::is_name(parsed) {
        return Ok(None);
    }
    let (text, at) = (talk.said.text.clone(), talk.said.at);
    let known =
        if candidates.is_empty() { talk.state.shown(talk.cause.now).to_vec() } else { candidates.clone() };
    let several = if answer::means_all(&text, candidates.len()) {
        candidates.clone()
    } else {
        about.numbers_in(&text, at, &known)
    };
    if several.len() > 1 {
        return on_several(talk, about, &several).await.map(Some);
    }
    if candidates.is_empty() {
        let tried = about.answered(wants, &text, at);
        let understood = tried.understand();
        return act::carry_out(talk, tried, understood).await.map(Some);
    }
    let picked = match &about.target_in(&text, at) {
        Some(Target::Number(number)) => {
            usize::try_from(*number).ok().and_then(|number| candidates.get(number.checked_sub(1)?)).copied()
        }
        Some(Target::Last) => candidates.last().copied(),
        Some(Target::Title(title)) => {
            let tasks = talk.application.tasks_by_id(&talk.cause.user_id, &candidates).await?;
            targets::only_match(title, &tasks).map(|loaded| loaded.task.id)
        }
        _ => None,
    };
    if picked.is_some() {
        about.chosen = picked;
        let understood = about.understand();
        return act::carry_out(talk, about, understood).await.map(Some);
    }
    if parsed.confidence >= SURE {
        return Ok(None);
    }
    let tasks = talk.application.tasks_by_id(&talk.cause.user_id, &candidates).await?;
    Ok(Some(clarify::ask_which(talk, about, wants, &tasks)))
}

/// Proposes to act on several tasks that were picked.
async fn on_several(talk: &mut Talk<'_>, about: Utterance, ids: &[Uuid]) -> Result<Outcome, Refusal> {
    let understood = about.understand();
    let Some(act) = understood.actions.first().and_then(act::kind) else {
        return Ok(clarify::ask(talk, about, understood));
    };
    let mut tasks = talk.application.tasks_by_id(&talk.cause.user_id, ids).await?;
    tasks.retain(|loaded| loaded.task.status != domain::task::Status::Deleted);
    if tasks.is_empty() {
        return Ok(Outcome::ask(act.into(), understood.confidence, reply::gone(talk.language)));
    }
    Ok(proposal::propose(talk, about, act, &tasks, understood.confidence.max(SURE)))
}
