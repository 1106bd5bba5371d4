//! Beside Dapr, whose sidecars are the bus (a real Kafka behind them), the clock, and the state store of conversations; clients come by
//! invocation. Once with each function as an app of its own, and once with `backend` as the app `backend-service`.

use std::collections::HashMap;
use std::path::Path;

use devkit::testing::unused_port;
use serde_json::Value;
use tests::daprd::{Daprd, Neighbour, Scheduler, component, resource};
use tests::fleet::{CONSUMING, Fleet, SERVING, STREAMING, TICKED, function_of};
use tests::kafka::Kafka;
use tests::process::{Caller, Program, command};
use tests::updates::Updates;

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
    program: Program,
    _sidecar: Daprd,
    client: Daprd,
}

impl BesideDapr {
    /// Starts everything; `None`, having said so, where there is no Kafka or no daprd.
    pub(super) async fn start() -> Option<Self> {
        let kafka = OnKafka::start(Kafka::start().await?).await;
        let place = Place::new().await;
        let mut resources = bus(&kafka);
        resources.push(component(&place.database_url));
        let mut neighbour = Neighbour::of(APP, Some(unused_port()), resources);
        neighbour.app_token = Some(TOKEN);
        neighbour.is_open = true;
        let app_port = neighbour.app_port.expect("it was chosen");
        let sidecar = Daprd::beside(neighbour)?;
        let mut command = command("backend");
        command
            .env("PORT", app_port.to_string())
            .env("DATABASE_URL", &place.database_url)
            .env("DATA_DIR", place.path())
            .envs(sidecar.settings())
            .env("APP_API_TOKEN", TOKEN)
            // Not in bulk (DAPR_BULK): then daprd writes each event anew, and what is no UTF-8 comes with the wrong bytes replaced.
            .env("DAPR_PUBSUB", "pubsub");
        let program = Program::start_with_log(command, &place.path().join("backend.log")).await;
        sidecar.ready().await;
        let mut neighbour = Neighbour::of("client", None, Vec::new());
        neighbour.invoked = Some(sidecar.internal_port);
        let client = Daprd::beside(neighbour)?;
        client.ready().await;
        Some(Self { place, kafka, caller: Caller::new(), program, _sidecar: sidecar, client })
    }
}

/// The components of `infra/dapr` that every app has.
fn bus(kafka: &OnKafka) -> Vec<String> {
    let own = [
        ("kafka:9092", kafka.brokers()),
        // The broker of the tests takes shorter sessions.
        ("value: 6s", "value: 2s"),
        ("value: 2s\nscopes", "value: 500ms\nscopes"),
    ];
    vec![resource("components/pubsub.yaml", &own), resource("resiliency.yaml", &[])]
}

/// Gives why an event was dropped: the app says it in its log. What is no JSON the sidecar drops by itself.
fn reason(dead: &Letter, log: &Path) -> String {
    let event: Value = serde_json::from_slice(&dead.value).unwrap_or_default();
    let id = event["id"].as_str().unwrap_or_default();
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut dropped = lines.filter(|line| line["level"] == "ERROR" && line["event_id"] == id);
    let why = dropped.find_map(|line| Some(line["why"].as_str()?.to_owned()));
    why.unwrap_or_else(|| "the sidecar could not read it".to_owned())
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

    async fn updates(&self, user: &str) -> Result<Updates, &'static str> {
        Ok(Updates::open_at(self.program.port, user, false).await)
    }

    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        self.kafka.produce(topic, key, value).await
    }

    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let log = self.place.path().join("backend.log");
        let letter = |dead: Letter| DeadLetter { function: None, reason: reason(&dead, &log), key: dead.key };
        self.kafka.dead_letters(topic).into_iter().map(letter).collect()
    }

    async fn replay(&self) {
        self.kafka.replay(&self.place).await;
    }

    async fn is_idle(&self) -> bool {
        self.kafka.is_consumed(&[(APP, TOPICS)])
    }
}

