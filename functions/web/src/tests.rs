//! The page as a browser gets it.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body as Sent;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use runtime::config::{Config, Environment};
use runtime::host::server::App;
use tower::ServiceExt;

use super::*;

async fn send(request: axum::http::request::Builder) -> (StatusCode, HeaderMap, Vec<u8>) {
    let config = Config::from_environment(&Environment::default()).expect("the defaults are sound");
    let router = App::new(&config, vec![function()]).router();
    let request = request.body(Sent::empty()).expect("a request");
    let (parts, body) = router.oneshot(request).await.expect("a response").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (parts.status, parts.headers, body.to_vec())
}

async fn get(path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    send(Request::get(path)).await
}

async fn get_in(path: &str, coding: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    send(Request::get(path).header("accept-encoding", coding)).await
}

fn html() -> &'static str {
    let page = FILES.iter().find(|file| file.path == "/").expect("there is a page");
    std::str::from_utf8(page.plain.bytes).expect("UTF-8")
}

fn files(ending: &str) -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(move |file| file.path.ends_with(ending))
}

/// The values of `href="…"` and `src="…"`.
fn references(html: &str) -> Vec<&str> {
    let after = |name| html.split(name).skip(1);
    let values = after(" href=\"").chain(after(" src=\""));
    values.filter_map(|rest| rest.split('"').next()).filter(|path| !path.starts_with('#')).collect()
}

