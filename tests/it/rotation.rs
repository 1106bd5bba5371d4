//! The password of the database changes while a function serves, on a PostgreSQL that asks for it (SCRAM-SHA-256).

use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use devkit::testing::TestDirectory;
use ring::{digest, hmac, pbkdf2};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::database::{rows, run};
use tests::process::{Caller, Program, command, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::database_tls::{PASSWORD, Server};

/// How long any answer may take: the deadline for a connection, and the rest.
const SOON: Duration = Duration::from_secs(10);

/// A secret as Kubernetes mounts it: the file is a link into a folder, which is a link that is swapped.
struct Mounted {
    folder: TestDirectory,
    versions: AtomicUsize,
}

impl Mounted {
    fn new(url: &str) -> Self {
        let mounted = Self { folder: TestDirectory::new(), versions: AtomicUsize::new(0) };
        mounted.write(url);
        symlink("..data/url", mounted.path()).expect("a directory to write to");
        mounted
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("url")
    }

    fn write(&self, url: &str) {
        let version = format!("..version-{}", self.versions.fetch_add(1, Ordering::SeqCst));
        let (folder, next) = (self.folder.path(), self.folder.path().join("..next"));
        fs::create_dir(folder.join(&version)).expect("a directory to write to");
        fs::write(folder.join(&version).join("url"), url).expect("a directory to write to");
        symlink(version, &next).expect("a directory to write to");
        fs::rename(next, folder.join("..data")).expect("a directory to write to");
    }
}

/// Requests without a pause, and what became of them.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    /// Whether the new password can be known.
    is_told: AtomicBool,
    done: AtomicUsize,
    failed: AtomicUsize,
    /// Those that were begun when it could be known.
    failed_late: AtomicUsize,
}

impl Load {
    /// Adds callers, each creating one task after the other.
    fn add(self: &Arc<Self>, port: u16, callers: usize) -> Vec<JoinHandle<()>> {
        let call = |_| {
            let load = Arc::clone(self);
            tokio::spawn(async move {
                let caller = Caller::new();
                while !load.is_over.load(Ordering::SeqCst) {
                    let is_late = load.is_told.load(Ordering::SeqCst);
                    let body = json!({"title": "water the plants"});
                    let call = caller.call(port, "POST", "/api/tasks", &body, &[]);
                    let answered = timeout(SOON, call).await.expect("an answer in time");
                    match answered.expect("it serves").0 {
                        200 => _ = load.done.fetch_add(1, Ordering::SeqCst),
                        503 => {
                            load.failed.fetch_add(1, Ordering::SeqCst);
                            load.failed_late.fetch_add(usize::from(is_late), Ordering::SeqCst);
                        }
                        other => panic!("an answer of the status {other}"),
                    }
                }
            })
        };
        (0..callers).map(call).collect()
    }

    /// Waits until so many more are done.
    async fn goes_on(&self, more: usize) {
        let until = self.done.load(Ordering::SeqCst) + more;
        eventually("requests are answered", async || {
            (self.done.load(Ordering::SeqCst) >= until).then_some(())
        })
        .await;
    }

    async fn ends(&self, callers: Vec<JoinHandle<()>>) {
        self.is_over.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await.expect("only what may be answered was");
        }
    }
}

/// Starts create-task, with so many connections at most; its log goes into the folder of the server.
async fn create_task(server: &Server, mounted: &Mounted, connections: u32) -> Program {
    let mut command = command("create-task");
    command.env("DATABASE_URL_FILE", mounted.path()).env("DATABASE_CONNECTIONS", connections.to_string());
    command.env("LOG_LEVEL", "trace");
    Program::start_with_log(command, &server.files.path().join("log")).await
}

/// The users that the function is connected as, with how many connections each has.
async fn connected(server: &Server) -> Vec<(String, u64)> {
    let found = rows(
        server.private.url(),
        "SELECT usename, count(*) FROM pg_stat_activity WHERE application_name = 'create-task' GROUP BY usename ORDER BY usename",
    )
    .await;
    let user = |row: &Value| {
        (row["usename"].as_str().unwrap_or_default().to_owned(), row["count"].as_u64().unwrap_or_default())
    };
    found.iter().map(user).collect()
}

/// Sends a request, and gives the whole answer as it comes.
async fn raw(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let request = "POST /api/tasks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
                   content-length: 13\r\n\r\n{\"title\":\"a\"}";
    stream.write_all(request.as_bytes()).await.expect("it listens");
    let mut answer = String::new();
    timeout(SOON, stream.read_to_string(&mut answer)).await.expect("an answer in time").expect("a text");
    answer
}

/// Gives what PostgreSQL keeps of a password (RFC 5803), of one round: the usual 4096 take unoptimised programs on a busy machine longer
/// than they wait for a connection.
pub(crate) fn verifier(password: &str) -> String {
    const SALT: &[u8] = b"sixteen of bytes";
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, NonZeroU32::MIN, SALT, password.as_bytes(), &mut salted);
    let key = |name: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salted), name);
    let stored = digest::digest(&digest::SHA256, key(b"Client Key").as_ref());
    let [salt, stored, server] =
        [SALT, stored.as_ref(), key(b"Server Key").as_ref()].map(|bytes| BASE64_STANDARD.encode(bytes));
    format!("SCRAM-SHA-256$1:{salt}${stored}:{server}")
}

