//! What the process was told by its environment, read once and checked before anything starts.

mod environment;
mod error;
mod secret;
mod zone;

use std::net::{IpAddr, Ipv4Addr};

use chrono_tz::Tz;

pub use environment::Environment;
pub use error::ConfigError;
pub use secret::Secret;

use events::Quotas;

use crate::{address::TrustedProxies, auth, host::server::Origins, rate_limit::Rates};

/// The settings that every function has.
///
/// | variable | default | allowed |
/// |---|---|---|
/// | `PORT` | `8000` | 0–65535; 0 takes any free port |
/// | `HOST` | `127.0.0.1` | an IP address; with `AUTH=local` a loopback address |
/// | `METRICS_PORT` | off | 0–65535, not the same as `PORT` |
/// | `AUTH` | `local` | `local`; `jwt`, with what [`auth::Settings`] reads |
/// | `CORS_ORIGINS` | none | origins with commas between |
/// | `TRUSTED_PROXIES` | none | addresses, and networks such as `10.0.0.0/8`, with commas between |
/// | `RATE_LIMIT_USER`, `…_ADDRESS`, `…_CHAT`, `…_SIGN_IN`, `INSTANCES` | [`Rates`] | 1–1,000,000 |
/// | `QUOTA_OPEN_TASKS`, `…_TASKS_PER_DAY`, `…_REMINDERS_PER_DAY`, `…_MODEL_CALLS_PER_DAY` | 10,000, 2,000, 500, 500 | 0 and more |
/// | `TIME_ZONE` | `UTC` | an IANA name |
/// | `LOG_LEVEL` | `info` | `error`, `warn`, `info`, `debug`, `trace` |
/// | `LOG_FORMAT` | `text` on a terminal, else `json` | `json`, `text` |
/// | `RELAY_URL` | none | an `http://` URL |
/// | `RELAY_TOKEN` | `EVENTS_TOKEN` | with `RELAY_URL`: printable characters without a space |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `PORT`: where HTTP is served. Default 8000; 0 takes any free port.
    pub port: u16,
    /// `HOST`: the address to listen on. Default 127.0.0.1.
    pub host: IpAddr,
    /// `METRICS_PORT`: where `/metrics` is served, on the same address. Default: nowhere.
    pub metrics_port: Option<u16>,
    /// `AUTH`: how callers are known. Default `local`.
    pub auth: Auth,
    /// `CORS_ORIGINS`: the origins whose pages may call, beside the own one. Default: none.
    pub cors_origins: Origins,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed. Default: nobody's.
    pub trusted_proxies: TrustedProxies,
    /// `RATE_LIMIT_…`, `INSTANCES`: how often somebody may call. None with `AUTH=local`.
    pub rates: Option<Rates>,
    /// `QUOTA_…`: how much a user may have and do. None with `AUTH=local`.
    pub quotas: Option<Quotas>,
    /// `LOG_LEVEL`: the least severe level that is logged. Default `info`.
    pub log_level: LogLevel,
    /// `LOG_FORMAT`: how lines are written; `None` leaves it to whether somebody is looking.
    pub log_format: Option<LogFormat>,
    /// `TIME_ZONE`: the zone of new users. Default UTC.
    pub time_zone: Tz,
    /// `RELAY_URL`: whom to poke after a commit. Default: nobody, the relay finds out by itself.
    pub relay_url: Option<String>,
    /// `RELAY_TOKEN`: what is shown there. Default: what has to be shown here, `EVENTS_TOKEN`.
    pub relay_token: Option<Secret>,
}

/// How callers are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Callers are believed; only a loopback listener may do that.
    Local,
    /// Callers show a token.
    Jwt(Box<auth::Settings>),
}

