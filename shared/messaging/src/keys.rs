//! Sending one message at a time, in order per key of their events.

use std::collections::HashMap;

use futures::StreamExt as _;
use futures::stream;

use crate::Published;
use crate::feed::Outgoing;

/// How many keys are on their way at once.
const AT_ONCE: usize = 16;

/// Sends messages, the keys beside each other, those of one key in order; what is behind one that is to come again is not sent.
pub(crate) async fn in_order_of_keys<'a, 'm, F>(
    messages: &'a [Outgoing<'m>],
    send: impl Fn(&'a Outgoing<'m>) -> F,
) -> Vec<Published>
where
    F: Future<Output = Published>,
{
    let mut outcomes = vec![Published::Waits; messages.len()];
    let keys = by_key(messages).into_iter().map(|positions| {
        let send = &send;
        async move {
            let mut told = Vec::with_capacity(positions.len());
            for position in positions {
                let published = send(&messages[position]).await;
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

/// Gives the positions of each key's messages, in order; the keys in the order of their first ones.
fn by_key(messages: &[Outgoing<'_>]) -> Vec<Vec<usize>> {
    let mut keys: Vec<Vec<usize>> = Vec::new();
    let mut known = HashMap::new();
    for (position, message) in messages.iter().enumerate() {
        let place = *known.entry(&message.line).or_insert_with(|| {
            keys.push(Vec::new());
            keys.len() - 1
        });
        keys[place].push(position);
    }
    keys
}
