//! `infra/docker`: two ways to the same image.

use super::{names, text};

/// Gives what follows an instruction of the Dockerfile.
fn said(instruction: &str) -> Vec<String> {
    let dockerfile = text("infra/docker/Dockerfile");
    let after = |line: &str| line.strip_prefix(&format!("{instruction} ")).map(str::to_owned);
    dockerfile.lines().filter_map(after).collect()
}

#[test]
fn the_dockerfile_and_the_way_without_an_engine_make_the_same_image() {
    let script = text("infra/docker/images");
    assert_eq!(said("FROM"), ["scratch"]);
    assert_eq!(said("USER"), ["65532:65532"]);
    assert!(script.contains("--user 65532:65532"));
    assert_eq!(said("ENTRYPOINT"), ["[\"/function\"]"]);
    assert!(script.contains("--entrypoint /function"));
    assert_eq!(said("EXPOSE"), ["8000"]);
    assert!(script.contains("--exposed-ports 8000/tcp"));
    for variable in said("ENV") {
        assert!(script.contains(&format!("--env {variable}")), "{variable}");
    }
    assert_eq!(script.matches("--env ").count(), said("ENV").len());
    for label in said("LABEL") {
        let (name, value) = label.split_once('=').expect("a name and a value");
        let value = value.trim_matches('"').replace("${BIN}", "$function");
        let is_set = [format!("--label {name}={value}"), format!("--label \"{name}={value}\"")];
        assert!(is_set.iter().any(|way| script.contains(way)), "{label}");
    }
    let files: Vec<_> =
        said("COPY").iter().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(files, ["/etc/ssl/certs/ca-certificates.crt", "/function"]);
    for file in files {
        assert!(script.contains(&format!("\"$root{file}\"")), "{file}");
    }
}

#[test]
fn what_listens_on_all_addresses_in_an_image_needs_tokens() {
    assert!(said("ENV").contains(&"HOST=0.0.0.0".to_owned()));
    let environment = runtime::config::Environment::from_pairs([("HOST", "0.0.0.0")]);
    let refused = runtime::config::Config::from_environment(&environment).expect_err("AUTH is local");
    assert!(refused.to_string().contains("AUTH"), "{refused}");
}

#[test]
fn tools_are_pinned_by_versions_and_hashes() {
    for name in names("infra/local/tools") {
        let list = text(&format!("infra/local/tools/{name}.txt"));
        for requirement in list.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()) {
            assert!(requirement.contains("=="), "{name}: {requirement}");
        }
        assert!(list.matches("--hash=sha256:").count() >= list.matches("==").count(), "{name}");
    }
}

/// Whoever runs what on a machine of their own runs what the cluster does.
#[test]
fn what_others_make_has_one_version_everywhere() {
    let places = [
        "infra/docker/compose.yaml",
        "infra/docker/compose.dapr.yaml",
        "infra/helm/values.yaml",
        "infra/dapr/values.yaml",
    ];
    let all = places.map(text).concat();
    for (what, marks) in [
        ("Mailpit", &["axllent/mailpit:"][..]),
        ("Ollama", &["ollama/ollama:"]),
        ("Dapr", &["daprio/daprd:", "dapr/dapr --version "]),
    ] {
        let versions = marks.iter().flat_map(|mark| all.split(mark).skip(1));
        let versions: Vec<_> = versions.filter_map(|rest| rest.split_whitespace().next()).collect();
        assert!(versions.len() > 1, "{what}: {versions:?}");
        assert!(versions.iter().all(|version| version == &versions[0]), "{what}: {versions:?}");
    }
}
