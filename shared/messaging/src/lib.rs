//! How events leave the outbox: publishers.
//!
//! Place in the map: `relay-events` and `backend` call it; it knows `events`. It must *not* know the database, tasks, or what
//! subscribers do with what they get.

pub mod in_process;

use std::time::Duration;

use events::Event;

pub use in_process::{InProcess, Subscriber};

/// What became of an event that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// Whoever takes it from here has it safely.
    Done,
    /// It did not work this time.
    Retry {
        /// The shortest wait before the next try, if one was wished for.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
    /// It comes again as soon as an earlier event of its key, which is to be tried again, has got through or been given up. That
    /// is no attempt.
    Waits,
    /// It can never work.
    Never {
        /// Why.
        why: String,
    },
}

/// Where events go. More kinds of bus are more variants.
#[derive(Debug, Clone)]
pub enum Publisher {
    /// To the other functions of the same process.
    InProcess(InProcess),
}

impl Publisher {
    /// Hands events over, in order; says what became of each. Of a key whose event is to be tried again, the later ones wait, so
    /// that the key's order is kept.
    pub async fn publish(&self, events: &[Event]) -> Vec<Published> {
        match self {
            Self::InProcess(bus) => bus.publish(events).await,
        }
    }
}
