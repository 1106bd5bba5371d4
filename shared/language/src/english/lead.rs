//! The words that lead to a date or a time: "on", "at", "no later than".

use crate::token::Text;

/// How a date or a time is led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    /// By nothing.
    Bare,
    /// "at", "@".
    At,
    /// "on".
    On,
    /// "by", "before", "due": a deadline.
    By,
    /// "in".
    In,
    /// "for".
    For,
    /// "from", "starting".
    From,
    /// "until".
    Until,
    /// "around".
    Around,
}

const LEADS: &[(&str, Lead)] = &[
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
];

impl Lead {
    /// Reads what leads to a date or a time, and gives where that begins.
    pub(crate) fn read(text: &Text<'_>, at: usize) -> (Self, usize) {
        if text.is_mark(at, '@') {
            return (Self::At, at + 1);
        }
        let found = LEADS.iter().find_map(|(words, lead)| Some((*lead, text.after(at, words)?)));
        let (lead, end) = found.unwrap_or((Self::Bare, at));
        // "due: friday", "at ~5pm"
        let colon = lead == Self::By && text.is_mark(end, ':');
        let about = lead != Self::Bare && text.is_mark(end, '~');
        (lead, if colon || about { end + 1 } else { end })
    }

    /// Says whether there is one.
    pub(crate) fn is_any(self) -> bool {
        self != Self::Bare
    }

    /// Says whether "17:00" after it is a time without any doubt.
    pub(crate) fn names_time(self) -> bool {
        matches!(self, Self::At | Self::By | Self::Until | Self::Around | Self::From)
    }

    /// Says whether "5" after it is an hour.
    pub(crate) fn names_bare_hour(self) -> bool {
        matches!(self, Self::At | Self::By | Self::Until | Self::Around)
    }

    /// Says whether "the 5th", "5/12" or "Sunday" after it is a day.
    pub(crate) fn names_day(self) -> bool {
        !matches!(self, Self::Bare | Self::At | Self::In)
    }
}
