//! `conversations` and `messages`: what was said, and what a conversation is about.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store};

/// One exchange: the messages of both sides, and what the conversation is about afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The client's name for the conversation.
    pub conversation_id: String,
    /// The key of its document in a Dapr state store, for whoever looks for it there.
    pub dapr_state_key: String,
    /// What was asked, what is proposed, which tasks were shown; or which turn this was, when a state store has the rest.
    pub state: Value,
    /// The state that the turn was computed from; `None` for a new conversation.
    pub before: Option<Value>,
    /// In order.
    pub messages: Vec<Message>,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// UUIDv7; they sort in order.
    pub id: Uuid,
    /// `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
    /// What it was understood as.
    pub intent_detected: Option<String>,
    /// Who answered.
    pub skill_agent_used: Option<String>,
    /// 0–1.
    pub confidence_score: Option<f64>,
    /// How long understanding and acting took.
    pub processing_time_ms: Option<f64>,
    /// Who understood it: `parser` or `model`; `None` for messages of before.
    pub answered_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl Store {
    /// Gives what a conversation is about; `None` for a new one.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn conversation_state(
        &self,
        user_id: &str,
        conversation_id: &str,
    ) -> Result<Option<Value>, Error> {
        Ok(sqlx::query_scalar!(
            "SELECT state FROM conversations WHERE user_id = $1 AND conversation_id = $2",
            UserId(user_id) as _,
            conversation_id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Gives messages of a conversation, oldest first, after the message `after`; `None` when there is no such conversation.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn messages(
        &self,
        user_id: &str,
        conversation_id: &str,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Option<Vec<Message>>, Error> {
        let messages = sqlx::query_as!(
            Message,
            r#"SELECT id, role, content, intent_detected, skill_agent_used, confidence_score, processing_time_ms, answered_by,
                      created_at
               FROM messages
               WHERE user_id = $1 AND conversation_id = $2 AND ($3::uuid IS NULL OR id > $3)
               ORDER BY id
               LIMIT $4"#,
            UserId(user_id) as _,
            conversation_id,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        if messages.is_empty() && self.conversation_state(user_id, conversation_id).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(messages))
    }

    /// Forgets up to 1,000 conversations in which nothing was said since `before`, and says how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_conversations(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            r#"DELETE FROM conversations
               WHERE (user_id, conversation_id) IN (
                   SELECT user_id, conversation_id
                   FROM conversations
                   WHERE last_message_at < $1
                   ORDER BY last_message_at
                   LIMIT 1000
               )"#,
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// Saves a turn inside a transaction, unless another turn of the conversation came first; says whether it did.
pub(crate) async fn save(connection: &mut Session, user_id: &str, turn: &Turn) -> Result<bool, Error> {
    let Some(last) = turn.messages.last() else { return Ok(true) };
    let saved = sqlx::query!(
        r#"INSERT INTO conversations (user_id, conversation_id, dapr_state_key, state, created_at, last_message_at)
           VALUES ($1, $2, $3, $4, $5, $5)
           ON CONFLICT (user_id, conversation_id) DO UPDATE
           SET dapr_state_key = EXCLUDED.dapr_state_key, state = EXCLUDED.state,
               last_message_at = EXCLUDED.last_message_at
           WHERE conversations.state = $6"#,
        UserId(user_id) as _,
        turn.conversation_id,
        turn.dapr_state_key,
        turn.state,
        last.created_at,
        turn.before,
    )
    .execute(&mut *connection)
    .await?;
    if saved.rows_affected() == 0 {
        return Ok(false);
    }
    for message in &turn.messages {
        sqlx::query!(
            r#"INSERT INTO messages (user_id, conversation_id, id, role, content, intent_detected, skill_agent_used,
                                     confidence_score, processing_time_ms, answered_by, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"#,
            UserId(user_id) as _,
            turn.conversation_id,
            message.id,
            message.role,
            message.content,
            message.intent_detected,
            message.skill_agent_used,
            message.confidence_score,
            message.processing_time_ms,
            message.answered_by,
            message.created_at,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(true)
}
