//! Where what a conversation is about is kept between two messages: in its row in PostgreSQL, or in a Dapr state store.
//!
//! A document in a state store can not be committed together with the turn. So the row keeps the id of the last turn,
//! `{"turn":"…"}`: that alone puts turns in order, as the whole state does in PostgreSQL. The document, written after the
//! commit, says of which turn it is; one of another turn is not believed. Whatever is lost, late or away, the worst is a
//! conversation that has forgotten what it was about, and asks. What was proposed and done is never proposed again.

use std::fmt;
use std::sync::Arc;

use application::Application;
use runtime::config::{ConfigError, Environment};
use runtime::dapr::{Error, Sidecar};
use runtime::function::Check;
use runtime::metrics::{LabelledCounter, Metrics};
use runtime::percent;
use serde_json::{Value, json};
use uuid::Uuid;

/// How long a document is kept after the last turn: 30 days, in seconds.
const LIFE_S: u32 = 2_592_000;
/// How often a document is written that something else was written in the place of.
const TRIES: usize = 3;
/// The default of `DAPR_STATE_STORE`.
const STORE: &str = "statestore";
/// The longest name of a conversation that stands in a key as it is, in bytes. Some of Dapr's state stores end keys at 255
/// (MySQL), and the app-id and the user come before it.
const MAX_NAME_BYTES: usize = 128;

/// Where conversations are kept; clones are the same place.
#[derive(Clone)]
pub struct Memory(Keeping);

#[derive(Clone)]
enum Keeping {
    PostgreSql,
    Dapr(Arc<StateStore>),
}

struct StateStore {
    sidecar: Sidecar,
    name: String,
    /// By why.
    forgotten: LabelledCounter,
}

/// Which conversation, and of whom.
#[derive(Clone, Copy)]
pub(crate) struct Conversation<'a> {
    /// Whose.
    pub(crate) user_id: &'a str,
    /// The client's name for it.
    pub(crate) id: &'a str,
}

/// What is known of a conversation when a turn begins.
pub(crate) struct Recalled {
    /// What it is about; `None` when it is new, or that is forgotten.
    pub(crate) state: Option<Value>,
    /// The version of its document.
    pub(crate) etag: Option<String>,
    /// Why it is forgotten, if it is.
    pub(crate) forgotten: Option<Forgotten>,
}

/// Why a conversation is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Forgotten {
    why: &'static str,
    reason: String,
    /// Whether asking again would be as long a wait for as little.
    is_away: bool,
}

impl Recalled {
    fn known(state: Option<Value>) -> Self {
        Self { state, etag: None, forgotten: None }
    }

    fn forgotten(why: &'static str, reason: &dyn fmt::Display) -> Self {
        let forgotten = Forgotten { why, reason: reason.to_string(), is_away: false };
        Self { state: None, etag: None, forgotten: Some(forgotten) }
    }
}

/// What is to be written after a turn was committed.
pub(crate) struct Document {
    turn: Uuid,
    state: Value,
    /// The version that it takes the place of.
    etag: Option<String>,
}

impl Memory {
    /// Keeps conversations in their rows.
    pub fn in_postgresql() -> Self {
        Self(Keeping::PostgreSql)
    }

    /// Keeps them in the state store of this name, and counts what is forgotten.
    pub fn in_dapr(sidecar: Sidecar, store: impl Into<String>, metrics: &Metrics) -> Self {
        let help = "Turns whose conversation was, or will be, forgotten, by why";
        let forgotten = metrics.labelled_counter("kaam_conversations_forgotten_total", help);
        Self(Keeping::Dapr(Arc::new(StateStore { sidecar, name: store.into(), forgotten })))
    }

