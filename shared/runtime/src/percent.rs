//! Percent-encoding (RFC 3986 §2.1).

use std::borrow::Cow;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes every byte but the letters, digits and `-._~` that mean the same everywhere (RFC 3986 §2.3).
///
/// Different texts stay different, and none has any other character in it.
///
/// ```
/// assert_eq!(runtime::percent::encode("a:b/c%|دودھ"), "a%3Ab%2Fc%25%7C%D8%AF%D9%88%D8%AF%DA%BE");
/// ```
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => {
                encoded.push('%');
                encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
            }
        }
    }
    encoded
}

/// Decodes `%XX` once; with `plus_is_space`, also `+` as a space (`application/x-www-form-urlencoded`).
///
/// Gives `None` when a `%` is not followed by two hexadecimal digits or the result is not UTF-8.
pub(crate) fn decode(text: &[u8], plus_is_space: bool) -> Option<Cow<'_, str>> {
    if !text.iter().any(|byte| *byte == b'%' || (plus_is_space && *byte == b'+')) {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => {
                let (digits, tail) = rest.split_first_chunk::<2>()?;
                decoded.push(hex(digits[0])? * 16 + hex(digits[1])?);
                rest = tail;
            }
            b'+' if plus_is_space => decoded.push(b' '),
            other => decoded.push(*other),
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urdu_is_decoded_once() {
        assert_eq!(decode(b"%D8%AF%D9%88%D8%AF%DA%BE", false).as_deref(), Some("دودھ"));
        assert_eq!(decode(b"100%2525", false).as_deref(), Some("100%25"));
        assert_eq!(decode(b"a+b", false).as_deref(), Some("a+b"));
        assert_eq!(decode(b"a+b", true).as_deref(), Some("a b"));
    }

    #[test]
    fn a_broken_escape_and_broken_utf_8_are_refused() {
        for text in [&b"%"[..], b"%4", b"%zz", b"%ff", b"%+1"] {
            assert_eq!(decode(text, true), None, "{text:?}");
        }
    }
}
