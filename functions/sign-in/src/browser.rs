//! The refresh token in a browser: in a cookie that no script can read, and that only the page's own origin can have used.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;
use runtime::problem::Problem;

/// The prefix has browsers insist on `Secure`, `Path=/` and no `Domain` (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-kaam-refresh";
const SITE: &str = "sec-fetch-site";

/// Gives the header field that puts a token into the cookie.
pub(crate) fn keep(token: &str, lifetime: TimeDelta) -> HeaderValue {
    set_cookie(token, lifetime.num_seconds())
}

/// Gives the header field that takes the cookie away.
pub(crate) fn forget() -> HeaderValue {
    set_cookie("", 0)
}

fn set_cookie(value: &str, seconds: i64) -> HeaderValue {
    let text = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    HeaderValue::from_str(&text).expect("base64url is a header value")
}

/// Gives the token in the cookie; `None` when there is none, or more than one, of which somebody else may have set the other.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, token)| token);
    let token = tokens.next()?;
    tokens.next().is_none().then_some(token)
}

/// Lets in what a page of this very origin asks for: by what the browser says of the request (Fetch Metadata), or, of an old one, by
/// the origin that it names.
///
/// # Errors
/// 403 for everything else, whatever cookies it has.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = match text(SITE) {
        Some(site) => site == "same-origin",
        None => {
            let origin = text("origin").and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| Some(authority) == text("host"))
        }
    };
    if is_own { Ok(()) } else { Err(Problem::forbidden("a cookie is for pages of this origin only")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_a_page_of_this_origin_may_use_the_cookie() {
        let is_let_in = |pairs: &[_]| check_origin(&headers(pairs)).is_ok();
        assert!(is_let_in(&[(SITE, "same-origin")]));
        assert!(is_let_in(&[("origin", "https://kaam.example.org"), ("host", "kaam.example.org")]));
        for pairs in [
            &[][..],
            &[(SITE, "same-site")],
            &[(SITE, "cross-site")],
            &[(SITE, "none")],
            &[(SITE, "cross-site"), ("origin", "https://kaam.example.org"), ("host", "kaam.example.org")],
            &[("origin", "https://evil.example"), ("host", "kaam.example.org")],
            &[("origin", "https://kaam.example.org:444"), ("host", "kaam.example.org")],
            &[("origin", "null"), ("host", "kaam.example.org")],
            &[("host", "kaam.example.org")],
        ] {
            assert!(!is_let_in(pairs), "{pairs:?}");
        }
    }

    #[test]
    fn the_cookie_is_read_among_others_and_not_when_it_stands_twice() {
        assert_eq!(cookie(&headers(&[("cookie", "a=b; __Host-kaam-refresh=t; c=d")])), Some("t"));
        for text in ["", "a=b", "kaam-refresh=t", "__Host-kaam-refresh=t; __Host-kaam-refresh=u"] {
            assert_eq!(cookie(&headers(&[("cookie", text)])), None, "{text}");
        }
        let set = keep("t", TimeDelta::days(30));
        let set = set.to_str().expect("a text");
        assert_eq!(set, "__Host-kaam-refresh=t; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=2592000");
    }
}
