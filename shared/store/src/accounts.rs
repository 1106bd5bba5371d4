//! `accounts`, `sessions`, `sign_in_attempts`: who can sign in, who is signed in, and who tries.

use std::slice;

use chrono::{DateTime, TimeDelta, Utc};
use domain::settings::Settings;
use events::Event;
use uuid::Uuid;

use crate::session::Session;
use crate::tries::repeat;
use crate::{Error, Store, outbox, settings};

/// SHA-256 of something that the database need not know.
pub type Hash = [u8; 32];

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub user_id: String,
    /// A PHC string.
    pub password_hash: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Who tries, and how many failures more than the table of delays begins with are free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub hash: Hash,
    /// How many.
    pub allowance: i32,
}

/// A session as it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Which.
    pub session_id: Uuid,
    /// Of its first refresh token's secret.
    pub token_hash: Hash,
    /// When that ends.
    pub expires_at: DateTime<Utc>,
}

/// A refresh token that is used, and the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Whose.
    pub user_id: String,
    /// Which session.
    pub session_id: Uuid,
    /// Of the secret of the one that is used.
    pub used: Hash,
    /// Of the secret of the next one.
    pub next: Hash,
    /// When the next one ends.
    pub expires_at: DateTime<Utc>,
    /// The next one of an answer that was lost is given again up to this old.
    pub grace: TimeDelta,
    /// When the session has to have begun.
    pub not_before: DateTime<Utc>,
    /// Whether the one that is used shows that it once was handed out. Of the session's last two that is known without.
    pub was_issued: bool,
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The next one holds; or held already, because this one was used a moment ago.
    Yes,
    /// There is no such session, or it is over.
    Unknown,
    /// It was used before; somebody else has it too. The session has ended.
    Reused,
}

