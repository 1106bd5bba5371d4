//! What a conversation needs of the store: its state, the tasks that it may mean, and what was said in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::settings::Settings;
use domain::task::Task;
use events::{Answer, Cause, IdempotencyKey, Refusal, instant};
use serde_json::{Value, json};
use store::list::{Filter, Position, SortKey};
use uuid::Uuid;

use crate::{Application, refuse};

pub use store::conversations::{Message, Turn};
pub use store::idempotency::Record;
pub use store::tasks::{Loaded, Members, Together, Write};

/// The most tasks that are looked through for one sentence.
const MAX_SCANNED: usize = 5_000;
/// How many are read at a time.
const PAGE: i64 = 100;

/// The tasks that a sentence means.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tasks {
    /// At most as many as asked for, in order.
    pub tasks: Vec<Loaded>,
    /// Whether there are more of them.
    pub has_more: bool,
}

impl Application {
    /// Gives the answer that was given before to a message with this key.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`], [`Refusal::Unavailable`].
    pub async fn answer_before(
        &self,
        cause: &Cause,
        key: &IdempotencyKey,
    ) -> Result<Option<Answer>, Refusal> {
        self.replay(cause, key).await
    }

    /// Gives a user's settings, and what a conversation is about; `None` for a new one.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn conversation(
        &self,
        user_id: &str,
        conversation_id: &str,
    ) -> Result<(Settings, Option<Value>), Refusal> {
        let state = self.store.conversation_state(user_id, conversation_id).await.map_err(refuse)?;
        Ok((self.fresh_settings(user_id).await?, state))
    }

    /// Gives up to `limit` tasks of a filter that `keep` lets through, in order of their due time.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn find_tasks(
        &self,
        user_id: &str,
        _: &Settings,
        filter: &Filter,
        limit: usize,
        keep: impl Fn(&Task) -> bool + Send,
    ) -> Result<Tasks, Refusal> {
        let (mut found, mut after, mut scanned) = (Tasks::default(), None, 0);
        loop {
            let listed = self.store.list(user_id, filter, (SortKey::DueDate, false), after, PAGE).await;
            let page = listed.map_err(refuse)?;
            let is_last = i64::try_from(page.len()).is_ok_and(|len| len < PAGE);
            scanned += page.len();
            after = page.last().map(|last| Position::of(last, SortKey::DueDate));
            found.tasks.extend(page.into_iter().filter(|loaded| keep(&loaded.task)));
            found.has_more = found.tasks.len() > limit;
            if found.has_more || is_last || scanned >= MAX_SCANNED {
                found.tasks.truncate(limit);
                return Ok(found);
            }
        }
    }

    /// Gives the tasks with these ids as they are, in the order of the ids; those that are not there are left out.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn tasks_by_id(&self, user_id: &str, ids: &[Uuid]) -> Result<Vec<Loaded>, Refusal> {
        self.store.tasks(user_id, ids).await.map_err(refuse)
    }

    /// Gives a page of what was said in a conversation as JSON, oldest first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], also for another user's; [`Refusal::Malformed`] for a cursor that is not one of ours;
    /// [`Refusal::Unavailable`].
    pub async fn messages(
        &self,
        user_id: &str,
        conversation_id: &str,
        limit: i64,
        cursor: Option<&str>,
    ) -> Result<Value, Refusal> {
        let after = cursor.map(|cursor| read_cursor(cursor).ok_or_else(not_ours)).transpose()?;
        let said = self.store.messages(user_id, conversation_id, after, limit + 1).await.map_err(refuse)?;
        let mut messages = said.ok_or(Refusal::NotFound("conversation"))?;
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_last = messages.len() <= page;
        messages.truncate(page);
        let next_cursor = messages.last().filter(|_| !is_last).map(|last| URL_SAFE_NO_PAD.encode(last.id));
        let messages: Vec<Value> = messages.iter().map(show).collect();
        Ok(json!({"messages": messages, "next_cursor": next_cursor}))
    }
}

fn show(message: &Message) -> Value {
    json!({
        "id": message.id,
        "role": message.role,
        "content": message.content,
        "intent_detected": message.intent_detected,
        "skill_agent_used": message.skill_agent_used,
        "confidence_score": message.confidence_score,
        "processing_time_ms": message.processing_time_ms,
        "answered_by": message.answered_by,
        "created_at": instant(message.created_at),
    })
}

fn read_cursor(cursor: &str) -> Option<Uuid> {
    Uuid::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

fn not_ours() -> Refusal {
    Refusal::Malformed { parameter: "cursor", message: "is not the next_cursor of a page".to_owned() }
}
