//! One function, or what stands beside it, as a process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::OWN;

/// How long it may take to finish what is under way; its own limit is 10 s.
const STOPPED_WITHIN: Duration = Duration::from_secs(12);
/// How wide the longest name of a function is.
const WIDTH: usize = 16;
/// The parent of a function: it tells it to stop when the pipe on its input is closed, in whatever way this program ends. It lets go
/// of the function's output, so that whoever reads that knows when the function has ended.
const WATCH: &str = r#"
"$@" <&- &
exec >/dev/null 2>&1
read -r nothing
kill -TERM $!
wait $!
"#;

/// A part that is to run.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// Where it will serve.
    pub(super) port: u16,
    pub(super) settings: Vec<(&'static str, String)>,
}

/// A running part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) port: u16,
    pipe: Option<ChildStdin>,
    watch: Child,
}

impl Part {
    /// Starts it with the settings of this process, without those that are the cluster's own, and with others. Its log goes to
    /// standard error, each line after its name.
    pub(super) fn start(starting: Starting, tell_ended: mpsc::Sender<String>) -> anyhow::Result<Self> {
        let Starting { name, program, arguments, port, settings } = starting;
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "watch"]).arg(program).args(arguments);
        for own in OWN {
            command.env_remove(own).env_remove(format!("{own}_FILE"));
        }
        for (name, value) in settings {
            command.env_remove(format!("{name}_FILE")).env(name, value);
        }
        // Ctrl-C is for this program, which passes it on.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watch = command.spawn().with_context(|| format!("{name} can not be started"))?;
        let (pipe, out, err) = (watch.stdin.take(), watch.stdout.take(), watch.stderr.take());
        let told = name.clone();
        tokio::spawn(async move {
            tokio::join!(tell(&told, out), tell(&told, err));
            // Whoever does not listen has ended it.
            let _ = tell_ended.send(told).await;
        });
        Ok(Self { name, port, pipe, watch })
    }

    /// Tells it to stop, and waits until it has.
    pub(super) async fn stop(mut self) {
        drop(self.pipe.take());
        if timeout(STOPPED_WITHIN, self.watch.wait()).await.is_err() {
            eprintln!("{:WIDTH$} | does not stop", self.name);
        }
    }
}

/// Shows each line after the name of the part.
async fn tell(name: &str, lines: Option<impl AsyncRead + Unpin>) {
    let Some(lines) = lines else { return };
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("{name:WIDTH$} | {line}");
    }
}
