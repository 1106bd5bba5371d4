//! What the scenarios need of a host, and nothing more.

use std::path::Path;

use devkit::testing;
use events::cloud_event::render;
use events::{Event, JsonText, Topic};
use serde_json::Value;
use tests::database::{rows, run};
use tests::process::{DataDir, eventually};
use tests::updates::Updates;

/// The start of a correlation id whose event is committed, and kept from the bus: the test puts it there, when and as often as it likes.
pub(super) const HELD: &str = "held ";

/// A record that was put aside.
#[derive(Debug)]
pub(super) struct DeadLetter {
    /// The function that did not take it; `None` where one letter stands for all.
    pub(super) function: Option<String>,
    /// The key of the record.
    pub(super) key: String,
    /// Why it was put aside.
    pub(super) reason: String,
}

impl DeadLetter {
    /// Says whether a function did not take the record of this key.
    pub(super) fn is_of(&self, function: &str, key: &str) -> bool {
        self.key == key && self.function.as_deref().is_none_or(|this| this == function)
    }
}

/// Everything, running.
pub(super) trait Host {
    /// Its database, its mails and its logs.
    fn place(&self) -> &Place;

    /// Sends a request as a client does.
    async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        user: &str,
        correlation: &str,
    ) -> (u16, Value);

    /// Opens a stream of a user's updates. The error says why there is none here.
    async fn updates(&self, user: &str) -> Result<Updates, &'static str>;

    /// Puts bytes onto the bus as they are. The error says why this bus can not hold them.
    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str>;

    /// Gives what was put aside.
    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter>;

    /// Sends everything again that was put aside.
    async fn replay(&self);

    /// Says whether the bus has nothing under way.
    async fn is_idle(&self) -> bool;
}

/// A database of a host's own, and a folder for its mails and logs.
pub(super) struct Place {
    pub(super) database_url: String,
    pub(super) files: DataDir,
}

impl Place {
    /// Makes one, in which events may be held and audit entries be refused.
    pub(super) async fn new() -> Self {
        let database_url = testing::database(async |url| Ok(store::migrate(url).await?)).await.url;
        run(
            &database_url,
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN NEW.status := 'processed'; RETURN NEW; END $$;
             CREATE TRIGGER hold BEFORE INSERT ON events
                 FOR EACH ROW WHEN (NEW.correlation_id LIKE 'held %') EXECUTE FUNCTION hold();
             CREATE TABLE refused (correlation_id text);
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN
                     IF EXISTS (SELECT FROM refused r WHERE r.correlation_id = NEW.correlation_id) THEN
                         RAISE EXCEPTION 'the test refuses this entry';
                     END IF;
                     RETURN NEW;
                 END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse();",
        )
        .await;
        Self { database_url, files: DataDir::new() }
    }

    pub(super) fn path(&self) -> &Path {
        self.files.path()
    }

    /// Counts rows.
    pub(super) async fn count(&self, what: &str) -> i64 {
        let found = rows(&self.database_url, &format!("SELECT count(*) FROM {what}")).await;
        found[0]["count"].as_i64().expect("a number")
    }

    /// Gives the events of a correlation id, in their order.
    pub(super) async fn events(&self, correlation: &str) -> Vec<Event> {
        let query = format!("SELECT * FROM events WHERE correlation_id = '{correlation}' ORDER BY seq");
        rows(&self.database_url, &query).await.iter().map(event_of).collect()
    }

    /// Says how many mails have a text in them.
    pub(super) fn mails_with(&self, text: &str) -> usize {
        self.files.mails().iter().filter(|(name, mail)| name.ends_with(".eml") && mail.contains(text)).count()
    }

    /// Says how many events there are, and how many of them are still to be published.
    async fn outbox(&self) -> (i64, i64) {
        let query = "SELECT coalesce(max(seq), 0) AS last,
                            count(*) FILTER (WHERE status IN ('pending', 'retrying')) AS open FROM events";
        let found = rows(&self.database_url, query).await;
        let number = |name: &str| found[0][name].as_i64().expect("a number");
        (number("last"), number("open"))
    }
}

/// Puts an event onto the bus.
pub(super) async fn inject(host: &impl Host, event: &Event) {
    let value = render(event).to_string();
    let put = host.inject(event.topic.as_str(), &event.key, value.as_bytes()).await;
    put.expect("every bus holds what the outbox holds");
}

/// Waits until every event is published and handled, with those that this causes.
pub(super) async fn rest(host: &impl Host) {
    eventually("everything is at rest", async || {
        let before = host.place().outbox().await;
        let is_idle = before.1 == 0 && host.is_idle().await;
        (is_idle && host.place().outbox().await == before).then_some(())
    })
    .await;
}

fn event_of(row: &Value) -> Event {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    Event {
        event_id: text("event_id").parse().expect("a UUID"),
        user_id: text("user_id"),
        topic: Topic::parse(&text("topic_name")).expect("a topic"),
        event_type: text("event_type"),
        key: text("key"),
        subject: text("subject"),
        correlation_id: text("correlation_id"),
        traceparent: text("traceparent"),
        timestamp: text("timestamp").parse().expect("an instant"),
        source_service: text("source_service"),
        payload: JsonText::of(&row["payload"]),
    }
}
