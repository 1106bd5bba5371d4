//! `events`: the outbox, which is also the log.
//!
//! A relay holds *shards* of the key space by session locks of PostgreSQL, never loose rows: with any number of relays the events
//! of one key are published in order, and when a relay dies its connection dies, and with it its locks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Event, JsonText, Topic};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::pool::answered;
use crate::session::Session;
use crate::{Error, Store};

/// How many shards the key space has.
pub const SHARDS: u32 = 64;
/// The first number of the relays' two-number session locks, plus the topic's place; the second is the shard.
const LOCK_CLASS: i32 = 0x6b61_616d;

/// How many old events are looked at together.
const SWEPT_AT_ONCE: i64 = 1_000;

/// No more dead letters of a topic are counted.
pub const COUNTED: i64 = 1_000;

/// How a relay's connection differs from others: names of settings and their values.
pub const RELAY_CONNECTION: [(&str, &str); 9] = [
    ("synchronous_commit", "off"),
    // A relay whose machine is gone without a word holds its shards until PostgreSQL notices: half a minute, and not two hours.
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
    // Its statements look up rows by an index, a batch of them. The planner, who sees a thousand rows of a table of medium size, would
    // rather read all of that for each batch, which takes several times as long; or plan when the table is still empty.
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
];

/// Gives the shard of a partition key: FNV-1a, so that it is the same in every version and language.
pub fn shard_of(key: &str) -> i16 {
    let hash =
        key.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i16::try_from(hash % SHARDS).expect("there are fewer shards than an i16 counts")
}

/// An event that is to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The event.
    pub event: Event,
    /// How often it was tried.
    pub attempts: u32,
}

/// What became of an attempt to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Whoever takes it from here has it safely.
    Processed,
    /// It is to be tried again.
    Retrying {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        error: String,
    },
    /// What it needs was away, which was no attempt: it is to be tried again.
    Waiting {
        /// When.
        at: DateTime<Utc>,
        /// What was away.
        error: String,
    },
    /// It is a dead letter, to be replayed by hand.
    Failed {
        /// Why.
        error: String,
    },
}

/// An event that is not processed, and what is to be written down about it.
struct Other<'a> {
    event: &'a Event,
    status: &'static str,
    /// How many more.
    attempts: i32,
    /// When it is to be tried again.
    next: Option<DateTime<Utc>>,
    error: &'a str,
}

/// A relay's own connection, which holds the locks on its shards.
#[derive(Debug)]
pub struct Relay {
    connection: PgConnection,
    topic: Topic,
    /// Each shard held, and the last event of it that was given.
    shards: BTreeMap<i16, i64>,
    /// When they were taken: what is due by then is given, and nothing that becomes due meanwhile.
    taken_at: DateTime<Utc>,
    /// Whether something was left when events were last given.
    has_more: bool,
}

