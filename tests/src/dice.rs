//! Random numbers of a test, which are the same for the same seed.

use std::time::Duration;

/// A generator (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Makes one from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Gives a number from 0 to one less than `below`.
    pub fn throw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    /// Gives a time from `from_ms` to less than `to_ms`, in milliseconds.
    pub fn wait(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(from_ms + self.throw(to_ms - from_ms))
    }
}
