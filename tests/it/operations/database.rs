//! What operators put between a function and PostgreSQL, and what they see of the outbox.

use std::time::Duration;

use events::Topic;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use store::{Connection, Store};
use tests::database::execute;
use tests::world::World;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

/// Amazon RDS Proxy refuses a connection that asks for options in its first message, and so does PgBouncer when it was not told to
/// ignore them.
#[tokio::test]
async fn a_connection_begins_without_options_which_poolers_refuse() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let url = format!("postgres://kaam@{address}/kaam?sslmode=disable");
    let store = Store::lazy(&Connection::new(url, "test", 1)).expect("a URL");
    let asking = tokio::spawn(async move { store.ping().await });
    let (mut stream, _) = listener.accept().await.expect("it connects");
    let length = stream.read_u32().await.expect("a length");
    let mut message = vec![0; usize::try_from(length).expect("a small number") - 4];
    stream.read_exact(&mut message).await.expect("a startup message");
    asking.abort();
    let words: Vec<_> = message[4..].split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    assert!(words.iter().any(|word| word == "user"), "{words:?}");
    assert!(!words.iter().any(|word| word == "options"), "{words:?}");
}

/// As the owner, whose role has no limits of its own: what a connection is told after it was made holds, of a pool and of a relay.
#[tokio::test]
async fn a_statement_that_waits_for_a_lock_gives_up_all_the_same() {
    let world = World::with_one_role().await;
    let store = Store::lazy(&Connection::new(world.database_url.clone(), "test", 1)).expect("a URL");
    let mut relay = store.relay(Topic::Reminders).await.expect("the database is there");
    let mut other = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let lock = "BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.expect("nobody else holds it");
    let both = async { tokio::join!(store.backlog(Topic::Reminders), relay.take_shards(world.clock.now())) };
    let (of_pool, of_relay) =
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("they give up");
    assert!(of_pool.is_err() && of_relay.is_err());
}

#[tokio::test]
async fn the_outbox_tells_its_oldest_event_and_its_dead_letters() {
    let world = World::new().await;
    let backlog =
        || async { world.application.backlog(Topic::TaskEvents).await.expect("the database is there") };
    let empty = backlog().await;
    assert_eq!((empty.oldest_at, empty.dead_letters), (None, 0));
    let begun = world.clock.now();
    world.create(json!({"title": "first"})).await;
    world.clock.advance(Duration::from_secs(60));
    world.create(json!({"title": "second"})).await;
    assert_eq!(backlog().await.oldest_at, Some(begun));
    let parked = "UPDATE events SET status = 'failed' WHERE payload -> 'task' ->> 'title' = 'first'";
    assert_eq!(execute(&world, parked).await, 1);
    let after = backlog().await;
    assert_eq!((after.oldest_at, after.dead_letters), (Some(begun + chrono::TimeDelta::seconds(60)), 1));
    let of_others = world.application.backlog(Topic::Reminders).await.expect("the database is there");
    assert_eq!((of_others.oldest_at, of_others.dead_letters), (None, 0));
}
