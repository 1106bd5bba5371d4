//! Sidecars of Dapr, and what they read: most of it is neither refused nor told of when it is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use events::Topic;
use events::topic::dead_letters_of;
use serde_json::Value;

use super::{Checked, Pods, bytes, go_seconds, wrong_with_cron};
use crate::infra::chart::{Manifest, documents_of};
use crate::infra::yaml::{at, fields, items, number, text, texts};

/// What a component may be told, by its type and version, as the components of Dapr 1.18 read it.
const METADATA: [(&str, &str, &[&str]); 4] = [
    (
        "pubsub.kafka",
        "v1",
        &[
            "brokers",
            "authType",
            "saslMechanism",
            "saslUsername",
            "saslPassword",
            "caCert",
            "clientCert",
            "clientKey",
            "skipVerify",
            "disableTls",
            "consumerGroup",
            "consumerID",
            "clientID",
            "initialOffset",
            "maxMessageBytes",
            "consumeRetryEnabled",
            "consumeRetryInterval",
            "version",
            "sessionTimeout",
            "heartbeatInterval",
            "channelBufferSize",
            "consumerFetchMin",
            "consumerFetchDefault",
            "clientConnectionTopicMetadataRefreshInterval",
            "clientConnectionKeepAliveInterval",
            "escapeHeaders",
        ],
    ),
    (
        "state.postgresql",
        "v2",
        &[
            "connectionString",
            "tablePrefix",
            "metadataTableName",
            "timeout",
            "cleanupInterval",
            "maxConns",
            "connectionMaxIdleTime",
            "queryExecMode",
        ],
    ),
    ("bindings.cron", "v1", &["schedule", "direction", "route"]),
    ("secretstores.kubernetes", "v1", &["defaultNamespace", "kubeconfigPath"]),
];
/// What a pod may tell the injector.
const ANNOTATIONS: [&str; 25] = [
    "enabled",
    "app-id",
    "app-port",
    "app-protocol",
    "config",
    "log-as-json",
    "metrics-port",
    "app-token-secret",
    "api-token-secret",
    "sidecar-listen-addresses",
    "enable-app-health-check",
    "app-health-check-path",
    "app-health-probe-interval",
    "app-health-probe-timeout",
    "app-health-threshold",
    "app-max-concurrency",
    "sidecar-cpu-request",
    "sidecar-cpu-limit",
    "sidecar-memory-request",
    "sidecar-memory-limit",
    "sidecar-seccomp-profile-type",
    "disable-builtin-k8s-secret-store",
    "volume-mounts",
    "graceful-shutdown-seconds",
    "block-shutdown-duration",
];
/// Ports of the sidecar in the pod.
const PORTS: [i64; 5] = [3500, 3501, 50001, 50002, 9090];

pub(super) fn check(checked: &mut Checked<'_>) {
    if checked.set.profile != "dapr" {
        for kind in ["Component", "Subscription", "Resiliency", "Configuration"] {
            for found in checked.set.of(kind) {
                checked.say(found, "profiles are mixed: it is of Dapr");
            }
        }
        for pods in Pods::of(checked.set) {
            let has_any = fields(pods.metadata, "annotations").any(|(name, _)| name.starts_with("dapr.io/"));
            checked.hold(pods.owner, !has_any, "profiles are mixed: a sidecar is beside it");
        }
        return;
    }
    for pods in Pods::of_functions(checked.set) {
        sidecar(checked, &pods);
    }
    for component in checked.set.of("Component") {
        self::component(checked, component);
    }
    for subscription in checked.set.of("Subscription") {
        self::subscription(checked, subscription);
    }
    subscribed(checked);
    configuration(checked);
    resiliency(checked);
}

