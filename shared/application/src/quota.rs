//! How much one user may have and do.
//!
//! Counted in PostgreSQL, but not in requests: an instance remembers the last count of each user and adds what it let through since. After
//! 60 s, or 100 that it let through, it counts again beside the requests. A request waits for a count only where none of the
//! user's on this day is remembered, where what is remembered says that it is too much, which is asked once a second at most while nothing of theirs is under way, or where 200
//! were let through before the count beside them was done. What other instances let through meanwhile is seen by the next count, so each
//! further one may let up to 200 through that are too many.
//!
//! Questions to a model are few, and each takes seconds: they are written down one by one, and none is too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use events::{Cause, Quotas, Refusal};
use store::Store;
use store::quota::Amounts;

use crate::refuse;

/// For how long a count holds.
const HOLDS: TimeDelta = TimeDelta::seconds(60);
/// For how long it is believed when it says that it is too much: whoever asks on and on has nothing counted for it.
const HOLDS_REFUSING: TimeDelta = TimeDelta::seconds(1);
/// How much is let through until it is counted again.
const UNCOUNTED: u32 = 100;
/// The most users whose counts an instance remembers; beyond, all are forgotten.
const REMEMBERED_USERS: usize = 10_000;
/// When it is worth trying again where nobody knows: after there were too many open tasks, or reminders on some day.
const LATER_S: u32 = 3_600;

/// The quotas of an instance.
pub(crate) struct Quota {
    limits: Quotas,
    tallies: Mutex<HashMap<String, Arc<Tally>>>,
}

/// What is known of one user on one day. Another day has another one, and so has a user who was forgotten: what was let through by one
/// is never taken away from another.
struct Tally {
    day: NaiveDate,
    /// Held by who counts while others wait.
    turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// When it was counted; `None`: not yet.
    counted_at: Option<DateTime<Utc>>,
    counted: Amounts,
    /// What was let through since.
    added: Amounts,
    /// What of that may not be committed yet.
    in_flight: Amounts,
    /// Whether nothing was let through, or on its way, while it was counted: it may have that in it, which then is added too.
    is_exact: bool,
    /// Whether it is being counted beside the requests.
    is_counting: bool,
    /// How often it was counted, or could not be where a request waited for it.
    tries: u64,
    /// Whether it could not be, the last time.
    has_failed: bool,
}

impl Known {
    /// Gives what a count that begins now has in it, of what was let through.
    fn committed(&self) -> Amounts {
        let mut committed = self.added.clone();
        committed.take_away(&self.in_flight);
        committed
    }

    /// Takes a new count, which `committed` is a part of.
    fn set(&mut self, counted: Amounts, committed: &Amounts, now: DateTime<Utc>) {
        self.is_exact = self.added == *committed;
        self.added.take_away(committed);
        (self.counted, self.counted_at) = (counted, Some(now));
        (self.tries, self.has_failed) = (self.tries + 1, false);
    }

    fn is_older_than(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        self.counted_at.is_none_or(|counted_at| now - counted_at >= age)
    }

    /// Says which quota would be exceeded.
    fn refusal(&self, limits: &Quotas, wanted: &Amounts, now: DateTime<Utc>) -> Option<Refusal> {
        let Self { counted, added, .. } = self;
        let is_too_much = |counted: u32, added: u32, wanted: u32, limit: u32| {
            wanted > 0 && counted.saturating_add(added).saturating_add(wanted) > limit
        };
        let over = |what, limit, retry_after_s| Some(Refusal::OverQuota { what, limit, retry_after_s });
        let (per_day, per_day_on) = (limits.tasks_per_day, limits.reminders_per_day);
        if is_too_much(counted.created_tasks, added.created_tasks, wanted.created_tasks, per_day) {
            return over("new tasks a day", per_day, seconds_to_tomorrow(now));
        }
        let on = |amounts: &Amounts, day: &NaiveDate| amounts.reminders.get(day).copied().unwrap_or(0);
        let is_too_much_on = |(day, wanted): (&NaiveDate, &u32)| {
            is_too_much(on(counted, day), on(added, day), *wanted, per_day_on)
        };
        if wanted.reminders.iter().any(is_too_much_on) {
            // The day that they are on, which tomorrow does not change.
            return over("reminders on the same day", per_day_on, LATER_S);
        }
        if is_too_much(counted.open_tasks, added.open_tasks, wanted.open_tasks, limits.open_tasks) {
            return over("open tasks", limits.open_tasks, LATER_S);
        }
        None
    }
}

