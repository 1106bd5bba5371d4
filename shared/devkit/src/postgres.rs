//! A private, real PostgreSQL in a directory of its own, reachable through a Unix socket only, unless a test asks for more.
//!
//! Under `DATA_DIR/postgres` lie `lock` (held while a program uses the cluster), `log` (what the server says)
//! and `server`, which belongs to the account that the server runs as: its data and its socket.
//!
//! | situation | what happens |
//! |---|---|
//! | first start | `initdb` beside the final place, then a rename: half a cluster is never used |
//! | the program was killed, its server lives on | the next start takes it over, and stops it at its own end |
//! | that server does not answer, or has other settings | it is stopped, and a new one started |
//! | a second program on the same directory | refused, naming the first one's process |
//! | started by root | the server runs as `postgres`, else `nobody`, since PostgreSQL refuses root |
//! | the path is too long for a socket | the socket moves to a private directory in `/tmp` |

mod account;
mod binaries;
mod cluster;
mod layout;
mod process;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::account::Account;
use self::binaries::Binaries;
use self::layout::{Layout, Lock, SocketDir};
use self::server::Server;

/// The role that the program connects as: it owns the database, may create others and roles, and is no
/// superuser.
pub const USER: &str = "kaam";

/// The database that every cluster starts with.
pub const DATABASE: &str = "kaam";

/// Where a private cluster lives, and how it is to behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program's `DATA_DIR`; made, with mode 0700, when it is missing. The cluster is its subdirectory
    /// `postgres`.
    pub data_dir: PathBuf,
    /// What a crash of the machine may cost.
    pub durability: Durability,
    /// The most connections at one time; each costs the server a little memory even when it is not used.
    pub max_connections: u16,
    /// The directory with `initdb` and `postgres` (`PG_BIN`). Absent: the version that made the cluster, else
    /// the newest one installed in the places where packages put it, else the one on the `PATH`.
    pub bin_dir: Option<PathBuf>,
    /// Where it listens beside the socket. Absent: nowhere.
    pub tcp: Option<Tcp>,
}

/// A listener on 127.0.0.1, which asks for a password (SCRAM-SHA-256).
#[derive(Clone)]
pub struct Tcp {
    /// Its port, which is the socket's, too.
    pub port: u16,
    /// A certificate and its key, in PEM: with them it asks for TLS, without it has none.
    pub certificate: Option<(String, String)>,
}

/// Shows no key.
impl std::fmt::Debug for Tcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_tls = self.certificate.is_some();
        f.debug_struct("Tcp").field("port", &self.port).field("has_tls", &has_tls).finish_non_exhaustive()
    }
}

impl Options {
    /// A durable cluster with at most 100 connections in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durability: Durability::Durable,
            max_connections: 100,
            bin_dir: None,
            tcp: None,
        }
    }
}

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Durable,
    /// Everything: for tests, which it makes several times as quick.
    Throwaway,
}

/// A running private PostgreSQL.
///
/// Call [`stop`](Self::stop) at the end. One that is dropped instead is told to stop, without waiting for it;
/// one whose program is killed is taken over by the next start.
#[derive(Debug)]
pub struct Private {
    url: String,
    socket_dir: SocketDir,
    server: Server,
    // Declared last, hence released last.
    _lock: Lock,
}

impl Private {
    /// Starts the cluster of a directory, having made it if there is none, and waits until it accepts
    /// connections.
    ///
    /// # Errors
    /// When no PostgreSQL from version 15 on is installed, when the directory is in use by another program,
    /// belongs to somebody else or holds the cluster of another major version, and when the server does not
    /// start; then with the end of its log.
    pub async fn start(options: Options) -> Result<Self> {
        let layout = Layout::create(&options.data_dir)?;
        let lock = layout.lock()?;
        let account = Account::of_server(&layout)?;
        let server_dir = layout.open_server_dir(account)?;
        let binaries = Binaries::find(options.bin_dir.as_deref(), layout.major_version()?)?;
        if layout.major_version()?.is_none() {
            cluster::create(&layout, &server_dir, account, &binaries, options.durability)?;
        }

        let port = options.tcp.as_ref().map_or(layout::PORT, |tcp| tcp.port);
        let socket_dir = layout.socket_dir(account, port)?;
        if let Some(tcp) = &options.tcp {
            layout.write_access(account, tcp)?;
        }
        let settings = settings(&options, &layout.cluster_name);
        let server = match Server::adopt(&layout, &socket_dir, &settings).await? {
            Some(server) => server,
            None => Server::start(&layout, &server_dir, &socket_dir, account, &binaries, &settings)
                .await
                .with_context(|| format!("failed to start PostgreSQL in {}", layout.root.display()))?,
        };
        Ok(Self { url: socket_dir.url(DATABASE), socket_dir, server, _lock: lock })
    }

    /// The URL of the database `kaam` of a cluster that another program is running in `data_dir`; `None` when none is.
    ///
    /// # Errors
    /// When the directory can not be read.
    pub fn url_of_running(data_dir: &Path) -> Result<Option<String>> {
        if !data_dir.join("postgres").is_dir() {
            return Ok(None);
        }
        let layout = Layout::create(data_dir)?;
        if layout.lock().is_ok() {
            return Ok(None);
        }
        let account = Account::of_server(&layout)?;
        Ok(Some(layout.socket_dir(account, layout::PORT)?.url(DATABASE)))
    }

    /// The URL of the database `kaam`, for sqlx and for `psql` alike.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of another database of this cluster, such as `postgres`.
    pub fn url_of(&self, database: &str) -> String {
        self.socket_dir.url(database)
    }

    /// Whether the server has ended without having been told to.
    pub fn has_ended(&mut self) -> bool {
        self.server.has_ended()
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// Stops the server: open transactions are rolled back, connections closed, everything written. One that
    /// has not stopped after 3 s is stopped hard, which costs the next start a recovery but no data.
    ///
    /// # Errors
    /// When the server could not be told to stop, or has not even then.
    pub async fn stop(mut self) -> Result<()> {
        self.server.stop().await
    }
}

/// The server's settings, each `name=value`; a server that runs with others is not taken over.
fn settings(options: &Options, cluster_name: &str) -> Vec<String> {
    let mut settings = vec![
        // Marks the server's processes in the process list, which is how an orphan is known again.
        format!("cluster_name={cluster_name}"),
        format!("max_connections={}", options.max_connections),
        "shared_buffers=128MB".to_owned(),
        "huge_pages=off".to_owned(),
        // The statements are short: compiling one takes longer than running it.
        "jit=off".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "log_checkpoints=off".to_owned(),
        // Nobody replicates from here.
        "wal_level=minimal".to_owned(),
        "max_wal_senders=0".to_owned(),
    ];
    match &options.tcp {
        None => settings.push("listen_addresses=".to_owned()),
        Some(tcp) => {
            settings.push("listen_addresses=127.0.0.1".to_owned());
            settings.push(format!("port={}", tcp.port));
            settings.push(format!("ssl={}", if tcp.certificate.is_some() { "on" } else { "off" }));
        }
    }
    let rest: &[&str] = match options.durability {
        Durability::Durable => &[
            "fsync=on",
            "synchronous_commit=on",
            "full_page_writes=on",
            "autovacuum=on",
            // What people typed stays out of the log: no statements, no values of rows.
            "log_min_error_statement=panic",
            "log_error_verbosity=terse",
        ],
        Durability::Throwaway => &[
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "autovacuum=off",
            "max_wal_size=256MB",
        ],
    };
    settings.extend(rest.iter().map(|&setting| setting.to_owned()));
    settings
}
