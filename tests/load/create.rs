//! Creating tasks in earnest (tokens, row-level security, a key on each request, outbox, log), against pgbench with the same SQL, the
//! same service in Python, a bare statement and an echo of JSON.
//!
//! All take turns on the same PostgreSQL, with the same connections and emptied tables, and a figure is the median of the ratios of the
//! turns: on a machine that others use too, seconds say little.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use runtime::config::Environment;
use tests::kafka::Kafka;
use tests::process::{Program, command};
use tokio::process::Command;

use crate::bed::{Bed, CONNECTIONS, Commit, ISSUER, SECRET, USERS, tokens};
use crate::clients::{Clients, TASK, creating, request};
use crate::measure::{processor_time, root};
use crate::pgbench::{Pgbench, create_statement};
use crate::report::{Figure, Goal, Report};
use crate::{Settings, echo};

/// How many create at once where a rate is measured: so many that none of a service's connections has nothing to do while others answer, as
/// none of pgbench's has.
const AT_ONCE: usize = 4 * CONNECTIONS;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let (turns, seconds) = if settings.is_quick { (3, 2) } else { (10, 5) };
    for commit in [Commit::Durable, Commit::NotAwaited] {
        in_turns(settings, commit, turns, seconds, report).await?;
    }
    if !settings.is_quick {
        beside_the_relay(turns, seconds, report).await?;
    }
    Ok(())
}

/// One side of a comparison, in one turn.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// Creates a second.
    rate: f64,
    /// Processor time of each, in µs.
    cost: f64,
}

impl Turn {
    /// Sends requests to a program for a time.
    fn of<F: Fn(u64) -> Vec<u8> + Sync>(
        program: &Program,
        clients: &Clients<F>,
        seconds: u64,
    ) -> Result<Self> {
        let before = processor_time(program.pid())?;
        let (count, time) = clients.send_for(AT_ONCE, Duration::from_secs(seconds))?;
        let cost = (processor_time(program.pid())? - before).as_secs_f64() * 1e6 / count.max(1) as f64;
        Ok(Self { rate: count as f64 / time.as_secs_f64(), cost })
    }
}

/// Has everybody create in turns, on a PostgreSQL that waits for its disk at each commit or not.
async fn in_turns(
    settings: &Settings,
    commit: Commit,
    turns: u32,
    seconds: u64,
    report: &mut Report,
) -> Result<()> {
    let bed = Bed::start(commit).await?;
    let tokens = tokens(USERS);
    let program = Program::start(bed.function("create-task")?).await;
    let ours = Clients::new(program.port, creating(&tokens));
    // Each user once: their settings and quotas are known from then on.
    ours.send_times(AT_ONCE, USERS as u64)?;
    let (mut pgbench, mut bare) = (Pgbench::creating(&bed).await?, Pgbench::creating_barely(&bed).await?);
    let peer = if settings.is_quick { None } else { Peer::start(&bed).await? };
    let theirs = peer.as_ref().map(|peer| Clients::new(peer.0.port, creating(&tokens)));
    if let Some(theirs) = &theirs {
        theirs.send_times(AT_ONCE, USERS as u64)?;
    }
    let echo = if settings.is_quick { None } else { Some(Program::start(echo::command()?).await) };
    let echoed =
        echo.as_ref().map(|echo| Clients::new(echo.port, |_| request("POST", "/", &tokens[0], None, TASK)));

    let mut found = Vec::new();
    for _ in 0..turns {
        bed.truncate().await?;
        let same_sql = pgbench.run_for(seconds)?;
        ensure!(bed.count("idempotency_keys").await? > 0, "what pgbench does creates nothing");
        bed.truncate().await?;
        let created = Turn::of(&program, &ours, seconds)?;
        let mut turn = (created, same_sql, None, None, None);
        if !settings.is_quick {
            bed.truncate().await?;
            turn.2 = Some(bare.run_for(seconds)?);
        }
        if let (Some(peer), Some(theirs)) = (&peer, &theirs) {
            bed.truncate().await?;
            turn.3 = Some(Turn::of(&peer.0, theirs, seconds)?);
        }
        if let (Some(echo), Some(echoed)) = (&echo, &echoed) {
            turn.4 = Some(Turn::of(echo, echoed, seconds)?);
        }
        found.push(turn);
    }

    let is_durable = commit == Commit::Durable;
    let how = if is_durable { "durable" } else { "without waiting for the disk" };
    let mut add = |metric, what: &str, unit, turns: Vec<f64>, goal| {
        if !turns.is_empty() {
            report.add(Figure::of_turns(metric, format!("{what}, {how}"), unit, &turns, goal));
        }
    };
    let of = |value: fn(&Found) -> Option<f64>| found.iter().filter_map(value).collect::<Vec<_>>();
    let (first, goal) = if is_durable { ("P1", 0.95) } else { ("P2", 0.7) };
    let same = "creates ÷ pgbench with the same SQL";
    add(first, same, "", of(|turn| Some(turn.0.rate / turn.1)), Goal::AtLeast(goal));
    add(first, "creates", "/s", of(|turn| Some(turn.0.rate)), Goal::Shown);
    add("P3", "processor time per create", "µs", of(|turn| Some(turn.0.cost)), Goal::AtMost(60.0));
    let over = "processor time per create ÷ an echo of JSON";
    add("P3", over, "", of(|turn| Some(turn.0.cost / turn.4?.cost)), Goal::Shown);
    let (cost, rate) = ("processor time of FastAPI + asyncpg ÷ ours", "creates ÷ FastAPI + asyncpg");
    add("P4", cost, "", of(|turn| Some(turn.3?.cost / turn.0.cost)), Goal::AtLeast(6.0));
    let goal = if is_durable { 2.5 } else { 6.0 };
    add("P4", rate, "", of(|turn| Some(turn.0.rate / turn.3?.rate)), Goal::AtLeast(goal));
    let tax = "pgbench with the same SQL ÷ with task and event alone";
    add("P8", tax, "", of(|turn| Some(turn.1 / turn.2?)), Goal::AtLeast(0.8));
    drop((program, peer, echo));
    bed.stop().await
}

