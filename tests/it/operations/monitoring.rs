//! `infra/observability`: rules, their tests, dashboards and pages; against what a running program says at `/metrics`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::process::{Caller, DataDir, Program, backend, eventually};
use tests::updates::Updates;
use tokio::net::TcpListener;

use super::{fields, items, names, text, yaml};

const RULES: &str = "infra/observability/rules/kaam.yaml";
/// What Prometheus itself adds to what it scrapes.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "function"];
/// What only a consumer of Kafka, a neighbour of Dapr, who is sent events, or a state store counts, where their own tests look at them;
/// and what Strimzi's exporter says of topics.
const OF_HOSTS: [(&str, &[&str]); 5] = [
    ("kaam_records_total", &["topic", "outcome"]),
    ("kaam_dapr_events_total", &["topic", "outcome"]),
    ("kaam_requested_events_total", &["topic", "outcome"]),
    ("kafka_topic_partition_current_offset", &["topic", "partition"]),
    ("kaam_conversations_forgotten_total", &["why"]),
];

/// Metrics and the names of their labels.
type Exported = BTreeMap<String, BTreeSet<String>>;

/// Reads the text format of OpenMetrics; what is exported of a histogram are its series.
fn read(scraped: &str) -> Exported {
    let mut exported = Exported::new();
    for line in scraped.lines().filter(|line| !line.starts_with('#')) {
        let series = line.split(" # ").next().unwrap_or_default();
        let end = series.find(['{', ' ']).expect("a name and a value");
        let labels = exported.entry(series[..end].to_owned()).or_default();
        let Some(inside) = series[end..].strip_prefix('{').and_then(|rest| rest.rsplit_once('}')) else {
            continue;
        };
        let mut rest = inside.0;
        while let Some((name, value)) = rest.split_once("=\"") {
            labels.insert(name.trim_start_matches(',').to_owned());
            rest = value.split_once('"').expect("a value in quotes").1;
        }
    }
    exported
}

/// Has a program do a little of everything, and gives what it says of that.
async fn scraped() -> String {
    let data_dir = DataDir::new();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let mut command = backend(data_dir.path());
    command.env("METRICS_PORT", port.to_string());
    let program = Program::start(command).await;
    let due = json!({"title": "call Amna", "due_date": "2100-01-01T09:00:00Z", "reminder_config": {
        "at": (runtime::clock::Clock::system().now() + chrono::TimeDelta::seconds(1)).to_rfc3339(),
        "delivery_method": "email",
    }});
    let (status, task) = program.call("POST", "/api/tasks", &due, &[]).await.expect("it serves");
    assert_eq!(status, 200, "{task}");
    program.call("GET", "/api/tasks/1", &Value::Null, &[]).await.expect("it serves");
    let caller = Caller::new();
    // Until the reminder is out, and the outbox was measured.
    let sent = || async {
        let (_, text) = caller.get_text(port, "/metrics").await?;
        let has = |start: &str| text.lines().any(|line| line.starts_with(start));
        (has("kaam_reminder_lateness_seconds_count 1") && has("kaam_outbox_dead_letters{")).then_some(text)
    };
    let text = eventually("the reminder is sent", sent).await;
    assert!(program.stop().await.success());
    text
}

/// What is promised of requests is how soon they are answered: a stream counts as soon as it begins, however long it lasts, and once.
#[tokio::test]
async fn a_stream_of_updates_counts_as_what_was_answered_when_it_began() {
    let data_dir = DataDir::new();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let mut command = backend(data_dir.path());
    command.env("METRICS_PORT", port.to_string());
    let program = Program::start(command).await;
    let caller = Caller::new();
    let counted = async || {
        let (_, text) = caller.get_text(port, "/metrics").await.expect("it serves");
        let lines = text.lines().filter(|line| line.contains("\"/api/updates\""));
        let of = |name: &str| {
            let lines = lines.clone().filter(|line| line.starts_with(name));
            lines
                .filter_map(|line| line.rsplit_once(' '))
                .map(|(_, value)| value.to_owned())
                .collect::<Vec<_>>()
        };
        let all = of("http_requests_total{");
        let well = of("http_requests_total{method=\"GET\",route=\"/api/updates\",status=\"200\"}");
        (all, well, of("http_request_duration_seconds_sum{"))
    };
    let mut updates = Updates::open_at(program.port, "local", false).await;
    let begun = counted().await;
    assert_eq!((&begun.0, &begun.1), (&vec!["1".to_owned()], &vec!["1".to_owned()]));
    let task = json!({"title": "milk"});
    program.call("POST", "/api/tasks", &task, &[]).await.expect("it serves");
    updates.change().await;
    drop(updates);
    assert_eq!(counted().await, begun, "its length is no latency, and its end no request");
    assert!(program.stop().await.success());
}

