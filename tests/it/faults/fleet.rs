//! The functions, each a process of its own, and their PostgreSQL; killed at random and started again.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use devkit::postgres::{Options, Private};
use devkit::testing::TestDirectory;
use runtime::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::dice::Dice;
use tests::process::command;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Whose outages are written down beside the functions'.
pub(super) const POSTGRES: &str = "postgres";
/// Every function that the scenario needs.
const FUNCTIONS: [&str; 7] = [
    "create-task",
    "complete-task",
    "scan-reminders",
    "relay-events",
    "send-reminder",
    "spawn-recurrence",
    "write-audit",
];
/// Which of them are killed.
const KILLED: [&str; 4] = ["scan-reminders", "relay-events", "send-reminder", "spawn-recurrence"];
/// How long a function lives and stays dead, in milliseconds.
const LIFE_MS: (u64, u64) = (1_000, 4_000);
const DEATH_MS: (u64, u64) = (1, 300);
/// The same for PostgreSQL, whose recovery comes on top.
const POSTGRES_LIFE_MS: (u64, u64) = (3_000, 8_000);
/// Ports that the system gives to nobody by itself, so that a function finds its own again.
const PORTS: (u64, u64) = (20_000, 12_000);
/// How long a start may take on a busy machine.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// How often a state is looked at that is waited for.
const GLANCE: Duration = Duration::from_millis(2);

/// A part that was not there, from the kill until it was ready again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outage {
    pub(super) part: &'static str,
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

