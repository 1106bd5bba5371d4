//! What a setting says by now.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use events::{Renew, Why};
use futures::future::{BoxFuture, FutureExt, Shared};
use tokio::task::AbortHandle;

use super::dapr;
use crate::clock::Stopwatch;

/// How often it is looked whether a file says something else, and how often a store is asked after a refusal.
const PAUSE: Duration = Duration::from_secs(5);

/// Where the value of a variable comes from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A file, whose content may change; such as a mounted secret of Kubernetes, which is a symbolic link to another one each time.
    File(PathBuf),
    /// A secret store of a Dapr sidecar.
    Dapr(Arc<dapr::Stored>),
    /// AWS Secrets Manager.
    #[cfg(feature = "aws")]
    Aws(Arc<super::aws::Kept>),
    /// What a test says.
    #[cfg(test)]
    Test(Arc<dyn Fn() -> BoxFuture<'static, Result<Option<String>, String>> + Send + Sync>),
}

/// Gives what a setting says by now, to those who use it for as long as the process runs.
///
/// A file is looked at every 5 s, while somebody asks, and at once after a refusal; a store is asked after a refusal only, every 5 s at
/// most. What can not be read or used, or is empty, changes nothing.
#[derive(Clone)]
pub struct Renewal(Option<Arc<Setting>>);

struct Setting {
    name: String,
    source: Source,
    check: Check,
    pause: Duration,
    state: Mutex<State>,
}

/// Says why a value can not be used, without showing it.
type Check = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

#[derive(Default)]
struct State {
    /// What it said last.
    value: Option<String>,
    asked: Option<Stopwatch>,
    /// Why it could not be read or used, if it could not.
    failed: Option<String>,
    reading: Option<Reading>,
}

/// A reading under way, of which there is one at a time, however many wait for it.
#[derive(Clone)]
struct Reading {
    task: AbortHandle,
    done: Shared<BoxFuture<'static, ()>>,
}

impl Renewal {
    /// Makes one of a setting that never changes.
    pub fn never() -> Renewal {
        Renewal(None)
    }

    pub(crate) fn new(name: &str, source: Source) -> Renewal {
        Self::pausing(name, source, PAUSE)
    }

    fn pausing(name: &str, source: Source, pause: Duration) -> Renewal {
        let (name, check, state) = (name.to_owned(), Arc::new(|_: &str| Ok(())), Mutex::default());
        Renewal(Some(Arc::new(Setting { name, source, check, pause, state })))
    }

    /// Has only those values taken that can be used; what is said of others is logged, and must not show them.
    #[must_use]
    pub fn only(self, check: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Renewal {
        let checked = |setting: Arc<Setting>| {
            let Setting { name, source, pause, .. } = &*setting;
            let (name, source, pause) = (name.clone(), source.clone(), *pause);
            Arc::new(Setting { name, source, check: Arc::new(check), pause, state: Mutex::default() })
        };
        Renewal(self.0.map(checked))
    }

    /// Gives another value than `used`, if there is one; `was_refused` says that whoever was shown `used` did not take it.
    ///
    /// It can be asked as often as one likes, and nobody needs to wait: what is found is for all, also when whoever asked has given up.
    pub async fn newer(&self, used: &str, was_refused: bool) -> Option<String> {
        let setting = self.0.as_ref()?;
        if let Some((reading, is_own)) = setting.read_soon(used, was_refused) {
            reading.done.await;
            // It may have been begun before the change.
            if was_refused
                && !is_own
                && setting.known(used).is_none()
                && let Some((reading, _)) = setting.read_soon(used, was_refused)
            {
                reading.done.await;
            }
        }
        setting.known(used)
    }

    /// Gives the same as a function, for those who know nothing of settings; `None` for a setting that never changes.
    pub fn asked(self) -> Option<Renew> {
        self.0.is_some().then(|| -> Renew {
            Arc::new(move |used, why| {
                let renewal = self.clone();
                async move { renewal.newer(&used, why == Why::Refused).await }.boxed()
            })
        })
    }
}

impl Setting {
    /// Gives the reading that is under way, or begins one if it is time, and says whether it did.
    fn read_soon(self: &Arc<Self>, used: &str, was_refused: bool) -> Option<(Reading, bool)> {
        let is_file = matches!(self.source, Source::File(_));
        if !is_file && !was_refused {
            return None;
        }
        let mut state = self.state();
        if let Some(reading) = state.reading.as_ref().filter(|reading| !reading.task.is_finished()) {
            return Some((reading.clone(), false));
        }
        // Reading a file costs nothing, and it may have been half-written when it was read.
        let is_soon = state.asked.is_some_and(|asked| asked.elapsed() < self.pause);
        if is_soon && !(is_file && was_refused) {
            return None;
        }
        let (setting, used) = (Arc::clone(self), used.to_owned());
        let task = tokio::spawn(async move { setting.read(&used, was_refused).await });
        let reading = Reading { task: task.abort_handle(), done: task.map(|_| ()).boxed().shared() };
        state.reading = Some(reading.clone());
        Some((reading, true))
    }

