//! The functions, each a process of its own, behind a front door that knows whose a path is.

use std::collections::HashMap;
use std::path::Path;

use devkit::testing::unused_port;
use serde_json::Value;
use tokio::process::Command;

use crate::process::{Caller, Starting, command, eventually};

/// Functions that answer requests.
pub const SERVING: [&str; 6] =
    ["create-task", "query-tasks", "update-task", "complete-task", "delete-task", "chat-command"];
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
    caller: Caller,
    /// Killed when this is dropped.
    _running: Vec<Starting>,
}

impl Fleet {
    /// Starts functions at ports that were chosen for them, with their logs in a folder, and waits until each one answers. `settle`
    /// sets what is to be set beside the port.
    pub async fn start(
        ports: &HashMap<&'static str, u16>,
        logs: &Path,
        settle: impl Fn(&'static str, &mut Command),
    ) -> Self {
        let spawn = |(name, port): (&&'static str, &u16)| {
            let mut command = command(name);
            command.env("PORT", port.to_string());
            settle(name, &mut command);
            Starting::spawn_with_log(command, &logs.join(format!("{name}.log")))
        };
        let running = ports.iter().map(spawn).collect();
        let fleet = Self { ports: ports.clone(), caller: Caller::new(), _running: running };
        for (name, port) in ports {
            eventually(&format!("{name} answers"), async || {
                let answered = fleet.caller.call(*port, "GET", "/ready", &Value::Null, &[]).await;
                answered.is_some_and(|(status, _)| status == 200).then_some(())
            })
            .await;
        }
        fleet
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

    /// Ticks a function, as a clock does; says whether it worked.
    pub async fn tick(&self, name: &str) -> bool {
        let answered = self.caller.call(self.ports[name], "POST", "/", &Value::Null, &[]).await;
        answered.is_some_and(|(status, _)| (200..300).contains(&status))
    }
}
