//! The arrows of the map, over what Cargo really builds.

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may depend on, within the workspace.
fn allowed(name: &str, path: &str) -> &'static [&'static str] {
    match name {
        "domain" => &[],
        "language" => &["domain"],
        "events" => &["domain"],
        "store" => &["domain", "events"],
        "application" => &["domain", "events", "store"],
        "messaging" => &["events"],
        "runtime" => &["domain", "events"],
        "devkit" => &[],
        "relay-events" => &["application", "domain", "events", "messaging", "runtime"],
        "chat-command" => &["application", "domain", "events", "language", "runtime"],
        _ if path.contains("/functions/") => &["application", "domain", "events", "runtime"],
        _ => panic!("{name} is not on the map"),
    }
}

/// Who may use what of the outside.
const KEPT_IN: [(&str, &[&str]); 4] = [
    ("sqlx", &["store", "devkit"]),
    ("rdkafka", &["messaging", "runtime"]),
    ("lettre", &["send-reminder"]),
    ("axum", &["runtime"]),
];

#[test]
fn architecture_the_arrows_are_those_of_the_map() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo knows the workspace");
    let ours: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    for package in &metadata.packages {
        let (name, path) = (package.name.as_str(), package.manifest_path.as_str());
        if ["backend", "tests"].contains(&name) {
            continue;
        }
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal {
            let target = dependency.name.as_str();
            if ours.contains(target) {
                assert!(allowed(name, path).contains(&target), "{name} must not depend on {target}");
            }
            if let Some((_, keepers)) = KEPT_IN.iter().find(|(kept, _)| *kept == target) {
                let is_function = path.contains("/functions/") && target == "axum";
                assert!(
                    keepers.contains(&name) || is_function,
                    "{target} belongs to {keepers:?}, not to {name}"
                );
            }
        }
    }
}

#[test]
fn architecture_the_pure_crates_are_pure() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo knows the workspace");
    let impure = ["tokio", "serde", "serde_json", "sqlx", "axum", "tracing", "getrandom", "rand"];
    for package in
        metadata.packages.iter().filter(|package| ["domain", "language"].contains(&package.name.as_str()))
    {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        let found: Vec<_> = normal
            .map(|dependency| &dependency.name)
            .filter(|name| impure.contains(&name.as_str()))
            .collect();
        assert!(found.is_empty(), "{} must not know {found:?}", package.name);
    }
}

#[test]
fn architecture_functions_that_only_answer_requests_link_no_kafka_client() {
    let with = ["backend", "relay-events", "send-reminder", "spawn-recurrence", "write-audit"];
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo knows the workspace");
    let functions =
        metadata.packages.iter().filter(|package| package.manifest_path.as_str().contains("/functions/"));
    for function in functions {
        // As it is built alone: in the workspace, features are those of all.
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", &function.name])
            .current_dir(&metadata.workspace_root)
            .output()
            .expect("cargo is there");
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let links = String::from_utf8_lossy(&tree.stdout).contains("rdkafka-sys v");
        assert_eq!(links, with.contains(&function.name.as_str()), "{}", function.name);
    }
}
