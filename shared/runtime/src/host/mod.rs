//! Where a function runs: the only `match` on the host.
//!
//! This version has one host, the HTTP server of a container, of Knative or of a laptop; Lambda, Dapr and the Kafka
//! worker become modules beside [`server`], and arms of [`Host::from_environment`].

pub mod server;

use crate::config::{ConfigError, Environment};

/// The variables by which other hosts are known; none of them is served yet.
const OTHERS: [&str; 3] = ["AWS_LAMBDA_RUNTIME_API", "KAFKA_BROKERS", "DAPR_HTTP_PORT"];

/// What stands between the world and the routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An HTTP server on `HOST` and `PORT`.
    Server,
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
        Ok(Host::Server)
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

    #[test]
    fn a_function_may_read_such_a_variable_itself() {
        let both = Environment::from_pairs(OTHERS.map(|name| (name, "x")));
        assert_eq!(Host::from_environment_but(&OTHERS, &both).expect("a host"), Host::Server);
        let refused = Host::from_environment_but(&OTHERS[1..], &both).expect_err("the first").to_string();
        assert!(refused.starts_with(OTHERS[0]), "{refused}");
    }
}
