//! Connections to the database, each made by the user and the password that hold by then.
//!
//! | what happens | what is done |
//! |---|---|
//! | the setting says another user or password by now | new connections are made by them; those that are open stay until they are too old |
//! | PostgreSQL, or a pooler before it, refuses who connects | the setting is asked for anew, and if it has changed, the connection is tried again in the time that is left |
//! | what it says now can not be used, or names another database, or another way to it | what it said before is kept |

use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::{Renew, Why};
use futures::FutureExt as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::timeout;

use crate::pool::{Acquired, CONNECT, Pool, answered};
use crate::{Connection, Error, TIMEOUTS, is_of_pooler};

/// How long a request waits for a connection, in all.
const ACQUIRE: Duration = Duration::from_millis(1_500);

/// The connections of a process; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool,
    login: Option<Arc<Login>>,
}

/// By what new connections are made, where that can change.
struct Login {
    known: Mutex<Known>,
    connection: Connection,
    renew: Renew,
}

/// What is known of the URL.
struct Known {
    /// As it is used.
    url: String,
    /// As it was found last and could not be used, so that this is said once.
    unusable: Option<String>,
}

impl Connections {
    /// Prepares one, without connecting.
    ///
    /// # Errors
    /// The URL is malformed.
    pub(crate) fn lazy(connection: &Connection) -> Result<Self, Error> {
        let pool = Pool::lazy(options(&connection.url, connection)?, connection.max_connections);
        let login = connection.renew.as_ref().map(|renew| {
            Arc::new(Login {
                known: Mutex::new(Known { url: connection.url.clone(), unusable: None }),
                connection: connection.clone(),
                renew: Arc::clone(renew),
            })
        });
        Ok(Self { pool, login })
    }

    /// Acquires a connection.
    pub(crate) async fn acquire(&self) -> Result<Acquired, sqlx::Error> {
        let acquired = timeout(ACQUIRE, self.trying(Pool::acquire)).await;
        acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Makes a connection that belongs to nobody else, with more settings.
    pub(crate) async fn connect<const N: usize>(
        &self,
        settings: [(&'static str, &'static str); N],
    ) -> Result<PgConnection, sqlx::Error> {
        self.trying(|pool| {
            let options = pool.options().options(settings);
            async move { answered(options.connect()).await }
        })
        .await
    }

    /// Makes a connection that belongs to nobody else, to listen on.
    pub(crate) async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        self.trying(|pool| {
            // One of the pool's would be missed by the statements.
            let own = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT);
            let own = own.connect_lazy_with(pool.options());
            async move { PgListener::connect_with(&own).await }
        })
        .await
    }

    /// Closes every connection; those in use when they are given back.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Does what needs a connection, and does it once more when the database refused the credentials and there are others.
    async fn trying<T, F>(&self, attempt: impl Fn(&Pool) -> F) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let Some(login) = &self.login else { return attempt(&self.pool).await };
        let used = login.look(&self.pool);
        match attempt(&self.pool).await {
            Err(error) if login.was_refused(&error) => {
                let newer = (login.renew)(used, Why::Refused).await;
                if newer.is_some_and(|url| login.take(&self.pool, url)) {
                    attempt(&self.pool).await
                } else {
                    Err(error)
                }
            }
            outcome => outcome,
        }
    }
}

impl Login {
    /// Takes what the URL is by now, if that is known already; nobody waits for it. Gives the one that is used.
    fn look(&self, pool: &Pool) -> String {
        let used = self.known().url.clone();
        // How often it is really looked is up to who is asked.
        match (self.renew)(used.clone(), Why::LookedNowAndThen).now_or_never().flatten() {
            Some(newer) if self.take(pool, newer.clone()) => newer,
            _ => used,
        }
    }

