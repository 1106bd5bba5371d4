//! An outbox that is full, and how long a relay takes to drain it.

use std::time::Duration;

use anyhow::{Result, ensure};
use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use store::outbox::RELAY_CONNECTION;
use tokio::time::sleep;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Five events of each task, the tasks over all shards.
const FILL: &str = r#"
INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent,
                    source_service, timestamp)
SELECT 'user-' || number / 5 % 100, gen_random_uuid(), 'task-events', 'task.updated', key, key, (number / 5 % 64)::smallint,
       jsonb_build_object(
           'task', $2::jsonb || jsonb_build_object('id', key, 'version', 1 + number % 5, 'user_id', 'user-' || number / 5 % 100),
           'changes', '{"priority": {"old": "low", "new": "high"}}'::jsonb,
           'actor', '{"type": "user", "id": "amna"}'::jsonb),
       gen_random_uuid()::text, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'update-task', now()
FROM generate_series(0, $1::integer - 1) AS number
CROSS JOIN LATERAL (SELECT md5((number / 5)::text)::uuid::text AS key) AS of_task
"#;

/// Fills the outbox in one commit.
pub(crate) async fn fill(database: &mut PgConnection, events: usize) -> Result<()> {
    let task = json!({"title": "water the plants", "description": null, "due_date": "2027-01-10T12:00:00+00:00", "all_day": false,
                      "time_zone": "UTC", "priority": "high", "tags": ["home"], "status": "active", "reminder_config": null,
                      "recurrence_rule": null, "reminder_id": null, "parent_task_id": null, "completed_at": null,
                      "created_at": "2026-11-21T03:28:44.930592Z", "updated_at": "2026-11-21T03:28:44.930592Z"});
    sqlx::query(FILL).bind(i32::try_from(events)?).bind::<Value>(task).execute(&mut *database).await?;
    Ok(())
}

/// Connects as the relay does.
pub(crate) async fn as_relay(database_url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = database_url.parse()?;
    Ok(PgConnection::connect_with(&options.options(RELAY_CONNECTION)).await?)
}

/// Claims the events of a full outbox by SQL alone, a thousand at a time: in no order of keys, and read and marked by one statement. Gives
/// how many a second.
pub(crate) async fn claim(database: &mut PgConnection, events: usize) -> Result<f64> {
    const CLAIM: &str = "
        UPDATE events e
        SET status = 'processed', attempts = attempts + 1, processed_at = now()
        FROM (
            SELECT ctid
            FROM events
            WHERE topic_name = 'task-events' AND status IN ('pending', 'retrying')
            ORDER BY shard, seq
            LIMIT 1000
            FOR UPDATE SKIP LOCKED
        ) AS open
        WHERE e.ctid = open.ctid
        RETURNING user_id, event_id, event_type, key, subject, payload::text, correlation_id, traceparent, source_service, timestamp";
    let (watch, mut claimed) = (Stopwatch::start(), 0);
    loop {
        let rows = sqlx::query(CLAIM).fetch_all(&mut *database).await?.len();
        if rows == 0 {
            break;
        }
        claimed += rows;
    }
    let took = watch.elapsed();
    ensure!(claimed == events, "{claimed} events were claimed of {events}");
    Ok(events as f64 / took.as_secs_f64())
}

/// Waits until all is published and written down.
pub(crate) async fn drained(database: &mut PgConnection) -> Result<()> {
    let watch = Stopwatch::start();
    let is_open = "SELECT EXISTS (SELECT FROM events WHERE status IN ('pending', 'retrying'))";
    while sqlx::query_scalar(is_open).fetch_one(&mut *database).await? {
        ensure!(watch.elapsed() < PATIENCE, "the outbox is not drained");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
