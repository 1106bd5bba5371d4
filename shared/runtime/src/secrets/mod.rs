//! Settings that are secrets, out of a store of secrets, and what becomes of them while the process runs.

#[cfg(feature = "aws")]
mod aws;
mod dapr;
mod renewal;

#[cfg(not(feature = "aws"))]
use crate::config::ConfigError;
use crate::config::Environment;

pub use renewal::Renewal;
pub(crate) use renewal::Source;

/// The setting that names secrets of AWS Secrets Manager.
const AWS_SECRETS: &str = "AWS_SECRETS";

/// The settings that a secret of AWS may hold, as members by their names: those that are secret, and what belongs to them.
#[cfg(any(feature = "aws", test))]
const IN_AWS: [&str; 22] = [
    "DATABASE_URL",
    "SMTP_URL",
    "SMTP_CA",
    "SENDGRID_API_KEY",
    "EMAIL_FROM",
    "LINK_SECRET",
    "SIGNING_KEY",
    "SIGNING_KEY_PREVIOUS",
    "JWT_SECRET",
    "EVENTS_TOKEN",
    "RELAY_TOKEN",
    "VAPID_PRIVATE_KEY",
    "VAPID_SUBJECT",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_CA",
    "KAFKA_CERT",
    "KAFKA_KEY",
    "OLLAMA_URL",
    "OLLAMA_MODEL",
    "DAPR_API_TOKEN",
    "APP_API_TOKEN",
];

/// Adds what stores of secrets have: those of `DAPR_SECRET_STORE`, a secret store of a Dapr sidecar, and of `AWS_SECRETS`, names or ARNs
/// in AWS Secrets Manager with commas between (needs the Cargo feature `aws`).
///
/// Dapr's is asked for a secret when none of its variables is set, neither by value nor by file. One that is not there, or not for this
/// app, is none: not every function needs each.
///
/// | secret of Dapr | variables |
/// |---|---|
/// | `db-credentials` | `DATABASE_URL` |
/// | `email-credentials` | `SMTP_URL`, `SENDGRID_API_KEY` |
/// | `ollama-config` | `OLLAMA_URL`, `OLLAMA_MODEL` |
///
/// A secret of AWS is a JSON object, whose members are settings by their own names (`{"DATABASE_URL": "postgres://…"}`; other members
/// are not looked at), or one of a database as Amazon RDS keeps it, of which `username` and `password` are put into `DATABASE_URL`.
///
/// # Errors
/// A wrong setting; a store that gives no answer for ten seconds; a secret of AWS that is not there, may not be read, holds no setting, or
/// one that is set already.
pub async fn with_secrets(environment: Environment) -> anyhow::Result<Environment> {
    let environment = dapr::with_secrets(environment).await?;
    from_aws(environment).await
}

#[cfg(feature = "aws")]
async fn from_aws(environment: Environment) -> anyhow::Result<Environment> {
    aws::with_secrets(environment).await
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with the feature it asks")]
async fn from_aws(environment: Environment) -> anyhow::Result<Environment> {
    match environment.get(AWS_SECRETS)? {
        None => Ok(environment),
        Some(value) => Err(ConfigError::NotInThisVersion {
            name: AWS_SECRETS.to_owned(),
            value,
            instead: "this program was built without the Cargo feature `aws`".to_owned(),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_just_what_a_secret_of_aws_may_hold() {
        let readme = include_str!("../../../../README.md");
        let (_, list) = readme.split_once("whose members are settings by their own names").expect("a list");
        let (_, list) = list.split_once("```\n\n").expect("an example first");
        let (list, _) = list.split_once(" are taken;").expect("its end");
        let named: Vec<_> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(named, IN_AWS);
    }

    #[cfg(not(feature = "aws"))]
    #[tokio::test]
    async fn without_its_feature_a_secret_of_aws_is_refused() {
        let asked = with_secrets(Environment::from_pairs([(AWS_SECRETS, "kaam/db")])).await;
        let said = format!("{:#}", asked.expect_err("there is nobody to ask"));
        assert!(said.starts_with("AWS_SECRETS is \"kaam/db\"") && said.contains("feature `aws`"), "{said}");
        assert!(with_secrets(Environment::default()).await.is_ok());
    }
}