fn sidecar(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let function = pods.owner;
    let Some(code) = checked.code.functions.get(function.name()) else { return };
    let is_on_the_bus = code.ticks || !code.receives.is_empty();
    checked.hold(function, !is_on_the_bus || pods.has_sidecar(), "what takes events or ticks has no sidecar");
    if !pods.has_sidecar() {
        return;
    }
    for (name, value) in fields(pods.metadata, "annotations") {
        let Some(key) = name.strip_prefix("dapr.io/") else { continue };
        checked.hold(function, value.is_string(), format!("{name} is not a text"));
        checked.hold(function, ANNOTATIONS.contains(&key), format!("the injector leaves {name} unread"));
    }
    let annotation = |key: &str| pods.annotation(&format!("dapr.io/{key}"));
    checked.hold(
        function,
        annotation("app-id") == function.name(),
        "its app-id is not its name, which is its consumer group",
    );
    let port = number(pods.container(), "ports 0 containerPort").unwrap_or_default();
    checked.hold(
        function,
        annotation("app-port").parse() == Ok(port),
        "app-port is not where the function listens",
    );
    let metrics: i64 = pods.value("METRICS_PORT").parse().unwrap_or_default();
    let is_free = !PORTS.contains(&port) && !PORTS.contains(&metrics);
    checked.hold(function, is_free, "the function listens on a port of its sidecar");
    checked.hold(function, annotation("app-protocol") == "http", "the function speaks http");
    checked.hold(
        function,
        annotation("app-health-check-path") == "/health",
        "/ready is 503 without the database: the sidecar would stop bringing events that wait",
    );
    for (key, range) in [
        ("app-health-probe-interval", 1..=60),
        ("app-health-threshold", 1..=100),
        ("app-max-concurrency", 1..=1000),
        ("graceful-shutdown-seconds", 1..=600),
    ] {
        let is_sound = annotation(key).parse().is_ok_and(|value: i64| range.contains(&value));
        checked.hold(function, is_sound, format!("{key} is {:?}", annotation(key)));
    }
    let timeout = annotation("app-health-probe-timeout").parse().unwrap_or(0);
    let interval = annotation("app-health-probe-interval").parse().unwrap_or(0);
    checked.hold(
        function,
        (1..interval * 1000).contains(&timeout),
        "app-health-probe-timeout (ms) is not below its interval",
    );
    let block = go_seconds(annotation("block-shutdown-duration")).unwrap_or(f64::MAX);
    let grace = number(pods.spec, "terminationGracePeriodSeconds").unwrap_or(30);
    checked.hold(
        function,
        block < grace as f64,
        "the sidecar is killed before it may stop: block-shutdown-duration",
    );
    checked.hold(
        function,
        bytes(annotation("sidecar-memory-limit")).is_some(),
        "its sidecar's memory has no bound",
    );
    let keeps_state = checked.set.find("Component", "statestore");
    let keeps_state = keeps_state.is_some_and(|store| texts(&store.0, "scopes").contains(&function.name()));
    let has_authority =
        items(pods.spec, "volumes").iter().any(|volume| text(volume, "name") == "database-ca");
    let is_mounted = annotation("volume-mounts") == "database-ca:/etc/kaam/database";
    let is_sound = is_mounted == (keeps_state && has_authority);
    checked.hold(function, is_sound, "its sidecar can not read the certificate of its store: volume-mounts");
    // Both know each other by tokens.
    for (key, variable) in [("app-token-secret", "APP_API_TOKEN"), ("api-token-secret", "DAPR_API_TOKEN")] {
        let secret =
            pods.variable(variable).map_or("", |variable| text(variable, "valueFrom secretKeyRef name"));
        let is_same = !secret.is_empty() && secret == annotation(key);
        checked.hold(
            function,
            is_same,
            format!("{variable} is of {secret:?}, and the sidecar's {key} of {:?}", annotation(key)),
        );
    }
    if code.ticks {
        let is_binding = checked.set.find("Component", "ticks").is_some();
        let schedule = pods.value("DAPR_SCHEDULE");
        checked.hold(
            function,
            is_binding == (schedule == "binding"),
            "a cron binding and the schedule of a job exclude each other",
        );
        if schedule != "binding"
            && let Some(wrong) = wrong_with_cron(schedule, true)
        {
            checked.say(function, wrong);
        }
    }
}

