//! What was said, with the answers to what was asked back: read again from the words whenever it is needed, so that a
//! conversation keeps texts and never a half-built command.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use domain::settings::Locale;
use domain::zone;
use language::{Action, Changes, Command, Context, Language, Parse, Problem, SpanKind, Target, TaskFields};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::Heard;

/// Below this the user is asked.
pub(crate) const SURE: f64 = 0.7;

/// A sentence, and what was said when something about it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Utterance {
    /// The sentence.
    pub(crate) text: String,
    /// When it was said.
    pub(crate) at: DateTime<Utc>,
    zone: String,
    locale: String,
    answers: Vec<Given>,
    /// The task that was picked when several were meant.
    pub(crate) chosen: Option<Uuid>,
    /// What the model made of it, if the parser was not sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heard: Option<Box<Heard>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Given {
    wants: Wants,
    text: String,
    at: DateTime<Utc>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wants {
    /// What is to be done.
    Title,
    /// Until when, or when to remind.
    When,
    /// Which task.
    Target,
    /// What is to be different.
    Change,
    /// Other words for these, which make no sense; maybe with words that would do.
    Words {
        /// The words.
        instead_of: String,
        /// What a yes would mean.
        suggestion: Option<String>,
    },
}

/// What is understood of a sentence and its answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Understood {
    /// What is asked for; at least one.
    pub(crate) actions: Vec<Action>,
    /// 0–1.
    pub(crate) confidence: f64,
    /// What is wrong.
    pub(crate) problem: Option<Problem>,
    /// Whether the model said two things about the time, or something that can not be.
    pub(crate) is_time_doubtful: bool,
}

impl Understood {
    /// Says whether it may be acted on.
    pub(crate) fn is_clear(&self) -> bool {
        self.problem.is_none() && !self.is_time_doubtful && self.confidence >= SURE
    }
}

impl Utterance {
    /// Gives a sentence without any answers.
    pub(crate) fn new(text: String, at: DateTime<Utc>, zone: Tz, locale: Locale) -> Self {
        let (zone, locale) = (zone.name().to_owned(), locale.as_str().to_owned());
        Self { text, at, zone, locale, answers: Vec::new(), chosen: None, heard: None }
    }

    /// Gives the zone that its times are in.
    pub(crate) fn zone(&self) -> Tz {
        self.zone.parse().unwrap_or(Tz::UTC)
    }

    /// Gives the habits that it is to be read with.
    pub(crate) fn locale(&self) -> Locale {
        Locale::parse(&self.locale).unwrap_or_default()
    }

    /// Gives the wall clock when it was said.
    pub(crate) fn now(&self) -> NaiveDateTime {
        zone::local(self.at, self.zone())
    }

    /// Gives the sentence with an answer to what was asked.
    #[must_use]
    pub(crate) fn answered(mut self, wants: Wants, text: &str, at: DateTime<Utc>) -> Self {
        match wants {
            Wants::Words { instead_of, .. } => self.text = self.text.replacen(&instead_of, text, 1),
            _ => {
                // Only the last answer to a question counts.
                self.answers.retain(|given| given.wants != wants);
                self.answers.push(Given { wants, text: text.to_owned(), at });
            }
        }
        self
    }

    /// Gives the sentence with what the model made of it, and the task that it means by a number.
    #[must_use]
    pub(crate) fn heard_as(mut self, heard: Box<Heard>, chosen: Option<Uuid>) -> Self {
        (self.heard, self.chosen) = (Some(heard), chosen);
        self
    }

    /// Says whether a new task would have a date, a time, a repetition or a reminder, or matter more, because the model says so
    /// alone.
    pub(crate) fn is_guessed(&self, fields: &TaskFields) -> bool {
        self.heard.as_ref().is_some_and(|heard| heard.adds_to(&fields_of(&self.parse()), fields))
    }

    /// Reads the sentence alone.
    pub(crate) fn parse(&self) -> Parse {
        self.read(&self.text, self.at)
    }

