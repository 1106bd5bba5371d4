//! The figures of a run, beside their goals and, where they are counts, beside those of the committed baseline.
//!
//! The baseline holds what is the same on another machine: round trips, transactions, bytes of the write-ahead log, instructions,
//! sizes. Processor time is shown and has a goal, but is not held: it is another one on each processor, and on one that others use it changes from run
//! to run. What makes a request cost more of it shows in its instructions, which do not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use runtime::config::Environment;
use serde_json::{Value, json};

use crate::Settings;
use crate::measure::{bench_folder, median};

/// How much worse than the baseline a held figure may be.
const TOLERANCE: f64 = 0.05;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// It explains another one.
    Shown,
}

impl Goal {
    fn is_reached_by(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(goal) => Some(value >= goal),
            Self::AtMost(goal) => Some(value <= goal),
            Self::Shown => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {}", number(goal)),
            Self::AtMost(goal) => format!("≤ {}", number(goal)),
            Self::Shown => "–".to_owned(),
        }
    }
}

/// A figure: the middle of its turns, the least and the greatest.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// The metric it belongs to, as `P1`.
    pub(crate) metric: &'static str,
    /// What is counted, unique in a run.
    pub(crate) name: String,
    /// As `µs`, `MB`; empty for a ratio.
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) goal: Goal,
    /// Whether the baseline holds it: a cost that is counted and does not change with what else the machine does.
    pub(crate) is_held: bool,
}

impl Figure {
    /// Gives the figure of several turns, which are one at least.
    pub(crate) fn of_turns(
        metric: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        turns: &[f64],
        goal: Goal,
    ) -> Self {
        let mut sorted = turns.to_vec();
        let value = median(&mut sorted);
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        Self { metric, name: name.into(), unit, value, low, high, goal, is_held: false }
    }

    /// Gives what was counted once.
    pub(crate) fn counted(
        metric: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        goal: Goal,
    ) -> Self {
        Self::of_turns(metric, name, unit, &[value], goal)
    }

    /// Has the baseline hold it.
    pub(crate) fn held(self) -> Self {
        Self { is_held: true, ..self }
    }
}

/// What a run has found so far.
#[derive(Debug)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    folder: PathBuf,
    is_quick: bool,
    /// Whether every figure of the baseline has to be there.
    has_to_be_whole: bool,
    writes_baseline: bool,
}

