//! The route that joins the functions under one host.

use serde_json::Value;

use super::{Checked, Pods};
use crate::infra::chart::{Manifest, NAMESPACE};
use crate::infra::yaml::{at, items, text, texts};
use crate::requests::{Request, requests};

/// How many rules a route may have, matches a rule, and matches all its rules (Gateway API).
const RULES: usize = 16;
const MATCHES: usize = 64;
const MATCHES_IN_ALL: usize = 127;
/// How long a request may take that may take as long as it likes.
const UNLIMITED: &str = "0s";

pub(super) fn check(checked: &mut Checked<'_>) {
    let routes: Vec<_> = checked.set.of("HTTPRoute").collect();
    let [route] = routes.as_slice() else {
        checked.wrong.push(format!("there are {} routes", routes.len()));
        return;
    };
    let rules = items(&route.0, "spec rules");
    checked.hold(route, rules.len() <= RULES, format!("a route has {RULES} rules at most"));
    checked.hold(
        route,
        rules.iter().all(|rule| items(rule, "matches").len() <= MATCHES),
        format!("a rule has {MATCHES} matches at most"),
    );
    let all: usize = rules.iter().map(|rule| items(rule, "matches").len()).sum();
    checked.hold(route, all <= MATCHES_IN_ALL, format!("a route has {MATCHES_IN_ALL} matches at most"));
    checked.hold(route, !texts(&route.0, "spec hostnames").is_empty(), "it takes requests for any host");
    for rule in rules {
        self::rule(checked, route, rule);
    }
    if checked.set.profile == "backend" {
        for path in endless(checked) {
            let rule = matching(rules, "GET", &path);
            let request = rule.map_or("", |rule| text(rule, "timeouts request"));
            checked.hold(
                route,
                request == UNLIMITED,
                format!("{path} has no end, and the gateway cuts it off: {request:?}"),
            );
        }
        return;
    }
    let deployed: Vec<_> =
        Pods::of_functions(checked.set).iter().map(|pods| pods.owner.name().to_owned()).collect();
    let served =
        checked.code.functions.iter().filter(|(name, _)| deployed.iter().any(|deployed| deployed == *name));
    let served = served.flat_map(|(name, function)| {
        function.routes.iter().map(|operation| (operation.clone(), (*name).to_owned()))
    });
    for Request { method, path, servers } in requests(&served.collect()) {
        let found = found(rules, method, &path);
        let is_theirs = found.is_some_and(|found| servers.contains(found));
        checked.hold(route, is_theirs, format!("{method} {path} is for {servers:?}, and goes to {found:?}"));
    }
    let found = found(rules, "GET", "/api/tasks/1/2/3");
    checked.hold(route, found == Some("web"), format!("what is nobody's goes to {found:?}"));
}

/// Gives where a request goes.
fn found<'a>(rules: &'a [Value], method: &str, path: &str) -> Option<&'a str> {
    matching(rules, method, path).map(function_of)
}

/// Gives the rule of a request, by the precedence that Gateway API has: exact paths, then patterns, then prefixes; a method before none.
fn matching<'a>(rules: &'a [Value], method: &str, path: &str) -> Option<&'a Value> {
    let weight = |entry: &Value| {
        let value = text(entry, "path value");
        let by_path = match text(entry, "path type") {
            "Exact" => (value == path).then_some(2_000),
            "RegularExpression" => is_like(value, path).then_some(1_000),
            _ => path.starts_with(value).then_some(value.len()),
        }?;
        match text(entry, "method") {
            "" => Some(by_path * 2),
            own => (own == method).then_some(by_path * 2 + 1),
        }
    };
    let best = rules.iter().filter_map(|rule| {
        let weight = items(rule, "matches").iter().filter_map(weight).max()?;
        Some((weight, rule))
    });
    best.max_by_key(|(weight, _)| *weight).map(|(_, rule)| rule)
}

/// Gives the paths whose answers have no end.
fn endless(checked: &Checked<'_>) -> Vec<String> {
    let functions = checked.code.functions.values().filter(|function| function.is_endless);
    let routes = functions.flat_map(|function| &function.routes);
    routes.filter_map(|route| Some(route.split_once(' ')?.1.to_owned())).collect()
}

/// Gives the function that a rule leads to.
fn function_of(rule: &Value) -> &str {
    let host = items(rule, "filters").iter().map(|filter| text(filter, "urlRewrite hostname")).next();
    host.map_or_else(|| text(rule, "backendRefs 0 name"), |host| host.split('.').next().unwrap_or_default())
}

/// Says whether a path is like a pattern, of which only what the chart writes is known: `[^/]+` for a part, and a slash that may be there.
fn is_like(pattern: &str, path: &str) -> bool {
    let Some(pattern) = pattern.strip_prefix('^').and_then(|pattern| pattern.strip_suffix("/?$")) else {
        return false;
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    // Parts are between slashes, and so is the one within the brackets.
    let pattern = pattern.replace("[^/]+", "*").replace("[.]", ".");
    let (wanted, parts): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    wanted.len() == parts.len()
        && wanted
            .iter()
            .zip(parts)
            .all(|(wanted, part)| wanted == &part || *wanted == "*" && !part.is_empty())
}

fn rule(checked: &mut Checked<'_>, route: &Manifest, rule: &Value) {
    let function = function_of(rule);
    if checked.set.profile == "knative" {
        let host = items(rule, "filters")
            .iter()
            .map(|filter| text(filter, "urlRewrite hostname"))
            .next()
            .unwrap_or_default();
        let is_service = host == format!("{function}.{NAMESPACE}.svc.cluster.local")
            && checked.set.find("KnativeService", function).is_some();
        checked.hold(route, is_service, format!("the inner gateway knows no {host:?}"));
        let kinds: Vec<_> = items(rule, "backendRefs").iter().map(|backend| at(backend, "kind")).collect();
        checked.hold(route, kinds.len() == 1, "a rule leads to one");
    }
    let request = text(rule, "timeouts request");
    let known = checked.code.functions.get(function);
    if known.is_some_and(|function| function.is_endless) {
        checked.hold(
            route,
            request == UNLIMITED,
            format!("{function} has no end, and the gateway cuts it off: {request:?}"),
        );
        return;
    }
    let own = known.map_or(0, |function| function.timeout_seconds);
    let is_enough = super::go_seconds(request).is_some_and(|timeout| timeout > own as f64);
    checked.hold(
        route,
        is_enough || request == UNLIMITED && function == "backend",
        format!("the gateway cuts off {function}, which takes up to {own} s"),
    );
}
