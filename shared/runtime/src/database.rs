//! What functions that keep data read from the environment.

use std::borrow::Cow;

use events::{Database, Renew};

use crate::{
    address::is_local,
    config::{ConfigError, Environment},
    main::Start,
    percent::decode,
};

/// The default of `DATABASE_CONNECTIONS`: small, because many instances share one database.
const CONNECTIONS: u32 = 2;
/// How each certificate in PEM begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// What the client of PostgreSQL knows of libpq's parameters; what else there is it would drop, and log.
const PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];
const ALLOWED: &str = "a PostgreSQL URL such as postgres://kaam@localhost/kaam";
const SAFE: &str = "a URL that says how the way to a database on another machine is secured: with sslmode=verify-full; or, where that network is to be trusted, with sslmode=disable";

impl Environment {
    /// Gives `DATABASE_URL`, or the contents of the file that `DATABASE_URL_FILE` names, if there is one.
    ///
    /// # Errors
    /// When it is no `postgres://` or `postgresql://` URL, its `sslrootcert` is no file of certificates, or it names another machine and
    /// no `sslmode`; it may hold a password and is not shown.
    pub fn database_url(&self) -> Result<Option<String>, ConfigError> {
        let url = self.get("DATABASE_URL")?;
        url.as_deref().map_or(Ok(()), check)?;
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

/// Refuses what can not be `DATABASE_URL`.
fn check(url: &str) -> Result<(), ConfigError> {
    let refuse = |allowed| Err(ConfigError::InvalidSecret { name: "DATABASE_URL".to_owned(), allowed });
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return refuse(ALLOWED.to_owned());
    }
    if let Some(unknown) = unknown_parameter(url) {
        return refuse(format!("a URL without {unknown}; the parameters are {}", PARAMETERS.join(", ")));
    }
    // With another, or none, the client would take what it gets, also no encryption from who is no database of ours.
    let says_how = ["disable", "require", "verify-ca", "verify-full"];
    if !is_on_this_machine(url) && !parameter(url, "sslmode").is_some_and(|mode| says_how.contains(&&*mode)) {
        return refuse(SAFE.to_owned());
    }
    match authorities(url) {
        Some(path)
            if !std::fs::read(&*path).is_ok_and(|pem| pem.windows(BEGIN.len()).any(|part| part == BEGIN)) =>
        {
            refuse(format!(
                "a URL whose sslrootcert is a file of certificates (PEM) that can be read; it is {path:?}"
            ))
        }
        _ => Ok(()),
    }
}

/// Gives the names and values of a URL's query, as they stand there.
fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Gives a parameter that would be dropped, and be it one that asks for more safety. It may be part of a password that is not
/// encoded: then it is not shown.
fn unknown_parameter(url: &str) -> Option<String> {
    let is_known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
    let (unknown, _) = parameters(url).find(|(name, _)| !is_known(name))?;
    let is_word = unknown.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    // Whatever an `@` follows is no query.
    let is_of_password = url.rsplit_once('?').is_some_and(|(_, query)| query.contains('@'));
    let is_of_password = is_of_password || parameter(url, "password").is_some();
    let is_shown = is_word && !is_of_password;
    Some(if is_shown { format!("{unknown:?}") } else { "a parameter that is none".to_owned() })
}

/// Gives the path of the certificates that are trusted beside those of the web, if a URL names one.
fn authorities(url: &str) -> Option<Cow<'_, str>> {
    parameter(url, "sslrootcert")
}

fn parameter<'a>(url: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let (_, value) = parameters(url).find(|(name, _)| *name == wanted)?;
    decode(value.as_bytes(), true)
}

