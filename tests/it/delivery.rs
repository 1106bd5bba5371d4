//! Mails and notifications through the protocols of those who carry them.

use std::fs;
use std::path::PathBuf;

#[cfg(feature = "aws")]
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use devkit::testing::TestDirectory;
use mail_parser::{MessageParser, MimeHeaders};
use runtime::config::Environment;
use runtime::secrets::Renewal;
use send_reminder::{Courier, Mailer, Push, Reach, VapidKey};
use serde_json::{Value, json};
use tests::database::{count, execute, rows};
use tests::push_service::{self, PushService};
use tests::sendgrid::{self, SendGrid};
use tests::smtp::{Login, MailServer};
use tests::world::World;

const SEVEN: &str = "2026-06-01T07:00:00Z";
const FROM: &str = "Kaam <kaam@example.org>";
/// The sender of RFC 8291 §5, and the name that browsers know it by.
const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const PUBLIC_KEY: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

/// A task of which one is reminded at seven.
async fn remind(world: &World, title: &str, delivery_method: &str) -> String {
    remind_at(world, title, delivery_method, SEVEN).await
}

async fn remind_at(world: &World, title: &str, delivery_method: &str, due: &str) -> String {
    let reminder = json!({"lead_time": "0m", "delivery_method": delivery_method});
    let body = json!({"title": title, "due_date": due, "priority": "high", "reminder_config": reminder});
    world.create(body).await["id"].as_str().expect("a task has an id").to_owned()
}

