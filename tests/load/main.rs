//! What Kaam costs, each figure beside its goal: `make bench`.
//!
//! The machines that this runs on are shared, so that seconds say little: rates are ratios of two that took turns in this run, and
//! the figures that a baseline holds are counts, which do not change with what else a machine does.

mod bed;
mod built;
mod clients;
mod counts;
mod create;
mod dapr;
mod echo;
mod events;
mod instances;
mod instructions;
mod kafka;
mod measure;
mod outbox;
mod overload;
mod pgbench;
mod report;
mod scale;
mod start;
mod steady;

use std::num::NonZeroUsize;

use anyhow::{Result, ensure};
use runtime::config::Environment;
use runtime::main::tokio_runtime;

use crate::report::Report;

/// The parts, in the order in which they are run, and whether a short run has them, too: those with figures that a baseline holds.
const PARTS: [(&str, bool); 11] = [
    ("counts", true),
    ("instructions", true),
    ("start", true),
    ("create", false),
    ("steady", false),
    ("overload", false),
    ("instances", false),
    ("events", false),
    ("kafka", false),
    ("dapr", false),
    ("scale", false),
];

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Fewer and shorter turns, and of the parts only those whose figures a baseline holds.
    pub(crate) is_quick: bool,
    only: Option<Vec<String>>,
}

impl Settings {
    fn read() -> Result<Self> {
        let environment = Environment::process();
        let is_quick = environment.get("QUICK")?.is_some();
        let only = environment.get("ONLY")?.filter(|names| !names.is_empty());
        let only: Option<Vec<String>> =
            only.map(|names| names.split([',', ' ']).map(str::to_owned).collect());
        let known = PARTS.map(|(name, _)| name);
        for name in only.iter().flatten() {
            ensure!(known.contains(&&**name), "ONLY: {name:?} is no part; there are {}", known.join(", "));
        }
        Ok(Self { is_quick, only })
    }

    /// Gives the parts that are wanted: what ONLY names, or else all, and of `QUICK` those that hold something.
    fn parts(&self) -> impl Iterator<Item = &'static str> {
        let is_wanted = |(name, is_held): &(&str, bool)| match &self.only {
            Some(only) => only.iter().any(|one| one == name),
            None => *is_held || !self.is_quick,
        };
        PARTS.into_iter().filter(is_wanted).map(|(name, _)| name)
    }
}

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(echo::ARGUMENT) {
        // On one thread, as a function.
        return tokio_runtime(NonZeroUsize::MIN)?.block_on(echo::serve());
    }
    tokio_runtime(std::thread::available_parallelism()?)?.block_on(measure())
}

async fn measure() -> Result<()> {
    let settings = Settings::read()?;
    let mut report = Report::new(&settings)?;
    for part in settings.parts() {
        println!("{part}:");
        match part {
            "counts" => counts::measure(&settings, &mut report).await?,
            "instructions" => instructions::measure(&settings, &mut report).await?,
            "start" => start::measure(&settings, &mut report).await?,
            "create" => create::measure(&settings, &mut report).await?,
            "steady" => steady::measure(&settings, &mut report).await?,
            "overload" => overload::measure(&settings, &mut report).await?,
            "instances" => instances::measure(&mut report).await?,
            "events" => events::measure(&settings, &mut report).await?,
            "kafka" => kafka::measure(&settings, &mut report).await?,
            "dapr" => dapr::measure(&settings, &mut report).await?,
            "scale" => scale::measure(&settings, &mut report).await?,
            _ => unreachable!("every part is here"),
        }
    }
    report.finish()
}
