//! A real PgBouncer on the loopback interface, which gives a connection of PostgreSQL to one transaction at a time.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use devkit::testing::{TestDirectory, unused_port};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::process::eventually;

/// A running PgBouncer, which ends when this is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    /// The same database behind it.
    pub url: String,
    files: TestDirectory,
    bridge: JoinHandle<()>,
    child: Child,
}

/// Whom a PgBouncer lets in.
#[derive(Debug, Clone, Copy)]
pub enum Clients<'a> {
    /// Everybody.
    All,
    /// `kaam` with a password, of which PostgreSQL would keep this (`SCRAM-SHA-256$…`).
    WithPassword(&'a str),
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.bridge.abort();
    }
}

impl PgBouncer {
    /// Starts one before the database at a URL such as those of the tests, with so many connections to it; `None`, having said so, when
    /// this machine has none.
    ///
    /// # Panics
    /// When there is none and `KAAM_REQUIRE_PGBOUNCER` is 1, or when it does not start.
    pub async fn start(url: &str, pool: usize, clients: Clients<'_>) -> Option<Self> {
        let program = installed()?;
        let (place, database) = url
            .split_once('@')
            .and_then(|(_, rest)| rest.split_once('/'))
            .expect("a URL names server and database");
        let (host, server_port) = place.rsplit_once(':').expect("a URL names a port");
        let socket = PathBuf::from(host.replace("%2F", "/").replace("%2f", "/"))
            .join(format!(".s.PGSQL.{server_port}"));
        let name = database.split('?').next().expect("a part");
        let (files, port) = (TestDirectory::new(), unused_port());
        // The folder of the socket is for this process and the server alone.
        let bridge = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server_port = bridge.local_addr().expect("an address").port();
        let bridge = tokio::spawn(async move {
            while let Ok((mut client, _)) = bridge.accept().await {
                let mut server = UnixStream::connect(&socket).await.expect("the server is there");
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
            }
        });
        let users = files.path().join("users");
        let auth = match clients {
            Clients::All => "auth_type = any".to_owned(),
            Clients::WithPassword(verifier) => {
                write_users(&users, verifier);
                format!("auth_type = scram-sha-256\nauth_file = {}", users.display())
            }
        };
        let settings = format!(
            "[databases]\n{name} = host=127.0.0.1 port={server_port} dbname={name} user=kaam\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n{auth}\npool_mode = transaction\n\
             default_pool_size = {pool}\nmax_client_conn = 400\n"
        );
        let path = files.path().join("pgbouncer.ini");
        fs::write(&path, settings).expect("the folder is ours");
        let log = File::create(files.path().join("log")).expect("the folder is ours");
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            // It refuses to stay root, as PostgreSQL does.
            let accounts = fs::read_to_string("/etc/passwd").expect("a list of accounts");
            let has_postgres = accounts.lines().any(|line| line.starts_with("postgres:"));
            command.args(["-u", if has_postgres { "postgres" } else { "nobody" }]);
            // What it reads again then, when it is told that something has changed.
            fs::set_permissions(files.path(), Permissions::from_mode(0o755)).expect("the folder is ours");
        }
        let child = command
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        let child = child.expect("it is there");
        let started = Self {
            url: format!("postgres://kaam@127.0.0.1:{port}/{name}?sslmode=disable"),
            files,
            bridge,
            child,
        };
        eventually(&format!("PgBouncer listens; it says {:?}", started.log()), || async {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Some(started)
    }

    /// Changes the password, of those who come from now on.
    ///
    /// # Panics
    /// When it does not run, or lets everybody in.
    pub async fn change_password(&self, verifier: &str) {
        write_users(&self.files.path().join("users"), verifier);
        let read = |log: &str| log.matches("re-reading config").count();
        let before = read(&self.log());
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.expect("it runs"), Signal::HUP).expect("it runs");
        eventually("PgBouncer has read who may come in", || async {
            (read(&self.log()) > before).then_some(())
        })
        .await;
    }

    /// Gives how many are connected to it, by what it has said.
    pub fn clients(&self) -> usize {
        let log = self.log();
        let count =
            |what: &str| log.lines().filter(|line| line.contains(" C-0x") && line.contains(what)).count();
        count("login attempt").saturating_sub(count("closing because"))
    }

    /// Gives what it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }
}

fn write_users(path: &Path, verifier: &str) {
    let next = path.with_extension("next");
    fs::write(&next, format!("\"kaam\" \"{verifier}\"\n")).expect("the folder is ours");
    fs::rename(next, path).expect("the folder is ours");
}

/// Gives where it is; `None`, having said so, when it is not.
#[expect(clippy::disallowed_methods, reason = "what is installed is the tests' own setting")]
fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/local/install-pgbouncer");
    let said = std::process::Command::new(script).arg("--path").output().expect("the script is there");
    let unpacked = PathBuf::from(String::from_utf8(said.stdout).expect("a path in UTF-8").trim_end());
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian puts it where only administrators look.
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let installed = places.map(|place| place.join("pgbouncer"));
    if let Some(found) = installed.chain([unpacked]).find(|program| program.is_file()) {
        return Some(found);
    }
    let required = std::env::var_os("KAAM_REQUIRE_PGBOUNCER").is_some_and(|required| required == "1");
    assert!(!required, "KAAM_REQUIRE_PGBOUNCER is 1, and there is no pgbouncer; `make pgbouncer` unpacks it");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ =
        writeln!(std::io::stderr(), "{test}: LEFT OUT, there is no pgbouncer; `make pgbouncer` unpacks it");
    None
}
