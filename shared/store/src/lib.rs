//! All SQL of Kaam, one file per table family, on PostgreSQL 15 or newer.
//!
//! Place in the map: `application` calls it (and `backend`, to migrate); nobody else but `devkit` speaks SQL. It must *not* decide anything about
//! tasks: it loads and saves what the domain decided, each change with its event in one statement and one commit.

pub mod accounts;
pub mod audit;
mod connections;
pub mod conversations;
pub mod erasure;
pub mod feed;
pub mod grants;
pub mod idempotency;
pub mod links;
pub mod list;
pub mod outbox;
mod pool;
pub mod quota;
pub mod reminders;
pub mod roles;
pub mod row_security;
mod session;
pub mod settings;
pub mod tasks;
pub mod template;
mod tries;
pub mod undo;

use std::fmt;
use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};

use connections::Connections;
use events::{Database, Renew};
use session::Sessions;

/// Held by whoever migrates.
const MIGRATING: i64 = 0x006b_6161_6d00_0001;
/// How long a database may say nothing to who looks at its schema.
const SILENCE: Duration = Duration::from_secs(30);
/// How often somebody who waits for another's migration looks.
const MIGRATING_LOOK: Duration = Duration::from_millis(100);

/// What frees the server when nobody does: of a connection, and of the roles of functions, which holds behind a pooler too. The client's
/// deadline is the runtime's.
pub const TIMEOUTS: [(&str, &str); 3] =
    [("statement_timeout", "10s"), ("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "15s")];

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, or too busy to answer in time. Trying again may help.
    #[error("the database can not be reached")]
    Unavailable(#[source] sqlx::Error),
    /// The database is there, and its TLS, its certificate, or the user's password or database is not what the URL says. It may be mended
    /// without this program.
    #[error("the database can not be connected to as DATABASE_URL says")]
    Mismatched(#[source] sqlx::Error),
    /// A pooler stands before the database, and gives each transaction another connection.
    #[error(
        "DATABASE_URL is that of a pooler of transactions; set DATABASE_POOLER to transaction, or name PostgreSQL itself"
    )]
    Pooled(#[source] sqlx::Error),
    /// The URL is malformed.
    #[error("DATABASE_URL can not be used")]
    Url(#[source] sqlx::Error),
    /// The tables are not those of this program: there are none, or another version's.
    #[error(
        "there are no tables of Kaam, or those of another version; if that is an older one, `backend migrate` brings them up to date"
    )]
    OtherSchema,
    /// The tables belong to another role than the one that connects.
    #[error("the tables belong to another role than the one that connects")]
    NotOwner,
    /// Something that should not happen.
    #[error("the database refused a statement")]
    Unexpected(#[source] sqlx::Error),
    /// A row that this version can not read.
    #[error("{0} in the database can not be read: {1}")]
    Unreadable(&'static str, String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let is_away = match &error {
            sqlx::Error::Configuration(_) => return Self::Url(error),
            sqlx::Error::Tls(_) => return Self::Mismatched(error),
            // As rustls says what it does not believe.
            sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => return Self::Mismatched(error),
            // Classes of PostgreSQL's appendix A: authorization, catalog name.
            sqlx::Error::Database(database)
                if database
                    .code()
                    .is_some_and(|code| ["28", "3D"].iter().any(|class| code.starts_with(class))) =>
            {
                return Self::Mismatched(error);
            }
            sqlx::Error::Database(database) if is_of_pooler(database.as_ref()) => return Self::Pooled(error),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
            sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => true,
            // Likewise: connection, resources, operator intervention, read-only, silence, lost races.
            sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                    || ["25006", "25P03", "40001", "40P01", "55P03"].contains(&&*code)
            }),
            _ => false,
        };
        if is_away { Self::Unavailable(error) } else { Self::Unexpected(error) }
    }
}

/// Says whether an error is one that only a pooler gives: it does not know a setting that a connection begins with, or a prepared statement
/// is not there, or there already.
fn is_of_pooler(error: &dyn DatabaseError) -> bool {
    match error.code().as_deref() {
        Some("26000" | "42P05") => true,
        Some("08P01") => error.message().contains("startup parameter"),
        _ => false,
    }
}

impl Connection {
    /// Names a database, who connects to it, and with how many connections at most.
    pub fn new(url: impl Into<String>, application_name: &'static str, max_connections: u32) -> Self {
        Self { url: url.into(), application_name, max_connections, is_pooled: false, renew: None }
    }

    /// Names the database of a function's settings. Its URL is asked for again now and then, and when the database refuses who connects:
    /// another user or password is followed, nothing else of it, and connections that are open stay until they are half an hour old.
    pub fn to(database: Database, application_name: &'static str) -> Self {
        let Database { url, connections, is_pooled, renew } = database;
        Self { is_pooled, renew, ..Self::new(url, application_name, connections) }
    }
}

