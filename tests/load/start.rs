//! What a function is before it does anything: how long it takes to its first answer, what it keeps, how large it is.
//!
//! `QUICK` takes the figures that another run of the same program repeats.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devkit::postgres::{Options, Private};
use devkit::testing::unused_port;
use runtime::clock::Stopwatch;
use tests::process::Caller;

use crate::Settings;
use crate::bed::{Bed, Commit};
use crate::built::Built;
use crate::create::Peer;
use crate::measure::{Held, Stopped, median, milliseconds, on_disk};
use crate::report::{Figure, Goal, Report};

/// How often each side starts.
const STARTS: usize = 25;
/// How often FastAPI and ours start in turns.
const STARTS_OF_PEER: usize = 5;
/// Functions that are requests' alone, which `make bench` builds anew each time.
const OF_REQUESTS: [&str; 5] = ["create-task", "query-tasks", "update-task", "complete-task", "delete-task"];
/// Functions that speak to Kafka, which it builds for a run in full.
const OF_KAFKA: [&str; 3] = ["relay-events", "spawn-recurrence", "write-audit"];
const CREATE: &str = r#"{"title":"buy milk"}"#;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let of_kafka = if settings.is_quick { &[] } else { &OF_KAFKA[..] };
    for (functions, size_mb, memory_mb) in [(&OF_REQUESTS[..], 8.0, 10.0), (of_kafka, 12.0, 16.0)] {
        for function in functions {
            let built = Built::of(function)?;
            let size = fs::metadata(&built.path)?.len() as f64 / 1e6;
            // Goals are for what is shipped.
            let goal = |most| if built.is_shipped { Goal::AtMost(most) } else { Goal::Shown };
            let what = format!("size of {function}, {}", built.name());
            let figure = Figure::counted("P13", what, "MB", size, goal(size_mb));
            let is_held = !built.is_shipped && OF_REQUESTS.contains(function);
            report.add(if is_held { figure.held() } else { figure });
            idle(function, &built, goal(memory_mb), report)?;
        }
    }
    if !settings.is_quick {
        let built = Built::of("create-task")?;
        println!("  {} is measured.", built.path.display());
        without_database(&built.path, report)?;
        with_database(&built.path, report).await?;
        beside_the_peer(&built, report).await?;
    }
    Ok(())
}

/// Measures what a function keeps that has answered once and has nothing to do.
fn idle(function: &str, built: &Built, goal: Goal, report: &mut Report) -> Result<()> {
    let started = Started::spawn(function, &built.path, &nowhere())?;
    started.answers("GET /health", "", 200)?;
    let held = Held::by(started.program.0.id())?;
    report.add(Figure::counted(
        "P12",
        format!("memory of {function}, {}", built.name()),
        "MB",
        held.memory,
        goal,
    ));
    if function == "create-task" {
        report.add(Figure::counted("P25", format!("threads of {function}"), "", held.threads, Goal::Shown));
        report.add(Figure::counted("P25", format!("open files of {function}"), "", held.files, Goal::Shown));
    }
    Ok(())
}

/// Measures how long it takes to the first answer that needs no database, against a program that does nothing.
fn without_database(program: &Path, report: &mut Report) -> Result<()> {
    let settings = nowhere();
    let (mut ours, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(timed(|| {
            let started = Started::spawn("create-task", program, &settings)?;
            started.answers("GET /health", "", 200).map(|()| started)
        })?);
        nothing.push(timed(|| {
            ensure!(Command::new("/bin/true").env_clear().status()?.success(), "/bin/true failed");
            Ok(())
        })?);
    }
    let (ours, nothing) = (best(&ours), best(&nothing));
    report.add(Figure::counted("P10", "best start to the first answer", "ms", ours, Goal::Shown));
    report.add(Figure::counted("P10", "best start and end of `true`", "ms", nothing, Goal::Shown));
    report.add(Figure::counted(
        "P10",
        "start to the first answer ÷ `true`",
        "",
        ours / nothing,
        Goal::AtMost(3.0),
    ));
    Ok(())
}

