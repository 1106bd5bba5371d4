//! When a recurring task is completed or skipped, creates its next occurrence; when it is open again, takes an untouched one away.

use std::collections::HashSet;

use application::{Application, Connection};
use events::payload::TaskChanged;
use runtime::ask::{cause_of_event, envelope};
use runtime::clock::Clock;
use runtime::disposition::Disposition;
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::triggers::{Incoming, on_events};

/// The function's name.
pub const NAME: &str = "spawn-recurrence";

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
pub fn function(application: Application, clock: Clock) -> Function {
    let is_connected = application.database_probe();
    let handle = move |batch| handle_batch(application.clone(), clock.clone(), batch);
    Function::new(NAME)
        .on(on_events(&["task-events"], handle))
        .ready_when(Check::required("database", is_connected))
}

/// Handles events in order; after one that is to be retried, the later ones of its task wait.
async fn handle_batch(application: Application, clock: Clock, batch: Vec<Incoming>) -> Vec<Disposition> {
    let mut waiting = HashSet::new();
    let mut dispositions = Vec::with_capacity(batch.len());
    for event in &batch {
        let disposition = if event.subject.as_ref().is_some_and(|task| waiting.contains(task)) {
            Disposition::retry("an earlier event of this task is to be retried")
        } else {
            handle(&application, &clock, event).await
        };
        if disposition.is_to_come_again() {
            waiting.extend(event.subject.clone());
        }
        dispositions.push(disposition);
    }
    dispositions
}

async fn handle(application: &Application, clock: &Clock, event: &Incoming) -> Disposition {
    let is_over = match event.r#type.as_str() {
        // One that was deleted with those after it has no successor: the application looks.
        "task.completed" | "task.deleted" => true,
        "task.reopened" | "task.restored" => false,
        _ => return Disposition::Done,
    };
    let changed = match envelope(event).and_then(|envelope| envelope.read_payload::<TaskChanged>()) {
        Ok(changed) => changed,
        Err(why) => return Disposition::reject(why),
    };
    if changed.task.recurrence_rule.is_none() {
        return Disposition::Done;
    }
    let cause = cause_of_event(event, &changed.task.user_id, NAME, clock);
    let done = if is_over {
        application.spawn_successor(&cause, changed.task.id).await.map(|_| ())
    } else {
        application.withdraw_successor(&cause, changed.task.id).await
    };
    done.map_or_else(Disposition::from, |()| Disposition::Done)
}
