//! What is computed, in instructions: these are counts, the same however busy a machine is.
//!
//! Valgrind counts them in programs that do a thing so often and twice as often (the examples of domain and language): the difference is
//! what it costs, whatever their start does.

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use application::audit::Entry;
use application::{Application, Connection};
use chrono::DateTime;
use chrono_tz::Tz;
use devkit::postgres::{Options, Private};
use devkit::testing::TestDirectory;
use runtime::clock::Stopwatch;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Settings;
use crate::report::{Figure, Goal, Report};

const RULES: [(&str, &str); 2] =
    [("weekly", "FREQ=WEEKLY;BYDAY=MO,WE,FR"), ("monthly", "FREQ=MONTHLY;BYDAY=-1FR")];
/// How old a series is that is old, in years.
const OLD: &str = "10";
const CORPORA: [(&str, &str, &str); 2] = [
    ("English", "en-US", include_str!("../../shared/language/tests/corpus/english.tsv")),
    ("Urdu", "ur-PK", include_str!("../../shared/language/tests/corpus/urdu.tsv")),
];
/// What long texts are made of.
const WORDS: [(&str, &str); 3] = [
    ("words", "buy milk and eggs for the party at home with friends "),
    ("dates", "monday at 5pm every second tuesday until december "),
    ("Urdu", "کل شام پانچ بجے دودھ لانا یاد دلانا ہر پیر کو "),
];
/// How long they are, in characters.
const LENGTHS: [&str; 3] = ["1000", "2000", "4000"];
/// How many entries of the audit log are verified.
const LINKS: usize = 20_000;

/// # Errors
/// Valgrind counts nothing, or the audit log is not what was appended.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("There is no valgrind: NO INSTRUCTIONS ARE COUNTED.");
    } else {
        occurrences(report)?;
        sentences(report)?;
    }
    if !settings.is_quick {
        audit(report).await?;
    }
    Ok(())
}

fn occurrences(report: &mut Report) -> Result<()> {
    for (name, rule) in RULES {
        let next = |who, age, times| counted("next_occurrence", &[who, rule, age], "", times);
        let young = next("ours", "0", 500)?;
        let old = next("ours", OLD, 500)?;
        let theirs = next("rrule", OLD, 20)?;
        let what = format!("next occurrence, {name}");
        let this_year = format!("instructions per {what}, of this year");
        report.add(Figure::counted("P20", this_year, "", young, Goal::Shown).held());
        let long_ago = format!("instructions per {what}, for {OLD} years");
        report.add(Figure::counted("P20", long_ago, "", old, Goal::Shown).held());
        let ages = format!("{what}, {OLD} years ÷ this year");
        report.add(Figure::counted("P20", ages, "", old / young, Goal::AtMost(1.2)));
        let crates = format!("{what}, the crate rrule ÷ ours");
        report.add(Figure::counted("P20", crates, "", theirs / old, Goal::AtLeast(20.0)));
    }
    Ok(())
}

fn sentences(report: &mut Report) -> Result<()> {
    for (name, locale, corpus) in CORPORA {
        let rows = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
        let utterances: Vec<&str> = rows.filter_map(|line| line.split('\t').next()).collect();
        let all = counted("understanding", &[locale, "0"], &utterances.join("\n"), 1)?;
        let each = format!("instructions per command, {name}");
        let count = all / utterances.len() as f64;
        report.add(Figure::counted("P21", each, "", count, Goal::AtMost(50_000.0)).held());
    }
    for (name, words) in WORDS {
        let mut counts = Vec::new();
        for length in LENGTHS {
            counts.push(counted("understanding", &["en-US", length], words, 1)?);
        }
        let most = counts.windows(2).map(|pair| pair[1] / pair[0]).fold(0.0, f64::max);
        let twice = format!("instructions of a command twice as long ÷ once, {name}");
        report.add(Figure::counted("P21", twice, "", most, Goal::AtMost(2.2)));
    }
    Ok(())
}

/// Gives the instructions of what a program does once.
fn counted(program: &str, arguments: &[&str], input: &str, times: u32) -> Result<f64> {
    let once = in_all(program, arguments, input, times)?;
    Ok((in_all(program, arguments, input, 2 * times)? - once) / f64::from(times))
}

fn in_all(program: &str, arguments: &[&str], input: &str, times: u32) -> Result<f64> {
    let mut valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(tests::process::binary("examples").join(program))
        .args(arguments)
        .arg(times.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // It reads all of it before it says anything.
    valgrind.stdin.take().context("it is piped")?.write_all(input.as_bytes())?;
    let output = valgrind.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {text}");
    let count = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = count.and_then(|(_, count)| count.trim().parse().ok());
    count.with_context(|| format!("valgrind counted nothing: {text}"))
}

/// Measures how quickly a chain of the audit log is verified, against hashing the same bytes.
async fn audit(report: &mut Report) -> Result<()> {
    let directory = TestDirectory::new();
    let private = Private::start(Options::new(directory.path())).await?;
    store::migrate(private.url()).await?;
    let application = Application::new(&Connection::new(private.url(), "bench", 2), Tz::UTC, || {})?;
    let entries: Vec<Entry> = (0..LINKS).map(|number| entry(number as u128)).collect();
    for some in entries.chunks(500) {
        ensure!(
            application.append_audit(some, || [7; 16]).await.ok() == Some(some.len()),
            "not all were appended"
        );
    }
    let bytes: Vec<[Vec<u8>; 2]> = entries.iter().map(hashed).collect();
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let watch = Stopwatch::start();
        for [content, link] in &bytes {
            black_box(Sha256::digest(black_box(content)));
            black_box(Sha256::digest(black_box(link)));
        }
        let raw = watch.elapsed();
        let watch = Stopwatch::start();
        let (count, broken) = application.verify_audit().await.ok().context("the database is there")?;
        ensure!(count == LINKS as u64 && broken.is_empty(), "{count} entries, and {broken:?}");
        ratios.push(raw.as_secs_f64() / watch.elapsed().as_secs_f64());
    }
    report.add(Figure::of_turns(
        "P22",
        "verifying the audit log ÷ hashing the same",
        "",
        &ratios,
        Goal::AtLeast(0.5),
    ));
    private.stop().await
}

fn entry(number: u128) -> Entry {
    let task = json!({"id": Uuid::from_u128(number), "title": "buy milk", "priority": "high", "tags": ["home"], "status": "active"});
    Entry {
        user_id: "local".to_owned(),
        event_id: Uuid::from_u128(number),
        entity_type: "task".to_owned(),
        entity_id: Uuid::from_u128(number).to_string(),
        action: "task.created".to_owned(),
        actor_type: "user".to_owned(),
        actor_id: "local".to_owned(),
        old_values: None,
        new_values: Some(task),
        timestamp: DateTime::UNIX_EPOCH,
        correlation_id: Uuid::from_u128(number).to_string(),
    }
}

/// Gives as many bytes as two hashes of an entry are over: the salt and what tells of a person; the hash before and the rest.
fn hashed(entry: &Entry) -> [Vec<u8>; 2] {
    let content = json!([
        entry.user_id,
        entry.entity_id,
        entry.actor_id,
        entry.old_values,
        entry.new_values,
        entry.correlation_id
    ]);
    let link =
        json!([2, 1, entry.event_id, entry.entity_type, entry.action, entry.actor_type, 0, "0".repeat(64)]);
    [
        [vec![7; 16], content.to_string().into_bytes()].concat(),
        [vec![0; 32], link.to_string().into_bytes()].concat(),
    ]
}
