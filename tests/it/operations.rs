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

use serde_json::Value;

use crate::infra::code::{Code, Function};

/// Gives every function by its name, as it is built without a model.
async fn functions() -> BTreeMap<&'static str, Function> {
    Code::read_with(None).await.functions
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
