//! The ends of Urdu titles.

use crate::meaning::phrase::Phrase;
use crate::meaning::title::{self, Fringe};
use crate::span::Span;
use crate::token::Text;
use crate::words::words;

const FRINGE: Fringe = Fringe {
    opening: words![
        "keh", "mujhe", "aur", "to", "ko", "hi", "phir", "mein", "tak", "bhi", "hum", "zaroor", "lazmi",
        "ka", "ki", "ke",
    ],
    dangling: words!["aur", "at", "on", "by", "for", "in", "with", "due", "se pehle", "deadline", "until"],
    closing: words![
        "please", "na", "ji", "zara", "yaar", "bhai", "to", "thanks", "zaroor", "lazmi", "ka", "ki", "ke",
        "liye", "ko", "keh",
    ],
};

/// Gives the words outside of the phrases, as they were written, and their spans; `None` when none are left.
pub(crate) fn title(text: &Text<'_>, used: &[Phrase]) -> (Option<String>, Vec<Span>) {
    title::title(text, used, &FRINGE)
}
