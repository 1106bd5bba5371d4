//! What KEDA is told: a key that it does not know it leaves unread, without a word.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use events::Topic;
use serde_json::Value;
use store::grants::{Privilege, ROLES};

use super::{Checked, Pods};
use crate::infra::chart::Manifest;
use crate::infra::yaml::{at, fields, items, number, text};

/// A parameter of a scaler.
struct Parameter {
    is_optional: bool,
    allowed: Vec<String>,
    is_metadata: bool,
    is_secret: bool,
    has_default: bool,
}

/// Gives the scalers' parameters; `None` without KEDA's own list.
fn scalers() -> Option<&'static BTreeMap<String, BTreeMap<String, Parameter>>> {
    static SCALERS: OnceLock<Option<BTreeMap<String, BTreeMap<String, Parameter>>>> = OnceLock::new();
    let read = || {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/kubernetes/keda-scalers-schema.json");
        let document: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).expect("it is JSON");
        let parameters = |scaler: &Value| {
            let parameter = |parameter: &Value| {
                let is = |name: &str| parameter[name] == true;
                let allowed = items(parameter, "allowedValue").iter().filter_map(Value::as_str);
                let read = Parameter {
                    is_optional: is("optional"),
                    allowed: allowed.map(str::to_owned).collect(),
                    is_metadata: is("metadataVariableReadable"),
                    is_secret: is("triggerAuthenticationVariableReadable"),
                    has_default: !parameter["default"].is_null(),
                };
                (text(parameter, "name").to_owned(), read)
            };
            let parameters = items(scaler, "parameters").iter().map(parameter).collect();
            (text(scaler, "type").to_owned(), parameters)
        };
        Some(items(&document, "scalers").iter().map(parameters).collect())
    };
    SCALERS.get_or_init(read).as_ref()
}

/// Says whether KEDA's own list is there.
pub(in crate::infra) fn are_scalers_known() -> bool {
    scalers().is_some()
}

pub(super) fn check(checked: &mut Checked<'_>) {
    for scaler in checked.set.of("ScaledObject") {
        let (least, most) =
            (number(&scaler.0, "spec minReplicaCount"), number(&scaler.0, "spec maxReplicaCount"));
        checked.hold(scaler, most.is_some() && least <= most, "minReplicaCount is above maxReplicaCount");
        let is_there = number(&scaler.0, "spec fallback replicas").is_some_and(|replicas| replicas > 0);
        checked.hold(scaler, is_there, "nobody is there while KEDA can not see what waits: fallback");
        let triggers = items(&scaler.0, "spec triggers");
        for trigger in triggers {
            known(checked, scaler, trigger);
            match text(trigger, "type") {
                "kafka" => kafka(checked, scaler, trigger),
                "postgresql" => postgresql(checked, scaler, trigger),
                _ => {}
            }
        }
        let code = checked.code.functions.get(scaler.name());
        let watched = triggers.iter().filter(|trigger| text(trigger, "type") == "kafka");
        let mut watched: Vec<_> = watched.map(|trigger| text(trigger, "metadata topic")).collect();
        watched.sort_unstable();
        let mut received = code.map_or(Vec::new(), |function| function.receives.clone());
        received.sort_unstable();
        checked.hold(
            scaler,
            watched == received,
            format!("it watches {watched:?}, and {received:?} wake the function"),
        );
        let deployment = checked.set.find("Deployment", scaler.name());
        let is_fixed = deployment.is_some_and(|deployment| !at(&deployment.0, "spec replicas").is_null());
        checked.hold(scaler, !is_fixed, "the Deployment's replicas undo it with each upgrade");
    }
    if checked.set.profile != "dapr" {
        return;
    }
    for (name, function) in &checked.code.functions {
        if (function.ticks || !function.receives.is_empty())
            && checked.set.find("ScaledObject", name).is_none()
        {
            checked.wrong.push(format!("{name} is woken by nobody: there is no ScaledObject"));
        }
    }
}

