//! Where `initdb` and `postgres` are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// The oldest major version whose SQL the program speaks.
const OLDEST_MAJOR: u32 = 15;

/// Packages put one directory per major version here: Debian and Ubuntu, Red Hat's PGDG, Alpine, Homebrew.
const PLACES: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// The programs of one installed PostgreSQL.
#[derive(Debug)]
pub(super) struct Binaries {
    bin_dir: PathBuf,
}

impl Binaries {
    /// The PostgreSQL to use: the one in `bin_dir` if that is given, else the major version that made the
    /// cluster, else the newest.
    pub(super) fn find(bin_dir: Option<&Path>, cluster_major: Option<u32>) -> Result<Self> {
        let bin_dir = match bin_dir {
            Some(bin_dir) => bin_dir.to_owned(),
            None => installed(cluster_major).or_else(on_path).with_context(|| {
                format!(
                    "found no PostgreSQL server; install version {OLDEST_MAJOR} or newer (Debian, Ubuntu: \
                     `apt-get install postgresql`; Fedora: `postgresql-server`; macOS: `brew install \
                     postgresql`), name its programs' directory in PG_BIN, or set DATABASE_URL"
                )
            })?,
        };
        let binaries = Self { bin_dir };
        let major = binaries.major_version()?;
        ensure!(
            major >= OLDEST_MAJOR,
            "PostgreSQL {major} in {} is too old; version {OLDEST_MAJOR} or newer is needed",
            binaries.bin_dir.display()
        );
        if let Some(cluster_major) = cluster_major
            && cluster_major != major
        {
            bail!(
                "the cluster in DATA_DIR was made by PostgreSQL {cluster_major}, and this is PostgreSQL {major} \
                 ({}); install PostgreSQL {cluster_major}, or move the data with pg_upgrade or pg_dump",
                binaries.bin_dir.display()
            );
        }
        Ok(binaries)
    }

    /// The path of `initdb`.
    pub(super) fn initdb(&self) -> PathBuf {
        self.bin_dir.join("initdb")
    }

    /// The path of the server.
    pub(super) fn postgres(&self) -> PathBuf {
        self.bin_dir.join("postgres")
    }

    fn major_version(&self) -> Result<u32> {
        let postgres = self.postgres();
        let output = Command::new(&postgres)
            .arg("--version")
            .output()
            .with_context(|| format!("failed to run {}", postgres.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        major_in(&text).with_context(|| format!("{} --version answered {text:?}", postgres.display()))
    }
}

/// The major version in the server's answer to `--version`, such as `postgres (PostgreSQL) 15.18 (Debian …)`
/// or `postgres (PostgreSQL) 18beta1`.
fn major_in(version: &str) -> Option<u32> {
    let digits = version.split_once(") ")?.1;
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// The directory of the wanted major version among the installed ones, else of the newest.
fn installed(wanted_major: Option<u32>) -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix, bin) in PLACES {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(major) = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse().ok()) else {
                continue;
            };
            let bin_dir = entry.path().join(bin);
            if bin_dir.join("initdb").exists() && bin_dir.join("postgres").exists() {
                found.push((major, bin_dir));
            }
        }
    }
    found
        .into_iter()
        .max_by_key(|(major, _)| (Some(*major) == wanted_major, *major))
        .map(|(_, bin_dir)| bin_dir)
}

fn on_path() -> Option<PathBuf> {
    let output = Command::new("sh").args(["-c", "command -v initdb"]).output().ok()?;
    let initdb = fs::canonicalize(String::from_utf8(output.stdout).ok()?.trim()).ok()?;
    let bin_dir = initdb.parent()?;
    bin_dir.join("postgres").exists().then(|| bin_dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_servers_print() {
        assert_eq!(major_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_in("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_in("postgres (PostgreSQL) 17\n"), Some(17));
        assert_eq!(major_in("no such program"), None);
    }
}
