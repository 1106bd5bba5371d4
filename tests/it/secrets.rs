//! What is secret, and what people wrote, stays where it belongs: no line of a log, no error and no `Debug` shows it.

use std::fmt::Debug;
use std::fs;

use runtime::auth::SigningKeys;
use runtime::config::Environment;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::database::{count, run};
use tests::ollama::{Ollama, Reply as Says};
use tests::process::{DataDir, Program, command, eventually};
use tests::smtp::{MailServer, Reply};
use tests::world::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What is planted wherever something secret, or somebody's words, can be: nothing else contains it.
const PLANTED: &str = "s3cret";
/// 32 bytes in base64url that begin with what is planted, as a key that is a secret.
const VAPID_KEY: &str = "s3cretAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";

fn planted_in(text: &str) -> Option<&str> {
    text.lines().find(|line| line.to_lowercase().contains(PLANTED))
}

/// A path with what is planted in the place of what it names.
fn planted_path(template: &str, id: &str) -> String {
    template
        .replace("{id}", id)
        .replace("{conversation_id}", "S3cretConversation")
        .replace("{token}", "S3cretToken")
}

/// Calls every operation of the document in several ways, with what is planted in every text that it takes.
async fn call_everything(program: &Program, document: &Value, id: &str) -> usize {
    let secrets = [
        ("authorization", "Bearer S3cretBearer"),
        ("cookie", "session=S3cretCookie"),
        ("idempotency-key", "S3cretKey"),
        ("if-match", "\"S3cretTag\""),
        ("referer", "http://localhost/S3cretReferer"),
        ("user-agent", "S3cretAgent"),
    ];
    let rule = json!({"rrule": "FREQ=S3CRET"});
    let reminder = json!([{"lead_time": "S3cretLead", "destination": "s3cret@example.org"}]);
    let mut calls = 0;
    for (template, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            for body in [
                Value::Null,
                json!({"title": "S3cretTitle", "description": "S3cretDescription", "tags": ["S3cretTag"]}),
                json!({"title": 7, "S3cretField": "S3cretValue", "due_date": "S3cretDate", "time_zone": "S3cret/Zone",
                       "recurrence_rule": rule, "reminder_config": reminder, "priority": "S3cret", "user_id": "S3cret"}),
                json!({"user_input": "add S3cretChat tomorrow", "conversation_id": "S3cretConversation"}),
                json!({"user_input": "delete S3cretChat", "conversation_id": "S3cretConversation"}),
                json!({"email": "s3cret@example.org", "locale": "S3cret", "for": "S3cret", "event_id": "S3cret"}),
                json!({"email": "s3cret@example.org"}),
            ] {
                for headers in [&[][..], &secrets] {
                    let path = format!("{}?q=S3cretQuery&cursor=S3cretCursor", planted_path(template, id));
                    let method = method.to_uppercase();
                    // A stream has no end where nothing is wrong with what is asked.
                    let bare = path.split('?').next().filter(|bare| *bare != "/api/updates");
                    for path in [Some(path.as_str()), bare].into_iter().flatten() {
                        program.call(&method, path, &body, headers).await.expect("it serves");
                        calls += 1;
                    }
                }
            }
        }
    }
    calls
}

