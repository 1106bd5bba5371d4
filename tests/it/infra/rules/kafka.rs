//! The Kafka cluster, its topics, and who may do what with them.

use std::collections::BTreeSet;

use events::Topic;
use events::topic::{DEAD_LETTERS, dead_letters_of};
use serde_json::Value;

use super::Checked;
use crate::infra::chart::Manifest;
use crate::infra::yaml::{at, fields, items, number, text, texts};

/// What a topic may be told of what is used here (Kafka 4.3).
const TOPIC_CONFIG: [&str; 6] = [
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "min.insync.replicas",
    "max.message.bytes",
    "compression.type",
];
/// The largest record, in bytes: an event of 1 MiB and what goes with it.
const RECORD: i64 = 1_048_588;

pub(super) fn check(checked: &mut Checked<'_>) {
    for cluster in checked.set.of("Kafka") {
        self::cluster(checked, cluster);
        topics(checked, cluster);
    }
    for user in checked.set.of("KafkaUser") {
        self::user(checked, user);
    }
    for kind in ["KafkaNodePool", "KafkaTopic", "KafkaUser"] {
        for found in checked.set.of(kind) {
            let cluster = text(&found.0, "metadata labels strimzi.io/cluster");
            let is_there = checked.set.find("Kafka", cluster).is_some();
            checked.hold(found, is_there, format!("it is of a cluster {cluster:?} that is not there"));
        }
    }
}

fn cluster(checked: &mut Checked<'_>, cluster: &Manifest) {
    let kafka = at(&cluster.0, "spec kafka");
    let config = at(kafka, "config");
    checked.hold(
        cluster,
        at(config, "auto.create.topics.enable") == &Value::Bool(false),
        "a misspelt topic would be made",
    );
    checked.hold(
        cluster,
        number(config, "message.max.bytes") == Some(RECORD),
        "an event of 1 MiB would be refused",
    );
    let session = number(config, "group.min.session.timeout.ms");
    checked.hold(
        cluster,
        session.is_some_and(|session| session <= 6000),
        "it refuses the session timeout of Dapr's component",
    );
    if checked.set.is_production() {
        for listener in items(kafka, "listeners") {
            let is_secured = at(listener, "tls") == &Value::Bool(true)
                && text(listener, "authentication type") == "scram-sha-512";
            checked.hold(cluster, is_secured, "somebody reaches it without TLS or a password");
            let has_peers = !items(listener, "networkPolicyPeers").is_empty();
            checked.hold(cluster, has_peers, "everybody in the cluster reaches its listener");
        }
        checked.hold(
            cluster,
            text(kafka, "authorization type") == "simple",
            "everybody who signs in may do everything",
        );
        checked.hold(
            cluster,
            texts(kafka, "authorization superUsers").is_empty(),
            "somebody may do everything",
        );
        let (replicas, least) =
            (number(config, "default.replication.factor"), number(config, "min.insync.replicas"));
        let is_safe = replicas >= Some(3) && least >= Some(2) && least < replicas;
        checked.hold(
            cluster,
            is_safe,
            "what is acknowledged may be lost with one broker, or one broker that is away stops all",
        );
    }
    let brokers: i64 =
        checked.set.of("KafkaNodePool").filter_map(|pool| number(&pool.0, "spec replicas")).sum();
    let replicas = number(config, "default.replication.factor").unwrap_or_default();
    checked.hold(
        cluster,
        replicas <= brokers,
        format!("{replicas} replicas need as many brokers, and there are {brokers}"),
    );
}

