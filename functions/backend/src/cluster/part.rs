//! One function, or what stands beside it, as a process.

use std::ffi::OsString;
use std::io::{Write as _, stderr};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::inherited::{Recipient, Surroundings};

/// How wide the longest name of a function is.
const WIDTH: usize = 16;
/// The parent of a part: it tells it to stop on the word `stop`, and kills it when its input is closed after that. Without that word
/// it tells it to stop when its input is closed, in whatever way this program ends. It lets go of the part's output, so that whoever
/// reads that knows when the part has ended, and ends as the part did.
const WATCH: &str = r#"
"$@" <&- &
exec >/dev/null 2>&1
read -r word
kill -TERM $!
if [ "$word" = stop ]; then
    read -r word
    kill -KILL $!
fi
wait $!
"#;
/// What a program says of a port that is somebody else's.
const TAKEN: &str = "address already in use";
/// How a part says where it serves.
const ADDRESS: &str = "http://127.0.0.1:";

/// A part that is to run.
#[derive(Debug)]
pub(super) struct Starting<'a> {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) is_to_get: Recipient<'a>,
    pub(super) settings: Vec<(&'static str, String)>,
}

/// A running part, which is told to stop when this is dropped.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pipe: Option<ChildStdin>,
    watch: Child,
    telling: JoinHandle<()>,
    heard: watch::Receiver<Heard>,
}

/// What a part has said that matters here.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// Where it serves.
    port: Option<u16>,
    /// Whether a port that was chosen for it is somebody else's.
    is_taken: bool,
}

/// Why a part that was to start has not.
#[derive(Debug)]
pub(super) enum Failure {
    /// A port that was chosen for it is somebody else's.
    Taken,
    /// It ended, and how.
    Ended(String),
}

impl Part {
    /// Starts it with what it is to get of the environment, and with settings of its own. Its log goes to standard error, each line
    /// after its name.
    pub(super) fn start(starting: Starting<'_>, surroundings: &Surroundings) -> anyhow::Result<Self> {
        let Starting { name, program, arguments, is_to_get, settings } = starting;
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "watch"]).arg(program).args(arguments);
        for withheld in surroundings.withheld_from(is_to_get) {
            command.env_remove(withheld);
        }
        for (name, value) in settings {
            command.env_remove(format!("{name}_FILE")).env(name, value);
        }
        // Ctrl-C is for this program, which passes it on.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watch = command.spawn().with_context(|| format!("{name} can not be started"))?;
        let (pipe, out, err) = (watch.stdin.take(), watch.stdout.take(), watch.stderr.take());
        let (hear, heard) = watch::channel(Heard::default());
        let told = name.clone();
        let telling = tokio::spawn(async move {
            tokio::join!(tell(&told, out, true, &hear), tell(&told, err, false, &hear));
        });
        Ok(Self { name, pipe, watch, telling, heard })
    }

    /// Waits until it says where it serves.
    ///
    /// # Errors
    /// It ended before.
    pub(super) async fn port(&mut self) -> anyhow::Result<u16> {
        let heard = self.heard.wait_for(|heard| heard.port.is_some()).await.map(|heard| heard.port);
        match heard {
            Ok(port) => Ok(port.expect("it was waited for")),
            Err(_) => anyhow::bail!(self.ended().await),
        }
    }

    /// Waits until it has ended by itself, and says how.
    pub(super) async fn ended(&mut self) -> String {
        if !self.telling.is_finished() {
            // It can not have panicked.
            let _ = (&mut self.telling).await;
        }
        drop(self.pipe.take());
        let how = self.watch.wait().await.map_or_else(|error| error.to_string(), how);
        format!("{} {how}", self.name)
    }

    /// Waits until it is plain that it will not start.
    pub(super) async fn failed(&mut self) -> Failure {
        // An end without that word ends the wait as well.
        if self.heard.wait_for(|heard| heard.is_taken).await.is_ok() {
            return Failure::Taken;
        }
        Failure::Ended(self.ended().await)
    }

    /// Tells it to stop, and waits until it has; one that takes longer than `patience` is killed.
    pub(super) async fn stop(mut self, patience: Duration) {
        if let Some(pipe) = &mut self.pipe {
            // It may have ended by itself.
            let _ = pipe.write_all(b"stop\n").await;
        }
        if !self.telling.is_finished() && timeout(patience, &mut self.telling).await.is_err() {
            tell_of(&self.name, "takes too long to stop, and is killed");
        }
        drop(self.pipe.take());
        let _ = self.watch.wait().await;
    }
}

