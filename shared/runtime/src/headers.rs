//! Reading a request header that may stand only once.

use axum::http::HeaderMap;

/// What a request says in one header.
pub(crate) enum Single<'a> {
    /// The header is not there.
    Absent,
    /// The header stands once and is printable ASCII (0x20–0x7E), spaces around it removed.
    Text(&'a str),
    /// The header stands twice, or holds something else than printable ASCII.
    Malformed,
}

/// Reads the header `name`.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Single::Absent };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) if values.next().is_none() && is_printable(text) => Single::Text(text.trim_matches(' ')),
        _ => Single::Malformed,
    }
}

/// Tells whether every character is printable ASCII, 0x20–0x7E.
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}
