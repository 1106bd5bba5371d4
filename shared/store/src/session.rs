//! Connections as statements see them: to PostgreSQL itself, or through a pooler that has another one for each transaction.
//!
//! Behind such a pooler (PgBouncer's `pool_mode = transaction`) nothing of a connection outlasts a transaction. A statement that was
//! prepared is not there the next time, or is one of somebody else with the same name, and even the unnamed one is lost between preparing and
//! executing it, which are two messages of sqlx. So each statement, if it is alone, gets a transaction of its own there, and none
//! gets a name. That costs four round trips instead of one.

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use sqlx::{Describe, Either, Execute, Executor, SqlStr};

use crate::connections::Connections;
use crate::pool::{Acquired, answered};

type Step = Result<Either<PgQueryResult, PgRow>, sqlx::Error>;

/// Begins a transaction with what a connection of ours has from its start, which a pooler does not pass on.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '5s'; \
                     SET LOCAL idle_in_transaction_session_timeout = '15s'";

/// The connections of a store; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    pub(crate) connections: Connections,
    /// Whether each transaction may get another connection of PostgreSQL.
    pub(crate) is_shared: bool,
}

impl Sessions {
    /// Begins a transaction; dropped, it is rolled back.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.begun(if self.is_shared { BEGIN } else { "BEGIN" }, false).await
    }

    /// Begins a transaction by statements that say how it differs from others; its own may take as long as they like.
    pub(crate) async fn begin_at_length(&self, statements: &'static str) -> Result<Transaction, sqlx::Error> {
        self.begun(statements, true).await
    }

    async fn begun(&self, statements: &'static str, is_at_length: bool) -> Result<Transaction, sqlx::Error> {
        let mut acquired = self.connections.acquire().await?;
        acquired.begin(statements).await?;
        Ok(Transaction(Session { acquired, is_unnamed: self.is_shared, is_at_length }))
    }

    /// Gives what one statement runs on: a connection where that is enough, else a transaction.
    pub(crate) async fn acquire(&self) -> Result<Transaction, sqlx::Error> {
        if self.is_shared {
            return self.begin().await;
        }
        let acquired = self.connections.acquire().await?;
        Ok(Transaction(Session { acquired, is_unnamed: false, is_at_length: false }))
    }
}

/// What statements run on.
#[derive(Debug)]
pub(crate) struct Session {
    acquired: Acquired,
    is_unnamed: bool,
    /// Whether its statements may take as long as they like.
    is_at_length: bool,
}

/// A transaction, or a connection whose every statement is one.
#[derive(Debug)]
pub(crate) struct Transaction(Session);

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.0.acquired.commit().await
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.0.acquired.rollback().await
    }
}

impl std::ops::Deref for Transaction {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}

/// A statement that gets no name.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let is_at_length = self.is_at_length;
        let steps = match self.is_unnamed {
            true => self.acquired.fetch_many(Unnamed(query)),
            false => self.acquired.fetch_many(query),
        };
        if is_at_length {
            return steps;
        }
        let next = async |mut steps: BoxStream<'e, Step>| {
            Ok(answered(steps.try_next()).await?.map(|step| (step, steps)))
        };
        stream::try_unfold(steps, next).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let is_at_length = self.is_at_length;
        let row = match self.is_unnamed {
            true => self.acquired.fetch_optional(Unnamed(query)),
            false => self.acquired.fetch_optional(query),
        };
        if is_at_length { row } else { answered(row).boxed() }
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.acquired.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.acquired.describe(sql)
    }
}

/// What sqlx's own pool does, on our connections. Results are read whole: what was read is believed, and what was written told of, only
/// after the commit.
impl<'c> Executor<'c> for &'c Sessions {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let all = async move {
            let mut transaction = self.acquire().await?;
            let steps: Vec<_> = transaction.fetch_many(query).try_collect().await?;
            transaction.commit().await?;
            Ok::<_, sqlx::Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        all.into_stream().try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        async move {
            let mut transaction = self.acquire().await?;
            let row = transaction.fetch_optional(query).await?;
            transaction.commit().await?;
            Ok(row)
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        async move { self.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        async move { self.acquire().await?.describe(sql).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TIMEOUTS;

    #[test]
    fn a_transaction_behind_a_pooler_has_the_time_limits_of_a_connection() {
        for (name, value) in TIMEOUTS {
            assert!(BEGIN.contains(&format!("SET LOCAL {name} = '{value}'")), "{name}");
        }
    }
}
