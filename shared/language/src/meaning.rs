//! What phrases say, whatever the language, and what they say together.

pub(crate) mod act;
pub(crate) mod calendar;
pub(crate) mod clock;
pub(crate) mod compose;
pub(crate) mod day;
pub(crate) mod lead;
pub(crate) mod length;
pub(crate) mod phrase;
pub(crate) mod repetition;
pub(crate) mod tag;
pub(crate) mod title;
