//! What crosses functions, each test with a database of its own.

mod api_create;
mod api_idempotency;
mod api_list;
mod api_settings;
mod api_update;
mod architecture;
mod audit;
mod bad_input;
mod dead_letters;
mod delivery;
mod digest;
mod events;
mod faults;
mod fuzz;
mod isolation;
mod kill;
mod links;
mod mail;
mod openapi;
mod processes;
mod reminders;
mod scale;
mod series;
mod snooze;
mod time_and_recurrence;
mod undo;
