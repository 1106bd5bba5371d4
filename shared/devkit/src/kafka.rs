//! A real Kafka broker on the loopback interface: one node, broker and controller in one, as `infra/local/install-kafka` installs it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::testing::unused_port;

/// The id of the cluster, as it is installed.
const CLUSTER: &str = "a2FhbS1vZi10aGUtdGVzdA";
/// The file of the broker's settings.
const SETTINGS: &str = "server.properties";
/// How long a start may take.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// How often the log of a start is looked at.
const GLANCE: Duration = Duration::from_millis(20);
/// How often other ports are tried when somebody else has taken them.
const TRIES: usize = 5;
/// What a small broker takes; it starts soon.
const JAVA: [&str; 5] =
    ["-Xms64m", "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
/// The parent of the broker: it ends it, whatever became of this program, when the pipe on its input is closed, and removes its
/// files if it is told to. Its output is the broker's third file, which is closed when the broker has ended.
const WATCH: &str = r#"
files=$1
kept=$2
shift 2
"$@" 3>&1 >>"$files/log" 2>&1 &
exec >/dev/null
read -r word
kill -KILL $!
wait
[ "$word$kept" = removed ] && rm -rf "$files"
"#;

/// What becomes of a broker's files when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// They stay, and the next start in the same folder goes on with them.
    Kept,
    /// They are removed.
    Removed,
}

/// Listeners beside the plain one, and what they ask for.
#[derive(Debug)]
pub struct Secured {
    /// The protocol of each: `SASL_SSL`.
    pub protocols: Vec<&'static str>,
    /// Properties of the broker by their names, a line each.
    pub properties: String,
    /// Whom the broker knows by a password (SCRAM-SHA-512), and that.
    pub user: (String, String),
}

/// A running broker, which ends when this is dropped.
#[derive(Debug)]
pub struct Broker {
    /// Where it answers: `KAFKA_BROKERS`.
    pub address: String,
    /// Where it answers likewise by each protocol of [`Secured`].
    pub secured: Vec<String>,
    installed: PathBuf,
    folder: PathBuf,
    files: Files,
    running: Mutex<Running>,
}

/// A broker's process, through its parent.
#[derive(Debug)]
struct Running {
    parent: Child,
    has_ended: watch::Receiver<bool>,
}

impl Broker {
    /// Starts one that keeps its files in `folder`, and waits until it serves. `installed` is what `install-kafka --path` says.
    ///
    /// # Errors
    /// There is no Kafka, no Java, no room or no port; or what the broker says.
    pub async fn start(installed: &Path, folder: &Path, files: Files) -> Result<Self> {
        let classpath = installed.join("classpath");
        if !classpath.is_file() {
            bail!("there is no Kafka in {}", installed.display());
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot make {}", folder.display()))?;
        if !folder.join("data").exists() {
            copy(&installed.join("formatted"), &folder.join("data"))?;
        }
        Self::on_unused_ports(installed, folder, files, None).await
    }

    /// Starts one in an empty `folder` that is reached through other listeners as well.
    ///
    /// # Errors
    /// There is no Kafka, no Java, no room or no port; or what the broker says.
    pub async fn start_secured(
        installed: &Path,
        folder: &Path,
        files: Files,
        secured: &Secured,
    ) -> Result<Self> {
        Self::on_unused_ports(installed, folder, files, Some(secured)).await
    }

    async fn on_unused_ports(
        installed: &Path,
        folder: &Path,
        files: Files,
        secured: Option<&Secured>,
    ) -> Result<Self> {
        for _ in 0..TRIES {
            let broker = Self::spawned(installed, folder, files, secured)?;
            if broker.has_started().await? {
                return Ok(broker);
            }
            broker.kill();
        }
        bail!("the ports of the broker were taken by somebody else, {TRIES} times");
    }

    fn spawned(installed: &Path, folder: &Path, files: Files, secured: Option<&Secured>) -> Result<Self> {
        let ports = [unused_port(), unused_port()];
        let listener = |protocol: &&'static str| (*protocol, format!("localhost:{}", unused_port()));
        let more: Vec<_> = secured.iter().flat_map(|secured| &secured.protocols).map(listener).collect();
        let properties = secured.map_or("", |secured| &secured.properties);
        fs::write(folder.join(SETTINGS), settings(folder, ports, files, &more) + properties)?;
        // It is there already when other ports are tried.
        if let Some((user, password)) = secured.map(|secured| &secured.user)
            && !folder.join("data").exists()
        {
            format_for(installed, folder, user, password)?;
        }
        Ok(Self {
            address: format!("127.0.0.1:{}", ports[0]),
            secured: more.into_iter().map(|(_, address)| address).collect(),
            installed: installed.to_owned(),
            folder: folder.to_owned(),
            files,
            running: Mutex::new(Running::start(installed, folder, files)?),
        })
    }

    /// Kills it (SIGKILL), and waits until it is gone; what it has acknowledged is kept.
    pub fn kill(&self) {
        self.running().end(b"keep\n");
    }

    /// Starts it again at the same place after it was killed, and waits until it serves.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn restart(&self) -> Result<()> {
        self.kill();
        *self.running() = Running::start(&self.installed, &self.folder, self.files)?;
        if self.has_started().await? {
            Ok(())
        } else {
            bail!("the port of the broker was taken by somebody else")
        }
    }

