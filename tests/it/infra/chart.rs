//! The chart as Helm renders it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::yaml::text;

/// Every profile that functions are deployed by.
pub(super) const PROFILES: [&str; 3] = ["knative", "dapr", "backend"];
/// Every overlay.
pub(super) const OVERLAYS: [&str; 2] = ["local", "production"];
/// Where the functions are.
pub(super) const NAMESPACE: &str = "todo-app";

/// A manifest.
#[derive(Debug, Clone)]
pub(super) struct Manifest(pub(super) Value);

impl Manifest {
    /// Gives its kind; those of Knative that are called as Kubernetes' own are called otherwise.
    pub(super) fn kind(&self) -> &str {
        let kind = text(&self.0, "kind");
        if kind == "Service" && text(&self.0, "apiVersion").starts_with("serving.knative.dev/") {
            return "KnativeService";
        }
        kind
    }

    pub(super) fn name(&self) -> &str {
        text(&self.0, "metadata name")
    }

    /// Gives its kind and name: `Deployment/web`.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.kind(), self.name())
    }
}

/// What a profile and an overlay give, with the profile `data` of that overlay, which is there before.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) profile: &'static str,
    pub(super) overlay: &'static str,
    pub(super) manifests: Vec<Manifest>,
}

impl Rendered {
    /// Gives the manifests of a kind.
    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Manifest> {
        self.manifests.iter().filter(move |manifest| manifest.kind() == kind)
    }

    /// Gives a manifest by its kind and name.
    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Manifest> {
        self.manifests.iter().find(|manifest| manifest.kind() == kind && manifest.name() == name)
    }

    pub(super) fn is_production(&self) -> bool {
        self.overlay == "production"
    }
}

/// Gives what every profile and overlay give, rendered once; `None`, having said so, when this machine has no Helm.
///
/// # Panics
/// When there is none and `KAAM_REQUIRE_HELM` is 1, or when the chart can not be rendered.
pub(super) fn rendered() -> Option<&'static [Rendered]> {
    static ALL: OnceLock<Vec<Rendered>> = OnceLock::new();
    let helm = installed()?;
    Some(ALL.get_or_init(|| render_all(&helm)))
}

fn render_all(helm: &Path) -> Vec<Rendered> {
    let of = |overlay| PROFILES.map(|profile| render(helm, profile, overlay, &[]));
    OVERLAYS.into_iter().flat_map(of).collect()
}

/// Renders a profile, and `data` before it, with an overlay and other values.
///
/// # Panics
/// When it can not be rendered.
pub(super) fn render(helm: &Path, profile: &'static str, overlay: &'static str, values: &[&str]) -> Rendered {
    let of = |profile| template(helm, profile, overlay, values).unwrap_or_else(|error| panic!("{error}"));
    Rendered { profile, overlay, manifests: [of(profile), of("data")].concat() }
}

/// Renders a profile with an overlay and other values; the error is what Helm says.
pub(super) fn template(
    helm: &Path,
    profile: &str,
    overlay: &str,
    values: &[&str],
) -> Result<Vec<Manifest>, String> {
    let chart = chart();
    let mut command = Command::new(helm);
    command.arg("template").arg("kaam").arg(&chart).args([
        "--namespace",
        NAMESPACE,
        "--kube-version",
        "1.36",
    ]);
    command.arg("--values").arg(chart.join(format!("values-{overlay}.yaml")));
    if overlay == "production" {
        command.arg("--values").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("it/infra/operator.yaml"));
    }
    command.args(["--set", &format!("profile={profile}")]);
    for value in values {
        command.args(["--set", value]);
    }
    let said = command.output().expect("Helm runs");
    if !said.status.success() {
        return Err(format!("{profile}, {overlay}: {}", String::from_utf8_lossy(&said.stderr)));
    }
    let documents = String::from_utf8(said.stdout).expect("YAML is UTF-8");
    Ok(documents_of(&documents).into_iter().map(Manifest).collect())
}

/// Reads the documents of a YAML file that are not empty. `yes` is a text there, as it is to Kubernetes.
pub(super) fn documents_of(yaml: &str) -> Vec<Value> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(yaml, options).unwrap_or_else(|error| panic!("{error}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// Gives the folder of the chart.
pub(super) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/helm")
}

/// Gives where Helm is; `None`, having said so, when it is not.
#[expect(clippy::disallowed_methods, reason = "whether Helm is required is the tests' own setting")]
pub(super) fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/local/install-tool");
    let said = Command::new(script).args(["--path", "helm"]).output().expect("the script is there");
    let program = PathBuf::from(String::from_utf8(said.stdout).expect("a path in UTF-8").trim_end());
    if program.is_file() {
        return Some(program);
    }
    let required = std::env::var_os("KAAM_REQUIRE_HELM").is_some_and(|required| required == "1");
    assert!(
        !required,
        "KAAM_REQUIRE_HELM is 1, and there is no Helm; `infra/local/install-tool helm` builds it"
    );
    // Not by a macro, which would be heard of only when the test fails.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(
        std::io::stderr(),
        "{test}: left out what needs Helm; `infra/local/install-tool helm` builds it"
    );
    None
}
