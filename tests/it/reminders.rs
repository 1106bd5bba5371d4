//! Reminders: on time, once, and never for what is no longer wanted.

use std::time::Duration;

use application::reminders::{Finish, Prepared, Ways};
use chrono::{DateTime, TimeDelta, Utc};
use events::Cause;
use events::payload::ReminderMoment;
use runtime::ask::cause;
use runtime::clock::Clock;
use runtime::request::RequestContext;
use serde_json::{Value, json};
use tests::bus::record;
use tests::database::{count, execute, rows};
use tests::process::{DataDir, Program, command, eventually};
use tests::world::World;

const SEVEN: &str = "2026-06-01T07:00:00Z";

/// A task of which its user is reminded at seven.
async fn at_seven(world: &World, title: &str) -> String {
    let body = json!({"title": title, "due_date": SEVEN, "reminder_config": {"lead_time": "0m"}});
    world.create(body).await["id"].as_str().expect("a task has an id").to_owned()
}

async fn reminders(world: &World, task: &str) -> Vec<Value> {
    let found = world.get(&format!("/api/tasks/{task}/reminders")).await.ok();
    found["reminders"].as_array().expect("a list").clone()
}

async fn statuses(world: &World, task: &str) -> Vec<String> {
    let found = reminders(world, task).await;
    found.iter().map(|one| one["status"].as_str().expect("a text").to_owned()).collect()
}

fn set_clock(world: &World, now: &str) {
    world.clock.set(now.parse().expect("an instant"));
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().expect("a text").parse().expect("an instant")
}

#[tokio::test]
async fn a_reminder_arrives_on_time_as_one_mail_that_names_its_task() {
    let (world, data_dir, clock) = (World::new().await, DataDir::new(), Clock::system());
    let mut backend = command("backend");
    backend.env("DATABASE_URL", &world.database_url).env("DATA_DIR", data_dir.path());
    let program = Program::start(backend).await;
    let due = (clock.now() + TimeDelta::milliseconds(1_500)).to_rfc3339();
    let body = json!({"title": "call the plumber", "due_date": due, "reminder_config": {"lead_time": "0m"}});
    let (status, task) = program.call("POST", "/api/tasks", &body, &[]).await.expect("it serves");
    assert_eq!(status, 200, "{task}");
    let path = format!("/api/tasks/{}/reminders", task["id"].as_str().expect("a text"));
    let sent = eventually("the reminder is sent", || async {
        let (_, found) = program.call("GET", &path, &Value::Null, &[]).await.expect("it serves");
        let one = found["reminders"][0].clone();
        (one["status"] == "sent").then_some(one)
    })
    .await;
    let lateness = instant(&sent["sent_at"]) - instant(&sent["trigger_time"]);
    eprintln!("a reminder was {} ms late", lateness.num_milliseconds());
    assert!(lateness >= TimeDelta::zero() && lateness < TimeDelta::seconds(1), "{sent}");
    assert_eq!(sent["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(sent["attempts"][0]["lateness_ms"], lateness.num_milliseconds());
    let mails = data_dir.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].1.contains("Subject: Reminder: call the plumber\r\n"), "{}", mails[0].1);
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn after_an_outage_each_reminder_is_sent_once() {
    let world = World::new().await;
    for minute in [0, 1, 30, 59] {
        let due = format!("2026-06-01T07:{minute:02}:00Z");
        world.create(json!({"title": format!("at {due}"), "due_date": due, "reminder_config": {"lead_time": "0m"}})).await;
    }
    world.settle().await;
    world.advance_to("2026-06-01T09:30:00Z").await;
    assert_eq!(world.mails().len(), 4);
    world.advance_to("2026-06-01T09:31:00Z").await;
    world.advance_to("2026-06-02T09:30:00Z").await;
    assert_eq!(world.mails().len(), 4);
    assert_eq!(count(&world, "reminder_attempts").await, 4);
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.due'").await, 4);
}

#[tokio::test]
async fn a_clock_that_is_set_back_sends_nothing_twice() {
    let world = World::new().await;
    let task = at_seven(&world, "call").await;
    world.advance_to(SEVEN).await;
    world.advance_to("2026-06-01T06:59:00Z").await;
    world.advance_to(SEVEN).await;
    assert_eq!((world.mails().len(), statuses(&world, &task).await), (1, vec!["sent".to_owned()]));
}

#[tokio::test]
async fn nothing_is_sent_for_a_task_completed_deleted_or_moved_after_the_announcement() {
    let world = World::new().await;
    let [completed, deleted, moved, unwanted, kept] =
        ["completed", "deleted", "moved", "unwanted", "kept"].map(|title| at_seven(&world, title));
    let (completed, deleted, moved) = (completed.await, deleted.await, moved.await);
    let (unwanted, kept) = (unwanted.await, kept.await);
    set_clock(&world, SEVEN);
    world.announce().await;
    assert_eq!(statuses(&world, &kept).await, ["queued"]);
    world.post(&format!("/api/tasks/{completed}/complete"), Value::Null).await.ok();
    world.delete(&format!("/api/tasks/{deleted}")).await.ok();
    world.patch(&format!("/api/tasks/{moved}"), json!({"due_date": "2026-06-01T08:00:00Z"})).await.ok();
    world.patch(&format!("/api/tasks/{unwanted}"), json!({"reminder_config": null})).await.ok();
    world.settle().await;
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("Reminder: kept")), (1, true), "{mails:?}");
    for gone in [&completed, &deleted, &unwanted] {
        assert_eq!(statuses(&world, gone).await, ["cancelled"]);
    }
    assert_eq!(statuses(&world, &moved).await, ["cancelled", "pending"]);
    world.advance_to("2026-06-01T08:00:00Z").await;
    assert_eq!(statuses(&world, &moved).await, ["cancelled", "sent"]);
    assert_eq!(world.mails().len(), 2);
}

