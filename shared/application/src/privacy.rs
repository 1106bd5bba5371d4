//! What a user may ask for: all that is known of them, and that it is forgotten.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use events::{Refusal, instant};
use serde_json::Value;
use store::erasure::{Erasure, ExportError, PSEUDONYM};
use uuid::Uuid;

use crate::audit::{Salt, entry_of};
use crate::{Application, refuse};

pub use store::erasure::Erased;

/// How many events are looked at together.
const PAGE: i64 = 500;

/// Where randomness comes from.
#[derive(Clone, Copy)]
pub struct Chance {
    /// Makes an identifier (UUIDv7) for an instant.
    pub new_id: fn(DateTime<Utc>) -> Uuid,
    /// Makes what nobody can guess.
    pub salt: fn() -> Salt,
}

impl Application {
    /// Writes all that is known of a user as one JSON document, row by row: an array for each table, with the columns' names.
    /// Gives how many rows there are.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`], or what kept it from being written.
    pub async fn export_user(
        &self,
        user_id: &str,
        now: DateTime<Utc>,
        mut out: impl Write,
    ) -> Result<u64, Refusal> {
        let failed = |error: io::Error| Refusal::Internal(error.into());
        let (whose, when) = (Value::from(user_id), Value::from(instant(now)));
        write!(out, "{{\"user_id\":{whose},\"exported_at\":{when}").map_err(failed)?;
        let (mut table, mut rows) = ("", 0);
        let put = |of: &'static str, row: Value| -> io::Result<()> {
            rows += 1;
            if of == table {
                return write!(out, ",\n{row}");
            }
            let before = if table.is_empty() { ",\n" } else { "],\n" };
            table = of;
            write!(out, "{before}{}:[\n{row}", Value::from(of))
        };
        match self.store.export(user_id, put).await {
            Ok(()) => {}
            Err(ExportError::Store(error)) => return Err(refuse(error)),
            Err(ExportError::Taken(error)) => return Err(failed(error)),
        }
        let end = if table.is_empty() { "}\n" } else { "]}\n" };
        out.write_all(end.as_bytes()).and_then(|()| out.flush()).map_err(failed)?;
        Ok(rows)
    }

    /// Erases a user; says of how many rows of each table. What of them is not in the audit log yet is put there first, and then erased
    /// with the rest. Doing it again is harmless.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: nothing is erased.
    pub async fn erase_user(
        &self,
        user_id: &str,
        now: DateTime<Utc>,
        chance: Chance,
    ) -> Result<Erased, Refusal> {
        let mut after = 0;
        loop {
            let page = self.store.unaudited(user_id, after, PAGE).await.map_err(refuse)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            // What can not be read would not be in the log if it were delivered.
            let entries: Vec<_> = page.into_iter().filter_map(|(_, event)| entry_of(&event).ok()).collect();
            self.append_audit(&entries, chance.salt).await?;
        }
        let pseudonym = format!("{PSEUDONYM}{}", (chance.new_id)(now));
        let erasure = Erasure {
            user_id,
            pseudonym: &pseudonym,
            event_id: (chance.new_id)(now),
            salt: (chance.salt)(),
            now,
        };
        self.store.erase(&erasure).await.map_err(refuse)
    }
}
