//! What `backend` and the tests need to run the real thing on one machine: a private PostgreSQL, a Kafka broker, Dapr sidecars.
//!
//! Used by `backend` (the embedded default) and by tests. It knows no task, no event and no table: schemas
//! are handed in as a callback. Its settings are arguments, never environment variables.

pub mod dapr;
pub mod kafka;
pub mod postgres;
pub mod testing;
