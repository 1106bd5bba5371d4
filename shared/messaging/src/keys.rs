//! Sending one event at a time, in order per key.

use std::collections::HashMap;

use events::StoredEvent;
use futures::StreamExt as _;
use futures::stream;

use crate::Published;

/// How many keys are on their way at once.
const AT_ONCE: usize = 16;

/// Sends events, the keys beside each other, the events of one key in order; those behind one that is to come again are not sent.
pub(crate) async fn in_order_of_keys<'a, F>(
    events: &'a [StoredEvent],
    send: impl Fn(&'a StoredEvent) -> F,
) -> Vec<Published>
where
    F: Future<Output = Published>,
{
    let mut outcomes = vec![Published::Waits; events.len()];
    let keys = by_key(events).into_iter().map(|positions| {
        let send = &send;
        async move {
            let mut told = Vec::with_capacity(positions.len());
            for position in positions {
                let published = send(&events[position]).await;
                let has_to_wait = published.is_to_come_again();
                told.push((position, published));
                if has_to_wait {
                    break;
                }
            }
            told
        }
    });
    let mut told = stream::iter(keys).buffer_unordered(AT_ONCE);
    while let Some(key) = told.next().await {
        for (position, published) in key {
            outcomes[position] = published;
        }
    }
    outcomes
}

/// Gives the positions of each key's events, in order; the keys in the order of their first events.
fn by_key(events: &[StoredEvent]) -> Vec<Vec<usize>> {
    let mut keys: Vec<Vec<usize>> = Vec::new();
    let mut known = HashMap::new();
    for (position, event) in events.iter().enumerate() {
        let place = *known.entry(&event.key).or_insert_with(|| {
            keys.push(Vec::new());
            keys.len() - 1
        });
        keys[place].push(position);
    }
    keys
}
