//! A real Kafka broker on the loopback interface: one node, broker and controller in one, as `infra/local/install-kafka` installs it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::timeout;

use crate::testing::unused_port;

/// The id of the cluster, as it is installed.
const CLUSTER: &str = "a2FhbS1vZi10aGUtdGVzdA";
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
/// files if it is told to.
const WATCH: &str = r#"
files=$1
kept=$2
shift 2
"$@" &
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
    /// Each with its protocol: `SASL_SSL://localhost:9093`.
    pub listeners: Vec<String>,
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
    installed: PathBuf,
    folder: PathBuf,
    files: Files,
    watch: Mutex<Child>,
}

impl Broker {
    /// Starts one that keeps its files in `folder`, and waits until it serves. `installed` is what `install-kafka --path` says.
    ///
    /// # Errors
    /// There is no Kafka, no Java or no room; or what the broker says.
    pub async fn start(installed: &Path, folder: &Path, files: Files) -> Result<Self> {
        let classpath = installed.join("classpath");
        if !classpath.is_file() {
            bail!("there is no Kafka in {}", installed.display());
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if !folder.join("data").exists() {
            copy(&installed.join("formatted"), &folder.join("data"))?;
        }
        for _ in 0..TRIES {
            let ports = [unused_port(), unused_port()];
            fs::write(folder.join("server.properties"), settings(folder, ports, &[]))?;
            let broker = Self::spawned(installed, folder, files, ports[0])?;
            if broker.has_started().await? {
                return Ok(broker);
            }
            broker.kill();
        }
        bail!("the ports of the broker were taken by somebody else, {TRIES} times");
    }

    /// Starts one in an empty `folder` that is reached through other listeners as well.
    ///
    /// # Errors
    /// There is no Kafka, no Java or no room, a port is taken; or what the broker says.
    pub async fn start_secured(
        installed: &Path,
        folder: &Path,
        files: Files,
        secured: &Secured,
    ) -> Result<Self> {
        let ports = [unused_port(), unused_port()];
        let properties = settings(folder, ports, &secured.listeners) + &secured.properties;
        let file = folder.join("server.properties");
        fs::write(&file, properties)?;
        let (user, password) = &secured.user;
        let formatted = Command::new("java")
            .args(JAVA)
            .args(["-cp", fs::read_to_string(installed.join("classpath"))?.trim_end()])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
            .arg(&file)
            .arg("--add-scram")
            .arg(format!("SCRAM-SHA-512=[name={user},password={password}]"))
            .output()?;
        if !formatted.status.success() {
            bail!("Kafka's storage was not made:\n{}", String::from_utf8_lossy(&formatted.stderr));
        }
        let broker = Self::spawned(installed, folder, files, ports[0])?;
        if !broker.has_started().await? {
            bail!("a port of the broker was taken by somebody else");
        }
        Ok(broker)
    }

    fn spawned(installed: &Path, folder: &Path, files: Files, port: u16) -> Result<Self> {
        let watch = Mutex::new(spawn(installed, folder, files)?);
        let address = format!("127.0.0.1:{port}");
        Ok(Self { address, installed: installed.to_owned(), folder: folder.to_owned(), files, watch })
    }

    /// Kills it (SIGKILL), and waits until it is gone; what it has acknowledged is kept.
    pub fn kill(&self) {
        let mut watch = self.watch();
        if let Some(mut pipe) = watch.stdin.take() {
            // Its parent may be gone with it.
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = watch.wait();
    }

    /// Starts it again at the same place after it was killed, and waits until it serves.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn restart(&self) -> Result<()> {
        self.kill();
        *self.watch() = spawn(&self.installed, &self.folder, self.files)?;
        if self.has_started().await? {
            Ok(())
        } else {
            bail!("the port of the broker was taken by somebody else")
        }
    }

    fn watch(&self) -> MutexGuard<'_, Child> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it serves; `false` when one of its ports is taken.
    async fn has_started(&self) -> Result<bool> {
        let look = async {
            loop {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                if log.contains("Kafka Server started") {
                    return Ok(true);
                }
                if log.contains("Address already in use") {
                    return Ok(false);
                }
                if log.contains("Exiting Kafka due to fatal exception") || log.contains("not found") {
                    bail!("Kafka did not start:\n{log}");
                }
                tokio::time::sleep(GLANCE).await;
            }
        };
        timeout(STARTED_WITHIN, look).await.context("Kafka takes too long to start")?
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let mut watch = self.watch();
        drop(watch.stdin.take());
        // Whoever drops it can do nothing about what could not be tidied up.
        let _ = watch.wait();
    }
}

/// One node that is broker and controller, on the loopback interface only; `more` are listeners beside the plain one.
fn settings(folder: &Path, [port, controller]: [u16; 2], more: &[String]) -> String {
    let more: String = more.iter().map(|listener| format!(",{listener}")).collect();
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
    settings
}

fn spawn(installed: &Path, folder: &Path, files: Files) -> Result<Child> {
    let log = File::create(folder.join("log"))?;
    let again = log.try_clone()?;
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
        .arg(folder.join("server.properties"))
        // Ctrl-C ends this program, and that the broker.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(again)
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
