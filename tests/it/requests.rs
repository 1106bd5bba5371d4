//! Requests as clients have them, and whose they are: one list, which every door is asked.

use std::collections::{BTreeMap, BTreeSet};

/// A request, and who may get it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) servers: BTreeSet<String>,
}

/// Gives what a door is asked, where functions serve these operations (`POST /api/tasks`, and whose it is), and `web` all that is nobody's.
///
/// A path may end in a slash; who serves GET answers HEAD; and with a method that nobody serves, or a preflight, a request is for somebody who
/// knows the path.
pub(crate) fn requests(served: &BTreeSet<(String, String)>) -> Vec<Request> {
    let mut asked = Vec::new();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut ask = |methods: &[&'static str], path: &str, servers: &BTreeSet<String>| {
        for path in [path.to_owned(), format!("{path}/")] {
            let request =
                |method: &&'static str| Request { method, path: path.clone(), servers: servers.clone() };
            asked.extend(methods.iter().map(request));
        }
    };
    for (operation, function) in served {
        let (method, template) = operation.split_once(' ').expect("a method and a path");
        let part = |part: &str| if part.starts_with('{') { "0-7_a".to_owned() } else { part.to_owned() };
        let path = template.split('/').map(part).collect::<Vec<_>>().join("/");
        let methods: &[&str] = match method {
            "GET" => &["GET", "HEAD"],
            "POST" => &["POST"],
            "PATCH" => &["PATCH"],
            "DELETE" => &["DELETE"],
            other => panic!("{other} is not asked yet"),
        };
        known.entry(path.clone()).or_default().insert(function.clone());
        ask(methods, &path, &[function.clone()].into());
    }
    for (path, servers) in &known {
        ask(&["PUT", "OPTIONS"], path, servers);
    }
    for path in ["/", "/app.js", "/api/nothing", "/dapr/events/reminders", "/job/scan-reminders"] {
        asked.push(Request { method: "GET", path: path.to_owned(), servers: ["web".to_owned()].into() });
    }
    asked
}
