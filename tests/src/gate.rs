//! A gate before a sidecar, which holds back what is asked of it: a document that is being saved until the test lets it through, or
//! everything of a kind for ever.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A gate, which is open.
#[derive(Debug)]
pub struct Gate {
    /// Where the sidecar is to be had through it.
    pub port: u16,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    sidecar_port: u16,
    client: Client<HttpConnector, Body>,
    is_shut: AtomicBool,
    /// What is never let through, and how many of it came.
    hanging: Mutex<Option<(Method, usize)>>,
    arrived: Notify,
    opened: Notify,
}

impl Gate {
    /// Puts one before the sidecar at a port.
    pub async fn before(sidecar_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let inner = Arc::new(Inner {
            sidecar_port,
            client: Client::builder(TokioExecutor::new()).build_http(),
            is_shut: AtomicBool::new(false),
            hanging: Mutex::default(),
            arrived: Notify::new(),
            opened: Notify::new(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { port, inner, serving }
    }

    /// Holds the next document back that is saved.
    pub fn shut(&self) {
        self.inner.is_shut.store(true, Ordering::SeqCst);
    }

    /// Lets no request of this method through from now on.
    pub fn hang(&self, method: Method) {
        *self.inner.hanging() = Some((method, 0));
    }

    /// Gives how many requests [`Self::hang`] holds back, or did until their callers gave up.
    pub fn hung(&self) -> usize {
        self.inner.hanging().as_ref().map_or(0, |(_, count)| *count)
    }

    /// Waits until one is held back.
    pub async fn is_holding(&self) {
        self.inner.arrived.notified().await;
    }

    /// Lets it through.
    pub fn open(&self) {
        self.inner.opened.notify_one();
    }
}

impl Inner {
    fn hanging(&self) -> std::sync::MutexGuard<'_, Option<(Method, usize)>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that is to hang.
    fn hangs(&self, request: &Request) -> bool {
        let mut hanging = self.hanging();
        let Some((_, count)) = hanging.as_mut().filter(|(method, _)| request.method() == method) else {
            return false;
        };
        *count += 1;
        true
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(State(gate): State<Arc<Inner>>, mut request: Request) -> Response {
    if request.method() == Method::POST && gate.is_shut.swap(false, Ordering::SeqCst) {
        gate.arrived.notify_one();
        gate.opened.notified().await;
    }
    if gate.hangs(&request) {
        gate.arrived.notify_one();
        std::future::pending::<()>().await;
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let uri = format!("http://127.0.0.1:{}{target}", gate.sidecar_port);
    *request.uri_mut() = uri.parse().expect("the target of a request");
    match gate.client.request(request).await {
        Ok(response) => response.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
