//! The hashes of the chain: SHA-256, over JSON without white space, keys sorted, instants in microseconds of the Unix epoch.
//!
//! | version | `hash` is over |
//! |---|---|
//! | 1 | the previous hash and `[user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id, old_values, new_values, timestamp, correlation_id]` |
//! | 2 | the previous hash and `[2, seq, event_id, entity_type, action, actor_type, timestamp, content_hash]`; `content_hash`, in hexadecimal, is over the salt and `[user_id, entity_id, actor_id, old_values, new_values, correlation_id]` |
//!
//! So of an entry of version 2 all that tells of a person can be taken away, with the salt, and the chain is the same. Of one of
//! version 1 the hash can not be computed anew then; the next one still holds it.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Entry;

/// What keeps the content of an entry from being guessed by its hash.
pub type Salt = [u8; 16];

/// What new entries are.
pub(crate) const VERSION: i16 = 2;

/// An entry at its place in its user's chain.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) seq: i64,
    pub(crate) previous_hash: Vec<u8>,
    pub(crate) salt: Salt,
    pub(crate) content_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl<'a> Link<'a> {
    /// Puts an entry after one whose hash is `previous`.
    pub(crate) fn new(entry: &'a Entry, seq: i64, previous: &[u8], salt: Salt) -> Self {
        let content_hash = content_hash(entry, &salt);
        let hash = hash(entry, seq, previous, &content_hash);
        Self { entry, seq, previous_hash: previous.to_owned(), salt, content_hash, hash }
    }
}

/// Gives the hash of what tells of a person.
pub(super) fn content_hash(entry: &Entry, salt: &[u8]) -> Vec<u8> {
    let content = json!([
        entry.user_id,
        entry.entity_id,
        entry.actor_id,
        entry.old_values,
        entry.new_values,
        entry.correlation_id,
    ]);
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(content.to_string());
    hasher.finalize().to_vec()
}

/// Gives the hash of version 2; of what tells of a person it wants nothing but the hash.
pub(super) fn hash(entry: &Entry, seq: i64, previous: &[u8], content_hash: &[u8]) -> Vec<u8> {
    let fields = json!([
        VERSION,
        seq,
        entry.event_id,
        entry.entity_type,
        entry.action,
        entry.actor_type,
        entry.timestamp.timestamp_micros(),
        hex::encode(content_hash),
    ]);
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(fields.to_string());
    hasher.finalize().to_vec()
}

/// Gives the hash of version 1.
pub(super) fn hash_of_version_1(entry: &Entry, seq: i64, previous: &[u8]) -> Vec<u8> {
    let fields = json!([
        entry.user_id,
        seq,
        entry.event_id,
        entry.entity_type,
        entry.entity_id,
        entry.action,
        entry.actor_type,
        entry.actor_id,
        entry.old_values,
        entry.new_values,
        entry.timestamp.timestamp_micros(),
        entry.correlation_id,
    ]);
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(fields.to_string());
    hasher.finalize().to_vec()
}
