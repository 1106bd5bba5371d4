//! The ends of English titles.

use crate::meaning::phrase::Phrase;
use crate::meaning::title::{self, Fringe};
use crate::span::Span;
use crate::token::Text;
use crate::words::words;

const FRINGE: Fringe = Fringe {
    opening: words!["to", "that", "and", "then", "about"],
    dangling: words![
        "on", "at", "by", "for", "in", "and", "with", "due", "until", "before", "from", "is", "it", "to",
        "every", "starting", "the", "a", "of", "around", "but", "then", "also", "between",
    ],
    closing: words!["please", "pls", "plz", "thanks", "ok", "okay", "thx"],
};

/// Gives the words outside of the phrases, as they were written, and their spans; `None` when none are left.
pub(crate) fn title(text: &Text<'_>, used: &[Phrase]) -> (Option<String>, Vec<Span>) {
    title::title(text, used, &FRINGE)
}
