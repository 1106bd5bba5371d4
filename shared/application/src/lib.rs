//! The use cases: load, decide, save with outbox, in as few round trips as that takes.
//!
//! Place in the map: functions call it; it calls `domain` to decide and `store` to load and save. It must *not* know SQL, HTTP,
//! hosts or the bus, and it takes time and identifiers from its callers.

pub mod accounts;
pub mod audit;
pub mod change;
pub mod chat;
pub mod feed;
pub mod input;
pub mod links;
mod merge;
pub mod outbox;
pub mod privacy;
pub mod query;
mod quota;
pub mod reminders;
pub mod series;
pub mod settings;
pub mod snooze;
pub mod undo;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;
use domain::settings::Settings;
use events::{Answer, Cause, IdempotencyKey, Quotas, Refusal};
use store::Store;
use store::quota::Amounts;

use quota::{Admitted, Quota};

pub use store::Connection;
pub use store::list::{Filter, SortKey};

/// A look at the database that is under way.
pub type Probe = Pin<Box<dyn Future<Output = bool> + Send>>;

/// The most users whose settings an instance remembers.
const REMEMBERED_USERS: usize = 10_000;

/// The use cases over one database; cheap to clone.
#[derive(Clone)]
pub struct Application {
    store: Store,
    default_zone: Tz,
    remembered: Arc<Mutex<HashMap<String, Settings>>>,
    committed: Arc<dyn Fn() + Send + Sync>,
    quota: Option<Arc<Quota>>,
}

impl Application {
    /// Prepares the use cases, without connecting. New users live in `default_zone`; `committed` is called after every commit that
    /// left an event in the outbox, and must return at once.
    ///
    /// # Errors
    /// When the database's URL is malformed.
    pub fn new(
        connection: &Connection,
        default_zone: Tz,
        committed: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, store::Error> {
        let store = Store::lazy(connection)?;
        let (remembered, committed) = (Arc::default(), Arc::new(committed));
        Ok(Self { store, default_zone, remembered, committed, quota: None })
    }

    /// Sets how much a user may have and do; without, nothing is counted.
    #[must_use]
    pub fn with_quotas(self, quotas: Option<Quotas>) -> Self {
        Self { quota: quotas.map(|quotas| Arc::new(Quota::new(quotas))), ..self }
    }

    /// Lets something through that adds so much to what a user has, or not.
    /// It is to be held until that is committed.
    pub(crate) async fn admit(&self, cause: &Cause, wanted: &Amounts) -> Result<Admitted, Refusal> {
        match &self.quota {
            Some(quota) if !wanted.is_nothing() => quota.admit(&self.store, cause, wanted).await,
            _ => Ok(Admitted::uncounted()),
        }
    }

    /// Says whether a model may be asked for a user once more on this day, and writes down that it is: to be called when nothing else
    /// stands in the way.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn may_ask_model(&self, cause: &Cause) -> Result<bool, Refusal> {
        match &self.quota {
            Some(quota) => quota.admits_model_call(&self.store, cause).await,
            None => Ok(true),
        }
    }

    /// Gives the database, for those who do more with it than the use cases: the relay, and commands for operators.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Gives what says whether the database answers; why it does not is in the log, once until that changes.
    pub fn database_probe(&self) -> impl Fn() -> Probe + Send + Sync + 'static {
        let store = self.store.clone();
        let told: Arc<Mutex<Option<String>>> = Arc::default();
        move || {
            let (store, told) = (store.clone(), Arc::clone(&told));
            Box::pin(async move {
                let why = store.ping().await.err().map(|error| one_line(&error));
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(error) = why.as_ref().filter(|_| *told != why) {
                    tracing::warn!(error, "the database does not answer");
                }
                *told = why;
                told.is_none()
            })
        }
    }

    /// Gives a user's settings as this instance remembers them; they may have changed. A write computed with old ones is refused by
    /// the store and computed again.
    pub(crate) async fn remembered_settings(&self, user_id: &str) -> Result<Settings, Refusal> {
        let known = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(user_id).cloned();
        match known {
            Some(settings) => Ok(settings),
            None => self.fresh_settings(user_id).await,
        }
    }

    /// Gives a user's settings as they are.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn fresh_settings(&self, user_id: &str) -> Result<Settings, Refusal> {
        let kept = self.store.settings(user_id).await.map_err(refuse)?;
        let settings = kept.unwrap_or_else(|| Settings::defaults(self.default_zone));
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_USERS {
            remembered.clear();
        }
        remembered.insert(user_id.to_owned(), settings.clone());
        Ok(settings)
    }

    /// Gives the settings that belong to what was just loaded.
    pub(crate) async fn settings_of_version(&self, user_id: &str, version: i64) -> Result<Settings, Refusal> {
        let settings = self.remembered_settings(user_id).await?;
        if settings.version == version { Ok(settings) } else { self.fresh_settings(user_id).await }
    }

    /// Gives the answer that an idempotency key already has.
    pub(crate) async fn replay(
        &self,
        cause: &Cause,
        key: &IdempotencyKey,
    ) -> Result<Option<Answer>, Refusal> {
        match self.store.find_answer(&cause.user_id, key, cause.now).await.map_err(refuse)? {
            Some((fingerprint, answer)) if fingerprint == key.fingerprint => Ok(Some(answer)),
            Some(_) => Err(Refusal::KeyReused),
            None => Ok(None),
        }
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("default_zone", &self.default_zone.name()).finish_non_exhaustive()
    }
}

/// Says what an error of the store means to the user.
pub(crate) fn refuse(error: store::Error) -> Refusal {
    match error {
        store::Error::Unavailable(_) | store::Error::Mismatched(_) | store::Error::Pooled(_) => {
            Refusal::Unavailable { what: "the database", source: error.into() }
        }
        _ => Refusal::Internal(error.into()),
    }
}

/// Gives an error with its causes, as one line.
fn one_line(error: &store::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}")).replace('\n', " ")
}

/// Says that others were faster each time: `what` keeps changing, and nothing was saved.
pub fn lost_every_race(what: &'static str) -> Refusal {
    Refusal::Unavailable { what, source: "lost every race".into() }
}