/// How a task's reminder stands: its status, and the outcome and reason of its last attempt.
async fn standing(world: &World, task: &str) -> (String, String, String) {
    let found = world.get(&format!("/api/tasks/{task}/reminders")).await.ok()["reminders"][0].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let last = found["attempts"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    (text(&found["status"]), text(&last["outcome"]), text(&last["reason"]))
}

/// When the one reminder is tried again.
async fn next_attempt(world: &World) -> DateTime<Utc> {
    let row =
        rows(&world.database_url, "SELECT next_attempt_at AS at FROM reminders WHERE status = 'queued'")
            .await
            .remove(0);
    row["at"].as_str().expect("it is to be tried again").parse().expect("an instant")
}

/// Turns the clock to the next attempt and lets it happen; gives how long the wait was.
async fn try_again(world: &World) -> TimeDelta {
    let (before, at) = (world.clock.now(), next_attempt(world).await);
    world.clock.set(at);
    world.scan().await;
    at - before
}

async fn world_with_address(mailer: Mailer) -> World {
    let world = World::with_mailer(mailer).await;
    world.patch("/api/settings", json!({"email": "amna@example.org"})).await.ok();
    world
}

#[tokio::test]
async fn a_guarded_mail_server_gets_the_mail_after_starttls_and_both_ways_of_signing_in() {
    for mechanism in ["PLAIN", "LOGIN"] {
        let server = MailServer::start_guarded(Login { mechanism, user: "kaam", password: "a/b c" }).await;
        let url = format!("{}?tls=required", server.url.replace("://", "://kaam:a%2Fb%20c@"));
        let from = FROM.parse().expect("an address");
        let mailer = Mailer::smtp_trusting(&url, from, &server.certificate).expect("a URL and a certificate");
        let world = world_with_address(mailer).await;
        let task = remind(&world, "call", "email").await;
        world.advance_to(SEVEN).await;
        assert_eq!(standing(&world, &task).await.0, "sent", "{:?}", standing(&world, &task).await);
        let taken = server.taken();
        assert_eq!((taken.len(), taken[0].recipients[0].as_str()), (1, "amna@example.org"));
        let mail = MessageParser::default().parse(taken[0].content.as_bytes()).expect("a mail");
        assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert!(mail.is_content_type("multipart", "alternative"));
        assert!(
            mail.html_bodies().count() == 1 && mail.body_html(0).is_some_and(|html| html.contains("<h1"))
        );
    }
}

#[tokio::test]
async fn a_mail_waits_while_kaam_can_not_sign_in_or_the_certificate_is_unknown() {
    let login = Login { mechanism: "PLAIN", user: "kaam", password: "right" };
    for (wish, password, trusts, named) in [
        ("?tls=required", "wrong", true, "535"),
        ("?tls=required", "right", false, "certificate"),
        ("", "right", true, "authentication mechanism"),
    ] {
        let server = MailServer::start_guarded(login).await;
        let url = format!("{}{wish}", server.url.replace("://", &format!("://kaam:{password}@")));
        let from = FROM.parse().expect("an address");
        let mailer = if trusts {
            Mailer::smtp_trusting(&url, from, &server.certificate)
        } else {
            Mailer::smtp(&url, from)
        };
        let world = world_with_address(mailer.expect("a URL and a certificate")).await;
        let task = remind(&world, "call", "email").await;
        world.advance_to(SEVEN).await;
        let (status, outcome, reason) = standing(&world, &task).await;
        assert_eq!((status.as_str(), outcome.as_str()), ("queued", "retrying"), "{reason}");
        assert!(reason.contains(named) && !reason.contains(password), "{named}: {reason}");
        assert_eq!(server.taken(), []);
    }
}

/// A setting in a file of its own, and what says how it reads by now.
struct Setting {
    files: TestDirectory,
    name: &'static str,
}

impl Setting {
    fn new(name: &'static str, value: &str) -> Self {
        let setting = Self { files: TestDirectory::new(), name };
        setting.write(value);
        setting
    }

    fn path(&self) -> PathBuf {
        self.files.path().join(self.name)
    }

    fn write(&self, value: &str) {
        fs::write(self.path(), value).expect("a directory to write to");
    }

    fn renewal(&self) -> Renewal {
        let environment = Environment::from_pairs([(format!("{}_FILE", self.name), self.path())]);
        environment.renewal(self.name).expect("a path")
    }
}

#[tokio::test]
async fn a_new_password_of_the_mail_server_is_used_without_a_restart_and_costs_no_attempt() {
    let login = Login { mechanism: "PLAIN", user: "kaam", password: "first" };
    let server = MailServer::start_guarded(login).await;
    let url = |password: &str| {
        format!("{}?tls=required", server.url.replace("://", &format!("://kaam:{password}@")))
    };
    let setting = Setting::new("SMTP_URL", &url("first"));
    let from = FROM.parse().expect("an address");
    let mailer = Mailer::smtp_trusting(&url("first"), from, &server.certificate).expect("a sound URL");
    let world = world_with_address(mailer.renewed_by(setting.renewal())).await;
    let task = remind(&world, "call", "email").await;
    server.change_password("second");
    world.advance_to(SEVEN).await;
    let (status, _, reason) = standing(&world, &task).await;
    assert!(status == "queued" && reason.contains("535"), "nobody was told yet: {status} {reason}");
    // A moment later: what was read before is not believed once it was refused.
    setting.write(&url("second"));
    try_again(&world).await;
    assert_eq!(standing(&world, &task).await.0, "sent");
    assert_eq!(count(&world, "reminder_attempts").await, 2);
    // What can not be used changes nothing.
    setting.write("nonsense");
    server.change_password("third");
    let next = remind_at(&world, "call again", "email", "2026-06-02T07:00:00Z").await;
    world.advance_to("2026-06-02T07:00:00Z").await;
    assert_eq!(standing(&world, &next).await.0, "queued");
    setting.write(&url("third"));
    try_again(&world).await;
    assert_eq!(standing(&world, &next).await.0, "sent");
    assert_eq!(server.taken().len(), 2);
}

#[tokio::test]
async fn a_new_key_of_sendgrid_is_used_without_a_restart() {
    let service = SendGrid::start(|_, _| sendgrid::Reply::Accept).await;
    let setting = Setting::new("SENDGRID_API_KEY", "SG.of-yesterday");
    let from = FROM.parse().expect("an address");
    let mailer = Mailer::sendgrid("SG.of-yesterday", &service.url, from).expect("TLS works");
    let world = world_with_address(mailer.renewed_by(setting.renewal())).await;
    let task = remind(&world, "call", "email").await;
    world.advance_to(SEVEN).await;
    let (status, _, reason) = standing(&world, &task).await;
    assert!(status == "queued" && reason.contains("SENDGRID_API_KEY"), "{status} {reason}");
    // What can not be used changes nothing.
    setting.write("SG.of today, with spaces\u{7f}");
    try_again(&world).await;
    let (status, _, reason) = standing(&world, &task).await;
    assert!(status == "queued" && reason.contains("SENDGRID_API_KEY"), "{status} {reason}");
    setting.write(sendgrid::KEY);
    try_again(&world).await;
    assert_eq!((standing(&world, &task).await.0.as_str(), service.accepted().len()), ("sent", 1));
}

#[tokio::test]
async fn sendgrid_gets_both_texts_once_and_its_wish_to_wait_is_granted() {
    let now: DateTime<Utc> = SEVEN.parse().expect("an instant");
    let service = SendGrid::start(move |_, attempt| {
        let reset = (now + TimeDelta::seconds(1_500)).timestamp().to_string();
        match attempt {
            1 => sendgrid::Reply::Refuse(429, vec![("retry-after", "600".to_owned())], "too many requests"),
            2 => sendgrid::Reply::Refuse(429, vec![("x-ratelimit-reset", reset)], "too many requests"),
            3 => sendgrid::Reply::Refuse(500, vec![("retry-after", "90000".to_owned())], "out of order"),
            _ => sendgrid::Reply::Accept,
        }
    })
    .await;
    let from = FROM.parse().expect("an address");
    let world =
        world_with_address(Mailer::sendgrid(sendgrid::KEY, &service.url, from).expect("TLS works")).await;
    let task = remind(&world, "call <b>Amna</b>", "email").await;
    world.advance_to(SEVEN).await;
    assert_eq!(
        standing(&world, &task).await,
        ("queued".into(), "retrying".into(), "SendGrid said 429 Too Many Requests: too many requests".into())
    );
    let waits = [try_again(&world).await, try_again(&world).await, try_again(&world).await];
    assert_eq!(waits.map(|wait| wait.num_seconds()), [600, 900, 3_600], "an hour at most");
    assert_eq!(standing(&world, &task).await.0, "sent");
    let accepted = service.accepted();
    assert_eq!(accepted.len(), 1);
    let mail = &accepted[0];
    let delivery_id = mail["personalizations"][0]["custom_args"]["delivery_id"].as_str().expect("a text");
    assert_eq!(mail["headers"]["Message-ID"], format!("<{delivery_id}@kaam>"));
    assert_eq!(mail["from"], json!({"email": "kaam@example.org", "name": "Kaam"}));
    assert_eq!(mail["subject"], "Reminder: call <b>Amna</b>");
    let value = |index: usize| mail["content"][index]["value"].as_str().unwrap_or_default();
    assert!(value(0).contains("Was due Monday, 1 June 2026 at 07:00 (UTC)"), "{}", value(0));
    assert!(value(1).contains("call &lt;b&gt;Amna&lt;/b&gt;"), "{}", value(1));
}

#[tokio::test]
async fn what_sendgrid_refuses_fails_with_its_words_but_a_refused_key_can_be_mended() {
    let service =
        SendGrid::start(|_, _| sendgrid::Reply::Refuse(400, Vec::new(), "Does not contain a valid address."))
            .await;
    for (key, expected) in [
        (sendgrid::KEY, ("failed", "SendGrid said 400 Bad Request: Does not contain a valid address.")),
        ("SG.other", ("queued", "SENDGRID_API_KEY")),
    ] {
        let from = FROM.parse().expect("an address");
        let world = world_with_address(Mailer::sendgrid(key, &service.url, from).expect("TLS works")).await;
        let task = remind(&world, "call", "email").await;
        world.advance_to(SEVEN).await;
        let (status, _, reason) = standing(&world, &task).await;
        assert_eq!(status, expected.0, "{reason}");
        assert!(reason.contains(expected.1) && !reason.contains("SG."), "{reason}");
    }
    assert_eq!(service.accepted(), Vec::<Value>::new());
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn ses_gets_the_mail_after_it_was_throttled_and_what_it_rejects_fails() {
    use tests::ses::Ses;
    for (answer, outcomes) in
        [((429, "TooManyRequestsException", "slow down"), "sent"), ((400, "MessageRejected", "no"), "failed")]
    {
        let service = Ses::start(move |count| (count == 1).then_some(answer)).await;
        let loader = aws_config::defaults(aws_config::BehaviorVersion::latest()).test_credentials();
        let loader = loader.region("eu-west-1").endpoint_url(&service.url);
        let ses = send_reminder::Ses::from_loader(loader).await.expect("a region");
        let world = world_with_address(Mailer::ses(ses, FROM.parse().expect("an address"))).await;
        let task = remind(&world, "call", "email").await;
        world.advance_to(SEVEN).await;
        let (status, _, reason) = standing(&world, &task).await;
        assert!(reason.contains(answer.1), "{reason}");
        if status == "queued" {
            try_again(&world).await;
        }
        assert_eq!(standing(&world, &task).await.0, outcomes);
        let taken = service.taken();
        assert_eq!(taken.len(), usize::from(outcomes == "sent"));
        for mail in taken {
            assert_eq!(mail["Destination"]["ToAddresses"], json!(["amna@example.org"]));
            let raw = BASE64_STANDARD
                .decode(mail["Content"]["Raw"]["Data"].as_str().expect("a text"))
                .expect("base64");
            let parsed = MessageParser::default().parse(&raw).expect("a mail");
            assert_eq!(parsed.subject(), Some("Reminder: call"));
            assert_eq!(mail["EmailTags"][0]["Name"], "delivery_id");
        }
    }
}

#[tokio::test]
async fn browsers_are_shown_the_key_that_notifications_are_signed_with_and_null_where_there_are_none() {
    let world = world_of_browsers(Reach::Public, &[]).await;
    let key: VapidKey = PRIVATE_KEY.parse().expect("a key");
    assert_eq!(world.get("/api/push-key").await.ok(), json!({"public_key": key.public_key()}));
    assert_eq!(World::new().await.get("/api/push-key").await.ok(), json!({"public_key": null}));
}

/// A world that pushes to hosts within `reach`, whose one user has these subscriptions.
async fn world_of_browsers(reach: Reach, subscriptions: &[Value]) -> World {
    let key: VapidKey = PRIVATE_KEY.parse().expect("a key");
    let push = Push::new(key, "mailto:kaam@example.org".to_owned(), reach).expect("TLS works");
    let mailer = Mailer::smtp("smtp://127.0.0.1:1", FROM.parse().expect("an address")).expect("a URL");
    let world = World::with_courier(Courier::new(mailer, push)).await;
    subscribe(&world, subscriptions).await;
    world
}

/// Subscribes browsers of a push service that no user could name, for it is on this machine.
async fn subscribe(world: &World, subscriptions: &[Value]) {
    world.patch("/api/settings", json!({"locale": "ur-PK"})).await.ok();
    let subscriptions = json!(subscriptions).to_string().replace('\'', "''");
    execute(
        world,
        &format!("UPDATE users SET push_subscriptions = '{subscriptions}', version = version + 1"),
    )
    .await;
}

async fn endpoints(world: &World) -> Vec<Value> {
    let settings = world.get("/api/settings").await.ok();
    settings["push_subscriptions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["endpoint"].clone())
        .collect()
}

#[tokio::test]
async fn a_notification_is_read_by_each_of_the_users_browsers_and_by_nobody_else() {
    let service = PushService::start(PUBLIC_KEY, |_, _| push_service::Reply::Take).await;
    let world =
        world_of_browsers(Reach::Anywhere, &[service.subscribe("laptop"), service.subscribe("phone")]).await;
    let task = remind(&world, "دودھ لانا", "push").await;
    world.clock.set("2026-06-01T07:10:00Z".parse().expect("an instant"));
    world.scan().await;
    assert_eq!(standing(&world, &task).await, ("sent".into(), "sent".into(), String::new()));
    let received = service.received();
    assert_eq!(received.iter().map(|one| one.browser.as_str()).collect::<Vec<_>>(), ["laptop", "phone"]);
    for one in &received {
        let payload = &one.payload;
        assert_eq!((&payload["title"], &payload["task_id"]), (&json!("دودھ لانا"), &json!(task)));
        assert_eq!(payload["body"], "مقررہ وقت گزر چکا ہے: پیر، 1 جون 2026، 07:00 بجے (\u{2066}UTC\u{2069})");
        let [ttl, urgency, topic] = &one.headers;
        assert_eq!((ttl.as_str(), urgency.as_str()), ("85800", "high"), "24 hours less ten minutes");
        assert_eq!((topic.len(), topic), (32, &received[0].headers[2]));
        assert_eq!(one.claims["sub"], "mailto:kaam@example.org");
        let left = one.claims["exp"].as_i64().expect("a time") - world.clock.now().timestamp();
        assert_eq!(left, 12 * 3_600, "RFC 8292 §2: at most 24 hours");
    }
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_one_that_is_busy_is_asked_again() {
    let service = PushService::start(PUBLIC_KEY, |browser, attempt| match (browser, attempt) {
        ("old", _) => push_service::Reply::Refuse(410, Vec::new()),
        ("busy", 1) => push_service::Reply::Refuse(429, vec![("retry-after", "700".to_owned())]),
        _ => push_service::Reply::Take,
    })
    .await;
    let subscriptions = ["old", "busy", "well"].map(|name| service.subscribe(name));
    let world = world_of_browsers(Reach::Anywhere, &subscriptions).await;
    let task = remind(&world, "call", "push").await;
    world.advance_to(SEVEN).await;
    let (status, outcome, reason) = standing(&world, &task).await;
    assert_eq!((status.as_str(), outcome.as_str()), ("queued", "retrying"));
    assert!(reason.contains("429"), "{reason}");
    assert_eq!(
        endpoints(&world).await,
        [subscriptions[1]["endpoint"].clone(), subscriptions[2]["endpoint"].clone()]
    );
    assert_eq!(try_again(&world).await.num_seconds(), 700);
    assert_eq!(standing(&world, &task).await.0, "sent");
    assert_eq!(
        service.received().iter().map(|one| one.browser.as_str()).collect::<Vec<_>>(),
        ["busy", "well"]
    );
    assert_eq!((service.calls("old"), service.calls("busy")), (1, 2));
    let who = "SELECT actor_type, actor_id FROM audit_logs WHERE action = 'settings.updated' AND actor_type <> 'user'";
    let by = json!({"actor_type": "service", "actor_id": "send-reminder"});
    assert_eq!(rows(&world.database_url, who).await, [by]);
}

#[tokio::test]
async fn a_reminder_that_no_browser_can_get_fails_and_says_why() {
    let service = PushService::start(PUBLIC_KEY, |browser, _| match browser {
        "full" => push_service::Reply::Refuse(413, Vec::new()),
        _ => push_service::Reply::Refuse(404, Vec::new()),
    })
    .await;
    let stranger = PushService::start("the key of another sender", |_, _| push_service::Reply::Take).await;
    let malformed =
        json!({"endpoint": format!("{}/push/odd", service.origin), "p256dh": "AAAA", "auth": "AAAA"});
    for (subscription, named) in [
        (service.subscribe("full"), "413"),
        (service.subscribe("gone"), "withdrawn"),
        (stranger.subscribe("other"), "VAPID"),
        (malformed, "malformed"),
    ] {
        let world = world_of_browsers(Reach::Anywhere, &[subscription]).await;
        let task = remind(&world, "call", "push").await;
        world.advance_to(SEVEN).await;
        let (status, _, reason) = standing(&world, &task).await;
        assert!(status == "failed" && reason.contains(named), "{status}: {reason}");
        assert_eq!(count(&world, "events WHERE status = 'failed'").await, 1, "a dead letter");
    }
}

#[tokio::test]
async fn without_a_browser_a_reminder_fails_and_tells_its_user_and_nobody_else() {
    let world = world_of_browsers(Reach::Anywhere, &[]).await;
    let task = remind(&world, "call", "push").await;
    world.advance_to(SEVEN).await;
    let (status, outcome, reason) = standing(&world, &task).await;
    assert_eq!((status.as_str(), outcome.as_str()), ("failed", "failed"));
    assert!(reason.contains("push_subscriptions"), "{reason}");
    assert_eq!(count(&world, "events WHERE status = 'failed'").await, 0, "no dead letter");
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.failed'").await, 1);
}

#[tokio::test]
async fn without_a_key_push_fails_and_says_so_and_this_machine_is_out_of_reach_for_users() {
    let service = PushService::start(PUBLIC_KEY, |_, _| push_service::Reply::Take).await;
    let without_browser = World::new().await;
    let inside = world_of_browsers(Reach::Public, &[service.subscribe("laptop")]).await;
    let without_key = World::new().await;
    subscribe(&without_key, &[service.subscribe("phone")]).await;
    for (world, named) in [
        (&inside, "public"),
        (&without_key, "VAPID_PRIVATE_KEY is not set"),
        (&without_browser, "VAPID_PRIVATE_KEY is not set"),
    ] {
        let task = remind(world, "call", "push").await;
        world.advance_to(SEVEN).await;
        let (status, _, reason) = standing(world, &task).await;
        assert!(status == "failed" && reason.contains(named), "{status}: {reason}");
    }
    assert_eq!(service.calls("laptop") + service.calls("phone"), 0);
    assert_eq!(count(&without_key, "events WHERE status = 'failed'").await, 0, "no dead letter");
}
