//! What operators have: images, the compose file, the template for AWS, workflows, rules and dashboards; held against the code.

mod aws;
mod compose;
mod database;
mod images;
mod monitoring;
mod traces;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use application::{Application, Connection};
use chat_command::Backing;
use runtime::auth::SigningKeys;
use runtime::config::{Config, Environment};
use runtime::limits::Limits;
use runtime::main::Start;
use send_reminder::Courier;
use serde_json::Value;
use sign_in::Signing;
use tests::world::links;

/// What the code says of a function.
#[derive(Debug)]
struct Function {
    /// Method and path of each operation: `POST /api/tasks`.
    routes: BTreeSet<String>,
    topics: BTreeSet<&'static str>,
    /// Whether a clock wakes it.
    is_ticked: bool,
    timeout_s: u64,
}

/// Gives every function by its name, as it is built.
async fn functions() -> BTreeMap<&'static str, Function> {
    let key = SigningKeys::generate();
    let environment = Environment::from_pairs([
        ("AUTH", "jwt"),
        ("SIGNING_KEY", key.as_str()),
        ("JWT_ISSUER", "https://kaam.example.org"),
        ("JWT_AUDIENCE", "kaam"),
    ]);
    let config = Config::from_environment(&environment).expect("sound settings");
    let signing = Signing::from_environment(&config, &environment).expect("a sound key");
    let courier = Courier::from_environment(&environment).await.expect("sound settings");
    let start = Start::from_environment(environment).expect("sound settings");
    let backing = Backing::from_start(&start).expect("sound settings");
    let connection = Connection::new("postgres://nobody@127.0.0.1:1/none", "test", 1);
    let application = Application::new(&connection, config.time_zone, || {}).expect("a URL");
    let composed = backend::compose(
        &application,
        &start.clock,
        courier,
        Some(links()),
        backing,
        signing,
        &start.metrics,
    );
    let describe = |built: runtime::function::Function| {
        let documents = [built.http.into_openapi(), built.public.into_openapi()];
        let documents = documents.map(|document| serde_json::to_value(document).expect("it is JSON"));
        let function = Function {
            routes: documents.iter().flat_map(operations).collect(),
            topics: built.topics.iter().copied().collect(),
            is_ticked: built.triggers.is_some() && built.topics.is_empty(),
            timeout_s: built.timeout.unwrap_or(Limits::default().request_deadline).as_secs(),
        };
        (built.name, function)
    };
    composed.functions.into_iter().map(describe).collect()
}

fn operations(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(|(method, _)| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

/// Gives every operation with its function.
fn served(functions: &BTreeMap<&'static str, Function>) -> BTreeSet<(String, String)> {
    let pairs = functions
        .iter()
        .flat_map(|(name, function)| function.routes.iter().map(|route| (route.clone(), (*name).to_owned())));
    pairs.collect()
}

fn place(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads a file of YAML.
fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Gives the names of the files in a folder, without their ending.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(place(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let stem = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a file").path();
        path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned()
    };
    entries.map(stem).collect()
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
