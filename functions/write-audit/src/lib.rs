//! Appends who changed what, from which value to which, to a tamper-evident log: one entry for each event.

use std::collections::HashSet;
use std::slice;

use application::audit::{Entry, entry_of};
use application::{Application, Connection};
use events::Refusal;
use runtime::ask::envelope;
use runtime::clock::{Clock, random};
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
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    Ok(function(application, start.clock))
}

/// Gives the function.
pub fn function(application: Application, _: Clock) -> Function {
    let is_connected = application.database_probe();
    let handle = move |batch| handle_batch(application.clone(), batch);
    let topics = &["task-events", "reminders", "audit-events"];
    Function::new(NAME).on(on_events(topics, handle)).ready_when(Check::required("database", is_connected))
}

/// Appends a batch in one commit; what the database refuses as a whole one by one, so that one bad event takes no other with it.
async fn handle_batch(application: Application, batch: Vec<Incoming>) -> Vec<Disposition> {
    let parsed: Vec<_> =
        batch.iter().map(|event| envelope(event).and_then(|envelope| entry_of(&envelope))).collect();
    let entries: Vec<_> = parsed.iter().flatten().cloned().collect();
    let appended = match application.append_audit(&entries, random).await {
        Ok(_) => vec![Disposition::Done; entries.len()],
        Err(Refusal::Internal(_)) if entries.len() > 1 => one_by_one(&application, &entries).await,
        Err(refusal) => vec![Disposition::from(refusal); entries.len()],
    };
    let mut appended = appended.into_iter();
    let decide = |parsed: Result<_, String>| match parsed {
        Ok(_) => appended.next().expect("each entry was decided about"),
        Err(why) => Disposition::reject(why),
    };
    parsed.into_iter().map(decide).collect()
}

/// Appends in order; after an entry that is to be retried, the later ones about the same wait.
async fn one_by_one(application: &Application, entries: &[Entry]) -> Vec<Disposition> {
    let mut waiting = HashSet::new();
    let mut dispositions = Vec::with_capacity(entries.len());
    for entry in entries {
        let disposition = if waiting.contains(&entry.entity_id) {
            Disposition::retry("an earlier entry about the same is to be retried")
        } else {
            let appended = application.append_audit(slice::from_ref(entry), random).await;
            appended.map_or_else(Disposition::from, |_| Disposition::Done)
        };
        if disposition != Disposition::Done {
            waiting.insert(&entry.entity_id);
        }
        dispositions.push(disposition);
    }
    dispositions
}
