//! Secrets out of AWS Secrets Manager, by its own API.
//!
//! Not through the Parameters and Secrets Extension of Lambda: that starts beside the function and need not be ready when settings are
//! read, and what it remembers, for five minutes, may be the password that was just refused.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use aws_config::{BehaviorVersion, ConfigLoader, Region, timeout::TimeoutConfig};
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use serde_json::{Map, Value};

use super::{AWS_SECRETS, IN_AWS, Source};
use crate::{
    ask::chain,
    config::{ConfigError, Environment},
    percent::encode,
};

const DATABASE_URL: &str = "DATABASE_URL";
/// How long AWS may take for a secret, tries included.
const PATIENCE: Duration = Duration::from_secs(10);

/// A secret, which can be asked for again.
pub(crate) struct Kept {
    client: Client,
    id: String,
    /// `DATABASE_URL` as the environment has it, for a secret that holds a user and a password for it.
    database: Option<String>,
}

/// What a secret is good for.
enum Held {
    /// Settings by their names.
    Settings(BTreeMap<&'static str, String>),
    /// `DATABASE_URL` with the user and the password put in.
    Login(String),
}

impl Kept {
    async fn held(&self) -> anyhow::Result<Held> {
        let asked = self.client.get_secret_value().secret_id(&self.id).send().await;
        let found = asked.map_err(|error| match (error.code(), error.message()) {
            (Some(code), message) => anyhow!("{code}: {}", message.unwrap_or("AWS says no more")),
            // No answer, or no credentials. Not as the SDK shows errors, which is with the answer.
            _ => anyhow!("{}", chain(&error)),
        })?;
        let text = found.secret_string().context("it is binary; it must be a JSON object")?;
        // The parser's words may quote it.
        let Ok(members) = serde_json::from_str::<Map<String, Value>>(text) else {
            bail!("it is no JSON object")
        };
        let member = |name: &str| members.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        let settings: BTreeMap<_, _> =
            IN_AWS.iter().filter_map(|name| Some((*name, member(name)?.to_owned()))).collect();
        if !settings.is_empty() {
            return Ok(Held::Settings(settings));
        }
        let (Some(user), Some(password)) = (member("username"), member("password")) else {
            bail!(
                "none of its members is a text that is named like a setting it may hold, such as DATABASE_URL"
            )
        };
        let database = self.database.as_deref().context(
            "it holds a username and a password, for which DATABASE_URL must say where the database is",
        )?;
        Ok(Held::Login(with_login(database, user, password)?))
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<String>, String> {
        Ok(match self.held().await.map_err(|error| self.because(&error))? {
            Held::Settings(mut settings) => settings.remove(name),
            Held::Login(url) => Some(url).filter(|_| name == DATABASE_URL),
        })
    }

    fn because(&self, error: &anyhow::Error) -> String {
        let why = format!("{error:#}").replace(['\n', '\r'], " ");
        format!("{AWS_SECRETS} names {:?}, which can not be used: {why}", self.id)
    }
}

/// Puts a user and a password into the URL of a database, which has none of its own.
fn with_login(url: &str, user: &str, password: &str) -> anyhow::Result<String> {
    let (scheme, rest) = url.split_once("://").context("DATABASE_URL is no URL")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    ensure!(!host.contains('@'), "DATABASE_URL names a user itself; it must only say where the database is");
    Ok(format!("{scheme}://{}:{}@{rest}", encode(user), encode(password)))
}

pub(super) async fn with_secrets(environment: Environment) -> anyhow::Result<Environment> {
    with_secrets_by(environment, || aws_config::defaults(BehaviorVersion::latest())).await
}

async fn with_secrets_by(
    environment: Environment,
    loader: impl Fn() -> ConfigLoader,
) -> anyhow::Result<Environment> {
    let Some(named) = environment.get(AWS_SECRETS)? else { return Ok(environment) };
    let (database, mut found) = (environment.get(DATABASE_URL)?, environment.clone());
    let mut login: Option<String> = None;
    for id in named.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let (id, database) = (id.to_owned(), database.clone());
        let kept = Arc::new(Kept { client: client(loader(), &id).await?, id, database });
        let held = kept.held().await.map_err(|error| anyhow!(kept.because(&error)))?;
        let settings = match held {
            // What the environment has is the other half of it.
            Held::Login(url) => {
                if let Some(first) = &login {
                    let (first, second) = (first.clone(), kept.id.clone());
                    return Err(ConfigError::TwoLogins { first, second }.into());
                }
                login = Some(kept.id.clone());
                found = found.with_secret(DATABASE_URL, &url, Source::Aws(kept));
                continue;
            }
            Held::Settings(settings) => settings,
        };
        for (name, value) in settings {
            if found.get(name)?.is_some() {
                let other = format!("the secret {:?} of {AWS_SECRETS}", kept.id);
                return Err(ConfigError::InBoth { name: name.to_owned(), other }.into());
            }
            found = found.with_secret(name, &value, Source::Aws(Arc::clone(&kept)));
        }
    }
    Ok(found)
}

/// Makes a client; the region is that of the ARN, if the secret is named by one.
async fn client(loader: ConfigLoader, id: &str) -> anyhow::Result<Client> {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let loader = loader
        .http_client(https)
        .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build());
    let loader = match id.split(':').nth(3).filter(|_| id.starts_with("arn:")) {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    };
    let config = loader.load().await;
    ensure!(config.region().is_some(), "AWS_REGION is not set; it must be the region of the secret {id:?}");
    Ok(Client::new(&config))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_credential_types::Credentials;
    use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:kaam/db-a1b2c3";

