//! Whether a text is made of the words that were said: what the model writes is the user's, or is not taken.

use std::collections::HashSet;

use crate::targets::fold;

/// Words without a meaning of their own: a title may have them though they were not said.
#[rustfmt::skip]
const FUNCTION_WORDS: &[&str] = &[
    "a", "an", "and", "at", "by", "for", "from", "in", "my", "of", "on", "or", "the", "to", "with",
    "ka", "ki", "ke", "ko", "se", "par", "mein", "aur",
    "کا", "کی", "کے", "کو", "سے", "پر", "میں", "اور",
];
/// Words that turn a sentence around.
#[rustfmt::skip]
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "don", "dont", "without", "nahi", "nahin", "nahee", "mat", "na", "نہ", "نہیں", "مت",
];

/// Says whether every word of a text was said, but for words without a meaning of their own; one at least was.
pub(crate) fn is_said(text: &str, said: &str) -> bool {
    let heard = words(said);
    let words = words(text);
    let is_own = |word: &String| heard.contains(word);
    words.iter().any(is_own)
        && words.iter().all(|word| is_own(word) || FUNCTION_WORDS.contains(&word.as_str()))
}

/// Says whether something was negated that the text does not negate.
pub(crate) fn loses_negation(text: &str, said: &str) -> bool {
    let kept = words(text);
    words(said).iter().any(|word| NEGATIONS.contains(&word.as_str()) && !kept.contains(word))
}

/// Says whether two texts look the same.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

fn words(text: &str) -> HashSet<String> {
    let folded = fold(text);
    let all = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    all.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_the_words_that_were_said_and_small_ones_at_most() {
        for (title, said, expected) in [
            ("buy milk", "milk, one should BUY some", true),
            ("buy the milk", "buy milk", true),
            ("دودھ لانا", "بھئی دودھ لانا تھا", true),
            ("كتاب", "کتاب والا کام", true),
            ("buy oat milk", "buy milk", false),
            ("delete all tasks", "what about the milk", false),
            ("the", "the milk", true),
            ("to the", "milk", false),
            ("🎉", "milk 🎉", false),
            ("", "milk", false),
        ] {
            assert_eq!(is_said(title, said), expected, "{title}");
        }
    }

    #[test]
    fn a_negation_that_is_left_out_is_noticed() {
        assert!(loses_negation("دودھ لانا", "دودھ نہ لانا"));
        assert!(loses_negation("buy milk", "buy milk? no way, don't"));
        assert!(!loses_negation("no sugar", "get no sugar"));
        assert!(!loses_negation("buy milk", "buy milk maybe"));
    }
}
