//! `infra/aws/template.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use runtime::config::Environment;
use runtime::main::Start;
use serde_json::Value;
use store::grants::ROLES;

use super::{Function, fields, items, served, text, yaml};
use crate::requests::{Request, requests};

const TEMPLATE: &str = "infra/aws/template.yaml";

/// Gives the resources of a type by their names.
fn resources(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let of_kind = fields(&template["Resources"]).filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.to_owned(), resource["Properties"].clone())).collect()
}

/// Gives each function of the template by the name of its folder.
fn lambdas(template: &Value) -> BTreeMap<String, Value> {
    let functions = resources(template, "AWS::Serverless::Function").into_values();
    functions
        .map(|properties| {
            let code = properties["CodeUri"].as_str().expect("a folder");
            (code.rsplit('/').next().expect("a name").to_owned(), properties)
        })
        .collect()
}

fn logical(function: &str) -> String {
    function.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// Gives where a request goes, by the precedence that an HTTP API has: a route that is the whole path, then one that ends in a variable for
/// the rest, then the default; a method before any.
fn found<'a>(routes: &'a [(String, String, String)], method: &str, path: &str) -> &'a str {
    let parts: Vec<_> = path.split('/').collect();
    let weight = |(by, template, _): &&(String, String, String)| {
        if by != "ANY" && by != method {
            return None;
        }
        if template == "$default" {
            return Some((0, 0, false));
        }
        let wanted: Vec<_> = template.split('/').collect();
        let is_like = |(wanted, part): (&&str, &&str)| {
            wanted == part || wanted.starts_with('{') && !wanted.ends_with("+}") && !part.is_empty()
        };
        let is_greedy = template.ends_with("+}");
        let length = wanted.len() - usize::from(is_greedy);
        let is_whole = if is_greedy { parts.len() > length } else { parts.len() == length };
        let takes = is_whole && wanted[..length].iter().zip(&parts).all(is_like);
        takes.then(|| (if is_greedy { 1 } else { 2 }, length, by != "ANY"))
    };
    let best =
        routes.iter().filter_map(|route| Some((weight(&route)?, route))).max_by_key(|(weight, _)| *weight);
    &best.expect("the default takes all").1.2
}

/// Gives the functions that run on Lambda: an answer there is sent when it is whole, so not those whose answers have no end, and they say so
/// themselves when they are started.
async fn functions() -> BTreeMap<&'static str, Function> {
    let (there, endless): (BTreeMap<_, _>, BTreeMap<_, _>) =
        super::functions().await.into_iter().partition(|(_, function)| !function.is_endless);
    assert_eq!(endless.into_keys().collect::<Vec<_>>(), [stream_updates::NAME]);
    let settings =
        [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"), ("DATABASE_URL", "postgres://kaam@localhost/kaam")];
    let start = Start::from_environment(Environment::from_pairs(settings)).expect("sound settings");
    assert!(
        stream_updates::build(start).await.is_err(),
        "it would start on Lambda, and is not in {TEMPLATE}"
    );
    there
}

#[tokio::test]
async fn each_request_goes_to_who_serves_it_and_the_rest_is_the_pages() {
    let mut routes = Vec::new();
    for (function, properties) in lambdas(&yaml(TEMPLATE)) {
        for (_, event) in fields(&properties["Events"]).filter(|(_, event)| event["Type"] == "HttpApi") {
            let (method, path) = (&event["Properties"]["Method"], &event["Properties"]["Path"]);
            let (method, path) = (method.as_str().expect("a method"), path.as_str().expect("a path"));
            // SAM makes none of it, without a word.
            assert!(!path.ends_with('/'), "{path}: a route can not end in a slash");
            routes.push((method.to_owned(), path.to_owned(), function.clone()));
        }
    }
    // As many as one API may have.
    assert!(routes.len() <= 300);
    for Request { method, path, servers } in requests(&served(&functions().await)) {
        let found = found(&routes, method, &path);
        assert!(servers.contains(found), "{method} {path} is for {servers:?}, and goes to {found}");
    }
}