    /// Secrets by their names.
    type Secrets = Arc<Mutex<BTreeMap<&'static str, Value>>>;

    /// Secrets Manager's `GetSecretValue`, as its reference describes it.
    async fn get_secret_value(
        State(secrets): State<Secrets>,
        headers: HeaderMap,
        body: axum::body::Bytes,
    ) -> (StatusCode, Json<Value>) {
        let refuse = |code: &str, message: &str| {
            (StatusCode::BAD_REQUEST, Json(json!({"__type": code, "message": message})))
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scope = "/eu-west-1/secretsmanager/aws4_request";
        let signed = header("authorization");
        if !signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || !signed.contains(scope) {
            return refuse(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            );
        }
        if header("x-amz-target") != "secretsmanager.GetSecretValue"
            || header("content-type") != "application/x-amz-json-1.1"
        {
            return refuse("UnknownOperationException", "");
        }
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = asked["SecretId"].as_str().unwrap_or_default();
        if id == "kaam/forbidden" {
            return refuse(
                "AccessDeniedException",
                "not authorized to perform: secretsmanager:GetSecretValue",
            );
        }
        match secrets.lock().expect("nobody panicked").get(id) {
            None => refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
            Some(Value::Null) => {
                (StatusCode::OK, Json(json!({"ARN": ARN, "Name": id, "SecretBinary": "AAEC"})))
            }
            Some(secret) => {
                let text = secret.as_str().map_or_else(|| secret.to_string(), str::to_owned);
                (StatusCode::OK, Json(json!({"ARN": ARN, "Name": id, "SecretString": text})))
            }
        }
    }

    async fn manager(secrets: &Secrets) -> String {
        let router = Router::new().route("/", post(get_secret_value)).with_state(Arc::clone(secrets));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn read(url: &str, pairs: &[(&str, &str)]) -> Result<Environment, String> {
        let loader = || {
            aws_config::defaults(BehaviorVersion::latest())
                .endpoint_url(url)
                .region(Region::new("eu-west-1"))
                .credentials_provider(Credentials::new("AKIDEXAMPLE", "s3cret-key", None, None, "test"))
        };
        let environment = Environment::from_pairs(pairs.iter().copied());
        with_secrets_by(environment, loader).await.map_err(|error| format!("{error:#}"))
    }

    fn get(environment: &Environment, name: &str) -> Option<String> {
        environment.get(name).expect("it can be read")
    }

    #[tokio::test]
    async fn members_of_a_secret_are_settings_and_others_are_not_looked_at() {
        let secrets = Secrets::default();
        secrets.lock().expect("nobody panicked").extend([
            (ARN, json!({"DATABASE_URL": "postgres://kaam:s3cret@db/kaam", "PORT": "1", "note": 7})),
            ("kaam/mail", json!({"SMTP_URL": "smtps://kaam:s3cret@mail", "SENDGRID_API_KEY": ""})),
        ]);
        let url = manager(&secrets).await;
        let named = format!("{ARN}, kaam/mail");
        let environment = read(&url, &[(AWS_SECRETS, &named)]).await.expect("they are there");
        assert_eq!(get(&environment, DATABASE_URL).as_deref(), Some("postgres://kaam:s3cret@db/kaam"));
        assert_eq!(get(&environment, "SMTP_URL").as_deref(), Some("smtps://kaam:s3cret@mail"));
        assert_eq!((get(&environment, "PORT"), get(&environment, "SENDGRID_API_KEY")), (None, None));
        assert!(!format!("{environment:?}").contains("s3cret"), "{environment:?}");
        assert!(read(&url, &[]).await.is_ok_and(|environment| get(&environment, DATABASE_URL).is_none()));
    }

    #[tokio::test]
    async fn what_leads_to_kafka_can_be_in_a_secret_whole() {
        let secrets = Secrets::default();
        let names = ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_CA", "KAFKA_CERT", "KAFKA_KEY"];
        let held: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!("s3cret"))).collect();
        secrets.lock().expect("nobody panicked").insert("kafka", held.into());
        let url = manager(&secrets).await;
        let environment = read(&url, &[(AWS_SECRETS, "kafka")]).await.expect("it is there");
        assert_eq!(
            names.map(|name| get(&environment, name)),
            ["s3cret"; 5].map(|text| Some(text.to_owned()))
        );
    }

