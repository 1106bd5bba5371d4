//! How much one user may have and do.
//!
//! Counted in PostgreSQL, but not in requests: an instance remembers the last count of each user and adds what it let through since. After
//! 60 s, or 100 that it let through, it counts again beside the requests. A request waits for a count only where none of the
//! user's on this day is remembered, or where what is remembered says that it is too much, which is asked once a second at most. What
//! other instances let through meanwhile is seen by the next count, so each further one may let up to 200 through that are too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::reminder::Planned;
use events::{Cause, Quotas, Refusal};
use store::Store;
use store::tasks::Write;
use uuid::Uuid;

use crate::refuse;

/// For how long a count holds.
const HOLDS: TimeDelta = TimeDelta::seconds(60);
/// For how long it is believed when it says that it is too much: whoever asks on and on has nothing counted for it.
const HOLDS_REFUSING: TimeDelta = TimeDelta::seconds(1);
/// How much is let through until it is counted again.
const UNCOUNTED: u32 = 100;
/// The most users whose counts an instance remembers; beyond, all are forgotten.
const REMEMBERED_USERS: usize = 10_000;
/// When it is worth trying again after there were too many open tasks, which nobody knows.
const LATER_S: u32 = 3_600;

/// The quotas of an instance.
pub(crate) struct Quota {
    limits: Quotas,
    tallies: Arc<Mutex<Tallies>>,
}

/// What is counted together: not every function may read what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Tasks,
    Model,
}

type Tallies = HashMap<(Of, String), Tally>;

/// So much of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    open: u32,
    created: u32,
    model_calls: u32,
    reminders: HashMap<NaiveDate, u32>,
}

impl Amounts {
    /// What a new task is.
    pub(crate) fn created(write: &Write) -> Self {
        let none = Self { open: 1, created: 1, ..Self::default() };
        none.with_reminders(write.reminders.as_deref().unwrap_or_default(), &[])
    }

    /// A task that is open again.
    pub(crate) fn opened() -> Self {
        Self { open: 1, ..Self::default() }
    }

    fn model_call() -> Self {
        Self { model_calls: 1, ..Self::default() }
    }

    /// Adds the reminders that were not there before.
    #[must_use]
    pub(crate) fn with_reminders(mut self, after: &[Planned], before: &[Planned]) -> Self {
        let is_new = |one: &&Planned| !one.skipped && before.iter().all(|other| other.id != one.id);
        for reminder in after.iter().filter(is_new) {
            *self.reminders.entry(reminder.trigger_at.date_naive()).or_default() += 1;
        }
        self
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.open = self.open.saturating_add(other.open);
        self.created = self.created.saturating_add(other.created);
        self.model_calls = self.model_calls.saturating_add(other.model_calls);
        for (day, number) in &other.reminders {
            let reminders = self.reminders.entry(*day).or_default();
            *reminders = reminders.saturating_add(*number);
        }
    }

    fn take_away(&mut self, other: &Self) {
        self.open = self.open.saturating_sub(other.open);
        self.created = self.created.saturating_sub(other.created);
        self.model_calls = self.model_calls.saturating_sub(other.model_calls);
        for (day, number) in &other.reminders {
            let reminders = self.reminders.entry(*day).or_default();
            *reminders = reminders.saturating_sub(*number);
        }
        self.reminders.retain(|_, number| *number > 0);
    }

    fn of(&self) -> Of {
        if self.model_calls > 0 { Of::Model } else { Of::Tasks }
    }

    fn number(&self) -> u32 {
        self.open.max(self.created).max(self.model_calls).max(self.reminders.values().sum())
    }
}

/// What is known of one user.
struct Tally {
    /// Of which day it is.
    day: NaiveDate,
    /// When it was counted; `None`: not yet on this day.
    counted_at: Option<DateTime<Utc>>,
    counted: Amounts,
    /// What was let through since.
    added: Amounts,
    /// What of that may not be committed yet.
    in_flight: Amounts,
    /// Whether nothing was let through, or on its way, while it was counted: it may have that in it, which then is added too.
    is_exact: bool,
    is_counting: bool,
    /// How often it was counted.
    counts: u64,
    /// Held by who counts while others wait.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Tally {
    fn of(day: NaiveDate) -> Self {
        let none = Amounts::default;
        let (counted, added, in_flight, turn) = (none(), none(), none(), Arc::default());
        let (is_exact, is_counting, counts) = (false, false, 0);
        Self { day, counted_at: None, counted, added, in_flight, is_exact, is_counting, counts, turn }
    }

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
        (self.counted, self.counted_at, self.counts) = (counted, Some(now), self.counts + 1);
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
        let tomorrow = seconds_to_tomorrow(now);
        if is_too_much(counted.created, added.created, wanted.created, limits.tasks_per_day) {
            return over("new tasks a day", limits.tasks_per_day, tomorrow);
        }
        if is_too_much(counted.model_calls, added.model_calls, wanted.model_calls, limits.model_calls_per_day)
        {
            return over("questions to the model a day", limits.model_calls_per_day, tomorrow);
        }
        let on = |amounts: &Amounts, day: &NaiveDate| amounts.reminders.get(day).copied().unwrap_or(0);
        let is_too_much_on = |(day, wanted): (&NaiveDate, &u32)| {
            is_too_much(on(counted, day), on(added, day), *wanted, limits.reminders_per_day)
        };
        if wanted.reminders.iter().any(is_too_much_on) {
            return over("reminders on the same day", limits.reminders_per_day, tomorrow);
        }
        if is_too_much(counted.open, added.open, wanted.open, limits.open_tasks) {
            return over("open tasks", limits.open_tasks, LATER_S);
        }
        None
    }
}

