//! What functions are told: the code itself reads it, with something in place of what is secret.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use runtime::auth::SigningKeys;
use runtime::config::{Config, Environment};
use runtime::kafka;

use super::{Checked, Pods};
use crate::infra::yaml::{items, text};

/// Gives the settings that the README has.
fn settings() -> &'static BTreeSet<String> {
    static SETTINGS: OnceLock<BTreeSet<String>> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"));
        let readme = readme.expect("the file is there");
        let rows = readme.lines().filter(|line| line.starts_with("| `"));
        let names =
            rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
        names.map(str::to_owned).collect()
    })
}

pub(super) fn check(checked: &mut Checked<'_>) {
    for pods in Pods::of(checked.set) {
        let container = pods.container();
        let mut seen = BTreeSet::new();
        for variable in items(container, "env") {
            let name = text(variable, "name");
            checked.hold(pods.owner, seen.insert(name), format!("{name} is there twice"));
        }
    }
    for pods in Pods::of_functions(checked.set) {
        for variable in items(pods.container(), "env") {
            let name = text(variable, "name");
            let of_file = name.strip_suffix("_FILE").unwrap_or(name);
            let is_known = settings().contains(name) || settings().contains(of_file);
            checked.hold(pods.owner, is_known, format!("there is no setting {name}"));
        }
        read(checked, &pods);
        events(checked, &pods);
        let proxies = pods.value("TRUSTED_PROXIES");
        let by_proxy = checked.set.profile == "knative" && !proxies.is_empty();
        let is_believed = !by_proxy || proxies.split(',').any(|proxy| proxy == "127.0.0.1");
        checked.hold(
            pods.owner,
            is_believed,
            "callers come by Knative's proxy, whose word is not taken: TRUSTED_PROXIES",
        );
    }
}

/// What the function itself makes of it at its start.
fn read(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let key = SigningKeys::generate();
    // What Knative and the injector of Dapr add.
    let added = match checked.set.profile {
        "knative" => vec![("PORT", "8000"), ("K_SERVICE", pods.owner.name())],
        _ if pods.has_sidecar() => vec![("DAPR_HTTP_PORT", "3500"), ("DAPR_GRPC_PORT", "50001")],
        _ => vec![],
    };
    let told = items(pods.container(), "env").iter().filter_map(|variable| {
        let (name, value) = (text(variable, "name"), text(variable, "value"));
        let value = match name {
            // Of files that are not on this machine.
            _ if name.ends_with("_FILE") => return None,
            "SIGNING_KEY_PREVIOUS" => return None,
            "SIGNING_KEY" => &key,
            "OLLAMA_URL" => "http://ollama:11434",
            _ if value.is_empty() => "a-placeholder-of-some-length-0123456789",
            _ => value,
        };
        Some((name, value))
    });
    let environment = Environment::from_pairs(added.into_iter().chain(told));
    match Config::from_environment(&environment) {
        Ok(config) => {
            let is_reached = !config.host.is_loopback();
            checked.hold(pods.owner, is_reached, "it listens to its own pod alone: HOST");
            let knows = !matches!(config.auth, runtime::config::Auth::Local);
            checked.hold(pods.owner, knows, "it believes every caller: AUTH");
        }
        Err(error) => checked.say(pods.owner, format!("it does not start: {error}")),
    }
    match kafka::Settings::from_environment(&environment) {
        Ok(kafka) => {
            let publishes = ["relay-events", "backend"].contains(&pods.owner.name());
            checked.hold(
                pods.owner,
                kafka.is_none() || publishes,
                "it does not start: KAFKA_BROKERS is of others",
            );
            let goes_through_sidecar = pods.has_sidecar();
            let is_on_kafka = kafka.is_some() || goes_through_sidecar || checked.set.profile == "backend";
            checked.hold(
                pods.owner,
                is_on_kafka || pods.owner.name() != "relay-events",
                "it has nowhere to publish to",
            );
            let is_signed_in = kafka.as_ref().is_none_or(|kafka| {
                kafka.properties().any(|(name, value)| name == "security.protocol" && value == "SASL_SSL")
            });
            checked.hold(
                pods.owner,
                is_signed_in || !checked.set.is_production(),
                "it reaches Kafka without TLS or a password",
            );
            let user = pods.value("KAFKA_SASL_USERNAME");
            checked.hold(
                pods.owner,
                user.is_empty() || user == pods.owner.name(),
                format!("it is Kafka's user {user:?}"),
            );
        }
        Err(error) => checked.say(pods.owner, format!("it does not start: {error}")),
    }
}

/// Who brings events shows that.
fn events(checked: &mut Checked<'_>, pods: &Pods<'_>) {
    let Some(code) = checked.code.functions.get(pods.owner.name()) else { return };
    let takes = code.ticks || !code.receives.is_empty();
    if checked.set.profile == "knative" {
        let issuer = pods.value("EVENTS_ISSUER");
        checked.hold(
            pods.owner,
            takes != issuer.is_empty(),
            "it believes nobody who brings events, or need not: EVENTS_ISSUER",
        );
        // No certificate of the web has such a name.
        let is_inside = issuer.starts_with("https://kubernetes.default.svc");
        let trusts_cluster = pods.variable("EVENTS_CA_FILE").is_some();
        checked.hold(
            pods.owner,
            !is_inside || trusts_cluster,
            "it does not know who vouches for the issuer of the cluster: EVENTS_CA_FILE",
        );
        let audience = pods.value("EVENTS_AUDIENCE");
        let is_own = !takes || audience == format!("kaam/{}", pods.owner.name());
        checked.hold(
            pods.owner,
            is_own,
            format!("tokens for it are for {audience:?}, which others' may be, too"),
        );
    }
    let pokes = !pods.value("RELAY_URL").is_empty();
    let of = |name| pods.variable(name).map(|variable| text(variable, "valueFrom secretKeyRef key"));
    let is_relay = pods.owner.name() == "relay-events";
    checked.hold(
        pods.owner,
        of("RELAY_TOKEN") == pokes.then_some("EVENTS_TOKEN"),
        "relay-events refuses its pokes, or it could make up events: RELAY_TOKEN",
    );
    checked.hold(
        pods.owner,
        of("EVENTS_TOKEN") == is_relay.then_some("EVENTS_TOKEN"),
        "whoever pokes could bring it events: EVENTS_TOKEN",
    );
    if pokes {
        let expected = format!("http://relay-events.{}.svc.cluster.local/", crate::infra::chart::NAMESPACE);
        checked.hold(pods.owner, pods.value("RELAY_URL") == expected, "its pokes lead nowhere: RELAY_URL");
    }
}
