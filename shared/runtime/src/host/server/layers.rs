//! What surrounds every route.

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Once},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Uri, header,
        uri::{Authority, PathAndQuery},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use hyper::body::Body as _;
use tracing::Instrument;

use super::{Origins, cors, door::Door, drain, hygiene};
use crate::{
    address::TrustedProxies,
    clock::Stopwatch,
    invocation::{CallerAddress, TimeLeft},
    limits::Limits,
    metrics::{Metrics, known},
    problem::{self, Problem},
    request::{CORRELATION_HEADER, RequestContext},
    telemetry::spans::{Kind, Span},
    user::Identity,
};

/// What the layers need.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    pub(super) metrics: Metrics,
    /// Whose pages may call.
    pub(super) origins: Origins,
    pub(super) limits: Limits,
    /// Whose word on the caller's address is taken.
    pub(super) trusted_proxies: TrustedProxies,
    /// Whether it was said that one may be missing.
    pub(super) told_of_proxy: Arc<Once>,
    /// Whether callers show tokens.
    pub(super) needs_tokens: bool,
    /// Whether only this machine is answered.
    pub(super) is_for_this_machine: bool,
}

/// What is around the routes of a function.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) shell: Shell,
    pub(super) door: Door,
}

/// The outermost layer: correlation, span, which pages may call, problem body, one log line, one count.
pub(super) async fn observe(State(shell): State<Arc<Shell>>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::from_headers(request.headers());
    let exported = Span::begin(Kind::Server, &context.traceparent, RequestContext::parent(request.headers()));
    // At the level of errors, so that the span is there for whatever line is written inside.
    let span = tracing::error_span!(
        "request",
        correlation_id = context.correlation_id,
        trace_id = context.trace_id()
    );
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(shell.limits);
    let client = shell.trusted_proxies.client_of(&request);
    request.extensions_mut().insert(client);
    if shell.needs_tokens {
        // Whatever the route: nobody is believed without a token.
        request.extensions_mut().insert(Identity::Nobody);
        if shell.trusted_proxies.may_lack_the_proxy_of(&request) {
            shell.told_of_proxy.call_once(|| {
                tracing::warn!(
                    "a request has X-Forwarded-For, and comes from where TRUSTED_PROXIES names none: if that is a proxy of yours, those \
                     behind it are not told apart"
                );
            });
        }
    }
    without_trailing_slash(request.uri_mut());
    let mut record = Record::start(&shell.metrics, request.method().clone(), context.traceparent.clone());
    let (request, lent) = drain::lend(request);
    async {
        let answer = async |request| {
            cors::check(&shell.origins, request, async |request| next.run(request).await).await
        };
        let response = hygiene::check(request, answer).await;
        lent.drain();
        let mut response = problem::render(response, &context.correlation_id);
        if record.method == Method::HEAD {
            without_body(&mut response);
        }
        let correlation_id =
            HeaderValue::from_str(&context.correlation_id).expect("printable ASCII is a header value");
        response.headers_mut().insert(HeaderName::from_static(CORRELATION_HEADER), correlation_id);
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        record.finish(&response);
        end(exported, &record.method, &response, &context.correlation_id);
        response
    }
    .instrument(span)
    .await
}

/// Ends the span of a request; probes have none.
fn end(span: Span, method: &Method, response: &Response, correlation_id: &str) {
    let route = response.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if matches!(route, "/health" | "/ready") {
        return;
    }
    let (method, status) = (known(method), response.status());
    let attributes = [
        ("http.request.method", method),
        ("http.route", route),
        ("http.response.status_code", status.as_str()),
        ("kaam.correlation_id", correlation_id),
    ];
    span.end(format!("{method} {route}"), status.is_server_error(), attributes);
}

