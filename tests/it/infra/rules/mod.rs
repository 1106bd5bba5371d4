//! What has to hold of the manifests, and schemas can not say.

mod dapr;
mod database;
mod environment;
mod eventing;
mod kafka;
mod keda;
mod knative;
mod network;
mod pods;
mod references;
mod routes;
mod secrets;
mod watched;

use events::asyncapi::KINDS;
use serde_json::Value;

use super::chart::{Manifest, Rendered};
use super::code::Code;
use super::yaml::{at, items, number, text, texts};

pub(super) use database::sessions_of;
pub(super) use keda::are_scalers_known;

/// What is looked at, and what was found wrong.
pub(super) struct Checked<'a> {
    set: &'a Rendered,
    code: &'a Code,
    wrong: Vec<String>,
}

/// Gives what is wrong with what a profile and an overlay give.
pub(super) fn wrong_with(set: &Rendered, code: &Code) -> Vec<String> {
    let mut checked = Checked { set, code, wrong: Vec::new() };
    for rule in [
        knative::check,
        eventing::check,
        dapr::check,
        keda::check,
        kafka::check,
        database::check,
        pods::check,
        network::check,
        references::check,
        routes::check,
        secrets::check,
        watched::check,
        environment::check,
        types,
    ] {
        rule(&mut checked);
    }
    checked.wrong
}

impl Checked<'_> {
    /// Notes what is wrong with a manifest.
    fn say(&mut self, manifest: &Manifest, what: impl AsRef<str>) {
        self.wrong.push(format!("{}: {}", manifest.id(), what.as_ref()));
    }

    /// Notes it unless it holds.
    fn hold(&mut self, manifest: &Manifest, holds: bool, what: impl AsRef<str>) {
        if !holds {
            self.say(manifest, what);
        }
    }
}

/// Each type of event in the code is brought to somebody, and has dead letters.
fn types(checked: &mut Checked<'_>) {
    let mut brought: Vec<(&str, bool)> = Vec::new();
    for source in checked.set.of("KafkaSource") {
        let has_dead_letters = !text(&source.0, "spec delivery deadLetterSink ref name").is_empty();
        brought.extend(texts(&source.0, "spec topics").into_iter().map(|topic| (topic, has_dead_letters)));
    }
    for subscription in checked.set.of("Subscription") {
        let has_dead_letters = !text(&subscription.0, "spec deadLetterTopic").is_empty();
        brought.push((text(&subscription.0, "spec topic"), has_dead_letters));
    }
    // The profile backend has its routes in its process; the feed is for whoever wants it.
    let is_routed = ["knative", "dapr"].contains(&checked.set.profile);
    for kind in KINDS.iter().filter(|kind| is_routed && checked.code.outbox.contains(&kind.topic)) {
        let ways: Vec<_> = brought.iter().filter(|(topic, _)| *topic == kind.topic.as_str()).collect();
        if ways.is_empty() {
            checked.wrong.push(format!("nobody is brought {}", kind.event_type));
        }
        if ways.iter().any(|(_, has_dead_letters)| !has_dead_letters) {
            checked.wrong.push(format!("{} has no dead letters", kind.event_type));
        }
    }
}

/// A template of pods, and whose it is.
struct Pods<'a> {
    owner: &'a Manifest,
    metadata: &'a Value,
    spec: &'a Value,
}

impl<'a> Pods<'a> {
    fn of(set: &'a Rendered) -> Vec<Self> {
        let templates = set
            .manifests
            .iter()
            .filter(|manifest| ["Deployment", "Job", "KnativeService"].contains(&manifest.kind()));
        let pods = |owner: &'a Manifest| {
            let template = at(&owner.0, "spec template");
            Self { owner, metadata: at(template, "metadata"), spec: at(template, "spec") }
        };
        templates.map(pods).collect()
    }

    /// Those of the functions.
    fn of_functions(set: &'a Rendered) -> Vec<Self> {
        let mut all = Self::of(set);
        all.retain(|pods| text(pods.metadata, "labels kaam/role") == "function");
        all
    }

    fn container(&self) -> &'a Value {
        at(self.spec, "containers 0")
    }

    fn variable(&self, name: &str) -> Option<&'a Value> {
        items(self.container(), "env").iter().find(|variable| text(variable, "name") == name)
    }

    fn value(&self, name: &str) -> &'a str {
        self.variable(name).map_or("", |variable| text(variable, "value"))
    }

    /// Gives the secret that a setting is read from, and the key in it: a variable says it, or a file that is mounted.
    fn secret_of(&self, setting: &str) -> Option<(&'a str, &'a str)> {
        if let Some(variable) = self.variable(setting) {
            let reference = at(variable, "valueFrom secretKeyRef");
            return Some((text(reference, "name"), text(reference, "key")));
        }
        let path = text(self.variable(&format!("{setting}_FILE"))?, "value");
        let found = items(self.container(), "volumeMounts").iter().find_map(|mount| {
            let file = path.strip_prefix(text(mount, "mountPath"))?.strip_prefix('/')?;
            let named = |volume: &&Value| text(volume, "name") == text(mount, "name");
            let volume = items(self.spec, "volumes").iter().find(named)?;
            items(volume, "projected sources").iter().find_map(|source| {
                let item = items(source, "secret items").iter().find(|item| text(item, "path") == file)?;
                Some((text(source, "secret name"), text(item, "key")))
            })
        });
        Some(found.unwrap_or_default())
    }

    fn annotation(&self, name: &str) -> &'a str {
        at(self.metadata, "annotations")[name].as_str().unwrap_or_default()
    }

    fn has_sidecar(&self) -> bool {
        self.annotation("dapr.io/enabled") == "true"
    }

    /// How many of them there may be at most.
    fn most(&self, set: &Rendered) -> Option<i64> {
        if self.owner.kind() == "KnativeService" {
            return self.annotation("autoscaling.knative.dev/max-scale").parse().ok();
        }
        let name = self.owner.name();
        if let Some(scaler) = set.find("ScaledObject", name) {
            return number(&scaler.0, "spec maxReplicaCount");
        }
        if let Some(scaler) = set.find("HorizontalPodAutoscaler", name) {
            return number(&scaler.0, "spec maxReplicas");
        }
        number(&self.owner.0, "spec replicas")
    }
}

