//! Messages of an event stream (HTML Living Standard, "Server-sent events").

use std::fmt::Write as _;

use application::feed::{Change, Cursor};
use bytes::Bytes;
use events::payload::TaskUpdate;

/// How long a client waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// Keeps whatever is between from taking the stream for dead.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// What a stream says.
pub(crate) enum Message<'a> {
    /// It has begun: what is read from now on misses nothing.
    Ready(&'a Cursor),
    /// What was missed can not be told any more: everything is to be read anew. One that is ready follows.
    Reset,
    /// Something changed.
    Changed(Cursor, &'a Change),
}

/// Renders messages, one after the other.
pub(crate) fn render<'a>(messages: impl IntoIterator<Item = Message<'a>>) -> Bytes {
    let mut text = String::new();
    for message in messages {
        put(&mut text, &message).expect("a text takes anything");
    }
    text.into()
}

fn put(text: &mut String, message: &Message<'_>) -> std::fmt::Result {
    // JSON as it is written here has no line ends, which would end `data`.
    match message {
        Message::Ready(cursor) => {
            write!(text, "retry: {RETRY_MS}\nid: {cursor}\nevent: ready\ndata: {{}}\n\n")
        }
        Message::Reset => text.write_str("event: reset\ndata: {}\n\n"),
        Message::Changed(cursor, Change::Settings) => {
            write!(text, "id: {cursor}\nevent: settings\ndata: {{}}\n\n")
        }
        Message::Changed(cursor, Change::Task { task_id, version, change }) => {
            let update = TaskUpdate { task_id: *task_id, version: *version, change: change.clone() };
            let data = serde_json::to_string(&update).expect("ids, numbers and texts are JSON");
            write!(text, "id: {cursor}\nevent: task\ndata: {data}\n\n")
        }
    }
}
