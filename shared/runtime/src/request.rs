//! What every request carries through everything it causes.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::{
    clock::{self, Clock},
    headers::{Single, single},
    trace,
};

/// The name of the correlation header, in requests and on every response.
pub const CORRELATION_HEADER: &str = "x-correlation-id";
const LONGEST_CORRELATION_ID: usize = 100;

/// The identity of a request: an extractor that never fails.
///
/// The server makes it once per request, before anything else, so all extractors of one request see the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// The caller's `X-Correlation-ID`, 1–100 printable ASCII characters; anything else is replaced by a new UUID.
    pub correlation_id: String,
    /// The `traceparent` to pass on (W3C Trace Context): the caller's trace with a span of ours, or a new trace.
    pub traceparent: String,
}

impl RequestContext {
    /// Gives the context of work that no request caused, such as a tick: a new correlation and a new trace.
    pub fn fresh() -> RequestContext {
        RequestContext { correlation_id: new_correlation_id(), traceparent: trace::child_of(None) }
    }

    /// Gives the context that goes on from an event: its `correlationid` and `traceparent` attributes.
    ///
    /// Values that a header would not be allowed to have are replaced, as for a request.
    pub fn continuing(correlation_id: Option<&str>, traceparent: Option<&str>) -> RequestContext {
        let correlation_id = correlation_id.map(|id| id.trim_matches(' ')).filter(|id| is_correlation_id(id));
        RequestContext {
            correlation_id: correlation_id.map_or_else(new_correlation_id, str::to_owned),
            traceparent: trace::child_of(traceparent),
        }
    }

    /// Gives the context of work within a span that has begun: the same, but that what is no trace is replaced.
    pub(crate) fn within(correlation_id: Option<&str>, traceparent: Option<&str>) -> RequestContext {
        let context = RequestContext::continuing(correlation_id, None);
        RequestContext { traceparent: trace::within(traceparent), ..context }
    }

    /// Gives what a request says of the trace that it is part of.
    pub(crate) fn parent(headers: &HeaderMap) -> Option<&str> {
        [trace::HEADER, "ce-traceparent"].into_iter().find_map(|name| match single(headers, name) {
            Single::Text(text) => Some(text),
            Single::Absent | Single::Malformed => None,
        })
    }

    /// Gives the trace id, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        trace::trace_id(&self.traceparent)
    }

    /// Reads the headers of a request; an event in binary mode says the same in `ce-` headers.
    pub(crate) fn from_headers(headers: &HeaderMap) -> RequestContext {
        let read = |name: &str| match single(headers, name) {
            Single::Text(text) => Some(text),
            Single::Absent | Single::Malformed => None,
        };
        RequestContext::continuing(
            read(CORRELATION_HEADER).or_else(|| read("ce-correlationid")),
            read(trace::HEADER).or_else(|| read("ce-traceparent")),
        )
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<RequestContext, Infallible> {
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            return Ok(context.clone());
        }
        let context = RequestContext::from_headers(&parts.headers);
        parts.extensions.insert(context.clone());
        Ok(context)
    }
}

fn is_correlation_id(id: &str) -> bool {
    (1..=LONGEST_CORRELATION_ID).contains(&id.len()) && crate::headers::is_printable(id)
}

fn new_correlation_id() -> String {
    clock::new_id(Clock::system().now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn correlation(header: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(CORRELATION_HEADER, header.try_into().expect("a header value"));
        RequestContext::from_headers(&headers).correlation_id
    }

    #[test]
    fn a_printable_correlation_id_is_kept() {
        assert_eq!(correlation(b"order 66/b"), "order 66/b");
        assert_eq!(correlation(&[b'x'; 100]).len(), 100);
    }

    #[test]
    fn an_unusable_correlation_id_is_replaced() {
        for header in [&b""[..], b"   ", &[b'x'; 101], "دودھ".as_bytes(), b"a\tb"] {
            assert_eq!(correlation(header).len(), 36, "{header:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(CORRELATION_HEADER, "one".parse().expect("a header value"));
        twice.append(CORRELATION_HEADER, "two".parse().expect("a header value"));
        assert_eq!(RequestContext::from_headers(&twice).correlation_id.len(), 36);
    }

    #[test]
    fn an_event_in_binary_mode_carries_its_correlation() {
        let mut headers = HeaderMap::new();
        headers.insert("ce-correlationid", "order-66".parse().expect("a header value"));
        assert_eq!(RequestContext::from_headers(&headers).correlation_id, "order-66");
    }
}
