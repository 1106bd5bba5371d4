//! `audit_logs`: who changed what, in a chain of hashes for each user.

mod chain;
mod trim;
mod verify;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::row_security::UserId;
use crate::session::Session;
use crate::{Error, Store};

pub use chain::Salt;
pub use verify::{Broken, Head};

pub(crate) use chain::{Link, VERSION};

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Whose data changed.
    pub user_id: String,
    /// The event that told of it; there is one entry for each.
    pub event_id: Uuid,
    /// `task`, `reminder`, `settings`, …
    pub entity_type: String,
    /// Which.
    pub entity_id: String,
    /// The event's type, such as `task.updated`.
    pub action: String,
    /// `user`, `system` or `service`.
    pub actor_type: String,
    /// Who.
    pub actor_id: String,
    /// Values before.
    pub old_values: Option<Value>,
    /// Values after.
    pub new_values: Option<Value>,
    /// When it happened.
    pub timestamp: DateTime<Utc>,
    /// Of the request that caused it.
    pub correlation_id: String,
}

/// A change of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// In the audit log.
    Audited(Entry),
    /// Not there yet; its event tells of it.
    OnTheWay(OnTheWay),
}

/// What an event tells that is not in the audit log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OnTheWay {
    /// Which.
    pub event_id: Uuid,
    /// `task.created`, …
    pub event_type: String,
    /// When it happened.
    pub timestamp: DateTime<Utc>,
    /// Of the request that caused it.
    pub correlation_id: String,
    /// What happened.
    pub payload: Value,
}

impl Store {
    /// Appends entries to their users' chains, in the order given, in one commit; those already there are left out, and those of
    /// before their user was erased. Says how many were new. Each gets another `salt`, which nobody can guess.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: none is appended.
    pub async fn append_audit(
        &self,
        entries: &[Entry],
        salt: impl Fn() -> Salt + Send,
    ) -> Result<usize, Error> {
        loop {
            if let Some(appended) = self.try_append(entries, &salt).await? {
                return Ok(appended);
            }
        }
    }

    /// The same; `None` when somebody was erased just now, and it is to be looked at anew.
    async fn try_append(
        &self,
        entries: &[Entry],
        salt: &(impl Fn() -> Salt + Send),
    ) -> Result<Option<usize>, Error> {
        let user_ids: Vec<_> = entries.iter().map(|entry| entry.user_id.clone()).collect();
        let mut transaction = self.pool.begin().await?;
        let mut heads = lock_heads(&mut transaction, &user_ids).await?;
        if user_ids.iter().any(|user_id| !heads.contains_key(user_id)) {
            // Somebody's first entry. Anew, because whoever makes a head must not hold another: the maker of the next may wait for it.
            transaction.rollback().await?;
            transaction = self.pool.begin().await?;
            let settled = settled(&mut transaction, entries).await?;
            let new = entries.iter().filter(|entry| !settled.contains(&entry.event_id));
            let new: Vec<_> = new.map(|entry| entry.user_id.clone()).collect();
            sqlx::query!(
                r#"INSERT INTO audit_heads (user_id, seq, hash)
                   SELECT DISTINCT user_id, 0, ''::bytea
                   FROM UNNEST($1::text[]) AS user_id
                   ORDER BY user_id
                   ON CONFLICT DO NOTHING"#,
                &new,
            )
            .execute(&mut *transaction)
            .await?;
            heads = lock_heads(&mut transaction, &user_ids).await?;
        }
        // After the lock: whoever held it before has committed.
        let mut settled = settled(&mut transaction, entries).await?;
        let mut links = Vec::new();
        for entry in entries {
            if !settled.insert(entry.event_id) {
                continue;
            }
            let Some(head) = heads.get_mut(&entry.user_id) else { return Ok(None) };
            let link = Link::new(entry, head.0 + 1, &head.1, salt());
            *head = (link.seq, link.hash.clone());
            links.push(link);
        }
        if links.is_empty() {
            return Ok(Some(0));
        }
        if heads.values().any(|head| head.0 == 0) {
            return Ok(None);
        }
        insert(&mut transaction, &links).await?;
        let (users, ends): (Vec<_>, Vec<_>) = heads.into_iter().unzip();
        let (seqs, hashes): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        sqlx::query!(
            r#"UPDATE audit_heads h
               SET seq = new.seq, hash = new.hash
               FROM UNNEST($1::text[], $2::bigint[], $3::bytea[]) AS new (user_id, seq, hash)
               WHERE h.user_id = new.user_id"#,
            &users,
            &seqs,
            &hashes,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some(links.len()))
    }

