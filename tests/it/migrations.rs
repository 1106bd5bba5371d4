//! The schema, brought up to date by several programs at once.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::world::World;

/// As a migration that was cut off leaves its index: it fails on the second row.
const CUT_OFF: [&str; 3] = [
    "DELETE FROM _sqlx_migrations WHERE version = 16",
    "DROP INDEX events_by_age",
    "CREATE UNIQUE INDEX CONCURRENTLY events_by_age ON events ((1))",
];

#[tokio::test]
async fn an_index_that_was_not_built_to_its_end_is_built_again() {
    let world = World::new().await;
    for title in ["buy milk", "buy bread"] {
        world.create(serde_json::json!({"title": title})).await;
    }
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let mut outcomes = Vec::new();
    for statement in CUT_OFF {
        outcomes.push(sqlx::query(statement).execute(&mut connection).await.is_ok());
    }
    assert_eq!(outcomes, [true, true, false]);
    store::migrate(&world.database_url).await.expect("it is brought up to date");
    let is_valid =
        "SELECT indisvalid AND NOT indisunique FROM pg_index WHERE indexrelid = 'events_by_age'::regclass";
    let is_valid: bool = sqlx::query_scalar(is_valid).fetch_one(&mut connection).await.expect("it is there");
    assert!(is_valid);
}

#[tokio::test]
async fn several_who_migrate_an_empty_database_at_once_wait_for_each_other() {
    let world = World::new().await;
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&mut connection).await.expect("a name");
    let empty = format!("{name}_empty");
    let create = format!("CREATE DATABASE {empty} TEMPLATE template0");
    sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.expect("a new database");
    let url = world.database_url.replace(&format!("/{name}"), &format!("/{empty}"));
    assert_ne!(url, world.database_url);
    let outcomes = futures::future::join_all((0..6).map(|_| store::migrate(&url))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let mut migrated = PgConnection::connect(&url).await.expect("the database is there");
    let invalid: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        .fetch_one(&mut migrated)
        .await
        .expect("a count");
    assert_eq!(invalid, 0);
}
