//! `SECURITY.md` claims nothing that no test shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

/// What is only built, and tested, for AWS: by `make test-aws`, which CI does not run.
const FOR_AWS: [&str; 2] = ["shared/runtime/src/secrets/aws.rs", "shared/runtime/src/kafka/iam.rs"];
/// How many rows the list of what has to hold has.
const ROWS: usize = 36;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn collect(folder: &Path, tests: &mut BTreeMap<String, bool>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            collect_from(&fs::read_to_string(&path).expect("a source"), tests);
        }
    }
}

fn collect_from(source: &str, tests: &mut BTreeMap<String, bool>) {
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, named)) =
            line.split_once("fn ").filter(|(before, _)| ["", "async "].contains(before))
        {
            let name: String = named.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            *tests.entry(name).or_default() |= is_test;
            is_test = false;
        }
    }
}

/// Gives what stands in code font, without what is inside of quotes of code font.
fn in_code_font(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn what_security_md_names_as_a_proof_is_a_test_or_a_target() {
    let mut tests = BTreeMap::new();
    for folder in ["shared", "functions", "tests"] {
        collect(&root().join(folder), &mut tests);
    }
    let (document, makefile, ci) = (read("SECURITY.md"), read("Makefile"), read(".ci/run"));
    let mut named = BTreeSet::new();
    for line in document.lines().filter(|line| line.starts_with('|')) {
        let proof = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        for name in in_code_font(proof) {
            if let Some(target) = name.strip_prefix("make ") {
                assert!(makefile.contains(&format!("\n{target}: ")), "the Makefile has no {target}");
                assert!(
                    ["reproducible", "sbom"].contains(&target) || ci.contains(&format!("make {target}")),
                    "CI does not run {target}"
                );
            } else if name.matches('_').count() >= 3 && name == name.to_lowercase() {
                assert_eq!(tests.get(name), Some(&true), "{name} is no test");
                named.insert(name);
            }
        }
    }
    assert!(named.len() > 100, "{}", named.len());
    let tagged = tests.iter().filter(|(name, is_test)| **is_test && is_tagged(name));
    let forgotten: Vec<_> =
        tagged.map(|(name, _)| name).filter(|name| !named.contains(name.as_str())).collect();
    assert!(forgotten.is_empty(), "tests of rows that SECURITY.md does not name: {forgotten:?}");
}

/// Says whether a test carries the number of a row: `s01_…`.
fn is_tagged(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next() == Some(b's')
        && bytes.by_ref().take(2).all(|byte| byte.is_ascii_digit())
        && bytes.next() == Some(b'_')
}

#[test]
fn ci_insists_on_all_that_tests_are_left_out_without() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    let mut settings = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/src")).expect("a folder") {
        let source = fs::read_to_string(entry.expect("an entry").path()).expect("a source");
        let named = source.split("KAAM_REQUIRE_").skip(1);
        settings.extend(named.map(|rest| {
            let name: String = rest.chars().take_while(char::is_ascii_uppercase).collect();
            format!("KAAM_REQUIRE_{name}")
        }));
    }
    assert_eq!(settings.len(), 4, "{settings:?}");
    for setting in settings {
        assert!(ci.contains(&format!(" {setting}\n")), "CI does not set {setting}");
        assert!(readme.contains(&setting), "the README does not name {setting}");
    }
}

#[test]
fn a_row_says_so_when_ci_does_not_run_its_proof() {
    let mut tests = BTreeMap::new();
    for path in FOR_AWS {
        collect_from(&read(path), &mut tests);
    }
    let is_for_aws = |name: &str| tests.get(name) == Some(&true);
    let document = read("SECURITY.md");
    let rows: Vec<_> = document.lines().filter(|line| in_code_font(line).any(is_for_aws)).collect();
    assert!(!rows.is_empty(), "none of {} tests is named", tests.len());
    for row in rows {
        assert!(row.contains("`test-aws`, which is not in CI"), "{row}");
    }
}

#[test]
fn every_row_has_a_proof_or_a_reason() {
    let document = read("SECURITY.md");
    for number in 1..=ROWS {
        let rows: Vec<_> =
            document.lines().filter(|line| line.starts_with(&format!("| S{number} |"))).collect();
        let [row] = rows[..] else { panic!("S{number} stands in {} rows", rows.len()) };
        let proof = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let has_test =
            in_code_font(proof).any(|name| name.matches('_').count() >= 3 || name.starts_with("make "));
        let has_reason = ["does not apply", "does not hold"].iter().any(|reason| proof.contains(reason));
        assert!(has_test || has_reason, "{row}");
    }
}

#[test]
fn s28_no_crate_of_ours_may_be_unsafe() {
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("[workspace.lints.rust]\nunsafe_code = \"forbid\""));
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo knows the workspace");
    assert!(metadata.packages.len() > 20, "{}", metadata.packages.len());
    for package in &metadata.packages {
        let manifest = fs::read_to_string(&package.manifest_path).expect("a manifest");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} does not take the workspace's lints",
            package.name
        );
    }
}
