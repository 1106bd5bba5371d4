//! Dapr sidecars beside the functions that need one, on the components of `infra/dapr`, and the scheduler of their jobs.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use devkit::dapr::{self, connection_string, resource, scheduler_arguments};
use devkit::testing::unused_port;
use runtime::dapr::Sidecar;
use tokio::time::sleep;

use super::inherited::{Recipient, Surroundings};
use super::part::{Failure, Part, Starting};
use super::{GLANCE, HttpClient, ON_A_CLOCK, ON_THE_BUS, TICKED, TRIES};
use crate::secret;

/// What keeps conversations.
const CHAT: &str = "chat-command";
/// How often the job of the scan is due, as often as another cluster's clock ticks; that of the relay has its own default.
const SCHEDULE: &str = "*/2 * * * * *";
/// What sidecars are configured by: the name of the file, there and here.
const CONFIGURATION: &str = "configuration.yaml";
/// Sidecars say much that is of no use to anybody else.
const LOG_LEVEL: &str = "warn";

/// Where Dapr is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Installed<'a> {
    /// The folder of `daprd` and `scheduler`.
    pub(crate) programs: &'a Path,
    /// `infra/dapr`.
    pub(crate) resources: &'a Path,
}

/// What all sidecars share.
#[derive(Debug)]
pub(super) struct Sidecars {
    programs: PathBuf,
    files: PathBuf,
    /// What a sidecar wants to be shown, and what it shows.
    tokens: [String; 2],
}

impl Sidecars {
    /// Writes what they read, for this broker and this database.
    pub(super) fn new(
        installed: &Installed,
        data_dir: &Path,
        brokers: &str,
        database_url: &str,
    ) -> anyhow::Result<Self> {
        for name in ["daprd", "scheduler"] {
            let program = installed.programs.join(name);
            anyhow::ensure!(
                program.is_file(),
                "{} is missing; `make run BUS=dapr` builds it",
                program.display()
            );
        }
        let files = data_dir.join("dapr");
        let database = serde_json::to_string(&connection_string(database_url)?)?;
        let reference = "secretKeyRef:\n        name: db-credentials\n        key: STATE_STORE";
        let state_store = [
            (reference, &*format!("value: {database}")),
            // With it what it was kept in.
            ("auth:\n  secretStore: secrets\n", ""),
        ];
        let of_bus = [("kafka:9092", brokers)];
        let resources = [
            ("components/pubsub.yaml", &of_bus[..]),
            ("components/statestore.yaml", &state_store),
            ("resiliency.yaml", &[]),
        ];
        remove(&files).context("what an earlier cluster left can not be removed")?;
        let sidecars =
            Self { programs: installed.programs.to_owned(), files, tokens: [secret::new(), secret::new()] };
        let folder = sidecars.files.join("resources");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        for (number, (file, values)) in resources.into_iter().enumerate() {
            let text = resource(&installed.resources.join(file), values)?;
            fs::write(folder.join(format!("{number}.yaml")), text)?;
        }
        let configuration = resource(&installed.resources.join(CONFIGURATION), &[])?;
        fs::write(sidecars.files.join(CONFIGURATION), configuration)?;
        Ok(sidecars)
    }

    /// Starts the scheduler, waits until it is well, and gives its port, too. It is told its ports, which somebody else may take first:
    /// then it is started with others.
    pub(super) async fn start_scheduler(
        &self,
        client: &HttpClient,
        surroundings: &Surroundings,
    ) -> anyhow::Result<(Part, u16)> {
        for _ in 0..TRIES {
            let [port, health, etcd, peers] = [(); 4].map(|()| unused_port());
            let jobs = self.files.join("jobs");
            remove(&jobs)?;
            let arguments = scheduler_arguments(port, [health, etcd, peers], &jobs, LOG_LEVEL);
            let starting = self.starting("scheduler", "scheduler".to_owned(), arguments);
            let mut scheduler = Part::start(starting, surroundings)?;
            let failure = tokio::select! {
                () = is_well(client, health) => return Ok((scheduler, port)),
                failure = scheduler.failed() => failure,
            };
            match failure {
                Failure::Taken => scheduler.stop(Duration::ZERO).await,
                Failure::Ended(how) => bail!(how),
            }
        }
        bail!("the ports of the scheduler were taken by somebody else, {TRIES} times")
    }

    /// Chooses the ports of a function's sidecar, if it has one.
    pub(super) fn beside(&self, function: &'static str) -> Option<Beside<'_>> {
        has_sidecar(function).then(|| {
            let ports = [(); 3].map(|()| unused_port());
            Beside { sidecars: self, function, ports }
        })
    }

    fn starting(&self, program: &str, name: String, arguments: Vec<OsString>) -> Starting<'static> {
        let mut settings = vec![("DAPR_HOST_IP", "127.0.0.1".to_owned())];
        settings.extend(self.tokens());
        let program = self.programs.join(program);
        Starting { name, program, arguments, is_to_get: Recipient::Other, settings }
    }

    fn tokens(&self) -> [(&'static str, String); 2] {
        let [shown, shows] = self.tokens.clone();
        [("DAPR_API_TOKEN", shown), ("APP_API_TOKEN", shows)]
    }
}

/// A sidecar that is to run.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    sidecars: &'a Sidecars,
    function: &'static str,
    /// Where it is to serve HTTP, gRPC, and other sidecars.
    ports: [u16; 3],
}

impl Beside<'_> {
    /// Gives what the function has to know of it.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("DAPR_HTTP_PORT", self.ports[0].to_string())];
        settings.extend(self.sidecars.tokens());
        match self.function {
            CHAT => settings.push(("CONVERSATION_STATE", "dapr".to_owned())),
            TICKED => settings.push(("DAPR_SCHEDULE", SCHEDULE.to_owned())),
            _ => {}
        }
        settings
    }

    /// Describes it beside the function, which serves at `app_port`.
    pub(super) fn starting(&self, app_port: u16, scheduler: Option<u16>) -> Starting<'static> {
        let sidecar = dapr::Sidecar {
            app_id: self.function,
            app_port: Some(app_port),
            ports: self.ports,
            scheduler: scheduler.filter(|_| ON_A_CLOCK.contains(&self.function)),
            files: &self.sidecars.files,
            log_level: LOG_LEVEL,
        };
        let name = format!("{}'s daprd", self.function);
        self.sidecars.starting("daprd", name, sidecar.arguments())
    }

    /// Waits until it and its function have found each other.
    pub(super) async fn is_there(&self) {
        let token = HeaderValue::from_str(&self.sidecars.tokens[0]).expect("hexadecimal digits");
        let client = Sidecar::new(self.ports[0], Some(token));
        while !client.is_there().await {
            sleep(GLANCE).await;
        }
    }
}

/// Says who has a sidecar: what is on the bus, what a job ticks, and whose conversations are in a state store. The others only serve,
/// need nothing of it, and would each cost the memory of one.
fn has_sidecar(function: &str) -> bool {
    ON_THE_BUS.contains(&function) || ON_A_CLOCK.contains(&function) || function == CHAT
}

/// Waits until a scheduler says that it is well.
async fn is_well(client: &HttpClient, port: u16) {
    loop {
        let request = Request::get(format!("http://127.0.0.1:{port}/healthz")).body(Body::empty());
        let answer = client.request(request.expect("a path is a request")).await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        sleep(GLANCE).await;
    }
}

impl Drop for Sidecars {
    fn drop(&mut self) {
        // The next start removes what could not be.
        let _ = remove(&self.files);
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