    async fn read(&self, used: &str, was_refused: bool) {
        let mut found = self.source.read(&self.name).await;
        if let Ok(Some(value)) = &found
            && value != used
            && let Err(why) = (self.check)(value)
        {
            found = Err(why);
        }
        let mut state = self.state();
        // From its end on: what takes long is not asked without a pause.
        state.asked = Some(Stopwatch::start());
        let name = &self.name;
        match found {
            Ok(Some(value)) => {
                state.failed = None;
                if value != used && state.value.as_ref() != Some(&value) {
                    tracing::info!(name, was_refused, "a setting has changed");
                }
                state.value = Some(value);
            }
            Ok(None) => {}
            Err(why) => {
                if state.failed.as_ref() != Some(&why) {
                    tracing::warn!(
                        name,
                        error = why,
                        "a setting can not be read or used; what it was is kept"
                    );
                }
                state.failed = Some(why);
            }
        }
    }

    /// Gives what it said last, if that is another value than `used`.
    fn known(&self, used: &str) -> Option<String> {
        self.state().value.clone().filter(|value| value != used)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    async fn read(&self, name: &str) -> Result<Option<String>, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
                let read = read.map_err(|_| "reading it was cut off".to_owned())?;
                let content = read.map_err(|error| error.to_string())?;
                // Perhaps it is being written.
                Ok(Some(content.trim().to_owned()).filter(|content| !content.is_empty()))
            }
            Self::Dapr(stored) => stored.read(name).await,
            #[cfg(feature = "aws")]
            Self::Aws(kept) => kept.read(name).await,
            #[cfg(test)]
            Self::Test(read) => read().await,
        }
    }
}