    /// Waits until it has ended, by itself or because it was killed.
    pub async fn ended(&self) {
        let mut has_ended = self.running().has_ended.clone();
        // Whoever tells of it goes when that is done.
        let _ = has_ended.wait_for(|has_ended| *has_ended).await;
    }

    /// Where it writes what it has to say.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it serves, or has ended; `false` when that is because one of its ports is taken.
    async fn has_started(&self) -> Result<bool> {
        let serves = async {
            while !self.said().contains("Kafka Server started") {
                tokio::time::sleep(GLANCE).await;
            }
        };
        let started = async {
            tokio::select! {
                () = serves => return Ok(true),
                () = self.ended() => {}
            }
            let said = self.said();
            if said.contains("Address already in use") {
                Ok(false)
            } else {
                bail!("Kafka did not start:\n{said}")
            }
        };
        timeout(STARTED_WITHIN, started).await.context("Kafka takes too long to start")?
    }

    fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.running().end(b"");
    }
}

impl Running {
    fn start(installed: &Path, folder: &Path, files: Files) -> Result<Self> {
        let mut parent = spawn(installed, folder, files)?;
        let mut out = parent.stdout.take().context("a shell without an output")?;
        let (tell, has_ended) = watch::channel(false);
        std::thread::spawn(move || {
            // Nothing is written to it.
            let _ = io::copy(&mut out, &mut io::sink());
            let _ = tell.send(true);
        });
        Ok(Self { parent, has_ended })
    }

    /// Has its parent end it, having heard a word, and waits for that.
    fn end(&mut self, word: &[u8]) {
        if let Some(mut pipe) = self.parent.stdin.take() {
            // Its parent may be gone with it.
            let _ = pipe.write_all(word);
        }
        // Nothing can be done about what could not be tidied up.
        let _ = self.parent.wait();
    }
}

/// One node that is broker and controller, on the loopback interface only; `more` are listeners beside the plain one.
fn settings(folder: &Path, [port, controller]: [u16; 2], files: Files, more: &[(&str, String)]) -> String {
    let more: String = more.iter().map(|(protocol, address)| format!(",{protocol}://{address}")).collect();
    let mut settings = format!(
        "\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{more}
controller.listener.names=CONTROLLER
log.dirs={}
auto.create.topics.enable=false
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
log.cleaner.dedupe.buffer.size=2097152
",
        folder.join("data").display()
    );
    for log in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
        settings += &format!("{log}.replication.factor=1\n{log}.min.isr=1\n");
    }
    if files == Files::Kept {
        // On disk before it is acknowledged: there is no other broker that has it when the power fails.
        settings += "log.flush.interval.messages=1\n";
    }
    settings
}

/// Makes an empty storage that knows a user by a password.
fn format_for(installed: &Path, folder: &Path, user: &str, password: &str) -> Result<()> {
    let formatted = Command::new("java")
        .args(JAVA)
        .args(["-cp", fs::read_to_string(installed.join("classpath"))?.trim_end()])
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
        .arg(folder.join(SETTINGS))
        .arg("--add-scram")
        .arg(format!("SCRAM-SHA-512=[name={user},password={password}]"))
        .output()?;
    if !formatted.status.success() {
        bail!("Kafka's storage was not made:\n{}", String::from_utf8_lossy(&formatted.stderr));
    }
    Ok(())
}

fn spawn(installed: &Path, folder: &Path, files: Files) -> Result<Child> {
    let log = File::create(folder.join("log"))?;
    let classpath = fs::read_to_string(installed.join("classpath"))?;
    let kept = match files {
        Files::Kept => "kept",
        Files::Removed => "removed",
    };
    let watch = Command::new("sh")
        .args(["-c", WATCH, "watch"])
        .arg(folder)
        .arg(kept)
        .arg("java")
        .args(JAVA)
        .arg(format!("-XX:SharedArchiveFile={}", installed.join("kafka.jsa").display()))
        .args(["-cp", classpath.trim_end(), "kafka.Kafka"])
        .arg(folder.join(SETTINGS))
        // Ctrl-C ends this program, and that the broker.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn();
    watch.context("cannot start a shell")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let unfinished = to.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir(&unfinished)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), unfinished.join(entry.file_name()))?;
    }
    Ok(fs::rename(unfinished, to)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDirectory;

    #[tokio::test]
    async fn a_broker_that_ends_before_it_serves_is_heard_at_once() -> Result<()> {
        let (installed, folder) = (TestDirectory::new(), TestDirectory::new());
        fs::create_dir(installed.path().join("formatted"))?;
        // Nothing of Kafka's is there; or no Java.
        fs::write(installed.path().join("classpath"), "/nowhere")?;
        let started =
            timeout(STARTED_WITHIN / 2, Broker::start(installed.path(), folder.path(), Files::Removed));
        let error = started.await?.expect_err("there is no Kafka").to_string();
        assert!(error.starts_with("Kafka did not start:\n") && error.lines().count() > 1, "{error}");
        assert!(!folder.path().join("data").exists(), "the last one out removes its files");
        Ok(())
    }

    #[test]
    fn what_is_kept_is_on_disk_when_it_is_acknowledged() {
        let settings = |files| settings(Path::new("/folder"), [1, 2], files, &[]);
        assert!(settings(Files::Kept).contains("\nlog.flush.interval.messages=1\n"));
        assert!(!settings(Files::Removed).contains("log.flush"));
    }
}
