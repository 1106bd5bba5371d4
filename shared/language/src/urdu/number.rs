//! Numbers in digits and words, and the fractions that Urdu has words for.

use crate::english;
use crate::token::Text;
use crate::words::words;

/// Says whether a number, or an ordinal, can begin here.
pub(crate) fn begins(text: &Text<'_>, at: usize) -> bool {
    !text.is_plain(at) || text.is_any(at, words!["do", "nau", "isi", "pehle", "yakum"])
}

/// Reads a whole number: "5", "۵", "پانچ", "paanch".
pub(crate) fn whole(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if !begins(text, at) {
        return None;
    }
    let number = match text.word(at) {
        "do" => 2,
        "nau" => 9,
        "isi" => 80,
        word => english::number::digits(word)?,
    };
    Some((number, at + 1))
}

/// Reads an ordinal: "دوسرا", "5ویں", "5th"; "پہلے" is one only before what it can count.
pub(crate) fn ordinal(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if !begins(text, at) {
        return None;
    }
    let word = text.word(at);
    if let Some(number) = word.strip_suffix("-wan") {
        return Some((english::number::digits(number)?, at + 1));
    }
    if word == "pehle" {
        return Some((1, at + 1));
    }
    if let Some((number, end)) = whole(text, at).filter(|(_, end)| text.word(*end) == "wan") {
        return Some((number, end + 1));
    }
    let in_digits = word.starts_with(|c: char| c.is_ascii_digit());
    let number = if in_digits { english::number::ordinal(word)? } else { return None };
    Some((number, at + 1))
}

/// Reads a number in quarters.
///
/// | said | quarters |
/// |---|---|
/// | پانچ | 20 |
/// | ساڑھے پانچ, سوا پانچ, پونے پانچ | 22, 21, 19 |
/// | ڈیڑھ, ڈھائی, سوا, پون, آدھا | 6, 10, 5, 3, 2 |
pub(crate) fn quarters(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if !text.is_any(at, words!["sarhe", "sawa", "paune", "paun", "derh", "dhai", "aadha"]) {
        if !begins(text, at) {
            return None;
        }
        if let Some(whole) = text.word(at).strip_suffix(".5") {
            let whole = english::number::digits(whole).filter(|whole| *whole <= 10_000)?;
            return Some((whole * 4 + 2, at + 1));
        }
        let (number, end) = whole(text, at).filter(|(number, _)| *number <= 10_000)?;
        return Some((number * 4, end));
    }
    let after = whole(text, at + 1).filter(|(number, _)| *number <= 10_000);
    match (text.word(at), after) {
        ("sarhe", Some((number, end))) => Some((number * 4 + 2, end)),
        ("sawa", Some((number, end))) => Some((number * 4 + 1, end)),
        ("paune", Some((number, end))) if number > 0 => Some((number * 4 - 1, end)),
        ("sawa", None) => Some((5, at + 1)),
        ("paune" | "paun", None) => Some((3, at + 1)),
        ("derh", _) => Some((6, at + 1)),
        ("dhai", _) => Some((10, at + 1)),
        ("aadha", _) => Some((2, at + 1)),
        _ => None,
    }
}
