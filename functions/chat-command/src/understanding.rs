//! What was said, with the answers to what was asked back: read again from the words whenever it is needed, so that a
//! conversation keeps texts and never a half-built command.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use domain::settings::Locale;
use domain::zone;
use language::{Action, Changes, Command, Context, Language, Parse, Problem, SpanKind, Target, TaskFields};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answer::Answer;
use crate::model::Heard;

/// How many answers a sentence keeps; what was said before them is forgotten.
const MAX_ANSWERS: usize = 10;

/// Below this the user is asked.
pub(crate) const SURE: f64 = 0.7;
/// How sure anything is that can not be so.
const ASKING: f64 = 0.5;

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
            Wants::Words { instead_of, .. } => {
                // The words stand in the sentence, or in an answer.
                let answers = self.answers.iter_mut().rev().map(|given| &mut given.text);
                let mut texts = std::iter::once(&mut self.text).chain(answers);
                if let Some(said) = texts.find(|said| said.contains(&instead_of)) {
                    *said = said.replacen(&instead_of, text, 1);
                }
            }
            _ => {
                // Only the last answer to a question counts, but what was said about the time adds up.
                self.answers.retain(|given| given.wants != wants || wants == Wants::When);
                self.answers.push(Given { wants, text: text.to_owned(), at });
                self.answers.drain(..self.answers.len().saturating_sub(MAX_ANSWERS));
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

    /// Says whether the sentence, or an answer, has these words.
    pub(crate) fn has_words(&self, words: &str) -> bool {
        self.text.contains(words) || self.answers.iter().any(|given| given.text.contains(words))
    }

    /// Reads other words as if they were said in the place of the sentence.
    pub(crate) fn read(&self, text: &str, at: DateTime<Utc>) -> Parse {
        let context = Context { now: zone::local(at, self.zone()), zone: self.zone(), locale: self.locale() };
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
        self.understand_as(self.parse())
    }

    /// Does the same where the sentence was read already.
    pub(crate) fn understand_as(&self, parsed: Parse) -> Understood {
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
        let can_not_be = |problem: &Problem| {
            matches!(
                problem,
                Problem::NoSuchDate { .. }
                    | Problem::NoSuchTime { .. }
                    | Problem::UnsupportedRepetition { .. }
            )
        };
        if let Some(problem) = answer.problem.filter(can_not_be) {
            understood.problem = Some(problem);
            return false;
        }
        true
    }

    fn with_time(&self, understood: &mut Understood, given: &Given) -> bool {
        let Some(Action::Create(fields) | Action::Unknown(fields)) = understood.actions.first() else {
            return false;
        };
        let mut fields = fields.clone();
        match Answer::read(self, &given.text, given.at) {
            Answer::Bare(named) => {
                if understood.is_time_doubtful {
                    fields.due = None;
                }
                named.add_to(&mut fields);
            }
            Answer::Refused(problem) => {
                understood.problem = Some(problem);
                understood.confidence = understood.confidence.min(ASKING);
                return false;
            }
            Answer::Other => return false,
        }
        understood.is_time_doubtful = false;
        let has_title = fields.title.is_some();
        understood.actions = vec![Action::Create(fields)];
        has_title
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
        let Some(Action::Update { changes, target }) = understood.actions.first_mut() else { return false };
        if let Some(snooze) = self.snooze(target, given) {
            understood.actions = vec![snooze];
            return true;
        }
        match Answer::read(self, &given.text, given.at) {
            Answer::Refused(problem) => {
                understood.problem = Some(problem);
                return false;
            }
            // "call mom tomorrow" moves nothing to tomorrow.
            Answer::Other if self.says_when(&given.text, given.at) => return false,
            Answer::Bare(_) | Answer::Other => {}
        }
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

    /// Gives the sentence with other words about the time in the place of some that can not be: what is suggested for them, or
    /// nothing, and then what was said.
    #[must_use]
    pub(crate) fn with_other_words(
        self,
        instead_of: &str,
        suggestion: Option<&str>,
        text: &str,
        at: DateTime<Utc>,
    ) -> Self {
        let words = Wants::Words { instead_of: instead_of.to_owned(), suggestion: None };
        let understood = self.understand();
        if !matches!(understood.actions.first(), Some(Action::Create(_) | Action::Unknown(_))) {
            return self.answered(words, text, at);
        }
        let settled = match (suggestion, understood.problem) {
            (Some(suggestion), _) => self.answered(words, suggestion, at),
            // The time that is said comes in its place.
            (None, Some(Problem::NoSuchTime { .. })) => self.answered(words, "12:00", at),
            (None, _) => self.without(instead_of, at),
        };
        settled.answered(Wants::When, text, at)
    }

    /// Gives the sentence without a repetition that can not be; also without what follows it, when that is about the time too.
    fn without(self, words: &str, at: DateTime<Utc>) -> Self {
        let Some((before, behind)) = self.text.split_once(words) else { return self };
        let rest = format!("{} {}", before.trim_end(), behind.trim_start()).trim().to_owned();
        let text = if !before.trim().is_empty() && self.says_when(&rest, at) {
            before.trim().to_owned()
        } else {
            rest
        };
        Self { text, ..self }
    }

    /// Gives the title of the task that the sentence is to become, if it is to become one and has a title.
    pub(crate) fn title_to_be(&self) -> Option<String> {
        match self.understand().actions.into_iter().next()? {
            Action::Create(fields) | Action::Unknown(fields) => fields.title,
            _ => None,
        }
    }

    /// Gives the tasks that are named by their numbers among those known, if nothing else is said: "1 and 3".
    pub(crate) fn numbers_in(&self, text: &str, at: DateTime<Utc>, known: &[Uuid]) -> Vec<Uuid> {
        let commands = self.read(&format!("delete {text}"), at).commands;
        let each = commands.iter().map(|command| match &command.action {
            Action::Delete { target: Target::Number(number) } => {
                usize::try_from(*number).ok().and_then(|number| known.get(number.checked_sub(1)?)).copied()
            }
            Action::Delete { target: Target::Last } => known.last().copied(),
            _ => None,
        });
        each.collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    /// Completes "snooze the dentist".
    fn snooze(&self, wanted: &Target, given: &Given) -> Option<Action> {
        let text = &self.text;
        let ways = match self.read(text, given.at).language {
            Language::English => ["", "until ", "for "].map(|link| format!("{text} {link}{}", given.text)),
            Language::Urdu | Language::LatinUrdu => {
                ["", "tak ", "تک "].map(|link| format!("{} {link}{text}", given.text))
            }
        };
        ways.iter().find_map(|text| match self.read(text, given.at) {
            Parse { commands, problem: None, confidence, .. } if confidence >= SURE => {
                let [command] = <[Command; 1]>::try_from(commands).ok()?;
                let is_it = matches!(&command.action, Action::Snooze { target, .. } if target == wanted);
                is_it.then_some(command.action)
            }
            _ => None,
        })
    }

    /// Says whether words about a time are among others.
    fn says_when(&self, text: &str, at: DateTime<Utc>) -> bool {
        let mut spans = self.read(text, at).commands.into_iter().flat_map(|command| command.spans);
        spans.any(|span| {
            matches!(span.kind, SpanKind::Date | SpanKind::Time | SpanKind::Duration | SpanKind::Recurrence)
        })
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
            let says_when = matches!(wants, Wants::When | Wants::Words { .. })
                && parse.problem == Some(Problem::MissingTitle);
            is_asked_for && !says_when
        }
        _ => {
            let lacks = matches!(parse.problem, Some(Problem::MissingTarget | Problem::MissingChange));
            parse.confidence >= SURE || lacks
        }
    }
}

/// Says whether a sentence may be nothing but the name of a task, or its number: it has no time and asks for nothing.
pub(crate) fn is_name(parse: &Parse) -> bool {
    let [Command { action: Action::Create(fields) | Action::Unknown(fields), spans }] = &parse.commands[..]
    else {
        return false;
    };
    let is_bare = TaskFields { title: None, ..fields.clone() } == TaskFields::default();
    is_bare && !spans.iter().any(|span| span.kind == SpanKind::Intent)
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
