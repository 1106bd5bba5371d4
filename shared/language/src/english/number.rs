//! Numbers and ordinals, in digits and in words.

use crate::token::Text;
use crate::words::words;

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const ORDINALS: [&str; 20] = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

/// Parses digits alone; at most six of them, so that no sum overflows.
pub(crate) fn digits(word: &str) -> Option<u32> {
    let plain = (1..=6).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    if plain { word.parse().ok() } else { None }
}

/// Parses one word: "5", "five", "twenty", "twenty-five".
pub(crate) fn word(word: &str) -> Option<u32> {
    digits(word).or_else(|| small(word)).or_else(|| {
        let (tens, ones) = word.split_once('-')?;
        Some(self::tens(tens)? + small(ones).filter(|ones| (1..=9).contains(ones))?)
    })
}

/// Reads a number: "5", "five", "twenty five"; gives it and where it ends.
pub(crate) fn read(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let first = word(text.word(at))?;
    if tens(text.word(at)).is_some()
        && let Some(ones) = small(text.word(at + 1)).filter(|ones| (1..=9).contains(ones))
    {
        return Some((first + ones, at + 2));
    }
    Some((first, at + 1))
}

/// Reads a number, or words that stand for one: "a", "an", "a couple of", "a few" (three).
pub(crate) fn read_count(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if let Some(end) = text.after_any(at, words!["a couple of", "a couple", "couple of"]) {
        return Some((2, end));
    }
    if let Some(end) = text.after_any(at, words!["a few", "few"]) {
        return Some((3, end));
    }
    if let Some(end) = text.after_any(at, words!["a", "an", "one more"]) {
        return Some((1, end));
    }
    read(text, at)
}

/// Parses an ordinal: "5th", "fifth", "twenty-first"; the suffix must fit the number.
pub(crate) fn ordinal(word: &str) -> Option<u32> {
    if let Some(split) = word.len().checked_sub(2).filter(|at| *at > 0 && word.is_char_boundary(*at)) {
        let (number, suffix) = word.split_at(split);
        if let Some(number) = digits(number) {
            return (suffix == suffix_of(number)).then_some(number);
        }
    }
    if let Some(at) = ORDINALS.iter().position(|ordinal| *ordinal == word) {
        return u32::try_from(at).ok();
    }
    match word {
        "twentieth" => return Some(20),
        "thirtieth" => return Some(30),
        _ => {}
    }
    let (tens, ones) = word.split_once('-')?;
    let ones = ORDINALS[1..10].iter().position(|ordinal| *ordinal == ones)?;
    Some(self::tens(tens)? + u32::try_from(ones).ok()? + 1)
}

/// Reads an ordinal: "5th", "fifth", "twenty first".
pub(crate) fn read_ordinal(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if let Some(number) = ordinal(text.word(at)) {
        return Some((number, at + 1));
    }
    let tens = tens(text.word(at))?;
    let ones = ordinal(text.word(at + 1)).filter(|ones| (1..=9).contains(ones))?;
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

fn small(word: &str) -> Option<u32> {
    ONES.iter().position(|one| *one == word).and_then(|at| u32::try_from(at).ok()).or_else(|| tens(word))
}

fn tens(word: &str) -> Option<u32> {
    TENS.iter().position(|ten| *ten == word).and_then(|at| u32::try_from(at * 10 + 20).ok())
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
