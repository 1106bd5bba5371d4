//! The audit log: has anybody changed it, and where does it end.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use application::Application;
use application::audit::{Head, head_line, head_of};
use application::outbox::KEPT_DAYS;
use runtime::clock::Clock;
use runtime::main::say;

/// Looks at every entry, and, with a file of what [`heads`] said, whether those are still there; exit code 1 when something is wrong.
pub(crate) async fn verify(application: &Application, kept: Option<&Path>) -> anyhow::Result<ExitCode> {
    let kept = kept.map_or_else(|| Ok(Vec::new()), read)?;
    let (count, broken) = application.verify_audit_against(&kept).await?;
    for Head { user_id, seq, .. } in application.audit_starts().await? {
        say(format_args!("user {user_id:?}: the chain begins at entry {}, as trim-audit left it", seq + 1));
    }
    for one in &broken {
        say(one);
    }
    say(format_args!("{count} entries looked at, {} chains broken", broken.len()));
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says where each chain ends.
pub(crate) async fn heads(application: &Application) -> anyhow::Result<ExitCode> {
    for head in application.audit_heads().await? {
        say(head_line(&head));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads how many days entries are to be kept.
pub(crate) fn days(text: &str) -> anyhow::Result<i64> {
    let days = text.parse().ok().filter(|days| KEPT_DAYS.contains(days));
    days.with_context(|| {
        format!("{text:?} is no number of days from {} to {}", KEPT_DAYS.start(), KEPT_DAYS.end())
    })
}

/// Says what trimming takes.
pub(crate) fn unconfirmed(days: i64) -> anyhow::Error {
    anyhow::anyhow!("what goes, older than {days} days, does not come back; add --yes if that is meant")
}

/// Takes old entries away, and says where each chain begins that was cut, in lines to be kept with those of [`heads`]; exit code 1 when a
/// chain is broken, which stays as it is.
pub(crate) async fn trim(application: &Application, days: i64) -> anyhow::Result<ExitCode> {
    let trimmed = application.trim_audit(Clock::system().now(), days).await;
    // Of every chain that was ever cut: when this failed half-way before, nobody else says it.
    for head in application.audit_starts().await? {
        say(head_line(&head));
    }
    let (cut, broken) = trimmed?;
    for one in &broken {
        eprintln!("{one}");
    }
    eprintln!("{} chains cut, {} chains broken", cut.len(), broken.len());
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> anyhow::Result<Vec<Head>> {
    let shown = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("{shown:?} can not be read"))?;
    let heads = text.lines().enumerate().map(|(index, line)| {
        head_of(line).map_err(|why| anyhow::anyhow!("line {} of {shown:?} {why}", index + 1))
    });
    let heads: Vec<_> = heads.collect::<anyhow::Result<_>>()?;
    // What audit-heads leaves when it fails.
    anyhow::ensure!(!heads.is_empty(), "there is no line in {shown:?}; nothing could be held against it");
    Ok(heads)
}