    /// Reads where conversations are kept.
    ///
    /// | variable | default | allowed |
    /// |---|---|---|
    /// | `CONVERSATION_STATE` | `postgresql` | `postgresql`, `dapr` |
    /// | `DAPR_STATE_STORE` | `statestore` | the name of a state store of the Dapr sidecar |
    /// | `DAPR_HTTP_PORT`, `DAPR_API_TOKEN` | none | those of [`Sidecar::from_environment`]; with `dapr` needed |
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn from_environment(environment: &Environment, metrics: &Metrics) -> anyhow::Result<Self> {
        let words = [("postgresql", false), ("dapr", true)];
        if environment.one_of("CONVERSATION_STATE", &words)? == Some(true) {
            let store = environment.get("DAPR_STATE_STORE")?.unwrap_or_else(|| STORE.to_owned());
            return Ok(Self::in_dapr(Sidecar::from_environment(environment)?, store, metrics));
        }
        let name = "DAPR_STATE_STORE".to_owned();
        if let Some(value) = environment.get(&name)? {
            let instead = "unset it, or set CONVERSATION_STATE to dapr".to_owned();
            return Err(ConfigError::NotInThisVersion { name, value, instead }.into());
        }
        Ok(Self::in_postgresql())
    }

    /// Gives what `/ready` shows of it. Nothing that must be there: without its state store chat still does what is said.
    pub(crate) fn check(&self) -> Option<Check> {
        let Keeping::Dapr(store) = &self.0 else { return None };
        let store = Arc::clone(store);
        Some(Check::optional("dapr", move || {
            let store = Arc::clone(&store);
            async move { store.sidecar.is_there().await }
        }))
    }

    /// Gives what a conversation is about; `row` is what its row says, and `before` what was forgotten when this turn was computed
    /// before: a sidecar that was away is not asked again.
    pub(crate) async fn recall(
        &self,
        conversation: Conversation<'_>,
        row: Option<&Value>,
        before: Option<Forgotten>,
    ) -> Recalled {
        let (Keeping::Dapr(store), Some(row)) = (&self.0, row) else {
            return Recalled::known(row.cloned());
        };
        let Some(turn) = turn_of(row) else {
            // A turn from before the state store.
            return Recalled::known(Some(row.clone()));
        };
        if before.as_ref().is_some_and(|before| before.is_away) {
            return Recalled { state: None, etag: None, forgotten: before };
        }
        match store.sidecar.document(&store.name, &conversation.key()).await {
            Ok(Some(found)) => {
                let recalled = if turn_of(&found.value) == Some(turn) {
                    Recalled::known(found.value.get("state").cloned())
                } else {
                    Recalled::forgotten("stale", &"the document is of another turn")
                };
                Recalled { etag: found.etag, ..recalled }
            }
            Ok(None) => Recalled::forgotten("missing", &"there is no document"),
            Err(error) => {
                let mut recalled = Recalled::forgotten("unread", &error);
                if let Some(forgotten) = &mut recalled.forgotten {
                    forgotten.is_away = matches!(error, Error::Unreachable(_));
                }
                recalled
            }
        }
    }

    /// Counts a turn that was committed although its conversation was forgotten.
    pub(crate) fn count(&self, forgotten: &Forgotten) {
        if let Keeping::Dapr(store) = &self.0 {
            store.forget(forgotten.why, &forgotten.reason);
        }
    }

    /// Divides what a conversation is about after a turn: what is committed with it, and what is written afterwards.
    pub(crate) fn divide(&self, turn: Uuid, state: Value, etag: Option<String>) -> (Value, Option<Document>) {
        match self.0 {
            Keeping::PostgreSql => (state, None),
            Keeping::Dapr(_) => (json!({"turn": turn}), Some(Document { turn, state, etag })),
        }
    }

    /// Writes the document of a turn that was committed. When that fails the conversation is forgotten, but what was done is done.
    pub(crate) async fn keep(
        &self,
        application: &Application,
        conversation: Conversation<'_>,
        document: Document,
    ) {
        let Keeping::Dapr(store) = &self.0 else { return };
        let Document { turn, state, mut etag } = document;
        let (key, value) = (conversation.key(), json!({"turn": turn, "state": state}));
        let mut failure = None;
        for _ in 0..TRIES {
            match store.sidecar.save(&store.name, &key, &value, etag.as_deref(), LIFE_S).await {
                Ok(()) => return,
                Err(error @ Error::Unreachable(_)) => return store.forget("unwritten", &error),
                Err(error) => failure = Some(error),
            }
            // Another turn of a moment ago was slower, or this one did not see what there is. Looked at in this order: a document
            // that comes after this look has a later version, and then the next try fails.
            etag = match store.sidecar.document(&store.name, &key).await {
                Ok(found) => found.and_then(|found| found.etag),
                Err(error) => return store.forget("unwritten", &error),
            };
            match application.conversation(conversation.user_id, conversation.id).await {
                Ok((_, Some(row))) if turn_of(&row) == Some(turn.to_string().as_str()) => {}
                // A later turn, which has a document of its own.
                Ok(_) => return,
                Err(error) => return store.forget("unwritten", &error),
            }
        }
        if let Some(error) = failure {
            store.forget("unwritten", &error);
        }
    }
}

