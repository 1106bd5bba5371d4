//! The key that makes a POST safe to repeat.

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{
    headers::{Single, single},
    problem::Problem,
};

const HEADER: &str = "idempotency-key";
const LONGEST_KEY: usize = 255;

/// The `Idempotency-Key` of a request, if it has one: an extractor.
///
/// 1–255 printable ASCII characters; empty, longer, not printable or given twice is a 400.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<IdempotencyKey, Problem> {
        match single(&parts.headers, HEADER) {
            Single::Absent => Ok(IdempotencyKey(None)),
            Single::Text(key) if (1..=LONGEST_KEY).contains(&key.len()) => {
                Ok(IdempotencyKey(Some(key.to_owned())))
            }
            Single::Text(_) | Single::Malformed => Err(Problem::bad_request(format!(
                "the header Idempotency-Key must be given once, with 1 to {LONGEST_KEY} printable ASCII characters"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::*;

    async fn key(values: &[&str]) -> Result<IdempotencyKey, Problem> {
        let mut request = Request::new(());
        for value in values {
            request.headers_mut().append(HEADER, HeaderValue::from_str(value).expect("a header value"));
        }
        IdempotencyKey::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn a_key_is_optional_and_printable() {
        assert_eq!(key(&[]).await, Ok(IdempotencyKey(None)));
        assert_eq!(key(&["order-66"]).await, Ok(IdempotencyKey(Some("order-66".to_owned()))));
        assert!(key(&[&"k".repeat(255)]).await.is_ok());
        for values in [&[""][..], &[&"k".repeat(256)], &["a", "a"], &["a\tb"]] {
            assert_eq!(key(values).await.expect_err("a refusal").status(), 400, "{values:?}");
        }
    }
}
