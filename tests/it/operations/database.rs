//! What operators see of the outbox.

use std::time::Duration;

use events::Topic;
use serde_json::json;
use tests::database::execute;
use tests::world::World;

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