    /// Has new connections made by another URL; says whether it can be used.
    fn take(&self, pool: &Pool, url: String) -> bool {
        let mut known = self.known();
        if known.url == url {
            return true;
        }
        if known.unusable.as_ref() == Some(&url) {
            return false;
        }
        let is_same_place = |newer: &PgConnectOptions| {
            options(&known.url, &self.connection).is_ok_and(|used| place(&used) == place(newer))
        };
        // What is said must not quote it.
        let why = match options(&url, &self.connection) {
            Ok(options) if is_same_place(&options) => {
                pool.set_options(options);
                *known = Known { url, unusable: None };
                return true;
            }
            Ok(_) => "names another database, or another way to it, which takes a restart",
            Err(_) => "can not be used",
        };
        tracing::warn!("DATABASE_URL has changed to what {why}; what it was is kept");
        known.unusable = Some(url);
        false
    }

    /// Says whether who connects was not let in.
    fn was_refused(&self, error: &sqlx::Error) -> bool {
        let sqlx::Error::Database(error) = error else { return false };
        match error.code().as_deref() {
            // PgBouncer's for all that it finds wrong, up to its version 1.20 also for a password.
            Some("08P01") => self.connection.is_pooled && !is_of_pooler(error.as_ref()),
            // Class 28 of PostgreSQL's appendix A: invalid authorization.
            code => code.is_some_and(|code| code.starts_with("28")),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Gives what options say beside the user and the password, to be compared.
fn place(options: &PgConnectOptions) -> String {
    // Without a name it is that of the user.
    let database = options.get_database().unwrap_or(options.get_username()).to_owned();
    // Some of it can not be had otherwise.
    format!("{:?}", options.clone().database(&database).username("").password(""))
}

#[cfg(test)]
mod tests {
    use events::Database;

    use super::*;

    const USED: &str = "postgres://first:1@db.example.org/kaam?sslmode=require";

    /// Connections by a URL, and what is found when that is asked for again.
    fn connections() -> (Connections, Arc<Mutex<Option<String>>>) {
        let found = Arc::new(Mutex::new(None::<String>));
        let says = Arc::clone(&found);
        let renew: Renew = Arc::new(move |used, _| {
            let found = says.lock().expect("nobody panicked").clone();
            async move { found.filter(|found| *found != used) }.boxed()
        });
        let database =
            Database { url: USED.to_owned(), connections: 1, is_pooled: false, renew: Some(renew) };
        (Connections::lazy(&Connection::to(database, "test")).expect("a sound URL"), found)
    }

    /// Looks what the URL is by now, and gives the one that is used then, and the user of the next connection.
    fn look(connections: &Connections) -> (String, String) {
        let url = connections.login.as_ref().expect("it can change").look(&connections.pool);
        (url, connections.pool.options().get_username().to_owned())
    }

    #[tokio::test]
    async fn a_change_is_followed_as_soon_as_it_is_known() {
        let (connections, found) = connections();
        assert_eq!(look(&connections), (USED.to_owned(), "first".to_owned()));
        let second = "postgres://second:2@db.example.org:5432/kaam?sslmode=require";
        *found.lock().expect("nobody panicked") = Some(second.to_owned());
        assert_eq!(look(&connections), (second.to_owned(), "second".to_owned()));
    }

    #[tokio::test]
    async fn only_the_user_and_the_password_are_followed() {
        let (connections, found) = connections();
        for other in [
            "nonsense",
            "postgres://second:2@elsewhere.example.org/kaam?sslmode=require",
            "postgres://second:2@db.example.org:5433/kaam?sslmode=require",
            "postgres://second:2@db.example.org/other?sslmode=require",
            "postgres://second:2@db.example.org?sslmode=require",
            "postgres://second:2@db.example.org/kaam",
            "postgres://second:2@db.example.org/kaam?sslmode=require&sslrootcert=/other.pem",
            "postgres://second:2@db.example.org/kaam?sslmode=require&host=/run",
            "postgres://second:2@db.example.org/kaam?sslmode=require&options=-csearch_path%3Dother",
        ] {
            *found.lock().expect("nobody panicked") = Some(other.to_owned());
            assert_eq!(look(&connections), (USED.to_owned(), "first".to_owned()), "{other}");
        }
        *found.lock().expect("nobody panicked") = Some(USED.replace("first:1", "third:3"));
        assert_eq!(look(&connections).1, "third");
    }
}
