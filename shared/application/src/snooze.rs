//! Until when a reminder is put off.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use domain::due::Due;
use domain::reminder::Lead;
use events::Issue;
use serde_json::{Map, Value};

use crate::input::issue;

/// How far a reminder can be put off.
const MAX: TimeDelta = TimeDelta::days(366);

/// What a client asks for: exactly one of `for` and `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnoozeUntil {
    /// So long from now: minutes and hours are exact, days and weeks keep the wall time.
    For(Lead),
    /// A local time or an RFC 3339 instant, as text: what it means depends on the zone.
    At(String),
}

impl SnoozeUntil {
    /// Parses `{"for":"10m"}` or `{"until":"2027-01-10T09:00:00"}`.
    ///
    /// # Errors
    /// Every wrong field.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<Issue>> {
        let unknown = body.keys().filter(|name| !["for", "until"].contains(&name.as_str()));
        let mut issues: Vec<Issue> = unknown.map(|name| issue(name.as_str(), "is not known here")).collect();
        let found = match (body.get("for"), body.get("until")) {
            (Some(text), None) => match text.as_str().map(Lead::parse) {
                Some(Ok(lead)) if lead.count > 0 => Some(Self::For(lead)),
                _ => {
                    let message = "must be a number from 1 on and a unit of m, h, d or w, such as \"10m\"";
                    issues.push(issue("for", message));
                    None
                }
            },
            (None, Some(Value::String(text))) => Some(Self::At(text.clone())),
            (None, Some(_)) => {
                issues.push(issue("until", "must be a text"));
                None
            }
            (Some(_), Some(_)) => {
                issues.push(issue("until", "excludes for"));
                None
            }
            (None, None) => {
                issues.push(issue("for", "is needed, such as \"10m\" (or \"until\")"));
                None
            }
        };
        match found {
            Some(found) if issues.is_empty() => Ok(found),
            _ => Err(issues),
        }
    }

    /// Gives the instant that is meant, on the clocks of `zone`.
    ///
    /// # Errors
    /// When it is no time, lies in the past or more than 366 days ahead.
    pub fn instant(&self, now: DateTime<Utc>, zone: Tz) -> Result<DateTime<Utc>, Vec<Issue>> {
        let now = now.with_nanosecond(0).unwrap_or(now);
        let (name, at) = match self {
            Self::For(lead) => ("for", lead.after(now, zone)),
            Self::At(text) => match Due::parse(text, zone) {
                Ok(Due::At { at, .. }) => ("until", at),
                Ok(Due::Date(_)) => {
                    return Err(vec![issue("until", "needs a time of day, such as 2027-01-10T09:00:00")]);
                }
                Err(error) => return Err(vec![issue("until", error.to_string())]),
            },
        };
        if at < now {
            return Err(vec![issue(name, "must not lie in the past")]);
        }
        if at - now > MAX {
            return Err(vec![issue(name, "must lie within 366 days")]);
        }
        Ok(at)
    }
}
