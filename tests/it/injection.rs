//! What is sent is data: to PostgreSQL, whatever it looks like, and by how the statements are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use tests::database::{count, rows};
use tests::world::{World, path_of};

/// Texts that end a statement, a string or a pattern early wherever one is put together from texts.
const PAYLOADS: [&str; 24] = [
    "'; DROP TABLE tasks; --",
    "\"; DROP TABLE tasks; --",
    "' OR '1'='1",
    "' OR 1=1 --",
    "1; SELECT pg_sleep(5)",
    "' || pg_sleep(5) || '",
    "'); SELECT pg_sleep(5); --",
    "' UNION SELECT user_id, id, title FROM tasks --",
    "\\'; DROP TABLE tasks; --",
    "$1",
    "$$; DROP TABLE tasks; $$",
    "E'\\\\x27'",
    "U&'\\0027'",
    "%' OR '%'='",
    "%",
    "_",
    "\\",
    "\\%",
    "*/ DROP TABLE tasks /*",
    "ʼ; DROP TABLE tasks; --",
    "＇; DROP TABLE tasks; --",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "=cmd|'/c calc'!A1",
];

fn encoded(text: &str) -> String {
    runtime::percent::encode(text)
}

#[tokio::test]
async fn s15_whatever_looks_like_sql_is_stored_found_and_refused_like_any_text() {
    let world = World::new().await;
    let watch = Stopwatch::start();
    for text in PAYLOADS {
        let body = json!({"title": text, "description": text, "tags": [text]});
        let headers = [("x-user-id", "amna"), ("x-correlation-id", "s15")];
        let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
        assert_eq!([&task["title"], &task["description"], &task["tags"][0]], [text; 3]);
        for parameter in ["tag", "q"] {
            let path = format!("/api/tasks?{parameter}={}", encoded(text));
            let page = world.call_with("GET", &path, &Value::Null, &headers).await.ok();
            let found = page["tasks"].as_array().expect("a list");
            assert!(found.iter().any(|one| one["id"] == task["id"]), "{path}");
            let is_literal = |one: &Value| one["title"].as_str().is_some_and(|title| title.contains(text));
            assert!(found.iter().all(is_literal), "{path} is a literal search: {page}");
        }
        for parameter in ["sort", "status", "priority", "limit", "cursor", "due_after", "due_before"] {
            let path = format!("/api/tasks?{parameter}={}", encoded(text));
            let answered = world.call_with("GET", &path, &Value::Null, &headers).await;
            assert_eq!(
                (answered.status.as_u16(), answered.wrong_fields()),
                (400, vec![parameter.to_owned()]),
                "{path}"
            );
        }
        for path in
            [format!("/api/tasks/{}", encoded(text)), format!("{}?scope={}", path_of(&task), encoded(text))]
        {
            let answered = world.call_with("DELETE", &path, &Value::Null, &headers).await;
            assert!(answered.status.is_client_error(), "{path}: {}", answered.status);
        }
        let said = json!({"user_input": format!("add {text}"), "conversation_id": text});
        world.call_with("POST", "/chat/command", &said, &headers).await.ok();
        let path = format!("/chat/conversations/{}", encoded(text));
        world.call_with("GET", &path, &Value::Null, &headers).await.ok();
        for field in ["time_zone", "locale", "email", "reminder_time"] {
            let answered = world.call_with("PATCH", "/api/settings", &json!({field: text}), &headers).await;
            assert_eq!(answered.wrong_fields(), [field], "{text}");
        }
    }
    let users = rows(&world.database_url, "SELECT DISTINCT user_id FROM tasks").await;
    assert_eq!(users, [json!({"user_id": "amna"})]);
    assert!(count(&world, "tasks").await >= i64::try_from(PAYLOADS.len()).expect("few"));
    // Each of those that sleep would take five.
    assert!(watch.elapsed() < Duration::from_secs(60), "{:?}", watch.elapsed());
}

#[tokio::test]
async fn s15_a_user_whose_name_looks_like_sql_sees_only_what_is_theirs() {
    let world = World::new().await;
    world.call_with("POST", "/api/tasks", &json!({"title": "amna's"}), &[("x-user-id", "amna")]).await.ok();
    for text in PAYLOADS.into_iter().filter(|text| text.is_ascii()) {
        for (name, key) in [(text, "plain"), ("amna", text)] {
            let headers = [("x-user-id", name), ("idempotency-key", key)];
            let task = world.call_with("POST", "/api/tasks", &json!({"title": "own"}), &headers).await.ok();
            assert_eq!(task["user_id"], name);
        }
        let page = world.call_with("GET", "/api/tasks", &Value::Null, &[("x-user-id", text)]).await.ok();
        let titles: Vec<_> =
            page["tasks"].as_array().into_iter().flatten().map(|task| &task["title"]).collect();
        assert_eq!(titles, ["own"], "{text}");
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Where statements may be put together from texts, and why that is no injection.
const PUT_TOGETHER: [(&str, &str); 2] = [
    ("shared/devkit/", "makes the private PostgreSQL and the databases of tests; no request reaches it"),
    (
        "shared/store/src/roles.rs",
        "names of roles and tables from one table of the code, run by whoever migrates",
    ),
];

/// sqlx takes literals only, unless it is told that a text is safe (`AssertSqlSafe`), or builds one (`QueryBuilder`).
const ESCAPES: [&str; 3] = ["AssertSqlSafe", "QueryBuilder", "raw_sql"];

#[test]
fn s15_statements_are_literals_with_bound_parameters() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace");
    let mut files = Vec::new();
    for folder in ["shared", "functions"] {
        sources(&root.join(folder), &mut files);
    }
    let (mut statements, mut wrong) = (0, Vec::new());
    for file in files {
        let shown = file.strip_prefix(&root).expect("within the workspace").display().to_string();
        if PUT_TOGETHER.iter().any(|(place, _)| shown.starts_with(place)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        statements += text.matches("sqlx::query").count();
        wrong.extend(
            ESCAPES
                .iter()
                .filter(|escape| text.contains(**escape))
                .map(|escape| format!("{shown}: {escape}")),
        );
        if text.contains("sqlx::") && !shown.starts_with("shared/store/") {
            wrong.push(format!("{shown}: SQL outside of the store"));
        }
        for after in text.split("format!(").skip(1) {
            let literal: String = after.trim_start().chars().take(60).collect();
            let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "ORDER BY", "WHERE "];
            if shown.starts_with("shared/store/") && verbs.iter().any(|verb| literal.contains(verb)) {
                wrong.push(format!("{shown}: a formatted statement: {literal}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(statements > 50, "{statements}: were they looked at?");
}
