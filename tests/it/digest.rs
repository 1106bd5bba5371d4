//! What an outage of more than a day left is told of once, whole, and with what became of each.

use application::reminders::{Channel, Content, Finish, Outgoing, Prepared, Ways};
use chrono::{DateTime, TimeDelta, Utc};
use events::Cause;
use events::payload::ReminderMoment;
use mail_parser::MessageParser;
use runtime::ask::cause;
use runtime::request::RequestContext;
use send_reminder::Mailer;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::bus::record;
use tests::database::{count, execute, rows};
use tests::smtp::{MailServer, Reply};
use tests::world::World;

/// The day before [`NEXT_DAY`], and a little more.
const SEVEN: &str = "2026-06-01T07:00:00Z";
const NEXT_DAY: &str = "2026-06-02T09:00:00Z";
/// When a digest that was made on [`NEXT_DAY`] is due.
const DIGEST_DUE: &str = "2026-06-02T09:00:02Z";
const DIGESTS: &str = "reminders WHERE task_id IS NULL";

/// A task of which its user is reminded when it is due.
async fn remind(world: &World, title: &str, due: &str) -> String {
    remind_with(world, title, due, json!({"lead_time": "0m"})).await
}

async fn remind_with(world: &World, title: &str, due: &str, reminder: Value) -> String {
    let body = json!({"title": title, "due_date": due, "reminder_config": reminder});
    world.create(body).await["id"].as_str().expect("a task has an id").to_owned()
}

async fn reminder(world: &World, task: &str) -> Value {
    world.get(&format!("/api/tasks/{task}/reminders")).await.ok()["reminders"][0].clone()
}

fn set_clock(world: &World, now: &str) {
    world.clock.set(now.parse().expect("an instant"));
}

/// Gives outcome and reason of a reminder's attempts.
fn attempts(reminder: &Value) -> Vec<(&str, &str)> {
    let attempts = reminder["attempts"].as_array().expect("a list").iter();
    attempts
        .map(|one| (one["outcome"].as_str().unwrap_or(""), one["reason"].as_str().unwrap_or("")))
        .collect()
}

async fn smtp_world(server: &MailServer) -> World {
    let from = "Kaam <kaam@example.org>".parse().expect("an address");
    let world = World::with_mailer(Mailer::smtp(&server.url, from).expect("a URL")).await;
    world.patch("/api/settings", json!({"email": "amna@example.org"})).await.ok();
    world
}

fn sender(world: &World, user_id: &str) -> Cause {
    cause(&RequestContext::fresh(), user_id, "send-reminder", &world.clock)
}

/// Announces the digest that is due, and gives what the announcement says.
async fn announced(world: &World) -> ReminderMoment {
    world.announce().await;
    let due = record(world).await.of_type("reminder.due").remove(0);
    assert_eq!(due["subject"], due["data"]["payload"]["reminder_id"], "a digest belongs to no task");
    assert!(due["data"]["payload"].get("task_id").is_none(), "{due}");
    serde_json::from_value(due["data"]["payload"].clone()).expect("the payload of an announcement")
}

const EVERY_WAY: Ways<'static> = Ways { fallback_recipient: Some("you@localhost"), has_push: true };

async fn prepare(world: &World, moment: &ReminderMoment) -> Prepared {
    let (cause, lease) = (sender(world, &moment.user_id), TimeDelta::seconds(20));
    world.application.prepare(&cause, moment, EVERY_WAY, lease).await.expect("the database is there")
}

async fn finish(world: &World, moment: &ReminderMoment, outgoing: &Outgoing, finish: Finish) -> bool {
    let cause = sender(world, &moment.user_id);
    world.application.finish(&cause, outgoing, finish).await.expect("the database is there")
}

