//! What keeps requests apart from each other, and answers where they belong.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Version, header},
    middleware::Next,
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

/// The layer: refuses a request that two servers could cut from its connection differently (RFC 9112 §6.1, §11.2), and adds the
/// headers that every answer has.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let is_http1 = request.version() <= Version::HTTP_11;
    let is_chunked = is_http1 && request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = match ambiguity(request.headers()).filter(|_| is_http1) {
        None => next.run(request).await,
        Some(why) => Problem::bad_request(why).into_response(),
    };
    let headers = response.headers_mut();
    // The parser drops a Content-Length that comes after the Transfer-Encoding, so that nobody can tell whether there was one: what
    // follows such a body is never taken for another request.
    if is_chunked {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    response
}

/// Says what in the head of a request two servers could understand differently.
fn ambiguity(headers: &HeaderMap) -> Option<&'static str> {
    if headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH) {
        return Some("a request has a Content-Length or a Transfer-Encoding, never both");
    }
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Some("the header Host is given twice");
    }
    None
}
