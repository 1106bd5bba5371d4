//! What a message says to a question: it is an answer only when every word of it is used up by what was asked for.

use chrono::{DateTime, Utc};
use language::{Action, Language, Parse, Problem, ReminderText, SpanKind, TaskFields};

use crate::understanding::{Utterance, fields_of};

/// A title that nobody gives: what is said behind it and does not become part of it is used up.
const NOBODYS: &str = "zzq";

/// What a message says about a task that has its title.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// Nothing but a day, a time, a repetition, a reminder and the like.
    Bare(Box<Named>),
    /// Nothing else either, but it can not be so.
    Refused(Problem),
    /// Something of its own.
    Other,
}

/// What an answer names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    fields: TaskFields,
    /// Whether it says a day.
    pub(crate) has_date: bool,
    /// Whether it says a time of day.
    pub(crate) has_time: bool,
}

impl Answer {
    /// Reads what was said to a question about a task.
    pub(crate) fn read(about: &Utterance, text: &str, at: DateTime<Utc>) -> Self {
        let alone = about.read(text, at);
        let title = fields_of(&alone).title;
        match &alone.problem {
            Some(problem @ (Problem::NoSuchDate { .. } | Problem::NoSuchTime { .. })) if title.is_none() => {
                return Self::Refused(problem.clone());
            }
            Some(problem @ Problem::UnsupportedRepetition { text: words }) if text.starts_with(words) => {
                return Self::Refused(problem.clone());
            }
            _ => {}
        }
        let carried = match alone.language {
            Language::English => format!("remind me to {NOBODYS} {text}"),
            Language::Urdu => format!("{NOBODYS} {text} یاد دلانا"),
            Language::LatinUrdu => format!("{NOBODYS} {text} yaad dilana"),
        };
        let named = Named::of(&alone, None).or_else(|| {
            let carried = about.read(&carried, at);
            Named::of(&carried, Some(NOBODYS)).filter(|_| carried.problem.is_none())
        });
        named.map_or(Self::Other, |named| Self::Bare(Box::new(named)))
    }
}

impl Named {
    /// Gives what a sentence names beside this title, and nothing when it says more.
    fn of(parse: &Parse, title: Option<&str>) -> Option<Self> {
        let [command] = &parse.commands[..] else { return None };
        let Action::Create(said) = &command.action else { return None };
        if said.title.as_deref() != title || said.description.is_some() {
            return None;
        }
        let mut fields = TaskFields { title: None, wants_reminder: false, ..said.clone() };
        fields.reminders.retain(|reminder| *reminder != ReminderText::AtDue);
        let has = |kinds: &[SpanKind]| command.spans.iter().any(|span| kinds.contains(&span.kind));
        (fields != TaskFields::default()).then_some(Self {
            fields,
            has_date: has(&[SpanKind::Date, SpanKind::Duration, SpanKind::Recurrence]),
            has_time: has(&[SpanKind::Time, SpanKind::Duration]),
        })
    }

    /// Adds it to what is known of a task; of a due time only the part that it names.
    pub(crate) fn add_to(self, task: &mut TaskFields) {
        let Self { fields, has_date, has_time } = self;
        task.due = match (task.due, fields.due) {
            (Some(known), Some(new)) if !has_date && fields.recurrence.is_none() => {
                Some(language::When { date: known.date, ..new })
            }
            (Some(known), Some(new)) if !has_time => {
                Some(language::When { time: new.time.or(known.time), ..new })
            }
            (known, new) => new.or(known),
        };
        task.priority = fields.priority.or(task.priority);
        task.recurrence = fields.recurrence.or(task.recurrence.take());
        task.reminder_method = fields.reminder_method.or(task.reminder_method);
        if !fields.reminders.is_empty() {
            task.reminders = fields.reminders;
        }
        for tag in fields.tags {
            if !task.tags.contains(&tag) {
                task.tags.push(tag);
            }
        }
    }
}

/// A yes or a no that something follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Whether it is a yes.
    pub(crate) is_yes: bool,
    /// Whether a comma or the like stands behind it.
    pub(crate) is_apart: bool,
    /// What follows.
    pub(crate) rest: String,
}

