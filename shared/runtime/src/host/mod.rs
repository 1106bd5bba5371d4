//! Where a function runs: the only `match` on the host.
//!
//! The HTTP server of a container, of Knative or of a laptop is always there; AWS Lambda is with the Cargo feature `lambda`, and a
//! worker that consumes from Kafka with `kafka`. Dapr becomes a module beside them, and an arm of [`Host::from_environment`].

#[cfg(feature = "lambda")]
pub(crate) mod lambda;
pub mod server;
#[cfg(feature = "kafka")]
pub mod worker;

use crate::config::{ConfigError, Environment};

/// The variable by which AWS Lambda is known.
const LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";
/// The variables by which other hosts are known; none of them is served yet.
const OTHERS: [&str; 2] = ["KAFKA_BROKERS", "DAPR_HTTP_PORT"];

/// What stands between the world and the routers.
#[derive(Clone, Debug)]
pub enum Host {
    /// An HTTP server on `HOST` and `PORT`.
    Server,
    /// AWS Lambda.
    #[cfg(feature = "lambda")]
    Lambda,
    /// An HTTP server, and a consumer group that takes the events: `KAFKA_BROKERS`.
    #[cfg(feature = "kafka")]
    Worker(crate::kafka::Settings),
}

impl Host {
    /// Finds the host from the environment.
    ///
    /// # Errors
    /// A variable asks for a host that this version does not have.
    pub fn from_environment(environment: &Environment) -> Result<Host, ConfigError> {
        Self::from_environment_but(&[], environment)
    }

    /// Does the same for a function that reads some of those variables itself, `own`, and refuses them itself.
    ///
    /// # Errors
    /// Another variable asks for a host that this version does not have.
    pub fn from_environment_but(own: &[&str], environment: &Environment) -> Result<Host, ConfigError> {
        let mut host = Host::Server;
        for name in OTHERS.into_iter().filter(|name| !own.contains(name)) {
            let Some(value) = environment.get(name)? else { continue };
            match other(name, environment)? {
                Some(found) => host = found,
                None => {
                    return Err(ConfigError::NotInThisVersion {
                        name: name.to_owned(),
                        value,
                        instead: "unset it: this function only serves over HTTP".to_owned(),
                    });
                }
            }
        }
        // Lambda brings events by itself, whatever else is set.
        Ok(Self::lambda(environment)?.unwrap_or(host))
    }

    #[cfg(feature = "lambda")]
    fn lambda(environment: &Environment) -> Result<Option<Host>, ConfigError> {
        if environment.get(LAMBDA)?.is_none() {
            return Ok(None);
        }
        lambda::check(environment)?;
        Ok(Some(Host::Lambda))
    }

    #[cfg(not(feature = "lambda"))]
    fn lambda(environment: &Environment) -> Result<Option<Host>, ConfigError> {
        let Some(value) = environment.get(LAMBDA)? else { return Ok(None) };
        Err(ConfigError::NotInThisVersion {
            name: LAMBDA.to_owned(),
            value,
            instead: "this program was built without the Cargo feature `lambda`".to_owned(),
        })
    }
}

/// Gives the host that a variable asks for, if there is one here. Where Knative or a sink brings the events, as one that is served.
#[cfg(feature = "kafka")]
fn other(name: &str, environment: &Environment) -> Result<Option<Host>, ConfigError> {
    if name != "KAFKA_BROKERS" {
        return Ok(None);
    }
    for bringer in ["K_SERVICE", "K_SINK"] {
        if environment.get(bringer)?.is_some() {
            return Ok(Some(Host::Server));
        }
    }
    Ok(crate::kafka::Settings::from_environment(environment)?.map(Host::Worker))
}

#[cfg(not(feature = "kafka"))]
fn other(_: &str, _: &Environment) -> Result<Option<Host>, ConfigError> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_host_is_refused_by_the_name_of_its_variable() {
        for name in OTHERS {
            let environment = Environment::from_pairs([(name, "x")]);
            let message = Host::from_environment(&environment).expect_err(name).to_string();
            let is_told = message.contains("only serves over HTTP") || cfg!(feature = "kafka");
            assert!(message.starts_with(name) && is_told, "{message}");
        }
        assert!(matches!(Host::from_environment(&Environment::default()), Ok(Host::Server)));
    }

    #[cfg(feature = "lambda")]
    #[test]
    fn lambda_is_known_by_its_variables_and_a_wrong_one_is_named() {
        let all = [
            (LAMBDA, "127.0.0.1:9001"),
            ("AWS_LAMBDA_FUNCTION_NAME", "create-task"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ];
        assert!(matches!(Host::from_environment(&Environment::from_pairs(all)), Ok(Host::Lambda)));
        for (position, value) in [(0, "nowhere"), (0, "a b"), (1, ""), (2, "much"), (2, ""), (3, "")] {
            let mut wrong = all;
            wrong[position].1 = value;
            let message =
                Host::from_environment(&Environment::from_pairs(wrong)).expect_err(value).to_string();
            assert!(message.starts_with(wrong[position].0), "{message}");
        }
    }

    #[cfg(not(feature = "lambda"))]
    #[test]
    fn without_its_feature_lambda_is_refused() {
        let environment = Environment::from_pairs([(LAMBDA, "127.0.0.1:9001")]);
        let message = Host::from_environment(&environment).expect_err("no such host").to_string();
        assert!(message.starts_with(LAMBDA) && message.contains("feature `lambda`"), "{message}");
    }

    #[test]
    fn a_function_may_read_such_a_variable_itself() {
        let both = Environment::from_pairs(OTHERS.map(|name| (name, "x")));
        assert!(matches!(Host::from_environment_but(&OTHERS, &both), Ok(Host::Server)));
        let refused = Host::from_environment_but(&OTHERS[1..], &both).expect_err("the first").to_string();
        assert!(refused.starts_with(OTHERS[0]), "{refused}");
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn brokers_make_a_worker_unless_knative_brings_the_events() {
        let brokers = ("KAFKA_BROKERS", "localhost:9092");
        let host = |pairs: &[(&str, &str)]| {
            Host::from_environment(&Environment::from_pairs(pairs.iter().copied())).expect("a host")
        };
        assert!(matches!(host(&[brokers]), Host::Worker(_)));
        assert!(matches!(host(&[brokers, ("K_SERVICE", "write-audit")]), Host::Server));
        assert!(matches!(host(&[brokers, ("K_SINK", "http://broker/")]), Host::Server));
        assert!(matches!(host(&[("K_SERVICE", "write-audit")]), Host::Server));
    }
}
