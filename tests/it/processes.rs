//! The programs as their users meet them: started, asked, stopped.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router, extract};
use futures::future::join_all;
use runtime::clock::Stopwatch;
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::database::{Locked, count, rows};
use tests::process::{
    Caller, DataDir, Program, Starting, backend, binary, command, command_at, eventually, outcome,
};
use tests::world::World;
use tokio::net::TcpListener;
use tokio::process::Command;

/// How long a start may take on a busy machine, unoptimised.
const STARTED_WITHIN: Duration = Duration::from_secs(1);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Prepares `backend` on a database that runs already.
fn on_database(world: &World) -> Command {
    let mut command = command("backend");
    command.env("DATABASE_URL", &world.database_url);
    command
}

#[tokio::test]
async fn a_warm_start_takes_less_than_a_second_and_ctrl_c_leaves_nothing_behind() {
    let data_dir = DataDir::new();
    assert!(Program::backend(data_dir.path()).await.stop().await.success());
    let mut starts = Vec::new();
    for _ in 0..5 {
        let watch = Stopwatch::start();
        let program = Program::backend(data_dir.path()).await;
        let (status, _) = program.call("GET", "/api/tasks", &Value::Null, &[]).await.expect("it serves");
        starts.push(watch.elapsed());
        assert_eq!(status, 200);
        assert!(data_dir.postgres().is_some());
        let watch = Stopwatch::start();
        assert!(program.stop().await.success());
        assert!(watch.elapsed() < Duration::from_secs(10));
        assert_eq!(data_dir.postgres(), None, "PostgreSQL stops with the program");
    }
    starts.sort();
    eprintln!("from the start to the first 200: {:.0?}, median {:.0?}", starts, starts[2]);
    assert!(starts[2] < STARTED_WITHIN, "{starts:?}");
}

#[tokio::test]
async fn ctrl_c_during_the_start_leaves_no_postgresql_behind() {
    let data_dir = DataDir::new();
    for _ in 0..4 {
        let starting = Starting::spawn(backend(data_dir.path()));
        // The first time while the cluster is made, then as soon as its server is there.
        let is_underway = || async {
            let is_made = data_dir.path().join("postgres/server/data/PG_VERSION").exists();
            (data_dir.path().join("postgres/lock").exists() && (!is_made || data_dir.postgres().is_some()))
                .then_some(())
        };
        eventually("the start is under way", is_underway).await;
        starting.signal(Signal::INT);
        assert!(starting.ended().await.success());
        assert_eq!(data_dir.postgres(), None);
    }
}

#[tokio::test]
async fn a_closed_terminal_ends_a_program_and_its_postgresql_but_not_under_nohup() {
    let data_dir = DataDir::new();
    let under = |words: &[&str]| {
        let mut command = command_at(Path::new(words[0]));
        command.args(&words[1..]).arg(binary("backend")).env("DATA_DIR", data_dir.path());
        command
    };
    // Whoever runs the tests may ignore the signal.
    let program = Program::start(under(&["env", "--default-signal=HUP"])).await;
    let port = program.port;
    program.signal(Signal::HUP);
    eventually("nobody is let in any more", || async { caller_is_refused(port).await.then_some(()) }).await;
    // The shell tells of it, too.
    program.signal(Signal::HUP);
    assert!(program.ended().await.success());
    assert_eq!(data_dir.postgres(), None, "PostgreSQL stops with the program");

    let program = Program::start(under(&["nohup"])).await;
    program.signal(Signal::HUP);
    let answered = program.call("GET", "/api/tasks", &Value::Null, &[]).await;
    assert_eq!(answered.expect("it goes on").0, 200);
    assert!(program.stop().await.success(), "at the first word");
}

#[tokio::test]
async fn a_second_program_on_the_same_directory_is_refused_in_one_line_and_commands_join_the_first() {
    let data_dir = DataDir::new();
    let first = Program::backend(data_dir.path()).await;
    let second = outcome(backend(data_dir.path())).await;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.lines().count() == 1, "{said}");
    assert!(said.contains("DATA_DIR") && said.contains(&format!("process {}", first.pid())), "{said}");
    for word in ["migrate", "dead-letters", "replay", "verify-audit"] {
        let mut command = backend(data_dir.path());
        command.arg(word);
        let done = outcome(command).await;
        assert!(done.status.success(), "{word}: {done:?}");
    }
    let (status, _) = first.call("GET", "/api/tasks", &Value::Null, &[]).await.expect("it still serves");
    assert_eq!(status, 200);
    assert!(first.stop().await.success());
    let mut alone = backend(data_dir.path());
    alone.arg("verify-audit");
    assert!(outcome(alone).await.status.success(), "without a server too");
    assert_eq!(data_dir.postgres(), None);
}