/// The words of a query: metrics with the labels that they are asked for, and labels that are summed by.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    metrics: Vec<(String, BTreeSet<String>)>,
    labels: BTreeSet<String>,
}

const OPERATORS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Reads what a query of Prometheus names: a word is a metric, unless a parenthesis follows it, or it is an operator's.
fn asked(query: &str) -> Asked {
    let mut asked = Asked::default();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = rest[1..].split_once('"').expect("the text ends").1;
        } else if first == '[' {
            rest = rest.split_once(']').expect("the range ends").1;
        } else if first.is_ascii_digit() {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
        } else if first.is_ascii_alphabetic() || first == '_' || first == ':' {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after.trim_start();
            if GROUPINGS.contains(&word) {
                let (inside, after) = rest[1..].split_once(')').expect("the labels end");
                asked.labels.extend(inside.split(',').map(|label| label.trim().to_owned()));
                rest = after;
            } else if let Some(matchers) = rest.strip_prefix('{') {
                let (inside, after) = matchers.split_once('}').expect("the matchers end");
                let mut labels = BTreeSet::new();
                let mut left = inside;
                while let Some((name, value)) = left.split_once('"') {
                    let name = name.trim_matches([',', ' ', '=', '!', '~']);
                    labels.insert(name.to_owned());
                    left = value.split_once('"').expect("the value ends").1;
                }
                asked.metrics.push((word.to_owned(), labels));
                rest = after;
            } else if !["(", "by", "without"].iter().any(|after| rest.starts_with(after))
                && !OPERATORS.contains(&word)
            {
                asked.metrics.push((word.to_owned(), BTreeSet::new()));
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    asked
}

#[test]
fn a_query_is_read_by_its_words() {
    let read = asked(
        r#"sum by (le, topic) (rate(a_total{x=~"5..|)",y!="b"}[5m])) / (k:b:c > bool 0) offset 5m and up"#,
    );
    let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        read.metrics,
        [("a_total", &["x", "y"][..]), ("k:b:c", &[]), ("up", &[])]
            .map(|(name, of)| (name.to_owned(), labels(of)))
    );
    assert_eq!(read.labels, labels(&["le", "topic"]));
}

/// Gives every rule: its kind (`record` or `alert`), name, query and all of it.
fn rules() -> Vec<(&'static str, String, String, Value)> {
    let rules = yaml(RULES);
    let all = items(&rules["groups"]).iter().flat_map(|group| items(&group["rules"]).to_vec());
    all.map(|rule| {
        let kind = if rule["record"].is_string() { "record" } else { "alert" };
        let name = rule[kind].as_str().expect("a name").to_owned();
        (kind, name, rule["expr"].as_str().expect("a query").to_owned(), rule)
    })
    .collect()
}

/// Gives every query of the dashboards, with where it stands.
fn panels() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for name in names("infra/observability/dashboards") {
        let board: Value =
            serde_json::from_str(&text(&format!("infra/observability/dashboards/{name}.json")))
                .expect("JSON");
        for panel in items(&board["panels"]) {
            assert_eq!(panel["datasource"]["uid"], "prometheus", "{name}: {}", panel["title"]);
            for target in items(&panel["targets"]) {
                let query = target["expr"].as_str().expect("a query").to_owned();
                queries.push((format!("{name}, {}", panel["title"]), query));
            }
        }
    }
    queries
}

