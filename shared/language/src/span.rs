//! The parts of the text that were understood.

/// A stretch of the text, in code points, that was taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where it begins, in code points.
    pub start: usize,
    /// Where it ends, excluded, in code points.
    pub end: usize,
    /// What it says.
    pub kind: SpanKind,
    /// The text itself.
    pub text: String,
}

/// What a stretch of text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// What is asked for: "create a task to".
    Intent,
    /// What is to be done.
    Title,
    /// Which task is meant.
    Target,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A length of time from now.
    Duration,
    /// How it repeats.
    Recurrence,
    /// When to remind.
    Reminder,
    /// How much it matters.
    Priority,
    /// A tag.
    Tag,
    /// More about the task.
    Description,
    /// Open or done.
    Status,
}

impl SpanKind {
    /// Gives the name used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Title => "title",
            Self::Target => "target",
            Self::Date => "date",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Recurrence => "recurrence",
            Self::Reminder => "reminder",
            Self::Priority => "priority",
            Self::Tag => "tag",
            Self::Description => "description",
            Self::Status => "status",
        }
    }
}
