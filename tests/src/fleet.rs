//! The functions, each a process of its own, behind a front door that knows whose a path is.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use devkit::testing::unused_port;
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use crate::process::{Caller, Starting, command, eventually};
use crate::updates::Updates;

/// Functions that answer requests.
pub const SERVING: [&str; 6] =
    ["create-task", "query-tasks", "update-task", "complete-task", "delete-task", "chat-command"];
/// The function whose answers have no end, which is not everywhere.
pub const STREAMING: &str = "stream-updates";
/// Functions that take events, and the topics that they take them from.
pub const CONSUMING: [(&str, &[&str]); 3] = [
    ("write-audit", &["task-events", "reminders", "audit-events"]),
    ("spawn-recurrence", &["task-events"]),
    ("send-reminder", &["reminders"]),
];
/// Functions that a clock wakes.
pub const TICKED: [&str; 2] = ["scan-reminders", "relay-events"];

/// Gives the function whose a request is, as `functions/README.md` has it.
pub fn function_of(method: &str, path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let action = path.rsplit('/').next().unwrap_or_default();
    match method {
        _ if path.starts_with("/chat/") => "chat-command",
        "GET" if path == "/api/updates" => STREAMING,
        "GET" => "query-tasks",
        "PATCH" => "update-task",
        "DELETE" => "delete-task",
        _ => match action {
            "complete" | "reopen" => "complete-task",
            "restore" => "delete-task",
            "snooze" | "undo" => "update-task",
            _ => "create-task",
        },
    }
}

/// Functions that run.
#[derive(Debug)]
pub struct Fleet {
    ports: HashMap<&'static str, u16>,
    logs: PathBuf,
    settings: HashMap<&'static str, Settings>,
    caller: Caller,
    /// Killed when this is dropped.
    running: HashMap<&'static str, Starting>,
}

type Settings = Vec<(OsString, OsString)>;

impl Fleet {
    /// Starts functions at ports that were chosen for them, with their logs in a folder, and waits until each one answers. `settle`
    /// sets what is to be set beside the port.
    pub async fn start(
        ports: &HashMap<&'static str, u16>,
        logs: &Path,
        settle: impl Fn(&'static str, &mut Command),
    ) -> Self {
        let settings_of = |name: &&'static str| {
            let mut command = command(name);
            settle(name, &mut command);
            let settings = command.as_std().get_envs();
            let settings = settings.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
            (*name, settings.collect())
        };
        let mut fleet = Self {
            ports: ports.clone(),
            logs: logs.to_owned(),
            settings: ports.keys().map(settings_of).collect(),
            caller: Caller::new(),
            running: HashMap::new(),
        };
        ports.keys().for_each(|name| fleet.start_again(name));
        for name in ports.keys() {
            fleet.answers(name).await;
        }
        fleet
    }

    /// Starts a function that has ended, at its port.
    pub fn start_again(&mut self, name: &'static str) {
        let started = self.spawn(name, self.ports[name]);
        let before = self.running.insert(name, started);
        assert!(before.is_none(), "{name} runs already");
    }

    /// Starts one more of a function, at a port of its own.
    pub fn another(&self, name: &'static str) -> Starting {
        self.spawn(name, 0)
    }

    fn spawn(&self, name: &'static str, port: u16) -> Starting {
        let mut command = command(name);
        let settings = self.settings[name].iter().map(|(name, value)| (name, value));
        command.envs(settings).env("PORT", port.to_string());
        Starting::spawn_with_log(command, &self.logs.join(format!("{name}.log")))
    }

    async fn answers(&self, name: &'static str) {
        eventually(&format!("{name} answers"), async || {
            let answered = self.caller.call(self.ports[name], "GET", "/ready", &Value::Null, &[]).await;
            answered.is_some_and(|(status, _)| status == 200).then_some(())
        })
        .await;
    }

    /// Kills a function (SIGKILL), and waits until it is gone.
    pub async fn kill(&mut self, name: &'static str) {
        self.running.remove(name).expect("it runs").kill().await;
    }

    /// Tells a function to stop (SIGTERM), and waits until it has.
    ///
    /// # Panics
    /// When it does not stop, or not in good order.
    pub async fn stop(&mut self, name: &'static str) {
        let function = self.running.remove(name).expect("it runs");
        function.signal(Signal::TERM);
        assert!(function.ended().await.success(), "{name} stops when it is told to");
    }

    /// Chooses a port for each of these functions.
    pub fn ports(names: impl IntoIterator<Item = &'static str>) -> HashMap<&'static str, u16> {
        names.into_iter().map(|name| (name, unused_port())).collect()
    }

    /// Sends JSON to the function whose the request is.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, Value)> {
        let port = self.ports[function_of(method, path)];
        self.caller.call(port, method, path, body, headers).await
    }

    /// Opens a stream of a user's updates.
    pub async fn updates(&self, user: &str) -> Updates {
        Updates::open_at(self.ports[STREAMING], user, false).await
    }

    /// Ticks a function, as a clock does; says whether it worked.
    pub async fn tick(&self, name: &str) -> bool {
        let answered = self.caller.call(self.ports[name], "POST", "/", &Value::Null, &[]).await;
        answered.is_some_and(|(status, _)| (200..300).contains(&status))
    }
}