#[tokio::test]
async fn every_query_names_metrics_and_labels_that_the_code_exports() {
    let scraped = scraped().await;
    let mut exported = read(&scraped);
    for (name, labels) in OF_HOSTS {
        exported.insert(name.to_owned(), labels.iter().map(|label| (*label).to_owned()).collect());
    }
    let rules = rules();
    let recorded: BTreeSet<_> =
        rules.iter().filter(|rule| rule.0 == "record").map(|rule| rule.1.clone()).collect();
    let of_rules = rules.iter().map(|(_, name, query, _)| (name.clone(), query.clone()));
    let all_labels: BTreeSet<_> = exported.values().flatten().cloned().collect();
    let mut used = BTreeSet::new();
    for (place, query) in of_rules.chain(panels()) {
        let asked = asked(&query);
        assert!(!asked.metrics.is_empty(), "{place}: {query}");
        for (metric, labels) in asked.metrics {
            if metric.contains(':') {
                assert!(recorded.contains(&metric), "{place} names {metric}, which no rule records");
                continue;
            }
            let known = exported.get(&metric);
            let known =
                known.unwrap_or_else(|| panic!("{place} names {metric}, which nobody exports\n{scraped}"));
            let strange = labels
                .iter()
                .find(|label| !known.contains(*label) && !OF_PROMETHEUS.contains(&label.as_str()));
            assert_eq!(strange, None, "{place}: {metric} has no such label");
            used.insert(metric);
        }
        let is_known = |label: &String| all_labels.contains(label) || OF_PROMETHEUS.contains(&label.as_str());
        assert!(asked.labels.iter().all(is_known), "{place} sums by what no metric has: {:?}", asked.labels);
    }
    // What Kaam counts of its own work is looked at somewhere.
    let unseen: Vec<_> = exported
        .keys()
        .map(|name| name.trim_end_matches("_sum"))
        .filter(|name| name.starts_with("kaam_") && !used.iter().any(|used| used.starts_with(name)))
        .collect();
    assert!(unseen.is_empty(), "no rule and no panel looks at {unseen:?}");
}

#[test]
fn every_alert_has_a_page_and_a_test_that_sets_it_off() {
    let alerts: BTreeSet<_> =
        rules().into_iter().filter(|rule| rule.0 == "alert").map(|rule| rule.1).collect();
    assert_eq!(names("infra/observability/runbooks"), alerts);
    let mut set_off = BTreeSet::new();
    for name in names("infra/observability/tests") {
        for test in items(&yaml(&format!("infra/observability/tests/{name}.yaml"))["tests"]) {
            let expecting =
                items(&test["alert_rule_test"]).iter().filter(|one| !items(&one["exp_alerts"]).is_empty());
            set_off.extend(expecting.filter_map(|one| one["alertname"].as_str().map(str::to_owned)));
        }
    }
    assert_eq!(set_off, alerts);
    for (_, name, _, rule) in rules().iter().filter(|rule| rule.0 == "alert") {
        let page = format!("infra/observability/runbooks/{name}.md");
        assert_eq!(rule["annotations"]["runbook_url"], page.as_str());
        assert!(text(&page).starts_with(&format!("# {name}: ")), "{page}");
        assert!(
            ["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap_or_default()),
            "{name}"
        );
        assert!(fields(&rule["annotations"]).any(|(name, _)| name == "summary"), "{name}");
    }
}

#[test]
fn pages_lead_to_pages_that_are_there() {
    for name in names("infra/observability/runbooks") {
        let page = text(&format!("infra/observability/runbooks/{name}.md"));
        for link in page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let path = format!("infra/observability/runbooks/{link}");
            assert!(super::place(&path).exists(), "{name}: {link}");
        }
    }
}

#[test]
fn rules_can_be_found_and_pages_be_opened_where_they_are_applied() {
    let mut command = std::process::Command::new(super::place("infra/observability/as-manifests"));
    command.arg("elsewhere").env("LABELS", "release: prometheus").env("RUNBOOKS", "https://docs.test/kaam/");
    let said = command.output().expect("it runs");
    let said = String::from_utf8(said.stdout).expect("YAML is UTF-8");
    let rules: Value =
        serde_saphyr::from_str(said.split("\n---\n").next().expect("the rules")).expect("it is YAML");
    assert_eq!(rules["metadata"]["namespace"], "elsewhere");
    assert_eq!(rules["metadata"]["labels"]["release"], "prometheus");
    let all = items(&rules["spec"]["groups"]).iter().flat_map(|group| items(&group["rules"]));
    for rule in all.filter(|rule| rule["alert"].is_string()) {
        let page = format!(
            "https://docs.test/kaam/infra/observability/runbooks/{}.md",
            rule["alert"].as_str().expect("a name")
        );
        assert_eq!(rule["annotations"]["runbook_url"], page.as_str());
    }
}
