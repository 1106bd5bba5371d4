//! The feed of a user's changes: what a reader has not seen yet, and who is to look.
//!
//! A reader reads `events`; nothing is kept for it, and it can go on anywhere with what it was given last ([`Cursor`]). To look at the
//! right moment it is told by `NOTIFY`, by the relay and not by who commits: a `NOTIFY` holds a lock of the whole database until its
//! transaction is over, and the relay's are short and few.

mod cursor;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgListener;
use uuid::Uuid;

use crate::outbox::{Open, Relay};
use crate::pool::answered;
use crate::row_security::UserId;
use crate::{Error, Store};

use cursor::Snapshot;
pub use cursor::{Cursor, NoCursor};
use events::Topic;

/// Where readers are told; its messages are marks, sixteen hexadecimal digits each.
const CHANNEL: &str = "kaam_feed";
/// How many marks are in a message at most: PostgreSQL takes fewer than 8,000 bytes.
const MARKS: usize = 400;
/// Beyond every number of a transaction.
const LAST: &str = "9223372036854775807";
/// An event that is new in the feed though it is of no task.
const SETTINGS: &str = "settings.updated";

/// A change that somebody may want to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Of a task.
    Task {
        /// Which.
        task_id: Uuid,
        /// Its version afterwards.
        version: i64,
        /// `created`, `updated`, …
        change: String,
    },
    /// Of the user's settings.
    Settings,
}

/// What a reader had not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Where the reader was.
    from: Cursor,
    /// What is left of the transaction that the reader was within.
    rest: Vec<Placed>,
    /// What is in no transaction that the reader had seen.
    new: Vec<Placed>,
    now: Snapshot,
}

/// A change, and of which event of which transaction.
type Placed = (u64, i64, Change);

impl News {
    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.new.is_empty()
    }

    /// Gives each change, and where the reader is after it. Places are made one by one: each has a snapshot in it.
    pub fn changes(&self) -> impl Iterator<Item = (Cursor, &Change)> {
        let seen = self.from.after_the_rest().seen;
        let of_rest = |(transaction, seq, _): &Placed| Cursor {
            within: Some((*transaction, *seq)),
            ..self.from.clone()
        };
        let of_new = move |(transaction, seq, _): &Placed| Cursor {
            seen: seen.with_those_before(*transaction, &self.now),
            within: Some((*transaction, *seq)),
        };
        let last = self.rest.len() + self.new.len();
        self.rest.iter().chain(&self.new).enumerate().map(move |(place, placed)| {
            let cursor = match place {
                // What others did is seen, too, after the last one.
                _ if place + 1 == last => self.cursor(),
                _ if place < self.rest.len() => of_rest(placed),
                _ => of_new(placed),
            };
            (cursor, &placed.2)
        })
    }

    /// Gives where the reader is after all of it.
    pub fn cursor(&self) -> Cursor {
        Cursor::at(self.now.clone())
    }
}