impl Reaction {
    /// Reads "no, 1 march"; `None` when it begins otherwise, or says nothing else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        const YES: [&str; 13] = [
            "yes",
            "yeah",
            "yep",
            "yup",
            "ok",
            "okay",
            "sure",
            "haan",
            "han",
            "ji haan",
            "jee haan",
            "ہاں",
            "جی ہاں",
        ];
        const NO: [&str; 12] = [
            "no",
            "nope",
            "nah",
            "nahin",
            "nahi",
            "nai",
            "ji nahin",
            "jee nahin",
            "ji nahi",
            "نہیں",
            "نہ",
            "جی نہیں",
        ];
        let lower = text.to_lowercase();
        let begins = |words: &[&str]| {
            let fitting = words.iter().filter_map(|word| lower.strip_prefix(word).map(|_| word.len()));
            let is_whole =
                |at: &usize| text.get(*at..).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
            fitting.filter(is_whole).max()
        };
        let (is_yes, at) = begins(&YES).map(|at| (true, at)).or_else(|| begins(&NO).map(|at| (false, at)))?;
        let behind = text.get(at..)?;
        let is_mark = |c: char| matches!(c, ',' | '.' | ';' | ':' | '!' | '-' | '–' | '—' | '،' | '۔' | '؛');
        let rest = behind.trim_start_matches(|c: char| c.is_whitespace() || is_mark(c)).trim_end();
        let is_apart = behind.trim_start().starts_with(is_mark);
        rest.contains(char::is_alphanumeric).then(|| Self { is_yes, is_apart, rest: rest.to_owned() })
    }
}

/// Says whether it is a question, so that nothing is done because of it alone.
pub(crate) fn asks(text: &str) -> bool {
    let lower = text.to_lowercase();
    // A request in the form of a question is a request.
    let is_request = ["can ", "could ", "would ", "will ", "kya aap ", "کیا آپ "]
        .iter()
        .any(|opening| lower.starts_with(opening));
    ends_as_question(text) && !is_request
}

fn ends_as_question(text: &str) -> bool {
    text.trim_end().ends_with(['?', '؟'])
}

/// Says whether it is no name of anything: "what?".
pub(crate) fn is_no_title(text: &str) -> bool {
    const WORDS: [&str; 11] =
        ["what", "why", "huh", "how", "who", "when", "which", "kya", "kyun", "کیا", "کیوں"];
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    ends_as_question(text) || WORDS.contains(&bare.as_str())
}

/// Says whether all of several are meant: "both", "all of them".
pub(crate) fn means_all(text: &str, of: usize) -> bool {
    const BOTH: [&str; 8] =
        ["both", "both of them", "both of those", "the two", "dono", "dono hi", "دونوں", "دونوں ہی"];
    const ALL: [&str; 16] = [
        "all",
        "all of them",
        "all of those",
        "all of these",
        "them all",
        "everything",
        "every one",
        "every one of them",
        "each",
        "each of them",
        "sab",
        "sare",
        "saare",
        "سب",
        "سارے",
        "تمام",
    ];
    let said = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let said = said.strip_suffix(" please").unwrap_or(&said);
    ALL.contains(&said) || (of == 2 && BOTH.contains(&said))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use domain::settings::Locale;

    use super::*;

    fn read(text: &str) -> Answer {
        let at = "2026-11-21T07:00:00Z".parse().expect("an instant");
        let about = Utterance::new("remind me to call mom".to_owned(), at, Tz::Asia__Karachi, Locale::EnUs);
        Answer::read(&about, text, at)
    }

    #[test]
    fn an_answer_has_no_words_of_its_own() {
        for text in [
            "tomorrow at 5",
            "friday",
            "on friday please",
            "5pm",
            "but at 6pm",
            "remind me tomorrow at 5",
            "tomorrow at 5 by push",
            "30 minutes before",
            "30 minutes before, tomorrow at 5",
            "tomorrow at 5, high priority #family",
            "every 2 days",
            "kal shaam 5 baje",
            "jumma ko",
            "کل شام 5 بجے",
        ] {
            assert!(matches!(read(text), Answer::Bare(_)), "{text}: {:?}", read(text));
        }
        for text in ["31 feb", "at 25:00", "every monday at 9 and thursday at 10", "in 100000000 days"] {
            assert!(matches!(read(text), Answer::Refused(_)), "{text}: {:?}", read(text));
        }
        for text in [
            "call mom tomorrow at 9am",
            "book the flight on friday at 9",
            "remind me",
            "milk",
            "water the plants every monday at 9 and thursday at 10",
            "meeting on 31 feb",
            "kal shaam 5 baje doodh lana",
            "کل شام 5 بجے دودھ لانا",
        ] {
            assert_eq!(read(text), Answer::Other, "{text}");
        }
    }

    #[test]
    fn a_yes_or_a_no_is_told_from_what_follows() {
        for (text, is_yes, is_apart, rest) in [
            ("no, 1 march", false, true, "1 march"),
            ("Yes tomorrow", true, false, "tomorrow"),
            ("جی نہیں، کل", false, true, "کل"),
        ] {
            let expected = Reaction { is_yes, is_apart, rest: rest.to_owned() };
            assert_eq!(Reaction::read(text), Some(expected), "{text}");
        }
        for text in ["yes", "no!", "nobody came", "okra for dinner", "call mom"] {
            assert_eq!(Reaction::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_in_the_form_of_a_question_is_none() {
        for (text, expected) in [
            ("mark buy milk as done?", true),
            ("دودھ والا کام مکمل؟", true),
            ("can you mark buy milk as done?", false),
            ("mark buy milk as done", false),
        ] {
            assert_eq!(asks(text), expected, "{text}");
        }
    }
}
