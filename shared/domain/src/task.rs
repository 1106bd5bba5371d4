//! A task, and what may be done with it.

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::due::Due;
use crate::recurrence::Rule;
use crate::reminder::Reminder;
use crate::series::{Series, Template};

/// How much a task matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// It can wait.
    Low,
    /// The default.
    #[default]
    Medium,
    /// Before the others; its reminders pass quiet hours.
    High,
}

/// Whether a task is open, done or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// To be done.
    Active,
    /// Done.
    Completed,
    /// Deleted, and restorable.
    Deleted,
}

impl Priority {
    /// Gives the name used in the API and in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Parses the name used in the API.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|priority| priority.as_str() == name)
    }
}

impl Status {
    /// Gives the name used in the API and in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Deleted => "deleted",
        }
    }

    /// Parses the name used in the API.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Completed, Self::Deleted].into_iter().find(|status| status.as_str() == name)
    }
}

/// A text that can not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing that can be seen.
    #[error("must not be blank")]
    Blank,
    /// Too many code points.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// PostgreSQL can not store it.
    #[error("must not contain the character U+0000")]
    Nul,
}

/// The title of a task: 1–500 code points after trimming, at least one of them visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// The longest title, in code points.
    pub const MAX: usize = 500;

    /// Trims and checks a title.
    ///
    /// # Errors
    /// [`TextError`]; white space, zero-width characters and bidi marks alone are blank.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        checked(text, Self::MAX)?;
        if text.chars().all(is_invisible) { Err(TextError::Blank) } else { Ok(Self(text.to_owned())) }
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a description: at most 10,000 code points.
///
/// # Errors
/// [`TextError`] naming what is wrong.
pub fn parse_description(text: &str) -> Result<String, TextError> {
    checked(text, 10_000).map(|()| text.to_owned())
}

/// The most tags a task can have.
pub const MAX_TAGS: usize = 32;

/// Trims and checks a tag: 1–64 code points, visible.
///
/// # Errors
/// [`TextError`] naming what is wrong.
pub fn parse_tag(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    checked(text, 64)?;
    if text.chars().all(is_invisible) { Err(TextError::Blank) } else { Ok(text.to_owned()) }
}

fn checked(text: &str, max: usize) -> Result<(), TextError> {
    if text.contains('\0') {
        Err(TextError::Nul)
    } else if text.chars().count() > max {
        Err(TextError::TooLong(max))
    } else {
        Ok(())
    }
}

fn is_invisible(c: char) -> bool {
    let zero_width = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}');
    c.is_whitespace() || c.is_control() || zero_width
}

/// A task as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// UUIDv7; UUIDv5 for successors of a series.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: String,
    /// What is to be done.
    pub title: Title,
    /// More about it.
    pub description: Option<String>,
    /// Until when.
    pub due: Option<Due>,
    /// The zone of its wall time; `None`: the user's, wherever the user goes.
    pub time_zone: Option<Tz>,
    /// How much it matters.
    pub priority: Priority,
    /// Its tags, in the order given, without repeats.
    pub tags: Vec<String>,
    /// Open, done or gone.
    pub status: Status,
    /// When to remind of it.
    pub reminders: Vec<Reminder>,
    /// How it repeats.
    pub recurrence: Option<Rule>,
    /// Its place in a series; `Some` if and only if it repeats or is a successor.
    pub series: Option<Series>,
    /// What its series has where this occurrence differs.
    pub template: Template,
    /// Whether it was deleted as one of a series that goes on.
    pub skipped: bool,
    /// When to remind of it once more, apart from its reminders; the last time that was asked for.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// 1, 2, …: one more with each change.
    pub version: i64,
}

/// What happened to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It came to be.
    Created,
    /// Some of its fields have other values.
    Updated,
    /// It was done.
    Completed,
    /// It is open again.
    Reopened,
    /// It was deleted.
    Deleted,
    /// It was brought back.
    Restored,
}

