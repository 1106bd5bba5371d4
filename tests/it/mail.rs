//! Mails through a real dialogue with a mail server.

use std::time::Duration;

use mail_parser::{Message, MessageParser};
use runtime::disposition::Disposition;
use send_reminder::Mailer;
use serde_json::{Value, json};
use tests::bus::record;
use tests::database::{count, rows};
use tests::smtp::{MailServer, Reply, Taken};
use tests::world::World;

const SEVEN: &str = "2026-06-01T07:00:00Z";

async fn world(server: &MailServer) -> World {
    let from = "Kaam <kaam@example.org>".parse().expect("an address");
    let mailer = Mailer::smtp_within(&server.url, from, Duration::from_millis(500)).expect("a URL");
    World::with_mailer(mailer).await
}

/// A task of which `recipient` is reminded at seven.
async fn remind(world: &World, title: &str, recipient: &str) -> String {
    let reminder = json!({"lead_time": "0m", "destination": recipient});
    let body = json!({"title": title, "due_date": SEVEN, "reminder_config": reminder});
    world.create(body).await["id"].as_str().expect("a task has an id").to_owned()
}

async fn reminder(world: &World, task: &str) -> Value {
    world.get(&format!("/api/tasks/{task}/reminders")).await.ok()["reminders"][0].clone()
}

fn parse(taken: &Taken) -> Message<'_> {
    MessageParser::default().parse(taken.content.as_bytes()).expect("a mail")
}

fn outcomes(reminder: &Value) -> Vec<&str> {
    let attempts = reminder["attempts"].as_array().expect("a list");
    attempts.iter().filter_map(|attempt| attempt["outcome"].as_str()).collect()
}