async fn stop(program: Program, server: &Server, secrets: &[&str]) -> String {
    program.signal(Signal::TERM);
    assert!(program.ended().await.success());
    let log = fs::read_to_string(server.files.path().join("log")).expect("a log");
    for secret in secrets {
        assert!(!log.contains(secret), "{:?}", log.lines().find(|line| line.contains(secret)));
    }
    log
}

#[tokio::test]
async fn no_request_fails_when_a_second_user_takes_over_and_the_first_is_revoked() {
    let server = Server::start(None).await;
    let socket = server.private.url();
    store::migrate(socket).await.expect("an empty database");
    store::roles::grant(socket).await.expect("the owner of the tables");
    for (user, password) in [("first", "never-logged-1"), ("second", "never-logged-2")] {
        let verifier = verifier(password);
        run(socket, &format!("CREATE ROLE {user} LOGIN PASSWORD '{verifier}' IN ROLE kaam_create_task"))
            .await;
    }
    let url = |user: &str, password: &str| {
        let url = server.url("127.0.0.1", password, "");
        url.replacen(&format!("{}:", devkit::postgres::USER), &format!("{user}:"), 1)
    };
    let mounted = Mounted::new(&url("first", "never-logged-1"));
    let program = create_task(&server, &mounted, 16).await;
    let load = Arc::<Load>::default();
    let mut callers = load.add(program.port, 2);
    load.goes_on(50).await;
    assert!(connected(&server).await.iter().all(|(user, _)| user == "first"));
    mounted.write(&url("second", "never-logged-2"));
    run(socket, "ALTER ROLE first NOLOGIN").await;
    // While all open connections wait for a table, one caller more than there are needs another, which the first user is refused.
    let mut holder = PgConnection::connect(socket).await.expect("it runs");
    let mut held = holder.begin().await.expect("it runs");
    sqlx::query("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.expect("its owner");
    let open: u64 = connected(&server).await.iter().map(|(_, count)| count).sum();
    assert!((1..12).contains(&open), "{open}");
    callers.extend(load.add(program.port, usize::try_from(open).expect("a few") - 1));
    eventually("the second user is connected", async || {
        connected(&server).await.iter().any(|(user, _)| user == "second").then_some(())
    })
    .await;
    held.commit().await.expect("it runs");
    callers.extend(load.add(program.port, 4));
    load.goes_on(200).await;
    load.ends(callers).await;
    assert_eq!(load.failed.load(Ordering::SeqCst), 0, "of {}", load.done.load(Ordering::SeqCst));
    let log = stop(program, &server, &["never-logged-1", "never-logged-2"]).await;
    assert!(log.contains("a setting has changed"), "{log}");
}

#[tokio::test]
async fn a_password_that_is_changed_before_anybody_was_told_costs_answers_of_503_until_it_is_told() {
    const NEW: &str = "never-logged-either";
    let server = Server::start(None).await;
    let socket = server.private.url();
    store::migrate(socket).await.expect("an empty database");
    let mounted = Mounted::new(&server.url("127.0.0.1", PASSWORD, ""));
    let program = create_task(&server, &mounted, 2).await;
    let load = Arc::<Load>::default();
    let callers = load.add(program.port, 4);
    eventually("all connections are open", async || {
        matches!(&connected(&server).await[..], [(_, 2)]).then_some(())
    })
    .await;
    run(socket, &format!("ALTER ROLE {} PASSWORD '{NEW}'", devkit::postgres::USER)).await;
    load.goes_on(50).await;
    assert_eq!(load.failed.load(Ordering::SeqCst), 0, "open connections stay");
    run(
        socket,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL AND pid <> pg_backend_pid()",
    )
    .await;
    let refused = eventually("requests are refused", async || {
        let answer = raw(program.port).await;
        answer.starts_with("HTTP/1.1 503 ").then_some(answer)
    })
    .await;
    assert!(refused.to_lowercase().contains("\r\nretry-after: "), "{refused}");
    mounted.write(&server.url("127.0.0.1", NEW, ""));
    load.is_told.store(true, Ordering::SeqCst);
    load.goes_on(200).await;
    load.ends(callers).await;
    assert!(load.failed.load(Ordering::SeqCst) > 0);
    assert_eq!(load.failed_late.load(Ordering::SeqCst), 0, "the next that asks finds the new one");
    stop(program, &server, &[PASSWORD, NEW]).await;
}