/// Shows the name alone.
impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renewal").field(&self.0.as_ref().map(|setting| &setting.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;

    /// What a store says.
    type Says = Arc<Mutex<Result<Option<String>, String>>>;

    /// A store, what it says, and how often it was asked.
    fn store() -> (Says, Arc<Mutex<usize>>, Source) {
        let (says, asked) = (Arc::new(Mutex::new(Ok(Some("1".to_owned())))), Arc::new(Mutex::new(0)));
        let (said, count) = (Arc::clone(&says), Arc::clone(&asked));
        let read = move || {
            *count.lock().expect("nobody panicked") += 1;
            let says = said.lock().expect("nobody panicked").clone();
            async move { says }.boxed()
        };
        (says, asked, Source::Test(Arc::new(read)))
    }

    #[tokio::test]
    async fn a_store_is_asked_after_a_refusal_only_and_not_again_at_once() {
        let (says, asked, source) = store();
        let renewal = Renewal::new("A", source);
        let count = || *asked.lock().expect("nobody panicked");
        assert_eq!((renewal.newer("1", false).await, count()), (None, 0));
        assert_eq!((renewal.newer("1", true).await, count()), (None, 1));
        *says.lock().expect("nobody panicked") = Ok(Some("2".to_owned()));
        assert_eq!((renewal.newer("1", true).await, count()), (None, 1), "a moment ago");
        let (says, asked, source) = store();
        let renewal = Renewal::pausing("A", source, Duration::ZERO);
        *says.lock().expect("nobody panicked") = Ok(Some("2".to_owned()));
        assert_eq!(renewal.newer("1", true).await.as_deref(), Some("2"));
        assert_eq!(renewal.newer("1", false).await.as_deref(), Some("2"), "what others found");
        for nothing in [Ok(None), Err("away".to_owned())] {
            *says.lock().expect("nobody panicked") = nothing;
            assert_eq!(renewal.newer("2", true).await, None);
        }
        assert_eq!(*asked.lock().expect("nobody panicked"), 3);
    }

    #[tokio::test]
    async fn many_that_are_refused_at_once_ask_once() {
        let (says, asked, source) = store();
        let renewal = Renewal::new("A", source);
        *says.lock().expect("nobody panicked") = Ok(Some("2".to_owned()));
        let all = (0..50).map(|_| renewal.newer("1", true));
        let found = futures::future::join_all(all).await;
        assert!(found.iter().all(|value| value.as_deref() == Some("2")), "{found:?}");
        assert_eq!(*asked.lock().expect("nobody panicked"), 1);
    }

    #[tokio::test]
    async fn those_who_give_up_on_a_slow_store_leave_one_task_behind_and_all_get_what_it_finds() {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let answered = answered.map(|said: Result<String, _>| Ok(said.ok())).boxed().shared();
        let renewal = Renewal::new("A", Source::Test(Arc::new(move || answered.clone().boxed())));
        for _ in 0..50 {
            assert_eq!(renewal.newer("1", true).now_or_never(), None);
        }
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        assert_eq!(renewal.newer("1", false).now_or_never(), Some(None), "who was not refused does not wait");
        answer.send("2".to_owned()).expect("it is waited for");
        assert_eq!(renewal.newer("1", true).await.as_deref(), Some("2"));
        assert_eq!(renewal.newer("1", false).now_or_never().flatten().as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_read_once_more_for_those_who_are_refused_then() {
        let path = std::env::temp_dir().join(format!("runtime-renewal-late-{}", std::process::id()));
        std::fs::write(&path, "1").expect("a file");
        let renewal = Renewal::new("A", Source::File(path.clone()));
        let Some(setting) = &renewal.0 else { panic!("it can change") };
        // One that has read what was there before, and has not said so yet.
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(gone.map(|_| ()));
        let reading = Reading { task: task.abort_handle(), done: task.map(|_| ()).boxed().shared() };
        setting.state().reading = Some(reading);
        std::fs::write(&path, "2").expect("a file");
        let mut late = Box::pin(renewal.newer("1", true));
        assert_eq!((&mut late).now_or_never(), None);
        go.send(()).expect("it is waited for");
        assert_eq!(late.await.as_deref(), Some("2"));
        std::fs::remove_file(&path).expect("the file is ours");
    }

    #[tokio::test]
    async fn what_can_not_be_used_changes_nothing() {
        let (says, _, source) = store();
        let renewal = Renewal::pausing("A", source, Duration::ZERO)
            .only(|value| if value.len() == 1 { Ok(()) } else { Err("it must be one character".to_owned()) });
        *says.lock().expect("nobody panicked") = Ok(Some("22".to_owned()));
        assert_eq!(renewal.newer("1", true).await, None);
        *says.lock().expect("nobody panicked") = Ok(Some("3".to_owned()));
        assert_eq!(renewal.newer("1", true).await.as_deref(), Some("3"));
        *says.lock().expect("nobody panicked") = Ok(Some("44".to_owned()));
        assert_eq!(renewal.newer("1", true).await.as_deref(), Some("3"), "what was good is still known");
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_what_was_found_to_the_others() {
        let (says, _, source) = store();
        let renewal = Renewal::new("A", source);
        *says.lock().expect("nobody panicked") = Ok(Some("2".to_owned()));
        // Polled once, then dropped.
        assert_eq!(renewal.newer("1", true).now_or_never(), None);
        assert_eq!(renewal.newer("1", true).await.as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn a_file_is_read_again_now_and_then_and_after_each_refusal() {
        let path = std::env::temp_dir().join(format!("runtime-renewal-{}", std::process::id()));
        let write = |text: &str| std::fs::write(&path, text).expect("a file");
        write("1\n");
        let [lazy, eager] =
            [PAUSE, Duration::ZERO].map(|pause| Renewal::pausing("A", Source::File(path.clone()), pause));
        assert_eq!((lazy.newer("1", false).await, eager.newer("1", false).await), (None, None));
        write("2\n");
        assert_eq!(lazy.newer("1", false).await, None, "it was looked at a moment ago");
        assert_eq!(eager.newer("1", false).await.as_deref(), Some("2"));
        assert_eq!(lazy.newer("1", true).await.as_deref(), Some("2"));
        // Half of it, as one reads who comes while it is written.
        write("");
        assert_eq!(lazy.newer("2", true).await, None);
        write("3 but no");
        assert_eq!(lazy.newer("2", true).await.as_deref(), Some("3 but no"));
        write("3");
        assert_eq!(lazy.newer("2", true).await.as_deref(), Some("3"), "the half was of no use");
        std::fs::remove_file(&path).expect("the file is ours");
        assert_eq!((lazy.newer("3", true).await, eager.newer("2", false).await), (None, None));
    }

    #[tokio::test]
    async fn what_was_set_itself_never_changes() {
        assert_eq!(Renewal::never().newer("1", true).await, None);
    }
}
