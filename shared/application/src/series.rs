//! The successor of a completed recurring task: made once, withdrawn when the completion is taken back.

use domain::series;
use domain::task::{Change, Status, Task};
use events::payload::Actor;
use events::{Cause, Refusal};
use store::tasks::Written;
use uuid::Uuid;

use crate::change::plan_write;
use crate::{Application, refuse};

/// How often the successor is computed anew after the user's settings changed meanwhile.
const TRIES: usize = 5;

impl Application {
    /// Makes the next occurrence of a completed task; `None` when there is none to make, or it is there already. Its identity and
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
            if loaded.task.status != Status::Completed {
                return Ok(None);
            }
            let settings = self.settings_of_version(&cause.user_id, loaded.settings_version).await?;
            let Some(next) = series::successor(&loaded.task, settings.time_zone, cause.now) else {
                return Ok(None);
            };
            let id = next.id;
            let planned = plan_write(cause, None, next.clone(), &settings, Change::Created, &actor);
            let mut written = self.store.write(&planned.write, None).await.map_err(refuse)?;
            if written == Written::Conflict {
                let there = self.store.task(&cause.user_id, id).await.map_err(refuse)?;
                let Some(there) = there.filter(|there| is_withdrawn(&there.task)) else { return Ok(None) };
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
        Err(Refusal::Unavailable {
            what: "the settings, which keep changing,",
            source: "lost every race".into(),
        })
    }

    /// Takes the successor of a reopened task away, with its reminders, if nobody touched it; gives the one that stays.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn withdraw_successor(&self, cause: &Cause, reopened: Uuid) -> Result<Option<Uuid>, Refusal> {
        let parent = self.store.task(&cause.user_id, reopened).await.map_err(refuse)?;
        if parent.is_none_or(|parent| parent.task.status != Status::Active) {
            return Ok(None);
        }
        let Some(loaded) = self.store.successor(&cause.user_id, reopened).await.map_err(refuse)? else {
            return Ok(None);
        };
        let id = loaded.task.id;
        let is_untouched = loaded.task.created_at == loaded.task.updated_at;
        let (true, Some(mut withdrawn)) = (is_untouched, loaded.task.delete(cause.now)) else {
            return Ok((loaded.task.status != Status::Deleted).then_some(id));
        };
        withdrawn.series = withdrawn.series.map(|series| domain::series::Series { follows: None, ..series });
        let settings = self.settings_of_version(&cause.user_id, loaded.settings_version).await?;
        let actor = Actor::service(cause.source_service);
        let planned = plan_write(cause, Some(&loaded), withdrawn, &settings, Change::Deleted, &actor);
        match self.store.write(&planned.write, None).await.map_err(refuse)? {
            Written::Committed => {
                (self.committed)();
                Ok(None)
            }
            // Somebody touched it just now.
            _ => Ok(Some(id)),
        }
    }
}

/// A withdrawn successor follows nobody; one that its user deleted still does, and stays deleted.
fn is_withdrawn(task: &Task) -> bool {
    task.status == Status::Deleted && task.series.is_some_and(|series| series.follows.is_none())
}
