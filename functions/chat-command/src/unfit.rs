//! Why a task can not be made, or changed, as it was said.

use domain::task::TextError;
use events::{Issue, Refusal};

/// Why a task can not be made of what was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unfit {
    /// A time is needed.
    When,
    /// Something can not be kept.
    Wrong(Flaw),
}

/// What can not be kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Flaw {
    /// The title.
    Title(TextError),
    /// The description.
    Description(TextError),
    /// One of the tags.
    Tag(TextError),
    /// Too many tags.
    TooManyTags,
    /// A shift of a due time that is not there.
    NoDueTime,
    /// A shift by hours of a whole day.
    WholeDay,
    /// A due time beyond the calendar.
    TooFar,
    /// A change that the task's status forbids.
    Status(domain::task::Refusal),
    /// Values of fields, as the API names them.
    Fields(Vec<Issue>),
    /// Anything else, in English.
    Other(String),
}

impl From<Flaw> for Unfit {
    fn from(flaw: Flaw) -> Self {
        Self::Wrong(flaw)
    }
}

impl From<Vec<Issue>> for Unfit {
    fn from(issues: Vec<Issue>) -> Self {
        Self::Wrong(Flaw::Fields(issues))
    }
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(issues) => issues.into(),
            other => Self::Wrong(Flaw::Other(other.to_string())),
        }
    }
}
