//! The listener: accepts, bounds how slow a client may be, and stops without dropping a request.

use std::{io, net::SocketAddr, sync::Once, time::Duration};

use axum::{Router, http::header, routing::get};
use futures::FutureExt;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{App, connection};
use crate::{limits::Limits, metrics};

/// How long to wait when the system has no file descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many may read the metrics at a time.
const METRICS_CONNECTIONS: usize = 16;

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Somebody else listens there.
    #[error(
        "{variable} {port} is in use on {host}; stop the other program or set {variable} to another port"
    )]
    InUse {
        /// `PORT` or `METRICS_PORT`.
        variable: &'static str,
        /// The port.
        port: u16,
        /// The address.
        host: std::net::IpAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address} ({variable}): {reason}")]
    Listen {
        /// `PORT` or `METRICS_PORT`.
        variable: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
}

/// Serves `app` over HTTP/1.1 and HTTP/2 (prior knowledge) until `shutdown` resolves; `on_ready` gets the address.
///
/// Then it stops accepting, closes idle connections, lets requests in flight and the work in the background finish for
/// at most 10 s, and returns. With `METRICS_PORT`, `/metrics` is served beside it until the very end.
///
/// # Errors
/// One of the ports cannot be listened on.
pub async fn serve(
    app: App,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let listener = bind("PORT", app.address).await?;
    let metrics_listener = match app.metrics_address {
        Some(address) => Some(bind("METRICS_PORT", address).await?),
        None => None,
    };
    let limits = app.limits;
    let metrics = app.metrics.clone();
    let (router, background) = app.into_parts();

    let stop = CancellationToken::new();
    let mut beside = JoinSet::new();
    for work in background {
        beside.spawn(work(stop.clone()));
    }
    // Ends with this function, however it ends.
    let mut metrics_server = JoinSet::new();
    if let Some(listener) = metrics_listener {
        metrics_server.spawn(async move {
            let (mut connections, stop) = (JoinSet::new(), CancellationToken::new());
            let limits = Limits { connections: limits.connections.min(METRICS_CONNECTIONS), ..limits };
            let router = metrics_router(metrics);
            accept(&listener, router, limits, &mut connections, &stop, std::future::pending()).await;
        });
    }
    if let Ok(address) = listener.local_addr() {
        on_ready(address);
        tracing::info!(address = %address, "serving");
    }

    let mut connections = JoinSet::new();
    accept(&listener, router, limits, &mut connections, &stop, shutdown).await;
    drop(listener);
    tracing::info!(connections = connections.len(), "stopping");
    stop.cancel();
    let finished = async {
        while connections.join_next().await.is_some() {}
        while beside.join_next().await.is_some() {}
    };
    if tokio::time::timeout(limits.drain_deadline, finished).await.is_err() {
        tracing::error!("requests still in flight after the deadline are dropped");
    }
    Ok(())
}

async fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|reason| match reason.kind() {
        io::ErrorKind::AddrInUse => ServeError::InUse { variable, port: address.port(), host: address.ip() },
        _ => ServeError::Listen { variable, address, reason },
    })
}

fn metrics_router(metrics: metrics::Metrics) -> Router {
    let render = async move || ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.render());
    Router::new().route("/metrics", get(render))
}

