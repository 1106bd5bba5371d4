//! The successor of a completed recurring task: made once, withdrawn when the completion is taken back.

use domain::series;
use domain::settings::Settings;
use domain::task::{Change, Status, Task};
use events::payload::Actor;
use events::{Cause, Refusal};
use store::tasks::{Write, Written};
use uuid::Uuid;

use crate::change::{PlannedWrite, plan_write};
use crate::{Application, refuse};

/// How often the successor is computed anew after the user's settings changed meanwhile.
const TRIES: usize = 20;
/// How many tasks in a row that were skipped are looked through for one that was not.
const MAX_SKIPPED: usize = 1_000;

impl Application {
    /// Makes the next occurrence of a completed or skipped task; `None` when there is none to make, or it is there already. Its identity and
    /// the database's uniqueness make this safe to call any number of times, from any number of places.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn spawn_successor(&self, cause: &Cause, completed: Uuid) -> Result<Option<Uuid>, Refusal> {
        let actor = Actor::service(cause.source_service);
        for _ in 0..TRIES {
            let Some(loaded) = self.store.task(&cause.user_id, completed).await.map_err(refuse)? else {
                return Ok(None);
            };
            let settings = self.settings_of_version(&cause.user_id, loaded.settings_version).await?;
            let Some(next) = series::successor(&loaded.task, settings.time_zone, cause.now) else {
                return Ok(None);
            };
            let id = next.id;
            if self.store.successor(&cause.user_id, completed).await.map_err(refuse)?.is_some() {
                return Ok(None);
            }
            let planned = plan_write(cause, None, next.clone(), &settings, Change::Created, &actor);
            let write = Write { parent_version: Some(loaded.task.version), ..planned.write };
            let mut written = self.store.write(&write, None).await.map_err(refuse)?;
            if written == Written::Conflict {
                let there = self.store.task(&cause.user_id, id).await.map_err(refuse)?;
                // Nobody made it: the completed task was changed in between.
                let Some(there) = there else { continue };
                if !is_withdrawn(&there.task) {
                    return Ok(None);
                }
                let revived = Task { version: there.task.version + 1, ..next };
                let planned = plan_write(cause, Some(&there), revived, &settings, Change::Restored, &actor);
                written = self.store.write(&planned.write, None).await.map_err(refuse)?;
            }
            match written {
                Written::Committed => {
                    (self.committed)();
                    return Ok(Some(id));
                }
                Written::SettingsChanged => {
                    self.fresh_settings(&cause.user_id).await?;
                }
                _ => return Ok(None),
            }
        }
        Err(crate::lost_every_race("the settings or the task, which keep changing,"))
    }

    /// Plans what goes with the reopening of a task that is over: an untouched successor disappears, also one that is as it was again;
    /// says whether one stays.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn plan_withdrawal(
        &self,
        cause: &Cause,
        completed: &Task,
        settings: &Settings,
    ) -> Result<(Option<PlannedWrite>, bool), Refusal> {
        let successor = self.store.successor(&cause.user_id, completed.id).await.map_err(refuse)?;
        let Some(loaded) = successor.filter(|loaded| loaded.task.status != Status::Deleted) else {
            return Ok((None, self.kept_successor(&cause.user_id, completed.id).await?.is_some()));
        };
        let is_untouched = loaded.task.created_at == loaded.task.updated_at
            || series::is_as_made(&loaded.task, completed, settings.time_zone);
        let Some(mut withdrawn) = loaded.task.delete(cause.now).filter(|_| is_untouched) else {
            return Ok((None, true));
        };
        withdrawn.series = withdrawn.series.map(|series| domain::series::Series { follows: None, ..series });
        let actor = Actor::service(cause.source_service);
        Ok((Some(plan_write(cause, Some(&loaded), withdrawn, settings, Change::Deleted, &actor)), false))
    }

    /// Gives what stays of a series after one of its tasks is open again: the one that follows it, or follows those that were skipped
    /// after it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub(crate) async fn kept_successor(
        &self,
        user_id: &str,
        reopened: Uuid,
    ) -> Result<Option<Uuid>, Refusal> {
        let mut id = reopened;
        for _ in 0..MAX_SKIPPED {
            let Some(next) = self.store.successor(user_id, id).await.map_err(refuse)? else {
                return Ok(None);
            };
            match next.task.status {
                Status::Deleted if next.task.skipped => id = next.task.id,
                Status::Deleted => return Ok(None),
                Status::Active | Status::Completed => return Ok(Some(next.task.id)),
            }
        }
        Ok(None)
    }

    /// Takes the successor of a reopened task away, with its reminders, if nobody touched it: one that came to be while the task was
    /// reopened.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn withdraw_successor(&self, cause: &Cause, reopened: Uuid) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let parent = self.store.task(&cause.user_id, reopened).await.map_err(refuse)?;
            let Some(parent) = parent.filter(|parent| parent.task.status == Status::Active) else {
                return Ok(());
            };
            let settings = self.settings_of_version(&cause.user_id, parent.settings_version).await?;
            let (Some(planned), _) = self.plan_withdrawal(cause, &parent.task, &settings).await? else {
                return Ok(());
            };
            match self.store.write(&planned.write, None).await.map_err(refuse)? {
                Written::Committed => {
                    (self.committed)();
                    return Ok(());
                }
                Written::SettingsChanged => {
                    self.fresh_settings(&cause.user_id).await?;
                }
                // Somebody touched it just now.
                _ => return Ok(()),
            }
        }
        Err(crate::lost_every_race("the settings, which keep changing,"))
    }
}

/// A withdrawn successor follows nobody; one that its user deleted still does, and stays deleted.
fn is_withdrawn(task: &Task) -> bool {
    task.status == Status::Deleted && task.series.is_some_and(|series| series.follows.is_none())
}
