//! A record as it is worked on.

use rdkafka::message::{BorrowedMessage, Message as _, OwnedHeaders};
use serde_json::value::RawValue;

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

    /// Gives the length of its value.
    pub(super) fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Vec::len)
    }

    /// Gives the value, which must be one JSON text: as part of a batch anything else would spoil the others.
    pub(super) fn event(&self) -> Result<&[u8], String> {
        let value = self.value.as_deref().ok_or("the record has no value")?;
        match serde_json::from_slice::<&RawValue>(value) {
            Ok(_) => Ok(value),
            Err(error) => Err(format!("the value is not JSON: {error}")),
        }
    }
}
