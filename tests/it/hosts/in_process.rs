//! Everything in one process: `backend`, whose bus is its outbox.

use std::sync::atomic::{AtomicBool, Ordering};

use events::cloud_event::Envelope;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::database::rows;
use tests::process::{Program, command, outcome};
use tests::updates::Updates;

use super::host::{DeadLetter, Host, Place};

pub(super) struct InProcess {
    place: Place,
    program: Program,
    is_british: AtomicBool,
}

impl InProcess {
    pub(super) async fn start() -> Self {
        let place = Place::new().await;
        let mut command = command("backend");
        command.env("DATABASE_URL", &place.database_url).env("DATA_DIR", place.path());
        let program = Program::start_with_log(command, &place.path().join("backend.log")).await;
        Self { place, program, is_british: AtomicBool::new(false) }
    }

    /// Has the relay look now: it does after a commit.
    async fn poke(&self) {
        let is_british = self.is_british.fetch_xor(true, Ordering::SeqCst);
        let locale = if is_british { "en-US" } else { "en-GB" };
        let (status, said) =
            self.call("PATCH", "/api/settings", &json!({"locale": locale}), "poker", "poke").await;
        assert_eq!(status, 200, "{said}");
    }
}

impl Host for InProcess {
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
        self.program.call(method, path, body, &headers).await.expect("it serves")
    }

    async fn updates(&self, user: &str) -> Result<Updates, &'static str> {
        Ok(Updates::open_at(self.program.port, user, false).await)
    }

    /// Makes it a row of the outbox. One that was published before is open again, as a relay leaves it that is killed.
    async fn inject(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        const WHY: &str = "an outbox can not hold them (hosts::poison tries them on the route)";
        let event: Value = serde_json::from_slice(value).map_err(|_| WHY)?;
        let envelope: Envelope = serde_json::from_value(event["data"].clone()).map_err(|_| WHY)?;
        let is_sound =
            [("specversion", "1.0"), ("id", &envelope.event_id.to_string()), ("type", &envelope.event_type)]
                .iter()
                .all(|(name, value)| event[*name] == *value);
        let is_usual = event["datacontenttype"] == "application/json"
            && event["source"] == format!("/kaam/{}", envelope.source_service)
            && event["time"].as_str().is_some_and(|time| time.ends_with('Z'));
        if !is_sound || !is_usual {
            return Err(WHY);
        }
        let mut connection =
            PgConnection::connect(&self.place.database_url).await.expect("the database is there");
        let again = "UPDATE events SET status = 'pending', attempts = 0 WHERE event_id = $1";
        let again = sqlx::query(again).bind(envelope.event_id).execute(&mut connection).await;
        if again.expect("the statement is sound").rows_affected() == 0 {
            let shard = store::outbox::shard_of(key);
            let added = sqlx::query(
                "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                     traceparent, source_service, timestamp)
                 VALUES ('injected', $1, $2, $3, $4, $4, $5, $6, $7, '', $8, $9)",
            )
            .bind(envelope.event_id)
            .bind(topic)
            .bind(&envelope.event_type)
            .bind(key)
            .bind(shard)
            .bind(&envelope.payload)
            // Not one that is held.
            .bind("injected")
            .bind(&envelope.source_service)
            .bind(envelope.timestamp)
            .execute(&mut connection)
            .await;
            added.expect("the statement is sound");
        }
        self.poke().await;
        Ok(())
    }

    async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let query =
            format!("SELECT key, error FROM events WHERE status = 'failed' AND topic_name = '{topic}'");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let letter =
            |row: &Value| DeadLetter { function: None, key: text(&row["key"]), reason: text(&row["error"]) };
        rows(&self.place.database_url, &query).await.iter().map(letter).collect()
    }

    async fn replay(&self) {
        let mut command = command("backend");
        command.arg("replay").env("DATABASE_URL", &self.place.database_url);
        let replayed = outcome(command).await;
        assert!(replayed.status.success(), "{replayed:?}");
        self.poke().await;
    }

    /// What is published is handled: nothing is between the outbox and the functions.
    async fn is_idle(&self) -> bool {
        true
    }
}
