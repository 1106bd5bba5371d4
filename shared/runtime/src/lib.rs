//! The functions framework: every trigger is an HTTP request to an axum `Router`, and this crate stands between that
//! router and the world.
//!
//! A function is a library that exports a [`function::Function`]; its `main.rs` is one call of [`main::run`]. What a
//! request needs before the first line of an operation (identity, correlation, strict JSON, preconditions) are
//! extractors here; what it needs afterwards (problem details, one log line, metrics, graceful shutdown) are layers.
//!
//! | module | gives |
//! |---|---|
//! | [`main`], [`config`], [`secrets`], [`telemetry`], [`host`] | the start of a process, and the only `match` on where it runs |
//! | [`function`], [`triggers`], [`disposition`] | what a function is: an API, events, ticks, and its answers |
//! | [`request`], [`user`], [`address`], [`json`], [`query`], [`path`], [`etag`], [`idempotency`] | extractors |
//! | [`auth`] | tokens: whose are believed, and those that sign-in makes |
//! | [`problem`], [`metrics`], [`limits`], [`rate_limit`] | how it answers, counts and bounds |
//! | [`html`], [`percent`] | texts as they may stand in HTML, and in URLs and keys |
//! | [`clock`], [`backoff`], [`poke`] | time and randomness, waiting, waking the relay |
//! | `kafka`, `host::worker` | the settings of a Kafka cluster and its consumer, with the Cargo feature `kafka` |
//! | [`dapr`] | calls of a Dapr sidecar; what it calls is `host::dapr` |
//! | [`http_client`] | calls of services outside |
//!
//! It knows no task and no SQL: nothing here may depend on `store`, `application` or a function.

pub mod address;
pub mod ask;
pub mod auth;
pub mod backoff;
pub mod clock;
pub mod config;
pub mod dapr;
pub mod database;
pub mod disposition;
pub mod etag;
pub mod function;
pub mod host;
pub mod html;
pub mod http_client;
pub mod idempotency;
pub mod json;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod limits;
pub mod metrics;
pub mod path;
pub mod percent;
pub mod poke;
pub mod problem;
pub mod query;
pub mod rate_limit;
pub mod request;
pub mod secrets;
pub mod telemetry;
pub mod triggers;
pub mod user;

mod headers;
mod invocation;
mod said;
mod start;
mod trace;

/// The `main` of every function, in one call.
pub mod main {
    pub use crate::said::{heard, say};
    pub use crate::start::{Start, healthy, one_line, run, run_with_own, tokio_runtime};
}
