//! JSON Merge Patch (RFC 7396) below the top: an object merges into the object that is there, null removes a member.
//!
//! Members that exclude each other give way: a new `at` displaces `lead_time` and the other way round, another `pattern` displaces the
//! days of the old one and an `rrule`, and an `rrule` alone displaces a pattern and all that goes with one.

use domain::task::Task;
use events::{recurrence_rule, reminder_config};
use serde_json::{Map, Value};

/// Gives the patch with its nested objects merged into what the task has.
pub(crate) fn onto(task: &Task, patch: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = patch.clone();
    let rule = task.recurrence.as_ref().map(recurrence_rule::stored).unwrap_or_default();
    let config = reminder_config::render(&task.reminders);
    for (name, present) in [("recurrence_rule", rule), ("reminder_config", config)] {
        if let (Some(Value::Object(changes)), Value::Object(present)) = (patch.get(name), present) {
            merged.insert(name.to_owned(), Value::Object(object(present, changes)));
        }
    }
    merged
}

/// Merges one object into another.
pub(crate) fn object(mut present: Map<String, Value>, changes: &Map<String, Value>) -> Map<String, Value> {
    let is_new = |name: &str| {
        changes.get(name).is_some_and(|value| !value.is_null() && present.get(name) != Some(value))
    };
    let is_given = |name: &str| changes.get(name).is_some_and(|value| !value.is_null());
    let displaced: &[&str] = if is_new("at") {
        &["lead_time"]
    } else if is_new("lead_time") {
        &["at"]
    } else if is_new("pattern") {
        &["weekdays", "month_days", "rrule"]
    } else if is_given("rrule") && !is_given("pattern") {
        &["pattern", "interval", "weekdays", "month_days", "count", "until"]
    } else {
        &[]
    };
    present.retain(|name, _| !displaced.contains(&name.as_str()));
    for (name, value) in changes {
        if value.is_null() {
            present.remove(name);
        } else {
            present.insert(name.clone(), value.clone());
        }
    }
    present
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(present: Value, changes: Value) -> Value {
        let (Value::Object(present), Value::Object(changes)) = (present, changes) else { return Value::Null };
        Value::Object(object(present, &changes))
    }

    #[test]
    fn members_that_are_not_named_stay() {
        let rule = json!({"pattern": "weekly", "interval": 1, "weekdays": ["mon"], "count": 5});
        let expected = json!({"pattern": "weekly", "interval": 2, "weekdays": ["mon"]});
        assert_eq!(merged(rule, json!({"interval": 2, "count": null})), expected);
    }

    #[test]
    fn what_excludes_each_other_gives_way() {
        let at = json!({"at": "2027-01-01T00:00:00Z", "delivery_method": "push"});
        assert_eq!(
            merged(at, json!({"lead_time": "1h"})),
            json!({"lead_time": "1h", "delivery_method": "push"})
        );
        let weekly = json!({"pattern": "weekly", "weekdays": ["mon"], "count": 5});
        assert_eq!(merged(weekly, json!({"pattern": "daily"})), json!({"pattern": "daily", "count": 5}));
    }

    #[test]
    fn an_rrule_alone_replaces_a_pattern_and_a_pattern_replaces_an_rrule() {
        let weekly = json!({"pattern": "weekly", "interval": 2, "weekdays": ["mon"], "until": "2027-01-01", "anchor": "completion"});
        let rrule = json!({"rrule": "FREQ=DAILY", "anchor": "completion"});
        assert_eq!(merged(weekly, json!({"rrule": "FREQ=DAILY"})), rrule);
        let daily = json!({"pattern": "daily", "anchor": "completion"});
        assert_eq!(merged(rrule, json!({"pattern": "daily"})), daily);
    }
}
