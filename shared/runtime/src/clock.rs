//! The only place with ambient time and randomness; everything else receives them as arguments.

use std::{
    cell::RefCell,
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;
use uuid::{Builder, Uuid};

/// The longest sleep before the system's clock is read again, so that a clock set forward or back is noticed.
const SLICE: Duration = Duration::from_secs(1);

/// Tells the time: the system's, or one that stands still until a test moves it.
///
/// Clones share the same time. Instants are UTC and cut to microseconds, which is what PostgreSQL keeps, so that a
/// value returned before it was stored equals the value read back.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<watch::Sender<DateTime<Utc>>>),
}

impl Clock {
    /// Gives the clock of the machine.
    pub fn system() -> Clock {
        Clock(Source::System)
    }

    /// Gives a clock that stands at `now` until [`Clock::set`] or [`Clock::advance`] moves it.
    pub fn manual(now: DateTime<Utc>) -> Clock {
        Clock(Source::Manual(Arc::new(watch::Sender::new(now.trunc_subsecs(6)))))
    }

    /// Gives the present instant, to the microsecond.
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(6),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Gives the instant at which a manual clock stands, and `None` for the system's clock.
    pub fn fixed(&self) -> Option<DateTime<Utc>> {
        match &self.0 {
            Source::System => None,
            Source::Manual(time) => Some(*time.borrow()),
        }
    }

    /// Moves a manual clock forward and wakes whoever sleeps on it.
    ///
    /// # Panics
    /// On the system's clock, which nobody may move.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).expect("a test advances by less than 292 million years");
        self.manual_time().send_modify(|now| *now += by);
    }

    /// Sets a manual clock, forward or back, and wakes whoever sleeps on it.
    ///
    /// # Panics
    /// On the system's clock, which nobody may move.
    pub fn set(&self, now: DateTime<Utc>) {
        self.manual_time().send_replace(now.trunc_subsecs(6));
    }

    /// Waits until the clock has reached `at`; returns at once if it already has.
    ///
    /// The system's clock is read again at least once a second, so a clock that is set, or a machine that slept, is
    /// noticed within a second. A manual clock is waited for until it is moved.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        match &self.0 {
            Source::System => {
                while let Ok(left) = (at - self.now()).to_std()
                    && !left.is_zero()
                {
                    tokio::time::sleep(left.min(SLICE)).await;
                }
            }
            Source::Manual(time) => {
                time.subscribe().wait_for(|now| *now >= at).await.expect("the clock holds the sender");
            }
        }
    }

    fn manual_time(&self) -> &watch::Sender<DateTime<Utc>> {
        match &self.0 {
            Source::System => panic!("the system's clock cannot be moved"),
            Source::Manual(time) => time,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fixed() {
            None => f.write_str("Clock::system"),
            Some(now) => write!(f, "Clock::manual({now})"),
        }
    }
}

/// Measures how long something took, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is where measuring starts")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Gives the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Makes a UUIDv7 from `now` and randomness.
///
/// The first 48 bits are the milliseconds, the next 12 the fraction of the millisecond (RFC 9562 §6.2, method 3), so
/// that ids made in one process sort by time to a quarter of a microsecond; 62 bits are random (§5.7). An instant
/// before 1970 counts as 1970.
pub fn new_id(now: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let fraction = (now.timestamp_subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
    let mut tail = [0; 10];
    let fraction = u16::try_from(fraction).expect("a fraction of 4096 parts has 12 bits");
    tail[..2].copy_from_slice(&fraction.to_be_bytes());
    tail[2..].copy_from_slice(&drawn::<8>());
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// Gives `N` bytes from the system's random generator.
///
/// # Panics
/// When the system has no randomness to give, which a running system always has.
#[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}

/// Gives `N` bytes of some hundred that this thread asked the system's random generator for at once: each request needs several times some,
/// and asking is a system call.
///
/// They are for what tells one thing from another. What has to stay secret is made by [`random`], so that it is nowhere before it is needed,
/// and is not repeated by a process that is brought back from a snapshot of its memory.
pub(crate) fn drawn<const N: usize>() -> [u8; N] {
    thread_local! {
        static DRAWN: RefCell<([u8; 256], usize)> = const { RefCell::new(([0; 256], 256)) };
    }
    DRAWN.with_borrow_mut(|(bytes, used)| {
        if bytes.len() - *used < N {
            (*bytes, *used) = (random(), 0);
        }
        let given = *bytes[*used..].first_chunk().expect("no more is asked for than is drawn at once");
        *used += N;
        given
    })
}

/// Gives a random number from 0 (inclusive) to 1 (exclusive), for [`crate::backoff::delay`].
pub fn random_fraction() -> f64 {
    let [a, b, c, d] = drawn::<4>();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2027-01-10T12:00:00Z".parse().expect("an instant")
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_a_clone_of_the_clock_passes_its_instant() {
        let clock = Clock::manual(noon());
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(noon() + TimeDelta::seconds(10)).await }
        });
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.expect("the sleeper ends");
        assert_eq!(clock.fixed(), Some(noon() + TimeDelta::seconds(10)));
    }

    #[tokio::test]
    async fn sleeping_until_the_past_returns_at_once() {
        let clock = Clock::system();
        clock.sleep_until(clock.now() - TimeDelta::seconds(5)).await;
        assert_eq!(clock.fixed(), None);
    }

    #[test]
    fn of_what_is_drawn_at_once_nothing_is_given_twice() {
        let given: Vec<u8> = (0..1_000).flat_map(|_| drawn::<10>()).collect();
        let mut windows: Vec<_> = given.windows(6).collect();
        windows.sort_unstable();
        windows.dedup();
        assert_eq!(windows.len(), 10_000 - 5);
    }

    #[test]
    fn an_id_is_a_uuid_version_7_that_sorts_by_time() {
        let early = new_id(noon());
        let later = new_id(noon() + TimeDelta::microseconds(1));
        assert_eq!(early.get_version_num(), 7);
        assert_eq!(early.get_variant(), uuid::Variant::RFC4122);
        assert!(early < later);
        assert_ne!(new_id(noon()), new_id(noon()));
    }

    #[test]
    fn the_time_has_no_part_below_a_microsecond() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1000, 0);
    }
}
