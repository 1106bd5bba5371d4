//! Every function in one process: the embedded default, and the small deployment.

mod audit;
mod cluster;
pub mod command;
mod dead_letters;
mod identity;
mod privacy;
mod roles;
mod secret;
mod serve;

use std::sync::Arc;

use application::Application;
use application::links::Links;
use axum::Router;
use chat_command::Backing;
use messaging::{InProcess, Published, Publisher, Subscriber};
use query_tasks::PushKey;
use relay_events::Outbox;
use runtime::clock::Clock;
use runtime::disposition::Disposition;
use runtime::function::Function;
use runtime::metrics::Metrics;
use runtime::triggers::deliver;
use send_reminder::Courier;
use sign_in::Signing;
use tokio::sync::Notify;

pub use serve::serve;

/// The Dapr app-id, and the name in logs.
pub const NAME: &str = "backend-service";

/// Tells the loops of this process that something was committed.
#[derive(Debug, Clone, Default)]
pub struct Wake {
    /// The relay: there are events.
    pub relay: Arc<Notify>,
    /// The scan: there may be reminders.
    pub scan: Arc<Notify>,
}

impl Wake {
    /// Wakes both; many calls at once wake them once.
    pub fn all(&self) {
        self.relay.notify_one();
        self.scan.notify_one();
    }
}

/// What functions have beside the database, from the settings.
#[derive(Clone)]
pub struct Parts {
    /// Delivers reminders.
    pub courier: Courier,
    /// Makes the links in mails.
    pub links: Option<Links>,
    /// What the chat works with.
    pub backing: Backing,
    /// What sign-in signs with; without, there is none.
    pub signing: Option<Signing>,
    /// How many streams of updates there may be.
    pub streams: stream_updates::Limits,
    /// How long what was published is kept.
    pub retention: relay_events::Retention,
}

/// Every function, joined by the bus of this process.
pub struct Composition {
    /// All of them, with their public routes.
    pub functions: Vec<Function>,
    /// The outbox and the bus: draining it delivers what was committed.
    pub outbox: Outbox,
    /// A tick of it announces the reminders that are due.
    pub scan: Router,
}

/// Joins every function over one database; nothing runs by itself yet.
pub fn compose(application: &Application, clock: &Clock, parts: Parts, metrics: &Metrics) -> Composition {
    compose_each(|_| application.clone(), clock, parts, metrics)
}

/// Joins every function, each over what its name gives: they may connect to the database as different roles.
pub fn compose_each(
    new: impl Fn(&'static str) -> Application,
    clock: &Clock,
    parts: Parts,
    metrics: &Metrics,
) -> Composition {
    let Parts { courier, links, backing, signing, streams, retention } = parts;
    let time = || clock.clone();
    let push_key = PushKey::new(courier.push().public_key());
    let consumers = [
        send_reminder::function(new(send_reminder::NAME), time(), courier.with_links(links.clone()), metrics),
        spawn_recurrence::function(new(spawn_recurrence::NAME), time()),
        write_audit::function(new(write_audit::NAME), time()),
    ];
    let subscribers = consumers.iter().filter_map(subscriber).collect();
    let publisher = Publisher::InProcess(InProcess::new(subscribers));
    let outbox = Outbox::new(new(relay_events::NAME), time(), publisher, retention, metrics);
    let scan_reminders = scan_reminders::function(new(scan_reminders::NAME), time(), metrics);
    let scan = scan_reminders.triggers.clone().expect("scan-reminders takes ticks");
    let mut functions = vec![
        create_task::function(new(create_task::NAME), time()),
        query_tasks::function(new(query_tasks::NAME), time(), push_key),
        update_task::function(new(update_task::NAME), time()),
        complete_task::function(new(complete_task::NAME), time()),
        delete_task::function(new(delete_task::NAME), time()),
        chat_command::function(new(chat_command::NAME), time(), backing),
        follow_link::function(new(follow_link::NAME), time(), links),
        stream_updates::function(new(stream_updates::NAME), time(), streams),
        web::function(),
        scan_reminders,
        relay_events::function(outbox.clone()),
    ];
    functions.extend(signing.map(|signing| sign_in::function(new(sign_in::NAME), time(), signing)));
    functions.extend(consumers);
    Composition { functions, outbox, scan }
}

fn subscriber(function: &Function) -> Option<Subscriber> {
    let router = function.triggers.clone()?;
    let hand_over = move |events: Vec<Vec<u8>>| {
        let router = router.clone();
        async move { deliver(&router, &events).await.into_iter().map(published).collect() }
    };
    Some(Subscriber::new(function.name, function.topics, hand_over))
}

fn published(disposition: Disposition) -> Published {
    match disposition {
        Disposition::Done => Published::Done,
        Disposition::Retry { after, why } => Published::Retry { after, why },
        Disposition::Unavailable { why } => Published::Unavailable { after: None, why },
        Disposition::Reject { why } => Published::Never { why },
    }
}
