//! A PostgreSQL that is reached over TCP, with TLS and a password.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use devkit::postgres::{DATABASE, Durability, Options, Private, Tcp, USER};
use devkit::testing::{TestDirectory, unused_port};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::database::{rows, run};
use tests::kafka::certificates;
use tests::process::{Caller, DataDir, Starting, command, eventually, outcome};
use tokio::net::TcpListener;

pub(crate) const PASSWORD: &str = "never-in-a-log-line";

/// A server, and what leads to it.
pub(crate) struct Server {
    pub(crate) private: Private,
    port: u16,
    pub(crate) files: TestDirectory,
}

impl Server {
    /// Starts one, with TLS if there is a certificate.
    pub(crate) async fn start(certificate: Option<(String, String)>) -> Self {
        let (files, port) = (TestDirectory::new(), unused_port());
        let tcp = Some(Tcp { port, certificate });
        let options =
            Options { durability: Durability::Throwaway, tcp, ..Options::new(files.path().join("data")) };
        let private = Private::start(options).await.expect("it starts");
        run(private.url(), &format!("ALTER ROLE {USER} PASSWORD '{PASSWORD}'")).await;
        Self { private, port, files }
    }

    pub(crate) fn url(&self, host: &str, password: &str, parameters: &str) -> String {
        format!("postgres://{USER}:{password}@{host}:{}/{DATABASE}?{parameters}", self.port)
    }

    /// Writes certificates into a file, and gives the parameters that trust nothing else.
    fn trusting(&self, name: &str, pem: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, pem).expect("a directory to write to");
        format!("sslmode=verify-full&sslrootcert={}", path.display())
    }
}

/// A function of its own, and where it answers and writes its log.
struct Running {
    program: Starting,
    port: u16,
    log: PathBuf,
}

impl Running {
    fn start(name: &str, database_url: &str, sink: &str, files: &Path) -> Self {
        let (port, log) = (unused_port(), files.join(format!("{name}.log")));
        let mut command = command(name);
        command.env("PORT", port.to_string()).env("DATABASE_URL", database_url);
        if name == "relay-events" {
            command.env("K_SINK", sink);
        }
        Self { program: Starting::spawn_with_log(command, &log), port, log }
    }

    /// Waits until `/ready` has this status.
    async fn answers(&self, status: u16) {
        let caller = Caller::new();
        eventually(&format!("{} is answered {status}", self.log.display()), async || {
            let (found, _) = caller.call(self.port, "GET", "/ready", &Value::Null, &[]).await?;
            (found == status).then_some(())
        })
        .await;
    }

    /// Stops it, and gives its log.
    async fn stops(self) -> String {
        self.program.signal(Signal::TERM);
        assert!(self.program.ended().await.success(), "it stops when it is told to");
        fs::read_to_string(&self.log).expect("it has a log")
    }
}

/// Starts a sink that takes every event, and gives its URL and how many there were.
async fn sink() -> (String, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let take = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        StatusCode::ACCEPTED
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it listens"));
    tokio::spawn(axum::serve(listener, Router::new().route("/", post(take))).into_future());
    (url, taken)
}

