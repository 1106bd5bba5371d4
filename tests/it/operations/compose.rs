//! `infra/docker/compose.yaml` and what it mounts.

use std::collections::{BTreeMap, BTreeSet};

use runtime::config::{Auth, Config, Environment};
use runtime::host::Host;
use serde_json::Value;
use store::grants::ROLES;

use super::{fields, functions, names, served, text, yaml};
use crate::requests::{Request, requests};

const COMPOSE: &str = "infra/docker/compose.yaml";

/// Gives the environment of each function.
fn environments() -> BTreeMap<String, BTreeMap<String, String>> {
    let compose = yaml(COMPOSE);
    let folders = names("functions");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let of_functions = fields(&compose["services"]).filter(|(name, _)| folders.contains(*name));
    of_functions
        .map(|(name, service)| {
            let environment =
                fields(&service["environment"]).map(|(name, value)| (name.to_owned(), text(value)));
            (name.to_owned(), environment.collect())
        })
        .collect()
}

fn ports() -> BTreeMap<String, String> {
    environments().into_iter().map(|(name, environment)| (name, environment["PORT"].clone())).collect()
}

#[test]
fn compose_has_every_function_and_each_a_port_of_its_own() {
    let mut expected = names("functions");
    expected.retain(|name| name != "README" && name != "backend");
    assert_eq!(environments().into_keys().collect::<BTreeSet<_>>(), expected);
    let mut taken = BTreeSet::new();
    for (name, environment) in environments() {
        for port in ["PORT", "METRICS_PORT"] {
            assert!(taken.insert(environment[port].clone()), "{name}: {port} is another's");
        }
    }
    let scraped = text("infra/docker/compose/prometheus.yaml");
    for (name, environment) in environments() {
        let target = format!("127.0.0.1:{}", environment["METRICS_PORT"]);
        let line = scraped.lines().position(|line| line.contains(&target)).expect("it is scraped");
        let label = scraped.lines().nth(line + 1).expect("it has a label");
        assert!(label.contains(&format!("function: {name} ")), "{name}: {label}");
    }
}

/// Says whether a path is like the template of an operation; a slash may follow.
fn is_like(template: &str, path: &str) -> bool {
    let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let (wanted, parts): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == parts.len()
        && wanted
            .iter()
            .zip(parts)
            .all(|(wanted, part)| *wanted == part || wanted.starts_with('{') && !part.is_empty())
}

#[tokio::test]
async fn the_door_leads_each_request_to_who_serves_it() {
    let ports = ports();
    let door = text("infra/docker/compose/door.conf");
    let mut rules = Vec::new();
    for line in door.lines().filter(|line| line.trim_start().starts_with("\"~^")) {
        let (rule, comment) = line.split_once("; # ").expect("a comment");
        let (pattern, address) = rule.trim().rsplit_once(' ').expect("a pattern and an address");
        let (function, route) = comment.split_once(' ').expect("a function and what it serves");
        assert_eq!(address, format!("127.0.0.1:{}", ports[function]), "{line}");
        // The comment is what the pattern means; `*` is any method.
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let segments = path.split('/').map(|segment| match segment.starts_with('{') {
            true => "[^/]+".to_owned(),
            false => segment.replace('.', "\\."),
        });
        let methods = match method {
            "GET" => "(GET|HEAD)",
            "*" => "[A-Z]+",
            other => other,
        };
        let meant = format!("\"~^{methods} {}/?$\"", segments.collect::<Vec<_>>().join("/"));
        assert_eq!(pattern, meant, "{line}");
        rules.push((method, path, function));
    }
    assert!(door.contains(&format!("default 127.0.0.1:{}; # web", ports["web"])), "the rest is the page's");
    for Request { method, path, servers } in requests(&served(&functions().await)) {
        // The first that is like it.
        let found = rules.iter().find(|(own, template, _)| {
            let takes = [method, "*"].contains(own) || *own == "GET" && method == "HEAD";
            takes && is_like(template, &path)
        });
        let found = found.map_or("web", |(_, _, function)| *function);
        assert!(servers.contains(found), "{method} {path} is for {servers:?}, and goes to {found}");
    }
}

/// What comes in pieces, for as long as it likes, is passed on piece by piece.
#[tokio::test]
async fn the_door_holds_nothing_of_an_answer_back_that_has_no_end() {
    let door = text("infra/docker/compose/door.conf");
    let functions = functions().await;
    let endless = functions.values().filter(|function| function.is_endless);
    let mut paths = endless.flat_map(|function| &function.routes).map(|route| &route["GET ".len()..]);
    let path = paths.next().expect("there is one");
    let (_, location) = door.split_once(&format!("location ~ ^{path}/?$ {{")).expect("a place of its own");
    let (said, _) = location.split_once('}').expect("its end");
    for wanted in ["proxy_buffering off;", "gzip off;", "proxy_pass http://$function;"] {
        assert!(said.contains(wanted), "{wanted} is not in {said}");
    }
    let (_, patience) = said.split_once("proxy_read_timeout ").expect("how long it may be silent");
    let seconds: u32 =
        patience.split_once("s;").and_then(|(number, _)| number.parse().ok()).expect("seconds");
    // Several signs of life, one each 15 s.
    assert!(seconds >= 45, "{seconds}");
    assert_eq!(paths.next(), None, "one place is looked at");
}

