//! Random RRULE text against python-dateutil's dates, which `fixtures/generate_dateutil.py` wrote.

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Rule};
use serde_json::Value;

fn local(value: &Value) -> NaiveDateTime {
    value.as_str().and_then(|text| text.parse().ok()).expect("a local time")
}

#[test]
fn random_rules_give_the_dates_of_python_dateutil() {
    let mut cases = include_str!("fixtures/dateutil.jsonl").lines();
    assert!(cases.next().is_some_and(|line| line.contains("python-dateutil 2.9.0")));
    let mut wrong = Vec::new();
    let mut number = 0;
    for line in cases {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let (text, start) = (case["rrule"].as_str().expect("a rule"), local(&case["dtstart"]));
        let rule = Rule::parse_rrule(text, Anchor::Due, false).expect("a rule");
        let expected: Vec<_> = case["dates"].as_array().expect("dates").iter().map(local).collect();
        // Our first occurrence is the start, also where the rule does not match it.
        let mut found = rule.preview(start, start, 1, expected.len() + 1, Tz::UTC);
        if expected[0] != start {
            found.remove(0);
        }
        found.truncate(expected.len());
        number += 1;
        if found != expected {
            wrong.push(format!("{text} from {start}: {found:?} instead of {expected:?}"));
        }
    }
    assert_eq!((number, wrong), (300, Vec::new()));
}
