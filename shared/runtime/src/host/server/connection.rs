//! One connection, from its first byte to its end.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{net::TcpStream, sync::watch};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{invocation::Peer, limits::Limits};

/// How HTTP/2 with prior knowledge begins (RFC 9113 §3.4).
const HTTP2_START: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long to wait for the next byte of a connection that may speak HTTP/2.
const PEEK_PAUSE: Duration = Duration::from_millis(20);
/// How long a connection that has sent nothing may still begin after the signal to stop: its first bytes may have
/// arrived without having been seen.
const LAST_CALL: Duration = Duration::from_millis(50);

/// Serves one connection until the client is done, is too slow, or `stop` is cancelled and nothing is in flight.
pub(super) async fn serve(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    let stopped = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_CALL).await;
    };
    let protocol = tokio::select! {
        biased;
        protocol = tokio::time::timeout(limits.header_deadline, protocol(&stream)) => protocol,
        () = stopped => return,
    };
    let Ok(Some(protocol)) = protocol else { return };
    // An answer is worth sending even where the kernel does not know the option.
    let _ = stream.set_nodelay(true);
    // Who takes nothing of an answer holds what is still to be sent of it: hyper waits for ever, the kernel need not (tcp(7)).
    let patience = u32::try_from(limits.answer_deadline.as_millis()).unwrap_or(u32::MAX);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, patience);
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let answer = move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        router.clone().oneshot(request)
    };
    let stream = TokioIo::new(stream);
    match protocol {
        Protocol::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header_deadline)
                .max_header_size(limits.header_bytes)
                // How far it reads ahead.
                .max_buf_size(2 * limits.header_bytes)
                .serve_connection(stream, service_fn(answer));
            until_stopped(connection, stop.cancelled()).await;
        }
        Protocol::Http2 => {
            let streams = watch::Sender::new(0);
            let idle = idle(streams.subscribe(), limits.header_deadline);
            let service = service_fn(move |request| {
                let open = Open::new(&streams);
                let answered = answer(request);
                // A stream is open until the last of its answer is sent.
                async move { Ok::<_, Infallible>(answered.await?.map(|body| open.until_sent(body))) }
            });
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(Some(limits.header_deadline))
                .keep_alive_timeout(limits.header_deadline)
                .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
                .max_concurrent_streams(256)
                .serve_connection(stream, service);
            let over = async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = idle => {}
                }
            };
            until_stopped(connection, over).await;
        }
    }
}

/// Ends when no stream was open for so long: pings are answered for ever by who asks for nothing.
async fn idle(mut streams: watch::Receiver<usize>, deadline: Duration) {
    loop {
        // The sender is kept by the service, for as long as the connection.
        let _ = streams.wait_for(|open| *open == 0).await;
        if tokio::time::timeout(deadline, streams.wait_for(|open| *open > 0)).await.is_err() {
            return;
        }
    }
}

/// One of the open streams of a connection.
struct Open(watch::Sender<usize>);

impl Open {
    fn new(streams: &watch::Sender<usize>) -> Open {
        streams.send_modify(|open| *open += 1);
        Open(streams.clone())
    }

    fn until_sent(self, body: Body) -> Body {
        Body::new(body.map_frame(move |frame| {
            let _is_open = &self;
            frame
        }))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// Runs a connection; once it is `over` it takes no further request, but one that has arrived is answered.
///
/// hyper-util's own `GracefulShutdown` tells a connection to stop before it lets it look at what has arrived, which
/// drops a request that came just before the signal; here the connection looks first.
async fn until_stopped(connection: impl GracefulConnection, over: impl Future<Output = ()>) {
    let mut connection = std::pin::pin!(connection);
    // A connection that fails has nobody left to be told.
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = over => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

enum Protocol {
    Http1,
    Http2,
}

/// Finds out which HTTP the client speaks, without taking the bytes; `None` when it went away.
///
/// hyper-util's own detection waits without a deadline for a client that sends nothing.
async fn protocol(stream: &TcpStream) -> Option<Protocol> {
    let mut start = [0; HTTP2_START.len()];
    loop {
        let count = stream.peek(&mut start).await.ok()?;
        match &start[..count] {
            [] => return None,
            start if start == HTTP2_START => return Some(Protocol::Http2),
            start if !HTTP2_START.starts_with(start) => return Some(Protocol::Http1),
            _ => tokio::time::sleep(PEEK_PAUSE).await,
        }
    }
}
