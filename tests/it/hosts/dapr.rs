//! Beside Dapr: `backend` as the app `backend-service`, whose sidecar is its bus (a real Kafka behind it) and the state store of its
//! conversations; clients reach it by invocation, through a sidecar of their own.

use serde_json::Value;
use tests::daprd::{Daprd, Neighbour, component, resource};
use tests::fleet::choose_port;
use tests::kafka::Kafka;
use tests::process::{Caller, Program, command};

use super::host::{DeadLetter, Host, Place};
use super::on_kafka::{Letter, OnKafka};

/// The app-id, which is the consumer group, too.
const APP: &str = "backend-service";
const TOPICS: &[&str] = &["task-events", "reminders", "audit-events"];
const TOKEN: &str = "what the sidecar shows";

pub(super) struct BesideDapr {
    place: Place,
    kafka: OnKafka,
    caller: Caller,
    /// Killed when this is dropped, as the sidecars are.
    _program: Program,
    _sidecar: Daprd,
    client: Daprd,
}

impl BesideDapr {
    /// Starts everything; `None`, having said so, where there is no Kafka or no daprd.
    pub(super) async fn start() -> Option<Self> {
        let kafka = OnKafka::start(Kafka::start().await?).await;
        let place = Place::new().await;
        let bus = [
            ("kafka:9092", kafka.brokers()),
            // The broker of the tests takes shorter sessions.
            ("value: 6s", "value: 2s"),
            ("value: 2s\nscopes", "value: 500ms\nscopes"),
        ];
        let resources = vec![
            resource("components/pubsub.yaml", &bus),
            resource("resiliency.yaml", &[]),
            component(&place.database_url),
        ];
        let mut neighbour = Neighbour::of(APP, Some(choose_port()), resources);
        neighbour.app_token = Some(TOKEN);
        let app_port = neighbour.app_port.expect("it was chosen");
        let sidecar = Daprd::beside(neighbour)?;
        let mut command = command("backend");
        command
            .env("PORT", app_port.to_string())
            .env("DATABASE_URL", &place.database_url)
            .env("DATA_DIR", place.path())
            .envs(sidecar.settings())
            .env("APP_API_TOKEN", TOKEN)
            .env("DAPR_PUBSUB", "pubsub");
        let program = Program::start_with_log(command, &place.path().join("backend.log")).await;
        sidecar.ready().await;
        let mut neighbour = Neighbour::of("client", None, Vec::new());
        neighbour.invoked = Some(sidecar.internal_port);
        let client = Daprd::beside(neighbour)?;
        client.ready().await;
        Some(Self { place, kafka, caller: Caller::new(), _program: program, _sidecar: sidecar, client })
    }

    /// Gives why an event was dropped: the app says it in its log. What is no JSON the sidecar drops by itself.
    fn reason(&self, dead: &Letter) -> String {
        let event: Value = serde_json::from_slice(&dead.value).unwrap_or_default();
        let id = event["id"].as_str().unwrap_or_default();
        let log = std::fs::read_to_string(self.place.path().join("backend.log")).unwrap_or_default();
        let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut dropped = lines.filter(|line| line["level"] == "ERROR" && line["event_id"] == id);
        let why = dropped.find_map(|line| Some(line["why"].as_str()?.to_owned()));
        why.unwrap_or_else(|| "the sidecar could not read it".to_owned())
    }
}

impl Host for BesideDapr {
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
        let token = ("dapr-api-token", self.client.token());
        let headers = [("x-user-id", user), ("x-correlation-id", correlation), token];
        let path = format!("/v1.0/invoke/{APP}/method{path}");
        self.caller.call(self.client.port, method, &path, body, &headers).await.expect("it serves")
    }

    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        self.kafka.produce(topic, key, value).await
    }

    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let letter = |dead: Letter| DeadLetter { function: None, reason: self.reason(&dead), key: dead.key };
        self.kafka.dead_letters(topic).into_iter().map(letter).collect()
    }

    async fn replay(&self) {
        self.kafka.replay().await;
    }

    async fn is_idle(&self) -> bool {
        self.kafka.is_consumed(&[(APP, TOPICS)])
    }
}
