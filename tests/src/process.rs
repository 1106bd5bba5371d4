//! The real program as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use devkit::testing::unused_port;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long a state is waited for at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program.
pub struct Program {
    /// Where it answers.
    pub port: u16,
    child: Child,
    out: BufReader<ChildStdout>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Gives the path of a program that was built before the tests.
#[expect(clippy::disallowed_methods, reason = "the folder of the programs is the tests' own setting")]
pub fn binary(name: &str) -> PathBuf {
    let beside_tests = || {
        let this = std::env::current_exe().expect("a running test is a file");
        this.parent().and_then(Path::parent).expect("target/debug/deps").to_owned()
    };
    std::env::var_os("KAAM_BIN_DIR").map_or_else(beside_tests, PathBuf::from).join(name)
}

impl Program {
    /// Starts `backend` on a data directory, and waits until it says where it answers.
    pub async fn backend(data_dir: &Path) -> Self {
        let mut command = Command::new(binary("backend"));
        command.env("DATA_DIR", data_dir);
        Self::start(command).await
    }

    /// Starts a program and waits until it says where it answers, in its first line.
    pub async fn start(mut command: Command) -> Self {
        let port = unused_port();
        command.env("PORT", port.to_string()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().expect("the programs are built before the tests");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        let read = timeout(PATIENCE, out.read_line(&mut line)).await;
        assert!(matches!(read, Ok(Ok(1..))), "the program said nothing");
        assert!(line.contains(&format!("http://127.0.0.1:{port}")), "{line}");
        Self { port, child, out, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends JSON; `None` when the program is not there, or died before it answered.
    pub async fn call(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Option<(u16, Value)> {
        let mut request = hyper::Request::builder().method(method).uri(format!("http://127.0.0.1:{}{path}", self.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header("content-type", "application/json").body(Full::from(body)).expect("a request");
        let response = timeout(PATIENCE, self.client.request(request)).await.ok()?.ok()?;
        let status = response.status().as_u16();
        let bytes = timeout(PATIENCE, response.into_body().collect()).await.ok()?.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Gives the process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
        kill_process(pid, signal).expect("it runs");
    }

    /// Kills it at once (SIGKILL), and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Asks it to stop (SIGINT) and gives how it ended.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::INT);
        let mut rest = String::new();
        let ended = async {
            while matches!(self.out.read_line(&mut rest).await, Ok(1..)) {}
            self.child.wait().await
        };
        timeout(PATIENCE, ended).await.expect("it stops").expect("it was started")
    }
}

/// Waits until `state` gives something, and gives that.
///
/// # Panics
/// After half a minute, saying what was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut state: impl FnMut() -> F) -> T {
    let found = timeout(PATIENCE, async {
        loop {
            if let Some(found) = state().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited in vain for: {what}"))
}
