//! Workers on a real Kafka: each function a process of its own, and those that take events a consumer group each.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tests::fleet::{CONSUMING, Fleet, SERVING, STREAMING, TICKED};
use tests::kafka::Kafka;
use tests::updates::Updates;
use tokio::task::JoinHandle;

use super::host::{DeadLetter, Host, Place};
use super::on_kafka::{Letter, OnKafka};

/// How often a clock ticks scan-reminders, as a `CronJob` or a `cron` trigger of KEDA does, less often.
pub(super) const TICKS: Duration = Duration::from_millis(500);

pub(super) struct Workers {
    place: Place,
    kafka: OnKafka,
    fleet: Arc<Fleet>,
    ticking: JoinHandle<()>,
}

impl Workers {
    /// Starts everything; `None`, having said so, where there is no Kafka.
    pub(super) async fn start() -> Option<Self> {
        let kafka = OnKafka::start(Kafka::start().await?).await;
        kafka.widen().await;
        let place = Place::new().await;
        let consuming = CONSUMING.map(|(name, _)| name);
        let ports = Fleet::ports(SERVING.into_iter().chain([STREAMING]).chain(consuming).chain(TICKED));
        let relay = format!("http://127.0.0.1:{}/", ports["relay-events"]);
        let fleet = Fleet::start(&ports, place.path(), |name, command| {
            command
                .env("DATABASE_URL", &place.database_url)
                .env("DATA_DIR", place.path())
                .env("RELAY_URL", &relay);
            if name == "relay-events" || consuming.contains(&name) {
                command.env("KAFKA_BROKERS", kafka.brokers());
            }
        })
        .await;
        let fleet = Arc::new(fleet);
        let ticked = Arc::clone(&fleet);
        let ticking = tokio::spawn(async move {
            loop {
                ticked.tick("scan-reminders").await;
                tokio::time::sleep(TICKS).await;
            }
        });
        Some(Self { place, kafka, fleet, ticking })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

impl Host for Workers {
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
        let headers = [("x-user-id", user), ("x-correlation-id", correlation)];
        self.fleet.call(method, path, body, &headers).await.expect("it serves")
    }

    async fn updates(&self, user: &str) -> Result<Updates, &'static str> {
        Ok(self.fleet.updates(user).await)
    }

    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        self.kafka.produce(topic, key, value).await
    }

    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let letter = |dead: Letter| DeadLetter {
            function: Some(dead.header("dlq-function")),
            reason: dead.header("dlq-reason"),
            key: dead.key,
        };
        self.kafka.dead_letters(topic).into_iter().map(letter).collect()
    }

    async fn replay(&self) {
        self.kafka.replay(&self.place).await;
    }

    async fn is_idle(&self) -> bool {
        self.kafka.is_consumed(&CONSUMING)
    }
}
