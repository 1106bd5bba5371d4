//! Which pages may call: those of the own origin, and those of the origins that `CORS_ORIGINS` names.

use std::collections::BTreeSet;

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header,
        uri::{Authority, Scheme},
    },
    response::{IntoResponse, Response},
};

use crate::{
    config::{ConfigError, Environment},
    headers::{Single, single},
    problem::Problem,
};

const VARIABLE: &str = "CORS_ORIGINS";
const ALLOWED: &str = "origins such as https://app.example.org, with commas between; no path, and no *";
/// What a browser says of where a request comes from (Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How long a browser may remember what a preflight said, in seconds.
const MAX_AGE_S: u32 = 600;
const METHODS: &str = "GET, POST, PATCH, DELETE";
/// Where whoever has the address may do what it says, from wherever they come: a mail program, or a page that hides its origin.
const OPEN: &str = "/links/";
const REQUEST_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-correlation-id";
const RESPONSE_HEADERS: &str =
    "etag, idempotency-replayed, location, retry-after, www-authenticate, x-correlation-id";

/// The origins whose pages may call: none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeSet<String>);

impl Origins {
    /// Reads `CORS_ORIGINS`: `https://app.example.org,https://other.example.org:8443`.
    ///
    /// # Errors
    /// What is no origin, with `http` unless of this machine: `*`, one with a path, a user, or a port that is the usual one.
    pub fn from_environment(environment: &Environment) -> Result<Origins, ConfigError> {
        let Some(value) = environment.get(VARIABLE)? else { return Ok(Origins::default()) };
        let origins = value.split(',').map(|origin| origin.trim().to_owned());
        let origins: BTreeSet<String> = origins.filter(|origin| !origin.is_empty()).collect();
        if origins.iter().all(|origin| is_origin(origin)) {
            return Ok(Origins(origins));
        }
        Err(ConfigError::Invalid { name: VARIABLE.to_owned(), value, allowed: ALLOWED.to_owned() })
    }

    fn allows(&self, origin: &str) -> bool {
        self.0.contains(origin)
    }
}

/// Says whether a text is an origin as browsers send it (RFC 6454 §6.2): what is written otherwise would never be equal.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return false };
    let host = authority.host();
    let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let port = authority.port_u16();
    (*scheme == Scheme::HTTPS || (*scheme == Scheme::HTTP && is_here))
        && !host.is_empty()
        && !host.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'*')
        && port != Some(usual)
        && text
            == port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}

/// Answers preflights, refuses what a page of another origin would change, and lets the pages of the origins
/// named read the answers.
///
/// Without it a page could not read an answer either, but it could send what needs no preflight: a POST without a body.
/// Credentials of a browser (cookies) are never allowed to another origin, and `*` is never said.
pub(super) async fn check(
    origins: &Origins,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let allowed = match single(request.headers(), header::ORIGIN.as_str()) {
        Single::Text(origin) if origins.allows(origin) => HeaderValue::from_str(origin).ok(),
        _ => None,
    };
    let mut response = match &allowed {
        Some(_) if is_preflight(&request) => preflight(),
        None if changes(&request) && is_from_elsewhere(&request) => {
            Problem::forbidden("a page of this origin may not do this").into_response()
        }
        _ => next(request).await,
    };
    let headers = response.headers_mut();
    if !origins.0.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    }
    response
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_S));
    response
}

/// Says whether a request may change what only its caller may change.
fn changes(request: &Request) -> bool {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !is_safe && !request.uri().path().starts_with(OPEN)
}

/// Says whether a browser tells that a page of another origin sends this. Whatever is no browser says neither.
fn is_from_elsewhere(request: &Request) -> bool {
    match single(request.headers(), SITE.as_str()) {
        // Also where a page's policy hides its origin.
        Single::Text("same-origin" | "none") => false,
        Single::Text(_) | Single::Malformed => true,
        Single::Absent => match single(request.headers(), header::ORIGIN.as_str()) {
            Single::Absent => false,
            Single::Text(origin) => !is_own(origin, request.uri(), request.headers()),
            Single::Malformed => true,
        },
    }
}

