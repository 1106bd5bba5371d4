//! How many sentences may be with the model at once: of one user, and in all. Above that nobody waits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most of one user.
const OF_USER: usize = 2;
/// The most of this instance.
const IN_ALL: usize = 8;

/// The places there are.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<HashMap<String, usize>>);

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    places: &'a Places,
    user_id: String,
}

impl Places {
    /// Takes a place; `None` when there is none left.
    pub(crate) fn take(&self, user_id: &str) -> Option<Place<'_>> {
        let mut taken = self.taken();
        let own = taken.get(user_id).copied().unwrap_or_default();
        if own >= OF_USER || taken.values().sum::<usize>() >= IN_ALL {
            return None;
        }
        taken.insert(user_id.to_owned(), own + 1);
        drop(taken);
        Some(Place { places: self, user_id: user_id.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.user_id) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.user_id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_two_places_and_an_instance_eight() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..2).map(|_| places.take("amna").expect("a place")).collect();
        assert!(places.take("amna").is_none());
        taken.extend((0..6).map(|user| places.take(&user.to_string()).expect("a place")));
        assert!(places.take("bilal").is_none());
        taken.pop();
        let bilal = places.take("bilal").expect("a place that was given back");
        drop((taken, bilal));
        assert!(places.taken().is_empty());
    }
}
