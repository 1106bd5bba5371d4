//! What crosses functions, each test with a database of its own.

mod api_create;
mod api_idempotency;
mod api_list;
mod api_settings;
mod api_update;
mod architecture;
mod isolation;
mod kill;
