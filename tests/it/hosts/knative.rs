//! Knative: each function a process of its own, events by HTTP, ticks of a `PingSource`.

use std::time::Duration;

use serde_json::Value;
use tests::fleet::{CONSUMING, Fleet, SERVING, STREAMING, TICKED};
use tests::knative::{Delivery, Knative};
use tests::updates::Updates;

use super::host::{DeadLetter, Host, Place};

/// Less patient than the default of Knative, which would wait for a minute and a half in all.
const DELIVERY: Delivery =
    Delivery { retry: 4, backoff_delay: Duration::from_millis(100), timeout: Duration::from_secs(30) };
/// How often a clock ticks: more often than a `PingSource` can, for the sake of the test's patience.
const TICKS: Duration = Duration::from_millis(500);

pub(super) struct OnKnative {
    place: Place,
    fleet: Fleet,
    knative: Knative,
}

impl OnKnative {
    pub(super) async fn start() -> Self {
        let (place, knative) = (Place::new().await, Knative::start(DELIVERY).await);
        let consuming = CONSUMING.map(|(name, _)| name);
        let ports = Fleet::ports(SERVING.into_iter().chain([STREAMING]).chain(consuming).chain(TICKED));
        for (name, topics) in CONSUMING {
            knative.subscribe(name, topics, ports[name]);
        }
        let relay = format!("http://127.0.0.1:{}/", ports["relay-events"]);
        let fleet = Fleet::start(&ports, place.path(), |name, command| {
            command
                .env("DATABASE_URL", &place.database_url)
                .env("DATA_DIR", place.path())
                .env("RELAY_URL", &relay)
                .env("K_SERVICE", name)
                .env("K_CONFIGURATION", name)
                .env("K_REVISION", format!("{name}-00001"));
            if name == "relay-events" {
                command.env("K_SINK", &knative.sink);
            }
        })
        .await;
        for name in TICKED {
            knative.ping(name, ports[name], TICKS);
        }
        Self { place, fleet, knative }
    }
}

impl Host for OnKnative {
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
        self.knative.write(topic, key, value);
        Ok(())
    }

    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let dead = self.knative.dead_letters().into_iter().filter(|dead| dead.topic == topic);
        dead.map(|dead| DeadLetter {
            function: Some(dead.subscriber.to_owned()),
            reason: format!("{} {}", dead.attributes["knativeerrorcode"], dead.said()),
            key: dead.key,
        })
        .collect()
    }

    async fn replay(&self) {
        for dead in self.knative.take_dead_letters() {
            self.knative.write(&dead.topic, &dead.key, &dead.value);
        }
    }

    async fn is_idle(&self) -> bool {
        self.knative.is_idle()
    }
}
