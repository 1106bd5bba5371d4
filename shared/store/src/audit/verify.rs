//! Looking whether somebody has changed the audit log: against itself, and against ends of chains that were kept elsewhere.

use std::collections::{HashMap, HashSet};

use super::chain::{content_hash, hash, hash_of_version_1};
use super::{Entry, VERSION};
use crate::erasure::{ERASED, PSEUDONYM, WHOLE};
use crate::session::Session;
use crate::{Error, Store};

/// How many entries are looked at together.
const PAGE: u16 = 1000;

/// The end of a user's chain. Kept outside of the database it shows what nobody can see in there: that entries at the end were removed,
/// or everything was computed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose.
    pub user_id: String,
    /// How many entries there are.
    pub seq: i64,
    /// The hash of the last one.
    pub hash: Vec<u8>,
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
    /// What an entry says was taken away, and not as an erasure does it.
    #[error("user {user_id:?}: entry {seq} was emptied, and not by an erasure")]
    Emptied {
        /// Whose.
        user_id: String,
        /// Which is the first.
        seq: i64,
    },
    /// The chain begins later than it did, and of no such cut was kept outside of the database.
    #[error(
        "user {user_id:?}: entries 1 to {trimmed} are gone, and what trim-audit prints of that was not kept elsewhere"
    )]
    Trimmed {
        /// Whose.
        user_id: String,
        /// The last one that is gone.
        trimmed: i64,
    },
    /// No chain has the entry whose hash was kept outside of the database.
    #[error("user {user_id:?}: entry {seq} is not the one whose hash was kept elsewhere")]
    Replaced {
        /// Whose, as it was kept.
        user_id: String,
        /// Which.
        seq: i64,
    },
}

impl Store {
    /// Gives the end of each user's chain, by user.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn audit_heads(&self) -> Result<Vec<Head>, Error> {
        Ok(sqlx::query_as!(Head, "SELECT user_id, seq, hash FROM audit_heads WHERE seq > 0 ORDER BY user_id")
            .fetch_all(&self.pool)
            .await?)
    }

    /// Walks every chain, as all were at one moment, and gives all that is wrong, with the number of entries looked at. Each of `kept` has
    /// to be in some chain, which is another than its user's when that one was erased; or before the beginning of one that was cut, if
    /// `kept` has that beginning, too, as it has to when it has anything.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn verify_audit(&self, kept: &[Head]) -> Result<(u64, Vec<Broken>), Error> {
        let mut missed: HashMap<(i64, Vec<u8>), &str> =
            kept.iter().map(|head| ((head.seq, head.hash.clone()), head.user_id.as_str())).collect();
        let mut broken = Vec::new();
        let mut count = 0;
        let mut all = self.pool.begin_at_length(WHOLE).await?;
        let users = sqlx::query!(
            r#"SELECT COALESCE(h.user_id, l.user_id) AS "user_id!", COALESCE(h.seq, 0) AS "seq!",
                      COALESCE(h.hash, ''::bytea) AS "hash!", COALESCE(h.start_seq, 0) AS "start_seq!",
                      COALESCE(h.start_hash, ''::bytea) AS "start_hash!"
               FROM audit_heads h
               FULL JOIN (SELECT DISTINCT user_id FROM audit_logs) l ON l.user_id = h.user_id
               ORDER BY 1"#,
        )
        .fetch_all(&mut *all)
        .await?;
        let (mut unsound, mut cut) = (HashSet::new(), HashMap::new());
        for user in users {
            let chain = Chain {
                user_id: user.user_id,
                start: (user.start_seq, user.start_hash),
                end: (user.seq, user.hash),
            };
            if let Some(user_id) = missed.remove(&chain.start) {
                cut.insert(user_id, chain.start.0);
            } else if chain.start.0 > 0 && !kept.is_empty() {
                // Whoever may write to the tables can note a cut there, but not elsewhere.
                broken.push(Broken::Trimmed { user_id: chain.user_id.clone(), trimmed: chain.start.0 });
            }
            let found_again = |seq, hash: &[u8]| {
                missed.remove(&(seq, hash.to_owned()));
            };
            let (seen, found) = verify_chain(&mut all, &chain, found_again).await?;
            count += seen;
            if found.is_some() {
                unsound.insert(chain.user_id);
            }
            broken.extend(found);
        }
        all.commit().await?;
        let is_before_a_cut = |seq: i64, user: &str| cut.get(user).is_some_and(|start| seq < *start);
        let mut missed: Vec<_> = missed
            .into_iter()
            .filter(|((seq, _), user)| !unsound.contains(*user) && !is_before_a_cut(*seq, user))
            .collect();
        missed.sort_unstable_by_key(|((seq, _), user)| (*user, *seq));
        broken.extend(
            missed
                .into_iter()
                .map(|((seq, _), user_id)| Broken::Replaced { user_id: user_id.to_owned(), seq }),
        );
        Ok((count, broken))
    }
}

/// What is written down of a chain: the last entry that went away, and the last one that there is.
struct Chain {
    user_id: String,
    start: (i64, Vec<u8>),
    end: (i64, Vec<u8>),
}