#[tokio::test]
async fn a_command_looks_into_no_database_that_is_not_there_or_not_kaams_and_makes_none() {
    let world = World::new().await;
    let (server, _) = world.database_url.rsplit_once('/').expect("a path");
    let elsewhere = format!("{server}/postgres");
    for word in ["dead-letters", "replay", "verify-audit", "audit-heads"] {
        let data_dir = DataDir::new();
        let mut command = backend(data_dir.path());
        command.arg(word);
        let refused = outcome(command).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && said.contains("there is no database in DATA_DIR"),
            "{word}: {said}"
        );
        assert!(!data_dir.path().join("postgres").exists(), "{word}");

        let mut command = backend(data_dir.path());
        command.arg(word).env("DATABASE_URL", &elsewhere);
        let refused = outcome(command).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("`backend migrate`"), "{word}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    let data_dir = DataDir::new();
    let wrong: [(&str, &[(&str, &str)]); 18] = [
        ("PORT", &[("PORT", "x")]),
        ("PORT", &[("PORT", "65536")]),
        ("TIME_ZONE", &[("TIME_ZONE", "Karachi")]),
        ("HOST", &[("HOST", "0.0.0.0")]),
        ("HOST", &[("HOST", "0.0.0.0"), ("AUTH", "local")]),
        ("HOST", &[("HOST", "localhost")]),
        ("AUTH", &[("AUTH", "none")]),
        ("SIGNING_KEY", &[("AUTH", "jwt"), ("SIGNING_KEY", "nonsense")]),
        ("JWT_SECRET", &[("AUTH", "jwt"), ("JWT_SECRET", "short")]),
        ("SMTP_URL", &[("SMTP_URL", "nonsense")]),
        ("EMAIL_FROM", &[("EMAIL_FROM", "nobody")]),
        ("DATABASE_CONNECTIONS", &[("DATABASE_CONNECTIONS", "0")]),
        ("DATABASE_URL", &[("DATABASE_URL", "nonsense")]),
        ("LOG_LEVEL", &[("LOG_LEVEL", "loud")]),
        ("METRICS_PORT", &[("METRICS_PORT", "-1")]),
        ("OLLAMA_URL", &[("OLLAMA_URL", "localhost:11434")]),
        ("OLLAMA_DEADLINE_MS", &[("OLLAMA_DEADLINE_MS", "1")]),
        // Less than can be undone.
        ("EVENTS_RETENTION_DAYS", &[("EVENTS_RETENTION_DAYS", "30")]),
    ];
    let starts = wrong.map(|(name, settings)| {
        let mut command = backend(data_dir.path());
        command.envs(settings.iter().copied());
        async move { (name, settings, outcome(command).await) }
    });
    for (name, settings, ended) in join_all(starts).await {
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{settings:?}");
        assert!(said.lines().count() == 1 && said.contains(name), "{settings:?}: {said}");
        assert!(ended.stdout.is_empty(), "{settings:?}");
    }
    assert!(!data_dir.path().join("postgres").exists(), "nothing is started for a wrong setting");
}

