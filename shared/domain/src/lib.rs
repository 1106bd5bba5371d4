//! The functional core of Kaam: tasks, due times, recurrence, reminders, settings.
//!
//! Place in the map: everybody may know this crate, it knows nobody. It must *not* know the clock, randomness, the
//! environment, I/O, SQL, JSON or HTTP: instants and identifiers arrive as arguments, decisions return new values.
//! Values are parsed on construction, so that a [`task::Title`] is never blank and a [`recurrence::Rule`] never absurd.

pub mod due;
pub mod recurrence;
pub mod reminder;
pub mod series;
pub mod settings;
pub mod task;
pub mod zone;
