//! Settings that are secrets, out of a secret store behind the sidecar.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;

use crate::{
    clock::Stopwatch,
    config::Environment,
    dapr::{Error, Sidecar},
};

/// The secrets, and the variables that they hold by the same names. A secret of one value is the first.
const SECRETS: [(&str, &[&str]); 3] = [
    ("db-credentials", &["DATABASE_URL"]),
    ("email-credentials", &["SMTP_URL", "SENDGRID_API_KEY"]),
    ("ollama-config", &["OLLAMA_URL", "OLLAMA_MODEL"]),
];
/// How long a sidecar that starts beside this program, and its store, may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// Adds what the secret store `DAPR_SECRET_STORE` of the sidecar has, if that is set. A secret is asked for when none of its variables
/// is set, neither by value nor by file. One that is not there, or not for this app, is none: not every function needs each.
///
/// | secret | variables |
/// |---|---|
/// | `db-credentials` | `DATABASE_URL` |
/// | `email-credentials` | `SMTP_URL`, `SENDGRID_API_KEY` |
/// | `ollama-config` | `OLLAMA_URL`, `OLLAMA_MODEL` |
///
/// # Errors
/// A wrong setting; a sidecar that gives no answer, or does not know the store, for ten seconds.
pub async fn with_secrets(environment: Environment) -> anyhow::Result<Environment> {
    with_secrets_soon(environment, PATIENCE).await
}

pub(super) async fn with_secrets_soon(
    mut environment: Environment,
    patience: Duration,
) -> anyhow::Result<Environment> {
    let Some(store) = environment.get("DAPR_SECRET_STORE")? else { return Ok(environment) };
    let (sidecar, watch) = (Sidecar::from_environment(&environment)?, Stopwatch::start());
    for (secret, names) in SECRETS {
        let mut is_given = false;
        for name in names {
            is_given |= environment.get(name)?.is_some();
        }
        if is_given {
            continue;
        }
        let values = loop {
            match sidecar.secret(&store, secret).await {
                Ok(values) => break values,
                Err(Error::Refused { status, code }) if is_none(status, &code) => break BTreeMap::new(),
                Err(error) if watch.elapsed() >= patience => {
                    return Err(error).with_context(|| {
                        format!("DAPR_SECRET_STORE is {store:?}; the secret {secret} is not to be had")
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        for (position, name) in names.iter().enumerate() {
            let alone = || values.get(secret).filter(|_| position == 0);
            if let Some(value) = values.get(*name).or_else(alone).filter(|value| !value.is_empty()) {
                environment = environment.with(name, value);
            }
        }
    }
    Ok(environment)
}

/// Says whether there is no such secret, or none for this app; a store can not say that otherwise than by an error of its own. Not so
/// when the store is missing, perhaps because the sidecar has not read its components yet, or when we are refused or too early.
fn is_none(status: u16, code: &str) -> bool {
    status == 403 || status == 404 || status == 500 && code.contains("SECRET_GET")
}
