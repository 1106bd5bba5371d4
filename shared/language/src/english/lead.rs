//! The words that lead to a date or a time: "on", "at", "no later than".

use crate::meaning::lead::Lead;
use crate::token::Text;
use crate::words::{Table, words};

static LEADS: Table<Lead> = Table::new(&[
    ("no later than", Lead::By),
    ("not later than", Lead::By),
    ("to be done by", Lead::By),
    ("which is due", Lead::By),
    ("that is due", Lead::By),
    ("starting from", Lead::From),
    ("starting on", Lead::From),
    ("beginning on", Lead::From),
    ("due before", Lead::By),
    ("due date", Lead::By),
    ("due on", Lead::By),
    ("due by", Lead::By),
    ("due at", Lead::By),
    ("due in", Lead::In),
    ("due for", Lead::By),
    ("due", Lead::By),
    ("deadline", Lead::By),
    ("before", Lead::By),
    ("by", Lead::By),
    ("sometime on", Lead::On),
    ("sometime in", Lead::In),
    ("sometime", Lead::On),
    ("some time on", Lead::On),
    ("some time in", Lead::In),
    ("some time", Lead::On),
    ("at around", Lead::At),
    ("at about", Lead::At),
    ("at like", Lead::At),
    ("at", Lead::At),
    ("on", Lead::On),
    ("in", Lead::In),
    ("for", Lead::For),
    ("from", Lead::From),
    ("starting", Lead::From),
    ("beginning", Lead::From),
    ("until", Lead::Until),
    ("till", Lead::Until),
    ("til", Lead::Until),
    ("around", Lead::Around),
    ("over", Lead::On),
]);

/// Reads what leads to a date or a time, and gives where that begins.
pub(crate) fn read(text: &Text<'_>, at: usize) -> (Lead, usize) {
    if text.is_mark(at, '@') {
        return (Lead::At, at + 1);
    }
    if text.after(at, "beginning of").is_some() {
        return (Lead::Bare, at);
    }
    if text.word(at) == "later" && text.is_any(at + 1, words!["today", "tonight", "this"]) {
        return (Lead::On, at + 1);
    }
    // "over the weekend", but not "over friday's mess".
    if text.word(at) == "over"
        && text
            .after_any(at + 1, words!["the weekend", "this weekend", "next weekend", "christmas", "new year"])
            .is_none()
    {
        return (Lead::Bare, at);
    }
    let (lead, end) = text.look_up(at, &LEADS).map_or((Lead::Bare, at), |(lead, end)| (*lead, end));
    // "due: friday", "at ~5pm"
    let colon = lead == Lead::By && text.is_mark(end, ':');
    let about = lead != Lead::Bare && text.is_mark(end, '~');
    (lead, if colon || about { end + 1 } else { end })
}
