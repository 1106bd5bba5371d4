//! What starts a function other than its API: events and ticks, both a POST to `/`.

mod binary;
mod deliver;
mod incoming;
mod receive;

use axum::{Router, response::IntoResponse, routing::post};

use crate::disposition::Disposition;

#[cfg(feature = "kafka")]
pub(crate) use deliver::try_deliver;
pub use deliver::{deliver, tick};
#[cfg(feature = "lambda")]
pub(crate) use deliver::{deliver_with, tick_with};
pub use incoming::Incoming;
pub(crate) use receive::Counted;

/// A route for events or ticks; goes into [`crate::function::Function::on`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Trigger {
    /// Answers to `POST /`.
    pub router: Router,
    /// The topics whose events it takes; empty for a tick.
    pub topics: &'static [&'static str],
}

/// Takes CloudEvents 1.0 of `topics`: structured, binary or batched, always handed over as a batch.
///
/// The handler answers one [`Disposition`] per event, in the same order. An event that cannot be read is rejected
/// without the handler seeing it, and alone: the rest of its batch goes on. If the handler panics on a batch, each event
/// is handed over again by itself, so that only the one at fault is retried; handlers are idempotent anyway.
///
/// A single event is answered as [`Disposition`]'s `IntoResponse` says, a batch with 200 and
/// `{"dispositions":[{"id","status":"done"|"retry"|"unavailable"|"reject","why"?,"after_ms"?}]}`. At most 1 MiB for an event, 16 MiB
/// for a batch.
pub fn on_events<H, F>(topics: &'static [&'static str], handler: H) -> Trigger
where
    H: Fn(Vec<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Vec<Disposition>> + Send + 'static,
{
    let receive = post(move |request| async move { receive::receive(request, &handler).await });
    Trigger { router: Router::new().route("/", receive), topics }
}

/// Takes the ticks of a clock: any POST, whatever its body.
///
/// Ticks may be lost or doubled, so the handler gets no input: it does what is due.
pub fn on_tick<H, F>(handler: H) -> Trigger
where
    H: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Disposition> + Send + 'static,
{
    let receive = post(move || async move { handler().await.into_response() });
    Trigger { router: Router::new().route("/", receive), topics: &[] }
}
