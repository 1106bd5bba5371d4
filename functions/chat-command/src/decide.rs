//! What a message is: a short answer, an answer to a question, or a command of its own.

use events::Refusal;
use language::{Action, Problem, Target};
use uuid::Uuid;

use crate::outcome::{Intent, Outcome};
use crate::state::{Act, Asked};
use crate::turn::Talk;
use crate::understanding::{self, SURE, Utterance, Wants};
use crate::{act, clarify, model, proposal, reply, targets, undo};

/// Decides what a message leads to; nothing is committed yet.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn decide(talk: &mut Talk<'_>) -> Result<Outcome, Refusal> {
    let parsed = talk.said.parse();
    let now = talk.cause.now;
    let asked = talk.state.asked.take().filter(|asked| now < asked.expires_at);
    let confidence = parsed.confidence;
    if let [only] = &parsed.commands[..]
        && confidence >= SURE
    {
        let say = |reply: String| Outcome::say(Intent::Unknown, confidence, reply);
        match only.action {
            Action::Yes => return yes(talk, asked, confidence).await,
            Action::No => {
                let proposal = talk.state.proposal.take();
                let intent = proposal.as_ref().map_or(Intent::Unknown, |proposal| proposal.act.into());
                let reply = reply::dropped(talk.language, asked.is_some() || proposal.is_some());
                return Ok(Outcome::say(intent, confidence, reply));
            }
            Action::Undo => {
                talk.state.drop_questions();
                return undo::undo(talk, confidence).await;
            }
            // Courtesies leave a question open.
            Action::Help | Action::Greeting | Action::Thanks => {
                talk.state.asked = asked;
                return Ok(say(match only.action {
                    Action::Help => reply::help(talk.language),
                    Action::Greeting => reply::greeting(talk.language),
                    _ => reply::welcome(talk.language),
                }));
            }
            _ => {}
        }
    }
    if parsed.problem == Some(Problem::Negated) {
        talk.state.drop_questions();
        return Ok(Outcome::ask(Intent::Unknown, confidence, reply::negated(talk.language)));
    }
    if let Some(asked) = asked.filter(|asked| !understanding::is_command(&parsed, &asked.wants))
        && let Some(outcome) = answered(talk, asked, confidence >= SURE).await?
    {
        return Ok(outcome);
    }
    let (mut said, mut understood) = (talk.said.clone(), talk.said.understand());
    let proposal = talk.state.proposal.take().filter(|waits| now < waits.expires_at);
    if proposal.is_none()
        && model::may_help(&parsed)
        && let Some(better) = model::consult(talk, &parsed).await?
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
async fn answered(talk: &mut Talk<'_>, asked: Asked, is_sure: bool) -> Result<Option<Outcome>, Refusal> {
    let Asked { about, wants, candidates, .. } = asked;
    if !candidates.is_empty() {
        return chosen(talk, about, wants, candidates, is_sure).await;
    }
    let tried = about.clone().answered(wants.clone(), &talk.said.text, talk.said.at);
    let understood = tried.understand();
    let is_clear = understood.is_clear();
    // What does not answer the question may be a new task: "buy milk".
    if !is_clear && is_sure {
        return Ok(None);
    }
    if !is_clear && understood.problem == about.understand().problem {
        return Ok(Some(clarify::ask(talk, about, understood)));
    }
    act::carry_out(talk, tried, understood).await.map(Some)
}

/// Takes a message as the choice of one task out of several.
async fn chosen(
    talk: &mut Talk<'_>,
    mut about: Utterance,
    wants: Wants,
    candidates: Vec<Uuid>,
    is_sure: bool,
) -> Result<Option<Outcome>, Refusal> {
    let target = about.target_in(&talk.said.text, talk.said.at);
    let picked = match &target {
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
    if is_sure {
        return Ok(None);
    }
    let tasks = talk.application.tasks_by_id(&talk.cause.user_id, &candidates).await?;
    Ok(Some(clarify::ask_which(talk, about, wants, &tasks)))
}
