//! What a function is, whatever hosts it.

use std::{fmt, sync::Arc, time::Duration};

use axum::Router;
use futures::future::{BoxFuture, FutureExt};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::triggers::Trigger;

/// Work beside the requests, such as a loop that sweeps; it must return soon after the token is cancelled.
pub type Background = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// A deployable unit: its API, what triggers it, and what it needs to be ready.
///
/// ```
/// use runtime::{disposition::Disposition, function::Function, triggers};
/// let sweep = Function::new("scan-reminders").on(triggers::on_tick(async || Disposition::Done));
/// assert!(sweep.triggers.is_some() && sweep.topics.is_empty());
/// ```
#[must_use]
pub struct Function {
    /// The name of the folder, the crate, the binary and the service.
    pub name: &'static str,
    /// The API, for callers that are known; may be empty.
    pub http: OpenApiRouter,
    /// What needs no caller, such as a page, or a link that says itself whose it is; may be empty.
    pub public: OpenApiRouter,
    /// What takes events or ticks, as a POST to `/`.
    pub triggers: Option<Router>,
    /// The topics whose events `triggers` takes; empty for a tick.
    pub topics: &'static [&'static str],
    /// What must be there for the function to work.
    pub readiness: Vec<Check>,
    /// What runs beside the requests.
    pub background: Vec<Background>,
    /// How long a request or a batch of events may take; the host's limit of 30 s when `None`.
    pub timeout: Option<Duration>,
}

impl Function {
    /// Makes a function that does nothing yet.
    pub fn new(name: &'static str) -> Function {
        Function {
            name,
            http: OpenApiRouter::new(),
            public: OpenApiRouter::new(),
            triggers: None,
            topics: &[],
            readiness: Vec::new(),
            background: Vec::new(),
            timeout: None,
        }
    }

    /// Adds an API; its state is already applied. With `AUTH=jwt` it is reached with a token only.
    pub fn http(mut self, router: OpenApiRouter) -> Function {
        self.http = self.http.merge(router);
        self
    }

    /// Adds an API that anybody may call, without saying who; a handler of it has no [`crate::user::Caller`] with `AUTH=jwt`.
    pub fn public(mut self, router: OpenApiRouter) -> Function {
        self.public = self.public.merge(router);
        self
    }

    /// Sets what triggers the function: [`crate::triggers::on_events`] or [`crate::triggers::on_tick`].
    pub fn on(mut self, trigger: Trigger) -> Function {
        self.triggers = Some(trigger.router);
        self.topics = trigger.topics;
        self
    }

    /// Adds something that must be there for the function to work.
    pub fn ready_when(mut self, check: Check) -> Function {
        self.readiness.push(check);
        self
    }

    /// Adds work beside the requests.
    pub fn background<W, F>(mut self, work: W) -> Function
    where
        W: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.background.push(Box::new(move |stop| work(stop).boxed()));
        self
    }

    /// Sets how long a request or a batch of events may take.
    pub fn timeout(mut self, timeout: Duration) -> Function {
        self.timeout = Some(timeout);
        self
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

/// Something that `/ready` looks at: it answers `connected`, `unreachable` or `not_configured`.
#[derive(Clone)]
pub struct Check {
    /// What is looked at: `database`.
    pub name: &'static str,
    /// Looks, and gives one of the three words. Cut off after 2 s, which counts as `unreachable`.
    pub check: Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
    /// Whether the function cannot work without it.
    pub required: bool,
}

impl Check {
    /// Makes a check of something that cannot be done without.
    pub fn required<C, F>(name: &'static str, check: C) -> Check
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        Check { name, check: words(check), required: true }
    }

    /// Makes a check of something whose absence is shown but does no harm.
    pub fn optional<C, F>(name: &'static str, check: C) -> Check
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        Check { name, check: words(check), required: false }
    }
}

fn words<C, F>(check: C) -> Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>
where
    C: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    Arc::new(move || {
        check().map(|is_there| if is_there { "connected" } else { "unreachable" }.to_owned()).boxed()
    })
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