/// Where the functions answer.
#[derive(Debug, Clone)]
pub(super) struct Ports(HashMap<&'static str, u16>);

impl Ports {
    /// Chooses a free port for each function.
    pub(super) fn choose(dice: &mut Dice) -> Self {
        let mut chosen = HashMap::new();
        for name in FUNCTIONS {
            let port = loop {
                let port = u16::try_from(PORTS.0 + dice.throw(PORTS.1)).expect("a port");
                let is_new = !chosen.values().any(|other| *other == port);
                if is_new && TcpListener::bind(("127.0.0.1", port)).is_ok() {
                    break port;
                }
            };
            chosen.insert(name, port);
        }
        Self(chosen)
    }

    pub(super) fn of(&self, name: &str) -> u16 {
        self.0[name]
    }
}

/// Everything that runs.
pub(super) struct Fleet {
    pub(super) database_url: String,
    pub(super) ports: Ports,
    clock: Clock,
    settings: HashMap<&'static str, String>,
    outages: Mutex<Vec<Outage>>,
    /// Reminders that were held when their sender or PostgreSQL was killed, and until when.
    held: Mutex<HashMap<Uuid, DateTime<Utc>>>,
    directory: TestDirectory,
}

impl Fleet {
    /// Makes the database; no function runs yet.
    pub(super) async fn new(ports: Ports, sink: &str, smtp: &str) -> (Arc<Self>, Private) {
        let directory = TestDirectory::new();
        let postgres = Private::start(Options::new(directory.path())).await.expect("PostgreSQL is installed");
        let database_url = postgres.url().to_owned();
        store::migrate(&database_url).await.expect("the migrations are sound");
        let relay = format!("http://127.0.0.1:{}/", ports.of("relay-events"));
        let settings = HashMap::from([
            ("DATABASE_URL", database_url.clone()),
            ("RELAY_URL", relay),
            ("SMTP_URL", smtp.to_owned()),
            ("LOG_LEVEL", "warn".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
            ("K_SINK", sink.to_owned()),
        ]);
        let fleet = Self {
            database_url,
            ports,
            clock: Clock::system(),
            settings,
            outages: Mutex::default(),
            held: Mutex::default(),
            directory,
        };
        (Arc::new(fleet), postgres)
    }

    /// Starts every function.
    pub(super) async fn start_all(&self) -> HashMap<&'static str, Child> {
        let mut children = HashMap::new();
        for name in FUNCTIONS {
            children.insert(name, self.start(name).await);
        }
        children
    }

    /// Starts a function at its port, and waits until it is reached there.
    async fn start(&self, name: &'static str) -> Child {
        let port = self.ports.of(name);
        let log = self.directory.path().join(format!("{name}.log"));
        let log = OpenOptions::new().create(true).append(true).open(log).expect("a directory to write to");
        let mut command = command(name);
        command.envs(&self.settings).env("PORT", port.to_string()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().expect("the programs are built before the tests");
        let answers = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                let ended = child.try_wait().expect("it was started");
                assert!(ended.is_none(), "{name} ended at once: {}", self.log_of(name));
                sleep(GLANCE).await;
            }
        };
        timeout(STARTED_WITHIN, answers).await.unwrap_or_else(|_| panic!("{name} does not start"));
        child
    }

    /// Gives the end of a function's log.
    pub(super) fn log_of(&self, name: &str) -> String {
        let log = fs::read_to_string(self.directory.path().join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Kills one function again and again until told to stop; gives the last one alive.
    async fn torment(
        self: Arc<Self>,
        name: &'static str,
        mut child: Child,
        mut dice: Dice,
        mut stop: watch::Receiver<bool>,
    ) -> Child {
        while !is_stopped_within(&mut stop, dice.wait(LIFE_MS.0, LIFE_MS.1)).await {
            let from = self.clock.now();
            child.kill().await.expect("it runs");
            if name == "send-reminder" {
                self.note_held().await;
            }
            sleep(dice.wait(DEATH_MS.0, DEATH_MS.1)).await;
            child = self.start(name).await;
            self.note_outage(name, from);
        }
        child
    }

    /// Kills PostgreSQL with all its processes again and again until told to stop; gives the last one.
    async fn torment_postgres(
        self: Arc<Self>,
        mut postgres: Private,
        mut dice: Dice,
        mut stop: watch::Receiver<bool>,
    ) -> Private {
        while !is_stopped_within(&mut stop, dice.wait(POSTGRES_LIFE_MS.0, POSTGRES_LIFE_MS.1)).await {
            let from = self.clock.now();
            kill_with_children(postgres.server_pid());
            drop(postgres);
            postgres = self.recover().await;
            self.note_outage(POSTGRES, from);
            self.note_held().await;
        }
        postgres
    }

    /// Starts PostgreSQL again. A function that is just being started still holds the lock of the old one, until its `exec`.
    async fn recover(&self) -> Private {
        let started = async {
            loop {
                match Private::start(Options::new(self.directory.path())).await {
                    Ok(postgres) => return postgres,
                    Err(error) if error.to_string().contains("is in use by process") => sleep(GLANCE).await,
                    Err(error) => panic!("PostgreSQL does not recover: {error:#}"),
                }
            }
        };
        timeout(STARTED_WITHIN, started).await.expect("PostgreSQL recovers")
    }

    /// Lets everything that is to be killed be killed; what comes back ends once told to stop, and gives what runs then.
    pub(super) fn torment_all(
        self: &Arc<Self>,
        children: &mut HashMap<&'static str, Child>,
        postgres: Private,
        seed: u64,
        stop: &watch::Receiver<bool>,
    ) -> Torment {
        let functions = KILLED
            .iter()
            .zip(1..)
            .map(|(name, number)| {
                let child = children.remove(name).expect("it was started");
                let dice = Dice::new(seed.wrapping_add(number));
                tokio::spawn(Arc::clone(self).torment(name, child, dice, stop.clone()))
            })
            .collect();
        let dice = Dice::new(seed.wrapping_mul(3));
        let postgres = tokio::spawn(Arc::clone(self).torment_postgres(postgres, dice, stop.clone()));
        Torment { functions, postgres }
    }

    fn note_outage(&self, part: &'static str, from: DateTime<Utc>) {
        let outage = Outage { part, from, until: self.clock.now() };
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).push(outage);
    }

    /// Writes down the reminders of which the mail server may have heard at the moment; while PostgreSQL is away, its next start does it.
    async fn note_held(&self) {
        let query = "SELECT id, lease_until FROM reminders WHERE status = 'queued' AND lease_until > now() + interval '1.5 s'";
        let found = self.try_rows(query).await.unwrap_or_default();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for row in found {
            let text = |name: &str| row[name].as_str().expect("a text").to_owned();
            let until: DateTime<Utc> = text("lease_until").parse().expect("an instant");
            held.entry(text("id").parse().expect("a UUID")).or_insert(until);
        }
    }

    pub(super) fn outages(&self) -> Vec<Outage> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn held(&self) -> HashMap<Uuid, DateTime<Utc>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the rows of a query as JSON objects; `None` while the database is away.
    pub(super) async fn try_rows(&self, query: &str) -> Option<Vec<Value>> {
        let mut connection = PgConnection::connect(&self.database_url).await.ok()?;
        let statement = AssertSqlSafe(format!("SELECT to_jsonb(found) FROM ({query}) AS found"));
        sqlx::query_scalar(statement).fetch_all(&mut connection).await.ok()
    }
}

/// The killing that is under way.
pub(super) struct Torment {
    functions: Vec<tokio::task::JoinHandle<Child>>,
    postgres: tokio::task::JoinHandle<Private>,
}

impl Torment {
    /// Waits until it has ended; gives what runs then.
    pub(super) async fn ended(self) -> (Vec<Child>, Private) {
        let mut children = Vec::new();
        for function in self.functions {
            children.push(function.await.expect("the function starts again"));
        }
        (children, self.postgres.await.expect("PostgreSQL starts again"))
    }
}

async fn is_stopped_within(stop: &mut watch::Receiver<bool>, time: Duration) -> bool {
    timeout(time, stop.wait_for(|is_stopped| *is_stopped)).await.is_ok()
}

/// Kills a process and its children at once (SIGKILL).
fn kill_with_children(parent: u32) {
    let pids = std::iter::once(parent).chain(children_of(parent));
    for pid in pids.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect::<Vec<_>>() {
        // One of them may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Finds the children of a process (proc(5): the fourth field of `stat`, after the name in parentheses).
fn children_of(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent_of = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parent_of == Some(parent)
    })
    .collect()
}
