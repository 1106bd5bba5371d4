//! Creating tasks, durably, against pgbench with the same SQL on the same PostgreSQL, in one run.
//!
//! The two take turns, and the figure is the median of the ratios of the turns: on a machine that others use too, seconds say
//! little.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use devkit::postgres::{Options, Private};
use devkit::testing::{TestDirectory, unused_port};
use runtime::clock::Stopwatch;

use crate::Settings;
use crate::measure::{Stopped, processor_time};
use crate::report::{Figure, Goal, Report};

/// Connections of either side.
const CONNECTIONS: u32 = 8;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let (turns, seconds) = if settings.is_quick { (3, 2) } else { (10, 5) };
    for is_durable in [true, false] {
        against_pgbench(is_durable, turns, seconds, report).await?;
    }
    Ok(())
}

/// Creates and has pgbench create in turns, on a PostgreSQL that waits for its disk at each commit or not.
async fn against_pgbench(is_durable: bool, turns: u32, seconds: u64, report: &mut Report) -> Result<()> {
    let directory = TestDirectory::new();
    let private = Private::start(Options::new(directory.path())).await?;
    let url = private.url().to_owned();
    store::migrate(&url).await?;
    if !is_durable {
        let pool = sqlx::PgPool::connect(&url).await?;
        sqlx::query("ALTER DATABASE kaam SET synchronous_commit = off").execute(&pool).await?;
    }
    let script = directory.path().join("create.sql");
    fs::write(&script, statement()?)?;

    let port = unused_port();
    let program = Command::new(tests::process::binary("create-task"))
        .env("DATABASE_URL", &url)
        .env("DATABASE_CONNECTIONS", CONNECTIONS.to_string())
        .env("PORT", port.to_string())
        .env("LOG_FORMAT", "json")
        .stderr(Stdio::null())
        .spawn()
        .context("create-task is not built")?;
    let program = Stopped(program);
    await_listener(port)?;
    requests(port, Duration::from_millis(500))?;

    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        let pgbench = pgbench(&url, &script, seconds)?;
        let before = processor_time(program.0.id())?;
        let created = requests(port, Duration::from_secs(seconds))?;
        costs.push((processor_time(program.0.id())? - before).as_secs_f64() * 1e6 / created.max(1.0));
        ratios.push(created / f64::from(u32::try_from(seconds)?) / pgbench);
    }
    let (metric, what, goal) =
        if is_durable { ("P1", "durable", 0.95) } else { ("P2", "without waiting for the disk", 0.7) };
    report.add(Figure::of_turns(
        metric,
        format!("creates ÷ pgbench with the same SQL, {what}"),
        "",
        &ratios,
        Goal::AtLeast(goal),
    ));
    report.add(Figure::of_turns(
        "P3",
        format!("processor time per create, {what}"),
        "µs",
        &costs,
        Goal::AtMost(60.0),
    ));
    drop(program);
    private.stop().await
}

/// Waits until somebody listens.
fn await_listener(port: u16) -> Result<()> {
    let clock = Stopwatch::start();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(clock.elapsed() < Duration::from_secs(10), "create-task does not listen");
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Creates tasks over keep-alive connections for a time; gives how many.
fn requests(port: u16, time: Duration) -> Result<f64> {
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| thread::spawn(move || client(port, time))).collect();
    let mut total = 0.0;
    for client in clients {
        match client.join() {
            Ok(count) => total += f64::from(count?),
            Err(_) => bail!("a client panicked"),
        }
    }
    Ok(total)
}

fn client(port: u16, time: Duration) -> Result<u32> {
    let body = r#"{"title":"buy milk","priority":"high","tags":["home"],"due_date":"2027-01-10T12:00:00Z"}"#;
    let request = format!(
        "POST /api/tasks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let clock = Stopwatch::start();
    let (mut count, mut buffer) = (0, vec![0; 16_384]);
    while clock.elapsed() < time {
        stream.write_all(request.as_bytes())?;
        answer(&mut stream, &mut buffer)?;
        count += 1;
    }
    Ok(count)
}

/// Reads one answer; anything but a success ends the measurement.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        ensure!(read > 0, "the function closed the connection");
        filled += read;
        let text = &buffer[..filled];
        let Some(head) = text.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
        let headers = String::from_utf8_lossy(&text[..head]).to_ascii_lowercase();
        ensure!(headers.starts_with("http/1.1 200"), "the function answered {headers}");
        let length =
            headers.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        if filled >= head + 4 + length.trim().parse::<usize>()? {
            return Ok(());
        }
    }
}

