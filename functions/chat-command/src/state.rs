//! What a conversation is about between two messages: JSON that `memory` keeps, so that it survives restarts and moves between
//! instances.

use application::change::PlannedWrite;
use application::undo::Which;
use chrono::{DateTime, TimeDelta, Utc};
use language::Language;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::understanding::{Utterance, Wants};

/// The version of the JSON; a state of another one is forgotten.
const VERSION: u32 = 2;
/// How long a question waits for its answer, and a proposal for yes or no, in minutes.
pub(crate) const PATIENCE_MINUTES: i64 = 10;
/// How many things that were done a conversation remembers.
const MAX_DONE: usize = 20;
/// How long the numbers of a list are known, in hours.
const NUMBERS_HOURS: i64 = 24;

/// What a conversation is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    v: u32,
    /// The tasks last shown, in order: "2" is the second.
    shown: Vec<Uuid>,
    shown_at: Option<DateTime<Utc>>,
    /// The task spoken of last: "it".
    pub(crate) last: Option<Uuid>,
    /// What was asked back.
    pub(crate) asked: Option<Asked>,
    /// What waits for yes or no.
    pub(crate) proposal: Option<Proposal>,
    /// What may be deleted altogether.
    #[serde(default)]
    pub(crate) series: Option<Offer>,
    /// What "undo" reverts: the events of each thing that was done here, the latest last.
    done: Vec<Vec<Uuid>>,
    /// Whether something may have been done here that is not among it, because the conversation was forgotten.
    #[serde(default)]
    is_done_forgotten: bool,
    /// The language of the last reply, as a BCP 47 tag.
    #[serde(default)]
    language: Option<String>,
}

/// A task whose series may be deleted with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Which.
    pub(crate) id: Uuid,
    /// When it is forgotten.
    pub(crate) expires_at: DateTime<Utc>,
}

/// A question to the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// What it is about.
    pub(crate) about: Utterance,
    /// What is asked for.
    pub(crate) wants: Wants,
    /// The tasks to choose from, in order; empty when it is not about that.
    pub(crate) candidates: Vec<Uuid>,
    /// When it is forgotten.
    pub(crate) expires_at: DateTime<Utc>,
}

/// What would be done after a yes: exactly this, and nothing that came to be later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    /// What was said.
    pub(crate) about: Utterance,
    /// What is to be done.
    pub(crate) act: Act,
    /// To which tasks, as they were.
    pub(crate) tasks: Vec<Frozen>,
    /// The events that are to be taken back instead, if any.
    #[serde(default)]
    pub(crate) undoes: Vec<Uuid>,
    /// Whether the series of the task is meant, and not the task alone.
    #[serde(default)]
    pub(crate) is_series: bool,
    /// When it is forgotten.
    pub(crate) expires_at: DateTime<Utc>,
}

impl Proposal {
    /// Proposes to act on these tasks and nothing else; none for one that is to be created.
    pub(crate) fn new(about: Utterance, act: Act, tasks: Vec<Frozen>, now: DateTime<Utc>) -> Self {
        Self { about, act, tasks, undoes: Vec::new(), is_series: false, expires_at: expiry(now) }
    }
}

/// A task at the time of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    /// Which.
    pub(crate) id: Uuid,
    version: i64,
}

impl Frozen {
    /// Remembers a task.
    pub(crate) fn of(id: Uuid, version: i64) -> Self {
        Self { id, version }
    }

    /// Says whether the task is still what the user was told of.
    pub(crate) fn is_still(&self, version: i64) -> bool {
        self.version == version
    }
}

/// What can be done to tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// Make one.
    Create,
    /// Change fields.
    Update,
    /// Mark done.
    Complete,
    /// Open again.
    Reopen,
    /// Delete.
    Delete,
    /// Remind again later.
    Snooze,
}

impl State {
    /// Reads a state; one that this version can not read is a conversation that was forgotten.
    pub(crate) fn read(kept: Option<Value>) -> Self {
        let is_done_forgotten = kept.is_some();
        let state = kept.and_then(|kept| serde_json::from_value::<Self>(kept).ok());
        let state = state.filter(|state| state.v == VERSION);
        state.unwrap_or_else(|| Self { v: VERSION, is_done_forgotten, ..Self::default() })
    }

    /// Gives the JSON to keep.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({"v": VERSION}))
    }

    /// Remembers what was shown to the user; a single task is "it".
    pub(crate) fn show(&mut self, ids: Vec<Uuid>, now: DateTime<Utc>) {
        if let [only] = ids[..] {
            self.last = Some(only);
        }
        self.shown = ids;
        self.shown_at = Some(now);
    }

    /// Remembers what was done, so that it can be taken back.
    pub(crate) fn did<'a>(&mut self, done: impl IntoIterator<Item = &'a PlannedWrite>) {
        self.did_events(done.into_iter().map(|planned| planned.write.event.event_id).collect());
    }

    /// Remembers what was done, by its events.
    pub(crate) fn did_events(&mut self, events: Vec<Uuid>) {
        self.done.push(events);
        self.done.drain(..self.done.len().saturating_sub(MAX_DONE));
    }

    /// Gives what was done last and was not taken back yet; what was done elsewhere when that is nothing, and `None` when nobody
    /// knows whether it is.
    pub(crate) fn take_done(&mut self) -> Option<Which> {
        match self.done.pop() {
            Some(events) => Some(Which::Events(events)),
            None if self.is_done_forgotten => None,
            None => Some(Which::Last),
        }
    }

    /// Remembers what [`Self::take_done`] gave, since it could not be taken back.
    pub(crate) fn keep_done(&mut self, which: Which) {
        if let Which::Events(events) = which {
            self.done.push(events);
        }
    }

    /// Remembers that what was done here is not known.
    pub(crate) fn forget_done(&mut self) {
        self.is_done_forgotten = true;
    }

    /// Gives what was shown, unless that is too long ago.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> &[Uuid] {
        let is_known = self.shown_at.is_some_and(|at| now - at < TimeDelta::hours(NUMBERS_HOURS));
        if is_known { &self.shown } else { &[] }
    }

    /// Gives the language of the conversation so far.
    pub(crate) fn language(&self) -> Option<Language> {
        let tag = self.language.as_deref()?;
        [Language::English, Language::Urdu, Language::LatinUrdu]
            .into_iter()
            .find(|known| known.as_str() == tag)
    }

    /// Remembers the language of the reply.
    pub(crate) fn speak(&mut self, language: Language) {
        self.language = Some(language.as_str().to_owned());
    }

    /// Forgets what was asked and what was proposed.
    pub(crate) fn drop_questions(&mut self) {
        self.asked = None;
        self.proposal = None;
    }
}

/// Gives the end of a question's or a proposal's life.
pub(crate) fn expiry(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::minutes(PATIENCE_MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_another_version_is_a_forgotten_conversation() {
        let mut state = State::read(None);
        state.last = Some(Uuid::max());
        assert_eq!(State::read(Some(state.to_json())), state);
        state.speak(Language::LatinUrdu);
        assert_eq!(State::read(Some(state.to_json())).language(), Some(Language::LatinUrdu));
        let mut newer = state.to_json();
        newer["v"] = 3.into();
        let mut forgotten = State::read(Some(newer));
        assert_eq!((forgotten.last, forgotten.take_done()), (None, None));
        assert_eq!(State::read(None).take_done(), Some(Which::Last));
        assert_eq!(State::read(Some(json!({"v": 2}))).last, None);
        assert_eq!(State::read(Some(json!("?"))).last, None);
    }
}
