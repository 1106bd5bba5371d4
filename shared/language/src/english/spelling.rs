//! Slips of the keyboard in words that steer the reading: "tomorow", "remimd me", "wensday".
//!
//! A word is taken for the keyword that it is one slip away from: a letter more, less, other, or two changed places; two slips in
//! keywords of eight letters and more. Real words stay what they are, and titles keep what was typed.

use crate::token::Tokens;
use crate::words::{Words, words};

/// Words that a slip is forgiven in, but in their first letter; five letters and more.
#[rustfmt::skip]
fn keywords(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &["april", "august", "afternoon", "after"],
        b'b' => &["before"],
        b'c' => &["complete", "completed", "create"],
        b'd' => &["december", "daily", "delete"],
        b'e' => &["evening", "every"],
        b'f' => &["friday", "february", "finished"],
        b'h' => &["hours"],
        b'i' => &["important"],
        b'j' => &["january"],
        b'm' => &["monday", "morning", "midnight", "monthly", "minutes", "months"],
        b'n' => &["november"],
        b'o' => &["october", "overdue"],
        b'p' => &["priority", "postpone"],
        b'r' => &["remind", "reminder", "remove", "reschedule", "rename"],
        b's' => &["saturday", "sunday", "september", "snooze"],
        b't' => &["today", "tonight", "tomorrow", "tuesday", "thursday", "tagged", "tasks"],
        b'u' => &["urgent", "urgently"],
        b'w' => &["wednesday", "weekend", "weekday", "weekly", "weeks"],
        b'y' => &["yesterday", "yearly"],
        _ => &[],
    }
}

/// Words that are one slip away from a keyword, or two from a long one, and are words themselves.
#[rustfmt::skip]
const WORDS: &Words = words![
    "alter", "aster", "augusta", "compelled", "compete", "competed", "competes", "completely", "completes",
    "complex", "complexes", "complied", "compute", "computed", "couplet", "crate", "crease", "cremate",
    "crete", "dailey", "dairy", "daisy", "dally", "daly", "delate", "deplete", "eery", "emery", "ever",
    "famished", "finish", "finisher", "finishes", "friary", "furnished", "hour", "importance", "importing",
    "impotent", "minuets", "minute", "minutest", "moaning", "month", "moths", "mourning", "mouths", "overdub",
    "priory", "rejoinder", "remainder", "remand", "remedy", "reminded", "reminds", "remote", "render",
    "rewind", "rewinder", "sturdy", "sundae", "sundry", "tacks", "tagger", "takes", "talks", "tanks", "task", "tasked", "tass", "tusks", "toady", "toddy", "tugged", "urgency",
    "weakly", "weeds", "week", "weeps", "wees",
];

/// Mends the slips in the keywords of a text; what was typed stays in its slices.
pub(crate) fn mend(tokens: &mut Tokens<'_>) {
    tokens.part(words!["due", "deadline", "date"]);
    for (_, word) in tokens.words() {
        if let Some(keyword) = keyword(word.lower()) {
            word.read_as(keyword);
        }
    }
}

/// Gives the keyword that a word was meant to be, when it is none itself.
fn keyword(word: &str) -> Option<&'static str> {
    let plausible = (4..=12).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    let keywords = if plausible { keywords(word.as_bytes()[0]) } else { return None };
    let near = |keyword: &&&str| {
        let allowed = if keyword.len() >= 8 { 2 } else { 1 };
        keyword.len().abs_diff(word.len()) <= allowed
            && !is_inflected(word, keyword)
            && is_within(word.as_bytes(), keyword.as_bytes(), allowed)
    };
    let meant = keywords.iter().find(near).copied()?;
    (!keywords.contains(&word) && !WORDS.contains(word)).then_some(meant)
}

/// "mondays", "deleted" are other words than "monday", "delete".
fn is_inflected(word: &str, keyword: &str) -> bool {
    word.strip_prefix(keyword).is_some_and(|end| matches!(end, "s" | "d" | "r" | "ed" | "ly" | "es"))
}

/// Says whether so many slips make one word of the other; words differ in length by no more than that.
fn is_within(word: &[u8], keyword: &[u8], slips: usize) -> bool {
    match (word, keyword) {
        ([], rest) | (rest, []) => rest.len() <= slips,
        ([a, word_rest @ ..], [b, keyword_rest @ ..]) if a == b => is_within(word_rest, keyword_rest, slips),
        ([a, word_rest @ ..], [b, keyword_rest @ ..]) => {
            let swapped = word_rest.first() == Some(b) && keyword_rest.first() == Some(a);
            slips > 0
                && (is_within(word_rest, keyword_rest, slips - 1)
                    || is_within(word_rest, keyword, slips - 1)
                    || is_within(word, keyword_rest, slips - 1)
                    || swapped && is_within(&word_rest[1..], &keyword_rest[1..], slips - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_mended_and_words_are_not() {
        for (typed, meant) in [
            ("tomorow", "tomorrow"),
            ("tommorow", "tomorrow"),
            ("tommorrow", "tomorrow"),
            ("wensday", "wednesday"),
            ("febuary", "february"),
            ("remimd", "remind"),
            ("evry", "every"),
            ("urgnt", "urgent"),
            ("delet", "delete"),
            ("compleet", "complete"),
            ("firday", "friday"),
            ("mondey", "monday"),
        ] {
            assert_eq!(keyword(typed), Some(meant), "{typed}");
        }
        for word in
            ["very", "even", "crate", "remote", "house", "mourning", "mondays", "deleted", "dairy", "finish"]
        {
            assert_eq!(keyword(word), None, "{word}");
        }
    }
}
