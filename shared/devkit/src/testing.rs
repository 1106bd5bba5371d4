//! Real PostgreSQL for tests: one throw-away cluster per test process, one database per test.
//!
//! ```no_run
//! # async fn migrate(_url: &str) -> anyhow::Result<()> { Ok(()) }
//! #[tokio::test]
//! async fn a_task_is_found_again() {
//!     let database = devkit::testing::database(migrate).await;
//!     // connect to database.url
//! }
//! ```

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::fs::Access;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

use crate::postgres::{DATABASE, Durability, Options, Private};

/// Ports that the system gives to nobody by itself (Linux begins at 32,768).
const PORTS: Range<u16> = 20_000..32_000;
/// How long somebody else may be connected to the template.
const TEMPLATE_LIMIT: Duration = Duration::from_secs(10);

/// Waits until the test process has ended, in whatever way: that closes the pipe on its input. Then stops
/// the server and removes everything, more than once in case the process ended while it was starting one.
const WATCH: &str = r#"
read -r nothing
for attempt in 1 2 3; do
    pid=$(head -n 1 "$1/postgres/server/data/postmaster.pid" 2>/dev/null)
    if [ -n "$pid" ] && { [ ! -d /proc/self ] || grep -q postgres "/proc/$pid/cmdline"; }; then
        kill -QUIT "$pid"
    fi
    rm -rf "$1" && [ -z "$pid" ] && exit
    sleep 1
done
"#;

/// A migrated database of a test's own.
#[derive(Clone, Debug)]
pub struct TestDatabase {
    /// Where to connect; the role owns the database.
    pub url: String,
}

impl TestDatabase {
    /// Runs SQL statements, for what no part of the program does.
    ///
    /// # Panics
    /// When one of them fails.
    pub async fn run(&self, statements: &str) {
        let mut connection = self.connect().await;
        let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await;
        done.expect("the statements are sound");
    }

    /// Gives the one text that a query gives.
    ///
    /// # Panics
    /// When the query fails, or gives anything else.
    pub async fn text(&self, query: &str) -> String {
        let mut connection = self.connect().await;
        let found = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await;
        found.expect("the query gives a text")
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("the database is there")
    }
}

/// A new database with the schema that `migrate` makes.
///
/// The first call of a test process starts a cluster and runs `migrate` once, on a template that all databases
/// are copies of; later calls do not run theirs. Any number of tests may call it at the same time, each on a
/// runtime of its own. The cluster disappears, with all its files, when the process ends, however it ends. Up
/// to 300 connections can be open at one time.
///
/// # Panics
/// When PostgreSQL is not installed or does not start, or when `migrate` fails.
pub async fn database<F>(migrate: F) -> TestDatabase
where
    F: AsyncFnOnce(&str) -> Result<()>,
{
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let database = async { CLUSTER.get_or_try_init(|| Cluster::start(migrate)).await?.database().await };
    match database.await {
        Ok(database) => database,
        Err(error) => panic!("no test database: {error:#}"),
    }
}

/// A TCP port on the loopback interface that nobody listens on, that the system gives to nobody by itself, and that was not
/// given before in this process: while a program is killed and started again, its port is nobody's.
///
/// Where a program can be told port 0 and asked which one it got, that is better.
pub fn unused_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin far from each other.
    let first = std::process::id().wrapping_mul(7_919);
    let count = u32::from(PORTS.end - PORTS.start);
    let mut ports = std::iter::repeat_with(|| {
        let port = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % count;
        PORTS.start + u16::try_from(port).expect("it is less than the count")
    });
    let is_unused = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_unused).expect("the sequence has no end")
}

/// A new, empty directory with mode 0700, removed when it is dropped; in memory where there is plenty.
///
/// A process that is killed leaves it behind.
#[derive(Debug)]
pub struct TestDirectory {
    path: PathBuf,
}

impl TestDirectory {
    /// Makes one.
    ///
    /// # Panics
    /// When there is no place for temporary files.
    #[expect(clippy::new_without_default, reason = "making a directory is no default")]
    pub fn new() -> Self {
        Self { path: new_directory().expect("there is a place for temporary files") }
    }

    /// Makes one in another directory, for who wants a disk and no memory.
    ///
    /// # Errors
    /// That is none, or nobody may write to it.
    pub fn below(parent: &Path) -> std::io::Result<Self> {
        directory_below(parent).map(|path| Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        // A test that has passed does not fail for what it could not tidy up.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

struct Cluster {
    server: Private,
    databases: AtomicU32,
    _watch: ChildStdin,
}

impl Cluster {
    async fn start<F>(migrate: F) -> Result<Self>
    where
        F: AsyncFnOnce(&str) -> Result<()>,
    {
        let directory = new_directory().context("failed to make a directory for the test cluster")?;
        let watch = watch(&directory).context("failed to start the shell that removes the test cluster")?;
        let server = Private::start(Options {
            durability: Durability::Throwaway,
            max_connections: 300,
            ..Options::new(directory)
        })
        .await?;
        migrate(server.url()).await.context("failed to migrate the template of the test databases")?;
        Ok(Self { server, databases: AtomicU32::new(0), _watch: watch })
    }

    async fn database(&self) -> Result<TestDatabase> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        // Without fsync a copy of the files is quicker than writing them through the log (the default).
        let statement = format!("CREATE DATABASE {name} TEMPLATE {DATABASE} STRATEGY file_copy");
        // Not a pool: that would belong to the runtime of one test.
        let mut connection = PgConnection::connect(&self.server.url_of("postgres")).await?;
        let created = async {
            loop {
                match sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await {
                    // object_in_use: `migrate` has only just closed its connections.
                    Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") => {}
                    result => return result,
                }
            }
        };
        tokio::time::timeout(TEMPLATE_LIMIT, created)
            .await
            .context("a connection to the template of the test databases is still open")?
            .with_context(|| format!("failed to create {name}"))?;
        connection.close().await?;
        Ok(TestDatabase { url: self.server.url_of(&name) })
    }
}

fn new_directory() -> std::io::Result<PathBuf> {
    // Making a database is making 300 files, which on a disk can take twenty times as long.
    let memory = Path::new("/dev/shm");
    directory_below(&if has_room(memory) { memory.to_owned() } else { std::env::temp_dir() })
}

fn directory_below(parent: &Path) -> std::io::Result<PathBuf> {
    for number in 0.. {
        let path = parent.join(format!("kaam-test-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("there are more numbers than directories")
}

/// Whether hundreds of databases of 8 MB fit in: containers often have 64 MB there.
fn has_room(directory: &Path) -> bool {
    const ROOM_BYTES: u64 = 4 << 30;
    let writable = rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    writable
        && rustix::fs::statvfs(directory)
            .is_ok_and(|room| room.f_bavail.saturating_mul(room.f_frsize) >= ROOM_BYTES)
}

/// Has the directory and the server in it removed when the returned end of the pipe is closed.
fn watch(directory: &Path) -> Result<ChildStdin> {
    let mut shell = Command::new("sh")
        .args(["-c", WATCH, "watch"])
        .arg(directory)
        .current_dir("/")
        // Ctrl-C ends the tests, not the one who cleans up after them.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(shell.stdin.take().expect("stdin is piped"))
}
