//! `migrate --roles`: a database role for each function.

use std::process::ExitCode;

use anyhow::Context as _;
use runtime::main::say;

/// Makes the roles that are missing, and has them may what they need and no more.
pub(crate) async fn grant(database_url: &str) -> anyhow::Result<ExitCode> {
    let granted = store::roles::grant(database_url).await.context(
        "the roles could not be brought in line; whoever connects must own the tables and may have to make roles (CREATEROLE)",
    )?;
    for one in granted {
        let made = if one.is_new { "was made, without a login" } else { "is there" };
        let limits = if one.has_limits { "" } else { "; its time limits are for its maker to set" };
        say(format_args!("{} {made}{limits}", one.role));
    }
    Ok(ExitCode::SUCCESS)
}
