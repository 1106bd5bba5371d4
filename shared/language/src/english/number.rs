//! Numbers and ordinals, in digits and in words.

use crate::token::Text;
use crate::words::Table;

#[rustfmt::skip]
static CARDINALS: Table<u32> = Table::new(&[
    ("zero", 0), ("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5), ("six", 6),
    ("seven", 7), ("eight", 8), ("nine", 9), ("ten", 10), ("eleven", 11), ("twelve", 12),
    ("thirteen", 13), ("fourteen", 14), ("fifteen", 15), ("sixteen", 16), ("seventeen", 17),
    ("eighteen", 18), ("nineteen", 19), ("twenty", 20), ("thirty", 30), ("forty", 40), ("fifty", 50),
    ("sixty", 60), ("seventy", 70), ("eighty", 80), ("ninety", 90),
]);

#[rustfmt::skip]
static TENS: Table<u32> = Table::new(&[
    ("twenty", 20), ("thirty", 30), ("forty", 40), ("fifty", 50), ("sixty", 60), ("seventy", 70),
    ("eighty", 80), ("ninety", 90),
]);

#[rustfmt::skip]
static ORDINALS: Table<u32> = Table::new(&[
    ("zeroth", 0), ("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("fifth", 5), ("sixth", 6),
    ("seventh", 7), ("eighth", 8), ("ninth", 9), ("tenth", 10), ("eleventh", 11), ("twelfth", 12),
    ("thirteenth", 13), ("fourteenth", 14), ("fifteenth", 15), ("sixteenth", 16), ("seventeenth", 17),
    ("eighteenth", 18), ("nineteenth", 19), ("twentieth", 20), ("thirtieth", 30),
]);

/// Parses digits alone; at most six of them, so that no sum overflows.
pub(crate) fn digits(word: &str) -> Option<u32> {
    let plain = (1..=6).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    if plain { word.parse().ok() } else { None }
}

/// Parses one word: "5", "five", "twenty", "twenty-five".
pub(crate) fn word(word: &str) -> Option<u32> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return digits(word);
    }
    CARDINALS.get(word).copied().or_else(|| {
        let (tens, ones) = compound(word)?;
        Some(tens + CARDINALS.get(ones).filter(|ones| (1..=9).contains(*ones))?)
    })
}

/// Parses the tens of a word of two: "twenty-five", "twenty-first".
fn compound(word: &str) -> Option<(u32, &str)> {
    // The shortest are "forty-one" and its like.
    let (tens, ones) = if word.len() > 8 { word.split_once('-')? } else { return None };
    Some((*TENS.get(tens)?, ones))
}

/// Reads one word: "5", "five", "twenty", "twenty-five".
pub(crate) fn at(text: &Text<'_>, at: usize) -> Option<u32> {
    if text.is_plain(at) { text.value(at, &CARDINALS) } else { word(text.word(at)) }
}

/// Reads a number: "5", "five", "twenty five"; gives it and where it ends.
pub(crate) fn read(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let first = self::at(text, at)?;
    if text.value(at, &TENS).is_some()
        && let Some(ones) = text.value(at + 1, &CARDINALS).filter(|ones| (1..=9).contains(ones))
    {
        return Some((first + ones, at + 2));
    }
    Some((first, at + 1))
}

/// Reads a number, or words that stand for one: "a", "an", "a couple of", "a few" (three).
pub(crate) fn read_count(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    static COUNTS: Table<u32> = Table::new(&[
        ("a couple of", 2),
        ("a couple", 2),
        ("couple of", 2),
        ("a few", 3),
        ("few", 3),
        ("a", 1),
        ("an", 1),
        ("one more", 1),
    ]);
    if let Some((count, end)) = text.look_up(at, &COUNTS) {
        return Some((*count, end));
    }
    read(text, at)
}

/// Parses an ordinal: "5th", "fifth", "twenty-first"; the suffix must fit the number.
pub(crate) fn ordinal(word: &str) -> Option<u32> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let split = word.len().checked_sub(2).filter(|at| word.is_char_boundary(*at))?;
        let (number, suffix) = word.split_at(split);
        return digits(number).filter(|number| suffix == suffix_of(*number));
    }
    ORDINALS.get(word).copied().or_else(|| {
        let (tens, ones) = compound(word)?;
        Some(tens + ORDINALS.get(ones).filter(|ones| (1..=9).contains(*ones))?)
    })
}

/// Reads an ordinal: "5th", "fifth", "twenty first".
pub(crate) fn read_ordinal(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let first = |at| if text.is_plain(at) { text.value(at, &ORDINALS) } else { ordinal(text.word(at)) };
    if let Some(number) = first(at) {
        return Some((number, at + 1));
    }
    let tens = text.value(at, &TENS)?;
    let ones = first(at + 1).filter(|ones| (1..=9).contains(ones))?;
    Some((tens + ones, at + 2))
}

fn suffix_of(number: u32) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_need_the_suffix_that_fits() {
        assert_eq!(ordinal("21st"), Some(21));
        assert_eq!(ordinal("11th"), Some(11));
        assert_eq!(ordinal("04th"), Some(4));
        assert_eq!(ordinal("twenty-first"), Some(21));
        assert_eq!(ordinal("21th"), None);
        assert_eq!(ordinal("th"), None);
        assert_eq!(ordinal("éé"), None);
    }
}