    fn read(&self, text: &str, at: DateTime<Utc>) -> Parse {
        let context = Context { now: zone::local(at, self.zone()), locale: self.locale() };
        // Too long can only be what was put together here.
        language::parse(text, &context).unwrap_or_else(|language::TooLong| Parse {
            language: Language::English,
            commands: vec![Command { action: Action::Unknown(TaskFields::default()), spans: Vec::new() }],
            confidence: 0.0,
            problem: Some(Problem::UnclearIntent),
        })
    }

    /// Reads the sentence and all answers.
    pub(crate) fn understand(&self) -> Understood {
        let parsed = self.parse();
        let understood = match &self.heard {
            Some(heard) => heard.understood(&parsed),
            None => {
                let Parse { commands, confidence, problem, .. } = parsed;
                let actions = commands.into_iter().map(|command| command.action).collect();
                Understood { actions, confidence, problem, is_time_doubtful: false }
            }
        };
        self.answers.iter().fold(understood, |understood, given| self.with(understood, given))
    }

    fn with(&self, mut understood: Understood, given: &Given) -> Understood {
        let settled = match given.wants {
            Wants::Title => self.with_title(&mut understood, given),
            Wants::When => self.with_time(&mut understood, given),
            Wants::Target => self.with_target(&mut understood, given),
            Wants::Change => self.with_change(&mut understood, given),
            Wants::Words { .. } => false,
        };
        if settled {
            understood.problem = None;
            understood.confidence = understood.confidence.max(0.9);
        }
        understood
    }

    fn with_title(&self, understood: &mut Understood, given: &Given) -> bool {
        let Some(Action::Create(fields) | Action::Unknown(fields)) = understood.actions.first() else {
            return false;
        };
        let answer = self.read(&given.text, given.at);
        let said = fields_of(&answer);
        let mut fields = fields.clone();
        fields.title = said.title.clone().or_else(|| Some(given.text.clone()));
        fields.description = fields.description.or(said.description);
        fields.due = fields.due.or(said.due);
        fields.priority = fields.priority.or(said.priority);
        fields.recurrence = fields.recurrence.or(said.recurrence);
        if fields.tags.is_empty() {
            fields.tags = said.tags;
        }
        if fields.reminders.is_empty() {
            fields.reminders = said.reminders;
        }
        fields.wants_reminder |= said.wants_reminder;
        understood.is_time_doubtful &= said.due.is_none();
        understood.actions = vec![Action::Create(fields)];
        true
    }

    fn with_time(&self, understood: &mut Understood, given: &Given) -> bool {
        let Some(Action::Create(fields) | Action::Unknown(fields)) = understood.actions.first() else {
            return false;
        };
        let answer = self.read(&given.text, given.at);
        let said = fields_of(&answer);
        let mut fields = fields.clone();
        let is_told = said.due.is_some() || !said.reminders.is_empty();
        if !is_told {
            if let Some(problem @ (Problem::NoSuchDate { .. } | Problem::NoSuchTime { .. })) = answer.problem
            {
                understood.problem = Some(problem);
                understood.confidence = understood.confidence.min(answer.confidence);
            }
            return false;
        }
        fields.due = said.due.or(fields.due);
        fields.recurrence = fields.recurrence.or(said.recurrence);
        if fields.reminders.is_empty() {
            fields.reminders = said.reminders;
        }
        understood.is_time_doubtful = false;
        understood.actions = vec![Action::Create(fields)];
        true
    }

    fn with_target(&self, understood: &mut Understood, given: &Given) -> bool {
        let Some(named) = self.target_in(&given.text, given.at) else { return false };
        match understood.actions.first_mut() {
            Some(
                Action::Update { target, .. }
                | Action::Complete { target }
                | Action::Reopen { target }
                | Action::Delete { target }
                | Action::Snooze { target, .. },
            ) => *target = named,
            _ => return false,
        }
        true
    }

