//! What brings events and ticks on Knative: sources, sinks and how often they try.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use events::Topic;
use events::topic::dead_letters_of;
use serde_json::Value;

use super::{Checked, Pods, iso_seconds, wrong_with_cron};
use crate::infra::chart::Manifest;
use crate::infra::yaml::{at, number, text, texts};

pub(super) fn check(checked: &mut Checked<'_>) {
    if checked.set.profile != "knative" {
        for kind in ["KnativeService", "KafkaSource", "PingSource", "KafkaSink", "Trigger"] {
            for found in checked.set.of(kind) {
                checked.say(found, "profiles are mixed: it is of Knative");
            }
        }
        return;
    }
    let mut groups: BTreeMap<String, String> = BTreeMap::new();
    for source in checked.set.of("KafkaSource") {
        let group = text(&source.0, "spec consumerGroup").to_owned();
        checked.hold(source, !group.is_empty(), "it has no group, so that a new one begins each time");
        if let Some(other) = groups.insert(group.clone(), source.id()) {
            checked.say(source, format!("{other} is in the group {group}, too"));
        }
        self::source(checked, source);
    }
    for sink in checked.set.of("KafkaSink") {
        let is_structured = text(&sink.0, "spec contentMode") == "structured";
        checked.hold(sink, is_structured, "events lie on the bus in structured mode");
    }
    routes(checked);
    for ping in checked.set.of("PingSource") {
        if let Some(wrong) = wrong_with_cron(text(&ping.0, "spec schedule"), false) {
            checked.say(ping, wrong);
        }
        let zone = text(&ping.0, "spec timezone");
        checked.hold(
            ping,
            zone.is_empty() || zone.parse::<Tz>().is_ok(),
            format!("{zone:?} is no time zone"),
        );
        audience(checked, ping);
    }
    for (name, function) in &checked.code.functions {
        let Some(service) = checked.set.find("KnativeService", name) else { continue };
        let is_ticked = checked.set.of("PingSource").any(|ping| text(&ping.0, "spec sink ref name") == *name);
        checked.hold(
            service,
            is_ticked == function.ticks,
            "who needs a clock has a PingSource, and nobody else",
        );
    }
}

/// Each topic that a function takes in the code comes to it, once, and has its dead letters.
fn routes(checked: &mut Checked<'_>) {
    for (name, function) in &checked.code.functions {
        let sources = checked.set.of("KafkaSource");
        let own = sources.filter(|source| text(&source.0, "spec sink ref name") == *name);
        let mut brought: Vec<&str> = own.flat_map(|source| texts(&source.0, "spec topics")).collect();
        brought.sort_unstable();
        let mut wanted = function.receives.clone();
        wanted.sort_unstable();
        if brought != wanted {
            checked.wrong.push(format!("{name} takes {wanted:?} in the code, and is brought {brought:?}"));
        }
    }
}

fn source(checked: &mut Checked<'_>, source: &Manifest) {
    let spec = at(&source.0, "spec");
    let function = text(spec, "sink ref name");
    let topics = texts(spec, "topics");
    for topic in &topics {
        checked.hold(source, Topic::parse(topic).is_some(), format!("there is no topic {topic}"));
    }
    checked.hold(source, topics.len() == 1, "dead letters of several topics would lie in one");
    let is_earliest = text(spec, "initialOffset") == "earliest";
    checked.hold(source, is_earliest, "what was written before the first start would be lost: initialOffset");
    let is_ordered = text(spec, "ordering") == "ordered";
    checked.hold(source, is_ordered, "what happened to a task would overtake what happened before: ordering");
    let consumers = number(spec, "consumers").unwrap_or(1);
    let partitions = i64::from(Topic::PARTITIONS);
    checked.hold(
        source,
        (1..=partitions).contains(&consumers),
        format!("{consumers} consumers share {partitions} partitions"),
    );
    if checked.set.is_production() {
        let is_signed_in = at(spec, "net tls enable") == &Value::Bool(true)
            && at(spec, "net sasl enable") == &Value::Bool(true);
        checked.hold(source, is_signed_in, "it reaches Kafka without TLS or a password");
        let user = text(spec, "net sasl user secretKeyRef name");
        checked.hold(source, user == format!("kafka-{function}"), format!("{user} is somebody else's"));
    }
    delivery(checked, source, at(spec, "delivery"), topics.first().copied().unwrap_or_default());
    audience(checked, source);
}

fn delivery(checked: &mut Checked<'_>, source: &Manifest, delivery: &Value, topic: &str) {
    let function = text(&source.0, "spec sink ref name");
    let retry = number(delivery, "retry").unwrap_or(0);
    checked.hold(source, retry > 0, "with a delivery and no retry an event is tried once");
    let policy = text(delivery, "backoffPolicy");
    checked.hold(
        source,
        ["linear", "exponential"].contains(&policy),
        format!("there is no backoffPolicy {policy:?}"),
    );
    let delay = iso_seconds(text(delivery, "backoffDelay"));
    let Some(delay) = delay else {
        checked.say(source, "backoffDelay is no duration of ISO 8601");
        return;
    };
    let whole = match policy {
        "linear" => delay * (retry * (retry + 1)) as f64 / 2.0,
        _ => delay * (2_f64.powi(i32::try_from(retry).unwrap_or(30)) - 1.0),
    };
    checked.hold(
        source,
        whole >= 300.0,
        format!("after {whole} s of trying a restart of the database makes dead letters"),
    );
    let timeout = iso_seconds(text(delivery, "timeout")).unwrap_or_default();
    let own = checked.code.functions.get(function).map_or(0, |function| function.timeout_seconds);
    let service = checked.set.find("KnativeService", function);
    let service = service.and_then(|service| number(&service.0, "spec template spec timeoutSeconds"));
    let is_long = timeout > own as f64 && service.is_none_or(|service| timeout > service as f64);
    checked.hold(source, is_long, format!("its timeout cuts off a function that takes up to {own} s"));
    checked.hold(source, timeout <= 600.0, "its timeout is more than PT600S");
    let sink = text(delivery, "deadLetterSink ref name");
    let found = checked.set.find("KafkaSink", sink);
    let leads_to = found.map_or("", |sink| text(&sink.0, "spec topic"));
    let is_own = leads_to == dead_letters_of(topic);
    checked.hold(
        source,
        is_own,
        format!("what can not be delivered goes to {leads_to:?}, not to the dead letters of {topic}"),
    );
}

/// The tokens that Knative shows are for the function that they are shown to.
fn audience(checked: &mut Checked<'_>, source: &Manifest) {
    let (function, audience) = (text(&source.0, "spec sink ref name"), text(&source.0, "spec sink audience"));
    let pods = Pods::of_functions(checked.set);
    let expected = pods.iter().find(|pods| pods.owner.name() == function);
    let expected = expected.map_or("", |pods| pods.value("EVENTS_AUDIENCE"));
    let is_same = !audience.is_empty() && audience == expected;
    checked.hold(
        source,
        is_same,
        format!("its tokens are for {audience:?}, and {function} wants {expected:?}"),
    );
}
