//! Making a new cluster.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::account::Account;
use super::binaries::Binaries;
use super::layout::{Layout, ServerDir};
use super::{DATABASE, Durability, USER};

/// Directories with this prefix are clusters in the making; those of an earlier start were never finished.
const UNFINISHED: &str = "unfinished-";

/// Makes a cluster with the program's role and database, and puts it in its place when it is complete.
///
/// Blocks for about a second: nothing else can be done without it.
pub(super) fn create(
    layout: &Layout,
    server_dir: &ServerDir,
    account: Account,
    binaries: &Binaries,
    durability: Durability,
) -> Result<()> {
    tracing::info!(directory = %layout.root.display(), "making a private PostgreSQL cluster");
    remove_unfinished(layout);
    let name = format!("{UNFINISHED}{}", std::process::id());
    let directory = server_dir.path.join(&name);

    let made = initdb(&directory, account, binaries, durability, "C.UTF-8");
    let made = match made {
        // Old systems have no such locale.
        Err(error) if error.to_string().contains("invalid locale") => {
            initdb(&directory, account, binaries, durability, "C")
        }
        made => made,
    };
    made.with_context(|| format!("failed to make a PostgreSQL cluster in {}", layout.root.display()))?;
    create_database(&directory, account, binaries)
        .with_context(|| format!("failed to make the database in {}", layout.root.display()))?;

    let place = layout.data();
    fs::rename(layout.server.join(name), &place)
        .with_context(|| format!("failed to make {}", place.display()))?;
    if durability == Durability::Durable {
        fs::File::open(&layout.server)
            .and_then(|directory| directory.sync_all())
            .with_context(|| format!("failed to write {}", layout.server.display()))?;
    }
    Ok(())
}

/// Best effort: an `initdb` that outlives its killed program may still be writing there, and what cannot be
/// removed now is removed by the next start.
fn remove_unfinished(layout: &Layout) {
    let Ok(entries) = fs::read_dir(&layout.server) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(directory = %entry.path().display(), %error, "failed to remove an unfinished cluster");
        }
    }
}

fn initdb(
    directory: &Path,
    account: Account,
    binaries: &Binaries,
    durability: Durability,
    locale: &str,
) -> Result<()> {
    let mut command = Command::new(binaries.initdb());
    command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"]);
    command.arg(format!("--locale={locale}")).arg("--pgdata").arg(directory);
    match durability {
        Durability::Durable => command.arg("--data-checksums"),
        Durability::Throwaway => command.arg("--no-sync"),
    };
    run(account.runs(&mut command), "")
}

/// In single-user mode, so that the cluster is complete before anything can connect to it.
fn create_database(directory: &Path, account: Account, binaries: &Binaries) -> Result<()> {
    let mut command = Command::new(binaries.postgres());
    command.args(["--single", "-c", "log_checkpoints=off", "-D"]).arg(directory).arg("postgres");
    // One statement a line; CREATEDB for test databases, CREATEROLE for the functions' roles.
    let statements = format!(
        "CREATE ROLE {USER} LOGIN CREATEDB CREATEROLE\n\
         CREATE DATABASE {DATABASE} OWNER {USER}\n"
    );
    run(account.runs(&mut command), &statements)
}

/// Runs a command to its end. In single-user mode a statement that failed does not show in the exit status,
/// only in the messages.
fn run(command: &mut Command, input: &str) -> Result<()> {
    let name = Path::new(command.get_program()).display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to run {name}"))?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A command that ended early explains itself on stderr: better than "broken pipe".
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().with_context(|| format!("failed to wait for {name}"))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || messages.contains("ERROR:") {
        bail!("{name} failed ({}): {}", output.status, messages.trim());
    }
    written.with_context(|| format!("failed to write to {name}"))
}
