//! The emulator of AWS Lambda that `cargo lambda watch` is, on the loopback interface.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use devkit::testing::{TestDirectory, unused_port};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::{self, Caller, eventually};

/// The name of a function that the emulator does not start itself.
const FUNCTION: &str = "_";

/// A running emulator without a function, which ends when this is dropped.
#[derive(Debug)]
pub struct CargoLambda {
    port: u16,
    files: TestDirectory,
    emulator: Child,
}

impl CargoLambda {
    /// Starts one; `None`, having said so, when this machine has no cargo-lambda.
    ///
    /// # Panics
    /// When there is none and `KAAM_REQUIRE_LAMBDA` is 1, or when it does not start.
    pub async fn start() -> Option<Self> {
        Self::start_for(&[]).await
    }

    /// Starts one that knows these functions by their names; `None`, having said so, when this machine has no cargo-lambda.
    ///
    /// # Panics
    /// As [`CargoLambda::start`].
    pub async fn start_for(names: &[&str]) -> Option<Self> {
        let program = installed()?;
        let files = TestDirectory::new();
        // It wants to stand in a package, whose programs are the functions, and would build it if it were told to.
        let mut manifest =
            "[package]\nname = \"none\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n".to_owned();
        for name in names {
            manifest += &format!("[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n");
        }
        fs::write(files.path().join("Cargo.toml"), manifest).expect("the folder is ours");
        fs::create_dir(files.path().join("src")).expect("the folder is ours");
        fs::write(files.path().join("src/main.rs"), "fn main() {}\n").expect("the folder is ours");
        let port = unused_port();
        let emulator = spawn(&program, files.path(), port);
        let started = Self { port, files, emulator };
        eventually("the emulator listens", || async {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok().then_some(())
        })
        .await;
        Some(started)
    }

    /// Prepares a function that it is to invoke.
    pub fn command(&self, name: &str, database_url: &str) -> Command {
        self.command_at("", name, database_url)
    }

    /// Prepares a function that it is to invoke by its name.
    pub fn command_by_name(&self, name: &str, database_url: &str) -> Command {
        let mut command = self.command_at(&format!("/{name}"), name, database_url);
        command.env("AWS_LAMBDA_FUNCTION_NAME", name);
        command
    }

    fn command_at(&self, place: &str, name: &str, database_url: &str) -> Command {
        let mut command = process::command(name);
        command
            .env_remove("PORT")
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{}/.rt{place}", self.port))
            .env("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("DATABASE_URL", database_url);
        command
    }

    /// Sends a request to the URL of the function.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        self.request_to(FUNCTION, method, path, body, headers).await
    }

    /// Sends a request to the URL of the function of this name.
    pub async fn request_to(
        &self,
        name: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let path = format!("/lambda-url/{name}{path}");
        Caller::new().call(self.port, method, &path, body, headers).await.expect("the emulator answers")
    }

    /// Invokes the function with an event, and gives the status and what it said.
    pub async fn invoke(&self, event: &Value) -> (u16, Value) {
        let path = format!("/2015-03-31/functions/{FUNCTION}/invocations");
        Caller::new().call(self.port, "POST", &path, event, &[]).await.expect("the emulator answers")
    }

    /// Ends it, and gives what it wrote.
    pub async fn stop(mut self) -> String {
        self.emulator.kill().await.expect("it was started");
        fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }
}

/// Gives where cargo-lambda is; `None`, having said so, when it is not.
#[expect(clippy::disallowed_methods, reason = "whether cargo-lambda is required is the tests' own setting")]
fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/local/install-cargo-lambda");
    let said = std::process::Command::new(script).arg("--path").output().expect("the script is there");
    let program = PathBuf::from(String::from_utf8(said.stdout).expect("a path in UTF-8").trim_end());
    if program.is_file() {
        return Some(program);
    }
    let required = std::env::var_os("KAAM_REQUIRE_LAMBDA").is_some_and(|required| required == "1");
    assert!(!required, "KAAM_REQUIRE_LAMBDA is 1, and there is no cargo-lambda; `make lambda` installs it");
    // Not by a macro, which would be heard of only when the test fails.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ =
        writeln!(std::io::stderr(), "{test}: left out what needs cargo-lambda; `make lambda` installs it");
    None
}

fn spawn(program: &Path, files: &Path, port: u16) -> Child {
    let log = File::create(files.join("log")).expect("the folder is ours");
    let again = log.try_clone().expect("a second handle");
    Command::new(program)
        .args(["lambda", "watch", "--ignore-changes", "--only-lambda-apis"])
        .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
        .current_dir(files)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(again)
        .kill_on_drop(true)
        .spawn()
        .expect("cargo-lambda is a program")
}
