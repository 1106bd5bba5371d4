//! What functions that keep data read from the environment.

use std::{borrow::Cow, sync::Arc};

use events::{Database, Renew};

use crate::{
    config::{ConfigError, Environment},
    main::Start,
    percent::decode,
};

/// The default of `DATABASE_CONNECTIONS`: small, because many instances share one database.
const CONNECTIONS: u32 = 2;
/// How each certificate in PEM begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const ALLOWED: &str = "a PostgreSQL URL such as postgres://kaam@localhost/kaam";

impl Environment {
    /// Gives `DATABASE_URL`, or the contents of the file that `DATABASE_URL_FILE` names, if there is one.
    ///
    /// # Errors
    /// When it is no `postgres://` or `postgresql://` URL, or its `sslrootcert` is no file of certificates; it may hold a password and
    /// is not shown.
    pub fn database_url(&self) -> Result<Option<String>, ConfigError> {
        let url = self.get("DATABASE_URL")?;
        let is_postgres = |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
        if url.as_ref().is_some_and(|url| !is_postgres(url)) {
            return Err(ConfigError::InvalidSecret {
                name: "DATABASE_URL".to_owned(),
                allowed: ALLOWED.to_owned(),
            });
        }
        if let Some(path) = url.as_deref().and_then(authorities)
            && !std::fs::read(&*path).is_ok_and(|pem| pem.windows(BEGIN.len()).any(|part| part == BEGIN))
        {
            let allowed = format!(
                "a URL whose sslrootcert is a file of certificates (PEM) that can be read; it is {path:?}"
            );
            return Err(ConfigError::InvalidSecret { name: "DATABASE_URL".to_owned(), allowed });
        }
        Ok(url)
    }

    /// Refuses `DATABASE_POOLER` for what holds locks of a session.
    ///
    /// # Errors
    /// When it is set.
    pub fn refuse_database_pooler(&self) -> Result<(), ConfigError> {
        match self.get("DATABASE_POOLER")? {
            None => Ok(()),
            Some(value) => Err(ConfigError::Invalid {
                name: "DATABASE_POOLER".to_owned(),
                value,
                allowed: "unset here, and DATABASE_URL that of PostgreSQL itself, because this holds locks for as long as it is connected"
                    .to_owned(),
            }),
        }
    }
}

/// Gives the path of the certificates that are trusted beside those of the web, if a URL names one.
fn authorities(url: &str) -> Option<Cow<'_, str>> {
    let query = url.split_once('?')?.1;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let value = query.split('&').find_map(|pair| pair.strip_prefix("sslrootcert="))?;
    decode(value.as_bytes(), true)
}

impl Start {
    /// Gives `DATABASE_URL`, or the contents of the file that `DATABASE_URL_FILE` names.
    ///
    /// # Errors
    /// When neither is set, or it is no such URL.
    pub fn database_url(&self) -> Result<String, ConfigError> {
        let missing =
            || ConfigError::Missing { name: "DATABASE_URL".to_owned(), allowed: ALLOWED.to_owned() };
        self.environment.database_url()?.ok_or_else(missing)
    }

    /// Gives the database, with what says how `DATABASE_URL` reads by now, when it or a file or store that it comes from has changed
    /// ([`secrets::Renewal`](crate::secrets::Renewal)).
    ///
    /// # Errors
    /// The first setting that is wrong or missing.
    pub fn database(&self) -> Result<Database, ConfigError> {
        Ok(Database {
            url: self.database_url()?,
            connections: self.database_connections()?,
            is_pooled: self.has_database_pooler()?,
            renew: self.newer_database_url()?,
        })
    }

    /// Gives what finds out how `DATABASE_URL` reads by now.
    ///
    /// # Errors
    /// When the name of the file is not UTF-8.
    pub fn newer_database_url(&self) -> Result<Renew, ConfigError> {
        Ok(Arc::new(self.environment.renewal("DATABASE_URL")?.asked()))
    }

    /// Gives `DATABASE_CONNECTIONS`: the most connections of one instance, 1–100; default 2.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn database_connections(&self) -> Result<u32, ConfigError> {
        let allowed = "a number from 1 to 100";
        let given = self.environment.parse::<u32>("DATABASE_CONNECTIONS", allowed)?;
        match given {
            None => Ok(CONNECTIONS),
            Some(number) if (1..=100).contains(&number) => Ok(number),
            Some(number) => Err(ConfigError::Invalid {
                name: "DATABASE_CONNECTIONS".to_owned(),
                value: number.to_string(),
                allowed: allowed.to_owned(),
            }),
        }
    }

    /// Gives whether `DATABASE_POOLER` says that `DATABASE_URL` is a pooler's which has another connection for each transaction.
    ///
    /// # Errors
    /// When it is another word than `transaction`.
    fn has_database_pooler(&self) -> Result<bool, ConfigError> {
        Ok(self.environment.one_of("DATABASE_POOLER", &[("transaction", true)])?.unwrap_or(false))
    }

    /// Refuses `DATABASE_POOLER` for what holds locks of a session, which nobody has behind such a pooler.
    ///
    /// # Errors
    /// When it is set.
    pub fn refuse_database_pooler(&self) -> Result<(), ConfigError> {
        self.environment.refuse_database_pooler()
    }

    /// Gives what is to be called after each commit that left an event in the outbox: it wakes the relay, and returns at once.
    pub fn committed(&self) -> impl Fn() + Send + Sync + 'static {
        let poke = self.poke.clone();
        move || poke.wake()
    }
}