/// Something that was let through. Until it is dropped it may not be in a count yet.
#[must_use]
pub(crate) struct Admitted(Option<(Arc<Mutex<Tallies>>, String, Amounts)>);

impl Admitted {
    /// What nobody counts.
    pub(crate) fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some((tallies, user_id, amounts)) = self.0.take()
            && let Some(tally) = lock(&tallies).get_mut(&(amounts.of(), user_id))
        {
            tally.in_flight.take_away(&amounts);
        }
    }
}

impl Quota {
    pub(crate) fn new(limits: Quotas) -> Self {
        Self { limits, tallies: Arc::default() }
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
        let (user_id, now) = (&cause.user_id, cause.now);
        loop {
            let (turn, counts) = {
                let mut tallies = lock(&self.tallies);
                let tally = tally(&mut tallies, wanted.of(), user_id, now);
                let refusal = tally.refusal(&self.limits, wanted, now);
                match refusal {
                    Some(refusal) if tally.is_exact && !tally.is_older_than(HOLDS_REFUSING, now) => {
                        return Err(refusal);
                    }
                    None if tally.counted_at.is_some() && tally.added.number() < 2 * UNCOUNTED => {
                        let is_due = tally.is_older_than(HOLDS, now) || tally.added.number() >= UNCOUNTED;
                        if is_due && !tally.is_counting {
                            tally.is_counting = true;
                            self.count_later(store, cause, wanted.of(), tally);
                        }
                        return Ok(self.add(tally, user_id, wanted));
                    }
                    _ => (Arc::clone(&tally.turn), tally.counts),
                }
            };
            // Of many at once one counts.
            let _turn = turn.lock().await;
            let committed = {
                let mut tallies = lock(&self.tallies);
                let tally = tally(&mut tallies, wanted.of(), user_id, now);
                if tally.counts != counts {
                    continue;
                }
                tally.committed()
            };
            let counted = count(store, cause, wanted.of(), &self.limits).await?;
            let mut tallies = lock(&self.tallies);
            let tally = tally(&mut tallies, wanted.of(), user_id, now);
            if tally.counts != counts {
                // By another count, which took away what is in this one.
                continue;
            }
            tally.set(counted, &committed, now);
            return match tally.refusal(&self.limits, wanted, now) {
                Some(refusal) => Err(refusal),
                None => Ok(self.add(tally, user_id, wanted)),
            };
        }
    }

    fn add(&self, tally: &mut Tally, user_id: &str, wanted: &Amounts) -> Admitted {
        tally.added.add(wanted);
        tally.in_flight.add(wanted);
        Admitted(Some((Arc::clone(&self.tallies), user_id.to_owned(), wanted.clone())))
    }

    /// Counts beside the requests.
    fn count_later(&self, store: &Store, cause: &Cause, of: Of, tally: &Tally) {
        let (committed, counts) = (tally.committed(), tally.counts);
        let (store, cause, limits, tallies) =
            (store.clone(), cause.clone(), self.limits, Arc::clone(&self.tallies));
        tokio::spawn(async move {
            let counted = count(&store, &cause, of, &limits).await;
            let mut tallies = lock(&tallies);
            let tally = self::tally(&mut tallies, of, &cause.user_id, cause.now);
            tally.is_counting = false;
            match counted {
                Ok(counted) if tally.counts == counts => tally.set(counted, &committed, cause.now),
                Ok(_) => {}
                // The next one tries again.
                Err(refusal) => tracing::debug!(error = %refusal, "quotas could not be counted"),
            }
        });
    }

    /// Lets a question to the model through, or not.
    pub(crate) async fn admits_model_call(&self, store: &Store, cause: &Cause) -> Result<bool, Refusal> {
        match self.admit(store, cause, &Amounts::model_call()).await {
            Ok(_) => Ok(true),
            Err(Refusal::OverQuota { .. }) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }
}

fn lock(tallies: &Mutex<Tallies>) -> MutexGuard<'_, Tallies> {
    tallies.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives what is known of a user on the day that it is.
fn tally<'a>(tallies: &'a mut Tallies, of: Of, user_id: &str, now: DateTime<Utc>) -> &'a mut Tally {
    let key = (of, user_id.to_owned());
    if tallies.len() >= REMEMBERED_USERS && !tallies.contains_key(&key) {
        tallies.clear();
    }
    let today = now.date_naive();
    let tally = tallies.entry(key).or_insert_with(|| Tally::of(today));
    if tally.day < today {
        let counts = tally.counts + 1;
        *tally = Tally { is_counting: tally.is_counting, counts, ..Tally::of(today) };
    }
    tally
}

