//! A subscriber that takes every event and remembers it, so that a test can deliver it as it likes.

use std::sync::{Arc, Mutex, PoisonError};

use messaging::{InProcess, Published, Publisher, Subscriber};
use relay_events::{Outbox, Retention};
use runtime::metrics::Metrics;
use serde_json::Value;

use crate::world::World;

/// Every topic.
const TOPICS: &[&str] = &["task-events", "reminders", "task-updates", "audit-events"];

/// Remembers events in the order in which they came.
#[derive(Clone, Default, Debug)]
pub struct Recorder(Arc<Mutex<Vec<Value>>>);

impl Recorder {
    /// Gives the subscriber that takes them.
    pub fn subscriber(&self) -> Subscriber {
        let recorder = self.clone();
        Subscriber::new("recorder", TOPICS, move |events| {
            let recorder = recorder.clone();
            async move {
                let read = |event: &Vec<u8>| serde_json::from_slice(event).expect("an event is JSON");
                let taken = events.iter().map(read);
                recorder.0.lock().unwrap_or_else(PoisonError::into_inner).extend(taken);
                vec![Published::Done; events.len()]
            }
        })
    }

    /// Gives everything that was taken.
    pub fn taken(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives what was taken of one type.
    pub fn of_type(&self, event_type: &str) -> Vec<Value> {
        self.taken().into_iter().filter(|event| event["type"] == event_type).collect()
    }
}

/// Gives a relay of a world's outbox to other subscribers than the world's.
pub fn outbox_to(world: &World, subscribers: Vec<Subscriber>) -> Outbox {
    let publisher = Publisher::InProcess(InProcess::new(subscribers));
    Outbox::new(
        world.application.clone(),
        world.clock.clone(),
        publisher,
        Retention::default(),
        &Metrics::new(),
    )
}

/// Publishes everything to a recorder instead of the world's consumers, and gives what was published.
pub async fn record(world: &World) -> Recorder {
    let recorder = Recorder::default();
    outbox_to(world, vec![recorder.subscriber()]).drain().await.expect("the database is there");
    recorder
}
