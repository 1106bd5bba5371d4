//! A private PostgreSQL through starts, stops and accidents.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use devkit::postgres::{Durability, Options, Private};
use devkit::testing::TestDirectory;
use rustix::process::{Pid, Signal};
use sqlx::{Connection as _, PgConnection};

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() -> Result<()> {
    let directory = TestDirectory::new();

    let server = Private::start(Options::new(directory.path())).await?;
    execute(&server, "CREATE TABLE notes (text) AS SELECT 'buy milk'").await?;
    let first_pid = server.server_pid();
    server.stop().await?;
    ensure!(!is_alive(first_pid), "the server lives on");

    let server = Private::start(Options::new(directory.path())).await?;
    assert_eq!(text(&server, "SELECT text FROM notes").await?, "buy milk");
    assert_eq!(text(&server, "SHOW fsync").await?, "on");
    server.stop().await
}

#[tokio::test]
async fn a_server_whose_program_was_killed_is_taken_over_and_then_stopped() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    let server_pid = program.server_pid;
    program.kill()?;
    ensure!(is_alive(server_pid), "the server died with its program");

    let server = Private::start(throwaway(directory.path())).await?;
    assert_eq!(server.server_pid(), server_pid);
    assert_eq!(text(&server, "SELECT 'it works'").await?, "it works");
    server.stop().await?;
    ensure!(!is_alive(server_pid), "the server lives on");
    Ok(())
}

#[tokio::test]
async fn an_orphan_with_another_durability_is_replaced() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    program.kill()?;

    let server = Private::start(Options::new(directory.path())).await?;
    ensure!(!is_alive(program.server_pid), "the orphan lives on");
    assert_eq!(text(&server, "SHOW fsync").await?, "on");
    server.stop().await
}

#[tokio::test]
async fn an_orphan_that_does_not_answer_is_replaced() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    program.kill()?;
    signal(program.server_pid, Signal::STOP)?;

    let server = Private::start(throwaway(directory.path())).await?;
    ensure!(!is_alive(program.server_pid), "the orphan lives on");
    assert_eq!(text(&server, "SELECT 'it works'").await?, "it works");
    server.stop().await
}

#[tokio::test]
async fn an_orphan_that_is_just_stopping_is_waited_for() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    program.kill()?;
    signal(program.server_pid, Signal::INT)?;

    let server = Private::start(throwaway(directory.path())).await?;
    assert_ne!(server.server_pid(), program.server_pid);
    server.stop().await
}

#[tokio::test]
async fn an_orphan_that_has_not_written_its_note_yet_is_waited_for() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    program.kill()?;
    let note = directory.path().join("postgres/server/data/postmaster.pid");
    let aside = directory.path().join("note");
    fs::rename(&note, &aside)?;

    let writes = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        fs::rename(&aside, &note)
    };
    let (server, written) = tokio::join!(Private::start(throwaway(directory.path())), writes);
    written?;
    let server = server?;
    assert_eq!(server.server_pid(), program.server_pid);
    server.stop().await
}

#[tokio::test]
async fn a_directory_that_a_dead_program_still_seems_to_hold_is_waited_for() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    program.kill()?;
    let held = fs::File::open(directory.path().join("postgres/lock"))?;
    held.lock()?;

    let lets_go = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        held.unlock()
    };
    let (let_go, server) = tokio::join!(lets_go, async {
        tokio::task::yield_now().await;
        let start = tokio::task::spawn_blocking({
            let path = directory.path().to_owned();
            move || tokio::runtime::Handle::current().block_on(Private::start(throwaway(&path)))
        });
        start.await
    });
    let_go?;
    server??.stop().await
}

