//! Appends who changed what, from which value to which, to a tamper-evident log: one entry for each event.

use application::audit::entry_of;
use application::{Application, Connection};
use runtime::ask::envelope;
use runtime::clock::Clock;
use runtime::disposition::Disposition;
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::triggers::{Incoming, on_events};

/// The function's name.
pub const NAME: &str = "write-audit";

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection {
        url: start.database_url()?,
        application_name: NAME,
        max_connections: start.database_connections()?,
    };
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    Ok(function(application, start.clock))
}

/// Gives the function.
pub fn function(application: Application, _: Clock) -> Function {
    let database = application.clone();
    let is_connected = move || {
        let database = database.clone();
        async move { database.is_database_connected().await }
    };
    let handle = move |batch| handle_batch(application.clone(), batch);
    let topics = &["task-events", "reminders", "audit-events"];
    Function::new(NAME).on(on_events(topics, handle)).ready_when(Check::required("database", is_connected))
}

/// Appends a batch in one commit: all of it, or, when the database is away, nothing.
async fn handle_batch(application: Application, batch: Vec<Incoming>) -> Vec<Disposition> {
    let parsed: Vec<_> =
        batch.iter().map(|event| envelope(event).and_then(|envelope| entry_of(&envelope))).collect();
    let entries: Vec<_> = parsed.iter().flatten().cloned().collect();
    let appended: Disposition = match application.append_audit(&entries).await {
        Ok(_) => Disposition::Done,
        Err(refusal) => refusal.into(),
    };
    let decide = |parsed: Result<_, String>| parsed.map_or_else(Disposition::reject, |_| appended.clone());
    parsed.into_iter().map(decide).collect()
}