impl StateStore {
    fn forget(&self, why: &'static str, reason: &dyn fmt::Display) {
        self.forgotten.get_or_create(&vec![("why", why.to_owned())]).inc();
        tracing::warn!(why, reason = %reason, "a conversation is forgotten");
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Keeping::PostgreSql => f.write_str("PostgreSql"),
            Keeping::Dapr(store) => f.debug_tuple("Dapr").field(&store.name).finish(),
        }
    }
}

impl Conversation<'_> {
    /// Gives the key of its document: `conversation:{user}:{id}`, where `%XX` stands for every byte but letters, digits and
    /// `-._~`, so that nobody can choose an id that makes the key of somebody else. A long id is replaced by `=` and its UUIDv5.
    pub(crate) fn key(&self) -> String {
        let (user, mut id) = (percent::encode(self.user_id), percent::encode(self.id));
        if id.len() > MAX_NAME_BYTES {
            id = format!("={}", Uuid::new_v5(&Uuid::NAMESPACE_OID, self.id.as_bytes()));
        }
        format!("conversation:{user}:{id}")
    }
}

fn turn_of(value: &Value) -> Option<&str> {
    value.get("turn")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user_id: &str, id: &str) -> String {
        Conversation { user_id, id }.key()
    }

    #[test]
    fn a_key_names_user_and_conversation_and_no_other_pair_has_it() {
        assert_eq!(key("local", "test-conv-1"), "conversation:local:test-conv-1");
        assert_eq!(key("a", "b:c"), "conversation:a:b%3Ac");
        assert_eq!(key("a:b", "c"), "conversation:a%3Ab:c");
        assert_ne!(key("a%3Ab", "c"), key("a:b", "c"));
        assert_eq!(key("a", "دو||"), "conversation:a:%D8%AF%D9%88%7C%7C");
        let long = key("a", &"ب".repeat(200));
        assert!(long.starts_with("conversation:a:=") && long.len() == 52, "{long}");
        assert_ne!(long, key("a", &"ب".repeat(199)));
        // What a long id becomes can not be asked for.
        let crafted = long.strip_prefix("conversation:a:").expect("it starts so");
        assert_ne!(key("a", crafted), long);
    }

    #[test]
    fn a_wrong_setting_is_one_line_that_names_it() {
        let read = |pairs: &[(&str, &str)]| {
            let environment = Environment::from_pairs(pairs.iter().copied());
            let memory = Memory::from_environment(&environment, &Metrics::new());
            memory.map(|memory| format!("{memory:?}")).map_err(|error| format!("{error:#}"))
        };
        let (dapr, port) = (("CONVERSATION_STATE", "dapr"), ("DAPR_HTTP_PORT", "3500"));
        assert_eq!(read(&[]).as_deref(), Ok("PostgreSql"));
        assert_eq!(read(&[port]).as_deref(), Ok("PostgreSql"), "a sidecar is good for other things, too");
        assert_eq!(read(&[dapr, port]).as_deref(), Ok("Dapr(\"statestore\")"));
        assert_eq!(read(&[dapr, port, ("DAPR_STATE_STORE", "chats")]).as_deref(), Ok("Dapr(\"chats\")"));
        for (pairs, said) in [
            (&[dapr][..], "DAPR_HTTP_PORT is not set; it must be"),
            (&[("DAPR_STATE_STORE", "chats")], "DAPR_STATE_STORE is \"chats\", which"),
            (
                &[("CONVERSATION_STATE", "redis")],
                "CONVERSATION_STATE is \"redis\"; it must be postgresql or dapr",
            ),
        ] {
            let message = read(pairs).expect_err(said);
            assert!(message.starts_with(said) && !message.contains('\n'), "{message}");
        }
    }
}
