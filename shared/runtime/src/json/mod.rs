//! JSON bodies, read strictly: what two parsers could read differently is refused (RFC 8259, I-JSON RFC 7493).

mod body;
pub mod strict;

pub use body::{JsonBody, MergePatchBody, OptionalJsonBody};
pub(crate) use body::{essence, read};