/// Says what is wrong with one user's chain.
pub(super) async fn chain_of(connection: &mut Session, user_id: &str) -> Result<Option<Broken>, Error> {
    let head =
        sqlx::query!("SELECT seq, hash, start_seq, start_hash FROM audit_heads WHERE user_id = $1", user_id,)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(head) = head else { return Ok(None) };
    let (start, end) = ((head.start_seq, head.start_hash), (head.seq, head.hash));
    let chain = Chain { user_id: user_id.to_owned(), start, end };
    Ok(verify_chain(connection, &chain, |_, _| {}).await?.1)
}

/// Walks one user's chain, a page at a time, and tells of each entry.
async fn verify_chain(
    connection: &mut Session,
    chain: &Chain,
    mut tell: impl FnMut(i64, &[u8]),
) -> Result<(u64, Option<Broken>), Error> {
    let user = || chain.user_id.clone();
    let (end, end_hash) = (chain.end.0, &chain.end.1);
    let ((mut last, mut previous), mut count) = (chain.start.clone(), 0);
    // From the first one that is there: one of before the beginning does not belong there.
    let mut looked_at = 0;
    let mut erasing = Erasing::default();
    let is_pseudonym = chain.user_id.starts_with(PSEUDONYM);
    loop {
        let rows = sqlx::query!(
            r#"SELECT seq, event_id, entity_type, entity_id, action, actor_type, actor_id, old_values, new_values,
                      timestamp, correlation_id, previous_hash, hash, hash_version, salt, content_hash, is_erased
               FROM audit_logs
               WHERE user_id = $1 AND seq > $2
               ORDER BY seq
               LIMIT $3"#,
            chain.user_id,
            looked_at,
            i64::from(PAGE),
        )
        .fetch_all(&mut *connection)
        .await?;
        let is_last = rows.len() < usize::from(PAGE);
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
            let content = row.content_hash.unwrap_or_default();
            let computed = match (row.hash_version, row.is_erased, row.salt) {
                (1, false, None) => hash_of_version_1(&entry, row.seq, &previous),
                // Nothing is left to compute it from.
                (1, true, None) => row.hash.clone(),
                (VERSION, true, None) => hash(&entry, row.seq, &previous, &content),
                (VERSION, false, Some(salt)) if content_hash(&entry, &salt) == content => {
                    hash(&entry, row.seq, &previous, &content)
                }
                _ => Vec::new(),
            };
            let is_empty = is_emptied(&entry);
            let is_end_altered = row.seq == end && computed != *end_hash;
            if row.previous_hash != previous
                || row.hash != computed
                || is_end_altered
                || (row.is_erased && !is_empty)
            {
                return Ok((count, Some(Broken::Altered { user_id: user(), seq: row.seq })));
            }
            erasing.meet(row.seq, row.is_erased, entry.action == ERASED && is_pseudonym);
            tell(row.seq, &computed);
            (last, previous) = (row.seq, computed);
            looked_at = last;
        }
        if is_last {
            break;
        }
    }
    if let Some(seq) = erasing.unexcused() {
        return Ok((count, Some(Broken::Emptied { user_id: user(), seq })));
    }
    if last < end {
        return Ok((count, Some(Broken::Truncated { user_id: user(), expected: end, found: last })));
    }
    if last > end {
        return Ok((count, Some(Broken::Beyond { user_id: user(), end, found: last })));
    }
    // Nothing is left but what is written down.
    if count == 0 && previous != *end_hash {
        return Ok((count, Some(Broken::Altered { user_id: user(), seq: end })));
    }
    Ok((count, None))
}

/// Whether what was emptied is what an erasure leaves: everything before the entry that tells of it, which is the last, under a pseudonym.
/// Somebody who appends such an entry to empty a few others unseen has left some as they were, or goes on afterwards.
#[derive(Debug, Default)]
struct Erasing {
    emptied: Option<i64>,
    told: Option<i64>,
    is_erased: bool,
}

impl Erasing {
    fn meet(&mut self, seq: i64, is_emptied: bool, is_erasure: bool) {
        if is_emptied {
            self.emptied.get_or_insert(seq);
        } else if is_erasure {
            self.is_erased = true;
            return;
        } else {
            self.told.get_or_insert(seq);
        }
        self.is_erased = false;
    }

    /// Gives the first entry that was emptied by no erasure.
    fn unexcused(&self) -> Option<i64> {
        let is_excused = self.is_erased && self.told.is_none();
        self.emptied.filter(|_| !is_excused)
    }
}

/// Says whether an entry tells of nobody any more.
fn is_emptied(entry: &Entry) -> bool {
    let Entry { entity_id, actor_id, old_values, new_values, correlation_id, .. } = entry;
    let texts = [entity_id, actor_id, correlation_id];
    texts.iter().all(|text| text.is_empty()) && old_values.is_none() && new_values.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_emptied_is_excused_by_a_whole_erasure_alone() {
        // Emptied, told, or telling of an erasure, in their order.
        for (chain, expected) in [
            ("ee!", None),
            ("!", None),
            ("e", Some(1)),
            ("te!", Some(2)),
            ("et!", Some(1)),
            ("e!t", Some(1)),
            ("e!e", Some(1)),
            ("e!e!", None),
        ] {
            let mut erasing = Erasing::default();
            for (seq, entry) in (1..).zip(chain.chars()) {
                erasing.meet(seq, entry == 'e', entry == '!');
            }
            assert_eq!(erasing.unexcused(), expected, "{chain}");
        }
    }
}
