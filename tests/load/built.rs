//! Which build of a program is measured.
//!
//! What is shipped (static, optimised as a whole), where `SHIPPED_DIR` has it, as in a run of `make bench` in full; the release build
//! otherwise, which is quicker to build.

use std::path::PathBuf;

use anyhow::Result;
use runtime::config::Environment;

/// A program to measure.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) path: PathBuf,
    pub(crate) is_shipped: bool,
}

impl Built {
    /// Gives a function as it is shipped if that is there, or else of the release build.
    pub(crate) fn of(function: &str) -> Result<Self> {
        let shipped = Environment::process().get("SHIPPED_DIR")?.filter(|folder| !folder.is_empty());
        let shipped = shipped.map(|folder| PathBuf::from(folder).join(function));
        Ok(match shipped.filter(|path| path.is_file()) {
            Some(path) => Self { path, is_shipped: true },
            None => Self { path: tests::process::binary(function), is_shipped: false },
        })
    }

    /// Gives what it is called in a figure.
    pub(crate) const fn name(&self) -> &'static str {
        if self.is_shipped { "shipped" } else { "release" }
    }
}
