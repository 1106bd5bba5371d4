//! What is computed, in instructions: these are counts, the same however busy a machine is.
//!
//! Valgrind counts them in this very program, which it starts with `--count TASK TIMES`: once and twice as often, so that the difference is
//! what the task itself took.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use application::audit::Entry;
use application::{Application, Connection};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use devkit::postgres::{Options, Private};
use devkit::testing::TestDirectory;
use domain::recurrence::{Anchor, Rule};
use domain::settings::Locale;
use language::{Context as Said, MAX_CHARS, parse};
use rrule::RRuleSet;
use runtime::clock::Stopwatch;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Settings;
use crate::report::{Figure, Goal, Report};

const ZONE: Tz = Tz::America__New_York;
const RULES: [(&str, &str); 2] =
    [("weekly", "FREQ=WEEKLY;BYDAY=MO,WE,FR"), ("monthly", "FREQ=MONTHLY;BYDAY=-1FR")];
/// How old a series is that is old, in years.
const OLD: i32 = 10;
const CORPORA: [(&str, &str, Locale); 2] = [
    ("English", include_str!("../../shared/language/tests/corpus/english.tsv"), Locale::EnUs),
    ("Urdu", include_str!("../../shared/language/tests/corpus/urdu.tsv"), Locale::UrPk),
];
/// What long texts are made of.
const WORDS: [(&str, &str); 3] = [
    ("words", "buy milk and eggs for the party at home with friends "),
    ("dates", "monday at 5pm every second tuesday until december "),
    ("Urdu", "کل شام پانچ بجے دودھ لانا یاد دلانا ہر پیر کو "),
];
/// How many entries of the audit log are verified.
const LINKS: usize = 20_000;

/// Gives the task that this program was started to be counted with, and how often it is to be done.
pub(crate) fn asked_for() -> Option<(String, u32)> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--count").skip(1);
    Some((arguments.next()?, arguments.next()?.parse().ok()?))
}

/// Does a task some times.
///
/// # Errors
/// There is none of that name.
pub(crate) fn perform(task: &str, times: u32) -> Result<()> {
    let (kind, what) = task.split_once(' ').context("a task is two words")?;
    match kind {
        "ours" | "theirs" => {
            let (rule, age) = what.split_once(' ').context("a rule and an age")?;
            let (_, rule) = RULES.iter().find(|(name, _)| *name == rule).context("a rule")?;
            let start = noon_in(2026 - age.parse::<i32>()?);
            if kind == "ours" { ours(rule, start, times) } else { theirs(rule, start, times) }
        }
        "corpus" => {
            let (_, corpus, locale) = CORPORA.iter().find(|(name, ..)| *name == what).context("a corpus")?;
            (0..times).for_each(|_| utterances(corpus).for_each(|text| understand(text, *locale)));
            Ok(())
        }
        "text" => {
            let (words, length) = what.split_once(' ').context("words and a length")?;
            let (_, words) = WORDS.iter().find(|(name, _)| *name == words).context("words")?;
            let text: String = words.chars().cycle().take(length.parse()?).collect();
            (0..times).for_each(|_| understand(&text, Locale::EnUs));
            Ok(())
        }
        _ => bail!("no task is called {task:?}"),
    }
}

fn ours(rule: &str, start: NaiveDateTime, times: u32) -> Result<()> {
    let rule = Rule::parse_rrule(rule, Anchor::Due, false).ok().context("a rule")?;
    let after = noon_in(2026);
    for _ in 0..times {
        let next = rule.next_after(black_box(start), black_box(after), ZONE);
        black_box(next.map(|next| rule.instant(start, next, ZONE)));
    }
    Ok(())
}

fn theirs(rule: &str, start: NaiveDateTime, times: u32) -> Result<()> {
    let text = format!("DTSTART;TZID={}:{}\nRRULE:{rule}", ZONE.name(), start.format("%Y%m%dT%H%M%S"));
    let rule: RRuleSet = text.parse()?;
    let after = noon_in(2026).and_local_timezone(rrule::Tz::Tz(ZONE)).single().context("a wall time")?;
    for _ in 0..times {
        // One at the very instant counts to it.
        black_box(black_box(&rule).clone().after(black_box(after)).all(2));
    }
    Ok(())
}

/// Gives noon on the 16th of November, a Monday in 2026.
fn noon_in(year: i32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(year, 11, 16).and_then(|day| day.and_hms_opt(12, 0, 0));
    day.expect("every year has it")
}

fn utterances(corpus: &str) -> impl Iterator<Item = &str> {
    let rows = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    rows.filter_map(|line| line.split('\t').next())
}

fn understand(text: &str, locale: Locale) {
    let _ = black_box(parse(black_box(text), &Said { now: noon_in(2026), zone: Tz::UTC, locale }));
}

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
    for (name, _) in RULES {
        let young = counted(&format!("ours {name} 0"), 500)?;
        let old = counted(&format!("ours {name} {OLD}"), 500)?;
        let theirs = counted(&format!("theirs {name} {OLD}"), 20)?;
        let what = format!("next occurrence, {name}");
        report.add(
            Figure::counted("P20", format!("{what}, of this year"), "instructions", young, Goal::Shown)
                .held(),
        );
        report.add(
            Figure::counted("P20", format!("{what}, for {OLD} years"), "instructions", old, Goal::Shown)
                .held(),
        );
        report.add(Figure::counted(
            "P20",
            format!("{what}, {OLD} years ÷ this year"),
            "",
            old / young,
            Goal::AtMost(1.2),
        ));
        report.add(Figure::counted(
            "P20",
            format!("{what}, the crate rrule ÷ ours"),
            "",
            theirs / old,
            Goal::AtLeast(20.0),
        ));
    }
    Ok(())
}

fn sentences(report: &mut Report) -> Result<()> {
    for (name, corpus, _) in CORPORA {
        let each = counted(&format!("corpus {name}"), 1)? / utterances(corpus).count() as f64;
        report.add(
            Figure::counted(
                "P21",
                format!("understanding, {name}"),
                "instructions",
                each,
                Goal::AtMost(50_000.0),
            )
            .held(),
        );
    }
    for (name, _) in WORDS {
        let lengths = [MAX_CHARS / 4, MAX_CHARS / 2, MAX_CHARS];
        let mut counts = Vec::new();
        for length in lengths {
            counts.push(counted(&format!("text {name} {length}"), 1)?);
        }
        let ratio = counts.windows(2).map(|pair| pair[1] / pair[0]).fold(0.0, f64::max);
        report.add(Figure::counted(
            "P21",
            format!("understanding twice as many {name} ÷ once"),
            "",
            ratio,
            Goal::AtMost(2.2),
        ));
    }
    Ok(())
}

/// Counts the instructions of a task that is done once.
fn counted(task: &str, times: u32) -> Result<f64> {
    Ok((in_all(task, 2 * times)? - in_all(task, times)?) / f64::from(times))
}

fn in_all(task: &str, times: u32) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--count", task, &times.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {text}");
    let count = text
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok());
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
