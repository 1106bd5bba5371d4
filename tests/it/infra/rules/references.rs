//! Whatever names something names what is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Checked, Pods};
use crate::infra::chart::{Manifest, NAMESPACE, Rendered};
use crate::infra::yaml::{at, fields, items, number, text, texts, with_field};

/// What entries of a store that are taken as they are have to have, as the chart's README lists it.
const EXTRACTED: [(&str, &[&str]); 7] = [
    ("telemetry", &["OTEL_EXPORTER_OTLP_HEADERS"]),
    ("kaam-identity", &["EVENTS_TOKEN", "LINK_SECRET", "SIGNING_KEY", "SIGNING_KEY_PREVIOUS", "JWT_SECRET"]),
    ("email-credentials", &["SMTP_URL", "SENDGRID_API_KEY", "VAPID_PRIVATE_KEY"]),
    ("ollama-config", &["OLLAMA_URL", "OLLAMA_MODEL"]),
    ("dapr-api-token", &["token"]),
    ("dapr-app-token", &["token"]),
    ("database-backup", &["ACCESS_KEY_ID", "ACCESS_SECRET_KEY"]),
];

pub(super) fn check(checked: &mut Checked<'_>) {
    let secrets = secrets(checked.set);
    for manifest in &checked.set.manifests {
        secret_references(checked, manifest, &secrets);
        sinks(checked, manifest);
    }
    for pods in Pods::of(checked.set) {
        let account = text(pods.spec, "serviceAccountName");
        checked.hold(
            pods.owner,
            checked.set.find("ServiceAccount", account).is_some(),
            format!("there is no account {account}"),
        );
        for (key, of) in [("app-token-secret", "token"), ("api-token-secret", "token")] {
            let name = pods.annotation(&format!("dapr.io/{key}"));
            if !name.is_empty() {
                checked.hold(
                    pods.owner,
                    secrets
                        .get(&(NAMESPACE.to_owned(), name.to_owned()))
                        .is_some_and(|keys| keys.contains(of)),
                    format!("there is no secret {name} with {of}"),
                );
            }
        }
        let configuration = pods.annotation("dapr.io/config");
        if !configuration.is_empty() {
            checked.hold(
                pods.owner,
                checked.set.find("Configuration", configuration).is_some(),
                format!("there is no configuration {configuration}"),
            );
        }
        for mount in items(pods.container(), "volumeMounts") {
            let name = text(mount, "name");
            let is_there = items(pods.spec, "volumes").iter().any(|volume| text(volume, "name") == name);
            checked.hold(pods.owner, is_there, format!("there is no volume {name}"));
        }
        for (volume, _) in with_field(pods.spec, "claimName") {
            let name = text(&Value::Object(volume.clone()), "claimName").to_owned();
            checked.hold(
                pods.owner,
                checked.set.find("PersistentVolumeClaim", &name).is_some(),
                format!("there is no claim {name}"),
            );
        }
        // What is believed has to be where the variable says.
        let paths = items(pods.container(), "env")
            .iter()
            .filter(|variable| text(variable, "name").ends_with("_FILE"));
        for path in paths.map(|variable| text(variable, "value")) {
            let is_mounted = items(pods.container(), "volumeMounts")
                .iter()
                .any(|mount| path.starts_with(&format!("{}/", text(mount, "mountPath"))));
            checked.hold(pods.owner, is_mounted, format!("nothing is mounted at {path}"));
        }
    }
    named(checked, "ScaledObject", "spec scaleTargetRef name", &["Deployment"]);
    named(checked, "HorizontalPodAutoscaler", "spec scaleTargetRef name", &["Deployment"]);
    named(checked, "Subscription", "spec pubsubname", &["Component"]);
    named(checked, "Pooler", "spec cluster name", &["Cluster"]);
    named(checked, "ScheduledBackup", "spec cluster name", &["Cluster"]);
    named(checked, "RoleBinding", "roleRef name", &["Role"]);
    for scaler in checked.set.of("ScaledObject") {
        for trigger in items(&scaler.0, "spec triggers") {
            let name = text(trigger, "authenticationRef name");
            let is_there = name.is_empty() || checked.set.find("TriggerAuthentication", name).is_some();
            checked.hold(scaler, is_there, format!("there is no TriggerAuthentication {name}"));
        }
    }
    for component in checked.set.of("Component") {
        let store = text(&component.0, "auth secretStore");
        let is_there = ["", "kubernetes"].contains(&store) || checked.set.find("Component", store).is_some();
        checked.hold(component, is_there, format!("there is no secret store {store}"));
    }
    scopes(checked);
    resiliency(checked);
    selectors(checked);
    routes(checked);
}

