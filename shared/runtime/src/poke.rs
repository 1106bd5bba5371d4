//! Waking the relay after a commit, without waiting for it.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderValue, Request, Uri, header};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::sync::Notify;

use crate::config::Secret;

/// How long one poke may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// Wakes whoever moves committed events on; clones wake the same.
///
/// A poke never blocks and never fails: when it gets lost, the relay's own rounds find the events a little later.
#[derive(Clone, Debug)]
pub struct Poke(Target);

#[derive(Clone, Debug)]
enum Target {
    None,
    Local(Arc<Notify>),
    Http(Arc<Remote>),
}

impl Poke {
    /// Wakes nobody.
    pub fn none() -> Poke {
        Poke(Target::None)
    }

    /// Wakes a task of this process.
    pub fn local(notify: Arc<Notify>) -> Poke {
        Poke(Target::Local(notify))
    }

    /// Wakes another process by an empty POST to `relay_url`, an `http://` URL (`RELAY_URL`).
    ///
    /// At most one POST is on its way; wakes that come meanwhile become one more. Each has 2 s.
    ///
    /// `token` is what the relay wants to be shown, `RELAY_TOKEN`.
    ///
    /// # Errors
    /// The text is not a URL.
    pub fn http(relay_url: &str, token: Option<&Secret>) -> Result<Poke, axum::http::uri::InvalidUri> {
        let token = token.map(|token| format!("Bearer {}", token.reveal()));
        let token = token.and_then(|value| HeaderValue::from_str(&value).ok()).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Poke(Target::Http(Arc::new(Remote {
            uri: relay_url.parse()?,
            token,
            client: OnceLock::new(),
            is_wanted: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
        }))))
    }

    /// Wakes; returns at once. Outside a Tokio runtime an HTTP poke is dropped.
    pub fn wake(&self) {
        match &self.0 {
            Target::None => {}
            Target::Local(notify) => notify.notify_one(),
            Target::Http(remote) => remote.wake(),
        }
    }
}

struct Remote {
    uri: Uri,
    token: Option<HeaderValue>,
    client: OnceLock<Client<HttpConnector, Empty<Bytes>>>,
    is_wanted: AtomicBool,
    is_running: AtomicBool,
}

impl Remote {
    fn wake(self: &Arc<Remote>) {
        self.is_wanted.store(true, Ordering::SeqCst);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_running.swap(true, Ordering::SeqCst) {
            runtime.spawn(Arc::clone(self).run());
        }
    }

    /// Posts until nobody wants it any more; whoever asks in the last moment is seen by the second look.
    async fn run(self: Arc<Remote>) {
        loop {
            while self.is_wanted.swap(false, Ordering::SeqCst) {
                self.post().await;
            }
            self.is_running.store(false, Ordering::SeqCst);
            if !self.is_wanted.load(Ordering::SeqCst) || self.is_running.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }

    async fn post(&self) {
        let client = self.client.get_or_init(|| Client::builder(TokioExecutor::new()).build_http());
        let mut request =
            Request::post(self.uri.clone()).body(Empty::new()).expect("a method and a URI are a request");
        if let Some(token) = &self.token {
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        }
        match tokio::time::timeout(DEADLINE, client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => {}
            Ok(Ok(response)) => tracing::debug!(status = response.status().as_u16(), "poke refused"),
            Ok(Err(error)) => tracing::debug!(error = %error, "poke lost"),
            Err(_) => tracing::debug!("poke not answered in time"),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn many_wakes_become_few_posts() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let poke = Poke::http(&format!("http://{}/", listener.local_addr().expect("an address")), None)
            .expect("a URL");
        for _ in 0..100 {
            poke.wake();
        }
        let (mut first, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 6];
        first.read_exact(&mut head).await.expect("a request");
        assert_eq!(&head, b"POST /");
        for _ in 0..100 {
            poke.wake();
        }
        let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        first.write_all(answer).await.expect("the client listens");
        let (mut second, _) = listener.accept().await.expect("one more connection");
        second.write_all(answer).await.expect("the client listens");
        assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    }

    #[tokio::test]
    async fn a_poke_shows_what_the_relay_wants_to_be_shown_and_nobody_else_sees_it() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let poke = Poke::http(&url, Some(&Secret::new("hunter2"))).expect("a URL");
        poke.wake();
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = vec![0; 1024];
        let count = stream.read(&mut head).await.expect("a request");
        assert!(String::from_utf8_lossy(&head[..count]).contains("authorization: Bearer hunter2\r\n"));
        assert!(!format!("{poke:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_local_poke_is_not_lost_when_nobody_waits_yet() {
        let notify = Arc::new(Notify::new());
        Poke::local(Arc::clone(&notify)).wake();
        notify.notified().await;
        Poke::none().wake();
    }

    #[test]
    fn a_poke_outside_a_runtime_does_no_harm() {
        Poke::http("http://127.0.0.1:1/", None).expect("a URL").wake();
        assert!(Poke::http("not a url", None).is_err());
    }
}
