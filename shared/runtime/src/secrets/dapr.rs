//! Secrets out of a secret store behind a Dapr sidecar.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;

use super::Source;
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

/// A secret of the store, which can be asked for again.
pub(crate) struct Stored {
    sidecar: Sidecar,
    store: String,
    secret: &'static str,
    names: &'static [&'static str],
}

impl Stored {
    async fn values(&self) -> Result<BTreeMap<&'static str, String>, Error> {
        let values = self.sidecar.secret(&self.store, self.secret).await?;
        let value_of = |position: usize, name: &str| {
            let alone = || values.get(self.secret).filter(|_| position == 0);
            values.get(name).or_else(alone).filter(|value| !value.is_empty()).cloned()
        };
        let names = self.names.iter().enumerate();
        Ok(names.filter_map(|(position, name)| Some((*name, value_of(position, name)?))).collect())
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<String>, String> {
        let mut values = self.values().await.map_err(|error| error.to_string())?;
        Ok(values.remove(name))
    }
}

pub(super) async fn with_secrets(environment: Environment) -> anyhow::Result<Environment> {
    with_secrets_soon(environment, PATIENCE).await
}

async fn with_secrets_soon(mut environment: Environment, patience: Duration) -> anyhow::Result<Environment> {
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
        let stored = Arc::new(Stored { sidecar: sidecar.clone(), store: store.clone(), secret, names });
        let values = loop {
            match stored.values().await {
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
        for (name, value) in values {
            environment = environment.with_secret(name, &value, Source::Dapr(Arc::clone(&stored)));
        }
    }
    Ok(environment)
}

/// Says whether there is no such secret, or none for this app; a store can not say that otherwise than by an error of its own. Not so
/// when the store is missing, perhaps because the sidecar has not read its components yet, or when we are refused or too early.
fn is_none(status: u16, code: &str) -> bool {
    status == 403 || status == 404 || status == 500 && code.contains("SECRET_GET")
}

#[cfg(test)]
mod tests {
    use axum::{
        Json, Router,
        body::Body,
        http::{Request, StatusCode},
    };
    use serde_json::{Value, json};

    use super::*;

    /// Starts a sidecar that has these secrets, of the store `vault`; gives its port.
    async fn vault(secrets: Value) -> String {
        let answer = async move |request: Request<Body>| {
            let path = request.uri().path();
            let (status, body) = match path.strip_prefix("/v1.0/secrets/vault/") {
                None => (StatusCode::UNAUTHORIZED, json!({"errorCode": "ERR_SECRET_STORE_NOT_FOUND"})),
                Some(name) => match secrets.get(name) {
                    Some(secret) => (StatusCode::OK, secret.clone()),
                    None => (StatusCode::FORBIDDEN, json!({"errorCode": "ERR_PERMISSION_DENIED"})),
                },
            };
            (status, Json(body))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port().to_string();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        port
    }

    #[tokio::test]
    async fn settings_that_are_missing_are_asked_for_and_the_environment_wins() {
        let port = vault(json!({
            "db-credentials": {"db-credentials": "postgres://kaam@db/kaam"},
            "email-credentials": {"SMTP_URL": "smtp://mail", "SENDGRID_API_KEY": "", "OTHER": "x"},
        }))
        .await;
        let read = async |pairs: &[(&str, &str)]| {
            let own = [("DAPR_HTTP_PORT", port.as_str())].into_iter().chain(pairs.iter().copied());
            let environment = with_secrets_soon(Environment::from_pairs(own), Duration::ZERO).await;
            environment.map_err(|error| format!("{error:#}"))
        };
        let names = ["DATABASE_URL", "SMTP_URL", "SENDGRID_API_KEY", "OLLAMA_URL", "OTHER"];
        let values =
            |environment: Environment| names.map(|name| environment.get(name).expect("it is a text"));
        let store = ("DAPR_SECRET_STORE", "vault");
        let (url, mail) = (Some("postgres://kaam@db/kaam".to_owned()), Some("smtp://mail".to_owned()));
        let all = values(read(&[store]).await.expect("they are there"));
        assert_eq!(all, [url.clone(), mail, None, None, None]);
        let own = values(read(&[store, ("SENDGRID_API_KEY", "own")]).await.expect("they are there"));
        assert_eq!(own, [url, None, Some("own".to_owned()), None, None], "no two mail services");
        assert_eq!(values(read(&[]).await.expect("nothing is asked for")), [const { None }; 5]);
        let said = read(&[("DAPR_SECRET_STORE", "other")]).await.expect_err("there is no such store");
        assert!(
            said.starts_with("DAPR_SECRET_STORE is \"other\"") && said.contains("ERR_SECRET_STORE_NOT_FOUND"),
            "{said}"
        );
        let pairs = [store, ("DAPR_HTTP_PORT", "1")];
        let nobody = with_secrets_soon(Environment::from_pairs(pairs), Duration::ZERO).await;
        let said = format!("{:#}", nobody.expect_err("there is no sidecar"));
        assert!(said.contains("gives no answer"), "{said}");
        let alone = with_secrets_soon(Environment::from_pairs([store]), Duration::ZERO).await;
        let said = format!("{:#}", alone.expect_err("there is no port"));
        assert!(said.starts_with("DAPR_HTTP_PORT is not set"), "{said}");
    }
}
