//! Extractors that read the body of a request within its bounds.

use axum::{
    BoxError,
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde_json::Value;

use super::strict;
use crate::{
    headers::{Single, single},
    limits::Limits,
    problem::Problem,
};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A JSON object and the bytes it was read from: an extractor.
///
/// Refused: another type than `application/json` (optionally `charset=utf-8`) or a `Content-Encoding` (415), more than
/// 1 MiB (413), a body that takes longer than 10 s (408), nothing or not JSON (400), not an object (422); and what
/// [`strict::parse`] refuses.
#[derive(Clone, Debug)]
pub struct JsonBody(pub Value, pub Bytes);

/// A JSON Merge Patch (RFC 7396) and the bytes it was read from: an extractor like [`JsonBody`] that also takes the
/// type `application/merge-patch+json`.
#[derive(Clone, Debug)]
pub struct MergePatchBody(pub Value, pub Bytes);

/// A JSON object if there is one: an extractor like [`JsonBody`] for a POST that needs no body. An empty body needs no
/// type either.
#[derive(Clone, Debug)]
pub struct OptionalJsonBody(pub Option<Value>, pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<JsonBody, Problem> {
        check_type(request.headers(), &[JSON])?;
        let bytes = read(request, |limits| limits.body_bytes).await?;
        Ok(JsonBody(object(&bytes)?, bytes))
    }
}

impl<S: Send + Sync> FromRequest<S> for MergePatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<MergePatchBody, Problem> {
        check_type(request.headers(), &[MERGE_PATCH, JSON])?;
        let bytes = read(request, |limits| limits.body_bytes).await?;
        Ok(MergePatchBody(object(&bytes)?, bytes))
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<OptionalJsonBody, Problem> {
        let kind = check_type(request.headers(), &[JSON]);
        let bytes = read(request, |limits| limits.body_bytes).await?;
        if bytes.is_empty() {
            return Ok(OptionalJsonBody(None, bytes));
        }
        kind?;
        Ok(OptionalJsonBody(Some(object(&bytes)?), bytes))
    }
}

fn object(bytes: &Bytes) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Err(Problem::bad_request("the body is empty, a JSON object is needed"));
    }
    let value = strict::parse(bytes)?;
    if value.is_object() { Ok(value) } else { Err(Problem::unprocessable("the body must be a JSON object")) }
}

/// Checks that the body is of one of the kinds `allowed`, in UTF-8 and not compressed.
fn check_type(headers: &HeaderMap, allowed: &[&str]) -> Result<(), Problem> {
    let kind = essence(headers)?;
    if allowed.iter().any(|allowed| kind.eq_ignore_ascii_case(allowed)) {
        Ok(())
    } else {
        Err(Problem::unsupported_media_type(format!("the Content-Type must be {}", allowed.join(" or "))))
    }
}

/// Gives the `Content-Type` without its parameters, `""` when there is none.
///
/// # Errors
/// 415 when it stands twice, has a charset other than UTF-8, or the body has a `Content-Encoding`.
pub(crate) fn essence(headers: &HeaderMap) -> Result<&str, Problem> {
    match single(headers, header::CONTENT_ENCODING.as_str()) {
        Single::Absent => {}
        Single::Text(encoding) if encoding.eq_ignore_ascii_case("identity") => {}
        _ => return Err(Problem::unsupported_media_type("the body must not be compressed")),
    }
    let kind = match single(headers, header::CONTENT_TYPE.as_str()) {
        Single::Absent => return Ok(""),
        Single::Text(kind) => kind,
        Single::Malformed => return Err(Problem::unsupported_media_type("the Content-Type is malformed")),
    };
    let mut parts = kind.split(';').map(|part| part.trim_matches([' ', '\t']));
    let essence = parts.next().unwrap_or_default();
    for parameter in parts.filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8") {
            return Err(Problem::unsupported_media_type("the charset must be utf-8"));
        }
    }
    Ok(essence)
}

/// Reads the whole body, bounded in size by what `limit` picks and in time.
///
/// # Errors
/// 413, 408, or 400 when the caller went away in the middle.
pub(crate) async fn read(request: Request, limit: fn(&Limits) -> usize) -> Result<Bytes, Problem> {
    let limits = request.extensions().get::<Limits>().copied().unwrap_or_default();
    let limit_bytes = limit(&limits);
    let body: Body = request.into_body();
    if body.size_hint().lower() > limit_bytes as u64 {
        return Err(Problem::too_large(limit_bytes));
    }
    match tokio::time::timeout(limits.body_deadline, whole(Limited::new(body, limit_bytes))).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(limit_bytes)),
        Ok(Err(_)) => Err(Problem::bad_request("the body ended too early or is not framed as it should be")),
        Err(_) => Err(Problem::new(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            "Request Timeout",
            "the body took too long to arrive",
        )),
    }
}

/// Puts a body together as it comes, so that it is in memory once.
async fn whole(mut body: Limited<Body>) -> Result<Bytes, BoxError> {
    let expected = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let mut bytes = Vec::with_capacity(expected.unwrap_or_default());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::stream;

    use super::*;

    fn request(kind: Option<&str>, body: impl Into<Body>) -> Request {
        let mut request = Request::new(body.into());
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.try_into().expect("a header value"));
        }
        request
    }

    async fn status(request: Request) -> u16 {
        JsonBody::from_request(request, &()).await.map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[tokio::test]
    async fn only_json_in_utf_8_is_read() {
        for kind in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert_eq!(status(request(Some(kind), "{}")).await, 200, "{kind}");
        }
        for kind in [
            "text/plain",
            "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "application/merge-patch+json",
            "",
        ] {
            assert_eq!(status(request(Some(kind), "{}")).await, 415, "{kind}");
        }
        assert_eq!(status(request(None, "{}")).await, 415);
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused_before_it_is_read() {
        let mut request = request(Some(JSON), "{}");
        request.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().expect("a header value"));
        assert_eq!(status(request).await, 415);
    }

    #[tokio::test]
    async fn a_body_is_an_object_of_at_most_one_mebibyte() {
        assert_eq!(status(request(Some(JSON), "")).await, 400);
        assert_eq!(status(request(Some(JSON), "[]")).await, 422);
        let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
        assert_eq!(status(request(Some(JSON), padded(1 << 20))).await, 200);
        assert_eq!(status(request(Some(JSON), padded((1 << 20) + 1))).await, 413);
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 65_536])));
        assert_eq!(status(request(Some(JSON), Body::from_stream(endless))).await, 413);
    }

    #[tokio::test]
    async fn a_body_that_drips_runs_out_of_time() {
        let never = stream::pending::<Result<Bytes, std::io::Error>>();
        let mut request = request(Some(JSON), Body::from_stream(never));
        let limits = Limits { body_deadline: Duration::from_millis(10), ..Limits::default() };
        request.extensions_mut().insert(limits);
        assert_eq!(status(request).await, 408);
    }

    #[tokio::test]
    async fn an_optional_body_may_be_empty_and_then_needs_no_type() {
        let OptionalJsonBody(value, _) =
            OptionalJsonBody::from_request(request(None, ""), &()).await.expect("no body");
        assert_eq!(value, None);
        let problem = OptionalJsonBody::from_request(request(None, "{}"), &()).await.expect_err("a refusal");
        assert_eq!(problem.status(), 415);
    }

    #[tokio::test]
    async fn a_merge_patch_has_two_names() {
        for kind in [MERGE_PATCH, JSON] {
            assert!(MergePatchBody::from_request(request(Some(kind), "{}"), &()).await.is_ok());
        }
    }
}