#[tokio::test]
async fn a_data_dir_that_can_not_be_used_is_named_in_the_one_line_with_its_path() {
    let folder = DataDir::new();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a directory to write to");
    for (path, port) in [("/proc/x", "0"), ("/proc/x", "1"), (file.to_str().expect("a text"), "0")] {
        let mut command = backend(Path::new(path));
        // With a port of its own the secret for links comes first.
        command.env("PORT", port);
        let ended = outcome(command).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.lines().count() == 1, "{said}");
        assert!(said.contains("DATA_DIR") && said.contains(path), "{said}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_without_its_password_and_sigterm_ends_the_wait_for_it() {
    let database = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = database.local_addr().expect("it listens").port();
    let on_it = || {
        let mut command = command("backend");
        command.env("DATABASE_URL", format!("postgres://kaam:hunter2@127.0.0.1:{port}/kaam"));
        command
    };
    let starting = Starting::spawn(on_it());
    let silent = database.accept().await.expect("it is asked");
    starting.signal(Signal::TERM);
    assert!(starting.ended().await.success(), "it was told to stop");
    drop(silent);
    let hang_up = async {
        loop {
            drop(database.accept().await);
        }
    };
    let ended = tokio::select! {
        ended = outcome(on_it()) => ended,
        () = hang_up => unreachable!("it goes on"),
    };
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.lines().count() == 1, "{said}");
    let named = format!("DATABASE_URL is \"postgres://kaam@127.0.0.1:{port}/kaam\"");
    assert!(said.contains(&named) && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start_with_one_line_that_names_it() {
    let world = World::new().await;
    let first = Program::start(on_database(&world)).await;
    let mut second = on_database(&world);
    second.env("PORT", first.port.to_string());
    let ended = outcome(second).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.lines().count() == 1, "{said}");
    assert!(said.contains(&format!("PORT {} is in use", first.port)), "{said}");
}

#[tokio::test]
async fn requests_in_flight_are_answered_after_sigterm() {
    let world = World::new().await;
    let program = Program::start(on_database(&world)).await;
    let lock = Locked::new(&world, "tasks").await;
    let (caller, port) = (Caller::new(), program.port);
    let requests: Vec<_> = (0..8)
        .map(|number| {
            let caller = caller.clone();
            let body = json!({"title": format!("in flight {number}")});
            tokio::spawn(async move { caller.call(port, "POST", "/api/tasks", &body, &[]).await })
        })
        .collect();
    lock.is_awaited_by(8).await;
    program.signal(Signal::TERM);
    eventually("nobody is let in any more", || async { caller_is_refused(port).await.then_some(()) }).await;
    lock.release().await;
    for answered in join_all(requests).await {
        let (status, task) = answered.expect("the request ran").expect("it was answered");
        assert_eq!(status, 200, "{task}");
    }
    assert!(program.ended().await.success());
    assert_eq!(count(&world, "tasks").await, 8);
}

#[tokio::test]
async fn a_second_sigterm_does_not_wait_for_requests_in_flight() {
    let world = World::new().await;
    let program = Program::start(on_database(&world)).await;
    let lock = Locked::new(&world, "tasks").await;
    let (caller, port) = (Caller::new(), program.port);
    let request = tokio::spawn(async move {
        caller.call(port, "POST", "/api/tasks", &json!({"title": "in flight"}), &[]).await
    });
    lock.is_awaited_by(1).await;
    program.signal(Signal::TERM);
    eventually("nobody is let in any more", || async { caller_is_refused(port).await.then_some(()) }).await;
    let watch = Stopwatch::start();
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code(), Some(1));
    // Its drain takes six.
    assert!(watch.elapsed() < Duration::from_secs(4), "{:?}", watch.elapsed());
    assert_eq!(request.await.expect("it ran"), None, "it was not answered");
    lock.release().await;
}

async fn caller_is_refused(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err()
}

#[tokio::test]
async fn metrics_are_served_on_their_own_port_only() {
    let world = World::new().await;
    let metrics_port = devkit::testing::unused_port();
    let mut command = on_database(&world);
    command.env("METRICS_PORT", metrics_port.to_string());
    let program = Program::start(command).await;
    program.call("GET", "/api/tasks", &Value::Null, &[]).await.expect("it serves");
    let (status, problem) = program.call("GET", "/metrics", &Value::Null, &[]).await.expect("it serves");
    assert_eq!((status, &problem["status"]), (404, &json!(404)));
    let (status, text) = Caller::new().get_text(metrics_port, "/metrics").await.expect("it serves");
    assert_eq!(status, 200);
    assert!(text.contains("http_requests_total{") && text.contains("/api/tasks"), "{text}");
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn a_function_alone_serves_its_own_path_and_documents_no_other() {
    let world = World::new().await;
    let mut command = command("create-task");
    command.env("DATABASE_URL", &world.database_url).env("LOG_FORMAT", "json");
    let data_dir = DataDir::new();
    let log = data_dir.path().join("log");
    let starting = Starting::spawn_with_log(command, &log);
    let port = eventually("it says where it serves", || async {
        let lines = fs::read_to_string(&log).ok()?;
        let line: Value =
            serde_json::from_str(lines.lines().find(|line| line.contains("\"serving\""))?).ok()?;
        line["address"].as_str()?.rsplit(':').next()?.parse::<u16>().ok()
    })
    .await;
    let caller = Caller::new();
    let call = async |method, path| {
        caller.call(port, method, path, &json!({"title": "alone"}), &[]).await.expect("it serves")
    };
    let (status, task) = call("POST", "/api/tasks").await;
    assert_eq!((status, &task["title"]), (200, &json!("alone")));
    let (status, api) = call("GET", "/openapi.json").await;
    let paths: Vec<_> = api["paths"]
        .as_object()
        .expect("it has paths")
        .keys()
        .map(String::as_str)
        .filter(|path| path.starts_with("/api"))
        .collect();
    assert_eq!((status, paths), (200, vec!["/api/tasks"]));
    assert_eq!(
        api["paths"]["/api/tasks"].as_object().map(|path| path.keys().collect::<Vec<_>>()),
        Some(vec![&"post".to_owned()])
    );
    assert_eq!(call("DELETE", "/api/tasks/0").await.0, 404);
    assert_eq!(call("GET", "/health").await, (200, json!({"status": "healthy"})));
    assert_eq!(call("GET", "/ready").await.1["database"], "connected");
    starting.kill().await;
    world.settle().await;
    assert_eq!(count(&world, "audit_logs").await, 1, "another process takes its event further");
}

#[tokio::test]
async fn help_and_what_is_no_command() {
    let run = |word: &str| {
        let mut command = command("backend");
        command.arg(word);
        outcome(command)
    };
    let help = run("--help").await;
    let said = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        help.status.success() && ["serve", "replay", "verify-audit"].iter().all(|word| said.contains(word)),
        "{said}"
    );
    let version = run("--version").await;
    assert!(version.status.success() && String::from_utf8_lossy(&version.stdout).starts_with("backend "));
    let unknown = run("fly").await;
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        !unknown.status.success()
            && said.lines().count() == 1
            && said.contains("fly")
            && said.contains("verify-audit")
            && said.contains("--help"),
        "{said}"
    );
}

