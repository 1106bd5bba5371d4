//! Transactions that PostgreSQL gives up for others, each time.

use std::time::Duration;

use runtime::clock::Stopwatch;

use crate::database::run;
use crate::world::World;

/// How far apart the waits of two who collide are at least, half of the time; they wait for up to 140 ms each.
pub const WAITS_DIFFER: Duration = Duration::from_millis(12);

/// Has every transaction that changes a table given up, as after a lost race.
pub async fn give_up_whatever_changes(world: &World, table: &str) {
    let administrator = world.database_url.replacen("kaam@", "postgres@", 1);
    let statements = format!(
        "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'another one was faster' USING ERRCODE = 'serialization_failure'; END $$;
         CREATE TRIGGER give_up BEFORE INSERT OR UPDATE OR DELETE ON {table} EXECUTE FUNCTION give_up()"
    );
    run(&administrator, &statements).await;
}

/// Does something forty times that is given up and done again each time, and gives how long the quarter that took longest took longer
/// than the quarter that was quickest.
pub async fn how_long_waits_differ(attempt: impl AsyncFn()) -> Duration {
    // The first one connects and prepares.
    attempt().await;
    let mut times = Vec::new();
    for _ in 0..40 {
        let watch = Stopwatch::start();
        attempt().await;
        times.push(watch.elapsed());
    }
    times.sort();
    times[30] - times[10]
}
