//! A cluster that asks for a password or a certificate, over TLS.

use std::fs;

use tests::kafka::{PASSWORD, Secured, USER};

use super::*;

type Way = Vec<(&'static str, String)>;

/// Gives what leads to the cluster by a password.
fn by_password(secured: &Secured, password: &str) -> Way {
    vec![
        ("KAFKA_BROKERS", secured.by_password.clone()),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512".to_owned()),
        ("KAFKA_SASL_USERNAME", USER.to_owned()),
        ("KAFKA_SASL_PASSWORD", password.to_owned()),
        ("KAFKA_CA", secured.ca.clone()),
    ]
}

/// Gives what leads to the cluster by a certificate.
fn by_certificate(secured: &Secured, (certificate, key): &(String, String)) -> Way {
    vec![
        ("KAFKA_BROKERS", secured.by_certificate.clone()),
        ("KAFKA_SECURITY_PROTOCOL", "SSL".to_owned()),
        ("KAFKA_CA", secured.ca.clone()),
        ("KAFKA_CERT", certificate.clone()),
        ("KAFKA_KEY", key.clone()),
    ]
}

async fn start(world: &World, way: &Way, name: &str, files: &DataDir) -> Program {
    let mut command = command(name);
    command.env("DATABASE_URL", &world.database_url).envs(way.iter().map(|(name, value)| (*name, value)));
    Program::start_with_log(command, &files.path().join(format!("{name}.log"))).await
}

async fn kafka_is(program: &Program) -> Value {
    let (status, ready) = program.call("GET", "/ready", &Value::Null, &[]).await.expect("it serves");
    assert_eq!(status, 200, "{ready}");
    ready["kafka"].clone()
}

#[tokio::test]
async fn a_secured_cluster_is_used_with_what_it_asks_for_and_otherwise_it_is_said_what_is_wrong_and_no_secret()
 {
    let Some((kafka, secured)) = Kafka::start_secured().await else { return };
    let world = World::new().await;
    let mut create = command("backend");
    create.arg("create-topics").envs(by_password(&secured, PASSWORD));
    let said = outcome(create).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));

    let (other_ca, [_, other_client]) = tests::kafka::certificates();
    let right = [by_password(&secured, PASSWORD), by_certificate(&secured, &secured.client)];
    let replaced = |way: &Way, name: &'static str, value: &str| -> Way {
        way.iter().map(|(known, old)| (*known, if *known == name { value } else { old }.to_owned())).collect()
    };
    let elsewhere = secured.by_password.replace("localhost", "127.0.0.1");
    let wrong = [
        ("a wrong password", by_password(&secured, "wrong-never-in-a-log-line"), "uthentication"),
        ("an unknown authority", replaced(&right[0], "KAFKA_CA", &other_ca), "certificate"),
        ("a wrong host name", replaced(&right[0], "KAFKA_BROKERS", &elsewhere), "certificate"),
        ("a certificate of nobody's", by_certificate(&secured, &other_client), "SSL"),
    ];
    let audited = async |expected: i64| {
        eventually("all is audited", async || (count(&world, "audit_logs").await == expected).then_some(()))
            .await;
    };
    let mut tasks = 0;
    for way in &right {
        world.create(json!({"title": "water the plants"})).await;
        tasks += 1;
        let files = DataDir::new();
        let relay = start(&world, way, "relay-events", &files).await;
        let audit = start(&world, way, "write-audit", &files).await;
        audited(tasks).await;
        assert_eq!(
            (kafka_is(&relay).await, kafka_is(&audit).await),
            (json!("connected"), json!("connected"))
        );
        for program in [relay, audit] {
            assert!(program.stop().await.success());
        }
    }
    for (what, way, said) in &wrong {
        world.create(json!({"title": "water the plants"})).await;
        tasks += 1;
        let files = DataDir::new();
        for name in ["relay-events", "write-audit"] {
            let program = start(&world, way, name, &files).await;
            let log = || fs::read_to_string(files.path().join(format!("{name}.log"))).unwrap_or_default();
            let is_said = async || {
                let is_so = |line: &str| line.contains("librdkafka") && line.contains(said);
                log().lines().any(is_so).then_some(())
            };
            eventually(&format!("{name} says: {what}"), is_said).await;
            assert_eq!(kafka_is(&program).await, "unreachable", "{what}");
            assert!(program.stop().await.success(), "{what}");
            let log = log();
            let secret = ["never-in-a-log-line", "BEGIN"].into_iter().find(|secret| log.contains(secret));
            assert_eq!(secret, None, "{what}: {log}");
            let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok();
            let alien = log.lines().find(|line| !is_json(line));
            assert_eq!(alien, None, "every line of {name} is one of the log");
        }
        assert_eq!(count(&world, "events WHERE status = 'failed'").await, 0, "{what}: it waits");
    }
    let files = DataDir::new();
    let relay = start(&world, &right[0], "relay-events", &files).await;
    let audit = start(&world, &right[1], "write-audit", &files).await;
    audited(tasks).await;
    drop((relay, audit, kafka));
}
