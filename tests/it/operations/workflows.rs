//! `.github/workflows`.

use serde_json::Value;

use super::{fields, items, names, text, yaml};

#[test]
fn workflows_run_the_same_targets_as_anybody_and_actions_that_nobody_can_swap() {
    let makefile = text("Makefile");
    for name in names(".github/workflows") {
        let path = format!(".github/workflows/{name}.yaml");
        let workflow = yaml(&path);
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{path}");
        for line in text(&path).lines().filter(|line| line.contains("uses:")) {
            let (action, version) =
                line.split_once(" # ").unwrap_or_else(|| panic!("{path}: {line}: which version?"));
            let (_, commit) = action.rsplit_once('@').expect("an action at a commit");
            assert!(
                commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{path}: {line}"
            );
            assert!(version.starts_with('v'), "{path}: {line}");
        }
        for (job, description) in fields(&workflow["jobs"]) {
            assert!(!description["permissions"].is_null(), "{path}: {job} may do what the repository allows");
            assert!(description["timeout-minutes"].is_number(), "{path}: {job} may run for hours");
            for run in items(&description["steps"]).iter().filter_map(|step| step["run"].as_str()) {
                let targets = run.lines().filter_map(|line| line.trim().strip_prefix("make "));
                for target in targets.filter_map(|words| words.split_whitespace().next()) {
                    assert!(makefile.contains(&format!("\n{target}:")), "{path}: make {target}");
                }
            }
        }
    }
}

#[test]
fn what_is_released_is_tested_scanned_signed_and_taken_back_when_it_does_not_answer() {
    let release = yaml(".github/workflows/release.yaml");
    let needs = |job: &str| match &release["jobs"][job]["needs"] {
        Value::String(one) => vec![one.clone()],
        all => items(all).iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
    };
    assert_eq!(needs("images"), ["test", "build"]);
    assert_eq!(needs("publish"), ["images"]);
    assert_eq!(needs("chart"), ["publish"]);
    assert_eq!(needs("deploy"), ["chart"]);
    let steps = |job: &str| {
        items(&release["jobs"][job]["steps"]).iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(steps("images").contains("trivy-action") && steps("images").contains("\"exit-code\":\"1\""));
    // What is shipped, not what it is made from.
    for scan in ["trivy sbom", "trivy image --input"] {
        let lines = items(&release["jobs"]["images"]["steps"]).iter().filter_map(|step| step["run"].as_str());
        let line = lines.flat_map(str::lines).find(|line| line.contains(scan));
        assert!(line.is_some_and(|line| line.contains("--exit-code 1")), "{scan}");
    }
    for word in ["cosign sign", "cosign attest", "attest-build-provenance"] {
        assert!(steps("publish").contains(word), "{word}");
    }
    // On top of what the operator says, and never without it; and somebody is signed in when it is tried.
    let deploy = steps("deploy");
    assert!(
        deploy.contains("vars.VALUES")
            && deploy.contains("VALUES=\\\"target/mine.yaml target/release.yaml\\\""),
        "{deploy}"
    );
    assert!(deploy.contains("secrets.SMOKE_PASSWORD") && deploy.contains("secrets.SMOKE_TOKEN"));
    assert!(steps("deploy").contains("infra/local/smoke-test") && steps("deploy").contains("helm rollback"));
    // Caches are written by anybody's pull request.
    assert!(!release.to_string().contains("actions/cache"));
}

#[test]
fn what_takes_long_is_done_once_a_run() {
    assert!(text(".ci/run").contains("make check-infra"));
    for name in names(".github/workflows") {
        let workflow = yaml(&format!(".github/workflows/{name}.yaml"));
        let steps = fields(&workflow["jobs"]).flat_map(|(_, job)| items(&job["steps"]));
        let runs: Vec<_> = steps.filter_map(|step| step["run"].as_str()).collect();
        assert!(!runs.iter().any(|run| run.contains("make check-infra")), "{name}: .ci/run has it");
        assert_eq!(runs.iter().filter(|run| run.contains(".ci/run")).count(), 1, "{name}");
    }
}
