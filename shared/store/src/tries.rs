//! Doing a transaction again that PostgreSQL has rolled back because of another one.

use std::time::Duration;

use uuid::Uuid;

use crate::Error;

/// How often it is done again.
const AGAIN: u32 = 3;
/// How long is waited at most before the first time; twice as long each further time.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Does a transaction, and does it again where PostgreSQL gave it up for another one: a deadlock, a serialization failure, of which it is
/// known that nothing was written. `id` has randomness in it that nobody else's has.
pub(crate) async fn repeat<T, F>(id: Uuid, transaction: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = Tries { done: 0, seed: id.as_u64_pair().1 };
    loop {
        match transaction().await {
            Err(error) if tries.again_after(&error) => tries.wait().await,
            outcome => return outcome,
        }
    }
}

/// What is left of the tries of one transaction.
#[derive(Debug)]
struct Tries {
    done: u32,
    seed: u64,
}

impl Tries {
    /// Says whether to do it again.
    fn again_after(&mut self, error: &Error) -> bool {
        self.done += 1;
        self.done <= AGAIN && is_lost_race(error)
    }

    /// Waits for any part of the longest time ("full jitter").
    async fn wait(&self) {
        let longest = LONGEST_WAIT * 2_u32.pow(self.done - 1);
        let random = self.seed.rotate_left(self.done * 16) % 1_024;
        tokio::time::sleep(longest.mul_f64(random as f64 / 1_024.0)).await;
    }
}

fn is_lost_race(error: &Error) -> bool {
    let Error::Unavailable(sqlx::Error::Database(error)) = error else { return false };
    error.code().is_some_and(|code| ["40001", "40P01"].contains(&&*code))
}
