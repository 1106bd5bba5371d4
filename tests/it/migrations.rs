//! The schema, brought up to date by several programs at once.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::world::World;

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