impl Auth {
    /// Says whether callers show tokens of the function sign-in of this very deployment, by `SIGNING_KEY`.
    pub fn believes_own_keys(&self) -> bool {
        matches!(self, Auth::Jwt(settings) if settings.is_own())
    }
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What needs somebody.
    Error,
    /// What may need somebody soon.
    Warn,
    /// One line per request or event.
    Info,
    /// What a developer asks for.
    Debug,
    /// Everything.
    Trace,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// Plain text, for people.
    Text,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first variable that is wrong; its `Display` is one line naming the variable, its value and what is allowed.
    pub fn from_environment(environment: &Environment) -> Result<Config, ConfigError> {
        let host = environment.parse("HOST", "an IP address such as 127.0.0.1")?;
        let auth = auth(environment)?;
        let (rates, quotas) = (Rates::from_environment(environment)?, quotas(environment)?);
        let is_counted = auth != Auth::Local;
        let relay_token = match &auth {
            Auth::Jwt(settings) => settings.events_token(),
            Auth::Local => None,
        };
        let config = Config {
            port: environment.parse("PORT", "a port from 0 to 65535")?.unwrap_or(8000),
            host: host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            metrics_port: environment.parse("METRICS_PORT", "a port from 0 to 65535")?,
            auth,
            cors_origins: Origins::from_environment(environment)?,
            trusted_proxies: environment
                .parse("TRUSTED_PROXIES", "addresses, and networks such as 10.0.0.0/8, with commas between")?
                .unwrap_or_default(),
            rates: is_counted.then_some(rates),
            quotas: is_counted.then_some(quotas),
            log_level: environment
                .one_of(
                    "LOG_LEVEL",
                    &[
                        ("error", LogLevel::Error),
                        ("warn", LogLevel::Warn),
                        ("info", LogLevel::Info),
                        ("debug", LogLevel::Debug),
                        ("trace", LogLevel::Trace),
                    ],
                )?
                .unwrap_or(LogLevel::Info),
            log_format: environment
                .one_of("LOG_FORMAT", &[("json", LogFormat::Json), ("text", LogFormat::Text)])?,
            time_zone: zone::read(environment)?,
            relay_url: relay_url(environment)?,
            relay_token: self::relay_token(environment)?.or(relay_token),
        };
        config.check()?;
        config.check_sidecar(environment)?;
        Ok(config)
    }

