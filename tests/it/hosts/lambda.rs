//! AWS Lambda: functions that answer requests behind the emulator of `cargo lambda`, functions that take events each before a
//! runtime API of the tests' own, which a poller of Kafka and a schedule invoke. The relay is a process: it has to look by itself.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tests::cargo_lambda::CargoLambda;
use tests::event_source::{Destination, EventSource};
use tests::fleet::{CONSUMING, Fleet, SERVING, function_of};
use tests::kafka::Kafka;
use tests::lambda::Lambda;
use tests::process::{Starting, eventually};
use tests::updates::Updates;
use tokio::task::JoinHandle;

use super::host::{DeadLetter, Host, Place};
use super::on_kafka::OnKafka;

/// `MaximumRetryAttempts` of the mappings.
const RETRIES: u32 = 3;
/// How often the schedule ticks: more often than one of AWS can.
const TICKS: Duration = Duration::from_millis(500);

pub(super) struct OnLambda {
    place: Place,
    kafka: OnKafka,
    emulator: CargoLambda,
    destination: Destination,
    /// Killed when this is dropped, as the rest is.
    _running: Vec<Starting>,
    _relay: Fleet,
    _sources: Vec<EventSource>,
    ticking: JoinHandle<()>,
}

impl OnLambda {
    /// Starts everything; `None`, having said so, where there is no Kafka or no emulator.
    pub(super) async fn start() -> Option<Self> {
        let emulator = CargoLambda::start_for(&SERVING).await?;
        let kafka = OnKafka::start(Kafka::start().await?).await;
        kafka.widen().await;
        let place = Place::new().await;
        let ports = Fleet::ports(["relay-events"]);
        let relay_url = format!("http://127.0.0.1:{}/", ports["relay-events"]);
        let relay = Fleet::start(&ports, place.path(), |_, command| {
            command.env("DATABASE_URL", &place.database_url).env("KAFKA_BROKERS", kafka.brokers());
        })
        .await;
        let mut running = Vec::new();
        for name in SERVING {
            let mut command = emulator.command_by_name(name, &place.database_url);
            command.env("RELAY_URL", &relay_url);
            running.push(Starting::spawn_with_log(command, &place.path().join(format!("{name}.log"))));
        }
        let mut apis = HashMap::new();
        for name in CONSUMING.map(|(name, _)| name).into_iter().chain(["scan-reminders"]) {
            let lambda = Arc::new(Lambda::start().await);
            let mut command = lambda.command(name, &place.database_url);
            command.env("RELAY_URL", &relay_url).env("DATA_DIR", place.path());
            running.push(Starting::spawn_with_log(command, &place.path().join(format!("{name}.log"))));
            apis.insert(name, lambda);
        }
        for lambda in apis.values() {
            lambda.is_asked(1).await;
        }
        let destination = Destination::default();
        let source = |(name, topics)| {
            let lambda = Arc::clone(&apis[name]);
            EventSource::start(kafka.cluster(), lambda, name, topics, RETRIES, Arc::clone(&destination))
        };
        let sources = CONSUMING.into_iter().map(source).collect();
        let scan = Arc::clone(&apis["scan-reminders"]);
        let ticking = tokio::spawn(async move {
            loop {
                // One that fails comes again soon enough.
                let _ = scan.invoke(&tick()).await;
                tokio::time::sleep(TICKS).await;
            }
        });
        let host = Self {
            place,
            kafka,
            emulator,
            destination,
            _running: running,
            _relay: relay,
            _sources: sources,
            ticking,
        };
        // The emulator does not wait for a function that has not asked yet.
        for (method, path) in [
            ("GET", "/api/tasks"),
            ("POST", "/api/tasks"),
            ("PATCH", "/api/tasks/1"),
            ("POST", "/api/tasks/1/complete"),
            ("DELETE", "/api/tasks/1"),
            ("GET", "/chat/conversations/none"),
        ] {
            eventually("the emulator knows the function", async || {
                let (status, _) = host.call(method, path, &Value::Null, "nobody", "start").await;
                (status < 500).then_some(())
            })
            .await;
        }
        Some(host)
    }
}

impl Drop for OnLambda {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

fn tick() -> Value {
    json!({
        "version": "0", "id": "i", "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": "1",
        "time": "2026-06-01T06:00:00Z", "region": "eu-west-1", "resources": [], "detail": "{}",
    })
}

impl Host for OnLambda {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        user: &str,
        correlation: &str,
    ) -> (u16, Value) {
        let headers = [("host", "localhost"), ("x-user-id", user), ("x-correlation-id", correlation)];
        self.emulator.request_to(function_of(method, path), method, path, body, &headers).await
    }

    async fn updates(&self, _user: &str) -> Result<Updates, &'static str> {
        Err("AWS Lambda sends an answer when it is whole")
    }

    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        self.kafka.produce(topic, key, value).await
    }

    /// Gives what is in the destination; why is in the log of the function, by partition and offset.
    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let given_up = self.destination.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let of_topic = given_up.into_iter().filter(|dead| dead.topic == topic);
        of_topic
            .map(|dead| {
                let log = self.place.path().join(format!("{}.log", dead.function));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                let partition = json!(format!("{topic}-{}", dead.partition));
                let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                let mut of_record =
                    lines.filter(|line| line["partition"] == partition && line["offset"] == dead.offset);
                let reason = of_record.find_map(|line| Some(line["why"].as_str()?.to_owned()));
                DeadLetter {
                    function: Some(dead.function.to_owned()),
                    key: String::from_utf8_lossy(&dead.key).into_owned(),
                    reason: reason.unwrap_or_default(),
                }
            })
            .collect()
    }

    async fn replay(&self) {
        let given_up = std::mem::take(&mut *self.destination.lock().unwrap_or_else(PoisonError::into_inner));
        for dead in given_up {
            let key = String::from_utf8_lossy(&dead.key);
            self.kafka.produce(&dead.topic, &key, &dead.value).await.expect("it lay there before");
        }
    }

    async fn is_idle(&self) -> bool {
        self.kafka.is_consumed(&CONSUMING)
    }
}
