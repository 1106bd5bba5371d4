//! Any bytes as a body: read as another parser reads them, or refused; and what is read is a task's fields, or not.
#![no_main]

use application::input::TaskFields;
use libfuzzer_sys::fuzz_target;
use runtime::json::strict;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let value = match strict::parse(bytes) {
        Ok(value) => value,
        Err(problem) => {
            assert!([400, 422].contains(&problem.status().as_u16()));
            assert!(problem.detail().len() < 2_000, "what was sent is not sent back");
            return;
        }
    };
    let other: Value = serde_json::from_slice(bytes).expect("what is strictly JSON is JSON");
    assert_eq!(value, other);
    let written = value.to_string();
    strict::parse(written.as_bytes()).expect("what we write we read");
    if let Some(fields) = value.as_object() {
        if let Err(issues) = TaskFields::parse(fields, &["user_id"]) {
            assert!(!issues.is_empty() && issues.iter().all(|issue| !issue.message.is_empty()));
        }
    }
});
