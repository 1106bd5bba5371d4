//! Events in one process, without a broker: how many a second an outbox gives away, and when what follows a change is there.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devkit::postgres::{Options, Private};
use messaging::{Published, Subscriber};
use relay_events::Outbox;
use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, PgConnection};
use tests::bus::outbox_to;
use tests::process::{Program, command};
use tests::world::{World, path_of};
use tokio::time::{sleep, timeout};

use crate::Settings;
use crate::measure::{median, milliseconds, on_disk, p99};
use crate::outbox::{PATIENCE, fill};
use crate::report::{Figure, Goal, Report};

/// Has every occurrence that a series goes on with told of when it is committed.
const TELL: &str = r#"
CREATE OR REPLACE FUNCTION tell_spawned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('spawned', NEW.follows::text);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tell_spawned AFTER INSERT ON tasks FOR EACH ROW WHEN (NEW.follows IS NOT NULL) EXECUTE FUNCTION tell_spawned();
"#;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    drains(settings, report).await?;
    successors(settings, report).await
}

/// Drains a full outbox, on a PostgreSQL that waits for its disk: to somebody who takes all and does nothing, and to every function.
async fn drains(settings: &Settings, report: &mut Report) -> Result<()> {
    let (turns, events) = if settings.is_quick { (3, 20_000) } else { (5, 50_000) };
    let directory = on_disk()?;
    let postgres = Private::start(Options::new(directory.path())).await?;
    store::migrate(postgres.url()).await?;
    let mut database = PgConnection::connect(postgres.url()).await?;
    let world = World::with_one_role().await.beside_at(postgres.url());
    let taker =
        Subscriber::new(
            "taker",
            &["task-events"],
            |events| async move { vec![Published::Done; events.len()] },
        );
    let alone = outbox_to(&world, vec![taker]);
    let (mut given, mut handled) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        given.push(drain(&mut database, &alone, events).await?);
        handled.push(drain(&mut database, &world.outbox, events).await?);
    }
    report.add(Figure::of_turns(
        "P16",
        "events that an outbox gives away in one process",
        "/s",
        &given,
        Goal::AtLeast(20_000.0),
    ));
    report.add(Figure::of_turns(
        "P16",
        "the same with their audit entries and all else that follows",
        "/s",
        &handled,
        Goal::Shown,
    ));
    drop(world);
    postgres.stop().await
}

async fn drain(database: &mut PgConnection, outbox: &Outbox, events: usize) -> Result<f64> {
    fill(database, events).await?;
    let watch = Stopwatch::start();
    let count = outbox.drain().await.context("the outbox could not be drained")?;
    let took = watch.elapsed();
    ensure!(count == events, "{count} events were given away of {events}");
    Ok(events as f64 / took.as_secs_f64())
}

/// Completes tasks that repeat, one after the other: from the answer until the next occurrence is committed, beside one commit.
async fn successors(settings: &Settings, report: &mut Report) -> Result<()> {
    let samples = if settings.is_quick { 100 } else { 300 };
    let directory = on_disk()?;
    let postgres = Private::start(Options::new(directory.path())).await?;
    store::migrate(postgres.url()).await?;
    let mut backend = command("backend");
    backend.env("DATABASE_URL", postgres.url()).env("DATA_DIR", directory.path()).env("LOG_FORMAT", "json");
    let backend = Program::start(backend).await;
    let mut series = Series::on(postgres.url()).await?;
    let mut database = PgConnection::connect(postgres.url()).await?;
    sqlx::query("CREATE TABLE commits (id uuid PRIMARY KEY)").execute(&mut database).await?;
    let (mut successors, mut commits) = (Vec::new(), Vec::new());
    // The first ones find nothing warm.
    for sample in 0..samples + WARMING {
        let successor =
            series.complete(async |path, body| backend.call("POST", path, body, &[]).await).await?;
        let watch = Stopwatch::start();
        sqlx::query("INSERT INTO commits VALUES (gen_random_uuid())").execute(&mut database).await?;
        if sample >= WARMING {
            commits.push(milliseconds(watch.elapsed()));
            successors.push(milliseconds(successor));
        }
    }
    let (p50, p99) = (median(&mut successors), p99(&mut successors));
    let what = "an answer until the next occurrence, in one process";
    report.add(Figure::counted("P15", format!("{what}, p50"), "ms", p50, Goal::Shown));
    report.add(Figure::counted("P15", format!("{what}, p99"), "ms", p99, Goal::AtMost(100.0)));
    let ratio = p50 / median(&mut commits);
    report.add(Figure::counted("P15", format!("{what} ÷ one commit, p50"), "", ratio, Goal::Shown));
    backend.stop().await;
    postgres.stop().await
}

/// How many samples find nothing warm.
pub(crate) const WARMING: usize = 20;

/// Tasks that repeat, and a connection on which their next occurrences are told of.
pub(crate) struct Series(PgListener);

impl Series {
    /// # Errors
    /// The database is away.
    pub(crate) async fn on(database_url: &str) -> Result<Self> {
        // Told of by PostgreSQL after the commit: to ask again and again would take a processor from what is measured.
        sqlx::raw_sql(TELL).execute(&mut PgConnection::connect(database_url).await?).await?;
        let mut listener = PgListener::connect(database_url).await?;
        listener.listen("spawned").await?;
        Ok(Self(listener))
    }

    /// Creates a task that repeats, completes it, and gives how long it takes from that answer until the next occurrence is committed.
    ///
    /// # Errors
    /// A request is refused, or nothing follows.
    pub(crate) async fn complete(
        &mut self,
        post: impl AsyncFn(&str, &Value) -> Option<(u16, Value)>,
    ) -> Result<Duration> {
        let body = json!({"title": "water the plants", "due_date": "2027-01-10T12:00:00Z",
                          "recurrence_rule": {"pattern": "daily"}});
        let (status, task) = post("/api/tasks", &body).await.context("no answer")?;
        ensure!(status == 200, "{task}");
        sleep(Duration::from_millis(10)).await;
        let (status, answer) =
            post(&format!("{}/complete", path_of(&task)), &json!({})).await.context("no answer")?;
        let watch = Stopwatch::start();
        ensure!(status == 200, "{answer}");
        let spawned = timeout(PATIENCE, self.0.recv()).await.context("no next occurrence")??;
        let took = watch.elapsed();
        ensure!(task["id"] == spawned.payload(), "the next occurrence of another task");
        sleep(Duration::from_millis(10)).await;
        Ok(took)
    }
}