/// Gives the keys of each secret, by namespace and name.
fn secrets(set: &Rendered) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut secrets: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for manifest in &set.manifests {
        let namespace = text(&manifest.0, "metadata namespace").to_owned();
        let keys = match manifest.kind() {
            "Secret" => fields(&manifest.0, "stringData").map(|(key, _)| key.to_owned()).collect(),
            "ExternalSecret" => {
                let mut keys: BTreeSet<_> =
                    fields(&manifest.0, "spec target template data").map(|(key, _)| key.to_owned()).collect();
                if keys.is_empty() {
                    keys.extend(
                        items(&manifest.0, "spec data").iter().map(|data| text(data, "secretKey").to_owned()),
                    );
                }
                if !items(&manifest.0, "spec dataFrom").is_empty() {
                    let known = EXTRACTED.iter().find(|(name, _)| *name == manifest.name());
                    keys.extend(known.map_or(&[][..], |(_, keys)| keys).iter().map(|key| (*key).to_owned()));
                }
                keys
            }
            // CloudNativePG makes one with its authority.
            "Cluster" => {
                secrets.insert((namespace, format!("{}-ca", manifest.name())), ["ca.crt".to_owned()].into());
                continue;
            }
            _ => continue,
        };
        let name = match text(&manifest.0, "spec target name") {
            "" => manifest.name(),
            target => target,
        };
        secrets.insert((namespace, name.to_owned()), keys);
    }
    secrets
}

fn secret_references(
    checked: &mut Checked<'_>,
    manifest: &Manifest,
    secrets: &BTreeMap<(String, String), BTreeSet<String>>,
) {
    let namespace = text(&manifest.0, "metadata namespace").to_owned();
    let mut hold = |name: &str, key: Option<&str>, is_optional: bool| {
        let found = secrets.get(&(namespace.clone(), name.to_owned()));
        let is_there = found.is_some_and(|keys| key.is_none_or(|key| keys.contains(key)));
        checked.hold(
            manifest,
            is_there || is_optional,
            format!("there is no secret {name} with {}", key.unwrap_or("anything")),
        );
    };
    for (_, reference) in with_field(&manifest.0, "secretKeyRef") {
        hold(
            text(reference, "name"),
            Some(text(reference, "key")),
            at(reference, "optional") == &Value::Bool(true),
        );
    }
    for (_, volume) in with_field(&manifest.0, "secret") {
        // That of a volume, or a source of one.
        let name = match text(volume, "secretName") {
            "" if at(volume, "items").is_array() => text(volume, "name"),
            name => name,
        };
        if !name.is_empty() {
            for item in items(volume, "items") {
                hold(name, Some(text(item, "key")), false);
            }
            hold(name, None, false);
        }
        // KafkaSink's.
        let name = text(volume, "ref name");
        if !name.is_empty() {
            for key in ["protocol", "sasl.mechanism", "user", "password", "ca.crt"] {
                hold(name, Some(key), false);
            }
        }
    }
    for (_, reference) in with_field(&manifest.0, "passwordSecret") {
        hold(text(reference, "name"), Some("password"), false);
    }
    for target in items(&manifest.0, "spec secretTargetRef") {
        hold(text(target, "name"), Some(text(target, "key")), false);
    }
    for (_, credentials) in with_field(&manifest.0, "s3Credentials") {
        for (_, reference) in fields(credentials, "") {
            hold(text(reference, "name"), Some(text(reference, "key")), false);
        }
    }
    if manifest.kind() == "Cluster" {
        hold(text(&manifest.0, "spec bootstrap initdb secret name"), Some("password"), false);
    }
}

/// Where events go is there.
fn sinks(checked: &mut Checked<'_>, manifest: &Manifest) {
    for field in ["sink", "deadLetterSink", "subscriber"] {
        for (_, sink) in with_field(&manifest.0, field) {
            let (kind, name) = (text(sink, "ref kind"), text(sink, "ref name"));
            let kind = if kind == "Service" { "KnativeService" } else { kind };
            checked.hold(
                manifest,
                checked.set.find(kind, name).is_some(),
                format!("its {field} {kind} {name} is not there"),
            );
        }
    }
}

