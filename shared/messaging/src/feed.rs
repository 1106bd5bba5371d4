//! What an event becomes on a bus outside of this process: the message to its own topic, which decides about the event, and the one
//! for the slim feed `task-updates`, which decides about nothing.
//!
//! The feed is sent once the event is in its topic. What of it can not be sent waits here, while the events go on: none is held back,
//! or published again, because the feed's topic is missing, forbidden or away. That is memory: what still waits when the process
//! ends is lost to the feed, whose messages say by their `version` what is stale. The change itself is in its event.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::cloud_event::{Message, own_message, update_of};
use events::{Event, Topic};

use crate::Published;

/// How long what waits waits for its next try.
const PAUSE: Duration = Duration::from_secs(1);
/// How many messages are tried again at once.
const AT_ONCE: usize = 500;
/// How many messages wait at most. Of more the oldest are left out: what they say of a task is stale the soonest.
const MOST: usize = 10_000;

/// A message as a bus takes it.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: Topic,
    /// The partition key.
    pub(crate) key: Cow<'a, str>,
    /// The key of its event. After a message that is to come again the later ones of its line have to wait.
    pub(crate) line: Cow<'a, str>,
    /// The CloudEvent in structured mode.
    pub(crate) text: String,
}

impl<'a> Outgoing<'a> {
    fn new(message: &Message<'a>, event: &'a Event) -> Self {
        let (key, line) = (Cow::Borrowed(message.key), Cow::Borrowed(event.key.as_str()));
        Self { topic: message.topic, key, line, text: message.text() }
    }

    fn kept(self) -> Outgoing<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Outgoing { topic: self.topic, key: own(self.key), line: own(self.line), text: self.text }
    }
}

/// A bus outside of this process.
pub(crate) trait Bus: Clone + Send + Sync + 'static {
    /// Sends messages; of each line in order, up to one that is to come again.
    fn send(&self, messages: &[Outgoing<'_>]) -> impl Future<Output = Vec<Published>> + Send;

    /// What waits for the feed's topic.
    fn feed(&self) -> &Feed;
}

/// Publishes events over a bus, and tells the feed of those that are in.
pub(crate) async fn publish<B: Bus>(bus: &B, events: &[Event]) -> Vec<Published> {
    let own: Vec<_> = events.iter().map(|event| Outgoing::new(&own_message(event), event)).collect();
    let outcomes = bus.send(&own).await;
    let updates = events.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Published::Done);
    let updates = updates.filter_map(|(event, _)| Some(Outgoing::new(&update_of(event)?, event))).collect();
    bus.feed().tell(bus, updates).await;
    outcomes
}

/// What of the feed waits for its topic; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    late: Arc<Mutex<Late>>,
    pause: Duration,
}

impl Default for Feed {
    fn default() -> Self {
        Self { late: Arc::default(), pause: PAUSE }
    }
}

#[derive(Debug, Default)]
struct Late {
    waiting: VecDeque<Outgoing<'static>>,
    /// How many more are on their way once more.
    tried: usize,
    /// Whether somebody tries them again. Then what is new waits behind them.
    is_tried_again: bool,
}

impl Feed {
    /// Says how many messages wait.
    pub(crate) fn late(&self) -> usize {
        let late = self.lock();
        late.waiting.len() + late.tried
    }

    async fn tell<B: Bus>(&self, bus: &B, updates: Vec<Outgoing<'_>>) {
        let is_late = self.lock().is_tried_again;
        let left = if is_late { updates } else { send(bus, updates).await };
        if left.is_empty() {
            return;
        }
        let mut late = self.lock();
        late.waiting.extend(left.into_iter().map(Outgoing::kept));
        let surplus = late.waiting.len().saturating_sub(MOST);
        if surplus > 0 {
            late.waiting.drain(..surplus);
            tracing::error!(topic = FEED, count = surplus, "the oldest messages of the feed are left out");
        }
        if !late.is_tried_again {
            late.is_tried_again = true;
            tokio::spawn(self.clone().try_again(bus.clone()));
        }
    }

    /// Sends what waits until nothing does.
    async fn try_again<B: Bus>(self, bus: B) {
        loop {
            tokio::time::sleep(self.pause).await;
            let some: Vec<_> = {
                let mut late = self.lock();
                late.tried = late.waiting.len().min(AT_ONCE);
                let count = late.tried;
                late.waiting.drain(..count).collect()
            };
            let left = send(&bus, some).await;
            let mut late = self.lock();
            late.tried = 0;
            left.into_iter().rev().for_each(|message| late.waiting.push_front(message));
            if late.waiting.is_empty() {
                late.is_tried_again = false;
                tracing::info!(topic = FEED, "the feed has caught up");
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FEED: &str = Topic::TaskUpdates.as_str();

/// Sends messages of the feed; gives those that are to be tried again, in order.
async fn send<'a, B: Bus>(bus: &B, updates: Vec<Outgoing<'a>>) -> Vec<Outgoing<'a>> {
    if updates.is_empty() {
        return updates;
    }
    let outcomes = bus.send(&updates).await;
    let (mut left, mut told) = (Vec::new(), None);
    for (update, outcome) in updates.into_iter().zip(outcomes) {
        match outcome {
            Published::Done => {}
            Published::Never { why } => {
                tracing::error!(topic = FEED, why, "a message of the feed can not be sent and is left out");
            }
            Published::Retry { why, .. } | Published::Unavailable { why, .. } => {
                told.get_or_insert(why);
                left.push(update);
            }
            Published::Waits => left.push(update),
        }
    }
    if let Some(why) = told {
        let count = left.len();
        tracing::warn!(
            topic = FEED,
            count,
            why,
            "messages of the feed wait; the events do not wait for them"
        );
    }
    left
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use serde_json::Value;

    use super::*;
    use crate::sample::task_event;

    /// A bus whose feed may be away.
    #[derive(Clone)]
    struct Sample {
        feed: Feed,
        tries: Arc<AtomicUsize>,
        is_feed_away: Arc<AtomicBool>,
        is_topic_away: Arc<AtomicBool>,
        sent: Arc<Mutex<Vec<(Topic, Value)>>>,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                feed: Feed { pause: Duration::from_millis(5), ..Feed::default() },
                tries: Arc::default(),
                is_feed_away: Arc::default(),
                is_topic_away: Arc::default(),
                sent: Arc::default(),
            }
        }
    }