    #[tokio::test]
    async fn a_password_that_was_rotated_is_asked_for_once_it_is_refused() {
        let secrets = Secrets::default();
        let login = |password: &str| json!({"username": "kaam", "password": password, "engine": "postgres"});
        secrets.lock().expect("nobody panicked").insert("rds!db", login("s3cret/1"));
        let url = manager(&secrets).await;
        let database = (DATABASE_URL, "postgres://db:5432/kaam?sslmode=verify-full");
        let environment = read(&url, &[(AWS_SECRETS, "rds!db"), database]).await.expect("it is there");
        let first = get(&environment, DATABASE_URL).expect("a URL");
        assert_eq!(first, "postgres://kaam:s3cret%2F1@db:5432/kaam?sslmode=verify-full");
        let renewal = environment.renewal(DATABASE_URL).expect("a setting");
        secrets.lock().expect("nobody panicked").insert("rds!db", login("s3cret/2"));
        assert_eq!(renewal.newer(&first, false).await, None, "it was not refused");
        let second = renewal.newer(&first, true).await.expect("another");
        assert_eq!(second, "postgres://kaam:s3cret%2F2@db:5432/kaam?sslmode=verify-full");
        assert_eq!(renewal.newer(&second, true).await, None, "it was asked a moment ago");
        assert!(!format!("{renewal:?}").contains("s3cret"), "{renewal:?}");
    }

    #[tokio::test]
    async fn a_secret_that_can_not_be_used_stops_the_start_with_one_line_that_names_it_and_says_why() {
        let secrets = Secrets::default();
        secrets.lock().expect("nobody panicked").extend([
            ("kaam/text", json!("s3cret")),
            ("kaam/other", json!({"password": "s3cret"})),
            ("kaam/login", json!({"username": "kaam", "password": "s3cret"})),
            ("kaam/other-login", json!({"username": "other", "password": "s3cret"})),
            ("kaam/db", json!({"DATABASE_URL": "postgres://kaam:s3cret@db/kaam"})),
            ("kaam/binary", Value::Null),
        ]);
        let url = manager(&secrets).await;
        let elsewhere = (DATABASE_URL, "postgres://me@elsewhere/kaam");
        for (id, more, said) in [
            ("kaam/nowhere", None, "ResourceNotFoundException: Secrets Manager can't find"),
            ("kaam/forbidden", None, "AccessDeniedException: not authorized"),
            ("kaam/text", None, "no JSON object"),
            ("kaam/binary", None, "binary"),
            ("kaam/other", None, "DATABASE_URL"),
            ("kaam/login", None, "DATABASE_URL must say where"),
            ("kaam/login", Some(elsewhere), "DATABASE_URL names a user itself"),
            ("kaam/db", Some(elsewhere), "DATABASE_URL and the secret"),
        ] {
            let pairs: Vec<_> = [(AWS_SECRETS, id)].into_iter().chain(more).collect();
            let line = read(&url, &pairs).await.expect_err(id);
            assert!(line.contains(AWS_SECRETS) && line.contains(id) && line.contains(said), "{line}");
            assert!(!line.contains("s3cret") && !line.contains('\n'), "{line}");
        }
        let both = [(AWS_SECRETS, "kaam/login,kaam/other-login"), (DATABASE_URL, "postgres://db/kaam")];
        let line = read(&url, &both).await.expect_err("there are two users");
        assert!(
            ["DATABASE_URL", "kaam/login\"", "kaam/other-login"].iter().all(|said| line.contains(said)),
            "{line}"
        );
        let line = read("http://127.0.0.1:1", &[(AWS_SECRETS, "kaam/db")]).await.expect_err("nobody");
        assert!(line.starts_with("AWS_SECRETS names \"kaam/db\"") && !line.contains('\n'), "{line}");
    }
}
