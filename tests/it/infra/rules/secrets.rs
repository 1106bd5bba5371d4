//! What is asked of a store of secrets is there before anything runs: Helm waits for all of it.

use serde_json::Value;

use super::Checked;
use crate::infra::chart::{Manifest, NAMESPACE};
use crate::infra::yaml::{items, text, texts};

pub(super) fn check(checked: &mut Checked<'_>) {
    let secrets: Vec<_> = checked.set.of("ExternalSecret").collect();
    for secret in secrets {
        // Tokens of sidecars that nobody has are in nobody's store.
        let is_needed = !secret.name().starts_with("dapr-") || checked.set.profile == "dapr";
        checked.hold(secret, is_needed, "nobody reads it, and the store need not have it");
        authority(checked, secret);
        for store in stores(secret) {
            let (kind, name) = (text(store, "kind"), text(store, "name"));
            let is_there = kind == "ClusterSecretStore" || checked.set.find(kind, name).is_some();
            checked.hold(secret, is_there, format!("there is no {kind} {name}"));
        }
    }
    let stores: Vec<_> = checked.set.of("SecretStore").collect();
    for store in stores {
        reads(checked, store);
    }
}

/// Gives every store that a secret is read from.
fn stores(secret: &Manifest) -> Vec<&Value> {
    let own = items(&secret.0, "spec data").iter().map(|data| super::at(data, "sourceRef storeRef"));
    let own = own.filter(|store| !store.is_null());
    own.chain([super::at(&secret.0, "spec secretStoreRef")]).collect()
}

/// The authority of brokers is made by Strimzi only after this, and is where Strimzi puts it.
fn authority(checked: &mut Checked<'_>, secret: &Manifest) {
    let Some(kafka) = checked.set.of("Kafka").next() else { return };
    let made = format!("{}-cluster-ca-cert", kafka.name());
    for data in items(&secret.0, "spec data") {
        if text(data, "remoteRef property") != "ca.crt" {
            continue;
        }
        let store = checked.set.find("SecretStore", text(data, "sourceRef storeRef name"));
        let of_strimzi = store.is_some_and(|store| {
            text(&store.0, "spec provider kubernetes remoteNamespace") == text(&kafka.0, "metadata namespace")
        });
        checked.hold(
            secret,
            of_strimzi && text(data, "remoteRef key") == made,
            "nobody has put Kafka's authority there when it is asked for, and Strimzi renews it",
        );
    }
}

/// A store that is a namespace of the cluster is read as an account that may read what is asked for, and nothing else.
fn reads(checked: &mut Checked<'_>, store: &Manifest) {
    let kubernetes = "spec provider kubernetes";
    let namespace = text(&store.0, &format!("{kubernetes} remoteNamespace")).to_owned();
    let account = text(&store.0, &format!("{kubernetes} auth serviceAccount name")).to_owned();
    let is_there = checked.set.find("ServiceAccount", &account).is_some();
    checked.hold(store, is_there, format!("there is no account {account:?}"));
    let asked = checked.set.of("ExternalSecret").flat_map(|secret| items(&secret.0, "spec data"));
    let asked = asked.filter(|data| text(data, "sourceRef storeRef name") == store.name());
    let mut asked: Vec<_> = asked.map(|data| text(data, "remoteRef key")).collect();
    asked.dedup();
    let granted = checked.set.of("RoleBinding").filter(|binding| {
        text(&binding.0, "metadata namespace") == namespace
            && text(&binding.0, "subjects 0 name") == account
            && text(&binding.0, "subjects 0 namespace") == NAMESPACE
    });
    let granted = granted.filter_map(|binding| checked.set.find("Role", text(&binding.0, "roleRef name")));
    let granted: Vec<_> = granted.flat_map(|role| items(&role.0, "rules")).collect();
    let may = granted.iter().all(|rule| texts(rule, "verbs") == ["get"])
        && granted.iter().flat_map(|rule| texts(rule, "resourceNames")).collect::<Vec<_>>() == asked;
    checked.hold(store, may, format!("{account} may not read {asked:?}, or more than that"));
}
