//! How events leave the outbox: publishers.
//!
//! Place in the map: `relay-events` and `backend` call it; it knows `events`. It must *not* know the database, tasks, or what
//! subscribers do with what they get.

pub mod dapr;
pub mod in_process;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod sink;

mod feed;
mod keys;
#[cfg(test)]
mod sample;

use std::error::Error;
use std::time::Duration;

use events::{Event, Weight};

pub use dapr::Dapr;
pub use in_process::{InProcess, Subscriber};
#[cfg(feature = "kafka")]
pub use kafka::Kafka;
pub use sink::Sink;

use feed::Bus as _;

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

    fn weight(&self) -> Weight {
        match self {
            Self::Done => Weight::Done,
            Self::Never { .. } => Weight::Never,
            Self::Waits => Weight::Waits,
            Self::Retry { .. } => Weight::Retry,
            Self::Unavailable { .. } => Weight::Unavailable,
        }
    }
}

fn unavailable(why: impl Into<String>) -> Published {
    Published::Unavailable { after: None, why: why.into() }
}

/// Makes the outcome of one event the heavier of two.
fn worsen(outcome: &mut Published, other: Published) {
    if other.weight() > outcome.weight() {
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
    pub async fn publish(&self, events: &[Event]) -> Vec<Published> {
        match self {
            Self::InProcess(bus) => bus.publish(events).await,
            Self::Sink(sink) => sink.publish(events).await,
            Self::Dapr(dapr) => dapr.publish(events).await,
            #[cfg(feature = "kafka")]
            Self::Kafka(kafka) => kafka.publish(events).await,
        }
    }

    /// Says how many messages of the feed `task-updates` wait for their topic; they are lost to it when the process ends.
    pub fn late(&self) -> usize {
        match self {
            Self::InProcess(_) => 0,
            Self::Sink(sink) => sink.feed().late(),
            Self::Dapr(dapr) => dapr.feed().late(),
            #[cfg(feature = "kafka")]
            Self::Kafka(kafka) => kafka.feed().late(),
        }
    }
}
