//! What a setting says by now.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::Mutex;

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
    Test(Arc<dyn Fn() -> Result<Option<String>, String> + Send + Sync>),
}

/// Gives what a setting says by now, to those who use it for as long as the process runs.
///
/// A file is looked at every 5 s, while somebody asks, and at once after a refusal; a store is asked after a refusal only, every 5 s at
/// most. What can not be read, or is empty, changes nothing.
#[derive(Clone)]
pub struct Renewal(Option<Arc<Setting>>);

struct Setting {
    name: String,
    source: Source,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What it said last.
    value: Option<String>,
    asked: Option<Stopwatch>,
    /// Why it could not be read, if it could not.
    failed: Option<String>,
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
        Renewal(Some(Arc::new(Setting { name: name.to_owned(), source, pause, state: Mutex::default() })))
    }

    /// Gives another value than `used`, if there is one; `was_refused` says that whoever was shown `used` did not take it.
    ///
    /// What is found is for all: it goes on when whoever asked has given up.
    pub async fn newer(&self, used: &str, was_refused: bool) -> Option<String> {
        let setting = Arc::clone(self.0.as_ref()?);
        let used = used.to_owned();
        let found = tokio::spawn(async move { setting.newer(&used, was_refused).await });
        found.await.ok().flatten()
    }

    /// Gives the same as a function, for those who know nothing of settings.
    pub fn asked(
        self,
    ) -> impl Fn(String, bool) -> BoxFuture<'static, Option<String>> + Send + Sync + 'static {
        move |used, was_refused| {
            let renewal = self.clone();
            async move { renewal.newer(&used, was_refused).await }.boxed()
        }
    }
}

impl Setting {
    async fn newer(&self, used: &str, was_refused: bool) -> Option<String> {
        // Those who come while one asks get what it finds.
        let mut state = self.state.lock().await;
        let is_known = |state: &State| state.value.clone().filter(|value| value != used);
        let is_soon = state.asked.is_some_and(|asked| asked.elapsed() < self.pause);
        let is_asked = match self.source {
            // It costs nothing, and may have been half-written when it was read.
            Source::File(_) => !is_soon || was_refused,
            _ => !is_soon && was_refused,
        };
        if !is_asked {
            return is_known(&state);
        }
        let found = self.source.read(&self.name).await;
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
                    tracing::warn!(name, error = why, "a setting can not be read; what it was is kept");
                }
                state.failed = Some(why);
            }
        }
        is_known(&state)
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
            Self::Test(read) => read(),
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
    use std::sync::Mutex as Shared;

    use super::*;

    /// What a store says.
    type Says = Arc<Shared<Result<Option<String>, String>>>;

    /// A store, what it says, and how often it was asked.
    fn store() -> (Says, Arc<Shared<usize>>, Source) {
        let (says, asked) = (Arc::new(Shared::new(Ok(Some("1".to_owned())))), Arc::new(Shared::new(0)));
        let (said, count) = (Arc::clone(&says), Arc::clone(&asked));
        let read = move || {
            *count.lock().expect("nobody panicked") += 1;
            said.lock().expect("nobody panicked").clone()
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