#[tokio::test]
async fn what_can_not_be_said_is_no_crash_and_fails_unless_nobody_listens() {
    async fn says(program: &str, word: &str, to: impl Into<Stdio>) -> (Option<i32>, String) {
        let mut command = command(program);
        command.arg(word).stdout(to).stderr(Stdio::piped());
        let running = command.spawn().expect("it starts");
        let output = running.wait_with_output().await.expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
    for program in ["backend", "create-task"] {
        for word in ["--help", "--version"] {
            let full = File::options().write(true).open("/dev/full").expect("Linux has it");
            let (code, said) = says(program, word, full).await;
            assert_eq!(code, Some(1), "{program} {word}: {said}");
            assert!(said.lines().count() == 1 && said.contains("standard output"), "{said}");
            let (reader, writer) = std::io::pipe().expect("there are pipes");
            drop(reader);
            assert_eq!(says(program, word, writer).await, (Some(0), String::new()), "{program} {word}");
        }
    }
}

#[tokio::test]
async fn every_command_says_what_it_takes_and_does_and_does_nothing_else_then() {
    let run = |words: &[&str]| {
        let mut command = command("backend");
        command.args(words);
        outcome(command)
    };
    let help = String::from_utf8(run(&["--help"]).await.stdout).expect("UTF-8");
    let listed = help.lines().skip_while(|line| *line != "commands:").take_while(|line| *line != "options:");
    let forms: Vec<_> = listed.filter_map(|line| line.strip_prefix("  ")).collect();
    let forms: Vec<Vec<_>> = forms
        .iter()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .map(|line| line.split(' ').collect())
        .collect();
    assert_eq!(forms.len(), 12, "{forms:?}");
    for form in forms {
        for words in [vec![form[0], "--help"], [form.as_slice(), &["-h"]].concat()] {
            let output = run(&words).await;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && said.contains(&form.join(" ")), "{words:?}: {output:?}");
        }
    }
    let wrong = run(&["cluster", "--bus", "pigeons"]).await;
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains("--bus kafka") && said.contains("--bus dapr"), "{said}");
}

#[tokio::test]
async fn a_command_that_finds_the_cluster_asks_for_secrets_first() {
    let data_dir = DataDir::new();
    for words in
        [&["create-topics"][..], &["create-topics", "--replication", "1"], &["dead-letters"], &["replay"]]
    {
        let mut command = backend(data_dir.path());
        command.args(words).env("AWS_SECRETS", "kaam/kafka").env("KAFKA_BROKERS", "127.0.0.1:1");
        let refused = outcome(command).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.lines().count() == 1, "{words:?}: {said}");
        // This build has nobody to ask.
        assert!(said.contains("AWS_SECRETS") && said.contains("kaam/kafka"), "{words:?}: {said}");
    }
}

