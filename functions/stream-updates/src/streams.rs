//! Which streams are open, and who tells them to look.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use application::Application;
use application::feed;
use events::Refusal;
use runtime::backoff::PAUSE;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Limits;

/// How often it is seen whether the connection to listen on is still needed, and still there. After the last stream it is kept until then:
/// most come back.
const LINGER: Duration = Duration::from_secs(30);
/// How long the database may take to answer on it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How often a stream looks by itself while it is told when to: what was said may have been lost.
const LOOK_WHILE_TOLD: Duration = Duration::from_secs(5);
/// How often it looks where nobody tells it.
const LOOK: Duration = Duration::from_secs(1);

/// Why a stream is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The user has as many as a user may have.
    OfUser,
    /// The process has.
    OfProcess,
}

/// The streams of a process; clones are the same.
#[derive(Clone)]
pub(crate) struct Streams {
    shared: Arc<Shared>,
}

struct Shared {
    application: Application,
    limits: Limits,
    open: Mutex<Open>,
    /// Whether somebody tells them.
    is_told: AtomicBool,
    /// Whether it was said that the database is away.
    is_away: AtomicBool,
    /// Cancelled when the process stops.
    stop: CancellationToken,
}

#[derive(Default)]
struct Open {
    /// By the mark of the user.
    by_user: HashMap<u64, Vec<Arc<Notify>>>,
    count: usize,
    is_listened_for: bool,
}

/// The place of a stream among the open ones, until it is dropped.
pub(crate) struct Place {
    streams: Streams,
    mark: u64,
    told: Arc<Notify>,
}

impl Streams {
    pub(crate) fn new(application: Application, limits: Limits) -> Self {
        let (open, stop) = (Mutex::default(), CancellationToken::new());
        let (is_told, is_away) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { application, limits, open, is_told, is_away, stop }) }
    }

    pub(crate) fn application(&self) -> &Application {
        &self.shared.application
    }

    pub(crate) fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// Gives what is cancelled when all streams are to end.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.shared.stop
    }

    /// Notes whether a stream could look; once for all of them it is said that they can not.
    pub(crate) fn note(&self, refusal: Option<&Refusal>) {
        let was_away = self.shared.is_away.swap(refusal.is_some(), Ordering::Relaxed);
        if let Some(refusal) = refusal.filter(|_| !was_away) {
            let error = runtime::ask::chain(refusal);
            tracing::warn!(error, "streams of updates can not look, trying again");
        }
    }

    /// Gives a stream of a user its place.
    pub(crate) fn open(&self, user_id: &str) -> Result<Place, Full> {
        let (mark, told) = (feed::mark(user_id), Arc::new(Notify::new()));
        let Limits { per_user, per_process, .. } = self.shared.limits;
        let mut open = self.lock();
        if open.by_user.get(&mark).is_some_and(|streams| streams.len() >= per_user) {
            return Err(Full::OfUser);
        }
        if open.count >= per_process {
            return Err(Full::OfProcess);
        }
        open.by_user.entry(mark).or_default().push(Arc::clone(&told));
        open.count += 1;
        if !open.is_listened_for {
            open.is_listened_for = true;
            tokio::spawn(self.clone().listen());
        }
        Ok(Place { streams: self.clone(), mark, told })
    }

    /// Listens, as long as there are streams, and tells them.
    async fn listen(self) {
        let listening = async {
            let mut is_known_to_fail = false;
            loop {
                match self.application().listen_to_feed().await {
                    Ok(None) => std::future::pending().await,
                    Ok(Some(mut listener)) => {
                        self.shared.is_told.store(true, Ordering::Relaxed);
                        is_known_to_fail = false;
                        // Of what came before nobody was told.
                        self.tell_all();
                        loop {
                            match timeout(LINGER, listener.next()).await {
                                Ok(Some(marks)) => self.tell(&marks),
                                Ok(None) => break,
                                Err(_) if is_alive(&mut listener).await => {}
                                Err(_) => break,
                            }
                        }
                        self.shared.is_told.store(false, Ordering::Relaxed);
                    }
                    Err(refusal) if !is_known_to_fail => {
                        is_known_to_fail = true;
                        let error = runtime::ask::chain(&refusal);
                        tracing::warn!(error, "nobody tells streams of changes; they look by themselves");
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let over = async {
            loop {
                tokio::time::sleep(LINGER).await;
                let mut open = self.lock();
                if open.count == 0 {
                    open.is_listened_for = false;
                    return;
                }
            }
        };
        tokio::select! {
            () = listening => {}
            () = over => {}
            () = self.shared.stop.cancelled() => {}
        }
        self.shared.is_told.store(false, Ordering::Relaxed);
    }

    fn tell(&self, marks: &[u64]) {
        let open = self.lock();
        for told in marks.iter().filter_map(|mark| open.by_user.get(mark)).flatten() {
            told.notify_one();
        }
    }

    fn tell_all(&self) {
        self.lock().by_user.values().flatten().for_each(|told| told.notify_one());
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn is_alive(listener: &mut feed::Listener) -> bool {
    matches!(timeout(ANSWERS_WITHIN, listener.ping()).await, Ok(Ok(())))
}

impl Place {
    /// Waits until there may be something new.
    pub(crate) async fn told(&self) {
        let is_told = self.streams.shared.is_told.load(Ordering::Relaxed);
        // Looking once too often does no harm.
        let _ = timeout(if is_told { LOOK_WHILE_TOLD } else { LOOK }, self.told.notified()).await;
    }

    /// Has the next wait be over at once.
    pub(crate) fn look_again(&self) {
        self.told.notify_one();
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.count -= 1;
        if let Some(streams) = open.by_user.get_mut(&self.mark) {
            streams.retain(|told| !Arc::ptr_eq(told, &self.told));
            if streams.is_empty() {
                open.by_user.remove(&self.mark);
            }
        }
    }
}