/// Says whether an origin names the host that the request is for. Its scheme says nothing: TLS may end before this process.
fn is_own(origin: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let named = uri.authority().map(Authority::as_str);
    let named = named.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    matches!((origin, named), (Some(origin), Some(named)) if origin.eq_ignore_ascii_case(named))
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::post};
    use tower::ServiceExt;

    use super::*;

    fn origins(value: &str) -> Result<Origins, String> {
        Origins::from_environment(&Environment::from_pairs([(VARIABLE, value)]))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn origins_are_exact_and_anything_else_stops_the_start() {
        let some = origins("https://app.example.org, http://localhost:3000,http://[::1]:1").expect("origins");
        assert!(some.allows("https://app.example.org") && some.allows("http://localhost:3000"));
        for other in
            ["https://app.example.org:8443", "http://app.example.org", "https://evil.app.example.org", "null"]
        {
            assert!(!some.allows(other), "{other}");
        }
        assert_eq!(origins(""), Ok(Origins::default()));
        for wrong in [
            "*",
            "https://*.example.org",
            "https://app.example.org/",
            "https://app.example.org/path",
            "https://app.example.org:443",
            "https://App.example.org",
            "https://user@app.example.org",
            "http://app.example.org",
            "app.example.org",
            "null",
            "ftp://app.example.org",
        ] {
            let said = origins(&format!("https://sound.example,{wrong}")).expect_err(wrong);
            assert!(said.starts_with("CORS_ORIGINS is "), "{said}");
        }
    }

    async fn send(value: &str, method: &str, headers: &[(&str, &str)]) -> Response {
        let origins = origins(value).expect("origins");
        let routes = Router::new().route("/x", post(async || "done").get(async || "seen"));
        let mut request = Request::builder().method(method).uri("/x").header("host", "kaam.example:8000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        check(&origins, request, async |request| routes.oneshot(request).await.expect("a response")).await
    }

    const APP: &str = "https://app.example.org";

    #[tokio::test]
    async fn a_named_origin_may_ask_first_and_then_read_the_answer_without_cookies() {
        let asks = [("origin", APP), ("access-control-request-method", "PATCH")];
        let response = send(APP, "OPTIONS", &asks).await;
        assert_eq!(response.status(), 204);
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], APP);
        assert_eq!(headers["access-control-allow-methods"], METHODS);
        assert_eq!(headers["access-control-allow-headers"], REQUEST_HEADERS);
        assert_eq!(headers["vary"], "origin");
        let response = send(APP, "POST", &[("origin", APP), ("sec-fetch-site", "cross-site")]).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["access-control-allow-origin"]),
            (200, &APP.parse().expect("ASCII"))
        );
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
    }

    #[tokio::test]
    async fn no_other_origin_is_told_anything_or_changes_anything() {
        for value in ["", APP] {
            for origin in [
                "https://evil.example",
                "null",
                "https://app.example.org.evil.example",
                "http://app.example.org",
            ] {
                let asks = [("origin", origin), ("access-control-request-method", "POST")];
                let response = send(value, "OPTIONS", &asks).await;
                assert_eq!(response.status(), 405);
                let answers = [response, send(value, "GET", &[("origin", origin)]).await];
                for answer in &answers {
                    let names = answer.headers().keys().map(HeaderName::as_str);
                    assert_eq!(names.filter(|name| name.starts_with("access-control")).count(), 0);
                    assert_eq!(answer.headers().contains_key("vary"), !value.is_empty());
                }
                assert_eq!(send(value, "POST", &[("origin", origin)]).await.status(), 403, "{origin}");
            }
            for site in ["cross-site", "same-site", "odd"] {
                assert_eq!(send(value, "POST", &[("sec-fetch-site", site)]).await.status(), 403, "{site}");
                assert_eq!(send(value, "GET", &[("sec-fetch-site", site)]).await.status(), 200, "{site}");
            }
        }
    }

    #[test]
    fn a_link_of_a_mail_is_followed_from_anywhere() {
        for (path, may_change) in [("/api/undo", true), ("/links/abc", false), ("/linksabc", true)] {
            let request = Request::post(path).body(Body::empty()).expect("a request");
            assert_eq!(changes(&request), may_change, "{path}");
        }
    }

    #[tokio::test]
    async fn the_own_pages_and_what_is_no_browser_go_on() {
        for headers in [
            &[][..],
            &[("origin", "http://kaam.example:8000")],
            &[("origin", "https://KAAM.example:8000")],
            // A form of a page that tells nobody where it is.
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
        ] {
            assert_eq!(send("", "POST", headers).await.status(), 200, "{headers:?}");
        }
    }
}