/// KEDA's own list of what it reads.
fn known(checked: &mut Checked<'_>, scaler: &Manifest, trigger: &Value) {
    let Some(scalers) = scalers() else { return };
    let kind = text(trigger, "type");
    let Some(parameters) = scalers.get(kind) else {
        checked.say(scaler, format!("KEDA has no scaler {kind:?}"));
        return;
    };
    for (key, value) in fields(trigger, "metadata") {
        let Some(value) = value.as_str() else {
            checked.say(scaler, format!("{key} is not a text"));
            continue;
        };
        let Some(parameter) = parameters.get(key.strip_suffix("FromEnv").unwrap_or(key)) else {
            checked.say(scaler, format!("KEDA leaves {key} of {kind} unread"));
            continue;
        };
        checked.hold(
            scaler,
            parameter.is_metadata,
            format!("{key} of {kind} comes by a TriggerAuthentication"),
        );
        let is_allowed =
            parameter.allowed.is_empty() || parameter.allowed.iter().any(|allowed| allowed == value);
        checked.hold(scaler, is_allowed, format!("{key} of {kind} can not be {value:?}"));
    }
    let authentication = text(trigger, "authenticationRef name");
    let authentication = checked.set.find("TriggerAuthentication", authentication);
    let shown: Vec<_> =
        authentication.map_or(&[][..], |shown| items(&shown.0, "spec secretTargetRef")).iter().collect();
    let shown: Vec<_> = shown.iter().map(|shown| text(shown, "parameter")).collect();
    for name in &shown {
        let is_read = parameters.get(*name).is_some_and(|parameter| parameter.is_secret);
        checked.hold(scaler, is_read, format!("{kind} reads no {name} from a TriggerAuthentication"));
    }
    for (name, parameter) in parameters {
        let is_given = !at(trigger, "metadata")[name.as_str()].is_null() || shown.contains(&name.as_str());
        let is_fine = is_given || parameter.is_optional || parameter.has_default;
        checked.hold(scaler, is_fine, format!("{kind} needs {name}"));
    }
}

fn kafka(checked: &mut Checked<'_>, scaler: &Manifest, trigger: &Value) {
    let metadata = at(trigger, "metadata");
    let topic = text(metadata, "topic");
    checked.hold(scaler, Topic::parse(topic).is_some(), format!("there is no topic {topic:?}"));
    let group = text(metadata, "consumerGroup");
    checked.hold(
        scaler,
        group == scaler.name(),
        format!("it watches the group {group:?}, which is not the function's"),
    );
    let policy = text(metadata, "offsetResetPolicy");
    checked.hold(
        scaler,
        policy == "earliest",
        "without a committed offset it would never begin: offsetResetPolicy",
    );
    let threshold: Option<u32> = text(metadata, "lagThreshold").parse().ok();
    checked.hold(scaler, threshold.is_some_and(|lag| lag > 0), "lagThreshold is no number");
    let most = number(&scaler.0, "spec maxReplicaCount").unwrap_or_default();
    let partitions = i64::from(Topic::PARTITIONS);
    checked.hold(
        scaler,
        most <= partitions,
        format!("{most} instances share {partitions} partitions: the others would have nothing to do"),
    );
    if checked.set.is_production() {
        let is_secured = text(metadata, "tls") == "enable" && text(metadata, "sasl") == "scram_sha512";
        checked.hold(scaler, is_secured, "KEDA reaches Kafka without TLS or a password");
    }
}

/// What it asks PostgreSQL is granted to the role that it asks as.
fn postgresql(checked: &mut Checked<'_>, scaler: &Manifest, trigger: &Value) {
    let metadata = at(trigger, "metadata");
    let role = text(metadata, "userName");
    let code = checked.code.functions.get(scaler.name()).and_then(|function| function.role);
    checked.hold(
        scaler,
        Some(role) == code,
        format!("it asks as {role:?}, which is not the function's role"),
    );
    for number in ["targetQueryValue", "activationTargetQueryValue"] {
        let is_number = text(metadata, number).parse::<f64>().is_ok();
        checked.hold(scaler, is_number, format!("{number} is no number"));
    }
    let ssl = text(metadata, "sslmode");
    checked.hold(
        scaler,
        ["require", "verify-ca", "verify-full"].contains(&ssl),
        format!("sslmode {ssl:?} may do without TLS"),
    );
    let grants =
        ROLES.iter().find(|known| known.name == role).map(store::grants::Role::grants).unwrap_or_default();
    let words: Vec<_> =
        text(metadata, "query").split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let tables: Vec<_> = words
        .windows(2)
        .filter(|pair| pair[0] == "FROM" && !pair[1].is_empty())
        .map(|pair| pair[1])
        .collect();
    checked.hold(scaler, !tables.is_empty(), "its query reads nothing");
    for table in tables {
        let may = grants.get(&(table, Privilege::Select)).is_some_and(Option::is_none);
        checked.hold(scaler, may, format!("{role} may not read {table}"));
    }
    let pods = Pods::of_functions(checked.set);
    let is_there = pods.iter().any(|pods| pods.owner.name() == scaler.name());
    checked.hold(scaler, is_there, "there is nothing to scale");
}