#[tokio::test]
async fn the_task_is_looked_at_again_after_the_reminder_was_taken() {
    let world = World::new().await;
    let (completed, moved) = (at_seven(&world, "completed").await, at_seven(&world, "moved").await);
    set_clock(&world, SEVEN);
    world.announce().await;
    // As if the change had come between the two looks: the reminders know nothing of it.
    execute(&world, &format!("UPDATE tasks SET status = 'completed' WHERE id = '{completed}'")).await;
    execute(&world, &format!("UPDATE tasks SET due_at = due_at + interval '1 hour' WHERE id = '{moved}'"))
        .await;
    world.settle().await;
    assert_eq!(world.mails(), [""; 0]);
    for task in [&completed, &moved] {
        let found = reminders(&world, task).await;
        assert_eq!(
            (&found[0]["status"], &found[0]["attempts"][0]["outcome"]),
            (&json!("cancelled"), &json!("cancelled"))
        );
    }
}

#[tokio::test]
async fn scans_at_the_same_time_announce_each_reminder_once() {
    let world = World::new().await;
    for number in 0..40 {
        at_seven(&world, &format!("task {number}")).await;
    }
    set_clock(&world, SEVEN);
    let others = [world.beside(), world.beside(), world.beside()];
    tokio::join!(world.announce(), others[0].announce(), others[1].announce(), others[2].announce());
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.due'").await, 40);
    tokio::join!(world.settle(), others[0].settle());
    assert_eq!(count(&world, "reminders WHERE status = 'sent'").await, 40);
    assert_eq!((world.mails().len(), count(&world, "reminder_attempts").await), (40, 40));
}

/// Announces the reminder that is due, and gives what the announcement says.
async fn announced(world: &World) -> ReminderMoment {
    world.announce().await;
    let due = record(world).await.of_type("reminder.due").remove(0);
    serde_json::from_value(due["data"]["payload"].clone()).expect("the payload of an announcement")
}

fn sender(world: &World, user_id: &str) -> Cause {
    cause(&RequestContext::fresh(), user_id, "send-reminder", &world.clock)
}

const INTO_A_FOLDER: Ways<'static> = Ways { fallback_recipient: Some("you@localhost"), has_push: false };

