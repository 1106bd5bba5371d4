//! How events leave the outbox: publishers.
//!
//! Place in the map: `relay-events` and `backend` call it; it knows `events`. It must *not* know the database, tasks, or what
//! subscribers do with what they get.

pub mod dapr;
pub mod in_process;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod sink;

mod keys;

use std::error::Error;
use std::time::Duration;

use events::StoredEvent;

pub use dapr::Dapr;
pub use in_process::{InProcess, Subscriber};
#[cfg(feature = "kafka")]
pub use kafka::Kafka;
pub use sink::Sink;

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
    /// The bus, or what a subscriber needs, is away, which is no fault of the event's: it comes again, and that was no attempt.
    Unavailable {
        /// The shortest wait before the next try, if one was wished for.
        after: Option<Duration>,
        /// What is away.
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

impl Published {
    /// Tells whether the event is to be tried again, so that the later ones of its key have to wait.
    fn is_to_come_again(&self) -> bool {
        matches!(self, Self::Retry { .. } | Self::Unavailable { .. })
    }
}

/// Makes the outcome of one event the worse of two: a retry outweighs a rejection, for the one who can still take it must get it;
/// what is away outweighs a retry, for nobody may lose an event by another's attempts; all outweigh success.
fn worsen(outcome: &mut Published, other: Published) {
    let rank = |published: &Published| match published {
        Published::Done => 0,
        Published::Never { .. } => 1,
        Published::Waits => 2,
        Published::Retry { .. } => 3,
        Published::Unavailable { .. } => 4,
    };
    if rank(&other) > rank(outcome) {
        *outcome = other;
    }
}

/// Gives an error with all its causes, as one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Where events go. More kinds of bus are more variants.
#[derive(Debug, Clone)]
pub enum Publisher {
    /// To the other functions of the same process.
    InProcess(InProcess),
    /// To the sink of a Knative deployment, such as a broker.
    Sink(Box<Sink>),
    /// To the bus behind a Dapr sidecar.
    Dapr(Box<Dapr>),
    /// To a Kafka cluster.
    #[cfg(feature = "kafka")]
    Kafka(Box<Kafka>),
}

impl Publisher {
    /// Hands events over, in order; says what became of each. Of a key whose event is to be tried again, the later ones wait, so
    /// that the key's order is kept.
    pub async fn publish(&self, events: &[StoredEvent]) -> Vec<Published> {
        match self {
            Self::InProcess(bus) => bus.publish(events).await,
            Self::Sink(sink) => sink.publish(events).await,
            Self::Dapr(dapr) => dapr.publish(events).await,
            #[cfg(feature = "kafka")]
            Self::Kafka(kafka) => kafka.publish(events).await,
        }
    }
}
