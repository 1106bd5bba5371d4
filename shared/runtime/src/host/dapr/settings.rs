//! What leads to the sidecar, and what it is asked for.

use crate::{
    config::{ConfigError, Environment},
    dapr::Sidecar,
};

/// At every full minute: a schedule by the clock goes on over restarts, where `@every 1m` would begin anew with each.
const SCHEDULE: &str = "0 * * * * *";
/// The word for ticks that come from a cron binding.
const BINDING: &str = "binding";

/// What leads to the sidecar.
///
/// | variable | default | allowed |
/// |---|---|---|
/// | `DAPR_HTTP_PORT` | none: no sidecar | a port; Dapr sets it, to 3500 |
/// | `DAPR_API_TOKEN` | none | what the sidecar wants to be shown |
/// | `APP_API_TOKEN` | none | what the sidecar shows; without it whatever runs on this machine may call its routes, but no page in a browser |
/// | `DAPR_PUBSUB` | `pubsub` | the name of the pub/sub component |
/// | `DAPR_BULK` | off | how many events the sidecar may deliver at once, 2–1000 |
/// | `DAPR_SCHEDULE` | each full minute | when the job of a function that takes ticks is due, as the Jobs API has it (`*/10 * * * * *`, `@every 1m`); `binding`: no job, a cron binding ticks |
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) sidecar: Sidecar,
    pub(super) pubsub: String,
    pub(super) token: Option<Token>,
    pub(super) bulk: Option<u32>,
    pub(super) schedule: Option<String>,
}

/// A secret, shown by no message.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Settings {
    /// Reads the settings; `None` without `DAPR_HTTP_PORT`.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>, ConfigError> {
        if environment.get("DAPR_HTTP_PORT")?.is_none() {
            return Ok(None);
        }
        let schedule = environment.get("DAPR_SCHEDULE")?.unwrap_or_else(|| SCHEDULE.to_owned());
        Ok(Some(Self {
            sidecar: Sidecar::from_environment(environment)?,
            pubsub: pubsub(environment)?,
            token: environment.get("APP_API_TOKEN")?.map(Token),
            bulk: bulk(environment)?,
            schedule: Some(schedule).filter(|schedule| schedule != BINDING),
        }))
    }

    /// Gives the sidecar.
    pub fn sidecar(&self) -> &Sidecar {
        &self.sidecar
    }

    /// Gives the name of the pub/sub component.
    pub fn pubsub(&self) -> &str {
        &self.pubsub
    }
}

fn pubsub(environment: &Environment) -> Result<String, ConfigError> {
    let Some(value) = environment.get("DAPR_PUBSUB")? else { return Ok("pubsub".to_owned()) };
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
        return Ok(value);
    }
    let (name, allowed) = ("DAPR_PUBSUB".to_owned(), "the name of a component, such as pubsub".to_owned());
    Err(ConfigError::Invalid { name, value, allowed })
}

fn bulk(environment: &Environment) -> Result<Option<u32>, ConfigError> {
    let allowed = "a number from 2 to 1000";
    match environment.parse::<u32>("DAPR_BULK", allowed)? {
        Some(count) if !(2..=1000).contains(&count) => {
            let (name, allowed) = ("DAPR_BULK".to_owned(), allowed.to_owned());
            Err(ConfigError::Invalid { name, value: count.to_string(), allowed })
        }
        bulk => Ok(bulk),
    }
}