/// Stands for a user where readers are told: everybody who is connected to the database can listen there, and reads no names. Who knows a
/// name can see when something of that user changes.
///
/// ```
/// assert_eq!(store::feed::mark("amna"), store::feed::mark("amna"));
/// assert_ne!(store::feed::mark("amna"), store::feed::mark("bilal"));
/// ```
pub fn mark(user_id: &str) -> u64 {
    Sha256::digest(user_id).iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Gives the marks of those whose feeds have something new by these events.
pub fn marks(open: &[Open]) -> Vec<u64> {
    let is_new = |open: &&Open| match open.event.topic {
        Topic::TaskEvents => true,
        Topic::AuditEvents => open.event.event_type == SETTINGS,
        _ => false,
    };
    let mut marks: Vec<_> = open.iter().filter(is_new).map(|open| mark(&open.event.user_id)).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

impl Store {
    /// Gives where a reader is who has seen all that is committed by now.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn feed_end(&self) -> Result<Cursor, Error> {
        let row = sqlx::query!(r#"SELECT feed_epoch() AS "epoch!", pg_current_snapshot()::text AS "now!""#)
            .fetch_one(&self.pool)
            .await?;
        Ok(Cursor::at(snapshot(row.epoch, &row.now)?))
    }

    /// Gives a user's changes after `cursor`, in an order that does not change, those of a transaction together; `None` when there are more
    /// than `most`, when one of them may be gone already ([`Store::forget_events`]), or when the cursor is of another database.
    ///
    /// Each change is given once, whatever commits when: it is new when its transaction is in the snapshot of this statement, and was not in
    /// that of the cursor. A transaction that was numbered elsewhere (tables that were restored) is new to nobody.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn news(&self, user_id: &str, cursor: &Cursor, most: usize) -> Result<Option<News>, Error> {
        let rest = match cursor.within {
            None => Vec::new(),
            Some((transaction, seq)) => {
                let text = transaction.to_string();
                match self.changes(user_id, cursor, (&text, &text), (&text, seq), most).await? {
                    (_, Some(rest)) => rest,
                    (_, None) => return Ok(None),
                }
            }
        };
        let seen = cursor.after_the_rest();
        let most = most - rest.len();
        let (now, new) = self.changes(user_id, &seen, ("0", LAST), ("0", 0), most).await?;
        let new = new.filter(|_| seen.seen.is_before(&now));
        Ok(new.map(|new| News { from: cursor.clone(), rest, new, now }))
    }

    /// Gives the snapshot of the statement, and the changes that are in it and not in the cursor's, of the transactions from one to another,
    /// after an event of one of them; `None` for more than `most`, or where one may be gone.
    async fn changes(
        &self,
        user_id: &str,
        cursor: &Cursor,
        (first, last): (&str, &str),
        (transaction, seq): (&str, i64),
        most: usize,
    ) -> Result<(Snapshot, Option<Vec<Placed>>), Error> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let rows = sqlx::query_file!(
            "src/feed/changes.sql",
            UserId(user_id) as _,
            cursor.seen.to_string(),
            first,
            last,
            transaction,
            seq,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let now = rows.first().map_or_else(|| snapshot(0, ""), |row| snapshot(row.epoch, &row.now))?;
        if rows.len() > most || rows.first().is_some_and(|row| row.is_swept) {
            return Ok((now, None));
        }
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            // Without a row of its own there is nothing new.
            let (Some(transaction), Some(seq), Some(event_type)) =
                (row.transaction_id, row.seq, row.event_type)
            else {
                continue;
            };
            let unreadable = || Error::Unreadable("an event", format!("{event_type} of {transaction}"));
            let change = match (row.version, row.subject.as_deref().map(Uuid::try_parse)) {
                _ if event_type == SETTINGS => Change::Settings,
                (Some(version), Some(Ok(task_id))) => Change::Task {
                    task_id,
                    version,
                    change: event_type.trim_start_matches("task.").to_owned(),
                },
                // Of somebody who was erased.
                (None, _) => continue,
                _ => return Err(unreadable()),
            };
            changes.push((transaction.parse().map_err(|_| unreadable())?, seq, change));
        }
        Ok((now, Some(changes)))
    }

    /// Listens for whose feeds have something new; `None` behind a pooler, which passes nothing on.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn listen(&self) -> Result<Option<Listener>, Error> {
        if self.pool.is_shared {
            return Ok(None);
        }
        let mut listener = self.pool.connections.listener().await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Listener(listener)))
    }
}

fn snapshot(epoch: i32, text: &str) -> Result<Snapshot, Error> {
    Snapshot::parse(epoch, text).ok_or_else(|| Error::Unreadable("a snapshot", text.to_owned()))
}

/// A connection on which readers are told.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// Waits, and gives the marks of whose feeds have something new; `None` once the connection is lost, when others may have been told
    /// of.
    pub async fn next(&mut self) -> Option<Vec<u64>> {
        let told = self.0.try_recv().await.ok().flatten()?;
        let digits = told.payload().as_bytes().chunks(16);
        Some(
            digits.filter_map(|mark| u64::from_str_radix(std::str::from_utf8(mark).ok()?, 16).ok()).collect(),
        )
    }

    /// Asks the database for an answer on it: a connection that nothing is written on may be gone without a word.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ping(&mut self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&mut self.0).await?;
        Ok(())
    }
}

impl Relay {
    /// Tells readers whose feeds have something new.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: they look by themselves, too, but later.
    pub async fn tell_readers(&mut self, marks: &[u64]) -> Result<(), Error> {
        if marks.is_empty() {
            return Ok(());
        }
        let messages: Vec<String> = marks
            .chunks(MARKS)
            .map(|marks| marks.iter().map(|mark| format!("{mark:016x}")).collect())
            .collect();
        let notify = sqlx::query!(
            r#"SELECT pg_notify($1, message) AS "done: ()" FROM UNNEST($2::text[]) AS message"#,
            CHANNEL,
            &messages,
        );
        answered(notify.execute(self.connection())).await?;
        Ok(())
    }
}
