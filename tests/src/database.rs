//! What a test looks up, or turns back, in the database itself.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::process::eventually;
use crate::world::World;

/// Runs a statement and says how many rows it concerned.
pub async fn execute(world: &World, statement: &str) -> u64 {
    let mut connection = connect(world).await;
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
    done.expect("the statement is sound").rows_affected()
}

/// Counts the rows of a table, such as `tasks` or `tasks WHERE status = 'active'`.
pub async fn count(world: &World, rows: &str) -> i64 {
    let mut connection = connect(world).await;
    let statement = AssertSqlSafe(format!("SELECT count(*) FROM {rows}"));
    sqlx::query_scalar(statement).fetch_one(&mut connection).await.expect("the table is there")
}

/// Gives the rows of a query as JSON objects, from the database of a world or of a program.
pub async fn rows(url: &str, query: &str) -> Vec<Value> {
    let mut connection = PgConnection::connect(url).await.expect("the database is there");
    let statement = AssertSqlSafe(format!("SELECT to_jsonb(found) FROM ({query}) AS found"));
    sqlx::query_scalar(statement).fetch_all(&mut connection).await.expect("the query is sound")
}

/// Runs statements in the database at a URL.
pub async fn run(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the database is there");
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await;
    done.expect("the statements are sound");
}

/// A table that nobody else gets at.
pub struct Locked {
    connection: PgConnection,
    url: String,
    table: &'static str,
}

impl Locked {
    /// Locks a table until it is released, or dropped.
    pub async fn new(world: &World, table: &'static str) -> Self {
        let mut connection = connect(world).await;
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        let done = sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut connection).await;
        done.expect("nobody else locks");
        Self { connection, url: world.database_url.clone(), table }
    }

    /// Waits until at least so many statements wait for the table.
    pub async fn is_awaited_by(&self, statements: i64) {
        let waiting = format!(
            "SELECT count(*) FROM pg_locks
                     WHERE relation = '{}'::regclass AND NOT granted
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            self.table
        );
        eventually("statements wait for the table", async || {
            let found = rows(&self.url, &waiting).await;
            found[0]["count"].as_i64().is_some_and(|count| count >= statements).then_some(())
        })
        .await;
    }

    /// Lets everybody go on.
    pub async fn release(self) {
        let mut connection = self.connection;
        sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.expect("the database is there");
    }
}

async fn connect(world: &World) -> PgConnection {
    PgConnection::connect(&world.database_url).await.expect("the database is there")
}
