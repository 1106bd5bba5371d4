//! What a test looks up, or turns back, in the database itself.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

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

async fn connect(world: &World) -> PgConnection {
    PgConnection::connect(&world.database_url).await.expect("the database is there")
}
