//! Connections to the database, each made by the user and the password that hold by then.
//!
//! | what happens | what is done |
//! |---|---|
//! | the setting says something else by now | new connections are made by it; those that are open stay until they are too old |
//! | PostgreSQL refuses who connects (SQLSTATE class 28) | the setting is asked for anew, and if it has changed, the connection is tried again in the time that is left |
//! | what it says now can not be used | what it said before is kept |

use std::pin::Pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo,
};
use sqlx::{
    ConnectOptions as _, Describe, Either, Execute, Executor, PgConnection, Postgres, SqlStr, Transaction,
};
use tokio::time::{Instant, timeout};

use crate::{Connection, Error, TIMEOUTS};

/// How long whoever wants a connection waits, in all.
const ACQUIRE: Duration = Duration::from_millis(1_500);
/// For how long a connection may have been idle and still be used without a test.
const IDLE_UNTESTED: Duration = Duration::from_millis(200);
/// How often it is looked whether the URL has changed, while connections are wanted.
const LOOK: Duration = Duration::from_secs(5);

/// What is found out about a URL: another one that holds now, or nothing.
pub type Newer = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Gives another URL than the one given, if that does not hold any more; says whether that one was refused.
pub(crate) type Renew = Arc<dyn Fn(String, bool) -> Newer + Send + Sync>;

/// The connections of a process.
#[derive(Clone)]
pub(crate) struct Pool {
    pool: PgPool,
    login: Option<Arc<Login>>,
}

/// By what new connections are made, where that can change.
struct Login {
    url: Mutex<String>,
    application_name: &'static str,
    renew: Renew,
    since: Instant,
    /// When it is to be looked again, in milliseconds after `since`.
    look_at: AtomicU64,
}

impl Pool {
    /// Prepares one, without connecting.
    ///
    /// # Errors
    /// The URL is malformed.
    pub(crate) fn lazy(connection: &Connection) -> Result<Self, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connection.max_connections)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(Duration::from_secs(300))
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
            .connect_lazy_with(options(&connection.url, connection.application_name)?);
        let login = connection.renew.as_ref().map(|renew| {
            Arc::new(Login {
                url: Mutex::new(connection.url.clone()),
                application_name: connection.application_name,
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

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        Transaction::begin(self.acquire().await?, None).await
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
        match options(&url, self.application_name) {
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

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("is_renewed", &self.login.is_some()).finish_non_exhaustive()
    }
}

/// Reads a URL, and adds what every connection has.
fn options(url: &str, application_name: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?.application_name(application_name).options(TIMEOUTS))
}

/// Says whether the database does not let in who connects: class 28 of PostgreSQL's appendix A, invalid authorization.
fn was_refused(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code.starts_with("28")))
}

/// What sqlx's own pool does, on our connections. Results are read whole, as whoever asks here wants them.
impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let read = async move {
            let mut connection = pool.acquire().await?;
            let all: Vec<_> = connection.fetch_many(query).try_collect().await?;
            Ok::<_, sqlx::Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(read).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.describe(sql).await })
    }
}
