//! The chart's table of functions, the code, and the table that people read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use events::Topic;
use serde_json::Value;
use stream_updates::Limits;

use super::chart::{chart, documents_of};
use super::code::Code;
use super::rules::sessions_of;
use super::yaml::{at, fields, number, text, texts};

fn values() -> Value {
    let values = fs::read_to_string(chart().join("values.yaml")).expect("the file is there");
    documents_of(&values).remove(0)
}

#[tokio::test]
async fn the_charts_table_of_functions_is_what_the_code_says() {
    let (values, code) = (values(), Code::read().await);
    let names: BTreeSet<_> = fields(&values, "functions").map(|(name, _)| name).collect();
    assert_eq!(names, code.functions.keys().copied().collect());
    for (name, row) in fields(&values, "functions") {
        let function = &code.functions[name];
        let routes: BTreeSet<_> = texts(row, "routes").into_iter().map(str::to_owned).collect();
        assert_eq!(routes, function.routes, "{name}: routes");
        assert_eq!(texts(row, "receives"), function.receives, "{name}: receives");
        assert_eq!(at(row, "ticks") == true, function.ticks, "{name}: ticks");
        assert_eq!(at(row, "role").as_str(), function.role, "{name}: role");
        let timeout = number(row, "timeoutSeconds").expect("it has one");
        assert!(timeout >= function.timeout_seconds, "{name}: it takes up to {} s", function.timeout_seconds);
        let sessions = number(row, "sessions").unwrap_or_default();
        assert_eq!(sessions, sessions_of(name, &code), "{name}: sessions");
        assert_eq!(at(row, "endless") == true, function.is_endless, "{name}: endless");
        // Who is one too many is told so by the function, and does not wait for somebody to go.
        let most = i64::try_from(Limits::default().per_process).expect("not that many");
        assert!(!function.is_endless || number(row, "concurrency") > Some(most), "{name}: concurrency");
    }
    assert_eq!(texts(&values, "topics"), Topic::ALL.map(Topic::as_str));
    assert_eq!(number(&values, "kafka partitions"), Some(i64::from(Topic::PARTITIONS)));
}

#[tokio::test]
async fn the_readme_names_what_wakes_each_function_and_how_long_it_takes() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/README.md"));
    let readme = readme.expect("the file is there");
    let rows = readme.lines().skip_while(|line| !line.starts_with("| function | trigger ")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let rows: BTreeMap<&str, Vec<&str>> = rows
        .map(|row| row.split('|').map(str::trim).collect::<Vec<_>>())
        .map(|cells| (cells[1], cells))
        .collect();
    let code = Code::read().await;
    let names: BTreeSet<_> = rows.keys().copied().filter(|name| *name != "backend").collect();
    assert_eq!(names, code.functions.keys().copied().collect());
    for (name, function) in &code.functions {
        let (trigger, timeout) = (rows[name][2], rows[name][6]);
        for route in &function.routes {
            let (_, path) = route.split_once(' ').expect("a method and a path");
            // Where a row has several paths, the beginning is left out of the later ones.
            let last = path.rsplit('/').next().expect("a path has parts");
            let is_named = trigger.contains(path) || trigger.contains(&format!("…/{last}"));
            let is_similar =
                last.starts_with('{') && trigger.contains(path.rsplit_once('{').expect("a part").0);
            assert!(is_named || is_similar, "{name}: {route} is not in {trigger:?}");
        }
        for topic in &function.receives {
            assert!(trigger.contains(&format!("`{topic}`")), "{name}: {topic} is not in {trigger:?}");
        }
        assert_eq!(trigger.contains("tick"), function.ticks, "{name}: {trigger:?}");
        let seconds: Option<i64> = timeout.split(' ').next().and_then(|number| number.parse().ok());
        let own = if *name == "chat-command" { 30 } else { function.timeout_seconds };
        assert_eq!(seconds, Some(own).filter(|_| !function.is_endless), "{name}: {timeout:?}");
        assert_eq!(timeout.starts_with("none"), function.is_endless, "{name}: {timeout:?}");
    }
}

#[test]
fn the_charts_readme_shows_how_far_each_function_scales() {
    let readme = fs::read_to_string(chart().join("README.md")).expect("the file is there");
    let values = values();
    for (name, row) in fields(&values, "functions") {
        let scale = |key: &str| number(row, &format!("scale {key}")).unwrap_or_default();
        let connections =
            number(row, "connections").unwrap_or_default() + number(row, "sessions").unwrap_or_default();
        let line = format!(
            "| {name} | {} | {} | {} | {connections} | {} |",
            scale("min"),
            scale("warm"),
            scale("max"),
            text_or_number(row, "concurrency")
        );
        assert!(readme.contains(&line), "infra/helm/README.md should have: {line}");
    }
}

fn text_or_number(row: &Value, path: &str) -> String {
    match text(row, path) {
        "" => number(row, path).map_or_else(String::new, |number| number.to_string()),
        text => text.to_owned(),
    }
}
