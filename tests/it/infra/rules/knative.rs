//! Services of Knative: what its webhook and its autoscaler would refuse, or quietly take for something else.

use super::{Checked, Pods, go_seconds};
use crate::infra::yaml::{at, fields, items, number, text, with_field};

/// Ports that belong to Knative's proxy in the pod.
const RESERVED_PORTS: [i64; 7] = [8008, 8012, 8013, 8022, 8112, 9090, 9091];
/// Variables that Knative sets itself.
const RESERVED_VARIABLES: [&str; 4] = ["PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"];
/// What of a pod is off unless the cluster has a flag.
const FLAGGED: [&str; 11] = [
    "securityContext",
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "initContainers",
    "priorityClassName",
    "hostAliases",
    "dnsConfig",
    "dnsPolicy",
    "runtimeClassName",
];
const SCALING: &str = "autoscaling.knative.dev/";
const PROXY: &str = "queue.sidecar.serving.knative.dev/";

pub(super) fn check(checked: &mut Checked<'_>) {
    for service in checked.set.of("KnativeService") {
        let pods = Pods {
            owner: service,
            metadata: at(&service.0, "spec template metadata"),
            spec: at(&service.0, "spec template spec"),
        };
        annotations(checked, &pods);
        pod(checked, &pods);
        container(checked, &pods);
        let visibility = text(&service.0, "metadata labels networking.knative.dev/visibility");
        checked.hold(service, visibility == "cluster-local", "it has a host of its own, past the route");
        for (name, _) in fields(&service.0, "metadata annotations") {
            let is_scaling = name.starts_with(SCALING);
            checked.hold(service, !is_scaling, format!("{name} is for the template, where it has an effect"));
        }
        // What Knative owns is Knative's.
        for kind in ["PodDisruptionBudget", "HorizontalPodAutoscaler", "ScaledObject"] {
            if checked.set.find(kind, service.name()).is_some() {
                checked.say(service, format!("a {kind} is on what Knative owns"));
            }
        }
    }
}

fn annotations(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let service = pods.owner;
    for (name, value) in fields(pods.metadata, "annotations") {
        let Some(value) = value.as_str() else {
            checked.say(service, format!("{name} is not a text"));
            continue;
        };
        if name.starts_with("dapr.io/") {
            checked.say(service, "a sidecar of Dapr is beside Knative's proxy");
        }
        if let Some(key) = name.strip_prefix(SCALING) {
            let is_sound = is_sound(key, value);
            checked.hold(
                service,
                is_sound,
                format!("{name} is {value:?}, which Knative does not know or take"),
            );
        } else if let Some(key) = name.strip_prefix(PROXY) {
            let keys = [
                "cpu-resource-request",
                "cpu-resource-limit",
                "memory-resource-request",
                "memory-resource-limit",
            ];
            checked.hold(service, keys.contains(&key), format!("{name} is nothing of the proxy's"));
        }
    }
    let scale = |key: &str| pods.annotation(&format!("{SCALING}{key}")).parse::<i64>().ok();
    let (least, most) = (scale("min-scale"), scale("max-scale"));
    checked.hold(
        service,
        most.is_some_and(|most| most > 0),
        "max-scale is missing: nothing bounds its connections",
    );
    checked.hold(service, least <= most, "min-scale is above max-scale");
    let request = pods.annotation(&format!("{PROXY}memory-resource-request"));
    let request = super::bytes(request);
    checked.hold(
        service,
        request.is_some_and(|bytes| bytes <= 64 << 20),
        "the proxy asks for more memory than the function",
    );
}

/// Says whether a key of the autoscaler may have a value.
fn is_sound(key: &str, value: &str) -> bool {
    let number = value.parse::<f64>().ok();
    let seconds = go_seconds(value);
    let whole = value.parse::<u32>().is_ok();
    match key {
        "class" => ["kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"].contains(&value),
        "metric" => ["concurrency", "rps", "cpu", "memory"].contains(&value),
        "target" => number.is_some_and(|number| number >= 0.01),
        "target-utilization-percentage" => number.is_some_and(|number| (1.0..=100.0).contains(&number)),
        "target-burst-capacity" => number.is_some_and(|number| number >= -1.0),
        "min-scale" | "max-scale" => whole,
        "initial-scale" | "activation-scale" => whole && value != "0",
        "window" => seconds.is_some_and(|seconds| (6.0..=3600.0).contains(&seconds)),
        "scale-down-delay" | "scale-to-zero-pod-retention-period" => {
            seconds.is_some_and(|seconds| (0.0..=3600.0).contains(&seconds))
        }
        _ => false,
    }
}

fn pod(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let service = pods.owner;
    for flagged in FLAGGED {
        let is_there = !at(pods.spec, flagged).is_null();
        checked.hold(service, !is_there, format!("{flagged} of a pod is off in Knative"));
    }
    checked.hold(service, with_field(pods.spec, "fieldRef").is_empty(), "fieldRef is off in Knative");
    let has_claim = !with_field(pods.spec, "persistentVolumeClaim").is_empty();
    checked.hold(service, !has_claim, "writing to a volume claim is off in Knative");
    let concurrency = number(pods.spec, "containerConcurrency");
    let is_bounded = concurrency.is_some_and(|most| (1..=1000).contains(&most));
    checked.hold(service, is_bounded, "containerConcurrency is not 1 to 1000");
    let timeout = number(pods.spec, "timeoutSeconds").unwrap_or(300);
    checked.hold(service, timeout <= 600, "timeoutSeconds is more than the 600 that Knative allows");
    let known = checked.code.functions.get(service.name());
    let is_endless = known.is_some_and(|function| function.is_endless);
    checked.hold(
        service,
        !is_endless || timeout == 600,
        "it has no end, and is cut off before the 600 s that Knative allows",
    );
    let own = known.map_or(0, |function| function.timeout_seconds);
    checked.hold(
        service,
        timeout > own,
        format!("timeoutSeconds cuts off a function that takes up to {own} s"),
    );
}

fn container(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let service = pods.owner;
    checked.hold(
        service,
        items(pods.spec, "containers").len() == 1,
        "there is more than the function in its pod",
    );
    let container = pods.container();
    let ports = items(container, "ports");
    checked.hold(service, ports.len() == 1, "Knative takes one port");
    let port = number(container, "ports 0 containerPort").unwrap_or_default();
    checked.hold(service, !RESERVED_PORTS.contains(&port), format!("port {port} is Knative's own"));
    let name = text(container, "ports 0 name");
    checked.hold(
        service,
        ["http1", "h2c", ""].contains(&name),
        format!("a port is called http1 or h2c, not {name:?}"),
    );
    for variable in items(container, "env") {
        let name = text(variable, "name");
        checked.hold(
            service,
            !RESERVED_VARIABLES.contains(&name),
            format!("{name} is set by Knative itself"),
        );
    }
    let metrics: i64 = pods.value("METRICS_PORT").parse().unwrap_or_default();
    let is_free = !RESERVED_PORTS.contains(&metrics) && metrics != port;
    checked.hold(service, is_free, format!("METRICS_PORT {metrics} is taken in its pod"));
    for probe in ["readinessProbe", "livenessProbe"] {
        let own = at(container, &format!("{probe} httpGet port"));
        checked.hold(service, own.is_null(), format!("{probe} names a port; Knative knows it"));
        // Cheap: it is a part of every cold start, and a database that is away is no reason for another instance.
        let path = text(container, &format!("{probe} httpGet path"));
        checked.hold(service, path == "/health", format!("{probe} asks {path:?}, not /health"));
    }
}
