//! A record as it is worked on.

use rdkafka::message::{BorrowedMessage, Message as _, OwnedHeaders};

use crate::{json::one_text, limits::Limits};

/// Where a record comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
}

/// One record, and how often it was tried.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) offset: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Option<OwnedHeaders>,
    /// How often its handler has failed.
    pub(super) attempts: u32,
}

impl Record {
    pub(super) fn new(message: &BorrowedMessage<'_>) -> Record {
        Record {
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map(rdkafka::message::BorrowedHeaders::detach),
            attempts: 0,
        }
    }

    /// Tells whether a test wants the work on its partition to panic, once: nothing else makes it.
    #[cfg(test)]
    pub(super) fn is_to_panic(&self) -> bool {
        use std::sync::atomic::{AtomicBool, Ordering};
        static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
        self.key.as_deref() == Some(b"panic here") && !HAS_PANICKED.swap(true, Ordering::SeqCst)
    }

    /// Gives the length of its value.
    pub(super) fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Vec::len)
    }

    /// Gives the value, which must be one JSON text.
    pub(super) fn event(&self) -> Result<&[u8], String> {
        let value = self.value.as_deref().ok_or("the record has no value")?;
        let largest_bytes = Limits::default().body_bytes;
        if value.len() > largest_bytes {
            // Reading it all would hold up the partition, and take its size in memory once more.
            return Err(format!("the event is larger than {largest_bytes} bytes"));
        }
        one_text(value).map(str::as_bytes).map_err(|error| format!("the value is not JSON: {error}"))
    }
}
