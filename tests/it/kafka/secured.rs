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

/// A program of this way, and where it answers.
struct Running(Starting, u16);

fn start(world: &World, way: &Way, name: &str, files: &DataDir) -> Running {
    let port = unused_port();
    let mut command = command(name);
    command
        .env("DATABASE_URL", &world.database_url)
        .env("PORT", port.to_string())
        .envs(way.iter().map(|(name, value)| (*name, value)));
    Running(Starting::spawn_with_log(command, &files.path().join(format!("{name}.log"))), port)
}

impl Running {
    /// Waits until `/ready` has this word for the cluster, with which it is ready in any case.
    async fn shows(&self, word: &str) {
        let caller = Caller::new();
        eventually(&format!("kafka is {word}"), async || {
            let (status, ready) = caller.call(self.1, "GET", "/ready", &Value::Null, &[]).await?;
            (status == 200 && ready["kafka"] == word).then_some(())
        })
        .await;
    }

    async fn stops(self) {
        self.0.signal(Signal::TERM);
        let ended = self.0.ended().await;
        assert!(ended.success(), "it stops when it is told to: {ended}");
    }
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
        let relay = start(&world, way, "relay-events", &files);
        let audit = start(&world, way, "write-audit", &files);
        audited(tasks).await;
        for program in [relay, audit] {
            program.shows("connected").await;
            program.stops().await;
        }
    }
    for (what, way, said) in &wrong {
        world.create(json!({"title": "water the plants"})).await;
        tasks += 1;
        let files = DataDir::new();
        for name in ["relay-events", "write-audit"] {
            let program = start(&world, way, name, &files);
            let log = || fs::read_to_string(files.path().join(format!("{name}.log"))).unwrap_or_default();
            let is_said = async || {
                let is_so = |line: &str| line.contains("librdkafka") && line.contains(said);
                log().lines().any(is_so).then_some(())
            };
            eventually(&format!("{name} says: {what}"), is_said).await;
            program.shows("unreachable").await;
            program.stops().await;
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
    let relay = start(&world, &right[0], "relay-events", &files);
    let audit = start(&world, &right[1], "write-audit", &files);
    audited(tasks).await;
    drop((relay, audit, kafka));
}
