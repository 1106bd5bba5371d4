//! Where a function runs: the only `match` on the host.
//!
//! The HTTP server of a container, of Knative or of a laptop is always there; AWS Lambda is with the Cargo feature `lambda`, and a
//! worker that consumes from Kafka with `kafka`. Beside a Dapr sidecar the server has the routes that the sidecar calls.

pub mod dapr;
#[cfg(feature = "lambda")]
pub(crate) mod lambda;
pub mod server;
#[cfg(feature = "kafka")]
pub mod worker;

use crate::config::{ConfigError, Environment};

/// The variable by which AWS Lambda is known.
pub(crate) const LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";
/// The variable by which a worker is known. A function that neither publishes nor takes events refuses it.
const KAFKA: &str = "KAFKA_BROKERS";

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
    /// An HTTP server, and a Dapr sidecar that brings events and ticks to it: `DAPR_HTTP_PORT`.
    Dapr(Box<dapr::Settings>),
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
        if !own.contains(&KAFKA)
            && let Some(value) = environment.get(KAFKA)?
        {
            host = worker(environment)?.ok_or_else(|| ConfigError::NotInThisVersion {
                name: KAFKA.to_owned(),
                value,
                instead: "unset it: this function only serves over HTTP".to_owned(),
            })?;
        }
        // Where there is a sidecar, it brings the events, from whichever bus.
        if let Some(settings) = dapr::Settings::from_environment(environment)? {
            host = Host::Dapr(Box::new(settings));
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

/// Gives the host of a worker, if there is one here; where Knative or a sink brings the events, one that is served.
#[cfg(feature = "kafka")]
fn worker(environment: &Environment) -> Result<Option<Host>, ConfigError> {
    for bringer in ["K_SERVICE", "K_SINK"] {
        if environment.get(bringer)?.is_some() {
            return Ok(Some(Host::Server));
        }
    }
    Ok(crate::kafka::Settings::from_environment(environment)?.map(Host::Worker))
}

#[cfg(not(feature = "kafka"))]
fn worker(_: &Environment) -> Result<Option<Host>, ConfigError> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_can_not_be_used_are_refused_by_the_name_of_their_variable() {
        let environment = Environment::from_pairs([(KAFKA, "x")]);
        let message = Host::from_environment(&environment).expect_err("a worker").to_string();
        let is_told = message.contains("only serves over HTTP") || cfg!(feature = "kafka");
        assert!(message.starts_with(KAFKA) && is_told, "{message}");
        assert!(matches!(Host::from_environment_but(&[KAFKA], &environment), Ok(Host::Server)));
        assert!(matches!(Host::from_environment(&Environment::default()), Ok(Host::Server)));
    }

    #[test]
    fn a_port_of_a_sidecar_makes_every_function_its_neighbour() {
        let host = |pairs: &[(&str, &str)]| {
            let host = Host::from_environment(&Environment::from_pairs(pairs.iter().copied()));
            host.map_err(|error| error.to_string())
        };
        let port = ("DAPR_HTTP_PORT", "3500");
        assert!(matches!(host(&[port]), Ok(Host::Dapr(_))));
        assert!(matches!(host(&[port, ("K_SERVICE", "write-audit")]), Ok(Host::Dapr(_))));
        for (name, value) in
            [("DAPR_HTTP_PORT", "x"), ("DAPR_PUBSUB", "a/b"), ("DAPR_BULK", "1"), ("DAPR_BULK", "x")]
        {
            let said = host(&[port, (name, value)][usize::from(name == port.0)..]).expect_err(name);
            assert!(said.starts_with(name) && said.contains(value), "{said}");
        }
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

    #[cfg(feature = "kafka")]
    #[test]
    fn brokers_make_a_worker_unless_knative_brings_the_events() {
        let brokers = ("KAFKA_BROKERS", "localhost:9092");
        let host = |pairs: &[(&str, &str)]| {
            Host::from_environment(&Environment::from_pairs(pairs.iter().copied())).expect("a host")
        };
        assert!(matches!(host(&[brokers]), Host::Worker(_)));
        assert!(matches!(host(&[brokers, ("DAPR_HTTP_PORT", "3500")]), Host::Dapr(_)));
        assert!(matches!(host(&[brokers, ("K_SERVICE", "write-audit")]), Host::Server));
        assert!(matches!(host(&[brokers, ("K_SINK", "http://broker/")]), Host::Server));
        assert!(matches!(host(&[("K_SERVICE", "write-audit")]), Host::Server));
    }
}
