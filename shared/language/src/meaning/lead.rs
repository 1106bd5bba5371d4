//! How a date or a time is led to.

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

impl Lead {
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