#[tokio::test]
async fn a_killed_server_is_started_again_although_its_process_id_is_taken() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;
    program.kill()?;
    signal(program.server_pid, Signal::KILL)?;
    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    let note = directory.path().join("postgres/server/data/postmaster.pid");
    let text_of_note = fs::read_to_string(&note)?;
    fs::write(&note, text_of_note.replacen(&program.server_pid.to_string(), &other.id().to_string(), 1))?;

    let server = Private::start(throwaway(directory.path())).await?;
    assert_eq!(text(&server, "SELECT 'it works'").await?, "it works");
    ensure!(is_alive(other.id()), "a stranger's process was stopped");
    other.kill()?;
    other.wait()?;
    server.stop().await
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_that_is_still_held_by_a_process_of_a_killed_server_is_waited_for() -> Result<()> {
    let directory = TestDirectory::new();
    let root = directory.path().join("postgres");
    let server = Private::start(throwaway(directory.path())).await?;
    let program = fs::read_link(format!("/proc/{}/exe", server.server_pid()))?;
    server.stop().await?;
    // Started by hand, it has no name by which its processes could be known.
    for path in [directory.path(), &root] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    let data = root.join("server/data");
    let owner = fs::metadata(&data)?;
    let mut by_hand = Command::new(program);
    by_hand.arg("-D").arg(&data).arg("-k").arg(&data).args(["-c", "listen_addresses="]);
    let mut by_hand = by_hand.uid(owner.uid()).gid(owner.gid()).stderr(Stdio::null()).spawn()?;
    let server = by_hand.id();
    let children =
        || fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
    wait_until("it has processes", || children().split_whitespace().count() >= 2).await?;
    let child = children().split_whitespace().next().context("it has")?.parse()?;
    signal(child, Signal::STOP)?;
    by_hand.kill()?;
    by_hand.wait()?;

    let log = root.join("log");
    let goes_on = async {
        let has_met_it =
            || fs::read_to_string(&log).is_ok_and(|text| text.contains("pre-existing shared memory block"));
        let met = wait_until("the new server has met it", has_met_it).await;
        signal(child, Signal::CONT).and(met)
    };
    let (server, went_on) = tokio::join!(Private::start(throwaway(directory.path())), goes_on);
    let server = server?;
    went_on?;
    assert_eq!(text(&server, "SELECT 'it works'").await?, "it works");
    server.stop().await
}

#[tokio::test]
async fn a_second_program_on_the_same_directory_is_refused() -> Result<()> {
    let directory = TestDirectory::new();
    let mut program = Program::start(directory.path())?;

    let refused =
        Private::start(throwaway(directory.path())).await.err().context("a second program was let in")?;
    let expected = format!("is in use by process {}", program.process.id());
    ensure!(refused.to_string().contains(&expected), "{refused:#}");

    ensure!(is_alive(program.server_pid), "the first program's server was stopped");
    program.kill()?;
    Private::start(throwaway(directory.path())).await?.stop().await
}