/// Tells whether whatever host a URL names is this one: a folder of sockets, `localhost`, or a loopback address. Without any the client
/// takes one from its own environment (`PGHOST`).
fn is_on_this_machine(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => place,
    };
    let named =
        parameters(url).filter(|(name, _)| ["host", "hostaddr"].contains(name)).map(|(_, value)| value);
    let mut hosts = std::iter::once(host).chain(named).filter(|host| !host.is_empty()).peekable();
    hosts.peek().is_some()
        && hosts.all(|host| {
            decode(host.as_bytes(), false)
                .is_some_and(|host| host.is_empty() || host.starts_with('/') || is_local(&host))
        })
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

    /// Gives what finds out how `DATABASE_URL` reads by now; `None` where it can not change.
    ///
    /// # Errors
    /// When the name of the file is not UTF-8.
    pub fn newer_database_url(&self) -> Result<Option<Renew>, ConfigError> {
        let renewal = self.environment.renewal("DATABASE_URL")?;
        Ok(renewal.only(|url| check(url).map_err(|error| error.to_string())).asked())
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

#[cfg(test)]
mod tests {
    use events::Why;

    use super::*;

    #[test]
    fn s32_a_database_on_another_machine_is_reached_in_the_clear_only_where_that_is_said() {
        for here in [
            "postgres://kaam@localhost/kaam",
            "postgres://kaam:p@127.0.0.1:5432/kaam",
            "postgres://kaam@127.8.9.10/kaam",
            "postgresql://[::1]:5432/kaam",
            "postgresql://[::1]/kaam",
            "postgres:///kaam?host=/run/postgresql",
            "postgres://kaam@%2Frun%2Fpostgresql:5432/kaam",
        ] {
            assert!(check(here).is_ok(), "{here}");
        }
        for elsewhere in [
            "postgres://kaam@db/kaam",
            "postgres://kaam:localhost@db.example.org:5432/kaam",
            "postgres://kaam@10.0.0.7/kaam",
            "postgres://localhost@db",
            "postgres://localhost.example.org/kaam",
            "postgresql://[2001:db8::1]/kaam",
            "postgres://kaam@localhost/kaam?host=db",
            "postgres:///kaam?hostaddr=10.0.0.7",
            "postgres:///kaam",
        ] {
            let said = check(elsewhere).expect_err(elsewhere).to_string();
            assert!(said.contains("DATABASE_URL") && said.contains("sslmode"), "{said}");
            let with = if elsewhere.contains('?') { "&" } else { "?" };
            for sslmode in ["prefer", "allow", "verify-fully", ""] {
                assert!(
                    check(&format!("{elsewhere}{with}sslmode={sslmode}")).is_err(),
                    "{elsewhere} {sslmode}"
                );
            }
            for sslmode in ["verify-full", "disable"] {
                assert!(check(&format!("{elsewhere}{with}sslmode={sslmode}")).is_ok(), "{elsewhere}");
            }
        }
    }

    #[tokio::test]
    async fn a_url_that_would_not_start_the_process_is_not_taken_while_it_runs_either() {
        let path = std::env::temp_dir().join(format!("runtime-database-{}", std::process::id()));
        let write = |url: &str| std::fs::write(&path, url).expect("a file");
        write("postgres://kaam:1@db/kaam?sslmode=disable");
        let environment = Environment::from_pairs([("DATABASE_URL_FILE", path.as_os_str())]);
        let start = Start::from_environment(environment).expect("sound settings");
        let Database { url, renew, .. } = start.database().expect("sound settings");
        let renew = renew.expect("a file may change");
        for wrong in [
            "mysql://kaam:2@db/kaam",
            "postgres://kaam:2@db/kaam",
            "postgres://kaam:2@db/kaam?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
        ] {
            write(wrong);
            assert_eq!(renew(url.clone(), Why::Refused).await, None, "{wrong}");
        }
        write("postgres://kaam:2@db/kaam?sslmode=disable");
        let renewed = renew(url, Why::Refused).await;
        assert_eq!(renewed.as_deref(), Some("postgres://kaam:2@db/kaam?sslmode=disable"));
        std::fs::remove_file(&path).expect("the file is ours");
    }
}
