//! Connections that are used again, without asking PostgreSQL each time whether they still work.
//!
//! sqlx's own pool sends a message when a connection is given back and waits for the answer, which is a second round trip for each
//! statement. Here one that did all that it was asked is given back as it is; what was broken off is waited for or rolled back first, and
//! what is in between is used by nobody.

use std::io::ErrorKind;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult};
use futures::future::join_all;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long ago a connection may have been acquired last and still be used without a test.
const UNTESTED: Duration = Duration::from_millis(200);
/// How long a connection that nobody acquires is kept: twice as long at most. Short, so that others find a place where there are more
/// instances than connections.
const KEPT: Duration = Duration::from_secs(2);
/// How old a connection grows: what it remembers of tables grows with it, and a login that was changed is followed.
const OLDEST: Duration = Duration::from_secs(30 * 60);
/// How long what was broken off may take until it is over; a statement has 10 s.
const RECOVERY: Duration = Duration::from_secs(12);
/// How long PostgreSQL may say nothing: longer than any statement takes that it gives up itself ([`TIMEOUTS`](crate::TIMEOUTS)). Whoever is
/// gone without a word would otherwise be waited for as long as TCP does, a quarter of an hour, or for good.
const SILENCE: Duration = Duration::from_secs(15);
/// How long making a connection may take: long enough for a database that wakes up within seconds, or is an ocean away; not longer, since
/// where it is may have changed meanwhile.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// The pauses between attempts to connect, which double.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(320));

/// Waits for PostgreSQL's answer, for [`SILENCE`] at most.
pub(crate) async fn answered<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(SILENCE, answer).await.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
}

/// A connection of the pool.
#[derive(Debug)]
pub(crate) struct Pooled {
    connection: PgConnection,
    /// Whether all that was begun on it is over.
    is_clean: bool,
}

/// Makes connections, and looks whether one can still be used.
#[derive(Debug)]
pub(crate) struct Manager {
    options: Mutex<Arc<PgConnectOptions>>,
    /// What somebody began and nobody waits for any more. None of it has a place in the pool, and whoever has one takes this over before it
    /// begins another: so that there are never more than the pool may have.
    begun: Mutex<Vec<Making>>,
}

/// A connection that is being made, also while nobody waits for it: one that takes longer than a request waits would never be there
/// otherwise.
#[derive(Debug)]
struct Making {
    by: Arc<PgConnectOptions>,
    made: JoinHandle<Result<PgConnection, sqlx::Error>>,
    /// Whether it was over already when idle ones were looked for last.
    was_over: bool,
}

/// Waits for a connection; dropped before it is there, it leaves it for who needs one next.
struct Waiting<'a> {
    making: Option<Making>,
    begun: &'a Mutex<Vec<Making>>,
}

impl Waiting<'_> {
    async fn made(mut self) -> Result<PgConnection, sqlx::Error> {
        let making = self.making.as_mut().expect("it is there until it is made");
        let made = (&mut making.made).await;
        self.making = None;
        // Otherwise the process ends.
        made.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.begun).extend(self.making.take());
    }
}

/// A pool; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pool(deadpool::managed::Pool<Manager>);

impl Pool {
    /// Prepares one of so many connections at most, and connects none.
    pub(crate) fn lazy(options: PgConnectOptions, most: u32) -> Self {
        let manager = Manager { options: Mutex::new(Arc::new(options)), begun: Mutex::default() };
        // The one used last, so that others are idle and go.
        let config = PoolConfig { queue_mode: QueueMode::Lifo, ..PoolConfig::new(most.max(1) as usize) };
        let pool = deadpool::managed::Pool::builder(manager).config(config).build();
        let pool = pool.expect("a pool without time limits needs nothing");
        let weak = pool.weak();
        tokio::spawn(async move {
            loop {
                sleep(KEPT).await;
                let Some(pool) = weak.upgrade() else { return };
                let idle = pool.retain(|_, metrics| metrics.last_used() < KEPT).removed;
                let never_used = pool.manager().take_idle().await;
                drop(pool);
                close(idle.into_iter().map(|pooled| pooled.connection).chain(never_used)).await;
            }
        });
        Self(pool)
    }

    /// Acquires a connection, again and again while PostgreSQL starts or has no place left: whoever waits for this says for how long.
    pub(crate) fn acquire(&self) -> impl Future<Output = Result<Acquired, sqlx::Error>> + Send + use<> {
        let pool = self.0.clone();
        async move {
            let (mut pause, longest) = PAUSES;
            loop {
                match pool.get().await {
                    Ok(mut object) => {
                        object.is_clean = false;
                        return Ok(Acquired { object: Some(object), is_in_transaction: false });
                    }
                    Err(PoolError::Backend(error)) if passes(&error) => sleep(pause).await,
                    Err(PoolError::Backend(error)) => return Err(error),
                    Err(PoolError::Closed) => return Err(sqlx::Error::PoolClosed),
                    Err(_) => return Err(sqlx::Error::PoolTimedOut),
                }
                pause = longest.min(2 * pause);
            }
        }
    }