#[tokio::test]
async fn a_parent_directory_that_only_root_may_enter_is_no_hindrance() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root's servers run as somebody else");
        return Ok(());
    }
    let directory = TestDirectory::new();
    let metadata = fs::metadata(directory.path())?;
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o700));
    let data_dir = directory.path().join("clone/data, \"of mine\"");

    for _ in 0..2 {
        let server = Private::start(Options::new(&data_dir)).await?;
        execute(&server, "CREATE TABLE IF NOT EXISTS notes (text TEXT)").await?;
        assert_ne!(fs::metadata(format!("/proc/{}", server.server_pid()))?.uid(), 0);
        server.stop().await?;
    }
    assert_eq!(fs::metadata(&data_dir)?.uid(), 0);
    Ok(())
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_hindrance() -> Result<()> {
    let directory = TestDirectory::new();
    let server = Private::start(throwaway(&directory.path().join("deep/".repeat(30)))).await?;
    assert_eq!(text(&server, "SELECT 'it works'").await?, "it works");
    let socket_dir = text(&server, "SELECT current_setting('cluster_name')").await?;
    server.stop().await?;
    fs::remove_dir(Path::new("/tmp").join(socket_dir)).context("the socket was elsewhere")
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_refused() -> Result<()> {
    let directory = TestDirectory::new();
    Private::start(throwaway(directory.path())).await?.stop().await?;
    fs::write(directory.path().join("postgres/server/data/PG_VERSION"), "9\n")?;

    let refused = Private::start(throwaway(directory.path())).await.err().context("it was used")?;
    ensure!(refused.to_string().contains("was made by PostgreSQL 9"), "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn what_an_interrupted_first_start_left_is_removed() -> Result<()> {
    let directory = TestDirectory::new();
    Private::start(throwaway(directory.path())).await?.stop().await?;
    let server_dir = directory.path().join("postgres/server");
    fs::rename(server_dir.join("data"), server_dir.join("unfinished-1"))?;

    let server = Private::start(throwaway(directory.path())).await?;
    ensure!(!server_dir.join("unfinished-1").exists(), "it is still there");
    server.stop().await
}

#[tokio::test]
async fn a_server_is_no_member_of_the_process_group_that_ctrl_c_reaches() -> Result<()> {
    let directory = TestDirectory::new();
    let server = Private::start(throwaway(directory.path())).await?;
    let pid = pid(server.server_pid());
    assert_eq!(rustix::process::getpgid(Some(pid))?, pid);
    server.stop().await
}

#[tokio::test]
async fn a_dropped_server_stops_by_itself() -> Result<()> {
    let directory = TestDirectory::new();
    let server = Private::start(throwaway(directory.path())).await?;
    let server_pid = server.server_pid();
    drop(server);
    wait_until("the server has stopped", || !is_alive(server_pid)).await
}

#[tokio::test]
async fn a_directory_without_postgresql_is_refused_by_name() -> Result<()> {
    let directory = TestDirectory::new();
    let options = Options { bin_dir: Some(directory.path().to_owned()), ..throwaway(directory.path()) };
    let refused = format!("{:#}", Private::start(options).await.err().context("it was used")?);
    ensure!(refused.contains(&directory.path().join("postgres").display().to_string()), "{refused}");
    Ok(())
}

/// Not a test: what the others start as another program, and kill.
#[tokio::test]
#[ignore = "a program that the other tests start"]
async fn program() -> Result<()> {
    let mut lines = std::io::stdin().lines();
    let data_dir = lines.next().context("a directory on standard input")??;
    let server = Private::start(throwaway(Path::new(&data_dir))).await?;
    println!("\nserver {}", server.server_pid());
    // Until the input is closed.
    for line in lines {
        line?;
    }
    server.stop().await
}

/// Another program with a private PostgreSQL.
struct Program {
    process: Child,
    server_pid: u32,
}

impl Program {
    fn start(data_dir: &Path) -> Result<Self> {
        use std::io::Write as _;
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--exact", "program", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        writeln!(process.stdin.as_mut().context("piped")?, "{}", data_dir.display())?;
        let output = BufReader::new(process.stdout.take().context("piped")?);
        for line in output.lines() {
            if let Some(pid) = line?.strip_prefix("server ") {
                return Ok(Self { process, server_pid: pid.parse()? });
            }
        }
        anyhow::bail!("the program ended without starting a server")
    }

    fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn throwaway(data_dir: &Path) -> Options {
    Options { durability: Durability::Throwaway, ..Options::new(data_dir) }
}

async fn execute(server: &Private, statement: &'static str) -> Result<()> {
    let mut connection = PgConnection::connect(server.url()).await?;
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

async fn text(server: &Private, query: &'static str) -> Result<String> {
    let mut connection = PgConnection::connect(server.url()).await?;
    let text = sqlx::query_scalar(query).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(text)
}

async fn wait_until(state: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let reached = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached)
        .await
        .with_context(|| format!("not in time: {state}"))
}

fn signal(process: u32, signal: Signal) -> Result<()> {
    Ok(rustix::process::kill_process(pid(process), signal)?)
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.cast_signed()).expect("not 0")
}

/// Whether the process runs; one that has ended and only waits to be collected does not.
fn is_alive(process: u32) -> bool {
    fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}
