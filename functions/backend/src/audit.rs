//! The audit log: has anybody changed it, and where does it end.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use application::Application;
use application::audit::{Head, head_line, head_of};

/// Looks at every entry, and, with a file of what [`heads`] said, whether those are still there; exit code 1 when something is wrong.
pub(crate) async fn verify(application: &Application, kept: Option<&Path>) -> anyhow::Result<ExitCode> {
    let kept = kept.map_or_else(|| Ok(Vec::new()), read)?;
    let (count, broken) = application.verify_audit_against(&kept).await?;
    for one in &broken {
        println!("{one}");
    }
    println!("{count} entries looked at, {} chains broken", broken.len());
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says where each chain ends.
pub(crate) async fn heads(application: &Application) -> anyhow::Result<ExitCode> {
    for head in application.audit_heads().await? {
        println!("{}", head_line(&head));
    }
    Ok(ExitCode::SUCCESS)
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
