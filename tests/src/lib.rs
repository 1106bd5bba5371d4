//! What tests of the whole stand on: a world in the test's own process with a clock that it turns, and the real program as a
//! process of its own.

pub mod broker;
pub mod bus;
pub mod cargo_lambda;
pub mod daprd;
pub mod database;
pub mod dice;
pub mod event_source;
pub mod fleet;
pub mod gate;
pub mod issuer;
pub mod kafka;
pub mod knative;
pub mod lambda;
pub mod ollama;
pub mod pgbouncer;
pub mod plan;
pub mod process;
pub mod push_service;
pub mod roles;
pub mod sendgrid;
#[cfg(feature = "aws")]
pub mod ses;
pub mod smtp;
pub mod unreliable_smtp;
pub mod updates;
pub mod wire;
pub mod world;