    /// Gives how connections are made.
    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&lock(&self.0.manager().options))
    }

    /// Makes new connections otherwise.
    pub(crate) fn set_options(&self, options: PgConnectOptions) {
        *lock(&self.0.manager().options) = Arc::new(options);
    }

    /// Closes the connections that nobody uses, the others when they are given back, and gives none any more.
    pub(crate) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        lock(&self.0.manager().begun).clear();
        close(idle.into_iter().map(|pooled| pooled.connection)).await;
    }
}

async fn close(connections: impl Iterator<Item = PgConnection>) {
    // They would be closed in any case, only without a word.
    join_all(connections.map(|connection| timeout(RECOVERY, connection.close()))).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Manager {
    /// Waits for a connection that was begun and that nobody waits for, if there is one; one that is there comes first, then the oldest.
    async fn take_over(&self) -> Option<Result<PgConnection, sqlx::Error>> {
        loop {
            let making = {
                let mut begun = lock(&self.begun);
                let first = begun.iter().position(|making| making.made.is_finished()).unwrap_or(0);
                if begun.is_empty() {
                    return None;
                }
                begun.remove(first)
            };
            if !Arc::ptr_eq(&making.by, &lock(&self.options)) {
                making.made.abort();
                continue;
            }
            match self.wait(making).await {
                // It may have been idle for a while.
                Ok(mut connection) => {
                    if connection.ping().await.is_ok() {
                        return Some(Ok(connection));
                    }
                }
                Err(refused @ sqlx::Error::Database(_)) => return Some(Err(refused)),
                // It was begun to where nobody is any more, perhaps; where it is now another one finds out.
                Err(_) => {}
            }
        }
    }

    async fn wait(&self, making: Making) -> Result<PgConnection, sqlx::Error> {
        Waiting { making: Some(making), begun: &self.begun }.made().await
    }

    /// Takes out the connections that were there already, unused, when this was asked last.
    async fn take_idle(&self) -> Vec<PgConnection> {
        let idle: Vec<_> = lock(&self.begun)
            .extract_if(.., |making| mem::replace(&mut making.was_over, making.made.is_finished()))
            .collect();
        let made = join_all(idle.into_iter().map(|making| making.made)).await;
        made.into_iter().flatten().flatten().collect()
    }
}

impl deadpool::managed::Manager for Manager {
    type Type = Pooled;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled, sqlx::Error> {
        let made = match self.take_over().await {
            Some(made) => made,
            None => {
                let by = Arc::clone(&lock(&self.options));
                let options = Arc::clone(&by);
                let made = tokio::spawn(async move {
                    timeout(CONNECT, options.connect()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
                });
                self.wait(Making { by, made, was_over: false }).await
            }
        };
        Ok(Pooled { connection: made?, is_clean: true })
    }

    /// One in use a moment ago needs no test, which would be a round trip; one that was idle may have broken meanwhile.
    async fn recycle(&self, pooled: &mut Pooled, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if !pooled.is_clean {
            return Err(RecycleError::message("something was begun on it and not ended"));
        }
        if metrics.age() > OLDEST {
            return Err(RecycleError::message("it is too old"));
        }
        if metrics.last_used() > UNTESTED {
            pooled.connection.ping().await?;
        }
        Ok(())
    }
}

/// Says whether an attempt to connect is worth repeating.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        // cannot_connect_now, too_many_connections.
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

/// A connection that was acquired. Dropped without [`Acquired::commit`] or [`Acquired::rollback`] it is given back once what was begun on it
/// is over.
#[derive(Debug)]
pub(crate) struct Acquired {
    object: Option<Object<Manager>>,
    /// Whether it has to be rolled back otherwise.
    is_in_transaction: bool,
}

impl Acquired {
    /// Begins a transaction, by a statement that says so.
    pub(crate) async fn begin(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.is_in_transaction = true;
        answered(self.execute(statement)).await.map(|_| ())
    }

    /// Commits the transaction, if one was begun, and gives the connection back: all that was asked of it is done.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    /// Takes the transaction back, if one was begun, and gives the connection back.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        if self.is_in_transaction {
            answered(self.execute(statement)).await?;
        }
        if let Some(mut object) = self.object.take() {
            object.is_clean = true;
        }
        Ok(())
    }
}

impl Deref for Acquired {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.object.as_ref().expect("it is there until it is given back").connection
    }
}

impl DerefMut for Acquired {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.object.as_mut().expect("it is there until it is given back").connection
    }
}

impl Drop for Acquired {
    fn drop(&mut self) {
        let Some(mut object) = self.object.take() else { return };
        let is_in_transaction = self.is_in_transaction;
        let recovered = async move {
            let over = async {
                match is_in_transaction {
                    true => object.connection.execute("ROLLBACK").await.map(|_| ()),
                    false => object.connection.ping().await,
                }
            };
            // Otherwise it is thrown away when somebody would acquire it.
            object.is_clean = matches!(timeout(RECOVERY, over).await, Ok(Ok(())));
        };
        // Without a runtime the process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(recovered);
        }
    }
}