fn named(checked: &mut Checked<'_>, kind: &str, path: &str, of: &[&str]) {
    for manifest in checked.set.of(kind) {
        let name = text(&manifest.0, path);
        let is_there = of.iter().any(|of| checked.set.find(of, name).is_some());
        checked.hold(manifest, is_there, format!("there is no {} {name}", of.join(" or ")));
    }
}

/// Scopes are app-ids.
fn scopes(checked: &mut Checked<'_>) {
    let pods = Pods::of_functions(checked.set);
    let ids: BTreeSet<_> = pods.iter().map(|pods| pods.annotation("dapr.io/app-id")).collect();
    for kind in ["Component", "Subscription"] {
        for manifest in checked.set.of(kind) {
            for scope in texts(&manifest.0, "scopes") {
                checked.hold(manifest, ids.contains(scope), format!("there is no app {scope}"));
            }
        }
    }
}

fn resiliency(checked: &mut Checked<'_>) {
    for resiliency in checked.set.of("Resiliency") {
        for (component, target) in fields(&resiliency.0, "spec targets components") {
            checked.hold(
                resiliency,
                checked.set.find("Component", component).is_some(),
                format!("there is no component {component}"),
            );
            for (_, policies) in fields(target, "") {
                for (kind, name) in fields(policies, "") {
                    let family = match kind {
                        "retry" => "retries",
                        "timeout" => "timeouts",
                        _ => "circuitBreakers",
                    };
                    let name = name.as_str().unwrap_or_default();
                    let is_there = !at(&resiliency.0, &format!("spec policies {family} {name}")).is_null();
                    checked.hold(resiliency, is_there, format!("there is no policy {name}"));
                }
            }
        }
    }
}

/// Selectors find pods.
fn selectors(checked: &mut Checked<'_>) {
    let pods = Pods::of(checked.set);
    for kind in ["Service", "PodDisruptionBudget"] {
        for manifest in checked.set.of(kind) {
            let selector = if kind == "Service" { "spec selector" } else { "spec selector matchLabels" };
            let found = pods.iter().filter(|pods| {
                let labels = at(pods.metadata, "labels");
                pods.owner.kind() == "Deployment"
                    && fields(&manifest.0, selector).all(|(name, value)| labels.get(name) == Some(value))
            });
            let found: Vec<_> = found.collect();
            checked.hold(
                manifest,
                found.len() == 1,
                format!("it selects the pods of {} Deployments", found.len()),
            );
            let Some(pods) = found.first().filter(|_| kind == "Service") else { continue };
            for port in items(&manifest.0, "spec ports") {
                let target = text(port, "targetPort");
                let is_there =
                    items(pods.container(), "ports").iter().any(|known| text(known, "name") == target);
                checked.hold(manifest, is_there, format!("its pods have no port {target:?}"));
            }
        }
    }
    for deployment in checked.set.of("Deployment") {
        let labels = at(&deployment.0, "spec template metadata labels");
        let is_own = fields(&deployment.0, "spec selector matchLabels")
            .all(|(name, value)| labels.get(name) == Some(value));
        checked.hold(deployment, is_own, "it does not select its own pods");
    }
}

/// What the route leads to is there.
fn routes(checked: &mut Checked<'_>) {
    for route in checked.set.of("HTTPRoute") {
        for backend in items(&route.0, "spec rules").iter().flat_map(|rule| items(rule, "backendRefs")) {
            let (namespace, name, port) =
                (text(backend, "namespace"), text(backend, "name"), number(backend, "port"));
            if namespace.is_empty() {
                let service = checked.set.find("Service", name);
                let is_there = service.is_some_and(|service| {
                    items(&service.0, "spec ports").iter().any(|known| number(known, "port") == port)
                });
                checked.hold(route, is_there, format!("there is no service {name} at {port:?}"));
            } else {
                let grants = checked.set.of("ReferenceGrant").any(|grant| {
                    text(&grant.0, "metadata namespace") == namespace
                        && text(&grant.0, "spec to 0 name") == name
                        && text(&grant.0, "spec from 0 namespace") == NAMESPACE
                });
                checked.hold(route, grants, format!("{namespace} does not let the route in: ReferenceGrant"));
            }
        }
    }
}
