//! Carries out what was understood: at once where that is safe, else after a yes.

use application::chat::Loaded;
use events::Refusal;
use language::{Action, Target, TaskFields};

use crate::outcome::{Intent, Outcome};
use crate::perform::perform;
use crate::state::Act;
use crate::targets::{self, Found};
use crate::turn::Talk;
use crate::understanding::{Understood, Utterance, Wants};
use crate::{answer, clarify, create, proposal, query, reply};

/// Does what was understood, or asks.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn carry_out(
    talk: &mut Talk<'_>,
    about: Utterance,
    understood: Understood,
) -> Result<Outcome, Refusal> {
    talk.state.drop_questions();
    talk.rests_on(&about);
    if !understood.is_clear() {
        return Ok(clarify::ask(talk, about, understood));
    }
    let Understood { actions, confidence, .. } = understood;
    if let Some(fields) = creations(&actions) {
        return Ok(create::create(talk, about, &fields, confidence));
    }
    if let [Action::Query(query)] = &actions[..] {
        return query::answer(talk, &about, query, confidence).await;
    }
    if let [Action::Snooze { until, .. }] = &actions[..]
        && *until == about.now()
    {
        let outcome = Outcome::ask(Intent::Update, confidence, reply::snooze_until_when(talk.language));
        return Ok(Outcome { is_reminder: true, ..outcome });
    }
    let Some(acts) = acts(&actions) else {
        return Ok(Outcome::ask(Intent::of(&actions[0]), confidence, reply::one_at_a_time(talk.language)));
    };
    on_tasks(talk, about, &acts, confidence).await
}

/// What was taken for the answer which task is meant, and names none, may be a new task: "buy milk tomorrow".
fn create_instead(talk: &mut Talk<'_>, about: &Utterance) -> Option<Outcome> {
    let said = talk.said.clone();
    let understood = said.understand();
    let is_clear = *about != said && understood.is_clear();
    let fields = creations(&understood.actions).filter(|_| is_clear)?;
    talk.rests_on(&said);
    Some(create::create(talk, said, &fields, understood.confidence))
}

fn creations(actions: &[Action]) -> Option<Vec<&TaskFields>> {
    let each = actions.iter().map(|action| match action {
        Action::Create(fields) => Some(fields),
        _ => None,
    });
    each.collect()
}

/// Gives the targets of acts that are all of one kind; of changes, only one at a time, and of snoozes, those until the same time.
fn acts(actions: &[Action]) -> Option<Vec<(Act, &Target)>> {
    let all: Vec<_> = actions.iter().map(on_task).collect::<Option<_>>()?;
    let (first, _) = *all.first()?;
    let is_one_kind = all.iter().all(|(act, _)| *act == first);
    let until = |action: &Action| if let Action::Snooze { until, .. } = action { Some(*until) } else { None };
    let is_one_change =
        first != Act::Update && actions.iter().all(|action| until(action) == until(&actions[0]));
    (is_one_kind && (all.len() == 1 || is_one_change)).then_some(all)
}

fn on_task(action: &Action) -> Option<(Act, &Target)> {
    match action {
        Action::Update { target, .. } => Some((Act::Update, target)),
        Action::Complete { target } => Some((Act::Complete, target)),
        Action::Reopen { target } => Some((Act::Reopen, target)),
        Action::Delete { target } => Some((Act::Delete, target)),
        Action::Snooze { target, .. } => Some((Act::Snooze, target)),
        _ => None,
    }
}

/// Gives what an action does to tasks that exist.
pub(crate) fn kind(action: &Action) -> Option<Act> {
    on_task(action).map(|(act, _)| act)
}

async fn on_tasks(
    talk: &mut Talk<'_>,
    about: Utterance,
    acts: &[(Act, &Target)],
    confidence: f64,
) -> Result<Outcome, Refusal> {
    let act = acts[0].0;
    let (mut tasks, mut is_sure): (Vec<Loaded>, bool) = (Vec::new(), acts.len() == 1);
    for (_, target) in acts {
        let found = match targets::find(talk, &about, act, target).await? {
            Found::Sure(loaded) => vec![loaded],
            Found::Loose(loaded) => {
                is_sure = false;
                vec![loaded]
            }
            Found::All(all) => {
                is_sure = false;
                all
            }
            Found::Several(several) if acts.len() == 1 => {
                return Ok(clarify::ask_which(talk, about, Wants::Target, &several));
            }
            Found::Several(_) => {
                return Ok(Outcome::ask(act.into(), confidence, reply::one_at_a_time(talk.language)));
            }
            Found::Nothing(why) => return Ok(Outcome::ask(act.into(), confidence, why)),
            Found::Unknown(_) if let Some(created) = create_instead(talk, &about) => return Ok(created),
            Found::Unknown(question) if acts.len() == 1 => {
                return Ok(clarify::ask_target(talk, about, act, confidence, question));
            }
            Found::Unknown(question) => return Ok(Outcome::ask(act.into(), confidence, question)),
        };
        for loaded in found {
            if tasks.iter().all(|known| known.task.id != loaded.task.id) {
                tasks.push(loaded);
            }
        }
    }
    // What the model made of a sentence, or what is a question itself, is done to a task only after a yes.
    if let [only] = &tasks[..]
        && is_sure
        && act != Act::Delete
        && about.heard.is_none()
        && !answer::asks(&talk.said.text)
    {
        let only = only.clone();
        return perform(talk, &about, act, vec![only], confidence, Vec::new()).await;
    }
    Ok(proposal::propose(talk, about, act, &tasks, confidence))
}
