//! The manifests of `infra/`: what schemas can not say of them, and whether they say of the functions what the code does.
//!
//! `chart` has Helm render them, `code` asks the code, `rules` hold the one against the other. That the rules notice anything is shown
//! by `mistakes`.

mod chart;
pub(crate) mod code;
mod mistakes;
mod rules;
mod table;
mod yaml;

use std::fs;

use chart::{NAMESPACE, chart, documents_of, installed, render, rendered};
use code::Code;
use yaml::{at, text};

#[tokio::test]
async fn every_profile_and_overlay_keeps_every_rule() {
    let Some(all) = rendered() else { return };
    let code = Code::read().await;
    let mut wrong = Vec::new();
    for set in all {
        let of = format!("{}, {}", set.profile, set.overlay);
        wrong.extend(rules::wrong_with(set, &code).into_iter().map(|what| format!("{of}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Other ways than those of the overlays.
const WAYS: [(&str, &[&str]); 15] = [
    // Somebody else's PostgreSQL, such as Neon.
    (
        "knative",
        &["database.provider=external", "database.host=ep-x.eu.neon.tech", "database.pooler.enabled=false"],
    ),
    ("dapr", &["database.provider=external", "database.host=db.example", "database.pooler.enabled=false"]),
    (
        "dapr",
        &[
            "dapr.stateStore=true",
            "dapr.secretStore=true",
            "dapr.ticks=binding",
            "dapr.schedule=@every 1m",
            "networkPolicy.apiServerNetworks={10.96.0.1/32}",
        ],
    ),
    ("dapr", &["auth.keys=issuer", "auth.oidcIssuer=https://id.kaam.test"]),
    ("knative", &["kafka.provider=external", "kafka.brokers=b-1.example:9093\\,b-2.example:9093"]),
    (
        "backend",
        &["kafka.provider=none", "backend.replicas=1", "ollama.enabled=false", "model.enabled=false"],
    ),
    ("knative", &["mail.kind=sendgrid", "ollama.enabled=false", "env.RATE_LIMIT_USER=100"]),
    // A cluster that vouches for itself, such as kind.
    (
        "knative",
        &[
            "auth.events.issuer=https://kubernetes.default.svc.cluster.local",
            "auth.events.trust=cluster",
            "networkPolicy.apiServerNetworks={10.0.0.0/24}",
        ],
    ),
    ("dapr", &["keda.sslmode=verify-full"]),
    // A collector of spans, inside and on the web.
    ("dapr", &["telemetry.endpoint=http://collector.monitoring.svc:4318", "telemetry.namespace=monitoring"]),
    ("knative", &["telemetry.endpoint=https://otlp.collector.test", "telemetry.headersSecret=telemetry"]),
    // What operators run once.
    ("knative", &["command={replay,task-events}"]),
    ("dapr", &["command={verify-audit}"]),
    ("backend", &["command={dead-letters}", "kafka.provider=none"]),
    (
        "backend",
        &["env.RATE_LIMIT_SIGN_IN=10", "env.QUOTA_OPEN_TASKS=500", "env.QUOTA_MODEL_CALLS_PER_DAY=50"],
    ),
];

#[tokio::test]
async fn other_ways_than_those_of_the_overlays_keep_every_rule() {
    let Some(helm) = installed() else { return };
    let code = Code::read().await;
    let mut wrong = Vec::new();
    for (profile, values) in WAYS {
        let set = render(&helm, profile, "production", values);
        let found = rules::wrong_with(&set, &code).into_iter();
        wrong.extend(found.map(|what| format!("{profile}, {values:?}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What Redpanda's chart does not say of itself, and the namespace wants of every container; its names are those of the chart that is named.
#[test]
fn redpanda_is_let_into_the_namespace_of_kafka() {
    let file = fs::read_to_string(chart().join("../kafka/redpanda.yaml")).expect("the file is there");
    assert!(file.contains("redpanda/redpanda --version "), "of which chart?");
    let values = &documents_of(&file)[0];
    assert_eq!(at(values, "tuning tune_aio_events"), &false, "the init container is privileged");
    for (path, containers) in [
        (
            "statefulset podTemplate spec",
            &["redpanda", "sidecar", "redpanda-configurator", "bootstrap-yaml-envsubst"][..],
        ),
        ("post_install_job podTemplate spec", &["post-install", "bootstrap-yaml-envsubst"]),
    ] {
        let pods = at(values, path);
        let own = text(pods, "securityContext seccompProfile type");
        let all = text(values, "podTemplate spec securityContext seccompProfile type");
        assert!([own, all].contains(&"RuntimeDefault"), "{path}");
        let given = [yaml::items(pods, "containers"), yaml::items(pods, "initContainers")].concat();
        for name in containers {
            let container = given.iter().find(|container| text(container, "name") == *name);
            let security = at(container.unwrap_or_else(|| panic!("{path}: {name}")), "securityContext");
            assert_eq!(at(security, "allowPrivilegeEscalation"), &false, "{path}: {name}");
            assert_eq!(text(security, "capabilities drop 0"), "ALL", "{path}: {name}");
        }
    }
}

#[test]
fn namespaces_let_in_what_is_restricted_alone() {
    let file = chart().join("../namespaces.yaml");
    let documents = documents_of(&fs::read_to_string(file).expect("the file is there"));
    for name in [NAMESPACE, "kafka"] {
        let namespace = documents.iter().find(|document| text(document, "metadata name") == name);
        let labels = at(namespace.expect("it is there"), "metadata labels");
        assert_eq!(text(labels, "pod-security.kubernetes.io/enforce"), "restricted", "{name}");
    }
}
