//! What one message leads to: a reply, and the changes that are committed with it.

use application::chat::{Members, Write};
use events::TaskBody;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::state::Act;

/// What the user wants, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// A new task.
    Create,
    /// Other fields.
    Update,
    /// Done.
    Complete,
    /// Gone.
    Delete,
    /// Shown.
    Query,
    /// Anything else.
    Unknown,
}

impl Intent {
    /// Gives the name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create_task",
            Self::Update => "update_task",
            Self::Complete => "complete_task",
            Self::Delete => "delete_task",
            Self::Query => "query_tasks",
            Self::Unknown => "unknown",
        }
    }

    /// Gives the intent behind an action.
    pub(crate) fn of(action: &language::Action) -> Self {
        use language::Action;
        match action {
            Action::Create(_) => Self::Create,
            Action::Update { .. } | Action::Reopen { .. } | Action::Snooze { .. } => Self::Update,
            Action::Complete { .. } => Self::Complete,
            Action::Delete { .. } => Self::Delete,
            Action::Query(_) => Self::Query,
            _ => Self::Unknown,
        }
    }
}

impl From<Act> for Intent {
    fn from(act: Act) -> Self {
        match act {
            Act::Create => Self::Create,
            Act::Update | Act::Reopen | Act::Snooze => Self::Update,
            Act::Complete => Self::Complete,
            Act::Delete => Self::Delete,
        }
    }
}

/// What one message leads to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The words.
    pub(crate) reply: String,
    /// What was understood.
    pub(crate) intent: Intent,
    /// Whether it is about being reminded.
    pub(crate) is_reminder: bool,
    /// 0–1.
    pub(crate) confidence: f64,
    /// Whether a question is asked.
    pub(crate) clarification: bool,
    /// Whether a yes or no is waited for.
    pub(crate) confirmation: bool,
    /// `task_created` and so on.
    pub(crate) effect: Option<(&'static str, TaskBody)>,
    /// Tasks asked for, or changed.
    pub(crate) tasks: Option<Vec<TaskBody>>,
    /// Tasks that may be meant.
    pub(crate) candidates: Vec<TaskBody>,
    /// What is to be committed.
    pub(crate) writes: Vec<Write>,
    /// Tasks that are reopened by it; their successors are looked after again once it is committed.
    pub(crate) reopened: Vec<Uuid>,
    /// The series that has to have just these tasks for that.
    pub(crate) series: Option<Members>,
    /// The events that it takes back, each with the one that does so.
    pub(crate) undone: Vec<(Uuid, Uuid)>,
}

impl Outcome {
    /// Says something, and changes nothing.
    pub(crate) fn say(intent: Intent, confidence: f64, reply: String) -> Self {
        Self {
            reply,
            intent,
            is_reminder: false,
            confidence,
            clarification: false,
            confirmation: false,
            effect: None,
            tasks: None,
            candidates: Vec::new(),
            writes: Vec::new(),
            reopened: Vec::new(),
            series: None,
            undone: Vec::new(),
        }
    }

    /// Asks something, and changes nothing.
    pub(crate) fn ask(intent: Intent, confidence: f64, reply: String) -> Self {
        Self { clarification: true, ..Self::say(intent, confidence, reply) }
    }

    /// Gives who answers.
    pub(crate) fn agent(&self) -> &'static str {
        if self.is_reminder { "ReminderAgent" } else { "TaskAgent" }
    }

    /// Gives the body of the answer.
    pub(crate) fn to_json(&self, conversation_id: &str) -> Value {
        let mut body = json!({
            "response": self.reply,
            "intent_detected": self.intent.as_str(),
            "skill_agent_used": self.agent(),
            "confidence_score": self.confidence,
            "conversation_id": conversation_id,
        });
        if self.clarification {
            body["clarification_needed"] = true.into();
        }
        if self.confirmation {
            body["confirmation_needed"] = true.into();
        }
        if let Some((name, task)) = &self.effect {
            body[*name] = task.to_json();
        }
        if let Some(tasks) = &self.tasks {
            body["tasks"] = tasks.iter().map(TaskBody::to_json).collect();
        }
        if !self.candidates.is_empty() {
            body["candidates"] = self.candidates.iter().map(TaskBody::to_json).collect();
        }
        body
    }
}
