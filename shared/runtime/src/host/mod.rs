//! Where a function runs: the only `match` on the host.
//!
//! The HTTP server of a container, of Knative or of a laptop is always there; AWS Lambda is with the Cargo feature `lambda`.
//! Dapr and the Kafka worker become modules beside them, and arms of [`Host::from_environment`].

#[cfg(feature = "lambda")]
pub(crate) mod lambda;
pub mod server;

use crate::config::{ConfigError, Environment};

/// The variable by which AWS Lambda is known.
const LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";
/// The variables by which other hosts are known; none of them is served yet.
const OTHERS: [&str; 2] = ["KAFKA_BROKERS", "DAPR_HTTP_PORT"];

/// What stands between the world and the routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An HTTP server on `HOST` and `PORT`.
    Server,
    /// AWS Lambda.
    #[cfg(feature = "lambda")]
    Lambda,
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
        for name in OTHERS.into_iter().filter(|name| !own.contains(name)) {
            if let Some(value) = environment.get(name)? {
                return Err(ConfigError::NotInThisVersion {
                    name: name.to_owned(),
                    value,
                    instead: "unset it: this version only serves over HTTP".to_owned(),
                });
            }
        }
        Self::lambda_or_server(environment)
    }

    #[cfg(feature = "lambda")]
    fn lambda_or_server(environment: &Environment) -> Result<Host, ConfigError> {
        if environment.get(LAMBDA)?.is_none() {
            return Ok(Host::Server);
        }
        lambda::check(environment)?;
        Ok(Host::Lambda)
    }

    #[cfg(not(feature = "lambda"))]
    fn lambda_or_server(environment: &Environment) -> Result<Host, ConfigError> {
        let Some(value) = environment.get(LAMBDA)? else { return Ok(Host::Server) };
        Err(ConfigError::NotInThisVersion {
            name: LAMBDA.to_owned(),
            value,
            instead: "this program was built without the Cargo feature `lambda`".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_host_is_refused_by_the_name_of_its_variable() {
        for name in OTHERS {
            let environment = Environment::from_pairs([(name, "x")]);
            let message = Host::from_environment(&environment).expect_err(name).to_string();
            assert!(message.starts_with(name) && message.contains("only serves over HTTP"), "{message}");
        }
        assert_eq!(Host::from_environment(&Environment::default()).expect("a host"), Host::Server);
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
        assert_eq!(Host::from_environment(&Environment::from_pairs(all)).expect("a host"), Host::Lambda);
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
        assert_eq!(Host::from_environment_but(&OTHERS, &both).expect("a host"), Host::Server);
        let refused = Host::from_environment_but(&OTHERS[1..], &both).expect_err("the first").to_string();
        assert!(refused.starts_with(OTHERS[0]), "{refused}");
    }
}
