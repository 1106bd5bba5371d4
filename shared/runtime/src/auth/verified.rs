//! Tokens that were found sound, so that the next request with one costs a hash and no signature.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::token::{LEEWAY_S, Verified};

/// How many are remembered at least; at most twice as many.
const REMEMBERED: usize = 4_096;

/// The digest of a token, which is no token.
pub(super) type Hash = [u8; 32];

/// Gives the digest of a token.
pub(super) fn hash(token: &str) -> Hash {
    Sha256::digest(token).into()
}

/// Remembers tokens by their digest, and by the keys they were checked with.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Generations>);

/// When the young are many the old are forgotten: bounded, without a clock or a list of uses.
#[derive(Default)]
struct Generations {
    young: HashMap<Hash, (Verified, u64)>,
    old: HashMap<Hash, (Verified, u64)>,
}

impl Remembered {
    /// Gives what a token says if it was believed with the keys of this edition, and its time is not over.
    pub(super) fn find(&self, hash: &Hash, edition: u64, now_s: i64) -> Option<Verified> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match generations.young.get(hash) {
            Some(found) => found.clone(),
            None => {
                let found = generations.old.remove(hash)?;
                generations.put(*hash, found.clone());
                found
            }
        };
        let (verified, checked_with) = found;
        let is_sound = checked_with == edition && now_s < verified.expires_at.saturating_add(LEEWAY_S);
        is_sound.then_some(verified)
    }

    /// Remembers a token.
    pub(super) fn put(&self, hash: Hash, verified: Verified, edition: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(hash, (verified, edition));
    }
}

impl Generations {
    fn put(&mut self, hash: Hash, value: (Verified, u64)) {
        if self.young.len() >= REMEMBERED {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(hash, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_ends_with_the_token_and_with_the_keys() {
        let remembered = Remembered::default();
        let verified = Verified { user_id: "amna".to_owned(), expires_at: 1_000 };
        let first = hash("first");
        remembered.put(first, verified.clone(), 1);
        assert_eq!(remembered.find(&first, 1, 1_059), Some(verified.clone()));
        assert_eq!(remembered.find(&first, 1, 1_060), None, "its time is over");
        assert_eq!(remembered.find(&first, 2, 0), None, "the keys are others");
        assert_eq!(remembered.find(&hash("other"), 1, 0), None);
        for number in 0..REMEMBERED {
            remembered.put(hash(&number.to_string()), verified.clone(), 1);
        }
        assert!(remembered.find(&first, 1, 0).is_some(), "one that is used stays");
        for number in 0..3 * REMEMBERED {
            remembered.put(hash(&format!("more {number}")), verified.clone(), 1);
        }
        assert_eq!(remembered.find(&first, 1, 0), None);
        let generations = remembered.0.lock().expect("nobody panicked");
        assert!(generations.young.len() + generations.old.len() <= 2 * REMEMBERED);
    }
}