#[tokio::test]
async fn every_file_comes_with_its_type_and_the_strict_headers() {
    for file in FILES {
        let (status, headers, body) = get(file.path).await;
        assert_eq!(status, 200, "{}", file.path);
        assert_eq!(body, file.plain.bytes, "{}", file.path);
        assert_eq!(headers[CONTENT_TYPE], file.content_type, "{}", file.path);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], POLICY, "{}", file.path);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{}", file.path);
        assert_eq!(headers[REFERRER_POLICY], "no-referrer", "{}", file.path);
        assert_eq!(headers[OPENER_POLICY], "same-origin", "{}", file.path);
        assert!(!headers.contains_key(CONTENT_ENCODING), "{}", file.path);
    }
    let (_, headers, _) = get("/").await;
    assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(files(".js").next().expect("a script").content_type, "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn everything_that_the_page_names_is_served() {
    let references = references(html());
    assert!(references.len() >= 3, "{references:?}");
    for path in references {
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path} is not of this origin");
        assert_eq!(get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn what_has_a_hash_in_its_name_is_kept_and_the_rest_is_asked_for() {
    let mut kept = 0;
    for file in FILES {
        let (_, headers, _) = get(file.path).await;
        if file.path.starts_with("/assets/") {
            assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable", "{}", file.path);
            kept += 1;
        } else {
            assert_eq!(headers[CACHE_CONTROL], "no-cache", "{}", file.path);
        }
    }
    assert!(kept >= 2, "{kept}");
    // The worker is asked for anew: a browser must learn of a new release.
    for name in ["/", "/sw.js", "/manifest.webmanifest"] {
        assert!(FILES.iter().filter(|file| file.path == name).all(|file| !file.is_kept), "{name}");
    }
}

#[tokio::test]
async fn each_browser_gets_the_smallest_encoding_that_it_takes() {
    let mut compressed = 0;
    for file in FILES {
        let (_, plain, body) = get(file.path).await;
        for (coding, bodies) in [("br", &file.brotli), ("gzip", &file.gzip)] {
            let (status, headers, body_in) = get_in(file.path, coding).await;
            assert_eq!(status, 200, "{} in {coding}", file.path);
            let Some(bodies) = bodies else {
                assert_eq!(body_in, body, "{}", file.path);
                assert!(!headers.contains_key(CONTENT_ENCODING), "{}", file.path);
                continue;
            };
            assert_eq!(headers[CONTENT_ENCODING], coding, "{}", file.path);
            assert_eq!(headers[CONTENT_TYPE], file.content_type, "{}", file.path);
            assert_eq!(body_in, bodies.bytes, "{} in {coding}", file.path);
            assert!(body_in.len() < body.len(), "{} in {coding}", file.path);
            assert_eq!(
                (&headers[VARY], &plain[VARY]),
                (&"accept-encoding".parse().expect("ASCII"), &headers[VARY])
            );
            assert_ne!(headers[ETAG], plain[ETAG], "{}", file.path);
            compressed += 1;
        }
        let (_, headers, _) = get_in(file.path, "gzip, deflate, br, zstd").await;
        let best = headers.get(CONTENT_ENCODING).map(|coding| coding.to_str().expect("ASCII"));
        assert_eq!(best, file.brotli.as_ref().map(|_| "br"), "{}", file.path);
    }
    assert!(compressed >= 6, "{compressed}");
}

#[tokio::test]
async fn a_browser_that_has_the_file_gets_304_without_a_body() {
    for file in FILES {
        for coding in ["identity", "br", "gzip"] {
            let tag = get_in(file.path, coding).await.1[ETAG].clone();
            let again = || Request::get(file.path).header("accept-encoding", coding);
            let (status, headers, body) = send(again().header("if-none-match", &tag)).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{}", file.path);
            assert_eq!(headers[ETAG], tag, "{}", file.path);
            assert!(headers.contains_key(CACHE_CONTROL), "{}", file.path);
            assert!(!headers.contains_key(CONTENT_ENCODING), "{}", file.path);
            let (status, _, _) = send(again().header("if-none-match", "\"1\"")).await;
            assert_eq!(status, 200, "{}", file.path);
        }
    }
}

#[tokio::test]
async fn each_file_has_a_tag_of_its_own_in_each_encoding() {
    let bodies = FILES.iter().flat_map(|file| [Some(&file.plain), file.brotli.as_ref(), file.gzip.as_ref()]);
    let bodies: Vec<_> = bodies.flatten().collect();
    let versions: BTreeSet<_> = bodies.iter().map(|body| body.version).collect();
    assert_eq!(versions.len(), bodies.len());
    assert!(versions.first().is_some_and(|least| *least > 0));
}

#[tokio::test]
async fn head_is_answered_and_nothing_else_is_changed() {
    let (status, headers, body) = send(Request::head("/")).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-length"], html().len().to_string());
    assert_eq!(send(Request::post("/")).await.0, StatusCode::METHOD_NOT_ALLOWED);
    for path in ["/index.htm", "/index.html", "/today", "/assets/app.js", "/assets/"] {
        let (status, headers, _) = get(path).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn the_page_is_not_in_the_openapi_document() {
    let (status, _, document) = get("/openapi.json").await;
    let document = String::from_utf8(document).expect("UTF-8");
    assert_eq!(status, 200);
    assert!(document.contains("\"/health\"") && !document.contains("assets"), "{document}");
}

#[test]
fn the_page_keeps_its_own_policy() {
    let lower = html().to_lowercase();
    for forbidden in ["<style", " style=", " onclick=", " onsubmit=", " onload=", "javascript:"] {
        assert!(!lower.contains(forbidden), "{forbidden} in index.html");
    }
    let scripts = lower.matches("<script").count();
    assert!(scripts > 0 && scripts == lower.matches("></script>").count(), "every script is a file");
    for file in files(".js") {
        let script = std::str::from_utf8(file.plain.bytes).expect("UTF-8");
        for forbidden in ["eval(", "new Function(", "document.write", "sourceMappingURL"] {
            assert!(!script.contains(forbidden), "{forbidden} in {}", file.path);
        }
        // Names of namespaces are no addresses.
        for (scheme, _) in script.match_indices("://") {
            assert!(script[scheme..].starts_with("://www.w3.org/"), "another origin in {}", file.path);
        }
    }
    for file in files(".css") {
        let style = std::str::from_utf8(file.plain.bytes).expect("UTF-8");
        for forbidden in ["@import", "://"] {
            assert!(!style.contains(forbidden), "{forbidden} in {}", file.path);
        }
    }
}

#[test]
fn what_users_say_never_becomes_markup() {
    let mut read = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("page/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(source) = std::fs::read_to_string(&path) else { continue };
            for forbidden in
                ["innerHTML", "InnerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "srcdoc"]
            {
                assert!(!source.contains(forbidden), "{forbidden} in {}", path.display());
            }
            read += 1;
        }
    }
    assert!(read >= 3, "{read}");
}

#[test]
fn all_scripts_together_are_sixty_kilobytes_at_most() {
    let sizes: Vec<_> = files(".js")
        .map(|file| (file.path, file.gzip.as_ref().map_or(file.plain.bytes.len(), |gzip| gzip.bytes.len())))
        .collect();
    let all: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
    assert!(all > 0 && all <= 60_000, "{all} bytes with gzip: {sizes:?}");
}