#[tokio::test]
async fn an_outage_of_more_than_a_day_gives_one_mail_for_many_tasks() {
    let world = World::new().await;
    let mut missed = Vec::new();
    for minute in [2, 0, 1] {
        let due = format!("2026-06-01T07:0{minute}:00Z");
        missed.push(remind(&world, &format!("missed {minute}"), &due).await);
    }
    let late = remind(&world, "late", "2026-06-01T10:00:00Z").await;
    let elsewhere = json!({"lead_time": "0m", "destination": "office@example.org"});
    remind_with(&world, "elsewhere", SEVEN, elsewhere).await;
    world.settle().await;
    world.advance_to(NEXT_DAY).await;
    assert_eq!(reminder(&world, &late).await["status"], "sent", "not a day late");
    assert_eq!(world.mails().len(), 1);
    let next = world.application.next_due_at().await.expect("the database is there");
    assert_eq!(next, Some(DIGEST_DUE.parse().expect("an instant")), "the scan wakes for it");
    let waiting = reminder(&world, &missed[0]).await;
    assert_eq!((&waiting["status"], &waiting["waits_until"]), (&json!("queued"), &json!(DIGEST_DUE)));
    world.advance_to(DIGEST_DUE).await;
    assert_eq!(count(&world, DIGESTS).await, 2, "one for each destination");
    let mails = world.mails();
    let digest = mails.iter().find(|mail| mail.contains("3 missed")).expect("a digest");
    let places: Vec<_> = [0, 1, 2].map(|number| digest.find(&format!("missed {number}"))).to_vec();
    assert!(places.is_sorted() && places[0].is_some(), "oldest first: {digest}");
    assert!(!digest.contains("elsewhere"), "{digest}");
    for task in &missed {
        let found = reminder(&world, task).await;
        assert_eq!(found["status"], "sent");
        assert_eq!(attempts(&found), [("sent", "in a digest of 3 missed reminders")]);
        assert!(found["attempts"][0]["lateness_ms"].as_i64() > Some(86_400_000), "{found}");
        assert_eq!((&found["retry_count"], &found["sent_at"]), (&json!(0), &json!(DIGEST_DUE)));
    }
    world.advance_to("2026-06-03T12:00:00Z").await;
    assert_eq!(world.mails().len(), 3, "once");
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.sent'").await, 3);
    assert_eq!(count(&world, "audit_logs WHERE action = 'reminder.sent'").await, 3);
}

#[tokio::test]
async fn what_was_completed_deleted_or_moved_meanwhile_is_not_in_the_digest() {
    let world = World::new().await;
    let completed = remind(&world, "completed", SEVEN).await;
    let deleted = remind(&world, "deleted", SEVEN).await;
    let moved = remind(&world, "moved", SEVEN).await;
    let raced = remind(&world, "raced", SEVEN).await;
    let kept = remind(&world, "kept", SEVEN).await;
    world.advance_to(NEXT_DAY).await;
    world.post(&format!("/api/tasks/{completed}/complete"), Value::Null).await.ok();
    set_clock(&world, DIGEST_DUE);
    world.announce().await;
    world.delete(&format!("/api/tasks/{deleted}")).await.ok();
    world.patch(&format!("/api/tasks/{moved}"), json!({"due_date": "2026-06-03T08:00:00Z"})).await.ok();
    // As if it had come between the two looks: its reminder knows nothing of it.
    execute(&world, &format!("UPDATE tasks SET status = 'completed' WHERE id = '{raced}'")).await;
    world.settle().await;
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("kept")), (1, true), "{mails:?}");
    for (task, title) in
        [(&completed, "completed"), (&deleted, "deleted"), (&moved, "moved"), (&raced, "raced")]
    {
        let found = reminder(&world, task).await;
        assert_eq!(found["status"], "cancelled");
        assert!(found["reason"].as_str().is_some_and(|reason| reason.contains("the task")), "{found}");
        assert!(!mails[0].contains(title), "{}", mails[0]);
    }
    assert_eq!(attempts(&reminder(&world, &raced).await), [("cancelled", "the task is not open any more")]);
    assert_eq!(reminder(&world, &kept).await["status"], "sent");
    world.advance_to("2026-06-03T08:00:00Z").await;
    assert_eq!(world.mails().len(), 2, "the moved one, at its new time");
}

#[tokio::test]
async fn a_digest_of_nothing_is_not_sent() {
    let world = World::new().await;
    let task = remind(&world, "completed", SEVEN).await;
    world.advance_to(NEXT_DAY).await;
    world.post(&format!("/api/tasks/{task}/complete"), Value::Null).await.ok();
    world.advance_to(DIGEST_DUE).await;
    assert_eq!(world.mails(), [""; 0]);
    assert_eq!(count(&world, "reminders WHERE task_id IS NULL AND status = 'cancelled'").await, 1);
}