/// Gives the length of a duration as ISO 8601 has it, `PT1.5S`, in seconds; `None` when it is none.
fn iso_seconds(text: &str) -> Option<f64> {
    let mut rest = text.strip_prefix("PT")?;
    let mut seconds = 0.0;
    for (unit, worth) in [('H', 3600.0), ('M', 60.0), ('S', 1.0)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: f64 = number.parse().ok()?;
            seconds += number * worth;
            rest = after;
        }
    }
    (rest.is_empty() && text.len() > 2).then_some(seconds)
}

/// Gives the length of a duration as Go has it, `1m30s`, in seconds; `None` when it is none.
fn go_seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        seconds += number
            * match &rest[digits..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (!text.is_empty()).then_some(seconds)
}

/// Says what is wrong with a schedule of five fields, or six with seconds; `@every` with a duration where that is allowed.
fn wrong_with_cron(schedule: &str, has_every: bool) -> Option<String> {
    if let Some(every) = schedule.strip_prefix("@every ").filter(|_| has_every) {
        return go_seconds(every).is_none().then(|| format!("{every:?} is no duration"));
    }
    let fields: Vec<_> = schedule.split(' ').collect();
    let ranges = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
    let ranges = match fields.len() {
        5 => &ranges[1..],
        6 => &ranges[..],
        _ => return Some(format!("{schedule:?} has neither five nor six fields")),
    };
    let is_sound = |field: &str, (least, most): (u32, u32)| {
        field.split(',').all(|part| {
            let (range, step) =
                part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let step = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0 && step <= most));
            let number = |text: &str| text.parse::<u32>().ok().filter(|n| (least..=most).contains(n));
            let range = range == "*"
                || match range.split_once('-') {
                    Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
                    None => number(range).is_some(),
                };
            step && range
        })
    };
    let wrong = fields.iter().zip(ranges).find(|(field, range)| !is_sound(field, **range));
    wrong.map(|(field, _)| format!("{field:?} in {schedule:?} is out of range"))
}

/// Gives a quantity of memory in bytes.
fn bytes(quantity: &str) -> Option<u64> {
    let units = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("k", 1_000), ("M", 1_000_000)];
    for (unit, worth) in units {
        if let Some(number) = quantity.strip_suffix(unit) {
            return number.parse::<u64>().ok().map(|number| number * worth);
        }
    }
    quantity.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_schedules_are_told_from_what_is_none() {
        assert_eq!(iso_seconds("PT0.5S"), Some(0.5));
        assert_eq!(iso_seconds("PT1M30S"), Some(90.0));
        assert!(["5s", "PT", "P1D", "PT5", "PTxS", ""].iter().all(|text| iso_seconds(text).is_none()));
        assert_eq!(go_seconds("1m30s"), Some(90.0));
        assert!(["60", "s", "PT1S", ""].iter().all(|text| go_seconds(text).is_none()));
        for sound in ["* * * * *", "*/10 * * * * *", "0 30 2 * * 1-5", "5,35 * * * *"] {
            assert_eq!(wrong_with_cron(sound, false), None, "{sound}");
        }
        for wrong in ["* * * *", "60 * * * *", "* 24 * * *", "*/0 * * * *", "@every 1m", "a * * * *", ""] {
            assert!(wrong_with_cron(wrong, false).is_some(), "{wrong}");
        }
        assert_eq!(wrong_with_cron("@every 15s", true), None);
        assert!(wrong_with_cron("@every often", true).is_some());
        assert_eq!(bytes("64Mi"), Some(64 << 20));
    }
}