#[tokio::test]
async fn every_function_is_there_with_its_time_its_bound_and_its_login() {
    let template = yaml(TEMPLATE);
    let lambdas = lambdas(&template);
    let there = functions().await;
    assert!(lambdas.keys().map(String::as_str).eq(there.keys().copied()), "{:?}", lambdas.keys());
    let usual = &template["Globals"]["Function"]["Timeout"];
    assert_eq!(template["Globals"]["Function"]["Environment"]["Variables"]["DATABASE_POOLER"], "transaction");
    let logins = resources(&template, "AWS::SecretsManager::Secret");
    for (name, function) in there {
        let properties = lambdas.get(name).unwrap_or_else(|| panic!("{name}"));
        let timeout = properties.get("Timeout").unwrap_or(usual);
        assert_eq!(timeout.as_i64(), Some(function.timeout_seconds), "{name}");
        let bound = properties["ReservedConcurrentExecutions"].as_u64();
        assert!(bound.is_some_and(|bound| bound > 0), "{name} has as many connections as it likes");
        let url = properties["Environment"]["Variables"]["DATABASE_URL"].as_str();
        match ROLES.iter().find(|role| role.of == name) {
            None => assert_eq!(url, None, "{name}"),
            Some(role) => {
                let url = url.expect("a database");
                assert!(!url.contains('@') && url.contains("sslmode=verify-full"), "{name}: {url}");
                // What holds locks of a session goes past the pooler, and is not told of one.
                let pooler = &properties["Environment"]["Variables"]["DATABASE_POOLER"];
                assert_eq!(url.contains("${DatabaseProxy.Endpoint}"), pooler.is_null(), "{name}");
                assert_eq!(pooler == "", name == "relay-events", "{name}: {pooler}");
                let login = &logins[&format!("{}Login", logical(name))]["GenerateSecretString"];
                let who = login["SecretStringTemplate"].as_str().expect("a template");
                assert_eq!(who, format!(r#"{{"username":"{}"}}"#, role.name));
            }
        }
    }
}

/// The secrets that a function asks for at its start, and what its role may read.
#[test]
fn a_function_asks_for_its_own_secrets_and_can_read_no_other() {
    let template = yaml(TEMPLATE);
    let roles = resources(&template, "AWS::IAM::Role");
    for (name, properties) in lambdas(&template) {
        let mut asked = match &properties["Environment"]["Variables"]["AWS_SECRETS"] {
            Value::Null => vec![],
            Value::String(one) => vec![one.as_str()],
            joined => items(&joined[1]).iter().filter_map(Value::as_str).collect(),
        };
        let own = format!("{}Login", logical(&name));
        let mut expected = match name.as_str() {
            "web" => vec![],
            "sign-in" => vec![own.as_str(), "SigningSecretArn"],
            "follow-link" => vec![own.as_str(), "LinkSecretArn"],
            "send-reminder" => vec![own.as_str(), "LinkSecretArn", "MailSecretArn"],
            _ => vec![own.as_str()],
        };
        asked.sort_unstable();
        expected.sort_unstable();
        assert_eq!(asked, expected, "{name}");
        let policies = items(&roles[&format!("{}Role", logical(&name))]["Policies"]);
        let statements = policies.iter().flat_map(|policy| items(&policy["PolicyDocument"]["Statement"]));
        let of_secrets =
            statements.filter(|statement| statement["Action"].to_string().contains("secretsmanager:"));
        let mut read: Vec<_> = of_secrets
            .flat_map(|statement| match &statement["Resource"] {
                Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
                one => Vec::from_iter(one.as_str()),
            })
            // Lambda's pollers sign in by it.
            .filter(|secret| *secret != "KafkaConsumerSecretArn")
            .collect();
        read.sort_unstable();
        assert_eq!(read, expected, "{name}");
        // Nothing else that is secret is among its settings, which others may read.
        let settings = properties["Environment"]["Variables"].to_string();
        assert_eq!(settings.contains("{{resolve:"), name == "relay-events", "{name}: {settings}");
        assert!(
            text("infra/aws/build-functions").contains("runtime/lambda,runtime/aws"),
            "AWS_SECRETS is refused"
        );
    }
}

/// The sum of what all functions may have open at once, each invocation its `DATABASE_CONNECTIONS`, and of relay-events one for
/// each topic beside.
#[test]
fn all_functions_together_need_no_more_connections_than_a_small_database_has() {
    let template = yaml(TEMPLATE);
    let each: u64 = template["Globals"]["Function"]["Environment"]["Variables"]["DATABASE_CONNECTIONS"]
        .as_str()
        .and_then(|number| number.parse().ok())
        .expect("a number");
    let bound = |properties: &Value| properties["ReservedConcurrentExecutions"].as_u64().unwrap_or(u64::MAX);
    let lambdas = lambdas(&template);
    let of_database = lambdas.iter().filter(|(name, _)| *name != "web");
    let all: u64 = of_database.map(|(_, properties)| bound(properties) * each).sum::<u64>() + 3;
    // 80 % of the 135 that Aurora has with 1 GiB (LEAST(memory / 9531392, 5000), less what is its own).
    assert!(all <= 107, "{all}");
    assert!(text("infra/README.md").contains(&format!("{all} connections")), "infra/README.md says {all}");
}

#[tokio::test]
async fn each_consumer_is_fed_every_topic_that_it_takes_and_gives_up_in_the_end() {
    let template = yaml(TEMPLATE);
    let mut fed = BTreeSet::new();
    let mut groups = BTreeSet::new();
    for (name, mapping) in resources(&template, "AWS::Lambda::EventSourceMapping") {
        let function = mapping["FunctionName"].as_str().expect("a function").to_owned();
        let [topic] = items(&mapping["Topics"]) else { panic!("{name}: one topic a mapping") };
        fed.insert((function, topic.as_str().expect("a topic").to_owned()));
        assert_eq!(mapping["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{name}");
        assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{name}");
        assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON", "{name}");
        let attempts = mapping["MaximumRetryAttempts"].as_i64().expect("a bound");
        assert!((0..=10).contains(&attempts), "{name}: {attempts}");
        assert!(!mapping["DestinationConfig"]["OnFailure"]["Destination"].is_null(), "{name}");
        // As many pollers as a topic has partitions, at most.
        assert!(mapping["ProvisionedPollerConfig"]["MaximumPollers"].as_i64() <= Some(3), "{name}");
        let group = mapping["AmazonManagedKafkaEventSourceConfig"].to_string();
        assert!(groups.insert(group.clone()), "{name}: another's group, {group}");
    }
    let takes = |(name, function): (&&str, &Function)| {
        function.receives.iter().map(|topic| (logical(name), (*topic).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(fed, functions().await.iter().flat_map(takes).collect());
}

#[tokio::test]
async fn a_clock_wakes_what_takes_ticks_and_nothing_else() {
    let template = yaml(TEMPLATE);
    for (name, function) in functions().await {
        let lambdas = lambdas(&template);
        let schedules: Vec<_> =
            fields(&lambdas[name]["Events"]).filter(|(_, event)| event["Type"] == "ScheduleV2").collect();
        assert_eq!(!schedules.is_empty(), function.ticks, "{name}");
        for (_, schedule) in schedules {
            // The function knows a tick by the scheduler's own event.
            assert!(schedule["Properties"]["Input"].is_null(), "{name}");
        }
    }
}

/// A queue that is encrypted by a key of one's own checks the key's data, too, when it takes a message.
#[test]
fn who_writes_to_an_encrypted_queue_may_use_its_key_both_ways() {
    let template = yaml(TEMPLATE);
    let queues = resources(&template, "AWS::SQS::Queue");
    assert!(!queues.is_empty() && queues.values().all(|queue| queue["KmsMasterKeyId"] == "KeyArn"));
    let mut writers = BTreeSet::new();
    for (name, role) in resources(&template, "AWS::IAM::Role") {
        for policy in items(&role["Policies"]) {
            let statements = items(&policy["PolicyDocument"]["Statement"]);
            let writes = |statement: &&Value| statement["Action"].to_string().contains("sqs:SendMessage");
            for statement in statements.iter().filter(writes) {
                // Asked for by SQS, not by Secrets Manager.
                let uses = statements.iter().filter(|other| {
                    other["Condition"].is_null() && other["Resource"].to_string().contains("\"KeyArn\"")
                });
                let uses = uses.map(|other| other["Action"].to_string()).collect::<String>();
                for action in ["kms:GenerateDataKey", "kms:Decrypt"] {
                    assert!(uses.contains(action), "{name} may not {action}: {statement}");
                }
                writers.insert(name.clone());
            }
        }
    }
    let expected = ["SchedulerRole", "SendReminderRole", "SpawnRecurrenceRole", "WriteAuditRole"];
    assert_eq!(writers, expected.map(str::to_owned).into());
}

#[test]
fn a_role_may_do_no_more_than_its_function() {
    let template = yaml(TEMPLATE);
    for (name, role) in resources(&template, "AWS::IAM::Role") {
        for policy in items(&role["Policies"]) {
            for statement in items(&policy["PolicyDocument"]["Statement"]) {
                let text = statement.to_string();
                assert!(!text.contains(":*\""), "{name}: {text}");
                let is_of_all = statement["Resource"] == "*";
                assert!(!is_of_all || text.contains("ec2:Describe"), "{name}: {text}");
            }
        }
        let reads_secrets = role.to_string().contains("KafkaConsumerSecretArn");
        let is_consumer = ["SendReminderRole", "SpawnRecurrenceRole", "WriteAuditRole"].contains(&&*name);
        assert_eq!(reads_secrets, is_consumer, "{name}");
    }
}

#[test]
fn what_is_built_for_lambda_is_what_the_template_has() {
    let build = text("infra/aws/build-functions");
    let place = "sed -n 's|^ *CodeUri: .*target/lambda/||p' infra/aws/template.yaml";
    assert!(build.contains(place), "which functions?");
    let code = text(TEMPLATE);
    let built =
        code.lines().filter_map(|line| line.trim().strip_prefix("CodeUri: ")?.split_once("target/lambda/"));
    let built: BTreeSet<_> = built.map(|(_, name)| name.to_owned()).collect();
    assert_eq!(built, lambdas(&yaml(TEMPLATE)).into_keys().collect());
}

#[test]
fn what_checkov_is_not_to_ask_says_why() {
    let lines = text("infra/aws/checkov.yaml");
    let lines: Vec<_> = lines.lines().collect();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.trim().starts_with("- CKV")) {
        assert!(lines[number - 1].trim().starts_with('#'), "{line} has no reason");
    }
}
