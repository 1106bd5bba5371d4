//! Who may call whom.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Checked, Pods};
use crate::infra::chart::Manifest;
use crate::infra::yaml::{at, fields, items, number, text, texts};

/// Ports of a Dapr sidecar that nobody else calls: its API over HTTP and gRPC, and that between sidecars.
const OF_SIDECARS: [i64; 3] = [3500, 50001, 50002];

pub(super) fn check(checked: &mut Checked<'_>) {
    let denies = checked.set.of("NetworkPolicy").find(|policy| {
        let spec = at(&policy.0, "spec");
        at(spec, "podSelector").as_object().is_some_and(serde_json::Map::is_empty)
            && items(spec, "ingress").is_empty()
            && items(spec, "egress").is_empty()
            && texts(spec, "policyTypes") == ["Ingress", "Egress"]
    });
    if denies.is_none() {
        checked.wrong.push("nothing denies what no policy allows".to_owned());
    }
    for policy in checked.set.of("NetworkPolicy") {
        self::policy(checked, policy);
    }
    for pods in Pods::of_functions(checked.set) {
        function(checked, &pods);
    }
    scraped(checked);
}

/// What is monitored is where the metrics are.
fn scraped(checked: &mut Checked<'_>) {
    // Strimzi's own is where Kafka is.
    for monitor in checked.set.of("PodMonitor").filter(|monitor| monitor.name() == "kaam") {
        for pods in Pods::of_functions(checked.set) {
            let is_selected = selects(at(&monitor.0, "spec selector"), at(pods.metadata, "labels"));
            checked.hold(monitor, is_selected, format!("{} is not monitored", pods.owner.name()));
            let endpoint = at(&monitor.0, "spec podMetricsEndpoints 0");
            let moved = text(endpoint, "relabelings 0 replacement").strip_prefix("$1:").unwrap_or_default();
            let named = text(endpoint, "port");
            let named = items(pods.container(), "ports").iter().find(|port| text(port, "name") == named);
            let port = match named {
                Some(port) => number(port, "containerPort"),
                // What Knative calls the function's port in a pod.
                None if text(endpoint, "port") == "user-port" => moved.parse().ok(),
                None => None,
            };
            let metrics = pods.value("METRICS_PORT").parse().ok();
            let is_there = port.is_some() && port == metrics;
            checked.hold(monitor, is_there, format!("{}'s metrics are not at {port:?}", pods.owner.name()));
        }
    }
}

fn policy(checked: &mut Checked<'_>, policy: &Manifest) {
    for rule in items(&policy.0, "spec ingress") {
        checked.hold(policy, !items(rule, "from").is_empty(), "everybody may call");
        checked.hold(policy, !items(rule, "ports").is_empty(), "every port may be called");
        for from in items(rule, "from") {
            let is_open = at(from, "namespaceSelector").as_object().is_some_and(serde_json::Map::is_empty)
                || at(from, "ipBlock").is_object();
            checked.hold(policy, !is_open, "the whole cluster, or the web, may call");
        }
        for port in items(rule, "ports") {
            let number = number(port, "port").unwrap_or_default();
            let is_own = !OF_SIDECARS.contains(&number);
            checked.hold(policy, is_own, format!("others may call port {number} of a sidecar"));
        }
    }
    for rule in items(&policy.0, "spec egress") {
        checked.hold(policy, !items(rule, "to").is_empty(), "it may call everybody");
        for to in items(rule, "to") {
            let is_web = text(to, "ipBlock cidr") == "0.0.0.0/0";
            let has_ports = !items(rule, "ports").is_empty();
            checked.hold(policy, !is_web || has_ports, "it may call every port of the web");
        }
    }
}

/// Says whether a selector of labels takes pods in.
fn selects(selector: &Value, labels: &Value) -> bool {
    let matches = |(name, value): (&str, &Value)| labels.get(name) == Some(value);
    let expressed = |expression: &Value| {
        let value = labels.get(text(expression, "key")).and_then(Value::as_str);
        match text(expression, "operator") {
            "In" => value.is_some_and(|value| texts(expression, "values").contains(&value)),
            "Exists" => value.is_some(),
            _ => false,
        }
    };
    fields(selector, "matchLabels").all(matches) && items(selector, "matchExpressions").iter().all(expressed)
}

