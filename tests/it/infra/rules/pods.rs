//! Pods: what they may, what they ask for, and how many stay.

use serde_json::Value;

use super::{Checked, Pods, bytes};
use crate::infra::chart::Manifest;
use crate::infra::yaml::{at, fields, items, number, text, texts, with_field};

/// How many drain: what the server gives requests under way.
const DRAIN_SECONDS: i64 = 10;

pub(super) fn check(checked: &mut Checked<'_>) {
    for pods in Pods::of(checked.set) {
        restricted(checked, &pods);
        resources(checked, &pods);
        image(checked, &pods);
    }
    for pods in Pods::of_functions(checked.set).iter().filter(|pods| pods.owner.kind() == "Deployment") {
        stays(checked, pods);
        probes(checked, pods);
    }
    migrations(checked);
    secrets(checked);
    expected(checked);
}

/// As the Pod Security Standard `restricted` wants it, and more.
fn restricted(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let owner = pods.owner;
    for container in items(pods.spec, "containers").iter().chain(items(pods.spec, "initContainers")) {
        let security = at(container, "securityContext");
        let is = |path: &str, value: Value| at(security, path) == &value;
        checked.hold(owner, is("runAsNonRoot", true.into()), "it may run as root");
        checked.hold(owner, is("allowPrivilegeEscalation", false.into()), "it may get more privileges");
        checked.hold(owner, is("readOnlyRootFilesystem", true.into()), "it may write to its own image");
        checked.hold(owner, texts(security, "capabilities drop") == ["ALL"], "it has capabilities");
        checked.hold(owner, items(security, "capabilities add").is_empty(), "it gets capabilities");
        checked.hold(
            owner,
            text(security, "seccompProfile type") == "RuntimeDefault",
            "it may call all of the kernel: seccompProfile",
        );
        checked.hold(owner, at(security, "privileged") != &Value::Bool(true), "it is privileged");
        let user = number(security, "runAsUser");
        checked.hold(owner, user.is_some_and(|user| user > 0), "it runs as root");
    }
    for open in ["hostNetwork", "hostPID", "hostIPC"] {
        checked.hold(owner, at(pods.spec, open) != &Value::Bool(true), format!("it sees the node: {open}"));
    }
    checked.hold(owner, with_field(pods.spec, "hostPath").is_empty(), "it sees files of the node");
    let token = at(pods.spec, "automountServiceAccountToken");
    // Only what reads its one secret through Dapr.
    let may = pods.variable("DAPR_SECRET_STORE").is_some();
    checked.hold(owner, may || token == &Value::Bool(false), "it has a token of the cluster's API");
    let account = text(pods.spec, "serviceAccountName");
    checked.hold(
        owner,
        !account.is_empty() && account != "default",
        "it is somebody else to the cluster: serviceAccountName",
    );
}

fn resources(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let owner = pods.owner;
    for container in items(pods.spec, "containers") {
        let memory = |of: &str| bytes(text(container, &format!("resources {of} memory")));
        let (asks, most) = (memory("requests"), memory("limits"));
        checked.hold(owner, most.is_some(), "its memory has no bound");
        checked.hold(
            owner,
            asks.is_some() && asks <= most,
            "it asks for no memory, or more than it may have",
        );
        let cpu = text(container, "resources requests cpu");
        checked.hold(owner, !cpu.is_empty(), "it asks for no processor");
        if text(pods.metadata, "labels kaam/role") == "function" {
            let is_small = asks <= Some(64 << 20) && most <= Some(256 << 20) && most >= Some(64 << 20);
            checked.hold(owner, is_small, "a process of 5 MB asks for less than 64 MiB, and has 64 to 256");
        }
    }
}

fn image(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    for container in items(pods.spec, "containers") {
        let image = text(container, "image");
        let name = image.rsplit('/').next().unwrap_or_default();
        let is_told = name.contains(':') && !name.ends_with(":latest") || image.contains("@sha256:");
        checked.hold(pods.owner, is_told, format!("which {image:?} is meant changes with the day"));
        if text(pods.metadata, "labels kaam/role") == "function" {
            let program = name.split([':', '@']).next().unwrap_or_default();
            checked.hold(pods.owner, program == pods.owner.name(), format!("it runs {program}"));
        }
    }
}

/// Some stay while nodes are emptied, and while a version comes.
fn stays(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let owner = pods.owner;
    let name = owner.name();
    let least =
        match (checked.set.find("ScaledObject", name), checked.set.find("HorizontalPodAutoscaler", name)) {
            (Some(scaler), _) => number(&scaler.0, "spec minReplicaCount"),
            (_, Some(scaler)) => number(&scaler.0, "spec minReplicas"),
            _ => number(&owner.0, "spec replicas"),
        };
    let least = least.unwrap_or_default();
    let budget = checked.set.find("PodDisruptionBudget", name);
    checked.hold(
        owner,
        (least >= 2) == budget.is_some(),
        format!(
            "of {least} instances {}",
            if least >= 2 {
                "all may go at once: there is no PodDisruptionBudget"
            } else {
                "none may ever go"
            }
        ),
    );
    let spread = items(pods.spec, "topologySpreadConstraints");
    checked.hold(owner, !spread.is_empty(), "all its instances may be on one node");
    let unavailable = number(&owner.0, "spec strategy rollingUpdate maxUnavailable");
    checked.hold(owner, unavailable == Some(0), "a version that comes takes instances away first");
    let grace = number(pods.spec, "terminationGracePeriodSeconds").unwrap_or(30);
    checked.hold(owner, grace > DRAIN_SECONDS, "it is killed before requests under way are done");
    if let Some(scaler) = checked.set.find("HorizontalPodAutoscaler", name) {
        let bounds = (number(&scaler.0, "spec minReplicas"), number(&scaler.0, "spec maxReplicas"));
        checked.hold(scaler, bounds.0 >= Some(1) && bounds.0 <= bounds.1, "its bounds exclude each other");
        let is_fixed = !at(&owner.0, "spec replicas").is_null();
        checked.hold(scaler, !is_fixed, "the Deployment's replicas undo it with each upgrade");
        checked.hold(scaler, checked.set.find("ScaledObject", name).is_none(), "two scale the same");
    }
}

