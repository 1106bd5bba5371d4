//! Third-party RRULE cases, read from `../shared/corpora/rrule.jsonl` beside the workspace; without that folder nothing is tested.
//!
//! Where a case's DTSTART does not match its rule, its list leaves DTSTART out, and counts without it. Ours is always the first
//! occurrence (RFC 5545 §3.8.5.3: DTSTART counts as the first), so such a list is compared after our start, and as far as our COUNT goes.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Rule};
use serde_json::Value;

/// Gives a local time, or midnight of a date.
fn local(value: &Value) -> NaiveDateTime {
    let text = value.as_str().expect("a text").trim_end_matches('Z');
    text.parse().unwrap_or_else(|_| text.parse::<NaiveDate>().expect("a date").and_time(Default::default()))
}

/// Gives what differs, if anything.
fn difference(case: &Value) -> Option<String> {
    let text = case["rrule"].as_str().expect("a rule");
    let zone: Tz = case["tz"].as_str().and_then(|name| name.parse().ok()).expect("a zone");
    let rule = match Rule::parse_rrule(text, Anchor::Due, false) {
        Ok(rule) => rule,
        Err(errors) => return Some(format!("{text}: {errors:?}")),
    };
    let start = local(&case["dtstart"]);
    let expected: Vec<_> = case["expect"].as_array().expect("a list").iter().map(local).collect();
    let is_complete = case["complete"] == true;
    let extra = usize::from(case["dtstart_in_set"] == false);
    let limit = expected.len() + extra + usize::from(is_complete);
    let mut found = rule.preview(start, start, 1, limit, zone);
    found.drain(..extra.min(found.len()));
    let mut expected = expected;
    if rule.count().is_some() && is_complete {
        expected.truncate(expected.len().saturating_sub(extra));
    }
    (found != expected).then(|| format!("{text} from {start}: {found:?} instead of {expected:?}"))
}

#[test]
fn the_cases_of_other_engines_are_met() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/rrule.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        return println!("not there, nothing tested: {}", path.display());
    };
    let mut categories: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let is_core = case["core"] == true;
        let kind = if is_core { "core" } else { "other" };
        let key = format!("{kind} {}", case["category"].as_str().expect("a category"));
        let (met, all) = categories.entry(key).or_default();
        *all += 1;
        match difference(&case) {
            None => *met += 1,
            Some(difference) if is_core => wrong.push(difference),
            Some(difference) => println!("not met: {difference}"),
        }
    }
    for (category, (met, all)) in categories {
        println!("{category}: {met} of {all}");
    }
    assert_eq!(wrong, Vec::<String>::new());
}
