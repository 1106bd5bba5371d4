//! One turn at a time in each conversation: those of one process wait for each other instead of computing the same in vain. What
//! another process does meanwhile is seen at the commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// The conversations in which somebody speaks right now; clones are the same ones. It holds as many as there are requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<String, Lock>>>);

/// The right to speak in one conversation, until it is dropped.
#[derive(Debug)]
pub(crate) struct Floor {
    turns: Turns,
    key: String,
    lock: Lock,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until those who came before in the conversation with this key are done.
    pub(crate) async fn take(&self, key: String) -> Floor {
        let lock = Arc::clone(self.known().entry(key.clone()).or_default());
        // Before waiting: who gives up is forgotten too.
        let mut floor = Floor { turns: self.clone(), key, lock, guard: None };
        floor.guard = Some(Arc::clone(&floor.lock).lock_owned().await);
        floor
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Lock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.guard = None;
        let mut known = self.turns.known();
        // Nobody else has it: one is the map's, and one is this one's.
        if Arc::strong_count(&self.lock) == 2 {
            known.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn a_conversation_is_for_one_at_a_time_and_is_forgotten_afterwards() {
        let turns = Turns::default();
        let first = turns.take("a".to_owned()).await;
        let _other = turns.take("b".to_owned()).await;
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut gives_up = pin!(turns.take("a".to_owned()));
            assert!(gives_up.as_mut().poll(&mut context).is_pending());
        }
        let mut second = pin!(turns.take("a".to_owned()));
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(first);
        drop(second.await);
        assert_eq!(turns.known().keys().collect::<Vec<_>>(), ["b"]);
    }
}
