//! `recurrence_rule`: null, a pattern with its options, or RRULE text.
//!
//! | JSON | meaning |
//! |---|---|
//! | `{"pattern":"daily"}` | every day |
//! | `{"pattern":"weekly","interval":2,"weekdays":["mon","fri"]}` | Monday and Friday of every second week |
//! | `{"pattern":"monthly","month_days":[-1],"until":"2027-12-31"}` | the last day of each month of 2027 |
//! | `{"rrule":"FREQ=MONTHLY;BYDAY=-1FR;COUNT=12"}` | twelve last Fridays, RFC 5545 §3.3.10 to the letter |

use chrono::{NaiveDate, NaiveDateTime, Weekday};
use domain::recurrence::{Anchor, Frequency, Parts, Rule, RuleError, Until};
use serde_json::{Map, Value, json};

use crate::{Issue, unknown_members};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const KNOWN: [&str; 9] =
    ["pattern", "interval", "weekdays", "month_days", "count", "until", "anchor", "catch_up", "rrule"];

/// Parses a `recurrence_rule`; an `rrule` beside a pattern is left to the caller to compare.
///
/// # Errors
/// Every wrong field at once.
pub fn parse(value: &Value) -> Result<Option<Rule>, Vec<Issue>> {
    let object = match value {
        Value::Null => return Ok(None),
        Value::Object(object) => object,
        _ => return Err(vec![Issue::new("", "must be null or an object")]),
    };
    let mut issues = unknown_members(object, &KNOWN);
    if let (Some(text), None) = (present(object, "rrule"), present(object, "pattern")) {
        return parse_rrule(object, text, issues);
    }
    let frequency = match object.get("pattern").and_then(Value::as_str) {
        Some("daily") => Some(Frequency::Daily),
        Some("weekly") => Some(Frequency::Weekly),
        Some("monthly") => Some(Frequency::Monthly),
        Some("yearly") => Some(Frequency::Yearly),
        Some(_) | None => None,
    };
    if frequency.is_none() {
        let message = "must be \"daily\", \"weekly\", \"monthly\" or \"yearly\"; or give an rrule instead";
        issues.push(Issue::new(".pattern", message));
    }
    let (anchor, catch_up) = (anchor(object, &mut issues), catch_up(object, &mut issues));
    let parts = Parts {
        frequency: frequency.unwrap_or(Frequency::Daily),
        // Zero is what the domain refuses, with its own words.
        interval: whole_number(object, "interval", &mut issues).unwrap_or(1),
        weekdays: list(object, "weekdays", "must be days such as \"mon\" or \"fri\"", weekday, &mut issues),
        month_days: list(object, "month_days", "must be days 1 to 31, or -1 to -28", month_day, &mut issues),
        count: whole_number(object, "count", &mut issues),
        until: until(object, &mut issues),
        anchor,
        catch_up,
    };
    match Rule::new(parts) {
        Ok(rule) if issues.is_empty() => Ok(Some(rule)),
        Ok(_) => Err(issues),
        Err(errors) => {
            issues.extend(named(&errors).filter(|_| frequency.is_some()));
            Err(issues)
        }
    }
}

/// Parses RRULE text, beside which only `anchor` and `catch_up` may be.
fn parse_rrule(
    object: &Map<String, Value>,
    text: &Value,
    mut issues: Vec<Issue>,
) -> Result<Option<Rule>, Vec<Issue>> {
    let inside = [
        ("interval", "INTERVAL"),
        ("weekdays", "BYDAY"),
        ("month_days", "BYMONTHDAY"),
        ("count", "COUNT"),
        ("until", "UNTIL"),
    ];
    for (name, part) in inside.into_iter().filter(|(name, _)| present(object, name).is_some()) {
        issues
            .push(Issue::new(format!(".{name}"), format!("goes with a pattern; put {part} into the rrule")));
    }
    let (anchor, catch_up) = (anchor(object, &mut issues), catch_up(object, &mut issues));
    let Some(text) = text.as_str() else {
        issues.push(Issue::new(".rrule", "must be a text such as \"FREQ=WEEKLY;BYDAY=MO\""));
        return Err(issues);
    };
    match Rule::parse_rrule(text, anchor, catch_up) {
        Ok(rule) if issues.is_empty() => Ok(Some(rule)),
        Ok(_) => Err(issues),
        Err(errors) => {
            issues.extend(named(&errors));
            Err(issues)
        }
    }
}