#[tokio::test]
async fn a_second_sender_waits_for_the_first_and_a_first_that_comes_late_can_not_overwrite_it() {
    let world = World::new().await;
    let task = at_seven(&world, "call").await;
    set_clock(&world, SEVEN);
    let moment = announced(&world).await;
    let lease = TimeDelta::seconds(20);
    let prepare = || async {
        let cause = sender(&world, &moment.user_id);
        world.application.prepare(&cause, &moment, INTO_A_FOLDER, lease).await.expect("the database is there")
    };
    let Prepared::Send(slow) = prepare().await else { panic!("the first may send") };
    let Prepared::Wait(until) = prepare().await else { panic!("the second has to wait") };
    assert_eq!(until, world.clock.now() + lease);
    world.clock.set(until);
    let Prepared::Send(quick) = prepare().await else { panic!("the lease is over") };
    assert_eq!(quick.delivery_id(), slow.delivery_id(), "one delivery, one Message-ID");
    let finish = async |outgoing, finish| {
        let cause = sender(&world, &moment.user_id);
        world.application.finish(&cause, outgoing, finish).await.expect("the database is there")
    };
    let failed = || Finish::Failed { reason: "too slow".to_owned() };
    assert!(!finish(&slow, failed()).await, "it is another's by now");
    assert!(finish(&quick, Finish::Sent).await);
    assert!(!finish(&slow, failed()).await, "it is done");
    assert_eq!(prepare().await, Prepared::Nothing);
    let found = reminders(&world, &task).await;
    assert_eq!(
        (&found[0]["status"], found[0]["attempts"].as_array().map(Vec::len)),
        (&json!("sent"), Some(1))
    );
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.sent'").await, 1);
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.failed'").await, 0);
}

#[tokio::test]
async fn a_sender_that_was_killed_is_followed_when_its_lease_ends() {
    let world = World::new().await;
    at_seven(&world, "call").await;
    set_clock(&world, SEVEN);
    world.announce().await;
    let event = "SELECT payload FROM events WHERE event_type = 'reminder.due'";
    let moment = rows(&world.database_url, event).await.remove(0)["payload"].take();
    let moment: ReminderMoment = serde_json::from_value(moment).expect("the payload of an announcement");
    let cause = sender(&world, &moment.user_id);
    let lease = TimeDelta::seconds(20);
    let killed = world.application.prepare(&cause, &moment, INTO_A_FOLDER, lease).await;
    assert!(matches!(killed, Ok(Prepared::Send(_))));
    world.settle().await;
    assert_eq!(world.mails().len(), 0, "it may still be on its way");
    world.clock.advance(Duration::from_secs(20));
    world.settle().await;
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn an_announcement_that_was_lost_is_made_again() {
    let world = World::new().await;
    let task = at_seven(&world, "call").await;
    set_clock(&world, SEVEN);
    world.announce().await;
    execute(&world, "DELETE FROM events WHERE event_type = 'reminder.due'").await;
    world.advance_to("2026-06-01T07:04:59Z").await;
    assert_eq!(statuses(&world, &task).await, ["queued"]);
    world.advance_to("2026-06-01T07:05:00Z").await;
    assert_eq!(statuses(&world, &task).await, ["sent"]);
}

#[tokio::test]
async fn quiet_hours_make_delivery_wait_and_high_priority_passes() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let quiet = json!({"quiet_hours": {"start": "22:00", "end": "07:00"}});
    world.patch("/api/settings", quiet).await.ok();
    // 23:30 in Karachi.
    let late = "2026-06-01T18:30:00Z";
    let create = |title: &'static str, priority: &'static str| {
        let reminder = json!({"lead_time": "0m"});
        world.create(
            json!({"title": title, "due_date": late, "priority": priority, "reminder_config": reminder}),
        )
    };
    let (waits, passes) = (create("waits", "medium").await, create("passes", "high").await);
    let path = |task: &Value| task["id"].as_str().expect("a text").to_owned();
    world.advance_to(late).await;
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("Reminder: passes")), (1, true));
    assert_eq!(statuses(&world, &path(&passes)).await, ["sent"]);
    world.advance_to("2026-06-02T01:59:59Z").await;
    assert_eq!(world.mails().len(), 1);
    world.advance_to("2026-06-02T02:00:00Z").await;
    assert_eq!(world.mails().len(), 2);
    let found = reminders(&world, &path(&waits)).await;
    assert_eq!(instant(&found[0]["trigger_time"]), instant(&json!(late)), "it stays what it was");
    let outcomes: Vec<_> = found[0]["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attempt| attempt["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["postponed", "sent"]);
}

