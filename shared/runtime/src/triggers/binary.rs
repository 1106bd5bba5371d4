//! An event in binary mode: attributes in `ce-` headers, data in the body (CloudEvents HTTP binding 1.0.2 §3.1).

use std::{borrow::Cow, collections::BTreeMap};

use axum::http::{HeaderMap, header};
use serde_json::Value;

use super::incoming::{Incoming, Malformed, from_attributes};
use crate::{json::strict, percent};

const PREFIX: &str = "ce-";

/// Tells whether the headers carry an event.
pub(super) fn is_event(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion") || headers.contains_key("ce-id")
}

/// Reads an event from headers and body.
pub(super) fn from_request(headers: &HeaderMap, body: &[u8]) -> Result<Incoming, Malformed> {
    let id = headers.get("ce-id").and_then(|id| decode(id.as_bytes())).unwrap_or_default();
    let mut attributes = BTreeMap::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else { continue };
        let Some(value) = decode(value.as_bytes()) else {
            return Err(Malformed::new(&id, format!("the header ce-{name} is not percent-encoded UTF-8")));
        };
        if attributes.insert(name.to_owned(), value).is_some() {
            return Err(Malformed::new(&id, format!("the header ce-{name} is given twice")));
        }
    }
    if let Some(kind) = headers.get(header::CONTENT_TYPE).filter(|_| !body.is_empty()) {
        attributes
            .insert("datacontenttype".to_owned(), String::from_utf8_lossy(kind.as_bytes()).into_owned());
    }
    let data = match body {
        [] => Value::Null,
        body => strict::parse(body).map_err(|problem| Malformed::new(&id, problem.detail()))?,
    };
    from_attributes(attributes, data)
}

/// Decodes a header value as §3.1.3.2 says: take off the quotes if it has them, then percent-decode, once.
fn decode(value: &[u8]) -> Option<String> {
    let unquoted = match value {
        [b'"', quoted @ .., b'"'] => Cow::Owned(unescape(quoted)),
        plain => Cow::Borrowed(plain),
    };
    percent::decode(&unquoted, false).map(Cow::into_owned).filter(|text| !text.contains('\0'))
}

fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = quoted.iter();
    let mut plain = Vec::with_capacity(quoted.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            other => plain.push(*other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn headers(extra: &[(&'static str, &str)]) -> HeaderMap {
        let base = [
            ("ce-specversion", "1.0"),
            ("ce-id", "e1"),
            ("ce-source", "/kaam/x"),
            ("ce-type", "task.created"),
        ];
        base.iter()
            .chain(extra)
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value.as_bytes()).expect("a header value"),
                )
            })
            .collect()
    }

    #[test]
    fn an_urdu_subject_is_decoded_once() {
        for (encoded, subject) in [
            ("%D8%AF%D9%88%D8%AF%DA%BE", "دودھ"),
            ("\"%D8%AF%D9%88%D8%AF%DA%BE %22x%22\"", "دودھ \"x\""),
            ("\"a\\\"b\\\\\"", "a\"b\\"),
            ("100%2525", "100%25"),
            ("دودھ", "دودھ"),
        ] {
            let event = from_request(&headers(&[("ce-subject", encoded)]), b"").expect("an event");
            assert_eq!(event.subject.as_deref(), Some(subject));
        }
    }

    #[test]
    fn the_body_is_the_data_and_other_attributes_are_extensions() {
        let headers = headers(&[("content-type", "application/json"), ("ce-partitionkey", "t1")]);
        let event = from_request(&headers, b"{\"a\":1}").expect("an event");
        assert_eq!(event.data, json!({"a": 1}));
        assert_eq!(event.extensions["partitionkey"], "t1");
        assert_eq!(event.extensions.len(), 1);
    }

    #[test]
    fn a_malformed_event_is_refused() {
        assert!(from_request(&headers(&[("ce-subject", "%zz")]), b"").is_err());
        assert!(from_request(&headers(&[("content-type", "text/plain")]), b"hello").is_err());
        assert!(from_request(&headers(&[]), b"{").is_err());
        let mut twice = headers(&[]);
        twice.append("ce-source", HeaderValue::from_static("/other"));
        assert!(from_request(&twice, b"").is_err());
        // Invalid in UTF-8 (an overlong space), which HTTP binding 1.0.2 §3.1.3.2 has refused; and what is no name.
        assert!(from_request(&headers(&[("ce-subject", "%C0%A0")]), b"").is_err());
        for name in ["ce-trace-parent", "ce-data", "ce-data_base64", "ce-"] {
            let malformed = from_request(&headers(&[(name, "x")]), b"").expect_err(name);
            assert!(malformed.id == "e1" && malformed.why.contains("name"), "{malformed:?}");
        }
    }
}