/// Why a task can not be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is deleted: restore it first.
    #[error("the task is deleted; restore it first")]
    Deleted,
    /// It is done: reopen it first.
    #[error("the task is completed; reopen it first")]
    Completed,
}

impl Task {
    /// Gives the zone in which its wall time is read.
    pub fn zone(&self, user_zone: Tz) -> Tz {
        self.time_zone.unwrap_or(user_zone)
    }

    /// Marks it done; `None` when it is already.
    ///
    /// # Errors
    /// [`Refusal::Deleted`].
    pub fn complete(&self, now: DateTime<Utc>) -> Result<Option<Self>, Refusal> {
        match self.status {
            Status::Deleted => Err(Refusal::Deleted),
            Status::Completed => Ok(None),
            Status::Active => Ok(Some(Self {
                status: Status::Completed,
                completed_at: Some(now),
                ..self.next_version(now)
            })),
        }
    }

    /// Opens it again; `None` when it is open.
    ///
    /// # Errors
    /// [`Refusal::Deleted`].
    pub fn reopen(&self, now: DateTime<Utc>) -> Result<Option<Self>, Refusal> {
        match self.status {
            Status::Deleted => Err(Refusal::Deleted),
            Status::Active => Ok(None),
            Status::Completed => {
                Ok(Some(Self { status: Status::Active, completed_at: None, ..self.next_version(now) }))
            }
        }
    }

    /// Deletes it, restorably, and ends its series here; `None` when both are so already.
    pub fn delete(&self, now: DateTime<Utc>) -> Option<Self> {
        let is_gone = self.status == Status::Deleted && !self.skipped;
        (!is_gone).then(|| Self { status: Status::Deleted, skipped: false, ..self.next_version(now) })
    }

    /// Deletes it, restorably, and lets its series go on with the next occurrence; `None` when it is deleted already.
    pub fn skip(&self, now: DateTime<Utc>) -> Option<Self> {
        let skipped = self.recurrence.is_some();
        (self.status != Status::Deleted).then(|| Self {
            status: Status::Deleted,
            skipped,
            ..self.next_version(now)
        })
    }

    /// Reminds of it once more, at `until`.
    ///
    /// # Errors
    /// [`Refusal::Deleted`], [`Refusal::Completed`].
    pub fn snooze(&self, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Option<Self>, Refusal> {
        match self.status {
            Status::Deleted => Err(Refusal::Deleted),
            Status::Completed => Err(Refusal::Completed),
            Status::Active => self.update(Self { snoozed_until: Some(until), ..self.clone() }, now),
        }
    }

    /// Brings it back as it was, open or done; `None` when it is not deleted.
    pub fn restore(&self, now: DateTime<Utc>) -> Option<Self> {
        let status = if self.completed_at.is_some() { Status::Completed } else { Status::Active };
        (self.status == Status::Deleted).then(|| Self { status, skipped: false, ..self.next_version(now) })
    }

    /// Gives `changed` as the next version; `None` when nothing differs.
    ///
    /// # Errors
    /// [`Refusal::Deleted`].
    pub fn update(&self, changed: Self, now: DateTime<Utc>) -> Result<Option<Self>, Refusal> {
        if self.status == Status::Deleted {
            return Err(Refusal::Deleted);
        }
        Ok((*self != changed).then(|| Self { version: self.version + 1, updated_at: now, ..changed }))
    }

    fn next_version(&self, now: DateTime<Utc>) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_never_blank() {
        for text in ["", "   ", "\u{200b}\u{200d}", "\u{202e} \u{feff}", "\n\t"] {
            assert_eq!(Title::parse(text), Err(TextError::Blank), "{text:?}");
        }
    }

    #[test]
    fn the_limit_of_a_title_counts_code_points() {
        assert!(Title::parse(&"🎉".repeat(500)).is_ok());
        assert_eq!(Title::parse(&"🎉".repeat(501)), Err(TextError::TooLong(500)));
    }

    #[test]
    fn nul_is_refused() {
        assert_eq!(Title::parse("a\0b"), Err(TextError::Nul));
    }
}