/// Runs pgbench and gives its transactions per second.
fn pgbench(url: &str, script: &Path, seconds: u64) -> Result<f64> {
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={CONNECTIONS}"))
        .arg(format!("--time={seconds}"))
        .arg(format!("--file={}", script.display()))
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .context("pgbench, which comes with PostgreSQL's server, is not on the PATH")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let figure = line.and_then(|line| line.split(' ').next()).and_then(|figure| figure.parse().ok());
    figure.with_context(|| format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Gives the statement that creates a task, as store has it, with values in place of its parameters.
fn statement() -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    for entry in fs::read_dir(folder)? {
        let described: serde_json::Value = serde_json::from_str(&fs::read_to_string(entry?.path())?)?;
        let query = described["query"].as_str().unwrap_or_default();
        if query.contains("INSERT INTO tasks") {
            return Ok(format!("{};\n", filled_in(query)));
        }
    }
    bail!("no statement that creates a task is in .sqlx/")
}

fn filled_in(query: &str) -> String {
    // pgbench takes a colon before a word or a digit for a variable: hence the spaces, and the dots in times.
    let task = r#"{"task": {"id": "01a1fc26-3582-7978-bd58-3a94b383a911","user_id": "local","title": "buy milk","description": null,"due_date": "2027-01-10T12.00.00+00.00","all_day": false,"time_zone": "UTC","priority": "high","tags": ["home"],"status": "active","reminder_config": null,"recurrence_rule": null,"reminder_id": null,"parent_task_id": null,"created_at": "2026-11-21T03.28.44.930592Z","updated_at": "2026-11-21T03.28.44.930592Z","completed_at": null,"version": 1},"changes": {"all_day": {"old": null,"new": false},"created_at": {"old": null,"new": "2026-11-21T03.28.44.930592Z"},"due_date": {"old": null,"new": "2027-01-10T12.00.00+00.00"},"id": {"old": null,"new": "01a1fc26-3582-7978-bd58-3a94b383a911"},"priority": {"old": null,"new": "high"},"status": {"old": null,"new": "active"},"tags": {"old": null,"new": ["home"]},"time_zone": {"old": null,"new": "UTC"},"title": {"old": null,"new": "buy milk"},"updated_at": {"old": null,"new": "2026-11-21T03.28.44.930592Z"},"user_id": {"old": null,"new": "local"},"version": {"old": null,"new": 1}},"actor": {"type": "user","id": "local"}}"#;
    let payload = format!("'{task}'::jsonb");
    let values: [&str; 46] = [
        "'local'",
        "gen_random_uuid()",
        "'buy milk'",
        "NULL::text",
        "timestamp '2027-01-10'",
        "timestamptz '2027-01-10'",
        "false",
        "NULL::text",
        "3::smallint",
        "ARRAY['home']",
        "'active'",
        "NULL::jsonb",
        "NULL::jsonb",
        "NULL::uuid",
        "NULL::timestamp",
        "NULL::timestamp",
        "NULL::integer",
        "now()",
        "NULL::uuid",
        "now()",
        "NULL::timestamptz",
        "1::bigint",
        "0::bigint",
        "gen_random_uuid()",
        "'task-events'",
        "'task.created'",
        "gen_random_uuid()::text",
        "'01a1fc26-3582-7978-bd58-3a94b383a911'",
        "(random() * 63)::smallint",
        &payload,
        "'01a1fc26-359c-70f1-8287-24f45399fb40'",
        "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'",
        "'create-task'",
        "now()",
        "'{}'::uuid[]",
        "'{}'::timestamptz[]",
        "'{}'::text[]",
        "'{}'::text[]",
        "'{}'::text[]",
        "NULL::bigint",
        "NULL::text",
        "NULL::text",
        "NULL::bytea",
        "NULL::smallint",
        "NULL::jsonb",
        "NULL::bytea",
    ];
    // From the last on, so that $4 is not taken for the head of $46.
    let numbered = values.iter().enumerate().rev();
    numbered.fold(query.to_owned(), |query, (index, value)| query.replace(&format!("${}", index + 1), value))
}
