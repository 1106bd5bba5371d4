//! One message and its answer: load, decide, commit both sides with all that they change, and only then say so.

use std::time::Duration;

use application::Application;
use application::change::Committed;
use application::chat::{Message, Record, Together, Turn};
use chrono::{DateTime, TimeDelta, Utc};
use domain::settings::Settings;
use events::{Answer, Cause, IdempotencyKey, Refusal};
use language::{Language, Parse};
use runtime::backoff;
use runtime::clock::{Stopwatch, random_fraction};

use crate::Backing;
use crate::memory::Conversation;
use crate::model::{Consulted, Model};
use crate::outcome::Outcome;
use crate::request::Request;
use crate::state::State;
use crate::turns::Turns;
use crate::understanding::Utterance;
use crate::{decide, reply};

/// How often a turn is computed anew after something else changed meanwhile.
const TRIES: u32 = 20;
/// How long is waited at most before the first of those times, and before any of them: two instances would meet again and again.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What deciding about a message needs to know.
pub(crate) struct Talk<'a> {
    /// The use cases.
    pub(crate) application: &'a Application,
    /// Who asks, and when by the server's clock.
    pub(crate) cause: &'a Cause,
    /// The user's settings.
    pub(crate) settings: Settings,
    /// What is said.
    pub(crate) said: Utterance,
    /// What the parser makes of that.
    pub(crate) parsed: Parse,
    /// The language of the reply.
    pub(crate) language: Language,
    /// What the conversation is about.
    pub(crate) state: State,
    /// The model, if there is one.
    pub(crate) model: Option<&'a Model>,
    /// What it made of this message, if it was asked.
    pub(crate) consulted: &'a mut Consulted,
    /// Whose understanding the answer rests on: `parser` or `model`.
    pub(crate) answered_by: &'static str,
}

impl Talk<'_> {
    /// Goes on with a part of what is said.
    pub(crate) fn hear(&mut self, text: String) {
        self.said.text = text;
        self.parsed = self.said.parse();
    }

    /// Notes what the answer rests on.
    pub(crate) fn rests_on(&mut self, about: &Utterance) {
        self.answered_by = if about.heard.is_some() { "model" } else { "parser" };
    }
}

/// Answers a message.
///
/// # Errors
/// [`Refusal::KeyInUse`], [`Refusal::KeyReused`], [`Refusal::Unavailable`]: nothing was done and nothing is claimed.
pub(crate) async fn answer(
    application: &Application,
    Backing { memory, model }: &Backing,
    turns: &Turns,
    cause: &Cause,
    request: &Request,
    key: Option<&IdempotencyKey>,
) -> Result<Answer, Refusal> {
    let watch = Stopwatch::start();
    if let Some(key) = key
        && let Some(answer) = application.answer_before(cause, key).await?
    {
        return Ok(answer);
    }
    let new = || (cause.new_id)(cause.now).to_string();
    let conversation_id = request.conversation_id.clone().unwrap_or_else(new);
    let conversation = Conversation { user_id: &cause.user_id, id: &conversation_id };
    let _floor = turns.take(conversation.key()).await;
    let (mut consulted, mut forgotten) = (Consulted::default(), None);
    for attempt in 0..TRIES {
        if let Some(retry) = attempt.checked_sub(1) {
            tokio::time::sleep(backoff::delay(retry, FIRST_WAIT, LONGEST_WAIT, random_fraction())).await;
        }
        let (settings, kept) = application.conversation(&cause.user_id, &conversation_id).await?;
        let recalled = memory.recall(conversation, kept.as_ref(), forgotten).await;
        forgotten = recalled.forgotten;
        let said = request.utterance(&settings, cause.now);
        let mut state = State::read(recalled.state);
        if forgotten.is_some() {
            state.forget_done();
        }
        let parsed = said.parse();
        let language = reply::spoken(&said.text, &parsed, state.language(), said.locale());
        state.speak(language);
        let (model, consulted, answered_by) = (model.as_ref(), &mut consulted, "parser");
        let mut talk = Talk {
            application,
            cause,
            settings,
            said,
            parsed,
            language,
            state,
            model,
            consulted,
            answered_by,
        };
        let outcome = decide::decide(&mut talk).await?;
        let answer = Answer::json(&outcome.to_json(&conversation_id));
        let turn_id = (cause.new_id)(cause.now);
        let (state, document) = memory.divide(turn_id, talk.state.to_json(), recalled.etag);
        let turn = Turn {
            conversation_id: conversation_id.clone(),
            dapr_state_key: conversation.key(),
            state,
            before: kept,
            messages: messages(cause, &request.text, &outcome, talk.answered_by, &watch),
        };
        let record =
            key.map(|key| Record { key: key.clone(), answer: answer.clone(), created_at: cause.now });
        let Outcome { writes, reopened, series, undone, .. } = outcome;
        let together =
            Together { writes, undone, series, turn: Some(turn), key: record, ..Together::default() };
        match application.commit(cause, &together).await? {
            Committed::Yes => {
                for id in reopened {
                    // A successor that came to be just now; the task itself is reopened in any case.
                    if application.withdraw_successor(cause, id).await.is_err() {
                        tracing::warn!(task.id = %id, "the successor of a reopened task could not be looked after");
                    }
                }
                if let Some(forgotten) = &forgotten {
                    memory.count(forgotten);
                }
                // Last: a sidecar that hangs delays the answer, and nothing else.
                if let Some(document) = document {
                    memory.keep(application, conversation, document).await;
                }
                return Ok(answer);
            }
            Committed::Before(answer) => return Ok(answer),
            Committed::ComputeAnew => {}
        }
    }
    Err(application::lost_every_race("the conversation, whose tasks keep changing,"))
}

fn messages(
    cause: &Cause,
    text: &str,
    outcome: &Outcome,
    answered_by: &str,
    watch: &Stopwatch,
) -> Vec<Message> {
    let message = |role: &str, content: &str, at: DateTime<Utc>| Message {
        id: (cause.new_id)(at),
        role: role.to_owned(),
        content: content.to_owned(),
        intent_detected: Some(outcome.intent.as_str().to_owned()),
        skill_agent_used: Some(outcome.agent().to_owned()),
        confidence_score: Some(outcome.confidence),
        processing_time_ms: Some(watch.elapsed().as_secs_f64() * 1_000.0),
        answered_by: Some(answered_by.to_owned()),
        created_at: at,
    };
    let later = cause.now + TimeDelta::microseconds(1);
    vec![message("user", text, cause.now), message("assistant", &outcome.reply, later)]
}
