//! What is known of a user, given away and erased.

use std::io::{BufWriter, stdout};
use std::process::ExitCode;

use application::Application;
use application::privacy::Chance;
use runtime::clock::{Clock, new_id, random};
use runtime::main::say;

/// An address is nobody's id, and a mistyped id must not look like somebody of whom nothing is known, or who is forgotten.
const NOBODY: &str =
    "there was nothing of this user; a user is named by their id, the subject (sub) of their tokens";

/// Writes all that is known of a user to standard output.
pub(crate) async fn export(application: &Application, user_id: &str) -> anyhow::Result<ExitCode> {
    let rows = application.export_user(user_id, Clock::system().now(), BufWriter::new(stdout())).await?;
    if rows == 0 {
        eprintln!("{NOBODY}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what erasing takes.
pub(crate) fn unconfirmed(user_id: &str) -> anyhow::Error {
    anyhow::anyhow!("erasing {user_id:?} can not be undone; add --yes if that is meant")
}

/// Erases a user.
pub(crate) async fn erase(application: &Application, user_id: &str) -> anyhow::Result<ExitCode> {
    let chance = Chance { new_id, salt: random };
    let erased = application.erase_user(user_id, Clock::system().now(), chance).await?;
    let total: u64 = erased.iter().map(|(_, count)| count).sum();
    for (table, count) in erased.iter().filter(|(_, count)| *count > 0) {
        say(format_args!("{table}: {count}"));
    }
    if total == 0 {
        say(NOBODY);
        return Ok(ExitCode::FAILURE);
    }
    say("erased");
    Ok(ExitCode::SUCCESS)
}
