//! The same scenarios on every host: one process with everything, Knative, workers on Kafka, AWS Lambda, Dapr.

mod dapr;
mod host;
mod in_process;
mod knative;
mod lambda;
mod on_kafka;
mod poison;
mod scenarios;
mod workers;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use runtime::clock::Stopwatch;

use self::host::Host;
use self::scenarios::Lacking;

/// What became of each scenario on one host.
type Row = BTreeMap<&'static str, Cell>;

/// What became of a scenario on a host.
enum Cell {
    Ok(Lacking),
    Failed(String),
    LeftOut(&'static str),
}

const SCENARIOS: [&str; 9] =
    ["create", "complete", "remind", "chat", "updates", "duplicate", "reorder", "replay", "poison"];

/// Runs every scenario on a host that runs, one after the other.
async fn run(host: &impl Host) -> Row {
    let mut row = Row::new();
    macro_rules! run {
        ($($name:ident),*) => {$({
            let watch = Stopwatch::start();
            let done = AssertUnwindSafe(scenarios::$name(host)).catch_unwind().await;
            eprintln!("  {}: {:.1?}", stringify!($name), watch.elapsed());
            let cell = match done {
                Ok(lacking) => Cell::Ok(lacking),
                Err(panic) => Cell::Failed(said(&*panic)),
            };
            row.insert(stringify!($name), cell);
        })*};
    }
    run!(create, complete, remind, chat, updates, duplicate, reorder, replay, poison);
    row
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// Prints the matrix, and gives what failed.
fn print(rows: &[(&str, Row)]) -> Vec<String> {
    let mut failed = Vec::new();
    let mut notes = Vec::new();
    let heads: String = SCENARIOS.iter().map(|name| format!("{name:>10}")).collect();
    eprintln!("\n{:<13}{heads}", "");
    for (host, row) in rows {
        let mut line = format!("{host:<13}");
        for name in SCENARIOS {
            let word = match &row[name] {
                Cell::Ok(None) => "ok",
                Cell::Ok(Some(note)) => {
                    notes.push(format!("{host}, {name}: ok, {note}"));
                    "ok *"
                }
                Cell::LeftOut(why) => {
                    notes.push(format!("{host}, {name}: left out because {why}"));
                    "left out"
                }
                Cell::Failed(why) => {
                    failed.push(format!("{host}, {name}: {why}"));
                    "FAILED"
                }
            };
            line += &format!("{word:>10}");
        }
        eprintln!("{line}");
    }
    notes.dedup();
    notes.iter().for_each(|note| eprintln!("* {note}"));
    failed
}

/// The matrix as it grows.
struct Matrix {
    rows: Vec<(&'static str, Row)>,
    /// `KAAM_HOSTS`.
    wanted: String,
}

impl Matrix {
    /// Runs the scenarios on a host, unless it is not wanted or can not be had.
    async fn add<H: Host>(
        &mut self,
        name: &'static str,
        is_cheap: bool,
        start: impl AsyncFnOnce() -> Option<H>,
    ) {
        let is_wanted = match self.wanted.as_str() {
            "" => is_cheap,
            "1" => true,
            only => only == name,
        };
        if !is_wanted {
            return;
        }
        eprintln!("{name}");
        let row = match AssertUnwindSafe(start()).catch_unwind().await {
            Ok(Some(host)) => run(&host).await,
            Ok(None) => {
                SCENARIOS.map(|name| (name, Cell::LeftOut("this machine lacks what it runs on"))).into()
            }
            Err(panic) => SCENARIOS.map(|name| (name, Cell::Failed(said(&*panic)))).into(),
        };
        self.rows.push((name, row));
    }
}

/// In one process and on Knative always, and with `KAAM_HOSTS=1` (`make test-hosts`) on those that need more than this repository; with
/// the name of a host on that one.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "which hosts are tried is the tests' own setting")]
async fn the_same_scenarios_come_out_the_same_on_every_host() {
    let wanted = std::env::var("KAAM_HOSTS").unwrap_or_default();
    let watch = Stopwatch::start();
    let mut matrix = Matrix { rows: Vec::new(), wanted };
    matrix.add("in-process", true, async || Some(in_process::InProcess::start().await)).await;
    matrix.add("knative", true, async || Some(knative::OnKnative::start().await)).await;
    matrix.add("workers", false, workers::Workers::start).await;
    matrix.add("lambda", false, lambda::OnLambda::start).await;
    matrix.add("dapr", false, dapr::OnDapr::start).await;
    matrix.add("dapr-backend", false, dapr::BesideDapr::start).await;
    assert!(!matrix.rows.is_empty(), "KAAM_HOSTS is {:?}, which is no host", matrix.wanted);
    let failed = print(&matrix.rows);
    eprintln!("in {:.0?}", watch.elapsed());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
