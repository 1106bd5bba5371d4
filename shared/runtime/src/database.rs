//! What functions that keep data read from the environment.

use crate::{config::ConfigError, main::Start};

/// The default of `DATABASE_CONNECTIONS`: small, because many instances share one database.
const CONNECTIONS: u32 = 4;

impl Start {
    /// Gives `DATABASE_URL`, or the contents of the file that `DATABASE_URL_FILE` names.
    ///
    /// # Errors
    /// When neither is set.
    pub fn database_url(&self) -> Result<String, ConfigError> {
        self.environment.require("DATABASE_URL", "a PostgreSQL URL such as postgres://kaam@localhost/kaam")
    }

    /// Gives `DATABASE_CONNECTIONS`: the most connections of one instance, 1–100; default 4.
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

    /// Gives what is to be called after each commit that left an event in the outbox: it wakes the relay, and returns at once.
    pub fn committed(&self) -> impl Fn() + Send + Sync + 'static {
        let poke = self.poke.clone();
        move || poke.wake()
    }
}
