//! Taking in what is left of a request's body after it was refused.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, SizeHint};

/// How much is taken in, and for how long: enough for an honest client to notice the answer.
const MOST_BYTES: usize = 8 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(1);

/// The body of a request that was lent to its handler.
pub(super) struct Lent(Option<Arc<Mutex<Body>>>);

/// Lends the body to the handler.
///
/// A server that closes a connection with unread bytes resets it, and the client may lose the answer that was on its
/// way (RFC 9112 §9.6), so that instead of 413 it sees a broken connection.
pub(super) fn lend(request: Request) -> (Request, Lent) {
    if request.body().is_end_stream() || waits_for_leave(request.headers()) {
        return (request, Lent(None));
    }
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body));
    let lent = Lent(Some(Arc::clone(&body)));
    (Request::from_parts(parts, Body::new(Shared(body))), lent)
}

impl Lent {
    /// Takes in the rest beside the answer, within bounds, and throws it away.
    pub(super) fn drain(self) {
        if let Some(body) = self.0.map(Shared).filter(|body| !body.is_end_stream()) {
            // Too slow is as good as too large: the connection is closed.
            tokio::spawn(tokio::time::timeout(DEADLINE, discard(body)));
        }
    }
}

async fn discard(mut body: Shared) {
    let mut taken = 0;
    while taken < MOST_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        taken += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// A client that asked first has not sent anything yet, and need not (RFC 9110 §10.1.1).
fn waits_for_leave(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}
