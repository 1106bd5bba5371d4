//! The connections of a store: none sends a message of its own between statements, and each is given back when what was begun on it is
//! over.

use std::time::Duration;

use application::audit::Entry;
use application::{Application, Connection};
use events::Topic;
use futures::future;
use sqlx::{Connection as _, PgConnection};
use tests::database::{count, rows};
use tests::process::eventually;
use tests::wire::Wire;
use tests::world::World;
use tokio::time::timeout;
use uuid::Uuid;

const NAME: &str = "one of its own";
/// Somewhat more than what a statement may take.
const SILENCE: Duration = Duration::from_secs(25);

/// Gives an application with one connection, by a URL.
fn of_one(url: &str) -> Application {
    Application::new(&Connection::new(url.to_owned(), NAME, 1), chrono_tz::UTC, || {}).expect("a URL")
}

fn entry(number: u128) -> Entry {
    Entry { event_id: Uuid::from_u128(number), ..crate::audit::plain() }
}

/// Begins a connection that takes longer than whoever asked waits for it.
async fn begin_slowly(application: &Application, wire: &Wire) {
    wire.hold(true);
    let refused = application.store().ping().await;
    assert!(matches!(refused, Err(store::Error::Unavailable(_))), "{refused:?}");
}

/// Gives the processes of PostgreSQL that serve it and are in this state.
async fn serving(world: &World, state: &str) -> Vec<i64> {
    let query = format!(
        "SELECT pid FROM pg_stat_activity WHERE application_name = '{NAME}' AND datname = current_database() AND {state}"
    );
    rows(&world.database_url, &query).await.iter().filter_map(|row| row["pid"].as_i64()).collect()
}

#[tokio::test]
async fn statements_one_after_another_are_all_that_is_sent() {
    let world = World::new().await;
    let wire = Wire::before(&world.database_url);
    let application = of_one(&wire.url);
    application.store().ping().await.expect("the database is there");
    let _before = (wire.round_trips(), wire.signs_of_life());
    for _ in 0..40 {
        application.store().ping().await.expect("the database is there");
    }
    assert_eq!(wire.round_trips(), 40);
    // One that was idle for long enough, on a machine that is busy with something else.
    let asked = wire.signs_of_life();
    assert!(asked < 20, "{asked}");
}

#[tokio::test]
async fn what_is_broken_off_is_rolled_back_and_its_connection_is_used_again() {
    let world = World::new().await;
    let application = of_one(&world.database_url);
    let append = async |number| application.append_audit(&[entry(number)], || [7; 16]).await;
    append(0).await.expect("the database is there");
    let mut owner = PgConnection::connect(&world.database_url).await.expect("the database is there");
    for number in 1..4 {
        let held = "BEGIN; SELECT FROM audit_heads FOR UPDATE";
        sqlx::raw_sql(held).execute(&mut owner).await.expect("nobody holds it");
        let waits = async {
            eventually("it waits", async || serving(&world, "wait_event_type = 'Lock'").await.pop()).await
        };
        let waiting = tokio::select! {
            pid = waits => pid,
            _ = append(number) => panic!("it did not wait"),
        };
        sqlx::raw_sql("COMMIT").execute(&mut owner).await.expect("it is open");
        let is_over = async || serving(&world, "state = 'idle'").await.pop();
        assert_eq!(eventually("it is over", is_over).await, waiting, "the same connection");
        assert_eq!(count(&world, "audit_logs").await, 1);
    }
    append(9).await.expect("the database is there");
    assert_eq!(count(&world, "audit_logs").await, 2);
}

#[tokio::test]
async fn a_connection_that_broke_is_replaced_and_one_that_nobody_uses_is_closed() {
    let world = World::new().await;
    let application = of_one(&world.database_url);
    application.store().ping().await.expect("the database is there");
    let broken = serving(&world, "true").await;
    assert_eq!(broken.len(), 1);
    let end = format!("SELECT pg_terminate_backend({}, 5000) AS done", broken[0]);
    assert_eq!(rows(&world.database_url, &end).await[0]["done"], true);
    eventually("there is another one", async || application.store().ping().await.ok()).await;
    let serves = serving(&world, "true").await;
    assert!(serves.len() == 1 && serves != broken, "{serves:?}");
    let is_closed = async || serving(&world, "true").await.is_empty().then_some(());
    eventually("it is closed", is_closed).await;
}

#[tokio::test]
async fn a_connection_that_takes_longer_than_a_request_waits_serves_the_next_one() {
    let world = World::new().await;
    let wire = Wire::before(&world.database_url);
    let application = of_one(&wire.url);
    begin_slowly(&application, &wire).await;
    let (next, ()) = future::join(application.store().ping(), async { wire.hold(false) }).await;
    next.expect("the connection is made by now");
    assert_eq!(wire.clients(), 1);
    let serves = serving(&world, "true").await;
    assert_eq!(serves.len(), 1);

    // One that nobody asked for any more is closed, too.
    let is_closed = async || serving(&world, "true").await.is_empty().then_some(());
    eventually("it is closed", is_closed).await;
    begin_slowly(&application, &wire).await;
    wire.hold(false);
    let is_there = async || serving(&world, "true").await.pop();
    eventually("it is made", is_there).await;
    eventually("it is closed", is_closed).await;
    application.store().ping().await.expect("there is another one");
    assert_eq!(wire.clients(), 3);
}

#[tokio::test]
async fn a_connection_that_was_begun_and_fails_meanwhile_fails_nobody_but_who_began_it() {
    let world = World::new().await;
    let wire = Wire::before(&world.database_url);
    let application = of_one(&wire.url);
    begin_slowly(&application, &wire).await;
    let fails = async {
        wire.drop_held();
        wire.hold(false);
    };
    let (next, ()) = future::join(application.store().ping(), fails).await;
    next.expect("there is another connection");
    assert_eq!(wire.clients(), 2);
}

#[tokio::test]
async fn a_database_that_falls_silent_is_given_up_instead_of_waited_for() {
    let world = World::new().await;
    let wire = Wire::before(&world.database_url);
    let application = of_one(&wire.url);
    let mut relay = application.relay(Topic::TaskEvents).await.expect("the database is there");
    application.store().ping().await.expect("the database is there");
    wire.fall_silent();
    let asked = future::join(relay.take_shards(world.clock.now()), application.store().ping());
    let (relayed, pinged) = timeout(SILENCE, asked).await.expect("nobody waits for good");
    assert!(matches!(relayed, Err(store::Error::Unavailable(_))), "{relayed:?}");
    assert!(matches!(pinged, Err(store::Error::Unavailable(_))), "{pinged:?}");
}