#[tokio::test]
async fn s17_a_whole_log_at_the_lowest_level_shows_nothing_that_is_secret_or_that_people_wrote() {
    let mail = MailServer::start(|recipient, _| match recipient {
        "s3cret-refused@example.org" => {
            Reply::RefuseRecipient("550 5.1.1 <s3cret-refused@example.org>: no such user")
        }
        _ => Reply::Take,
    })
    .await;
    let ollama =
        Ollama::saying(&json!({"intent": "create_task", "title": "S3cretFromModel", "confidence": 0.9}))
            .await;
    let (world, data_dir) = (World::new().await, DataDir::new());
    let log = data_dir.path().join("log");
    let mut backend = command("backend");
    let link = if world.database_url.contains('?') { '&' } else { '?' };
    backend
        .env("DATABASE_URL", format!("{}{link}password=S3cretPassword", world.database_url))
        .env("DATA_DIR", data_dir.path())
        .env("LOG_LEVEL", "trace")
        .env("LOG_FORMAT", "json")
        .env("OLLAMA_URL", &ollama.url)
        .env("SMTP_URL", &mail.url)
        .env("EMAIL_FROM", "Kaam <s3cret-from@example.org>")
        .env("PUBLIC_URL", "http://localhost:8000")
        .env("LINK_SECRET", "S3cretLinkSecretOfThirtyTwoBytes!!")
        .env("VAPID_PRIVATE_KEY", VAPID_KEY)
        .env("METRICS_PORT", "0");
    let program = Program::start_with_log(backend, &log).await;

    let body = |to: &str| {
        json!({"title": "S3cretTitle", "description": "S3cretDescription", "tags": ["S3cretTag"], "due_date": "2020-01-01T00:00:00Z",
               "recurrence_rule": {"pattern": "daily"}, "reminder_config": {"lead_time": "0m", "destination": to}})
    };
    let mut id = String::new();
    for to in ["s3cret@example.org", "s3cret-refused@example.org"] {
        let (status, task) = program.call("POST", "/api/tasks", &body(to), &[]).await.expect("it serves");
        assert_eq!(status, 200, "{task}");
        id = task["id"].as_str().expect("a text").to_owned();
        program
            .call("POST", &format!("/api/tasks/{id}/snooze"), &json!({"for": "1m"}), &[])
            .await
            .expect("it serves");
        let due = json!({"due_date": (chrono_of_now() + chrono::TimeDelta::seconds(2)).to_rfc3339()});
        let (status, moved) =
            program.call("PATCH", &format!("/api/tasks/{id}"), &due, &[]).await.expect("it serves");
        assert_eq!(status, 200, "{moved}");
    }
    // Before anything is undone.
    eventually("both mails were tried", || async {
        let sent = mail.taken().iter().any(|mail| mail.content.contains("S3cretTitle"));
        (sent && count(&world, "reminders WHERE status = 'failed'").await > 0).then_some(())
    })
    .await;
    let keys = json!({"p256dh": "S3cret", "auth": "S3cret"});
    let push = json!({"push_subscriptions": [{"endpoint": "https://push.example.org/S3cretEndpoint", "keys": keys}]});
    program.call("PATCH", "/api/settings", &push, &[]).await.expect("it serves");
    ollama.reply(Says::Writes("S3cretAnswer".to_owned()));
    let (_, document) = program.call("GET", "/openapi.json", &Value::Null, &[]).await.expect("it serves");
    let calls = call_everything(&program, &document, &id).await;
    assert!(calls > 600, "{calls}");
    open_stream(&program).await;
    program.call("GET", "/S3cretPath/S3cret?S3cret=S3cret", &Value::Null, &[]).await.expect("it serves");

    // What consumers refuse, with what is planted where it is least expected.
    for (topic, kind, payload) in [
        ("task-events", "task.created", r#"{"task": "S3cretPayload"}"#),
        ("task-events", "task.completed", r#"{"task": {"id": "S3cret", "title": "S3cretTitle"}}"#),
        ("reminders", "reminder.due", r#"{"reminder_id": "S3cret"}"#),
        ("audit-events", "S3cretType", r#""S3cretPayload""#),
    ] {
        let insert = format!(
            "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                 traceparent, source_service, timestamp)
             VALUES ('local', gen_random_uuid(), '{topic}', '{}', 'poison', 'poison', 3, '{payload}', 'c', '', 'x', now())",
            kind.replace("S3cretType", "odd.type")
        );
        run(&world.database_url, &insert).await;
    }
    eventually("poison is put aside", || async {
        (count(&world, "events WHERE key = 'poison' AND status = 'pending'").await == 0).then_some(())
    })
    .await;

    // What PostgreSQL says of a row that it refuses holds the row.
    run(&world.database_url, "ALTER TABLE tasks ADD CONSTRAINT odd CHECK (title <> 'S3cretBroken')").await;
    let broken = json!({"title": "S3cretBroken"});
    let (status, problem) = program.call("POST", "/api/tasks", &broken, &[]).await.expect("it serves");
    assert!(status >= 400 && planted_in(&problem.to_string()).is_none(), "{status} {problem}");
    assert!(program.stop().await.success());

    let text = fs::read_to_string(&log).expect("a log");
    assert_eq!(planted_in(&text), None);
    for line in text.lines() {
        serde_json::from_str::<Value>(line).expect("each line is JSON");
    }
    for known in
        ["request answered", "reminder sent", "reminder failed for good", "event became a dead letter"]
    {
        let told: Vec<_> =
            text.lines().filter(|line| line.contains("remind") || line.contains("dead letter")).collect();
        assert!(text.contains(known), "nothing of {known} in the log, so it proves nothing of it: {told:#?}");
    }
    assert!(text.contains("…@…"), "the server's words are there, without the address");
}

/// Opens a stream of updates with what is planted, reads its beginning, and goes away.
async fn open_stream(program: &Program) {
    let mut connection = TcpStream::connect(("127.0.0.1", program.port)).await.expect("it takes connections");
    let head = "GET /api/updates?last_event_id=S3cretPlace HTTP/1.1\r\nhost: localhost\r\ncookie: S3cretCookie\r\n\r\n";
    connection.write_all(head.as_bytes()).await.expect("it reads");
    let mut said = String::new();
    while !said.contains("event: ready") {
        let mut piece = [0; 1024];
        let length = connection.read(&mut piece).await.expect("it answers");
        assert!(length > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    assert_eq!(planted_in(&said), None);
}

#[expect(clippy::disallowed_methods, reason = "the program's clock is the machine's")]
fn chrono_of_now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// What separates one line, or one column, from the next: a line of a log must not become two, or hide its end.
const CONTROLS: &str =
    "\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31mred\u{202e}reversed\u{2028}\u{0085}";

#[tokio::test]
async fn s17_who_signs_in_leaves_no_password_and_no_token_in_the_log() {
    const EVENTS_TOKEN: &str = "S3cretEventsTokenOfThirtyTwoBytes!!";
    let (world, data_dir) = (World::new().await, DataDir::new());
    let (log, key) = (data_dir.path().join("log"), SigningKeys::generate());
    let mut backend = command("backend");
    backend
        .env("DATABASE_URL", &world.database_url)
        .env("DATA_DIR", data_dir.path())
        .env("LOG_LEVEL", "trace")
        .env("LOG_FORMAT", "json")
        .env("AUTH", "jwt")
        .env("SIGNING_KEY", &key)
        .env("JWT_ISSUER", "https://kaam.example.org")
        .env("JWT_AUDIENCE", "kaam")
        .env("EVENTS_TOKEN", EVENTS_TOKEN);
    let program = Program::start_with_log(backend, &log).await;
    let call = async |method: &str, path: &str, body: Value, headers: &[(&str, &str)]| {
        program.call(method, path, &body, headers).await.expect("it serves")
    };
    let mut secrets: Vec<String> =
        key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect();
    let mut keep = |tokens: &Value| {
        for name in ["access_token", "refresh_token"] {
            let token = tokens[name].as_str().expect("a token").to_owned();
            // A token is as good as its last part: the others are made by whoever knows the user.
            secrets.extend(token.rsplit('.').next().map(str::to_owned));
        }
    };
    let account = |password: &str| json!({"email": "s3cret@example.org", "password": password});
    assert_eq!(call("POST", "/auth/register", account("S3cret walrus umbrella one"), &[]).await.0, 200);
    assert_eq!(call("POST", "/auth/sign-in", account("S3cret walrus umbrella wrong"), &[]).await.0, 401);
    let (_, first) = call("POST", "/auth/sign-in", account("S3cret walrus umbrella one"), &[]).await;
    keep(&first);
    let refresh = json!({"refresh_token": first["refresh_token"]});
    let (_, second) = call("POST", "/auth/refresh", refresh.clone(), &[]).await;
    keep(&second);
    let token = second["access_token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    let change = json!({"current_password": "S3cret walrus umbrella one", "new_password": "S3cret walrus umbrella two",
                        "refresh_token": second["refresh_token"]});
    assert_eq!(call("POST", "/auth/password", change, &[("authorization", &bearer)]).await.0, 200);
    let own = [("authorization", bearer.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(call("POST", "/api/tasks", json!({"title": "S3cretTitle"}), &own).await.0, 200);
    let headers = [("authorization", "Bearer S3cretNo.S3cretToken.S3cretAtAll")];
    assert_eq!(call("GET", "/api/tasks", Value::Null, &headers).await.0, 401);
    let forged = format!("Bearer {}S3cret", &token[..token.len() - 6]);
    assert_eq!(call("GET", "/api/tasks", Value::Null, &[("authorization", &forged)]).await.0, 401);
    let events = format!("Bearer {EVENTS_TOKEN}");
    call("POST", "/", json!({}), &[("authorization", &events)]).await;
    call("GET", &format!("/api/tasks?access_token={token}"), Value::Null, &[]).await;
    // A moment later it is the same token again, for a second page.
    let (status, again) = call("POST", "/auth/refresh", refresh, &[]).await;
    assert_eq!((status, &again["refresh_token"]), (200, &second["refresh_token"]));
    keep(&again);
    let in_cookie =
        json!({"email": "s3cret@example.org", "password": "S3cret walrus umbrella two", "cookie": true});
    assert_eq!(call("POST", "/auth/sign-in", in_cookie, &own[1..]).await.0, 200);
    let cookie = [("cookie", "__Host-kaam-refresh=S3cretCookie"), own[1]];
    assert_eq!(call("POST", "/auth/refresh", json!({"cookie": true}), &cookie).await.0, 401);
    call("POST", "/auth/sign-out", json!({"refresh_token": second["refresh_token"]}), &[]).await;
    assert!(program.stop().await.success());

    let text = fs::read_to_string(&log).expect("a log");
    assert_eq!(planted_in(&text), None);
    assert!(secrets.len() == 7 && secrets.iter().all(|secret| secret.len() >= 20), "{secrets:?}");
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "a line of the log has a part of a key or token");
    }
    for known in ["a token is refused", "/auth/sign-in", "/auth/refresh", "/auth/password"] {
        assert!(text.contains(known), "nothing of {known} in the log, so it proves nothing of it");
    }
}

#[tokio::test]
async fn s17_whatever_is_sent_a_line_of_the_log_stays_one_line() {
    let (world, data_dir) = (World::new().await, DataDir::new());
    for format in ["json", "text"] {
        let log = data_dir.path().join(format);
        let mut backend = command("backend");
        backend.env("DATABASE_URL", &world.database_url).env("DATA_DIR", data_dir.path());
        backend.env("LOG_LEVEL", "trace").env("LOG_FORMAT", format);
        let program = Program::start_with_log(backend, &log).await;
        for body in [
            json!({"title": CONTROLS}),
            json!({CONTROLS: CONTROLS}),
            json!({"title": "a", "priority": CONTROLS}),
        ] {
            program
                .call("POST", "/api/tasks", &body, &[("x-correlation-id", "a\tb")])
                .await
                .expect("it serves");
            program
                .call("POST", "/chat/command", &json!({"user_input": CONTROLS}), &[])
                .await
                .expect("it serves");
        }
        let forged = "/%0d%0aforged%1b%5b31m?%0aforged=1";
        program.call("GET", forged, &Value::Null, &[("user-agent", "forged\tforged")]).await;
        program.stop().await;
        let text = fs::read_to_string(&log).expect("a log");
        assert!(!text.contains("forged"), "{text}");
        assert!(text.lines().count() > 5 && text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    }
}

/// What an error must not show of how it came about.
const INTERNALS: [&str; 16] = [
    "sqlx",
    "select ",
    "insert ",
    "update ",
    "postgres",
    "relation \"",
    "column",
    "constraint",
    "panicked",
    ".rs",
    "/shared/",
    "/functions/",
    "hyper",
    "axum",
    "rust",
    "0.1.0",
];

#[tokio::test]
async fn s18_what_breaks_inside_shows_nothing_of_it() {
    let world = World::new().await;
    let kept = world.create(json!({"title": "kept"})).await;
    let id = kept["id"].as_str().expect("a text");
    let document = world.get("/openapi.json").await.ok();
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    for table in ["tasks", "users", "events", "messages", "idempotency_keys"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("ALTER TABLE {table} RENAME TO away_{table}")))
            .execute(&mut connection)
            .await
            .expect("a table");
    }
    let mut broken = 0;
    // A stream has no end, and begins without a look at any of these tables.
    let paths = document["paths"].as_object().expect("paths").iter();
    for (template, item) in paths.filter(|(template, _)| *template != "/api/updates") {
        for method in item.as_object().expect("methods").keys() {
            let body = match template.as_str() {
                _ if method == "get" || method == "delete" => Value::Null,
                "/chat/command" | "/chat/parse" => json!({"user_input": "add a"}),
                "/api/tasks/{id}/snooze" => json!({"for": "10m"}),
                "/api/settings" => json!({"locale": "ur-PK"}),
                "/api/tasks" | "/api/tasks/{id}" => json!({"title": "a"}),
                _ => Value::Null,
            };
            let path = template.replace("{id}", id).replace("{conversation_id}", "c").replace("{token}", "t");
            let answered = world.call(&method.to_uppercase(), &path, &body).await;
            let shown = String::from_utf8_lossy(&answered.bytes).to_lowercase();
            if answered.status.is_server_error() && template != "/ready" {
                broken += 1;
                assert_eq!(answered.headers["content-type"], "application/problem+json", "{method} {path}");
                let problem = answered.json();
                assert_eq!(
                    problem["correlation_id"],
                    answered.headers["x-correlation-id"].to_str().expect("ASCII")
                );
                assert!(
                    INTERNALS.iter().all(|internal| !shown.contains(internal)),
                    "{method} {path}: {shown}"
                );
            }
        }
    }
    assert!(broken >= 14, "only {broken} broke, so the others prove nothing");
}

#[tokio::test]
async fn s31_debug_shows_no_secret() {
    let environment = Environment::from_pairs([
        ("DATABASE_URL", "postgres://s3cret-user:S3cretPassword@localhost/kaam"),
        ("LINK_SECRET", "S3cretLinkSecretOfThirtyTwoBytes!!"),
        ("KAFKA_BROKERS", "localhost:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "kaam"),
        ("KAFKA_SASL_PASSWORD", "S3cretPassword"),
        ("DAPR_HTTP_PORT", "3500"),
        ("DAPR_API_TOKEN", "S3cretToken"),
        ("APP_API_TOKEN", "S3cretToken"),
    ]);
    let kafka =
        runtime::kafka::Settings::from_environment(&environment).expect("sound settings").expect("brokers");
    let dapr = runtime::host::dapr::Settings::from_environment(&environment)
        .expect("sound settings")
        .expect("a port");
    let links = application::links::Links::new("http://localhost:8000", "S3cretLinkSecretOfThirtyTwoBytes!!");
    let url = "postgres://s3cret-user:S3cretPassword@localhost/kaam";
    let push = VAPID_KEY.parse::<send_reminder::VapidKey>().is_ok();
    assert!(push, "the planted key is a key");
    let start = runtime::main::Start::from_environment(environment.clone()).expect("sound settings");
    let renew = start.newer_database_url().expect("a setting");
    let database = events::Database { url: url.to_owned(), connections: 1, is_pooled: false, renew };
    let connection = application::Connection::to(database.clone(), "test");
    let application = application::Application::new(&connection, chrono_tz::UTC, || {}).expect("a sound URL");
    let from_file = Environment::from_pairs([("SMTP_URL_FILE", "/nowhere/smtp-url")]);
    let shown: [(&str, &dyn Debug); 9] = [
        ("the database", &database),
        ("the environment", &environment),
        ("Kafka's settings", &kafka),
        ("Dapr's settings", &dapr),
        ("links", &links.expect("sound settings")),
        ("the connection", &connection),
        ("what a function is built from", &start),
        ("the database", application.store()),
        ("what says how a setting reads by now", &from_file.renewal("SMTP_URL").expect("a setting")),
    ];
    for (what, value) in shown {
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            assert_eq!(planted_in(&text), None, "{what}: {text}");
        }
    }
}
