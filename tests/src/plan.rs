//! Plans of PostgreSQL: by what a statement finds its rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

/// PostgreSQL's name for "you may not".
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// How a shape says that a scan does not look for anything.
const WHOLE: &str = "WHOLE";

/// Plans a statement without looking at the values of its parameters; `None` when who is connected may not run it. The connection has to
/// have `plan_cache_mode = force_generic_plan`.
///
/// # Panics
/// When the statement is refused for another reason.
pub async fn generic(connection: &mut PgConnection, statement: &str, parameters: usize) -> Option<Value> {
    let prepare = format!("PREPARE planned AS {statement}");
    let done = sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await;
    done.unwrap_or_else(|error| panic!("{error}: {statement}"));
    let nulls = vec!["NULL"; parameters].join(", ");
    let arguments = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let explain = format!("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE planned {arguments}");
    let found: Result<Value, _> =
        sqlx::query_scalar(AssertSqlSafe(explain)).persistent(false).fetch_one(&mut *connection).await;
    sqlx::raw_sql("DEALLOCATE planned").execute(connection).await.expect("it was prepared");
    match found {
        Ok(plan) => Some(plan[0]["Plan"].clone()),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => None,
        Err(error) => panic!("{error}: {statement}"),
    }
}

/// Says a plan in lines, without what changes with the number of rows: kinds of nodes, tables, indexes, and which columns are looked for
/// in an index.
pub fn shape(plan: &Value, indexes: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::new();
    add(&mut text, plan, indexes, 2);
    text
}

fn add(text: &mut String, plan: &Value, indexes: &BTreeMap<String, Vec<String>>, mut depth: usize) {
    let of = |name: &str| plan[name].as_str();
    // What row-level security adds: whether it is this user at all.
    if of("Node Type") == Some("Result") && plan["One-Time Filter"].is_string() {
        if let Some(name) = of("Subplan Name") {
            writeln!(text, "{:depth$}{name}:", "").expect("a text takes anything");
            return parts(text, plan, indexes, depth + 2);
        }
        return parts(text, plan, indexes, depth);
    }
    let mut line = of("Node Type").unwrap_or_default().to_owned();
    if line == "ModifyTable" {
        line = of("Operation").unwrap_or_default().to_owned();
    }
    for (before, name) in [
        ("", "Join Type"),
        ("", "Strategy"),
        ("", "Scan Direction"),
        ("on ", "Relation Name"),
        ("by ", "Index Name"),
        ("of ", "CTE Name"),
    ] {
        let plain = ["Inner", "Plain", "Forward"];
        if let Some(value) = of(name).filter(|value| !plain.contains(value)) {
            write!(line, " {before}{value}").expect("a text takes anything");
        }
    }
    if let Some(index) = of("Index Name") {
        let condition = of("Index Cond").unwrap_or_default();
        let words: Vec<_> = condition.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let columns = indexes.get(index).into_iter().flatten();
        let columns: Vec<_> = columns.map(String::as_str).filter(|column| words.contains(column)).collect();
        let sought = if condition.is_empty() { WHOLE.to_owned() } else { columns.join(", ") };
        write!(line, " ({sought})").expect("a text takes anything");
    }
    if line.starts_with("Seq Scan") {
        write!(line, " ({WHOLE})").expect("a text takes anything");
    }
    if let Some(name) = of("Subplan Name") {
        writeln!(text, "{:depth$}{name}:", "").expect("a text takes anything");
        depth += 2;
    }
    writeln!(text, "{:depth$}{line}", "").expect("a text takes anything");
    parts(text, plan, indexes, depth + 2);
}

fn parts(text: &mut String, plan: &Value, indexes: &BTreeMap<String, Vec<String>>, depth: usize) {
    for part in plan["Plans"].as_array().into_iter().flatten() {
        add(text, part, indexes, depth);
    }
}

/// Gives the tables that a plan of this shape reads whole, itself or by one of their indexes.
pub fn read_whole(shape: &str) -> Vec<String> {
    let lines = shape.lines().filter(|line| line.ends_with(&format!("({WHOLE})")));
    lines
        .map(|line| {
            let table = line.split_once(" on ").map_or(line, |(_, rest)| rest);
            table.split(' ').next().unwrap_or_default().to_owned()
        })
        .collect()
}