/// Ours, pgbench, pgbench with a bare statement, the peer, the echo.
type Found = (Turn, f64, Option<f64>, Option<Turn>, Option<Turn>);

/// A service in Python that promises the same: `tests/load/peer.py`.
pub(crate) struct Peer(pub(crate) Program);

impl Peer {
    /// Starts it where `BENCH_PYTHON` names a Python that has what it needs.
    pub(crate) async fn start(bed: &Bed) -> Result<Option<Self>> {
        let Some(python) = Environment::process().get("BENCH_PYTHON")?.map(PathBuf::from) else {
            println!("There is no Python with FastAPI: the peer is left out. `make bench` installs it.");
            return Ok(None);
        };
        let (query, types) = create_statement()?;
        let numbered = types.iter().enumerate().rev();
        let query = numbered.fold(query, |query, (index, kind)| {
            let kind = if index == 0 { "kaam_user_id" } else { kind };
            query.replace(&format!("${}", index + 1), &format!("\u{1}{}::{kind}", index + 1))
        });
        let statement = bed.directory().join("create-by-peer.sql");
        std::fs::write(&statement, query.replace('\u{1}', "$"))?;
        // Its environment is as clean as a function's.
        let clean = command("create-task");
        let mut command = Command::new(python);
        command.env_clear().kill_on_drop(true);
        for (name, value) in clean.as_std().get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
            .arg(root().join("tests/load/peer.py"))
            .env("DATABASE_URL", bed.url_of("create-task"))
            .env("DATABASE_CONNECTIONS", CONNECTIONS.to_string())
            .env("STATEMENT", statement)
            .env("JWT_SECRET", SECRET)
            .env("JWT_ISSUER", ISSUER)
            .env("JWT_AUDIENCE", tests::issuer::AUDIENCE);
        Ok(Some(Self(Program::start(command).await)))
    }
}

/// Creates with a relay that takes every event to Kafka meanwhile, and without.
async fn beside_the_relay(turns: u32, seconds: u64, report: &mut Report) -> Result<()> {
    let Some(kafka) = Kafka::start().await else {
        println!("There is no Kafka: what the relay costs is left out. `make kafka` installs it.");
        return Ok(());
    };
    kafka.create_contract_topics().await;
    let bed = Bed::start(Commit::Durable).await?;
    let tokens = tokens(USERS);
    // Where no relay runs, nobody is told to poke one.
    let program = Program::start(bed.function("create-task")?).await;
    let ours = Clients::new(program.port, creating(&tokens));
    ours.send_times(AT_ONCE, USERS as u64)?;
    let (mut rates, mut costs, mut published) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        bed.truncate().await?;
        let without = Turn::of(&program, &ours, seconds)?;
        let mut command = bed.function("relay-events")?;
        command.env("KAFKA_BROKERS", &kafka.brokers).env("EVENTS_TOKEN", SECRET);
        command.env_remove("DATABASE_CONNECTIONS");
        let relay = Program::start(command).await;
        let mut command = bed.function("create-task")?;
        let relay_url = format!("http://127.0.0.1:{}/", relay.port);
        command.env("RELAY_URL", relay_url).env("RELAY_TOKEN", SECRET);
        let poking = Program::start(command).await;
        let ours_poking = Clients::new(poking.port, creating(&tokens));
        ours_poking.send_times(AT_ONCE, USERS as u64)?;
        bed.truncate().await?;
        let with = Turn::of(&poking, &ours_poking, seconds)?;
        let done = bed.count("events WHERE status = 'processed'").await? as f64;
        ensure!(done > 0.0, "the relay publishes nothing");
        published.push(done / bed.count("events").await? as f64);
        drop((relay, poking));
        rates.push(with.rate / without.rate);
        costs.push(with.cost / without.cost);
    }
    let rate = "creates with the relay running ÷ stopped, durable";
    report.add(Figure::of_turns("P9", rate, "", &rates, Goal::AtLeast(0.95)));
    let cost = "processor time per create with the relay running ÷ stopped, durable";
    report.add(Figure::of_turns("P9", cost, "", &costs, Goal::Shown));
    let share = "events that the relay had published when the clients stopped";
    report.add(Figure::of_turns("P9", share, "", &published, Goal::Shown));
    drop(program);
    bed.stop().await.context("PostgreSQL does not stop")
}
