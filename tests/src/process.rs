//! The real program as a process of its own.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use devkit::postgres::Private;
use devkit::testing::TestDirectory;
use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
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
/// How many lines of its log are shown of a program that ran while a test failed.
const SHOWN: usize = 10;
/// How the first line of a program ends.
const ADDRESS: &str = "http://127.0.0.1:";

/// A running program.
#[derive(Debug)]
pub struct Program {
    /// Where it answers.
    pub port: u16,
    child: Child,
    out: BufReader<ChildStdout>,
    caller: Caller,
    log: Log,
}

/// A program that was started and has not said yet where it answers.
#[derive(Debug)]
pub struct Starting {
    child: Child,
    out: BufReader<ChildStdout>,
    log: Log,
}

/// What a program logs to, if anybody reads it. The end of it is shown when a test fails while the program runs.
#[derive(Debug)]
struct Log(Option<PathBuf>);

impl Log {
    fn show_end(&self) {
        let Some(path) = &self.0 else { return };
        let log = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        eprintln!("the end of {}:\n{end}", path.display());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_end();
        }
    }
}

/// Sends requests to a program, also after that was started again elsewhere.
#[derive(Clone, Debug)]
pub struct Caller(Client<HttpConnector, Full<Bytes>>);

/// Gives the path of a program that was built before the tests.
#[expect(clippy::disallowed_methods, reason = "the folder of the programs is the tests' own setting")]
pub fn binary(name: &str) -> PathBuf {
    let beside_tests = || {
        let this = std::env::current_exe().expect("a running test is a file");
        this.parent().and_then(Path::parent).expect("target/debug/deps").to_owned()
    };
    std::env::var_os("KAAM_BIN_DIR").map_or_else(beside_tests, PathBuf::from).join(name)
}

/// Prepares a program, with a free port and without the settings of whoever runs the tests.
pub fn command(name: &str) -> Command {
    command_at(&binary(name))
}

/// Prepares a program that is elsewhere.
#[expect(clippy::disallowed_methods, reason = "programs are found on the path of whoever runs the tests")]
pub fn command_at(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PORT", "0").stdin(Stdio::null()).kill_on_drop(true);
    for kept in ["PATH", "HOME", "PG_BIN"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Prepares `backend` on a data directory.
pub fn backend(data_dir: &Path) -> Command {
    let mut command = command("backend");
    command.env("DATA_DIR", data_dir);
    command
}

/// Runs a program until it ends by itself, and gives what it wrote and how it ended.
pub async fn outcome(mut command: Command) -> Output {
    let output = timeout(PATIENCE, command.output()).await;
    output.expect("it ends").expect("the programs are built before the tests")
}

impl Starting {
    /// Starts a program whose log nobody reads.
    pub fn spawn(command: Command) -> Self {
        Self::spawn_with(command, Stdio::null(), Log(None))
    }

    /// Starts a program; its log is appended to the file.
    pub fn spawn_with_log(command: Command, log: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(log).expect("a directory to write to");
        Self::spawn_with(command, file.into(), Log(Some(log.to_owned())))
    }

    fn spawn_with(mut command: Command, err: Stdio, log: Log) -> Self {
        let spawned = command.stdout(Stdio::piped()).stderr(err).spawn();
        let mut child = spawned.expect("the programs are built before the tests");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, out, log }
    }

    /// Waits until it says where it answers, in its first line.
    pub async fn ready(mut self) -> Program {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.out.read_line(&mut line)).await;
        assert!(matches!(read, Ok(Ok(1..))), "the program does not say where it answers");
        let port = line.split_once(ADDRESS).and_then(|(_, port)| port.trim_end().parse().ok());
        let port = port.unwrap_or_else(|| panic!("the first line says where to open it: {line}"));
        Program { port, child: self.child, out: self.out, caller: Caller::new(), log: self.log }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// Kills it at once (SIGKILL), and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it was started");
    }

    /// Waits until it has ended, and gives how.
    pub async fn ended(self) -> ExitStatus {
        ended(self.child, self.out, &self.log).await
    }
}

async fn ended(mut child: Child, mut out: BufReader<ChildStdout>, log: &Log) -> ExitStatus {
    let mut rest = String::new();
    let ended = async {
        while matches!(out.read_line(&mut rest).await, Ok(1..)) {}
        child.wait().await
    };
    let status = timeout(PATIENCE, ended).await.expect("it stops").expect("it was started");
    if !status.success() {
        log.show_end();
    }
    status
}

fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
    kill_process(pid, signal).expect("it runs");
}

impl Caller {
    /// Makes one.
    #[expect(clippy::new_without_default, reason = "a client that keeps connections is no default")]
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends JSON; `None` when nobody is there, or died before answering.
    pub async fn call(
        &self,
        port: u16,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, Value)> {
        let (status, bytes) = self.call_for_bytes(port, method, path, body, headers).await?;
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Gets a text; `None` when nobody is there.
    pub async fn get_text(&self, port: u16, path: &str) -> Option<(u16, String)> {
        let (status, bytes) = self.call_for_bytes(port, "GET", path, &Value::Null, &[]).await?;
        Some((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn call_for_bytes(
        &self,
        port: u16,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, Bytes)> {
        let (status, _, bytes) = self.call_for_all(port, method, path, body, headers).await?;
        Some((status, bytes))
    }

    async fn call_for_all(
        &self,
        port: u16,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, HeaderMap, Bytes)> {
        let mut request = hyper::Request::builder().method(method).uri(format!("{ADDRESS}{port}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request =
            request.header("content-type", "application/json").body(Full::from(body)).expect("a request");
        let response = timeout(PATIENCE, self.0.request(request)).await.ok()?.ok()?;
        let (parts, body) = response.into_parts();
        let bytes = timeout(PATIENCE, body.collect()).await.ok()?.ok()?.to_bytes();
        Some((parts.status.as_u16(), parts.headers, bytes))
    }
}

impl Program {
    /// Starts `backend` on a data directory, and waits until it says where it answers.
    pub async fn backend(data_dir: &Path) -> Self {
        Self::start(backend(data_dir)).await
    }

    /// Starts a program and waits until it says where it answers, in its first line.
    pub async fn start(command: Command) -> Self {
        Starting::spawn(command).ready().await
    }

    /// Starts a program likewise; its log goes into the file.
    pub async fn start_with_log(command: Command, log: &Path) -> Self {
        Starting::spawn_with_log(command, log).ready().await
    }

    /// Sends JSON; `None` when the program is not there, or died before it answered.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, Value)> {
        self.caller.call(self.port, method, path, body, headers).await
    }

    /// Does the same, and gives the header fields of the answer too.
    pub async fn call_for_all(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, HeaderMap, Value)> {
        let (status, headers, bytes) =
            self.caller.call_for_all(self.port, method, path, body, headers).await?;
        Some((status, headers, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Gives the process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// Kills it at once (SIGKILL), and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it was started");
    }

    /// Asks it to stop (SIGINT) and gives how it ended.
    pub async fn stop(self) -> ExitStatus {
        self.signal(Signal::INT);
        self.ended().await
    }

    /// Waits until it has ended, and gives how.
    pub async fn ended(self) -> ExitStatus {
        ended(self.child, self.out, &self.log).await
    }
}

/// A data directory, whose PostgreSQL disappears with it.
#[derive(Debug)]
pub struct DataDir(TestDirectory);

impl DataDir {
    /// Makes an empty one.
    #[expect(clippy::new_without_default, reason = "making a directory is no default")]
    pub fn new() -> Self {
        Self(TestDirectory::new())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives the URL of its database while a program serves it.
    pub fn database_url(&self) -> Option<String> {
        Private::url_of_running(self.path()).expect("the directory can be read")
    }

    /// Gives the process id of its PostgreSQL, if that runs.
    pub fn postgres(&self) -> Option<Pid> {
        let note = fs::read_to_string(self.path().join("postgres/server/data/postmaster.pid")).ok()?;
        let pid = note.lines().next()?.trim().parse().ok().and_then(Pid::from_raw)?;
        let command_line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).ok()?;
        String::from_utf8_lossy(&command_line).contains("postgres").then_some(pid)
    }

    /// Sends PostgreSQL a signal, if it runs; says whether it does.
    pub fn signal_postgres(&self, signal: Signal) -> bool {
        self.postgres().is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// Gives the mails written so far: the names of the files, and their contents.
    pub fn mails(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.path().join("mail")).into_iter().flatten().flatten();
        let mut mails: Vec<_> = entries
            .map(|entry| {
                let content = fs::read_to_string(entry.path()).unwrap_or_default();
                (entry.file_name().to_string_lossy().into_owned(), content)
            })
            .collect();
        mails.sort();
        mails
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        self.signal_postgres(Signal::QUIT);
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