#[tokio::test]
async fn scans_at_the_same_time_make_one_digest() {
    let world = World::new().await;
    for number in 0..40 {
        remind(&world, &format!("task {number}"), SEVEN).await;
    }
    set_clock(&world, NEXT_DAY);
    let others = [world.beside(), world.beside(), world.beside()];
    tokio::join!(world.announce(), others[0].announce(), others[1].announce(), others[2].announce());
    assert_eq!(count(&world, DIGESTS).await, 1);
    set_clock(&world, DIGEST_DUE);
    tokio::join!(world.scan(), others[0].scan(), others[1].scan(), others[2].scan());
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("40 missed")), (1, true), "{mails:?}");
    assert_eq!(count(&world, "reminders WHERE status = 'sent'").await, 41);
    assert_eq!(count(&world, "reminder_attempts").await, 41);
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.due'").await, 1);
}

#[tokio::test]
async fn a_scan_leaves_digests_to_another_that_is_just_making_them() {
    let world = World::new().await;
    remind(&world, "one", SEVEN).await;
    set_clock(&world, NEXT_DAY);
    let mut other = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let lock = "SELECT pg_advisory_lock(x'646967657374'::bigint)";
    sqlx::raw_sql(lock).execute(&mut other).await.expect("nobody else holds it");
    world.announce().await;
    assert_eq!(count(&world, DIGESTS).await, 0);
    sqlx::raw_sql("SELECT pg_advisory_unlock_all()").execute(&mut other).await.expect("it is held");
    world.announce().await;
    assert_eq!(count(&world, DIGESTS).await, 1);
}

