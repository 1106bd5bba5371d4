//! Real Dapr sidecars on the loopback interface, with a state store in the database of a test, or beside an app with the components
//! of `infra/dapr`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::http::{HeaderValue, Request};
use bytes::Bytes;
use devkit::dapr::{connection_string, scheduler_arguments};
use devkit::testing::{TestDirectory, unused_port};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use runtime::dapr::Sidecar;
use tokio::process::{Child, Command};

use crate::process::{Caller, eventually};

/// The name of the state store.
pub const STORE: &str = "statestore";
/// Its table.
pub const TABLE: &str = "dapr_state";
/// How long a sidecar and its app may take to start on a busy machine.
const READY: Duration = Duration::from_secs(60);
/// The parent of the sidecar: it ends it, whatever became of the test, when the pipe on its input is closed. Nothing is lost
/// with a sidecar, so it is killed.
const WATCH: &str = r#"
"$@" &
read -r nothing
kill -KILL $!
wait
"#;

/// What a sidecar is beside.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// The app-id, by which components know it.
    pub app_id: &'static str,
    /// Where the app listens; `None` where there is none.
    pub app_port: Option<u16>,
    /// `DAPR_HTTP_PORT`, which the app may have to know before there is a sidecar.
    pub port: u16,
    /// `APP_API_TOKEN`.
    pub app_token: Option<&'static str>,
    /// The port of the scheduler.
    pub scheduler: Option<u16>,
    /// The sidecar that has every app that is invoked.
    pub invoked: Option<u16>,
    /// Whether other sidecars may invoke this app. Without mTLS that is whoever reaches the port.
    pub is_open: bool,
    /// Its components, policies and subscriptions.
    pub resources: Vec<String>,
}

impl Neighbour {
    /// Describes a sidecar of an app, with these resources.
    pub fn of(app_id: &'static str, app_port: Option<u16>, resources: Vec<String>) -> Self {
        let port = unused_port();
        Self {
            app_id,
            app_port,
            port,
            app_token: None,
            scheduler: None,
            invoked: None,
            is_open: false,
            resources,
        }
    }
}

/// A running sidecar, which ends when this is dropped.
#[derive(Debug)]
pub struct Daprd {
    /// `DAPR_HTTP_PORT`.
    pub port: u16,
    /// Where other sidecars reach it.
    pub internal_port: u16,
    daprd: PathBuf,
    /// What it wants to be shown: its folder, which no other sidecar has.
    token: String,
    files: TestDirectory,
    neighbour: Option<Neighbour>,
    watch: Child,
}

impl Daprd {
    /// Starts one whose state store is in this database; `None`, having said so, when this machine has no daprd.
    ///
    /// # Panics
    /// When there is none and `KAAM_REQUIRE_DAPR` is 1, or when it does not start.
    pub async fn start(database_url: &str) -> Option<Self> {
        let mut started = Self::spawned(unused_port(), None, &[component(database_url)])?;
        while !started.is_ready().await {
            // Somebody else took a port that was free a moment ago.
            started.port = unused_port();
            started.start_again().await;
        }
        Some(started)
    }

    /// Starts one beside an app, which is there or is coming; does not wait for either.
    ///
    /// # Panics
    /// When there is no daprd and `KAAM_REQUIRE_DAPR` is 1.
    pub fn beside(neighbour: Neighbour) -> Option<Self> {
        let resources = neighbour.resources.clone();
        Self::spawned(neighbour.port, Some(neighbour), &resources)
    }

    fn spawned(port: u16, neighbour: Option<Neighbour>, resources: &[String]) -> Option<Self> {
        let daprd = installed()?;
        let files = TestDirectory::new();
        fs::create_dir(files.path().join("resources")).expect("the folder is ours");
        for (number, resource) in resources.iter().enumerate() {
            let file = files.path().join("resources").join(format!("{number}.yaml"));
            fs::write(file, resource).expect("the folder is ours");
        }
        fs::write(files.path().join("configuration.yaml"), configuration(neighbour.as_ref()))
            .expect("the folder is ours");
        let token = files.path().display().to_string();
        let internal_port = unused_port();
        let watch = spawn(&daprd, files.path(), &token, [port, internal_port], neighbour.as_ref());
        Some(Self { port, internal_port, daprd, token, files, neighbour, watch })
    }