fn function(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let owner = pods.owner;
    let labels = at(pods.metadata, "labels");
    let set = checked.set;
    let own: Vec<_> = set
        .of("NetworkPolicy")
        .filter(|policy| policy.name() == owner.name() && selects(at(&policy.0, "spec podSelector"), labels))
        .collect();
    let [policy] = own.as_slice() else {
        checked.say(owner, "no policy is its own");
        return;
    };
    let egress = items(&policy.0, "spec egress");
    let calls = |port: i64| egress.iter().any(|rule| has_port(rule, port));
    checked.hold(
        policy,
        calls(5432) == pods.secret_of("DATABASE_URL").is_some(),
        "it may call PostgreSQL and need not, or has to",
    );
    let asks_cluster =
        ["EVENTS_CA_FILE", "DAPR_SECRET_STORE"].iter().any(|name| pods.variable(name).is_some());
    checked.hold(policy, calls(6443) == asks_cluster, "it may call the API server and need not, or has to");
    // What users choose the address of may not reach all that is inside by it.
    let is_named = egress.iter().filter(|rule| has_port(rule, 6443)).all(|rule| {
        items(rule, "to").iter().all(|to| !["", "0.0.0.0/0"].contains(&text(to, "ipBlock cidr")))
    });
    checked.hold(policy, is_named, "it may call every address inside as if it were the API server");
    // A policy sees the port that the gateway's pods listen to, which is theirs to choose.
    let asks_gateway = pods.variable("JWT_JWKS_URL").is_some();
    let is_let = egress.iter().any(|rule| {
        items(rule, "ports").is_empty()
            && items(rule, "to").iter().any(|to| namespace_of(to) == "gateway-system")
    });
    checked.hold(
        policy,
        is_let || !asks_gateway,
        "the keys of tokens are behind a gateway that it may not call",
    );
    let collector = pods.value("OTEL_EXPORTER_OTLP_ENDPOINT");
    let inside = collector.split_once(".svc").map(|(host, _)| host.rsplit('.').next().unwrap_or_default());
    let is_let = inside.is_none_or(|namespace| {
        egress.iter().any(|rule| {
            has_port(rule, 4318) && items(rule, "to").iter().any(|to| namespace_of(to) == namespace)
        })
    });
    checked.hold(policy, is_let, "its spans do not reach the collector");
    let is_on_kafka = text(labels, "kaam/calls-kafka") == "true";
    let brokers = |rule: &&Value| {
        items(rule, "to").iter().any(|to| namespace_of(to) == "kafka")
            || items(rule, "ports")
                .iter()
                .any(|port| [Some(9092), Some(9093)].contains(&number(port, "port")))
    };
    checked.hold(
        policy,
        egress.iter().any(|rule| brokers(&rule)) == is_on_kafka,
        "it may call Kafka and need not, or has to",
    );
    let needs = pods.variable("KAFKA_BROKERS").is_some() || pods.variable("DAPR_PUBSUB").is_some();
    checked.hold(
        owner,
        needs == is_on_kafka,
        "Kafka lets its pods in and they need not, or keeps them out: kaam/calls-kafka",
    );
    let called: BTreeSet<_> = items(&policy.0, "spec ingress")
        .iter()
        .filter(|rule| !calls_metrics(rule))
        .flat_map(|rule| items(rule, "from"))
        .map(|from| {
            let namespace = namespace_of(from);
            if namespace.is_empty() { "pods of functions" } else { namespace }
        })
        .collect();
    let expected: BTreeSet<_> = match (set.profile, owner.name()) {
        ("knative", _) => ["knative-serving", "kourier-system"].into(),
        ("dapr", "relay-events") => ["pods of functions"].into(),
        (_, name) if is_public(checked, name) => ["gateway-system"].into(),
        _ => BTreeSet::new(),
    };
    checked.hold(policy, called == expected, format!("{called:?} may call it, and {expected:?} do"));
    if set.profile == "dapr" && pods.variable("RELAY_URL").is_some() {
        let relay = set.find("NetworkPolicy", "relay-events");
        let rules = relay.map_or(&[][..], |relay| items(&relay.0, "spec ingress"));
        let may = rules
            .iter()
            .flat_map(|rule| items(rule, "from"))
            .any(|from| at(from, "podSelector").is_object() && selects(at(from, "podSelector"), labels));
        checked.hold(owner, may, "it pokes relay-events, which does not let it in");
    }
}

fn calls_metrics(rule: &Value) -> bool {
    has_port(rule, 9464)
}

fn has_port(rule: &Value, port: i64) -> bool {
    items(rule, "ports").iter().any(|known| number(known, "port") == Some(port))
}

/// Gives the namespace that a peer names, empty when it names none.
fn namespace_of(peer: &Value) -> &str {
    text(peer, "namespaceSelector matchLabels kubernetes.io/metadata.name")
}

fn is_public(checked: &Checked<'_>, name: &str) -> bool {
    let has_routes = checked.code.functions.get(name).is_some_and(|function| !function.routes.is_empty());
    has_routes || ["web", "backend"].contains(&name)
}
