//! pgbench, which does on the same PostgreSQL what a function does: the statement of the store, as it is, with the values that the
//! function has bound. It prepares it, and sends values as parameters too; NULL alone stands in the statement, since pgbench can not
//! send it. What differs each time (the user, the ids, the key) differs here, ids one after the other as the function's do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::bed::{Bed, CONNECTIONS, USERS, statement};
use crate::clients::THREADS;

/// What becomes new with each transaction. Of the ids the first eight digits grow.
const DRAW: &str = "\
\\set n :n + 1
\\set user random(1, :users)
\\set high 10000000 + :n * 8 + :client_id
\\set low random(100000000000, 999999999999)
\\set lock random(1, 9223372036854775806)
\\set key random(1000000000000000000, 9223372036854775806)
";
const ID: &str = "(:high::text || '-0000-7000-8000-' || :low::text)";

/// The parameters in their order, from the rows of a task that the function has created.
const BOUND: &str = "
SELECT ARRAY[
    t.user_id, t.id::text, t.title, t.description, t.due_local::text, t.due_at::text, t.all_day::text, t.time_zone, t.priority::text,
    t.tags::text, t.status, t.reminder_config::text, t.recurrence_rule::text, t.series_id::text, t.series_start::text,
    t.series_slot::text, t.series_number::text, t.created_at::text, t.follows::text, t.updated_at::text, t.completed_at::text,
    t.version::text, '0', e.event_id::text, e.topic_name, e.event_type, e.key, e.subject, e.shard::text, e.payload::text,
    e.correlation_id, e.traceparent, e.source_service, e.timestamp::text, '{}', '{}', '{}', '{}', '{}', '1', k.route, k.key,
    k.fingerprint::text, k.status::text, k.headers::text, k.body::text, t.series_template::text, t.skipped::text,
    t.snoozed_until::text, NULL
]
FROM tasks t
JOIN events e ON e.user_id = t.user_id AND e.key = t.id::text
JOIN idempotency_keys k ON k.user_id = t.user_id AND k.created_at = t.created_at
ORDER BY t.id DESC
LIMIT 1";

/// The task and its event by themselves, as whom the tables belong to: no gate, no key, no row-level security.
const BARE: &str = "
WITH task AS (
    INSERT INTO tasks (user_id, id, title, due_local, due_at, all_day, priority, tags, status, created_at, updated_at, version, skipped)
    VALUES (:user::text, {ID}::uuid, :p3::text, :p5::timestamp, :p6::timestamptz, :p7::boolean, :p9::smallint, :p10::text[],
            :p11::text, :p18::timestamptz, :p20::timestamptz, :p22::bigint, :p48::boolean)
    RETURNING 1
)
INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent,
                    source_service, timestamp)
SELECT :user::text, {ID}::uuid, :p25::text, :p26::text, {ID}, {ID}, :p29::smallint, :p30::jsonb, :p31::text, :p32::text,
       :p33::text, :p34::timestamptz
FROM task;
";

/// What pgbench does again and again.
pub(crate) struct Pgbench {
    url: String,
    script: PathBuf,
    values: Vec<String>,
    /// So that no id comes twice.
    begun: u64,
}

impl Pgbench {
    /// Does what create-task does, as its role. That has to have created a task with a key.
    pub(crate) async fn creating(bed: &Bed) -> Result<Self> {
        let (query, types) = create_statement()?;
        let bound = bound(bed).await?;
        ensure!(bound.len() == types.len(), "the statement has {} parameters", types.len());
        let mut query = query;
        // From the last on, so that $4 is not taken for the head of $46.
        for (index, (value, kind)) in bound.iter().zip(&types).enumerate().rev() {
            let number = index + 1;
            let parameter = match (number, value) {
                (1, _) => ":user::text".to_owned(),
                (2 | 24, _) => format!("{ID}::uuid"),
                (27 | 28, _) => ID.to_owned(),
                (40, _) => ":lock::bigint".to_owned(),
                (42, _) => ":key::text".to_owned(),
                (_, Some(_)) => format!(":p{number}::{kind}"),
                (_, None) => format!("NULL::{kind}"),
            };
            query = query.replace(&format!("${number}"), &parameter);
        }
        // Of this type it sets whose rows are seen when it is bound, once, as the function's one parameter does.
        let query = query.replacen(":user::text", ":user::kaam_user_id", 1);
        Self::new(&bed.url_of("create-task"), bed.directory(), "create", &format!("{query};\n"), &bound)
    }

    /// Does no more than it takes to have the task and its event.
    pub(crate) async fn creating_barely(bed: &Bed) -> Result<Self> {
        Self::new(bed.url(), bed.directory(), "bare", &BARE.replace("{ID}", ID), &bound(bed).await?)
    }

    fn new(url: &str, folder: &Path, name: &str, query: &str, bound: &[Option<String>]) -> Result<Self> {
        let script = folder.join(format!("{name}.sql"));
        fs::write(&script, format!("{DRAW}{query}"))?;
        let named = bound.iter().enumerate();
        let values = named.filter_map(|(index, value)| Some(format!("p{}={}", index + 1, value.as_ref()?)));
        Ok(Self { url: url.to_owned(), script, values: values.collect(), begun: 0 })
    }

    /// Runs for a time, and gives the transactions per second.
    pub(crate) fn run_for(&mut self, seconds: u64) -> Result<f64> {
        self.run(CONNECTIONS, &format!("--time={seconds}"))
    }

    /// Runs so many transactions, one after the other.
    pub(crate) fn run_times(&mut self, count: u64) -> Result<()> {
        self.run(1, &format!("--transactions={count}")).map(|_| ())
    }

    fn run(&mut self, clients: usize, how_long: &str) -> Result<f64> {
        self.begun += 1;
        let mut command = Command::new("pgbench");
        command.args([
            "--no-vacuum",
            "--protocol=prepared",
            &format!("--jobs={}", clients.min(THREADS)),
            how_long,
        ]);
        command.arg(format!("--client={clients}")).arg(format!("--file={}", self.script.display()));
        command.args(["-D", &format!("n={}", self.begun * 200_000), "-D", &format!("users={USERS}")]);
        for value in &self.values {
            command.args(["-D", value]);
        }
        let output = command
            .arg(&self.url)
            .stdin(Stdio::null())
            .output()
            .context("pgbench, which comes with PostgreSQL's server, is not on the PATH")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let failed = || format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), failed());
        let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
        line.and_then(|line| line.split(' ').next())
            .and_then(|figure| figure.parse().ok())
            .with_context(failed)
    }
}

/// Gives the statement that creates a task, and PostgreSQL's names of the types of its parameters.
pub(crate) fn create_statement() -> Result<(String, Vec<String>)> {
    let (query, types) = statement(&["INSERT INTO tasks", "INSERT INTO idempotency_keys"])?;
    let named = types.iter().map(|name| {
        let name = name.to_lowercase();
        name.strip_suffix("array").map_or_else(|| name.clone(), |of| format!("{of}[]"))
    });
    Ok((query, named.collect()))
}

async fn bound(bed: &Bed) -> Result<Vec<Option<String>>> {
    let mut database = bed.database().await?;
    sqlx::query_scalar(BOUND).fetch_one(&mut database).await.context("no task that was created with a key")
}
