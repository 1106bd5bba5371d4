//! What comes in: the words, and when, where and in which conversation they are said.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use domain::settings::{Locale, Settings};
use domain::zone;
use events::Cause;
use runtime::ask::Ask;
use runtime::clock::Clock;
use runtime::problem::{FieldError, Problem};
use serde_json::{Map, Value};

use crate::NAME;
use crate::understanding::Utterance;

/// The longest name of a conversation, in code points.
const MAX_CONVERSATION_ID: usize = 200;

/// A message, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// What is said, without the white space around it.
    pub(crate) text: String,
    /// Where; `None`: a new conversation.
    pub(crate) conversation_id: Option<String>,
    zone: Option<Tz>,
    at: Option<DateTime<Utc>>,
    locale: Option<Locale>,
}

impl Request {
    /// Reads a body, and who sent it.
    ///
    /// # Errors
    /// 422 naming every wrong field, 403 for another user.
    pub(crate) fn read(ask: &Ask, clock: &Clock, body: &Value) -> Result<(Cause, Self), Problem> {
        let body = body.as_object().expect("JsonBody takes objects only");
        let cause = ask.cause_of(NAME, clock, body.get("user_id"));
        match (cause, Self::parse(body)) {
            (Ok(cause), Ok(request)) => Ok((cause, request)),
            (Err(problem), Err(mut errors)) if problem.status() == 422 => {
                errors.extend_from_slice(problem.errors());
                Err(Problem::validation(errors))
            }
            (Err(problem), _) => Err(problem),
            (Ok(_), Err(errors)) => Err(Problem::validation(errors)),
        }
    }

    fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut request =
            Self { text: String::new(), conversation_id: None, zone: None, at: None, locale: None };
        if !body.contains_key("user_input") {
            errors.push(FieldError::new("user_input", "is needed"));
        }
        for (name, value) in body {
            if let Err(message) = request.set(name, value) {
                errors.push(FieldError::new(name, message));
            }
        }
        if errors.is_empty() { Ok(request) } else { Err(errors) }
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        const TEXT: &str = "must be a text";
        if value.is_null() && ["conversation_id", "time_zone", "client_time", "locale"].contains(&name) {
            return Ok(());
        }
        let text = value.as_str();
        match name {
            "user_input" => self.text = words(text.ok_or(TEXT)?)?,
            "conversation_id" => {
                let id = text.ok_or(TEXT)?;
                if !is_conversation_id(id) {
                    return Err(format!("must have 1 to {MAX_CONVERSATION_ID} characters"));
                }
                self.conversation_id = Some(id.to_owned());
            }
            "time_zone" => {
                self.zone = Some(zone::parse(text.ok_or(TEXT)?).map_err(|error| error.to_string())?);
            }
            "client_time" => self.at = Some(instant(text.ok_or(TEXT)?)?),
            "locale" => {
                let locale = Locale::parse(text.ok_or(TEXT)?);
                self.locale = Some(locale.ok_or("must be \"en-US\", \"en-GB\" or \"ur-PK\"")?);
            }
            // Read by `Ask`.
            "user_id" => {}
            _ => return Err("is not a known field".to_owned()),
        }
        Ok(())
    }

    /// Gives what is said with all that it is to be read against.
    pub(crate) fn utterance(&self, settings: &Settings, now: DateTime<Utc>) -> Utterance {
        Utterance::new(
            self.text.clone(),
            self.at.unwrap_or(now),
            self.zone.unwrap_or(settings.time_zone),
            self.locale.unwrap_or(settings.locale),
        )
    }
}

/// Says whether a conversation may have this name.
pub(crate) fn is_conversation_id(id: &str) -> bool {
    (1..=MAX_CONVERSATION_ID).contains(&id.chars().count()) && !id.contains('\0')
}

fn words(text: &str) -> Result<String, String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match text.chars().count() {
        0 => Err("must not be blank".to_owned()),
        count if count > language::MAX_CHARS => Err(language::TooLong.to_string()),
        _ => Ok(text.to_owned()),
    }
}

/// Years in which dates can be counted from without leaving those that a task can be due in.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) if (1970..=9000).contains(&at.year()) => Ok(at.with_timezone(&Utc)),
        Ok(_) => Err("must lie in the years 1970 to 9000".to_owned()),
        Err(_) => {
            Err("must be an RFC 3339 instant with offset, such as 2027-01-10T08:00:00+05:00".to_owned())
        }
    }
}
