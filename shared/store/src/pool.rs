//! Connections that are used again, without asking PostgreSQL each time whether they still work.
//!
//! sqlx's own pool sends a message when a connection is given back and waits for the answer, which is a second round trip for each
//! statement. Here one that did all that it was asked is given back as it is; what was broken off is waited for or rolled back first.

use std::io::ErrorKind;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio::time::{sleep, timeout};

/// For how long a connection may have been idle and still be used without a test.
const IDLE_UNTESTED: Duration = Duration::from_millis(200);
/// How long a connection that nobody uses is kept: twice as long at most. Short, so that others find a place where there are more
/// instances than connections.
const IDLE_KEPT: Duration = Duration::from_secs(2);
/// How old a connection grows: what it remembers of tables grows with it, and a login that was changed is followed.
const OLDEST: Duration = Duration::from_secs(30 * 60);
/// How long what was broken off may take until it is over; a statement has 10 s.
const RECOVERY: Duration = Duration::from_secs(12);
/// The pauses between attempts to connect, which double.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(320));

/// Makes connections, and looks whether one can still be used.
#[derive(Debug)]
pub(crate) struct Manager {
    options: Mutex<PgConnectOptions>,
}

/// A pool; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pool(deadpool::managed::Pool<Manager>);

impl Pool {
    /// Prepares one of so many connections at most, and connects none.
    pub(crate) fn lazy(options: PgConnectOptions, most: u32) -> Self {
        let manager = Manager { options: Mutex::new(options) };
        // The one used last, so that others are idle and go.
        let config = PoolConfig { queue_mode: QueueMode::Lifo, ..PoolConfig::new(most.max(1) as usize) };
        let pool = deadpool::managed::Pool::builder(manager).config(config).build();
        let pool = pool.expect("a pool without time limits needs nothing");
        let weak = pool.weak();
        tokio::spawn(async move {
            loop {
                sleep(IDLE_KEPT).await;
                let Some(pool) = weak.upgrade() else { return };
                close(pool.retain(|_, metrics| metrics.last_used() < IDLE_KEPT).removed).await;
            }
        });
        Self(pool)
    }

    /// Lends a connection, for as long as that takes.
    pub(crate) fn lend(&self) -> impl Future<Output = Result<Lent, sqlx::Error>> + Send + use<> {
        let pool = self.0.clone();
        async move {
            match pool.get().await {
                Ok(object) => Ok(Lent { object: Some(object), is_in_transaction: false }),
                Err(PoolError::Backend(error)) => Err(error),
                Err(PoolError::Closed) => Err(sqlx::Error::PoolClosed),
                Err(_) => Err(sqlx::Error::PoolTimedOut),
            }
        }
    }

    /// Gives how connections are made.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.manager().options().clone()
    }

    /// Makes new connections otherwise.
    pub(crate) fn set_options(&self, options: PgConnectOptions) {
        *self.0.manager().options() = options;
    }

    /// Closes the connections that nobody uses, the others when they are given back, and lends none any more.
    pub(crate) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        close(idle).await;
    }
}

async fn close(connections: Vec<PgConnection>) {
    for connection in connections {
        // It would be closed in any case, only without a word.
        let _ = timeout(RECOVERY, connection.close()).await;
    }
}

impl Manager {
    fn options(&self) -> MutexGuard<'_, PgConnectOptions> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, again and again while PostgreSQL starts or has no place left: whoever waits for this says for how long.
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let (mut pause, longest) = PAUSES;
        loop {
            let options = self.options().clone();
            match options.connect().await {
                Err(error) if passes(&error) => sleep(pause).await,
                outcome => return outcome,
            }
            pause = longest.min(2 * pause);
        }
    }
}

impl deadpool::managed::Manager for Manager {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        // Apart, so that who gets a connection that is there already carries nothing of this along.
        Box::pin(self.connect()).await
    }

    /// One in use a moment ago needs no test, which would be a round trip; one that was idle may have broken meanwhile.
    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > OLDEST {
            return Err(RecycleError::message("it is too old"));
        }
        if metrics.last_used() > IDLE_UNTESTED {
            connection.ping().await?;
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

/// A connection that is lent. Dropped without [`Lent::give_back`] it is given back once what was begun on it is over.
#[derive(Debug)]
pub(crate) struct Lent {
    object: Option<Object<Manager>>,
    /// Whether it has to be rolled back otherwise.
    is_in_transaction: bool,
}

impl Lent {
    /// Begins a transaction, by a statement that says so.
    pub(crate) async fn begin(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.is_in_transaction = true;
        self.execute(statement).await.map(|_| ())
    }

    /// Ends the transaction that was begun, if one was, by `COMMIT` or `ROLLBACK`; what it was lent for is done.
    pub(crate) async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        if self.is_in_transaction {
            self.execute(statement).await?;
        }
        drop(self.object.take());
        Ok(())
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.object.as_ref().expect("it is lent until it is given back")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.object.as_mut().expect("it is lent until it is given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut object) = self.object.take() else { return };
        let is_in_transaction = self.is_in_transaction;
        let recovered = async move {
            let over = async {
                match is_in_transaction {
                    true => object.execute("ROLLBACK").await.map(|_| ()),
                    false => object.ping().await,
                }
            };
            if !matches!(timeout(RECOVERY, over).await, Ok(Ok(()))) {
                // Closed, and another one may take its place.
                drop(Object::take(object));
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(recovered)),
            // The process ends.
            Err(_) => drop(recovered),
        }
    }
}