fn component(checked: &mut Checked<'_>, component: &Manifest) {
    let spec = at(&component.0, "spec");
    let (kind, version) = (text(spec, "type"), text(spec, "version"));
    let known = METADATA.iter().find(|(known, of, _)| (*known, *of) == (kind, version));
    let Some((_, _, keys)) = known else {
        checked.say(component, format!("there is no component {kind} {version}"));
        return;
    };
    let value = |name: &str| items(spec, "metadata").iter().find(|entry| text(entry, "name") == name);
    for entry in items(spec, "metadata") {
        let name = text(entry, "name");
        checked.hold(component, keys.contains(&name), format!("{kind} leaves {name} unread"));
        let secret = at(entry, "secretKeyRef").is_object();
        let is_one = at(entry, "value").is_string() != secret;
        checked.hold(component, is_one, format!("{name} is neither a text nor of a secret"));
        let is_secret = ["saslPassword", "connectionString", "clientKey"].contains(&name);
        checked.hold(component, !is_secret || secret, format!("{name} lies open"));
    }
    let has_secret = items(spec, "metadata").iter().any(|entry| at(entry, "secretKeyRef").is_object());
    let store = text(&component.0, "auth secretStore");
    checked.hold(component, !has_secret || !store.is_empty(), "nobody says which store its secrets are in");
    let scopes = texts(&component.0, "scopes");
    checked.hold(component, !scopes.is_empty(), "it is everybody's: it has no scopes");
    match kind {
        "pubsub.kafka" => {
            bus(checked, component, &|name| value(name).map_or("", |entry| text(entry, "value")))
        }
        "bindings.cron" => {
            let text = |name| value(name).map_or("", |entry| text(entry, "value"));
            if let Some(wrong) = wrong_with_cron(text("schedule"), true) {
                checked.say(component, wrong);
            }
            checked.hold(component, text("route") == "/dapr/cron", "its route is not /dapr/cron");
            let ticked = checked.code.functions.iter().filter(|(_, function)| function.ticks);
            let ticked: BTreeSet<_> = ticked.map(|(name, _)| *name).collect();
            checked.hold(
                component,
                scopes.iter().copied().collect::<BTreeSet<_>>() == ticked,
                "who ticks in the code is not who is ticked",
            );
        }
        _ => {}
    }
}

fn bus<'a>(checked: &mut Checked<'_>, component: &Manifest, value: &dyn Fn(&str) -> &'a str) {
    let scopes = texts(&component.0, "scopes");
    let function = scopes.first().copied().unwrap_or_default();
    checked.hold(component, scopes.len() == 1, "several functions would be one user of Kafka");
    checked.hold(
        component,
        value("consumerGroup") == function,
        "its consumer group is not its function's name",
    );
    // What infra/dapr says, on which the tests run real sidecars.
    let proven = proven("components/pubsub.yaml");
    for entry in items(&proven[0], "spec metadata") {
        let (name, proven) = (text(entry, "name"), text(entry, "value"));
        let own = ["brokers", "authType"].contains(&name);
        checked.hold(
            component,
            own || value(name) == proven,
            format!("{name} is {:?}, and {proven:?} is what is proven", value(name)),
        );
    }
    if checked.set.is_production() {
        let is_signed_in = value("authType") == "password"
            && value("saslMechanism") == "SHA-512"
            && value("disableTls") != "true"
            && value("skipVerify") != "true";
        checked.hold(component, is_signed_in, "it reaches Kafka without TLS or a password");
        checked.hold(
            component,
            value("saslUsername") == function,
            "it is another user of Kafka than its function",
        );
    }
}