#[tokio::test]
async fn a_digest_that_a_busy_mail_server_puts_off_is_tried_again_with_the_same_message_id() {
    let server = MailServer::start(|_, nth| match nth {
        1 => Reply::TakeInSilence,
        2 => Reply::RefuseContent("451 4.3.0 try again later"),
        _ => Reply::Take,
    })
    .await;
    let world = smtp_world(&server).await;
    let tasks = [remind(&world, "one", SEVEN).await, remind(&world, "two", SEVEN).await];
    world.advance_to(NEXT_DAY).await;
    world.advance_to(DIGEST_DUE).await;
    let waiting = reminder(&world, &tasks[0]).await;
    assert_eq!((&waiting["status"], attempts(&waiting).len()), (&json!("queued"), 0), "{waiting}");
    for minutes in [31, 62] {
        let later = DIGEST_DUE.parse::<DateTime<Utc>>().expect("an instant") + TimeDelta::minutes(minutes);
        world.advance_to(&later.to_rfc3339()).await;
    }
    for task in &tasks {
        let found = reminder(&world, task).await;
        assert_eq!((&found["status"], &found["retry_count"]), (&json!("sent"), &json!(2)));
        assert_eq!(attempts(&found), [("sent", "in a digest of 2 missed reminders")]);
    }
    let digest = rows(
        &world.database_url,
        "SELECT string_agg(outcome, ' ' ORDER BY attempt) AS outcomes FROM reminder_attempts a
         JOIN reminders r ON r.id = a.reminder_id WHERE r.task_id IS NULL",
    )
    .await;
    assert_eq!(digest[0]["outcomes"], "retrying retrying sent");
    let taken = server.taken();
    let ids = taken.iter().map(|mail| {
        let mail = MessageParser::default().parse(mail.content.as_bytes()).expect("a mail");
        mail.message_id().map(str::to_owned)
    });
    let ids: Vec<_> = ids.collect();
    assert!(ids.len() == 2 && ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn a_digest_that_fails_for_good_fails_for_each_and_is_sent_when_it_is_replayed() {
    let server = MailServer::start(|_, nth| match nth {
        1 => Reply::RefuseRecipient("550 5.1.1 no such user here"),
        _ => Reply::Take,
    })
    .await;
    let world = smtp_world(&server).await;
    let tasks = [remind(&world, "one", SEVEN).await, remind(&world, "two", SEVEN).await];
    world.advance_to(NEXT_DAY).await;
    world.advance_to(DIGEST_DUE).await;
    for task in &tasks {
        let found = reminder(&world, task).await;
        assert_eq!(found["status"], "failed");
        assert!(
            found["reason"].as_str().is_some_and(|reason| reason.contains("no such user here")),
            "{found}"
        );
    }
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.failed'").await, 1);
    world.application.replay_dead_letters(None).await.expect("the database is there");
    // Days later: the digest itself was missed by now.
    world.advance_to("2026-06-05T09:00:00Z").await;
    world.advance_to("2026-06-05T09:00:02Z").await;
    for task in &tasks {
        let found = reminder(&world, task).await;
        assert_eq!((&found["status"], attempts(&found).len()), (&json!("sent"), 2), "{found}");
    }
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn a_sender_killed_with_a_digest_is_followed_and_an_edit_meanwhile_is_not_overwritten() {
    let world = World::new().await;
    let kept = remind(&world, "kept", SEVEN).await;
    let completed = remind(&world, "completed", SEVEN).await;
    world.advance_to(NEXT_DAY).await;
    record(&world).await;
    set_clock(&world, DIGEST_DUE);
    let moment = announced(&world).await;
    let Prepared::Send(killed) = prepare(&world, &moment).await else { panic!("the first may send") };
    let Prepared::Wait(until) = prepare(&world, &moment).await else { panic!("the second has to wait") };
    world.clock.set(until);
    let Prepared::Send(next) = prepare(&world, &moment).await else { panic!("the lease is over") };
    assert_eq!(next.delivery_id(), killed.delivery_id());
    let Content::Missed(missed) = &next.content else { panic!("a digest") };
    assert_eq!(missed.len(), 2);
    world.post(&format!("/api/tasks/{completed}/complete"), Value::Null).await.ok();
    let failed = Finish::Failed { reason: "too slow".to_owned() };
    assert!(!finish(&world, &moment, &killed, failed).await, "it is another's by now");
    assert_eq!(reminder(&world, &kept).await["status"], "queued");
    assert!(finish(&world, &moment, &next, Finish::Sent).await);
    assert_eq!(reminder(&world, &kept).await["status"], "sent");
    assert_eq!(reminder(&world, &completed).await["status"], "cancelled");
    assert_eq!(prepare(&world, &moment).await, Prepared::Nothing);
}

#[tokio::test]
async fn a_straggler_joins_the_digest_that_waits_and_a_later_one_gets_its_own() {
    let world = World::new().await;
    remind(&world, "first", SEVEN).await;
    let (second, third) = (remind(&world, "second", SEVEN).await, remind(&world, "third", SEVEN).await);
    let set = |task: &str, status: &str| {
        format!("UPDATE reminders SET status = '{status}' WHERE task_id = '{task}'")
    };
    // As if a transaction that takes its time had armed them.
    for task in [&second, &third] {
        execute(&world, &set(task, "skipped")).await;
    }
    world.advance_to(NEXT_DAY).await;
    execute(&world, &set(&second, "pending")).await;
    world.advance_to("2026-06-02T09:00:01Z").await;
    assert_eq!(count(&world, DIGESTS).await, 1);
    set_clock(&world, DIGEST_DUE);
    world.announce().await;
    execute(&world, &set(&third, "pending")).await;
    world.scan().await;
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("2 missed")), (1, true), "{mails:?}");
    assert!(mails[0].contains("first") && mails[0].contains("second"), "{mails:?}");
    world.advance_to("2026-06-02T09:00:04Z").await;
    assert_eq!((world.mails().len(), count(&world, DIGESTS).await), (2, 2), "the first was on its way");
    assert_eq!(reminder(&world, &third).await["status"], "sent");
}

#[tokio::test]
async fn what_was_announced_and_delivered_a_day_late_goes_into_the_digest() {
    let world = World::new().await;
    let task = remind(&world, "stuck on the bus", SEVEN).await;
    let other = remind(&world, "not even announced", "2026-06-01T08:00:00Z").await;
    set_clock(&world, SEVEN);
    world.announce().await;
    set_clock(&world, NEXT_DAY);
    world.settle().await;
    assert_eq!(world.mails(), [""; 0]);
    let found = reminder(&world, &task).await;
    assert_eq!((&found["status"], attempts(&found).len()), (&json!("pending"), 0));
    world.scan().await;
    world.advance_to(DIGEST_DUE).await;
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].contains("2 missed")), (1, true), "{mails:?}");
    for task in [&task, &other] {
        assert_eq!(reminder(&world, task).await["status"], "sent");
    }
}

