//! Settings that are secrets, out of a store of secrets, and what becomes of them while the process runs.

mod dapr;
mod renewal;

use crate::config::Environment;

pub use renewal::Renewal;
pub(crate) use renewal::Source;

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
    dapr::with_secrets(environment).await
}
