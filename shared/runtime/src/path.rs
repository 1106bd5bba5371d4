//! The id in a path.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

use crate::problem::{FieldError, Problem};

/// The id from a path with `{id}` in it: an extractor.
///
/// Reads a UUID in its hyphenated form, upper or lower case (RFC 9562 §4); every other form (braces, `urn:uuid:`, 32
/// digits) and every other text is a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Problem> {
        let parameters =
            RawPathParams::from_request_parts(parts, state).await.map_err(|_| malformed("id"))?;
        let id = parameters.iter().find(|(name, _)| *name == "id").map(|(_, value)| value);
        parse_id("id", id.unwrap_or_default()).map(Id)
    }
}

/// Reads the id that the request calls `name`, for ids that do not come from a path's `{id}`.
///
/// # Errors
/// 400 naming `name` when the text is not a hyphenated UUID.
pub fn parse_id(name: &'static str, text: &str) -> Result<Uuid, Problem> {
    // A hyphenated UUID is the only form of 36 characters that has a hyphen at 8.
    if text.len() != 36 || text.as_bytes()[8] != b'-' {
        return Err(malformed(name));
    }
    Uuid::try_parse(text).map_err(|_| malformed(name))
}

fn malformed(name: &'static str) -> Problem {
    const MESSAGE: &str = "must be a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91";
    Problem::bad_request(format!("{name} {MESSAGE}")).with_errors(vec![FieldError::new(name, MESSAGE)])
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Request, routing::get};
    use tower::ServiceExt;

    use super::*;

    async fn status(path: &str) -> u16 {
        let router = Router::new().route("/api/tasks/{id}", get(|Id(id): Id| async move { id.to_string() }));
        let request = Request::get(path).body(Body::empty()).expect("a request");
        router.oneshot(request).await.expect("a response").status().as_u16()
    }

    #[tokio::test]
    async fn only_the_hyphenated_form_is_an_id() {
        assert_eq!(status("/api/tasks/0190163d-8694-739b-aea5-966c26f8ad91").await, 200);
        assert_eq!(status("/api/tasks/0190163D-8694-739B-AEA5-966C26F8AD91").await, 200);
        assert_eq!(status("/api/tasks/00000000-0000-0000-0000-000000000000").await, 200);
        for id in [
            "1",
            "0190163d8694739baea5966c26f8ad91",
            "%7B0190163d-8694-739b-aea5-966c26f8ad91%7D",
            "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91",
            "0190163d-8694-739b-aea5-966c26f8ad911",
            "0190163d-8694-739b-aea5-966c26f8ad9g",
            "%ff",
            "1'%20OR%20'1'='1",
            "..%2F..%2Fetc%2Fpasswd",
            "0190163d%00694-739b-aea5-966c26f8ad91",
        ] {
            assert_eq!(status(&format!("/api/tasks/{id}")).await, 400, "{id}");
        }
    }
}
