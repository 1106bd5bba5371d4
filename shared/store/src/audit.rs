//! `audit_logs`: who changed what, in a chain of hashes for each user.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use uuid::Uuid;

use crate::session::Session;
use crate::{Error, Store};

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

impl Entry {
    /// Gives the hash of this entry as number `seq` after an entry whose hash is `previous`: SHA-256 over the previous hash and a
    /// JSON array of the fields, keys sorted, time in microseconds of the Unix epoch.
    fn hash(&self, seq: i64, previous: &[u8]) -> Vec<u8> {
        let fields = json!([
            self.user_id,
            seq,
            self.event_id,
            self.entity_type,
            self.entity_id,
            self.action,
            self.actor_type,
            self.actor_id,
            self.old_values,
            self.new_values,
            self.timestamp.timestamp_micros(),
            self.correlation_id,
        ]);
        let mut hasher = Sha256::new();
        hasher.update(previous);
        hasher.update(fields.to_string());
        hasher.finalize().to_vec()
    }
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

/// What is wrong with a user's chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry does not have the hash that its content gives.
    #[error("user {user_id:?}: entry {seq} was altered")]
    Altered {
        /// Whose.
        user_id: String,
        /// Which.
        seq: i64,
    },
    /// An entry is missing, or stands where it does not belong.
    #[error("user {user_id:?}: entry {expected} is missing (found {found})")]
    Missing {
        /// Whose.
        user_id: String,
        /// Which should have come.
        expected: i64,
        /// Which came.
        found: i64,
    },
    /// The end of the chain is not what was written down when it was appended.
    #[error("user {user_id:?}: the chain ends at entry {found}, but {expected} were written")]
    Truncated {
        /// Whose.
        user_id: String,
        /// How many were written.
        expected: i64,
        /// How many are there.
        found: i64,
    },
    /// The end of the chain that was written down was taken away or set back.
    #[error("user {user_id:?}: the chain goes on to entry {found}, but only {end} are written down")]
    Beyond {
        /// Whose.
        user_id: String,
        /// How many are written down.
        end: i64,
        /// How many are there.
        found: i64,
    },
}

impl Store {
    /// Appends entries to their users' chains, in the order given, in one commit; those already there are left out. Says how many
    /// were new.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: none is appended.
    pub async fn append_audit(&self, entries: &[Entry]) -> Result<usize, Error> {
        let user_ids: Vec<_> = entries.iter().map(|entry| entry.user_id.clone()).collect();
        let event_ids: Vec<_> = entries.iter().map(|entry| entry.event_id).collect();
        let mut transaction = self.pool.begin().await?;
        let mut heads = lock_heads(&mut transaction, &user_ids).await?;
        if user_ids.iter().any(|user_id| !heads.contains_key(user_id)) {
            // Somebody's first entry. Anew, because whoever makes a head must not hold another: the maker of the next may wait for it.
            transaction.rollback().await?;
            transaction = self.pool.begin().await?;
            sqlx::query!(
                r#"INSERT INTO audit_heads (user_id, seq, hash)
                   SELECT DISTINCT user_id, 0, ''::bytea
                   FROM UNNEST($1::text[]) AS user_id
                   ORDER BY user_id
                   ON CONFLICT DO NOTHING"#,
                &user_ids,
            )
            .execute(&mut *transaction)
            .await?;
            heads = lock_heads(&mut transaction, &user_ids).await?;
        }
        // After the lock: whoever held it before has committed.
        let known = sqlx::query_scalar!(
            r#"SELECT event_id
               FROM audit_logs
               WHERE (user_id, event_id) IN (SELECT * FROM UNNEST($1::text[], $2::uuid[]))"#,
            &user_ids,
            &event_ids,
        )
        .fetch_all(&mut *transaction)
        .await?;
        let mut known: HashSet<Uuid> = known.into_iter().collect();
        let mut links = Vec::new();
        for entry in entries {
            if !known.insert(entry.event_id) {
                continue;
            }
            let head = heads.entry(entry.user_id.clone()).or_default();
            let seq = head.0 + 1;
            let hash = entry.hash(seq, &head.1);
            links.push((entry, seq, std::mem::replace(&mut head.1, hash.clone()), hash));
            head.0 = seq;
        }
        if links.is_empty() {
            return Ok(0);
        }
        let texts =
            |text: fn(&Entry) -> &str| links.iter().map(|link| text(link.0).to_owned()).collect::<Vec<_>>();
        let (users, ends): (Vec<_>, Vec<_>) = heads.into_iter().unzip();
        let (seqs, hashes): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        sqlx::query!(
            r#"WITH appended AS (
                   INSERT INTO audit_logs (user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id,
                                           old_values, new_values, timestamp, correlation_id, previous_hash, hash)
                   SELECT *
                   FROM UNNEST($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                               $8::text[], $9::jsonb[], $10::jsonb[], $11::timestamptz[], $12::text[], $13::bytea[],
                               $14::bytea[])
               )
               UPDATE audit_heads h
               SET seq = new.seq, hash = new.hash
               FROM UNNEST($15::text[], $16::bigint[], $17::bytea[]) AS new (user_id, seq, hash)
               WHERE h.user_id = new.user_id"#,
            &texts(|entry| &entry.user_id),
            &links.iter().map(|link| link.1).collect::<Vec<_>>(),
            &links.iter().map(|link| link.0.event_id).collect::<Vec<_>>(),
            &texts(|entry| &entry.entity_type),
            &texts(|entry| &entry.entity_id),
            &texts(|entry| &entry.action),
            &texts(|entry| &entry.actor_type),
            &texts(|entry| &entry.actor_id),
            &links.iter().map(|link| link.0.old_values.clone()).collect::<Vec<_>>() as &[Option<Value>],
            &links.iter().map(|link| link.0.new_values.clone()).collect::<Vec<_>>() as &[Option<Value>],
            &links.iter().map(|link| link.0.timestamp).collect::<Vec<_>>(),
            &texts(|entry| &entry.correlation_id),
            &links.iter().map(|link| link.2.clone()).collect::<Vec<_>>(),
            &links.iter().map(|link| link.3.clone()).collect::<Vec<_>>(),
            &users,
            &seqs,
            &hashes,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(links.len())
    }