async fn migrate(database_url: &str) -> (bool, String) {
    let mut command = command("backend");
    command.arg("migrate").env("DATABASE_URL", database_url);
    let ended = outcome(command).await;
    (ended.status.success(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[tokio::test]
async fn a_database_with_tls_is_used_by_those_who_trust_its_certificate_and_by_nobody_else() {
    let (ca, [certificate, _]) = certificates();
    let (other_ca, _) = certificates();
    let server = Server::start(Some(certificate)).await;
    let (sink_url, taken) = sink().await;

    let right = server.trusting("ca.pem", &ca);
    let url = server.url("localhost", PASSWORD, &right);
    assert_eq!(migrate(&url).await, (true, String::new()));
    let logs = DataDir::new();
    let [create, relay] =
        ["create-task", "relay-events"].map(|name| Running::start(name, &url, &sink_url, logs.path()));
    create.answers(200).await;
    relay.answers(200).await;
    let body = json!({"title": "water the plants"});
    let answered = Caller::new().call(create.port, "POST", "/api/tasks", &body, &[]).await;
    assert_eq!(answered.expect("it serves").0, 200);
    let socket = server.private.url();
    eventually("its event is published", async || {
        let open = rows(socket, "SELECT event_id FROM events WHERE status <> 'processed'").await;
        open.is_empty().then_some(())
    })
    .await;
    assert!(taken.load(Ordering::SeqCst) > 0, "the sink has it");
    // Those of the pool, and of the relay one for each topic beside it. One that has nothing to do is given back soon.
    let over_tls = eventually("both are connected", async || {
        create.answers(200).await;
        let connected = rows(
            socket,
            "SELECT application_name AS name, ssl, count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
             WHERE client_addr IS NOT NULL GROUP BY name, ssl ORDER BY name",
        )
        .await;
        let of_relay = connected.get(1).and_then(|row| row["count"].as_i64());
        (of_relay > Some(3)).then_some(connected)
    })
    .await;
    let found: Vec<_> =
        over_tls.iter().map(|row| (row["name"].as_str().unwrap_or_default(), &row["ssl"])).collect();
    assert_eq!(found, [("create-task", &json!(true)), ("relay-events", &json!(true))]);
    for program in [create, relay] {
        let log = program.stops().await;
        assert!(!log.contains(PASSWORD) && !log.contains("does not answer"), "{log}");
    }

    let other = server.trusting("other.pem", &other_ca);
    let plain = Server::start(None).await;
    let wrong = [
        ("an unknown authority", server.url("localhost", PASSWORD, &other), "invalid peer certificate"),
        ("a wrong host name", server.url("127.0.0.1", PASSWORD, &right), "not valid for name"),
        ("no authority", server.url("localhost", PASSWORD, "sslmode=verify-full"), "UnknownIssuer"),
        ("no TLS here", server.url("localhost", PASSWORD, "sslmode=disable"), "no encryption"),
        ("a wrong password", server.url("localhost", &format!("{PASSWORD}x"), &right), "password"),
        ("no TLS there", plain.url("localhost", PASSWORD, "sslmode=require"), "does not support TLS"),
    ];
    for (what, url, said) in &wrong {
        let (is_done, error) = migrate(url).await;
        assert!(!is_done && error.lines().count() == 1, "{what}: {error}");
        assert!(error.contains("DATABASE_URL") && error.contains(said), "{what}: {error}");
        assert!(!error.contains(PASSWORD), "{what}: {error}");
        let logs = DataDir::new();
        let functions = ["create-task", "relay-events"];
        let programs = functions.map(|name| Running::start(name, url, &sink_url, logs.path()));
        for (name, program) in functions.into_iter().zip(programs) {
            // Said once, however often it is asked.
            program.answers(503).await;
            program.answers(503).await;
            let log = program.stops().await;
            let lines: Vec<_> = log.lines().filter(|line| line.contains("does not answer")).collect();
            assert!(
                matches!(lines[..], [line] if line.contains("DATABASE_URL") && line.contains(said)),
                "{what}, {name}: {log}"
            );
            assert!(!log.contains(PASSWORD), "{what}, {name}: {log}");
        }
    }
}

#[tokio::test]
async fn parameters_of_a_database_that_can_not_be_used_stop_the_start_with_one_line_that_names_them() {
    let files = TestDirectory::new();
    let empty = files.path().join("empty.pem");
    fs::write(&empty, "").expect("a directory to write to");
    let wrong = [
        ("sslmode=verify-fully".to_owned(), "verify-fully"),
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem".to_owned(), "/nowhere/ca.pem"),
        (format!("sslrootcert={}&sslmode=verify-full", empty.display()), "empty.pem"),
        ("sslmod=verify-full".to_owned(), "sslmod"),
        (format!("sslmode=require&sslpassword={PASSWORD}"), "sslpassword"),
        (format!("channel_binding=require&a{PASSWORD}"), "channel_binding"),
        (format!("password=a&{PASSWORD}"), "a parameter that is none"),
    ];
    for (parameters, said) in wrong {
        let url = format!("postgres://{USER}:{PASSWORD}@localhost:1/{DATABASE}?{parameters}");
        for (name, argument) in [("create-task", None), ("relay-events", None), ("backend", Some("migrate"))]
        {
            let mut command = command(name);
            command.env("DATABASE_URL", &url).args(argument);
            if name == "relay-events" {
                command.env("K_SINK", "http://127.0.0.1:1/");
            }
            let ended = outcome(command).await;
            let error = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(!ended.status.success() && error.lines().count() == 1, "{name}: {error}");
            assert!(error.contains("DATABASE_URL") && error.contains(said), "{name}: {error}");
            assert!(!error.contains(PASSWORD), "{name}: {error}");
        }
    }
}
