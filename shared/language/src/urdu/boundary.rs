//! Where what stands before is complete, so that a weekday is a day and not part of a name.

use crate::token::{Kind, Text};
use crate::urdu::{clock, names, number};
use crate::words::{Words, words};

/// Says whether what stands before `at` is complete there: the end, punctuation, another word about time, or a word that
/// can only be said of all of it.
pub(crate) fn is_free(text: &Text<'_>, at: usize) -> bool {
    let Some(token) = text.tokens.get(at) else { return true };
    match token.kind {
        Kind::Mark | Kind::Tag => true,
        Kind::Quoted | Kind::Opaque => false,
        Kind::Word => {
            let word = text.word(at);
            #[rustfmt::skip]
            const WORDS: &Words = words![
                "aadhiraat", "aaj", "abhi", "agla", "ahem", "aur", "daily", "fori", "har", "is", "kal",
                "ko", "lazmi", "parson", "please", "remind", "rozana", "tak", "tarson", "urgent", "yaad",
                "zaroori", "ya", "at", "by", "on", "se", "par", "hai", "hoga", "mujhe", "high", "pehle",
                "for", "every",
            ];
            WORDS.contains(word)
                || clock::part(text, at).is_some()
                || names::weekday(word).is_some()
                || names::month(word).is_some()
                || is_time(text, at)
        }
    }
}

/// Says whether a time begins here: "5 بجے", "ساڑھے پانچ", "17:30", "5pm".
fn is_time(text: &Text<'_>, at: usize) -> bool {
    let word = text.word(at);
    if matches!(word, "sarhe" | "sawa" | "paune" | "derh" | "dhai") || crate::english::clock::is_clock(word) {
        return true;
    }
    word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit())
        || number::whole(text, at)
            .is_some_and(|(_, end)| text.is_any(end, words!["baje", "baj", "bajkar", "bajne"]))
}
