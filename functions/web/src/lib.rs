//! `GET /`: the page, and the files that it needs.
//!
//! The files are compiled in and need no build step. This crate knows no task: the page calls the API of the origin
//! that it came from. Nothing of it stands in the OpenAPI document.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use runtime::etag::{self, IfNoneMatch};
use runtime::function::Function;
use runtime::main::Start;
use sha2::{Digest, Sha256};

/// The function's name.
pub const NAME: &str = "web";

/// Own files only: no inline script or style, no plug-ins, no frame around the page.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Windows of other origins have no hold of the page.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const ASSETS: [Asset; 4] = [
    Asset {
        path: "/",
        content_type: "text/html; charset=utf-8",
        body: include_bytes!("../assets/index.html"),
    },
    Asset {
        path: "/app.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_bytes!("../assets/app.js"),
    },
    Asset {
        path: "/style.css",
        content_type: "text/css; charset=utf-8",
        body: include_bytes!("../assets/style.css"),
    },
    Asset {
        path: "/favicon.svg",
        content_type: "image/svg+xml",
        body: include_bytes!("../assets/favicon.svg"),
    },
];

/// Builds the function for a process of its own; it takes nothing from the environment.
///
/// # Errors
/// None.
pub async fn build(_start: Start) -> anyhow::Result<Function> {
    Ok(function())
}

/// Gives the function.
pub fn function() -> Function {
    let routes = ASSETS.into_iter().fold(Router::new(), |routes, asset| {
        let (path, asset) = (asset.path, Arc::new((asset.version(), asset)));
        let serve = move |known: IfNoneMatch| {
            let (version, asset) = &*asset;
            std::future::ready(asset.answer(*version, &known))
        };
        routes.route(path, get(serve))
    });
    Function::new(NAME).public(routes.into())
}

/// A file of the page.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

impl Asset {
    /// Gives a number that changes whenever the content does: the first 63 bits of its SHA-256.
    fn version(&self) -> i64 {
        let first =
            Sha256::digest(self.body).iter().take(8).fold(0, |bits, byte| bits << 8 | i64::from(*byte));
        first & i64::MAX
    }

    /// Gives the file, or 304 to a browser that has it; it asks each time, so that a new release is seen at once.
    fn answer(&self, version: i64, known: &IfNoneMatch) -> Response {
        let mut response = if known.has(version) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.content_type)], self.body).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, etag::format(version));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{HeaderMap, Request};
    use http_body_util::BodyExt;
    use runtime::config::{Config, Environment};
    use runtime::host::server::App;
    use tower::ServiceExt;

    use super::*;

    const HTML: &str = include_str!("../assets/index.html");
    const SCRIPT: &str = include_str!("../assets/app.js");
    const STYLE: &str = include_str!("../assets/style.css");

    async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
        let router = App::new(&config, vec![function()]).router();
        let (parts, body) = router.oneshot(request).await.expect("a response").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    async fn get(path: &str) -> (StatusCode, HeaderMap, String) {
        send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// The values of `href="…"` and `src="…"`.
    fn references(html: &str) -> Vec<&str> {
        let after = |name| html.split(name).skip(1);
        let values = after(" href=\"").chain(after(" src=\""));
        values.filter_map(|rest| rest.split('"').next()).collect()
    }

    #[tokio::test]
    async fn every_file_comes_with_its_type_and_the_strict_headers() {
        for (path, content_type) in [
            ("/", "text/html; charset=utf-8"),
            ("/app.js", "text/javascript; charset=utf-8"),
            ("/style.css", "text/css; charset=utf-8"),
            ("/favicon.svg", "image/svg+xml"),
        ] {
            let (status, headers, body) = get(path).await;
            assert_eq!(status, 200, "{path}");
            assert!(!body.is_empty(), "{path}");
            assert_eq!(headers[CONTENT_TYPE], content_type, "{path}");
            assert_eq!(headers[CONTENT_SECURITY_POLICY], POLICY, "{path}");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            assert_eq!(headers[REFERRER_POLICY], "no-referrer", "{path}");
            assert_eq!(headers[OPENER_POLICY], "same-origin", "{path}");
            assert_eq!(headers[CACHE_CONTROL], "no-cache", "{path}");
        }
    }

    #[tokio::test]
    async fn everything_that_the_page_names_is_served() {
        let (_, _, html) = get("/").await;
        let references = references(&html);
        assert!(references.len() >= 3, "{references:?}");
        for path in references {
            assert!(path.starts_with('/') && !path.starts_with("//"), "{path} is not of this origin");
            assert_eq!(get(path).await.0, 200, "{path}");
        }
    }

    #[tokio::test]
    async fn a_browser_that_has_the_file_gets_304_without_a_body() {
        for asset in ASSETS {
            let tag = get(asset.path).await.1[ETAG].clone();
            let again = Request::get(asset.path).header("if-none-match", &tag).body(Body::empty());
            let (status, headers, body) = send(again.expect("a request")).await;
            assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{}", asset.path);
            assert_eq!(headers[ETAG], tag, "{}", asset.path);
            assert_eq!(headers[CACHE_CONTROL], "no-cache", "{}", asset.path);
            let other = Request::get(asset.path).header("if-none-match", "\"1\"").body(Body::empty());
            assert_eq!(send(other.expect("a request")).await.0, 200, "{}", asset.path);
        }
    }

    #[tokio::test]
    async fn each_file_has_a_tag_of_its_own() {
        let mut versions = ASSETS.map(|asset| asset.version());
        versions.sort_unstable();
        assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
        assert!(versions[0] > 0);
    }

    #[tokio::test]
    async fn head_is_answered_and_nothing_else_is_changed() {
        let head = Request::head("/").body(Body::empty()).expect("a request");
        let (status, headers, body) = send(head).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
        assert_eq!(headers["content-length"], HTML.len().to_string());
        let post = Request::post("/").body(Body::empty()).expect("a request");
        assert_eq!(send(post).await.0, StatusCode::METHOD_NOT_ALLOWED);
        let (status, headers, _) = get("/index.htm").await;
        assert_eq!(status, 404);
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn the_page_is_not_in_the_openapi_document() {
        let (status, _, document) = get("/openapi.json").await;
        assert_eq!(status, 200);
        assert!(document.contains("\"/health\"") && !document.contains("app.js"), "{document}");
    }

    #[test]
    fn the_page_keeps_its_own_policy() {
        let lower = HTML.to_lowercase();
        for forbidden in ["<style", " style=", " onclick=", " onsubmit=", " onload=", "javascript:"] {
            assert!(!lower.contains(forbidden), "{forbidden} in index.html");
        }
        let scripts = lower.matches("<script").count();
        assert_eq!(scripts, lower.matches("></script>").count(), "every script is a file");
        for forbidden in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:", "https:"]
        {
            assert!(!SCRIPT.contains(forbidden), "{forbidden} in app.js");
        }
        for forbidden in ["@import", "url("] {
            assert!(!STYLE.contains(forbidden), "{forbidden} in style.css");
        }
    }
}
