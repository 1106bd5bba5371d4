//! Which of several outcomes of one event counts.

/// How much an outcome weighs against the others of the same event, by ascending weight: of several, the heaviest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It is done.
    Done,
    /// It can never work, which is nothing to those for whom it still can.
    Never,
    /// It was not tried, behind another one.
    Waits,
    /// It did not work this time: whoever can still take the event must get it.
    Retry,
    /// Something was away: nobody may lose the event by another's attempts.
    Unavailable,
}