#[tokio::test]
async fn a_mail_says_what_is_due_and_when() {
    let server = MailServer::start(|_, _| Reply::Take).await;
    let world = world(&server).await;
    let reminder = json!({"lead_time": "15m", "destination": "amna@example.org"});
    let due = json!({"title": "Call the plumber", "description": "The tap drips.\n.hidden", "due_date": "2026-06-01T12:00:00",
                     "time_zone": "Asia/Karachi", "priority": "high", "reminder_config": reminder});
    world.create(due).await;
    world.advance_to("2026-06-01T06:45:00Z").await;
    let taken = server.taken();
    assert_eq!((taken.len(), &taken[0].recipients), (1, &vec!["amna@example.org".to_owned()]));
    let mail = parse(&taken[0]);
    assert_eq!(mail.subject(), Some("Reminder: Call the plumber"));
    let from = mail.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!((from.name(), from.address()), (Some("Kaam"), Some("kaam@example.org")));
    assert_eq!(mail.date().map(|date| date.to_rfc3339()).as_deref(), Some("2026-06-01T06:45:00Z"));
    let text = mail.body_text(0).expect("a text");
    for part in [
        "Call the plumber",
        "Due Monday, 1 June 2026 at 12:00 (Asia/Karachi)",
        "High priority",
        "The tap drips.\r\n.hidden",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn an_urdu_title_is_read_again_from_the_subject() {
    let server = MailServer::start(|_, _| Reply::Take).await;
    let world = world(&server).await;
    let title = "کل شام پانچ بجے دودھ لانا ہے، اور ساتھ میں ڈبل روٹی بھی لے آنا مت بھولنا 🥛";
    remind(&world, title, "amna@example.org").await;
    world.advance_to(SEVEN).await;
    let taken = server.taken();
    assert_eq!(parse(&taken[0]).subject(), Some(format!("Reminder: {title}").as_str()));
    assert!(taken[0].content.split("\r\n").all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
    let (headers, _) = taken[0].content.split_once("\r\n\r\n").expect("headers and a body");
    assert!(headers.is_ascii());
}

#[tokio::test]
async fn a_title_can_not_add_headers_or_recipients() {
    let server = MailServer::start(|_, _| Reply::Take).await;
    let world = world(&server).await;
    let titles = [
        "milk\r\nBcc: eve@example.org",
        "milk\nBcc: eve@example.org\n\nclick here",
        "milk\r\n\r\n.\r\nMAIL FROM:<eve@example.org>",
        "milk\u{2028}Bcc: eve@example.org",
        "=?utf-8?q?=0D=0ABcc:_eve@example.org?=",
    ];
    let mut written = 0;
    for title in titles {
        let reminder = json!({"lead_time": "0m", "destination": "amna@example.org"});
        let body = json!({"title": title, "description": "Bcc: eve@example.org\r\n.\r\nMAIL FROM:<eve@example.org>",
                          "due_date": SEVEN, "reminder_config": reminder});
        written += usize::from(world.post("/api/tasks", body).await.status.is_success());
    }
    world.advance_to(SEVEN).await;
    let taken = server.taken();
    assert!(written > 0 && taken.len() == written);
    for taken in &taken {
        let mail = parse(taken);
        assert_eq!(taken.recipients, ["amna@example.org"]);
        assert!(mail.bcc().is_none() && mail.cc().is_none(), "{}", taken.content);
        assert_eq!(mail.headers().iter().filter(|header| header.name() == "Subject").count(), 1);
    }
}

#[tokio::test]
async fn a_refused_recipient_is_a_failure_with_its_reason_a_dead_letter_and_an_event() {
    let server = MailServer::start(|_, _| Reply::RefuseRecipient("550 5.1.1 no such user here")).await;
    let world = world(&server).await;
    let task = remind(&world, "call", "nobody@example.org").await;
    world.advance_to(SEVEN).await;
    let reminder = reminder(&world, &task).await;
    assert_eq!((&reminder["status"], outcomes(&reminder)), (&json!("failed"), vec!["failed"]));
    assert!(
        reminder["attempts"][0]["reason"].as_str().is_some_and(|reason| reason.contains("no such user here"))
    );
    let letters = world.application.dead_letters(10).await.expect("the database is there");
    assert_eq!((letters.len(), letters[0].event_type.as_str()), (1, "reminder.due"));
    assert!(letters[0].error.as_deref().is_some_and(|error| error.contains("no such user here")));
    let failed = rows(
        &world.database_url,
        "SELECT payload ->> 'reason' AS reason FROM events WHERE event_type = 'reminder.failed'",
    )
    .await;
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["reason"].as_str().is_some_and(|reason| reason.contains("no such user here")));
    assert_eq!(count(&world, "audit_logs WHERE action = 'reminder.failed'").await, 1);
    world.advance_to("2026-06-02T07:00:00Z").await;
    assert_eq!(count(&world, "reminder_attempts").await, 1, "it is not tried again by itself");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_later_and_the_mail_keeps_its_message_id() {
    let server = MailServer::start(|_, attempt| match attempt {
        1 => Reply::RefuseContent("451 4.3.0 try again later"),
        2 => Reply::Close("421 4.7.0 too many connections"),
        3 => Reply::RefuseRecipient("450 4.2.1 mailbox busy"),
        4 => Reply::TakeInSilence,
        _ => Reply::Take,
    })
    .await;
    let world = world(&server).await;
    let task = remind(&world, "call", "amna@example.org").await;
    world.advance_to(SEVEN).await;
    let first = reminder(&world, &task).await;
    assert_eq!((&first["status"], outcomes(&first)), (&json!("queued"), vec!["retrying"]));
    for _ in 0..4 {
        let next = rows(&world.database_url, "SELECT next_attempt_at AS at FROM reminders").await.remove(0);
        let at: chrono::DateTime<chrono::Utc> =
            next["at"].as_str().expect("a text").parse().expect("an instant");
        assert!(at >= world.clock.now());
        if at > world.clock.now() {
            world.clock.set(at - chrono::TimeDelta::microseconds(1));
            let before = count(&world, "reminder_attempts").await;
            world.scan().await;
            assert_eq!(count(&world, "reminder_attempts").await, before, "too early");
        }
        world.clock.set(at);
        world.scan().await;
    }
    let sent = reminder(&world, &task).await;
    assert_eq!(
        (&sent["status"], outcomes(&sent)),
        (&json!("sent"), vec!["retrying", "retrying", "retrying", "retrying", "sent"])
    );
    let taken = server.taken();
    assert_eq!(taken.len(), 2, "once without a word, once with");
    let ids: Vec<_> = taken.iter().map(|taken| parse(taken).message_id().map(str::to_owned)).collect();
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    assert_eq!(world.application.dead_letters(1).await.expect("the database is there"), []);
}

#[tokio::test]
async fn a_server_that_leaves_right_after_its_ok_gets_no_second_mail() {
    let server = MailServer::start(|_, _| Reply::TakeAndLeave).await;
    let world = world(&server).await;
    let task = remind(&world, "call", "amna@example.org").await;
    remind(&world, "call again", "amna@example.org").await;
    world.advance_to(SEVEN).await;
    world.advance_to("2026-06-01T08:00:00Z").await;
    assert_eq!(reminder(&world, &task).await["status"], "sent");
    assert_eq!(server.taken().len(), 2);
}

#[tokio::test]
async fn one_bad_recipient_and_one_server_that_hangs_stop_nobody_else() {
    let server = MailServer::start(|recipient, _| match recipient {
        "bad@example.org" => Reply::RefuseRecipient("550 5.1.1 no such user here"),
        "slow@example.org" => Reply::Hang,
        _ => Reply::Take,
    })
    .await;
    let world = world(&server).await;
    let bad = remind(&world, "bad", "bad@example.org").await;
    let slow = remind(&world, "slow", "slow@example.org").await;
    for number in 0..20 {
        remind(&world, &format!("good {number}"), &format!("good-{number}@example.org")).await;
    }
    world.advance_to(SEVEN).await;
    let retried =
        rows(&world.database_url, "SELECT reason FROM reminder_attempts WHERE outcome = 'retrying'").await;
    assert_eq!(server.taken().len(), 20, "{retried:?}");
    assert_eq!(count(&world, "reminders WHERE status = 'sent'").await, 20);
    assert_eq!(reminder(&world, &bad).await["status"], "failed");
    let slow = reminder(&world, &slow).await;
    assert_eq!((&slow["status"], outcomes(&slow)), (&json!("queued"), vec!["retrying"]));
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_in_the_end() {
    let server = MailServer::start(|_, _| Reply::RefuseRecipient("450 4.2.1 mailbox busy")).await;
    let world = world(&server).await;
    let task = remind(&world, "call", "amna@example.org").await;
    world.advance_to(SEVEN).await;
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(1_800));
        world.scan().await;
    }
    let reminder = reminder(&world, &task).await;
    assert_eq!((&reminder["status"], outcomes(&reminder).len()), (&json!("failed"), 12));
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.failed'").await, 1);
    assert_eq!(count(&world, "events WHERE status = 'failed'").await, 1);
}

#[tokio::test]
async fn without_an_address_a_reminder_fails_and_tells_its_user_and_nobody_else() {
    let server = MailServer::start(|_, _| Reply::Take).await;
    let world = world(&server).await;
    let body = json!({"title": "call", "due_date": SEVEN, "reminder_config": {"lead_time": "0m"}});
    let task = world.create(body).await["id"].as_str().expect("a text").to_owned();
    world.clock.set(SEVEN.parse().expect("an instant"));
    world.announce().await;
    let due = record(&world).await.of_type("reminder.due");
    // Twice, in case the sender is killed before it has said so.
    let told = [world.deliver("send-reminder", &due).await, world.deliver("send-reminder", &due).await];
    assert_eq!(told, [[Disposition::Done], [Disposition::Done]]);
    assert_eq!(count(&world, "reminder_attempts").await, 1);
    let found = reminder(&world, &task).await;
    assert_eq!(found["status"], "failed");
    assert!(
        found["attempts"][0]["reason"].as_str().is_some_and(|reason| reason.contains("no e-mail address"))
    );
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.failed'").await, 1);
    world.patch("/api/settings", json!({"email": "amna@example.org"})).await.ok();
    world.post(&format!("/api/tasks/{task}/snooze"), json!({"for": "10m"})).await.ok();
    world.advance_to("2026-06-01T07:10:00Z").await;
    assert_eq!(server.taken().len(), 1, "with an address it can be asked for again");
}