/// Probes ask what there is: /health, which touches nothing else, for life, and /ready for whether to send requests.
fn probes(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let container = pods.container();
    for (probe, wanted) in
        [("livenessProbe", "/health"), ("startupProbe", "/health"), ("readinessProbe", "/ready")]
    {
        let path = text(container, &format!("{probe} httpGet path"));
        checked.hold(pods.owner, path == wanted, format!("{probe} asks {path:?}, not {wanted}"));
        let port = text(container, &format!("{probe} httpGet port"));
        let is_there = items(container, "ports").iter().any(|known| text(known, "name") == port);
        checked.hold(pods.owner, is_there, format!("{probe} asks at {port:?}, where nothing is"));
    }
    // A check of the function's takes up to 2 s.
    let patience = number(container, "readinessProbe timeoutSeconds").unwrap_or(1);
    checked.hold(pods.owner, patience > 2, "readinessProbe gives up before /ready does");
    let port = number(container, "ports 0 containerPort").unwrap_or_default();
    checked.hold(
        pods.owner,
        pods.value("PORT").parse() == Ok(port),
        "it listens at another port than is named",
    );
    let named = items(container, "ports").iter().find(|port| text(port, "name") == "metrics");
    let metrics = named.and_then(|port| number(port, "containerPort"));
    checked.hold(
        pods.owner,
        pods.value("METRICS_PORT").parse().ok() == metrics,
        "its metrics are at another port than is named",
    );
}

fn migrations(checked: &mut Checked<'_>) {
    let Some(job) = checked.set.find("Job", "migrations") else {
        checked.wrong.push("nothing migrates the database".to_owned());
        return;
    };
    let hook = text(&job.0, "metadata annotations helm.sh/hook");
    checked.hold(job, hook == "pre-install,pre-upgrade", "the new version may meet the old schema");
    let arguments = texts(&job.0, "spec template spec containers 0 args");
    checked.hold(job, arguments == ["migrate", "--roles"], "it does not migrate, or grants nothing");
    let image = text(&job.0, "spec template spec containers 0 image");
    checked.hold(job, image.contains("/backend"), "only backend migrates");
    checked.hold(
        job,
        number(&job.0, "spec activeDeadlineSeconds").is_some(),
        "it may hold an upgrade up for ever",
    );
    let weight = |manifest: &Manifest| {
        number(&manifest.0, "metadata annotations helm.sh/hook-weight").unwrap_or_default()
    };
    let account = checked.set.find("ServiceAccount", "migrations");
    let is_before = account.is_some_and(|account| {
        weight(account) < weight(job) && !text(&account.0, "metadata annotations helm.sh/hook").is_empty()
    });
    checked.hold(job, is_before, "its account comes after it");
}

/// Nothing that is secret is in a manifest, where people are served.
fn secrets(checked: &mut Checked<'_>) {
    if !checked.set.is_production() {
        return;
    }
    for secret in checked.set.of("Secret") {
        // Where the model is, is none.
        let is_none = secret.name() == "ollama-config";
        checked.hold(secret, is_none, "a secret lies in the manifests");
    }
    for pods in Pods::of(checked.set) {
        for variable in items(pods.container(), "env") {
            let (name, value) = (text(variable, "name"), text(variable, "value"));
            let is_secret = [
                "PASSWORD",
                "SECRET",
                "TOKEN",
                "SIGNING_KEY",
                "PRIVATE_KEY",
                "API_KEY",
                "DATABASE_URL",
                "SMTP_URL",
            ]
            .iter()
            .any(|word| name.contains(word));
            // What these say is only where it is.
            let is_place =
                name == "DAPR_SECRET_STORE" || name.ends_with("_FILE") && value.starts_with("/etc/kaam/");
            checked.hold(pods.owner, !is_secret || is_place || value.is_empty(), format!("{name} lies open"));
        }
    }
}

/// Every function of the code is there, and nothing else.
fn expected(checked: &mut Checked<'_>) {
    let mut found: Vec<_> =
        Pods::of_functions(checked.set).iter().map(|pods| pods.owner.name().to_owned()).collect();
    found.sort_unstable();
    let mut wanted: Vec<String> = match checked.set.profile {
        "backend" => vec!["backend".to_owned()],
        _ => checked.code.functions.keys().map(|name| (*name).to_owned()).collect(),
    };
    // Only where its tokens are believed.
    let own = Pods::of_functions(checked.set).iter().any(|pods| !pods.value("JWT_JWKS_URL").is_empty());
    wanted.retain(|name| own || name != "sign-in");
    if found != wanted {
        checked.wrong.push(format!("deployed are {found:?}, and the code has {wanted:?}"));
    }
    for pods in Pods::of_functions(checked.set) {
        let label = fields(pods.metadata, "labels").find(|(name, _)| *name == "app.kubernetes.io/name");
        let is_named = label.is_some_and(|(_, name)| name == pods.owner.name());
        checked.hold(pods.owner, is_named, "its pods are not called as it is");
    }
}
