//! What several parts measure with.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result};
use devkit::testing::TestDirectory;
use runtime::config::Environment;

/// A program that is stopped however the measurement ends.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Gives the root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Makes a directory on the disk that `BENCH_DIR` is on: what waits for the disk would wait for memory in others.
///
/// # Errors
/// It can not be made.
pub(crate) fn on_disk() -> Result<TestDirectory> {
    let parent = bench_folder()?;
    std::fs::create_dir_all(&parent)?;
    Ok(TestDirectory::below(&parent)?)
}

/// Gives the folder of what a run leaves.
///
/// # Errors
/// The environment is malformed.
pub(crate) fn bench_folder() -> Result<PathBuf> {
    Ok(Environment::process().get("BENCH_DIR")?.map_or_else(|| root().join("target/bench"), PathBuf::from))
}

/// Sorts figures, and gives the one in the middle; of two in the middle, their mean. There is one at least.
pub(crate) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) }
}

/// Sorts figures, and gives the one that one in a hundred is greater than.
pub(crate) fn p99(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() * 99 / 100]
}

/// Gives the processor time that a process has used, of the system's on its behalf, too.
///
/// # Errors
/// There is no such process.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(") ").next().context("a malformed /proc entry")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux counts in hundredths of a second (USER_HZ).
    Ok(Duration::from_millis(ticks * 10))
}

/// Gives the processor time of the processes that a process has started and that still run, such as PostgreSQL's for its connections.
///
/// # Errors
/// /proc can not be read.
pub(crate) fn processor_time_of_children(parent: u32) -> Result<Duration> {
    let mut time = Duration::ZERO;
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that ends meanwhile has none any more.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let of = stat.rsplit(") ").next().and_then(|fields| fields.split(' ').nth(1)?.parse::<u32>().ok());
        if of == Some(parent) {
            time += processor_time(pid).unwrap_or_default();
        }
    }
    Ok(time)
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What a process holds.
pub(crate) struct Held {
    /// In megabytes, what is in memory.
    pub(crate) memory: f64,
    pub(crate) files: f64,
    pub(crate) threads: f64,
}

impl Held {
    /// # Errors
    /// There is no such process.
    pub(crate) fn by(pid: u32) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            number.with_context(|| format!("no {name} in /proc"))
        };
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64;
        Ok(Self { memory: number("VmRSS:")? * 1_024.0 / 1e6, files, threads: number("Threads:")? })
    }
}
