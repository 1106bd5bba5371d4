//! Understands what people say to a to-do list: an utterance becomes typed commands, with a confidence and with the parts of
//! the text that were understood.
//!
//! Place in the map: chat-command asks it first, before any model; it knows only [`domain`] and the calendar. It must *not* know
//! the clock, randomness, I/O, JSON, tasks that exist or what was said before: "it" and "2" are left to the caller
//! ([`Target`]), "now" is an argument ([`Context`]). The same text, said at the same time, always means the same; any text is
//! read in bounded time, and none is a panic.
//!
//! Text becomes tokens, tokens become phrases (days, times, repetitions, …), and the grammar of each language makes commands of
//! phrases and what is left. Words that only look like a date stay in the title; quotations, addresses and ticket numbers are
//! never looked into. A confidence below 0.7 means: ask. Urdu is read in Arabic script and in Latin letters by one grammar, and
//! English words about time within it by the English one.
//!
//! What is meant, said on Wednesday, 18 November 2026, at 10:00:
//!
//! ```
//! use language::{Action, Context, parse};
//!
//! let context = Context {
//!     now: "2026-11-18T10:00:00".parse().expect("a time"),
//!     zone: chrono_tz::Tz::UTC,
//!     locale: domain::settings::Locale::EnUs,
//! };
//! for (text, title, due) in [
//!     ("Create a task to buy milk tomorrow at 5pm", "buy milk", "2026-11-19 17:00"),
//!     ("remind me to call mom at 6", "call mom", "2026-11-18 18:00"),
//!     ("submit report by friday", "submit report", "2026-11-20"),
//!     ("call Amna next friday", "call Amna", "2026-11-27"),
//!     ("party tonight", "party", "2026-11-18 21:00"),
//!     ("pay rent on the 1st", "pay rent", "2026-12-01"),
//!     ("call bob in half an hour", "call bob", "2026-11-18 10:30"),
//!     ("flight dec 5 at 17:45", "flight", "2026-12-05 17:45"),
//!     ("lunch 11/06/2026", "lunch", "2026-11-06"),
//!     ("water plants every other tuesday at 9", "water plants", "2026-11-24 09:00"),
//!     ("pay rent monthly on the 5th", "pay rent", "2026-12-05"),
//!     ("send invoices on the last working day of the month", "send invoices", "2026-11-30"),
//!     ("dentist a week on friday at half past two", "dentist", "2026-11-27 14:30"),
//!     ("wrap presents christmas eve", "wrap presents", "2026-12-24"),
//!     ("call bob tommorow, it's not urgent", "call bob", "2026-11-19"),
//!     ("fix the 5pm alert", "fix the 5pm alert", ""),
//!     ("plan christmas party", "plan christmas party", ""),
//!     ("buy March of the Penguins", "buy March of the Penguins", ""),
//!     ("read The 5th Wave", "read The 5th Wave", ""),
//!     ("pick up 2 eggs", "pick up 2 eggs", ""),
//!     ("buy \"Friday Night Lights\" tickets", "buy \"Friday Night Lights\" tickets", ""),
//!     ("کل شام پانچ بجے دودھ لانا یاد دلانا", "دودھ لانا", "2026-11-19 17:00"),
//!     ("kal shaam 5 baje doodh lana yaad dilana", "doodh lana", "2026-11-19 17:00"),
//!     ("مجھے جمعے کو امی کو فون کرنا ہے", "امی کو فون کرنا", "2026-11-20"),
//!     ("sawa teen baje dawa leni hai", "dawa leni", "2026-11-18 15:15"),
//!     ("اگلے ہفتے کو کرکٹ کھیلنا", "کرکٹ کھیلنا", "2026-11-28"),
//!     ("ہر دوسرے دن پودوں کو پانی دینا", "پودوں کو پانی دینا", "2026-11-18"),
//!     ("report submit karni hai by friday", "report submit karni", "2026-11-20"),
//!     ("پیر صاحب کو فون کرنا", "پیر صاحب کو فون کرنا", ""),
//! ] {
//!     let parsed = parse(text, &context)?;
//!     let Action::Create(fields) = &parsed.commands[0].action else { panic!("{text}") };
//!     let date = fields.due.map(|due| due.date.to_string()).unwrap_or_default();
//!     let time = fields.due.and_then(|due| due.time).map(|time| time.format(" %H:%M").to_string());
//!     assert_eq!(fields.title.as_deref(), Some(title), "{text}");
//!     assert_eq!(date + &time.unwrap_or_default(), due, "{text}");
//!     assert!(parsed.confidence >= 0.7, "{text}");
//! }
//!
//! for (text, action) in [
//!     ("mark buy milk as done", "Complete { target: Title(\"buy milk\") }"),
//!     ("I bought the milk", "Complete { target: Title(\"buy milk\") }"),
//!     ("done with the last one", "Complete { target: Last }"),
//!     ("delete 2", "Delete { target: Number(2) }"),
//!     ("reopen it", "Reopen { target: It }"),
//!     ("undo", "Undo"),
//!     ("never mind", "No"),
//!     ("doodh wala kaam mukammal ho gaya", "Complete { target: Title(\"doodh\") }"),
//!     ("آخری والا حذف کر دو", "Delete { target: Last }"),
//!     ("رہنے دو", "No"),
//! ] {
//!     assert_eq!(format!("{:?}", parse(text, &context)?.commands[0].action), action);
//! }
//!
//! for text in ["don't delete the milk task", "what's the weather today?", "milk", "pay rent on 31 feb", "🎉", "2 مت مٹاؤ"] {
//!     assert!(parse(text, &context)?.confidence < 0.7, "{text}");
//! }
//! # Ok::<(), language::TooLong>(())
//! ```

mod clause;
mod command;
mod english;
mod fold;
mod meaning;
mod script;
mod span;
mod token;
mod urdu;
mod words;

use std::fmt;

use chrono::{NaiveDateTime, Timelike as _};
use chrono_tz::Tz;
use domain::settings::Locale;

pub use crate::command::{
    Action, Change, Changes, Command, DueChange, Language, Parse, Problem, Query, ReminderText, Target,
    TaskFields, When,
};
pub use crate::span::{Span, SpanKind};
use crate::token::Tokens;

/// The longest utterance, in code points.
pub const MAX_CHARS: usize = 4_000;

/// What an utterance is read against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The user's wall clock.
    pub now: NaiveDateTime,
    /// Where that clock is: "in 24 hours" is 24 hours also when clocks change meanwhile.
    pub zone: Tz,
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

/// Understands an utterance; see the [table of examples](crate).
///
/// # Errors
/// [`TooLong`].
pub fn parse(text: &str, context: &Context) -> Result<Parse, TooLong> {
    if text.chars().count() > MAX_CHARS {
        return Err(TooLong);
    }
    let tokens = Tokens::new(text);
    // Times have seconds, and no less.
    let now = context.now.with_nanosecond(0).unwrap_or(context.now);
    let context = &Context { now, ..*context };
    Ok(match script::language(&tokens.text()) {
        Language::English => english::parse(tokens, context),
        language => urdu::parse(tokens, language, context),
    })
}
