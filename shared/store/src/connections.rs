//! Connections to the database, each made by the user and the password that hold by then.
//!
//! | what happens | what is done |
//! |---|---|
//! | the setting says something else by now | new connections are made by it; those that are open stay until they are too old |
//! | PostgreSQL refuses who connects (SQLSTATE class 28) | the setting is asked for anew, and if it has changed, the connection is tried again in the time that is left |
//! | what it says now can not be used | what it said before is kept |

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::Renew;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection, Postgres};
use tokio::time::{Instant, timeout};

use crate::{Connection, Error, TIMEOUTS};

/// How long whoever wants a connection waits, in all.
const ACQUIRE: Duration = Duration::from_millis(1_500);
/// For how long a connection may have been idle and still be used without a test.
const IDLE_UNTESTED: Duration = Duration::from_millis(200);
/// How long a connection that nobody uses is kept: twice as long at most. Short, so that others find a place where there are more
/// instances than connections.
const IDLE_KEPT: Duration = Duration::from_secs(2);
/// How often it is looked whether the URL has changed, while connections are wanted.
const LOOK: Duration = Duration::from_secs(5);

/// The connections of a process; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: PgPool,
    login: Option<Arc<Login>>,
}

/// By what new connections are made, where that can change.
struct Login {
    url: Mutex<String>,
    connection: Connection,
    renew: Renew,
    since: Instant,
    /// When it is to be looked again, in milliseconds after `since`.
    look_at: AtomicU64,
}

impl Connections {
    /// Prepares one, without connecting.
    ///
    /// # Errors
    /// The URL is malformed.
    pub(crate) fn lazy(connection: &Connection) -> Result<Self, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connection.max_connections)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(IDLE_KEPT)
            // One in use a moment ago needs no test, which would be a round trip; one that was idle may have broken meanwhile.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > IDLE_UNTESTED {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options(&connection.url, connection)?);
        let login = connection.renew.as_ref().map(|renew| {
            Arc::new(Login {
                url: Mutex::new(connection.url.clone()),
                connection: connection.clone(),
                renew: Arc::clone(renew),
                since: Instant::now(),
                look_at: AtomicU64::new(0),
            })
        });
        Ok(Self { pool, login })
    }

    /// Gives a connection.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let acquired = timeout(ACQUIRE, self.trying(PgPool::acquire)).await;
        acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Makes a connection that belongs to nobody else, with more settings.
    pub(crate) async fn connect<const N: usize>(
        &self,
        settings: [(&'static str, &'static str); N],
    ) -> Result<PgConnection, sqlx::Error> {
        self.trying(|pool| {
            let options = PgConnectOptions::clone(&pool.connect_options()).options(settings);
            async move { options.connect().await }
        })
        .await
    }

    /// Closes every connection, after the statements that are running.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Does what needs a connection, and does it once more when the database refused the credentials and there are others.
    async fn trying<T, F>(&self, attempt: impl Fn(&PgPool) -> F) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let Some(login) = &self.login else { return attempt(&self.pool).await };
        self.look(login);
        let used = login.url();
        match attempt(&self.pool).await {
            Err(error) if was_refused(&error) && login.renew(&self.pool, used, true).await => {
                attempt(&self.pool).await
            }
            outcome => outcome,
        }
    }

    /// Looks now and then whether the URL has changed; nobody waits for it.
    fn look(&self, login: &Arc<Login>) {
        let now = u64::try_from(login.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let look_at = login.look_at.load(Ordering::Relaxed);
        let next = now.saturating_add(u64::try_from(LOOK.as_millis()).unwrap_or(u64::MAX));
        let is_ours = now >= look_at
            && login.look_at.compare_exchange(look_at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_ours {
            let (login, pool) = (Arc::clone(login), self.pool.clone());
            tokio::spawn(async move { login.renew(&pool, login.url(), false).await });
        }
    }
}

impl Login {
    fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for another URL than `used`, and has new connections made by it; says whether there is one.
    async fn renew(&self, pool: &PgPool, used: String, is_refused: bool) -> bool {
        let Some(url) = (self.renew)(used, is_refused).await else { return false };
        match options(&url, &self.connection) {
            Ok(options) => {
                let mut current = self.url.lock().unwrap_or_else(PoisonError::into_inner);
                if *current != url {
                    pool.set_connect_options(options);
                    *current = url;
                }
                true
            }
            // The error may quote it.
            Err(_) => {
                tracing::warn!("DATABASE_URL has changed to what can not be used; what it was is kept");
                false
            }
        }
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("is_renewed", &self.login.is_some()).finish_non_exhaustive()
    }
}

/// Reads a URL, and adds what every connection has.
fn options(url: &str, connection: &Connection) -> Result<PgConnectOptions, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.application_name(connection.application_name);
    Ok(match connection.is_pooled {
        // A pooler refuses what it can not keep for each of its clients; numbers are exact without, too.
        true => options.statement_cache_capacity(0).extra_float_digits(None),
        false => options.options(TIMEOUTS),
    })
}

/// Says whether the database does not let in who connects: class 28 of PostgreSQL's appendix A, invalid authorization.
fn was_refused(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code.starts_with("28")))
}