impl Store {
    /// Connects a relay for one topic.
    ///
    /// Its connection does not wait until what it writes is on disk. When PostgreSQL crashes, the marks of the last moment (less
    /// than a second) may be lost, and those events are published again, as they are when a relay dies between the two: at
    /// least once. The events themselves are committed by others, who do wait.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn relay(&self, topic: Topic) -> Result<Relay, Error> {
        let connection = self.pool.connections.connect(RELAY_CONNECTION).await?;
        let (shards, taken_at) = (BTreeMap::new(), DateTime::UNIX_EPOCH);
        Ok(Relay { connection, topic, shards, taken_at, has_more: false })
    }

    /// Says when the next event of a topic is to be tried again.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn next_retry_at(&self, topic: Topic) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(sqlx::query_scalar!(
            "SELECT min(next_attempt_at) FROM events WHERE status = 'retrying' AND topic_name = $1",
            topic.as_str(),
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Says how a topic stands: its oldest event that is not published, and how many dead letters it has, up to [`COUNTED`].
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn backlog(&self, topic: Topic) -> Result<Backlog, Error> {
        // The first of each shard, by the index events_open; dead letters by events_failed.
        Ok(sqlx::query_as!(
            Backlog,
            r#"SELECT (
                   SELECT min(first.timestamp)
                   FROM generate_series(0, $2::integer - 1) AS numbered (shard)
                   CROSS JOIN LATERAL (
                       SELECT e.timestamp
                       FROM events e
                       WHERE e.topic_name = $1
                         AND e.shard = numbered.shard::smallint
                         AND e.status IN ('pending', 'retrying')
                       ORDER BY e.seq
                       LIMIT 1
                   ) AS first
               ) AS oldest_at, (
                   SELECT count(*)
                   FROM (SELECT FROM events WHERE status = 'failed' AND topic_name = $1 LIMIT $3) AS parked
               ) AS "dead_letters!""#,
            topic.as_str(),
            i32::try_from(SHARDS).expect("a small number"),
            COUNTED,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Gives dead letters, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn dead_letters(&self, limit: i64) -> Result<Vec<DeadLetter>, Error> {
        Ok(sqlx::query_as!(
            DeadLetter,
            r#"SELECT event_id, event_type, topic_name, timestamp, attempts, error
               FROM events
               WHERE status = 'failed'
               ORDER BY seq
               LIMIT $1"#,
            limit,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Forgets events that happened before `before`, were published and are in the audit log, of the next 1,000 after `after`. Readers of the
    /// feed who may have missed one of them are told so ([`Store::news`]).
    ///
    /// # Errors
    /// [`Error::Unavailable`]: none is gone.
    pub async fn forget_events(&self, before: DateTime<Utc>, after: SweptTo) -> Result<Swept, Error> {
        let row = sqlx::query_file!("src/outbox/sweep.sql", before, after.at, after.seq)
            .fetch_one(&self.pool)
            .await?;
        let last = row.timestamp.zip(row.seq).map(|(at, seq)| SweptTo { at, seq });
        Ok(Swept {
            gone: u64::try_from(row.gone).unwrap_or_default(),
            next: last.filter(|_| row.looked_at >= SWEPT_AT_ONCE),
        })
    }

    /// Opens dead letters again, one or all, with the reminders that failed for good; says how many events and reminders.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn replay(&self, event_id: Option<Uuid>) -> Result<(u64, u64), Error> {
        let mut transaction = self.pool.begin().await?;
        let reminders = sqlx::query!(
            r#"UPDATE reminders r
               SET status = 'pending', retry_count = 0, lease_until = NULL, lease_token = NULL
               FROM events e
               WHERE e.status = 'failed'
                 AND e.event_type = 'reminder.due'
                 AND ($1::uuid IS NULL OR e.event_id = $1)
                 AND r.user_id = e.user_id
                 AND r.id::text = e.payload ->> 'reminder_id'
                 AND r.status = 'failed'"#,
            event_id,
        )
        .execute(&mut *transaction)
        .await?;
        let events = sqlx::query!(
            r#"UPDATE events
               SET status = 'pending', attempts = 0, next_attempt_at = NULL, error = NULL
               WHERE status = 'failed' AND ($1::uuid IS NULL OR event_id = $1)"#,
            event_id,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok((events.rows_affected(), reminders.rows_affected()))
    }
}

/// Where a sweep of old events is: behind the event of this instant and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweptTo {
    at: DateTime<Utc>,
    seq: i64,
}

impl Default for SweptTo {
    /// Gives the place before all of them.
    fn default() -> Self {
        Self { at: DateTime::UNIX_EPOCH, seq: 0 }
    }
}

/// What a part of a sweep has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many events are gone.
    pub gone: u64,
    /// Where the next part goes on; `None`: there is nothing more that is as old.
    pub next: Option<SweptTo>,
}

/// How a topic of the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// When the oldest event happened that is not published; `None`: all are.
    pub oldest_at: Option<DateTime<Utc>>,
    /// How many could not be handled, up to [`COUNTED`].
    pub dead_letters: i64,
}

/// A dead letter, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which.
    pub event_id: Uuid,
    /// Such as `task.completed`.
    pub event_type: String,
    /// Where it was to go.
    pub topic_name: String,
    /// When it happened.
    pub timestamp: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it failed.
    pub error: Option<String>,
}

