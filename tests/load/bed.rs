//! What everything is measured on: a PostgreSQL of its own, and functions with all that they do in earnest. Callers show tokens
//! (`AUTH=jwt`), each function connects as its own role under row-level security, and writes a line of log for each request.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use devkit::postgres::{Durability, Options, Private};
use devkit::testing::TestDirectory;
use runtime::clock::Clock;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::issuer::{self, hmac_sha256};
use tokio::process::Command;

use crate::built::Built;
use crate::measure::on_disk;

/// Connections of a function, and of whom it is compared with.
pub(crate) const CONNECTIONS: usize = 8;
/// So many that none comes near to a limit of requests or tasks, which are those of the default.
pub(crate) const USERS: usize = 1_000;
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const ISSUER: &str = "https://id.example.org";

/// What PostgreSQL does at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// It waits for the disk that `BENCH_DIR` is on.
    Durable,
    /// It does not, so that the processor is the limit.
    NotAwaited,
    /// It writes nothing but what it is told, and the same each time: no vacuum, no full pages.
    Counted,
}

/// A PostgreSQL with Kaam's tables and roles.
pub(crate) struct Bed {
    directory: TestDirectory,
    private: Private,
}

impl Bed {
    pub(crate) async fn start(commit: Commit) -> Result<Self> {
        Self::with_connections(commit, 100).await
    }

    /// Starts one that gives at most so many connections.
    pub(crate) async fn with_connections(commit: Commit, max_connections: u16) -> Result<Self> {
        let directory = if commit == Commit::Durable { on_disk()? } else { TestDirectory::new() };
        let durability = if commit == Commit::Counted { Durability::Throwaway } else { Durability::Durable };
        let options = Options { durability, max_connections, ..Options::new(directory.path()) };
        let private = Private::start(options).await?;
        let bed = Self { directory, private };
        store::migrate(bed.url()).await?;
        tests::roles::make(bed.url()).await?;
        if commit == Commit::NotAwaited {
            bed.run("ALTER DATABASE kaam SET synchronous_commit = off").await?;
        }
        Ok(bed)
    }

    /// The URL of whom the tables belong to.
    pub(crate) fn url(&self) -> &str {
        self.private.url()
    }

    /// The URL by which a function connects.
    pub(crate) fn url_of(&self, function: &str) -> String {
        tests::roles::url_of(self.url(), function)
    }

    /// A folder for what is needed meanwhile.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) async fn database(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(self.url()).await?)
    }

    pub(crate) async fn run(&self, statements: &str) -> Result<()> {
        let mut database = self.database().await?;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut database).await?;
        Ok(database.close().await?)
    }

    /// Counts the rows of a table.
    pub(crate) async fn count(&self, table: &str) -> Result<u64> {
        let mut database = self.database().await?;
        let statement = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query_scalar(statement).fetch_one(&mut database).await?;
        Ok(count.unsigned_abs())
    }

    /// Empties the tables, so that everybody begins with the same.
    pub(crate) async fn truncate(&self) -> Result<()> {
        self.run("TRUNCATE tasks, reminders, events, idempotency_keys CASCADE").await
    }

    /// Prepares a function, which connects as its role by itself.
    ///
    /// # Errors
    /// The environment is malformed.
    pub(crate) fn function(&self, name: &str) -> Result<Command> {
        Ok(self.prepared(&Built::of(name)?.path, &self.url_of(name)))
    }

    /// Prepares the release build of a function, to count what it does. It connects by any way to the same database, and once: whoever asks
    /// next never opens another connection, so that what is counted is the same each time.
    pub(crate) fn function_of_one(&self, name: &str, url: Option<&str>) -> Command {
        let url = url.map_or_else(|| self.url_of(name), str::to_owned);
        let mut command = self.prepared(&tests::process::binary(name), &url);
        command.env("DATABASE_CONNECTIONS", "1");
        command
    }

    fn prepared(&self, program: &Path, url: &str) -> Command {
        let mut command = tests::process::command_at(program);
        command
            .env("DATABASE_URL", url)
            .env("DATABASE_CONNECTIONS", CONNECTIONS.to_string())
            .env("LOG_FORMAT", "json")
            .env("AUTH", "jwt")
            .env("JWT_SECRET", SECRET)
            .env("JWT_ISSUER", ISSUER)
            .env("JWT_AUDIENCE", issuer::AUDIENCE);
        command
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.private.stop().await
    }
}

/// Gives the tokens of so many users, who are called 1, 2 and so on.
pub(crate) fn tokens(users: usize) -> Vec<String> {
    let now = Clock::system().now();
    let token = |number: usize| {
        let mut claims = issuer::claims(ISSUER, &number.to_string(), now);
        claims["exp"] = json!(now.timestamp() + 6 * 3_600);
        issuer::token(&json!({"alg": "HS256", "typ": "JWT"}), &claims, hmac_sha256(SECRET.as_bytes()))
    };
    (1..=users).map(token).collect()
}

/// Gives the statement of the store that has these words, and the types of its parameters.
pub(crate) fn statement(words: &[&str]) -> Result<(String, Vec<String>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(crate::measure::root().join(".sqlx"))? {
        let described: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(entry?.path())?)?;
        let query = described["query"].as_str().unwrap_or_default();
        if words.iter().all(|word| query.contains(word)) {
            let types = described["describe"]["parameters"]["Left"].as_array().context("no parameters")?;
            let types = types.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            found.push((query.to_owned(), types.context("a type without a name")?));
        }
    }
    ensure!(found.len() == 1, "{} statements in .sqlx/ have {words:?}", found.len());
    Ok(found.remove(0))
}