/// Each function as an app of its own.
pub(super) struct OnDapr {
    place: Place,
    kafka: OnKafka,
    caller: Caller,
    sidecars: HashMap<&'static str, Daprd>,
    /// By app, another one whose sidecar finds it.
    clients: HashMap<&'static str, &'static str>,
    fleet: Fleet,
    _scheduler: Scheduler,
}

impl OnDapr {
    /// As [`BesideDapr::start`].
    pub(super) async fn start() -> Option<Self> {
        let scheduler = Scheduler::start().await?;
        let kafka = OnKafka::start(Kafka::start().await?).await;
        let place = Place::new().await;
        let consuming = CONSUMING.map(|(name, _)| name);
        let ports = Fleet::ports(SERVING.into_iter().chain([STREAMING]).chain(consuming).chain(TICKED));
        // A sidecar of the tests finds one other app: each finds the one before.
        let mut sidecars: HashMap<&str, Daprd> = HashMap::new();
        let (mut clients, mut before) = (HashMap::new(), None);
        for name in SERVING.into_iter().chain([STREAMING]).chain(consuming).chain(TICKED) {
            let resources = match name {
                "chat-command" => vec![component(&place.database_url)],
                serving if SERVING.contains(&serving) || serving == STREAMING => Vec::new(),
                _ => bus(&kafka),
            };
            let mut neighbour = Neighbour::of(name, Some(ports[name]), resources);
            neighbour.app_token = Some(TOKEN);
            neighbour.is_open = true;
            neighbour.scheduler = (name == "scan-reminders").then_some(scheduler.port);
            neighbour.invoked = before.map(|before: &str| sidecars[before].internal_port);
            sidecars.insert(name, Daprd::beside(neighbour)?);
            clients.extend(before.map(|before| (before, name)));
            before = Some(name);
        }
        let relay = format!("http://127.0.0.1:{}/", ports["relay-events"]);
        let fleet = Fleet::start(&ports, place.path(), |name, command| {
            command
                .env("DATABASE_URL", &place.database_url)
                .env("DATA_DIR", place.path())
                .env("RELAY_URL", &relay)
                .env("DAPR_HTTP_PORT", sidecars[name].port.to_string())
                .env("DAPR_API_TOKEN", sidecars[name].token())
                .env("APP_API_TOKEN", TOKEN);
            match name {
                "chat-command" => command.env("CONVERSATION_STATE", "dapr"),
                // More often than a schedule of real use.
                "scan-reminders" => command.env("DAPR_SCHEDULE", "@every 1s"),
                // Whom nothing ticks: it is poked, and looks by itself.
                "relay-events" => command.env("DAPR_SCHEDULE", "binding"),
                _ => command,
            };
        })
        .await;
        for sidecar in sidecars.values() {
            sidecar.ready().await;
        }
        let caller = Caller::new();
        Some(Self { place, kafka, caller, sidecars, clients, fleet, _scheduler: scheduler })
    }
}

impl Host for OnDapr {
    fn place(&self) -> &Place {
        &self.place
    }

    /// Invokes the function through the sidecar of another one.
    async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        user: &str,
        correlation: &str,
    ) -> (u16, Value) {
        let app = function_of(method, path);
        let sidecar = &self.sidecars[self.clients[app]];
        let headers =
            [("x-user-id", user), ("x-correlation-id", correlation), ("dapr-api-token", sidecar.token())];
        let path = format!("/v1.0/invoke/{app}/method{path}");
        self.caller.call(sidecar.port, method, &path, body, &headers).await.expect("it serves")
    }

    async fn updates(&self, user: &str) -> Result<Updates, &'static str> {
        Ok(self.fleet.updates(user).await)
    }

    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        self.kafka.produce(topic, key, value).await
    }

    /// Dapr does not say whose a dead letter is. What is looked for here is always write-audit's.
    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let log = self.place.path().join("write-audit.log");
        let letter = |dead: Letter| DeadLetter { function: None, reason: reason(&dead, &log), key: dead.key };
        self.kafka.dead_letters(topic).into_iter().map(letter).collect()
    }

    async fn replay(&self) {
        self.kafka.replay(&self.place).await;
    }

    async fn is_idle(&self) -> bool {
        self.kafka.is_consumed(&CONSUMING)
    }
}