/// A handle to the database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Sessions,
}

/// How a store connects.
#[derive(Clone)]
pub struct Connection {
    /// A `postgres://` URL.
    pub url: String,
    /// The name shown in `pg_stat_activity`: the function's.
    pub application_name: &'static str,
    /// The most connections; a function needs 1–2 for each request that it serves at once.
    pub max_connections: u32,
    /// Whether a pooler has another connection for each transaction: then nothing is kept in one.
    is_pooled: bool,
    renew: Option<Renew>,
}

/// Leaves out the URL, which may hold a password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("application_name", &self.application_name)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares a pool, without connecting: a function starts in milliseconds.
    ///
    /// # Errors
    /// [`Error::Url`] when the URL is malformed.
    pub fn lazy(connection: &Connection) -> Result<Self, Error> {
        let connections = Connections::lazy(connection)?;
        Ok(Self { pool: Sessions { connections, is_shared: connection.is_pooled } })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Mismatched`].
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection; those in use when they are given back.
    pub async fn close(&self) {
        self.pool.connections.close().await;
    }
}

/// Drops what a migration that was cut off has left of an index that it built CONCURRENTLY. The next one would find it there by its name, and
/// be noted as done. One that is being built anew (REINDEX) is left alone.
const FORGET_HALF_INDEXES: &str = r"
DO $$
DECLARE
    half regclass;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    FOR half IN
        SELECT i.indexrelid
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE NOT i.indisvalid
          AND c.relnamespace = current_schema()::regnamespace
          AND c.relname !~ '_cc(new|old)[0-9]*$'
    LOOP
        EXECUTE format('DROP INDEX %s', half);
    END LOOP;
END $$
";

/// Brings the schema up to date. Several at once wait for each other. One who only may look whether it is has nothing to do if so.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Mismatched`], [`Error::Url`], or [`Error::Unexpected`] when a migration fails or the schema is newer than this program.
pub async fn migrate(url: &str) -> Result<(), Error> {
    let options = PgConnectOptions::from_str(url)?.application_name("kaam-migrate");
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut connection = pool.acquire().await?;
    let mut migrations = migrations();
    let is_done = match is_current(&mut connection, &migrations).await {
        // insufficient_privilege: then to be found out by migrating.
        Err(error) if has_code(&error, "42501") => false,
        outcome => outcome?,
    };
    if is_done {
        connection.close().await?;
        pool.close().await;
        return Ok(());
    }
    // Looked for, not waited for: an index that is built CONCURRENTLY waits for every statement that runs, also for one that waits
    // for a lock, and the two would wait for each other.
    while !sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "is_mine!""#, MIGRATING)
        .fetch_one(&mut *connection)
        .await?
    {
        tokio::time::sleep(MIGRATING_LOOK).await;
    }
    sqlx::query(FORGET_HALF_INDEXES).execute(&mut *connection).await?;
    // Each in a transaction of its own, unless it says otherwise.
    migrations.set_locking(false);
    let outcome = migrations.run(&mut *connection).await;
    // The lock ends with the connection.
    connection.close().await?;
    pool.close().await;
    outcome.map_err(|error| Error::Unexpected(error.into()))
}

/// Looks whether the schema is this program's, and changes nothing.
///
/// # Errors
/// [`Error::OtherSchema`] if it is not; [`Error::Unavailable`], also when the database says nothing for 30 s; [`Error::Mismatched`],
/// [`Error::Url`].
pub async fn check_schema(url: &str) -> Result<(), Error> {
    let options = PgConnectOptions::from_str(url)?.application_name("kaam-check-schema");
    let asked = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        let is_current = is_current(&mut connection, &migrations()).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(is_current)
    };
    let silent = |_| sqlx::Error::Io(ErrorKind::TimedOut.into());
    match tokio::time::timeout(SILENCE, asked).await.map_err(silent)?? {
        true => Ok(()),
        false => Err(Error::OtherSchema),
    }
}

fn migrations() -> Migrator {
    sqlx::migrate!("../../migrations")
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|of_error| of_error == code)
}

/// Says whether just these migrations were run.
async fn is_current(connection: &mut PgConnection, migrations: &Migrator) -> Result<bool, sqlx::Error> {
    let run = sqlx::query_as::<_, (i64, Vec<u8>, bool)>(
        "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY 1",
    );
    match run.fetch_all(connection).await {
        Ok(run) => Ok(run
            .iter()
            .map(|(version, checksum, is_done)| (*version, checksum.as_slice(), *is_done))
            .eq(migrations.iter().map(|one| (one.version, &*one.checksum, true)))),
        // undefined_table
        Err(error) if has_code(&error, "42P01") => Ok(false),
        Err(error) => Err(error),
    }
}