#[tokio::test]
async fn a_command_whose_database_is_in_a_secret_store_makes_no_key_that_nobody_uses() {
    let (world, data_dir) = (World::new().await, DataDir::new());
    let url = world.database_url.clone();
    let secrets = Router::new().route(
        "/v1.0/secrets/vault/{name}",
        get(async move |extract::Path(name): extract::Path<String>| match name.as_str() {
            "db-credentials" => Json(json!({"DATABASE_URL": url})),
            _ => Json(json!({})),
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let sidecar = tokio::spawn(async move { axum::serve(listener, secrets).await });
    let mut command = backend(data_dir.path());
    let settings = [("AUTH", "jwt"), ("DAPR_HTTP_PORT", &port), ("DAPR_SECRET_STORE", "vault")];
    command.arg("audit-heads").envs(settings);
    let output = outcome(command).await;
    sidecar.abort();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("JWT_"), "as it is with DATABASE_URL: {said}");
    assert_eq!(fs::read_dir(data_dir.path()).expect("it is there").count(), 0);
}

#[tokio::test]
async fn logs_are_json_with_correlation_and_trace_and_never_what_people_wrote() {
    let (world, data_dir) = (World::new().await, DataDir::new());
    let log = data_dir.path().join("log");
    let mut command = on_database(&world);
    command.env("LOG_LEVEL", "debug").env("DATA_DIR", data_dir.path());
    let program = Program::start_with_log(command, &log).await;
    let trace = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = [("x-correlation-id", "find me"), ("traceparent", trace.as_str())];
    let soon = "2020-01-01T00:00:00Z";
    let body = json!({"title": "S3cretTitle", "description": "S3cretDescription", "tags": ["S3cretTag"], "due_date": soon,
                      "recurrence_rule": {"pattern": "daily"},
                      "reminder_config": {"lead_time": "0m", "destination": "s3cret@example.org"}});
    let (status, task) = program.call("POST", "/api/tasks", &body, &headers).await.expect("it serves");
    assert_eq!(status, 200, "{task}");
    let path = format!("/api/tasks/{}", task["id"].as_str().expect("a text"));
    program.call("POST", &format!("{path}/complete"), &Value::Null, &headers).await.expect("it serves");
    program
        .call("GET", "/api/tasks?q=S3cretQuery&tag=S3cretTag", &Value::Null, &[])
        .await
        .expect("it serves");
    program
        .call("POST", "/api/tasks", &json!({"title": 7, "S3cretField": "S3cretValue"}), &[])
        .await
        .expect("it serves");
    program
        .call("POST", "/chat/command", &json!({"user_input": "add S3cretChat"}), &[])
        .await
        .expect("it serves");
    program.call("GET", "/S3cretPath", &Value::Null, &[]).await.expect("it serves");
    eventually("every event is processed", || async {
        (count(&world, "events WHERE status <> 'processed'").await == 0).then_some(())
    })
    .await;
    assert!(program.stop().await.success());

    let text = fs::read_to_string(&log).expect("a log");
    assert!(
        !text.to_lowercase().contains("s3cret"),
        "{}",
        text.lines().find(|line| line.to_lowercase().contains("s3cret")).unwrap_or_default()
    );
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let of_request = lines.iter().filter(|line| line["correlation_id"] == "find me").collect::<Vec<_>>();
    assert!(
        of_request
            .iter()
            .any(|line| line["route"] == "/api/tasks" && line["status"] == 200 && line["outcome"] == "done")
    );
    // Lines about an event name its correlation alone.
    assert!(of_request.iter().all(|line| line["trace_id"].is_null() || line["trace_id"] == TRACE));
    assert!(of_request.iter().filter(|line| line["route"].is_string()).all(|line| line["trace_id"] == TRACE));
    for line in &lines {
        assert!(
            ["timestamp", "level", "target", "message"].iter().all(|field| line[field].is_string()),
            "{line}"
        );
    }
    let caused = rows(&world.database_url, "SELECT source_service, split_part(traceparent, '-', 2) AS trace FROM events WHERE correlation_id = 'find me' ORDER BY seq").await;
    let sources: Vec<_> = caused.iter().filter_map(|event| event["source_service"].as_str()).collect();
    assert_eq!(sources, ["create-task", "complete-task", "spawn-recurrence"]);
    assert!(caused.iter().all(|event| event["trace"] == TRACE));
    assert_eq!(count(&world, "audit_logs WHERE correlation_id = 'find me'").await, 3);
}

#[tokio::test]
async fn with_a_database_url_the_data_directory_is_not_touched() {
    let (world, data_dir) = (World::new().await, DataDir::new());
    let mut command = on_database(&world);
    command.env("DATA_DIR", data_dir.path());
    let program = Program::start(command).await;
    let (status, _) =
        program.call("POST", "/api/tasks", &json!({"title": "call"}), &[]).await.expect("it serves");
    assert_eq!(status, 200);
    assert!(program.stop().await.success());
    assert_eq!(fs::read_dir(data_dir.path()).expect("it is there").count(), 0);
}