fn topics(checked: &mut Checked<'_>, cluster: &Manifest) {
    let names = Topic::ALL.iter().flat_map(|topic| [topic.as_str().to_owned(), topic.dead_letters()]);
    let wanted: BTreeSet<String> = names.collect();
    let found: BTreeSet<String> =
        checked.set.of("KafkaTopic").map(|topic| text(&topic.0, "spec topicName").to_owned()).collect();
    if wanted != found {
        checked.say(cluster, format!("its topics are {found:?}, and those of the code {wanted:?}"));
    }
    for topic in checked.set.of("KafkaTopic") {
        let spec = at(&topic.0, "spec");
        let partitions = i64::from(Topic::PARTITIONS);
        checked.hold(
            topic,
            number(spec, "partitions") == Some(partitions),
            format!("it has other than {partitions} partitions"),
        );
        let (replicas, least) = (number(spec, "replicas"), number(spec, "config min.insync.replicas"));
        checked.hold(topic, least <= replicas, "nothing can be written to it: min.insync.replicas");
        if checked.set.is_production() {
            checked.hold(
                topic,
                replicas >= Some(3) && least >= Some(2),
                "what it acknowledges may be lost with one broker",
            );
        }
        for (name, _) in fields(spec, "config") {
            checked.hold(topic, TOPIC_CONFIG.contains(&name), format!("a topic is told nothing of {name}"));
        }
        checked.hold(
            topic,
            number(spec, "config max.message.bytes") == Some(RECORD),
            "an event of 1 MiB would be refused",
        );
        let is_kept = text(&topic.0, "metadata annotations helm.sh/resource-policy") == "keep";
        checked.hold(topic, is_kept, "it goes, with what lies in it, when the release does");
        let days = number(spec, "config retention.ms").unwrap_or_default() / 86_400_000;
        let least = if topic.name().ends_with(DEAD_LETTERS) { 14 } else { 3 };
        checked.hold(topic, days >= least, format!("it forgets within {least} days"));
    }
}

/// Each user may do what its function does, and no more.
fn user(checked: &mut Checked<'_>, user: &Manifest) {
    let name = user.name();
    let authentication = text(&user.0, "spec authentication type");
    checked.hold(user, authentication == "scram-sha-512", "it shows no password");
    let mut granted: BTreeSet<(String, String, String)> = BTreeSet::new();
    for acl in items(&user.0, "spec authorization acls") {
        let (kind, of) = (text(acl, "resource type"), text(acl, "resource name"));
        let is_literal = text(acl, "resource patternType") == "literal" && of != "*";
        checked.hold(user, is_literal, format!("its right on {of:?} is on more than that"));
        for operation in texts(acl, "operations") {
            granted.insert((kind.to_owned(), of.to_owned(), operation.to_owned()));
        }
    }
    let right =
        |kind: &str, of: &str, operation: &str| (kind.to_owned(), of.to_owned(), operation.to_owned());
    let mut wanted = BTreeSet::new();
    let mut on = |kind: &str, of: &str, operations: &[&str]| {
        wanted.extend(operations.iter().map(|operation| right(kind, of, operation)));
    };
    let functions = &checked.code.functions;
    match name {
        "operator" => {
            for topic in Topic::ALL {
                on("topic", topic.as_str(), &["Create", "Read", "Write", "Describe"]);
                on("topic", &topic.dead_letters(), &["Create", "Read", "Write", "Describe"]);
            }
            on("group", "replay-dead-letters", &["Read", "Describe"]);
        }
        "dead-letters" => {
            let received: BTreeSet<_> = functions.values().flat_map(|function| &function.receives).collect();
            for topic in received {
                on("topic", &dead_letters_of(topic), &["Write", "Describe"]);
            }
        }
        "backend" => {
            for topic in Topic::ALL {
                on("topic", topic.as_str(), &["Read", "Write", "Describe"]);
                on("topic", &topic.dead_letters(), &["Write", "Describe"]);
            }
            for (name, _) in functions.iter().filter(|(_, function)| !function.receives.is_empty()) {
                on("group", name, &["Read", "Describe"]);
            }
        }
        "relay-events" => {
            for topic in Topic::ALL {
                on("topic", topic.as_str(), &["Write", "Describe"]);
            }
        }
        _ => {
            let received = functions.get(name).map_or(&[][..], |function| &function.receives);
            checked.hold(user, !received.is_empty(), "nobody is this user");
            for topic in received {
                on("topic", topic, &["Read", "Describe"]);
                on("topic", &dead_letters_of(topic), &["Write", "Describe"]);
                on("group", &format!("{name}-{topic}"), &["Read", "Describe"]);
            }
            on("group", name, &["Read", "Describe"]);
        }
    }
    for (kind, of, operation) in granted.difference(&wanted) {
        checked.say(user, format!("it may {operation} the {kind} {of}, and need not"));
    }
    for (kind, of, operation) in wanted.difference(&granted) {
        checked.say(user, format!("it may not {operation} the {kind} {of}, and has to"));
    }
}
