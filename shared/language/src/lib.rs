//! language
mod command;
mod english;
mod script;
mod span;
mod token;

use std::fmt;

use chrono::NaiveDateTime;
use domain::settings::Locale;

pub use crate::command::{
    Action, Change, Changes, Command, DueChange, Language, Parse, Problem, Query, ReminderText, Target,
    TaskFields, When,
};
pub use crate::span::{Span, SpanKind};
use crate::token::Text;

/// The longest utterance, in code points.
pub const MAX_CHARS: usize = 4_000;

/// What an utterance is read against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The user's wall clock.
    pub now: NaiveDateTime,
    /// The user's habits: whether 11/06 is 11 June.
    pub locale: Locale,
}

/// The utterance is longer than [`MAX_CHARS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must have at most {MAX_CHARS} characters")
    }
}

impl std::error::Error for TooLong {}

/// Understands an utterance.
///
/// # Errors
/// [`TooLong`].
pub fn parse(text: &str, context: &Context) -> Result<Parse, TooLong> {
    if text.chars().count() > MAX_CHARS {
        return Err(TooLong);
    }
    let text = Text::new(text);
    Ok(match script::language(&text) {
        Language::English => english::parse(&text, context),
        language => Parse {
            language,
            commands: vec![Command { action: Action::Unknown(TaskFields::default()), spans: Vec::new() }],
            confidence: 0.2,
            problem: Some(Problem::UnclearIntent),
        },
    })
}