#[tokio::test]
async fn what_waits_for_the_end_of_quiet_hours_is_looked_at_again_when_they_change() {
    let world = World::new().await;
    let quiet_until = |end: &str| json!({"quiet_hours": {"start": "06:30", "end": end}});
    let absolute = |title: &str| json!({"title": title, "reminder_config": {"at": SEVEN}});
    let task = world.create(absolute("call")).await["id"].as_str().expect("a text").to_owned();
    let change = async |settings: Value| {
        world.patch("/api/settings", settings).await.ok();
        world.scan().await;
        reminders(&world, &task).await.remove(0)
    };
    change(quiet_until("20:00")).await;
    world.advance_to(SEVEN).await;
    let unchanged = change(json!({"locale": "en-GB"})).await;
    assert_eq!(unchanged["waits_until"], "2026-06-01T20:00:00Z");
    assert_eq!(unchanged["attempts"].as_array().map(Vec::len), Some(1), "the locale is nothing to it");
    let shorter = change(quiet_until("12:00")).await;
    assert_eq!(
        (&shorter["waits_until"], &shorter["reason"]),
        (&json!("2026-06-01T12:00:00Z"), &json!("quiet hours"))
    );
    assert_eq!(shorter["trigger_time"], SEVEN);
    // It is noon there.
    let elsewhere = change(json!({"time_zone": "Asia/Karachi"})).await;
    assert_eq!((&elsewhere["status"], &elsewhere["retry_count"]), (&json!("sent"), &json!(0)));
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn a_sender_that_read_old_quiet_hours_holds_nothing_back_until_their_end() {
    let world = World::new().await;
    let task = at_seven(&world, "call").await;
    world.patch("/api/settings", json!({"quiet_hours": {"start": "06:30", "end": "20:00"}})).await.ok();
    set_clock(&world, SEVEN);
    let moment = announced(&world).await;
    let (store, now) = (world.application.store(), world.clock.now());
    let old = world.application.fresh_settings(&moment.user_id).await.expect("the database is there");
    let leased = store.lease(&moment.user_id, moment.reminder_id, 1, moment.reminder_id, now, now).await;
    let kept = leased.expect("the database is there").expect("nobody else has it");
    world.patch("/api/settings", json!({"quiet_hours": null})).await.ok();
    let postponed = Finish::Postponed { at: now + TimeDelta::hours(13), settings_version: old.version };
    store.finish(&kept, moment.reminder_id, &postponed, &[], None, now).await.expect("the database is there");
    assert_eq!(reminders(&world, &task).await[0]["waits_until"], SEVEN);
    world.scan().await;
    assert_eq!(statuses(&world, &task).await, ["sent"]);
}

#[tokio::test]
async fn what_was_sent_for_the_old_time_is_sent_again_for_the_new() {
    let world = World::new().await;
    let task = at_seven(&world, "call").await;
    world.advance_to(SEVEN).await;
    world.patch(&format!("/api/tasks/{task}"), json!({"due_date": "2026-06-01T09:00:00Z"})).await.ok();
    world.advance_to("2026-06-01T09:00:00Z").await;
    assert_eq!(statuses(&world, &task).await, ["sent", "sent"]);
    assert_eq!(world.mails().len(), 2);
}

#[tokio::test]
async fn a_reminder_of_a_restored_task_fires_only_if_it_is_still_to_come() {
    let world = World::new().await;
    let (early, later) = (at_seven(&world, "early").await, at_seven(&world, "later").await);
    for task in [&early, &later] {
        world.delete(&format!("/api/tasks/{task}")).await.ok();
    }
    world.advance_to("2026-06-01T06:30:00Z").await;
    world.post(&format!("/api/tasks/{later}/restore"), Value::Null).await.ok();
    world.advance_to("2026-06-01T07:30:00Z").await;
    world.post(&format!("/api/tasks/{early}/restore"), Value::Null).await.ok();
    world.advance_to("2026-06-01T07:31:00Z").await;
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("Reminder: later")), (1, true), "{mails:?}");
    assert_eq!(statuses(&world, &early).await, ["skipped"]);
}