/// Accepts connections until `shutdown` resolves; each is a task among `connections`.
async fn accept(
    listener: &TcpListener,
    router: Router,
    limits: Limits,
    connections: &mut JoinSet<()>,
    stop: &CancellationToken,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    let full = Once::new();
    loop {
        if connections.len() >= limits.connections {
            full.call_once(|| {
                tracing::warn!(connections = limits.connections, "as many as there may be; others wait")
            });
        }
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept(), if connections.len() < limits.connections => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection::serve(stream, router.clone(), limits, stop.clone()));
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(error = %error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Those that the system has accepted for us already may carry requests.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        connections.spawn(connection::serve(stream, router.clone(), limits, stop.clone()));
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use hyper_util::rt::TokioExecutor;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::{Notify, Semaphore, oneshot},
        task::JoinHandle,
        time::Instant,
    };

    use super::*;
    use crate::{
        config::{Config, Environment},
        function::Function,
    };

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        served: JoinHandle<Result<(), ServeError>>,
    }

    impl Server {
        async fn start(limits: Limits, routes: Router, pairs: &[(&str, &str)]) -> Server {
            let pairs = [("PORT", "0")].iter().chain(pairs).copied();
            let environment = Environment::from_pairs(pairs);
            let config = Config::from_environment(&environment).expect("a configuration");
            let app = App::new(&config, vec![Function::new("sample").http(routes.into())]).limits(limits);
            let (stop, stopped) = oneshot::channel();
            let (ready, address) = oneshot::channel();
            let shutdown = async { stopped.await.unwrap_or_default() };
            let served =
                tokio::spawn(serve(app, shutdown, |address| ready.send(address).expect("the test waits")));
            Server { address: address.await.expect("the server starts"), stop, served }
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.expect("a connection")
        }

        async fn stop(self) {
            self.stop.send(()).expect("the server runs");
            self.served.await.expect("the server ends").expect("the server served");
        }
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("the server answers in UTF-8");
        text
    }

    fn quick() -> Limits {
        Limits { header_deadline: Duration::from_millis(50), ..Limits::default() }
    }

    #[tokio::test]
    async fn a_request_in_flight_is_finished_and_idle_connections_are_closed() {
        let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&go_on));
        let slow = get(async move || {
            inside.notify_one();
            gate.notified().await;
            "finished"
        });
        let server = Server::start(Limits::default(), Router::new().route("/slow", slow), &[]).await;
        let silent = server.connect().await;
        let mut idle = server.connect().await;
        idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("the server listens");
        let mut busy = server.connect().await;
        busy.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("the server listens");
        entered.notified().await;

        let address = server.address;
        let stopped = tokio::spawn(server.stop());
        assert_eq!(rest(silent).await, "");
        assert!(rest(idle).await.starts_with("HTTP/1.1 200"));
        assert!(TcpStream::connect(address).await.is_err(), "the server no longer accepts");
        assert!(!stopped.is_finished());
        go_on.notify_one();
        assert!(rest(busy).await.ends_with("finished"));
        stopped.await.expect("the server ends");
    }

    #[tokio::test]
    async fn a_request_that_arrived_just_before_the_signal_is_answered() {
        for _ in 0..20 {
            let server = Server::start(Limits::default(), Router::new(), &[]).await;
            let mut streams = Vec::new();
            for _ in 0..8 {
                let mut stream = server.connect().await;
                stream
                    .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                    .await
                    .expect("the server listens");
                streams.push(stream);
            }
            server.stop().await;
            for stream in streams {
                assert!(rest(stream).await.starts_with("HTTP/1.1 200"));
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_answered_before_the_connection_is_closed() {
        let server = Server::start(Limits::default(), Router::new(), &[]).await;
        let mut stream = server.connect().await;
        let head = "POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4000000\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("the server listens");
        stream.write_all(&vec![b' '; 4_000_000]).await.expect("the server takes the body in");
        assert!(rest(stream).await.starts_with("HTTP/1.1 404"));
        server.stop().await;
    }

    #[tokio::test]
    async fn a_request_that_never_finishes_is_dropped_at_the_deadline() {
        let never = get(async || std::future::pending::<()>().await);
        let limits = Limits { drain_deadline: Duration::from_millis(50), ..Limits::default() };
        let server = Server::start(limits, Router::new().route("/never", never), &[]).await;
        let mut stream = server.connect().await;
        stream
            .write_all(b"GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .expect("the server listens");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_client_that_sends_its_headers_slowly_is_closed() {
        let server = Server::start(quick(), Router::new(), &[]).await;
        for start in ["", "P", "PR", "G", "GET /health HTTP/1.1\r\nhost: localhost\r\n", "PRI * HTTP/2.0\r\n"]
        {
            let mut stream = server.connect().await;
            stream.write_all(start.as_bytes()).await.expect("the server listens");
            let closed =
                tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
            assert!(closed.is_ok(), "{start:?} is still connected");
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn headers_that_are_too_large_or_too_many_are_refused() {
        let server = Server::start(Limits::default(), Router::new(), &[]).await;
        let many = "x: y\r\n".repeat(1000);
        let large = format!("x: {}\r\n", "y".repeat(100_000));
        for headers in [many, large] {
            let mut stream = server.connect().await;
            let request = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
            let _ = stream.write_all(request.as_bytes()).await;
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.expect("an answer");
            assert_eq!(&start, b"HTTP/1.1 431");
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn a_url_that_is_too_long_is_refused_and_the_longest_that_fits_is_read() {
        let server = Server::start(Limits::default(), Router::new(), &[]).await;
        for (length, statuses) in [
            (60_000, &["200"][..]),
            (65_000, &["200", "414", "431"]),
            (65_535, &["414", "431"]),
            (200_000, &["414", "431"]),
        ] {
            let mut stream = server.connect().await;
            let path = format!("/health?{}", "y".repeat(length - "/health?".len()));
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(request.as_bytes()).await;
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.expect("an answer");
            let status = String::from_utf8_lossy(&start[9..]).into_owned();
            assert!(statuses.contains(&status.as_str()), "{length}: {status}");
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn http_2_with_prior_knowledge_is_served() {
        let server = Server::start(Limits::default(), Router::new(), &[]).await;
        let client =
            hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let uri = format!("http://{}/health", server.address).parse().expect("a URI");
        let response =
            hyper_util::client::legacy::Client::<_, Body>::get(&client, uri).await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.version()), (200, hyper::Version::HTTP_2));
        server.stop().await;
    }

    #[tokio::test]
    async fn requests_in_flight_over_http_2_are_finished_and_no_other_is_let_in() {
        const STREAMS: usize = 8;
        let (entered, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&go_on));
        let slow = get(async move || {
            inside.add_permits(1);
            gate.acquire().await.expect("the test waits").forget();
            "finished"
        });
        let server = Server::start(Limits::default(), Router::new().route("/slow", slow), &[]).await;
        let address = server.address;
        let client =
            hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let asked: Vec<_> = (0..STREAMS)
            .map(|_| {
                let uri = format!("http://{address}/slow").parse().expect("a URI");
                tokio::spawn(hyper_util::client::legacy::Client::<_, Body>::get(&client, uri))
            })
            .collect();
        let all = u32::try_from(STREAMS).expect("a few");
        entered.acquire_many(all).await.expect("the test waits").forget();

        let stopped = tokio::spawn(server.stop());
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!stopped.is_finished());
        let uri = format!("http://{address}/health").parse().expect("a URI");
        assert!(client.get(uri).await.is_err(), "the connection takes no further stream");
        go_on.add_permits(STREAMS);
        for asked in asked {
            let response = asked.await.expect("it ran").expect("an answer");
            assert_eq!((response.status().as_u16(), response.version()), (200, hyper::Version::HTTP_2));
            let body = axum::body::to_bytes(Body::new(response.into_body()), 100).await.expect("a body");
            assert_eq!(&body[..], b"finished");
        }
        stopped.await.expect("the server ends");
    }

    #[tokio::test]
    async fn a_client_that_begins_http_2_and_says_no_more_is_closed() {
        let server = Server::start(quick(), Router::new(), &[]).await;
        let mut stream = server.connect().await;
        // The preface, and empty SETTINGS (RFC 9113 §3.4, §6.5); no ping is answered.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("it listens");
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
        assert!(closed.is_ok(), "it is still connected");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_client_of_http_2_that_answers_pings_and_asks_for_nothing_is_closed() {
        let server = Server::start(quick(), Router::new(), &[]).await;
        let mut stream = server.connect().await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("it listens");
        let mut frame = [0; 9];
        let closed = async {
            while stream.read_exact(&mut frame).await.is_ok() {
                let mut payload = vec![0; usize::from(frame[2])];
                stream.read_exact(&mut payload).await?;
                // A PING without ACK (RFC 9113 §6.7) comes back with it.
                if (frame[3], frame[4]) == (6, 0) {
                    frame[4] = 1;
                    stream.write_all(&[&frame[..], &payload].concat()).await?;
                }
            }
            Ok::<_, std::io::Error>(())
        };
        let closed = tokio::time::timeout(Duration::from_secs(5), closed).await;
        assert!(closed.is_ok(), "it is still connected");
        server.stop().await;
    }

    #[tokio::test]
    async fn an_answer_over_http_2_may_take_longer_than_an_idle_connection_is_kept() {
        let limits = quick();
        let slow = get(async move || {
            let frames = futures::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(limits.header_deadline).await;
                (sent < 3).then(|| (Ok::<_, std::io::Error>("more "), sent + 1))
            });
            Body::from_stream(frames)
        });
        let server = Server::start(limits, Router::new().route("/slow", slow), &[]).await;
        let client =
            hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let uri = format!("http://{}/slow", server.address).parse().expect("a URI");
        let response =
            hyper_util::client::legacy::Client::<_, Body>::get(&client, uri).await.expect("an answer");
        let body = axum::body::to_bytes(Body::new(response.into_body()), 100).await.expect("a whole body");
        assert_eq!(&body[..], b"more more more ");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_body_that_drips_is_answered_at_the_deadline_and_its_connection_closed() {
        let limits = Limits { body_deadline: Duration::from_millis(50), ..Limits::default() };
        let routes = Router::new().route("/", axum::routing::post(async |_: crate::json::JsonBody| "read"));
        let server = Server::start(limits, routes, &[]).await;
        let mut stream = server.connect().await;
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.expect("the server listens");
        let answered = tokio::time::timeout(Duration::from_secs(5), rest(stream)).await;
        assert!(answered.expect("it is closed").starts_with("HTTP/1.1 408"));
        server.stop().await;
    }

    #[tokio::test]
    async fn five_hundred_clients_that_drip_are_closed_and_keep_nobody_from_being_served() {
        const CLIENTS: usize = 500;
        let limits = Limits { header_deadline: Duration::from_secs(1), ..Limits::default() };
        let server = Server::start(limits, Router::new(), &[]).await;
        let begun = Instant::now();
        let mut dripping = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut stream = server.connect().await;
            dripping.spawn(async move {
                let head =
                    b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ".iter().chain(std::iter::repeat(&b'y'));
                let mut drops = tokio::time::interval(Duration::from_millis(50));
                for byte in head {
                    drops.tick().await;
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                }
            });
        }
        let mut served = 0;
        while !dripping.is_empty() {
            let mut stream = server.connect().await;
            let ask = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(ask).await.expect("the server listens");
            let answered = tokio::time::timeout(Duration::from_secs(1), rest(stream)).await;
            assert!(answered.expect("an answer in time").starts_with("HTTP/1.1 200"));
            served += 1;
            while dripping.try_join_next().is_some() {}
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert!(served > 10, "{served} were served meanwhile");
        server.stop().await;
    }

    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_is_given_up() {
        let limits = Limits { answer_deadline: Duration::from_millis(500), ..Limits::default() };
        let held = Arc::new(());
        let piece = Arc::clone(&held);
        let endless = get(async move || {
            let pieces = futures::stream::repeat_with(move || {
                let _ = &piece;
                Ok::<_, std::convert::Infallible>(axum::body::Bytes::from_static(&[0; 65_536]))
            });
            axum::body::Body::from_stream(pieces)
        });
        let server = Server::start(limits, Router::new().route("/endless", endless), &[]).await;
        let mut silent = server.connect().await;
        silent
            .write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .expect("the server listens");
        let mut begun = [0; 12];
        silent.read_exact(&mut begun).await.expect("an answer");
        assert_eq!((&begun, Arc::strong_count(&held)), (b"HTTP/1.1 200", 3));
        let given_up = async {
            while Arc::strong_count(&held) > 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), given_up).await.expect("it is given up");
        drop(silent);
        server.stop().await;
    }

    #[tokio::test]
    async fn who_comes_when_all_connections_are_taken_is_served_as_soon_as_one_ends() {
        let limits = Limits { connections: 2, ..Limits::default() };
        let server = Server::start(limits, Router::new(), &[]).await;
        let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let mut answered = [0; 12];
        let (mut first, mut second) = (server.connect().await, server.connect().await);
        for stream in [&mut first, &mut second] {
            stream.write_all(request).await.expect("the server listens");
            stream.read_exact(&mut answered).await.expect("an answer");
        }
        let mut third = server.connect().await;
        third.write_all(request).await.expect("the system takes it");
        let waited = tokio::time::timeout(Duration::from_millis(100), third.read_exact(&mut answered)).await;
        assert!(waited.is_err(), "two are open");
        drop(first);
        third.read_exact(&mut answered).await.expect("an answer");
        assert_eq!(&answered, b"HTTP/1.1 200");
        server.stop().await;
    }

    #[tokio::test]
    async fn metrics_are_served_on_a_port_of_their_own() {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let server =
            Server::start(Limits::default(), Router::new(), &[("METRICS_PORT", &port.to_string())]).await;
        let ask = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let mut public = server.connect().await;
        public.write_all(ask).await.expect("the server listens");
        assert!(rest(public).await.starts_with("HTTP/1.1 404"));
        let mut private = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        private.write_all(ask).await.expect("the server listens");
        let text = rest(private).await;
        assert!(text.contains("openmetrics-text") && text.contains("http_requests_total"), "{text}");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_port_in_use_is_one_line_naming_the_variable() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = taken.local_addr().expect("an address");
        let message = bind("PORT", address).await.expect_err("the port is taken").to_string();
        assert!(message.starts_with(&format!("PORT {} is in use", address.port())), "{message}");
    }

    #[tokio::test]
    async fn work_in_the_background_is_told_to_stop_and_waited_for() {
        let config =
            Config::from_environment(&Environment::from_pairs([("PORT", "0")])).expect("a configuration");
        let (done, is_done) = oneshot::channel();
        let function = Function::new("sample").background(async move |stop: CancellationToken| {
            stop.cancelled().await;
            done.send(()).expect("the test waits");
        });
        serve(App::new(&config, vec![function]), async {}, |_| {}).await.expect("the server served");
        is_done.await.expect("the work ended before the server");
    }
}
