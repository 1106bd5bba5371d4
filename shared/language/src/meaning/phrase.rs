//! What the stretches of a text say, whatever the language.

use chrono::{NaiveDateTime, Weekday};
use domain::reminder::{self, Method};
use domain::task::Priority;

use crate::meaning::clock::{Clock, Part};
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::meaning::length::Length;
use crate::meaning::repetition::Repetition;
use crate::{Problem, SpanKind};

/// What a phrase says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A day, and what led to it.
    Day(Day, Lead),
    /// Days from one to another, "from monday to friday": no due date holds them, so that their words stay in the title unless
    /// they bound a repetition or a question.
    Range(Day, Day),
    /// Days of which a task would be due on each, "on monday and wednesday": their words stay in the title, and it is asked.
    Several,
    /// The first time of two, "from 3 to 4pm": the task is due at it, and the words stay in the title.
    ClockRange(Clock),
    /// A day and a time of it, in one word: "2026-12-05T17:00".
    Moment(NaiveDateTime),
    /// A length counted from now.
    FromNow(Length),
    /// A time of day, and what led to it.
    Clock(Clock, Lead),
    /// A part of the day.
    Part(Part),
    /// A day or a time that does not exist.
    Bad(Problem),
    /// A repetition.
    Rule(Repetition),
    /// A repetition that can not be kept; its words stay in the title.
    Unsupported,
    /// How often a repetition comes.
    Times(u32),
    /// How long a repetition goes on.
    GoesOn(Length),
    /// Weekdays on which a repetition does not come.
    Except(Vec<Weekday>),
    /// The repetition counts from its completion.
    AfterDone,
    /// A wish to be reminded.
    Reminder(Wish),
    /// A priority.
    Priority(Priority),
    /// Tags.
    Tags(Vec<String>),
}

impl Value {
    /// Gives the kind of span that it makes.
    pub(crate) fn kind(&self) -> SpanKind {
        match self {
            Self::Day(..)
            | Self::Range(..)
            | Self::Several
            | Self::Moment(_)
            | Self::Bad(Problem::NoSuchDate { .. }) => SpanKind::Date,
            Self::FromNow(_) => SpanKind::Duration,
            Self::Clock(..) | Self::ClockRange(_) | Self::Part(_) | Self::Bad(_) => SpanKind::Time,
            Self::Rule(_)
            | Self::Unsupported
            | Self::Times(_)
            | Self::GoesOn(_)
            | Self::Except(_)
            | Self::AfterDone => SpanKind::Recurrence,
            Self::Reminder(_) => SpanKind::Reminder,
            Self::Priority(_) => SpanKind::Priority,
            Self::Tags(_) => SpanKind::Tag,
        }
    }
}

/// A phrase and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phrase {
    /// The first token.
    pub(crate) from: usize,
    /// The token after the last.
    pub(crate) to: usize,
    /// What it says.
    pub(crate) value: Value,
}

impl Phrase {
    /// Says whether it is about time.
    pub(crate) fn is_temporal(&self) -> bool {
        !matches!(self.value, Value::Reminder(_) | Value::Priority(_) | Value::Tags(_) | Value::Unsupported)
    }
}

/// How to look for phrases.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mode {
    /// Tasks are asked for.
    pub(crate) in_query: bool,
    /// The user asked to be reminded, so that "15 minutes before" alone says when.
    pub(crate) wants_reminder: bool,
    /// The text is the new value of a date or time: "move it to 3".
    pub(crate) is_value: bool,
}

/// A wish to be reminded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// How long before the due time, if said.
    pub(crate) lead: Option<reminder::Lead>,
    /// How, if said.
    pub(crate) method: Option<Method>,
}
