//! What keeps requests apart from each other, and answers where they belong.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Version, header},
    response::{IntoResponse, Response},
};

use crate::problem::Problem;

/// What every answer says unless it says something else: nobody keeps it, it loads nothing, stands in no
/// frame, tells nobody where it was, and pages of other origins do not embed it.
const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Takes nothing after a body in chunks for another request, refuses a request for two hosts (RFC 9112 §3.2), and adds the
/// headers that every answer has.
pub(super) async fn check(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let is_http1 = request.version() <= Version::HTTP_11;
    let is_chunked = is_http1 && request.headers().contains_key(header::TRANSFER_ENCODING);
    let has_two_hosts = request.headers().get_all(header::HOST).iter().count() > 1;
    let mut response = if has_two_hosts {
        Problem::bad_request("the header Host is given twice").into_response()
    } else {
        next(request).await
    };
    let headers = response.headers_mut();
    // The parser has dropped a Content-Length beside it, by which another server may have cut the connection (RFC 9112 §6.1).
    if is_chunked || has_two_hosts {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    response
}