impl Report {
    /// # Errors
    /// The folder can not be made.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let environment = Environment::process();
        let folder = bench_folder()?;
        fs::create_dir_all(&folder)?;
        let writes_baseline = environment.get("BASELINE")?.as_deref() == Some("write");
        let has_to_be_whole = environment.get("KAAM_REQUIRE_BASELINE")?.is_some();
        Ok(Self {
            figures: Vec::new(),
            folder,
            is_quick: settings.is_quick,
            has_to_be_whole,
            writes_baseline,
        })
    }

    /// Adds a figure, and shows it at once: a run takes long.
    pub(crate) fn add(&mut self, figure: Figure) {
        println!("{}", line(&figure));
        self.figures.push(figure);
    }

    /// Writes `report.json` and `report.md`, and holds the figures against the baseline.
    ///
    /// # Errors
    /// A file can not be written, or a held figure is more than 5 % worse than the baseline's.
    pub(crate) fn finish(self) -> Result<()> {
        let baseline = Baseline::read()?;
        let figures: Vec<Value> =
            self.figures.iter().map(|figure| written(figure, baseline.of(figure))).collect();
        fs::write(
            self.folder.join("report.json"),
            serde_json::to_string_pretty(&json!({"is_quick": self.is_quick, "figures": figures}))?,
        )?;
        fs::write(self.folder.join("report.md"), self.table(&baseline))?;
        println!("{} figures are in {}", self.figures.len(), self.folder.display());
        let held = self.figures.iter().filter(|figure| figure.is_held);
        if self.writes_baseline {
            return baseline.with(held).write();
        }
        let mut worse = Vec::new();
        for figure in held {
            match baseline.of(figure) {
                Some(before) if figure.value > before * (1.0 + TOLERANCE) => {
                    worse.push(format!(
                        "{}: {} now, {} before",
                        figure.name,
                        number(figure.value),
                        number(before)
                    ));
                }
                Some(before) if figure.value < before * (1.0 - TOLERANCE) => {
                    println!(
                        "better than the baseline, which `make bench-baseline` writes anew: {}",
                        line(figure)
                    );
                }
                Some(_) => {}
                None => worse.push(format!(
                    "{}: {} now, and the baseline has none",
                    figure.name,
                    number(figure.value)
                )),
            }
        }
        if self.has_to_be_whole {
            let found =
                |name: &&String| self.figures.iter().any(|figure| figure.is_held && figure.name == **name);
            worse.extend(
                baseline.0.keys().filter(|name| !found(name)).map(|name| format!("{name}: not measured")),
            );
        }
        if !worse.is_empty() {
            bail!(
                "more than 5 % worse than tests/load/baseline.json, or not there:\n  {}",
                worse.join("\n  ")
            );
        }
        Ok(())
    }

    fn table(&self, baseline: &Baseline) -> String {
        let mut text = String::from(
            "| metric | figure | value | least–greatest | goal | reached | baseline |\n|---|---|---|---|---|---|---|\n",
        );
        for figure in &self.figures {
            let reached =
                figure.goal.is_reached_by(figure.value).map_or("", |is| if is { "yes" } else { "**no**" });
            let before = baseline.of(figure).filter(|_| figure.is_held).map_or_else(String::new, number);
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} {} | {}–{} | {} | {reached} | {before} |",
                figure.metric,
                figure.name,
                number(figure.value),
                figure.unit,
                number(figure.low),
                number(figure.high),
                figure.goal.text(),
            );
        }
        text
    }
}

/// The committed figures, by name.
#[derive(Debug)]
struct Baseline(BTreeMap<String, f64>);

impl Baseline {
    fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("load/baseline.json")
    }

    fn read() -> Result<Self> {
        let text = fs::read_to_string(Self::path()).context("tests/load/baseline.json")?;
        Ok(Self(serde_json::from_str(&text).context("tests/load/baseline.json")?))
    }

    fn of(&self, figure: &Figure) -> Option<f64> {
        self.0.get(&figure.name).copied()
    }

    fn with<'a>(mut self, figures: impl Iterator<Item = &'a Figure>) -> Self {
        self.0.extend(figures.map(|figure| (figure.name.clone(), figure.value)));
        self
    }

    fn write(&self) -> Result<()> {
        Ok(fs::write(Self::path(), serde_json::to_string_pretty(&self.0)? + "\n")?)
    }
}

fn line(figure: &Figure) -> String {
    let range = if figure.low < figure.high {
        format!(" ({}–{})", number(figure.low), number(figure.high))
    } else {
        String::new()
    };
    let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
    let reached = figure.goal.is_reached_by(figure.value).map_or_else(String::new, |is| {
        format!(", goal {}{}", figure.goal.text(), if is { "" } else { ": NOT REACHED" })
    });
    format!("{:4} {}: {}{unit}{range}{reached}", figure.metric, figure.name, number(figure.value))
}

fn written(figure: &Figure, before: Option<f64>) -> Value {
    let (at_least, at_most) = match figure.goal {
        Goal::AtLeast(goal) => (Some(goal), None),
        Goal::AtMost(goal) => (None, Some(goal)),
        Goal::Shown => (None, None),
    };
    json!({"metric": figure.metric, "name": figure.name, "unit": figure.unit, "value": figure.value, "low": figure.low,
           "high": figure.high, "at_least": at_least, "at_most": at_most, "is_held": figure.is_held,
           "baseline": before.filter(|_| figure.is_held)})
}

/// Gives a figure as people read it: three places, or none where it is great.
fn number(value: f64) -> String {
    match value.abs() {
        great if great >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
