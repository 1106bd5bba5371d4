//! The model behind the chat: asked only for what the parser is not sure of, once for a message, with a deadline, and never trusted.
//!
//! `question` says what goes in, `answer` checks what comes back, `heard` makes it what the parser makes of a sentence. `breaker` and
//! `places` keep a slow or broken model from costing anybody more than its deadline. Nothing here fails: without an answer there is
//! the parser's.

mod answer;
mod breaker;
mod heard;
mod ollama;
mod own_words;
mod places;
mod question;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use application::Probe;
use domain::zone;
use events::Refusal;
use language::{Parse, Problem};
use runtime::clock::{Clock, Stopwatch};
use uuid::Uuid;

use crate::turn::Talk;
use crate::understanding::{SURE, Utterance, fields_of};
use answer::{Answer, Facts, Shown};
use breaker::Breaker;
pub(crate) use heard::Heard;
use ollama::Ollama;
use places::Places;
use question::Setting;

/// A model on an Ollama server; cheap to clone.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    ollama: Ollama,
    deadline: Duration,
    clock: Clock,
    breaker: Breaker,
    places: Places,
}

/// What the model made of one message. It is asked once at most, however often the turn is computed.
#[derive(Debug, Default)]
pub(crate) struct Consulted(Option<Option<Advice>>);

/// What the model made of a sentence, and which task it means by a number.
type Advice = (Box<Heard>, Option<Uuid>);

impl Model {
    /// Gives how long an answer is waited for.
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// Gives what says whether the server answers; it remembers that for a few seconds.
    pub(crate) fn probe(&self) -> impl Fn() -> Probe + Send + Sync + 'static {
        let model = self.clone();
        move || {
            let model = model.clone();
            Box::pin(async move { model.0.ollama.is_there(model.0.clock.now()).await })
        }
    }

    /// Asks about a sentence; `None` when there is no answer that can be used.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: the database.
    async fn ask(
        &self,
        talk: &Talk<'_>,
        parsed: &Parse,
        shown: Vec<Shown>,
    ) -> Result<Option<Advice>, Refusal> {
        let Inner { ollama, clock, breaker, places, .. } = &*self.0;
        let (about, own) = (&talk.said, fields_of(parsed));
        let zone = about.zone();
        let setting = Setting {
            said: &about.text,
            language: talk.language,
            now: zone::local(about.at, zone),
            zone: zone.name(),
            locale: about.locale().as_str(),
            wants_reminder: own.wants_reminder || asks_to_be_reminded(&about.text),
        };
        let Some(question) = question::put(&setting, shown) else {
            tracing::debug!("the model was not asked: the message is too long");
            return Ok(None);
        };
        let Some(_place) = places.take(&talk.cause.user_id) else {
            tracing::warn!("the model was not asked: it has enough to do");
            return Ok(None);
        };
        let Some(permit) = breaker.admit(clock.now()) else {
            tracing::debug!("the model was not asked: it failed lately");
            return Ok(None);
        };
        // Last: it is charged for, whatever becomes of it.
        if !talk.application.may_ask_model(talk.cause).await? {
            tracing::info!("the model was not asked: the user has asked it enough today");
            return Ok(None);
        }
        let facts =
            Facts { said: &about.text, now: setting.now, has_due: own.due.is_some(), shown: &question.shown };
        let watch = Stopwatch::start();
        let answer = match ollama.chat(&question).await {
            Ok(text) => answer::read(&text, &facts).map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let duration_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(match answer {
            Ok(answer) => {
                permit.succeeded();
                tracing::info!(duration_ms, outcome = "answered", "the model was asked");
                match answer {
                    Answer::Heard(heard, chosen) => Some((heard, chosen)),
                    Answer::Unknown => None,
                }
            }
            Err(why) => {
                let opens = permit.failed(clock.now());
                tracing::warn!(duration_ms, outcome = "failed", why, "the model was asked");
                if opens {
                    tracing::warn!("the model is left alone for a while");
                }
                None
            }
        })
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("deadline", &self.0.deadline).finish_non_exhaustive()
    }
}

/// Says whether the model may be asked about a sentence: only when what it is about is unclear, and nothing waits for a yes or no.
pub(crate) fn may_help(parsed: &Parse) -> bool {
    parsed.confidence < SURE && matches!(parsed.problem, None | Some(Problem::UnclearIntent))
}

/// Gives the sentence of a turn with what the model makes of it; `None` when there is no model, or none that knows better.
///
/// # Errors
/// [`Refusal::Unavailable`]: the database, never the model.
pub(crate) async fn consult(talk: &mut Talk<'_>, parsed: &Parse) -> Result<Option<Utterance>, Refusal> {
    let Some(model) = talk.model.filter(|_| talk.said.text.chars().any(char::is_alphanumeric)) else {
        return Ok(None);
    };
    if talk.consulted.0.is_none() {
        let shown = talk.state.shown(talk.cause.now);
        let shown = &shown[..shown.len().min(question::MAX_TASKS)];
        let tasks = match shown {
            [] => Vec::new(),
            shown => talk.application.tasks_by_id(&talk.cause.user_id, shown).await?,
        };
        let shown = question::tasks(shown, &tasks);
        let advice = model.ask(talk, parsed, shown).await?;
        talk.consulted.0 = Some(advice);
    }
    let Some((heard, chosen)) = talk.consulted.0.clone().flatten() else { return Ok(None) };
    Ok(Some(talk.said.clone().heard_as(heard, chosen)))
}

/// The words of every language here, since the parser was not sure of any.
fn asks_to_be_reminded(said: &str) -> bool {
    const WORDS: [&str; 5] = ["remind", "alert", "notify", "yaad", "یاد"];
    let said = said.to_lowercase();
    WORDS.iter().any(|word| said.contains(word))
}