    /// Gives every change of a task, oldest first, audited or not yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn task_history(&self, user_id: &str, task_id: Uuid) -> Result<Vec<Change>, Error> {
        let id = task_id.to_string();
        let rows = sqlx::query_file!("src/audit/task_history.sql", user_id, id).fetch_all(&self.pool).await?;
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

    /// Walks every chain and gives all that is wrong, with the number of entries looked at.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn verify_audit(&self) -> Result<(u64, Vec<Broken>), Error> {
        let mut broken = Vec::new();
        let mut count = 0;
        let users = sqlx::query!(
            r#"SELECT COALESCE(h.user_id, l.user_id) AS "user_id!", COALESCE(h.seq, 0) AS "seq!",
                      COALESCE(h.hash, ''::bytea) AS "hash!"
               FROM audit_heads h
               FULL JOIN (SELECT DISTINCT user_id FROM audit_logs) l ON l.user_id = h.user_id
               ORDER BY 1"#,
        )
        .fetch_all(&self.pool)
        .await?;
        for user in users {
            let (seen, found) = self.verify_chain(&user.user_id, user.seq, &user.hash).await?;
            count += seen;
            broken.extend(found);
        }
        Ok((count, broken))
    }

    /// Walks one user's chain, a thousand entries at a time. What is appended meanwhile lies beyond the end that was written down.
    async fn verify_chain(
        &self,
        user_id: &str,
        end: i64,
        end_hash: &[u8],
    ) -> Result<(u64, Option<Broken>), Error> {
        let user = || user_id.to_owned();
        let (mut last, mut hash, mut count) = (0, Vec::new(), 0);
        loop {
            let rows = sqlx::query!(
                r#"SELECT seq, event_id, entity_type, entity_id, action, actor_type, actor_id, old_values, new_values,
                          timestamp, correlation_id, previous_hash, hash
                   FROM audit_logs
                   WHERE user_id = $1 AND seq > $2
                   ORDER BY seq
                   LIMIT 1000"#,
                user_id,
                last,
            )
            .fetch_all(&self.pool)
            .await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                count += 1;
                if row.seq != last + 1 {
                    return Ok((
                        count,
                        Some(Broken::Missing { user_id: user(), expected: last + 1, found: row.seq }),
                    ));
                }
                let entry = Entry {
                    user_id: user(),
                    event_id: row.event_id,
                    entity_type: row.entity_type,
                    entity_id: row.entity_id,
                    action: row.action,
                    actor_type: row.actor_type,
                    actor_id: row.actor_id,
                    old_values: row.old_values,
                    new_values: row.new_values,
                    timestamp: row.timestamp,
                    correlation_id: row.correlation_id,
                };
                let computed = entry.hash(row.seq, &hash);
                let is_end_altered = row.seq == end && computed != end_hash;
                if row.previous_hash != hash || row.hash != computed || is_end_altered {
                    return Ok((count, Some(Broken::Altered { user_id: user(), seq: row.seq })));
                }
                (last, hash) = (row.seq, computed);
            }
        }
        if last < end {
            return Ok((count, Some(Broken::Truncated { user_id: user(), expected: end, found: last })));
        }
        if last > end {
            // Appended meanwhile: then the end was moved with it.
            let end = sqlx::query_scalar!("SELECT seq FROM audit_heads WHERE user_id = $1", user_id)
                .fetch_optional(&self.pool)
                .await?
                .unwrap_or(0);
            if last > end {
                return Ok((count, Some(Broken::Beyond { user_id: user(), end, found: last })));
            }
        }
        Ok((count, None))
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
