//! The HTTP server: functions composed into one router, and a listener before it.

mod answers;
mod app;
mod connection;
mod cors;
mod door;
mod drain;
mod health;
mod hygiene;
mod layers;
mod listen;
mod openapi;
mod signals;

pub use app::App;
pub use cors::Origins;
pub use listen::{ServeError, serve};
pub use signals::{hangup, shutdown_signal};
