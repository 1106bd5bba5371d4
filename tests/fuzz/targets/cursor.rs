//! Any text as a cursor, and any query string: refused, or read as what is written again.
#![no_main]

use application::SortKey;
use application::query::rewritten_cursor;
use axum::http::Uri;
use libfuzzer_sys::fuzz_target;
use runtime::query::Query;

const SORTS: [SortKey; 4] = [SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::DueDate, SortKey::Priority];

fuzz_target!(|text: &str| {
    for sort in SORTS {
        for descending in [false, true] {
            if let Some(written) = rewritten_cursor(text, sort, descending) {
                assert_eq!(rewritten_cursor(&written, sort, descending).as_deref(), Some(written.as_str()));
                assert_eq!(rewritten_cursor(&written, sort, !descending), None, "of another order");
            }
        }
    }
    let Ok(uri) = format!("/api/tasks?{text}").parse::<Uri>() else { return };
    match Query::parse(&uri, &["cursor", "limit", "q"]) {
        Ok(query) => assert!(query.get("q").is_none_or(|text| !text.contains('\0'))),
        Err(problem) => assert_eq!(problem.status(), 400),
    }
});