fn how(ended: ExitStatus) -> String {
    match ended.code() {
        Some(0) => "ended by itself".to_owned(),
        // What a shell makes of a signal.
        Some(code @ 129..) => format!("ended by itself, killed by signal {}", code - 128),
        Some(code) => format!("ended by itself with exit code {code}"),
        None => format!("ended by itself: {ended}"),
    }
}

/// Shows a line after the name of whose it is; nobody may be there to see it, once the terminal is closed.
pub(super) fn tell_of(name: &str, line: &str) {
    let _ = writeln!(stderr(), "{name:WIDTH$} | {line}");
}

/// Shows each line after the name of the part, and hears what matters here; where it serves, a part says on its standard output alone.
async fn tell(
    name: &str,
    lines: Option<impl AsyncRead + Unpin>,
    is_output: bool,
    hear: &watch::Sender<Heard>,
) {
    let Some(lines) = lines else { return };
    let (mut lines, mut line) = (BufReader::new(lines), Vec::new());
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        tell_of(name, text);
        let port = text.split_once(ADDRESS).filter(|_| is_output).and_then(|(_, port)| port.parse().ok());
        let is_taken = text.contains(TAKEN);
        hear.send_if_modified(|heard| {
            heard.port = heard.port.or(port);
            heard.is_taken |= is_taken;
            port.is_some() || is_taken
        });
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock::Stopwatch;
    use runtime::config::Environment;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Starts a shell in place of a part.
    fn start(script: &str) -> Part {
        let surroundings = Surroundings::new(&Environment::default(), false).expect("it is empty");
        let starting = Starting {
            name: "part".to_owned(),
            program: "/bin/sh".into(),
            arguments: ["-c", script].map(OsString::from).into(),
            is_to_get: Recipient::Other,
            settings: Vec::new(),
        };
        Part::start(starting, &surroundings).expect("there is a shell")
    }

    #[tokio::test]
    async fn a_part_says_where_it_serves() {
        let mut part =
            start("echo 'http://127.0.0.1:1' >&2; echo 'it is ready: http://127.0.0.1:4321'; exec sleep 60");
        assert_eq!(part.port().await.expect("it runs"), 4321);
        part.stop(PATIENCE).await;
    }

    #[tokio::test]
    async fn how_a_part_ended_is_known() {
        for (script, how) in [
            ("exit 0", "part ended by itself"),
            ("exit 3", "part ended by itself with exit code 3"),
            ("kill -9 $$", "part ended by itself, killed by signal 9"),
            // No text that could be shown as it is, which is no end.
            (r"printf '\377\n'; sleep 0.2; exit 4", "part ended by itself with exit code 4"),
        ] {
            let mut part = start(script);
            assert_eq!(part.port().await.expect_err("it has ended").to_string(), how);
            assert_eq!(part.ended().await, how);
        }
    }

    #[tokio::test]
    async fn a_port_that_is_somebody_elses_is_told_from_another_end() {
        let mut taken = start("echo 'listen tcp 127.0.0.1:1: bind: address already in use' >&2; exit 1");
        assert!(matches!(taken.failed().await, Failure::Taken));
        let mut ended = start("echo 'no such file' >&2; exit 1");
        assert!(matches!(ended.failed().await, Failure::Ended(how) if how.ends_with("exit code 1")));
    }

    #[tokio::test]
    async fn a_part_that_does_not_stop_is_killed() {
        let mut part = start("trap '' TERM; echo http://127.0.0.1:1; while :; do sleep 0.05; done");
        part.port().await.expect("it runs");
        let watch = Stopwatch::start();
        part.stop(Duration::from_millis(100)).await;
        assert!(watch.elapsed() < PATIENCE);
    }
}