impl Tally {
    fn of(day: NaiveDate) -> Arc<Self> {
        Arc::new(Self { day, turn: tokio::sync::Mutex::default(), known: Mutex::default() })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(self: &Arc<Self>, known: &mut Known, wanted: &Amounts) -> Admitted {
        known.added.add(wanted);
        known.in_flight.add(wanted);
        Admitted(Some((Arc::clone(self), wanted.clone())))
    }
}

/// Something that was let through. Until it is dropped it may not be in a count yet.
#[must_use]
pub(crate) struct Admitted(Option<(Arc<Tally>, Amounts)>);

impl Admitted {
    /// What nobody counts.
    pub(crate) fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some((tally, amounts)) = self.0.take() {
            tally.known().in_flight.take_away(&amounts);
        }
    }
}

impl Quota {
    pub(crate) fn new(limits: Quotas) -> Self {
        Self { limits, tallies: Mutex::default() }
    }

    /// Lets something through, or not.
    ///
    /// # Errors
    /// [`Refusal::OverQuota`]; [`Refusal::Unavailable`] where it had to be counted.
    pub(crate) async fn admit(
        &self,
        store: &Store,
        cause: &Cause,
        wanted: &Amounts,
    ) -> Result<Admitted, Refusal> {
        let (tally, now) = (self.tally(&cause.user_id, cause.now), cause.now);
        loop {
            let tries = {
                let mut known = tally.known();
                match known.refusal(&self.limits, wanted, now) {
                    Some(refusal) if known.is_exact && !known.is_older_than(HOLDS_REFUSING, now) => {
                        return Err(refusal);
                    }
                    None if known.counted_at.is_some() && known.added.number() < 2 * UNCOUNTED => {
                        let is_due = known.is_older_than(HOLDS, now) || known.added.number() >= UNCOUNTED;
                        if is_due && !known.is_counting {
                            known.is_counting = true;
                            self.count_later(store, cause, &tally, (known.committed(), known.tries));
                        }
                        return Ok(tally.add(&mut known, wanted));
                    }
                    _ => known.tries,
                }
            };
            // Of many at once one counts, and what it finds is for all: also that nothing can be counted now.
            let _turn = tally.turn.lock().await;
            let committed = {
                let known = tally.known();
                match (known.tries == tries, known.has_failed) {
                    (true, _) => known.committed(),
                    (false, true) => return Err(not_counted()),
                    (false, false) => continue,
                }
            };
            let counted = count(store, cause, &self.limits).await;
            let mut known = tally.known();
            match counted {
                // By another count, which took away what is in this one.
                Ok(_) if known.tries != tries => continue,
                Ok(counted) => known.set(counted, &committed, now),
                Err(refusal) => {
                    if known.tries == tries {
                        (known.tries, known.has_failed) = (tries + 1, true);
                    }
                    return Err(refusal);
                }
            }
            return match known.refusal(&self.limits, wanted, now) {
                Some(refusal) => Err(refusal),
                None => Ok(tally.add(&mut known, wanted)),
            };
        }
    }

    /// Gives what is known of a user on the day that it is.
    fn tally(&self, user_id: &str, now: DateTime<Utc>) -> Arc<Tally> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() >= REMEMBERED_USERS && !tallies.contains_key(user_id) {
            tallies.clear();
        }
        let today = now.date_naive();
        let tally = tallies.entry(user_id.to_owned()).or_insert_with(|| Tally::of(today));
        if tally.day < today {
            *tally = Tally::of(today);
        }
        Arc::clone(tally)
    }

    /// Counts beside the requests; `committed` will be in it, unless another count of more than `tries` comes first.
    fn count_later(
        &self,
        store: &Store,
        cause: &Cause,
        tally: &Arc<Tally>,
        (committed, tries): (Amounts, u64),
    ) {
        let (store, cause, limits, tally) = (store.clone(), cause.clone(), self.limits, Arc::clone(tally));
        tokio::spawn(async move {
            let counted = count(&store, &cause, &limits).await;
            let mut known = tally.known();
            known.is_counting = false;
            match counted {
                Ok(counted) if known.tries == tries => known.set(counted, &committed, cause.now),
                Ok(_) => {}
                // The next one tries again.
                Err(refusal) => tracing::debug!(error = %refusal, "quotas could not be counted"),
            }
        });
    }

    /// Lets a question to the model through, or not; it counts from then on, whatever becomes of it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub(crate) async fn admits_model_call(&self, store: &Store, cause: &Cause) -> Result<bool, Refusal> {
        let (today, limit) = (cause.now.date_naive(), self.limits.model_calls_per_day);
        store.charge_model_call(&cause.user_id, today, limit).await.map_err(refuse)
    }
}

async fn count(store: &Store, cause: &Cause, limits: &Quotas) -> Result<Amounts, Refusal> {
    let limit = i64::from(limits.open_tasks);
    store.count_tasks(&cause.user_id, limit, start_of_day(cause.now)).await.map_err(refuse)
}

