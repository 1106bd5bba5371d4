//! `GET /`: the page, and the files that it needs.
//!
//! The files are built from `page/` by `build.rs` and compiled in, with what brotli and gzip make of them. A file whose name has the hash of
//! its content is kept by browsers for a year; of the others they ask each time whether it is still the same. This crate knows no task:
//! the page calls the API of the origin that it came from. Nothing of it stands in the OpenAPI document.

mod encoding;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use runtime::etag::{self, IfNoneMatch};
use runtime::function::Function;
use runtime::main::Start;

use crate::encoding::Accepted;

/// The function's name.
pub const NAME: &str = "web";

/// Own files only: no inline script or style, no plug-ins, no frame around the page. The worker, the manifest and what the page calls are
/// of this origin, too, and say so, lest a wider `default-src` open them.
const POLICY: &str = "default-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; \
     base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Windows of other origins have no hold of the page.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// How long what has a hash in its name is kept: it never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What browsers keep, and ask for each time, so that a new release is seen at once.
const ASKED_FOR: HeaderValue = HeaderValue::from_static("no-cache");

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Builds the function for a process of its own; it takes nothing from the environment.
///
/// # Errors
/// None.
pub async fn build(_start: Start) -> anyhow::Result<Function> {
    Ok(function())
}

/// Gives the function.
pub fn function() -> Function {
    let routes = FILES.iter().fold(Router::new(), |routes, file| {
        let serve =
            move |accepted: Accepted, known: IfNoneMatch| std::future::ready(file.answer(accepted, &known));
        routes.route(file.path, get(serve))
    });
    Function::new(NAME).public(routes.into())
}

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    /// Whether its name changes with its content.
    is_kept: bool,
    plain: Body,
    brotli: Option<Body>,
    gzip: Option<Body>,
}

/// A file's bytes in one encoding; each has a tag of its own (RFC 9110 §8.8.3.3).
struct Body {
    version: i64,
    bytes: &'static [u8],
}

impl File {
    /// Gives the file in the smallest encoding that the browser takes, or 304 to one that has it.
    fn answer(&self, accepted: Accepted, known: &IfNoneMatch) -> Response {
        let (body, coding) = self.body(accepted);
        let mut response = if known.has(body.version) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.content_type)], body.bytes).into_response()
        };
        let headers = response.headers_mut();
        if let Some(coding) = coding.filter(|_| headers.contains_key(CONTENT_TYPE)) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if self.brotli.is_some() || self.gzip.is_some() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        headers.insert(ETAG, etag::format(body.version));
        headers.insert(CACHE_CONTROL, if self.is_kept { FOR_EVER } else { ASKED_FOR });
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    fn body(&self, accepted: Accepted) -> (&Body, Option<&'static str>) {
        match (&self.brotli, &self.gzip) {
            (Some(body), _) if accepted.brotli => (body, Some("br")),
            (_, Some(body)) if accepted.gzip => (body, Some("gzip")),
            _ => (&self.plain, None),
        }
    }
}

#[cfg(test)]
mod tests;
