//! A real Dapr sidecar on the loopback interface, with a state store in the database of a test.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr as _;

use axum::http::HeaderValue;
use devkit::testing::{TestDirectory, unused_port};
use runtime::dapr::Sidecar;
use sqlx::postgres::PgConnectOptions;
use tokio::process::{Child, Command};

use crate::process::eventually;

/// The name of the state store.
pub const STORE: &str = "statestore";
/// Its table.
pub const TABLE: &str = "dapr_state";
/// The parent of the sidecar: it ends it, whatever became of the test, when the pipe on its input is closed. Nothing is lost
/// with a sidecar, so it is killed.
const WATCH: &str = r#"
"$@" &
read -r nothing
kill -KILL $!
wait
"#;

/// Without names to resolve, and so without the answers to all the network that the default, mDNS, gives.
const CONFIGURATION: &str = "\
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: kaam
spec:
  nameResolution:
    component: kubernetes
";

/// A running sidecar, which ends when this is dropped.
#[derive(Debug)]
pub struct Daprd {
    /// `DAPR_HTTP_PORT`.
    pub port: u16,
    daprd: PathBuf,
    /// What it wants to be shown: its folder, which no other sidecar has.
    token: String,
    files: TestDirectory,
    watch: Child,
}

impl Daprd {
    /// Starts one whose state store is in this database; `None`, having said so, when this machine has no daprd.
    ///
    /// # Panics
    /// When there is none and `KAAM_REQUIRE_DAPR` is 1, or when it does not start.
    pub async fn start(database_url: &str) -> Option<Self> {
        let daprd = installed()?;
        let files = TestDirectory::new();
        fs::create_dir(files.path().join("resources")).expect("the folder is ours");
        fs::write(files.path().join("resources/statestore.yaml"), component(database_url))
            .expect("the folder is ours");
        fs::write(files.path().join("configuration.yaml"), CONFIGURATION).expect("the folder is ours");
        let (port, token) = (unused_port(), files.path().display().to_string());
        let watch = spawn(&daprd, files.path(), &token, port);
        let mut started = Self { port, daprd, token, files, watch };
        while !started.is_ready().await {
            // Somebody else took a port that was free a moment ago.
            started.port = unused_port();
            started.start_again().await;
        }
        Some(started)
    }

    /// Gives a client of it.
    pub fn sidecar(&self) -> Sidecar {
        self.sidecar_at(self.port)
    }

    /// Gives a client that reaches it through another port.
    pub fn sidecar_at(&self, port: u16) -> Sidecar {
        let token = HeaderValue::from_str(&self.token).expect("a path that fits a header");
        Sidecar::new(port, Some(token))
    }

    /// Gives the settings of a program that is to use it.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("CONVERSATION_STATE", "dapr".to_owned()),
            ("DAPR_HTTP_PORT", self.port.to_string()),
            ("DAPR_API_TOKEN", self.token.clone()),
        ]
    }

    /// Kills it, and waits until it is gone.
    pub async fn stop(&mut self) {
        // Closes the pipe first.
        self.watch.wait().await.expect("it was started");
    }

    /// Starts it at the same port after it was stopped, and waits until it is ready.
    pub async fn restart(&mut self) {
        // Its other ports are new ones, which somebody else may take.
        for _ in 0..5 {
            self.start_again().await;
            if self.is_ready().await {
                return;
            }
        }
        panic!("the port of the sidecar was taken by somebody else");
    }

    async fn start_again(&mut self) {
        self.stop().await;
        self.watch = spawn(&self.daprd, self.files.path(), &self.token, self.port);
    }

    /// Waits until its state store answers; `false` when one of its ports is taken. Another sidecar, which may be at that port,
    /// does not know the token.
    async fn is_ready(&self) -> bool {
        let sidecar = self.sidecar();
        let log = || fs::read_to_string(self.files.path().join("log")).unwrap_or_default();
        let looked = eventually("daprd is ready, or says why not", async || {
            if sidecar.document(STORE, "nothing").await.is_ok() {
                return Some(Ok(true));
            }
            let log = log();
            let is_taken =
                ["could not listen", "address already in use"].iter().any(|said| log.contains(said));
            if is_taken { Some(Ok(false)) } else { log.contains("level=fatal").then_some(Err(log)) }
        });
        looked.await.unwrap_or_else(|log| panic!("daprd did not start:\n{log}"))
    }
}

/// Gives where daprd is; `None`, having said so, when it is not.
#[expect(clippy::disallowed_methods, reason = "whether daprd is required is the tests' own setting")]
fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/local/build-daprd");
    let said = std::process::Command::new(script).arg("--path").output().expect("the script is there");
    let daprd = PathBuf::from(String::from_utf8(said.stdout).expect("a path in UTF-8").trim_end());
    if daprd.is_file() {
        return Some(daprd);
    }
    let required = std::env::var_os("KAAM_REQUIRE_DAPR").is_some_and(|required| required == "1");
    assert!(!required, "KAAM_REQUIRE_DAPR is 1, and there is no daprd; `make dapr` builds it");
    // Not by a macro, which would be heard of only when the test fails.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test}: left out what needs daprd; `make dapr` builds it");
    None
}

/// A state store in a database, with tables of its own. The database is at a socket, which Dapr's driver wants by name and value.
fn component(database_url: &str) -> String {
    let database = PgConnectOptions::from_str(database_url).expect("a URL");
    let socket = database.get_socket().expect("the test's PostgreSQL has a socket").display().to_string();
    let (port, user) = (database.get_port(), database.get_username());
    let name = database.get_database().expect("a database of the test's own");
    format!(
        "\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: {STORE}
spec:
  type: state.postgresql
  version: v2
  metadata:
    - name: connectionString
      value: host={socket} port={port} user={user} dbname={name} sslmode=disable
    - name: tablePrefix
      value: dapr_
"
    )
}

fn spawn(daprd: &Path, files: &Path, token: &str, port: u16) -> Child {
    let log = File::create(files.join("log")).expect("the folder is ours");
    let again = log.try_clone().expect("a second handle");
    let ports = [port, unused_port(), unused_port()].map(|port| port.to_string());
    Command::new("sh")
        .args(["-c", WATCH, "watch"])
        .arg(daprd)
        .args(["--app-id", "kaam", "--enable-metrics=false", "--log-level", "info"])
        .args(["--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1"])
        .args(["--dapr-http-port", &ports[0], "--dapr-grpc-port", &ports[1]])
        .args(["--dapr-internal-grpc-port", &ports[2]])
        .arg("--resources-path")
        .arg(files.join("resources"))
        .arg("--config")
        .arg(files.join("configuration.yaml"))
        .env("DAPR_API_TOKEN", token)
        // A machine may have no other network.
        .env("DAPR_HOST_IP", "127.0.0.1")
        // Ctrl-C ends the test, and that the sidecar.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(again)
        .spawn()
        .expect("a shell")
}