impl Store {
    /// Gives the account of an address.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn account(&self, email_key: &str) -> Result<Option<Account>, Error> {
        let found = sqlx::query_as!(
            Account,
            "SELECT user_id, password_hash FROM accounts WHERE email_key = $1",
            email_key
        );
        Ok(found.fetch_optional(&self.pool).await?)
    }

    /// Gives the account of a user.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn account_of_user(&self, user_id: &str) -> Result<Option<Account>, Error> {
        let found = sqlx::query_as!(
            Account,
            "SELECT user_id, password_hash FROM accounts WHERE user_id = $1",
            user_id
        );
        Ok(found.fetch_optional(&self.pool).await?)
    }

    /// Opens an account with its settings; says whether nobody had the address.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn open_account(
        &self,
        email_key: &str,
        account: &Account,
        chosen: &Settings,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            r#"INSERT INTO accounts (email_key, user_id, password_hash, created_at, password_changed_at)
               VALUES ($1, $2, $3, $4, $4)
               ON CONFLICT DO NOTHING"#,
            email_key,
            account.user_id,
            account.password_hash,
            now,
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0
            || !settings::save(&mut transaction, &account.user_id, chosen, now).await?
        {
            return Ok(false);
        }
        outbox::append_all(&mut transaction, events).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Counts an attempt of each of these as a failure, before anybody knows whether it is one, so that many at once are not free;
    /// gives the instant to wait for, of one that has to wait. `delays_s` are the seconds to wait after the first failure, the second
    /// and so on; failures before `forgotten` do not count. Where one has to wait, none is charged. `id` is one of its own.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn charge_attempt(
        &self,
        id: Uuid,
        subjects: &[Subject],
        delays_s: &[f64],
        forgotten: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        repeat(id, || self.try_charge_attempt(subjects, delays_s, forgotten, now)).await
    }

    async fn try_charge_attempt(
        &self,
        subjects: &[Subject],
        delays_s: &[f64],
        forgotten: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let mut subjects: Vec<_> = subjects.iter().collect();
        // In one order, so that two attempts wait for each other instead of locking each other out.
        subjects.sort_by_key(|subject| subject.hash);
        let hashes: Vec<_> = subjects.iter().map(|subject| subject.hash.to_vec()).collect();
        let allowances: Vec<_> = subjects.iter().map(|subject| subject.allowance).collect();
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query!(
            r#"WITH subjects AS (
                   SELECT subject, allowance
                   FROM UNNEST($1::bytea[], $2::integer[]) AS given (subject, allowance)
               ),
               waiting AS (
                   SELECT max(waits_until) AS until
                   FROM sign_in_attempts
                   WHERE subject = ANY ($1) AND waits_until > $4
               ),
               charged AS (
                   INSERT INTO sign_in_attempts AS known (subject, failures, tried_at, waits_until)
                   SELECT subject, 1, $4, $4 + make_interval(secs => ($3::double precision[])[1])
                   FROM subjects
                   WHERE (SELECT until FROM waiting) IS NULL
                   ORDER BY subject
                   ON CONFLICT (subject) DO UPDATE
                   SET failures = CASE WHEN known.tried_at < $5 THEN 1 ELSE known.failures + 1 END,
                       tried_at = $4,
                       waits_until = $4 + make_interval(secs => ($3::double precision[])[
                           least(
                               greatest(
                                   CASE WHEN known.tried_at < $5 THEN 1 ELSE known.failures + 1 END
                                   - (SELECT allowance FROM subjects WHERE subjects.subject = known.subject),
                                   1
                               ),
                               cardinality($3::double precision[])
                           )
                       ])
                   WHERE known.waits_until <= $4
                   RETURNING 1
               )
               SELECT until, (SELECT count(*) FROM charged) AS "charged!" FROM waiting"#,
            &hashes,
            &allowances,
            delays_s,
            now,
            forgotten,
        )
        .fetch_one(&mut *transaction)
        .await?;
        if let Some(until) = row.until {
            return Ok(Some(until));
        }
        if row.charged < i64::try_from(subjects.len()).unwrap_or(i64::MAX) {
            // Another attempt at the same moment was faster; so this is none, also for those that need not wait.
            return Ok(Some(now + TimeDelta::seconds(1)));
        }
        transaction.commit().await?;
        Ok(None)
    }

    /// Notes that an attempt has failed. One on an address that nobody has writes just as much, and takes as long.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_failure(
        &self,
        subject: &Hash,
        event: &Event,
        is_known: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            r#"WITH noted AS (UPDATE sign_in_attempts SET tried_at = $2 WHERE subject = $1)
               INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                   traceparent, source_service, timestamp)
               SELECT $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11, $12, $13, $2
               WHERE $14"#,
            &subject[..],
            now,
            event.user_id,
            event.event_id,
            event.topic.as_str(),
            event.event_type,
            event.key,
            event.subject,
            outbox::shard_of(&event.key),
            event.payload.as_str(),
            event.correlation_id,
            event.traceparent,
            event.source_service,
            is_known,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Begins a session if the password still is what it was, and takes back what the attempt was counted as: `account` starts anew,
    /// `others` have one failure fewer. Says whether it did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn begin_session(
        &self,
        before: &Account,
        session: &NewSession,
        (account, others): (&[Subject], &[Subject]),
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        repeat(event.event_id, || self.try_begin_session(before, session, (account, others), event, now))
            .await
    }

    async fn try_begin_session(
        &self,
        before: &Account,
        session: &NewSession,
        (account, others): (&[Subject], &[Subject]),
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        // The account is held: a new password either comes before this session, or ends it.
        let done = sqlx::query!(
            r#"WITH account AS (
                   SELECT user_id FROM accounts WHERE user_id = $1 AND password_hash = $6 FOR SHARE
               )
               INSERT INTO sessions (user_id, session_id, token_hash, rotated_at, created_at, expires_at)
               SELECT user_id, $2, $3, $4, $4, $5 FROM account"#,
            before.user_id,
            session.session_id,
            &session.token_hash[..],
            now,
            session.expires_at,
            before.password_hash,
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        forgive(&mut transaction, account, others, now).await?;
        outbox::append(&mut transaction, event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Uses a refresh token. Whoever uses one a second time, after the grace, ends the session: two have it, and nobody can tell which
    /// of them is the thief (RFC 9700 §4.14.2). `reused` then tells of it. What never was handed out ends nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn rotate(
        &self,
        rotation: &Rotation,
        reused: &Event,
        now: DateTime<Utc>,
    ) -> Result<Rotated, Error> {
        let done = sqlx::query!(
            r#"UPDATE sessions
               SET token_hash = $4, previous_hash = token_hash, rotated_at = $6, expires_at = $5
               WHERE user_id = $1 AND session_id = $2 AND token_hash = $3 AND expires_at > $6 AND created_at > $7"#,
            rotation.user_id,
            rotation.session_id,
            &rotation.used[..],
            &rotation.next[..],
            rotation.expires_at,
            now,
            rotation.not_before,
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(Rotated::Yes);
        }
        let mut transaction = self.pool.begin().await?;
        let found = sqlx::query!(
            r#"SELECT token_hash = $4 AND previous_hash = $3 AND rotated_at >= $5 AS is_again,
                      previous_hash = $3 AS is_previous,
                      expires_at > $6 AND created_at > $7 AS "is_open!"
               FROM sessions
               WHERE user_id = $1 AND session_id = $2
               FOR UPDATE"#,
            rotation.user_id,
            rotation.session_id,
            &rotation.used[..],
            &rotation.next[..],
            now - rotation.grace,
            now,
            rotation.not_before,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        match found {
            None => Ok(Rotated::Unknown),
            Some(found) if !found.is_open => Ok(Rotated::Unknown),
            Some(found) if found.is_again == Some(true) => Ok(Rotated::Yes),
            Some(found) if !rotation.was_issued && found.is_previous != Some(true) => Ok(Rotated::Unknown),
            Some(_) => {
                sqlx::query!(
                    "DELETE FROM sessions WHERE user_id = $1 AND session_id = $2",
                    rotation.user_id,
                    rotation.session_id,
                )
                .execute(&mut *transaction)
                .await?;
                outbox::append(&mut transaction, reused).await?;
                transaction.commit().await?;
                Ok(Rotated::Reused)
            }
        }
    }

    /// Ends the session of a refresh token, the newest or the one before; says whether there was one.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn end_session(
        &self,
        user_id: &str,
        session_id: Uuid,
        token_hash: &Hash,
        event: &Event,
    ) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            r#"DELETE FROM sessions
               WHERE user_id = $1 AND session_id = $2 AND (token_hash = $3 OR previous_hash = $3)"#,
            user_id,
            session_id,
            &token_hash[..],
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        outbox::append(&mut transaction, event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Changes a password if it still is what it was, and ends every session but one; says whether it did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn change_password(
        &self,
        before: &Account,
        password_hash: &str,
        kept: Option<(Uuid, Hash)>,
        forgiven: &Subject,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        repeat(event.event_id, || self.try_change_password(before, password_hash, kept, forgiven, event, now))
            .await
    }

    async fn try_change_password(
        &self,
        before: &Account,
        password_hash: &str,
        kept: Option<(Uuid, Hash)>,
        forgiven: &Subject,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let (kept_id, kept_hash) = kept.unzip();
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            r#"UPDATE accounts
               SET password_hash = $3, password_changed_at = $4
               WHERE user_id = $1 AND password_hash = $2"#,
            before.user_id,
            before.password_hash,
            password_hash,
            now,
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query!(
            r#"DELETE FROM sessions
               WHERE user_id = $1 AND (session_id = $2 AND token_hash = $3) IS NOT TRUE"#,
            before.user_id,
            kept_id,
            kept_hash.as_ref().map(|hash| &hash[..]),
        )
        .execute(&mut *transaction)
        .await?;
        forgive(&mut transaction, slice::from_ref(forgiven), &[], now).await?;
        outbox::append(&mut transaction, event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Adds an event about an account to the outbox.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note(&self, event: &Event) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        outbox::append(&mut connection, event).await?;
        Ok(connection.commit().await?)
    }

    /// Forgets up to 1,000 sessions that ended before `ended`, and as many counts of failures before `tried`; says how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_sessions(&self, ended: DateTime<Utc>, tried: DateTime<Utc>) -> Result<u64, Error> {
        let sessions = sqlx::query!(
            r#"DELETE FROM sessions
               WHERE (user_id, session_id) IN (
                   SELECT user_id, session_id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT 1000
               )"#,
            ended,
        )
        .execute(&self.pool)
        .await?;
        let attempts = sqlx::query!(
            r#"DELETE FROM sign_in_attempts
               WHERE subject IN (
                   SELECT subject FROM sign_in_attempts WHERE tried_at < $1 ORDER BY tried_at LIMIT 1000
               )"#,
            tried,
        )
        .execute(&self.pool)
        .await?;
        Ok(sessions.rows_affected() + attempts.rows_affected())
    }
}

/// Takes back what an attempt was counted as, since it was none.
async fn forgive(
    connection: &mut Session,
    account: &[Subject],
    others: &[Subject],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let hashes = |subjects: &[Subject]| subjects.iter().map(|one| one.hash.to_vec()).collect::<Vec<_>>();
    sqlx::query!(
        r#"WITH forgiven AS (DELETE FROM sign_in_attempts WHERE subject = ANY ($1))
           UPDATE sign_in_attempts
           SET failures = greatest(failures - 1, 0), waits_until = $3
           WHERE subject = ANY ($2)"#,
        &hashes(account),
        &hashes(others),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