impl Relay {
    /// Takes the shards that have something to publish and that no other relay holds; says whether another holds any.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the relay is lost, and with it its locks; connect another.
    pub async fn take_shards(&mut self, now: DateTime<Utc>) -> Result<bool, Error> {
        if !self.shards.is_empty() {
            self.release().await?;
        }
        // OFFSET 0 keeps PostgreSQL from making a join of it, for which it would read all that is open, be it ever so much, instead of
        // the first of each shard.
        let open = sqlx::query!(
            r#"WITH open AS MATERIALIZED (
                   SELECT shard::smallint AS shard
                   FROM generate_series(0, $1::integer - 1) AS shard
                   WHERE EXISTS (
                       SELECT FROM events e
                       WHERE e.topic_name = $4
                         AND e.shard = shard.shard
                         AND e.status IN ('pending', 'retrying')
                         AND (e.next_attempt_at IS NULL OR e.next_attempt_at <= $2)
                       OFFSET 0
                   )
               )
               SELECT shard AS "shard!", pg_try_advisory_lock($3, shard) AS "is_taken!" FROM open"#,
            i32::try_from(SHARDS).expect("a small number"),
            now,
            LOCK_CLASS + self.topic as i32,
            self.topic.as_str(),
        )
        .fetch_all(&mut self.connection);
        let open = answered(open).await?;
        self.shards = open.iter().filter(|shard| shard.is_taken).map(|shard| (shard.shard, 0)).collect();
        self.taken_at = now;
        Ok(open.iter().any(|shard| !shard.is_taken))
    }

    /// Tells whether it holds any shard, so that there may be something to publish.
    pub fn has_shards(&self) -> bool {
        !self.shards.is_empty()
    }

    /// Tells whether more may have been open than was given last: whether a shard gave its whole part of the limit. Where the limit cut
    /// what was given, one did.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Gives up to `limit` events of the shards held, each key's in order, that it has not given since the shards were taken; so
    /// that the next ones can be read while these are on their way. A key whose earlier event waits for a retry waits with it.
    ///
    /// An event that becomes due for a retry meanwhile is not given, else a later one of its key, which is, would overtake it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn open_events(&mut self, limit: u32) -> Result<Vec<Open>, Error> {
        let (shards, after): (Vec<i16>, Vec<i64>) = self.shards.iter().unzip();
        // Of each shard the first ones, by the index: what waits behind them, be it ever so much, is not looked at.
        let count = u32::try_from(shards.len()).expect("there are few").max(1);
        let (limit, limit_of_each) = (i64::from(limit), i64::from(limit.div_ceil(count)));
        let rows = sqlx::query!(
            r#"SELECT open.user_id AS "user_id!", open.event_id AS "event_id!",
                      open.event_type AS "event_type!", open.key AS "key!", open.subject AS "subject!",
                      open.payload::text AS "payload!", open.correlation_id AS "correlation_id!",
                      open.traceparent AS "traceparent!", open.source_service AS "source_service!",
                      open.timestamp AS "timestamp!", open.attempts AS "attempts!", open.seq AS "seq!",
                      open.shard AS "shard!"
               FROM UNNEST($1::smallint[], $2::bigint[]) AS held (shard, after)
               CROSS JOIN LATERAL (
                   SELECT *
                   FROM events e
                   WHERE e.topic_name = $3
                     AND e.shard = held.shard
                     AND e.seq > held.after
                     AND e.status IN ('pending', 'retrying')
                     AND (e.next_attempt_at IS NULL OR e.next_attempt_at <= $4)
                     AND NOT EXISTS (
                         SELECT FROM events earlier
                         WHERE earlier.status = 'retrying'
                           AND earlier.topic_name = e.topic_name
                           AND earlier.shard = e.shard
                           AND earlier.key = e.key
                           AND earlier.seq < e.seq
                           AND earlier.next_attempt_at > $4
                     )
                   ORDER BY e.seq
                   LIMIT $5
               ) AS open
               ORDER BY open.seq
               LIMIT $6"#,
            &shards,
            &after,
            self.topic.as_str(),
            self.taken_at,
            limit_of_each,
            limit,
        )
        .fetch_all(&mut self.connection);
        let rows = answered(rows).await?;
        let mut given = BTreeMap::<i16, i64>::new();
        rows.iter().for_each(|row| *given.entry(row.shard).or_default() += 1);
        self.has_more = given.values().any(|given| *given == limit_of_each);
        let (shards, topic) = (&mut self.shards, self.topic);
        Ok(rows
            .into_iter()
            .map(|row| {
                shards.insert(row.shard, row.seq);
                let event = Event {
                    event_id: row.event_id,
                    user_id: row.user_id,
                    topic,
                    event_type: row.event_type,
                    key: row.key,
                    subject: row.subject,
                    correlation_id: row.correlation_id,
                    traceparent: row.traceparent,
                    timestamp: row.timestamp,
                    source_service: row.source_service,
                    payload: JsonText::trusted(row.payload),
                };
                Open { event, attempts: u32::try_from(row.attempts).unwrap_or(0) }
            })
            .collect())
    }

    /// Writes down what became of events, on the connection that holds their shards.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: they will be published again.
    pub async fn settle(&mut self, settled: &[(Event, Settled)], now: DateTime<Utc>) -> Result<(), Error> {
        let (mut processed, mut others) = (Vec::new(), Vec::new());
        for (event, settled) in settled {
            match settled {
                Settled::Processed => processed.push(event),
                Settled::Retrying { at, error } => {
                    others.push(Other { event, status: "retrying", attempts: 1, next: Some(*at), error });
                }
                Settled::Waiting { at, error } => {
                    others.push(Other { event, status: "retrying", attempts: 0, next: Some(*at), error });
                }
                Settled::Failed { error } => {
                    others.push(Other { event, status: "failed", attempts: 1, next: None, error });
                }
            }
        }
        if !processed.is_empty() {
            self.settle_processed(&processed, now).await?;
        }
        if !others.is_empty() {
            self.settle_others(&others).await?;
        }
        Ok(())
    }

    /// Marks events as processed: nearly all, and so with as little as can be said.
    async fn settle_processed(&mut self, processed: &[&Event], now: DateTime<Utc>) -> Result<(), Error> {
        let user_ids: Vec<_> = processed.iter().map(|event| event.user_id.clone()).collect();
        let event_ids: Vec<_> = processed.iter().map(|event| event.event_id).collect();
        let update = sqlx::query!(
            r#"UPDATE events e
               SET status = 'processed',
                   attempts = e.attempts + 1,
                   next_attempt_at = NULL,
                   error = NULL,
                   processed_at = $3
               FROM UNNEST($1::text[], $2::uuid[]) AS done (user_id, event_id)
               WHERE e.user_id = done.user_id AND e.event_id = done.event_id"#,
            &user_ids,
            &event_ids,
            now,
        )
        .execute(&mut self.connection);
        answered(update).await?;
        Ok(())
    }

    /// Writes down of events that are not processed what is to become of them.
    async fn settle_others(&mut self, others: &[Other<'_>]) -> Result<(), Error> {
        let user_ids: Vec<_> = others.iter().map(|other| other.event.user_id.clone()).collect();
        let event_ids: Vec<_> = others.iter().map(|other| other.event.event_id).collect();
        let statuses: Vec<_> = others.iter().map(|other| other.status.to_owned()).collect();
        let attempts: Vec<_> = others.iter().map(|other| other.attempts).collect();
        let next: Vec<_> = others.iter().map(|other| other.next).collect();
        let errors: Vec<_> = others.iter().map(|other| other.error.to_owned()).collect();
        let update = sqlx::query!(
            r#"UPDATE events e
               SET status = new.status,
                   attempts = e.attempts + new.attempts,
                   next_attempt_at = new.next_attempt_at,
                   error = new.error
               FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::integer[])
                   AS new (user_id, event_id, status, next_attempt_at, error, attempts)
               WHERE e.user_id = new.user_id AND e.event_id = new.event_id"#,
            &user_ids,
            &event_ids,
            &statuses,
            &next as &[Option<DateTime<Utc>>],
            &errors,
            &attempts,
        )
        .execute(&mut self.connection);
        answered(update).await?;
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives every shard back.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the connection is gone, and the locks with it.
    pub async fn release(&mut self) -> Result<(), Error> {
        self.shards.clear();
        let unlock = sqlx::query!(r#"SELECT pg_advisory_unlock_all() AS "done: ()""#);
        answered(unlock.execute(&mut self.connection)).await?;
        Ok(())
    }
}

/// Adds an event to the outbox inside a transaction.
pub(crate) async fn append(connection: &mut Session, event: &Event) -> Result<(), Error> {
    append_all(connection, std::slice::from_ref(event)).await
}

/// Adds events to the outbox inside a transaction, in order.
pub(crate) async fn append_all(connection: &mut Session, new: &[Event]) -> Result<(), Error> {
    let texts = |text: fn(&Event) -> &str| new.iter().map(|event| text(event).to_owned()).collect::<Vec<_>>();
    let event_ids: Vec<_> = new.iter().map(|event| event.event_id).collect();
    let shards: Vec<_> = new.iter().map(|event| shard_of(&event.key)).collect();
    let timestamps: Vec<_> = new.iter().map(|event| event.timestamp).collect();
    sqlx::query!(
        r#"INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                               traceparent, source_service, timestamp)
           SELECT user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                  traceparent, source_service, timestamp
           FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[],
                       $8::text[]::jsonb[], $9::text[], $10::text[], $11::text[], $12::timestamptz[]) WITH ORDINALITY
               AS new (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                       traceparent, source_service, timestamp, position)
           ORDER BY position
           ON CONFLICT (user_id, event_id) DO NOTHING"#,
        &texts(|event| &event.user_id),
        &event_ids,
        &texts(|event| event.topic.as_str()),
        &texts(|event| &event.event_type),
        &texts(|event| &event.key),
        &texts(|event| &event.subject),
        &shards,
        &texts(|event| event.payload.as_str()),
        &texts(|event| &event.correlation_id),
        &texts(|event| &event.traceparent),
        &texts(|event| &event.source_service),
        &timestamps,
    )
    .execute(connection)
    .await?;
    Ok(())
}
