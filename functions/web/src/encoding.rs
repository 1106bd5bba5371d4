//! Which encodings of a file a browser takes (RFC 9110 §12.5.3).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::request::Parts;

/// The `Accept-Encoding` of a request: an extractor. What is malformed in it is not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Whether it takes `br`.
    pub(crate) brotli: bool,
    /// Whether it takes `gzip`.
    pub(crate) gzip: bool,
}

impl Accepted {
    /// Reads the header's value: codings with their weights, of which 0 refuses; `*` stands for those that are not named.
    ///
    /// ```text
    /// gzip, deflate, br      both
    /// br;q=0, *              gzip
    /// identity               none
    /// ```
    fn parse(value: &str) -> Accepted {
        let (mut brotli, mut gzip, mut others) = (None, None, false);
        for element in value.split(',') {
            let (coding, parameter) = element.split_once(';').unwrap_or((element, "q=1"));
            let weight = parameter.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=').trim();
            let is_taken = weight.parse().is_ok_and(|weight: f32| weight > 0.0);
            match coding.trim().to_ascii_lowercase().as_str() {
                "br" => brotli = Some(is_taken),
                "gzip" | "x-gzip" => gzip = Some(is_taken),
                "*" => others = is_taken,
                _ => {}
            }
        }
        Accepted { brotli: brotli.unwrap_or(others), gzip: gzip.unwrap_or(others) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Accepted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Accepted, Infallible> {
        let lines: Vec<_> =
            parts.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).collect();
        Ok(Accepted::parse(&lines.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_given_what_it_takes() {
        for (value, brotli, gzip) in [
            ("gzip, deflate, br, zstd", true, true),
            ("gzip", false, true),
            ("BR", true, false),
            ("br;q=0, *", false, true),
            ("gzip;q=0.5 , br; q=0.001", true, true),
            ("*;q=0", false, false),
            ("*", true, true),
            ("identity", false, false),
            ("", false, false),
            ("br;q=much", false, false),
            ("brotli", false, false),
        ] {
            assert_eq!(Accepted::parse(value), Accepted { brotli, gzip }, "{value}");
        }
    }
}
