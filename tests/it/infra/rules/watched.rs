//! What an alert misses when it is not there has to be there always: else it is a page that nobody wants anything.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::Checked;
use crate::infra::chart::{chart, documents_of};
use crate::infra::yaml::{items, number, text};

/// Who exports what is missed.
const EXPORTED: [(&str, &str); 2] = [
    ("kaam_reminder_scans_total", "scan-reminders"),
    ("kaam_outbox_measured_timestamp_seconds", "relay-events"),
];

pub(super) fn check(checked: &mut Checked<'_>) {
    if checked.set.profile == "backend" {
        return;
    }
    for name in missed() {
        let least = match checked.set.profile {
            "knative" => checked.set.find("KnativeService", name).and_then(|service| {
                let annotations = "spec template metadata annotations";
                number(&service.0, &format!("{annotations} autoscaling.knative.dev/min-scale"))
            }),
            _ => checked
                .set
                .find("ScaledObject", name)
                .and_then(|scaler| number(&scaler.0, "spec minReplicaCount")),
        };
        if least.is_none_or(|least| least < 1) {
            checked.wrong.push(format!("{name} may be away, and then an alert says that it fails"));
        }
    }
}

/// Gives the functions without whose metrics some alert goes off.
fn missed() -> BTreeSet<&'static str> {
    let path = chart().join("../observability/rules/kaam.yaml");
    let rules = documents_of(&fs::read_to_string(path).expect("the file is there")).remove(0);
    let all: Vec<&Value> = items(&rules, "groups").iter().flat_map(|group| items(group, "rules")).collect();
    let of_absence = all.into_iter().filter(|rule| {
        let query = text(rule, "expr");
        !text(rule, "alert").is_empty() && (query.contains("absent(") || query.contains("vector(0)"))
    });
    of_absence
        .map(|rule| {
            let known = EXPORTED.iter().find(|(metric, _)| text(rule, "expr").contains(metric));
            known.unwrap_or_else(|| panic!("{}: whose metric does it miss?", text(rule, "alert"))).1
        })
        .collect()
}
