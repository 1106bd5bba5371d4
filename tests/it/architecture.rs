//! The arrows of the map, over what Cargo really builds.

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

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
const KEPT_IN: [(&str, &[&str]); 5] = [
    ("sqlx", &["store", "devkit"]),
    ("rdkafka", &["messaging", "runtime"]),
    ("openssl-sys", &["runtime"]),
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

/// Who links what of the hosts and the mail services, each function built by itself with the features that it has by default.
const LINKED_BY: [(&str, &[&str]); 6] = [
    ("rdkafka-sys", &CONSUMERS_AND_RELAY),
    ("rdkafka", &CONSUMERS_AND_RELAY),
    ("lambda_http", &[]),
    ("aws-sdk-secretsmanager", &[]),
    ("aws-sdk-sesv2", &[]),
    ("lettre", &["backend", "send-reminder"]),
];
const CONSUMERS_AND_RELAY: [&str; 5] =
    ["backend", "relay-events", "send-reminder", "spawn-recurrence", "write-audit"];

/// Gives the names of all crates that a package links with more features than its default ones. It stands alone, as it is built to
/// be deployed: in the workspace, features are those of all.
fn linked(metadata: &Metadata, package: &str, features: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", package])
        .args(["--features", features, "--format", "{lib}"])
        .current_dir(&metadata.workspace_root)
        .output()
        .expect("cargo is there");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8_lossy(&tree.stdout).lines().map(|name| name.replace('_', "-")).collect()
}

#[test]
fn architecture_functions_that_only_answer_requests_link_no_kafka_client_and_none_links_lambda_unasked() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo knows the workspace");
    let functions: Vec<&str> = metadata
        .packages
        .iter()
        .filter(|package| package.manifest_path.as_str().contains("/functions/"))
        .map(|package| package.name.as_str())
        .collect();
    assert!(functions.len() >= 14 && functions.contains(&"create-task"), "{functions:?}");
    for function in functions {
        let by_default = linked(&metadata, function, "");
        assert!(by_default.contains("tokio"), "{function} links something");
        for (library, by) in LINKED_BY {
            let is_linked = by_default.contains(&library.replace('_', "-"));
            assert_eq!(is_linked, by.contains(&function), "{function}: {library}");
        }
        let on_lambda = linked(&metadata, function, "runtime/lambda");
        assert!(on_lambda.contains("lambda-http"), "{function}");
        assert_eq!(on_lambda.contains("rdkafka"), CONSUMERS_AND_RELAY.contains(&function), "{function}");
    }
}

#[test]
fn architecture_only_who_needs_a_host_asks_for_its_feature() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo knows the workspace");
    for package in metadata.packages.iter().filter(|package| *package.name != "tests") {
        for dependency in &package.dependencies {
            let asks = |feature: &str| dependency.features.iter().any(|asked| asked == feature);
            let name = package.name.as_str();
            assert!(!asks("lambda"), "{name}: that is for whoever builds it");
            if ["runtime", "messaging"].contains(&dependency.name.as_str()) {
                assert!(!asks("kafka") || CONSUMERS_AND_RELAY.contains(&name), "{name}");
            }
        }
    }
}
