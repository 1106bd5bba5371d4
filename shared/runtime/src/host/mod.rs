//! Where a function runs: the only `match` on the host.
//!
//! This version has two hosts: the HTTP server of a container, of Knative or of a laptop, and, with the Cargo feature `kafka`, a worker
//! that consumes from Kafka. Lambda and Dapr become modules beside them, and arms of [`Host::from_environment`].

pub mod server;
#[cfg(feature = "kafka")]
pub mod worker;

use crate::config::{ConfigError, Environment};

/// The variables by which other hosts are known; none of them is served yet.
const OTHERS: [&str; 3] = ["AWS_LAMBDA_RUNTIME_API", "KAFKA_BROKERS", "DAPR_HTTP_PORT"];

/// What stands between the world and the routers.
#[derive(Clone, Debug)]
pub enum Host {
    /// An HTTP server on `HOST` and `PORT`.
    Server,
    /// The same, and a consumer group that takes the events: `KAFKA_BROKERS`.
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
        Ok(host)
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