    /// Refuses a sidecar without a token where others than the sidecar can reach the routes that are for it.
    fn check_sidecar(&self, environment: &Environment) -> Result<(), ConfigError> {
        if !self.host.is_loopback() && environment.get("DAPR_HTTP_PORT")?.is_some() {
            let allowed = "the token that the sidecar shows, because HOST can be reached by others";
            environment.require("APP_API_TOKEN", allowed)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.auth == Auth::Local && !self.host.is_loopback() {
            return Err(ConfigError::Invalid {
                name: "HOST".to_owned(),
                value: self.host.to_string(),
                allowed: "a loopback address such as 127.0.0.1, because AUTH=local believes every caller"
                    .to_owned(),
            });
        }
        match self.metrics_port {
            Some(port) if port != 0 && port == self.port => Err(ConfigError::Invalid {
                name: "METRICS_PORT".to_owned(),
                value: port.to_string(),
                allowed: "another port than PORT, because metrics are not public".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

fn auth(environment: &Environment) -> Result<Auth, ConfigError> {
    match environment.get("AUTH")?.as_deref() {
        None | Some("local") => {
            // Whoever says by what to check tokens does not mean to believe everybody.
            for name in auth::NAMES {
                if environment.get(name)?.is_some() {
                    return Err(ConfigError::Invalid {
                        name: "AUTH".to_owned(),
                        value: "local".to_owned(),
                        allowed: format!("jwt beside {name}"),
                    });
                }
            }
            Ok(Auth::Local)
        }
        Some("jwt") => auth::Settings::from_environment(environment).map(Box::new).map(Auth::Jwt),
        Some(other) => Err(ConfigError::Invalid {
            name: "AUTH".to_owned(),
            value: other.to_owned(),
            allowed: "local or jwt".to_owned(),
        }),
    }
}

fn quotas(environment: &Environment) -> Result<Quotas, ConfigError> {
    const ALLOWED: &str = "a number from 0 to 4294967295";
    let number = |name, default| Ok::<u32, ConfigError>(environment.parse(name, ALLOWED)?.unwrap_or(default));
    Ok(Quotas {
        open_tasks: number("QUOTA_OPEN_TASKS", 10_000)?,
        tasks_per_day: number("QUOTA_TASKS_PER_DAY", 2_000)?,
        reminders_per_day: number("QUOTA_REMINDERS_PER_DAY", 500)?,
        model_calls_per_day: number("QUOTA_MODEL_CALLS_PER_DAY", 500)?,
    })
}

fn relay_url(environment: &Environment) -> Result<Option<String>, ConfigError> {
    const ALLOWED: &str = "an http:// URL such as http://relay-events/";
    let Some(uri) = environment.parse::<hyper::Uri>("RELAY_URL", ALLOWED)? else { return Ok(None) };
    if uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty()) {
        return Ok(Some(uri.to_string()));
    }
    Err(ConfigError::Invalid {
        name: "RELAY_URL".to_owned(),
        value: uri.to_string(),
        allowed: ALLOWED.to_owned(),
    })
}

fn relay_token(environment: &Environment) -> Result<Option<Secret>, ConfigError> {
    let Some(token) = environment.get("RELAY_TOKEN")? else { return Ok(None) };
    // Without one nobody is shown it, which is not what somebody means who sets it.
    environment.require("RELAY_URL", "the URL of relay-events, which RELAY_TOKEN is shown to")?;
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(Secret::new(token)));
    }
    let allowed =
        "what EVENTS_TOKEN is for relay-events: printable ASCII characters without a space".to_owned();
    Err(ConfigError::InvalidSecret { name: "RELAY_TOKEN".to_owned(), allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        Config::from_environment(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let config = read(&[("PORT", ""), ("LOG_LEVEL", "")]).expect("a configuration");
        assert_eq!(
            (config.port, config.host.to_string().as_str(), config.metrics_port),
            (8000, "127.0.0.1", None)
        );
        assert_eq!((config.log_level, config.log_format), (LogLevel::Info, None));
        assert_eq!((config.time_zone, config.relay_url), (Tz::UTC, None));
    }

    #[test]
    fn every_setting_can_be_given() {
        let config = read(&[
            ("PORT", "0"),
            ("HOST", "::1"),
            ("METRICS_PORT", "9091"),
            ("AUTH", "local"),
            ("LOG_LEVEL", "debug"),
            ("LOG_FORMAT", "json"),
            ("TIME_ZONE", "Asia/Karachi"),
            ("RELAY_URL", "http://relay-events"),
        ])
        .expect("a configuration");
        assert_eq!((config.port, config.metrics_port), (0, Some(9091)));
        assert_eq!(config.time_zone, Tz::Asia__Karachi);
        assert_eq!(config.relay_url.as_deref(), Some("http://relay-events/"));
    }

    #[test]
    fn s09_tokens_are_believed_only_with_a_key_an_issuer_and_an_audience() {
        let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
        let (issuer, audience) = (("JWT_ISSUER", "https://id.example.org"), ("JWT_AUDIENCE", "kaam"));
        let url = ("JWT_JWKS_URL", "https://id.example.org/keys");
        let discovered = ("OIDC_ISSUER", "https://id.example.org");
        let read = |pairs: &[_]| read(&[&[("AUTH", "jwt"), ("HOST", "0.0.0.0")], pairs].concat());
        for pairs in [
            &[secret, issuer, audience][..],
            &[url, issuer, audience],
            &[discovered, audience],
            &[discovered, issuer, audience],
        ] {
            let config = read(pairs).expect("sound settings");
            assert!(
                matches!(config.auth, Auth::Jwt(_)) && !format!("{config:?}").contains(secret.1),
                "{pairs:?}"
            );
        }
        let events = ("EVENTS_ISSUER", "https://cluster.example.org");
        for (pairs, named) in [
            (&[][..], "JWT_JWKS_URL"),
            (&[issuer, audience], "AUTH=jwt"),
            (&[secret, audience], "JWT_ISSUER"),
            (&[secret, issuer], "JWT_AUDIENCE"),
            (&[discovered], "JWT_AUDIENCE"),
            (&[secret, url, issuer, audience], "JWT_SECRET and JWT_JWKS_URL"),
            (&[url, discovered, audience], "JWT_JWKS_URL and OIDC_ISSUER"),
            (&[discovered, ("JWT_ISSUER", "https://other.example.org"), audience], "JWT_ISSUER"),
            (&[("JWT_SECRET", "0123456789abcdef0123456789abcde"), issuer, audience], "JWT_SECRET"),
            (&[("JWT_JWKS_URL", "http://id.example.org/keys"), issuer, audience], "JWT_JWKS_URL"),
            (&[("OIDC_ISSUER", "https://id.example.org?a"), audience], "OIDC_ISSUER"),
            (&[("SIGNING_KEY", "x"), issuer, audience], "SIGNING_KEY"),
            (&[secret, issuer, audience, ("EVENTS_TOKEN", "short")], "EVENTS_TOKEN"),
            (&[secret, issuer, audience, events], "EVENTS_AUDIENCE"),
            (&[secret, issuer, audience, ("EVENTS_AUDIENCE", "x")], "EVENTS_ISSUER"),
            // Every user could bring events.
            (
                &[discovered, audience, ("EVENTS_ISSUER", discovered.1), ("EVENTS_AUDIENCE", audience.1)],
                "EVENTS_AUDIENCE",
            ),
            (&[secret, issuer, audience, ("DAPR_HTTP_PORT", "3500")], "APP_API_TOKEN"),
            // Whoever forgets AUTH would have everybody believed.
            (&[("AUTH", "local"), ("HOST", "127.0.0.1"), secret], "JWT_SECRET"),
            (&[("AUTH", ""), ("HOST", "127.0.0.1"), discovered], "OIDC_ISSUER"),
        ] {
            let message = read(pairs).expect_err(named);
            assert!(message.contains(named) && !message.contains('\n'), "{named}: {message}");
            assert!(!message.contains("0123456789"), "{message}");
        }
    }

    #[test]
    fn the_relay_is_shown_what_it_wants_and_the_function_need_not_want_it() {
        let jwt = [
            ("AUTH", "jwt"),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("JWT_ISSUER", "https://i.example"),
        ];
        let jwt = [jwt[0], jwt[1], jwt[2], ("JWT_AUDIENCE", "kaam"), ("RELAY_URL", "http://relay-events/")];
        let own = ("EVENTS_TOKEN", "0123456789-0123456789-0123456789");
        let of_relay = ("RELAY_TOKEN", "9876543210-9876543210-9876543210");
        for (pairs, shown) in [
            (vec![own], Some(own.1)),
            (vec![of_relay], Some(of_relay.1)),
            (vec![own, of_relay], Some(of_relay.1)),
            (vec![], None),
        ] {
            let config = read(&[&jwt[..], &pairs].concat()).expect("sound settings");
            assert_eq!(config.relay_token.as_ref().map(|token| token.reveal()), shown, "{pairs:?}");
            let Auth::Jwt(settings) = config.auth else { panic!("AUTH=jwt") };
            assert_eq!(settings.guards_events(), pairs.contains(&own), "{pairs:?}");
        }
        assert!(read(&[of_relay]).expect_err("whom").starts_with("RELAY_URL is not set"));
        let message = read(&[jwt[4], ("RELAY_TOKEN", "two words")]).expect_err("no header");
        assert!(message.starts_with("RELAY_TOKEN") && !message.contains("words"), "{message}");
    }

    #[test]
    fn a_wrong_value_is_one_line_naming_variable_value_and_what_is_allowed() {
        for (name, value, allowed) in [
            ("PORT", "eighty", "a port from 0 to 65535"),
            ("PORT", "65536", "a port from 0 to 65535"),
            ("HOST", "localhost", "an IP address"),
            ("HOST", "0.0.0.0", "a loopback address"),
            ("METRICS_PORT", "-1", "a port"),
            ("TRUSTED_PROXIES", "everybody", "10.0.0.0/8"),
            ("METRICS_PORT", "8000", "another port than PORT"),
            ("AUTH", "none", "local or jwt"),
            ("LOG_LEVEL", "INFO", "error, warn, info, debug or trace"),
            ("LOG_FORMAT", "xml", "json or text"),
            ("TIME_ZONE", "europe/berlin", "Europe/Berlin"),
            ("TIME_ZONE", "Asia/Karachy", "Asia/Karachi"),
            ("TIME_ZONE", "Mars", "Asia/Karachi"),
            ("RELAY_URL", "https://relay", "an http:// URL"),
            ("RELAY_URL", "/relay", "an http:// URL"),
        ] {
            let message = read(&[(name, value)]).expect_err(value);
            assert!(!message.contains('\n'), "{message}");
            assert!(
                message.contains(name) && message.contains(value) && message.contains(allowed),
                "{message}"
            );
        }
    }
}
