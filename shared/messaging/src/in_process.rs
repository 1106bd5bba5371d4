//! The bus of a single process: events go straight to the subscribers' routers.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use events::cloud_event::messages;
use events::{Event, Topic};
use futures::future::join_all;

use crate::{Published, worsen};

/// A delivery under way.
type Delivery = Pin<Box<dyn Future<Output = Vec<Published>> + Send>>;

/// A function that takes events.
#[derive(Clone)]
pub struct Subscriber {
    name: &'static str,
    topics: &'static [&'static str],
    deliver: Arc<dyn Fn(Vec<Vec<u8>>) -> Delivery + Send + Sync>,
}

impl Subscriber {
    /// Makes a subscriber of `topics`; `deliver` gets structured CloudEvents in order and says what became of each.
    pub fn new<F>(
        name: &'static str,
        topics: &'static [&'static str],
        deliver: impl Fn(Vec<Vec<u8>>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Vec<Published>> + Send + 'static,
    {
        Self { name, topics, deliver: Arc::new(move |events| Box::pin(deliver(events))) }
    }

    fn takes(&self, topic: Topic) -> bool {
        self.topics.contains(&topic.as_str())
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("name", &self.name)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

/// The bus of a single process. What a subscriber does not take comes again: the outbox remembers it.
#[derive(Debug, Clone, Default)]
pub struct InProcess {
    subscribers: Arc<Vec<Subscriber>>,
}

impl InProcess {
    /// Makes a bus with these subscribers.
    pub fn new(subscribers: Vec<Subscriber>) -> Self {
        Self { subscribers: Arc::new(subscribers) }
    }

    /// Hands events to every subscriber at once, each in order. Like a bus, it does not let one subscriber's trouble keep the
    /// others from an event; they recognise it when it comes again.
    pub(crate) async fn publish(&self, events: &[Event]) -> Vec<Published> {
        let deliveries = self.subscribers.iter().map(|subscriber| deliver(subscriber, events));
        let mut outcomes = vec![Published::Done; events.len()];
        for (position, published) in join_all(deliveries).await.into_iter().flatten() {
            worsen(&mut outcomes[position], published);
        }
        hold_back(events, &mut outcomes);
        outcomes
    }
}

/// Hands over what a subscriber takes, and says what became of it by position.
async fn deliver(subscriber: &Subscriber, events: &[Event]) -> Vec<(usize, Published)> {
    let mut positions = Vec::new();
    let mut rendered = Vec::new();
    for (position, event) in events.iter().enumerate() {
        for message in messages(event).filter(|message| subscriber.takes(message.topic)) {
            positions.push(position);
            rendered.push(message.text().into_bytes());
        }
    }
    if rendered.is_empty() {
        return Vec::new();
    }
    let published = (subscriber.deliver)(rendered).await;
    let name = subscriber.name;
    let told = published.into_iter().map(|published| match published {
        Published::Done | Published::Waits => published,
        Published::Retry { after, why } => Published::Retry { after, why: format!("{name}: {why}") },
        Published::Unavailable { after, why } => {
            Published::Unavailable { after, why: format!("{name}: {why}") }
        }
        Published::Never { why } => Published::Never { why: format!("{name}: {why}") },
    });
    positions.into_iter().zip(told).collect()
}

/// After an event that is to be retried, the later ones of its key wait for it.
fn hold_back(events: &[Event], outcomes: &mut [Published]) {
    let mut waiting: HashSet<&str> = HashSet::new();
    for (event, outcome) in events.iter().zip(outcomes) {
        if waiting.contains(event.key.as_str()) {
            *outcome = Published::Waits;
        } else if outcome.is_to_come_again() {
            waiting.insert(&event.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sample::task_event;

    fn event(key: &str, number: i64) -> Event {
        task_event(key, number)
    }

    fn retry() -> Published {
        Published::Retry { after: None, why: "away".to_owned() }
    }

    #[tokio::test]
    async fn after_an_event_to_be_retried_the_later_ones_of_its_key_wait() {
        let outcomes = Mutex::new(vec![Published::Done, retry(), Published::Done, Published::Done]);
        let subscriber = Subscriber::new("sometimes", &["task-events"], move |_| {
            let outcomes = std::mem::take(&mut *outcomes.lock().expect("nobody panicked"));
            async { outcomes }
        });
        let bus = InProcess::new(vec![subscriber]);
        let published = bus.publish(&[event("a", 1), event("b", 2), event("b", 3), event("a", 4)]).await;
        let told = Published::Retry { after: None, why: "sometimes: away".to_owned() };
        assert_eq!(published, [Published::Done, told, Published::Waits, Published::Done]);
    }

    #[tokio::test]
    async fn what_is_away_for_one_subscriber_outweighs_the_failed_attempt_of_another() {
        let away = || Published::Unavailable { after: None, why: "no database".to_owned() };
        let without = Subscriber::new("without", &["task-events"], move |_| async move { vec![away()] });
        let broken = Subscriber::new("broken", &["task-events"], |_| async { vec![retry()] });
        let bus = InProcess::new(vec![broken.clone(), without, broken]);
        let published = bus.publish(&[event("a", 1)]).await;
        assert_eq!(
            published,
            [Published::Unavailable { after: None, why: "without: no database".to_owned() }]
        );
    }

    #[tokio::test]
    async fn a_rejection_names_its_subscriber_and_holds_nobody_back() {
        let subscriber = Subscriber::new("strict", &["task-events"], |events| async move {
            let mut outcomes = vec![Published::Done; events.len()];
            outcomes[0] = Published::Never { why: "no payload".to_owned() };
            outcomes
        });
        let bus = InProcess::new(vec![subscriber]);
        let published = bus.publish(&[event("a", 1), event("a", 2)]).await;
        assert_eq!(published, [Published::Never { why: "strict: no payload".to_owned() }, Published::Done]);
    }

    #[tokio::test]
    async fn nobody_gets_what_they_did_not_subscribe_to() {
        let subscriber = Subscriber::new("never", &["reminders"], |_| async { panic!("called") });
        let published = InProcess::new(vec![subscriber]).publish(&[event("a", 1)]).await;
        assert_eq!(published, [Published::Done]);
    }
}