fn named(errors: &[RuleError]) -> impl Iterator<Item = Issue> {
    errors.iter().map(|error| Issue::new(format!(".{}", error.field()), error.to_string()))
}

fn anchor(object: &Map<String, Value>, issues: &mut Vec<Issue>) -> Anchor {
    match present(object, "anchor").map(Value::as_str) {
        None | Some(Some("due")) => Anchor::Due,
        Some(Some("completion")) => Anchor::Completion,
        Some(_) => {
            issues.push(Issue::new(".anchor", "must be \"due\" or \"completion\""));
            Anchor::Due
        }
    }
}

fn catch_up(object: &Map<String, Value>, issues: &mut Vec<Issue>) -> bool {
    present(object, "catch_up").is_some_and(|value| {
        value.as_bool().unwrap_or_else(|| {
            issues.push(Issue::new(".catch_up", "must be true or false"));
            false
        })
    })
}

/// Gives the `rrule` that came beside a pattern, to be compared with the rule's own.
pub fn given_rrule(value: &Value) -> Option<&Value> {
    value.get("pattern").and(value.get("rrule"))
}

/// Renders a rule as the API shows it, with the equivalent RFC 5545 `rrule` for a series that began at `start`.
pub fn render(rule: &Rule, start: NaiveDateTime) -> Value {
    let mut rendered = stored(rule);
    rendered["rrule"] = rule.to_rrule(start).into();
    rendered
}

