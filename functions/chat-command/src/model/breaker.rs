//! A circuit breaker: a model that fails again and again is left alone for a while, and then tried with one sentence.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// After so many failures in a row it opens.
const FAILURES: u32 = 3;
/// For so long it stays open before one call is let through, in seconds.
const OPEN_S: i64 = 30;

/// Lets calls through or not.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<Circuit>);

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    opened_at: Option<DateTime<Utc>>,
    /// Whether the one call that is let through half-open is under way.
    is_probing: bool,
}

/// A call that is let through; one that is dropped without a record, because whoever asked is gone, counts for nothing.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Lets a call through, unless the circuit is open.
    pub(crate) fn admit(&self, now: DateTime<Utc>) -> Option<Permit<'_>> {
        let mut circuit = self.circuit();
        let is_probe = match circuit.opened_at {
            None => false,
            // A clock that was set back is no reason to wait for longer.
            Some(at) if now >= at && now - at < TimeDelta::seconds(OPEN_S) => return None,
            Some(_) if circuit.is_probing => return None,
            Some(_) => true,
        };
        circuit.is_probing |= is_probe;
        drop(circuit);
        Some(Permit { breaker: self, is_probe })
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Counts a call that was answered with something of use.
    pub(crate) fn succeeded(self) {
        let mut circuit = self.breaker.circuit();
        (circuit.failures, circuit.opened_at) = (0, None);
    }

    /// Counts a call that was not; says whether that opened the circuit.
    pub(crate) fn failed(self, now: DateTime<Utc>) -> bool {
        let mut circuit = self.breaker.circuit();
        circuit.failures = circuit.failures.saturating_add(1);
        // One that was let through before the circuit opened says nothing new.
        let opens = self.is_probe || (circuit.opened_at.is_none() && circuit.failures >= FAILURES);
        if opens {
            circuit.opened_at = Some(now);
        }
        opens
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.circuit().is_probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for second in 0..3 {
            let permit = breaker.admit(at(second)).expect("it is closed");
            assert_eq!(permit.failed(at(second)), second == 2);
        }
        breaker
    }

    #[test]
    fn it_opens_after_three_failures_in_a_row_and_not_after_three_in_all() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            for _ in 0..2 {
                assert!(!breaker.admit(at(0)).expect("it is closed").failed(at(0)));
            }
            breaker.admit(at(0)).expect("it is closed").succeeded();
        }
        assert!(opened().admit(at(2)).is_none());
    }

    #[test]
    fn after_thirty_seconds_one_call_is_let_through_and_decides() {
        let breaker = opened();
        assert!(breaker.admit(at(31)).is_none());
        let probe = breaker.admit(at(32)).expect("half-open");
        assert!(breaker.admit(at(32)).is_none(), "one at a time");
        assert!(probe.failed(at(33)));
        assert!(breaker.admit(at(62)).is_none());
        breaker.admit(at(63)).expect("half-open").succeeded();
        let (one, two) = (breaker.admit(at(63)), breaker.admit(at(63)));
        assert!(one.is_some() && two.is_some(), "it is closed again");
    }

    #[test]
    fn a_probe_whose_caller_is_gone_leaves_room_for_the_next() {
        let breaker = opened();
        drop(breaker.admit(at(40)).expect("half-open"));
        assert!(breaker.admit(at(40)).is_some());
    }

    #[test]
    fn a_late_failure_does_not_keep_it_open_for_longer() {
        let breaker = Breaker::default();
        let late = breaker.admit(at(0)).expect("it is closed");
        for _ in 0..3 {
            breaker.admit(at(0)).expect("it is closed").failed(at(0));
        }
        assert!(!late.failed(at(29)));
        assert!(breaker.admit(at(30)).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_open() {
        assert!(opened().admit(at(-100)).is_some());
    }
}