    async fn eventually(is_so: impl Fn() -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(10), async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(waited.await.is_ok());
    }

    impl Sample {
        /// Waits until the feed was tried so often again.
        async fn tried(&self, times: usize) {
            let before = self.tries.load(Ordering::SeqCst);
            eventually(|| self.tries.load(Ordering::SeqCst) >= before + times).await;
        }

        async fn caught_up(&self) {
            eventually(|| !self.feed.lock().is_tried_again).await;
        }

        fn sent(&self, topic: Topic) -> usize {
            self.sent.lock().expect("nobody panicked").iter().filter(|(to, _)| *to == topic).count()
        }
    }

    impl Bus for Sample {
        async fn send(&self, messages: &[Outgoing<'_>]) -> Vec<Published> {
            if messages.iter().any(|message| message.topic == Topic::TaskUpdates) {
                self.tries.fetch_add(1, Ordering::SeqCst);
            }
            let send = |message: &Outgoing<'_>| {
                let is_away = match message.topic {
                    Topic::TaskUpdates => &self.is_feed_away,
                    _ => &self.is_topic_away,
                };
                if is_away.load(Ordering::SeqCst) {
                    return Published::Unavailable { after: None, why: "no such topic".to_owned() };
                }
                let event = serde_json::from_str(&message.text).expect("it is JSON");
                self.sent.lock().expect("nobody panicked").push((message.topic, event));
                Published::Done
            };
            messages.iter().map(send).collect()
        }

        fn feed(&self) -> &Feed {
            &self.feed
        }
    }

    #[tokio::test]
    async fn events_go_on_once_while_the_feed_is_away_and_it_catches_up_in_order() {
        let bus = Sample::default();
        bus.is_feed_away.store(true, Ordering::SeqCst);
        for version in 1..=3 {
            assert_eq!(publish(&bus, &[task_event("a", version)]).await, [Published::Done]);
            bus.tried(3).await;
        }
        assert_eq!((bus.sent(Topic::TaskEvents), bus.sent(Topic::TaskUpdates), bus.feed.late()), (3, 0, 3));
        bus.is_feed_away.store(false, Ordering::SeqCst);
        // One that comes before the next try waits behind the others.
        assert_eq!(publish(&bus, &[task_event("a", 4)]).await, [Published::Done]);
        bus.caught_up().await;
        assert_eq!((bus.sent(Topic::TaskEvents), bus.sent(Topic::TaskUpdates), bus.feed.late()), (4, 4, 0));
        let sent = bus.sent.lock().expect("nobody panicked").clone();
        let updates = sent.iter().filter(|(topic, _)| *topic == Topic::TaskUpdates);
        let versions: Vec<_> =
            updates.map(|(_, event)| event["data"]["payload"]["version"].as_i64()).collect();
        assert_eq!(versions, [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(publish(&bus, &[task_event("a", 5)]).await, [Published::Done]);
        assert_eq!(bus.sent(Topic::TaskUpdates), 5, "at once again");
    }

    #[tokio::test]
    async fn the_feed_is_not_told_of_an_event_that_is_not_in_its_topic() {
        let bus = Sample::default();
        bus.is_topic_away.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            let published = publish(&bus, &[task_event("a", 1)]).await;
            assert!(matches!(published[..], [Published::Unavailable { .. }]), "{published:?}");
        }
        assert_eq!(bus.sent(Topic::TaskUpdates), 0);
        bus.is_topic_away.store(false, Ordering::SeqCst);
        assert_eq!(publish(&bus, &[task_event("a", 1)]).await, [Published::Done]);
        assert_eq!((bus.sent(Topic::TaskEvents), bus.sent(Topic::TaskUpdates)), (1, 1));
    }

    #[tokio::test]
    async fn of_too_many_that_wait_the_newest_are_kept() {
        let bus = Sample::default();
        bus.is_feed_away.store(true, Ordering::SeqCst);
        let count = i64::try_from(MOST).expect("some") + 7;
        let events: Vec<_> = (1..=count).map(|version| task_event("a", version)).collect();
        publish(&bus, &events).await;
        assert_eq!(bus.feed.late(), MOST);
        let last = bus.feed.lock().waiting.back().expect("there are many").text.clone();
        assert!(last.contains(&format!("\"version\":{count}")), "{last}");
    }
}