#[tokio::test]
async fn each_function_starts_with_the_settings_that_compose_gives_it() {
    let code = functions().await;
    for (name, settings) in environments() {
        let mut settings: BTreeMap<_, _> =
            settings.into_iter().map(|(name, value)| (name, defaulted(&value))).collect();
        if let Some(file) = settings.remove("SIGNING_KEY_FILE") {
            assert_eq!((name.as_str(), file.as_str()), ("sign-in", "/run/secrets/signing-key"));
            settings.insert("SIGNING_KEY".to_owned(), runtime::auth::SigningKeys::generate());
        }
        let environment = Environment::from_pairs(&settings);
        let config = Config::from_environment(&environment).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(matches!(config.auth, Auth::Jwt(_)), "{name} believes whoever calls");
        assert!(config.host.is_loopback(), "{name} is reached past the door");
        let takes_events = !code[name.as_str()].receives.is_empty();
        let has_brokers = settings.contains_key("KAFKA_BROKERS");
        assert_eq!(has_brokers, takes_events || name == "relay-events", "{name}: KAFKA_BROKERS");
        Host::from_environment_but(&["KAFKA_BROKERS"], &environment).expect("a host");
        // Each as its own role.
        let role = ROLES.iter().find(|role| role.of == name).map(|role| role.name);
        let user = settings.get("DATABASE_URL").map(|url| {
            let user = url.strip_prefix("postgres://").and_then(|rest| rest.split(':').next());
            user.expect("a URL with a user")
        });
        assert_eq!(user, role, "{name}: DATABASE_URL");
    }
}

/// Gives what Compose makes of a value when nothing is set: `${NAME:-default}` is its default.
fn defaulted(value: &str) -> String {
    match value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(variable) => variable.split_once(":-").expect("a default").1.to_owned(),
        None => value.to_owned(),
    }
}

#[test]
fn every_container_is_confined_and_says_whether_it_is_well() {
    let compose = yaml(COMPOSE);
    for (name, service) in fields(&compose["services"]) {
        let is_ours = service["image"].as_str().is_some_and(|image| image.starts_with("kaam/"));
        if is_ours {
            assert_eq!(service["read_only"], true, "{name}");
            assert_eq!(service["cap_drop"][0], "ALL", "{name}");
            assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{name}");
        }
        if is_ours && service["command"].is_null() {
            assert_eq!(service["healthcheck"]["test"][2], "--healthy", "{name}");
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().expect("a text");
            assert!(port.starts_with("127.0.0.1:"), "{name} is reached from outside of this machine: {port}");
        }
        for (needed, _) in fields(&service["depends_on"]) {
            assert!(!compose["services"][needed].is_null(), "{name} waits for {needed}, which is not there");
        }
        let image = service["image"].as_str().expect("an image");
        assert!(is_ours || image.split_once(':').is_some_and(|(_, tag)| tag != "latest"), "{name}: {image}");
    }
}

#[test]
fn a_sidecar_stands_beside_what_takes_or_publishes_events() {
    let compose = yaml("infra/docker/compose.dapr.yaml");
    let ports = ports();
    let mut taken: BTreeSet<String> = environments()
        .values()
        .flat_map(|environment| [environment["PORT"].clone(), environment["METRICS_PORT"].clone()])
        .collect();
    for name in ["relay-events", "send-reminder", "spawn-recurrence", "write-audit"] {
        let sidecar = &compose["services"][format!("{name}-dapr")];
        let words: Vec<_> = super::items(&sidecar["command"]).iter().filter_map(Value::as_str).collect();
        let word = |option: &str| {
            let found = words.iter().find_map(|word| word.strip_prefix(&format!("--{option}=")));
            found.unwrap_or_else(|| panic!("{name}: {option}")).to_owned()
        };
        assert_eq!(word("app-id"), name);
        // By which nobody invokes it.
        let mounted = format!("../dapr/configuration.yaml:{}:ro", word("config"));
        assert!(super::items(&sidecar["volumes"]).contains(&Value::String(mounted)), "{name}: --config");
        assert_eq!(word("app-port"), ports[name], "{name}");
        let environment = &compose["services"][name]["environment"];
        assert_eq!(environment["DAPR_HTTP_PORT"], word("dapr-http-port").as_str(), "{name}");
        assert_eq!(environment["KAFKA_BROKERS"], "", "{name}");
        assert_eq!(environment["APP_API_TOKEN"], sidecar["environment"]["APP_API_TOKEN"], "{name}");
        for option in ["dapr-http-port", "dapr-grpc-port", "dapr-internal-grpc-port", "metrics-port"] {
            assert!(taken.insert(word(option)), "{name}: {option} is another's");
        }
    }
}

/// Without a model in it nobody is served by who only listens.
#[test]
fn a_model_that_is_started_is_fetched_and_asked() {
    let compose = yaml(COMPOSE);
    let mut of_profile =
        fields(&compose["services"]).filter(|(_, service)| service["profiles"][0] == "model");
    let fetches = |(_, service): (&str, &Value)| service["entrypoint"][1] == "pull";
    assert!(of_profile.any(fetches), "a model is fetched by nobody");
    let fetched = &compose["services"]["ollama-model"]["entrypoint"][2];
    assert_eq!(fetched, &compose["services"]["chat-command"]["environment"]["OLLAMA_MODEL"]);
    assert!(text(COMPOSE).contains("OLLAMA_URL=http://ollama:11434 infra/docker/up --profile model"));
}
