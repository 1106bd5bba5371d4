//! JSON bodies, read strictly: what two parsers could read differently is refused (RFC 8259, I-JSON RFC 7493).

mod body;
pub mod strict;

pub use body::{JsonBody, MergePatchBody, OptionalJsonBody};
pub(crate) use body::{essence, read};

/// Gives bytes that are one JSON text as text: as part of a batch anything else would spoil the others.
///
/// # Errors
/// What the parser says.
pub(crate) fn one_text(bytes: &[u8]) -> Result<&str, serde_json::Error> {
    serde_json::from_slice::<&serde_json::value::RawValue>(bytes).map(serde_json::value::RawValue::get)
}