    fn with_change(&self, understood: &mut Understood, given: &Given) -> bool {
        let Some(Action::Update { changes, .. }) = understood.actions.first_mut() else { return false };
        let answer = given.text.strip_prefix("to ").unwrap_or(&given.text);
        let ways = match self.read(&given.text, given.at).language {
            Language::English => [format!("move it to {answer}"), format!("make it {answer}")],
            Language::Urdu => [format!("اسے {answer} پر کر دو"), format!("اسے {answer} کر دو")],
            Language::LatinUrdu => [format!("ise {answer} par kar do"), format!("ise {answer} kar do")],
        };
        let found =
            std::iter::once(&given.text).chain(&ways).find_map(|text| match self.read(text, given.at) {
                Parse { commands, problem: None, confidence, .. } if confidence >= SURE => {
                    changes_of(commands)
                }
                _ => None,
            });
        let Some(found) = found else { return false };
        *changes = found;
        understood.is_time_doubtful = false;
        true
    }

    /// Reads the name of a task.
    pub(crate) fn target_in(&self, text: &str, at: DateTime<Utc>) -> Option<Target> {
        // Urdu says it so too.
        let deletion = format!("delete {text}");
        [text, &deletion].into_iter().find_map(|text| {
            match self.read(text, at).commands.into_iter().next()?.action {
                Action::Delete { target } | Action::Complete { target } | Action::Update { target, .. } => {
                    Some(target).filter(|target| *target != Target::Missing)
                }
                _ => None,
            }
        })
    }
}

/// Gives what was understood of a task, new or not; nothing when the sentence is about something else.
pub(crate) fn fields_of(parse: &Parse) -> TaskFields {
    match parse.commands.first().map(|command| &command.action) {
        Some(Action::Create(fields) | Action::Unknown(fields)) => fields.clone(),
        _ => TaskFields::default(),
    }
}

fn changes_of(commands: Vec<Command>) -> Option<Changes> {
    match commands.into_iter().next()?.action {
        Action::Update { changes, .. } if !changes.is_empty() => Some(changes),
        _ => None,
    }
}

/// Says whether a sentence is a command of its own rather than an answer to what was asked. One that only lacks something, such
/// as "change the milk task", is a command too: an answer must never reach another task than the one spoken of last.
pub(crate) fn is_command(parse: &Parse, wants: &Wants) -> bool {
    let Some(first) = parse.commands.first() else { return false };
    match &first.action {
        Action::Unknown(_) | Action::Yes => false,
        Action::Create(_) => {
            // "buy milk" may be a new task, or the title that was asked for; "add a task to buy milk" is a command.
            let is_asked_for = first.spans.iter().any(|span| span.kind == SpanKind::Intent);
            // "remind me at 5" says when.
            let says_when = *wants == Wants::When && parse.problem == Some(Problem::MissingTitle);
            is_asked_for && !says_when
        }
        _ => {
            let lacks = matches!(parse.problem, Some(Problem::MissingTarget | Problem::MissingChange));
            parse.confidence >= SURE || lacks
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Utterance {
        let at = "2026-11-21T07:00:00Z".parse().expect("an instant");
        Utterance::new(text.to_owned(), at, Tz::Asia__Karachi, Locale::EnUs)
    }

    #[test]
    fn an_answer_completes_what_was_said_before() {
        let utterance = said("add a task");
        assert_eq!(utterance.understand().problem, Some(Problem::MissingTitle));
        let at = utterance.at;
        let understood = utterance.answered(Wants::Title, "buy milk tomorrow", at).understand();
        let Action::Create(fields) = &understood.actions[0] else { panic!("{understood:?}") };
        assert_eq!(fields.title.as_deref(), Some("buy milk"));
        assert!(fields.due.is_some() && understood.confidence >= SURE);
    }

    #[test]
    fn a_sentence_that_an_older_version_kept_is_read() {
        let kept = serde_json::to_value(said("buy milk")).expect("JSON");
        assert_eq!(kept.get("heard"), None);
        assert_eq!(serde_json::from_value::<Utterance>(kept).expect("a sentence"), said("buy milk"));
    }

    #[test]
    fn a_title_that_was_asked_for_is_no_command() {
        for (text, expected) in [
            ("buy milk", false),
            ("finish the report", false),
            ("add a task to buy milk", true),
            ("delete 2", true),
            ("delete", true),
        ] {
            assert_eq!(is_command(&said(text).parse(), &Wants::Title), expected, "{text}");
        }
        assert!(!is_command(&said("remind me tomorrow at 5").parse(), &Wants::When));
    }
}