/// Measures how long it takes to the first task that is kept, against one row by psql.
async fn with_database(program: &Path, report: &mut Report) -> Result<()> {
    let directory = on_disk()?;
    let private = Private::start(Options::new(directory.path())).await?;
    let url = private.url().to_owned();
    store::migrate(&url).await?;
    let settings = [("DATABASE_URL".to_owned(), url.clone())];
    // Debian's and Ubuntu's `psql` on the PATH is a script that looks for this one.
    let server = fs::read_link(format!("/proc/{}/exe", private.server_pid()))?;
    let psql_itself = server.with_file_name("psql");
    psql(&psql_itself, &url, "CREATE TABLE rows (id uuid PRIMARY KEY, title text NOT NULL)")?;
    let (mut ours, mut itself, mut on_path) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(timed(|| {
            let started = Started::spawn("create-task", program, &settings)?;
            started.answers("POST /api/tasks", CREATE, 200).map(|()| started)
        })?);
        for (program, times) in [(&*psql_itself, &mut itself), (Path::new("psql"), &mut on_path)] {
            times.push(timed(|| {
                psql(program, &url, "INSERT INTO rows VALUES (gen_random_uuid(), 'buy milk')")
            })?);
        }
    }
    let ours = best(&ours);
    report.add(Figure::counted("P11", "best start to the first task", "ms", ours, Goal::Shown));
    for (name, times) in [("psql itself", itself), ("`psql` on the PATH", on_path)] {
        let time = best(&times);
        report.add(Figure::counted("P11", format!("best row by {name}"), "ms", time, Goal::Shown));
        let figure = format!("start to the first task ÷ a row by {name}");
        report.add(Figure::counted("P11", figure, "", ours / time, Goal::AtMost(0.3)));
    }
    private.stop().await
}

/// Measures how long FastAPI takes to its first answer, which needs no database, and what it keeps then, against ours.
async fn beside_the_peer(built: &Built, report: &mut Report) -> Result<()> {
    let bed = Bed::start(Commit::Durable).await?;
    let (mut ours, mut theirs, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS_OF_PEER {
        let watch = Stopwatch::start();
        let Some(peer) = Peer::start(&bed).await? else { break };
        let (status, _) =
            Caller::new().get_text(peer.0.port, "/health").await.context("it does not answer")?;
        theirs.push(milliseconds(watch.elapsed()));
        ensure!(status == 200, "FastAPI answered {status}");
        let held = Held::by(peer.0.pid())?;
        drop(peer);
        ours.push(timed(|| {
            let started = Started::spawn("create-task", &built.path, &nowhere())?;
            started.answers("GET /health", "", 200)?;
            kept.push(held.memory / Held::by(started.program.0.id())?.memory);
            Ok(started)
        })?);
    }
    if !ours.is_empty() {
        let (our, their) = (median(&mut ours), median(&mut theirs));
        let quicker = "start of FastAPI to the first answer ÷ ours, each the middle one";
        report.add(Figure::counted("P10", quicker, "", their / our, Goal::AtLeast(100.0)));
        report.add(Figure::of_turns(
            "P12",
            "memory of FastAPI ÷ ours".to_owned(),
            "",
            &kept,
            Goal::AtLeast(6.0),
        ));
    }
    bed.stop().await
}

fn psql(program: &Path, url: &str, statement: &str) -> Result<()> {
    let status = Command::new(program)
        .args(["--no-psqlrc", "--quiet", "--command", statement, url])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("psql, which comes with PostgreSQL")?;
    ensure!(status.success(), "psql failed");
    Ok(())
}

/// Gives settings with which every function starts, and finds neither database nor bus.
fn nowhere() -> Vec<(String, String)> {
    let port = unused_port();
    [
        ("DATABASE_URL", format!("postgres://kaam@127.0.0.1:{port}/kaam")),
        ("KAFKA_BROKERS", format!("127.0.0.1:{port}")),
        ("SIGNING_KEY", "0".repeat(64)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A program that has said where it answers.
struct Started {
    program: Stopped,
    address: String,
}

impl Started {
    fn spawn(function: &str, program: &Path, settings: &[(String, String)]) -> Result<Self> {
        // The variables by which a host is known are refused by who does not run on it.
        let is_of_kafka = OF_KAFKA.contains(&function);
        let settings = settings.iter().filter(|(name, _)| is_of_kafka || name != "KAFKA_BROKERS");
        let child = Command::new(program)
            .env_clear()
            .envs(settings.cloned())
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let mut program = Stopped(child);
        let mut line = String::new();
        let out = program.0.stdout.take().context("it is piped")?;
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim_end().rsplit_once("http://").map(|(_, address)| address.to_owned());
        let address =
            address.with_context(|| format!("{function} does not say where it answers: {line:?}"))?;
        Ok(Self { program, address })
    }

    /// Sends a request, such as `GET /health`, and waits for the status that it should have.
    fn answers(&self, request: &str, body: &str, status: u16) -> Result<()> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request} was answered by {answer}");
        Ok(())
    }
}

/// Gives how long something takes, in milliseconds; what it gives is dropped after that.
fn timed<T>(act: impl FnOnce() -> Result<T>) -> Result<f64> {
    let watch = Stopwatch::start();
    let done = act()?;
    let time = milliseconds(watch.elapsed());
    drop(done);
    Ok(time)
}

/// Gives the shortest time: what else the machine does makes the others longer.
fn best(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}
