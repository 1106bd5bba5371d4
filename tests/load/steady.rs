//! Whether a function that has answered very many requests has more memory, files or threads than one that has answered some.

use anyhow::Result;
use tests::process::Program;

use crate::Settings;
use crate::bed::{Bed, CONNECTIONS, Commit, USERS, tokens};
use crate::clients::{Clients, creating};
use crate::measure::Held;
use crate::report::{Figure, Goal, Report};

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let (some, many) = if settings.is_quick { (2_000, 10_000) } else { (10_000, 1_000_000) };
    let bed = Bed::start(Commit::NotAwaited).await?;
    let tokens = tokens(USERS);
    let mut command = bed.function("create-task")?;
    // A user may have so many; 1,000 a user are no more than the limits of the default, but are created in some minutes.
    command.env("RATE_LIMIT_USER", "1000000");
    let program = Program::start(command).await;
    let clients = Clients::new(program.port, creating(&tokens));
    clients.send_times(CONNECTIONS, some)?;
    let before = Held::by(program.pid())?;
    clients.send_times(CONNECTIONS, many - some)?;
    let after = Held::by(program.pid())?;
    let requests = format!("after {many} requests ÷ after {some}");
    for (what, before, after) in [
        ("memory", before.memory, after.memory),
        ("open files", before.files, after.files),
        ("threads", before.threads, after.threads),
    ] {
        let figure = format!("{what} of create-task {requests}");
        report.add(Figure::counted("P25", figure, "", after / before, Goal::AtMost(1.05)));
    }
    report.add(Figure::counted(
        "P25",
        format!("memory of create-task after {many} requests"),
        "MB",
        after.memory,
        Goal::Shown,
    ));
    drop(program);
    bed.stop().await
}
