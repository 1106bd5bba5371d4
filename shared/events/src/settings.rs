//! What settings say that pass between the runtime, which reads them, and those who know nothing of settings: `store` and
//! `application`.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A database, as the settings of a function name it.
#[derive(Clone)]
pub struct Database {
    /// A `postgres://` URL.
    pub url: String,
    /// The most connections of one instance.
    pub connections: u32,
    /// Whether the URL is that of a pooler which has another connection for each transaction.
    pub is_pooled: bool,
    /// Finds out how the URL reads by now, where that can change.
    pub renew: Option<Renew>,
}

/// Leaves out the URL, which may hold a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("connections", &self.connections)
            .field("is_pooled", &self.is_pooled)
            .finish_non_exhaustive()
    }
}

/// Gives another URL than the one given, if that does not hold any more.
pub type Renew = Arc<dyn Fn(String, Why) -> Newer + Send + Sync>;

/// Why it is asked how a URL reads by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Whoever was shown it did not let in who connects.
    Refused,
    /// It may have changed; nobody refused it.
    LookedNowAndThen,
}

/// What is found out about a URL: another one that holds now, or nothing.
pub type Newer = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// How much one user may have and do; days are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Tasks that are open at the same time.
    pub open_tasks: u32,
    /// Tasks that are created on a day.
    pub tasks_per_day: u32,
    /// Reminders whose time is on the same day.
    pub reminders_per_day: u32,
    /// Sentences that a model is asked about on a day.
    pub model_calls_per_day: u32,
}
