//! The `traceparent` header (W3C Trace Context, §3.2).

use std::fmt::Write as _;

use crate::clock;

/// The header's name.
pub(crate) const HEADER: &str = "traceparent";

/// Continues the trace of the request under a new span of ours, or starts a trace when there is none to continue.
///
/// A header that is not valid counts as absent, as the recommendation asks (§3.2.2). The answer is always version 00
/// with lower-case digits; a trace that starts here is marked as sampled.
pub(crate) fn child_of(traceparent: Option<&str>) -> String {
    let span = clock::drawn::<8>();
    let mut child = String::with_capacity(55);
    child.push_str("00-");
    match traceparent.and_then(parse) {
        Some(parent) => child.push_str(parent.trace_id),
        None => push_hex(&mut child, &clock::drawn::<16>()),
    }
    child.push('-');
    push_hex(&mut child, &span);
    child.push_str(match traceparent.and_then(parse) {
        Some(parent) if !parent.sampled => "-00",
        _ => "-01",
    });
    child
}

/// Gives X-Ray's `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1` as a `traceparent`; `None` when a part of
/// it is missing or is none (AWS X-Ray, "Tracing header").
#[cfg(feature = "lambda")]
pub(crate) fn from_xray(header: &str) -> Option<String> {
    let part = |name: &str| {
        let parts = header.split(';').filter_map(|part| part.trim().split_once('='));
        parts.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    };
    let root = part("Root")?.strip_prefix("1-")?.replacen('-', "", 1);
    let sampled = if part("Sampled") == Some("1") { "01" } else { "00" };
    let traceparent = format!("00-{root}-{}-{sampled}", part("Parent")?);
    parse(&traceparent).is_some().then_some(traceparent)
}

/// Gives the 32 digits of the trace id in a `traceparent` made by [`child_of`].
pub(crate) fn trace_id(traceparent: &str) -> &str {
    traceparent.get(3..35).unwrap_or_default()
}

/// Gives the 16 digits of the span id in a `traceparent` made by [`child_of`].
pub(crate) fn span_id(traceparent: &str) -> &str {
    traceparent.get(36..52).unwrap_or_default()
}

/// Gives a `traceparent` as it is, when it is valid, else one of a new trace.
pub(crate) fn within(traceparent: Option<&str>) -> String {
    let is_ours = |traceparent: &&str| traceparent.len() == 55 && parse(traceparent).is_some();
    traceparent.filter(is_ours).map_or_else(|| child_of(None), str::to_owned)
}

/// Tells whether a `traceparent` made by [`child_of`] is of a trace that is recorded.
pub(crate) fn is_sampled(traceparent: &str) -> bool {
    traceparent.ends_with("-01")
}

struct Parent<'a> {
    trace_id: &'a str,
    sampled: bool,
}

/// Reads `version-traceid-parentid-flags`; a later version may have more behind another hyphen.
fn parse(text: &str) -> Option<Parent<'_>> {
    let bytes = text.as_bytes();
    if bytes.len() < 55 || !text.is_ascii() || [bytes[2], bytes[35], bytes[52]] != [b'-'; 3] {
        return None;
    }
    let (version, trace_id, parent_id, flags) = (&text[..2], &text[3..35], &text[36..52], &text[53..55]);
    if ![version, trace_id, parent_id, flags].iter().all(|part| part.bytes().all(is_lower_hex)) {
        return None;
    }
    let longer_than_allowed = match version {
        "ff" => return None,
        "00" => bytes.len() > 55,
        _ => bytes.len() > 55 && bytes[55] != b'-',
    };
    let is_zero = |part: &str| part.bytes().all(|digit| digit == b'0');
    if longer_than_allowed || is_zero(trace_id) || is_zero(parent_id) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some(Parent { trace_id, sampled: flags & 1 == 1 })
}

fn is_lower_hex(digit: u8) -> bool {
    matches!(digit, b'0'..=b'9' | b'a'..=b'f')
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes every character");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_trace_goes_on_under_a_new_span() {
        let child = child_of(Some(PARENT));
        assert_eq!(trace_id(&child), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(&child[36..52], "00f067aa0ba902b7");
        assert!(child.ends_with("-01"));
        assert!(child_of(Some(&PARENT.replace("-01", "-00"))).ends_with("-00"));
        assert!(parse(&child).is_some());
    }

    #[test]
    fn whoever_works_within_a_span_keeps_it() {
        assert_eq!(within(Some(PARENT)), PARENT);
        assert_ne!(trace_id(&within(Some("00-0-0-01"))), trace_id(PARENT));
        assert_eq!(span_id(PARENT), "00f067aa0ba902b7");
    }

    #[test]
    fn a_malformed_trace_is_replaced() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
        ] {
            assert!(parse(text).is_none(), "{text}");
            assert_eq!(child_of(Some(text)).len(), 55);
        }
    }

    #[cfg(feature = "lambda")]
    #[test]
    fn a_trace_of_x_ray_goes_on_as_one_of_w3c() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0";
        let traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(from_xray(header).as_deref(), Some(traceparent));
        let unsampled = traceparent.replace("8ad8-01", "8ad8-00");
        assert_eq!(from_xray(&header.replace("Sampled=1", "Sampled=0")), Some(unsampled));
        for header in
            ["", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "Root=5;Parent=6", "Self=1-5"]
        {
            assert_eq!(from_xray(header), None, "{header}");
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what").is_some());
        assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01what").is_none());
    }
}
