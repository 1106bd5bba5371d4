//! Dapr sidecars beside the functions that need one, on the components of `infra/dapr`, and the scheduler of their jobs.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::http::HeaderValue;
use devkit::dapr::{self, configuration, connection_string, resource, scheduler_arguments};
use devkit::testing::unused_port;
use runtime::dapr::Sidecar;

use super::GLANCE;
use super::part::{Part, Starting};
use crate::secret;

/// Who has a sidecar: what is on the bus, what a job ticks, and whose conversations are in a state store. The others only serve, need
/// nothing of it, and would each cost the memory of one.
const BESIDE: [&str; 6] =
    ["relay-events", "send-reminder", "spawn-recurrence", "write-audit", "scan-reminders", CHAT];
/// What keeps conversations.
const CHAT: &str = "chat-command";
/// How often the job of the scan is due, as often as another cluster's clock ticks; that of the relay has its own default.
const SCHEDULE: (&str, &str) = ("scan-reminders", "*/2 * * * * *");
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
    /// The port of the scheduler.
    scheduler: u16,
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
        let sidecars = Self {
            programs: installed.programs.to_owned(),
            files,
            scheduler: unused_port(),
            tokens: [secret::new(), secret::new()],
        };
        let folder = sidecars.files.join("resources");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        for (number, (file, values)) in resources.into_iter().enumerate() {
            let text = resource(&installed.resources.join(file), values)?;
            fs::write(folder.join(format!("{number}.yaml")), text)?;
        }
        fs::write(sidecars.files.join("configuration.yaml"), configuration(None))?;
        Ok(sidecars)
    }

    /// Describes the scheduler.
    pub(super) fn scheduler(&self) -> Starting {
        let ports = [(); 3].map(|()| unused_port());
        let arguments = scheduler_arguments(self.scheduler, ports, &self.files.join("jobs"), LOG_LEVEL);
        self.starting("scheduler", "scheduler".to_owned(), self.scheduler, arguments)
    }

    /// Describes the sidecar of a function, if it has one, and gives what the function has to know of it.
    pub(super) fn beside(
        &self,
        name: &'static str,
        app_port: u16,
    ) -> Option<(Starting, Vec<(&'static str, String)>)> {
        if !BESIDE.contains(&name) {
            return None;
        }
        let ports = [(); 3].map(|()| unused_port());
        let sidecar = dapr::Sidecar {
            app_id: name,
            app_port: Some(app_port),
            ports,
            scheduler: super::ON_A_CLOCK.contains(&name).then_some(self.scheduler),
            files: &self.files,
            log_level: LOG_LEVEL,
        };
        let starting = self.starting("daprd", format!("{name}'s daprd"), ports[0], sidecar.arguments());
        let mut settings = vec![("DAPR_HTTP_PORT", ports[0].to_string())];
        settings.extend(self.tokens());
        match name {
            CHAT => settings.push(("CONVERSATION_STATE", "dapr".to_owned())),
            name if name == SCHEDULE.0 => settings.push(("DAPR_SCHEDULE", SCHEDULE.1.to_owned())),
            _ => {}
        }
        Some((starting, settings))
    }

    /// Waits until a sidecar and its function have found each other.
    pub(super) async fn wait_for(&self, sidecar: &Part) {
        let token = HeaderValue::from_str(&self.tokens[0]).expect("hexadecimal digits");
        let client = Sidecar::new(sidecar.port, Some(token));
        while !client.is_there().await {
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn starting(&self, program: &str, name: String, port: u16, arguments: Vec<OsString>) -> Starting {
        let mut settings = vec![("DAPR_HOST_IP", "127.0.0.1".to_owned())];
        settings.extend(self.tokens());
        Starting { name, program: self.programs.join(program), arguments, port, settings }
    }

    fn tokens(&self) -> [(&'static str, String); 2] {
        let [shown, shows] = self.tokens.clone();
        [("DAPR_API_TOKEN", shown), ("APP_API_TOKEN", shows)]
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