/// The innermost layer, after routing: the deadline, the net for panics, the name of the route, and the door.
pub(super) async fn guard(State(guarded): State<Arc<Guarded>>, request: Request, next: Next) -> Response {
    let Guarded { shell, door } = &*guarded;
    let route = request.extensions().get::<MatchedPath>().cloned();
    if shell.is_for_this_machine && !is_for_this_machine(&request) {
        let status = StatusCode::MISDIRECTED_REQUEST;
        return Problem::new(status, "Misdirected Request", "this server answers for localhost only")
            .into_response();
    }
    let deadline = shell.limits.request_deadline;
    let deadline = request.extensions().get::<TimeLeft>().map_or(deadline, |left| left.0.min(deadline));
    let answer = AssertUnwindSafe(door.enter(request, next)).catch_unwind();
    let mut response = match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // The hook of `telemetry` has written the line that says where.
            shell.metrics.count_panic();
            Problem::internal().into_response()
        }
        Err(_) => {
            Problem::unavailable(1).with_detail("the request took too long, try again later").into_response()
        }
    };
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// Says whether a request is meant for a name of the loopback interface. With `AUTH=local` a page of another name that was made
/// to resolve to this machine (DNS rebinding) must not reach the API.
fn is_for_this_machine(request: &Request) -> bool {
    // Behind a front door the name says nothing: whoever sends the request chooses it.
    if let Some(CallerAddress(caller)) = request.extensions().get()
        && !caller.is_some_and(|address| address.is_loopback())
    {
        return false;
    }
    let from_header =
        || request.headers().get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let Some(authority) = request.uri().authority().cloned().or_else(from_header) else {
        // Only a request in memory has neither; HTTP/1.1 without Host is malformed (RFC 9112 §3.2).
        return !request.headers().contains_key(header::HOST);
    };
    let host = authority.host().trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

/// Makes `/api/tasks/` the same as `/api/tasks`, and leaves `/` as it is.
fn without_trailing_slash(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') {
        return;
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(rewritten) = Uri::from_parts(parts) {
        *uri = rewritten;
    }
}

/// Leaves the length that a GET would have and takes the body off (RFC 9110 §9.3.2).
fn without_body(response: &mut Response) {
    let body = std::mem::take(response.body_mut());
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Writes the one line and the one count of a request, also of one that the caller abandoned.
struct Record<'a> {
    metrics: &'a Metrics,
    method: Method,
    traceparent: String,
    stopwatch: Stopwatch,
    is_finished: bool,
}

impl<'a> Record<'a> {
    fn start(metrics: &'a Metrics, method: Method, traceparent: String) -> Record<'a> {
        Record { metrics, method, traceparent, stopwatch: Stopwatch::start(), is_finished: false }
    }

    fn finish(&mut self, response: &Response) {
        self.is_finished = true;
        let took = self.stopwatch.elapsed();
        let duration_ms = (took.as_secs_f64() * 1_000_000.0).round() / 1000.0;
        let status = response.status().as_u16();
        // Paths that match no route are the callers' invention and stay out of logs and labels.
        let route = response.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let method = known(&self.method);
        self.metrics.count_request(&self.method, route, status, took, &self.traceparent);
        match status {
            // Sent away to come again: by a limit, or because of what is away, which is told of by itself.
            503 => {
                tracing::warn!(outcome = "failed", status, duration_ms, method, route, "request failed")
            }
            500.. => {
                tracing::error!(outcome = "failed", status, duration_ms, method, route, "request failed")
            }
            400.. => {
                tracing::info!(outcome = "refused", status, duration_ms, method, route, "request refused")
            }
            _ if matches!(route, "/health" | "/ready") => {
                tracing::debug!(outcome = "done", status, duration_ms, method, route, "probe answered");
            }
            _ => tracing::info!(outcome = "done", status, duration_ms, method, route, "request answered"),
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            let duration_ms = (self.stopwatch.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0;
            tracing::info!(
                outcome = "abandoned",
                duration_ms,
                method = known(&self.method),
                "caller went away"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_caller_from_elsewhere_does_not_reach_the_api_by_naming_this_machine() {
        let is_taken = |caller: Option<&str>| {
            let request = Request::get("/api/tasks").header("host", "localhost").body(Body::empty());
            let mut request = request.expect("a request");
            let caller = caller.map(|address| address.parse().expect("an address"));
            request.extensions_mut().insert(CallerAddress(caller));
            is_for_this_machine(&request)
        };
        assert!(is_taken(Some("127.0.0.1")) && is_taken(Some("::1")));
        assert!(!is_taken(Some("203.0.113.9")) && !is_taken(None));
    }

    #[test]
    fn a_page_of_another_name_does_not_reach_the_api() {
        let is_taken = |host: &str| {
            let request = Request::get("/api/tasks").header("host", host).body(Body::empty());
            is_for_this_machine(&request.expect("a request"))
        };
        for host in ["localhost:8000", "127.0.0.1", "127.8.0.1:80", "[::1]:8000", "kaam.localhost"] {
            assert!(is_taken(host), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1", "", "a b"]
        {
            assert!(!is_taken(host), "{host}");
        }
    }
}