/// Gives the documents of a file of infra/dapr.
fn proven(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/dapr").join(file);
    documents_of(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn subscription(checked: &mut Checked<'_>, subscription: &Manifest) {
    let spec = at(&subscription.0, "spec");
    let version = text(&subscription.0, "apiVersion");
    checked.hold(subscription, version == "dapr.io/v2alpha1", format!("{version} is outdated"));
    let topic = text(spec, "topic");
    checked.hold(subscription, Topic::parse(topic).is_some(), format!("there is no topic {topic:?}"));
    let dead = text(spec, "deadLetterTopic");
    checked.hold(
        subscription,
        dead == dead_letters_of(topic),
        format!("what can not be delivered goes to {dead:?}, not to the dead letters of {topic}"),
    );
    let route = text(spec, "routes default");
    checked.hold(
        subscription,
        route == format!("/dapr/events/{topic}"),
        format!("nothing answers at {route:?}"),
    );
    let component = checked.set.find("Component", text(spec, "pubsubname"));
    let of = component.map_or(Vec::new(), |component| texts(&component.0, "scopes"));
    let is_same = of == texts(&subscription.0, "scopes");
    checked.hold(subscription, is_same, "it is not of the function whose component it is on");
}

/// Each topic that a function takes in the code is subscribed to by it, and no other.
fn subscribed(checked: &mut Checked<'_>) {
    for (name, function) in &checked.code.functions {
        let own = checked
            .set
            .of("Subscription")
            .filter(|subscription| texts(&subscription.0, "scopes").contains(name));
        let mut subscribed: Vec<_> = own.map(|subscription| text(&subscription.0, "spec topic")).collect();
        subscribed.sort_unstable();
        let mut wanted = function.receives.clone();
        wanted.sort_unstable();
        if subscribed != wanted {
            checked
                .wrong
                .push(format!("{name} takes {wanted:?} in the code, and subscribes to {subscribed:?}"));
        }
    }
    for pods in Pods::of_functions(checked.set) {
        let named = pods.value("DAPR_PUBSUB");
        if !named.is_empty() {
            let component = checked.set.find("Component", named);
            let is_own =
                component.is_some_and(|component| texts(&component.0, "scopes").contains(&pods.owner.name()));
            checked.hold(pods.owner, is_own, format!("DAPR_PUBSUB is {named:?}, which is not its own"));
        } else if let Some(function) = checked.code.functions.get(pods.owner.name()) {
            checked.hold(
                pods.owner,
                function.receives.is_empty(),
                "it takes events, and no component brings them: DAPR_PUBSUB",
            );
        }
    }
}

fn configuration(checked: &mut Checked<'_>) {
    for configuration in checked.set.of("Configuration") {
        let spec = at(&configuration.0, "spec");
        checked.hold(
            configuration,
            at(spec, "mtls enabled") == &Value::Bool(true),
            "sidecars trust each other without a certificate: mtls",
        );
        let control = at(spec, "accessControl");
        // What infra/dapr says, on which the tests run real sidecars.
        let proven = proven("configuration.yaml");
        let is_denied = text(control, "defaultAction") == "deny"
            && text(control, "defaultAction") == text(&proven[0], "spec accessControl defaultAction")
            && items(control, "policies").is_empty();
        checked.hold(configuration, is_denied, "any app may invoke any other: accessControl");
        let allowed = items(spec, "api allowed");
        checked.hold(
            configuration,
            !allowed.is_empty(),
            "a function may do all with its sidecar: api.allowed",
        );
        for api in allowed {
            let is_proven = items(&proven[0], "spec api allowed").contains(api);
            checked.hold(configuration, is_proven, format!("nobody uses {:?}", text(api, "name")));
        }
        for scope in items(spec, "secrets scopes") {
            checked.hold(
                configuration,
                text(scope, "defaultAccess") == "deny",
                "every secret is open: secrets.scopes",
            );
        }
    }
}

fn resiliency(checked: &mut Checked<'_>) {
    let proven = proven("resiliency.yaml");
    let proven = at(&proven[0], "spec policies retries");
    let buses: Vec<_> = checked
        .set
        .of("Component")
        .filter(|component| text(&component.0, "spec type") == "pubsub.kafka")
        .map(Manifest::name)
        .collect();
    for resiliency in checked.set.of("Resiliency") {
        let spec = at(&resiliency.0, "spec");
        checked.hold(
            resiliency,
            at(spec, "policies retries") == proven,
            "its policies are not those of infra/dapr",
        );
        for policy in fields(spec, "policies retries") {
            let kind = text(policy.1, "policy");
            checked.hold(
                resiliency,
                ["constant", "exponential"].contains(&kind),
                format!("there is no policy {kind:?}"),
            );
            checked.hold(
                resiliency,
                go_seconds(text(policy.1, "duration")).is_some(),
                format!("the duration of {} is none", policy.0),
            );
        }
        for bus in &buses {
            let policy = text(spec, &format!("targets components {bus} inbound retry"));
            checked.hold(
                resiliency,
                policy == "until-taken",
                format!("what {bus} brings is a dead letter after one try"),
            );
        }
    }
}
