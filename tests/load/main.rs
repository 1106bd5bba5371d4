//! What Kaam costs, each figure beside its goal: `make bench`.
//!
//! The machines that this runs on are shared, so that seconds say little: rates are ratios of two that took turns in this run, and
//! the figures that a baseline holds are counts, which do not change with what else a machine does.

mod bed;
mod clients;
mod counts;
mod create;
mod echo;
mod kafka;
mod measure;
mod overload;
mod pgbench;
mod report;
mod scale;
mod steady;

use anyhow::{Result, ensure};
use runtime::config::Environment;

use crate::report::Report;

/// The parts, in the order in which they are run.
const PARTS: [&str; 6] = ["counts", "create", "steady", "overload", "kafka", "scale"];

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
        for name in only.iter().flatten() {
            ensure!(
                PARTS.contains(&name.as_str()),
                "ONLY: {name:?} is no part; there are {}",
                PARTS.join(", ")
            );
        }
        Ok(Self { is_quick, only })
    }

    /// Says whether a part is wanted: what ONLY names, or else all, and of `QUICK` those that hold something.
    fn wants(&self, part: &str, is_held: bool) -> bool {
        self.only.as_ref().map_or(is_held || !self.is_quick, |only| only.iter().any(|name| name == part))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(echo::ARGUMENT) {
        return echo::serve().await;
    }
    let settings = Settings::read()?;
    let mut report = Report::new(&settings)?;
    if settings.wants("counts", true) {
        counts::measure(&settings, &mut report).await?;
    }
    if settings.wants("create", true) {
        create::measure(&settings, &mut report).await?;
    }
    if settings.wants("steady", true) {
        steady::measure(&settings, &mut report).await?;
    }
    if settings.wants("overload", false) {
        overload::measure(&settings, &mut report).await?;
    }
    if settings.wants("kafka", false) {
        kafka::measure(&settings, &mut report).await?;
    }
    if settings.wants("scale", false) {
        scale::measure(&settings, &mut report).await?;
    }
    report.finish()
}