#[tokio::test]
async fn a_digest_waits_for_the_end_of_quiet_hours_and_not_longer_than_they_last() {
    let world = World::new().await;
    world.patch("/api/settings", json!({"quiet_hours": {"start": "08:00", "end": "20:00"}})).await.ok();
    let task = remind(&world, "one", SEVEN).await;
    world.advance_to(NEXT_DAY).await;
    world.advance_to(DIGEST_DUE).await;
    assert_eq!(world.mails(), [""; 0]);
    assert_eq!(reminder(&world, &task).await["waits_until"], "2026-06-02T20:00:00Z");
    world.patch("/api/settings", json!({"quiet_hours": null})).await.ok();
    world.scan().await;
    assert_eq!(world.mails().len(), 1);
    assert_eq!(reminder(&world, &task).await["status"], "sent");
}

#[tokio::test]
async fn a_retried_push_goes_only_to_the_browsers_that_do_not_have_it() {
    let world = World::new().await;
    let subscription = |name: &str| json!({"endpoint": format!("https://push.example.org/{name}"), "keys": {"p256dh": "BPk", "auth": "c2VjcmV0"}});
    let subscriptions = json!({"push_subscriptions": [subscription("a"), subscription("b")]});
    world.patch("/api/settings", subscriptions).await.ok();
    let push = json!({"lead_time": "0m", "delivery_method": "push"});
    let task = remind_with(&world, "call", SEVEN, push).await;
    record(&world).await;
    set_clock(&world, SEVEN);
    world.announce().await;
    let due = record(&world).await.of_type("reminder.due").remove(0);
    let first: ReminderMoment = serde_json::from_value(due["data"]["payload"].clone()).expect("a moment");
    let endpoints = |prepared: Prepared| match prepared {
        Prepared::Send(outgoing) => {
            let Channel::Push(to) = &outgoing.channel else { panic!("a push message") };
            let endpoints: Vec<_> = to.iter().map(|one| one.endpoint.clone()).collect();
            (outgoing, endpoints)
        }
        other => panic!("to be sent, not {other:?}"),
    };
    let (outgoing, both) = endpoints(prepare(&world, &first).await);
    assert_eq!(both, ["https://push.example.org/a", "https://push.example.org/b"]);
    let has_it = vec![both[0].clone()];
    let retry = Finish::Retry { at: world.clock.now(), reason: "busy".to_owned(), delivered_to: has_it };
    assert!(finish(&world, &first, &outgoing, retry).await);
    let second = ReminderMoment { attempt: 2, ..first };
    let (outgoing, rest) = endpoints(prepare(&world, &second).await);
    assert_eq!(rest, both[1..]);
    let retry = Finish::Retry { at: world.clock.now(), reason: "busy".to_owned(), delivered_to: Vec::new() };
    assert!(finish(&world, &second, &outgoing, retry).await);
    world.patch("/api/settings", json!({"push_subscriptions": [subscription("a")]})).await.ok();
    let third = ReminderMoment { attempt: 3, ..second };
    assert_eq!(prepare(&world, &third).await, Prepared::Nothing, "whoever is left has it");
    let found = reminder(&world, &task).await;
    assert_eq!((&found["status"], &found["retry_count"]), (&json!("sent"), &json!(2)));
}

#[tokio::test]
async fn more_than_fit_into_one_digest_are_told_of_in_the_next() {
    let world = World::new().await;
    let reminders: Vec<_> = (0..16).map(|minutes| json!({"lead_time": format!("{minutes}m")})).collect();
    for number in 0..32 {
        remind_with(&world, &format!("task {number}"), SEVEN, json!(reminders)).await;
    }
    world.advance_to(NEXT_DAY).await;
    world.advance_to(DIGEST_DUE).await;
    world.scan().await;
    world.advance_to("2026-06-02T09:00:04Z").await;
    let mut subjects: Vec<_> = world.mails().iter().map(|mail| mail.contains("500 missed")).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, [false, true]);
    assert_eq!(count(&world, "reminders WHERE status = 'sent' AND task_id IS NOT NULL").await, 512);
    assert_eq!(count(&world, "reminder_attempts WHERE reason LIKE 'in a digest of 12 %'").await, 12);
}
