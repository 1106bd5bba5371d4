//! `reminder_config`: null, one reminder, or a list of them.
//!
//! | JSON | meaning |
//! |---|---|
//! | `{"lead_time":"15m","delivery_method":"email"}` | 15 minutes before the due time, to the user's address |
//! | `{"lead_time":"1d"}` | the same wall time a day earlier; `email` is the default |
//! | `{"at":"2027-01-10T08:00:00Z","delivery_method":"push"}` | at that instant |

use chrono::{DateTime, SubsecRound, Utc};
use domain::reminder::{Lead, MAX_REMINDERS, Method, Reminder, When};
use domain::settings::is_email;
use serde_json::{Map, Value, json};

use crate::{Issue, instant, unknown_members};

/// Parses a `reminder_config`.
///
/// # Errors
/// Every wrong field at once.
pub fn parse(value: &Value) -> Result<Vec<Reminder>, Vec<Issue>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(object) => one(object).map(|reminder| vec![reminder]),
        Value::Array(list) if list.len() > MAX_REMINDERS => {
            Err(vec![Issue::new("", format!("must have at most {MAX_REMINDERS} reminders"))])
        }
        Value::Array(list) => {
            let (mut reminders, mut issues) = (Vec::new(), Vec::new());
            for (index, item) in list.iter().enumerate() {
                let parsed =
                    item.as_object().ok_or_else(|| vec![Issue::new("", "must be an object")]).and_then(one);
                match parsed {
                    Ok(reminder) => reminders.push(reminder),
                    Err(found) => issues.extend(
                        found
                            .into_iter()
                            .map(|issue| Issue { path: format!("[{index}]{}", issue.path), ..issue }),
                    ),
                }
            }
            if issues.is_empty() { Ok(reminders) } else { Err(issues) }
        }
        _ => Err(vec![Issue::new("", "must be null, an object or a list of objects")]),
    }
}

fn one(object: &Map<String, Value>) -> Result<Reminder, Vec<Issue>> {
    let mut issues = unknown_members(object, &["lead_time", "at", "delivery_method", "destination"]);
    let text = |name: &str| object.get(name).filter(|value| !value.is_null());
    let when = match (text("lead_time"), text("at")) {
        (Some(_), Some(_)) => {
            issues.push(Issue::new(".at", "excludes lead_time"));
            None
        }
        (Some(lead), None) => match lead.as_str().map(Lead::parse) {
            Some(Ok(lead)) => Some(When::Lead(lead)),
            _ => {
                issues.push(Issue::new(".lead_time", domain::reminder::LeadError.to_string()));
                None
            }
        },
        (None, Some(at)) => match at.as_str().map(DateTime::parse_from_rfc3339) {
            Some(Ok(at)) => Some(When::At(at.with_timezone(&Utc).trunc_subsecs(6))),
            _ => {
                issues.push(Issue::new(
                    ".at",
                    "must be an RFC 3339 instant with offset, such as 2027-01-10T08:00:00Z",
                ));
                None
            }
        },
        (None, None) => {
            issues.push(Issue::new(".lead_time", "is needed (or \"at\")"));
            None
        }
    };
    let method = match text("delivery_method") {
        None => Some(Method::Email),
        Some(name) => name.as_str().and_then(Method::parse),
    };
    if method.is_none() {
        issues.push(Issue::new(".delivery_method", "must be \"email\" or \"push\""));
    }
    let destination = text("destination").map(|value| value.as_str().unwrap_or_default().to_owned());
    if let (Some(Method::Email), Some(address)) = (method, &destination)
        && !is_email(address)
    {
        issues.push(Issue::new(".destination", "must be one e-mail address, such as amna@example.org"));
    }
    if let (Some(Method::Push), Some(_)) = (method, &destination) {
        issues.push(Issue::new(
            ".destination",
            "is not taken for push: messages go to the user's push subscriptions",
        ));
    }
    match (when, method) {
        (Some(when), Some(method)) if issues.is_empty() => Ok(Reminder { when, method, destination }),
        _ => Err(issues),
    }
}

/// Renders reminders as the API shows them: null, the one, or the list.
pub fn render(reminders: &[Reminder]) -> Value {
    match reminders {
        [] => Value::Null,
        [only] => object(only),
        several => several.iter().map(object).collect(),
    }
}

fn object(reminder: &Reminder) -> Value {
    let mut rendered = match reminder.when {
        When::Lead(lead) => json!({"lead_time": lead.to_string()}),
        When::At(at) => json!({"at": instant(at)}),
    };
    rendered["delivery_method"] = reminder.method.as_str().into();
    if let Some(destination) = &reminder.destination {
        rendered["destination"] = destination.as_str().into();
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_is_parsed_again() {
        for value in [
            Value::Null,
            json!({"lead_time":"15m","delivery_method":"email","destination":"amna@example.org"}),
            json!([{"lead_time":"1d","delivery_method":"push"}, {"at":"2027-01-10T08:00:00Z","delivery_method":"email"}]),
        ] {
            assert_eq!(parse(&value).map(|reminders| render(&reminders)), Ok(value));
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let value = json!([{"lead_time":"soon"}, {"at":"08:00","delivery_method":"pigeon","colour":1}, 3]);
        let paths: Vec<_> = parse(&value).expect_err("wrong").into_iter().map(|issue| issue.path).collect();
        assert_eq!(paths, ["[0].lead_time", "[1].colour", "[1].at", "[1].delivery_method", "[2]"]);
    }
}