async fn count(store: &Store, cause: &Cause, of: Of, limits: &Quotas) -> Result<Amounts, Refusal> {
    let (user_id, today) = (cause.user_id.as_str(), start_of_day(cause.now));
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    if of == Of::Model {
        let limit = i64::from(limits.model_calls_per_day);
        let answers = store.count_model_answers(user_id, first_id(today), limit).await.map_err(refuse)?;
        return Ok(Amounts { model_calls: number(answers), ..Amounts::default() });
    }
    let found = store.count_tasks(user_id, i64::from(limits.open_tasks), today).await.map_err(refuse)?;
    Ok(Amounts {
        open: number(found.open_tasks),
        created: number(found.created_tasks),
        reminders: found.reminders.into_iter().map(|(day, count)| (day, number(count))).collect(),
        ..Amounts::default()
    })
}

fn start_of_day(now: DateTime<Utc>) -> DateTime<Utc> {
    now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

fn seconds_to_tomorrow(now: DateTime<Utc>) -> u32 {
    let tomorrow = start_of_day(now) + Days::new(1);
    // Rounded up.
    u32::try_from((tomorrow - now + TimeDelta::microseconds(999_999)).num_seconds()).unwrap_or(1).max(1)
}

/// Gives the least UUIDv7 of an instant (RFC 9562 §5.7).
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80 | 0x7 << 76 | 0b10 << 62)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Quotas =
        Quotas { open_tasks: 5, tasks_per_day: 4, reminders_per_day: 3, model_calls_per_day: 2 };

    fn noon() -> DateTime<Utc> {
        "2027-01-10T12:00:00.5Z".parse().expect("an instant")
    }

    #[test]
    fn the_last_one_is_let_through_and_the_next_is_told_when_to_come_back() {
        let one = Amounts { open: 1, created: 1, ..Amounts::default() };
        let mut tally = Tally::of(noon().date_naive());
        (tally.counted.created, tally.added.created) = (2, 1);
        assert!(tally.refusal(&LIMITS, &one, noon()).is_none());
        tally.added.created = 2;
        let refusal = tally.refusal(&LIMITS, &one, noon()).expect("a refusal");
        let Refusal::OverQuota { limit, retry_after_s, .. } = refusal else { panic!("{refusal}") };
        assert_eq!((limit, retry_after_s), (4, 12 * 3_600));
        (tally.added.created, tally.counted.open) = (0, 5);
        assert!(matches!(
            tally.refusal(&LIMITS, &one, noon()),
            Some(Refusal::OverQuota { what: "open tasks", retry_after_s: LATER_S, .. })
        ));
        // Whoever has too many may still do what adds none.
        let edit = Amounts { reminders: HashMap::from([(noon().date_naive(), 3)]), ..Amounts::default() };
        assert!(tally.refusal(&LIMITS, &edit, noon()).is_none());
    }

    #[test]
    fn reminders_count_for_the_day_that_they_are_on() {
        let (today, tomorrow) = (noon().date_naive(), noon().date_naive() + Days::new(1));
        let mut tally = Tally::of(today);
        tally.counted.reminders.insert(today, 3);
        let on = |day| Amounts { reminders: HashMap::from([(day, 1)]), ..Amounts::default() };
        assert!(tally.refusal(&LIMITS, &on(today), noon()).is_some());
        assert!(tally.refusal(&LIMITS, &on(tomorrow), noon()).is_none());
    }

    #[test]
    fn the_first_id_of_a_day_is_not_after_any_of_that_day() {
        let first = first_id(start_of_day(noon()));
        assert_eq!(first.get_version_num(), 7);
        assert!(first.to_string().ends_with("-7000-8000-000000000000"), "{first}");
        assert!(first < first_id(noon()));
    }

    #[test]
    fn a_count_that_may_have_in_it_what_is_added_too_is_not_taken_for_exact() {
        let one = Amounts { open: 1, created: 1, ..Amounts::default() };
        let mut tally = Tally::of(noon().date_naive());
        let committed = tally.committed();
        tally.added.add(&one);
        tally.set(one.clone(), &committed, noon());
        assert_eq!((tally.counted.created + tally.added.created, tally.is_exact), (2, false));
        let committed = tally.committed();
        tally.set(one, &committed, noon());
        assert_eq!((tally.counted.created + tally.added.created, tally.is_exact), (1, true));
    }

    #[test]
    fn a_new_day_begins_with_nothing() {
        let mut tallies = HashMap::new();
        tally(&mut tallies, Of::Tasks, "amna", noon()).added.created = 4;
        assert_eq!(tally(&mut tallies, Of::Tasks, "amna", noon()).added.created, 4);
        assert_eq!(tally(&mut tallies, Of::Tasks, "amna", noon() + Days::new(1)).added.created, 0);
    }
}
