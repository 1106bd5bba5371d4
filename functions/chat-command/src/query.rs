//! Questions about tasks.

use events::{Refusal, TaskBody};
use language::Query;

use crate::filter;
use crate::outcome::{Intent, Outcome};
use crate::reply;
use crate::turn::Talk;
use crate::understanding::Utterance;

/// How many tasks are shown at once.
const SHOWN: usize = 20;
/// How many are counted.
const COUNTED: usize = 1_000;

/// Answers a question about tasks, and remembers what was shown.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn answer(
    talk: &mut Talk<'_>,
    about: &Utterance,
    query: &Query,
    confidence: f64,
) -> Result<Outcome, Refusal> {
    if query.count_only {
        let found = filter::find(talk, about, query, COUNTED).await?;
        let which = reply::described(talk.language, query, about, found.tasks.len());
        let reply = reply::count(talk.language, found.tasks.len(), found.has_more, &which);
        return Ok(Outcome::say(Intent::Query, confidence, reply));
    }
    let found = filter::find(talk, about, query, SHOWN).await?;
    let zone = talk.settings.time_zone;
    if !found.tasks.is_empty() {
        talk.state.show(found.tasks.iter().map(|loaded| loaded.task.id).collect(), talk.cause.now);
    }
    let which = reply::described(talk.language, query, about, found.tasks.len());
    let say = if query.is_free { reply::free } else { reply::list };
    let reply = say(talk.language, &found.tasks, found.has_more, &which, zone);
    let bodies = found.tasks.iter().map(|loaded| TaskBody::of(&loaded.task, zone, loaded.reminder_id));
    Ok(Outcome { tasks: Some(bodies.collect()), ..Outcome::say(Intent::Query, confidence, reply) })
}
