//! What is subscribed to, in the words of `GET /dapr/subscribe`.

use events::topic::dead_letters_of;
use serde_json::{Value, json};

use super::{EVENTS, Settings};

/// How long a sidecar that delivers several at once waits for more, in milliseconds: the lateness of a lone event.
const MOST_WAIT_MS: u32 = 50;

/// Gives one subscription, whose dead letters go where those of every other host go.
pub(super) fn subscription(topic: &str, settings: &Settings) -> Value {
    let mut subscription = json!({
        "pubsubname": settings.pubsub,
        "topic": topic,
        "route": format!("{EVENTS}{topic}"),
        "deadLetterTopic": dead_letters_of(topic),
    });
    if let Some(count) = settings.bulk {
        subscription["bulkSubscribe"] =
            json!({"enabled": true, "maxMessagesCount": count, "maxAwaitDurationMs": MOST_WAIT_MS});
    }
    subscription
}