/// What those are told who waited for a count that failed.
fn not_counted() -> Refusal {
    Refusal::Unavailable { what: "the database", source: "quotas could not be counted".into() }
}

fn start_of_day(now: DateTime<Utc>) -> DateTime<Utc> {
    now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

fn seconds_to_tomorrow(now: DateTime<Utc>) -> u32 {
    let tomorrow = start_of_day(now) + Days::new(1);
    // Rounded up.
    u32::try_from((tomorrow - now + TimeDelta::microseconds(999_999)).num_seconds()).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Quotas =
        Quotas { open_tasks: 5, tasks_per_day: 4, reminders_per_day: 3, model_calls_per_day: 2 };

    fn noon() -> DateTime<Utc> {
        "2027-01-10T12:00:00.5Z".parse().expect("an instant")
    }

    /// What a new task is.
    fn one() -> Amounts {
        Amounts { open_tasks: 1, created_tasks: 1, ..Amounts::default() }
    }

    #[test]
    fn the_last_one_is_let_through_and_the_next_is_told_when_to_come_back() {
        let mut known = Known::default();
        (known.counted.created_tasks, known.added.created_tasks) = (2, 1);
        assert!(known.refusal(&LIMITS, &one(), noon()).is_none());
        known.added.created_tasks = 2;
        let refusal = known.refusal(&LIMITS, &one(), noon()).expect("a refusal");
        let Refusal::OverQuota { limit, retry_after_s, .. } = refusal else { panic!("{refusal}") };
        assert_eq!((limit, retry_after_s), (4, 12 * 3_600));
        (known.added.created_tasks, known.counted.open_tasks) = (0, 5);
        assert!(matches!(
            known.refusal(&LIMITS, &one(), noon()),
            Some(Refusal::OverQuota { what: "open tasks", retry_after_s: LATER_S, .. })
        ));
        // Whoever has too many may still do what adds none.
        let edit = Amounts { reminders: HashMap::from([(noon().date_naive(), 3)]), ..Amounts::default() };
        assert!(known.refusal(&LIMITS, &edit, noon()).is_none());
    }

    #[test]
    fn reminders_count_for_the_day_that_they_are_on_which_tomorrow_does_not_change() {
        let (today, later) = (noon().date_naive(), noon().date_naive() + Days::new(7));
        let mut known = Known::default();
        known.counted.reminders.insert(later, 3);
        let on = |day| Amounts { reminders: HashMap::from([(day, 1)]), ..Amounts::default() };
        let refusal = known.refusal(&LIMITS, &on(later), noon());
        assert!(matches!(refusal, Some(Refusal::OverQuota { retry_after_s: LATER_S, .. })), "{refusal:?}");
        assert!(known.refusal(&LIMITS, &on(today), noon()).is_none());
    }

    #[test]
    fn a_count_that_may_have_in_it_what_is_added_too_is_not_taken_for_exact() {
        let mut known = Known::default();
        let committed = known.committed();
        known.added.add(&one());
        known.set(one(), &committed, noon());
        assert_eq!((known.counted.created_tasks + known.added.created_tasks, known.is_exact), (2, false));
        let committed = known.committed();
        known.set(one(), &committed, noon());
        assert_eq!((known.counted.created_tasks + known.added.created_tasks, known.is_exact), (1, true));
    }

    #[test]
    fn a_new_day_begins_with_nothing() {
        let quota = Quota::new(LIMITS);
        quota.tally("amna", noon()).known().added.created_tasks = 4;
        assert_eq!(quota.tally("amna", noon()).known().added.created_tasks, 4);
        assert_eq!(quota.tally("amna", noon() + Days::new(1)).known().added.created_tasks, 0);
    }

    #[test]
    fn what_outlives_midnight_or_is_forgotten_takes_nothing_away_from_what_came_later() {
        let quota = Quota::new(LIMITS);
        let admit = |user: &str, now| {
            let tally = quota.tally(user, now);
            tally.add(&mut tally.known(), &one())
        };
        let yesterdays = admit("amna", noon());
        let todays = admit("amna", noon() + Days::new(1));
        drop(yesterdays);
        let in_flight = || quota.tally("amna", noon() + Days::new(1)).known().in_flight.clone();
        assert_eq!(in_flight(), one());
        for number in 0..REMEMBERED_USERS {
            drop(admit(&number.to_string(), noon()));
        }
        assert_eq!(in_flight(), Amounts::default(), "she is forgotten");
        let again = admit("amna", noon() + Days::new(1));
        drop(todays);
        assert_eq!(in_flight(), one());
        drop(again);
        assert_eq!(in_flight(), Amounts::default());
    }
}