    /// Waits until it and its app are ready.
    pub async fn ready(&self) {
        let sidecar = self.sidecar();
        let is_ready = async || sidecar.is_there().await.then_some(());
        let waited = tokio::time::timeout(READY, async {
            while is_ready().await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "daprd is not ready:\n{}", self.log());
    }

    /// Gives what it has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }

    /// Gives what it wants to be shown: `DAPR_API_TOKEN`.
    pub fn token(&self) -> &str {
        &self.token
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
            if self.neighbour.is_some() {
                return self.ready().await;
            }
            if self.is_ready().await {
                return;
            }
        }
        panic!("the port of the sidecar was taken by somebody else");
    }

    async fn start_again(&mut self) {
        self.stop().await;
        let ports = [self.port, self.internal_port];
        self.watch = spawn(&self.daprd, self.files.path(), &self.token, ports, self.neighbour.as_ref());
    }

    /// Waits until its state store answers and it is well; `false` when one of its ports is taken. Another sidecar, which may be at that port,
    /// does not know the token.
    async fn is_ready(&self) -> bool {
        let sidecar = self.sidecar();
        let log = || fs::read_to_string(self.files.path().join("log")).unwrap_or_default();
        let looked = eventually("daprd is ready, or says why not", async || {
            // The state API answers a moment before it says of itself that it is well.
            if sidecar.document(STORE, "nothing").await.is_ok() && sidecar.is_there().await {
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
///
/// # Panics
/// When it is not and `KAAM_REQUIRE_DAPR` is 1.
#[expect(clippy::disallowed_methods, reason = "whether daprd is required is the tests' own setting")]
pub fn installed() -> Option<PathBuf> {
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

/// Gives a state store in a database, with tables of its own. The database is at a socket, which Dapr's driver wants by name and value.
pub fn component(database_url: &str) -> String {
    let database = connection_string(database_url).expect("a URL");
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
      value: {database}
    - name: tablePrefix
      value: dapr_
"
    )
}

/// Gives `infra/dapr/configuration.yaml`, with what another sidecar takes that is to be invoked, or to invoke.
fn configuration(neighbour: Option<&Neighbour>) -> String {
    let invoked = neighbour.and_then(|neighbour| neighbour.invoked);
    let template =
        invoked.map(|port| format!("kubernetes\n    configuration:\n      template: 127.0.0.1:{port}"));
    let action = if neighbour.is_some_and(|neighbour| neighbour.is_open) { "allow" } else { "deny" };
    // Functions invoke nobody; here somebody has to.
    let invoke =
        if invoked.is_some() { "{name: invoke, version: v1.0, protocol: http}\n      - " } else { "" };
    let own = [
        ("{name: publish", &*format!("{invoke}{{name: publish")),
        ("defaultAction: deny", &*format!("defaultAction: {action}")),
        ("component: kubernetes", &*format!("component: {}", template.as_deref().unwrap_or("kubernetes"))),
    ];
    resource("configuration.yaml", &own)
}

fn spawn(
    daprd: &Path,
    files: &Path,
    token: &str,
    [port, internal]: [u16; 2],
    neighbour: Option<&Neighbour>,
) -> Child {
    let log = File::create(files.join("log")).expect("the folder is ours");
    let again = log.try_clone().expect("a second handle");
    let sidecar = devkit::dapr::Sidecar {
        app_id: neighbour.map_or("kaam", |neighbour| neighbour.app_id),
        app_port: neighbour.and_then(|neighbour| neighbour.app_port),
        ports: [port, unused_port(), internal],
        scheduler: neighbour.and_then(|neighbour| neighbour.scheduler),
        files,
        log_level: "info",
    };
    let mut command = Command::new("sh");
    command
        .args(["-c", WATCH, "watch"])
        .arg(daprd)
        .args(sidecar.arguments())
        .env("DAPR_API_TOKEN", token)
        // A machine may have no other network.
        .env("DAPR_HOST_IP", "127.0.0.1");
    if let Some(token) = neighbour.and_then(|neighbour| neighbour.app_token) {
        command.env("APP_API_TOKEN", token);
    }
    command
        // Ctrl-C ends the test, and that the sidecar.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(again)
        .spawn()
        .expect("a shell")
}

/// Asks a sidecar, at its port for others, to post to its app, as another sidecar would, but by one's own words: with no token, no name,
/// and nothing that says whose call it is. Gives gRPC's status: 0 when the app was called, 7 when that was refused.
pub async fn invoked_at(internal_port: u16, path: &str, body: &str) -> Option<u32> {
    const POST: u8 = 3;
    // `InternalInvokeRequest` of dapr/proto/internals/v1/service_invocation.proto.
    let extension = [1 << 3, POST];
    let message = [
        field(1, path.as_bytes()),
        field(2, &field(2, body.as_bytes())),
        field(3, b"application/json"),
        field(4, &extension),
    ]
    .concat();
    let metadata = [field(1, b"content-type"), field(2, &field(1, b"application/json"))].concat();
    let request = [vec![1 << 3, 1], field(2, &metadata), field(3, &message)].concat();
    let length = u32::try_from(request.len()).expect("it is short").to_be_bytes();
    let framed = [&[0][..], &length, &request].concat();
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let call = "dapr.proto.internals.v1.ServiceInvocation/CallLocal";
    let request = Request::post(format!("http://127.0.0.1:{internal_port}/{call}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(framed)))
        .expect("a request");
    let response = client.request(request).await.ok()?;
    let said = response.headers().get("grpc-status").cloned();
    let body = response.into_body().collect().await.ok()?;
    let said = said.or_else(|| body.trailers()?.get("grpc-status").cloned())?;
    said.to_str().ok()?.parse().ok()
}

/// Writes a field of Protocol Buffers that is a text, bytes or a message.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        field.push(u8::try_from(length & 0x7f).expect("7 bits") | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).expect("7 bits"));
    [field, value.to_vec()].concat()
}

/// Gives what `infra/dapr` says, with values of the test's own: `(what stands there, what is to stand there)`.
///
/// # Panics
/// When there is no such file, or no such value in it.
pub fn resource(file: &str, values: &[(&str, &str)]) -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/dapr"));
    devkit::dapr::resource(&folder.join(file), values).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Dapr's scheduler, which keeps jobs; it ends when this is dropped.
#[derive(Debug)]
pub struct Scheduler {
    /// Where sidecars reach it.
    pub port: u16,
    _files: TestDirectory,
    _watch: Child,
}

impl Scheduler {
    /// Starts one; `None`, having said so, when this machine has none.
    ///
    /// # Panics
    /// When there is none and `KAAM_REQUIRE_DAPR` is 1, or when it does not start.
    pub async fn start() -> Option<Self> {
        let program = installed()?.with_file_name("scheduler");
        assert!(program.is_file(), "the scheduler is built with daprd");
        let files = TestDirectory::new();
        let log = File::create(files.path().join("log")).expect("the folder is ours");
        let again = log.try_clone().expect("a second handle");
        let [port, health, etcd, peers] = [(); 4].map(|()| unused_port());
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(program)
            .args(scheduler_arguments(port, [health, etcd, peers], &files.path().join("data"), "info"))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(again)
            .spawn()
            .expect("a shell");
        let caller = Caller::new();
        let is_ready = async || {
            let (status, _) = caller.call(health, "GET", "/healthz", &serde_json::Value::Null, &[]).await?;
            (status == 200).then_some(())
        };
        let log = files.path().join("log");
        if tokio::time::timeout(READY, eventually("the scheduler is ready", is_ready)).await.is_err() {
            panic!("the scheduler did not start:\n{}", fs::read_to_string(log).unwrap_or_default());
        }
        Some(Self { port, _files: files, _watch: watch })
    }
}
