//! What an utterance asks for, as values: nothing here knows any language.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use domain::recurrence::Rule;
use domain::reminder::{Lead, Method};
use domain::task::{Priority, Status};

use crate::span::Span;

/// What was understood of an utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Parse {
    /// The language that it was said in.
    pub language: Language,
    /// What it asks for, in the order said; at least one.
    pub commands: Vec<Command>,
    /// How sure the parser is of the whole, 0–1; below 0.7 the user is to be asked.
    pub confidence: f64,
    /// What is wrong or unclear; whenever it is `Some`, `confidence` is below 0.7.
    pub problem: Option<Problem>,
}

/// A language that is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Urdu in Arabic script.
    Urdu,
    /// Urdu in Latin letters.
    LatinUrdu,
}

impl Language {
    /// Gives the BCP 47 tag used in the API: `en`, `ur` or `ur-Latn`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Urdu => "ur",
            Self::LatinUrdu => "ur-Latn",
        }
    }
}

/// One thing asked for, and the words that say so.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What is asked for.
    pub action: Action,
    /// What was taken out of the text, increasing and without overlap.
    pub spans: Vec<Span>,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Create a task.
    Create(TaskFields),
    /// Change a task.
    Update {
        /// Which.
        target: Target,
        /// How; never empty.
        changes: Changes,
    },
    /// Mark a task done.
    Complete {
        /// Which.
        target: Target,
    },
    /// Open a completed task again.
    Reopen {
        /// Which.
        target: Target,
    },
    /// Delete a task.
    Delete {
        /// Which.
        target: Target,
    },
    /// Remind of a task again later; neither its due time nor its repetition changes.
    Snooze {
        /// Which.
        target: Target,
        /// Until when, in the user's wall time.
        until: NaiveDateTime,
    },
    /// Show or count tasks.
    Query(Query),
    /// Take the last action back.
    Undo,
    /// Agree to what was proposed.
    Yes,
    /// Refuse what was proposed.
    No,
    /// Explain what can be said.
    Help,
    /// Hello.
    Greeting,
    /// Thank you.
    Thanks,
    /// Anything else, with what was understood all the same.
    Unknown(TaskFields),
}

/// The fields of a task that were understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskFields {
    /// What is to be done, in the user's own words and casing; not yet checked for length.
    pub title: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// Until when.
    pub due: Option<When>,
    /// How much it matters, if said.
    pub priority: Option<Priority>,
    /// Its tags, without repeats.
    pub tags: Vec<String>,
    /// How it repeats; [`TaskFields::due`] is then its first occurrence.
    pub recurrence: Option<Rule>,
    /// When to remind of it.
    pub reminders: Vec<ReminderText>,
    /// How to remind of it, if said ("by e-mail").
    pub reminder_method: Option<Method>,
    /// Whether the user asked to be reminded, with or without saying when.
    pub wants_reminder: bool,
}

/// A wall time of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The day.
    pub date: NaiveDate,
    /// The time of day; `None`: the whole day.
    pub time: Option<NaiveTime>,
}

/// A reminder as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReminderText {
    /// "15 minutes before".
    Lead(Lead),
    /// At the due time itself: "remind me to … at 6".
    AtDue,
    /// At this wall time, whatever the due time is.
    At(NaiveDateTime),
}

/// A new value for a field, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// It becomes this.
    Set(T),
    /// It is emptied.
    Clear,
}

/// A change of the due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueChange {
    /// The parts that were named; the other one stays as it is.
    Set {
        /// The new day, if named.
        date: Option<NaiveDate>,
        /// The new time of day, if named.
        time: Option<NaiveTime>,
    },
    /// So much later, in wall time; negative: earlier.
    Shift(TimeDelta),
    /// No due time any more.
    Clear,
}

/// What is to change about a task; what is not named stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// The new title.
    pub title: Option<String>,
    /// The new description.
    pub description: Option<Change<String>>,
    /// The new due time.
    pub due: Option<DueChange>,
    /// The new priority.
    pub priority: Option<Priority>,
    /// Tags that it gets.
    pub add_tags: Vec<String>,
    /// Tags that it loses.
    pub remove_tags: Vec<String>,
    /// The new repetition.
    pub recurrence: Option<Change<Rule>>,
    /// The new reminders, instead of those that it has.
    pub reminders: Option<Change<Vec<ReminderText>>>,
}

impl Changes {
    /// Says whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes further changes in, and says whether none of them was named already; if one was, nothing is taken in.
    pub(crate) fn take_in(&mut self, more: &Self) -> bool {
        let collides = self.title.is_some() && more.title.is_some()
            || self.description.is_some() && more.description.is_some()
            || self.due.is_some() && more.due.is_some()
            || self.priority.is_some() && more.priority.is_some()
            || self.recurrence.is_some() && more.recurrence.is_some()
            || self.reminders.is_some() && more.reminders.is_some();
        if collides {
            return false;
        }
        let more = more.clone();
        self.title = self.title.take().or(more.title);
        self.description = self.description.take().or(more.description);
        self.due = self.due.or(more.due);
        self.priority = self.priority.or(more.priority);
        self.add_tags.extend(more.add_tags);
        self.remove_tags.extend(more.remove_tags);
        self.recurrence = self.recurrence.take().or(more.recurrence);
        self.reminders = self.reminders.take().or(more.reminders);
        true
    }
}

/// Which task is meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The words that name it, without articles in front and "task" behind.
    Title(String),
    /// The n-th of those last shown, from 1: "delete 2", "the second one".
    Number(u32),
    /// The last of those last shown.
    Last,
    /// The one spoken of last: "it", "that one".
    It,
    /// Every one that the filter lets through: "delete all completed tasks".
    All {
        /// Which ones.
        filter: Query,
    },
    /// It was not said.
    Missing,
}

/// Which tasks are asked for; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// Open or done; `None`: all that are not deleted.
    pub status: Option<Status>,
    /// How much they matter.
    pub priority: Option<Priority>,
    /// Tags that they all have.
    pub tags: Vec<String>,
    /// Due at or after this wall time.
    pub due_from: Option<NaiveDateTime>,
    /// Due before this wall time.
    pub due_to: Option<NaiveDateTime>,
    /// Completed at or after this wall time.
    pub completed_from: Option<NaiveDateTime>,
    /// Completed before this wall time.
    pub completed_to: Option<NaiveDateTime>,
    /// Only those whose due time has passed.
    pub overdue: bool,
    /// Words in title or description.
    pub text: Option<String>,
    /// How many, instead of which.
    pub count_only: bool,
    /// Whether there are any at all: "am I free tomorrow evening".
    pub is_free: bool,
}

/// Why the user is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A day that the calendar does not have.
    NoSuchDate {
        /// As it was said.
        text: String,
        /// The nearest day before it that exists.
        suggestion: NaiveDate,
    },
    /// A time that the clock does not have.
    NoSuchTime {
        /// As it was said.
        text: String,
    },
    /// A repetition that can not be kept; its words stay in the title, and nothing of it is applied.
    UnsupportedRepetition {
        /// As it was said.
        text: String,
    },
    /// A task without a title.
    MissingTitle,
    /// An act without a task.
    MissingTarget,
    /// A change without a new value.
    MissingChange,
    /// It could mean more than one thing, or nothing that this program does.
    UnclearIntent,
    /// "don't …": nothing is to be done.
    Negated,
}