    /// Gives every change of a task, oldest first, audited or not yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn task_history(&self, user_id: &str, task_id: Uuid) -> Result<Vec<Change>, Error> {
        let id = task_id.to_string();
        let rows = sqlx::query_file!("src/audit/task_history.sql", UserId(user_id) as _, id)
            .fetch_all(&self.pool)
            .await?;
        let changes = rows.into_iter().map(|row| match row.payload {
            Some(payload) => Change::OnTheWay(OnTheWay {
                event_id: row.event_id,
                event_type: row.action,
                timestamp: row.timestamp,
                correlation_id: row.correlation_id,
                payload,
            }),
            None => Change::Audited(Entry {
                user_id: user_id.to_owned(),
                event_id: row.event_id,
                entity_type: "task".to_owned(),
                entity_id: id.clone(),
                action: row.action,
                actor_type: row.actor_type.unwrap_or_default(),
                actor_id: row.actor_id.unwrap_or_default(),
                old_values: row.old_values,
                new_values: row.new_values,
                timestamp: row.timestamp,
                correlation_id: row.correlation_id,
            }),
        });
        Ok(changes.collect())
    }
}

/// Locks the ends of users' chains, as far as there are any; gives each one's place and hash.
async fn lock_heads(
    connection: &mut Session,
    user_ids: &[String],
) -> Result<HashMap<String, (i64, Vec<u8>)>, Error> {
    let heads = sqlx::query!(
        "SELECT user_id, seq, hash FROM audit_heads WHERE user_id = ANY ($1) ORDER BY user_id FOR UPDATE",
        user_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(heads.into_iter().map(|head| (head.user_id, (head.seq, head.hash))).collect())
}

/// Gives the events among these that are not to be appended: they are there, or their user was erased after they happened.
async fn settled(connection: &mut Session, entries: &[Entry]) -> Result<HashSet<Uuid>, Error> {
    let found = sqlx::query_scalar!(
        r#"WITH new AS (
               SELECT * FROM UNNEST($1::text[], $2::uuid[], $3::timestamptz[]) AS new (user_id, event_id, timestamp)
           )
           SELECT event_id AS "event_id!"
           FROM audit_logs
           WHERE (user_id, event_id) IN (SELECT user_id, event_id FROM new)
           UNION ALL
           SELECT new.event_id
           FROM new
           JOIN erasures e ON e.user_hash = sha256(convert_to(new.user_id, 'UTF8')) AND e.erased_at >= new.timestamp"#,
        &entries.iter().map(|entry| entry.user_id.clone()).collect::<Vec<_>>(),
        &entries.iter().map(|entry| entry.event_id).collect::<Vec<_>>(),
        &entries.iter().map(|entry| entry.timestamp).collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().collect())
}

/// Writes links down.
pub(crate) async fn insert(connection: &mut Session, links: &[Link<'_>]) -> Result<(), Error> {
    let texts =
        |text: fn(&Entry) -> &str| links.iter().map(|link| text(link.entry).to_owned()).collect::<Vec<_>>();
    sqlx::query!(
        r#"INSERT INTO audit_logs (user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id, old_values, new_values,
                                   timestamp, correlation_id, previous_hash, hash, salt, content_hash, hash_version)
           SELECT *, $17::smallint
           FROM UNNEST($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::jsonb[], $10::jsonb[], $11::timestamptz[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[],
                       $16::bytea[])"#,
        &texts(|entry| &entry.user_id),
        &links.iter().map(|link| link.seq).collect::<Vec<_>>(),
        &links.iter().map(|link| link.entry.event_id).collect::<Vec<_>>(),
        &texts(|entry| &entry.entity_type),
        &texts(|entry| &entry.entity_id),
        &texts(|entry| &entry.action),
        &texts(|entry| &entry.actor_type),
        &texts(|entry| &entry.actor_id),
        &links.iter().map(|link| link.entry.old_values.clone()).collect::<Vec<_>>() as &[Option<Value>],
        &links.iter().map(|link| link.entry.new_values.clone()).collect::<Vec<_>>() as &[Option<Value>],
        &links.iter().map(|link| link.entry.timestamp).collect::<Vec<_>>(),
        &texts(|entry| &entry.correlation_id),
        &links.iter().map(|link| link.previous_hash.clone()).collect::<Vec<_>>(),
        &links.iter().map(|link| link.hash.clone()).collect::<Vec<_>>(),
        &links.iter().map(|link| link.salt.to_vec()).collect::<Vec<_>>(),
        &links.iter().map(|link| link.content_hash.clone()).collect::<Vec<_>>(),
        VERSION,
    )
    .execute(connection)
    .await?;
    Ok(())
}
