//! The function as its users see it: over HTTP, on a real PostgreSQL, with a clock that stands still.

mod acts;
mod astray;
mod bodies;
mod claims;
mod confirmations;
mod creations;
mod destructive;
mod languages;
mod queries;
mod safety;
mod snoozes;
mod urdu;
mod user;