/// Renders a rule without what can be derived.
pub fn stored(rule: &Rule) -> Value {
    let anchor = match rule.anchor() {
        Anchor::Due => "due",
        Anchor::Completion => "completion",
    };
    let Some(parts) = rule.parts() else {
        return json!({"rrule": rule.rrule(), "anchor": anchor, "catch_up": rule.catches_up()});
    };
    let pattern = match parts.frequency {
        Frequency::Daily => "daily",
        Frequency::Weekly => "weekly",
        Frequency::Monthly => "monthly",
        Frequency::Yearly => "yearly",
    };
    let mut rendered =
        json!({"pattern": pattern, "interval": parts.interval, "anchor": anchor, "catch_up": parts.catch_up});
    if !parts.weekdays.is_empty() {
        rendered["weekdays"] =
            parts.weekdays.iter().map(|day| WEEKDAYS[day.num_days_from_monday() as usize]).collect();
    }
    if !parts.month_days.is_empty() {
        rendered["month_days"] = parts.month_days.into();
    }
    if let Some(count) = parts.count {
        rendered["count"] = count.into();
    }
    match parts.until {
        Some(Until::Date(date)) => rendered["until"] = date.to_string().into(),
        Some(Until::Local(local)) => rendered["until"] = local.format("%Y-%m-%dT%H:%M:%S").to_string().into(),
        Some(Until::Utc(at)) => rendered["until"] = at.format("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
        None => {}
    }
    rendered
}

fn present<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn whole_number(object: &Map<String, Value>, name: &str, issues: &mut Vec<Issue>) -> Option<u32> {
    let value = present(object, name)?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    if number.is_none() {
        issues.push(Issue::new(format!(".{name}"), "must be a whole number from 1 on"));
        // In range, so that it is not named twice.
        return Some(1);
    }
    number
}

fn list<T>(
    object: &Map<String, Value>,
    name: &str,
    message: &str,
    parse: impl Fn(&Value) -> Option<T>,
    issues: &mut Vec<Issue>,
) -> Vec<T> {
    let Some(value) = present(object, name) else { return Vec::new() };
    let parsed =
        value.as_array().filter(|list| list.len() <= 31).and_then(|list| list.iter().map(parse).collect());
    parsed.unwrap_or_else(|| {
        issues.push(Issue::new(format!(".{name}"), message));
        Vec::new()
    })
}

fn weekday(value: &Value) -> Option<Weekday> {
    let name = value.as_str()?.to_ascii_lowercase();
    let index = WEEKDAYS.iter().position(|short| name.starts_with(short))?;
    let day = Weekday::try_from(u8::try_from(index).ok()?).ok()?;
    let full = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"][index];
    (name == WEEKDAYS[index] || name == full || name == full[..2]).then_some(day)
}

fn month_day(value: &Value) -> Option<i8> {
    i8::try_from(value.as_i64()?).ok()
}

fn until(object: &Map<String, Value>, issues: &mut Vec<Issue>) -> Option<Until> {
    let value = present(object, "until")?;
    let text = value.as_str().unwrap_or_default();
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Until::Date);
    let local = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S");
    let until = match text.strip_suffix('Z') {
        Some(utc) => local(utc).map(|utc| Until::Utc(utc.and_utc())),
        None => date.or_else(|_| local(text).map(Until::Local)),
    };
    let until = until.ok();
    if until.is_none() {
        let message =
            "must be a date (2027-12-31), a local time (2027-12-31T17:00:00) or one in UTC, with a Z";
        issues.push(Issue::new(".until", message));
    }
    until
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_parsed_again() {
        for value in [
            json!({"pattern":"daily","interval":1,"anchor":"due","catch_up":false}),
            json!({"pattern":"weekly","interval":2,"weekdays":["mon","fri"],"until":"2027-12-31","anchor":"due","catch_up":true}),
            json!({"pattern":"monthly","interval":1,"month_days":[-1,15],"count":4,"anchor":"completion","catch_up":false}),
            json!({"pattern":"daily","until":"2027-12-31T17:00:00Z"}),
            json!({"rrule":"rrule:freq=minutely;interval=90","anchor":"completion","catch_up":true}),
            json!({"pattern":null,"rrule":"FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20271231T170000Z","interval":null}),
        ] {
            let rule = parse(&value).expect("a rule").expect("not null");
            assert_eq!(parse(&stored(&rule)), Ok(Some(rule)));
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let value = json!({"pattern":"hourly","interval":0,"weekdays":["moonday"],"count":"3","until":"soon","anchor":1,"x":1});
        let mut paths: Vec<_> =
            parse(&value).expect_err("wrong").into_iter().map(|issue| issue.path).collect();
        paths.sort();
        assert_eq!(paths, [".anchor", ".count", ".pattern", ".until", ".weekdays", ".x"]);
    }

    #[test]
    fn rrule_text_is_rendered_without_a_pattern() {
        let value = json!({"rrule":"freq=weekly;byday=fr,mo;count=3"});
        let rule = parse(&value).expect("a rule").expect("not null");
        let shown = render(&rule, NaiveDateTime::default());
        assert_eq!(shown, json!({"rrule":"FREQ=WEEKLY;BYDAY=MO,FR;COUNT=3","anchor":"due","catch_up":false}));
    }

    #[test]
    fn fields_of_a_pattern_beside_rrule_text_name_the_part_to_use() {
        let value = json!({"rrule":"FREQ=DAILY;BYMONTH=13","count":3,"until":"2027-01-01"});
        let issues = parse(&value).expect_err("wrong");
        let named: Vec<_> =
            issues.iter().map(|issue| (issue.path.as_str(), issue.message.as_str())).collect();
        assert_eq!(
            named,
            [
                (".count", "goes with a pattern; put COUNT into the rrule"),
                (".until", "goes with a pattern; put UNTIL into the rrule"),
                (".rrule", "BYMONTH must be numbers from 1 to 12 (RFC 5545 §3.3.10)"),
            ]
        );
    }
}
